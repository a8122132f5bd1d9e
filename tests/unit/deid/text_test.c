/* Cleaning of free text: what must stay stays byte for byte, what identifies goes, wherever it stands. */
#include "deid/text/text.h"
#include "tests/unit/deid/text_fixture.h"

#include "core/file.h"
#include "core/memory.h"
#include "imaging/dicom/edit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char *clean(bench *now, const char *text, lethe_text_mode mode, lethe_text_result *result) {
    lethe_buffer_clear(&now->out);
    OK(lethe_text_clean(now->cleaner, text, strlen(text), mode, &now->out, result, NULL));
    return lethe_buffer_text(&now->out);
}

static void add(bench *now, lethe_identifier_kind kind, const char *text) { OK(lethe_identifiers_add(now->ids, kind, text, strlen(text), NULL)); }

/* A patient and a study. */
static void know_the_patient(bench *now) {
    add(now, LETHE_ID_NAME, "KERVADEC^Marie-Loïse^^Mme");
    add(now, LETHE_ID_NAME, "de la Tréhonnais^Marie-Loïse");
    add(now, LETHE_ID_NUMBER, "8003417");
    add(now, LETHE_ID_NUMBER, "ACC-2021-77812");
    add(now, LETHE_ID_DATE, "19610312");
    add(now, LETHE_ID_STAFF, "ZWILLING^Ottokar^^Dr");
    add(now, LETHE_ID_INSTITUTION, "Clinique Sainte-Wandrille");
    add(now, LETHE_ID_ADDRESS, "14 rue des Korrigans, 29460 Daoulas");
    add(now, LETHE_ID_DEVICE, "MRC40217");
    add(now, LETHE_ID_CONTACT, "02 98 55 01 77");
}

typedef struct row {
    const char *before, *after;
} row;

/* Without knowing anybody. */
static const row unknown_people[] = {
    {"IRM PROSTATE T2 TSE AX Mme DUPONT 12/03/1961 Dr Lefèvre", "IRM PROSTATE T2 TSE AX"},
    {"4.6 COLONOSCOPY (ACRIN) DR.IYER for Nicholas", "4.6 COLONOSCOPY (ACRIN)"},
    {"P4^P101^S108^I0, Gated, 0.0% 20140321", "P4^P101^S108^I0, Gated, 0.0%"},
    {"M. BERNADOT T1 GADO", "T1 GADO"},
    {"Mlle Rozenn Le Goff IRM du genou", "IRM du genou"},
    {"IRM du genou - Dr J. Van der Berghe", "IRM du genou"},
    {"CHEST PA Mr Gundersson", "CHEST PA"},
    {"Frau Grünewald MRT Kopf nativ", "MRT Kopf nativ"},
    {"Herr Prof. Dr. Lindenschmidt, CT Thorax", "CT Thorax"},
    {"MR LUMBAR SPINE", "MR LUMBAR SPINE"},
    {"DR CHEST PA", "DR CHEST PA"},
    {"TAP (Pr MARCHETTI)", "TAP"},
    {"Drs CAPELLO et MARTIN : TDM TAP", "TDM TAP"},
    {"SCANNER demandé par le Dr Plouhinec", "SCANNER demandé"},
    {"NIR 1 85 05 78 006 084 91 IRM", "IRM"},
    {"IRM 185057800608491", "IRM"},
    {"IRM 2 69 05 2A 004 006 15 AX", "IRM AX"},
    {"Tel 06 12 34 56 78 TDM TAP", "TDM TAP"},
    {"TDM TAP +33 6 12 34 56 78", "TDM TAP"},
    {"Call (514) 555-0199 CHEST", "Call CHEST"},
    {"report to j.martin@chu-exemple.fr please", "report to please"},
    {"voir https://pacs.exemple.fr/p/123 svp", "voir svp"},
    {"IPP 80034 SCANNER", "SCANNER"},
    {"RPPS 10003456785 IRM", "IRM"},
    {"12 rue des Lilas 75020 Paris IRM", "IRM"},
    {"IRM, 59000 LILLE CEDEX", "IRM"},
    {"né le 12 mars 1961 IRM", "IRM"},
    {"IRM DDN 12031961", "IRM"},
    {"IRM du 12.03.2019", "IRM"},
    {"CT chest March 12, 2019", "CT chest"},
    {"MRT Kopf vom 12. März 2019", "MRT Kopf"},
    {"IRM_CEREBRALE_DUPONT_Jean", "IRM_CEREBRALE"},
    {"1.2.840.113619.2.55.3.604688119 AX", "AX"},
    {"T2 AX for Nicholas, 3 mm", "T2 AX, 3 mm"},
    {"THORAX (DUPONT) FACE", "THORAX FACE"},
    {"Operator: SMITH J. CHEST", "Operator CHEST"},
    {"123-45-6789 HEAD", "HEAD"},
    {"THORAX +33 3 92 49 13 37 1 85 05 78 006 084 36", "THORAX"},
    {"", ""},
    {"   ", "   "},
};

