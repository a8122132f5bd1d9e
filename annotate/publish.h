/* A data set for others: splits by patient, hidden test labels, descriptions for people and machines. Layer: annotate. Thread rule: one thread at a
 * time. */
#ifndef LETHE_ANNOTATE_PUBLISH_H
#define LETHE_ANNOTATE_PUBLISH_H

#include "annotate/format.h"

typedef enum lethe_split { LETHE_SPLIT_TRAIN, LETHE_SPLIT_VALIDATION, LETHE_SPLIT_TEST, LETHE_SPLITS } lethe_split;
const char *lethe_split_name(lethe_split split);

typedef struct lethe_publication {
    const char *title, *licence, *description;
    const char *url, *creator, *contact, *access_body; /* for the metadata; NULL = not stated */
    const char *health_category, *spatial;             /* of HealthDCAT-AP: addresses of its vocabularies, or names; NULL = not stated */
    double shares[LETHE_SPLITS];                       /* of train, validation, test; all 0 = no split */
    const char *stratify; /* a label whose value goes into the strata, beside manufacturer and whether there are regions; NULL = none */
    uint64_t seed;
    const char *hidden_path; /* where the sealed labels of the test split go; NULL = they stay in the package */
    const char *key_path;    /* of the seal: 32 bytes, made when missing */
    bool check_duplicates;   /* compare pictures across splits */
    const char *sites_path;  /* CSV patient,site: goes into the strata and the leakage report; NULL = sites are not known */
    enum { LETHE_SHARDS_NONE, LETHE_SHARDS_TAR, LETHE_SHARDS_ZIP } shards; /* images and tiles go into shards instead of loose files */
    uint64_t shard_bytes;                                                  /* a shard is closed when it has this many */
    unsigned preview;                                                      /* pictures of a sampled preview; 0 = none */
} lethe_publication;

/* Give each image of the index a split, patient by patient: no patient is in two. Strata: label, regions or none, manufacturer, modality, site.
 * splits[i] of the i-th image. */
LETHE_NODISCARD lethe_status lethe_split_assign(const lethe_dataset *dataset, const lethe_publication *publication, uint8_t *splits,
                                                lethe_error *error);
/* Write the whole package: formats per split, images if the data set's options ask for them, README.md, CARD.md, LICENSE, schema.yaml, splits.csv,
 * croissant.json (MLCommons Croissant 1.1), healthdcat.jsonld; SHA256SUMS comes with lethe_package_finish. Errors: LETHE_UNSAFE when a check finds
 * one picture in two splits. */
LETHE_NODISCARD lethe_status lethe_publish(lethe_dataset *dataset, const lethe_publication *publication, const lethe_format *const *formats,
                                           size_t count, lethe_error *error);

/* README, card and metadata (publish_metadata.c). `splits` NULL = none. */
LETHE_NODISCARD lethe_status lethe_publish_metadata(lethe_dataset *dataset, const lethe_publication *publication, const uint8_t *splits,
                                                    lethe_error *error);

/* A folder as one tar, encrypted and authenticated (AES-256-GCM; the nonce is made from key and content, so that repeating gives the same bytes). */
LETHE_NODISCARD lethe_status lethe_seal(const char *folder, const char *key_path, const char *out_path, lethe_error *error);
/* Open it again into an empty folder. Errors: LETHE_CRYPTO for another key or a changed byte. */
LETHE_NODISCARD lethe_status lethe_unseal(const char *path, const char *key_path, const char *folder, lethe_error *error);

/* Near-duplicate pictures in different splits, slides too: mirrored, turned by quarters, or cut by 10 to 30 % as well (64-bit difference hashes of
 * the first frame, confirmed by correlation). `found` gets a line "path,path" each. *unread: images that could not be decoded and were not compared.
 */
LETHE_NODISCARD lethe_status lethe_leak_check(const lethe_dataset *dataset, const uint8_t *splits, lethe_buffer *found, size_t *count, size_t *unread,
                                              lethe_error *error);

/* Whether images are written as loose files, be it only on the way into a shard. */
static inline bool lethe_publish_writes_loose(const lethe_dataset *dataset, const lethe_publication *publication) {
    return dataset->options.with_images && (publication->shards == LETHE_SHARDS_NONE || lethe_image_index_renamer(dataset->index) != NULL);
}
/* One split ("train"; NULL = all) as shards/<split>-000000.tar ...; the loose files of images and tiles are removed (shards.c). `labels` false:
 * pictures only. */
LETHE_NODISCARD lethe_status lethe_shards_write(lethe_dataset *dataset, const lethe_publication *publication, const char *split, bool labels,
                                                lethe_error *error);
/* preview/: pictures of a seeded sample with their regions, and a page (preview.c). Nothing of a hidden test split. */
LETHE_NODISCARD lethe_status lethe_preview_write(lethe_dataset *dataset, const lethe_publication *publication, const uint8_t *splits,
                                                 lethe_error *error);

#endif
