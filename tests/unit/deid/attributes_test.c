/* From planted elements to the edited instance: what goes, what stays, at every depth and in each encoding. Values are invented. */
#include "core/file.h"
#include "deid/pipeline.h"
#include "imaging/dicom/edit.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

static char folder[] = "/tmp/lethe-attributes-XXXXXX";
static const uint8_t key[LETHE_KEY_BYTES] = {1, 2, 3};

/* --- making inputs --- */

typedef struct maker {
    lethe_buffer bytes;
    lethe_dicom_encoding encoding;
} maker;

static void text(maker *m, lethe_tag tag, lethe_vr vr, const char *value) {
    assert_int_equal(lethe_dicom_encode_text(&m->bytes, m->encoding, tag, vr, value, NULL), LETHE_OK);
}
static void raw(maker *m, lethe_tag tag, lethe_vr vr, const void *value, size_t size) {
    assert_int_equal(lethe_dicom_encode(&m->bytes, m->encoding, tag, vr, value, size, NULL), LETHE_OK);
}
static void begin(maker *m, lethe_tag tag) {
    assert_int_equal(lethe_dicom_encode_sequence_begin(&m->bytes, m->encoding, tag, NULL), LETHE_OK);
    assert_int_equal(lethe_dicom_encode_item_begin(&m->bytes, m->encoding, NULL), LETHE_OK);
}
static void end(maker *m) {
    assert_int_equal(lethe_dicom_encode_item_end(&m->bytes, m->encoding, NULL), LETHE_OK);
    assert_int_equal(lethe_dicom_encode_sequence_end(&m->bytes, m->encoding, NULL), LETHE_OK);
}

/* File head and what every instance has up to group 0008; the test adds the rest in tag order. */
static void start(maker *m, const char *syntax, const char *sop_class) {
    bool big = strcmp(syntax, "1.2.840.10008.1.2.2") == 0, implicit = strcmp(syntax, "1.2.840.10008.1.2") == 0;
    m->encoding = (lethe_dicom_encoding){.explicit_vr = !implicit, .big_endian = big};
    lethe_buffer_init(&m->bytes, 1u << 20);
    assert_int_equal(lethe_dicom_encode_file_head(&m->bytes, sop_class, "1.2.276.4711.1.1", syntax, NULL), LETHE_OK);
    memcpy(m->bytes.bytes, "preamble with DUPONT", 20);
    text(m, 0x00080005, LETHE_VR_CS, "ISO_IR 100");
    text(m, 0x00080016, LETHE_VR_UI, sop_class);
    text(m, 0x00080018, LETHE_VR_UI, "1.2.276.4711.1.1");
    text(m, 0x00080020, LETHE_VR_DA, "20210304");
    text(m, 0x00080050, LETHE_VR_SH, "ACC7788123");
    text(m, 0x00080060, LETHE_VR_CS, "MR");
}
static void patient(maker *m) {
    text(m, 0x00100010, LETHE_VR_PN, "DUPONT^MARIE");
    text(m, 0x00100020, LETHE_VR_LO, "IPP0099887");
    text(m, 0x00100030, LETHE_VR_DA, "19610312");
    text(m, 0x00100040, LETHE_VR_CS, "F");
    text(m, 0x00101010, LETHE_VR_AS, "093Y");
}
static void series(maker *m) {
    text(m, 0x0020000D, LETHE_VR_UI, "1.2.276.4711.1");
    text(m, 0x0020000E, LETHE_VR_UI, "1.2.276.4711.1.2");
}

/* --- running --- */

typedef struct outcome {
    lethe_result result;
    lethe_map map;
    lethe_arena *arena;
    lethe_dicom_dataset *dataset;
} outcome;

static outcome *run(maker *m, const char *profile_yaml) {
    outcome *o = calloc(1, sizeof *o);
    lethe_profile *profile;
    lethe_engine *engine;
    lethe_error error = {0};
    char input[128], output[800];
    (void)snprintf(input, sizeof input, "%s/in.dcm", folder);
    assert_int_equal(lethe_file_write(input, m->bytes.bytes, m->bytes.size, 0600, NULL), LETHE_OK);
    lethe_buffer_release(&m->bytes);
    lethe_status status = strchr(profile_yaml, ':') != NULL ? lethe_profile_parse(profile_yaml, strlen(profile_yaml), "test.yaml", &profile, &error)
                                                            : lethe_profile_load(profile_yaml, &profile, &error);
    if (status != LETHE_OK) fail_msg("%s", error.message);
    lethe_engine_options options = {.profile = profile, .key = key, .output_folder = folder, .sync = LETHE_SYNC_NONE};
    assert_int_equal(lethe_engine_create(&options, &engine, NULL), LETHE_OK);
    if (lethe_engine_process(engine, input, "in.dcm", &o->result, &error) != LETHE_OK) fail_msg("%s", error.message);
    lethe_engine_destroy(engine);
    lethe_profile_destroy(profile);
    if (o->result.outcome == LETHE_OUTCOME_RELEASED) {
        (void)snprintf(output, sizeof output, "%s/%s", folder, o->result.output);
        assert_int_equal(lethe_map_open(output, &o->map, NULL), LETHE_OK);
        (void)unlink(output);
        o->arena = lethe_arena_create(16u << 20);
        assert_int_equal(lethe_dicom_dataset_parse(o->map.bytes, o->map.size, o->arena, &o->dataset, &error), LETHE_OK);
    }
    return o;
}