static void people_nobody_told_us_about(void **state) {
    bench *now = *state;
    for (size_t at = 0; at < sizeof unknown_people / sizeof unknown_people[0]; at++) {
        for (int mode = 0; mode < 2; mode++) {
            const char *got = clean(now, unknown_people[at].before, (lethe_text_mode)mode, NULL);
            if (strcmp(got, unknown_people[at].after) != 0) {
                print_error("mode %d: [%s] gave [%s], not [%s]\n", mode, unknown_people[at].before, got, unknown_people[at].after);
                fail();
            }
        }
    }
}

static const row known_people[] = {
    {"IRM kervadec T2", "IRM T2"},
    {"IRM Marie-Loise T2", "IRM T2"},
    {"IRM MARIELOISE KERVADEC T2", "IRM T2"},
    {"kervadecmarie T1", "T1"},
    {"xKERVADEC01 T1", "T1"},
    {"T2 DE LA TREHONNAIS AX", "T2 AX"},
    {"T2 delatrehonnais AX", "T2 AX"},
    {"8003417 CHEST", "CHEST"},
    {"ID_8003417_CHEST", "CHEST"},
    {"80 03 417 CHEST", "CHEST"},
    {"ACC 2021 77812 HEAD", "HEAD"},
    {"HEAD ACC202177812", "HEAD"},
    {"T2 Ottokar", "T2"},
    {"vu par zwilling, genou", "vu, genou"},
    {"Wandrille IRM", "IRM"},
    {"IRM Daoulas T2", "IRM T2"},
    {"MRC40217 HEAD", "HEAD"},
    {"HEAD 12031961", "HEAD"},
    {"tel 0298550177", "tel"},
    {"IRM M.L. Kervadec genou", "IRM genou"},
    {"T2 MLK KERVADEC", "T2"},
    {"T2 KML genou", "T2 genou"},
    {"T2 MLK genou", "T2 genou"},
    {"T2 M.L.K. genou", "T2 genou"},
    {"T2 K.M.L., genou", "T2, genou"},
};

static void what_the_object_told(void **state) {
    bench *now = *state;
    know_the_patient(now);
    for (size_t at = 0; at < sizeof known_people / sizeof known_people[0]; at++) {
        const char *got = clean(now, known_people[at].before, LETHE_TEXT_RESEARCH, NULL);
        bool tel = strcmp(known_people[at].after, "tel") == 0 && got[0] == '\0'; /* the cue may go with its number */
        if (strcmp(got, known_people[at].after) != 0 && !tel) {
            print_error("[%s] gave [%s], not [%s]\n", known_people[at].before, got, known_people[at].after);
            fail();
        }
    }
    static const char *const kept[] = {"IRM CLINIQUE T2", "MARIE-less words stay? no", "T2 TSE AX 2021", "HEAD 1961"};
    assert_string_equal(clean(now, kept[0], LETHE_TEXT_RESEARCH, NULL), kept[0]);
    assert_string_equal(clean(now, kept[2], LETHE_TEXT_RESEARCH, NULL), kept[2]);
    assert_string_equal(clean(now, kept[3], LETHE_TEXT_RESEARCH, NULL), kept[3]);
}

