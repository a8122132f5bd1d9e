/* Inside of the identifiers: putting and matching by words. Layer: deid, private to identifiers and text cleaning. */
#ifndef LETHE_DEID_IDENTIFIERS_INTERNAL_H
#define LETHE_DEID_IDENTIFIERS_INTERNAL_H

#include "deid/text/identifiers.h"
#include "deid/text/words.h"

/* Add one folded form as it is. The strongest kind and the least `common` of several wins. */
LETHE_NODISCARD lethe_status lethe_identifiers_put(lethe_identifiers *ids, lethe_identifier_kind kind, const char *text, size_t size,
                                                   const char *folded, size_t folded_size, bool common, lethe_error *error);
/* The identifier that the words from `first` on make up (up to six joined); *count is how many. NULL when none. */
const lethe_identifier *lethe_identifiers_match(const lethe_identifiers *ids, const lethe_words *words, size_t first, size_t *count);
/* One that stands inside a longer word ("XDUPONT01", a name in a run of ideographs); start and size count in the folded form. */
const lethe_identifier *lethe_identifiers_inside(const lethe_identifiers *ids, const lethe_word *word, size_t *start, size_t *size);

/* "medical", "GmbH", "scanner": beside it a maker's word is the maker. */
bool lethe_identifiers_is_trade_word(const lethe_word *word);

/* True when the patient's name is known in these scripts (lethe_script), so that a text in them can be searched for it. */
bool lethe_identifiers_tell_script(const lethe_identifiers *ids, unsigned script);

#endif
