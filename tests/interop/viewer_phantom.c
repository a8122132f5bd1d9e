/* Makes a released project whose every pixel is known by formula, for tests/interop/viewer_*.sh: viewer_phantom DIR.
 *
 * Study 1.2.3.1, CT, series 1: 12 slices of 128 x 96, signed 16 bits, stored = 10 x + 3 y + 50 k - 400, slope 2, intercept -1000, spacing 0.5 mm
 * across and 0.75 mm down, 3 mm apart, turned by 20 degrees about x. A bright block (stored + 3000) at 40 <= x < 60, 30 <= y < 50 on slices 4 to 7.
 * Study 1.2.3.2, CR: 64 x 64, MONOCHROME1, 8 bits, stored = 4 x.
 * Study 1.2.3.5, MG: the same four views, two years before. Study 1.2.3.4, the ways from stored values to greys: 1.2.3.4.1.1, 12 bits, stored = 16 x
 * + y, two windows, a VOI LUT (value 100 + i gives i * i * 4095 / 1023^2), overlay 6000 (32 x 16 from row 9 column 17, its left 8 columns set) and
 * overlay 6002 in bit 15 of the cells (x, y >= 40); 1.2.3.4.1.2, MONOCHROME1, stored = x, a modality LUT 1000 + 3 x x; 1.2.3.4.1.3, pure red in RGB
 * whose ICC profile has red and green exchanged. Study 1.2.3.3, MG: RCC LCC RMLO LMLO, 96 x 128; a bright stripe of 8 pixels at the chest wall, which
 * LMLO has on the wrong side. */
#include "annotate/store.h"
#include "core/catalogue.h"
#include "core/file.h"
#include "core/memory.h"
#include "imaging/dicom/edit.h"

#include <lcms2.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { W = 128, H = 96, SLICES = 12 };

typedef struct maker {
    lethe_project *project;
    lethe_catalogue *catalogue;
    lethe_error error;
    lethe_status status;
} maker;

static const lethe_dicom_encoding explicit_little = {.explicit_vr = true};

static void text(maker *m, lethe_buffer *b, lethe_tag tag, lethe_vr vr, const char *value) {
    if (!m->status) m->status = lethe_dicom_encode_text(b, explicit_little, tag, vr, value, &m->error);
}

static void number(maker *m, lethe_buffer *b, lethe_tag tag, uint16_t value) {
    if (!m->status) m->status = lethe_dicom_encode_us(b, explicit_little, tag, value, &m->error);
}

typedef struct image {
    const char *study, *date, *series, *instance, *modality, *sop_class, *photometric, *laterality, *view, *orientation_words;
    int series_number, instance_number;
    uint16_t columns, rows, bits;
    bool is_signed;
    const char *slope, *intercept, *centre, *width, *position, *orientation, *spacing;
    const void *pixels;
    size_t pixel_bytes;
    uint16_t stored_bits, samples;       /* 0 = as bits, 1 */
    int frames;                          /* 0 = 1 */
    const char *frame_ms;                /* NULL = none; with backslashes a Frame Time Vector */
    const lethe_buffer *group28, *later; /* elements after (0028,1053), and before the pixels */
} image;

