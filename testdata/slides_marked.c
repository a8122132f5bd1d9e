/* Slides with something written on the glass: pens of four colours, a printed sticker, and a clean twin. A pixel is 10 um wide, so that letters have
 * the size that they have on real glass. regions.csv beside their folder says where the ink is, as a person would draw it. */
#include "core/file.h"
#include "core/memory.h"
#include "testdata/font.h"
#include "testdata/slide_art.h"
#include "testdata/slide_tiff.h"
#include "testdata/slides.h"

#include <dmtx.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

enum { WIDTH = 1536, HEIGHT = 1024, TILE = 256, LEVELS = 2, FACTOR = 4, PEN_X = 300, PEN_Y = 330 };

typedef struct marked {
    const char *name;
    uint8_t pen[3];
    unsigned scale;       /* of the font; 0 = nothing is written */
    bool sticker;         /* on white paper */
    uint16_t compression; /* 7: Aperio; else a generic TIFF of this compression */
    char code;            /* on the label: 'L' lines (Code 39), 'C' Code 128, 'M' Data Matrix; 0 = text alone */
} marked;

typedef struct picture {
    uint8_t *rgb;
    uint32_t width, height;
} picture;

static void write_name(picture *p, const marked *how, const char *text, unsigned box[4]) {
    unsigned w, h;
    lethe_font_measure(text, how->scale, &w, &h);
    uint8_t *mask = lethe_alloc_array((size_t)w * h + 1, 1);
    if (!mask) return;
    lethe_font_draw(text, how->scale, mask, w, h);
    unsigned border = how->sticker ? 24 : 0;
    for (unsigned y = 0; y < h + 2 * border; y++)
        for (unsigned x = 0; x < w + 2 * border; x++) {
            uint8_t *at = p->rgb + ((size_t)(PEN_Y + y) * p->width + PEN_X + x) * 3;
            bool inside = y >= border && y < h + border && x >= border && x < w + border;
            if (inside && mask[(size_t)(y - border) * w + x - border]) memcpy(at, how->pen, 3);
            else if (how->sticker) memset(at, 244, 3);
        }
    lethe_free(mask);
    const unsigned found[4] = {PEN_X - 8, PEN_Y - 8, w + 2 * border + 16, h + 2 * border + 16};
    memcpy(box, found, sizeof found);
}

static void reduce(const picture *from, picture *to) {
    for (uint32_t y = 0; y < to->height; y++)
        for (uint32_t x = 0; x < to->width; x++)
            for (unsigned s = 0; s < 3; s++) {
                unsigned sum = 0;
                for (unsigned i = 0; i < FACTOR * FACTOR; i++)
                    sum += from->rgb[((size_t)(y * FACTOR + i / FACTOR) * from->width + x * FACTOR + i % FACTOR) * 3 + s];
                to->rgb[((size_t)y * to->width + x) * 3 + s] = (uint8_t)(sum / (FACTOR * FACTOR));
            }
}

static lethe_status pack(const uint8_t *rgb, const marked *how, lethe_buffer *out, lethe_error *error) {
    const size_t bytes = (size_t)TILE * TILE * 3;
    const slide_jpeg jpeg = {.quality = 90};
    if (how->compression == 7) return slide_jpeg_encode(rgb, TILE, TILE, &jpeg, out, NULL, error);
    if (how->compression == 5) return slide_lzw_encode(rgb, bytes, out, error);
    if (how->compression == 1) return lethe_buffer_append(out, rgb, bytes, error);
    uLongf size = compressBound(bytes);
    uint8_t *packed = lethe_alloc(size);
    lethe_status status = packed && compress(packed, &size, rgb, bytes) == Z_OK ? lethe_buffer_append(out, packed, size, error)
                                                                                : lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    lethe_free(packed);
    return status;
}

