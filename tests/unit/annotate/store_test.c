/* The store: append-only revisions, undo over sessions, named states, blind readers, schemas. */
#include "store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const char schema_yaml[] =
    "schema: t\nversion: 1\nlabels:\n"
    "  - {name: lesion, level: region, geometries: [box, polygon, mask, volume], fields: [{name: grade, answer: ordinal, required: true, "
    "options: [{value: \"1\"}, {value: \"2\"}]}]}\n"
    "  - {name: class, level: image, answer: single, options: [{value: a}, {value: b}]}\n";

static lethe_annotation box_on(const char *image, lethe_shape *shape, double x) {
    lethe_error error = {0};
    assert_int_equal(lethe_shape_make_box(x, 1, x + 5, 9, 0, shape, &error), LETHE_OK);
    return (lethe_annotation){
        .level = LETHE_LEVEL_REGION, .image = image, .label = "lesion", .tool = "box", .spent_ms = 1500, .shape = *shape, .confidence = -1};
}

static size_t count_on(lethe_store *store, const char *image) {
    lethe_annotations *list = NULL;
    lethe_error error = {0};
    lethe_annotation_filter filter = {.image = image};
    assert_int_equal(lethe_store_load(store, &filter, &list, &error), LETHE_OK);
    size_t count = list->count;
    lethe_annotations_destroy(list);
    return count;
}

static void test_append_and_history(void **state) {
    (void)state;
    fixture f;
    fixture_open(&f);
    lethe_error error = {0};
    lethe_shape shape;
    lethe_annotation a = box_on("2.25.3", &shape, 2);
    assert_int_equal(lethe_store_append(f.store, &a, &error), LETHE_OK);
    assert_true(a.id > 0 && a.revision > 0);
    int64_t first = a.revision;
    a.shape.points[1].x = 30;
    assert_int_equal(lethe_store_append(f.store, &a, &error), LETHE_OK);
    assert_true(a.revision > first);
    /* A change of what is no longer current is refused. */
    lethe_annotation stale = a;
    stale.revision = first;
    assert_int_equal(lethe_store_append(f.store, &stale, &error), LETHE_EXISTS);
    lethe_error_clear(&error);
    lethe_annotations *list = NULL;
    lethe_annotation_filter filter = {.annotation = a.id, .history = true};
    assert_int_equal(lethe_store_load(f.store, &filter, &list, &error), LETHE_OK);
    assert_int_equal(list->count, 2);
    assert_string_equal(list->items[1].patient, "P-A");
    assert_string_equal(list->items[1].series_uid, "2.25.2");
    assert_int_equal(list->items[1].spent_ms, 1500);
    assert_true(lethe_shape_equal(&list->items[1].shape, &a.shape));
    assert_float_equal(list->items[0].shape.points[1].x, 7, 0);
    lethe_annotations_destroy(list);
    /* The database itself refuses to rewrite history. */
    assert_int_equal(lethe_database_execute(lethe_store_database(f.store), "UPDATE annotation_revision SET label = 'x'", NULL), LETHE_DATABASE);
    assert_int_equal(lethe_database_execute(lethe_store_database(f.store), "DELETE FROM annotation_revision", NULL), LETHE_DATABASE);
    assert_int_equal(lethe_database_execute(lethe_store_database(f.store), "DELETE FROM annotation", NULL), LETHE_DATABASE);
    assert_int_equal(lethe_store_delete(f.store, a.id, 10, &error), LETHE_OK);
    assert_int_equal(count_on(f.store, "2.25.3"), 0);
    lethe_shape_release(&shape);
    fixture_close(&f);
}

static void test_unreleased_image_is_refused(void **state) {
    (void)state;
    fixture f;
    fixture_open(&f);
    lethe_error error = {0};
    lethe_shape shape;
    lethe_annotation a = box_on("2.25.999", &shape, 2);
    assert_int_equal(lethe_store_append(f.store, &a, &error), LETHE_NOT_FOUND);
    assert_int_equal(a.id, 0);
    lethe_annotation nowhere = {.level = LETHE_LEVEL_IMAGE, .label = "class", .value = "a"};
    lethe_error_clear(&error);
    assert_int_equal(lethe_store_append(f.store, &nowhere, &error), LETHE_MALFORMED);
    lethe_shape_release(&shape);
    fixture_close(&f);
}

