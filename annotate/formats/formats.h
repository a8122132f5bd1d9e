/* What the files of annotate/formats share. */
#ifndef LETHE_ANNOTATE_FORMATS_FORMATS_H
#define LETHE_ANNOTATE_FORMATS_FORMATS_H

#include "annotate/format.h"

extern const lethe_format lethe_format_coco, lethe_format_csv, lethe_format_png;

#endif
