/* core/pseudonym against docs/pseudonyms.md. The vectors were computed with Python's hmac and hashlib from the construction in that page, not by
 * this library. */
#include "core/pseudonym.h"

#include "core/file.h"
#include "core/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static lethe_pseudonymizer *make(int which) {
    uint8_t key[LETHE_KEY_BYTES];
    for (int i = 0; i < LETHE_KEY_BYTES; i++) key[i] = (uint8_t)(which == 0 ? i : 0xFF);
    lethe_pseudonymizer *p = NULL;
    lethe_error error = {0};
    assert_int_equal(lethe_pseudonymizer_create(key, &p, &error), LETHE_OK);
    return p;
}

static void patients_and_shifts(void **state) {
    (void)state;
    static const struct {
        int key;
        const char *issuer, *id, *pseudonym;
        int32_t shift;
    } vectors[] = {
        {0, "", "8001234", "P-RT2TM3KATMW1WHPM", -3369},
        {0, "CHU LYON", "8001234", "P-7B2HBPT51BENVXW8", -1592},
        {0, "", "", "P-PGPW8PST1V9TMS4R", -675},
        {0, "", "Lef\xc3\xa8vre 1", "P-5CBYHP5JHWMV3MQF", -1517},
        {0, "", "DOE^J", "P-6S365TXBD6DB87J7", -567},
        {0, "", "  8001234 ", "P-RT2TM3KATMW1WHPM", -3369},
        {0, " CHU LYON  ", "8001234", "P-7B2HBPT51BENVXW8", -1592},
        {1, "", "8001234", "P-VSKYT3ZW3YM3J253", -1393},
        {1, "CHU LYON", "8001234", "P-Z59K2P2J90BDMEXR", -3045},
        {1, "", "Lef\xc3\xa8vre 1", "P-454Z6T2DR09NY15J", -1851},
    };
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        lethe_pseudonymizer *p = make(vectors[i].key);
        char out[LETHE_PATIENT_PSEUDONYM_SIZE];
        int32_t shift;
        lethe_error error = {0};
        assert_int_equal(lethe_pseudonym_patient(p, vectors[i].issuer, vectors[i].id, out, &error), LETHE_OK);
        assert_string_equal(out, vectors[i].pseudonym);
        assert_int_equal(lethe_pseudonym_date_shift(p, vectors[i].issuer, vectors[i].id, &shift, &error), LETHE_OK);
        assert_int_equal(shift, vectors[i].shift);
        lethe_pseudonymizer_destroy(p);
    }
}

static void uids(void **state) {
    (void)state;
    static const struct {
        int key;
        const char *uid, *pseudonym;
    } vectors[] = {
        {0, "1.2.840.113619.2.1.1.1", "2.25.93731790883915527232148109467056791812"},
        {0, "2.25.0", "2.25.50754565825475178423931372339038484478"},
        {0, "", "2.25.157029166271350019542560648908639104337"},
        {0, "1.2.3", "2.25.22044112251130108853195946542909422121"},
        {1, "1.2.840.113619.2.1.1.1", "2.25.24965607538865810974792838246598892674"},
        {1, "2.25.0", "2.25.262698766213535054701355661723541600749"},
        {1, "1.2.3", "2.25.227795071384442152060140134435321508526"},
    };
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        lethe_pseudonymizer *p = make(vectors[i].key);
        char out[LETHE_UID_SIZE], padded[80];
        lethe_error error = {0};
        size_t length = strlen(vectors[i].uid);
        assert_int_equal(lethe_pseudonym_uid(p, vectors[i].uid, length, out, &error), LETHE_OK);
        assert_string_equal(out, vectors[i].pseudonym);
        memcpy(padded, vectors[i].uid, length);
        padded[length] = '\0'; /* as the padding of PS3.5 9.1 */
        assert_int_equal(lethe_pseudonym_uid(p, padded, length + 1, out, &error), LETHE_OK);
        assert_string_equal(out, vectors[i].pseudonym);
        lethe_pseudonymizer_destroy(p);
    }
}

static void tokens_and_digests(void **state) {
    (void)state;
    lethe_pseudonymizer *p = make(0);
    char out[LETHE_TOKEN_SIZE], hex[65] = "";
    uint8_t digest[32];
    lethe_error error = {0};
    assert_int_equal(lethe_pseudonym_token(p, "accession", "A1234567", 8, out, &error), LETHE_OK);
    assert_string_equal(out, "T851JPHMX2DSV9GN");
    assert_int_equal(lethe_pseudonym_token(p, "slide", "S24-001 ", 8, out, &error), LETHE_OK);
    assert_string_equal(out, "02WF63NQCBGTY853");
    assert_int_equal(lethe_pseudonym_token(p, "accession", "", 0, out, &error), LETHE_OK);
    assert_string_equal(out, "P410GP5WD73P1J93");
    assert_int_equal(lethe_pseudonym_digest(p, "uid", "", 0, digest, &error), LETHE_OK);
    for (size_t i = 0; i < 32; i++) (void)snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    assert_string_equal(hex, "7622b7a403c2babced10997564bced51773fd597a8e91165ca0da0a9c22d85f6");
    assert_int_equal(lethe_pseudonym_digest(p, "a purpose that is far too long to be one", "", 0, digest, &error), LETHE_CRYPTO);
    lethe_pseudonymizer_destroy(p);
    lethe_pseudonymizer_destroy(NULL);
}

