/* DICOM Segmentation objects (PS3.3 A.51): one binary SEG per labelled series, a segment per label and reader. Only frames with content are written
 * unless the export keeps empty ones (some viewers misplace segments otherwise). */
#include "annotate/formats/formats.h"

#include "annotate/dicom_write.h"
#include "core/file.h"
#include "core/limits.h"
#include "core/memory.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEG_CLASS "1.2.840.10008.5.1.4.1.1.66.4"

/* --- export --- */

typedef struct segment {
    size_t category;
    const char *author, *source;
} segment;

typedef struct seg_frame {
    size_t segment, position;
} seg_frame;

typedef struct seg_plan {
    lethe_dataset *d;
    const lethe_series *s;
    const lethe_part *const *parts;
    size_t part_count;
    segment *segments;
    size_t segment_count;
    seg_frame *frames;
    size_t frame_count;
    uint8_t *bits;
    bool uniform; /* one orientation and spacing for all frames */
} seg_plan;

static size_t segment_of(const seg_plan *p, const lethe_part *part) {
    size_t category = lethe_dataset_category(p->d, part->annotation->label);
    for (size_t i = 0; i < p->segment_count; i++)
        if (p->segments[i].category == category && strcmp(p->segments[i].author, part->annotation->author) == 0) return i;
    return SIZE_MAX;
}

static int by_category(const void *a, const void *b) {
    const segment *left = a, *right = b;
    if (left->category != right->category) return left->category < right->category ? -1 : 1;
    return strcmp(left->author, right->author);
}

static lethe_status list_segments(seg_plan *p, lethe_error *error) {
    if ((p->segments = lethe_alloc_array(p->part_count, sizeof *p->segments)) == NULL)
        return lethe_fail(error, LETHE_NO_MEMORY, "no memory for segments");
    for (size_t i = 0; i < p->part_count; i++)
        if (segment_of(p, p->parts[i]) == SIZE_MAX)
            p->segments[p->segment_count++] = (segment){lethe_dataset_category(p->d, p->parts[i]->annotation->label), p->parts[i]->annotation->author,
                                                        p->parts[i]->annotation->source};
    if (p->segment_count > 1) qsort(p->segments, p->segment_count, sizeof *p->segments, by_category);
    return p->segment_count <= 65535 ? LETHE_OK : lethe_fail(error, LETHE_LIMIT, "a SEG holds at most 65,535 segments");
}

/* The union of a segment's parts on one frame; *any tells whether a pixel is set. */
static lethe_status draw_frame(const seg_plan *p, size_t number, size_t position, uint8_t *bitmap, bool *any, lethe_error *error) {
    size_t size = (size_t)p->s->columns * p->s->rows;
    lethe_status status = LETHE_OK;
    memset(bitmap, 0, size);
    for (size_t i = 0; status == LETHE_OK && i < p->part_count; i++) {
        const lethe_part *part = p->parts[i];
        if (part->image != p->s->frames[position].image || part->frame != p->s->frames[position].frame || segment_of(p, part) != number) continue;
        status = lethe_shape_rasterize(&part->annotation->shape, part->slice, 1, bitmap, p->s->columns, p->s->rows, 0, 0, error);
    }
    *any = memchr(bitmap, 1, size) != NULL;
    return status;
}

/* Bit k of the stream is bit k % 8 of byte k / 8 (PS3.5 8.1.1); frames follow each other without padding. */
static lethe_status draw_all(seg_plan *p, lethe_error *error) {
    size_t size = (size_t)p->s->columns * p->s->rows, most;
    if (!lethe_multiply_size(p->segment_count, p->s->count, &most)) return lethe_fail(error, LETHE_LIMIT, "too many segments");
    p->frames = lethe_alloc_array(most, sizeof *p->frames);
    p->bits = lethe_alloc_array(most, size / 8 + 1);
    uint8_t *bitmap = lethe_alloc_array(size, 1);
    lethe_status status =
        p->frames == NULL || p->bits == NULL || bitmap == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for segments") : LETHE_OK;
    for (size_t number = 0; status == LETHE_OK && number < p->segment_count; number++)
        for (size_t position = 0; status == LETHE_OK && position < p->s->count; position++) {
            bool any = false;
            status = draw_frame(p, number, position, bitmap, &any, error);
            if (status != LETHE_OK || (!any && !p->d->options.keep_empty_frames)) continue;
            for (size_t i = 0, at = p->frame_count * size; i < size; i++, at++)
                if (bitmap[i] != 0) p->bits[at / 8] |= (uint8_t)(1u << (at % 8));
            p->frames[p->frame_count++] = (seg_frame){number, position};
        }
    lethe_free(bitmap);
    return status;
}

