/* Files beyond 4 GiB: the layout is made as for writing, then only its directories and values go to a sparse file, which is parsed again. Writing the
 * image data, too, would cost the disk 10 GiB and prove nothing more: those who copy it are tested elsewhere. */
#include "imaging/slide/tiff_write.c"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

enum { DIRECTORIES = 3 };
static const uint64_t strip_bytes = 3ull << 30;

static lethe_tiff_draft *make_draft(bool big, bool ndpi, lethe_arena *arena, lethe_tiff_segment *segments) {
    const lethe_tiff_tree like = {.big = big, .ndpi = ndpi, .arena = arena};
    lethe_tiff_draft *draft = lethe_tiff_draft_create(&like, arena);
    assert_non_null(draft);
    for (unsigned i = 0; i < DIRECTORIES; i++) {
        lethe_tiff_draft_directory *d = lethe_tiff_draft_add(draft, NULL);
        assert_non_null(d);
        segments[i] = (lethe_tiff_segment){.offset = 4096 + i * strip_bytes, .bytes = strip_bytes};
        assert_int_equal(lethe_tiff_draft_uint(d, LETHE_TIFF_WIDTH, LETHE_TIFF_LONG, 1000 + i, NULL), LETHE_OK);
        assert_int_equal(lethe_tiff_draft_uint(d, LETHE_NDPI_FORMAT_FLAG, LETHE_TIFF_LONG, 1, NULL), LETHE_OK);
        assert_int_equal(lethe_tiff_draft_text(d, LETHE_TIFF_MAKE, "a text that stands outside of its entry", NULL), LETHE_OK);
        assert_int_equal(lethe_tiff_draft_segments(d, false, &segments[i], 1, NULL), LETHE_OK);
    }
    return draft;
}

/* What the writer makes of one block, at its place. */
static void put_block(writer *w, const block *b, int sparse, const char *scratch) {
    uint8_t bytes[4096];
    assert_int_equal(lethe_output_create(scratch, &w->output, NULL), LETHE_OK);
    assert_int_equal(b->kind == BLOCK_DIRECTORY ? write_directory(w, b->directory) : write_value(w, b), LETHE_OK);
    assert_int_equal(lethe_output_flush(w->output, NULL), LETHE_OK);
    assert_true(b->bytes <= sizeof bytes && lethe_output_size(w->output) == b->bytes);
    assert_int_equal(pread(lethe_output_fd(w->output), bytes, b->bytes, 0), b->bytes);
    assert_int_equal(pwrite(sparse, bytes, b->bytes, (off_t)b->out_offset), b->bytes);
    lethe_output_discard(w->output);
}

static void write_and_read(bool big, bool ndpi) {
    char folder[] = "/tmp/lethe-test-XXXXXX", path[64], scratch[64];
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/sparse", folder);
    (void)snprintf(scratch, sizeof scratch, "%s/scratch", folder);
    lethe_arena *arena = lethe_arena_create(1 << 20);
    lethe_tiff_segment segments[DIRECTORIES];
    lethe_tiff_draft *draft = make_draft(big, ndpi, arena, segments);
    layout l = {.draft = draft};
    assert_int_equal(make_layout(&l), LETHE_OK);
    assert_true(l.at > DIRECTORIES * strip_bytes);
    int sparse = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
    assert_true(sparse >= 0 && ftruncate(sparse, (off_t)l.at) == 0);
    writer w = {.l = &l};
    uint8_t head[16];
    assert_int_equal(lethe_output_create(scratch, &w.output, NULL), LETHE_OK);
    assert_int_equal(write_header(&w), LETHE_OK);
    assert_int_equal(lethe_output_flush(w.output, NULL), LETHE_OK);
    ssize_t head_bytes = pread(lethe_output_fd(w.output), head, sizeof head, 0);
    assert_int_equal(pwrite(sparse, head, (size_t)head_bytes, 0), head_bytes);
    lethe_output_discard(w.output);
    for (size_t i = 0; i < l.block_count; i++) put_block(&w, &l.blocks[i], sparse, scratch);

    lethe_map map;
    lethe_tiff_tree *tree = NULL;
    assert_int_equal(lethe_map_take(sparse, &map, NULL), LETHE_OK);
    assert_int_equal(lethe_tiff_parse(map.bytes, map.size, arena, &tree, NULL), LETHE_OK);
    assert_true(tree->big == big && tree->ndpi == ndpi && tree->chain_count == DIRECTORIES);
    unsigned seen = 0, beyond = 0;
    for (const lethe_tiff_directory *d = tree->first; d; d = d->next, seen++) {
        lethe_tiff_segments list;
        uint64_t offset = 0, bytes = 0;
        assert_int_equal(lethe_tiff_uint(tree, d, LETHE_TIFF_WIDTH, 0), 1000 + seen);
        assert_string_equal(lethe_tiff_text(tree, d, LETHE_TIFF_MAKE), "a text that stands outside of its entry");
        assert_true(lethe_tiff_segments_of(d, &list) && lethe_tiff_segment_at(tree, &list, 0, &offset, &bytes));
        assert_true(offset == segments[seen].out_offset && bytes == strip_bytes);
        beyond += offset > UINT32_MAX;
    }
    assert_int_equal(seen, DIRECTORIES);
    assert_true(beyond > 0);
    lethe_map_close(&map);
    lethe_free(l.blocks);
    lethe_free(l.order);
    lethe_arena_destroy(arena);
    (void)unlink(path);
    (void)rmdir(folder);
}