static void names_that_are_technical_words(void **state) {
    bench *now = *state;
    add(now, LETHE_ID_NAME, "HEAD^LONG");
    add(now, LETHE_ID_NAME, "LI^MA");
    assert_string_equal(clean(now, "CT HEAD AXIAL", LETHE_TEXT_RESEARCH, NULL), "CT HEAD AXIAL");
    assert_string_equal(clean(now, "CT LONG HEAD AXIAL", LETHE_TEXT_RESEARCH, NULL), "CT AXIAL");
    assert_string_equal(clean(now, "CT LI MA AXIAL", LETHE_TEXT_RESEARCH, NULL), "CT AXIAL");
    assert_string_equal(clean(now, "Dr Long CT", LETHE_TEXT_RESEARCH, NULL), "CT");
    assert_string_equal(clean(now, "SCOUT Frau HEAD", LETHE_TEXT_RESEARCH, NULL), "SCOUT");
    assert_string_equal(clean(now, "COR HEAD L. STIR", LETHE_TEXT_RESEARCH, NULL), "COR STIR");
    assert_string_equal(clean(now, "COR L. HEAD STIR", LETHE_TEXT_RESEARCH, NULL), "COR STIR");
    assert_string_equal(clean(now, "LONG AXIS VIEW", LETHE_TEXT_RESEARCH, NULL), "LONG AXIS VIEW");
}

/* A character set that could not write a letter put a question mark there, on either side. */
static void letters_that_were_lost(void **state) {
    bench *now = *state;
    add(now, LETHE_ID_NAME, "Lef?vre^Th?ophile");
    add(now, LETHE_ID_NAME, "?verg?rd^Zygmunt");
    add(now, LETHE_ID_NAME, "Çelebioğlu^Weißenborn");
    add(now, LETHE_ID_NAME, "Br??zillon^Yves");
    add(now, LETHE_ID_NAME, "Zurbriggen^Zoé");
    add(now, LETHE_ID_NAME, "Quéméneur^Gwenaëlle");
    add(now, LETHE_ID_DATE, "19371224");
    clean(now, "", LETHE_TEXT_RESEARCH, NULL);
    lethe_text_cleaner_set_shift(now->cleaner, -500);
    for (int mode = 0; mode < 2; mode++) {
        assert_string_equal(clean(now, "IRM lefèvre T2", (lethe_text_mode)mode, NULL), "IRM T2");
        assert_string_equal(clean(now, "IRM LEF?VRE T2", (lethe_text_mode)mode, NULL), "IRM T2");
        assert_string_equal(clean(now, "IRM QU?M?NEUR T2", (lethe_text_mode)mode, NULL), "IRM T2");
        assert_string_equal(clean(now, "IRM QU??M??NEUR T2", (lethe_text_mode)mode, NULL), "IRM T2"); /* both bytes of a letter */
        assert_string_equal(clean(now, "IRM Brézillon T2", (lethe_text_mode)mode, NULL), "IRM T2");
        assert_string_equal(clean(now, "IRM Br??zillon T2", (lethe_text_mode)mode, NULL), "IRM T2");
        assert_string_equal(clean(now, "T2 OVERGARD/ZYGMUNT", (lethe_text_mode)mode, NULL), "T2");
        assert_string_equal(clean(now, "IRM n?e le 24 d?cembre 1937", (lethe_text_mode)mode, NULL), "IRM");
        assert_string_equal(clean(now, "IRM *3 f?vrier 1938", (lethe_text_mode)mode, NULL), "IRM");
        assert_string_equal(clean(now, "IRM T2 n?e le 3.2.1938 genou", (lethe_text_mode)mode, NULL), "IRM T2 genou");
        assert_string_equal(clean(now, "SCOUT Mr ?elebio?lu T2", (lethe_text_mode)mode, NULL), "SCOUT T2");
        assert_string_equal(clean(now, "SCOUT Wei?enborn", (lethe_text_mode)mode, NULL), "SCOUT");
        assert_string_equal(clean(now, "SCOUT patient: ?elebio?lu", (lethe_text_mode)mode, NULL), "SCOUT");
        assert_string_equal(clean(now, "SCOUT Wei?enborn, Zo?", (lethe_text_mode)mode, NULL), "SCOUT");
        assert_string_equal(clean(now, "SCOUT ?fracture", (lethe_text_mode)mode, NULL), "SCOUT ?fracture");
        assert_string_equal(clean(now, "Echographie v?sicale", (lethe_text_mode)mode, NULL), "Echographie v?sicale");
        assert_string_equal(clean(now, "Fracture? Sinusite?", (lethe_text_mode)mode, NULL), "Fracture? Sinusite?");
        assert_string_equal(clean(now, "fracture?hematome", (lethe_text_mode)mode, NULL), "fracture?hematome");
        assert_string_equal(clean(now, "fracture??hematome", (lethe_text_mode)mode, NULL), "fracture??hematome");
    }
    lethe_text_cleaner_set_shift(now->cleaner, 0);
}