static bool same_numbers(const double *a, const double *b, int count) {
    for (int i = 0; i < count; i++)
        if (fabs(a[i] - b[i]) > 1e-4) return false;
    return true;
}

static void check_uniform(seg_plan *p) {
    const lethe_frame_geometry *first = &p->s->frames[0].geometry;
    p->uniform = true;
    for (size_t i = 1; i < p->s->count; i++) {
        const lethe_frame_geometry *g = &p->s->frames[i].geometry;
        if (!same_numbers(g->row_direction, first->row_direction, 3) || !same_numbers(g->column_direction, first->column_direction, 3) ||
            fabs(g->row_spacing_mm - first->row_spacing_mm) > 1e-4 || fabs(g->column_spacing_mm - first->column_spacing_mm) > 1e-4)
            p->uniform = false;
    }
}

static void put_orientation(lethe_dicom_writer *w, const lethe_frame_geometry *g) {
    const double directions[6] = {g->row_direction[0],    g->row_direction[1],    g->row_direction[2],
                                  g->column_direction[0], g->column_direction[1], g->column_direction[2]};
    lethe_dw_sequence(w, 0x00209116);
    lethe_dw_item(w);
    lethe_dw_ds(w, 0x00200037, directions, 6);
    lethe_dw_item_end(w);
    lethe_dw_sequence_end(w);
}

static void put_measures(lethe_dicom_writer *w, const lethe_series *s, const lethe_frame_geometry *g) {
    double step = lethe_series_step_mm(s),
           thickness = g->thickness_mm > 0 ? g->thickness_mm
                       : step > 0          ? step
                                           : 1,
           spacing[2] = {g->row_spacing_mm, g->column_spacing_mm};
    lethe_dw_sequence(w, 0x00289110);
    lethe_dw_item(w);
    lethe_dw_ds(w, 0x00180050, &thickness, 1);
    if (step > 0) lethe_dw_ds(w, 0x00180088, &step, 1);
    lethe_dw_ds(w, 0x00280030, spacing, 2);
    lethe_dw_item_end(w);
    lethe_dw_sequence_end(w);
}

static void put_at(lethe_dicom_writer *w, lethe_tag tag, lethe_tag value) {
    uint8_t bytes[4] = {(uint8_t)(value >> 16), (uint8_t)(value >> 24), (uint8_t)value, (uint8_t)(value >> 8)};
    lethe_dw_bytes(w, tag, LETHE_VR_AT, bytes, 4);
}

static void put_dimension(lethe_dicom_writer *w, const char *organization, lethe_tag pointer, lethe_tag group, const char *name) {
    lethe_dw_item(w);
    lethe_dw_text(w, 0x00209164, LETHE_VR_UI, organization);
    put_at(w, 0x00209165, pointer);
    put_at(w, 0x00209167, group);
    lethe_dw_text(w, 0x00209421, LETHE_VR_LO, name);
    lethe_dw_item_end(w);
}

static void put_dimensions(lethe_dicom_writer *w, const seg_plan *p, const char *organization) {
    lethe_dw_sequence(w, 0x00209221);
    lethe_dw_item(w);
    lethe_dw_text(w, 0x00209164, LETHE_VR_UI, organization);
    lethe_dw_item_end(w);
    lethe_dw_sequence_end(w);
    lethe_dw_sequence(w, 0x00209222);
    put_dimension(w, organization, 0x0062000B, 0x0062000A, "ReferencedSegmentNumber");
    if (p->s->in_space) put_dimension(w, organization, 0x00200032, 0x00209113, "ImagePositionPatient");
    lethe_dw_sequence_end(w);
}

