/* Private attributes: which may stay, by creator (PS3.15 E.3.10), and a check of the values that do. Layer: deid. Thread rule: constant tables. */
#ifndef LETHE_DEID_PRIVATE_H
#define LETHE_DEID_PRIVATE_H

#include "deid/attributes.h"

typedef struct lethe_private_verdict {
    bool safe;
    lethe_vr vr;        /* as the table knows it; LETHE_VR_UN when it does not */
    const char *reason; /* which table; static */
} lethe_private_verdict;

/* Look the element up by group, creator and last byte, wherever its block was reserved. Binary values that the table types as numbers or codes are
 * safe only when their bytes can be such; CSA headers of Siemens are safe never as they are. */
lethe_private_verdict lethe_private_decide(const lethe_dicom_element *element, lethe_vr vr);
/* Whether a safe element's value passes: it fits its VR and holds no known identifier and no pattern of one (names, dates, numbers with a key). */
LETHE_NODISCARD lethe_status lethe_private_recheck(const lethe_attribute_job *job, const lethe_dicom_element *element, lethe_vr vr, bool *passes,
                                                   lethe_error *error);
size_t lethe_private_safe_count(void);

/* Tags of text attributes that stay under an allow-list profile: technical texts of Table E.1-1's silence (manufacturer, kernel, sequence name ...).
 */
bool lethe_attribute_is_listed(lethe_tag tag);

#endif
