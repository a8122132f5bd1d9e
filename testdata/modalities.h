/* One function per examination that the hospital makes; each in a file of its own. */
#ifndef LETHE_TESTDATA_MODALITIES_H
#define LETHE_TESTDATA_MODALITIES_H

#include "testdata/visit.h"

LETHE_NODISCARD lethe_status lethe_make_prostate_mr(lethe_visit *visit);
LETHE_NODISCARD lethe_status lethe_make_mammography(lethe_visit *visit);
LETHE_NODISCARD lethe_status lethe_make_ultrasound(lethe_visit *visit);
LETHE_NODISCARD lethe_status lethe_make_ct(lethe_visit *visit);
LETHE_NODISCARD lethe_status lethe_make_scanned_form(lethe_visit *visit);
LETHE_NODISCARD lethe_status lethe_make_report(lethe_visit *visit);
LETHE_NODISCARD lethe_status lethe_make_pet(lethe_visit *visit);
LETHE_NODISCARD lethe_status lethe_make_oddities(lethe_visit *visit);

/* Kinds. */
LETHE_NODISCARD lethe_status lethe_testdata_hospital(const lethe_testdata_options *options, const char *folder, lethe_answer_key *key,
                                                     lethe_error *error);
LETHE_NODISCARD lethe_status lethe_testdata_bench_ct(const lethe_testdata_options *options, const char *folder, lethe_answer_key *key,
                                                     lethe_error *error);
LETHE_NODISCARD lethe_status lethe_testdata_bench_mr(const lethe_testdata_options *options, const char *folder, lethe_answer_key *key,
                                                     lethe_error *error);

#endif
