/* What splits share besides patients: machines, sites, look-alike pictures. For annotate/publish*.c only. */
#ifndef LETHE_ANNOTATE_LEAKAGE_H
#define LETHE_ANNOTATE_LEAKAGE_H

#include "annotate/publish.h"
#include "annotate/text_out.h"

/* CSV patient,site (patients by their released pseudonym); *out NULL when `path` is. Errors: LETHE_MALFORMED. */
lethe_status lethe_sites_load(const char *path, lethe_csv **out, lethe_error *error);
/* "" when it is not known. */
const char *lethe_site_of(const lethe_csv *sites, const lethe_image_ref *ref);

/* leakage.json: patients in two splits (always none: checked, not assumed), machines and sites with their patients per split, and with
 * check_duplicates the pairs of pictures. Errors: LETHE_UNSAFE when a picture or patient stands in two splits. */
lethe_status lethe_leakage_write(lethe_dataset *dataset, const lethe_publication *publication, const uint8_t *splits, lethe_error *error);

#endif
