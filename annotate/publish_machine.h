/* Descriptions for machines. For annotate/publish*.c only. */
#ifndef LETHE_ANNOTATE_PUBLISH_MACHINE_H
#define LETHE_ANNOTATE_PUBLISH_MACHINE_H

#include "annotate/publish.h"

typedef struct lethe_publish_facts {
    const char *title, *licence, *date, *modalities;
    size_t images, patients;
    double youngest, oldest; /* years; NaN when no age is given */
} lethe_publish_facts;

/* croissant.json and healthdcat.jsonld. */
lethe_status lethe_publish_machine(lethe_dataset *dataset, const lethe_publication *publication, const lethe_publish_facts *facts,
                                   lethe_error *error);

#endif