static void write_image(maker *m, const image *i) {
    lethe_buffer b;
    lethe_buffer_init(&b, 16 << 20);
    if (!m->status) m->status = lethe_dicom_encode_file_head(&b, i->sop_class, i->instance, "1.2.840.10008.1.2.1", &m->error);
    char digits[16];
    text(m, &b, LETHE_TAG(0x0008, 0x0016), LETHE_VR_UI, i->sop_class);
    text(m, &b, LETHE_TAG(0x0008, 0x0018), LETHE_VR_UI, i->instance);
    text(m, &b, LETHE_TAG(0x0008, 0x0060), LETHE_VR_CS, i->modality);
    text(m, &b, LETHE_TAG(0x0010, 0x0020), LETHE_VR_LO, "P-PHANTOM");
    if (i->frame_ms) text(m, &b, strchr(i->frame_ms, '\\') ? LETHE_TAG(0x0018, 0x1065) : LETHE_TAG(0x0018, 0x1063), LETHE_VR_DS, i->frame_ms);
    if (i->view[0]) text(m, &b, LETHE_TAG(0x0018, 0x5101), LETHE_VR_CS, i->view);
    text(m, &b, LETHE_TAG(0x0020, 0x000D), LETHE_VR_UI, i->study);
    text(m, &b, LETHE_TAG(0x0020, 0x000E), LETHE_VR_UI, i->series);
    (void)snprintf(digits, sizeof digits, "%d", i->instance_number);
    text(m, &b, LETHE_TAG(0x0020, 0x0013), LETHE_VR_IS, digits);
    if (i->orientation_words[0]) text(m, &b, LETHE_TAG(0x0020, 0x0020), LETHE_VR_CS, i->orientation_words);
    if (i->position[0]) text(m, &b, LETHE_TAG(0x0020, 0x0032), LETHE_VR_DS, i->position);
    if (i->orientation[0]) text(m, &b, LETHE_TAG(0x0020, 0x0037), LETHE_VR_DS, i->orientation);
    if (i->laterality[0]) text(m, &b, LETHE_TAG(0x0020, 0x0062), LETHE_VR_CS, i->laterality);
    number(m, &b, LETHE_TAG(0x0028, 0x0002), i->samples ? i->samples : 1);
    text(m, &b, LETHE_TAG(0x0028, 0x0004), LETHE_VR_CS, i->photometric);
    if (i->samples > 1) number(m, &b, LETHE_TAG(0x0028, 0x0006), 0);
    (void)snprintf(digits, sizeof digits, "%d", i->frames);
    if (i->frames) text(m, &b, LETHE_TAG(0x0028, 0x0008), LETHE_VR_IS, digits);
    number(m, &b, LETHE_TAG(0x0028, 0x0010), i->rows);
    number(m, &b, LETHE_TAG(0x0028, 0x0011), i->columns);
    if (i->spacing[0]) text(m, &b, LETHE_TAG(0x0028, 0x0030), LETHE_VR_DS, i->spacing);
    number(m, &b, LETHE_TAG(0x0028, 0x0100), i->bits);
    uint16_t stored = i->stored_bits ? i->stored_bits : i->bits;
    number(m, &b, LETHE_TAG(0x0028, 0x0101), stored);
    number(m, &b, LETHE_TAG(0x0028, 0x0102), (uint16_t)(stored - 1));
    number(m, &b, LETHE_TAG(0x0028, 0x0103), i->is_signed);
    if (i->centre) text(m, &b, LETHE_TAG(0x0028, 0x1050), LETHE_VR_DS, i->centre);
    if (i->width) text(m, &b, LETHE_TAG(0x0028, 0x1051), LETHE_VR_DS, i->width);
    if (i->intercept) text(m, &b, LETHE_TAG(0x0028, 0x1052), LETHE_VR_DS, i->intercept);
    if (i->slope) text(m, &b, LETHE_TAG(0x0028, 0x1053), LETHE_VR_DS, i->slope);
    if (i->group28 && !m->status) m->status = lethe_buffer_append(&b, i->group28->bytes, i->group28->size, &m->error);
    if (i->later && !m->status) m->status = lethe_buffer_append(&b, i->later->bytes, i->later->size, &m->error);
    if (!m->status)
        m->status = lethe_dicom_encode(&b, explicit_little, LETHE_TAG(0x7FE0, 0x0010), i->bits == 8 ? LETHE_VR_OB : LETHE_VR_OW, i->pixels,
                                       i->pixel_bytes, &m->error);
    char relative[256];
    (void)snprintf(relative, sizeof relative, "P-PHANTOM/%s/%s/%s.dcm", i->study, i->series, i->instance);
    char *path = lethe_path_join(m->project->released_path, relative);
    if (!m->status) m->status = lethe_folder_create_for(path, 0755, &m->error);
    if (!m->status) m->status = lethe_file_write(path, b.bytes, b.size, 0644, &m->error);
    lethe_catalogue_entry entry = {.path = relative,
                                   .kind = "dicom",
                                   .patient = "P-PHANTOM",
                                   .study_uid = i->study,
                                   .study_date = i->date ? i->date : "",
                                   .series_uid = i->series,
                                   .instance_uid = i->instance,
                                   .modality = i->modality,
                                   .sop_class = i->sop_class,
                                   .laterality = i->laterality,
                                   .view_position = i->view,
                                   .series_number = i->series_number,
                                   .instance_number = i->instance_number,
                                   .rows = i->rows,
                                   .columns = i->columns,
                                   .frames = i->frames ? i->frames : 1};
    if (!m->status) m->status = lethe_catalogue_put(m->catalogue, &entry, 1, &m->error);
    lethe_free(path);
    lethe_buffer_release(&b);
}

