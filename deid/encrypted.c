#include "deid/encrypted.h"

#include "core/file.h"
#include "core/memory.h"

#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

enum { SMALLEST_RSA_BITS = 2048, LARGEST_RSA_BYTES = 2048, AES_KEY_BYTES = 32, AES_BLOCK_BYTES = 16, MOST_PLAIN_BYTES = 256 << 20 };

struct lethe_recipients {
    X509 *certificates[LETHE_RECIPIENTS_MAX];
    unsigned count;
};

/* --- certificates --- */

void lethe_recipients_destroy(lethe_recipients *recipients) {
    if (recipients == NULL) return;
    for (unsigned i = 0; i < recipients->count; i++) X509_free(recipients->certificates[i]);
    lethe_free(recipients);
}

static bool is_usable(X509 *certificate) {
    EVP_PKEY *key = X509_get0_pubkey(certificate);
    if (key == NULL || EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA) return false;
    int bytes = EVP_PKEY_get_size(key);
    return EVP_PKEY_get_bits(key) >= SMALLEST_RSA_BITS && bytes <= LARGEST_RSA_BYTES;
}

lethe_status lethe_recipients_load(const char *pem_path, lethe_recipients **out, lethe_error *error) {
    *out = NULL;
    lethe_buffer pem;
    lethe_buffer_init(&pem, 1u << 20);
    lethe_status status = lethe_file_read(pem_path, &pem, error);
    BIO *from = status == LETHE_OK ? BIO_new_mem_buf(pem.bytes, (int)pem.size) : NULL;
    lethe_recipients *recipients = lethe_alloc_array(1, sizeof *recipients);
    if (status == LETHE_OK && (from == NULL || recipients == NULL)) status = lethe_fail(error, LETHE_NO_MEMORY, "no memory for certificates");
    while (status == LETHE_OK) {
        X509 *certificate = PEM_read_bio_X509(from, NULL, NULL, NULL);
        if (certificate == NULL) break;
        bool usable = recipients->count < LETHE_RECIPIENTS_MAX && is_usable(certificate);
        if (usable) {
            recipients->certificates[recipients->count++] = certificate;
            continue;
        }
        X509_free(certificate);
        status = lethe_fail(error, LETHE_CONFIG, "recipient %u: one to %d certificates with RSA keys of %d bits or more are wanted",
                            recipients->count + 1, LETHE_RECIPIENTS_MAX, SMALLEST_RSA_BITS);
    }
    ERR_clear_error();
    if (status == LETHE_OK && recipients->count == 0)
        status = lethe_fail(error, LETHE_CONFIG, "the recipient's certificate cannot be read (PEM wanted)");
    BIO_free(from);
    lethe_buffer_release(&pem);
    if (status != LETHE_OK) lethe_recipients_destroy(recipients);
    else *out = recipients;
    return status;
}

/* --- DER by hand (X.690): libcrypto's CMS takes random bytes for key and padding, ours come from the project key --- */

enum { DER_INTEGER = 0x02, DER_OCTETS = 0x04, DER_OID = 0x06, DER_SEQUENCE = 0x30, DER_SET = 0x31, DER_CONTEXT_0 = 0x80, DER_EXPLICIT_0 = 0xA0 };

static lethe_status der_put(lethe_buffer *out, uint8_t tag, const void *bytes, size_t size, lethe_error *error) {
    uint8_t head[6] = {tag};
    size_t used = 2;
    if (size < 0x80) {
        head[1] = (uint8_t)size;
    } else {
        unsigned octets = size > 0xFFFFFF ? 4 : size > 0xFFFF ? 3 : size > 0xFF ? 2 : 1;
        head[1] = (uint8_t)(0x80 | octets);
        for (unsigned i = 0; i < octets; i++) head[used++] = (uint8_t)(size >> 8 * (octets - 1 - i));
    }
    lethe_status status = lethe_buffer_append(out, head, used, error);
    return status == LETHE_OK ? lethe_buffer_append(out, bytes, size, error) : status;
}

static const uint8_t oid_enveloped[] = {0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x03};   /* 1.2.840.113549.1.7.3 */
static const uint8_t oid_data[] = {0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x01};        /* 1.2.840.113549.1.7.1 */
static const uint8_t oid_aes_256_cbc[] = {0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2A}; /* 2.16.840.1.101.3.4.1.42 */
static const uint8_t rsa_algorithm[] = {DER_SEQUENCE, 13, DER_OID, 9, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01, 0x05, 0};
static const uint8_t version_0[] = {DER_INTEGER, 1, 0};