static outcome *released(maker *m, const char *profile) {
    outcome *o = run(m, profile);
    if (o->result.outcome != LETHE_OUTCOME_RELEASED) fail_msg("%s: %s", lethe_outcome_name(o->result.outcome), o->result.reason);
    return o;
}

static void done(outcome *o) {
    lethe_dicom_dataset_release(o->dataset);
    lethe_arena_destroy(o->arena);
    if (o->map.size != 0) lethe_map_close(&o->map);
    free(o);
}

static const char *value(const outcome *o, lethe_tag tag) {
    static char out[256];
    return lethe_dicom_text(o->dataset->root, tag, 0, out, sizeof out) ? out : lethe_dicom_find(o->dataset->root, tag) != NULL ? "" : NULL;
}

static void no_trace(const outcome *o, const char *secret) {
    if (memmem(o->map.bytes, o->map.size, secret, strlen(secret)) != NULL) fail_msg("'%s' is in the output", secret);
}

/* --- tests --- */

static const char *const syntaxes[] = {"1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.2"};
static const char mr[] = "1.2.840.10008.5.1.4.1.1.4", sc_unknown[] = "1.2.276.0.99.1";

static void basic_profile_in_each_encoding(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof syntaxes / sizeof *syntaxes; i++) {
        maker m;
        start(&m, syntaxes[i], mr);
        text(&m, 0x00080080, LETHE_VR_LO, "Hopital Necker");
        text(&m, 0x00080090, LETHE_VR_PN, "MARTINEAU^PAUL");
        text(&m, 0x0008103E, LETHE_VR_LO, "T2 TSE AX");
        begin(&m, 0x00081140); /* ReferencedImageSequence: X/Z/U* */
        text(&m, 0x00081150, LETHE_VR_UI, mr);
        text(&m, 0x00081155, LETHE_VR_UI, "1.2.276.4711.1.9");
        end(&m);
        text(&m, 0x00090010, LETHE_VR_LO, "DUPONT PRIVATE");
        text(&m, 0x00091001, LETHE_VR_LO, "secret 12");
        patient(&m);
        text(&m, 0x00180087, LETHE_VR_DS, "1.5");
        series(&m);
        raw(&m, 0x50003000, LETHE_VR_OW, "curve!", 6);
        raw(&m, 0x60003000, LETHE_VR_OW, "overlay!", 8);
        raw(&m, 0xFFFCFFFC, LETHE_VR_OB, "DUPONT", 6);
        outcome *o = released(&m, "basic");
        assert_string_equal(value(o, 0x00100020), o->result.patient);
        assert_int_equal(strncmp(o->result.patient, "P-", 2), 0);
        assert_string_equal(value(o, 0x00100030), "");
        assert_string_equal(value(o, 0x00100040), "");
        assert_null(value(o, 0x00101010));
        assert_null(value(o, 0x0008103E));
        assert_null(value(o, 0x00080080));
        assert_string_equal(value(o, 0x00080020), "");
        assert_string_equal(value(o, 0x00180087), "1.5");
        assert_string_equal(value(o, 0x00120062), "YES");
        assert_string_equal(value(o, 0x00280303), "REMOVED");
        assert_null(lethe_dicom_find(o->dataset->root, 0x00090010));
        assert_null(lethe_dicom_find(o->dataset->root, 0x50003000));
        assert_null(lethe_dicom_find(o->dataset->root, 0x60003000));
        assert_null(lethe_dicom_find(o->dataset->root, 0xFFFCFFFC));
        const lethe_tag reference[] = {0x00081140, 0x00081155};
        const lethe_dicom_element *uid = lethe_dicom_find_path(o->dataset->root, reference, 2);
        char mapped[65];
        assert_true(lethe_dicom_element_text(uid, 0, mapped, sizeof mapped));
        assert_int_equal(strncmp(mapped, "2.25.", 5), 0);
        static const char *const secrets[] = {"DUPONT", "MARIE",     "IPP0099887", "19610312", "20210304", "ACC7788123",
                                              "Necker", "MARTINEAU", "4711",       "preamble", "secret"};
        for (size_t j = 0; j < sizeof secrets / sizeof *secrets; j++) no_trace(o, secrets[j]);
        /* The same UID stands in the file meta and in the data set. */
        char meta_uid[65], root_uid[65];
        assert_true(lethe_dicom_text(o->dataset->meta, 0x00020003, 0, meta_uid, sizeof meta_uid));
        assert_true(lethe_dicom_text(o->dataset->root, 0x00080018, 0, root_uid, sizeof root_uid));
        assert_string_equal(meta_uid, root_uid);
        assert_string_equal(root_uid, o->result.instance_uid);
        done(o);
    }
}