static lethe_status put_level(slide_tiff *tiff, slide_directory *d, const picture *p, const marked *how, lethe_error *error) {
    enum { MOST = (WIDTH / TILE) * (HEIGHT / TILE) };
    uint64_t offsets[MOST], counts[MOST];
    uint32_t across = (p->width + TILE - 1) / TILE, down = (p->height + TILE - 1) / TILE;
    uint8_t *rgb = lethe_alloc_array((size_t)TILE * TILE, 3);
    lethe_status status = rgb ? LETHE_OK : lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    lethe_buffer bytes;
    lethe_buffer_init(&bytes, 1 << 22);
    for (uint32_t i = 0; status == LETHE_OK && i < across * down; i++) {
        memset(rgb, 255, (size_t)TILE * TILE * 3);
        for (uint32_t y = 0; y < TILE && i / across * TILE + y < p->height; y++) {
            uint32_t x = i % across * TILE, width = p->width - x < TILE ? p->width - x : TILE;
            memcpy(rgb + (size_t)y * TILE * 3, p->rgb + ((size_t)(i / across * TILE + y) * p->width + x) * 3, (size_t)width * 3);
        }
        lethe_buffer_clear(&bytes);
        status = pack(rgb, how, &bytes, error);
        offsets[i] = slide_tiff_put(tiff, bytes.bytes, bytes.size);
        counts[i] = bytes.size;
    }
    const uint64_t bits[3] = {8, 8, 8}, sampling[2] = {2, 2};
    slide_tag_number(tiff, d, 256, 4, p->width);
    slide_tag_number(tiff, d, 257, 4, p->height);
    slide_tag_numbers(tiff, d, 258, 3, bits, 3);
    slide_tag_number(tiff, d, 259, 3, how->compression);
    slide_tag_number(tiff, d, 262, 3, how->compression == 7 ? 6 : 2);
    slide_tag_number(tiff, d, 277, 3, 3);
    slide_tag_number(tiff, d, 284, 3, 1);
    slide_tag_number(tiff, d, 322, 3, TILE);
    slide_tag_number(tiff, d, 323, 3, TILE);
    if (status == LETHE_OK) {
        slide_tag_numbers(tiff, d, 324, 4, offsets, (size_t)across * down);
        slide_tag_numbers(tiff, d, 325, 4, counts, (size_t)across * down);
    }
    if (how->compression == 7) slide_tag_numbers(tiff, d, 530, 3, sampling, 2);
    else {
        slide_tag_rational(tiff, d, 282, 1000, 1);
        slide_tag_rational(tiff, d, 283, 1000, 1);
        slide_tag_number(tiff, d, 296, 3, 3);
    }
    lethe_buffer_release(&bytes);
    lethe_free(rgb);
    return status;
}

/* Code 39: nine bars and spaces a character, three of them wide (ISO/IEC 16388, table 1). */
static const char *code_39(char letter) {
    static const struct {
        char letter;
        const char *widths;
    } table[] = {{'0', "000110100"}, {'1', "100100001"}, {'2', "001100001"}, {'3', "101100000"}, {'4', "000110001"},
                 {'5', "100110000"}, {'6', "001110000"}, {'7', "000100101"}, {'8', "100100100"}, {'9', "001100100"},
                 {'B', "001001001"}, {'C', "101001000"}, {'-', "010000101"}, {'*', "010010100"}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].letter == letter) return table[i].widths;
    return table[13].widths;
}

static void draw_lines(const char *text, uint8_t *rgb, uint32_t side) {
    enum { NARROW = 2, WIDE = 4, TOP = 180, HIGH = 120, QUIET = 16 };
    char framed[48];
    (void)snprintf(framed, sizeof framed, "*%s*", text);
    memset(rgb + (size_t)(TOP - 10) * side * 3, 250, (size_t)(HIGH + 20) * side * 3);
    uint32_t x = QUIET;
    for (const char *c = framed; *c; c++, x += NARROW)
        for (unsigned i = 0; i < 9; i++) {
            uint32_t width = code_39(*c)[i] == '1' ? WIDE : NARROW;
            for (uint32_t y = TOP; i % 2 == 0 && y < TOP + HIGH; y++)
                for (uint32_t k = x; k < x + width && k < side; k++) memset(rgb + ((size_t)y * side + k) * 3, 5, 3);
            x += width;
        }
}

