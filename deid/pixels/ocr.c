#include "deid/pixels/ocr.h"

#include "core/memory.h"
#include "core/text.h"
#include "deid/pixels/text_internal.h"

#include <ctype.h>
#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <leptonica/allheaders.h>
#include <tesseract/capi.h>

enum { READ_HEIGHT = 34, MARGIN = 10, MAX_WIDTH = 2400 };

struct lethe_ocr {
    TessBaseAPI *api;
    int sink;         /* what Tesseract has to say goes here: it may quote what it reads */
    uint8_t *picture; /* scratch */
    size_t picture_size;
};

/* Tesseract spreads a line of text over all cores, whose threads then wait for each other in busy loops: four times the work for no gain. Its OpenMP
 * library is told to run everything in the thread that calls; it is looked up because nothing else here links with it. */
static void stay_in_one_thread(void) {
    void (*set_levels)(int);
    void *symbol = dlsym(RTLD_DEFAULT, "omp_set_max_active_levels");
    if (symbol == NULL) return;
    memcpy(&set_levels, &symbol, sizeof set_levels);
    set_levels(0);
}

lethe_status lethe_ocr_create(lethe_ocr **out, lethe_error *error) {
    *out = NULL;
    stay_in_one_thread();
    lethe_ocr *ocr = lethe_alloc_array(1, sizeof *ocr);
    if (ocr == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for the reader");
    char sink[64];
    ocr->sink = memfd_create("ocr", MFD_CLOEXEC);
    (void)snprintf(sink, sizeof sink, "/proc/self/fd/%d", ocr->sink);
    (void)setMsgSeverity(L_SEVERITY_NONE);
    ocr->api = TessBaseAPICreate();
    if (ocr->api == NULL || TessBaseAPIInit2(ocr->api, NULL, "eng", OEM_LSTM_ONLY) != 0) {
        lethe_ocr_destroy(ocr);
        return lethe_fail(error, LETHE_NOT_FOUND, "no Tesseract language data (package tesseract-ocr-eng)");
    }
    (void)TessBaseAPISetVariable(ocr->api, "debug_file", ocr->sink < 0 ? "/dev/null" : sink);
    (void)TessBaseAPISetVariable(ocr->api, "load_system_dawg", "0");
    (void)TessBaseAPISetVariable(ocr->api, "load_freq_dawg", "0");
    TessBaseAPISetPageSegMode(ocr->api, PSM_SINGLE_LINE);
    *out = ocr;
    return LETHE_OK;
}

void lethe_ocr_destroy(lethe_ocr *ocr) {
    if (ocr == NULL) return;
    if (ocr->api != NULL) {
        TessBaseAPIEnd(ocr->api);
        TessBaseAPIDelete(ocr->api);
    }
    if (ocr->sink >= 0) (void)close(ocr->sink);
    if (ocr->picture != NULL) lethe_wipe(ocr->picture, ocr->picture_size);
    lethe_free(ocr->picture);
    lethe_free(ocr);
}

/* Where a pixel of the upright picture comes from in the frame. */
typedef struct crop {
    int32_t x0, y0, w, h; /* in the frame, margin included */
    uint32_t out_w, out_h;
    int turn; /* 0, 90 or 270 degrees: how the line is rotated in the frame */
} crop;

static double sample(const lethe_image *image, double x, double y, unsigned plane) {
    if (x < 0) x = 0;
    if (y < 0) y = 0;
    if (x > image->columns - 1) x = image->columns - 1;
    if (y > image->rows - 1) y = image->rows - 1;
    uint32_t u = (uint32_t)x, v = (uint32_t)y, u1 = u + 1 < image->columns ? u + 1 : u, v1 = v + 1 < image->rows ? v + 1 : v;
    double fx = x - u, fy = y - v;
    double top = lethe_text_plane_sample(image, u, v, plane) * (1 - fx) + lethe_text_plane_sample(image, u1, v, plane) * fx;
    double bottom = lethe_text_plane_sample(image, u, v1, plane) * (1 - fx) + lethe_text_plane_sample(image, u1, v1, plane) * fx;
    return top * (1 - fy) + bottom * fy;
}

/* Draw the line dark on white, about 34 px high. */
static bool draw(lethe_ocr *ocr, const lethe_image *image, const lethe_text_line *line, crop *c) {
    double scale = (double)READ_HEIGHT / (line->height_px < 5 ? 5 : line->height_px);
    uint32_t along = c->turn == 0 ? (uint32_t)c->w : (uint32_t)c->h, across = c->turn == 0 ? (uint32_t)c->h : (uint32_t)c->w;
    c->out_w = (uint32_t)(along * scale) + 2 * MARGIN;
    c->out_h = (uint32_t)(across * scale) + 2 * MARGIN;
    if (c->out_w > MAX_WIDTH) c->out_w = MAX_WIDTH;
    if (c->out_h > 200) c->out_h = 200;
    size_t size = (size_t)c->out_w * c->out_h;
    if (size > ocr->picture_size) {
        uint8_t *grown = lethe_realloc_array(ocr->picture, size, 1);
        if (grown == NULL) return false;
        ocr->picture = grown;
        ocr->picture_size = size;
    }
    double paper = line->dark ? (double)line->ink + (double)line->contrast * 1.6 : (double)line->ink - (double)line->contrast * 1.6;
    double depth = (double)line->ink - paper;
    for (uint32_t v = 0; v < c->out_h; v++)
        for (uint32_t u = 0; u < c->out_w; u++) {
            double a = ((double)u - MARGIN) / scale, b = ((double)v - MARGIN) / scale, x, y;
            if (c->turn == 0) {
                x = c->x0 + a;
                y = c->y0 + b;
            } else if (c->turn == 90) { /* reads upwards */
                x = c->x0 + b;
                y = c->y0 + c->h - 1 - a;
            } else {
                x = c->x0 + c->w - 1 - b;
                y = c->y0 + a;
            }
            double ink = (sample(image, x, y, line->plane) - paper) / (fabs(depth) < 1e-6 ? 1 : depth);
            ink = ink < 0 ? 0 : ink > 1 ? 1 : ink;
            ocr->picture[(size_t)v * c->out_w + u] = (uint8_t)(255 - 255 * ink);
        }
    return true;
}

static void recognise(lethe_ocr *ocr, const crop *c, lethe_ocr_text *out) {
    *out = (lethe_ocr_text){0};
    TessBaseAPISetImage(ocr->api, ocr->picture, (int)c->out_w, (int)c->out_h, 1, (int)c->out_w);
    TessBaseAPISetSourceResolution(ocr->api, 300);
    char *text = TessBaseAPIGetUTF8Text(ocr->api);
    if (text != NULL) {
        size_t length = strlen(text);
        while (length > 0 && isspace((unsigned char)text[length - 1])) length--;
        if (length >= sizeof out->text) length = sizeof out->text - 1;
        memcpy(out->text, text, length);
        out->text[length] = '\0';
        out->confidence = TessBaseAPIMeanTextConf(ocr->api);
        for (size_t i = 0; i < length; i++)
            if (isalnum((unsigned char)out->text[i]) || (unsigned char)out->text[i] >= 0xC0) out->letters++;
        TessDeleteText(text);
    }
    TessBaseAPIClear(ocr->api);
}

lethe_status lethe_ocr_read(lethe_ocr *ocr, const lethe_image *image, const lethe_text_line *line, lethe_ocr_text *out, lethe_error *error) {
    *out = (lethe_ocr_text){0};
    int32_t margin = (int32_t)(line->height_px / 3 + 2);
    crop c = {
        .x0 = (int32_t)line->x - margin, .y0 = (int32_t)line->y - margin, .w = (int32_t)line->w + 2 * margin, .h = (int32_t)line->h + 2 * margin};
    c.turn = line->vertical ? 90 : 0;
    if (!draw(ocr, image, line, &c)) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for the reader");
    recognise(ocr, &c, out);
    if (line->vertical) {
        lethe_ocr_text other;
        c.turn = 270;
        if (!draw(ocr, image, line, &c)) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for the reader");
        recognise(ocr, &c, &other);
        if (other.confidence > out->confidence) *out = other;
        lethe_wipe(&other, sizeof other);
    }
    return LETHE_OK;
}