static void research_keeps_what_describes(void **state) {
    (void)state;
    maker m;
    start(&m, syntaxes[0], mr);
    text(&m, 0x00081030, LETHE_VR_LO, "IRM PROSTATE T2 TSE AX Mme DUPONT 12/03/1961 Dr Lef\xE8vre");
    patient(&m);
    series(&m);
    outcome *o = released(&m, "research");
    assert_string_equal(value(o, 0x00081030), "IRM PROSTATE T2 TSE AX");
    assert_string_equal(value(o, 0x00100040), "F");
    assert_string_equal(value(o, 0x00101010), "093Y");
    assert_string_equal(value(o, 0x00280303), "MODIFIED");
    assert_int_equal(strlen(value(o, 0x00080020)), 8);
    assert_string_not_equal(value(o, 0x00080020), "20210304");
    done(o);
}

static void ages_are_grouped_by_challenge(void **state) {
    (void)state;
    maker m;
    start(&m, syntaxes[0], mr);
    patient(&m);
    series(&m);
    outcome *o = released(&m, "challenge");
    assert_string_equal(value(o, 0x00101010), "090Y");
    assert_string_equal(value(o, 0x00280303), "REMOVED");
    done(o);
}

static void unknown_class_takes_the_strict_branch(void **state) {
    (void)state;
    maker m;
    start(&m, syntaxes[0], sc_unknown);
    text(&m, 0x00081010, LETHE_VR_SH, "STATION-SECRET"); /* X/Z/D */
    text(&m, 0x00081070, LETHE_VR_PN, "OPERATEUR^JEAN");
    patient(&m);
    series(&m);
    outcome *o = released(&m, "basic");
    assert_true((o->result.notes & LETHE_NOTE_UNKNOWN_CLASS) != 0);
    assert_int_equal(strlen(value(o, 0x00081010)), 16); /* a keyed token, a dummy that is not empty */
    assert_string_equal(value(o, 0x00081070), "ANONYMIZED");
    done(o);
}

/* A date in LO, a name in SH, an unknown standard tag, a sequence hidden in UN, group lengths. */
static void wrong_and_hidden(void **state) {
    (void)state;
    maker m;
    start(&m, syntaxes[0], mr);
    raw(&m, 0x00081032, LETHE_VR_UN,
        "\x08\x00\x00\x01\x06\x00\x00\x00"
        "DUPONT",
        14); /* ProcedureCodeSequence in UN of defined length */
    text(&m, 0x00088888, LETHE_VR_LO, "DUPONT in no dictionary");
    raw(&m, 0x00100000, LETHE_VR_UL, "\x10\0\0\0", 4);
    patient(&m);
    text(&m, 0x00180015, LETHE_VR_CS, "DUPONT");          /* a known identifier in a coded string */
    text(&m, 0x00181020, LETHE_VR_LO, "born 12.03.1961"); /* in a software version */
    text(&m, 0x00181030, LETHE_VR_LO, "x");
    series(&m);
    text(&m, 0x00200011, LETHE_VR_IS, "3");
    outcome *o = released(&m, "research");
    assert_null(lethe_dicom_find(o->dataset->root, 0x00081032));
    assert_null(lethe_dicom_find(o->dataset->root, 0x00088888));
    assert_null(lethe_dicom_find(o->dataset->root, 0x00100000));
    assert_string_equal(value(o, 0x00200011), "3");
    no_trace(o, "DUPONT");
    no_trace(o, "12.03.1961");
    done(o);
}

/* A postcode, and the digits of an ID, inside other numbers: numbers identify as a whole or not at all. */
static void numbers_are_no_pieces_of_identifiers(void **state) {
    (void)state;
    static const struct {
        lethe_tag tag;
        lethe_vr vr;
        const char *stays;
    } numbers[] = {{0x00180084, LETHE_VR_DS, "123.20000"}, {0x00181063, LETHE_VR_DS, "200001.5"}, {0x00181242, LETHE_VR_IS, "120000"},
                   {0x00181316, LETHE_VR_DS, "20000"},     {0x00281052, LETHE_VR_DS, "-20000"},   {0x00281053, LETHE_VR_DS, "1.20000"}};
    maker m;
    start(&m, syntaxes[0], mr);
    text(&m, 0x00080081, LETHE_VR_ST, "12 rue Pelletan 20000 AJACCIO");
    text(&m, 0x0008103E, LETHE_VR_LO, "T2 D U P O N T 0099887");
    patient(&m);
    text(&m, 0x00180010, LETHE_VR_LO, "AJACCIO 20000");
    for (unsigned i = 0; i < 4; i++) text(&m, numbers[i].tag, numbers[i].vr, numbers[i].stays);
    series(&m);
    text(&m, 0x00201002, LETHE_VR_IS, "99887"); /* five digits say nothing */
    text(&m, 0x00281050, LETHE_VR_DS, "40\\7788123.0");
    for (unsigned i = 4; i < 6; i++) text(&m, numbers[i].tag, numbers[i].vr, numbers[i].stays);
    text(&m, 0x00281055, LETHE_VR_LO, "0007788123");
    outcome *o = released(&m, "research");
    for (unsigned i = 0; i < sizeof numbers / sizeof *numbers; i++) assert_string_equal(value(o, numbers[i].tag), numbers[i].stays);
    assert_string_equal(value(o, 0x0008103E), "T2");
    no_trace(o, "AJACCIO");
    no_trace(o, "7788123");
    done(o);
}