/* The patient's own date of birth goes even where other dates are shifted. */
static void a_birth_date_is_not_shifted(void **state) {
    bench *now = *state;
    add(now, LETHE_ID_DATE, "19371224");
    lethe_text_cleaner_set_shift(now->cleaner, -500);
    assert_string_equal(clean(now, "CT 24.12.1937 THORAX", LETHE_TEXT_RESEARCH, NULL), "CT THORAX");
    assert_string_equal(clean(now, "CT 24 décembre 1937", LETHE_TEXT_RESEARCH, NULL), "CT");
    assert_string_equal(clean(now, "CT 24.12.2019 THORAX", LETHE_TEXT_RESEARCH, NULL), "CT 11.08.2018 THORAX"); /* 500 days earlier */
    static const char *const written[] = {"24.12.37",   "24/12/37", "12/24/1937", "24-XII-1937", "37-12-24",
                                          "1937.12.24", "24 12 37", "24_12_1937", "24-xii-1937"};
    for (size_t at = 0; at < sizeof written / sizeof written[0]; at++) {
        char text[64];
        (void)snprintf(text, sizeof text, "CT %s THORAX", written[at]);
        for (int mode = 0; mode < 2; mode++) assert_string_equal(clean(now, text, (lethe_text_mode)mode, NULL), "CT THORAX");
    }
    add(now, LETHE_ID_DATE, "19850704");
    assert_string_equal(clean(now, "THORAX\r\n4.7.85\r\nIRM", LETHE_TEXT_RESEARCH, NULL), "THORAX\r\nIRM");
    assert_string_equal(clean(now, "CT 85-7-4 THORAX", LETHE_TEXT_STRICT, NULL), "CT THORAX");
    assert_string_equal(clean(now, "VA 4.7.86 THORAX", LETHE_TEXT_RESEARCH, NULL), "VA 4.7.86 THORAX"); /* a version */
    assert_string_equal(clean(now, "IV 14 X 20 mm", LETHE_TEXT_RESEARCH, NULL), "IV 14 X 20 mm");
    lethe_text_cleaner_set_shift(now->cleaner, 0);
}

static void other_scripts(void **state) {
    bench *now = *state;
    add(now, LETHE_ID_NAME, "Yamada^Tarou");
    add(now, LETHE_ID_NAME, "山田^太郎");
    add(now, LETHE_ID_NAME, "Люксембург^Роза");
    assert_string_equal(clean(now, "頭部山田検査", LETHE_TEXT_RESEARCH, NULL), "頭部検査");
    assert_string_equal(clean(now, "山田 太郎 頭部", LETHE_TEXT_RESEARCH, NULL), "頭部");
    assert_string_equal(clean(now, "МРТ люксембург", LETHE_TEXT_RESEARCH, NULL), "МРТ");
}