/* --- one envelope --- */

typedef struct sealing {
    lethe_pseudonymizer *pseudonymizer;
    uint8_t seed[32]; /* a secret function of the content */
    uint8_t key[AES_KEY_BYTES], vector[AES_BLOCK_BYTES];
} sealing;

static lethe_status derive(sealing *s, const void *plain, size_t size, lethe_error *error) {
    uint8_t digest[32];
    lethe_status status = lethe_pseudonym_digest(s->pseudonymizer, "envelope", plain, size, s->seed, error);
    if (status == LETHE_OK) status = lethe_pseudonym_digest(s->pseudonymizer, "envelope-key", s->seed, sizeof s->seed, s->key, error);
    if (status == LETHE_OK) status = lethe_pseudonym_digest(s->pseudonymizer, "envelope-vector", s->seed, sizeof s->seed, digest, error);
    if (status == LETHE_OK) memcpy(s->vector, digest, sizeof s->vector);
    return status;
}

/* PKCS #1 v1.5 (RFC 8017 7.2.1): 00 02, non-zero bytes, 00, the key. */
static lethe_status pad_key(sealing *s, unsigned recipient, uint8_t *block, size_t size, lethe_error *error) {
    size_t end = size - AES_KEY_BYTES - 1, at = 2;
    block[0] = 0;
    block[1] = 2;
    for (uint32_t counter = 0; at < end; counter++) {
        uint8_t input[sizeof s->seed + 8] = {0}, digest[32];
        memcpy(input, s->seed, sizeof s->seed);
        for (unsigned i = 0; i < 4; i++) {
            input[sizeof s->seed + i] = (uint8_t)(recipient >> 8 * i);
            input[sizeof s->seed + 4 + i] = (uint8_t)(counter >> 8 * i);
        }
        lethe_status status = lethe_pseudonym_digest(s->pseudonymizer, "envelope-padding", input, sizeof input, digest, error);
        lethe_wipe(input, sizeof input);
        if (status != LETHE_OK) return status;
        for (size_t i = 0; i < sizeof digest && at < end; i++)
            if (digest[i] != 0) block[at++] = digest[i];
    }
    block[end] = 0;
    memcpy(block + end + 1, s->key, AES_KEY_BYTES);
    return LETHE_OK;
}

static lethe_status transport_key(sealing *s, X509 *certificate, unsigned recipient, uint8_t *out, size_t *size, lethe_error *error) {
    EVP_PKEY *key = X509_get0_pubkey(certificate);
    uint8_t block[LARGEST_RSA_BYTES];
    size_t modulus = (size_t)EVP_PKEY_get_size(key);
    lethe_status status = pad_key(s, recipient, block, modulus, error);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
    *size = LARGEST_RSA_BYTES;
    bool good = status == LETHE_OK && context != NULL && EVP_PKEY_encrypt_init(context) == 1 &&
                EVP_PKEY_CTX_set_rsa_padding(context, RSA_NO_PADDING) == 1 && EVP_PKEY_encrypt(context, out, size, block, modulus) == 1;
    EVP_PKEY_CTX_free(context);
    lethe_wipe(block, sizeof block);
    if (status != LETHE_OK) return status;
    return good ? LETHE_OK : lethe_fail(error, LETHE_CRYPTO, "the key cannot be encrypted for recipient %u", recipient + 1);
}

/* KeyTransRecipientInfo (RFC 5652 6.2.1). */
static lethe_status put_recipient(sealing *s, X509 *certificate, unsigned recipient, lethe_buffer *out, lethe_error *error) {
    lethe_buffer body, name;
    lethe_buffer_init(&body, 1u << 16);
    lethe_buffer_init(&name, 1u << 16);
    uint8_t sealed_key[LARGEST_RSA_BYTES];
    size_t sealed_size = 0;
    unsigned char *issuer = NULL, *serial = NULL;
    int issuer_size = i2d_X509_NAME(X509_get_issuer_name(certificate), &issuer);
    int serial_size = i2d_ASN1_INTEGER(X509_get0_serialNumber(certificate), &serial);
    lethe_status status = issuer_size > 0 && serial_size > 0
                              ? transport_key(s, certificate, recipient, sealed_key, &sealed_size, error)
                              : lethe_fail(error, LETHE_CRYPTO, "recipient %u has no issuer or serial number", recipient + 1);
    if (status == LETHE_OK) status = lethe_buffer_append(&name, issuer, (size_t)issuer_size, error);
    if (status == LETHE_OK) status = lethe_buffer_append(&name, serial, (size_t)serial_size, error);
    if (status == LETHE_OK) status = lethe_buffer_append(&body, version_0, sizeof version_0, error);
    if (status == LETHE_OK) status = der_put(&body, DER_SEQUENCE, name.bytes, name.size, error);
    if (status == LETHE_OK) status = lethe_buffer_append(&body, rsa_algorithm, sizeof rsa_algorithm, error);
    if (status == LETHE_OK) status = der_put(&body, DER_OCTETS, sealed_key, sealed_size, error);
    if (status == LETHE_OK) status = der_put(out, DER_SEQUENCE, body.bytes, body.size, error);
    OPENSSL_free(issuer);
    OPENSSL_free(serial);
    lethe_buffer_release(&name);
    lethe_buffer_release(&body);
    return status;
}

