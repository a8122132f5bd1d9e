/* room: deid. A folder with any bytes in it becomes a file-set: its directory must be DICOM that can be read again, and every File ID a file. */
#include "core/file.h"
#include "core/limits.h"
#include "deid/dicomdir.h"
#include "imaging/dicom/dataset.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned check_directory(const char *media) {
    char path[1100];
    lethe_map map;
    lethe_dicom_dataset *dataset = NULL;
    lethe_arena *arena = lethe_arena_create(LETHE_LIMIT_ARENA_BYTES);
    (void)snprintf(path, sizeof path, "%s/DICOMDIR", media);
    if (lethe_map_open(path, &map, NULL) != LETHE_OK) abort();
    if (lethe_dicom_dataset_parse(map.bytes, map.size, arena, &dataset, NULL) != LETHE_OK) abort();
    const lethe_dicom_element *records = lethe_dicom_find(dataset->root, LETHE_TAG(0x0004, 0x1220));
    if (records == NULL || records->form != LETHE_DICOM_SEQUENCE) abort();
    unsigned files = 0;
    for (const lethe_dicom_item *item = records->items; item != NULL; item = item->next) {
        char part[4][17];
        bool whole = true;
        for (unsigned i = 0; i < 4; i++) whole = lethe_dicom_text(item, LETHE_TAG(0x0004, 0x1500), i, part[i], sizeof part[i]) && whole;
        if (!whole) continue;
        (void)snprintf(path, sizeof path, "%s/%s/%s/%s/%s", media, part[0], part[1], part[2], part[3]);
        if (access(path, R_OK) != 0) abort();
        files++;
    }
    lethe_dicom_dataset_release(dataset);
    lethe_map_close(&map);
    lethe_arena_destroy(arena);
    return files;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static char folder[] = "/tmp/lethe-fuzz-XXXXXX", path[64];
    if (path[0] == '\0') {
        if (mkdtemp(folder) == NULL) abort();
        (void)snprintf(path, sizeof path, "%s/any.dcm", folder);
    }
    if (lethe_file_write(path, data, size, 0600, NULL) != LETHE_OK) abort();
    lethe_dicomdir_counts counts;
    if (lethe_dicomdir_write(folder, folder, &counts, NULL) == LETHE_OK) {
        if (counts.instances + counts.left_out != 1 || check_directory(folder) != counts.instances) abort();
    }
    return 0;
}
