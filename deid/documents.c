#include "deid/documents.h"

#include "core/text.h"
#include "deid/pipeline_steps.h"

#include <string.h>

static lethe_status drop(instance *in, lethe_error *error, const char *why) {
    in->dropped = true;
    return lethe_fail(error, LETHE_DENIED, "%s", why);
}

/* Encapsulated PDF, CDA, STL, OBJ, MTL (PS3.4 B.5: 1.2.840.10008.5.1.4.1.1.104.x). */
static lethe_status document(const lethe_profile *profile, instance *in, lethe_error *error) {
    switch (lethe_profile_documents(profile)) {
    case LETHE_DOCUMENT_DROP: return drop(in, error, "encapsulated document: the profile drops it");
    case LETHE_DOCUMENT_REVIEW: return lethe_fail(error, LETHE_REVIEW, "encapsulated document: a person has to look at it");
    case LETHE_DOCUMENT_KEEP: return LETHE_OK;
    default: return lethe_fail(error, LETHE_UNSAFE, "encapsulated document: its content cannot be shown to be clean");
    }
}

lethe_status lethe_documents_check(const lethe_dicom_dataset *dataset, const lethe_profile *profile, struct instance *in, lethe_error *error) {
    const char *sop_class = in->result->sop_class;
    if (strcmp(sop_class, "1.2.840.10008.1.3.10") == 0 || lethe_dicom_find(dataset->root, LETHE_TAG(0x0004, 0x1220)) != NULL)
        return drop(in, error, "DICOMDIR: an index of other files, made again by who needs it");
    if (sop_class[0] == '\0') return lethe_fail(error, LETHE_MALFORMED, "(0008,0016) SOP Class UID is missing");
    if (lethe_text_starts(sop_class, "1.2.840.10008.5.1.4.1.1.104.") || lethe_dicom_find(dataset->root, LETHE_TAG(0x0042, 0x0011)) != NULL)
        return document(profile, in, error);
    if (strcmp(sop_class, "1.2.840.10008.5.1.4.1.1.66") == 0) return lethe_fail(error, LETHE_UNSAFE, "raw data: its content cannot be shown to be clean");
    if (strcmp(sop_class, "1.2.840.10008.5.1.4.1.1.77.1.6") == 0) {
        char flavour[33] = "";
        if (lethe_dicom_text(dataset->root, LETHE_TAG(0x0008, 0x0008), 2, flavour, sizeof flavour) &&
            (strcmp(flavour, "LABEL") == 0 || strcmp(flavour, "OVERVIEW") == 0))
            return drop(in, error, "label or overview of a slide: it shows the slide's label");
    }
    return LETHE_OK;
}
