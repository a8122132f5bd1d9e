/* Geometry in the patient, measures in millimetres, and every kind of geometry through GeoJSON and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/annotate/store_fixture.h"

#include "annotate/format.h"
#include "annotate/snapshot.h"
#include "core/file.h"
#include "imaging/dicom/edit.h"

#include <math.h>

static const char text_schema[] =
    "schema: all\nversion: 1\nlabels:\n  - {name: thing, level: region, geometries: [point, line, polyline, box, rotated_box, "
    "ellipse, polygon, freehand, mask, volume, measurement]}\n";

/* A slice of 40 x 32 pixels at `position`; rows run along +y of the patient, columns along -z: 0.5 mm between columns, 0.25 mm between rows. */
static void write_slice(const fixture *f, const char *uid, const char *position, const char *relative) {
    static const char syntax[] = "1.2.840.10008.1.2.1";
    lethe_error error = {0};
    lethe_buffer out;
    lethe_buffer_init(&out, 1 << 20);
    const lethe_dicom_encoding e = {.explicit_vr = true};
    uint16_t frames[40 * 32] = {0};
    assert_int_equal(lethe_dicom_encode_file_head(&out, "1.2.840.10008.5.1.4.1.1.4", uid, syntax, &error), LETHE_OK);
    assert_int_equal(lethe_dicom_encode_text(&out, e, 0x00080018, LETHE_VR_UI, uid, &error), LETHE_OK);
    assert_int_equal(lethe_dicom_encode_text(&out, e, 0x00180050, LETHE_VR_DS, "4", &error), LETHE_OK);
    assert_int_equal(lethe_dicom_encode_text(&out, e, 0x00200032, LETHE_VR_DS, position, &error), LETHE_OK);
    assert_int_equal(lethe_dicom_encode_text(&out, e, 0x00200037, LETHE_VR_DS, "0\\1\\0\\0\\0\\-1", &error), LETHE_OK);
    assert_int_equal(lethe_dicom_encode_text(&out, e, 0x00200052, LETHE_VR_UI, "2.25.77", &error), LETHE_OK);
    assert_int_equal(lethe_dicom_encode_us(&out, e, 0x00280010, 32, &error), LETHE_OK);
    assert_int_equal(lethe_dicom_encode_us(&out, e, 0x00280011, 40, &error), LETHE_OK);
    assert_int_equal(lethe_dicom_encode_text(&out, e, 0x00280030, LETHE_VR_DS, "0.25\\0.5", &error), LETHE_OK);
    assert_int_equal(lethe_dicom_encode(&out, e, 0x7FE00010, LETHE_VR_OW, frames, sizeof frames, &error), LETHE_OK);
    char *path = lethe_path_join(f->project->released_path, relative);
    assert_int_equal(lethe_folder_create_for(path, 0700, &error), LETHE_OK);
    assert_int_equal(lethe_file_write(path, out.bytes, out.size, 0600, &error), LETHE_OK);
    lethe_free(path);
    lethe_buffer_release(&out);
}

static void open_with_slices(fixture *f) {
    lethe_error error = {0};
    fixture_open(f);
    write_slice(f, "2.25.3", "10\\20\\30", "P-A/2.25.1/2.25.2/2.25.3.dcm");
    write_slice(f, "2.25.4", "13\\20\\30", "P-A/2.25.1/2.25.2/2.25.4.dcm");
    assert_int_equal(lethe_store_install_schema(f->store, text_schema, sizeof text_schema - 1, "s", &error), LETHE_OK);
}

static lethe_annotation region(lethe_shape shape) {
    return (lethe_annotation){.level = LETHE_LEVEL_REGION, .image = "2.25.3", .label = "thing", .tool = "test", .confidence = -1, .shape = shape};
}

