/* Undo while the store fails in the middle of a step: what came back does not come back twice, and the rest follows when the store answers again. */
#include "core/database.h"
#include "tests/unit/annotate/store_fixture.h"
#include "viewer/marks.h"
#include "viewer/marks_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const char first_image[] = "2.25.3", second_image[] = "2.25.4";

static lethe_shape point_at(double x) {
    lethe_shape shape = {0};
    lethe_error error = {0};
    lethe_point at = {x, 5};
    assert_int_equal(lethe_shape_make_points(LETHE_SHAPE_POINT, &at, 1, 0, &shape, &error), LETHE_OK);
    return shape;
}

static void add(lethe_marks *marks, const char *image, double x) {
    lethe_error error = {0};
    lethe_shape shape = point_at(x);
    assert_int_equal(lethe_marks_add(marks, image, "finding", "point", &shape, "Earlier", NULL, &error), LETHE_OK);
}

static void add_to_batch(lethe_paint_batch *batch, const char *image, double x) {
    assert_true(batch->count < 3);
    batch->items[batch->count++] =
        (lethe_annotation){.level = LETHE_LEVEL_REGION, .image = image, .label = "finding", .tool = "point", .confidence = -1, .shape = point_at(x)};
}

/* What the store holds of an image: marks that are not deleted. */
static size_t stored(const fixture *f, const char *image) {
    lethe_annotations *found = NULL;
    lethe_error error = {0};
    const lethe_annotation_filter filter = {.image = image};
    assert_int_equal(lethe_store_load(f->store, &filter, &found, &error), LETHE_OK);
    size_t count = found->count;
    lethe_annotations_destroy(found);
    return count;
}

/* The store refuses undo (tool "undo") or redo on the second image. */
static void refuse(const fixture *f, const char *sql) {
    char *url = lethe_project_catalogue_url(f->project);
    lethe_database *database = NULL;
    lethe_error error = {0};
    assert_int_equal(lethe_database_open(url, NULL, &database, &error), LETHE_OK);
    if (lethe_database_execute(database, sql, &error) != LETHE_OK) fail_msg("%s", error.message);
    lethe_database_close(database);
    lethe_free(url);
}

static void step_that_fails_halfway(void **state) {
    (void)state;
    fixture f;
    fixture_open(&f);
    lethe_marks *marks = NULL;
    lethe_error error = {0};
    const char *image = NULL;
    assert_int_equal(lethe_marks_open(f.store, "2.25.1", NULL, 0, &marks, &error), LETHE_OK);
    add(marks, first_image, 1); /* must stay whatever happens to the step after it */
    add(marks, second_image, 1);
    lethe_paint_batch batch = {.items = lethe_alloc_array(3, sizeof *batch.items)};
    assert_non_null(batch.items);
    add_to_batch(&batch, first_image, 10);
    add_to_batch(&batch, second_image, 20);
    add_to_batch(&batch, second_image, 30);
    assert_int_equal(lethe_paint_batch_save(marks, &batch, "Grown", &error), LETHE_OK);
    assert_int_equal(stored(&f, first_image), 2);
    assert_int_equal(stored(&f, second_image), 3);

    /* One of the second image's two changes goes through. */
    refuse(&f, "CREATE TRIGGER refuse BEFORE INSERT ON annotation_revision WHEN NEW.tool IN ('undo', 'redo') AND NEW.annotation = 4 "
               "BEGIN SELECT RAISE(ABORT, 'no'); END;");
    for (int n = 0; n < 2; n++) {
        assert_int_not_equal(lethe_marks_undo(marks, &image, &error), LETHE_OK);
        assert_string_equal(lethe_marks_undo_name(marks), "Grown");
        assert_int_equal(stored(&f, first_image), 1);
        assert_int_equal(stored(&f, second_image), 2);
    }
    refuse(&f, "DROP TRIGGER refuse");
    assert_int_equal(lethe_marks_undo(marks, &image, &error), LETHE_OK);
    assert_int_equal(stored(&f, first_image), 1);
    assert_int_equal(stored(&f, second_image), 1);
    assert_int_equal(lethe_marks_redo(marks, &image, &error), LETHE_OK); /* all of it */
    assert_int_equal(stored(&f, first_image), 2);
    assert_int_equal(stored(&f, second_image), 3);
    lethe_marks_close(marks);
    fixture_close(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(step_that_fails_halfway)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
