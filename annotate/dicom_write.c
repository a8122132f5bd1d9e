#include "annotate/dicom_write.h"

#include "core/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const lethe_dicom_encoding encoding = {.explicit_vr = true, .big_endian = false};

void lethe_dw_begin(lethe_dicom_writer *w, const char *sop_class, const char *sop_instance, lethe_error *error) {
    lethe_buffer_init(&w->out, (size_t)1 << 33);
    w->error = error;
    w->status = lethe_dicom_encode_file_head(&w->out, sop_class, sop_instance, "1.2.840.10008.1.2.1", error);
}

void lethe_dw_bytes(lethe_dicom_writer *w, lethe_tag tag, lethe_vr vr, const void *bytes, size_t size) {
    if (w->status == LETHE_OK) w->status = lethe_dicom_encode(&w->out, encoding, tag, vr, size == 0 ? "" : bytes, size, w->error);
}

void lethe_dw_text(lethe_dicom_writer *w, lethe_tag tag, lethe_vr vr, const char *text) { lethe_dw_bytes(w, tag, vr, text, strlen(text)); }

void lethe_dw_us(lethe_dicom_writer *w, lethe_tag tag, unsigned value) {
    if (w->status == LETHE_OK) w->status = lethe_dicom_encode_us(&w->out, encoding, tag, (uint16_t)value, w->error);
}

/* 32-bit little endian values one after the other. */
static void put_words(lethe_dicom_writer *w, lethe_tag tag, lethe_vr vr, const uint32_t *values, size_t count) {
    lethe_buffer bytes;
    lethe_buffer_init(&bytes, (size_t)1 << 32);
    for (size_t i = 0; w->status == LETHE_OK && i < count; i++) {
        uint8_t raw[4] = {(uint8_t)values[i], (uint8_t)(values[i] >> 8), (uint8_t)(values[i] >> 16), (uint8_t)(values[i] >> 24)};
        w->status = lethe_buffer_append(&bytes, raw, 4, w->error);
    }
    lethe_dw_bytes(w, tag, vr, bytes.bytes, bytes.size);
    lethe_buffer_release(&bytes);
}

void lethe_dw_ul(lethe_dicom_writer *w, lethe_tag tag, const uint32_t *values, size_t count) { put_words(w, tag, LETHE_VR_UL, values, count); }

void lethe_dw_fl(lethe_dicom_writer *w, lethe_tag tag, const float *values, size_t count) {
    lethe_buffer words;
    lethe_buffer_init(&words, (size_t)1 << 32);
    if (w->status == LETHE_OK) w->status = lethe_buffer_append(&words, values, count * sizeof *values, w->error);
    if (w->status == LETHE_OK) put_words(w, tag, LETHE_VR_FL, (const uint32_t *)(const void *)words.bytes, count);
    lethe_buffer_release(&words);
}

/* The most digits that fit 16 characters. */
static void format_ds(double value, char out[32]) {
    for (int digits = 15; digits > 0; digits--) {
        (void)snprintf(out, 32, "%.*g", digits, value);
        if (strlen(out) <= 16) return;
    }
}

void lethe_dw_ds(lethe_dicom_writer *w, lethe_tag tag, const double *values, size_t count) {
    lethe_buffer text;
    lethe_buffer_init(&text, (size_t)1 << 32);
    for (size_t i = 0; w->status == LETHE_OK && i < count; i++) {
        char one[32];
        format_ds(values[i], one);
        w->status = lethe_buffer_printf(&text, w->error, "%s%s", i == 0 ? "" : "\\", one);
    }
    lethe_dw_bytes(w, tag, LETHE_VR_DS, text.bytes, text.size);
    lethe_buffer_release(&text);
}

void lethe_dw_is(lethe_dicom_writer *w, lethe_tag tag, int64_t value) {
    char text[24];
    (void)snprintf(text, sizeof text, "%lld", (long long)value);
    lethe_dw_text(w, tag, LETHE_VR_IS, text);
}

void lethe_dw_sequence(lethe_dicom_writer *w, lethe_tag tag) {
    if (w->status == LETHE_OK) w->status = lethe_dicom_encode_sequence_begin(&w->out, encoding, tag, w->error);
}
void lethe_dw_sequence_end(lethe_dicom_writer *w) {
    if (w->status == LETHE_OK) w->status = lethe_dicom_encode_sequence_end(&w->out, encoding, w->error);
}
void lethe_dw_item(lethe_dicom_writer *w) {
    if (w->status == LETHE_OK) w->status = lethe_dicom_encode_item_begin(&w->out, encoding, w->error);
}
void lethe_dw_item_end(lethe_dicom_writer *w) {
    if (w->status == LETHE_OK) w->status = lethe_dicom_encode_item_end(&w->out, encoding, w->error);
}

/* Cut UTF-8 at `size` characters. */
static void cut(const char *text, size_t characters, char out[260]) {
    const char *end = text + strlen(text), *at = text;
    for (size_t i = 0; at < end && i < characters && (size_t)(at - text) < 252; i++) (void)lethe_utf8_next(&at, end);
    memcpy(out, text, (size_t)(at - text));
    out[at - text] = '\0';
}

