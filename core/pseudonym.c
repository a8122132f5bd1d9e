#include "core/pseudonym.h"

#include "core/file.h"
#include "core/memory.h"
#include "core/text.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { REMEMBERED = 256, LONGEST_REMEMBERED = 95 };
enum { PURPOSES = 16, PURPOSE_SIZE = 32, OLDEST_SHIFT_DAYS = 3652, NEWEST_SHIFT_DAYS = 365 };

/* Keyed HMAC contexts, one per purpose; duplicating one is cheaper than keying a new one for each value. */
struct lethe_pseudonymizer {
    uint8_t key[LETHE_KEY_BYTES];
    EVP_MAC *mac;
    size_t count;
    struct {
        char purpose[PURPOSE_SIZE];
        EVP_MAC_CTX *keyed;
    } cache[PURPOSES];
    /* Digests of late: the files of a study ask for the same few again and again. */
    struct {
        uint8_t purpose, size; /* purpose: index + 1; 0 = free */
        char value[LONGEST_REMEMBERED];
        uint8_t digest[32];
    } late[REMEMBERED];
};

/* --- keys --- */

lethe_status lethe_key_load(const char *path, uint8_t key[LETHE_KEY_BYTES], lethe_error *error) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) return lethe_fail_errno(error, errno, "cannot open key file");
    struct stat info;
    uint8_t extra;
    lethe_status status = LETHE_OK;
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) status = lethe_fail(error, LETHE_IO, "key file is not a regular file");
    else if ((info.st_mode & 077) != 0)
        status = lethe_fail(error, LETHE_DENIED, "key file can be read by others (mode %03o, wanted 600)", info.st_mode & 0777u);
    else if (read(fd, key, LETHE_KEY_BYTES) != LETHE_KEY_BYTES || read(fd, &extra, 1) != 0)
        status = lethe_fail(error, LETHE_CRYPTO, "key file does not hold exactly %d bytes", LETHE_KEY_BYTES);
    (void)close(fd);
    if (status != LETHE_OK) lethe_wipe(key, LETHE_KEY_BYTES);
    return status;
}

lethe_status lethe_key_create(const char *path, lethe_error *error) {
    uint8_t key[LETHE_KEY_BYTES];
    if (RAND_bytes(key, sizeof key) != 1) return lethe_fail(error, LETHE_CRYPTO, "no random bytes for a key");
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 && errno == EEXIST) {
        lethe_wipe(key, sizeof key);
        return lethe_fail(error, LETHE_EXISTS, "a key file exists already");
    }
    lethe_status status = LETHE_OK;
    if (fd < 0 || write(fd, key, sizeof key) != (ssize_t)sizeof key || fsync(fd) != 0)
        status = lethe_fail_errno(error, errno, "cannot write key file");
    if (fd >= 0) (void)close(fd);
    if (status != LETHE_OK && fd >= 0) (void)unlink(path);
    lethe_wipe(key, sizeof key);
    return status;
}

/* --- digests --- */

lethe_status lethe_pseudonymizer_create(const uint8_t key[LETHE_KEY_BYTES], lethe_pseudonymizer **out, lethe_error *error) {
    *out = NULL;
    lethe_pseudonymizer *fresh = lethe_alloc_array(1, sizeof *fresh);
    if (fresh == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a pseudonymizer");
    memcpy(fresh->key, key, LETHE_KEY_BYTES);
    fresh->mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    if (fresh->mac == NULL) {
        lethe_pseudonymizer_destroy(fresh);
        return lethe_fail(error, LETHE_CRYPTO, "libcrypto offers no HMAC");
    }
    *out = fresh;
    return LETHE_OK;
}

void lethe_pseudonymizer_destroy(lethe_pseudonymizer *pseudonymizer) {
    if (pseudonymizer == NULL) return;
    for (size_t i = 0; i < pseudonymizer->count; i++) EVP_MAC_CTX_free(pseudonymizer->cache[i].keyed);
    EVP_MAC_free(pseudonymizer->mac);
    lethe_wipe(pseudonymizer, sizeof *pseudonymizer);
    lethe_free(pseudonymizer);
}

static EVP_MAC_CTX *keyed_context(EVP_MAC *mac, const uint8_t *key, size_t size) {
    EVP_MAC_CTX *context = EVP_MAC_CTX_new(mac);
    char digest_name[] = "SHA256";
    OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest_name, 0), OSSL_PARAM_construct_end()};
    if (context != NULL && EVP_MAC_init(context, key, size, parameters) != 1) {
        EVP_MAC_CTX_free(context);
        return NULL;
    }
    return context;
}

