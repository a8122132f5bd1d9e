#include "imaging/slide/tiff_levels.h"

#include "core/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bool lethe_tiff_is_scaled(uint64_t width0, uint64_t height0, uint64_t width, uint64_t height, uint64_t tile_px) {
    if (!width0 || !height0 || !width || !height || width > width0 || height > height0) return false;
    double across = (double)width0 / (double)width, down = (double)height0 / (double)height;
    /* A side may be off by a pixel, or padded to whole tiles, which matters most where the level is small. */
    double tolerance = 0.01 + 2.0 / (double)(width < height ? width : height) + (double)tile_px / (double)(width < height ? width : height);
    return fabs(across / down - 1) <= tolerance;
}

bool lethe_aperio_number(const char *description, const char *key, double *value) {
    size_t length = strlen(key);
    for (const char *at = strchr(description, '|'); at; at = strchr(at, '|')) {
        at++;
        while (*at == ' ') at++;
        if (strncmp(at, key, length) != 0) continue;
        const char *rest = at + length;
        while (*rest == ' ') rest++;
        if (*rest != '=') continue;
        rest++;
        while (*rest == ' ') rest++;
        char number[32];
        size_t used = strcspn(rest, "| \r\n\t");
        if (used >= sizeof number) continue;
        memcpy(number, rest, used);
        number[used] = '\0';
        if (lethe_text_to_double(number, value)) return true;
    }
    return false;
}

/* The second line of an Aperio description starts with the kind of an associated image. */
static bool second_line_has(const char *description, const char *word) {
    for (const char *at = strpbrk(description, "\r\n"); at; at = strpbrk(at, "\r\n")) {
        at += strspn(at, "\r\n");
        if (strncasecmp(at, word, strlen(word)) == 0) return true;
    }
    return false;
}

static bool starts_fold(const char *text, const char *word) { return strncasecmp(text, word, strlen(word)) == 0; }

static lethe_tiff_role by_description(const lethe_tiff_tree *tree, const lethe_tiff_directory *directory) {
    const char *text = lethe_tiff_text(tree, directory, LETHE_TIFF_IMAGE_DESCRIPTION);
    if (!text) return LETHE_TIFF_ROLE_OTHER;
    if (starts_fold(text, "label") || second_line_has(text, "label")) return LETHE_TIFF_ROLE_LABEL;
    if (starts_fold(text, "macro") || second_line_has(text, "macro")) return LETHE_TIFF_ROLE_MACRO;
    if (starts_fold(text, "thumbnail")) return LETHE_TIFF_ROLE_THUMBNAIL;
    return LETHE_TIFF_ROLE_LEVEL;
}

static lethe_tiff_role untiled_role(const lethe_tiff_tree *tree, const lethe_tiff_directory *directory, const char *format, uint64_t width0,
                                    uint64_t height0) {
    uint64_t width = lethe_tiff_uint(tree, directory, LETHE_TIFF_WIDTH, 0), height = lethe_tiff_uint(tree, directory, LETHE_TIFF_HEIGHT, 0);
    uint64_t kind = lethe_tiff_uint(tree, directory, LETHE_TIFF_SUBFILE_TYPE, 0);
    const char *text = lethe_tiff_text(tree, directory, LETHE_TIFF_IMAGE_DESCRIPTION);
    if (strcmp(format, "aperio") == 0 || strcmp(format, "ome") == 0) {
        if (kind == 9) return LETHE_TIFF_ROLE_MACRO;
        if (kind == 1 && (!text || !*text || directory->index != 1)) return LETHE_TIFF_ROLE_LABEL;
    }
    bool second = !directory->parent && directory->index == 1;
    if (strcmp(format, "aperio") == 0 && second && lethe_tiff_is_scaled(width0, height0, width, height, 0)) return LETHE_TIFF_ROLE_THUMBNAIL;
    return LETHE_TIFF_ROLE_OTHER;
}

lethe_tiff_role lethe_tiff_role_of(const lethe_tiff_tree *tree, const lethe_tiff_directory *directory, const char *format) {
    lethe_tiff_role told = by_description(tree, directory);
    if (told == LETHE_TIFF_ROLE_LABEL || told == LETHE_TIFF_ROLE_MACRO) return told;
    uint64_t width0 = lethe_tiff_uint(tree, tree->first, LETHE_TIFF_WIDTH, 0), height0 = lethe_tiff_uint(tree, tree->first, LETHE_TIFF_HEIGHT, 0);
    uint64_t tile = lethe_tiff_uint(tree, directory, LETHE_TIFF_TILE_WIDTH, 0);
    if (!tile) return told == LETHE_TIFF_ROLE_THUMBNAIL ? told : untiled_role(tree, directory, format, width0, height0);
    if (directory == tree->first) return LETHE_TIFF_ROLE_LEVEL;
    uint64_t width = lethe_tiff_uint(tree, directory, LETHE_TIFF_WIDTH, 0), height = lethe_tiff_uint(tree, directory, LETHE_TIFF_HEIGHT, 0);
    uint64_t slack = strcmp(format, "philips") == 0 ? 2 * tile : 0;
    if (!lethe_tiff_is_scaled(width0, height0, width, height, slack)) return LETHE_TIFF_ROLE_STRANGE;
    uint64_t kind = lethe_tiff_uint(tree, directory, LETHE_TIFF_SUBFILE_TYPE, 0);
    if (kind == 9 && strcmp(format, "aperio") == 0) return LETHE_TIFF_ROLE_MACRO;
    return LETHE_TIFF_ROLE_LEVEL;
}