static void dates_are_shifted_when_they_describe_and_go_when_they_identify(void **state) {
    bench *now = *state;
    lethe_text_result result;
    lethe_text_cleaner_set_shift(now->cleaner, -1000);
    assert_string_equal(clean(now, "Contrôle du 12/03/2019", LETHE_TEXT_RESEARCH, &result), "Contrôle du 15/06/2016");
    assert_int_equal(result.shifted, 1);
    assert_string_equal(clean(now, "CT 20190312 AX", LETHE_TEXT_RESEARCH, NULL), "CT 20160615 AX");
    assert_string_equal(clean(now, "IRM du 12 mars 2019", LETHE_TEXT_RESEARCH, NULL), "IRM du 15 juin 2016");
    assert_string_equal(clean(now, "CT MARCH 12, 2019", LETHE_TEXT_RESEARCH, NULL), "CT JUNE 15, 2016");
    assert_string_equal(clean(now, "CT 12-MAR-2019", LETHE_TEXT_RESEARCH, NULL), "CT 15-JUN-2016");
    assert_string_equal(clean(now, "MRT 12. März 2019", LETHE_TEXT_RESEARCH, NULL), "MRT 15. Juni 2016");
    assert_string_equal(clean(now, "CT 2019-03-12 AX", LETHE_TEXT_RESEARCH, NULL), "CT 2016-06-15 AX");
    assert_string_equal(clean(now, "CT 12.03.19", LETHE_TEXT_RESEARCH, NULL), "CT 15.06.16");
    assert_string_equal(clean(now, "CT 12-III-2019", LETHE_TEXT_RESEARCH, NULL), "CT 15-VI-2016");
    assert_string_equal(clean(now, "CT 99-03-12", LETHE_TEXT_RESEARCH, NULL), "CT 96-06-15"); /* 1999-03-12, and 1996-06-15 is 1000 days earlier */
    assert_string_equal(clean(now, "CT20190312", LETHE_TEXT_RESEARCH, NULL), "CT20160615");
    assert_string_equal(clean(now, "né le 12/03/1961", LETHE_TEXT_RESEARCH, NULL), "");
    assert_string_equal(clean(now, "IRM DUPONT 12/03/1961", LETHE_TEXT_RESEARCH, NULL), "IRM");
    assert_string_equal(clean(now, "Contrôle du 12/03/2019", LETHE_TEXT_STRICT, NULL), "Contrôle");
}

/* --- the long list --- */

static char *next_line(char **at) {
    while (**at != '\0') {
        char *line = *at, *end = strchr(line, '\n');
        *at = end == NULL ? line + strlen(line) : end + 1;
        if (end != NULL) *end = '\0';
        if (line[0] != '#' && line[0] != '\0') return line;
    }
    return NULL;
}

static char *load_list(lethe_buffer *list) {
    lethe_buffer_init(list, 1 << 20);
    OK(lethe_file_read(LETHE_SOURCE_DIR "/tests/unit/deid/text_keep.txt", list, NULL));
    return (char *)list->bytes;
}

static void descriptions_come_out_byte_for_byte(void **state) {
    bench *now = *state;
    know_the_patient(now);
    lethe_buffer list;
    char *at = load_list(&list), *line;
    unsigned count = 0, wrong = 0;
    while ((line = next_line(&at)) != NULL) {
        count++;
        for (int mode = 0; mode < 2; mode++) {
            const char *got = clean(now, line, (lethe_text_mode)mode, NULL);
            if (strcmp(got, line) == 0) continue;
            wrong++;
            print_error("mode %d: [%s] became [%s]\n", mode, line, got);
        }
    }
    lethe_buffer_release(&list);
    assert_true(count > 400);
    assert_int_equal(wrong, 0);
}