static bool finish(EVP_MAC_CTX *context, const void *value, size_t size, uint8_t digest[32]) {
    size_t length = 0;
    bool done = context != NULL && EVP_MAC_update(context, value, size) == 1 && EVP_MAC_final(context, digest, &length, 32) == 1 && length == 32;
    EVP_MAC_CTX_free(context);
    return done;
}

/* sub-key(purpose) = HMAC-SHA-256(project key, "lethe/1/" purpose) */
static EVP_MAC_CTX *context_for(lethe_pseudonymizer *p, const char *purpose) {
    for (size_t i = 0; i < p->count; i++)
        if (strcmp(p->cache[i].purpose, purpose) == 0) return p->cache[i].keyed;
    char label[PURPOSE_SIZE + 16];
    if (p->count == PURPOSES || strlen(purpose) >= PURPOSE_SIZE) return NULL;
    int length = snprintf(label, sizeof label, "lethe/1/%s", purpose);
    uint8_t sub_key[32];
    if (!finish(keyed_context(p->mac, p->key, LETHE_KEY_BYTES), label, (size_t)length, sub_key)) return NULL;
    EVP_MAC_CTX *keyed = keyed_context(p->mac, sub_key, sizeof sub_key);
    lethe_wipe(sub_key, sizeof sub_key);
    if (keyed == NULL) return NULL;
    (void)snprintf(p->cache[p->count].purpose, PURPOSE_SIZE, "%s", purpose);
    p->cache[p->count++].keyed = keyed;
    return keyed;
}

lethe_status lethe_pseudonym_digest(lethe_pseudonymizer *pseudonymizer, const char *purpose, const void *value, size_t size, uint8_t digest[32],
                                    lethe_error *error) {
    lethe_pseudonymizer *p = pseudonymizer;
    size_t index = 0, slot = 0;
    while (index < p->count && strcmp(p->cache[index].purpose, purpose) != 0) index++;
    if (size <= LONGEST_REMEMBERED) {
        uint32_t hash = 2166136261u ^ (uint32_t)index;
        for (size_t i = 0; i < size; i++) hash = (hash ^ ((const uint8_t *)value)[i]) * 16777619u;
        slot = (hash ^ hash >> 16) % REMEMBERED;
        if (p->late[slot].purpose == index + 1 && p->late[slot].size == size && (size == 0 || memcmp(p->late[slot].value, value, size) == 0)) {
            memcpy(digest, p->late[slot].digest, 32);
            return LETHE_OK;
        }
    }
    EVP_MAC_CTX *keyed = context_for(pseudonymizer, purpose);
    if (keyed == NULL || !finish(EVP_MAC_CTX_dup(keyed), value, size, digest)) return lethe_fail(error, LETHE_CRYPTO, "HMAC failed");
    if (size <= LONGEST_REMEMBERED) {
        p->late[slot].purpose = (uint8_t)(index + 1);
        p->late[slot].size = (uint8_t)size;
        if (size != 0) memcpy(p->late[slot].value, value, size);
        memcpy(p->late[slot].digest, digest, 32);
    }
    return LETHE_OK;
}

/* --- replacements --- */

static void trim(const char **text, size_t *length) {
    while (*length != 0 && ((*text)[*length - 1] == ' ' || (*text)[*length - 1] == '\0')) (*length)--;
    while (*length != 0 && **text == ' ') (*text)++, (*length)--;
}

