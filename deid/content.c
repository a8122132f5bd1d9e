#include "deid/content.h"

#include "core/file.h"
#include "core/limits.h"
#include "deid/values.h"
#include "imaging/dicom/pixels.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

typedef struct digesting {
    EVP_MD_CTX *sha256;
    const lethe_dicom_dataset *dataset;
    lethe_pixels *pixels; /* NULL: values are taken as they stand */
    bool decoded;         /* the frames went in as pixels */
    bool failed;
} digesting;

static void put(digesting *d, const void *bytes, size_t size) {
    if (size != 0 && EVP_DigestUpdate(d->sha256, bytes, size) != 1) d->failed = true;
}

static void put_number(digesting *d, uint64_t value) {
    uint8_t bytes[8];
    for (unsigned i = 0; i < 8; i++) bytes[i] = (uint8_t)(value >> 8 * i);
    put(d, bytes, sizeof bytes);
}

/* Bytes of a number, which the byte order turns around; 1 for all else. */
static size_t unit_of(lethe_vr vr) {
    switch (vr) {
    case LETHE_VR_US:
    case LETHE_VR_SS:
    case LETHE_VR_OW:
    case LETHE_VR_AT: return 2;
    case LETHE_VR_UL:
    case LETHE_VR_SL:
    case LETHE_VR_FL:
    case LETHE_VR_OF:
    case LETHE_VR_OL: return 4;
    case LETHE_VR_FD:
    case LETHE_VR_OD:
    case LETHE_VR_UV:
    case LETHE_VR_SV:
    case LETHE_VR_OV: return 8;
    default: return 1;
    }
}

static void put_leaf(digesting *d, const lethe_dicom_element *e, lethe_dicom_encoding encoding) {
    size_t size = (size_t)e->value_bytes;
    if (lethe_vr_is_text(e->vr) || e->vr == LETHE_VR_UI)
        while (size != 0 && (e->value[size - 1] == ' ' || e->value[size - 1] == '\0')) size--;
    put_number(d, size);
    size_t unit = encoding.big_endian ? unit_of(e->vr) : 1;
    if (unit == 1) {
        put(d, e->value, size);
        return;
    }
    uint8_t turned[4096];
    for (size_t at = 0; at < size;) {
        size_t length = size - at < sizeof turned ? size - at : sizeof turned;
        for (size_t i = 0; i < length; i++) {
            size_t base = i / unit * unit, mirrored = base + (unit - 1 - i % unit);
            turned[i] = e->value[at + (base + unit <= length ? mirrored : i)];
        }
        put(d, turned, length);
        at += length;
    }
}

/* Fragments without the table and the lines between them. */
static void put_fragments(digesting *d, const lethe_dicom_element *e) {
    const lethe_dicom_item *item = e->items == NULL ? NULL : e->items->next;
    for (; item != NULL; item = item->next) put(d, d->dataset->bytes + item->offset + item->header_bytes, (size_t)item->value_bytes);
}

static bool put_frames(digesting *d) {
    const lethe_pixels_info *info = lethe_pixels_describe(d->pixels);
    put_number(d, info->frames);
    for (uint32_t i = 0; i < info->frames; i++) {
        lethe_image image = {0};
        if (lethe_pixels_decode(d->pixels, i, &image, NULL) != LETHE_OK) return false;
        uint64_t shape[] = {image.columns, image.rows, image.samples, image.bytes_per_sample, image.is_signed, image.photometric};
        for (size_t k = 0; k < sizeof shape / sizeof *shape; k++) put_number(d, shape[k]);
        put(d, image.pixels, lethe_image_size_bytes(&image));
        lethe_image_release(&image);
    }
    return true;
}

static bool is_skipped(const digesting *d, const lethe_dicom_element *e) {
    if (e->tag == LETHE_TAG(0xFFFC, 0xFFFC) || lethe_tag_element(e->tag) == 0) return true;
    /* How samples lie in the file; decoded frames say it themselves. */
    return d->decoded && (e->tag == LETHE_TAG(0x0028, 0x0004) || e->tag == LETHE_TAG(0x0028, 0x0006));
}