static void safe_private_by_creator_at_any_block(void **state) {
    (void)state;
    maker m;
    start(&m, syntaxes[0], mr);
    patient(&m);
    text(&m, 0x00190010, LETHE_VR_LO, "SOMEBODY ELSE");
    text(&m, 0x00190042, LETHE_VR_LO, "SIEMENS MR HEADER");
    text(&m, 0x0019100C, LETHE_VR_IS, "800");    /* not the safe one's block */
    text(&m, 0x0019420C, LETHE_VR_IS, "1000");   /* b value: Table E.3.10-1 */
    text(&m, 0x0019420D, LETHE_VR_CS, "DUPONT"); /* safe, but its value is not */
    series(&m);
    outcome *o = released(&m, "research");
    assert_string_equal(value(o, 0x0019420C), "1000");
    assert_null(value(o, 0x0019420D));
    assert_null(value(o, 0x0019100C));
    assert_null(value(o, 0x00190010));
    assert_string_equal(value(o, 0x00190042), "SIEMENS MR HEADER");
    assert_int_equal(o->result.kept_private, 1);
    done(o);
}

/* A number of seven digits and less that is a piece of a decimal is chance; one that stands alone, and a longer one, is an identifier. */
static void pieces_of_decimals_stay(void **state) {
    (void)state;
    for (int i = 0; i < 3; i++) {
        maker m;
        start(&m, syntaxes[i], mr);
        patient(&m); /* IPP0099887, ACC7788123 */
        text(&m, 0x00181000, LETHE_VR_LO, "40217");
        series(&m);
        text(&m, 0x00200032, LETHE_VR_DS, "-40217.25\\1.40217\\0.7788123");
        text(&m, 0x00200050, LETHE_VR_DS, "1.5\\40217");
        text(&m, 0x00201041, LETHE_VR_DS, "40217.0");
        outcome *o = released(&m, i == 1 ? "basic" : "research");
        const lethe_dicom_element *position = lethe_dicom_find(o->dataset->root, 0x00200032);
        assert_non_null(position);
        assert_memory_equal(position->value, "-40217.25\\1.40217\\0.7788123", 27);
        assert_string_not_equal(value(o, 0x00201041), "40217.0");
        const lethe_dicom_element *location = lethe_dicom_find(o->dataset->root, 0x00200050);
        assert_true(location == NULL || memmem(location->value, (size_t)location->value_bytes, "40217", 5) == NULL);
        done(o);
    }
    maker m;
    start(&m, syntaxes[0], mr);
    text(&m, 0x00100010, LETHE_VR_PN, "DUPONT^MARIE");
    text(&m, 0x00100020, LETHE_VR_LO, "77340912");
    series(&m);
    text(&m, 0x00200032, LETHE_VR_DS, "0.77340912\\1\\2");
    outcome *o = released(&m, "research");
    no_trace(o, "77340912");
    done(o);
}

/* Siemens' CSA headers (and the MedCom header) name patients in a form of their own: they go however their creator and element are written. */
static void csa_headers_are_dropped(void **state) {
    (void)state;
    static const char *const creators[] = {"SIEMENS CSA HEADER",    "siemens csa header  ", " Siemens CSA Non-Image",
                                           "SIEMENS MEDCOM HEADER", "SIEMENS CSA REPORT",   "SIEMENS MR HEADER"};
    static const lethe_vr vrs[] = {LETHE_VR_OB, LETHE_VR_UN, LETHE_VR_OW};
    uint8_t blob[256] = "SV10\4\3\2\1\1\0\0\0M\0\0\0PatientName"; /* CSA2: signature, number of tags, 77, then 64 bytes of name, VM, VR ... */
    static const char head[] = "\1\0\0\0PN\0\0\0\0\0\0\6\0\0\0M\0\0\0\14\0\0\0\14\0\0\0M\0\0\0\14\0\0\0ZORGLUB^EVE";
    static const char protocol[] = "### ASCCONV BEGIN ###\ntPatientName = \"\"ZORGLUB\"\"\n";
    memcpy(blob + 80, head, sizeof head);
    memcpy(blob + 160, protocol, sizeof protocol);
    for (unsigned i = 0; i < sizeof creators / sizeof *creators; i++) {
        for (unsigned csa1 = 0; csa1 < 2; csa1++) {
            const uint8_t *from = blob + (csa1 != 0 ? 8 : 0); /* CSA1 begins with the number of tags */
            uint32_t low = i % 2 == 0 ? 0x10 : 0x77 + i;
            for (unsigned v = 0; v < sizeof vrs / sizeof *vrs; v++) {
                maker m;
                start(&m, syntaxes[i % 2], mr);
                begin(&m, 0x00082112);
                text(&m, 0x00290000 | low, LETHE_VR_LO, creators[i]);
                raw(&m, 0x00290000 | low << 8 | 0x10, vrs[v], from, 240);
                end(&m);
                patient(&m);
                text(&m, 0x00190010, LETHE_VR_LO, creators[i]);
                raw(&m, 0x0019100E, vrs[v], from, 240); /* where the list of safe ones has a gradient direction */
                series(&m);
                text(&m, 0x00290000 | low, LETHE_VR_LO, creators[i]);
                for (unsigned e = 0x10; e <= 0x20; e += 0x10) raw(&m, 0x00290000 | low << 8 | e, vrs[v], from, 240);
                raw(&m, 0x00290000 | low << 8 | 0x40, LETHE_VR_UN, "ZORGLUB ", 8);
                outcome *o = released(&m, "research");
                no_trace(o, "PatientName");
                no_trace(o, "ZORGLUB");
                no_trace(o, "ASCCONV");
                assert_null(lethe_dicom_find(o->dataset->root, 0x00290000 | low));
                done(o);
            }
        }
    }
    maker m; /* words under the VR of numbers */
    start(&m, syntaxes[0], mr);
    patient(&m);
    text(&m, 0x00190010, LETHE_VR_LO, "SIEMENS MR HEADER");
    raw(&m, 0x0019100E, LETHE_VR_FD, "ZORGLUB^EVE     24 bytes", 24);
    series(&m);
    outcome *o = released(&m, "research");
    no_trace(o, "ZORGLUB");
    done(o);
}

