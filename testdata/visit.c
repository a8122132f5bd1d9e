#include "testdata/visit.h"

#include "core/memory.h"
#include "testdata/font.h"

#include <stdio.h>
#include <string.h>

/* A UID under 2.25 from numbers that name a thing: 2^64 + a hash of them, then another hash, in decimal. */
static void make_uid(uint64_t a, uint64_t b, char uid[65]) {
    lethe_random random;
    lethe_random_seed(&random, a, b);
    uint64_t high = lethe_random_next(&random) | 1ull << 63, low = lethe_random_next(&random) % 10000000000000000000u;
    (void)snprintf(uid, 65, "2.25.%llu%019llu", (unsigned long long)high, (unsigned long long)low);
}

void lethe_related_uid(const lethe_visit *visit, unsigned what, char uid[65]) {
    make_uid(visit->options->seed ^ 0x5EED, ((uint64_t)visit->patient_index * 16 + visit->study_index) << 32 | what, uid);
}

void lethe_visit_begin(lethe_visit *visit, const lethe_testdata_options *options, const char *folder, lethe_answer_key *key, unsigned patient_index,
                       unsigned study_index, lethe_error *error) {
    *visit =
        (lethe_visit){.options = options, .folder = folder, .key = key, .error = error, .patient_index = patient_index, .study_index = study_index};
    lethe_person_invent(options->seed, patient_index, &visit->person);
    lethe_random_seed(&visit->random, options->seed, patient_index * 64ull + study_index);
    visit->vendor = (lethe_vendor)(patient_index % 3);
    visit->title = visit->person.sex == 'M' ? "M." : "Mme";
    unsigned year = 2016 + lethe_random_below(&visit->random, 3) + study_index, month = 1 + lethe_random_below(&visit->random, 12);
    unsigned day = 1 + lethe_random_below(&visit->random, 28);
    (void)snprintf(visit->study_da, sizeof visit->study_da, "%04u%02u%02u", year % 10000, month % 100, day % 100);
    (void)snprintf(visit->study_tm, sizeof visit->study_tm, "%02u%02u%02u", 8 + lethe_random_below(&visit->random, 10),
                   lethe_random_below(&visit->random, 60), lethe_random_below(&visit->random, 60));
    lethe_related_uid(visit, 0, visit->study_uid);
    (void)snprintf(visit->accession, sizeof visit->accession, "ACC%07u%u", patient_index * 37 + 4001, study_index);
    (void)snprintf(visit->study_id, sizeof visit->study_id, "ST%05u%u", patient_index + 10, study_index);
    bool birthday_passed = month > visit->person.birth_month || (month == visit->person.birth_month && day >= visit->person.birth_day);
    (void)snprintf(visit->age, sizeof visit->age, "%03uY", (year - visit->person.birth_year - (birthday_passed ? 0 : 1)) % 1000);
    (void)snprintf(visit->birth_french, sizeof visit->birth_french, "%02u/%02u/%04u", visit->person.birth_day % 100, visit->person.birth_month % 100,
                   visit->person.birth_year % 10000);
}

void lethe_series_begin(lethe_visit *visit, lethe_series *series, unsigned number, const char *modality, const char *sop_class,
                        const char *description, const char *body_part) {
    *series = (lethe_series){
        .visit = visit, .modality = modality, .sop_class = sop_class, .description = description, .body_part = body_part, .number = number};
    lethe_related_uid(visit, number, series->uid);
    lethe_related_uid(visit, 9000, series->frame_uid); /* one frame of reference a study */
}

void lethe_instance_uid(const lethe_series *series, unsigned number, char uid[65]) {
    lethe_related_uid(series->visit, 100000 * series->number + number, uid);
}

/* --- planted text --- */

static size_t characters(const char *utf8) {
    size_t count = 0;
    for (; *utf8 != '\0'; utf8++) count += ((unsigned char)*utf8 & 0xC0) != 0x80;
    return count;
}

