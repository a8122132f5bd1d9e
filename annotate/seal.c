/* Sealed packages: a tar of a folder in AES-256-GCM. Layout: "LETHESEAL1\n", 12 bytes nonce, cipher text, 16 bytes tag. */
#include "annotate/publish.h"

#include "core/file.h"
#include "core/memory.h"
#include "core/pseudonym.h"
#include "core/text.h"

#include <archive.h>
#include <archive_entry.h>
#include <openssl/evp.h>
#include <string.h>
#include <unistd.h>

enum { NONCE_BYTES = 12, TAG_BYTES = 16, MAGIC_BYTES = 11 };
static const char magic[] = "LETHESEAL1\n";
#define SEAL_LIMIT_BYTES ((size_t)1 << 31)

/* --- tar --- */

typedef struct tar_writer {
    struct archive *archive;
} tar_writer;

static la_ssize_t append_bytes(struct archive *archive, void *context, const void *bytes, size_t size) {
    (void)archive;
    return lethe_buffer_append(context, bytes, size, NULL) == LETHE_OK ? (la_ssize_t)size : -1;
}

static lethe_status add_file(void *context, const char *path, const char *relative, lethe_error *error) {
    tar_writer *writer = context;
    lethe_map map = {.fd = -1};
    lethe_status status = lethe_map_open(path, &map, error);
    if (status != LETHE_OK) return status;
    struct archive_entry *entry = archive_entry_new();
    if (entry == NULL) status = lethe_fail(error, LETHE_NO_MEMORY, "no memory for an archive");
    else {
        archive_entry_set_pathname(entry, relative);
        archive_entry_set_size(entry, (la_int64_t)map.size);
        archive_entry_set_filetype(entry, AE_IFREG);
        archive_entry_set_perm(entry, 0644);
        archive_entry_set_mtime(entry, 0, 0);
        if (archive_write_header(writer->archive, entry) != ARCHIVE_OK ||
            (map.size != 0 && archive_write_data(writer->archive, map.bytes, map.size) != (la_ssize_t)map.size))
            status = lethe_fail(error, LETHE_IO, "cannot write an archive");
        archive_entry_free(entry);
    }
    lethe_map_close(&map);
    return status;
}

