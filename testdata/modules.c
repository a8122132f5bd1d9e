/* The common modules of an instance (PS3.3 C.7.1 to C.7.5, C.12.1), with identifiers planted where hospitals have been seen to leave them. */
#include "testdata/visit.h"

#include "core/memory.h"

#include <stdio.h>
#include <string.h>

static void patient_module(lethe_draft_item *d, const lethe_visit *v) {
    const lethe_person *p = &v->person;
    char text[512], gone[256];
    lethe_draft_text(d, 0x00100010, "PN", p->pn, EXPECT_GONE);
    lethe_draft_text(d, 0x00100020, "LO", p->patient_id, EXPECT_PATIENT_ID);
    if (*p->issuer != '\0') lethe_draft_text(d, 0x00100021, "LO", p->issuer, EXPECT_GONE);
    lethe_draft_text(d, 0x00100030, "DA", p->birth_da, EXPECT_GONE);
    lethe_draft_text(d, 0x00100040, "CS", p->sex == 'M' ? "M" : "F", EXPECT_KEPT);
    lethe_draft_item *other = lethe_draft_sequence(d, 0x00101002);
    lethe_draft_text(other, 0x00100020, "LO", p->nir, EXPECT_GONE);
    lethe_draft_text(other, 0x00100021, "LO", "ASIP-SANTE-INS-NIR", EXPECT_NOTHING);
    lethe_draft_text(other, 0x00100022, "CS", "TEXT", EXPECT_NOTHING);
    lethe_draft_text(d, 0x00101001, "PN", p->birth_name, EXPECT_GONE); /* Other Patient Names */
    lethe_draft_text(d, 0x00101005, "PN", p->birth_name, EXPECT_GONE); /* Patient's Birth Name */
    lethe_draft_text(d, 0x00101010, "AS", v->age, EXPECT_KEPT);
    lethe_draft_decimal(d, 0x00101020, 1.5 + (p->birth_day + p->birth_month) / 100.0, EXPECT_KEPT);
    lethe_draft_decimal(d, 0x00101030, 48 + p->birth_day + p->birth_month, EXPECT_KEPT);
    (void)snprintf(text, sizeof text, "%s, %s %s", p->street, p->postcode, p->town);
    lethe_draft_text(d, 0x00101040, "LO", text, EXPECT_GONE);     /* Patient's Address */
    lethe_draft_text(d, 0x00102154, "SH", p->phone, EXPECT_GONE); /* Patient's Telephone Numbers */
    lethe_draft_text(d, 0x001021A0, "CS", "NO", EXPECT_KEPT);     /* Smoking Status */
    (void)snprintf(text, sizeof text, "PSA %u.%u ng/mL. %s %s, tel. %s, %s. NIR %s. Adresse par Dr %s.", 1 + v->patient_index % 14,
                   v->patient_index % 10, v->title, p->family, p->phone, p->email, p->nir, p->referring_family);
    (void)snprintf(gone, sizeof gone, "%s|%s|%s|%s|%s", p->family, p->phone, p->email, p->nir, p->referring_family);
    char kept[32];
    (void)snprintf(kept, sizeof kept, "PSA %u.%u ng/mL", 1 + v->patient_index % 14, v->patient_index % 10);
    lethe_draft_mixed(d, 0x001021B0, "LT", text, kept, gone); /* Additional Patient History */
    if (v->patient_index % 2 == 0) {
        (void)snprintf(text, sizeof text, "Claustrophobie. Contact %s, %s %s %s.", p->given, p->street, p->postcode, p->town);
        (void)snprintf(gone, sizeof gone, "%s|%s", p->given, p->street);
        lethe_draft_mixed(d, 0x00104000, "LT", text, "Claustrophobie", gone); /* Patient Comments */
    }
}

