/* room: deid. Any bytes as an instance that somebody wants restored, and as what its encrypted attributes hold once they are open. What is restored
 * must be DICOM that can be read again, and lie where it was asked for. */
#include "core/file.h"
#include "core/limits.h"
#include "deid/encrypted.h"
#include "deid/reidentify.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
    char folder[32], from[64], to[64];
    lethe_private_key *key;
    lethe_recipients *recipients;
    lethe_pseudonymizer *pseudonymizer;
} with = {.folder = "/tmp/lethe-fuzz-XXXXXX"};

/* A key pair of this process, and a certificate that it signs itself. */
static void write_keys(const char *key_path, const char *certificate_path) {
    EVP_PKEY *key = EVP_RSA_gen(2048);
    X509 *certificate = X509_new();
    if (key == NULL || certificate == NULL || X509_set_version(certificate, 2) != 1) abort();
    (void)ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    (void)X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    (void)X509_gmtime_adj(X509_getm_notAfter(certificate), 86400);
    (void)X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC, (const unsigned char *)"fuzz", -1, -1, 0);
    (void)X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
    if (X509_set_pubkey(certificate, key) != 1 || X509_sign(certificate, key, EVP_sha256()) == 0) abort();
    FILE *file = fopen(key_path, "we");
    if (file == NULL || fchmod(fileno(file), 0600) != 0 || PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) != 1 || fclose(file) != 0)
        abort();
    file = fopen(certificate_path, "we");
    if (file == NULL || PEM_write_X509(file, certificate) != 1 || fclose(file) != 0) abort();
    X509_free(certificate);
    EVP_PKEY_free(key);
}

static void prepare(void) {
    static const uint8_t key[LETHE_KEY_BYTES] = {7};
    char key_path[64], certificate_path[64];
    if (mkdtemp(with.folder) == NULL) abort();
    (void)snprintf(with.from, sizeof with.from, "%s/from.dcm", with.folder);
    (void)snprintf(with.to, sizeof with.to, "%s/to.dcm", with.folder);
    (void)snprintf(key_path, sizeof key_path, "%s/key.pem", with.folder);
    (void)snprintf(certificate_path, sizeof certificate_path, "%s/certificate.pem", with.folder);
    write_keys(key_path, certificate_path);
    if (lethe_private_key_load(key_path, NULL, &with.key, NULL) != LETHE_OK) abort();
    if (lethe_recipients_load(certificate_path, &with.recipients, NULL) != LETHE_OK) abort();
    if (lethe_pseudonymizer_create(key, &with.pseudonymizer, NULL) != LETHE_OK) abort();
}

static lethe_status put_instance(const uint8_t *plain, size_t size, lethe_buffer *out) {
    static const lethe_dicom_encoding encoding = {.explicit_vr = true};
    static const char sop_class[] = "1.2.840.10008.5.1.4.1.1.2";
    lethe_buffer sealed;
    lethe_buffer_init(&sealed, 1u << 20);
    lethe_status status = lethe_envelope_seal(with.recipients, with.pseudonymizer, plain, size, &sealed, NULL);
    if (status == LETHE_OK && (sealed.size & 1) != 0) status = lethe_buffer_append(&sealed, "", 1, NULL);
    if (status == LETHE_OK) status = lethe_dicom_encode_file_head(out, sop_class, "2.25.2", "1.2.840.10008.1.2.1", NULL);
    if (status == LETHE_OK) status = lethe_dicom_encode_text(out, encoding, LETHE_TAG(0x0008, 0x0016), LETHE_VR_UI, sop_class, NULL);
    if (status == LETHE_OK) status = lethe_dicom_encode_text(out, encoding, LETHE_TAG(0x0008, 0x0018), LETHE_VR_UI, "2.25.2", NULL);
    if (status == LETHE_OK) status = lethe_dicom_encode_sequence_begin(out, encoding, LETHE_TAG(0x0400, 0x0500), NULL);
    if (status == LETHE_OK) status = lethe_dicom_encode_item_begin(out, encoding, NULL);
    if (status == LETHE_OK) status = lethe_dicom_encode_text(out, encoding, LETHE_TAG(0x0400, 0x0510), LETHE_VR_UI, "1.2.840.10008.1.2.1", NULL);
    if (status == LETHE_OK) status = lethe_dicom_encode(out, encoding, LETHE_TAG(0x0400, 0x0520), LETHE_VR_OB, sealed.bytes, sealed.size, NULL);
    if (status == LETHE_OK) status = lethe_dicom_encode_item_end(out, encoding, NULL);
    if (status == LETHE_OK) status = lethe_dicom_encode_sequence_end(out, encoding, NULL);
    lethe_buffer_release(&sealed);
    return status;
}

static void restore(const void *bytes, size_t size) {
    if (lethe_file_write(with.from, bytes, size, 0600, NULL) != LETHE_OK) abort();
    if (lethe_reidentify_file(with.key, with.from, with.to, NULL) != LETHE_OK) return;
    lethe_map map;
    lethe_dicom_dataset *dataset = NULL;
    lethe_arena *arena = lethe_arena_create(LETHE_LIMIT_ARENA_BYTES);
    if (lethe_map_open(with.to, &map, NULL) != LETHE_OK) abort();
    if (lethe_dicom_dataset_parse(map.bytes, map.size, arena, &dataset, NULL) != LETHE_OK) abort();
    lethe_dicom_dataset_release(dataset);
    lethe_map_close(&map);
    lethe_arena_destroy(arena);
    (void)unlink(with.to);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0 || size > 1u << 16) return 0;
    if (with.key == NULL) prepare();
    if (data[0] == 0) {
        restore(data + 1, size - 1);
        return 0;
    }
    lethe_buffer file;
    lethe_buffer_init(&file, 1u << 20);
    if (put_instance(data + 1, size - 1, &file) == LETHE_OK) restore(file.bytes, file.size);
    lethe_buffer_release(&file);
    return 0;
}
