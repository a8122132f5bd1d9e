/* The generator's registry: each kind of invented data is one file that offers one `make`, and one line of kinds.c.
 *
 * Everything is a function of the seed: the same options give the same bytes. Nobody in here exists. */
#ifndef LETHE_TESTDATA_KINDS_H
#define LETHE_TESTDATA_KINDS_H

#include "core/error.h"
#include "testdata/answer_key.h"

#include <stdint.h>

typedef struct lethe_testdata_options {
    uint64_t seed;      /* default 1 */
    unsigned patients;  /* --patients; 0 = the kind's default */
    unsigned count;     /* --count: instances of bench kinds; 0 = the kind's default */
    unsigned columns;   /* --columns (and rows); 0 = the kind's default */
    uint64_t big_bytes; /* --big-file BYTES; 0 = none */
    bool small;         /* --size small: smaller matrices and fewer frames, for quick tests */
    bool one_series;    /* bench kinds: all instances in one series of one patient */
} lethe_testdata_options;

/* Write files below `folder` (which exists) and their answers into `key` (paths relative to `folder`). */
typedef lethe_status (*lethe_testdata_make_fn)(const lethe_testdata_options *options, const char *folder, lethe_answer_key *key, lethe_error *error);

typedef struct lethe_testdata_kind {
    const char *name, *help;
    lethe_testdata_make_fn make;
} lethe_testdata_kind;

/* All kinds, ended by a name of NULL. */
extern const lethe_testdata_kind lethe_testdata_kinds[];

#endif