static lethe_status encrypt(const sealing *s, const void *plain, size_t size, lethe_buffer *out, lethe_error *error) {
    uint8_t *cipher = lethe_alloc(size + AES_BLOCK_BYTES);
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    lethe_status status = cipher == NULL || context == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory to encrypt") : LETHE_OK;
    int body = 0, tail = 0;
    if (status == LETHE_OK &&
        !(EVP_EncryptInit_ex(context, EVP_aes_256_cbc(), NULL, s->key, s->vector) == 1 &&
          EVP_EncryptUpdate(context, cipher, &body, plain, (int)size) == 1 && EVP_EncryptFinal_ex(context, cipher + body, &tail) == 1))
        status = lethe_fail(error, LETHE_CRYPTO, "AES failed");
    if (status == LETHE_OK) status = lethe_buffer_append(out, cipher, (size_t)(body + tail), error);
    EVP_CIPHER_CTX_free(context);
    lethe_free(cipher);
    return status;
}

/* EncryptedContentInfo (RFC 5652 6.1). */
static lethe_status put_content(const sealing *s, const void *plain, size_t size, lethe_buffer *out, lethe_error *error) {
    lethe_buffer body, part;
    lethe_buffer_init(&body, MOST_PLAIN_BYTES + (1u << 16));
    lethe_buffer_init(&part, MOST_PLAIN_BYTES + (1u << 16));
    lethe_status status = der_put(&body, DER_OID, oid_data, sizeof oid_data, error);
    if (status == LETHE_OK) status = der_put(&part, DER_OID, oid_aes_256_cbc, sizeof oid_aes_256_cbc, error);
    if (status == LETHE_OK) status = der_put(&part, DER_OCTETS, s->vector, sizeof s->vector, error);
    if (status == LETHE_OK) status = der_put(&body, DER_SEQUENCE, part.bytes, part.size, error);
    lethe_buffer_clear(&part);
    if (status == LETHE_OK) status = encrypt(s, plain, size, &part, error);
    if (status == LETHE_OK) status = der_put(&body, DER_CONTEXT_0, part.bytes, part.size, error);
    if (status == LETHE_OK) status = der_put(out, DER_SEQUENCE, body.bytes, body.size, error);
    lethe_buffer_release(&part);
    lethe_buffer_release(&body);
    return status;
}

lethe_status lethe_envelope_seal(const lethe_recipients *recipients, lethe_pseudonymizer *pseudonymizer, const void *plain, size_t size,
                                 lethe_buffer *der, lethe_error *error) {
    if (size > MOST_PLAIN_BYTES) return lethe_fail(error, LETHE_LIMIT, "more than %d bytes to encrypt", MOST_PLAIN_BYTES);
    sealing s = {.pseudonymizer = pseudonymizer};
    lethe_buffer recipient_set, body, enveloped;
    lethe_buffer_init(&recipient_set, 1u << 20);
    lethe_buffer_init(&body, MOST_PLAIN_BYTES + (1u << 20));
    lethe_buffer_init(&enveloped, MOST_PLAIN_BYTES + (1u << 20));
    lethe_status status = derive(&s, plain, size, error);
    for (unsigned i = 0; i < recipients->count && status == LETHE_OK; i++)
        status = put_recipient(&s, recipients->certificates[i], i, &recipient_set, error);
    if (status == LETHE_OK) status = lethe_buffer_append(&body, version_0, sizeof version_0, error);
    if (status == LETHE_OK) status = der_put(&body, DER_SET, recipient_set.bytes, recipient_set.size, error);
    if (status == LETHE_OK) status = put_content(&s, plain, size, &body, error);
    if (status == LETHE_OK) status = der_put(&enveloped, DER_SEQUENCE, body.bytes, body.size, error);
    lethe_buffer_clear(&body);
    if (status == LETHE_OK) status = der_put(&body, DER_OID, oid_enveloped, sizeof oid_enveloped, error);
    if (status == LETHE_OK) status = der_put(&body, DER_EXPLICIT_0, enveloped.bytes, enveloped.size, error);
    if (status == LETHE_OK) status = der_put(der, DER_SEQUENCE, body.bytes, body.size, error);
    lethe_wipe(&s, sizeof s);
    lethe_buffer_release(&enveloped);
    lethe_buffer_release(&body);
    lethe_buffer_release(&recipient_set);
    return status;
}

