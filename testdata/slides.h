/* Invented whole-slide images of each format, with identifiers planted where scanners leave them and where nobody looks. */
#ifndef LETHE_TESTDATA_SLIDES_H
#define LETHE_TESTDATA_SLIDES_H

#include "testdata/kinds.h"

/* slides/: one slide of each format and kind; options->small makes them a quarter of the size. */
lethe_status lethe_testdata_slides(const lethe_testdata_options *options, const char *folder, lethe_answer_key *key, lethe_error *error);
/* hostile/: loops, wrong offsets, huge sizes, secrets in gaps, tails, comments, SubIFDs, shared strips; each must be quarantined or come out clean.
 */
lethe_status lethe_testdata_slides_hostile(const lethe_testdata_options *options, const char *folder, lethe_answer_key *key, lethe_error *error);
/* marked/: pens of four colours, a sticker, clean twins; regions.csv beside them is the mask that a person would draw (see `lethe deid --slides`). */
lethe_status lethe_testdata_slides_marked(const lethe_testdata_options *options, const char *folder, lethe_answer_key *key, lethe_error *error);
/* coded/: bar codes on labels (Code 39, Data Matrix), and barcodes.csv that maps them to pseudonyms. */
lethe_status lethe_testdata_slides_barcodes(const lethe_testdata_options *options, const char *folder, lethe_answer_key *key, lethe_error *error);
/* bench/slide.svs: one BigTIFF slide of about options->big_bytes (default 256 MB). */
lethe_status lethe_testdata_slide_big(const lethe_testdata_options *options, const char *folder, lethe_answer_key *key, lethe_error *error);

/* Inside: what a slide of one patient carries. */
typedef struct slide_case {
    uint32_t phase;
    uint32_t width, height; /* of level 0 */
    char name[136], patient_id[32], accession[32], birth[32], user[64], serial[32], barcode[32], date[16], time[16], hospital[64];
    char label[320]; /* lines on the label picture */
} slide_case;
void slide_case_invent(const lethe_testdata_options *options, uint32_t index, slide_case *c);
/* Checks that every planted value is absent from what becomes of `file`. */
LETHE_NODISCARD lethe_status slide_case_answers(lethe_answer_key *key, const slide_case *c, const char *file, lethe_error *error);
LETHE_NODISCARD lethe_status slide_make_mirax(const slide_case *c, const char *folder, const char *stem, lethe_error *error);

#endif