/* Code 128, set B: bars and spaces of one to four modules, six a character, a check character of weighted values (ISO/IEC 15417, table 1). */
static void draw_code_128(const char *text, uint8_t *rgb, uint32_t side) {
    static const char widths[][7] = {
        "212222", "222122", "222221", "121223", "121322", "131222", "122213", "122312", "132212", "221213", "221312", "231212", "112232",
        "122132", "122231", "113222", "123122", "123221", "223211", "221132", "221231", "213212", "223112", "312131", "311222", "321122",
        "321221", "312212", "322112", "322211", "212123", "212321", "232121", "111323", "131123", "131321", "112313", "132113", "132311",
        "211313", "231113", "231311", "112133", "112331", "132131", "113123", "113321", "133121", "313121", "211331", "231131", "213113",
        "213311", "213131", "311123", "311321", "331121", "312113", "312311", "332111", "314111", "221411", "431111", "111224", "111422",
        "121124", "121421", "141122", "141221", "112214", "112412", "122114", "122411", "142112", "142211", "241211", "221114", "413111",
        "241112", "134111", "111242", "121142", "121241", "114212", "124112", "124211", "411212", "421112", "421211", "212141", "214121",
        "412121", "111143", "111341", "131141", "114113", "114311", "411113", "411311", "113141", "114131", "311141", "411131"};
    enum { MODULE = 2, TOP = 180, HIGH = 120, QUIET = 24, START_B = 104, FIRST = 32, DIVISOR = 103, MOST = 16 };
    const char *codes[MOST + 3];
    unsigned count = 0, sum = START_B;
    codes[count++] = "211214"; /* start of set B */
    for (unsigned i = 0; text[i] && i < MOST; i++) {
        unsigned value = (unsigned)((uint8_t)text[i] - FIRST);
        if (value > 94) return;
        sum += (i + 1) * value;
        codes[count++] = widths[value];
    }
    codes[count++] = widths[sum % DIVISOR];
    codes[count++] = "2331112"; /* stop */
    memset(rgb + (size_t)(TOP - 10) * side * 3, 250, (size_t)(HIGH + 20) * side * 3);
    uint32_t x = QUIET;
    for (unsigned c = 0; c < count; c++)
        for (unsigned i = 0; codes[c][i]; i++) {
            uint32_t width = (uint32_t)(codes[c][i] - '0') * MODULE;
            for (uint32_t y = TOP; i % 2 == 0 && y < TOP + HIGH; y++)
                for (uint32_t k = x; k < x + width && k < side; k++) memset(rgb + ((size_t)y * side + k) * 3, 5, 3);
            x += width;
        }
}

static void draw_matrix(const char *text, uint8_t *rgb, uint32_t side) {
    DmtxEncode *code = dmtxEncodeCreate();
    if (!code) return;
    (void)dmtxEncodeSetProp(code, DmtxPropModuleSize, 6);
    (void)dmtxEncodeSetProp(code, DmtxPropMarginSize, 18);
    (void)dmtxEncodeSetProp(code, DmtxPropPixelPacking, DmtxPack24bppRGB);
    if (dmtxEncodeDataMatrix(code, (int)strlen(text), (unsigned char *)(uintptr_t)text) == DmtxPass) {
        int width = dmtxImageGetProp(code->image, DmtxPropWidth), height = dmtxImageGetProp(code->image, DmtxPropHeight);
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++) {
                int value = 255;
                (void)dmtxImageGetPixelValue(code->image, x, y, 0, &value);
                uint8_t *at = rgb + ((size_t)(side - 1 - 20 - (uint32_t)y) * side + 120 + (uint32_t)x) * 3;
                memset(at, value < 128 ? 5 : 250, 3);
            }
    }
    (void)dmtxEncodeDestroy(&code);
}

