/* What is open: the series of one case from the catalogue, their frames in the order in which they are looked at, and how to decode them.
 *
 * Layer: viewer. Thread rule: built by one thread; lethe_study_read may run on several at once. */
#ifndef LETHE_VIEWER_STUDY_H
#define LETHE_VIEWER_STUDY_H

#include "core/catalogue.h"
#include "core/error.h"
#include "imaging/dicom/pixels.h"
#include "imaging/slide/slide.h"
#include "imaging/volume.h"
#include "viewer/colour_profile.h"
#include "viewer/presentation.h"
#include "viewer/tile_scheduler.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* A calibrated region of an ultrasound image; spacing 0: its axes are no lengths (M mode, Doppler). */
typedef struct lethe_us_region {
    lethe_rect rect;
    double across_mm, down_mm;
} lethe_us_region;

typedef struct lethe_study_file {
    char *path;      /* absolute, or relative to the working folder */
    char *image_key; /* how annotations name it */
    char laterality[4], view_position[12];
    int64_t instance_number, rows, columns, frames;
    const lethe_shutter *shutter; /* in the arena of its series; NULL = none */
    const lethe_us_region *regions;
    size_t region_count;
} lethe_study_file;

enum { LETHE_FRAME_WINDOWS = 4 };

typedef struct lethe_study_frame {
    uint32_t file, frame; /* index in series.files; frame of it, from 0 */
    lethe_frame_geometry geometry;
    lethe_display display;                  /* of decoded values: a modality LUT is applied when a frame is read, and then counts as slope 1 */
    double windows[LETHE_FRAME_WINDOWS][2]; /* centre, width: the alternatives that the file offers */
    uint8_t window_count;
    uint16_t table; /* VOI LUT: 1 + index in series.tables; 0 = none */
} lethe_study_frame;

typedef struct lethe_series_job lethe_series_job;

typedef struct lethe_series {
    uint32_t source; /* of tile keys; unique in the program's run */
    char *uid, *description, *modality, *body_part, *date;
    int64_t number;
    bool is_slide;
    lethe_study_file *files;
    size_t file_count;
    bool loaded; /* frames are known */
    lethe_study_frame *frames;
    size_t frame_count;
    unsigned stacks; /* frames that share a position (b-values, phases) */
    bool colour, multi_frame;
    double frame_ms; /* cine: milliseconds per frame; 0 when unknown */
    double aspect;   /* pixel height / width */
    bool has_padding;
    double padding_low, padding_high;
    unsigned bits_stored;
    bool is_signed;
    uint32_t columns, rows;
    char laterality[4], view_position[12];
    char image_type[68], sequence[20]; /* (0008,0008), (0018,0020) as written */
    double echo_ms;                    /* 0 when unknown */
    bool peeked;                       /* the facts above and the chest wall come from a file's header */
    bool chest_wall_right;             /* mammograms: where the chest wall stands in the stored picture */
    lethe_display_table *tables;       /* VOI LUTs that its frames name */
    size_t table_count;
    char window_names[LETHE_FRAME_WINDOWS][32]; /* as the file explains them, or "" */
    bool mapped;                                /* a modality LUT gives the values */
    lethe_display_table modality_table;         /* that LUT */
    lethe_arena *arena;                         /* shutters */
    bool has_overlays;                          /* planes of group 60xx */
    lethe_colour_profile *profile;              /* colour: towards sRGB; NULL when the file has none */
    bool calibrated;                            /* spacing is in the patient, not at the detector */
    char unit[8];                               /* "HU", or "" */
    lethe_slide *slide;                         /* open while the study is */
    char failure[256];                          /* why it, or a part of it, cannot be shown, or "" */
    size_t damaged_files;                       /* that cannot be read; the others are shown */
    lethe_series_job *job;                      /* its headers are still being read; NULL = no */
    bool outside;                               /* an original of the private side: decoded by a confined process, colour profiles not applied */
    atomic_bool cut_off;                        /* slides: the file was cut off while it was open; nothing of it is read any more */
} lethe_series;

typedef struct lethe_study {
    char *id, *patient, *study_uid, *description, *date;
    lethe_series *series;
    size_t series_count;
    bool is_slide;
    lethe_presentation **states; /* those that can be read, oldest first */
    size_t state_count;
} lethe_study;

/* Read what the catalogue says of a case: a study UID or the path of a slide. Errors: LETHE_NOT_FOUND. */
LETHE_NODISCARD lethe_status lethe_study_open(lethe_catalogue *catalogue, const char *released_path, const char *case_id, uint32_t *next_source,
                                              lethe_study **out, lethe_error *error);
