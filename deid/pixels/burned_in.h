/* Burned-in text: where an instance's pixels may identify, and what is to be done about it.
 *
 * decide() looks at the header first (device catalogue, ultrasound regions, modality) and decodes only what is at risk; redact.h removes the boxes;
 * verify() searches what was written. Layer: deid. Thread rule: one thread at a time per engine (it holds an OCR handle); create one per worker,
 * after fork. */
#ifndef LETHE_DEID_BURNED_IN_H
#define LETHE_DEID_BURNED_IN_H

#include "core/error.h"
#include "imaging/dicom/dataset.h"

#include <stddef.h>
#include <stdint.h>

typedef struct lethe_identifiers lethe_identifiers; /* deid/text/identifiers.h */

/* What is removed from the pixels of a modality. Zero removes most. */
typedef enum lethe_pixel_mode {
    LETHE_PIXELS_ANY_TEXT, /* every text but the markers that are kept */
    LETHE_PIXELS_PHI_ONLY, /* text that matches a known identifier, or looks like a date, a long number or a name field; the rest stays */
    LETHE_PIXELS_OFF       /* neither decoded nor searched; catalogue boxes and ultrasound regions still apply unless `ignore_catalogue` */
} lethe_pixel_mode;

/* Text was found on an image whose device no catalogue entry knows. */
typedef enum lethe_unknown_device {
    LETHE_UNKNOWN_DEVICE_REVIEW = 0, /* nothing is released before a person has looked */
    LETHE_UNKNOWN_DEVICE_QUARANTINE,
    LETHE_UNKNOWN_DEVICE_REDACT /* redact and release: the search after redaction must find nothing */
} lethe_unknown_device;

enum { LETHE_PIXEL_MODALITIES = 48 };

typedef struct lethe_pixel_policy {
    struct {
        char modality[17];
        lethe_pixel_mode mode;
    } modalities[LETHE_PIXEL_MODALITIES]; /* overrides; the first that fits wins */
    unsigned modality_count;
    lethe_unknown_device unknown_device;
    bool redact_markers;                       /* also L, R, CC, MLO ...: kept by default */
    bool ignore_catalogue;                     /* do not use the device catalogue and SequenceOfUltrasoundRegions */
    bool trust_declared_clean;                 /* BurnedInAnnotation NO switches the search off; default: searched all the same */
    bool no_reading;                           /* never call the OCR: whatever looks like text is text */
    uint8_t review_video;                      /* 0: MPEG and H.264 of at-risk modalities go to review; 1: quarantine */
    const struct lethe_pixel_rules *rules;     /* the project's own (pixel_rules.h); borrowed, may be NULL; used even with `ignore_catalogue` */
    const struct lethe_pixel_box *extra_boxes; /* drawn by a person (lethe review mask): removed from every instance; borrowed, may be NULL */
    unsigned extra_count;
} lethe_pixel_policy;

/* The default: any-text for US, SC (secondary capture and multi-frame SC of any modality), OT, XA, RF, ES, XC, GM, PX, IO, DX, CR, MG, RG, DG, OP,
 * ...; off for CT, MR, PT, NM original primary images. Unknown device that shows text: review. */
void lethe_pixel_policy_default(lethe_pixel_policy *policy);
/* Put an override in front. `modality` is a code such as "US", or "*" for all. Errors: LETHE_CONFIG for an unknown mode word ("any-text", "phi-only",
 * "off"), LETHE_LIMIT when full. */
LETHE_NODISCARD lethe_status lethe_pixel_policy_set(lethe_pixel_policy *policy, const char *modality, const char *mode, lethe_error *error);

typedef enum lethe_pixel_verdict {
    LETHE_PIXELS_NOT_SEARCHED, /* nothing to search: no pixel data, or not at risk; `reason` says which rule */
    LETHE_PIXELS_CLEAN,        /* searched, nothing found */
    LETHE_PIXELS_REDACT,       /* boxes are to be removed, then released */
    LETHE_PIXELS_REVIEW,       /* boxes (may be none) are to be removed, then a person looks */
    LETHE_PIXELS_QUARANTINE
} lethe_pixel_verdict;

typedef struct lethe_pixel_box {
    uint32_t first_frame, last_frame; /* both included, from 0 */
    uint32_t x, y, w, h;              /* pixels of the frame */
    char why[56];                     /* "text", "known identifier", "outside ultrasound regions", "device rule NAME"; never the text itself */
} lethe_pixel_box;

typedef struct lethe_pixel_decision {
    lethe_pixel_verdict verdict;
    char reason[160];       /* for the manifest and `deid explain`; no attribute value but those of the device catalogue */
    char rule[96];          /* catalogue rule that fired, or "" */
    lethe_pixel_box *boxes; /* owned */
    size_t box_count, box_capacity;
    lethe_pixel_box *kept; /* owned: a person has said that these places hold no text */
    size_t kept_count;
    lethe_pixel_box *drawn; /* owned: the boxes as they were asked for, where lethe_redact_apply let `boxes` grow to whole JPEG blocks */
    size_t drawn_count;
    bool searched;          /* every frame was decoded and searched */
    bool all_text;          /* mode any-text was in force: BurnedInAnnotation may be set to NO */
    bool strip_streams;     /* compressed frames hold comments or thumbnails: they go, the samples stay */
    bool clear_unused_bits; /* embedded overlay planes share the pixel cells: bits outside bits stored are to be zeroed */
    bool keep_padding;      /* but not in words that are Pixel Padding Value as a whole: they would no longer be told from samples */
    uint32_t frames_searched;
    uint32_t markers_kept;
} lethe_pixel_decision;

typedef struct lethe_burned_in lethe_burned_in;

/* `policy` is copied. The OCR is started when it is first needed. */
LETHE_NODISCARD lethe_status lethe_burned_in_create(const lethe_pixel_policy *policy, lethe_burned_in **out, lethe_error *error);
void lethe_burned_in_destroy(lethe_burned_in *engine);

/* Decide. `identifiers` may be NULL. A corrupt or undecodable frame of an at-risk image gives verdict quarantine (not an error). Memory: a few times
 * one frame. Errors: LETHE_NO_MEMORY, LETHE_LIMIT. Pair with lethe_pixel_decision_release (also after a failure: the decision is empty then). */
LETHE_NODISCARD lethe_status lethe_burned_in_decide(lethe_burned_in *engine, const lethe_dicom_dataset *dataset, const lethe_identifiers *identifiers,
                                                    lethe_pixel_decision *decision, lethe_error *error);
void lethe_pixel_decision_release(lethe_pixel_decision *decision);

/* Descriptors of the files that the next decision (`before_fd`) or verification looks at, borrowed; -1: only what the data sets point to. With them
 * raw pixel data is read in parts, and no mapping grows resident. */
void lethe_burned_in_files(lethe_burned_in *engine, int before_fd, int after_fd);
/* Search the written instance again and compare it with the input. Errors: LETHE_UNSAFE when text is still legible or a box was not filled,
 * LETHE_INTERNAL when a pixel outside the boxes differs, and what decoding gives. Raw pixel data that rules alone decided on is compared as bytes:
 * all rows that a box touches, and both ends of what was copied between them. `decision->boxes` are those that lethe_redact_apply left there. */
LETHE_NODISCARD lethe_status lethe_burned_in_verify(lethe_burned_in *engine, const lethe_dicom_dataset *before, const lethe_dicom_dataset *after,
                                                    const lethe_identifiers *identifiers, const lethe_pixel_decision *decision, lethe_error *error);

#endif