/* A name that the patient goes by (PS3.6 2023 and later: not in the dictionary here) is known all the same, and goes. */
static void a_name_to_use_is_a_name(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        maker m;
        start(&m, syntaxes[i], mr);
        text(&m, 0x0008103E, LETHE_VR_LO, "T2 zygomar AX");
        text(&m, 0x00100010, LETHE_VR_PN, "DUPONT^MARIE");
        begin(&m, 0x00100011);
        text(&m, 0x00100012, LETHE_VR_LT, "Zygomar");
        end(&m);
        text(&m, 0x00100020, LETHE_VR_LO, "IPP0099887");
        series(&m);
        outcome *o = released(&m, "research");
        assert_string_equal(value(o, 0x0008103E), "T2 AX");
        no_trace(o, "Zygomar");
        done(o);
    }
}

static void same_patient_same_names(void **state) {
    (void)state;
    char first[80], study[65];
    for (int i = 0; i < 2; i++) {
        maker m;
        start(&m, syntaxes[i], mr);
        patient(&m);
        series(&m);
        outcome *o = released(&m, i == 0 ? "basic" : "research");
        if (i == 0) {
            (void)snprintf(first, sizeof first, "%s", o->result.patient);
            (void)snprintf(study, sizeof study, "%s", o->result.study_uid);
        } else {
            assert_string_equal(o->result.patient, first);
            assert_string_equal(o->result.study_uid, study);
        }
        done(o);
    }
}

static void options_combine(void **state) {
    (void)state;
    maker m;
    start(&m, syntaxes[0], mr);
    text(&m, 0x00080080, LETHE_VR_LO, "Hopital Necker");
    text(&m, 0x00081010, LETHE_VR_SH, "MRT1");
    patient(&m);
    text(&m, 0x00181000, LETHE_VR_LO, "SN-55512");
    series(&m);
    outcome *o = released(&m, "base: basic\noptions: [retain-uids, retain-institution-identity, retain-device-identity, retain-full-dates, "
                              "retain-patient-characteristics]\n");
    assert_string_equal(value(o, 0x00080018), "1.2.276.4711.1.1");
    assert_string_equal(value(o, 0x00080080), "Hopital Necker");
    assert_string_equal(value(o, 0x00181000), "SN-55512");
    assert_string_equal(value(o, 0x00080020), "20210304");
    assert_string_equal(value(o, 0x00280303), "UNMODIFIED");
    assert_string_equal(value(o, 0x00101010), "093Y");
    assert_string_equal(value(o, 0x00100030), ""); /* the birth date goes under every option */
    /* CID 7050 codes of exactly these options, beside 113100. */
    char codes[200] = "";
    const lethe_dicom_element *sequence = lethe_dicom_find(o->dataset->root, 0x00120064);
    for (const lethe_dicom_item *item = sequence->items; item != NULL; item = item->next) {
        char code[17];
        assert_true(lethe_dicom_text(item, 0x00080100, 0, code, sizeof code));
        (void)snprintf(codes + strlen(codes), sizeof codes - strlen(codes), "%s ", code);
    }
    assert_string_equal(codes, "113100 113106 113108 113109 113110 113112 ");
    done(o);
}

static void own_rules_come_first(void **state) {
    (void)state;
    maker m;
    start(&m, syntaxes[0], mr);
    patient(&m);
    series(&m);
    text(&m, 0x00200010, LETHE_VR_SH, "STUDY-ID-77");
    text(&m, 0x00324000, LETHE_VR_LT, "comment");
    outcome *o = released(&m, "base: basic\nrules:\n  - {tag: PatientSex, action: keep}\n  - {tag: StudyID, action: replace, value: TRIAL9}\n"
                              "  - {tag: AccessionNumber, action: token}\n");
    assert_string_equal(value(o, 0x00100040), "F");
    assert_string_equal(value(o, 0x00200010), "TRIAL9");
    assert_int_equal(strlen(value(o, 0x00080050)), 16);
    done(o);
}