static void put_references(lethe_dicom_writer *w, const seg_plan *p, const char *series_uid) {
    lethe_dw_sequence(w, 0x00081115);
    lethe_dw_item(w);
    lethe_dw_sequence(w, 0x0008114A);
    size_t last = SIZE_MAX;
    for (size_t i = 0; i < lethe_image_index_count(p->d->index); i++) {
        const lethe_image_ref *ref = lethe_image_index_at(p->d->index, i);
        bool used = false;
        for (size_t k = 0; !used && k < p->s->count; k++) used = p->s->frames[k].image == i;
        if (!used || last == i) continue;
        last = i;
        lethe_dw_item(w);
        lethe_dw_text(w, 0x00081150, LETHE_VR_UI, ref->sop_class);
        lethe_dw_text(w, 0x00081155, LETHE_VR_UI, ref->key);
        lethe_dw_item_end(w);
    }
    lethe_dw_sequence_end(w);
    lethe_dw_text(w, 0x0020000E, LETHE_VR_UI, series_uid);
    lethe_dw_item_end(w);
    lethe_dw_sequence_end(w);
}

static void put_segment(lethe_dicom_writer *w, const seg_plan *p, size_t number) {
    const segment *s = &p->segments[number];
    const lethe_category *c = &p->d->categories[s->category];
    char label[65];
    bool several = (number > 0 && p->segments[number - 1].category == s->category) ||
                   (number + 1 < p->segment_count && p->segments[number + 1].category == s->category);
    if (several) (void)snprintf(label, sizeof label, "%.40s (%.20s)", c->name, s->author);
    else (void)snprintf(label, sizeof label, "%.64s", c->name);
    lethe_dw_item(w);
    lethe_dw_code(w, 0x00620003, "91723000", "SCT", "Anatomical Structure");
    lethe_dw_us(w, 0x00620004, (unsigned)number + 1);
    lethe_dw_text(w, 0x00620005, LETHE_VR_LO, label);
    lethe_dw_text(w, 0x00620008, LETHE_VR_CS, s->source[0] == '\0' ? "MANUAL" : "SEMIAUTOMATIC");
    if (s->source[0] != '\0') lethe_dw_text(w, 0x00620009, LETHE_VR_LO, "import");
    lethe_dw_label_code(w, 0x0062000F, c);
    lethe_dw_item_end(w);
}

static void put_derivation(lethe_dicom_writer *w, const seg_plan *p, const lethe_series_frame *frame) {
    const lethe_image_ref *ref = lethe_image_index_at(p->d->index, frame->image);
    lethe_dw_sequence(w, 0x00089124);
    lethe_dw_item(w);
    lethe_dw_sequence(w, 0x00082112);
    lethe_dw_item(w);
    lethe_dw_text(w, 0x00081150, LETHE_VR_UI, ref->sop_class);
    lethe_dw_text(w, 0x00081155, LETHE_VR_UI, ref->key);
    if (ref->frames > 1) lethe_dw_is(w, 0x00081160, frame->frame + 1);
    lethe_dw_text(w, 0x0028135A, LETHE_VR_CS, "YES");
    lethe_dw_code(w, 0x0040A170, "121322", "DCM", "Source image for image processing operation");
    lethe_dw_item_end(w);
    lethe_dw_sequence_end(w);
    lethe_dw_code(w, 0x00089215, "113076", "DCM", "Segmentation");
    lethe_dw_item_end(w);
    lethe_dw_sequence_end(w);
}

