#include "imaging/slide/probe.h"

#include "core/limits.h"
#include "core/memory.h"
#include "core/text.h"
#include "imaging/dicom/dataset.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool head_has(const lethe_slide_probe *probe, const char *needle, size_t within) {
    size_t size = probe->map.size < within ? probe->map.size : within;
    return size != 0 && memmem(probe->map.bytes, size, needle, strlen(needle)) != NULL;
}

static bool head_is(const lethe_slide_probe *probe, const char *magic) {
    return probe->map.size >= strlen(magic) && memcmp(probe->map.bytes, magic, strlen(magic)) == 0;
}

static bool value_has(const lethe_slide_probe *probe, uint16_t tag, const char *needle) {
    if (!probe->tree) return false;
    for (const lethe_tiff_directory *d = probe->tree->first; d; d = d->next) {
        const lethe_tiff_entry *entry = lethe_tiff_find(d, tag);
        if (entry && entry->value && entry->bytes && memmem(entry->value, (size_t)entry->bytes, needle, strlen(needle))) return true;
    }
    return false;
}

static bool first_starts(const lethe_slide_probe *probe, uint16_t tag, const char *prefix) {
    if (!probe->tree) return false;
    const lethe_tiff_entry *entry = lethe_tiff_find(probe->tree->first, tag);
    return entry && entry->value && entry->bytes >= strlen(prefix) && memcmp(entry->value, prefix, strlen(prefix)) == 0;
}

static bool is_ndpi(const lethe_slide_probe *probe) { return probe->tree && probe->tree->ndpi; }
static bool is_aperio(const lethe_slide_probe *probe) { return first_starts(probe, LETHE_TIFF_IMAGE_DESCRIPTION, "Aperio"); }
static bool is_leica(const lethe_slide_probe *probe) {
    return value_has(probe, LETHE_TIFF_IMAGE_DESCRIPTION, "http://www.leica-microsystems.com/scn/2010/");
}
static bool is_ventana(const lethe_slide_probe *probe) {
    return value_has(probe, LETHE_TIFF_XMP, "<iScan") || value_has(probe, LETHE_TIFF_XMP, "<EncodeInfo");
}
static bool is_philips(const lethe_slide_probe *probe) {
    return value_has(probe, LETHE_TIFF_IMAGE_DESCRIPTION, "DPUfsImport") || (probe->tree && first_starts(probe, LETHE_TIFF_SOFTWARE, "Philips"));
}
static bool is_ome(const lethe_slide_probe *probe) { return value_has(probe, LETHE_TIFF_IMAGE_DESCRIPTION, "<OME") && probe->tree; }
static bool is_trestle(const lethe_slide_probe *probe) { return first_starts(probe, LETHE_TIFF_SOFTWARE, "MedScan"); }
static bool is_olympus(const lethe_slide_probe *probe) { return probe->tree && lethe_text_ends(probe->path, ".vsi"); }
static bool is_generic(const lethe_slide_probe *probe) { return probe->tree && lethe_tiff_find(probe->tree->first, LETHE_TIFF_TILE_WIDTH) != NULL; }
static bool is_tiff(const lethe_slide_probe *probe) { return probe->tree || probe->broken_tiff; }
static bool is_zeiss(const lethe_slide_probe *probe) { return head_is(probe, "ZISRAWFILE"); }
static bool is_isyntax(const lethe_slide_probe *probe) { return !probe->tree && head_has(probe, "DPUfsImport", 4096); }
static bool is_sakura(const lethe_slide_probe *probe) { return head_is(probe, "SQLite format 3") && head_has(probe, "SVSlideDataXPO", 1 << 20); }
static bool is_vms(const lethe_slide_probe *probe) { return head_has(probe, "Virtual Microscope Specimen]", 4096); }

static bool is_mirax(const lethe_slide_probe *probe) {
    const char *dot = strrchr(probe->path, '.');
    if (!dot || !lethe_text_equal_fold(dot, ".mrxs")) return false;
    char *folder = lethe_strndup(probe->path, (size_t)(dot - probe->path));
    char *ini = folder ? lethe_path_join(folder, "Slidedat.ini") : NULL;
    struct stat info;
    bool found = ini && stat(ini, &info) == 0 && S_ISREG(info.st_mode);
    lethe_free(ini);
    lethe_free(folder);
    return found;
}

static bool is_dicom(const lethe_slide_probe *probe) {
    return lethe_dicom_looks_like(probe->map.bytes, probe->map.size) && head_has(probe, "1.2.840.10008.5.1.4.1.1.77.1.6", 1 << 16);
}

/* Order is priority: the special ones first. */
static const struct {
    const char *name;
    bool (*detect)(const lethe_slide_probe *probe);
} formats[] = {
    {"hamamatsu", is_ndpi},    {"aperio", is_aperio}, {"leica", is_leica},     {"ventana", is_ventana},
    {"philips", is_philips},   {"ome", is_ome},       {"trestle", is_trestle}, {"olympus", is_olympus},
    {"mirax", is_mirax},       {"zeiss", is_zeiss},   {"isyntax", is_isyntax}, {"sakura", is_sakura},
    {"hamamatsu-vms", is_vms}, {"dicom", is_dicom},   {"generic", is_generic}, {"tiff", is_tiff},
};

const char *lethe_slide_probe_format(const lethe_slide_probe *probe) {
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (formats[i].detect(probe)) return formats[i].name;
    return NULL;
}

lethe_status lethe_slide_probe_open(const char *path, lethe_slide_probe *probe, lethe_error *error) {
    *probe = (lethe_slide_probe){.path = path, .map = {.fd = -1}};
    lethe_status status = lethe_map_open(path, &probe->map, error);
    if (status != LETHE_OK) return status;
    if (!lethe_tiff_looks_like(probe->map.bytes, probe->map.size)) return LETHE_OK;
    probe->arena = lethe_arena_create(LETHE_LIMIT_ARENA_BYTES);
    if (!probe->arena) {
        lethe_slide_probe_close(probe);
        return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    }
    status = lethe_tiff_parse(probe->map.bytes, probe->map.size, probe->arena, &probe->tree, &probe->tiff_error);
    probe->broken_tiff = status != LETHE_OK;
    return LETHE_OK;
}

void lethe_slide_probe_close(lethe_slide_probe *probe) {
    lethe_arena_destroy(probe->arena);
    lethe_map_close(&probe->map);
    probe->arena = NULL;
    probe->tree = NULL;
}
