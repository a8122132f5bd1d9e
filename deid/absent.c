/* Stands in for parts that are not in the tree yet: fails closed. */
#include "deid/burned_in.h"
#include "deid/objections.h"
#include "deid/review.h"
#include "deid/text.h"

#include <stdio.h>
#include <string.h>

#ifndef LETHE_HAVE_BURNED_IN
void lethe_pixel_policy_default(lethe_pixel_policy *policy) { *policy = (lethe_pixel_policy){0}; }
lethe_status lethe_pixel_policy_set(lethe_pixel_policy *policy, const char *modality, const char *mode, lethe_error *error) {
    (void)policy; (void)modality; (void)mode; (void)error;
    return LETHE_OK;
}
lethe_status lethe_burned_in_create(const lethe_pixel_policy *policy, lethe_burned_in **out, lethe_error *error) {
    (void)policy; (void)error;
    *out = NULL;
    return LETHE_OK;
}
void lethe_burned_in_destroy(lethe_burned_in *engine) { (void)engine; }
void lethe_pixel_decision_release(lethe_pixel_decision *decision) { (void)decision; }
lethe_status lethe_burned_in_decide(lethe_burned_in *engine, const lethe_dicom_dataset *dataset, const lethe_identifiers *identifiers, lethe_pixel_decision *decision,
                                    lethe_error *error) {
    (void)engine; (void)identifiers; (void)error;
    static const char *const safe[] = {"CT", "MR", "PT", "NM", "SR", "SEG", "RTSTRUCT", "RTPLAN", "RTDOSE", "PR", "KO"};
    char modality[17] = "";
    *decision = (lethe_pixel_decision){0};
    (void)lethe_dicom_text(dataset->root, LETHE_TAG(0x0008, 0x0060), 0, modality, sizeof modality);
    if (lethe_dicom_find(dataset->root, LETHE_TAG(0x7FE0, 0x0010)) == NULL) return LETHE_OK;
    for (size_t i = 0; i < sizeof safe / sizeof *safe; i++)
        if (strcmp(modality, safe[i]) == 0) return LETHE_OK;
    decision->verdict = LETHE_PIXELS_QUARANTINE;
    (void)snprintf(decision->reason, sizeof decision->reason, "pixels may hold burned-in text and nothing is here to search them");
    return LETHE_OK;
}
lethe_status lethe_burned_in_verify(lethe_burned_in *engine, const lethe_dicom_dataset *before, const lethe_dicom_dataset *after, const lethe_identifiers *identifiers,
                                    const lethe_pixel_decision *decision, lethe_error *error) {
    (void)engine; (void)before; (void)after; (void)identifiers; (void)decision; (void)error;
    return LETHE_OK;
}
#endif
#ifndef LETHE_HAVE_REVIEW
int lethe_review_main(int argc, char **argv) {
    (void)argc; (void)argv;
    (void)fputs("lethe review: not built\n", stderr);
    return LETHE_EXIT_FAILED;
}
#endif
#ifndef LETHE_HAVE_TEXT
struct lethe_text_cleaner { int x; };
static struct lethe_text_cleaner only;
lethe_status lethe_text_cleaner_create(const lethe_identifiers *identifiers, lethe_text_cleaner **out, lethe_error *error) {
    (void)identifiers; (void)error;
    *out = &only;
    return LETHE_OK;
}
void lethe_text_cleaner_destroy(lethe_text_cleaner *cleaner) { (void)cleaner; }
void lethe_text_cleaner_set_shift(lethe_text_cleaner *cleaner, int32_t shift_days) { (void)cleaner; (void)shift_days; }
lethe_status lethe_text_clean(lethe_text_cleaner *cleaner, const char *utf8, size_t size, lethe_text_mode mode, lethe_buffer *out, lethe_text_result *result,
                              lethe_error *error) {
    (void)cleaner; (void)utf8; (void)size; (void)mode; (void)out; (void)error;
    result->changed = true;
    result->reasons = LETHE_TEXT_KNOWN;
    return LETHE_OK;
}
#endif
#ifndef LETHE_HAVE_VOCABULARY
#include "deid/vocabulary.h"
unsigned lethe_vocabulary_classes(const char *folded, size_t size) {
    (void)folded; (void)size;
    return LETHE_WORD_UNKNOWN;
}
#endif
