/* Slides that lie, loop and hide. Each name says what is wrong; each must be quarantined, or come out without its secret. */
#include "core/file.h"
#include "core/memory.h"
#include "testdata/slide_art.h"
#include "testdata/slide_tiff.h"
#include "testdata/slides.h"

#include <stdio.h>
#include <string.h>

enum { TILE = 128 };

typedef struct trap {
    slide_tiff tiff;
    slide_directory d;
    const slide_case *c;
    const char *secret;
    lethe_status status;
    lethe_error *error;
    uint64_t first_tile, first_bytes;
} trap;

static void put_tags(trap *t, uint32_t width, uint32_t height) {
    const uint64_t bits[3] = {8, 8, 8};
    slide_tag_number(&t->tiff, &t->d, 256, 4, width);
    slide_tag_number(&t->tiff, &t->d, 257, 4, height);
    slide_tag_numbers(&t->tiff, &t->d, 258, 3, bits, 3);
    slide_tag_number(&t->tiff, &t->d, 259, 3, 7);
    slide_tag_number(&t->tiff, &t->d, 262, 3, 6);
    slide_tag_number(&t->tiff, &t->d, 277, 3, 3);
    slide_tag_number(&t->tiff, &t->d, 284, 3, 1);
    slide_tag_number(&t->tiff, &t->d, 322, 3, TILE);
    slide_tag_number(&t->tiff, &t->d, 323, 3, TILE);
}

/* Four tiles; `comment` goes into each, `tail` behind each. */
static void put_tiles(trap *t, const char *comment, const char *tail) {
    uint64_t offsets[4], counts[4];
    uint8_t *rgb = lethe_alloc_array((size_t)TILE * TILE, 3);
    lethe_buffer jpeg;
    lethe_buffer_init(&jpeg, 1 << 20);
    const slide_jpeg how = {.quality = 75, .comment = comment};
    for (unsigned i = 0; rgb && i < 4; i++) {
        slide_tissue_tile(t->c->phase, (i % 2) * TILE, (int64_t)(i / 2) * TILE, 1, TILE, TILE, rgb);
        lethe_buffer_clear(&jpeg);
        if (t->status == LETHE_OK) t->status = slide_jpeg_encode(rgb, TILE, TILE, &how, &jpeg, NULL, t->error);
        if (t->status == LETHE_OK && tail) t->status = lethe_buffer_append_text(&jpeg, tail, t->error);
        offsets[i] = slide_tiff_put(&t->tiff, jpeg.bytes, jpeg.size);
        counts[i] = jpeg.size;
    }
    t->first_tile = offsets[0];
    t->first_bytes = counts[0];
    slide_tag_numbers(&t->tiff, &t->d, 324, 4, offsets, 4);
    slide_tag_numbers(&t->tiff, &t->d, 325, 4, counts, 4);
    lethe_buffer_release(&jpeg);
    lethe_free(rgb);
}

static void normal(trap *t) {
    put_tiles(t, NULL, NULL);
    put_tags(t, 2 * TILE, 2 * TILE);
}

static void end(trap *t) { (void)slide_tiff_end(&t->tiff, &t->d, true); }

/* --- the traps --- */

