/* Ultrasound: a still and a cine with the patient's name burned into the picture, both native; the same cine as JPEG baseline. */
#include "testdata/modalities.h"

#include "core/memory.h"
#include "testdata/picture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* After stdio.h, which jpeglib.h needs. */
#include <jpeglib.h>

static const char cine_class[] = "1.2.840.10008.5.1.4.1.1.3.1", still_class[] = "1.2.840.10008.5.1.4.1.1.6.1";

/* A sector: speckle that changes from frame to frame, a dark cyst, black around. */
static void draw_sector(uint8_t *pixels, const lethe_pixel_format *f, lethe_random *random, unsigned frame) {
    lethe_picture p = {.columns = f->columns, .rows = f->rows, .values = lethe_alloc_array((size_t)f->columns * f->rows, 2)};
    if (p.values == NULL) return;
    lethe_picture_fill(&p, 0);
    lethe_picture_ellipse(&p, 0.5, 0.22, 0.36, 0.62, 70);
    lethe_picture_ellipse(&p, 0.5, 0.22, 0.05, 0.05, 0);
    lethe_picture_ellipse(&p, 0.45 + frame * 0.003, 0.55, 0.08, 0.06, 12);
    lethe_picture_ellipse(&p, 0.62, 0.62, 0.06, 0.03, 130);
    lethe_picture_texture(&p, random, 4, 25, 0);
    for (size_t i = 0; i < (size_t)f->columns * f->rows; i++) {
        unsigned y = (unsigned)(i / f->columns);
        int value = p.values[i] <= 4 || y < f->rows / 7 ? 0 : p.values[i] + (int)lethe_random_below(random, 60);
        uint8_t byte = (uint8_t)(value < 0 ? 0 : value > 235 ? 235 : value);
        for (unsigned s = 0; s < f->samples; s++) pixels[((size_t)frame * f->columns * f->rows + i) * f->samples + s] = byte;
    }
    lethe_free(p.values);
}

static void put_modules(lethe_draft *draft, const lethe_pixel_format *f, bool lossy) {
    lethe_draft_item *d = lethe_draft_root(draft);
    lethe_draft_text(d, 0x00080008, "CS", "ORIGINAL\\PRIMARY\\ABDOMINAL\\0001", EXPECT_PRESENT); /* redaction makes it DERIVED */
    lethe_draft_item *region = lethe_draft_sequence(d, 0x00186011);
    lethe_draft_u16(region, 0x00186012, 1); /* spatial format: 2D */
    lethe_draft_u16(region, 0x00186014, 1); /* tissue */
    lethe_draft_u32(region, 0x00186016, "UL", 0);
    lethe_draft_u32(region, 0x00186018, "UL", f->columns / 16); /* min x0 */
    lethe_draft_u32(region, 0x0018601A, "UL", f->rows / 7);
    lethe_draft_u32(region, 0x0018601C, "UL", f->columns - f->columns / 16);
    lethe_draft_u32(region, 0x0018601E, "UL", f->rows - f->rows / 12);
    lethe_draft_u16(region, 0x00186024, 3); /* cm */
    lethe_draft_u16(region, 0x00186026, 3);
    double delta = 0.0251;
    lethe_draft_f64s(region, 0x0018602C, &delta, 1);
    lethe_draft_f64s(region, 0x0018602E, &delta, 1);
    lethe_draft_answer(region, 0x0018602C, LETHE_ANSWER_TEXT_RETAINED, "0.0251", NULL);
    lethe_draft_text(d, 0x00200020, "CS", "", EXPECT_NOTHING);
    lethe_put_pixel_format(draft, f);
    if (f->frames != 0) {
        lethe_draft_u32(d, 0x00280009, "AT", 0x00181063);
        lethe_draft_decimal(d, 0x00181063, 40, EXPECT_KEPT);
        lethe_draft_integer(d, 0x00082144, 25); /* Recommended Display Frame Rate */
    }
    lethe_draft_text(d, 0x00280301, "CS", "YES", EXPECT_NOTHING);
    lethe_draft_text(d, 0x00282110, "CS", lossy ? "01" : "00", EXPECT_NOTHING);
    if (!lossy) return;
    lethe_draft_decimal(d, 0x00282112, 8, EXPECT_NOTHING);
    lethe_draft_text(d, 0x00282114, "CS", "ISO_10918_1", EXPECT_NOTHING);
}

