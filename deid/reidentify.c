#include "deid/reidentify.h"

#include "core/file.h"
#include "core/limits.h"
#include "core/memory.h"
#include "imaging/dicom/edit.h"

#include <limits.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct lethe_private_key {
    EVP_PKEY *key;
};

/* --- the key --- */

/* libcrypto would ask at the terminal otherwise. */
static int give_passphrase(char *out, int size, int writing, void *context) {
    (void)writing;
    const char *passphrase = context;
    if (passphrase == NULL) return -1;
    int length = (int)strlen(passphrase);
    if (length > size) return -1;
    memcpy(out, passphrase, (size_t)length);
    return length;
}

static lethe_status read_secret(const char *path, lethe_buffer *out, lethe_error *error) {
    struct stat info;
    if (stat(path, &info) != 0) return lethe_fail(error, LETHE_IO, "cannot read the private key");
    if ((info.st_mode & 077) != 0) return lethe_fail(error, LETHE_DENIED, "others can read the private key: its mode has to be 0600");
    return lethe_file_read(path, out, error);
}

static void wipe_buffer(lethe_buffer *buffer) {
    if (buffer->bytes != NULL) lethe_wipe(buffer->bytes, buffer->size);
    lethe_buffer_release(buffer);
}

lethe_status lethe_private_key_load(const char *pem_path, const char *passphrase_path, lethe_private_key **out, lethe_error *error) {
    *out = NULL;
    lethe_buffer pem, passphrase;
    lethe_buffer_init(&pem, 1u << 20);
    lethe_buffer_init(&passphrase, 4096);
    lethe_status status = read_secret(pem_path, &pem, error);
    if (status == LETHE_OK && passphrase_path != NULL) status = read_secret(passphrase_path, &passphrase, error);
    char *phrase = NULL;
    if (status == LETHE_OK && passphrase_path != NULL && passphrase.bytes != NULL) {
        phrase = (char *)passphrase.bytes;
        phrase[strcspn(phrase, "\r\n")] = '\0';
    }
    BIO *from = status == LETHE_OK ? BIO_new_mem_buf(pem.bytes, (int)pem.size) : NULL;
    EVP_PKEY *key = from == NULL ? NULL : PEM_read_bio_PrivateKey(from, NULL, give_passphrase, phrase);
    ERR_clear_error();
    BIO_free(from);
    wipe_buffer(&pem);
    wipe_buffer(&passphrase);
    if (status != LETHE_OK) return status;
    if (key == NULL) return lethe_fail(error, LETHE_CRYPTO, "the private key cannot be read (PEM wanted; an encrypted key needs its passphrase)");
    *out = lethe_alloc_array(1, sizeof **out);
    if (*out == NULL) {
        EVP_PKEY_free(key);
        return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a private key");
    }
    (*out)->key = key;
    return LETHE_OK;
}

void lethe_private_key_destroy(lethe_private_key *key) {
    if (key == NULL) return;
    EVP_PKEY_free(key->key);
    lethe_free(key);
}

/* --- one envelope --- */

static bool open_envelope(const lethe_private_key *key, const uint8_t *bytes, size_t size, lethe_buffer *plain) {
    const unsigned char *at = bytes;
    CMS_ContentInfo *cms = size > INT32_MAX ? NULL : d2i_CMS_ContentInfo(NULL, &at, (long)size);
    BIO *out = BIO_new(BIO_s_mem());
    bool good = cms != NULL && out != NULL && OBJ_obj2nid(CMS_get0_type(cms)) == NID_pkcs7_enveloped &&
                CMS_decrypt(cms, key->key, NULL, NULL, out, CMS_BINARY) == 1;
    char *data = NULL;
    long length = good ? BIO_get_mem_data(out, &data) : 0;
    good = good && length > 0 && lethe_buffer_append(plain, data, (size_t)length, NULL) == LETHE_OK;
    if (data != NULL && length > 0) lethe_wipe(data, (size_t)length);
    BIO_free(out);
    CMS_ContentInfo_free(cms);
    ERR_clear_error();
    return good;
}

/* A key that does not fit decrypts to noise (RFC 3218 wants it so): only a Modified Attributes Sequence with one item counts. */
static const lethe_dicom_item *modified_attributes(const lethe_dicom_dataset *dataset) {
    const lethe_dicom_element *e = lethe_dicom_find(dataset->root, LETHE_TAG(0x0400, 0x0550));
    bool good = e != NULL && e->form == LETHE_DICOM_SEQUENCE && e->item_count == 1 && dataset->root->first->next == e && e->next == NULL;
    return good ? e->items : NULL;
}

typedef struct opened {
    lethe_buffer plain; /* a file head and the decrypted data set */
    lethe_dicom_dataset *dataset;
    const lethe_dicom_item *attributes;
} opened;