static void refused(maker *m, lethe_outcome expected, const char *part) {
    outcome *o = run(m, "research");
    assert_int_equal(o->result.outcome, expected);
    if (strstr(o->result.reason, part) == NULL) fail_msg("'%s' does not say '%s'", o->result.reason, part);
    assert_null(strstr(o->result.reason, "DUPONT"));
    assert_string_equal(o->result.output, "");
    done(o);
}

static void fails_closed(void **state) {
    (void)state;
    maker m;
    start(&m, syntaxes[0], "1.2.840.10008.5.1.4.1.1.104.1"); /* encapsulated PDF */
    patient(&m);
    series(&m);
    raw(&m, 0x00420011, LETHE_VR_OB, "%PDF DUPONT ", 12);
    refused(&m, LETHE_OUTCOME_QUARANTINED, "document");
    start(&m, syntaxes[0], "1.2.840.10008.5.1.4.1.1.66"); /* raw data */
    patient(&m);
    refused(&m, LETHE_OUTCOME_QUARANTINED, "raw data");
    start(&m, syntaxes[0], "1.2.840.10008.1.3.10"); /* DICOMDIR */
    refused(&m, LETHE_OUTCOME_DROPPED, "DICOMDIR");
    start(&m, syntaxes[0], mr);
    patient(&m);
    m.bytes.size -= 3; /* cut off */
    refused(&m, LETHE_OUTCOME_QUARANTINED, "offset");
    lethe_buffer_init(&m.bytes, 4096);
    assert_int_equal(lethe_buffer_append_text(&m.bytes, "no DICOM at all, DUPONT", NULL), LETHE_OK);
    refused(&m, LETHE_OUTCOME_QUARANTINED, "neither");
}

/* A PDF with one deflated stream that shows `shown`. */
static outcome *pdf_with(const char *shown, const char *before, const char *profile) {
    maker m;
    start(&m, syntaxes[0], "1.2.840.10008.5.1.4.1.1.104.1");
    patient(&m);
    series(&m);
    uint8_t packed[512];
    uLongf packed_size = sizeof packed;
    assert_int_equal(compress(packed, &packed_size, (const Bytef *)shown, strlen(shown)), Z_OK);
    lethe_buffer pdf;
    lethe_buffer_init(&pdf, 4096);
    assert_int_equal(lethe_buffer_printf(&pdf, NULL, "%%PDF-1.4\n1 0 obj\n<</Filter %s/Length %lu>>\nstream\n", before, packed_size), LETHE_OK);
    assert_int_equal(lethe_buffer_append(&pdf, packed, packed_size, NULL), LETHE_OK);
    assert_int_equal(lethe_buffer_append_text(&pdf, "\nendstream\nendobj\n", NULL), LETHE_OK);
    raw(&m, 0x00420011, LETHE_VR_OB, pdf.bytes, pdf.size);
    text(&m, 0x00420012, LETHE_VR_LO, "application/pdf");
    lethe_buffer_release(&pdf);
    return run(&m, profile);
}

static void kept_documents_are_searched(void **state) {
    (void)state;
    static const char keep[] = "base: research\ndocuments: keep\n", review[] = "base: research\ndocuments: review\n",
                      drop[] = "base: research\ndocuments: drop\n";
    outcome *o = pdf_with("BT (IRM de la prostate) Tj ET", "/FlateDecode", keep);
    assert_int_equal(o->result.outcome, LETHE_OUTCOME_RELEASED);
    done(o);
    o = pdf_with("BT (Mme Dupont) Tj ET", "/FlateDecode", keep);
    assert_int_equal(o->result.outcome, LETHE_OUTCOME_QUARANTINED);
    done(o);
    o = pdf_with("BT [(DU)-20(PONT)] TJ ET", "/FlateDecode", keep); /* kerned */
    assert_int_equal(o->result.outcome, LETHE_OUTCOME_QUARANTINED);
    done(o);
    o = pdf_with("BT (nothing) Tj ET", "/DCTDecode", keep); /* a picture */
    assert_int_equal(o->result.outcome, LETHE_OUTCOME_REVIEW);
    done(o);
    static const char *const pictures[] = {"/FlateDecode/Subtype\n/Image", "/FlateDecode/Subtype   /Image/Width 4"};
    for (size_t i = 0; i < 2; i++) {
        o = pdf_with("BT (nothing) Tj ET", pictures[i], keep);
        assert_int_equal(o->result.outcome, LETHE_OUTCOME_REVIEW);
        done(o);
    }
    o = pdf_with("q BI /W 1 /H 1 ID x EI Q", "/FlateDecode", keep); /* a picture among the drawing */
    assert_int_equal(o->result.outcome, LETHE_OUTCOME_REVIEW);
    done(o);
    o = pdf_with("BT (nothing) Tj ET", "/FlateDecode/DecodeParms<</Predictor 12>>", keep); /* differences, not letters */
    assert_int_equal(o->result.outcome, LETHE_OUTCOME_REVIEW);
    done(o);
    o = pdf_with("BT (ORBITE) Tj ET", "/FlateDecode/ProcSet[/PDF/Text/ImageB/ImageC]", keep); /* names of procedure sets are no pictures */
    assert_int_equal(o->result.outcome, LETHE_OUTCOME_RELEASED);
    done(o);
    o = pdf_with("BT (nothing) Tj ET", "/FlateDecode", review);
    assert_int_equal(o->result.outcome, LETHE_OUTCOME_REVIEW);
    done(o);
    o = pdf_with("BT (nothing) Tj ET", "/FlateDecode", drop);
    assert_int_equal(o->result.outcome, LETHE_OUTCOME_DROPPED);
    done(o);
}