static lethe_status put_label(slide_tiff *tiff, slide_directory *d, const slide_case *c, char code, lethe_error *error) {
    enum { SIDE = 400 };
    const uint64_t bits[3] = {8, 8, 8};
    uint8_t *rgb = lethe_alloc_array((size_t)SIDE * SIDE, 3);
    if (!rgb) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    slide_label(c->label, SIDE, SIDE, rgb);
    if (code == 'L') draw_lines(c->barcode, rgb, SIDE);
    if (code == 'C') draw_code_128(c->barcode, rgb, SIDE);
    if (code == 'M') draw_matrix(c->barcode, rgb, SIDE);
    uint64_t offset = slide_tiff_put(tiff, rgb, (size_t)SIDE * SIDE * 3);
    lethe_free(rgb);
    slide_tag_number(tiff, d, 254, 4, 1);
    slide_tag_number(tiff, d, 256, 4, SIDE);
    slide_tag_number(tiff, d, 257, 4, SIDE);
    slide_tag_numbers(tiff, d, 258, 3, bits, 3);
    slide_tag_number(tiff, d, 259, 3, 1);
    slide_tag_number(tiff, d, 262, 3, 2);
    slide_tag_text(tiff, d, 270, "Aperio Image Library v12.0.15\r\nlabel 400x400");
    slide_tag_number(tiff, d, 273, 4, offset);
    slide_tag_number(tiff, d, 277, 3, 3);
    slide_tag_number(tiff, d, 278, 4, SIDE);
    slide_tag_number(tiff, d, 279, 4, SIDE * SIDE * 3);
    (void)slide_tiff_end(tiff, d, true);
    return LETHE_OK;
}

static lethe_status make_marked(const slide_case *c, const marked *how, const char *path, unsigned box[4], lethe_error *error) {
    slide_tiff tiff;
    slide_directory d = {0};
    picture levels[LEVELS] = {{NULL, WIDTH, HEIGHT}, {NULL, WIDTH / FACTOR, HEIGHT / FACTOR}};
    char text[256];
    lethe_status status = LETHE_OK;
    slide_tiff_start(&tiff, false, false, false);
    for (unsigned i = 0; i < LEVELS; i++) {
        levels[i].rgb = lethe_alloc_array((size_t)levels[i].width * levels[i].height, 3);
        if (!levels[i].rgb) status = lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    }
    if (status == LETHE_OK) {
        slide_tissue_tile(c->phase, 0, 0, 1, WIDTH, HEIGHT, levels[0].rgb);
        if (how->scale) write_name(&levels[0], how, c->name, box);
        reduce(&levels[0], &levels[1]);
    }
    (void)snprintf(text, sizeof text, "Aperio Image Library v12.0.15\r\n%dx%d [0,0 %dx%d] (256x256) JPEG/YCC Q=90|AppMag = 1|MPP = 10.0|Title = %s",
                   WIDTH, HEIGHT, WIDTH, HEIGHT, c->name);
    for (unsigned i = 0; status == LETHE_OK && i < LEVELS; i++) {
        status = put_level(&tiff, &d, &levels[i], how, error);
        if (i && how->compression != 7) slide_tag_number(&tiff, &d, 254, 4, 1);
        slide_tag_text(&tiff, &d, 270, how->compression == 7 ? text : c->name);
        (void)slide_tiff_end(&tiff, &d, true);
    }
    if (status == LETHE_OK && how->compression == 7) status = put_label(&tiff, &d, c, how->code, error);
    for (unsigned i = 0; i < LEVELS; i++) lethe_free(levels[i].rgb);
    if (status == LETHE_OK) return slide_tiff_save(&tiff, path, error);
    lethe_buffer_release(&tiff.file);
    return status;
}