static bool parse_plain(opened *o, const char *syntax, const lethe_buffer *decrypted, lethe_arena *arena) {
    lethe_buffer_clear(&o->plain);
    lethe_status status = lethe_dicom_encode_file_head(&o->plain, "1.2.840.10008.1.3.10", "2.25.1", syntax, NULL); /* any class: it is not written */
    /* An element in front, from which the parser sees the encoding: group 0400 looks like group 0004 in the other byte order. */
    lethe_dicom_encoding encoding;
    bool deflated, encapsulated;
    (void)lethe_transfer_syntax_encoding(syntax, &encoding, &deflated, &encapsulated);
    if (deflated) return false;
    if (status == LETHE_OK) status = lethe_dicom_encode_text(&o->plain, encoding, LETHE_TAG(0x0008, 0x0018), LETHE_VR_UI, "2.25.1", NULL);
    if (status == LETHE_OK) status = lethe_buffer_append(&o->plain, decrypted->bytes, decrypted->size, NULL);
    if (status == LETHE_OK) status = lethe_dicom_dataset_parse(o->plain.bytes, o->plain.size, arena, &o->dataset, NULL);
    o->attributes = status == LETHE_OK ? modified_attributes(o->dataset) : NULL;
    if (o->attributes == NULL) {
        lethe_dicom_dataset_release(o->dataset);
        o->dataset = NULL;
    }
    return o->attributes != NULL;
}

static lethe_status open_item(const lethe_private_key *key, const lethe_dicom_dataset *dataset, lethe_arena *arena, opened *o, lethe_error *error) {
    const lethe_dicom_element *sequence = lethe_dicom_find(dataset->root, LETHE_TAG(0x0400, 0x0500));
    if (sequence == NULL || sequence->form != LETHE_DICOM_SEQUENCE || sequence->items == NULL)
        return lethe_fail(error, LETHE_NOT_FOUND, "(0400,0500): no encrypted attributes");
    lethe_buffer decrypted;
    lethe_buffer_init(&decrypted, LETHE_LIMIT_ARENA_BYTES);
    for (const lethe_dicom_item *item = sequence->items; item != NULL && o->attributes == NULL; item = item->next) {
        char syntax[65] = "";
        const lethe_dicom_element *content = lethe_dicom_find(item, LETHE_TAG(0x0400, 0x0520));
        (void)lethe_dicom_text(item, LETHE_TAG(0x0400, 0x0510), 0, syntax, sizeof syntax);
        lethe_buffer_clear(&decrypted);
        if (content == NULL || content->form != LETHE_DICOM_LEAF || syntax[0] == '\0') continue;
        if (open_envelope(key, content->value, (size_t)content->value_bytes, &decrypted)) (void)parse_plain(o, syntax, &decrypted, arena);
    }
    wipe_buffer(&decrypted);
    return o->attributes != NULL ? LETHE_OK : lethe_fail(error, LETHE_CRYPTO, "(0400,0520): the key does not open it");
}

/* --- putting back --- */

static lethe_status drop_ours(const lethe_dicom_dataset *dataset, lethe_edit_script *script, lethe_error *error) {
    static const lethe_tag ours[] = {0x00120062u, 0x00120063u, 0x00120064u, 0x00280303u, 0x04000500u};
    lethe_status status = LETHE_OK;
    for (size_t i = 0; i < sizeof ours / sizeof *ours && status == LETHE_OK; i++) {
        const lethe_dicom_element *element = lethe_dicom_find(dataset->root, ours[i]);
        if (element != NULL) status = lethe_edit_drop(script, element, "statement of the de-identification", error);
    }
    return status;
}

static bool same_encoding(lethe_dicom_encoding a, lethe_dicom_encoding b) { return a.explicit_vr == b.explicit_vr && a.big_endian == b.big_endian; }

static lethe_status restore(const lethe_dicom_dataset *dataset, const opened *o, lethe_edit_script *script, lethe_error *error) {
    lethe_status status = drop_ours(dataset, script, error);
    lethe_edit_require_meta(script); /* the instance UID in the file meta follows */
    if (!same_encoding(dataset->root->encoding, o->attributes->encoding))
        return lethe_fail(error, LETHE_UNSUPPORTED, "(0400,0510): the encrypted attributes have another encoding than the instance");
    for (const lethe_dicom_element *e = o->attributes->first; e != NULL && status == LETHE_OK; e = e->next) {
        if (e->form == LETHE_DICOM_FRAGMENTS) return lethe_fail(error, LETHE_MALFORMED, "(0400,0550): fragments among attributes");
        lethe_vr vr = e->form == LETHE_DICOM_SEQUENCE && e->vr == LETHE_VR_NONE ? LETHE_VR_SQ : e->vr == LETHE_VR_NONE ? LETHE_VR_UN : e->vr;
        const lethe_dicom_element *stands = lethe_dicom_find(dataset->root, e->tag);
        bool replaces = stands != NULL && stands->form == LETHE_DICOM_LEAF && e->form == LETHE_DICOM_LEAF;
        if (replaces) status = lethe_edit_replace(script, stands, vr, e->value, (size_t)e->value_bytes, "restored", error);
        else status = lethe_edit_insert(script, dataset->root, e->tag, vr, e->value, (size_t)e->value_bytes, "restored", error);
    }
    return status;
}