static void make_stack(maker *m) {
    static int16_t pixels[W * H];
    const double c = cos(0.3490658503988659), s = sin(0.3490658503988659);
    for (int k = 0; k < SLICES; k++) {
        for (int y = 0; y < H; y++)
            for (int x = 0; x < W; x++) {
                bool block = x >= 40 && x < 60 && y >= 30 && y < 50 && k >= 4 && k < 8;
                pixels[y * W + x] = (int16_t)(10 * x + 3 * y + 50 * k - 400 + (block ? 3000 : 0));
            }
        char instance[64], position[80], orientation[120];
        (void)snprintf(instance, sizeof instance, "1.2.3.1.1.%d", k + 1);
        (void)snprintf(position, sizeof position, "-32\\%.6f\\%.6f", -36 - 3.0 * k * s, 10 + 3.0 * k * c);
        (void)snprintf(orientation, sizeof orientation, "1\\0\\0\\0\\%.10f\\%.10f", c, s);
        /* Instance numbers run against the geometry: only sorting by position puts the slices in order. */
        image i = {.study = "1.2.3.1",
                   .series = "1.2.3.1.1",
                   .instance = instance,
                   .modality = "CT",
                   .sop_class = "1.2.840.10008.5.1.4.1.1.2",
                   .photometric = "MONOCHROME2",
                   .laterality = "",
                   .view = "",
                   .orientation_words = "",
                   .series_number = 1,
                   .instance_number = SLICES - k,
                   .columns = W,
                   .rows = H,
                   .bits = 16,
                   .is_signed = true,
                   .slope = "2",
                   .intercept = "-1000",
                   .centre = "0",
                   .width = "3000",
                   .position = position,
                   .orientation = orientation,
                   .spacing = "0.75\\0.5",
                   .pixels = pixels,
                   .pixel_bytes = sizeof pixels};
        write_image(m, &i);
    }
}

static void make_radiograph(maker *m) {
    static uint8_t pixels[64 * 64];
    for (int i = 0; i < 64 * 64; i++) pixels[i] = (uint8_t)(4 * (i % 64));
    image i = {.study = "1.2.3.2",
               .series = "1.2.3.2.1",
               .instance = "1.2.3.2.1.1",
               .modality = "CR",
               .sop_class = "1.2.840.10008.5.1.4.1.1.1",
               .photometric = "MONOCHROME1",
               .laterality = "",
               .view = "",
               .orientation_words = "",
               .series_number = 1,
               .instance_number = 1,
               .columns = 64,
               .rows = 64,
               .bits = 8,
               .slope = "1",
               .intercept = "0",
               .centre = "128",
               .width = "256",
               .position = "",
               .orientation = "",
               .spacing = "",
               .pixels = pixels,
               .pixel_bytes = sizeof pixels};
    write_image(m, &i);
}

static void make_mammogram(maker *m, const char *study, const char *date) {
    static const struct {
        const char *side, *view, *words;
        bool wall_right;
    } views[4] = {{"R", "CC", "P\\R", true}, {"L", "CC", "A\\L", false}, {"R", "MLO", "P\\F", true}, {"L", "MLO", "P\\F", true}};
    static uint16_t pixels[96 * 128];
    for (int v = 0; v < 4; v++) {
        for (int y = 0; y < 128; y++)
            for (int x = 0; x < 96; x++) pixels[y * 96 + x] = (views[v].wall_right ? x >= 88 : x < 8) ? 4000 : 1000;
        char series[32], instance[32];
        (void)snprintf(series, sizeof series, "%s.1", study);
        (void)snprintf(instance, sizeof instance, "%s.1.%d", study, v + 1);
        image i = {.study = study,
                   .date = date,
                   .series = series,
                   .instance = instance,
                   .modality = "MG",
                   .sop_class = "1.2.840.10008.5.1.4.1.1.1.2",
                   .photometric = "MONOCHROME2",
                   .laterality = views[v].side,
                   .view = views[v].view,
                   .orientation_words = views[v].words,
                   .series_number = 1,
                   .instance_number = v + 1,
                   .columns = 96,
                   .rows = 128,
                   .bits = 16,
                   .slope = "1",
                   .intercept = "0",
                   .centre = "2048",
                   .width = "4096",
                   .position = "",
                   .orientation = "",
                   .spacing = "0.1\\0.1",
                   .pixels = pixels,
                   .pixel_bytes = sizeof pixels};
        write_image(m, &i);
    }
}

