/* What the objects of one patient, and of one study, tell about each other: a name that only one object spells in full has to go from the texts of
 * all. A run learns from every input before it releases the first output.
 *
 * Values lie in a file without a name (mode 0600, gone when the process ends, however it ends), an index of 32 bytes per patient and study in memory.
 * What comes out does not depend on the order in which objects were learned. Private side. Layer: deid. Thread rule: one thread at a time. */
#ifndef LETHE_DEID_KNOWN_H
#define LETHE_DEID_KNOWN_H

#include "core/buffer.h"
#include "deid/text/identifiers.h"

/* Distinct values that a patient, or a study, can have, and their bytes. A patient beyond it is no patient ("ANONYMOUS" of a whole archive): its
 * objects share only within their study. A study beyond it is refused. */
enum { LETHE_KNOWN_PER_PATIENT = 1024, LETHE_KNOWN_PER_STUDY = 8192, LETHE_KNOWN_VALUE_BYTES = 1024, LETHE_KNOWN_GROUP_BYTES = 1 << 20 };

/* What one object told. Travels between processes, followed by its values: per value a byte for its kind, two for its size, its bytes. */
typedef struct lethe_learned {
    uint64_t patient, study; /* groups; 0 = none */
    uint64_t instance;       /* digest of the SOP Instance UID; 0 = none */
    uint64_t digest;         /* of its distinct values, whatever their order */
    uint32_t count;          /* of its distinct values */
    uint32_t told;           /* values that follow: all, or none when this process told the same for the same groups before */
    uint64_t is_directory;   /* 1: a DICOMDIR */
} lethe_learned;

/* Append what an object tells. Errors: LETHE_NO_MEMORY, LETHE_LIMIT. */
LETHE_NODISCARD lethe_status lethe_known_learn(const lethe_dicom_dataset *dataset, lethe_learned *learned, lethe_buffer *values, lethe_error *error);

typedef struct lethe_known lethe_known;
/* `scratch_folder` holds the file without a name; NULL (or a file system without such files): in memory. */
LETHE_NODISCARD lethe_status lethe_known_create(const char *scratch_folder, lethe_known **out, lethe_error *error);
void lethe_known_destroy(lethe_known *known); /* wipes */
LETHE_NODISCARD lethe_status lethe_known_add(lethe_known *known, const lethe_learned *learned, const void *values, size_t size, lethe_error *error);
/* Append to `values` what others told about the patient and the study of `learned` beyond what it told itself; nothing when it knows all. In a fixed
 * order. Errors: LETHE_LIMIT for a study beyond LETHE_KNOWN_PER_STUDY. */
LETHE_NODISCARD lethe_status lethe_known_others(const lethe_known *known, const lethe_learned *learned, lethe_buffer *values, lethe_error *error);
/* Read values of that form; stops at what is no such value. */
LETHE_NODISCARD lethe_status lethe_known_visit(const void *values, size_t size, lethe_identifier_fn tell, void *context, lethe_error *error);

#endif