static void loop(trap *t) {
    normal(t);
    uint64_t at = slide_tiff_end(&t->tiff, &t->d, true);
    memcpy(t->tiff.file.bytes + t->tiff.link_at, &at, 4);
}
static void loop_sub(trap *t) {
    normal(t);
    slide_tag_number(&t->tiff, &t->d, 330, 4, 0x11223344);
    uint64_t at = slide_tiff_end(&t->tiff, &t->d, true);
    uint8_t *entry = memmem(t->tiff.file.bytes, t->tiff.file.size, "\x44\x33\x22\x11", 4);
    if (entry) memcpy(entry, &at, 4);
}
static void far_offset(trap *t) {
    const uint64_t offsets[4] = {0xFFFFFF00u, 8, 8, 8}, counts[4] = {5000, 100, 100, 100};
    put_tags(t, 2 * TILE, 2 * TILE);
    slide_tag_numbers(&t->tiff, &t->d, 324, 4, offsets, 4);
    slide_tag_numbers(&t->tiff, &t->d, 325, 4, counts, 4);
    end(t);
}
static void huge(trap *t) {
    put_tiles(t, NULL, NULL);
    put_tags(t, 0x80000000u, 0x80000000u);
    end(t);
}
static void truncated(trap *t) {
    normal(t);
    end(t);
    t->tiff.file.size -= 20;
}
static void gap(trap *t) {
    (void)slide_tiff_put(&t->tiff, t->secret, strlen(t->secret));
    normal(t);
    end(t);
    (void)slide_tiff_put(&t->tiff, t->secret, strlen(t->secret));
}
static void comment(trap *t) {
    put_tiles(t, t->secret, NULL);
    put_tags(t, 2 * TILE, 2 * TILE);
    end(t);
}
static void tail(trap *t) {
    put_tiles(t, NULL, t->secret);
    put_tags(t, 2 * TILE, 2 * TILE);
    end(t);
}
static void sub_ifd(trap *t) {
    normal(t);
    slide_tag_text(&t->tiff, &t->d, 270, t->secret);
    uint64_t child = slide_tiff_end(&t->tiff, &t->d, false);
    normal(t);
    slide_tag_number(&t->tiff, &t->d, 330, 4, child);
    end(t);
}
static void orphan(trap *t) {
    normal(t);
    slide_tag_text(&t->tiff, &t->d, 270, t->secret);
    (void)slide_tiff_end(&t->tiff, &t->d, false);
    normal(t);
    end(t);
}
static void rational(trap *t) {
    normal(t);
    slide_tag_bytes(&t->tiff, &t->d, 282, 5, "DUVALMAX", 8);
    end(t);
}
static void unknown_tag(trap *t) {
    normal(t);
    slide_tag_text(&t->tiff, &t->d, 51023, t->secret);
    slide_tag_bytes(&t->tiff, &t->d, 51024, 1, t->secret, strlen(t->secret));
    end(t);
}
static void double_tag(trap *t) {
    normal(t);
    slide_tag_number(&t->tiff, &t->d, 256, 4, 7);
    end(t);
}
static void overlap(trap *t) {
    normal(t);
    end(t);
    put_tags(t, TILE, TILE);
    slide_tag_number(&t->tiff, &t->d, 324, 4, t->first_tile + 1);
    slide_tag_number(&t->tiff, &t->d, 325, 4, t->first_bytes);
    end(t);
}
static void odd_tile(trap *t) {
    normal(t);
    end(t);
    put_tiles(t, NULL, NULL);
    put_tags(t, TILE, 2 * TILE); /* tiled like a level, shaped like a label */
    end(t);
}
static void no_label(trap *t) {
    normal(t);
    slide_tag_text(&t->tiff, &t->d, 270, "Aperio Image Library v11.2.1 \r\n256x256 (128x128) JPEG/RGB Q=30|AppMag = 20|MPP = 0.4990");
    end(t);
}
static void odd_value(trap *t) {
    normal(t);
    slide_tag_number(&t->tiff, &t->d, 274, 3, 4711); /* an orientation that is a number of somebody */
    end(t);
}
static void shell_name(trap *t) {
    normal(t);
    slide_tag_text(&t->tiff, &t->d, 305, "$(touch /tmp/lethe-owned)");
    end(t);
}

lethe_status lethe_testdata_slides_hostile(const lethe_testdata_options *options, const char *folder, lethe_answer_key *key, lethe_error *error) {
    static const struct {
        const char *name;
        void (*make)(trap *t);
    } traps[] = {{"loop.tif", loop},
                 {"loop_sub.tif", loop_sub},
                 {"far_offset.tif", far_offset},
                 {"huge.tif", huge},
                 {"truncated.tif", truncated},
                 {"gap.tif", gap},
                 {"comment.tif", comment},
                 {"tail.tif", tail},
                 {"sub_ifd.tif", sub_ifd},
                 {"orphan.tif", orphan},
                 {"rational.tif", rational},
                 {"unknown_tag.tif", unknown_tag},
                 {"double_tag.tif", double_tag},
                 {"overlap.tif", overlap},
                 {"odd_tile.tif", odd_tile},
                 {"odd_value.tif", odd_value},
                 {"no_label.svs", no_label},
                 {"shell_name_$(touch x).tif", shell_name}};
    char *inside = lethe_path_join(folder, "hostile");
    lethe_status status = inside ? lethe_folder_create(inside, 0755, error) : lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    for (uint32_t i = 0; status == LETHE_OK && i < sizeof traps / sizeof *traps; i++) {
        slide_case c;
        char file[128];
        slide_case_invent(options, 100 + i, &c);
        trap t = {.c = &c, .secret = c.name, .error = error};
        slide_tiff_start(&t.tiff, false, false, false);
        traps[i].make(&t);
        char *path = lethe_path_join(inside, traps[i].name);
        if (!path) t.status = lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
        status = t.status == LETHE_OK ? slide_tiff_save(&t.tiff, path, error) : t.status;
        lethe_free(path);
        (void)snprintf(file, sizeof file, "hostile/%s", traps[i].name);
        const lethe_answer_subject subject = {.file = file, .patient_id = c.patient_id, .modality = "SM"};
        if (status == LETHE_OK) status = lethe_answer_subject_set(key, &subject, error);
        if (status == LETHE_OK) status = lethe_answer_add(key, "file", LETHE_ANSWER_BYTES_ABSENT, c.name, NULL, error);
    }
    lethe_free(inside);
    return status;
}