/* A LUT sequence of one item: descriptor and values as words. */
static void table(maker *m, lethe_buffer *b, lethe_tag tag, uint16_t first, uint16_t bits, const char *words, const uint16_t *values,
                  uint16_t count) {
    lethe_buffer item, sequence;
    lethe_buffer_init(&item, 1 << 20);
    lethe_buffer_init(&sequence, 1 << 20);
    uint16_t descriptor[3] = {count, first, bits};
    if (!m->status)
        m->status = lethe_dicom_encode(&item, explicit_little, LETHE_TAG(0x0028, 0x3002), LETHE_VR_US, descriptor, sizeof descriptor, &m->error);
    text(m, &item, LETHE_TAG(0x0028, 0x3003), LETHE_VR_LO, words);
    if (!m->status)
        m->status = lethe_dicom_encode(&item, explicit_little, LETHE_TAG(0x0028, 0x3006), LETHE_VR_US, values, 2u * (size_t)count, &m->error);
    uint8_t head[8] = {0xFE, 0xFF, 0x00, 0xE0, (uint8_t)item.size, (uint8_t)(item.size >> 8), (uint8_t)(item.size >> 16), 0};
    if (!m->status) m->status = lethe_buffer_append(&sequence, head, 8, &m->error);
    if (!m->status) m->status = lethe_buffer_append(&sequence, item.bytes, item.size, &m->error);
    if (!m->status) m->status = lethe_dicom_encode(b, explicit_little, tag, LETHE_VR_SQ, sequence.bytes, sequence.size, &m->error);
    lethe_buffer_release(&item);
    lethe_buffer_release(&sequence);
}

static void make_voi(maker *m, image i) {
    static uint16_t pixels[64 * 64], values[1024];
    lethe_buffer group28, later;
    lethe_buffer_init(&group28, 1 << 20);
    lethe_buffer_init(&later, 1 << 20);
    for (int y = 0; y < 64; y++)
        for (int x = 0; x < 64; x++) pixels[64 * y + x] = (uint16_t)((16 * x + y) | (x >= 40 && y >= 40 ? 0x8000 : 0));
    for (unsigned n = 0; n < 1024; n++) values[n] = (uint16_t)((double)n * n * 4095 / (1023.0 * 1023.0) + 0.5);
    text(m, &group28, LETHE_TAG(0x0028, 0x1055), LETHE_VR_LO, "WIDE\\NARROW");
    table(m, &group28, LETHE_TAG(0x0028, 0x3010), 100, 12, "SQUARE", values, 1024);
    const uint16_t origin[2] = {9, 17};
    uint8_t bits[64];
    for (int n = 0; n < 64; n++) bits[n] = n % 4 == 0 ? 0xFF : 0; /* the first eight of 32 columns */
    number(m, &later, LETHE_TAG(0x6000, 0x0010), 16);
    number(m, &later, LETHE_TAG(0x6000, 0x0011), 32);
    text(m, &later, LETHE_TAG(0x6000, 0x0040), LETHE_VR_CS, "G");
    if (!m->status) m->status = lethe_dicom_encode(&later, explicit_little, LETHE_TAG(0x6000, 0x0050), LETHE_VR_SS, origin, sizeof origin, &m->error);
    number(m, &later, LETHE_TAG(0x6000, 0x0100), 1);
    number(m, &later, LETHE_TAG(0x6000, 0x0102), 0);
    if (!m->status) m->status = lethe_dicom_encode(&later, explicit_little, LETHE_TAG(0x6000, 0x3000), LETHE_VR_OW, bits, sizeof bits, &m->error);
    number(m, &later, LETHE_TAG(0x6002, 0x0010), 64);
    number(m, &later, LETHE_TAG(0x6002, 0x0011), 64);
    number(m, &later, LETHE_TAG(0x6002, 0x0100), 16);
    number(m, &later, LETHE_TAG(0x6002, 0x0102), 15);
    i.instance = "1.2.3.4.1.1";
    i.bits = 16;
    i.stored_bits = 12;
    i.photometric = "MONOCHROME2";
    i.centre = "500\\200";
    i.width = "1000\\100";
    i.slope = "1";
    i.intercept = "0";
    i.pixels = pixels;
    i.pixel_bytes = sizeof pixels;
    i.group28 = &group28;
    i.later = &later;
    write_image(m, &i);
    lethe_buffer_release(&group28);
    lethe_buffer_release(&later);
}