void lethe_plant_text(lethe_draft_item *item, const lethe_visit *visit, uint32_t tag, const char *vr, const char *base, unsigned variant) {
    const lethe_person *p = &visit->person;
    char text[256], gone[256] = "";
    const char *plain = *p->plain_family != '\0' ? p->plain_family : p->family, *plain_given = *p->plain_given != '\0' ? p->plain_given : p->given;
    switch (variant % 17) {
    case 1:
        (void)snprintf(text, sizeof text, "%s %s %s", base, visit->title, p->family);
        (void)snprintf(gone, sizeof gone, "%s", p->family);
        break;
    case 2:
        (void)snprintf(text, sizeof text, "%s %s le %s", base, p->sex == 'M' ? "ne" : "nee", visit->birth_french);
        (void)snprintf(gone, sizeof gone, "%s", visit->birth_french);
        break;
    case 3:
        (void)snprintf(text, sizeof text, "%s - Dr %s", base, p->referring_family);
        (void)snprintf(gone, sizeof gone, "%s", p->referring_family);
        break;
    case 4:
        (void)snprintf(text, sizeof text, "%s IPP %s", base, p->patient_id);
        (void)snprintf(gone, sizeof gone, "%s", p->patient_id);
        break;
    case 5:
        (void)snprintf(text, sizeof text, "%s (%s %s)", base, p->given, p->family);
        (void)snprintf(gone, sizeof gone, "%s|%s", p->family, p->given);
        break;
    case 6:
        (void)snprintf(text, sizeof text, "%s %s %s %s", base, visit->title, p->family, visit->birth_french);
        (void)snprintf(gone, sizeof gone, "%s|%s", p->family, visit->birth_french);
        break;
    case 7:
        (void)snprintf(text, sizeof text, "%s %s %s", plain, plain_given, base);
        (void)snprintf(gone, sizeof gone, "%s|%s", plain, plain_given);
        break;
    case 8:
        (void)snprintf(text, sizeof text, "%s %c. %s", base, *p->plain_given != '\0' ? *p->plain_given : 'E', plain);
        (void)snprintf(gone, sizeof gone, "%s", plain);
        break;
    case 9:
        (void)snprintf(text, sizeof text, "%s Docteur %s %02u.%02u.%u", base, p->performing_family, p->birth_day, p->birth_month, p->birth_year);
        (void)snprintf(gone, sizeof gone, "%s|%02u.%02u.%u", p->performing_family, p->birth_day, p->birth_month, p->birth_year);
        break;
    case 10:
        (void)snprintf(text, sizeof text, "%s tel %s", base, p->phone_abroad);
        (void)snprintf(gone, sizeof gone, "%s", p->phone + 1);
        break;
    case 11:
        (void)snprintf(text, sizeof text, "%s %s", base, p->hospital);
        (void)snprintf(gone, sizeof gone, "%s", p->hospital);
        break;
    case 12:
        (void)snprintf(text, sizeof text, "%s_%s_%s", plain, plain_given, base);
        (void)snprintf(gone, sizeof gone, "%s|%s", plain, plain_given);
        break;
    case 13:
        (void)snprintf(text, sizeof text, "%s Herr %s geb. %02u.%02u.%u", base, plain, p->birth_day, p->birth_month, p->birth_year);
        (void)snprintf(gone, sizeof gone, "%s|%02u.%02u.%u", plain, p->birth_day, p->birth_month, p->birth_year);
        break;
    case 14:
        (void)snprintf(text, sizeof text, "%s fille : Mme %s", base, p->relative);
        (void)snprintf(gone, sizeof gone, "%s", p->relative);
        break;
    case 15:
        (void)snprintf(text, sizeof text, "%s DOB %u%02u%02u MRN#%s", base, p->birth_year, p->birth_month, p->birth_day, p->patient_id);
        (void)snprintf(gone, sizeof gone, "%s|%s", p->birth_da, p->patient_id);
        break;
    case 16:
        (void)snprintf(text, sizeof text, "%s  %s,%s", base, p->family, p->given);
        (void)snprintf(gone, sizeof gone, "%s|%s", p->family, p->given);
        break;
    default: (void)snprintf(text, sizeof text, "%s", base);
    }
    size_t longest = strcmp(vr, "LO") == 0 ? 64 : strcmp(vr, "SH") == 0 ? 16 : 200;
    if (characters(text) > longest) {
        (void)snprintf(text, sizeof text, "%s", base);
        gone[0] = '\0';
    }
    lethe_draft_mixed(item, tag, vr, text, base, gone);
}