static const char *const plants[] = {
    "Mme GOURVENNEC",
    "Dr Plouhinec",
    "KERVADEC",
    "Marie-Loïse Kervadec",
    "kervadec marie-loise",
    "Zwilling",
    "1 85 05 78 006 084 91",
    "8003417",
    "06 12 34 56 78",
    "marie@exemple.fr",
    "né le 12/03/1961",
    "14 rue des Korrigans",
    "Wandrille",
    "MRC40217",
    "Monsieur Jean DUPONT",
    "Prof. Albrecht Zwilling",
    "20190312",
    "IPP 1234567",
    "29460 DAOULAS",
    "MARTIN Sophie",
};
/* Parts of the plants that must not be seen afterwards, in any case and without accents. */
static const char *const secrets[] = {"GOURVENNEC", "PLOUHINEC", "KERVADEC", "LOISE",    "ZWILLING",  "084 91",   "8003417",
                                      "56 78",      "EXEMPLE",   "1961",     "KORRIGAN", "WANDRILLE", "MRC40217", "DUPONT",
                                      "ALBRECHT",   "20190312",  "1234567",  "29460",    "DAOULAS",   "SOPHIE",   "MARTIN"};

/* All words of `line` in `text`, in order. */
static bool keeps_words(const char *line, const char *text) {
    const char *from = text;
    char word[256];
    for (const char *at = line; *at != '\0';) {
        while (*at == ' ') at++;
        size_t length = strcspn(at, " ");
        if (length == 0) break;
        (void)snprintf(word, sizeof word, "%.*s", (int)length, at);
        while (length > 1 && strchr(",.:;-()+", word[length - 1]) != NULL) word[--length] = '\0'; /* punctuation may be tidied */
        const char *hit = strstr(from, word[0] == '(' ? word + 1 : word);
        if (hit == NULL) return false;
        from = hit;
        at += strcspn(at, " ");
    }
    return true;
}

static void planted_identifiers_go_and_descriptions_stay(void **state) {
    bench *now = *state;
    know_the_patient(now);
    lethe_buffer list;
    char *at = load_list(&list), *line;
    unsigned checks = 0, leaks = 0, losses = 0, row_number = 0;
    while ((line = next_line(&at)) != NULL) {
        for (size_t plant = row_number++ % 3; plant < sizeof plants / sizeof plants[0]; plant += 3) {
            for (int place = 0; place < 2; place++) {
                char text[1024], folded[1024];
                (void)snprintf(text, sizeof text, "%s %s", place == 0 ? line : plants[plant], place == 0 ? plants[plant] : line);
                for (int mode = 0; mode < 2; mode++) {
                    const char *got = clean(now, text, (lethe_text_mode)mode, NULL);
                    folded[lethe_text_fold(got, strlen(got), folded, sizeof folded - 1)] = '\0';
                    for (size_t secret = 0; secret < sizeof secrets / sizeof secrets[0]; secret++) {
                        if (strstr(folded, secrets[secret]) == NULL) continue;
                        leaks++;
                        print_error("LEAK mode %d: [%s] became [%s]\n", mode, text, got);
                    }
                    if (!keeps_words(line, got)) {
                        losses++;
                        if (losses < 40) print_error("LOSS mode %d: [%s] became [%s]\n", mode, text, got);
                    }
                    checks++;
                }
            }
        }
    }
    lethe_buffer_release(&list);
    print_message("%u cleaned texts: %u leaks, %u losses\n", checks, leaks, losses);
    assert_true(checks > 8000);
    assert_int_equal(leaks, 0);
    assert_true(losses * 1000 <= checks); /* 0.1 % */
}

/* --- elements and objects --- */

