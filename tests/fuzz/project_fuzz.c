/* room: core. Any bytes as a project.yaml. What is accepted has every text and a port that can be used; what is refused names the file. */
#include "core/file.h"
#include "core/project.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[] = "/tmp/lethe-fuzz-XXXXXX";
static char config[64];

static void remove_folder(void) {
    char below[64];
    (void)unlink(config);
    (void)snprintf(below, sizeof below, "%s/private", folder);
    (void)rmdir(below);
    (void)rmdir(folder);
}

static void look_at(const lethe_project *p) {
    const char *const texts[] = {p->folder,      p->private_path, p->released_path, p->inbox_path, p->quarantine_path, p->review_path, p->key_path,
                                 p->config_path, p->name,         p->profile,       p->store,      p->ingest.aet,      p->ingest.host};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (texts[i] == NULL) abort();
    if (p->name[0] == '\0' || p->profile[0] == '\0' || p->ingest.aet[0] == '\0' || strlen(p->ingest.aet) > 16 || p->ingest.port == 0) abort();
    for (unsigned i = 0; i < p->ingest.watch_count; i++)
        if (p->ingest.watch[i] == NULL || p->ingest.watch[i][0] == '\0') abort();
    for (unsigned i = 0; i < p->ingest.peers_count; i++) {
        const lethe_peer *peer = &p->ingest.peers[i];
        const char *const of_peer[] = {peer->name,        peer->aet,         peer->host,        peer->url,     peer->token_file,
                                       peer->authorities, peer->certificate, peer->private_key, peer->tls_name};
        for (size_t k = 0; k < sizeof of_peer / sizeof *of_peer; k++)
            if (of_peer[k] == NULL) abort();
        if (peer->name[0] == '\0') abort();
    }
    char *intake = lethe_project_intake_url(p), *catalogue = lethe_project_catalogue_url(p);
    if (intake == NULL || catalogue == NULL || (strcmp(intake, catalogue) == 0) != (p->store[0] != 0)) abort();
    free(intake);
    free(catalogue);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (config[0] == '\0') {
        char below[64];
        if (mkdtemp(folder) == NULL) abort();
        (void)snprintf(config, sizeof config, "%s/project.yaml", folder);
        (void)snprintf(below, sizeof below, "%s/private", folder);
        if (lethe_folder_create(below, 0700, NULL) != LETHE_OK || atexit(remove_folder) != 0) abort();
    }
    FILE *file = fopen(config, "wb");
    if (file == NULL || fwrite(data, 1, size, file) != size || fclose(file) != 0) abort();
    lethe_project *project = NULL;
    lethe_error error = {0};
    lethe_status status = lethe_project_open(folder, true, &project, &error);
    if (status == LETHE_OK ? project == NULL : project != NULL || strstr(error.message, "project.yaml") == NULL) abort();
    if (project != NULL) look_at(project);
    lethe_project_close(project);
    return 0;
}