void lethe_dw_code(lethe_dicom_writer *w, lethe_tag tag, const char *value, const char *scheme, const char *meaning) {
    char short_value[260], short_meaning[260];
    cut(value, 16, short_value);
    cut(meaning, 64, short_meaning);
    bool is_long = strlen(value) > 16;
    lethe_dw_sequence(w, tag);
    lethe_dw_item(w);
    if (!is_long) lethe_dw_text(w, 0x00080100, LETHE_VR_SH, short_value);
    lethe_dw_text(w, 0x00080102, LETHE_VR_SH, scheme);
    lethe_dw_text(w, 0x00080104, LETHE_VR_LO, short_meaning);
    if (is_long) lethe_dw_text(w, 0x00080119, LETHE_VR_UC, value);
    lethe_dw_item_end(w);
    lethe_dw_sequence_end(w);
}

void lethe_dw_label_code(lethe_dicom_writer *w, lethe_tag tag, const lethe_category *c) {
    if (c->label != NULL && c->label->code != NULL) lethe_dw_code(w, tag, c->label->code->value, c->label->code->scheme, c->label->code->meaning);
    else lethe_dw_code(w, tag, c->name, "99LETHE", c->title);
}

void lethe_dw_general(lethe_dicom_writer *w, const lethe_series *of, const char *sop_class, const char *sop_instance, const char *image_type,
                      const char *modality, int64_t at_us, const char *description) {
    char date[16] = "19700101", time_text[16] = "000000";
    time_t seconds = (time_t)(at_us / 1000000);
    struct tm parts;
    if (gmtime_r(&seconds, &parts) != NULL) {
        (void)strftime(date, sizeof date, "%Y%m%d", &parts);
        (void)strftime(time_text, sizeof time_text, "%H%M%S", &parts);
    }
    lethe_dw_text(w, 0x00080005, LETHE_VR_CS, "ISO_IR 192");
    if (image_type != NULL) lethe_dw_text(w, 0x00080008, LETHE_VR_CS, image_type);
    lethe_dw_text(w, 0x00080016, LETHE_VR_UI, sop_class);
    lethe_dw_text(w, 0x00080018, LETHE_VR_UI, sop_instance);
    lethe_dw_text(w, 0x00080020, LETHE_VR_DA, of->study_date);
    lethe_dw_text(w, 0x00080021, LETHE_VR_DA, date);
    lethe_dw_text(w, 0x00080023, LETHE_VR_DA, date);
    lethe_dw_text(w, 0x00080030, LETHE_VR_TM, of->study_time);
    lethe_dw_text(w, 0x00080031, LETHE_VR_TM, time_text);
    lethe_dw_text(w, 0x00080033, LETHE_VR_TM, time_text);
    lethe_dw_text(w, 0x00080050, LETHE_VR_SH, of->accession);
    lethe_dw_text(w, 0x00080060, LETHE_VR_CS, modality);
    lethe_dw_text(w, 0x00080070, LETHE_VR_LO, "Lethe");
    lethe_dw_text(w, 0x00080090, LETHE_VR_PN, "");
    lethe_dw_text(w, 0x0008103E, LETHE_VR_LO, description);
    lethe_dw_text(w, 0x00081070, LETHE_VR_PN, "");
    lethe_dw_text(w, 0x00081090, LETHE_VR_LO, "Lethe");
}

void lethe_dw_patient(lethe_dicom_writer *w, const lethe_series *of) {
    /* A released value is pseudonymous and ASCII; one in another character set is left out rather than copied wrong. */
    bool plain = lethe_utf8_is_valid(of->patient_name, strlen(of->patient_name));
    lethe_dw_text(w, 0x00100010, LETHE_VR_PN, plain ? of->patient_name : "");
    lethe_dw_text(w, 0x00100020, LETHE_VR_LO, lethe_utf8_is_valid(of->patient_id, strlen(of->patient_id)) ? of->patient_id : "");
    lethe_dw_text(w, 0x00100030, LETHE_VR_DA, of->patient_birth_date);
    lethe_dw_text(w, 0x00100040, LETHE_VR_CS, of->patient_sex);
    lethe_dw_text(w, 0x00120062, LETHE_VR_CS, "YES");
    lethe_dw_text(w, 0x00120063, LETHE_VR_LO, "Lethe");
    lethe_dw_text(w, 0x00181000, LETHE_VR_LO, "none");
    lethe_dw_text(w, 0x00181020, LETHE_VR_LO, LETHE_VERSION);
}

void lethe_dw_identity(lethe_dicom_writer *w, const lethe_series *of, const char *series_uid, int64_t series_number) {
    lethe_dw_text(w, 0x0020000D, LETHE_VR_UI, of->study_uid);
    lethe_dw_text(w, 0x0020000E, LETHE_VR_UI, series_uid);
    lethe_dw_text(w, 0x00200010, LETHE_VR_SH, of->study_id);
    lethe_dw_is(w, 0x00200011, series_number);
    lethe_dw_is(w, 0x00200013, 1);
}
