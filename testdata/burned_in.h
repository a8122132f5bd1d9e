/* Images with and without burned-in text (kind "burned-in"). */
#ifndef LETHE_TESTDATA_BURNED_IN_H
#define LETHE_TESTDATA_BURNED_IN_H

#include "testdata/visit.h"

LETHE_NODISCARD lethe_status lethe_testdata_burned_in(const lethe_testdata_options *options, const char *folder, lethe_answer_key *key,
                                                      lethe_error *error);

#endif
