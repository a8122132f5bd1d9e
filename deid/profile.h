/* A de-identification profile: Annex E options, own rules, and the policies for text, pixels, slides and documents.
 *
 * Built in: `basic` (Basic Application Level Confidentiality Profile, no option), `research`, `challenge`. Own profiles are YAML (docs/profiles.md).
 * Layer: deid. Thread rule: immutable after load. */
#ifndef LETHE_DEID_PROFILE_H
#define LETHE_DEID_PROFILE_H

#include "core/error.h"
#include "deid/annex_e.h"
#include "deid/pixels/burned_in.h"
#include "deid/slides/slide_deid.h"
#include "deid/text/text.h"
#include "imaging/dicom/dataset.h"

/* What is done to one attribute. Zero removes. */
typedef enum lethe_action {
    LETHE_ACTION_REMOVE = 0,
    LETHE_ACTION_EMPTY,   /* zero length (a dummy where the Type forbids it) */
    LETHE_ACTION_DUMMY,   /* a value that is valid for the VR and says nothing */
    LETHE_ACTION_UID,     /* the keyed pseudonym of each UID; sequences: kept, with the UIDs inside replaced */
    LETHE_ACTION_CLEAN,   /* text: what identifies goes, the rest stays; sequences: kept, every element inside by its own rule */
    LETHE_ACTION_SHIFT,   /* dates and times: by the patient's shift */
    LETHE_ACTION_AGE,     /* ages above the limit are grouped */
    LETHE_ACTION_TOKEN,   /* a keyed pseudonym of the value */
    LETHE_ACTION_REPLACE, /* a fixed value from the profile */
    LETHE_ACTION_KEEP,    /* as it is, checked against the known identifiers */
    LETHE_ACTIONS
} lethe_action;
const char *lethe_action_name(lethe_action action);

typedef enum lethe_document_policy {
    LETHE_DOCUMENT_QUARANTINE = 0,
    LETHE_DOCUMENT_REVIEW,
    LETHE_DOCUMENT_DROP,
    LETHE_DOCUMENT_KEEP
} lethe_document_policy;

enum { LETHE_RULE_PATH = 8 };

/* One own rule; what is not given matches everything. */
typedef struct lethe_rule {
    lethe_tag path[LETHE_RULE_PATH]; /* enclosing sequences, outermost first, then the tag itself; count 0 = any tag */
    lethe_tag mask;                  /* for the last tag, e.g. 0xFFFF00FF for "0019,xx0C" */
    unsigned path_count;
    bool anchored;                    /* the path starts at the top level */
    const char *creator;              /* private creator, compared without case and outer spaces; NULL = any */
    lethe_vr vr;                      /* 0 = any */
    const char *sop_class, *modality; /* NULL = any */
    lethe_action action;
    const char *value; /* LETHE_ACTION_REPLACE */
    const char *label; /* for explanations: "profile NAME, rule 3" */
} lethe_rule;

typedef struct lethe_profile lethe_profile;

/* Built-in name, or path of a YAML file (when it holds a '/' or ends in .yaml or .yml). Errors: LETHE_CONFIG with file, line, key and the nearest
 * right word; LETHE_IO; LETHE_NOT_FOUND for a name that is not built in. */
LETHE_NODISCARD lethe_status lethe_profile_load(const char *name_or_path, lethe_profile **out, lethe_error *error);
LETHE_NODISCARD lethe_status lethe_profile_parse(const char *yaml, size_t size, const char *name, lethe_profile **out, lethe_error *error);
void lethe_profile_destroy(lethe_profile *profile);

const char *lethe_profile_name(const lethe_profile *profile);
uint32_t lethe_profile_options(const lethe_profile *profile); /* LETHE_OPTION_ bits */
lethe_text_mode lethe_profile_text(const lethe_profile *profile);
unsigned lethe_profile_age_limit(const lethe_profile *profile); /* years; ages above are grouped; 0 = none are */
/* PEM file of the recipients of encrypted attributes (encrypted.h); a relative one starts at the profile's own folder. NULL = none. */
const char *lethe_profile_recipients(const lethe_profile *profile);
bool lethe_profile_allow_list(const lethe_profile *profile); /* attributes that no rule and no list names are removed */
lethe_document_policy lethe_profile_documents(const lethe_profile *profile);
bool lethe_profile_keep_overlays(const lethe_profile *profile); /* region-of-interest overlay planes stay (Clean Graphics) */
const lethe_pixel_policy *lethe_profile_pixels(const lethe_profile *profile);
/* Fields that hold pointers of a run (pseudonymizer, mapping ...) are zero. */
const lethe_slide_options *lethe_profile_slides(const lethe_profile *profile);

typedef struct lethe_rule_query {
    const lethe_dicom_element *element;
    lethe_vr vr; /* effective */
    const char *sop_class, *modality;
} lethe_rule_query;
/* The last own rule that fits, or NULL. Cheap when no rule names the tag. */
const lethe_rule *lethe_profile_rule(const lethe_profile *profile, const lethe_rule_query *query);

#endif
