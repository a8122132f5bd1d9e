#include "testdata/kinds.h"

#include "testdata/burned_in.h"
#include "testdata/modalities.h"
#include "testdata/slides.h"

/* One line per kind; `make` is declared in modalities.h or in the header of its own room's file. */
const lethe_testdata_kind lethe_testdata_kinds[] = {
    {"hospital", "patients with several examinations each, identifiers planted everywhere", lethe_testdata_hospital},
    {"ct", "CT slices for benchmarks (--count, --columns)", lethe_testdata_bench_ct},
    {"mr-small", "small MR slices for benchmarks (--count)", lethe_testdata_bench_mr},
    {"burned-in", "images with identifying text in the pixels and as many without (--count)", lethe_testdata_burned_in},
    {"slides", "whole-slide images of each format, identifiers planted in tags, XML, names and pictures", lethe_testdata_slides},
    {"slides-marked", "slides with ink and stickers on the glass, and where they are", lethe_testdata_slides_marked},
    {"slides-barcodes", "slides with bar codes on their labels, and whom they belong to", lethe_testdata_slides_barcodes},
    {"slides-hostile", "slides that lie, loop and hide", lethe_testdata_slides_hostile},
    {"slide-big", "one large slide for benchmarks (--big-file)", lethe_testdata_slide_big},
    {0},
};