static void put_frame_groups(lethe_dicom_writer *w, const seg_plan *p, const seg_frame *f) {
    const lethe_series_frame *frame = &p->s->frames[f->position];
    const uint32_t indices[2] = {(uint32_t)f->segment + 1, (uint32_t)f->position + 1};
    lethe_dw_item(w);
    put_derivation(w, p, frame);
    lethe_dw_sequence(w, 0x00209111);
    lethe_dw_item(w);
    lethe_dw_ul(w, 0x00209157, indices, p->s->in_space ? 2 : 1);
    lethe_dw_item_end(w);
    lethe_dw_sequence_end(w);
    if (p->s->in_space) {
        lethe_dw_sequence(w, 0x00209113);
        lethe_dw_item(w);
        lethe_dw_ds(w, 0x00200032, frame->geometry.position_mm, 3);
        lethe_dw_item_end(w);
        lethe_dw_sequence_end(w);
        if (!p->uniform) put_orientation(w, &frame->geometry);
        if (!p->uniform) put_measures(w, p->s, &frame->geometry);
    }
    lethe_dw_sequence(w, 0x0062000A);
    lethe_dw_item(w);
    lethe_dw_us(w, 0x0062000B, (unsigned)f->segment + 1);
    lethe_dw_item_end(w);
    lethe_dw_sequence_end(w);
    lethe_dw_item_end(w);
}

static void put_pixel_description(lethe_dicom_writer *w, const seg_plan *p) {
    lethe_dw_us(w, 0x00280002, 1);
    lethe_dw_text(w, 0x00280004, LETHE_VR_CS, "MONOCHROME2");
    lethe_dw_is(w, 0x00280008, (int64_t)p->frame_count);
    lethe_dw_us(w, 0x00280010, p->s->rows);
    lethe_dw_us(w, 0x00280011, p->s->columns);
    lethe_dw_us(w, 0x00280100, 1);
    lethe_dw_us(w, 0x00280101, 1);
    lethe_dw_us(w, 0x00280102, 0);
    lethe_dw_us(w, 0x00280103, 0);
    lethe_dw_text(w, 0x00282110, LETHE_VR_CS, "00");
}

static lethe_status put_object(lethe_dicom_writer *w, const seg_plan *p, const char *series_uid, lethe_error *error) {
    char instance[65], series[65], organization[65];
    const char *words[5] = {"seg", p->d->snapshot_name, p->d->options.author != NULL ? p->d->options.author : "", series_uid, NULL};
    lethe_status status = lethe_derived_uid(words, instance, error);
    words[0] = "seg series";
    if (status == LETHE_OK) status = lethe_derived_uid(words, series, error);
    words[0] = "seg dimensions";
    if (status == LETHE_OK) status = lethe_derived_uid(words, organization, error);
    if (status != LETHE_OK) return status;
    lethe_dw_begin(w, SEG_CLASS, instance, error);
    lethe_dw_general(w, p->s, SEG_CLASS, instance, "DERIVED\\PRIMARY", "SEG", p->d->snapshot_at_us, "Segmentation");
    put_references(w, p, series_uid);
    lethe_dw_patient(w, p->s);
    lethe_dw_identity(w, p->s, series, 9001);
    if (p->s->in_space) {
        lethe_dw_text(w, 0x00200052, LETHE_VR_UI, p->s->frame_of_reference);
        lethe_dw_text(w, 0x00201040, LETHE_VR_LO, "");
    }
    put_dimensions(w, p, organization);
    put_pixel_description(w, p);
    lethe_dw_text(w, 0x00620001, LETHE_VR_CS, "BINARY");
    lethe_dw_sequence(w, 0x00620002);
    for (size_t i = 0; i < p->segment_count; i++) put_segment(w, p, i);
    lethe_dw_sequence_end(w);
    lethe_dw_text(w, 0x00700080, LETHE_VR_CS, "LETHE");
    lethe_dw_text(w, 0x00700081, LETHE_VR_LO, p->d->snapshot_name);
    lethe_dw_text(w, 0x00700084, LETHE_VR_PN, "");
    lethe_dw_sequence(w, 0x52009229);
    lethe_dw_item(w);
    if (p->s->in_space && p->uniform) {
        put_orientation(w, &p->s->frames[0].geometry);
        put_measures(w, p->s, &p->s->frames[0].geometry);
    }
    lethe_dw_item_end(w);
    lethe_dw_sequence_end(w);
    lethe_dw_sequence(w, 0x52009230);
    for (size_t i = 0; i < p->frame_count; i++) put_frame_groups(w, p, &p->frames[i]);
    lethe_dw_sequence_end(w);
    lethe_dw_bytes(w, 0x7FE00010, LETHE_VR_OB, p->bits, (p->frame_count * p->s->columns * p->s->rows + 7) / 8);
    return w->status;
}

