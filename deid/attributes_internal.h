/* Inside of attributes.c: what is decided about an element, and by what. Layer: deid, private to attributes.c and attributes_decide.c. */
#ifndef LETHE_DEID_ATTRIBUTES_INTERNAL_H
#define LETHE_DEID_ATTRIBUTES_INTERNAL_H

#include "deid/attributes.h"

/* How the enclosing sequence colours what has no rule of its own. */
typedef enum inside {
    INSIDE_NOTHING,
    INSIDE_DUMMY,   /* the sequence is to become a dummy: text and codes too */
    INSIDE_CONTENT, /* content tree or graphics without a cleaning option: text becomes a dummy, codes and numbers stay */
    INSIDE_CLEAN    /* a cleaning option is in force: text is cleaned */
} inside;

typedef struct walk {
    lethe_attribute_job *job;
    lethe_attribute_record *record;
    const lethe_iod_class *iod;
    uint32_t options;
    char sop_class[65], modality[17];
    lethe_buffer scratch;
    unsigned depth;
} walk;

typedef struct decision {
    lethe_action action;
    lethe_clean_mode clean;
    inside children; /* for sequences that stay */
    const char *reason;
    const char *value; /* LETHE_ACTION_REPLACE */
    bool identity;     /* what goes may identify: the audit searches for it */
    bool by_option;    /* kept because an option of Annex E says so: institutions and devices may be named */
    bool trusted;      /* kept because an own rule says so */
} decision;

static inline bool is_date_vr(lethe_vr vr) { return vr == LETHE_VR_DA || vr == LETHE_VR_DT || vr == LETHE_VR_TM; }

/* What an option about dates makes of one that no row names. */
lethe_action lethe_decide_date(uint32_t options);
/* Elements that no rule of the profile can bring back. */
bool lethe_decide_is_statement(lethe_tag tag);
/* What may never stay, whatever the rules say. False: nothing decided, as below. */
bool lethe_decide_structural(const walk *w, const lethe_dicom_element *element, const lethe_dictionary_entry *entry, decision *d);
/* Overlay planes and curves (PS3.3 C.9.2, PS3.15 E.3.3). Pixels of a plane cannot be shown to be clean, except those of a region of interest. */
bool lethe_decide_graphics(walk *w, const lethe_dicom_element *element, decision *d);
/* Content items of reports whose concept says that the value names somebody or some place (PS3.16), and birth dates in them. */
bool lethe_decide_content(const walk *w, const lethe_dicom_element *element, decision *d);
/* An own rule of the profile. */
void lethe_decide_by_rule(const lethe_rule *rule, inside where, decision *d);
/* What Table E.1-1 says under the active options. */
void lethe_decide_by_table(const walk *w, const lethe_annex_row *row, lethe_vr vr, lethe_tag parent, lethe_tag tag, decision *d);
/* Known to the standard, not named by the table. */
void lethe_decide_by_vr(const walk *w, const lethe_dicom_element *element, lethe_vr vr, inside where, decision *d);

#endif
