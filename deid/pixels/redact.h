/* Taking boxes out of pixel data without touching anything else.
 *
 * Raw and RLE: samples inside the boxes are overwritten in place. JPEG baseline and extended: only blocks that overlap a box change, as DCT
 * coefficients; every other coefficient stays. Lossless syntaxes are re-encoded losslessly in the same syntax. Lossy JPEG 2000 and near-lossless
 * JPEG-LS are decoded once and re-encoded without further loss. Layer: deid. Thread rule: one thread at a time per object. */
#ifndef LETHE_DEID_REDACT_H
#define LETHE_DEID_REDACT_H

#include "core/error.h"
#include "deid/pixels/burned_in.h"
#include "imaging/dicom/edit.h"

/* What must live until the edit script is played: descriptors of unlinked scratch files. */
typedef struct lethe_redaction lethe_redaction;

typedef struct lethe_redact_options {
    const char *scratch_folder; /* private (0700); for unlinked temporary files of mode 0600. NULL: the redacted pixel data stays in memory */
    bool keep_attributes;       /* leave BurnedInAnnotation, ImageType, DerivationDescription and icons to the caller */
} lethe_redact_options;

/* Put the pixel edits of `decision` into `script`, which must belong to `dataset`, and set the attributes that go with them: BurnedInAnnotation NO
 * (when all text was searched for), ImageType value 1 DERIVED, DerivationDescription; IconImageSequence is dropped. `decision->boxes` grow to what
 * really changes (JPEG blocks and the neighbours that chroma upsampling reaches). With no boxes only BurnedInAnnotation is set. Memory: a few frames.
 * The redaction must be kept until lethe_edit_write has returned. Errors: LETHE_UNSUPPORTED when the syntax cannot be redacted (quarantine),
 * LETHE_MALFORMED for a corrupt frame, LETHE_IO, LETHE_LIMIT, LETHE_NO_MEMORY. */
LETHE_NODISCARD lethe_status lethe_redact_apply(const lethe_dicom_dataset *dataset, lethe_pixel_decision *decision, lethe_edit_script *script,
                                                const lethe_redact_options *options, lethe_redaction **out, lethe_error *error);
/* Bytes of raw pixel data behind its last frame belong to no picture, so nobody would see what they say: they become zeros when they are not all
 * equal. Call after lethe_redact_apply. Errors: LETHE_UNSAFE for more than 1 MiB of them, and where boxes are taken out of the same data. */
LETHE_NODISCARD lethe_status lethe_redact_tail(const lethe_dicom_dataset *dataset, lethe_edit_script *script, lethe_error *error);
/* "" when the transfer syntax stays; else the new UID (HTJ2K becomes JPEG 2000 lossless: there is no free encoder). It is already in the script. */
const char *lethe_redaction_transfer_syntax(const lethe_redaction *redaction);
void lethe_redaction_destroy(lethe_redaction *redaction);

#endif