static void planes_are_stored(void **state) {
    (void)state;
    fixture f;
    lethe_error error = {0};
    open_with_slices(&f);
    lethe_point points[2] = {{0.5, 0.5}, {10.5, 4.5}};
    lethe_annotation a = region((lethe_shape){.kind = LETHE_SHAPE_LINE, .points = points, .point_count = 2});
    assert_int_equal(lethe_store_append(f.store, &a, &error), LETHE_OK);
    lethe_pixel_plane plane;
    bool known = false;
    assert_int_equal(lethe_store_load_plane(f.store, a.revision, 0, &plane, &known, &error), LETHE_OK);
    assert_true(known);
    assert_string_equal(plane.frame_of_reference, "2.25.77");
    double mm[3];
    /* The centre of the first pixel is the position; 10 columns of 0.5 mm along +y, 4 rows of 0.25 mm along -z. */
    lethe_pixel_plane_point(&plane, points[0], mm);
    assert_true(fabs(mm[0] - 10) < 1e-9 && fabs(mm[1] - 20) < 1e-9 && fabs(mm[2] - 30) < 1e-9);
    lethe_pixel_plane_point(&plane, points[1], mm);
    assert_true(fabs(mm[0] - 10) < 1e-9 && fabs(mm[1] - 25) < 1e-9 && fabs(mm[2] - 29) < 1e-9);
    /* A slide has none. */
    lethe_annotation on_slide = region((lethe_shape){.kind = LETHE_SHAPE_LINE, .points = points, .point_count = 2});
    on_slide.image = "P-B/slides/JNOHPOSX.svs";
    assert_int_equal(lethe_store_append(f.store, &on_slide, &error), LETHE_OK);
    assert_int_equal(lethe_store_load_plane(f.store, on_slide.revision, 0, &plane, &known, &error), LETHE_OK);
    assert_false(known);
    /* An undo is a revision with a plane of its own; planes cannot be changed. */
    int64_t undone;
    assert_int_equal(lethe_store_undo(f.store, "2.25.3", &undone, &error), LETHE_OK);
    assert_int_not_equal(lethe_database_execute(lethe_store_database(f.store), "UPDATE annotation_plane SET ox = 0", &error), LETHE_OK);
    fixture_close(&f);
}

static double measured(fixture *f, lethe_shape shape) {
    lethe_error error = {0};
    lethe_annotation a = region(shape);
    assert_int_equal(lethe_store_append(f->store, &a, &error), LETHE_OK);
    lethe_annotations *loaded = NULL;
    lethe_annotation_filter filter = {.annotation = a.id};
    assert_int_equal(lethe_store_load(f->store, &filter, &loaded, &error), LETHE_OK);
    double value = loaded->items[0].shape.measured;
    lethe_annotations_destroy(loaded);
    return value;
}

static void measures_follow_from_spacing(void **state) {
    (void)state;
    fixture f;
    open_with_slices(&f);
    lethe_shape shape = {.kind = LETHE_SHAPE_MEASUREMENT};
    lethe_point line[2] = {{2, 4}, {8, 20}}, corner[3] = {{4, 2}, {2, 2}, {2, 6}}, triangle[3] = {{0, 0}, {8, 0}, {0, 8}};
    shape.points = line;
    shape.point_count = 2;
    shape.measure = LETHE_MEASURE_LENGTH_MM; /* 6 columns = 3 mm, 16 rows = 4 mm: 5 mm */
    assert_true(fabs(measured(&f, shape) - 5) < 1e-9);
    shape.points = corner;
    shape.point_count = 3;
    shape.measure = LETHE_MEASURE_ANGLE_DEGREES;
    assert_true(fabs(measured(&f, shape) - 90) < 1e-9);
    shape.points = triangle;
    shape.measure = LETHE_MEASURE_AREA_MM2; /* 32 square pixels of 0.125 mm2 */
    assert_true(fabs(measured(&f, shape) - 4) < 1e-9);
    /* A value that was given stays. */
    shape.measured = 7;
    assert_true(fabs(measured(&f, shape) - 7) < 1e-12);
    /* 6 + 2 pixels of 0.125 mm2 on two slices that are 3 mm apart (and 4 mm thick): 3 mm3. */
    uint32_t six[2] = {0, 6}, two[2] = {0, 2};
    lethe_mask_slice slices[2] = {{.image = (char *)"2.25.3", .mask = {.x = 3, .y = 4, .columns = 3, .rows = 2, .runs = six, .run_count = 2}},
                                  {.image = (char *)"2.25.4", .mask = {.x = 3, .y = 4, .columns = 2, .rows = 1, .runs = two, .run_count = 2}}};
    lethe_shape volume = {.kind = LETHE_SHAPE_MEASUREMENT, .measure = LETHE_MEASURE_VOLUME_MM3, .slices = slices, .slice_count = 2};
    assert_true(fabs(measured(&f, volume) - 3) < 1e-9);
    /* One slice alone has its thickness: 6 * 0.125 * 4. */
    volume.slice_count = 1;
    assert_true(fabs(measured(&f, volume) - 3) < 1e-9);
    fixture_close(&f);
}

static void export_geojson(fixture *f, const char *folder) {
    lethe_error error = {0};
    int64_t id, items;
    lethe_image_index *index = NULL;
    lethe_dataset *dataset = NULL;
    assert_int_equal(lethe_snapshot_create(f->store, "s", &id, &items, &error), LETHE_OK);
    assert_int_equal(lethe_image_index_load(lethe_store_catalogue(f->store), &index, &error), LETHE_OK);
    assert_int_equal(lethe_dataset_load(f->store, f->project->released_path, index, id, NULL, &dataset, &error), LETHE_OK);
    assert_int_equal(lethe_package_create(folder, &dataset->package, &error), LETHE_OK);
    assert_int_equal(lethe_format_find("geojson")->write(dataset, &error), LETHE_OK);
    lethe_package_destroy(dataset->package);
    lethe_dataset_destroy(dataset);
    lethe_image_index_destroy(index);
}