static lethe_status write_series(lethe_dataset *d, const lethe_series *s, const char *series_uid, const lethe_part *const *parts, size_t count,
                                 lethe_error *error) {
    seg_plan p = {.d = d, .s = s, .parts = parts, .part_count = count};
    lethe_dicom_writer w = {0};
    char name[400];
    check_uniform(&p);
    lethe_status status = list_segments(&p, error);
    if (status == LETHE_OK) status = draw_all(&p, error);
    (void)snprintf(name, sizeof name, "seg/%s/%s.dcm", lethe_image_index_at(d->index, s->frames[0].image)->patient, series_uid);
    if (status == LETHE_OK && p.frame_count != 0) {
        status = put_object(&w, &p, series_uid, error);
        if (status == LETHE_OK) status = lethe_package_write(d->package, name, w.out.bytes, w.out.size, error);
        lethe_buffer_release(&w.out);
    }
    lethe_free(p.segments);
    lethe_free(p.frames);
    lethe_free(p.bits);
    return status;
}

static lethe_status write_seg(lethe_dataset *d, lethe_error *error) { return lethe_dataset_each_series(d, write_series, error); }

/* --- import --- */

typedef struct seg_reader {
    lethe_import *import;
    const char *file;
    const lethe_dicom_item *root;
    const uint8_t *bits;
    uint64_t bit_bytes;
    size_t columns, rows, frames;
} seg_reader;

static lethe_status bad(const seg_reader *r, const char *what, lethe_error *error) {
    return lethe_fail(error, LETHE_MALFORMED, "%s: %s", r->file, what);
}

static const lethe_dicom_item *item_at(const lethe_dicom_element *sequence, size_t number) {
    const lethe_dicom_item *item = sequence == NULL ? NULL : sequence->items;
    while (item != NULL && number-- > 0) item = item->next;
    return item;
}

/* Segment number and source image of a frame. */
static lethe_status read_frame_groups(const seg_reader *r, size_t number, int64_t *segment_number, const lethe_image_ref **image, int64_t *frame,
                                      lethe_error *error) {
    static const lethe_tag segment_path[] = {0x0062000A, 0x0062000B}, uid_path[] = {0x00089124, 0x00082112, 0x00081155},
                           frame_path[] = {0x00089124, 0x00082112, 0x00081160};
    const lethe_dicom_item *own = item_at(lethe_dicom_find(r->root, 0x52009230), number), *shared = item_at(lethe_dicom_find(r->root, 0x52009229), 0);
    char uid[65], where[48];
    (void)snprintf(where, sizeof where, "frame %zu", number + 1);
    if (own == NULL) return bad(r, "fewer functional groups than frames", error);
    const lethe_dicom_element *of_segment = lethe_dicom_find_path(own, segment_path, 2), *source = lethe_dicom_find_path(own, uid_path, 3),
                              *of = lethe_dicom_find_path(own, frame_path, 3);
    if (of_segment == NULL && shared != NULL) of_segment = lethe_dicom_find_path(shared, segment_path, 2);
    if (of_segment == NULL || !lethe_dicom_element_int(of_segment, 0, segment_number)) return bad(r, "a frame does not name its segment", error);
    if (source == NULL || !lethe_dicom_element_text(source, 0, uid, sizeof uid)) return bad(r, "a frame does not name its source image", error);
    *frame = 1;
    if (of != NULL) (void)lethe_dicom_element_int(of, 0, frame);
    return lethe_import_find(r->import, uid, where, image, error);
}

