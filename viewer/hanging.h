/* Hanging protocols: which series goes into which cell. Plain logic, no GL. Layer: viewer. Thread rule: no state. */
#ifndef LETHE_VIEWER_HANGING_H
#define LETHE_VIEWER_HANGING_H

#include "viewer/study.h"

typedef enum lethe_hanging_kind {
    LETHE_HANGING_AUTO, /* by what the study holds */
    LETHE_HANGING_SINGLE,
    LETHE_HANGING_TWO, /* side by side */
    LETHE_HANGING_FOUR,
    LETHE_HANGING_MAMMOGRAPHY, /* RCC LCC over RMLO LMLO, chest walls back to back */
    LETHE_HANGING_PROSTATE,    /* T2, high b-value DWI, ADC side by side */
    LETHE_HANGING_KINDS
} lethe_hanging_kind;

enum { LETHE_HANGING_CELLS = 9 };

typedef struct lethe_hanging {
    lethe_hanging_kind kind; /* never AUTO */
    int columns, rows;
    int series[LETHE_HANGING_CELLS];       /* index in the study, -1 = empty */
    bool mirror[LETHE_HANGING_CELLS];      /* mirror left-right so that the chest wall is where it belongs */
    bool chest_right[LETHE_HANGING_CELLS]; /* the chest wall belongs to the right edge of the cell */
} lethe_hanging;

/* What a series is to a hanging protocol. */
typedef enum lethe_series_role {
    LETHE_SERIES_OTHER,
    LETHE_SERIES_RCC,
    LETHE_SERIES_LCC,
    LETHE_SERIES_RMLO,
    LETHE_SERIES_LMLO,
    LETHE_SERIES_T1,
    LETHE_SERIES_T2,
    LETHE_SERIES_DWI,
    LETHE_SERIES_ADC,
    LETHE_SERIES_LOCALISER
} lethe_series_role;
/* From laterality and view position (mammography); from the words of the description, then image type, sequence and echo time (MR), because
 * descriptions are often gone after de-identification. */
lethe_series_role lethe_series_role_of(const lethe_series *series);

/* What to call a series on the screen: its description, or what is known of it. */
const char *lethe_series_title(const lethe_series *series);

void lethe_hang(const lethe_study *study, lethe_hanging_kind wanted, lethe_hanging *out);

#endif
