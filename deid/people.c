#include "deid/people.h"

#include "core/file.h"
#include "core/memory.h"

#include <openssl/cms.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

typedef struct person {
    char pseudonym[80], id[LETHE_RESULT_ID_BYTES], issuer[LETHE_RESULT_ISSUER_BYTES];
    uint64_t name, who; /* digests; 0 = not known */
    bool several_names, several_ids;
    UT_hash_handle hh; /* by pseudonym */
    UT_hash_handle hw; /* by who: the first patient with that name and birth date */
} person;

struct lethe_people {
    person *by_pseudonym, *by_who;
};

lethe_status lethe_people_create(lethe_people **out, lethe_error *error) {
    *out = lethe_alloc_array(1, sizeof **out);
    return *out != NULL ? LETHE_OK : lethe_fail(error, LETHE_NO_MEMORY, "no memory for patients");
}

void lethe_people_destroy(lethe_people *people) {
    if (people == NULL) return;
    HASH_CLEAR(hw, people->by_who);
    person *p, *next;
    HASH_ITER(hh, people->by_pseudonym, p, next) {
        HASH_DEL(people->by_pseudonym, p);
        lethe_wipe(p, sizeof *p);
        lethe_free(p);
    }
    lethe_free(people);
}

lethe_status lethe_people_add(lethe_people *people, const lethe_result *r, lethe_error *error) {
    if (r->outcome != LETHE_OUTCOME_RELEASED || r->patient[0] == '\0') return LETHE_OK;
    person *p;
    HASH_FIND(hh, people->by_pseudonym, r->patient, strlen(r->patient), p);
    if (p == NULL) {
        p = lethe_alloc_array(1, sizeof *p);
        if (p == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for patients");
        memcpy(p->pseudonym, r->patient, sizeof p->pseudonym);
        memcpy(p->id, r->original_id, sizeof p->id);
        memcpy(p->issuer, r->original_issuer, sizeof p->issuer);
        HASH_ADD(hh, people->by_pseudonym, pseudonym, (unsigned)strlen(p->pseudonym), p);
    }
    if (r->name_digest != 0 && p->name != 0 && p->name != r->name_digest) p->several_names = true;
    if (p->name == 0) p->name = r->name_digest;
    if (r->person_digest == 0 || p->who == r->person_digest) return LETHE_OK;
    person *same;
    HASH_FIND(hw, people->by_who, &r->person_digest, sizeof r->person_digest, same);
    if (same != NULL && same != p) same->several_ids = p->several_ids = true;
    if (p->who == 0) {
        p->who = r->person_digest;
        if (same == NULL) HASH_ADD(hw, people->by_who, who, sizeof p->who, p);
    }
    return LETHE_OK;
}

void lethe_people_count(const lethe_people *people, lethe_people_counts *counts) {
    *counts = (lethe_people_counts){0};
    for (const person *p = people->by_pseudonym; p != NULL; p = p->hh.next) {
        counts->patients++;
        counts->several_names += p->several_names;
        counts->several_ids += p->several_ids;
    }
}

lethe_status lethe_people_visit_doubts(const lethe_people *people, lethe_people_fn visit, void *context, lethe_error *error) {
    lethe_status status = LETHE_OK;
    for (const person *p = people->by_pseudonym; p != NULL && status == LETHE_OK; p = p->hh.next) {
        if (p->several_names) status = visit(context, p->pseudonym, "one patient ID, several names", error);
        if (status == LETHE_OK && p->several_ids)
            status = visit(context, p->pseudonym, "name and birth date also stand under another patient ID", error);
    }
    return status;
}

/* --- the crosswalk --- */

static lethe_status csv_field(lethe_buffer *out, const char *text, char end, lethe_error *error) {
    lethe_status status = lethe_buffer_append(out, "\"", 1, error);
    for (; *text != '\0' && status == LETHE_OK; text++) status = lethe_buffer_append(out, *text == '"' ? "\"\"" : text, *text == '"' ? 2 : 1, error);
    if (status == LETHE_OK) status = lethe_buffer_append(out, "\"", 1, error);
    return status == LETHE_OK ? lethe_buffer_append(out, &end, 1, error) : status;
}

static int by_name(const void *a, const void *b) { return strcmp((*(const person *const *)a)->pseudonym, (*(const person *const *)b)->pseudonym); }

static lethe_status write_csv(const lethe_people *people, lethe_buffer *out, lethe_error *error) {
    unsigned count = HASH_CNT(hh, people->by_pseudonym), n = 0;
    const person **order = lethe_alloc_array(count + 1, sizeof *order);
    if (order == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for the crosswalk");
    for (const person *p = people->by_pseudonym; p != NULL; p = p->hh.next) order[n++] = p;
    if (n != 0) qsort(order, n, sizeof *order, by_name);
    lethe_status status = lethe_buffer_append_text(out, "issuer,patient_id,pseudonym\n", error);
    for (unsigned i = 0; i < n && status == LETHE_OK; i++) {
        status = csv_field(out, order[i]->issuer, ',', error);
        if (status == LETHE_OK) status = csv_field(out, order[i]->id, ',', error);
        if (status == LETHE_OK) status = csv_field(out, order[i]->pseudonym, '\n', error);
    }
    lethe_free(order);
    return status;
}

/* DER of the enveloped text into `out`. */
static lethe_status envelop(const lethe_buffer *text, const char *certificate_path, lethe_buffer *out, lethe_error *error) {
    lethe_buffer pem;
    lethe_buffer_init(&pem, 1u << 20);
    lethe_status status = lethe_file_read(certificate_path, &pem, error);
    BIO *from = NULL, *plain = NULL;
    X509 *certificate = NULL;
    STACK_OF(X509) *recipients = sk_X509_new_null();
    CMS_ContentInfo *cms = NULL;
    unsigned char *der = NULL;
    if (status == LETHE_OK) {
        from = BIO_new_mem_buf(pem.bytes, (int)pem.size);
        certificate = from == NULL ? NULL : PEM_read_bio_X509(from, NULL, NULL, NULL);
        if (certificate == NULL) status = lethe_fail(error, LETHE_CRYPTO, "the recipient's certificate cannot be read (PEM wanted)");
    }
    if (status == LETHE_OK) {
        plain = BIO_new_mem_buf(text->bytes, (int)text->size);
        if (recipients != NULL && sk_X509_push(recipients, certificate) > 0 && plain != NULL)
            cms = CMS_encrypt(recipients, plain, EVP_aes_256_cbc(), CMS_BINARY);
        int length = cms == NULL ? -1 : i2d_CMS_ContentInfo(cms, &der);
        if (length <= 0) status = lethe_fail(error, LETHE_CRYPTO, "the crosswalk cannot be encrypted for this certificate");
        else status = lethe_buffer_append(out, der, (size_t)length, error);
    }
    OPENSSL_free(der);
    CMS_ContentInfo_free(cms);
    sk_X509_free(recipients);
    X509_free(certificate);
    BIO_free(plain);
    BIO_free(from);
    lethe_buffer_release(&pem);
    return status;
}

lethe_status lethe_people_write_crosswalk(const lethe_people *people, const char *certificate_path, const char *path, lethe_error *error) {
    lethe_buffer text, sealed;
    lethe_buffer_init(&text, 1u << 30);
    lethe_buffer_init(&sealed, 1u << 30);
    lethe_status status = write_csv(people, &text, error);
    if (status == LETHE_OK) status = envelop(&text, certificate_path, &sealed, error);
    if (status == LETHE_OK) status = lethe_file_write(path, sealed.bytes, sealed.size, 0600, error);
    if (text.bytes != NULL) lethe_wipe(text.bytes, text.size);
    lethe_buffer_release(&text);
    lethe_buffer_release(&sealed);
    return status;
}