static void make_modality(maker *m, image i) {
    static uint8_t pixels[64 * 64];
    uint16_t values[64];
    lethe_buffer group28, later;
    lethe_buffer_init(&group28, 1 << 20);
    lethe_buffer_init(&later, 1 << 20);
    for (int n = 0; n < 64 * 64; n++) pixels[n] = (uint8_t)(n % 64);
    for (unsigned n = 0; n < 64; n++) values[n] = (uint16_t)(1000 + 3 * n * n);
    table(m, &group28, LETHE_TAG(0x0028, 0x3000), 0, 16, "", values, 64);
    text(m, &later, LETHE_TAG(0x2050, 0x0020), LETHE_VR_CS, "INVERSE");
    i.instance = "1.2.3.4.1.2";
    i.instance_number = 2;
    i.bits = 8;
    i.photometric = "MONOCHROME1";
    i.centre = "6000";
    i.width = "12000";
    i.pixels = pixels;
    i.pixel_bytes = sizeof pixels;
    i.group28 = &group28;
    i.later = &later;
    write_image(m, &i);
    lethe_buffer_release(&group28);
    lethe_buffer_release(&later);
}

static void make_colour(maker *m, image i) {
    static uint8_t pixels[64 * 64 * 3], icc[8192];
    cmsCIExyY white = {0.3127, 0.3290, 1};
    cmsCIExyYTRIPLE exchanged = {{0.30, 0.60, 1}, {0.64, 0.33, 1}, {0.15, 0.06, 1}};
    const cmsFloat64Number srgb[5] = {2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045};
    cmsToneCurve *curve = cmsBuildParametricToneCurve(NULL, 4, srgb), *curves[3] = {curve, curve, curve};
    cmsHPROFILE profile = cmsCreateRGBProfile(&white, &exchanged, curves);
    cmsUInt32Number size = sizeof icc;
    if (!profile || !cmsSaveProfileToMem(profile, icc, &size)) m->status = lethe_fail(&m->error, LETHE_INTERNAL, "no ICC profile");
    (void)cmsCloseProfile(profile);
    cmsFreeToneCurve(curve);
    lethe_buffer group28;
    lethe_buffer_init(&group28, 1 << 20);
    size += size & 1;
    if (!m->status) m->status = lethe_dicom_encode(&group28, explicit_little, LETHE_TAG(0x0028, 0x2000), LETHE_VR_OB, icc, size, &m->error);
    for (int n = 0; n < 64 * 64; n++) pixels[3 * n] = 255;
    i.instance = "1.2.3.4.1.3";
    i.instance_number = 3;
    i.bits = 8;
    i.samples = 3;
    i.photometric = "RGB";
    i.pixels = pixels;
    i.pixel_bytes = sizeof pixels;
    i.group28 = &group28;
    write_image(m, &i);
    lethe_buffer_release(&group28);
}

static void make_greys(maker *m) {
    const image i = {.study = "1.2.3.4",
                     .series = "1.2.3.4.1",
                     .modality = "CR",
                     .sop_class = "1.2.840.10008.5.1.4.1.1.1",
                     .laterality = "",
                     .view = "",
                     .orientation_words = "",
                     .series_number = 1,
                     .instance_number = 1,
                     .columns = 64,
                     .rows = 64,
                     .position = "",
                     .orientation = "",
                     .spacing = ""};
    make_voi(m, i);
    make_modality(m, i);
    make_colour(m, i);
}