/* Name, birth date and ID in the caption; what the machine measures must not be taken for an identifier. */
static lethe_status burn_captions(lethe_visit *v, uint8_t *pixels, const lethe_pixel_format *f) {
    const lethe_person *p = &v->person;
    unsigned scale = f->columns >= 480 ? 2 : 1;
    char text[160];
    /* The font knows Latin letters only; devices print what they can. */
    bool latin = p->charset != CHARSET_GREEK && p->charset != CHARSET_CYRILLIC;
    (void)snprintf(text, sizeof text, "%.20s %.12s", latin ? p->family : "PAPADOPOULOS", latin ? p->given : "E");
    lethe_status status = lethe_burn_text(v, pixels, f, text, 4, 4, scale, 255);
    if (status == LETHE_OK) status = lethe_burn_text(v, pixels, f, v->birth_french, f->columns - 62 * scale, 4, scale, 255);
    (void)snprintf(text, sizeof text, "ID %s", p->patient_id);
    if (status == LETHE_OK && f->rows >= 240) status = lethe_burn_text(v, pixels, f, text, 4, 4 + 13 * scale, scale, 230);
    return status;
}

static lethe_status add_jpeg_frames(lethe_draft *draft, const lethe_pixel_format *f, const uint8_t *pixels, lethe_error *error) {
    struct jpeg_compress_struct encoder;
    struct jpeg_error_mgr errors; /* its default ends the program on an error: right for a generator of known pictures */
    encoder.err = jpeg_std_error(&errors);
    jpeg_create_compress(&encoder);
    for (unsigned frame = 0; frame < f->frames; frame++) {
        unsigned char *bytes = NULL;
        unsigned long size = 0;
        jpeg_mem_dest(&encoder, &bytes, &size);
        encoder.image_width = f->columns;
        encoder.image_height = f->rows;
        encoder.input_components = (int)f->samples;
        encoder.in_color_space = f->samples == 3 ? JCS_RGB : JCS_GRAYSCALE;
        jpeg_set_defaults(&encoder);
        jpeg_set_quality(&encoder, 88, TRUE);
        jpeg_start_compress(&encoder, TRUE);
        const uint8_t *at = pixels + (size_t)frame * f->rows * f->columns * f->samples;
        while (encoder.next_scanline < encoder.image_height) {
            JSAMPROW row = (JSAMPROW)(uintptr_t)(at + (size_t)encoder.next_scanline * f->columns * f->samples);
            (void)jpeg_write_scanlines(&encoder, &row, 1);
        }
        jpeg_finish_compress(&encoder);
        lethe_draft_fragment(draft, bytes, size, false);
        free(bytes);
    }
    jpeg_destroy_compress(&encoder);
    (void)error;
    return LETHE_OK;
}

static lethe_status make_object(lethe_visit *v, lethe_series *s, unsigned number, const lethe_pixel_format *f, bool jpeg) {
    unsigned frames = f->frames == 0 ? 1 : f->frames;
    size_t size = (size_t)f->columns * f->rows * f->samples * frames;
    uint8_t *pixels = lethe_alloc_array(size + 1, 1);
    lethe_draft *draft = pixels == NULL ? NULL : lethe_instance_begin(s, number, true);
    if (draft == NULL) {
        lethe_free(pixels);
        return lethe_fail(v->error, LETHE_NO_MEMORY, "no memory for an instance");
    }
    lethe_pixel_format written = *f;
    if (jpeg && f->samples == 3) written.photometric = "YBR_FULL_422";
    put_modules(draft, &written, jpeg);
    for (unsigned frame = 0; frame < frames; frame++) draw_sector(pixels, f, &v->random, frame);
    lethe_status status = burn_captions(v, pixels, f);
    if (status == LETHE_OK && jpeg) status = add_jpeg_frames(draft, f, pixels, v->error);
    else if (status == LETHE_OK) lethe_draft_pixels(draft, pixels, size + size % 2, 8, 1, false);
    lethe_draft_form form = {.syntax = jpeg ? SYNTAX_JPEG_BASELINE : number % 2 == 0 ? SYNTAX_IMPLICIT : SYNTAX_EXPLICIT};
    if (status == LETHE_OK) status = lethe_instance_end(s, draft, &form);
    else lethe_draft_destroy(draft);
    lethe_free(pixels);
    return status;
}

lethe_status lethe_make_ultrasound(lethe_visit *v) {
    bool small = v->options->small;
    v->protocol = "ECHOGRAPHIE ABDOMINALE";
    lethe_series cine, still;
    lethe_series_begin(v, &cine, 1, "US", cine_class, "CINE FOIE", "ABDOMEN");
    lethe_series_begin(v, &still, 2, "US", still_class, "FOIE", "ABDOMEN");
    lethe_pixel_format gray = {.rows = small ? 240 : 480,
                               .columns = small ? 320 : 640,
                               .samples = 1,
                               .bits_allocated = 8,
                               .bits_stored = 8,
                               .photometric = "MONOCHROME2",
                               .frames = small ? 3 : 20};
    lethe_pixel_format colour = gray, single = gray;
    colour.samples = 3;
    colour.photometric = "RGB";
    single.frames = 0;
    lethe_status status = make_object(v, &cine, 1, &gray, false);
    if (status == LETHE_OK) status = make_object(v, &cine, 2, &colour, true);
    if (status == LETHE_OK) status = make_object(v, &still, 1, &single, false);
    return status;
}