bool lethe_envelope_is_one(const uint8_t *bytes, size_t size) {
    if (size == 0 || size > INT32_MAX) return false;
    const unsigned char *at = bytes;
    CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &at, (long)size);
    bool one = cms != NULL && OBJ_obj2nid(CMS_get0_type(cms)) == NID_pkcs7_enveloped;
    size_t left = size - (size_t)(at - bytes);
    one = one && (left == 0 || (left == 1 && *at == 0));
    CMS_ContentInfo_free(cms);
    ERR_clear_error();
    return one;
}

/* --- what an instance loses --- */

typedef struct gathering {
    const lethe_dicom_dataset *dataset;
    uint8_t *changed; /* by ordinal, for elements of the root */
    lethe_tag added[8];
    unsigned added_count;
} gathering;

/* The element of the root that holds an item; NULL for the root itself and for the file meta. */
static const lethe_dicom_element *root_element(const gathering *g, const lethe_dicom_item *item) {
    const lethe_dicom_element *element = NULL;
    while (item != NULL && item->parent != NULL) {
        element = item->parent;
        item = element->parent;
    }
    return item == g->dataset->root ? element : NULL;
}

static bool is_left_out(lethe_tag tag) {
    uint16_t group = lethe_tag_group(tag);
    return group == 0x0000 || group == 0x0002 || group == 0x7FE0 || group == 0xFFFC || lethe_tag_element(tag) == 0x0000;
}

/* Statements of PS3.15 E.1.1 are ours: who restores the instance takes them away. */
static bool is_statement(lethe_tag tag) { return (tag >= 0x00120062u && tag <= 0x00120064u) || tag == 0x00280303u; }

static lethe_status note_edit(void *context, const lethe_edit *edit, lethe_error *error) {
    (void)error;
    gathering *g = context;
    if (edit->kind == LETHE_EDIT_KEEP) return LETHE_OK;
    const lethe_dicom_element *element = edit->element;
    if (element == NULL && edit->parent == g->dataset->root) {
        element = lethe_dicom_find(edit->parent, edit->tag); /* an insert takes the place of what stands there */
        if (element == NULL && !is_statement(edit->tag) && g->added_count < sizeof g->added / sizeof g->added[0])
            g->added[g->added_count++] = edit->tag;
    } else if (element == NULL) {
        element = root_element(g, edit->parent);
    } else if (element->parent != g->dataset->root) {
        element = root_element(g, element->parent);
    }
    if (element == NULL || is_left_out(element->tag)) return LETHE_OK;
    g->changed[element->ordinal] = 1;
    if (!lethe_tag_is_private(element->tag)) return LETHE_OK;
    /* Who reserved the block, so that the element means something again. */
    lethe_tag creator = (element->tag & 0xFFFF0000u) | (lethe_tag_element(element->tag) >> 8);
    const lethe_dicom_element *reserved = lethe_dicom_find(g->dataset->root, creator);
    if (reserved != NULL) g->changed[reserved->ordinal] = 1;
    return LETHE_OK;
}

static lethe_status put_element(const lethe_dicom_dataset *dataset, const lethe_dicom_element *e, lethe_buffer *out, lethe_error *error) {
    if (e->form == LETHE_DICOM_LEAF && (e->value_bytes & 1) != 0 && e->vr != LETHE_VR_NONE)
        return lethe_dicom_encode(out, dataset->root->encoding, e->tag, e->vr, e->value, (size_t)e->value_bytes, error);
    size_t size = (size_t)(e->header_bytes + e->value_bytes + e->trailer_bytes);
    return lethe_buffer_append(out, dataset->bytes + e->offset, size, error);
}