/* The label of a segment: by our own code, by the code of a label in the schema, or by its name. */
static const char *segment_label(const seg_reader *r, const lethe_dicom_item *item, char name[65]) {
    static const lethe_tag value_path[] = {0x0062000F, 0x00080100}, scheme_path[] = {0x0062000F, 0x00080102};
    const lethe_schema *schema = lethe_store_schema(lethe_import_store(r->import));
    const lethe_dicom_element *value_element = lethe_dicom_find_path(item, value_path, 2),
                              *scheme_element = lethe_dicom_find_path(item, scheme_path, 2);
    char value[65] = "", scheme[65] = "";
    if (!lethe_dicom_text(item, 0x00620005, 0, name, 65)) name[0] = '\0';
    if (value_element != NULL) (void)lethe_dicom_element_text(value_element, 0, value, sizeof value);
    if (scheme_element != NULL) (void)lethe_dicom_element_text(scheme_element, 0, scheme, sizeof scheme);
    const char *mapped = lethe_import_label(r->import, name);
    if (mapped != name) return mapped;
    if (schema != NULL && lethe_schema_label(schema, name) != NULL) return name;
    for (unsigned i = 0; schema != NULL && i < schema->labels_count; i++) {
        const lethe_label *label = &schema->labels[i];
        bool same = label->code != NULL && strcmp(label->code->value, value) == 0 && strcmp(label->code->scheme, scheme) == 0;
        if (same || (strcmp(scheme, "99LETHE") == 0 && strcmp(value, label->question.name) == 0)) return label->question.name;
    }
    return name;
}

static void unpack(const seg_reader *r, size_t number, uint8_t *bitmap) {
    size_t size = r->columns * r->rows;
    for (size_t i = 0, at = number * size; i < size; i++, at++) bitmap[i] = r->bits[at / 8] >> (at % 8) & 1;
}

/* All frames of one segment as a mask (one image) or a volume. */
static lethe_status read_segment(seg_reader *r, const lethe_dicom_item *item, lethe_error *error) {
    char name[65], where[48];
    int64_t number = 0;
    const lethe_image_ref *image = NULL;
    lethe_shape shape = {.kind = LETHE_SHAPE_VOLUME};
    if (!lethe_dicom_int(item, 0x00620004, 0, &number)) return bad(r, "a segment has no number", error);
    (void)snprintf(where, sizeof where, "segment %lld", (long long)number);
    const char *label = segment_label(r, item, name);
    if (label == NULL) return LETHE_OK;
    uint8_t *bitmap = lethe_alloc_array(r->columns * r->rows, 1);
    shape.slices = lethe_alloc_array(r->frames, sizeof *shape.slices);
    lethe_status status = bitmap == NULL || shape.slices == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a segment") : LETHE_OK;
    for (size_t i = 0; status == LETHE_OK && i < r->frames; i++) {
        int64_t of = 0, frame = 1;
        status = read_frame_groups(r, i, &of, &image, &frame, error);
        if (status != LETHE_OK || of != number) continue;
        if ((int64_t)r->columns != image->columns || (int64_t)r->rows != image->rows || frame < 1 || frame > image->frames)
            status = lethe_fail(error, LETHE_UNSUPPORTED, "%s: frame %zu does not have the size of its source image", r->file, i + 1);
        unpack(r, i, bitmap);
        if (status != LETHE_OK || memchr(bitmap, 1, r->columns * r->rows) == NULL) continue;
        lethe_shape one = {0};
        status = lethe_shape_make_mask(bitmap, (uint32_t)r->columns, (uint32_t)r->rows, r->columns, 0, 0, (uint32_t)(frame - 1), &one, error);
        if (status != LETHE_OK) break;
        lethe_mask_slice *slot = &shape.slices[shape.slice_count++];
        *slot = one.slices[0];
        lethe_free(slot->image);
        lethe_free(one.slices);
        if ((slot->image = lethe_strdup(image->key)) == NULL) status = lethe_fail(error, LETHE_NO_MEMORY, "no memory for a segment");
    }
    if (status == LETHE_OK && shape.slice_count != 0) {
        const lethe_image_ref *first = NULL;
        status = lethe_import_find(r->import, shape.slices[0].image, where, &first, error);
        lethe_annotation a = {.level = LETHE_LEVEL_REGION, .label = label, .confidence = -1};
        if (status == LETHE_OK && shape.slice_count == 1) {
            shape.kind = LETHE_SHAPE_MASK;
            shape.frame = shape.slices[0].frame;
            a.image = first->key;
            shape.slices[0].image[0] = '\0';
        } else if (status == LETHE_OK) {
            a.series_uid = first->series_uid;
            a.study_uid = first->study_uid;
            a.patient = first->patient;
        }
        a.shape = shape;
        if (status == LETHE_OK) status = lethe_import_add(r->import, &a, where, error);
    }
    lethe_shape_release(&shape);
    lethe_free(bitmap);
    return status;
}