static void test_batch_is_all_or_none(void **state) {
    (void)state;
    fixture f;
    fixture_open(&f);
    lethe_error error = {0};
    lethe_shape one, two;
    lethe_annotation batch[2] = {box_on("2.25.3", &one, 2), box_on("2.25.999", &two, 2)};
    size_t failed = 99;
    assert_int_equal(lethe_store_append_many(f.store, batch, 2, &failed, &error), LETHE_NOT_FOUND);
    assert_int_equal(failed, 1);
    assert_int_equal(count_on(f.store, "2.25.3"), 0);
    lethe_shape_release(&one);
    lethe_shape_release(&two);
    fixture_close(&f);
}

static void test_undo_redo_over_sessions(void **state) {
    (void)state;
    fixture f;
    fixture_open(&f);
    lethe_error error = {0};
    lethe_shape one, two;
    lethe_annotation a = box_on("2.25.3", &one, 2), b = box_on("2.25.3", &two, 12);
    int64_t changed;
    assert_int_equal(lethe_store_append(f.store, &a, &error), LETHE_OK);
    assert_int_equal(lethe_store_append(f.store, &b, &error), LETHE_OK);
    b.label = "other";
    assert_int_equal(lethe_store_append(f.store, &b, &error), LETHE_OK);
    /* The session ends; another one undoes. */
    lethe_store_close(f.store);
    assert_int_equal(lethe_store_open(f.project, NULL, &f.store, &error), LETHE_OK);
    assert_int_equal(lethe_store_undo(f.store, "2.25.3", &changed, &error), LETHE_OK);
    assert_int_equal(changed, b.id);
    lethe_annotations *list = NULL;
    lethe_annotation_filter filter = {.annotation = b.id};
    assert_int_equal(lethe_store_load(f.store, &filter, &list, &error), LETHE_OK);
    assert_string_equal(list->items[0].label, "lesion");
    lethe_annotations_destroy(list);
    assert_int_equal(lethe_store_undo(f.store, "2.25.3", &changed, &error), LETHE_OK);
    assert_int_equal(changed, b.id);
    assert_int_equal(count_on(f.store, "2.25.3"), 1);
    assert_int_equal(lethe_store_undo(f.store, "2.25.3", &changed, &error), LETHE_OK);
    assert_int_equal(changed, a.id);
    assert_int_equal(count_on(f.store, "2.25.3"), 0);
    assert_int_equal(lethe_store_undo(f.store, "2.25.3", &changed, &error), LETHE_OK);
    assert_int_equal(changed, 0);
    for (int i = 0; i < 3; i++) assert_int_equal(lethe_store_redo(f.store, "2.25.3", &changed, &error), LETHE_OK);
    assert_int_equal(changed, b.id);
    assert_int_equal(count_on(f.store, "2.25.3"), 2);
    assert_int_equal(lethe_store_load(f.store, &filter, &list, &error), LETHE_OK);
    assert_string_equal(list->items[0].label, "other");
    lethe_annotations_destroy(list);
    assert_int_equal(lethe_store_redo(f.store, "2.25.3", &changed, &error), LETHE_OK);
    assert_int_equal(changed, 0);
    /* Undo a redo, then do something new: the redo list is gone. */
    assert_int_equal(lethe_store_undo(f.store, "2.25.3", &changed, &error), LETHE_OK);
    assert_int_equal(changed, b.id);
    lethe_shape three;
    lethe_annotation c = box_on("2.25.3", &three, 20);
    assert_int_equal(lethe_store_append(f.store, &c, &error), LETHE_OK);
    assert_int_equal(lethe_store_redo(f.store, "2.25.3", &changed, &error), LETHE_OK);
    assert_int_equal(changed, 0);
    lethe_shape_release(&c.shape);
    lethe_shape_release(&one);
    lethe_shape_release(&two);
    fixture_close(&f);
}

