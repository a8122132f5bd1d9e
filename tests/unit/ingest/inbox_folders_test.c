/* The sweep's walk while others take files and folders of the inbox away. */
#include "core/file.h"
#include "core/memory.h"
#include "core/project.h"
#include "core/queue.h"
#include "core/text.h"
#include "ingest/inbox_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

typedef struct taker {
    const char *removed; /* the first file that is visited takes this one away */
    const char *folder;  /* and this folder, which is empty */
    unsigned visited, ended;
} taker;

static lethe_status visit(void *context, const char *path, const char *relative, lethe_error *error) {
    taker *self = context;
    (void)path;
    (void)relative;
    (void)error;
    if (self->visited++ == 0) {
        if (self->removed != NULL) assert_int_equal(unlink(self->removed), 0);
        if (self->folder != NULL) assert_int_equal(rmdir(self->folder), 0);
    }
    return LETHE_OK;
}

static lethe_status end(void *context, lethe_error *error) {
    taker *self = context;
    (void)error;
    self->ended++;
    return LETHE_OK;
}

static void touch(const char *path) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
}

static void remove_project(const char *folder) {
    assert_true(lethe_text_starts(folder, "/tmp/"));
    inbox_remove_tree(folder);
}

static void test_taken_away(void **state) {
    (void)state;
    char folder[] = "/tmp/lethe-folders-XXXXXX";
    lethe_error error = {0};
    lethe_project *project = NULL;
    lethe_queue *queue = NULL;
    lethe_inbox *inbox = NULL;
    assert_non_null(mkdtemp(folder));
    char *root = lethe_asprintf("%s/p", folder);
    assert_int_equal(lethe_project_create(root, "p", NULL, &error), LETHE_OK);
    assert_int_equal(lethe_project_open(root, true, &project, &error), LETHE_OK);
    assert_int_equal(lethe_queue_open(project, &queue, &error), LETHE_OK);
    assert_int_equal(lethe_inbox_open(project, 0, &inbox, &error), LETHE_OK);
    char *minute = lethe_asprintf("%s/20260131/1207", project->inbox_path), *later = lethe_asprintf("%s/20260131/1208", project->inbox_path);
    char *first = lethe_asprintf("%s/a.dcm", minute), *second = lethe_asprintf("%s/b.dcm", minute), *third = lethe_asprintf("%s/c.dcm", minute);
    assert_int_equal(lethe_folder_create(minute, 0700, &error), LETHE_OK);
    assert_int_equal(lethe_folder_create(later, 0700, &error), LETHE_OK);
    touch(first);
    touch(second);
    touch(third);
    taker one = {.removed = second, .folder = later};
    const uint64_t trouble = 0;
    const inbox_visit look = {visit, end, &trouble, &one};
    assert_int_equal(inbox_walk_changed(inbox, queue, &look, &error), LETHE_OK);
    assert_int_equal(one.visited, 2); /* a and c */
    assert_int_equal(one.ended, 1);
    /* A folder whose entries changed under the walk is not taken for swept. */
    taker again = {0};
    const inbox_visit second_look = {visit, end, &trouble, &again};
    assert_int_equal(inbox_walk_changed(inbox, queue, &second_look, &error), LETHE_OK);
    assert_int_equal(again.visited, 2);
    lethe_free(minute);
    lethe_free(later);
    lethe_free(first);
    lethe_free(second);
    lethe_free(third);
    lethe_free(root);
    lethe_inbox_close(inbox);
    lethe_queue_close(queue);
    lethe_project_close(project);
    remove_project(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_taken_away)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