static lethe_status read_object(seg_reader *r, lethe_error *error) {
    char text[65];
    int64_t columns = 0, rows = 0, frames = 0, allocated = 0;
    if (!lethe_dicom_text(r->root, 0x00080016, 0, text, sizeof text) || strcmp(text, SEG_CLASS) != 0)
        return bad(r, "not a DICOM Segmentation", error);
    if (!lethe_dicom_text(r->root, 0x00620001, 0, text, sizeof text) || strcmp(text, "BINARY") != 0)
        return lethe_fail(error, LETHE_UNSUPPORTED, "%s: only binary segmentations are taken", r->file);
    const lethe_dicom_element *pixels = lethe_dicom_find(r->root, 0x7FE00010), *segments = lethe_dicom_find(r->root, 0x00620002);
    if (!lethe_dicom_int(r->root, 0x00280011, 0, &columns) || !lethe_dicom_int(r->root, 0x00280010, 0, &rows) ||
        !lethe_dicom_int(r->root, 0x00280008, 0, &frames) || !lethe_dicom_int(r->root, 0x00280100, 0, &allocated) || pixels == NULL ||
        segments == NULL || segments->form != LETHE_DICOM_SEQUENCE)
        return bad(r, "sizes, segments or pixels are missing", error);
    if (pixels->form != LETHE_DICOM_LEAF || allocated != 1)
        return lethe_fail(error, LETHE_UNSUPPORTED, "%s: only uncompressed one-bit frames are taken", r->file);
    if (columns < 1 || rows < 1 || frames < 1 || columns > LETHE_LIMIT_PIXEL_SIDE || rows > LETHE_LIMIT_PIXEL_SIDE || frames > LETHE_LIMIT_FRAMES ||
        ((uint64_t)columns * (uint64_t)rows * (uint64_t)frames + 7) / 8 > pixels->value_bytes)
        return bad(r, "the pixel data are shorter than the frames", error);
    r->columns = (size_t)columns;
    r->rows = (size_t)rows;
    r->frames = (size_t)frames;
    r->bits = pixels->value;
    r->bit_bytes = pixels->value_bytes;
    lethe_status status = LETHE_OK;
    for (const lethe_dicom_item *item = segments->items; status == LETHE_OK && item != NULL; item = item->next) status = read_segment(r, item, error);
    return status;
}

static lethe_status read_file(lethe_import *import, const char *path, const char *relative, lethe_error *error) {
    seg_reader r = {.import = import, .file = relative};
    lethe_map map = {.fd = -1};
    lethe_dicom_dataset *dataset = NULL;
    lethe_arena *arena = lethe_arena_create(LETHE_LIMIT_ARENA_BYTES);
    lethe_status status = arena == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory for a file") : lethe_map_open(path, &map, error);
    if (status == LETHE_OK) status = lethe_dicom_dataset_parse(map.bytes, map.size, arena, &dataset, error);
    if (status == LETHE_OK) {
        r.root = dataset->root;
        status = read_object(&r, error);
    }
    lethe_dicom_dataset_release(dataset);
    lethe_arena_destroy(arena);
    if (map.fd >= 0) lethe_map_close(&map);
    return status;
}

static lethe_status read_seg(lethe_import *import, const char *path, lethe_error *error) {
    return lethe_format_each_file(import, path, ".dcm", read_file, error);
}

const lethe_format lethe_format_seg = {"seg", "DICOM Segmentation per series", write_seg, read_seg};