static void study_module(lethe_draft_item *d, const lethe_visit *v) {
    const lethe_person *p = &v->person;
    lethe_draft_text(d, 0x00080020, "DA", v->study_da, EXPECT_DATE);
    lethe_draft_text(d, 0x00080030, "TM", v->study_tm, EXPECT_FILLED);
    lethe_draft_text(d, 0x00080050, "SH", v->accession, EXPECT_GONE);
    lethe_draft_text(d, 0x00080090, "PN", p->referring_pn, EXPECT_GONE);
    lethe_draft_item *who = lethe_draft_sequence(d, 0x00080096); /* Referring Physician Identification */
    lethe_draft_text(who, 0x00080080, "LO", p->hospital, EXPECT_GONE);
    lethe_draft_text(who, 0x00401103, "LO", p->phone, EXPECT_GONE);
    lethe_draft_item *code = lethe_draft_sequence(who, 0x00401101);
    lethe_draft_text(code, 0x00080100, "SH", p->referring_rpps, EXPECT_GONE);
    lethe_draft_text(code, 0x00080102, "SH", "99RPPS", EXPECT_NOTHING);
    lethe_draft_text(code, 0x00080104, "LO", p->referring_family, EXPECT_GONE);
    lethe_plant_text(d, v, 0x00081030, "LO", v->protocol, v->patient_index + v->study_index + 1); /* Study Description */
    lethe_draft_text(d, 0x00081060, "PN", p->performing_pn, EXPECT_GONE);                         /* Name of Physician(s) Reading Study */
    lethe_draft_text(d, 0x0020000D, "UI", v->study_uid, EXPECT_UID);
    lethe_draft_text(d, 0x00200010, "SH", v->study_id, EXPECT_GONE);
    char prior[65];
    lethe_related_uid(v, 7777, prior);
    (void)lethe_put_reference(d, 0x00081110, "1.2.840.10008.3.1.2.3.1", prior); /* Referenced Study */
    lethe_draft_text(d, 0x00321032, "PN", p->referring_pn, EXPECT_GONE);        /* Requesting Physician */
    lethe_draft_text(d, 0x00321033, "LO", p->ward, EXPECT_GONE);                /* Requesting Service */
}

static void series_module(lethe_draft_item *d, const lethe_series *s) {
    const lethe_visit *v = s->visit;
    const lethe_person *p = &v->person;
    lethe_draft_text(d, 0x00080060, "CS", s->modality, EXPECT_KEPT);
    lethe_draft_text(d, 0x00080021, "DA", v->study_da, EXPECT_DATE);
    lethe_draft_text(d, 0x00080031, "TM", v->study_tm, EXPECT_NOTHING);
    lethe_plant_text(d, v, 0x0008103E, "LO", s->description, v->patient_index + s->number);
    lethe_draft_text(d, 0x00081050, "PN", p->performing_pn, EXPECT_GONE);
    lethe_draft_text(d, 0x00081070, "PN", p->operator_pn, EXPECT_GONE);
    lethe_draft_text(d, 0x0020000E, "UI", s->uid, EXPECT_UID);
    lethe_draft_integer(d, 0x00200011, (long)s->number);
    lethe_plant_text(d, v, 0x00181030, "LO", s->description, v->patient_index + s->number + 3); /* Protocol Name */
    lethe_draft_text(d, 0x00400244, "DA", v->study_da, EXPECT_DATE);
    lethe_draft_text(d, 0x00400245, "TM", v->study_tm, EXPECT_NOTHING);
    lethe_draft_text(d, 0x00400253, "SH", v->accession, EXPECT_GONE);
    lethe_plant_text(d, v, 0x00400254, "LO", v->protocol, v->patient_index + 5); /* Performed Procedure Step Description */
    lethe_draft_item *request = lethe_draft_sequence(d, 0x00400275);             /* Request Attributes */
    lethe_plant_text(request, v, 0x00321060, "LO", v->protocol, v->patient_index + 2);
    lethe_plant_text(request, v, 0x00400007, "LO", v->protocol, v->patient_index + 4);
    lethe_draft_text(request, 0x00400009, "SH", v->accession, EXPECT_GONE);
    lethe_draft_text(request, 0x00401001, "SH", v->study_id, EXPECT_GONE);
}