lethe_status lethe_testdata_slides_marked(const lethe_testdata_options *options, const char *folder, lethe_answer_key *key, lethe_error *error) {
    static const marked all[] = {
        {"clean", {0, 0, 0}, 0, false, 7, 0},       {"pen_blue", {28, 44, 158}, 9, false, 7, 0}, {"pen_green", {20, 130, 70}, 9, false, 7, 0},
        {"pen_red", {205, 30, 34}, 9, false, 7, 0}, {"pen_black", {24, 22, 26}, 9, false, 7, 0}, {"sticker", {18, 18, 18}, 5, true, 7, 0},
        {"raw", {28, 44, 158}, 9, false, 1, 0},     {"lzw", {28, 44, 158}, 9, false, 5, 0},      {"deflate", {28, 44, 158}, 9, false, 8, 0},
        {"clean_raw", {0, 0, 0}, 0, false, 1, 0},
    };
    char *inside = lethe_path_join(folder, "marked"), *list = inside ? lethe_path_join(folder, "regions.csv") : NULL;
    lethe_buffer csv;
    lethe_buffer_init(&csv, 1 << 16);
    lethe_status status = list ? lethe_folder_create(inside, 0755, error) : lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    if (status == LETHE_OK) status = lethe_buffer_append_text(&csv, "slide,mask\n", error);
    for (uint32_t i = 0; status == LETHE_OK && i < sizeof all / sizeof *all; i++) {
        slide_case c;
        char name[64], file[96];
        unsigned box[4] = {0};
        slide_case_invent(options, 300 + i, &c);
        (void)snprintf(name, sizeof name, "%s.%s", all[i].name, all[i].compression == 7 ? "svs" : "tif");
        (void)snprintf(file, sizeof file, "marked/%s", name);
        char *path = lethe_path_join(inside, name);
        status = path ? make_marked(&c, &all[i], path, box, error) : lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
        lethe_free(path);
        if (status == LETHE_OK && all[i].scale)
            status = lethe_buffer_printf(&csv, error, "%s,\"%u,%u,%u,%u\"\n", name, box[0], box[1], box[2], box[3]);
        if (status == LETHE_OK) status = slide_case_answers(key, &c, file, error);
    }
    if (status == LETHE_OK) status = lethe_file_write(list, csv.bytes, csv.size, 0644, error);
    lethe_buffer_release(&csv);
    lethe_free(list);
    lethe_free(inside);
    return status;
}

lethe_status lethe_testdata_slides_barcodes(const lethe_testdata_options *options, const char *folder, lethe_answer_key *key, lethe_error *error) {
    static const marked all[] = {
        {"lines", {0, 0, 0}, 0, false, 7, 'L'}, {"matrix", {0, 0, 0}, 0, false, 7, 'M'}, {"code128", {0, 0, 0}, 0, false, 7, 'C'}};
    char *inside = lethe_path_join(folder, "coded"), *list = lethe_path_join(folder, "barcodes.csv");
    lethe_buffer csv;
    lethe_buffer_init(&csv, 1 << 16);
    lethe_status status = inside && list ? lethe_folder_create(inside, 0755, error) : lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    if (status == LETHE_OK) status = lethe_buffer_append_text(&csv, "barcode,pseudonym,slide_pseudonym\n", error);
    for (uint32_t i = 0; status == LETHE_OK && i < sizeof all / sizeof *all; i++) {
        slide_case c;
        char file[96];
        unsigned unused[4];
        slide_case_invent(options, 330 + i, &c);
        (void)snprintf(file, sizeof file, "coded/%s.svs", all[i].name);
        char *path = lethe_path_join(folder, file);
        status = path ? make_marked(&c, &all[i], path, unused, error) : lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
        lethe_free(path);
        if (status == LETHE_OK) status = lethe_buffer_printf(&csv, error, "%s,P-%s,slide-%s\n", c.barcode, all[i].name, all[i].name);
        if (status == LETHE_OK) status = slide_case_answers(key, &c, file, error);
    }
    if (status == LETHE_OK) status = lethe_file_write(list, csv.bytes, csv.size, 0644, error);
    lethe_buffer_release(&csv);
    lethe_free(list);
    lethe_free(inside);
    return status;
}