/* A study of loose files and folders, with no project; for tests and a quick look. */
LETHE_NODISCARD lethe_status lethe_study_open_files(const char *const *paths, size_t count, uint32_t *next_source, lethe_study **out,
                                                    lethe_error *error);
void lethe_study_close(lethe_study *study);
/* Parse the headers of a series once and put its frames in order. A series that cannot be read gets a `failure` and no frames; then LETHE_OK too.
 * Errors: LETHE_NO_MEMORY. */
LETHE_NODISCARD lethe_status lethe_series_load(lethe_series *series, lethe_error *error);

/* The same, but of a series of many files the header of one image is read now (`frames` holds that image), and the others by a thread, which calls
 * `ready` when it is done: then lethe_series_finish puts all frames in place. */
enum { LETHE_SERIES_MANY = 128 };
LETHE_NODISCARD lethe_status lethe_series_load_soon(lethe_series *series, void (*ready)(void *), lethe_error *error);
/* How much of its headers is read, 0 to 1; and whether lethe_series_finish would not have to wait. */
double lethe_series_progress(const lethe_series *series);
bool lethe_series_ready(const lethe_series *series);
/* Wait for the thread, and take what it has read. Nobody else may read the series meanwhile: forget its tiles first. Without a thread: nothing.
 * Errors: LETHE_NO_MEMORY. */
LETHE_NODISCARD lethe_status lethe_series_finish(lethe_series *series, lethe_error *error);
/* End the thread before the series goes. */
void lethe_series_cancel(lethe_series *series);
/* For series_background.c: all headers with a count and a way to stop; one header, false when it cannot be read; and back to before any. */
LETHE_NODISCARD lethe_status lethe_series_load_counted(lethe_series *series, atomic_size_t *done, const atomic_bool *stop, lethe_error *error);
bool lethe_series_load_one(lethe_series *series, uint32_t file);
void lethe_series_release_loaded(lethe_series *series);

/* Read the facts that hanging needs from the header of the first file. A file that cannot be read changes nothing. */
void lethe_series_peek(lethe_series *series);

/* A file that a thread keeps open between frames. */
typedef struct lethe_frame_reader lethe_frame_reader;
LETHE_NODISCARD lethe_frame_reader *lethe_frame_reader_create(void);
void lethe_frame_reader_destroy(lethe_frame_reader *reader);
/* Decode a frame for the screen: grey stored values (through a modality LUT where the file has one), or RGB. */
LETHE_NODISCARD lethe_status lethe_frame_reader_read(lethe_frame_reader *reader, const char *path, uint32_t frame, lethe_image *out,
                                                     lethe_error *error);

typedef enum lethe_frame_kind { LETHE_FRAME_PIXELS, LETHE_FRAME_OVERLAYS, LETHE_FRAME_THUMBNAIL } lethe_frame_kind;
/* Any of them. `side` is a thumbnail's. */
LETHE_NODISCARD lethe_status lethe_frame_reader_get(lethe_frame_reader *reader, lethe_frame_kind kind, const char *path, uint32_t frame,
                                                    uint32_t side, lethe_image *out, lethe_error *error);
/* From now on `outside` is asked instead (its context is borrowed): no file is opened here. */
typedef struct lethe_frame_outside {
    lethe_status (*get)(void *context, lethe_frame_kind kind, const char *path, uint32_t frame, uint32_t side, lethe_image *out, lethe_error *error);
    void *context;
} lethe_frame_outside;
void lethe_frame_reader_decode_outside(lethe_frame_reader *reader, lethe_frame_outside outside);

/* The overlays of a frame as lethe_overlay_draw makes them. */
LETHE_NODISCARD lethe_status lethe_frame_reader_overlays(lethe_frame_reader *reader, const char *path, uint32_t frame, lethe_image *out,
                                                         lethe_error *error);

/* A small RGB or grey picture of a frame through its own window. */
LETHE_NODISCARD lethe_status lethe_frame_reader_thumbnail(lethe_frame_reader *reader, const char *path, uint32_t frame, uint32_t side,
                                                          lethe_image *out, lethe_error *error);

/* The regions of an image; NULL and 0 when it has none. */
const lethe_us_region *lethe_us_regions_load(const lethe_dicom_item *root, lethe_arena *arena, size_t *count);
/* The scale of the smallest region that holds all points; 1 and false when none does, or its axes are no lengths. */
bool lethe_us_regions_scale(const lethe_us_region *regions, size_t region_count, const lethe_point *points, size_t count, double *across_mm,
                            double *down_mm);

/* Spacing of a frame in mm (across, down); 1 and false when unknown. */
bool lethe_series_spacing(const lethe_series *series, size_t frame, double *across_mm, double *down_mm);

#endif