lethe_status lethe_reidentify_file(const lethe_private_key *key, const char *from, const char *to, lethe_error *error) {
    lethe_map map = {.fd = -1};
    lethe_arena *arena = lethe_arena_create(LETHE_LIMIT_ARENA_BYTES), *inner = lethe_arena_create(LETHE_LIMIT_ARENA_BYTES);
    lethe_dicom_dataset *dataset = NULL;
    lethe_output *output = NULL;
    opened o = {0};
    lethe_buffer_init(&o.plain, LETHE_LIMIT_ARENA_BYTES);
    lethe_status status =
        arena == NULL || inner == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory to restore an instance") : lethe_map_open(from, &map, error);
    if (status == LETHE_OK) status = lethe_dicom_dataset_parse(map.bytes, map.size, arena, &dataset, error);
    if (status == LETHE_OK) status = open_item(key, dataset, inner, &o, error);
    lethe_edit_script *script = status == LETHE_OK ? lethe_edit_script_create(dataset) : NULL;
    if (status == LETHE_OK && script == NULL) status = lethe_fail(error, LETHE_NO_MEMORY, "no memory for an edit script");
    if (status == LETHE_OK) status = restore(dataset, &o, script, error);
    if (status == LETHE_OK) status = lethe_folder_create_for(to, 0700, error);
    if (status == LETHE_OK) status = lethe_output_create(to, &output, error);
    if (status == LETHE_OK) status = lethe_edit_write(script, map.fd, output, error);
    if (status == LETHE_OK) status = lethe_output_commit(output, 0600, LETHE_SYNC_FULL, error);
    else lethe_output_discard(output);
    lethe_dicom_dataset_release(o.dataset);
    lethe_dicom_dataset_release(dataset);
    wipe_buffer(&o.plain);
    lethe_arena_destroy(inner);
    lethe_arena_destroy(arena);
    lethe_map_close(&map);
    return status;
}

/* --- a tree --- */

typedef struct tree {
    const lethe_private_key *key;
    const char *to;
    lethe_reidentify_fn tell;
    void *context;
    lethe_reidentify_counts *counts;
    bool file_set;
} tree;

/* What identifies must not come to lie among what is released, nor take its place. */
static lethe_status check_place(const char *from, const char *to, lethe_error *error) {
    char source[PATH_MAX], target[PATH_MAX];
    struct stat info;
    if (realpath(from, source) == NULL || stat(source, &info) != 0) return lethe_fail(error, LETHE_IO, "cannot read what is to be restored");
    if (realpath(to, target) == NULL) return lethe_fail(error, LETHE_IO, "cannot resolve the output folder");
    bool folder = S_ISDIR(info.st_mode);
    if (!folder) source[lethe_path_name(source) - source - (lethe_path_name(source) - source > 1)] = '\0'; /* where the file lies */
    size_t length = strlen(source), other = strlen(target);
    bool inside = strncmp(target, source, length) == 0 && (target[length] == '\0' || (folder && target[length] == '/'));
    bool around = folder && strncmp(source, target, other) == 0 && source[other] == '/';
    return inside || around ? lethe_fail(error, LETHE_USAGE, "the output folder and what is to be restored lie in one another") : LETHE_OK;
}

static bool has_directory(const char *from) {
    char *path = lethe_path_join(from, "DICOMDIR");
    struct stat info;
    bool has = path != NULL && stat(path, &info) == 0 && S_ISREG(info.st_mode);
    lethe_free(path);
    return has;
}

static lethe_status restore_one(void *context, const char *path, const char *relative, lethe_error *error) {
    tree *t = context;
    /* A file-set (dicomdir.h): second names of what has its own. */
    if (t->file_set && (strcmp(relative, "DICOMDIR") == 0 || strncmp(relative, "DICOM/PT", 8) == 0)) return LETHE_OK;
    char *to = lethe_path_join(t->to, relative);
    if (to == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a path");
    lethe_error why = {0};
    lethe_status status = lethe_reidentify_file(t->key, path, to, &why);
    lethe_free(to);
    if (status == LETHE_OK) t->counts->restored++;
    else if (status == LETHE_NOT_FOUND) t->counts->without++;
    else if (status == LETHE_NO_MEMORY) return lethe_fail(error, status, "%s", why.message);
    else t->counts->failed++;
    if (status != LETHE_OK && t->tell != NULL) t->tell(t->context, relative, why.message);
    return LETHE_OK;
}

lethe_status lethe_reidentify_tree(const lethe_private_key *key, const char *from, const char *to, lethe_reidentify_fn tell, void *context,
                                   lethe_reidentify_counts *counts, lethe_error *error) {
    *counts = (lethe_reidentify_counts){0};
    tree t = {.key = key, .to = to, .tell = tell, .context = context, .counts = counts, .file_set = has_directory(from)};
    struct stat info;
    bool existed = stat(to, &info) == 0;
    lethe_status status = lethe_folder_create(to, 0700, error);
    if (status == LETHE_OK) {
        status = check_place(from, to, error);
        if (status != LETHE_OK && !existed) (void)rmdir(to);
    }
    return status == LETHE_OK ? lethe_walk(from, restore_one, &t, error) : status;
}