static void equipment_module(lethe_draft_item *d, const lethe_series *s) {
    static const char *const makers[] = {"SIEMENS", "GE MEDICAL SYSTEMS", "Philips Medical Systems"};
    static const char *const mr_models[] = {"Skyra", "DISCOVERY MR750w", "Ingenia"}, *const ct_models[] = {"SOMATOM Force", "Revolution CT",
                                                                                                           "iCT 256"};
    static const char *const us_models[] = {"ACUSON S2000", "LOGIQ E9", "EPIQ 7G"}, *const mg_models[] = {"MAMMOMAT Revelation",
                                                                                                          "Senographe Pristina", "MicroDose SI"};
    static const char *const other_models[] = {"Biograph", "Workstation", "Station"};
    const lethe_visit *v = s->visit;
    const char *const *models = strcmp(s->modality, "MR") == 0   ? mr_models
                                : strcmp(s->modality, "CT") == 0 ? ct_models
                                : strcmp(s->modality, "US") == 0 ? us_models
                                : strcmp(s->modality, "MG") == 0 ? mg_models
                                                                 : other_models;
    char text[128];
    lethe_draft_text(d, 0x00080070, "LO", makers[v->vendor], EXPECT_KEPT);
    lethe_draft_text(d, 0x00080080, "LO", v->person.hospital, EXPECT_GONE);
    (void)snprintf(text, sizeof text, "2 place de l'Eglise, %s %s", v->person.postcode, v->person.town);
    lethe_draft_text(d, 0x00080081, "ST", text, EXPECT_GONE);
    (void)snprintf(text, sizeof text, "%s-SALLE%u", s->modality, 1 + v->patient_index % 4);
    lethe_draft_text(d, 0x00081010, "SH", text, EXPECT_GONE);
    lethe_draft_text(d, 0x00081040, "LO", v->person.department, EXPECT_GONE);
    lethe_draft_text(d, 0x00081090, "LO", models[v->vendor], EXPECT_KEPT);
    (void)snprintf(text, sizeof text, "SN%06u", 104729 + (unsigned)v->vendor * 7919);
    lethe_draft_text(d, 0x00181000, "LO", text, EXPECT_GONE);
    lethe_draft_text(d, 0x00181020, "LO", "syngo 1.0", EXPECT_NOTHING);
}

/* Private elements of the hospital's information system: none of them is known to be safe. */
static void private_blocks(lethe_draft_item *d, const lethe_series *s) {
    const lethe_visit *v = s->visit;
    const lethe_person *p = &v->person;
    uint32_t ris = lethe_draft_block(d, 0x0009, "MONTFAUCON RIS 1.0");
    lethe_draft_text(d, ris + 0x01, "LO", p->family, EXPECT_GONE);
    lethe_draft_text(d, ris + 0x02, "DA", p->birth_da, EXPECT_GONE);
    lethe_draft_bytes(d, ris + 0x03, "UN", p->nir, strlen(p->nir));
    lethe_draft_answer(d, ris + 0x03, LETHE_ANSWER_TEXT_REMOVED, p->nir, NULL);
    lethe_draft_item *nested = lethe_draft_sequence(d, ris + 0x04);
    lethe_draft_text(nested, 0x00100010, "PN", p->pn, EXPECT_GONE);
    lethe_draft_text(nested, 0x00080020, "DA", v->study_da, EXPECT_NOTHING);
    lethe_draft_item *deeper = lethe_draft_sequence(nested, 0x00400275);
    lethe_draft_text(deeper, 0x00401003, "SH", p->ward, EXPECT_GONE);
    if (s->instances % 2 == 0) { /* the same, unknown to the sender's dictionary */
        uint32_t unknown = lethe_draft_block(d, 0x0033, "MONTFAUCON RIS 2.0");
        lethe_draft_item *hidden = lethe_draft_hidden_sequence(d, unknown + 0x10);
        lethe_draft_text(hidden, 0x00100010, "PN", p->pn, EXPECT_GONE);
        lethe_draft_text(hidden, 0x00102154, "SH", p->phone, EXPECT_GONE);
    }
}

static void image_module(lethe_draft_item *d, const lethe_series *s, unsigned number) {
    const lethe_visit *v = s->visit;
    char text[256], gone[256];
    lethe_draft_text(d, 0x00080022, "DA", v->study_da, EXPECT_DATE);
    lethe_draft_text(d, 0x00080032, "TM", v->study_tm, EXPECT_NOTHING);
    lethe_draft_text(d, 0x00080023, "DA", v->study_da, EXPECT_DATE);
    lethe_draft_text(d, 0x00080033, "TM", v->study_tm, EXPECT_NOTHING);
    (void)snprintf(text, sizeof text, "%s%s.250000+0100", v->study_da, v->study_tm);
    lethe_draft_text(d, 0x0008002A, "DT", text, EXPECT_NOTHING);
    lethe_draft_answer(d, 0x0008002A, LETHE_ANSWER_DATE_SHIFTED, text, v->study_da);
    lethe_draft_integer(d, 0x00200012, 1);
    if (number % 3 == 1) {
        (void)snprintf(text, sizeof text, "Artefact de mouvement. Vu avec Dr %s le %.2s/%.2s/%.4s, dossier %s", v->person.performing_family,
                       v->study_da + 6, v->study_da + 4, v->study_da, v->person.patient_id);
        (void)snprintf(gone, sizeof gone, "%s|%.2s/%.2s/%.4s|%s", v->person.performing_family, v->study_da + 6, v->study_da + 4, v->study_da,
                       v->person.patient_id);
        lethe_draft_mixed(d, 0x00204000, "LT", text, "Artefact de mouvement", gone); /* Image Comments */
    }
}

