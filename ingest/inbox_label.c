#include "ingest/inbox_label.h"

#include "core/file.h"
#include "core/memory.h"
#include "core/text.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define IMPLEMENTATION_UID "2.25.137209811044207711640937215038417214305"

/* 2: with the SHA-256 of the data set; 3: with its check. */
static const char mark[] = "LETHE-ROW ";

enum { PREFIX_BYTES = 132, GROUP_LENGTH_BYTES = 12, LABEL_ELEMENT_HEAD = 12, SEAL_DIGITS = 32, READ_BYTES = 256 << 10 };

/* --- writing (PS3.10 7.1, explicit VR little endian) --- */

static size_t put_element(uint8_t *at, uint16_t element, const char *vr, const void *value, size_t length, char padding) {
    size_t even = length + (length & 1);
    const uint8_t head[8] = {0x02,           0x00,           (uint8_t)element, (uint8_t)(element >> 8),
                             (uint8_t)vr[0], (uint8_t)vr[1], (uint8_t)even,    (uint8_t)(even >> 8)};
    memcpy(at, head, sizeof head);
    memcpy(at + 8, value, length);
    if (even != length) at[8 + length] = (uint8_t)padding;
    return 8 + even;
}

static size_t put_text(uint8_t *at, uint16_t element, const char *vr, const char *text) {
    return put_element(at, element, vr, text, strnlen(text, 64), vr[0] == 'U' ? '\0' : ' ');
}

size_t lethe_inbox_header(const lethe_inbox_meta *meta, uint8_t out[LETHE_INBOX_HEADER_BYTES], size_t *label_offset) {
    static const uint8_t version[] = {0x02, 0x00, 0x01, 0x00, 'O', 'B', 0, 0, 2, 0, 0, 0, 0x00, 0x01};
    static const uint8_t label_head[LABEL_ELEMENT_HEAD] = {0x02, 0x00, 0x02, 0x01, 'O', 'B', 0, 0, LETHE_INBOX_LABEL_BYTES, 0, 0, 0};
    memset(out, 0, LETHE_INBOX_HEADER_BYTES);
    memcpy(out + 128, "DICM", 4);
    uint8_t *group = out + PREFIX_BYTES + GROUP_LENGTH_BYTES, *at = group;
    memcpy(at, version, sizeof version);
    at += sizeof version;
    at += put_text(at, 0x0002, "UI", meta->sop_class);
    at += put_text(at, 0x0003, "UI", meta->sop_instance);
    at += put_text(at, 0x0010, "UI", meta->transfer_syntax);
    at += put_text(at, 0x0012, "UI", IMPLEMENTATION_UID);
    at += put_text(at, 0x0013, "SH", "LETHE_" LETHE_VERSION);
    if (meta->source_aet != NULL && meta->source_aet[0] != '\0') at += put_text(at, 0x0016, "AE", meta->source_aet);
    at += put_text(at, 0x0100, "UI", IMPLEMENTATION_UID);
    memcpy(at, label_head, sizeof label_head);
    at += sizeof label_head;
    *label_offset = (size_t)(at - out);
    at += LETHE_INBOX_LABEL_BYTES;
    size_t size = (size_t)(at - group);
    const uint8_t length[4] = {(uint8_t)size, (uint8_t)(size >> 8), 0, 0};
    (void)put_element(out + PREFIX_BYTES, 0x0000, "UL", length, 4, '\0');
    return (size_t)(at - out);
}

/* --- the check --- */

struct lethe_inbox_check {
    EVP_CIPHER_CTX *context;
};

enum { CHECK_BYTES = 16, SHA256_DIGITS = 64 };

