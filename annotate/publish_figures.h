/* Figures of the data set's card: small SVG files, the same bytes each time. For annotate/publish*.c only. */
#ifndef LETHE_ANNOTATE_PUBLISH_FIGURES_H
#define LETHE_ANNOTATE_PUBLISH_FIGURES_H

#include "annotate/agreement.h"
#include "annotate/publish.h"

/* figures/labels.svg, figures/splits.svg, figures/sites.svg: those that have something to show. `counted` tells which labels may be counted (those of
 * a hidden split may not). Links to them are appended to `card`. */
lethe_status lethe_figures_write(lethe_dataset *dataset, const lethe_publication *publication, const uint8_t *splits,
                                 bool (*counted)(const lethe_dataset *dataset, const lethe_annotation *annotation), lethe_buffer *card,
                                 lethe_error *error);
/* figures/agreement.svg: measures between -1 and 1 with their intervals. `name_reader` gives the code of a reader. */
lethe_status lethe_figure_agreement(lethe_dataset *dataset, const lethe_agreement *agreement,
                                    const char *(*name_reader)(const lethe_dataset *dataset, const char *name), lethe_buffer *card,
                                    lethe_error *error);

#endif