static void registered_uids_stay(void **state) {
    (void)state;
    assert_true(lethe_uid_is_registered("1.2.840.10008.5.1.4.1.1.2", 25));
    assert_true(lethe_uid_is_registered("1.2.840.10008.15.0.3.1", 22));
    assert_false(lethe_uid_is_registered("1.2.840.10008.5.20210304101500.7", 32));
    assert_false(lethe_uid_is_registered("1.2.840.10008", 13));
    assert_false(lethe_uid_is_registered("1.2.840.100081.1", 16));
    assert_false(lethe_uid_is_registered("1.2.840.10008.5..1", 18));
}

static int set_up(void **state) {
    (void)state;
    return mkdtemp(folder) == NULL ? -1 : 0;
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *at) {
    (void)info;
    (void)type;
    (void)at;
    return remove(path);
}

static int tear_down(void **state) {
    (void)state;
    return nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Image Type keeps its places; other lists lose the value. */
static void one_bad_value_costs_itself(void **state) {
    (void)state;
    maker m;
    start(&m, syntaxes[0], mr);
    text(&m, 0x00080008, LETHE_VR_CS, "ORIGINAL\\PRIMARY\\DUPONT\\NORM");
    text(&m, 0x00080060, LETHE_VR_CS, "MR");
    patient(&m);
    text(&m, 0x00180022, LETHE_VR_CS, "FS\\DUPONT\\PFP");
    series(&m);
    outcome *o = released(&m, "research");
    char out[64];
    const lethe_dicom_element *e = lethe_dicom_find(o->dataset->root, 0x00080008);
    assert_int_equal(lethe_dicom_multiplicity(e), 4);
    static const char *const wanted[] = {"ORIGINAL", "PRIMARY", "OTHER", "NORM"};
    for (unsigned i = 0; i < 4; i++) {
        assert_true(lethe_dicom_element_text(e, i, out, sizeof out));
        assert_string_equal(out, wanted[i]);
    }
    e = lethe_dicom_find(o->dataset->root, 0x00180022);
    assert_int_equal(lethe_dicom_multiplicity(e), 2);
    assert_true(lethe_dicom_element_text(e, 1, out, sizeof out));
    assert_string_equal(out, "PFP");
    no_trace(o, "DUPONT");
    done(o);
}

/* Attributes that PS3.6 got after the edition of the dictionary: by our list in implicit VR, and what nobody lists by what its own VR can hold. */
static void attributes_newer_than_the_dictionary(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof syntaxes / sizeof *syntaxes; i++) {
        maker m;
        bool explicit_vr = strcmp(syntaxes[i], "1.2.840.10008.1.2") != 0;
        const uint8_t whole[4] = {7, 0, 7, 0}, words[6] = {'Q', 'U', 'A', 'X', 'E', 'L'};
        start(&m, syntaxes[i], mr);
        raw(&m, 0x0008FF01, LETHE_VR_US, whole, 4); /* in no edition */
        text(&m, 0x0008FF02, LETHE_VR_LO, "Quaxelvorn");
        text(&m, 0x0008FF03, LETHE_VR_PN, "Quaxelvorn^Ida");
        text(&m, 0x0008FF04, LETHE_VR_DA, "20210304");
        text(&m, 0x0008FF05, LETHE_VR_DS, "12.5");
        text(&m, 0x0008FF06, LETHE_VR_IS, "7788123");
        raw(&m, 0x0008FF07, LETHE_VR_OB, words, 6);
        begin(&m, 0x0008FF08);
        text(&m, 0x00080104, LETHE_VR_LO, "Quaxelvorn");
        end(&m);
        patient(&m);
        text(&m, 0x00102162, LETHE_VR_UC, "CaucasianX"); /* EthnicGroups, 2023: K by Retain Patient Characteristics */
        text(&m, 0x00181204, LETHE_VR_DA, "20190101");   /* DateOfManufacture: C by Modified Dates */
        series(&m);
        text(&m, 0x0040B034, LETHE_VR_DT, "20210304101112"); /* AnnotationDateTime: the same */
        text(&m, 0x0040B03B, LETHE_VR_LT, "Montage DUPONT longitudinal");
        outcome *o = released(&m, "research");
        assert_string_equal(value(o, 0x00102162), "CaucasianX");
        assert_non_null(value(o, 0x00181204));
        assert_string_not_equal(value(o, 0x00181204), "20190101");
        assert_int_equal(strlen(value(o, 0x00181204)), 8);
        assert_string_equal(value(o, 0x0040B034) + 8, "101112");
        assert_int_not_equal(strncmp(value(o, 0x0040B034), "20210304", 8), 0);
        assert_string_equal(value(o, 0x0040B03B), "Montage longitudinal");
        for (lethe_tag tag = 0x0008FF02; tag <= 0x0008FF08; tag++) {
            bool stays = explicit_vr && (tag == 0x0008FF04 || tag == 0x0008FF05);
            assert_int_equal(lethe_dicom_find(o->dataset->root, tag) != NULL, stays);
        }
        assert_int_equal(lethe_dicom_find(o->dataset->root, 0x0008FF01) != NULL, explicit_vr);
        if (explicit_vr) {
            assert_string_equal(value(o, 0x0008FF05), "12.5");
            assert_string_not_equal(value(o, 0x0008FF04), "20210304");
        }
        no_trace(o, "DUPONT");
        done(o);
    }
    maker m;
    const uint8_t whole[4] = {7, 0, 7, 0};
    start(&m, syntaxes[0], mr);
    raw(&m, 0x0008FF01, LETHE_VR_US, whole, 4);
    patient(&m);
    series(&m);
    outcome *o = released(&m, "challenge"); /* an allow-list knows nothing that is unknown */
    assert_null(lethe_dicom_find(o->dataset->root, 0x0008FF01));
    done(o);
}