static void every_geometry_comes_back(void **state) {
    (void)state;
    fixture f, g;
    lethe_error error = {0};
    open_with_slices(&f);
    open_with_slices(&g);
    lethe_point two[2] = {{3.25, 4.5}, {9.125, 7}}, many[5] = {{1, 1}, {9.5, 2}, {8, 9}, {4, 12.25}, {2, 6}},
                ring[8] = {{1, 1}, {20, 1}, {20, 20}, {1, 20}, {5, 5}, {9, 5}, {9, 9}, {5, 9}};
    uint32_t ends[2] = {4, 8}, runs[3] = {1, 4, 1};
    lethe_mask_slice slice = {.mask = {.x = 5, .y = 6, .columns = 3, .rows = 2, .runs = runs, .run_count = 3}};
    const lethe_shape shapes[] = {
        {.kind = LETHE_SHAPE_POINT, .points = two, .point_count = 1},
        {.kind = LETHE_SHAPE_LINE, .points = two, .point_count = 2},
        {.kind = LETHE_SHAPE_POLYLINE, .points = many, .point_count = 5},
        {.kind = LETHE_SHAPE_POLYLINE, .points = two, .point_count = 2},
        {.kind = LETHE_SHAPE_BOX, .points = two, .point_count = 2},
        {.kind = LETHE_SHAPE_ROTATED_BOX, .points = two, .point_count = 2, .angle_degrees = 33.5},
        {.kind = LETHE_SHAPE_ELLIPSE, .points = two, .point_count = 2, .angle_degrees = -12.25},
        {.kind = LETHE_SHAPE_POLYGON, .points = many, .point_count = 5},
        {.kind = LETHE_SHAPE_POLYGON, .points = ring, .point_count = 8, .ring_ends = ends, .ring_count = 2},
        {.kind = LETHE_SHAPE_FREEHAND, .points = many, .point_count = 5},
        {.kind = LETHE_SHAPE_MASK, .slices = &slice, .slice_count = 1},
        {.kind = LETHE_SHAPE_MEASUREMENT, .measure = LETHE_MEASURE_LENGTH_MM, .measured = 12.5, .points = two, .point_count = 2},
        {.kind = LETHE_SHAPE_MEASUREMENT, .measure = LETHE_MEASURE_ANGLE_DEGREES, .measured = 45, .points = many, .point_count = 3},
        {.kind = LETHE_SHAPE_MEASUREMENT, .measure = LETHE_MEASURE_AREA_MM2, .measured = 99.75, .points = many, .point_count = 5},
        {.kind = LETHE_SHAPE_MEASUREMENT, .measure = LETHE_MEASURE_VOLUME_MM3, .measured = 8, .slices = &slice, .slice_count = 1},
    };
    const size_t count = sizeof shapes / sizeof *shapes;
    for (size_t i = 0; i < count; i++) {
        lethe_annotation a = region(shapes[i]);
        assert_int_equal(lethe_store_append(f.store, &a, &error), LETHE_OK);
    }
    char folder[128], file[256];
    (void)snprintf(folder, sizeof folder, "%s/out", f.root);
    export_geojson(&f, folder);
    (void)snprintf(file, sizeof file, "%s/geojson/P-A/2.25.1/2.25.2/2.25.3.geojson", folder);
    lethe_image_index *index = NULL;
    int64_t imported = 0;
    assert_int_equal(lethe_image_index_load(lethe_store_catalogue(g.store), &index, &error), LETHE_OK);
    assert_int_equal(lethe_import_run(g.store, index, lethe_format_find("geojson"), file, NULL, &imported, &error), LETHE_OK);
    assert_int_equal((int)imported, (int)count);
    lethe_annotations *back = NULL;
    assert_int_equal(lethe_store_load(g.store, NULL, &back, &error), LETHE_OK);
    for (size_t i = 0; i < count; i++)
        if (!lethe_shape_equal(&back->items[i].shape, &shapes[i]))
            fail_msg("shape %zu (%s) came back as %s", i, lethe_shape_kind_name(shapes[i].kind), lethe_shape_kind_name(back->items[i].shape.kind));
    lethe_annotations_destroy(back);
    lethe_image_index_destroy(index);
    fixture_close(&f);
    fixture_close(&g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(planes_are_stored),
        cmocka_unit_test(measures_follow_from_spacing),
        cmocka_unit_test(every_geometry_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