lethe_status lethe_inbox_check_create(const char *row_path, lethe_inbox_check **out, lethe_error *error) {
    static const uint8_t nonce[12] = {0}; /* a key serves one file */
    uint8_t key[32];
    *out = NULL;
    lethe_inbox_check *fresh = lethe_alloc_array(1, sizeof *fresh);
    if (fresh == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a check");
    fresh->context = EVP_CIPHER_CTX_new();
    if (fresh->context == NULL || EVP_Digest(row_path, strlen(row_path), key, NULL, EVP_sha256(), NULL) != 1 ||
        EVP_EncryptInit_ex(fresh->context, EVP_aes_128_gcm(), NULL, key, nonce) != 1) {
        lethe_inbox_check_destroy(fresh);
        return lethe_fail(error, LETHE_CRYPTO, "GMAC failed");
    }
    *out = fresh;
    return LETHE_OK;
}

lethe_status lethe_inbox_check_add(lethe_inbox_check *check, const void *bytes, size_t size, lethe_error *error) {
    int done = 0;
    for (const uint8_t *at = bytes; size != 0;) {
        size_t piece = size < READ_BYTES ? size : READ_BYTES;
        if (EVP_EncryptUpdate(check->context, NULL, &done, at, (int)piece) != 1) return lethe_fail(error, LETHE_CRYPTO, "GMAC failed");
        at += piece;
        size -= piece;
    }
    return LETHE_OK;
}

lethe_status lethe_inbox_check_end(lethe_inbox_check *check, char hex[65], lethe_error *error) {
    uint8_t none[16], tag[CHECK_BYTES];
    int done = 0;
    if (EVP_EncryptFinal_ex(check->context, none, &done) != 1 || EVP_CIPHER_CTX_ctrl(check->context, EVP_CTRL_AEAD_GET_TAG, sizeof tag, tag) != 1)
        return lethe_fail(error, LETHE_CRYPTO, "GMAC failed");
    lethe_hex(tag, sizeof tag, hex);
    return LETHE_OK;
}

void lethe_inbox_check_destroy(lethe_inbox_check *check) {
    if (check == NULL) return;
    EVP_CIPHER_CTX_free(check->context);
    lethe_free(check);
}

/* The seal binds the row to its own file name, which is random and ours, and to the header: no file that somebody sends or hands in can carry a row
 * of its own making, and no half-written header or label holds. */
lethe_status lethe_inbox_label(const lethe_item *item, const char header_sha256[65], const char *check, char out[LETHE_INBOX_LABEL_BYTES],
                               lethe_error *error) {
    char row[LETHE_INBOX_LABEL_BYTES], sealed[LETHE_INBOX_LABEL_BYTES + sizeof item->path + 68], seal[65];
    (void)snprintf(row, sizeof row, "%s%c %s %" PRIu64 " %" PRId64 " %" PRId32, mark, strlen(check) == SHA256_DIGITS ? '2' : '3', check,
                   item->size_bytes, item->received_us, item->priority);
    (void)snprintf(sealed, sizeof sealed, "%s %s %s", header_sha256, item->path, row);
    memset(out, 0, LETHE_INBOX_LABEL_BYTES);
    lethe_status status = lethe_sha256_hex(sealed, strlen(sealed), seal, error);
    if (status != LETHE_OK) return status;
    int length = snprintf(out, LETHE_INBOX_LABEL_BYTES, "%s %.*s", row, SEAL_DIGITS, seal);
    return length < LETHE_INBOX_LABEL_BYTES ? LETHE_OK : lethe_fail(error, LETHE_INTERNAL, "the row does not fit its label");
}

/* --- reading back what we wrote --- */

typedef struct cursor {
    const uint8_t *bytes;
    size_t at, end;
} cursor;

typedef struct element {
    uint16_t number;
    const uint8_t *value;
    size_t length;
} element;

/* The next element of group 2; false at the end and for anything that this program does not write. */
static bool next_element(cursor *in, element *out) {
    const uint8_t *at = in->bytes + in->at;
    if (in->end - in->at < 8 || at[0] != 0x02 || at[1] != 0x00) return false;
    bool is_long = at[4] == 'O' && at[5] == 'B';
    size_t head = is_long ? 12 : 8;
    if (in->end - in->at < head) return false;
    out->number = (uint16_t)(at[2] | at[3] << 8);
    out->length = is_long ? (size_t)at[8] | (size_t)at[9] << 8 | (size_t)at[10] << 16 | (size_t)at[11] << 24 : (size_t)at[6] | (size_t)at[7] << 8;
    if (out->length > in->end - in->at - head) return false;
    out->value = at + head;
    in->at += head + out->length;
    return true;
}

static void take(char *out, size_t size, const element *from) {
    size_t length = from->length < size - 1 ? from->length : size - 1;
    memcpy(out, from->value, length);
    out[length] = '\0';
    while (length != 0 && out[length - 1] == ' ') out[--length] = '\0';
}

static bool parse_label(const char *text, lethe_item *item, char check[65]) {
    unsigned long long size = 0;
    long long received = 0;
    long priority = 0;
    if (strncmp(text, mark, sizeof mark - 1) != 0 || text[sizeof mark - 1] == '\0') return false;
    if (sscanf(text + sizeof mark, " %64[0-9a-f] %19llu %19lld %11ld ", check, &size, &received, &priority) != 4) return false;
    item->size_bytes = size;
    item->received_us = received;
    item->priority = (int32_t)priority;
    return strlen(check) == SHA256_DIGITS || strlen(check) == 2 * CHECK_BYTES;
}

/* The start of a file that lies as `item->path`; *data_set is where the data set begins. Its label must be the very bytes that we would write. */
static bool read_header(const uint8_t *bytes, size_t got, lethe_item *item, char check[65], size_t *data_set) {
    char aet[17] = "", creator[65] = "", text[LETHE_INBOX_LABEL_BYTES + 1] = "", expected[LETHE_INBOX_LABEL_BYTES], header_sha256[65];
    const uint8_t *label = NULL;
    if (got < PREFIX_BYTES + GROUP_LENGTH_BYTES || memcmp(bytes + 128, "DICM", 4) != 0) return false;
    cursor in = {bytes, PREFIX_BYTES, got};
    element found;
    if (!next_element(&in, &found) || found.number != 0 || found.length != 4) return false;
    size_t size = (size_t)found.value[0] | (size_t)found.value[1] << 8;
    if (size > got - in.at) return false;
    in.end = in.at + size;
    while (next_element(&in, &found)) {
        label = NULL; /* it is the last */
        switch (found.number) {
        case 0x0002: take(item->sop_class, sizeof item->sop_class, &found); break;
        case 0x0003: take(item->sop_instance, sizeof item->sop_instance, &found); break;
        case 0x0016: take(aet, sizeof aet, &found); break;
        case 0x0100: take(creator, sizeof creator, &found); break;
        case 0x0102: label = found.length == LETHE_INBOX_LABEL_BYTES ? found.value : NULL; break;
        default: break;
        }
    }
    if (in.at != in.end || label == NULL || strcmp(creator, IMPLEMENTATION_UID) != 0) return false;
    memcpy(text, label, LETHE_INBOX_LABEL_BYTES);
    if (!parse_label(text, item, check) || lethe_sha256_hex(bytes, (size_t)(label - bytes), header_sha256, NULL) != LETHE_OK ||
        lethe_inbox_label(item, header_sha256, check, expected, NULL) != LETHE_OK || memcmp(label, expected, sizeof expected) != 0)
        return false;
    item->kind = LETHE_ITEM_DICOM;
    (void)snprintf(item->source, sizeof item->source, "dimse");
    (void)snprintf(item->source_name, sizeof item->source_name, "%s/%s.dcm", aet, item->sop_instance);
    *data_set = in.end;
    return true;
}

/* Read, not mapped: a bad sector is an error here and not a signal. */
static ssize_t read_at(int fd, uint8_t *bytes, size_t size, uint64_t at) {
    ssize_t got;
    do got = pread(fd, bytes, size, (off_t)at);
    while (got < 0 && errno == EINTR);
    return got;
}

/* Both digests of a file's data set in one reading. */
static lethe_status digest_from(int fd, uint64_t at, lethe_inbox_check *check, char sha256[65], char check_hex[65], lethe_error *error) {
    uint8_t *chunk = lethe_alloc(READ_BYTES), digest[32];
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    lethe_status status = LETHE_OK;
    if (chunk == NULL || context == NULL) status = lethe_fail(error, LETHE_NO_MEMORY, "no memory for reading the inbox");
    else if (EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1) status = lethe_fail(error, LETHE_CRYPTO, "SHA-256 failed");
    while (status == LETHE_OK) {
        ssize_t got = read_at(fd, chunk, READ_BYTES, at);
        if (got < 0) status = lethe_fail_errno(error, errno, "cannot read a file of the inbox");
        if (got <= 0) break;
        at += (uint64_t)got;
        if (EVP_DigestUpdate(context, chunk, (size_t)got) != 1) status = lethe_fail(error, LETHE_CRYPTO, "SHA-256 failed");
        if (status == LETHE_OK) status = lethe_inbox_check_add(check, chunk, (size_t)got, error);
    }
    if (status == LETHE_OK && EVP_DigestFinal_ex(context, digest, NULL) != 1) status = lethe_fail(error, LETHE_CRYPTO, "SHA-256 failed");
    if (status == LETHE_OK) lethe_hex(digest, sizeof digest, sha256);
    if (status == LETHE_OK) status = lethe_inbox_check_end(check, check_hex, error);
    EVP_MD_CTX_free(context);
    lethe_free(chunk);
    return status;
}

lethe_status lethe_inbox_read_label(const char *path, const char *row_path, lethe_item *item, bool *labelled, lethe_error *error) {
    uint8_t header[LETHE_INBOX_HEADER_BYTES];
    char expected[65] = "", check_hex[65] = "";
    struct stat info;
    size_t data_set = 0;
    lethe_inbox_check *check = NULL;
    lethe_status status = LETHE_OK;
    *labelled = false;
    memset(item, 0, sizeof *item);
    (void)snprintf(item->path, sizeof item->path, "%s", row_path);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) return lethe_fail_errno(error, errno, "cannot open a file of the inbox");
    ssize_t got = fstat(fd, &info) == 0 ? read_at(fd, header, sizeof header, 0) : -1;
    if (got < 0) {
        status = lethe_fail_errno(error, errno, "cannot read a file of the inbox");
    } else if (read_header(header, (size_t)got, item, expected, &data_set) && item->size_bytes == (uint64_t)info.st_size) {
        status = lethe_inbox_check_create(row_path, &check, error);
        if (status == LETHE_OK) status = digest_from(fd, data_set, check, item->sha256, check_hex, error);
        *labelled = status == LETHE_OK && strcmp(expected, strlen(expected) == SHA256_DIGITS ? item->sha256 : check_hex) == 0;
    }
    lethe_inbox_check_destroy(check);
    (void)close(fd);
    return status;
}