/* issuer US patient ID, both trimmed; US (0x1F) cannot occur in either (PS3.5 6.2). */
static lethe_status patient_digest(lethe_pseudonymizer *p, const char *purpose, const char *issuer, const char *patient_id, uint8_t digest[32],
                                   lethe_error *error) {
    size_t issuer_length = strlen(issuer), id_length = strlen(patient_id);
    trim(&issuer, &issuer_length);
    trim(&patient_id, &id_length);
    char *joined = lethe_asprintf("%.*s\x1F%.*s", (int)issuer_length, issuer, (int)id_length, patient_id);
    if (joined == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a pseudonym");
    lethe_status status = lethe_pseudonym_digest(p, purpose, joined, issuer_length + 1 + id_length, digest, error);
    lethe_wipe(joined, issuer_length + 1 + id_length);
    lethe_free(joined);
    return status;
}

lethe_status lethe_pseudonym_patient(lethe_pseudonymizer *pseudonymizer, const char *issuer, const char *patient_id,
                                     char out[LETHE_PATIENT_PSEUDONYM_SIZE], lethe_error *error) {
    uint8_t digest[32];
    lethe_status status = patient_digest(pseudonymizer, "patient", issuer, patient_id, digest, error);
    if (status != LETHE_OK) return status;
    out[0] = 'P';
    out[1] = '-';
    lethe_base32(digest, 10, out + 2);
    return LETHE_OK;
}

static void decimal_128(const uint8_t bytes[16], char *out) {
    __extension__ unsigned __int128 number = 0;
    for (int i = 0; i < 16; i++) number = number << 8 | bytes[i];
    char digits[40];
    size_t count = 0;
    do digits[count++] = (char)('0' + (int)(number % 10));
    while ((number /= 10) != 0);
    while (count != 0) *out++ = digits[--count];
    *out = '\0';
}

lethe_status lethe_pseudonym_uid(lethe_pseudonymizer *pseudonymizer, const char *uid, size_t length, char out[LETHE_UID_SIZE], lethe_error *error) {
    trim(&uid, &length);
    uint8_t digest[32];
    lethe_status status = lethe_pseudonym_digest(pseudonymizer, "uid", uid, length, digest, error);
    if (status != LETHE_OK) return status;
    digest[6] = (uint8_t)((digest[6] & 0x0F) | 0x80); /* version 8: custom */
    digest[8] = (uint8_t)((digest[8] & 0x3F) | 0x80); /* variant of RFC 9562 */
    memcpy(out, "2.25.", 5);
    decimal_128(digest, out + 5);
    return LETHE_OK;
}

lethe_status lethe_pseudonym_date_shift(lethe_pseudonymizer *pseudonymizer, const char *issuer, const char *patient_id, int32_t *shift_days,
                                        lethe_error *error) {
    uint8_t digest[32];
    lethe_status status = patient_digest(pseudonymizer, "date", issuer, patient_id, digest, error);
    if (status != LETHE_OK) return status;
    uint64_t number = 0;
    for (int i = 0; i < 8; i++) number = number << 8 | digest[i];
    *shift_days = -(int32_t)(NEWEST_SHIFT_DAYS + number % (OLDEST_SHIFT_DAYS - NEWEST_SHIFT_DAYS + 1));
    return LETHE_OK;
}

lethe_status lethe_pseudonym_token(lethe_pseudonymizer *pseudonymizer, const char *purpose, const char *value, size_t length,
                                   char out[LETHE_TOKEN_SIZE], lethe_error *error) {
    trim(&value, &length);
    uint8_t digest[32];
    lethe_status status = lethe_pseudonym_digest(pseudonymizer, purpose, value, length, digest, error);
    if (status == LETHE_OK) lethe_base32(digest, 10, out);
    return status;
}

/* --- SHA-256 --- */

lethe_status lethe_sha256_hex(const void *bytes, size_t size, char out[65], lethe_error *error) {
    uint8_t digest[32];
    if (EVP_Digest(bytes, size, digest, NULL, EVP_sha256(), NULL) != 1) return lethe_fail(error, LETHE_CRYPTO, "SHA-256 failed");
    lethe_hex(digest, sizeof digest, out);
    return LETHE_OK;
}

lethe_status lethe_sha256_fd(int fd, char out[65], lethe_error *error) {
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    lethe_status status =
        context != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1 ? LETHE_OK : lethe_fail(error, LETHE_CRYPTO, "SHA-256 failed");
    off_t offset = 0;
    while (status == LETHE_OK) {
        uint8_t chunk[65536];
        ssize_t got = pread(fd, chunk, sizeof chunk, offset);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) status = lethe_fail_errno(error, errno, "cannot read file for its checksum");
        if (got <= 0) break;
        offset += got;
        if (EVP_DigestUpdate(context, chunk, (size_t)got) != 1) status = lethe_fail(error, LETHE_CRYPTO, "SHA-256 failed");
    }
    uint8_t digest[32];
    if (status == LETHE_OK && EVP_DigestFinal_ex(context, digest, NULL) != 1) status = lethe_fail(error, LETHE_CRYPTO, "SHA-256 failed");
    if (status == LETHE_OK) lethe_hex(digest, sizeof digest, out);
    EVP_MD_CTX_free(context);
    return status;
}

lethe_status lethe_sha256_file(const char *path, char out[65], lethe_error *error) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return lethe_fail_errno(error, errno, "cannot open file for its checksum");
    lethe_status status = lethe_sha256_fd(fd, out, error);
    (void)close(fd);
    return status;
}
