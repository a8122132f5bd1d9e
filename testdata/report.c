/* A structured report in the shape of TID 1500: observer, procedure, one measurement group, a finding in free text, a reference to an image. */
#include "testdata/modalities.h"

#include <stdio.h>

static lethe_draft_item *content(lethe_draft_item *parent, const char *relation, const char *type, const char *code, const char *meaning) {
    lethe_draft_item *item = lethe_draft_sequence(parent, 0x0040A730);
    lethe_draft_text(item, 0x0040A010, "CS", relation, EXPECT_KEPT);
    lethe_draft_text(item, 0x0040A040, "CS", type, EXPECT_KEPT);
    (void)lethe_put_code(item, 0x0040A043, code, "DCM", meaning);
    return item;
}

static void put_document(lethe_draft_item *d, const lethe_visit *v) {
    const lethe_person *p = &v->person;
    char text[65];
    lethe_draft_text(d, 0x00080023, "DA", v->study_da, EXPECT_DATE);
    lethe_draft_text(d, 0x00080033, "TM", v->study_tm, EXPECT_NOTHING);
    lethe_draft_empty_sequence(d, 0x00081111); /* Referenced Performed Procedure Step */
    lethe_draft_text(d, 0x0040A491, "CS", "COMPLETE", EXPECT_KEPT);
    lethe_draft_text(d, 0x0040A493, "CS", "VERIFIED", EXPECT_NOTHING);
    lethe_draft_item *verifier = lethe_draft_sequence(d, 0x0040A073);
    lethe_draft_text(verifier, 0x0040A027, "LO", p->hospital, EXPECT_GONE);
    (void)snprintf(text, sizeof text, "%s%s", v->study_da, v->study_tm);
    lethe_draft_text(verifier, 0x0040A030, "DT", text, EXPECT_NOTHING);
    lethe_draft_answer(verifier, 0x0040A030, LETHE_ANSWER_DATE_SHIFTED, text, v->study_da);
    lethe_draft_text(verifier, 0x0040A075, "PN", p->performing_pn, EXPECT_GONE);
    lethe_draft_empty_sequence(verifier, 0x0040A088);
    lethe_draft_empty_sequence(d, 0x0040A372); /* Performed Procedure Code */
}

lethe_status lethe_make_report(lethe_visit *v) {
    const lethe_person *p = &v->person;
    v->protocol = "IRM PROSTATE";
    lethe_series s, images;
    lethe_series_begin(v, &s, 8, "SR", "1.2.840.10008.5.1.4.1.1.88.33", "COMPTE RENDU", NULL);
    lethe_series_begin(v, &images, 1, "MR", "1.2.840.10008.5.1.4.1.1.4", "", NULL);
    lethe_draft *draft = lethe_instance_begin(&s, 1, false);
    if (draft == NULL) return lethe_fail(v->error, LETHE_NO_MEMORY, "no memory for an instance");
    lethe_draft_item *d = lethe_draft_root(draft);
    char text[400], gone[200], uid[65];
    put_document(d, v);
    lethe_draft_text(d, 0x0040A040, "CS", "CONTAINER", EXPECT_KEPT);
    (void)lethe_put_code(d, 0x0040A043, "126000", "DCM", "Imaging Measurement Report");
    lethe_draft_text(d, 0x0040A050, "CS", "SEPARATE", EXPECT_KEPT);
    lethe_draft_item *template = lethe_draft_sequence(d, 0x0040A504);
    lethe_draft_text(template, 0x00080105, "CS", "DCMR", EXPECT_NOTHING);
    lethe_draft_text(template, 0x0040DB00, "CS", "1500", EXPECT_KEPT);
    lethe_draft_item *observer = content(d, "HAS OBS CONTEXT", "PNAME", "121008", "Person Observer Name");
    lethe_draft_text(observer, 0x0040A123, "PN", p->performing_pn, EXPECT_GONE);
    lethe_draft_item *procedure = content(d, "HAS CONCEPT MOD", "CODE", "121058", "Procedure reported");
    (void)lethe_put_code(procedure, 0x0040A168, "719178004", "SCT", "Multiparametric MRI of prostate");
    lethe_draft_item *measurements = content(d, "CONTAINS", "CONTAINER", "126010", "Imaging Measurements");
    lethe_draft_text(measurements, 0x0040A050, "CS", "SEPARATE", EXPECT_NOTHING);
    lethe_draft_item *finding = content(d, "CONTAINS", "TEXT", "121071", "Finding");
    (void)snprintf(text, sizeof text, "Lesion PIRADS 4 de la zone peripherique droite. %s %s, ne(e) le %s, vu par Dr %s le %.2s/%.2s/%.4s. Tel %s.",
                   v->title, p->family, v->birth_french, p->referring_family, v->study_da + 6, v->study_da + 4, v->study_da, p->phone);
    (void)snprintf(gone, sizeof gone, "%s|%s|%s|%s", p->family, v->birth_french, p->referring_family, p->phone);
    lethe_draft_mixed(finding, 0x0040A160, "UT", text, "Lesion PIRADS 4 de la zone peripherique droite", gone);
    lethe_draft_item *group = content(measurements, "CONTAINS", "CONTAINER", "125007", "Measurement Group");
    lethe_draft_text(group, 0x0040A050, "CS", "SEPARATE", EXPECT_NOTHING);
    lethe_draft_item *tracking = content(group, "HAS OBS CONTEXT", "TEXT", "112039", "Tracking Identifier");
    lethe_draft_mixed(tracking, 0x0040A160, "UT", "Lesion 1", "Lesion 1", NULL);
    lethe_related_uid(v, 4242, uid);
    lethe_draft_item *tracking_uid = content(group, "HAS OBS CONTEXT", "UIDREF", "112040", "Tracking Unique Identifier");
    lethe_draft_text(tracking_uid, 0x0040A124, "UI", uid, EXPECT_UID);
    lethe_draft_item *volume = content(group, "CONTAINS", "NUM", "121218", "Volume estimated from single 2D region");
    lethe_draft_item *measured = lethe_draft_sequence(volume, 0x0040A300);
    (void)lethe_put_code(measured, 0x004008EA, "ml", "UCUM", "milliliter");
    lethe_draft_decimal(measured, 0x0040A30A, 1.7, EXPECT_KEPT);
    lethe_draft_item *image = content(group, "CONTAINS", "IMAGE", "121112", "Source of Measurement");
    lethe_instance_uid(&images, 1, uid);
    (void)lethe_put_reference(image, 0x00081199, "1.2.840.10008.5.1.4.1.1.4", uid);
    lethe_draft_item *evidence = lethe_draft_sequence(d, 0x0040A375);
    lethe_draft_item *evidence_series = lethe_draft_sequence(evidence, 0x00081115);
    (void)lethe_put_reference(evidence_series, 0x00081199, "1.2.840.10008.5.1.4.1.1.4", uid);
    lethe_draft_text(evidence_series, 0x0020000E, "UI", images.uid, EXPECT_UID);
    lethe_draft_text(evidence, 0x0020000D, "UI", v->study_uid, EXPECT_UID);
    lethe_draft_form form = {.syntax = SYNTAX_EXPLICIT, .undefined_lengths = true};
    return lethe_instance_end(&s, draft, &form);
}