/* A slide of tests/support/viewer_slide.py as case P-PHANTOM/slides/NAME. */
static void add_slide(maker *m, const char *file) {
    const char *name = strrchr(file, '/') ? strrchr(file, '/') + 1 : file;
    char relative[256];
    lethe_map map = {0};
    (void)snprintf(relative, sizeof relative, "P-PHANTOM/slides/%s", name);
    char *path = lethe_path_join(m->project->released_path, relative);
    if (!m->status) m->status = lethe_folder_create_for(path, 0755, &m->error);
    bool linked = !m->status && link(file, path) == 0; /* large ones need not be copied */
    if (!m->status && !linked) m->status = lethe_map_open(file, &map, &m->error);
    if (!m->status && !linked) m->status = lethe_file_write(path, map.bytes, map.size, 0644, &m->error);
    lethe_map_close(&map);
    lethe_catalogue_entry entry = {.path = relative,
                                   .kind = "slide",
                                   .patient = "P-PHANTOM",
                                   .study_uid = "",
                                   .series_uid = "",
                                   .instance_uid = "",
                                   .modality = "SM",
                                   .sop_class = "",
                                   .laterality = "",
                                   .view_position = "",
                                   .frames = 1};
    if (!m->status) m->status = lethe_catalogue_put(m->catalogue, &entry, 1, &m->error);
    lethe_free(path);
}

/* Frames of one grey each, 10 * frame + 5: an ultrasound cine of 40 ms, one with a vector of 0, 20 and 60 ms (mean 40), a breast tomosynthesis. */
static void make_frames(maker *m, const char *study, const char *modality, const char *sop_class, const char *frame_ms, int frames) {
    static uint8_t pixels[25 * 64 * 48];
    for (int f = 0; f < frames && f < 25; f++) memset(pixels + f * 64 * 48, 10 * f + 5, 64 * 48);
    bool breast = strcmp(modality, "MG") == 0;
    char series[32], instance[32];
    (void)snprintf(series, sizeof series, "%s.1", study);
    (void)snprintf(instance, sizeof instance, "%s.1.1", study);
    const image i = {.study = study,
                     .series = series,
                     .instance = instance,
                     .modality = modality,
                     .sop_class = sop_class,
                     .photometric = "MONOCHROME2",
                     .laterality = breast ? "L" : "",
                     .view = breast ? "CC" : "",
                     .orientation_words = breast ? "A\\L" : "",
                     .series_number = 1,
                     .instance_number = 1,
                     .columns = 64,
                     .rows = 48,
                     .bits = 8,
                     .slope = "1",
                     .intercept = "0",
                     .centre = "128",
                     .width = "256",
                     .position = "",
                     .orientation = "",
                     .spacing = breast ? "0.1\\0.1" : "",
                     .frames = frames,
                     .frame_ms = frame_ms,
                     .pixels = pixels,
                     .pixel_bytes = (size_t)frames * 64 * 48};
    write_image(m, &i);
}