static void test_ndpi(void **state) {
    (void)state;
    write_and_read(false, true);
}

static void test_big(void **state) {
    (void)state;
    write_and_read(true, false);
}

static void test_classic_refuses(void **state) {
    (void)state;
    lethe_arena *arena = lethe_arena_create(1 << 20);
    lethe_tiff_segment segments[DIRECTORIES];
    lethe_error error = {0};
    layout l = {.draft = make_draft(false, false, arena, segments), .error = &error};
    assert_int_equal(make_layout(&l), LETHE_LIMIT);
    lethe_free(l.blocks);
    lethe_free(l.order);
    lethe_arena_destroy(arena);
}

/* --- image data of several directories --- */

typedef struct told {
    const void *notes[8];
    unsigned count;
} told;

static bool note_segments(void *context, const lethe_tiff_copied *range) {
    told *t = context;
    for (size_t i = 0; i < range->segment_count; i++)
        if (range->segments[i]) assert_true(t->count < 8), t->notes[t->count++] = range->segments[i]->note;
    return true;
}

/* What two directories share is written once, and told of once for each way in which it is read. */
static void test_shared(void **state) {
    (void)state;
    enum { SEGMENTS = 5, BYTES = 50 };
    static const char plain, packed;
    char folder[] = "/tmp/lethe-test-XXXXXX", path[64];
    uint8_t source[200], read_back[BYTES];
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/out", folder);
    for (unsigned i = 0; i < sizeof source; i++) source[i] = (uint8_t)(i * 7);
    FILE *file = tmpfile();
    assert_non_null(file);
    assert_int_equal(pwrite(fileno(file), source, sizeof source, 0), sizeof source);
    lethe_arena *arena = lethe_arena_create(1 << 20);
    lethe_tiff_segment segments[SEGMENTS] = {{.offset = 100, .bytes = BYTES, .note = &plain},
                                             {.offset = 150, .bytes = BYTES, .note = &plain},
                                             {.offset = 100, .bytes = BYTES, .note = &packed},
                                             {.offset = 100, .bytes = BYTES, .note = &packed},
                                             {.offset = 0, .bytes = BYTES, .note = &packed}};
    const lethe_tiff_tree like = {.big = true, .arena = arena};
    lethe_tiff_draft *draft = lethe_tiff_draft_create(&like, arena);
    assert_non_null(draft);
    for (unsigned i = 0; i < 2; i++) {
        lethe_tiff_draft_directory *d = lethe_tiff_draft_add(draft, NULL);
        assert_non_null(d);
        assert_int_equal(lethe_tiff_draft_segments(d, true, segments + 2 * i, i ? 3 : 2, NULL), LETHE_OK);
    }
    told t = {0};
    const lethe_tiff_watcher watcher = {.copied = note_segments, .context = &t};
    lethe_output *output;
    assert_int_equal(lethe_output_create(path, &output, NULL), LETHE_OK);
    assert_int_equal(lethe_tiff_draft_write(draft, fileno(file), output, &watcher, NULL), LETHE_OK);
    assert_int_equal(lethe_output_flush(output, NULL), LETHE_OK);
    /* By source: 0; 100 in the first directory, then in the second, whose other tile says nothing new; 150. */
    assert_int_equal(t.count, 4);
    assert_true(t.notes[0] == &packed && t.notes[1] == &plain && t.notes[2] == &packed && t.notes[3] == &plain);
    uint64_t first = segments[4].out_offset;
    assert_true(segments[0].out_offset == first + BYTES && segments[1].out_offset == first + 2 * BYTES);
    assert_true(segments[2].out_offset == segments[0].out_offset && segments[3].out_offset == segments[0].out_offset);
    assert_int_equal(lethe_output_size(output), first + 3 * BYTES);
    for (unsigned i = 0; i < SEGMENTS; i++) {
        assert_int_equal(pread(lethe_output_fd(output), read_back, BYTES, (off_t)segments[i].out_offset), BYTES);
        assert_memory_equal(read_back, source + segments[i].offset, BYTES);
    }
    lethe_output_discard(output);
    lethe_arena_destroy(arena);
    assert_int_equal(fclose(file), 0);
    (void)rmdir(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_ndpi), cmocka_unit_test(test_big), cmocka_unit_test(test_classic_refuses),
                                       cmocka_unit_test(test_shared)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
