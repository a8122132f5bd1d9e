/* core/file and core/walk: maps, outputs that appear whole or not at all, folders, walks. */
#include "core/file.h"

#include "core/memory.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64];
static char made[8][128]; /* results of in(), used in turn */

static const char *in(const char *name) {
    static unsigned next;
    char *path = made[next++ % 8];
    (void)snprintf(path, sizeof made[0], "%s/%s", folder, name);
    return path;
}

static int set_up(void **state) {
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/lethe-file-XXXXXX");
    return mkdtemp(folder) == NULL;
}

static void remove_tree(const char *path) {
    DIR *open_folder = opendir(path);
    for (struct dirent *entry; open_folder != NULL && (entry = readdir(open_folder)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        char child[512];
        (void)snprintf(child, sizeof child, "%s/%s", path, entry->d_name);
        struct stat info;
        if (lstat(child, &info) == 0 && S_ISDIR(info.st_mode)) remove_tree(child);
        else (void)unlink(child);
    }
    if (open_folder != NULL) (void)closedir(open_folder);
    (void)rmdir(path);
}

static int tear_down(void **state) {
    (void)state;
    remove_tree(folder);
    return 0;
}

static unsigned entries(void) {
    unsigned count = 0;
    DIR *open_folder = opendir(folder);
    while (readdir(open_folder) != NULL) count++;
    (void)closedir(open_folder);
    return count - 2;
}

static void map_is_whole_and_read_only(void **state) {
    (void)state;
    assert_int_equal(lethe_file_write(in("a"), "hello", 5, 0640, NULL), LETHE_OK);
    struct stat info;
    assert_int_equal(stat(in("a"), &info), 0);
    assert_int_equal(info.st_mode & 0777, 0640);
    lethe_map map;
    assert_int_equal(lethe_map_open(in("a"), &map, NULL), LETHE_OK);
    assert_int_equal(map.size, 5);
    assert_memory_equal(map.bytes, "hello", 5);
    assert_int_equal(fcntl(map.fd, F_GETFL) & O_ACCMODE, O_RDONLY);
    lethe_map_close(&map);
    lethe_map_close(&map);
    assert_int_equal(lethe_file_write(in("empty"), "", 0, 0600, NULL), LETHE_OK);
    assert_int_equal(lethe_map_open(in("empty"), &map, NULL), LETHE_OK);
    assert_int_equal(map.size, 0);
    assert_null(map.bytes);
    lethe_map_close(&map);
    lethe_error error = {0};
    assert_int_equal(lethe_map_open(folder, &map, &error), LETHE_IO);
    assert_null(strstr(error.message, folder));
    assert_int_equal(lethe_map_open(in("missing"), &map, NULL), LETHE_IO);
    assert_int_equal(mkfifo(in("fifo"), 0600), 0);
    assert_int_equal(lethe_map_open(in("fifo"), &map, NULL), LETHE_IO); /* and does not wait for a writer */
    lethe_map_close(NULL);
}

static void read_is_capped(void **state) {
    (void)state;
    char block[40000];
    memset(block, 'q', sizeof block);
    assert_int_equal(lethe_file_write(in("q"), block, sizeof block, 0600, NULL), LETHE_OK);
    lethe_buffer buffer;
    lethe_buffer_init(&buffer, sizeof block);
    assert_int_equal(lethe_file_read(in("q"), &buffer, NULL), LETHE_OK);
    assert_int_equal(buffer.size, sizeof block);
    lethe_buffer_release(&buffer);
    lethe_buffer_init(&buffer, sizeof block - 1);
    assert_int_equal(lethe_file_read(in("q"), &buffer, NULL), LETHE_LIMIT);
    lethe_buffer_release(&buffer);
}

static void output_is_invisible_until_commit(void **state) {
    (void)state;
    assert_int_equal(lethe_file_write(in("target"), "old", 3, 0600, NULL), LETHE_OK);
    lethe_output *output = NULL;
    assert_int_equal(lethe_output_create(in("target"), &output, NULL), LETHE_OK);
    struct stat info;
    assert_int_equal(fstat(lethe_output_fd(output), &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    char block[100000];
    memset(block, 'n', sizeof block);
    assert_int_equal(lethe_output_write(output, "head", 4, NULL), LETHE_OK);
    assert_int_equal(lethe_output_write(output, block, sizeof block, NULL), LETHE_OK);
    assert_int_equal(lethe_output_write(output, "tail", 4, NULL), LETHE_OK);
    assert_int_equal(lethe_output_size(output), 100008);
    assert_int_equal(stat(in("target"), &info), 0);
    assert_int_equal(info.st_size, 3);
    assert_int_equal(lethe_output_commit(output, 0644, LETHE_SYNC_FULL, NULL), LETHE_OK);
    assert_int_equal(stat(in("target"), &info), 0);
    assert_int_equal(info.st_size, 100008);
    assert_int_equal(info.st_mode & 0777, 0644);
    assert_int_equal(entries(), 1);
    assert_int_equal(lethe_output_create(in("target"), &output, NULL), LETHE_OK);
    assert_int_equal(lethe_output_write(output, "x", 1, NULL), LETHE_OK);
    lethe_output_discard(output);
    lethe_output_discard(NULL);
    assert_int_equal(stat(in("target"), &info), 0);
    assert_int_equal(info.st_size, 100008);
    assert_int_equal(entries(), 1);
    assert_int_equal(lethe_output_create(in("no/such/folder"), &output, NULL), LETHE_IO);
    assert_null(output);
}

static void output_copies_ranges(void **state) {
    (void)state;
    uint8_t source[70000];
    for (size_t i = 0; i < sizeof source; i++) source[i] = (uint8_t)(i * 31 + i / 256);
    assert_int_equal(lethe_file_write(in("source"), source, sizeof source, 0600, NULL), LETHE_OK);
    lethe_map map, result;
    assert_int_equal(lethe_map_open(in("source"), &map, NULL), LETHE_OK);
    lethe_output *output = NULL;
    assert_int_equal(lethe_output_create(in("copy"), &output, NULL), LETHE_OK);
    assert_int_equal(lethe_output_write(output, "<", 1, NULL), LETHE_OK);
    assert_int_equal(lethe_output_copy(output, map.fd, 100, 60001, NULL), LETHE_OK);
    assert_int_equal(lethe_output_write(output, ">", 1, NULL), LETHE_OK);
    assert_int_equal(lethe_output_copy(output, map.fd, 0, 0, NULL), LETHE_OK);
    assert_int_equal(lethe_output_copy(output, map.fd, 0, 3, NULL), LETHE_OK);
    assert_int_equal(lethe_output_commit(output, 0600, LETHE_SYNC_NONE, NULL), LETHE_OK);
    assert_int_equal(lethe_map_open(in("copy"), &result, NULL), LETHE_OK);
    assert_int_equal(result.size, 1 + 60001 + 1 + 3);
    assert_int_equal(result.bytes[0], '<');
    assert_memory_equal(result.bytes + 1, source + 100, 60001);
    assert_int_equal(result.bytes[60002], '>');
    assert_memory_equal(result.bytes + 60003, source, 3);
    lethe_map_close(&result);
    assert_int_equal(lethe_output_create(in("copy"), &output, NULL), LETHE_OK);
    assert_int_equal(lethe_output_copy(output, map.fd, sizeof source - 5, 6, NULL), LETHE_IO); /* one byte more than there is */
    lethe_output_discard(output);
    lethe_map_close(&map);
}

/* A full disk, as a limit on the file's size: every step fails cleanly and the old file stays. */
static void full_disk_leaves_the_old_file(void **state) {
    (void)state;
    assert_int_equal(lethe_file_write(in("target"), "old", 3, 0600, NULL), LETHE_OK);
    char block[100000];
    memset(block, 'n', sizeof block);
    (void)signal(SIGXFSZ, SIG_IGN);
    struct rlimit before, small = {50000, RLIM_INFINITY};
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small.rlim_max = before.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    lethe_error error = {0};
    lethe_status status = lethe_file_write(in("target"), block, sizeof block, 0600, &error);
    lethe_status buffered = lethe_file_write(in("target"), block, 60000, 0600, NULL); /* fits the buffer: fails at commit */
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(status, LETHE_IO);
    assert_int_equal(buffered, LETHE_IO);
    struct stat info;
    assert_int_equal(stat(in("target"), &info), 0);
    assert_int_equal(info.st_size, 3);
    assert_int_equal(entries(), 1);
}

static void output_survives_failing_allocations(void **state) {
    (void)state;
    unsigned failures = 0;
    for (unsigned n = 1; n < 20; n++) {
        lethe_memory_fail_at(n);
        lethe_status status = lethe_file_write(in("target"), "new", 3, 0600, NULL);
        bool injected = status != LETHE_OK;
        lethe_memory_fail_at(0);
        if (!injected) break;
        failures++;
        assert_int_equal(status, LETHE_NO_MEMORY);
    }
    assert_in_range(failures, 3, 10);
    assert_int_equal(entries(), 1);
}

static void folders(void **state) {
    (void)state;
    struct stat info;
    assert_int_equal(lethe_folder_create(in("a/b/c"), 0700, NULL), LETHE_OK);
    assert_int_equal(lethe_folder_create(in("a/b/c"), 0700, NULL), LETHE_OK);
    assert_int_equal(stat(in("a/b"), &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);
    assert_int_equal(lethe_folder_create_for(in("d/e/file"), 0755, NULL), LETHE_OK);
    assert_int_equal(stat(in("d/e"), &info), 0);
    assert_int_not_equal(stat(in("d/e/file"), &info), 0);
    assert_int_equal(lethe_file_write(in("plain"), "", 0, 0600, NULL), LETHE_OK);
    assert_int_equal(lethe_folder_create(in("plain"), 0700, NULL), LETHE_IO);
    assert_int_equal(lethe_folder_create(in("plain/below"), 0700, NULL), LETHE_IO);
    assert_int_equal(lethe_folder_sync(in("a"), NULL), LETHE_OK);
    assert_int_equal(lethe_folder_sync(in("missing"), NULL), LETHE_IO);
}

static void paths(void **state) {
    (void)state;
    char *joined = lethe_path_join("a", "b"), *slashed = lethe_path_join("a/", "b"), *bare = lethe_path_join("", "b");
    assert_string_equal(joined, "a/b");
    assert_string_equal(slashed, "a/b");
    assert_string_equal(bare, "b");
    lethe_free(joined);
    lethe_free(slashed);
    lethe_free(bare);
    assert_string_equal(lethe_path_name("a/b/c.dcm"), "c.dcm");
    assert_string_equal(lethe_path_name("c.dcm"), "c.dcm");
    static const char *const unsafe[] = {"", "/a", "a/../b", "..", "a//b", "a/", "./a", "a\nb", "a\x7f"};
    for (size_t i = 0; i < sizeof unsafe / sizeof *unsafe; i++) assert_false(lethe_path_is_safe(unsafe[i]));
    static const char *const safe[] = {"a", "a/b", "..a/b..", "\xc3\xa9/x"};
    for (size_t i = 0; i < sizeof safe / sizeof *safe; i++) assert_true(lethe_path_is_safe(safe[i]));
}

static lethe_status note(void *context, const char *path, const char *relative, lethe_error *error) {
    lethe_buffer *list = context;
    assert_string_equal(path + strlen(path) - strlen(relative), relative);
    if (strcmp(relative, "stop") == 0) return lethe_fail(error, LETHE_NOT_FOUND, "stop");
    return lethe_buffer_printf(list, error, "%s|", relative);
}

static void walk_is_sorted_and_follows_no_links(void **state) {
    (void)state;
    static const char *const names[] = {"z/2", "z/10", "a/x", "m", ".hidden", "a/.lethe-AbCdEf.tmp"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_int_equal(lethe_folder_create_for(in(names[i]), 0700, NULL), LETHE_OK);
        assert_int_equal(lethe_file_write(in(names[i]), "", 0, 0600, NULL), LETHE_OK);
    }
    assert_int_equal(symlink("/etc/passwd", in("link")), 0);
    assert_int_equal(symlink("..", in("a/loop")), 0);
    assert_int_equal(mkfifo(in("pipe"), 0600), 0);
    lethe_buffer list;
    lethe_buffer_init(&list, 10000);
    assert_int_equal(lethe_walk(folder, note, &list, NULL), LETHE_OK);
    assert_string_equal(lethe_buffer_text(&list), ".hidden|a/x|m|z/10|z/2|");
    lethe_buffer_clear(&list);
    char slashed[80];
    (void)snprintf(slashed, sizeof slashed, "%s/", folder);
    assert_int_equal(lethe_walk(slashed, note, &list, NULL), LETHE_OK);
    assert_string_equal(lethe_buffer_text(&list), ".hidden|a/x|m|z/10|z/2|");
    lethe_buffer_clear(&list);
    assert_int_equal(lethe_walk(in("z/10"), note, &list, NULL), LETHE_OK);
    assert_string_equal(lethe_buffer_text(&list), "10|");
    assert_int_equal(lethe_walk(in("nothing"), note, &list, NULL), LETHE_IO);
    assert_int_equal(lethe_file_write(in("stop"), "", 0, 0600, NULL), LETHE_OK);
    lethe_buffer_clear(&list);
    assert_int_equal(lethe_walk(folder, note, &list, NULL), LETHE_NOT_FOUND);
    assert_string_equal(lethe_buffer_text(&list), ".hidden|a/x|m|");
    lethe_buffer_release(&list);
}

static lethe_status note_other(void *context, const char *relative, const char *what, lethe_error *error) {
    return lethe_buffer_printf(context, error, "%s=%s|", relative, what);
}

static void walk_tells_what_it_passes_over(void **state) {
    (void)state;
    assert_int_equal(lethe_file_write(in("a"), "", 0, 0600, NULL), LETHE_OK);
    assert_int_equal(lethe_file_write(in(".lethe-1.tmp"), "", 0, 0600, NULL), LETHE_OK);
    assert_int_equal(symlink("a", in("link")), 0);
    assert_int_equal(mkfifo(in("pipe"), 0600), 0);
    lethe_buffer list;
    lethe_buffer_init(&list, 10000);
    assert_int_equal(lethe_walk_all(folder, note, note_other, &list, NULL), LETHE_OK);
    assert_string_equal(lethe_buffer_text(&list), ".lethe-1.tmp=unfinished output|a|link=symbolic link|pipe=pipe|");
    lethe_buffer_release(&list);
}

static int entries_in_folder(void) {
    DIR *open_folder = opendir(folder);
    int count = 0;
    assert_non_null(open_folder);
    for (struct dirent *entry; (entry = readdir(open_folder)) != NULL;) count += entry->d_name[0] != '.' || strlen(entry->d_name) > 2;
    (void)closedir(open_folder);
    return count;
}

/* A child that dies in the middle of an output leaves nothing behind, where the file system can do that. */
static void killed_writer_leaves_nothing(void **state) {
    (void)state;
    int probe = open(folder, O_TMPFILE | O_RDWR, 0600);
    if (probe < 0) {
        print_message("skipped: no O_TMPFILE here\n");
        skip();
    }
    (void)close(probe);
    pid_t child = fork();
    if (child == 0) {
        lethe_output *output = NULL;
        if (lethe_output_create(in("x"), &output, NULL) != LETHE_OK) _exit(1);
        if (lethe_output_write(output, "secret", 6, NULL) != LETHE_OK || lethe_output_flush(output, NULL) != LETHE_OK) _exit(2);
        (void)raise(SIGKILL);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(entries_in_folder(), 0);
    for (int time = 0; time < 3; time++) { /* new, then replaced twice */
        assert_int_equal(lethe_file_write(in("x"), "abc", (size_t)time + 1, 0640, NULL), LETHE_OK);
        struct stat info;
        assert_int_equal(stat(in("x"), &info), 0);
        assert_int_equal(info.st_size, time + 1);
        assert_int_equal(info.st_mode & 0777, 0640);
        assert_int_equal(entries_in_folder(), 1);
    }
    lethe_output *output = NULL;
    assert_int_equal(lethe_output_create(in("x"), &output, NULL), LETHE_OK);
    assert_int_equal(lethe_output_commit_new(output, 0600, LETHE_SYNC_NONE, NULL), LETHE_EXISTS);
    assert_int_equal(entries_in_folder(), 1);
}

static void read_into_memory_that_is_used_again(void **state) {
    (void)state;
    lethe_buffer memory;
    lethe_buffer_init(&memory, 64);
    char text[100];
    memset(text, 'x', sizeof text);
    assert_int_equal(lethe_file_write(in("short"), "abc", 3, 0600, NULL), LETHE_OK);
    assert_int_equal(lethe_file_write(in("long"), text, sizeof text, 0600, NULL), LETHE_OK);
    lethe_map map;
    assert_int_equal(lethe_map_read(in("short"), &memory, 64, &map, NULL), LETHE_OK);
    assert_true(map.lent && map.size == 3 && map.bytes == memory.bytes);
    assert_memory_equal(map.bytes, "abc", 3);
    assert_true(map.fd >= 0);
    lethe_map_close(&map);
    assert_int_equal(memory.size, 3); /* the buffer stays the caller's */
    assert_int_equal(lethe_map_read(in("long"), &memory, 64, &map, NULL), LETHE_OK);
    assert_true(!map.lent && map.size == sizeof text);
    assert_memory_equal(map.bytes, text, sizeof text);
    lethe_map_close(&map);
    assert_int_equal(lethe_map_read(in("none"), &memory, 64, &map, NULL), LETHE_IO);
    lethe_buffer_release(&memory);
}

static void write_in(lethe_outlet *outlet, const char *path, const char *text, lethe_status wanted) {
    lethe_output *output = NULL;
    assert_int_equal(lethe_output_create_in(outlet, path, &output, NULL), LETHE_OK);
    assert_int_equal(lethe_output_want_sha256(output, NULL), LETHE_OK);
    assert_int_equal(lethe_output_write(output, text, strlen(text), NULL), LETHE_OK);
    assert_int_equal(lethe_output_commit_new(output, 0644, LETHE_SYNC_NONE, NULL), wanted);
}

static void expect_content(const char *path, const char *text) {
    lethe_buffer content;
    lethe_buffer_init(&content, 1000);
    assert_int_equal(lethe_file_read(path, &content, NULL), LETHE_OK);
    assert_string_equal(lethe_buffer_text(&content), text);
    lethe_buffer_release(&content);
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0644);
}

static void outlet_makes_one_output_after_the_other(void **state) {
    (void)state;
    lethe_outlet *outlet = NULL;
    assert_int_equal(lethe_outlet_create(&outlet, NULL), LETHE_OK);
    write_in(outlet, in("a/b/one"), "one", LETHE_OK);
    write_in(outlet, in("a/b/two"), "two", LETHE_OK);
    write_in(outlet, in("a/b/one"), "other", LETHE_EXISTS);
    write_in(outlet, in("a/c/one"), "three", LETHE_OK);
    expect_content(in("a/b/one"), "one");
    expect_content(in("a/b/two"), "two");
    expect_content(in("a/c/one"), "three");
    /* A folder that somebody removed is made again. */
    assert_int_equal(unlink(in("a/c/one")), 0);
    assert_int_equal(rmdir(in("a/c")), 0);
    write_in(outlet, in("a/c/one"), "four", LETHE_OK);
    expect_content(in("a/c/one"), "four");
    /* One that was moved is left alone from the next round on. */
    assert_int_equal(rename(in("a/c"), in("a/moved")), 0);
    lethe_outlet_forget(outlet);
    write_in(outlet, in("a/c/two"), "five", LETHE_OK);
    expect_content(in("a/c/two"), "five");
    assert_int_equal(access(in("a/moved/two"), F_OK), -1);
    /* Discarded ones leave nothing. */
    lethe_output *output = NULL;
    assert_int_equal(lethe_output_create_in(outlet, in("a/c/three"), &output, NULL), LETHE_OK);
    lethe_output_discard(output);
    assert_int_equal(rmdir(in("a/c")), -1);
    assert_int_equal(unlink(in("a/c/two")), 0);
    assert_int_equal(rmdir(in("a/c")), 0);
    /* Without an outlet it is an output like any other. */
    write_in(NULL, in("d/one"), "six", LETHE_OK);
    expect_content(in("d/one"), "six");
    assert_int_equal(lethe_file_write(in("file"), "", 0, 0600, NULL), LETHE_OK);
    assert_true(lethe_output_create_in(outlet, in("file/one"), &output, NULL) != LETHE_OK);
    assert_null(output);
    lethe_outlet_destroy(outlet);
    lethe_outlet_destroy(NULL);
    lethe_outlet_forget(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(read_into_memory_that_is_used_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(outlet_makes_one_output_after_the_other, set_up, tear_down),
        cmocka_unit_test_setup_teardown(map_is_whole_and_read_only, set_up, tear_down),
        cmocka_unit_test_setup_teardown(read_is_capped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(output_is_invisible_until_commit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(output_copies_ranges, set_up, tear_down),
        cmocka_unit_test_setup_teardown(full_disk_leaves_the_old_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(output_survives_failing_allocations, set_up, tear_down),
        cmocka_unit_test_setup_teardown(folders, set_up, tear_down),
        cmocka_unit_test(paths),
        cmocka_unit_test_setup_teardown(walk_is_sorted_and_follows_no_links, set_up, tear_down),
        cmocka_unit_test_setup_teardown(walk_tells_what_it_passes_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(killed_writer_leaves_nothing, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