static lethe_status make_tar(const char *folder, lethe_buffer *out, lethe_error *error) {
    tar_writer writer = {archive_write_new()};
    if (writer.archive == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for an archive");
    lethe_status status = LETHE_OK;
    if (archive_write_set_format_ustar(writer.archive) != ARCHIVE_OK ||
        archive_write_open(writer.archive, out, NULL, append_bytes, NULL) != ARCHIVE_OK)
        status = lethe_fail(error, LETHE_INTERNAL, "cannot start an archive");
    if (status == LETHE_OK) status = lethe_walk(folder, add_file, &writer, error);
    if (archive_write_close(writer.archive) != ARCHIVE_OK && status == LETHE_OK) status = lethe_fail(error, LETHE_LIMIT, "the archive is too large");
    (void)archive_write_free(writer.archive);
    return status;
}

static lethe_status take_entry(lethe_package *package, struct archive *archive, struct archive_entry *entry, lethe_error *error) {
    const char *path = archive_entry_pathname(entry);
    int64_t size = archive_entry_size(entry);
    if (path == NULL || archive_entry_filetype(entry) != AE_IFREG || size < 0 || (uint64_t)size > SEAL_LIMIT_BYTES)
        return lethe_fail(error, LETHE_MALFORMED, "the archive holds something strange");
    uint8_t *bytes = lethe_alloc((size_t)size);
    if (bytes == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a file");
    lethe_status status = archive_read_data(archive, bytes, (size_t)size) == (la_ssize_t)size
                              ? lethe_package_write(package, path, bytes, (size_t)size, error)
                              : lethe_fail(error, LETHE_MALFORMED, "the archive is cut short");
    lethe_free(bytes);
    return status;
}

static lethe_status open_tar(const uint8_t *bytes, size_t size, const char *folder, lethe_error *error) {
    struct archive *archive = archive_read_new();
    struct archive_entry *entry;
    lethe_package *package = NULL;
    if (archive == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for an archive");
    lethe_status status = lethe_package_create(folder, &package, error);
    if (status == LETHE_OK &&
        (archive_read_support_format_tar(archive) != ARCHIVE_OK || archive_read_open_memory(archive, bytes, size) != ARCHIVE_OK))
        status = lethe_fail(error, LETHE_MALFORMED, "not an archive");
    for (int code = ARCHIVE_OK; status == LETHE_OK;) {
        code = archive_read_next_header(archive, &entry);
        if (code == ARCHIVE_EOF) break;
        status = code == ARCHIVE_OK ? take_entry(package, archive, entry, error) : lethe_fail(error, LETHE_MALFORMED, "the archive is damaged");
    }
    (void)archive_read_free(archive);
    lethe_package_destroy(package);
    return status;
}

/* --- encryption --- */

static lethe_status load_key(const char *path, bool create, uint8_t key[LETHE_KEY_BYTES], lethe_error *error) {
    if (path == NULL) return lethe_fail(error, LETHE_USAGE, "a sealed package needs a key file");
    if (create && access(path, F_OK) != 0) {
        lethe_status status = lethe_key_create(path, error);
        if (status != LETHE_OK) return status;
    }
    return lethe_key_load(path, key, error);
}

/* A nonce that is a keyed function of the content: equal content gives equal bytes, other content never the same nonce. */
static lethe_status make_nonce(const uint8_t key[LETHE_KEY_BYTES], const lethe_buffer *plain, uint8_t nonce[NONCE_BYTES], lethe_error *error) {
    lethe_pseudonymizer *pseudonymizer = NULL;
    uint8_t digest[32];
    lethe_status status = lethe_pseudonymizer_create(key, &pseudonymizer, error);
    if (status == LETHE_OK) status = lethe_pseudonym_digest(pseudonymizer, "seal", plain->bytes, plain->size, digest, error);
    if (status == LETHE_OK) memcpy(nonce, digest, NONCE_BYTES);
    lethe_pseudonymizer_destroy(pseudonymizer);
    return status;
}

static bool run_cipher(const uint8_t key[LETHE_KEY_BYTES], const uint8_t nonce[NONCE_BYTES], bool encrypt, uint8_t *bytes, size_t size,
                       uint8_t tag[TAG_BYTES]) {
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    int length = 0, rest = 0;
    bool good = context != NULL && EVP_CipherInit_ex(context, EVP_aes_256_gcm(), NULL, key, nonce, encrypt) == 1;
    good = good && EVP_CipherUpdate(context, NULL, &length, (const unsigned char *)magic, MAGIC_BYTES) == 1;
    for (size_t at = 0; good && at < size;) {
        size_t piece = size - at < (1u << 24) ? size - at : 1u << 24;
        good = EVP_CipherUpdate(context, bytes + at, &length, bytes + at, (int)piece) == 1;
        at += piece;
    }
    if (good && !encrypt) good = EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, TAG_BYTES, tag) == 1;
    good = good && EVP_CipherFinal_ex(context, bytes + size, &rest) == 1;
    if (good && encrypt) good = EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, TAG_BYTES, tag) == 1;
    EVP_CIPHER_CTX_free(context);
    return good;
}

lethe_status lethe_seal(const char *folder, const char *key_path, const char *out_path, lethe_error *error) {
    uint8_t key[LETHE_KEY_BYTES] = {0}, nonce[NONCE_BYTES], tag[TAG_BYTES];
    lethe_buffer plain;
    lethe_output *output = NULL;
    lethe_buffer_init(&plain, SEAL_LIMIT_BYTES);
    lethe_status status = load_key(key_path, true, key, error);
    if (status == LETHE_OK) status = make_tar(folder, &plain, error);
    if (status == LETHE_OK) status = make_nonce(key, &plain, nonce, error);
    if (status == LETHE_OK && !run_cipher(key, nonce, true, plain.bytes, plain.size, tag))
        status = lethe_fail(error, LETHE_CRYPTO, "encryption failed");
    if (status == LETHE_OK) status = lethe_output_create(out_path, &output, error);
    if (status == LETHE_OK) status = lethe_output_write(output, magic, MAGIC_BYTES, error);
    if (status == LETHE_OK) status = lethe_output_write(output, nonce, NONCE_BYTES, error);
    if (status == LETHE_OK) status = lethe_output_write(output, plain.bytes, plain.size, error);
    if (status == LETHE_OK) status = lethe_output_write(output, tag, TAG_BYTES, error);
    if (status == LETHE_OK) {
        status = lethe_output_commit(output, 0600, LETHE_SYNC_FULL, error);
        output = NULL;
    }
    lethe_output_discard(output);
    lethe_buffer_release(&plain);
    lethe_wipe(key, sizeof key);
    return status;
}

lethe_status lethe_unseal(const char *path, const char *key_path, const char *folder, lethe_error *error) {
    uint8_t key[LETHE_KEY_BYTES] = {0};
    lethe_buffer bytes;
    lethe_buffer_init(&bytes, SEAL_LIMIT_BYTES + 64);
    lethe_status status = load_key(key_path, false, key, error);
    if (status == LETHE_OK) status = lethe_file_read(path, &bytes, error);
    if (status == LETHE_OK && (bytes.size < MAGIC_BYTES + NONCE_BYTES + TAG_BYTES || memcmp(bytes.bytes, magic, MAGIC_BYTES) != 0))
        status = lethe_fail(error, LETHE_MALFORMED, "not a sealed package");
    if (status == LETHE_OK) {
        uint8_t tag[TAG_BYTES], *body = bytes.bytes + MAGIC_BYTES + NONCE_BYTES;
        size_t size = bytes.size - MAGIC_BYTES - NONCE_BYTES - TAG_BYTES;
        memcpy(tag, body + size, TAG_BYTES);
        if (!run_cipher(key, bytes.bytes + MAGIC_BYTES, false, body, size, tag))
            status = lethe_fail(error, LETHE_CRYPTO, "another key, or the package was changed");
        if (status == LETHE_OK) status = open_tar(body, size, folder, error);
    }
    lethe_buffer_release(&bytes);
    lethe_wipe(key, sizeof key);
    return status;
}