static void uids_are_valid_and_distinct(void **state) {
    (void)state;
    lethe_pseudonymizer *p = make(0);
    enum { MANY = 2000 };
    static char seen[MANY][LETHE_UID_SIZE];
    for (int i = 0; i < MANY; i++) {
        char uid[32];
        lethe_error error = {0};
        int length = snprintf(uid, sizeof uid, "1.2.3.%d", i);
        assert_int_equal(lethe_pseudonym_uid(p, uid, (size_t)length, seen[i], &error), LETHE_OK);
        assert_true(strlen(seen[i]) <= 64);
        assert_int_equal(strncmp(seen[i], "2.25.", 5), 0);
        assert_true(seen[i][5] != '0');
        assert_int_equal(strspn(seen[i] + 5, "0123456789"), strlen(seen[i] + 5));
        int32_t shift;
        assert_int_equal(lethe_pseudonym_date_shift(p, "", uid, &shift, &error), LETHE_OK);
        assert_in_range(-shift, 365, 3652);
    }
    qsort(seen, MANY, sizeof *seen, (int (*)(const void *, const void *))strcmp);
    for (int i = 1; i < MANY; i++) assert_true(strcmp(seen[i - 1], seen[i]) != 0);
    lethe_pseudonymizer_destroy(p);
}

static void keys(void **state) {
    (void)state;
    char folder[] = "/tmp/lethe-key-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/key", folder);
    uint8_t key[LETHE_KEY_BYTES], again[LETHE_KEY_BYTES];
    lethe_error error = {0};
    assert_int_equal(lethe_key_load(path, key, &error), LETHE_IO);
    assert_int_equal(lethe_key_create(path, NULL), LETHE_OK);
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_int_equal(info.st_size, 32);
    assert_int_equal(lethe_key_load(path, key, NULL), LETHE_OK);
    assert_int_equal(lethe_key_create(path, NULL), LETHE_EXISTS);
    assert_int_equal(lethe_key_load(path, again, NULL), LETHE_OK);
    assert_memory_equal(key, again, sizeof key);
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(lethe_key_load(path, key, NULL), LETHE_DENIED);
    assert_int_equal(lethe_file_write(path, "short", 5, 0600, NULL), LETHE_OK);
    assert_int_equal(lethe_key_load(path, key, NULL), LETHE_CRYPTO);
    assert_int_equal(lethe_file_write(path, "thirty-three bytes are one too ma", 33, 0600, NULL), LETHE_OK);
    assert_int_equal(lethe_key_load(path, key, NULL), LETHE_CRYPTO);
    (void)unlink(path);
    assert_int_equal(symlink("/dev/zero", path), 0);
    assert_int_equal(lethe_key_load(path, key, NULL), LETHE_IO);
    (void)unlink(path);
    (void)rmdir(folder);
}

static void sha256(void **state) {
    (void)state;
    char out[65];
    assert_int_equal(lethe_sha256_hex("abc", 3, out, NULL), LETHE_OK); /* FIPS 180-4 example */
    assert_string_equal(out, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    char path[] = "/tmp/lethe-sha-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    for (int i = 0; i < 1000000 / 1000; i++) {
        char block[1000];
        memset(block, 'a', sizeof block);
        assert_int_equal(write(fd, block, sizeof block), sizeof block);
    }
    (void)close(fd);
    assert_int_equal(lethe_sha256_file(path, out, NULL), LETHE_OK); /* a million times "a": the long example of FIPS 180 */
    assert_string_equal(out, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    (void)unlink(path);
    assert_int_equal(lethe_sha256_file(path, out, NULL), LETHE_IO);
}

static void survives_failing_allocations(void **state) {
    (void)state;
    for (unsigned n = 1; n < 4; n++) {
        uint8_t key[LETHE_KEY_BYTES] = {1};
        lethe_pseudonymizer *p = NULL;
        char out[LETHE_PATIENT_PSEUDONYM_SIZE];
        lethe_error error = {0};
        lethe_memory_fail_at(n);
        lethe_status status = lethe_pseudonymizer_create(key, &p, &error);
        if (status == LETHE_OK) status = lethe_pseudonym_patient(p, "", "x", out, &error);
        lethe_memory_fail_at(0);
        assert_int_equal(status, n <= 2 ? LETHE_NO_MEMORY : LETHE_OK);
        lethe_pseudonymizer_destroy(p);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patients_and_shifts),          cmocka_unit_test(uids), cmocka_unit_test(tokens_and_digests),
        cmocka_unit_test(uids_are_valid_and_distinct),  cmocka_unit_test(keys), cmocka_unit_test(sha256),
        cmocka_unit_test(survives_failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