/* Nesting is bounded by LETHE_LIMIT_SEQUENCE_DEPTH. */
static void put_item(digesting *d, const lethe_dicom_item *item) {
    for (const lethe_dicom_element *e = item->first; e != NULL; e = e->next) {
        if (is_skipped(d, e)) continue;
        put_number(d, e->tag);
        if (d->decoded && e == lethe_pixels_element(d->pixels)) continue;
        if (e->form == LETHE_DICOM_LEAF) {
            put_leaf(d, e, item->encoding);
        } else if (e->form == LETHE_DICOM_FRAGMENTS) {
            put_fragments(d, e);
        } else {
            for (const lethe_dicom_item *inner = e->items; inner != NULL; inner = inner->next) {
                put_number(d, 1);
                put_item(d, inner);
            }
            put_number(d, 0);
        }
    }
}

/* Frames that lost nothing are compared as pixels; raw ones too, so that they meet their compressed likes. */
static void open_pixels(digesting *d) {
    if (lethe_pixels_open(d->dataset, &d->pixels, NULL) != LETHE_OK) {
        d->pixels = NULL;
        return;
    }
    const lethe_pixels_info *info = lethe_pixels_describe(d->pixels);
    d->decoded = info->codec == LETHE_CODEC_RAW || (!info->lossy && info->codec != LETHE_CODEC_VIDEO && info->codec != LETHE_CODEC_UNKNOWN);
}

static lethe_status digest(const lethe_dicom_dataset *dataset, bool as_pixels, char hex[65], lethe_error *error) {
    digesting d = {.dataset = dataset, .sha256 = EVP_MD_CTX_new()};
    uint8_t bytes[32];
    d.failed = d.sha256 == NULL || EVP_DigestInit_ex(d.sha256, EVP_sha256(), NULL) != 1;
    if (!d.failed && as_pixels) open_pixels(&d);
    if (!d.failed && !d.decoded) put(&d, dataset->transfer_syntax, dataset->encapsulated ? strlen(dataset->transfer_syntax) : 0);
    bool whole = d.failed || !d.decoded || put_frames(&d);
    if (!d.failed && whole) put_item(&d, dataset->root);
    d.failed = d.failed || EVP_DigestFinal_ex(d.sha256, bytes, NULL) != 1;
    lethe_pixels_close(d.pixels);
    EVP_MD_CTX_free(d.sha256);
    if (d.failed) return lethe_fail(error, LETHE_CRYPTO, "SHA-256 failed");
    if (!whole) return digest(dataset, false, hex, error); /* frames that do not decode count as bytes */
    for (unsigned i = 0; i < sizeof bytes; i++) (void)snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
    return LETHE_OK;
}

lethe_status lethe_content_digest(const uint8_t *bytes, size_t size, char hex[65], lethe_error *error) {
    lethe_arena *arena = lethe_arena_create(LETHE_LIMIT_ARENA_BYTES);
    lethe_dicom_dataset *dataset = NULL;
    hex[0] = '\0';
    lethe_status status = arena == NULL ? lethe_fail(error, LETHE_NO_MEMORY, "no memory to compare an instance")
                                        : lethe_dicom_dataset_parse(bytes, size, arena, &dataset, error);
    if (status == LETHE_OK) status = digest(dataset, true, hex, error);
    lethe_dicom_dataset_release(dataset);
    lethe_arena_destroy(arena);
    return status;
}

lethe_status lethe_content_digest_file(const char *path, char hex[65], lethe_error *error) {
    lethe_map map;
    hex[0] = '\0';
    lethe_status status = lethe_map_open(path, &map, error);
    if (status != LETHE_OK) return status;
    status = lethe_content_digest(map.bytes, map.size, hex, error);
    lethe_map_close(&map);
    return status;
}