static void test_named_states(void **state) {
    (void)state;
    fixture f;
    fixture_open(&f);
    lethe_error error = {0};
    lethe_shape one, two;
    lethe_annotation a = box_on("2.25.3", &one, 2), b = box_on("2.25.3", &two, 12);
    int64_t changed;
    assert_int_equal(lethe_store_append(f.store, &a, &error), LETHE_OK);
    assert_int_equal(lethe_store_name_state(f.store, "2.25.3", "before lunch", &error), LETHE_OK);
    assert_int_equal(lethe_store_append(f.store, &b, &error), LETHE_OK);
    assert_int_equal(lethe_store_delete(f.store, a.id, 0, &error), LETHE_OK);
    assert_int_equal(lethe_store_restore_state(f.store, "2.25.3", "before lunch", &changed, &error), LETHE_OK);
    assert_int_equal(changed, 2);
    lethe_annotations *list = NULL;
    lethe_annotation_filter filter = {.image = "2.25.3"};
    assert_int_equal(lethe_store_load(f.store, &filter, &list, &error), LETHE_OK);
    assert_int_equal(list->count, 1);
    assert_int_equal(list->items[0].id, a.id);
    lethe_annotations_destroy(list);
    lethe_state_names *names = NULL;
    assert_int_equal(lethe_store_state_names(f.store, "2.25.3", &names, &error), LETHE_OK);
    assert_int_equal(names->count, 1);
    assert_string_equal(names->items[0].name, "before lunch");
    lethe_state_names_destroy(names);
    assert_int_equal(lethe_store_restore_state(f.store, "2.25.3", "never", &changed, &error), LETHE_NOT_FOUND);
    lethe_shape_release(&one);
    lethe_shape_release(&two);
    fixture_close(&f);
}

static void test_blind_readers(void **state) {
    (void)state;
    fixture f;
    fixture_open(&f);
    lethe_error error = {0};
    lethe_shape one, two, three;
    assert_int_equal(lethe_store_add_user(f.store, "anne", LETHE_ROLE_READER, &error), LETHE_OK);
    assert_int_equal(lethe_store_add_user(f.store, "bert", LETHE_ROLE_READER, &error), LETHE_OK);
    assert_int_equal(lethe_store_add_user(f.store, "anne", LETHE_ROLE_READER, &error), LETHE_EXISTS);
    lethe_error_clear(&error);
    lethe_annotation prediction = box_on("2.25.3", &three, 4);
    prediction.source = "model";
    assert_int_equal(lethe_store_append_as(f.store, "local", true, &prediction, 1, NULL, &error), LETHE_OK);
    lethe_store *anne = NULL, *bert = NULL, *nobody = NULL;
    assert_int_equal(lethe_store_open(f.project, "anne", &anne, &error), LETHE_OK);
    assert_int_equal(lethe_store_open(f.project, "bert", &bert, &error), LETHE_OK);
    assert_int_equal(lethe_store_open(f.project, "carl", &nobody, &error), LETHE_NOT_FOUND);
    lethe_error_clear(&error);
    lethe_annotation a = box_on("2.25.3", &one, 2), b = box_on("2.25.3", &two, 2);
    assert_int_equal(lethe_store_append(anne, &a, &error), LETHE_OK);
    assert_int_equal(count_on(bert, "2.25.3"), 1); /* the prediction only */
    assert_int_equal(count_on(anne, "2.25.3"), 2);
    /* Bert cannot change Anne's. */
    b.id = a.id;
    assert_int_equal(lethe_store_append(bert, &b, &error), LETHE_DENIED);
    lethe_error_clear(&error);
    /* Anne corrects the prediction: her own copy, Bert still sees the model's. */
    lethe_annotation correction = prediction;
    correction.revision = 0;
    assert_int_equal(lethe_store_append(anne, &correction, &error), LETHE_OK);
    assert_int_not_equal(correction.id, prediction.id);
    assert_int_equal(count_on(anne, "2.25.3"), 2);
    assert_int_equal(count_on(bert, "2.25.3"), 1);
    assert_int_equal(lethe_store_append_as(bert, "anne", false, &b, 1, NULL, &error), LETHE_DENIED);
    lethe_store_close(anne);
    lethe_store_close(bert);
    lethe_shape_release(&one);
    lethe_shape_release(&two);
    lethe_shape_release(&three);
    fixture_close(&f);
}