/* Keys that programs give to findings, revisions of programs, and ages in the writing of some devices stay; what identifies in them goes. */
static void keys_products_and_ages(void **state) {
    (void)state;
    maker m;
    start(&m, syntaxes[0], "1.2.840.10008.5.1.4.1.1.88.33");
    text(&m, 0x00081090, LETHE_VR_LO, "https://github.com/example/segmenter.git");
    text(&m, 0x00100010, LETHE_VR_PN, "DUPONT^MARIE");
    text(&m, 0x00100020, LETHE_VR_LO, "IPP0099887");
    text(&m, 0x00101010, LETHE_VR_AS, "24");
    text(&m, 0x00181020, LETHE_VR_LO, "4100296\\3.1 DUPONT");
    series(&m);
    for (int item = 0; item < 2; item++) {
        if (item == 0) assert_int_equal(lethe_dicom_encode_sequence_begin(&m.bytes, m.encoding, 0x0040A730, NULL), LETHE_OK);
        assert_int_equal(lethe_dicom_encode_item_begin(&m.bytes, m.encoding, NULL), LETHE_OK);
        text(&m, 0x0040A010, LETHE_VR_CS, "HAS OBS CONTEXT");
        text(&m, 0x0040A040, LETHE_VR_CS, "TEXT");
        begin(&m, 0x0040A043);
        text(&m, 0x00080100, LETHE_VR_SH, "112039");
        text(&m, 0x00080102, LETHE_VR_SH, "DCM");
        text(&m, 0x00080104, LETHE_VR_LO, "Tracking Identifier");
        end(&m);
        text(&m, 0x0040A160, LETHE_VR_UT, item == 0 ? "Tzbqit114nqx" : "Lesion of DUPONT");
        assert_int_equal(lethe_dicom_encode_item_end(&m.bytes, m.encoding, NULL), LETHE_OK);
    }
    assert_int_equal(lethe_dicom_encode_sequence_end(&m.bytes, m.encoding, NULL), LETHE_OK);
    outcome *o = released(&m, "research");
    assert_string_equal(value(o, 0x00081090), "https://github.com/example/segmenter.git");
    assert_string_equal(value(o, 0x00101010), "24");
    assert_non_null(memmem(o->map.bytes, o->map.size, "4100296", 7));
    assert_non_null(memmem(o->map.bytes, o->map.size, "Tzbqit114nqx", 12));
    assert_non_null(memmem(o->map.bytes, o->map.size, "Lesion", 6));
    no_trace(o, "DUPONT");
    done(o);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(basic_profile_in_each_encoding),
                                       cmocka_unit_test(research_keeps_what_describes),
                                       cmocka_unit_test(ages_are_grouped_by_challenge),
                                       cmocka_unit_test(unknown_class_takes_the_strict_branch),
                                       cmocka_unit_test(wrong_and_hidden),
                                       cmocka_unit_test(numbers_are_no_pieces_of_identifiers),
                                       cmocka_unit_test(safe_private_by_creator_at_any_block),
                                       cmocka_unit_test(pieces_of_decimals_stay),
                                       cmocka_unit_test(a_name_to_use_is_a_name),
                                       cmocka_unit_test(csa_headers_are_dropped),
                                       cmocka_unit_test(same_patient_same_names),
                                       cmocka_unit_test(options_combine),
                                       cmocka_unit_test(own_rules_come_first),
                                       cmocka_unit_test(fails_closed),
                                       cmocka_unit_test(kept_documents_are_searched),
                                       cmocka_unit_test(registered_uids_stay),
                                       cmocka_unit_test(one_bad_value_costs_itself),
                                       cmocka_unit_test(attributes_newer_than_the_dictionary),
                                       cmocka_unit_test(keys_products_and_ages)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
