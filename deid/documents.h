/* Objects that are not images: what may be released at all, and what a profile says about documents. Layer: deid. Thread rule: no state. */
#ifndef LETHE_DEID_DOCUMENTS_H
#define LETHE_DEID_DOCUMENTS_H

#include "deid/profile.h"

struct instance;

/* True for a DICOMDIR: by its class, or by its directory records; never where there is pixel data. */
bool lethe_documents_is_directory(const lethe_dicom_dataset *dataset);

/* LETHE_OK when the instance may go on. Else LETHE_UNSAFE (quarantine), LETHE_REVIEW, or LETHE_DENIED with instance->dropped: DICOMDIRs, labels and
 * overviews of DICOM slides, encapsulated documents by the profile's policy, raw data, and what has no SOP class. */
LETHE_NODISCARD lethe_status lethe_documents_check(const lethe_dicom_dataset *dataset, const lethe_profile *profile, struct instance *instance,
                                                   lethe_error *error);

/* Search an encapsulated document that a profile keeps: its bytes, every deflated stream inside (PDF), and the text of PDF strings with what stands
 * between them taken out; of other documents what documents_text.h says. Errors: LETHE_UNSAFE when something is found, LETHE_REVIEW when a stream
 * cannot be read (encrypted, unknown filter). */
struct lethe_audit;
LETHE_NODISCARD lethe_status lethe_documents_search(const lethe_dicom_dataset *dataset, struct lethe_audit *audit, lethe_error *error);

#endif