/* Edges of what a file may say: one pixel; the extremes of 16 signed bits; a spacing of zero; a slope of zero and a width of zero. */
static void make_edges(maker *m) {
    static const int16_t extremes[16] = {INT16_MIN, INT16_MAX, -1, 0, 1, INT16_MIN, INT16_MAX, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    image i = {.study = "1.2.3.9",
               .series = "1.2.3.9.1",
               .instance = "1.2.3.9.1.1",
               .modality = "CR",
               .sop_class = "1.2.840.10008.5.1.4.1.1.1",
               .photometric = "MONOCHROME2",
               .laterality = "",
               .view = "",
               .orientation_words = "",
               .series_number = 1,
               .instance_number = 1,
               .columns = 1,
               .rows = 1,
               .bits = 16,
               .is_signed = true,
               .slope = "1",
               .intercept = "0",
               .position = "",
               .orientation = "",
               .spacing = "0\\0",
               .pixels = extremes,
               .pixel_bytes = 2};
    write_image(m, &i);
    i.series = "1.2.3.9.2";
    i.instance = "1.2.3.9.2.1";
    i.series_number = 2;
    i.columns = i.rows = 4;
    i.pixel_bytes = sizeof extremes;
    i.centre = "0";
    i.width = "65536";
    write_image(m, &i);
    i.series = "1.2.3.9.3";
    i.instance = "1.2.3.9.3.1";
    i.series_number = 3;
    i.slope = "0";
    i.width = "0";
    i.spacing = "1e-300\\1e300";
    write_image(m, &i);
}

/* "N": a CT of so many slices of 256 x 256, one millimetre apart; study 1.2.3.10. */
static void make_slices(maker *m, const char *count_text) {
    static int16_t pixels[256 * 256];
    long count = strtol(count_text, NULL, 10);
    for (long k = 0; k < count && !m->status; k++) {
        for (int n = 0; n < 256 * 256; n++) pixels[n] = (int16_t)((n % 256) * 3 + (n / 256) + k % 500);
        char instance[64], position[80];
        (void)snprintf(instance, sizeof instance, "1.2.3.10.1.%ld", k + 1);
        (void)snprintf(position, sizeof position, "0\\0\\%ld", k);
        const image i = {.study = "1.2.3.10",
                         .series = "1.2.3.10.1",
                         .instance = instance,
                         .modality = "CT",
                         .sop_class = "1.2.840.10008.5.1.4.1.1.2",
                         .photometric = "MONOCHROME2",
                         .laterality = "",
                         .view = "",
                         .orientation_words = "",
                         .series_number = 1,
                         .instance_number = (int)k + 1,
                         .columns = 256,
                         .rows = 256,
                         .bits = 16,
                         .is_signed = true,
                         .slope = "1",
                         .intercept = "0",
                         .centre = "700",
                         .width = "1500",
                         .position = position,
                         .orientation = "1\\0\\0\\0\\1\\0",
                         .spacing = "1\\1",
                         .pixels = pixels,
                         .pixel_bytes = sizeof pixels};
        write_image(m, &i);
    }
}

/* Small polygons in a spiral over a slide of 30000 x 22000, as a model that finds nuclei would leave them: "NAME:COUNT". */
static void add_objects(maker *m, const char *what) {
    enum { BATCH = 5000, CORNERS = 10 };
    const char *colon = strchr(what, ':');
    size_t count = colon ? (size_t)strtoul(colon + 1, NULL, 10) : 0;
    char slide[256];
    (void)snprintf(slide, sizeof slide, "P-PHANTOM/slides/%.*s", (int)(colon ? colon - what : 0), what);
    lethe_store *store = NULL;
    lethe_annotation *items = lethe_alloc_array(BATCH, sizeof *items);
    lethe_point *points = lethe_alloc_array(BATCH * CORNERS, sizeof *points);
    if (!items || !points) m->status = lethe_fail(&m->error, LETHE_NO_MEMORY, "out of memory");
    if (!m->status) m->status = lethe_store_open(m->project, NULL, &store, &m->error);
    for (size_t done = 0; done < count && !m->status;) {
        size_t batch = count - done < BATCH ? count - done : BATCH;
        for (size_t i = 0; i < batch; i++) {
            double t = sqrt((double)(done + i) / (double)count), turn = (double)(done + i) * 2.399963;
            lethe_point centre = {15000 + 13000 * t * cos(turn), 11000 + 9800 * t * sin(turn)}, *p = points + i * CORNERS;
            for (int c = 0; c < CORNERS; c++) p[c] = (lethe_point){centre.x + 14 * cos(c * 0.6283), centre.y + 11 * sin(c * 0.6283)};
            items[i] = (lethe_annotation){.level = LETHE_LEVEL_REGION,
                                          .image = slide,
                                          .label = "region",
                                          .tool = "import",
                                          .source = "model",
                                          .confidence = 0.9,
                                          .shape = {.kind = LETHE_SHAPE_POLYGON, .points = p, .point_count = CORNERS}};
        }
        m->status = lethe_store_append_many(store, items, batch, NULL, &m->error);
        done += batch;
    }
    lethe_store_close(store);
    lethe_free(items);
    lethe_free(points);
}

/* A DICOM file of another writer, registered under what its header says. */
static void add_dicom(maker *m, const char *file) {
    lethe_map map = {0};
    lethe_dicom_dataset *dataset = NULL;
    lethe_arena *arena = lethe_arena_create(64 << 20);
    if (!arena) m->status = lethe_fail(&m->error, LETHE_NO_MEMORY, "out of memory");
    if (!m->status) m->status = lethe_map_open(file, &map, &m->error);
    if (!m->status) m->status = lethe_dicom_dataset_parse(map.bytes, map.size, arena, &dataset, &m->error);
    if (!m->status) {
        static const lethe_tag tags[] = {0x0020000D, 0x0020000E, 0x00080018, 0x00080060, 0x00080016, 0x0008103E, 0x00200062, 0x00185101};
        char words[8][129];
        int64_t numbers[5] = {0, 0, 0, 0, 1};
        static const lethe_tag number_tags[] = {0x00200011, 0x00200013, 0x00280010, 0x00280011, 0x00280008};
        for (int i = 0; i < 8; i++)
            if (!lethe_dicom_text(dataset->root, tags[i], 0, words[i], sizeof words[i])) words[i][0] = '\0';
        for (int i = 0; i < 5; i++) (void)lethe_dicom_int(dataset->root, number_tags[i], 0, &numbers[i]);
        char relative[512];
        (void)snprintf(relative, sizeof relative, "P-PHANTOM/%s/%s/%s.dcm", words[0], words[1], words[2]);
        char *path = lethe_path_join(m->project->released_path, relative);
        m->status = lethe_folder_create_for(path, 0755, &m->error);
        if (!m->status) m->status = lethe_file_write(path, map.bytes, map.size, 0644, &m->error);
        lethe_free(path);
        lethe_catalogue_entry entry = {.path = relative,
                                       .kind = "dicom",
                                       .patient = "P-PHANTOM",
                                       .study_uid = words[0],
                                       .series_uid = words[1],
                                       .instance_uid = words[2],
                                       .modality = words[3],
                                       .sop_class = words[4],
                                       .series_description = words[5],
                                       .laterality = words[6],
                                       .view_position = words[7],
                                       .series_number = numbers[0],
                                       .instance_number = numbers[1],
                                       .rows = numbers[2],
                                       .columns = numbers[3],
                                       .frames = numbers[4]};
        if (!m->status) m->status = lethe_catalogue_put(m->catalogue, &entry, 1, &m->error);
    }
    lethe_dicom_dataset_release(dataset);
    lethe_arena_destroy(arena);
    lethe_map_close(&map);
}

int main(int argc, char **argv) {
    if (argc < 2) {
        (void)fprintf(stderr, "usage: viewer_phantom DIR [SLIDE | objects:SLIDE:COUNT | dicom:FILE | slices:COUNT]...\n");
        return LETHE_EXIT_USAGE;
    }
    maker m = {0};
    m.status = lethe_project_create(argv[1], "phantom", "", &m.error);
    if (!m.status) m.status = lethe_project_open(argv[1], false, &m.project, &m.error);
    if (!m.status) m.status = lethe_catalogue_open(m.project, &m.catalogue, &m.error);
    if (!m.status) {
        make_stack(&m);
        make_radiograph(&m);
        make_mammogram(&m, "1.2.3.3", "20240312");
        make_mammogram(&m, "1.2.3.5", "20220215");
        make_greys(&m);
        make_frames(&m, "1.2.3.6", "US", "1.2.840.10008.5.1.4.1.1.3.1", "40", 25);
        make_frames(&m, "1.2.3.7", "US", "1.2.840.10008.5.1.4.1.1.3.1", "0\\20\\60", 3);
        make_frames(&m, "1.2.3.8", "MG", "1.2.840.10008.5.1.4.1.1.13.1.3", NULL, 20);
        make_edges(&m);
        for (int i = 2; i < argc; i++) {
            if (strncmp(argv[i], "objects:", 8) == 0) add_objects(&m, argv[i] + 8);
            else if (strncmp(argv[i], "slices:", 7) == 0) make_slices(&m, argv[i] + 7);
            else if (strncmp(argv[i], "dicom:", 6) == 0) add_dicom(&m, argv[i] + 6);
            else add_slide(&m, argv[i]);
        }
    }
    lethe_catalogue_close(m.catalogue);
    lethe_project_close(m.project);
    if (m.status) (void)fprintf(stderr, "viewer_phantom: %s\n", m.error.message);
    return lethe_status_exit(m.status) == LETHE_EXIT_FAILED && m.status ? LETHE_EXIT_FAILED : LETHE_EXIT_DONE;
}