lethe_draft_item *lethe_put_code(lethe_draft_item *item, uint32_t sequence, const char *value, const char *scheme, const char *meaning) {
    lethe_draft_item *code = lethe_draft_sequence(item, sequence);
    lethe_draft_text(code, 0x00080100, "SH", value, EXPECT_KEPT);
    lethe_draft_text(code, 0x00080102, "SH", scheme, EXPECT_NOTHING);
    lethe_draft_text(code, 0x00080104, "LO", meaning, EXPECT_NOTHING);
    return code;
}

lethe_draft_item *lethe_put_reference(lethe_draft_item *item, uint32_t sequence, const char *sop_class, const char *uid) {
    lethe_draft_item *reference = lethe_draft_sequence(item, sequence);
    lethe_draft_text(reference, 0x00081150, "UI", sop_class, EXPECT_NOTHING);
    lethe_draft_text(reference, 0x00081155, "UI", uid, EXPECT_UID);
    return reference;
}

/* --- pixels --- */

void lethe_put_pixel_format(lethe_draft *draft, const lethe_pixel_format *f) {
    lethe_draft_item *root = lethe_draft_root(draft);
    lethe_draft_u16(root, 0x00280002, f->samples);
    lethe_draft_text(root, 0x00280004, "CS", f->photometric, EXPECT_NOTHING);
    if (f->samples > 1) lethe_draft_u16(root, 0x00280006, 0);
    if (f->frames != 0) lethe_draft_integer(root, 0x00280008, (long)f->frames);
    lethe_draft_u16(root, 0x00280010, f->rows);
    lethe_draft_u16(root, 0x00280011, f->columns);
    lethe_draft_u16(root, 0x00280100, f->bits_allocated);
    lethe_draft_u16(root, 0x00280101, f->bits_stored);
    lethe_draft_u16(root, 0x00280102, f->bits_stored - 1);
    lethe_draft_u16(root, 0x00280103, f->is_signed ? 1 : 0);
}

lethe_status lethe_burn_text(lethe_visit *visit, uint8_t *pixels, const lethe_pixel_format *format, const char *text, unsigned x_px, unsigned y_px,
                             unsigned scale, uint8_t value) {
    unsigned width, height, frames = format->frames == 0 ? 1 : format->frames;
    lethe_font_measure(text, scale, &width, &height);
    if (x_px + width > format->columns) width = format->columns - x_px;
    if (y_px + height > format->rows) return lethe_fail(visit->error, LETHE_INTERNAL, "test data: caption outside the picture");
    uint8_t *mask = lethe_alloc_array(width, height);
    if (mask == NULL) return lethe_fail(visit->error, LETHE_NO_MEMORY, "no memory for a caption");
    lethe_font_draw(text, scale, mask, width, height);
    for (unsigned frame = 0; frame < frames; frame++)
        for (unsigned y = 0; y < height; y++)
            for (unsigned x = 0; x < width; x++) {
                size_t at = ((size_t)frame * format->rows + y_px + y) * format->columns + x_px + x;
                for (unsigned s = 0; mask[(size_t)y * width + x] != 0 && s < format->samples; s++) pixels[at * format->samples + s] = value;
            }
    lethe_status status = LETHE_OK;
    lethe_answer_box box = {.frame = 0, .x_px = x_px, .y_px = y_px, .width_px = width, .height_px = height, .mask = mask};
    if (visit->key != NULL) status = lethe_answer_add_boxes(visit->key, &box, frames, text, visit->error);
    lethe_free(mask);
    return status;
}