static void test_schema_rules(void **state) {
    (void)state;
    fixture f;
    fixture_open(&f);
    lethe_error error = {0};
    lethe_shape one;
    assert_int_equal(lethe_store_install_schema(f.store, schema_yaml, sizeof schema_yaml - 1, "t.yaml", &error), LETHE_OK);
    lethe_annotation a = box_on("2.25.3", &one, 2);
    a.form = "{\"grade\":\"2\"}";
    assert_int_equal(lethe_store_append(f.store, &a, &error), LETHE_OK);
    a.form = "{\"grade\":\"3\"}";
    assert_int_equal(lethe_store_append(f.store, &a, &error), LETHE_MALFORMED);
    lethe_error_clear(&error);
    lethe_annotation c = {.level = LETHE_LEVEL_IMAGE, .image = "P-B/slides/JNOHPOSX.svs", .label = "class", .value = "c"};
    assert_int_equal(lethe_store_append(f.store, &c, &error), LETHE_MALFORMED);
    lethe_error_clear(&error);
    c.value = "b";
    assert_int_equal(lethe_store_append(f.store, &c, &error), LETHE_OK);
    /* Labels in use cannot be taken away; adding is fine. */
    static const char smaller[] =
        "schema: t\nversion: 2\nlabels:\n  - {name: class, level: image, answer: single, options: [{value: a}, {value: b}]}\n";
    assert_int_equal(lethe_store_install_schema(f.store, smaller, sizeof smaller - 1, "t2.yaml", &error), LETHE_CONFIG);
    assert_non_null(strstr(error.message, "lesion"));
    lethe_error_clear(&error);
    char larger[2048];
    (void)snprintf(larger, sizeof larger, "%s  - {name: extra, level: study, answer: text}\n", schema_yaml);
    larger[strlen("schema: t\nversion: ")] = '2';
    assert_int_equal(lethe_store_install_schema(f.store, larger, strlen(larger), "t2.yaml", &error), LETHE_OK);
    assert_int_equal(lethe_store_schema(f.store)->version, 2);
    lethe_shape_release(&one);
    fixture_close(&f);
}

static void test_cases_and_box_query(void **state) {
    (void)state;
    fixture f;
    fixture_open(&f);
    lethe_error error = {0};
    lethe_cases *cases = NULL;
    enum { MANY = 2000 };
    static lethe_annotation batch[MANY];
    static lethe_shape shapes[MANY];
    for (int i = 0; i < MANY; i++) batch[i] = box_on("P-B/slides/JNOHPOSX.svs", &shapes[i], i * 10);
    assert_int_equal(lethe_store_append_many(f.store, batch, MANY, NULL, &error), LETHE_OK);
    lethe_annotations *list = NULL;
    lethe_box window = {100.5, 0, 131, 20};
    lethe_annotation_filter filter = {.image = "P-B/slides/JNOHPOSX.svs", .within = &window};
    assert_int_equal(lethe_store_load(f.store, &filter, &list, &error), LETHE_OK);
    assert_int_equal(list->count, 4); /* those that start at 100, 110, 120 and 130 */
    lethe_annotations_destroy(list);
    assert_int_equal(lethe_store_cases(f.store, &cases, &error), LETHE_OK);
    assert_int_equal(cases->count, 2);
    assert_string_equal(cases->items[0].id, "2.25.1");
    assert_int_equal(cases->items[0].image_count, 2);
    assert_true(cases->items[1].is_slide);
    assert_int_equal(cases->items[1].annotation_count, MANY);
    lethe_cases_destroy(cases);
    for (int i = 0; i < MANY; i++) lethe_shape_release(&shapes[i]);
    fixture_close(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_append_and_history),   cmocka_unit_test(test_unreleased_image_is_refused),
        cmocka_unit_test(test_batch_is_all_or_none), cmocka_unit_test(test_undo_redo_over_sessions),
        cmocka_unit_test(test_named_states),         cmocka_unit_test(test_blind_readers),
        cmocka_unit_test(test_schema_rules),         cmocka_unit_test(test_cases_and_box_query),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