/* Elements of the item in the order of their tags: those of the input stand in it, the few added ones are merged in. */
static lethe_status put_elements(gathering *g, lethe_buffer *out, bool *any, lethe_error *error) {
    lethe_status status = LETHE_OK;
    unsigned next = 0;
    for (unsigned i = 1; i < g->added_count; i++)
        for (unsigned j = i; j > 0 && g->added[j] < g->added[j - 1]; j--) {
            lethe_tag swap = g->added[j];
            g->added[j] = g->added[j - 1];
            g->added[j - 1] = swap;
        }
    for (const lethe_dicom_element *e = g->dataset->root->first; status == LETHE_OK; e = e->next) {
        while (status == LETHE_OK && next < g->added_count && (e == NULL || g->added[next] < e->tag)) {
            lethe_vr vr = lethe_dictionary_vr(g->added[next], NULL);
            *any = true;
            status = lethe_dicom_encode(out, g->dataset->root->encoding, g->added[next++], vr, "", 0, error);
        }
        if (e == NULL || status != LETHE_OK) break;
        bool charset = e->tag == LETHE_TAG(0x0008, 0x0005);
        if (!g->changed[e->ordinal] && !charset) continue;
        *any = *any || !charset;
        status = put_element(g->dataset, e, out, error);
    }
    return status;
}

static const char *syntax_of(lethe_dicom_encoding encoding) {
    return !encoding.explicit_vr ? "1.2.840.10008.1.2" : encoding.big_endian ? "1.2.840.10008.1.2.2" : "1.2.840.10008.1.2.1";
}

lethe_status lethe_encrypted_insert(const lethe_recipients *recipients, lethe_pseudonymizer *pseudonymizer, lethe_dicom_dataset *dataset,
                                    lethe_edit_script *script, lethe_buffer *sealed, lethe_error *error) {
    gathering g = {.dataset = dataset, .changed = lethe_arena_alloc_array(dataset->arena, dataset->node_count + 1, 1)};
    if (g.changed == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory to gather what is encrypted");
    memset(g.changed, 0, dataset->node_count + 1);
    lethe_buffer plain, item;
    lethe_buffer_init(&plain, MOST_PLAIN_BYTES);
    lethe_buffer_init(&item, MOST_PLAIN_BYTES);
    lethe_dicom_encoding encoding = dataset->root->encoding;
    bool any = false;
    lethe_status status = lethe_edit_visit(script, note_edit, &g, error);
    if (status == LETHE_OK) status = lethe_dicom_encode_sequence_begin(&plain, encoding, LETHE_TAG(0x0400, 0x0550), error);
    if (status == LETHE_OK) status = lethe_dicom_encode_item_begin(&plain, encoding, error);
    if (status == LETHE_OK) status = put_elements(&g, &plain, &any, error);
    if (status == LETHE_OK) status = lethe_dicom_encode_item_end(&plain, encoding, error);
    if (status == LETHE_OK) status = lethe_dicom_encode_sequence_end(&plain, encoding, error);
    if (status == LETHE_OK && any) {
        status = lethe_envelope_seal(recipients, pseudonymizer, plain.bytes, plain.size, sealed, error);
        if (status == LETHE_OK && (sealed->size & 1) != 0) status = lethe_buffer_append(sealed, "", 1, error);
        if (status == LETHE_OK) status = lethe_dicom_encode_item_begin(&item, encoding, error);
        if (status == LETHE_OK) status = lethe_dicom_encode_text(&item, encoding, LETHE_TAG(0x0400, 0x0510), LETHE_VR_UI, syntax_of(encoding), error);
        if (status == LETHE_OK)
            status = lethe_dicom_encode(&item, encoding, LETHE_TAG(0x0400, 0x0520), LETHE_VR_OB, sealed->bytes, sealed->size, error);
        if (status == LETHE_OK) status = lethe_dicom_encode_item_end(&item, encoding, error);
        if (status == LETHE_OK)
            status = lethe_edit_insert(script, dataset->root, LETHE_TAG(0x0400, 0x0500), LETHE_VR_SQ, item.bytes, item.size,
                                       "PS3.15 E.1.1: what was removed, for the recipient of the encryption", error);
    }
    if (plain.bytes != NULL) lethe_wipe(plain.bytes, plain.size);
    lethe_buffer_release(&plain);
    lethe_buffer_release(&item);
    return status;
}
