#include "testdata/slide_art.h"

#include "core/memory.h"
#include "testdata/font.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

static uint32_t mix(uint32_t a) {
    a ^= a >> 16;
    a *= 0x7FEB352Du;
    a ^= a >> 15;
    a *= 0x846CA68Bu;
    return a ^ a >> 16;
}

static uint32_t noise(uint32_t phase, int64_t x, int64_t y) {
    return mix(phase * 0x9E3779B9u ^ (uint32_t)x * 0x85EBCA6Bu ^ (uint32_t)y * 0xC2B2AE35u);
}

/* Value noise between lattice points, 0 to 255. */
static uint32_t smooth(uint32_t phase, int64_t x, int64_t y, int64_t cell) {
    int64_t cx = x / cell, cy = y / cell;
    uint32_t fx = (uint32_t)((x - cx * cell) * 256 / cell), fy = (uint32_t)((y - cy * cell) * 256 / cell);
    uint32_t a = noise(phase, cx, cy) & 255, b = noise(phase, cx + 1, cy) & 255, c = noise(phase, cx, cy + 1) & 255,
             d = noise(phase, cx + 1, cy + 1) & 255;
    uint32_t top = a * (256 - fx) + b * fx, bottom = c * (256 - fx) + d * fx;
    return (top * (256 - fy) + bottom * fy) >> 16;
}

void slide_tissue(uint32_t phase, int64_t x, int64_t y, uint8_t rgb[3]) {
    uint32_t mass = smooth(phase, x, y, 400), detail = smooth(phase + 1, x, y, 24), grain = noise(phase + 2, x, y) & 15;
    if (mass < 90) {
        rgb[0] = (uint8_t)(240 + grain / 2), rgb[1] = (uint8_t)(238 + grain / 2), rgb[2] = (uint8_t)(240 + grain / 2);
        return;
    }
    bool nucleus = smooth(phase + 3, x, y, 14) > 190;
    rgb[0] = (uint8_t)((nucleus ? 90 : 215) - detail / 8 + grain);
    rgb[1] = (uint8_t)((nucleus ? 60 : 140) - detail / 6 + grain);
    rgb[2] = (uint8_t)((nucleus ? 140 : 190) - detail / 10 + grain);
}

void slide_tissue_tile(uint32_t phase, int64_t x, int64_t y, int64_t factor, uint32_t width, uint32_t height, uint8_t *rgb) {
    for (uint32_t row = 0; row < height; row++)
        for (uint32_t column = 0; column < width; column++)
            slide_tissue(phase, (x + column) * factor, (y + row) * factor, rgb + ((size_t)row * width + column) * 3);
}

void slide_label(const char *text, uint32_t width, uint32_t height, uint8_t *rgb) {
    memset(rgb, 250, (size_t)width * height * 3);
    uint32_t top = 12;
    for (const char *line = text; *line;) {
        char one[128];
        size_t length = strcspn(line, "\n");
        (void)snprintf(one, sizeof one, "%.*s", (int)(length < 100 ? length : 100), line);
        unsigned w, h;
        lethe_font_measure(one, 2, &w, &h);
        uint8_t *mask = lethe_alloc_array((size_t)w * h + 1, 1);
        if (mask) {
            lethe_font_draw(one, 2, mask, w, h);
            for (unsigned y = 0; y < h && top + y < height; y++)
                for (unsigned x = 0; x < w && 10 + x < width; x++)
                    if (mask[(size_t)y * w + x]) memset(rgb + ((size_t)(top + y) * width + 10 + x) * 3, 10, 3);
        }
        lethe_free(mask);
        top += h + 8;
        line += length + (line[length] == '\n');
    }
    /* A grain, as a camera leaves it: the compressed stream is then one of its kind. */
    for (size_t i = 0; i < (size_t)width * height * 3; i++) rgb[i] = (uint8_t)(rgb[i] - (noise(77, (int64_t)i, (int64_t)strlen(text)) & 3));
}

static lethe_status take(struct jpeg_compress_struct *info, unsigned char **bytes, unsigned long *size, lethe_buffer *out, lethe_error *error) {
    (void)info;
    lethe_status status = lethe_buffer_append(out, *bytes, *size, error);
    free(*bytes);
    *bytes = NULL;
    *size = 0;
    return status;
}

lethe_status slide_jpeg_encode(const uint8_t *rgb, uint32_t width, uint32_t height, const slide_jpeg *how, lethe_buffer *out, lethe_buffer *tables,
                               lethe_error *error) {
    struct jpeg_compress_struct info;
    struct jpeg_error_mgr errors;
    unsigned char *bytes = NULL;
    unsigned long size = 0;
    lethe_status status = LETHE_OK;
    info.err = jpeg_std_error(&errors); /* a failure ends the generator: its inputs are its own */
    jpeg_create_compress(&info);
    info.image_width = width;
    info.image_height = height;
    info.input_components = 3;
    info.in_color_space = JCS_RGB;
    jpeg_set_defaults(&info);
    jpeg_set_colorspace(&info, how->rgb ? JCS_RGB : JCS_YCbCr);
    jpeg_set_quality(&info, how->quality, TRUE);
    if (how->half_width && !how->rgb) info.comp_info[0].h_samp_factor = 2, info.comp_info[0].v_samp_factor = 1;
    info.restart_interval = how->restart_blocks;
    if (how->split_tables) {
        info.write_JFIF_header = FALSE;
        info.write_Adobe_marker = FALSE;
        jpeg_mem_dest(&info, &bytes, &size);
        jpeg_write_tables(&info);
        if (tables && tables->size == 0) status = take(&info, &bytes, &size, tables, error);
        free(bytes);
        bytes = NULL;
        size = 0;
    }
    jpeg_mem_dest(&info, &bytes, &size);
    jpeg_start_compress(&info, how->split_tables ? FALSE : TRUE);
    if (how->comment) jpeg_write_marker(&info, JPEG_COM, (const JOCTET *)how->comment, (unsigned)strlen(how->comment));
    while (info.next_scanline < height) {
        JSAMPROW row = (JSAMPROW)(uintptr_t)(rgb + (size_t)info.next_scanline * width * 3);
        (void)jpeg_write_scanlines(&info, &row, 1);
    }
    jpeg_finish_compress(&info);
    if (status == LETHE_OK) status = take(&info, &bytes, &size, out, error);
    free(bytes);
    jpeg_destroy_compress(&info);
    return status;
}

lethe_status slide_lzw_encode(const uint8_t *bytes, size_t size, lethe_buffer *out, lethe_error *error) {
    uint32_t bits = 0, held = 0;
    lethe_status status = LETHE_OK;
    size_t since = 250;
    for (size_t i = 0; status == LETHE_OK && i <= size; i++) {
        uint16_t codes[2];
        unsigned count = 0;
        if (since >= 250) codes[count++] = 256, since = 0; /* clear */
        codes[count++] = i < size ? bytes[i] : 257;        /* end of information */
        since++;
        for (unsigned k = 0; k < count; k++) {
            bits = bits << 9 | codes[k];
            for (held += 9; held >= 8; held -= 8) {
                uint8_t byte = (uint8_t)(bits >> (held - 8));
                if (status == LETHE_OK) status = lethe_buffer_append(out, &byte, 1, error);
            }
        }
    }
    uint8_t last = (uint8_t)(bits << (8 - held));
    if (status == LETHE_OK && held) status = lethe_buffer_append(out, &last, 1, error);
    return status;
}
