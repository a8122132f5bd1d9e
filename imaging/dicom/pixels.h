/* Pixel data of a parsed instance: where each frame lies, and frames decoded. Layer: imaging. Thread rule: one thread at a time per object; the data
 * set must outlive it. */
#ifndef LETHE_IMAGING_DICOM_PIXELS_H
#define LETHE_IMAGING_DICOM_PIXELS_H

#include "core/buffer.h"
#include "core/error.h"
#include "imaging/dicom/dataset.h"
#include "imaging/image.h"

typedef enum lethe_codec {
    LETHE_CODEC_RAW,
    LETHE_CODEC_RLE,
    LETHE_CODEC_JPEG_BASELINE, /* 1.2.840.10008.1.2.4.50 */
    LETHE_CODEC_JPEG_EXTENDED, /* .51 */
    LETHE_CODEC_JPEG_LOSSLESS, /* .57 .70 */
    LETHE_CODEC_JPEG_LS,       /* .80 .81 */
    LETHE_CODEC_JPEG_2000,     /* .90 .91 .201 .202 .203 */
    LETHE_CODEC_VIDEO,         /* MPEG-2, H.264, H.265: not decoded */
    LETHE_CODEC_UNKNOWN
} lethe_codec;

typedef struct lethe_pixels_info {
    uint32_t columns, rows, frames;
    uint16_t samples_per_pixel, bits_allocated, bits_stored, high_bit, planar_configuration;
    bool is_signed;
    lethe_photometric photometric; /* LETHE_YBR_FULL also for YBR_FULL_422, YBR_ICT and YBR_RCT as declared */
    char photometric_text[17];     /* as declared */
    lethe_codec codec;
    bool encapsulated, lossy; /* lossy: by transfer syntax or (0028,2110) */
    bool has_padding;
    int32_t padding_value;      /* (0028,0120) */
    double pixel_spacing_mm[2]; /* row, column; 0 when unknown (PixelSpacing, then ImagerPixelSpacing) */
    double aspect;              /* pixel height / pixel width, 1 when unknown */
} lethe_pixels_info;

typedef struct lethe_pixels lethe_pixels;

/* Locate frames. Errors: LETHE_NOT_FOUND (no pixel data), LETHE_MALFORMED, LETHE_UNSUPPORTED, LETHE_LIMIT. */
LETHE_NODISCARD lethe_status lethe_pixels_open(const lethe_dicom_dataset *dataset, lethe_pixels **out, lethe_error *error);
void lethe_pixels_close(lethe_pixels *pixels);
const lethe_pixels_info *lethe_pixels_describe(const lethe_pixels *pixels);
/* The pixel data element (7FE0,0010 / 0008 / 0009). */
const lethe_dicom_element *lethe_pixels_element(const lethe_pixels *pixels);
/* The encoded bytes of a frame, fragments joined (into `joined` when there are several; else borrowed from the file). */
LETHE_NODISCARD lethe_status lethe_pixels_frame_bytes(lethe_pixels *pixels, uint32_t frame, lethe_buffer *joined, const uint8_t **bytes, size_t *size,
                                                      lethe_error *error);
/* Encapsulated frames: do the offset tables say what is there and nothing else? True for all others. */
bool lethe_pixels_tables_fit(const lethe_pixels *pixels);
/* Decode a frame to stored values. Colour comes out as declared after decoding (RGB for what codecs convert; YBR_FULL stays until
 * lethe_image_to_rgb). Memory: one frame. Errors: LETHE_MALFORMED for a corrupt frame, LETHE_UNSUPPORTED. */
LETHE_NODISCARD lethe_status lethe_pixels_decode(lethe_pixels *pixels, uint32_t frame, lethe_image *image, lethe_error *error);

/* --- from stored values to the screen (PS3.3 C.11) --- */

typedef struct lethe_display {
    double slope, intercept; /* modality LUT; 1, 0 */
    double centre, width;    /* VOI window in modality units; width 0 = none given: use the data's range */
    bool has_window, invert; /* invert: MONOCHROME1 or PresentationLUTShape INVERSE */
    enum { LETHE_VOI_LINEAR, LETHE_VOI_LINEAR_EXACT, LETHE_VOI_SIGMOID } function;
} lethe_display;

/* Rescale, window and inversion of a frame (functional groups looked up for enhanced objects). `window_index` picks one of several windows. */
void lethe_display_load(const lethe_dicom_dataset *dataset, uint32_t frame, unsigned window_index, lethe_display *display);
/* 8-bit grey or RGB picture of a decoded frame: modality LUT (sequence too), VOI LUT or window, palette, YBR to RGB. */
LETHE_NODISCARD lethe_status lethe_display_render(const lethe_dicom_dataset *dataset, const lethe_image *stored, const lethe_display *display,
                                                  lethe_image *out, lethe_error *error);
/* A lookup table of the data set (PS3.3 C.11.1, C.11.2): input value `first` gives values[0], larger ones the following, beyond the ends the end. */
typedef struct lethe_display_table {
    uint32_t entries; /* 0 = there is none */
    unsigned bits;    /* of an output value, 1 to 16 */
    int32_t first;
    uint16_t *values;     /* owned: `entries` of them */
    char explanation[65]; /* LUTExplanation, or "" */
} lethe_display_table;
typedef enum lethe_table_kind { LETHE_TABLE_MODALITY, LETHE_TABLE_VOI } lethe_table_kind;
/* Item `index` of the modality or VOI LUT sequence. No such item: LETHE_OK and no entries. Errors: LETHE_MALFORMED, LETHE_NO_MEMORY. */
LETHE_NODISCARD lethe_status lethe_display_table_load(const lethe_dicom_dataset *dataset, uint32_t frame, lethe_table_kind kind, unsigned index,
                                                      lethe_display_table *out, lethe_error *error);
/* The same from an item of any LUT sequence (a presentation state has them elsewhere). `is_signed`: the first input value is. */
LETHE_NODISCARD lethe_status lethe_display_table_take(const lethe_dicom_item *item, bool is_signed, lethe_display_table *out, lethe_error *error);
void lethe_display_table_release(lethe_display_table *table);
/* In place: a decoded grey frame through a modality LUT, exactly; afterwards it holds unsigned modality values. Errors: LETHE_NO_MEMORY. */
LETHE_NODISCARD lethe_status lethe_image_apply_table(lethe_image *image, const lethe_display_table *table, lethe_error *error);
/* In place: YBR_FULL to RGB (PS3.3 C.7.6.3.1.2); others unchanged. */
void lethe_image_to_rgb(lethe_image *image);
/* One grey value through window centre and width, 0 to 255 (PS3.3 C.11.2.1.2). */
uint8_t lethe_display_window(const lethe_display *display, double modality_value);

#endif