static void elements_keep_their_character_set(void **state) {
    bench *now = *state;
    lethe_dicom_encoding encoding = {true, false};
    lethe_buffer file, value;
    lethe_buffer_init(&file, 1 << 16);
    lethe_buffer_init(&value, 1 << 16);
    OK(lethe_dicom_encode_text(&file, encoding, LETHE_TAG(0x0008, 0x0005), LETHE_VR_CS, "ISO_IR 100", NULL));
    OK(lethe_dicom_encode_text(&file, encoding, LETHE_TAG(0x0008, 0x1030), LETHE_VR_LO, "IRM \xE9paule Lef\xE8vre\\genou", NULL));
    OK(lethe_dicom_encode_text(&file, encoding, LETHE_TAG(0x0008, 0x103E), LETHE_VR_LO, "IRM \xE9paules", NULL));
    OK(lethe_dicom_encode_text(&file, encoding, LETHE_TAG(0x0010, 0x0010), LETHE_VR_PN, "LEFEVRE^Zo\xEB", NULL));
    OK(lethe_dicom_encode_text(&file, encoding, LETHE_TAG(0x0010, 0x0020), LETHE_VR_LO, "XA 778812", NULL));
    lethe_arena *arena = lethe_arena_create(1 << 20);
    lethe_dicom_dataset *dataset = NULL;
    OK(lethe_dicom_dataset_parse(file.bytes, file.size, arena, &dataset, NULL));
    OK(lethe_identifiers_gather(now->ids, dataset, NULL));
    lethe_text_result result;
    OK(lethe_text_clean_element(now->cleaner, lethe_dicom_find(dataset->root, LETHE_TAG(0x0008, 0x1030)), LETHE_TEXT_RESEARCH, &value, &result,
                                NULL));
    assert_string_equal(lethe_buffer_text(&value), "IRM \xE9paule\\genou");
    assert_true(result.changed && (result.reasons & LETHE_TEXT_KNOWN) != 0);
    lethe_buffer_clear(&value);
    OK(lethe_text_clean_element(now->cleaner, lethe_dicom_find(dataset->root, LETHE_TAG(0x0008, 0x103E)), LETHE_TEXT_RESEARCH, &value, &result,
                                NULL));
    assert_string_equal(lethe_buffer_text(&value), "IRM \xE9paules ");
    assert_false(result.changed);
    lethe_identifier_kind kind;
    assert_true(lethe_identifiers_in_text(now->ids, "scan of zoe", 11, &kind));
    assert_int_equal(kind, LETHE_ID_NAME);
    assert_true(lethe_identifiers_in_text(now->ids, "778812", 6, &kind));
    assert_int_equal(kind, LETHE_ID_NUMBER);
    assert_false(lethe_identifiers_in_text(now->ids, "IRM genou", 9, &kind));
    lethe_identifiers_clear(now->ids);
    assert_false(lethe_identifiers_in_text(now->ids, "778812", 6, &kind));
    lethe_arena_destroy(arena);
    lethe_buffer_release(&file);
    lethe_buffer_release(&value);
}

static void words_a_project_wants_kept(void **state) {
    bench *now = *state;
    assert_string_equal(clean(now, "PROJECTA Zygmatron T2", LETHE_TEXT_STRICT, NULL), "T2");
    OK(lethe_text_cleaner_keep_word(now->cleaner, "zygmatron", NULL));
    OK(lethe_text_cleaner_keep_word(now->cleaner, "PROJECTA", NULL));
    assert_string_equal(clean(now, "PROJECTA Zygmatron T2", LETHE_TEXT_STRICT, NULL), "PROJECTA Zygmatron T2");
    add(now, LETHE_ID_NAME, "ZYGMATRON^X");
    assert_string_equal(clean(now, "PROJECTA Zygmatron T2", LETHE_TEXT_STRICT, NULL), "PROJECTA T2");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(people_nobody_told_us_about),
        TEST(what_the_object_told),
        TEST(names_that_are_technical_words),
        TEST(letters_that_were_lost),
        TEST(a_birth_date_is_not_shifted),
        TEST(other_scripts),
        TEST(dates_are_shifted_when_they_describe_and_go_when_they_identify),
        TEST(descriptions_come_out_byte_for_byte),
        TEST(planted_identifiers_go_and_descriptions_stay),
        TEST(elements_keep_their_character_set),
        TEST(words_a_project_wants_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