static void absent_everywhere(lethe_draft *draft, const lethe_visit *v) {
    const lethe_person *p = &v->person;
    const char *const words[] = {
        p->family,          p->patient_id,     p->nir,         p->phone, p->email, p->street, v->accession, p->referring_family, p->performing_family,
        p->operator_family, p->referring_rpps, v->birth_french};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) lethe_draft_absent(draft, words[i]);
}

lethe_draft *lethe_instance_begin(lethe_series *series, unsigned number, bool image) {
    lethe_visit *v = series->visit;
    lethe_draft *draft = lethe_draft_create(v->key, (lethe_draft_charset)v->person.charset);
    if (draft == NULL) return NULL;
    char uid[65], file[512];
    lethe_instance_uid(series, number, uid);
    (void)snprintf(file, sizeof file, "%s %s %s/%s_%s/%s %u/IM%05u", v->person.family, v->person.given, v->person.birth_da, v->study_da, v->accession,
                   series->modality, series->number, number);
    lethe_answer_subject subject = {.file = file,
                                    .patient_id = v->person.patient_id,
                                    .study = v->study_uid,
                                    .series = series->uid,
                                    .instance = uid,
                                    .modality = series->modality,
                                    .issuer = v->person.issuer};
    if (v->key != NULL && lethe_answer_subject_set(v->key, &subject, v->error) != LETHE_OK) {
        lethe_draft_destroy(draft);
        return NULL;
    }
    lethe_draft_item *root = lethe_draft_root(draft);
    lethe_draft_text(root, 0x00080012, "DA", v->study_da, EXPECT_DATE); /* Instance Creation Date */
    lethe_draft_text(root, 0x00080013, "TM", v->study_tm, EXPECT_NOTHING);
    lethe_draft_text(root, 0x00080016, "UI", series->sop_class, EXPECT_KEPT);
    lethe_draft_text(root, 0x00080018, "UI", uid, EXPECT_UID);
    lethe_draft_integer(root, 0x00200013, (long)number);
    patient_module(root, v);
    study_module(root, v);
    series_module(root, series);
    equipment_module(root, series);
    private_blocks(root, series);
    if (series->body_part != NULL) lethe_draft_text(root, 0x00180015, "CS", series->body_part, EXPECT_KEPT);
    if (image) image_module(root, series, number);
    absent_everywhere(draft, v);
    return draft;
}

lethe_status lethe_instance_end(lethe_series *series, lethe_draft *draft, const lethe_draft_form *form) {
    lethe_visit *v = series->visit;
    char file[512], preamble[128], information[200];
    unsigned number = ++series->instances;
    v->instances++;
    (void)snprintf(file, sizeof file, "%s %s %s/%s_%s/%s %u/IM%05u", v->person.family, v->person.given, v->person.birth_da, v->study_da, v->accession,
                   series->modality, series->number, number);
    static const lethe_draft_syntax syntaxes[] = {SYNTAX_EXPLICIT,   SYNTAX_IMPLICIT, SYNTAX_EXPLICIT, SYNTAX_EXPLICIT,
                                                  SYNTAX_BIG_ENDIAN, SYNTAX_EXPLICIT, SYNTAX_DEFLATED};
    lethe_draft_form chosen = {.syntax = syntaxes[(number + v->patient_index) % 7]};
    if (form != NULL) {
        chosen = *form;
    } else {
        chosen.undefined_lengths = number % 2 == 0;
        chosen.group_lengths = number % 4 == 3;
        if (number % 4 == 0) {
            (void)snprintf(preamble, sizeof preamble, "%.60s", v->person.family);
            chosen.preamble = preamble;
        }
        if (number % 5 == 0) {
            (void)snprintf(information, sizeof information, "{\"patient\":\"%s\",\"nir\":\"%s\"}", v->person.family, v->person.nir);
            chosen.private_information = information;
            chosen.source_title = "MONTFAUCON";
        }
        if (number % 6 == 0) chosen.trailing_padding = v->person.family;
    }
    lethe_status status = lethe_draft_write(draft, &chosen, v->folder, file, v->error);
    lethe_draft_destroy(draft);
    return status;
}
