/* The viewer's state, shared by its own files only. Everything hangs on one lethe_app: there is no other state. Layer: viewer. Thread rule: main
 * thread; decoding runs on the tile scheduler's threads, which see only series, paths and slides that stay open until the scheduler forgot them. */
#ifndef LETHE_VIEWER_APP_H
#define LETHE_VIEWER_APP_H

#include "annotate/store.h"
#include "core/project.h"
#include "viewer/camera.h"
#include "viewer/draw_gl.h"
#include "viewer/hanging.h"
#include "viewer/marks.h"
#include "viewer/messages.h"
#include "viewer/mpr.h"
#include "viewer/policy.h"
#include "viewer/recent.h"
#include "viewer/study.h"
#include "viewer/texture_cache.h"
#include "viewer/tile_scheduler.h"
#include "viewer/ui.h"
#include "viewer/window_glfw.h"

#include <stdatomic.h>

typedef struct lethe_app lethe_app;

typedef enum lethe_tool {
    LETHE_TOOL_SELECT,
    LETHE_TOOL_WINDOW,
    LETHE_TOOL_PAN,
    LETHE_TOOL_ZOOM,
    LETHE_TOOL_BOX,
    LETHE_TOOL_POLYGON,
    LETHE_TOOL_FREEHAND,
    LETHE_TOOL_ELLIPSE,
    LETHE_TOOL_POINT,
    LETHE_TOOL_LINE,
    LETHE_TOOL_LIVEWIRE,
    LETHE_TOOL_BRUSH,
    LETHE_TOOL_ERASER,
    LETHE_TOOL_FILL,
    LETHE_TOOL_THRESHOLD,
    LETHE_TOOL_GROW,
    LETHE_TOOL_RULER,
    LETHE_TOOL_ANGLE,
    LETHE_TOOL_AREA,
    LETHE_TOOL_ROI,
    LETHE_TOOLS
} lethe_tool;

typedef struct lethe_tool_facts {
    lethe_tool tool;
    const char *id, *title, *help; /* English; translated when shown */
    lethe_icon icon;
    int key;
    lethe_shape_kind makes; /* LETHE_SHAPE_NONE: no annotation */
} lethe_tool_facts;
const lethe_tool_facts *lethe_tool_of(lethe_tool tool);

enum { LETHE_VIEWS = 9, LETHE_LABELS = 255, LETHE_READERS = 8 };

typedef enum lethe_view_kind { LETHE_VIEW_EMPTY, LETHE_VIEW_STACK, LETHE_VIEW_PLANE, LETHE_VIEW_SLIDE } lethe_view_kind;

/* Tools that read grey values have nothing to do on slides. */
bool lethe_tool_works_on(lethe_tool tool, lethe_view_kind kind);

/* A window's worth of image: which series, which frame, how it is shown. */
typedef struct lethe_view {
    lethe_view_kind kind;
    lethe_series *series;
    size_t index;
    lethe_camera camera;
    bool framed;          /* the camera fits the series */
    lethe_rect rect;      /* of the whole cell */
    double centre, width; /* window */
    bool has_window, user_window, invert, linear, auto_linear;
    int colour_map, preset;
    int voi; /* which of the file's windows and LUTs */
    lethe_texture table_texture, shutter_texture;
    const lethe_display_table *table_shown;
    const lethe_presentation *state;  /* chosen by the reader; NULL = none */
    bool state_frame_done, state_was; /* its area has been framed; it was for the frame that was shown last */
    lethe_display_table state_table;  /* VOI and presentation LUT together */
    double state_table_key[3];
    const lethe_shutter *shutter_shown;
    bool playing;
    double next_frame_at;
    lethe_view_plane plane; /* LETHE_VIEW_PLANE */
    lethe_texture plane_texture;
    uint64_t plane_version;
    lethe_plane cut;
    float *cut_values;
    unsigned damaged; /* slides: tiles in sight that cannot be decoded */
    bool shown;       /* the wanted frame was on the screen in the last frame */
    size_t last_good; /* frame shown while the wanted one is decoded */
    bool chest_right; /* mammography: the chest wall goes to the right side of the cell */
    bool mammogram;
    bool is_prior; /* of an earlier study: only looked at */
    int reader;    /* adjudication: 1 + whose labels are shown; 0 = one's own pane, with everybody's */
} lethe_view;

/* A label of the schema as the panel shows it. */
typedef struct lethe_label_state {
    const lethe_label *label; /* NULL: the only label of a project without a schema */
    const char *name, *title;
    uint32_t colour; /* 0xFFRRGGBB */
    bool hidden, locked;
} lethe_label_state;

/* What the mouse is in the middle of. */
typedef struct lethe_drag {
    bool active;
    int button, mods;
    int view;
    lethe_tool tool;
    lethe_point start_screen, last_screen, start_image, last_image;
    double start_centre, start_width;
    int handle;         /* vertex of the selected mark; -1 = the whole of it; -2 = none */
    lethe_shape before; /* of the mark that is being moved */
    bool moved;
} lethe_drag;

/* A shape under construction: polygon, live-wire, angle. */
typedef struct lethe_draft {
    lethe_tool tool; /* LETHE_TOOL_SELECT: none */
    int view;
    char image[512];
    uint32_t frame;
    lethe_point *points;
    size_t count, capacity;
    size_t anchored; /* live-wire: points up to here are fixed */
    struct lethe_livewire *wire;
} lethe_draft;

/* A measurement for the eye only: the schema has no label for it, or it is statistics. Gone when the case is closed. */
typedef struct lethe_note {
    char image[512];
    lethe_shape shape;
} lethe_note;

typedef struct lethe_paint_texture {
    lethe_paint *paint;
    lethe_texture texture;
    uint64_t version;
} lethe_paint_texture;

typedef struct lethe_thumbnail {
    uint32_t source;
    lethe_texture texture;
    bool failed;
} lethe_thumbnail;

typedef enum lethe_sheet {
    LETHE_SHEET_NONE,
    LETHE_SHEET_SHORTCUTS,
    LETHE_SHEET_SKIP,
    LETHE_SHEET_ABOUT,
    LETHE_SHEET_SETTINGS,
    LETHE_SHEET_PALETTE
} lethe_sheet;

/* Where keys go: to the images, or into a panel whose items the arrows walk through. */
typedef enum lethe_focus_panel {
    LETHE_FOCUS_IMAGES,
    LETHE_FOCUS_CASES,
    LETHE_FOCUS_SERIES,
    LETHE_FOCUS_TOOLS,
    LETHE_FOCUS_LABELS,
    LETHE_FOCUS_TOP,
    LETHE_FOCUS_PANELS
} lethe_focus_panel;

typedef struct lethe_grow_job lethe_grow_job;

typedef struct lethe_toast {
    char text[256];
    double until;
    uint32_t colour;
} lethe_toast;

typedef struct lethe_app_options {
    const char *folder;       /* project; NULL = "." */
    const char *case_id;      /* NULL = none */
    const char *user;         /* NULL = local */
    const char *script;       /* path; NULL = none */
    const char *screenshot;   /* path; NULL = none */
    const char *language;     /* "en" or "fr"; NULL = en */
    const char *state_folder; /* where the user's programs keep lists; NULL = nowhere */
    bool bench, review;
    int width, height;
    double font_size_px;
    double scale;     /* of the whole window; 0 = as the desktop says */
    double px_per_mm; /* of the screen, as measured with a ruler; 0 = as the monitor says */
    double started;   /* CLOCK_MONOTONIC in seconds when the program began; 0 = unknown */
    const char *font_folder;
} lethe_app_options;

struct lethe_script;
struct lethe_bench;

struct lethe_app {
    lethe_app_options options;
    lethe_window *window;
    lethe_draw *draw;
    lethe_ui *ui;
    lethe_texture font;
    lethe_project *project;
    lethe_view_policy policy;
    lethe_recent recent;
    bool recent_saved;
    lethe_store *store;
    lethe_cases *cases;
    lethe_tasks *tasks;
    lethe_tiles *tiles;
    lethe_texture_cache *textures;
    lethe_frame_reader *readers[16]; /* one per decoding thread */
    uint32_t next_source;
    lethe_language language;

    int width, height;
    double pixel_scale;
    lethe_rect canvas;

    /* the open case */
    lethe_study *study, *prior; /* prior: the patient's earlier study beside it; NULL = not shown */
    lethe_marks *marks;
    int64_t task; /* 0 = none */
    lethe_task_state task_state;
    char case_id[512], pending_case[512]; /* pending: opened at the start of the next turn, when nothing is being drawn */
    double opened_at;                     /* seconds */
    double active_since;
    lethe_mpr *mpr;
    lethe_grow_job *grow; /* NULL = none under way */
    lethe_thumbnail *thumbnails;
    size_t thumbnail_count;
    lethe_paint_texture paint_textures[LETHE_VIEWS];
    uint8_t palette[256 * 4];
    lethe_texture solid_labels[256]; /* one pixel each, for whole tiles of paint */

    lethe_view views[LETHE_VIEWS];
    int grid_columns, grid_rows, active, maximised; /* maximised: -1 = none */
    lethe_hanging_kind hanging;

    lethe_label_state labels[LETHE_LABELS];
    int label_count, label;
    lethe_tool tool, tool_before;
    lethe_drag drag;
    lethe_draft draft;
    bool unsaved;         /* the draft is finished, but the store did not take it */
    bool unsaved_paint;   /* nor the last strokes, which are still on the screen */
    bool leaving_unsaved; /* the reader was told so on closing the window */
    char unsaved_tool[32], unsaved_name[160];
    int64_t selected;
    lethe_note *notes;
    size_t note_count;
    lethe_point mouse; /* on the screen */
    bool mouse_on_canvas, space_down, magnifier;
    int mods;

    double brush_mm, other_brush_mm; /* slides have a brush size of their own: swapped when such a case is opened */
    bool slide_brush;
    double threshold_low, threshold_high, grow_tolerance, opacity;
    bool brush_3d, grow_3d, fill_outline, snap;
    bool show_overlays, raw_colours; /* planes of 60xx; slides and photographs without their ICC profile */
    bool linked, show_marks, show_text, show_left, show_right, show_crosshair, show_reference, mpr_on;
    double cross_mm[3];
    bool has_cross;
    double slab_mm;
    lethe_slab slab;

    bool compare_on;  /* readers side by side */
    int compare_lead; /* the pane that was moved last: the others follow it */
    char reader_names[LETHE_READERS][64];
    int reader_count;

    bool keyboard_pointer, keyboard_held; /* keys move the pointer; and hold its button */
    lethe_focus_panel focus;
    int64_t stepped_mark; /* where the keys last went among the annotations */
    char palette_text[64];
    size_t palette_at;
    double sheet_scroll; /* by keys, in this turn */
    bool sheet_fresh;    /* opened in this turn: its field is to be typed into */

    int case_tab, right_tab;
    char case_filter[64];
    lethe_sheet sheet;
    char skip_reason[200];
    lethe_toast toast;
    char region_form[2048];

    struct lethe_review *review; /* --review: review.h; else NULL */

    bool quit, failed;
    atomic_bool grow_held;       /* scripts only */
    atomic_bool closing;         /* long work on the scheduler's threads is to end */
    atomic_uint background_done; /* of 1000 */
    int idle_frames;             /* frames in a row in which nothing was missing */
    uint64_t frames_drawn;
    double now;
    bool clock_held; /* a script turns the clock by hand */
    double clock;
    struct lethe_script *script;
    struct lethe_bench *bench;
    double start_ms;       /* from the start of the program to the first frame; 0 = not yet */
    double first_image_ms; /* after the last case was opened; 0 = not yet */
    size_t drawn_marks;
    uint8_t *dot_cells; /* cells of the screen that hold a dot; scratch of drawing */
};

/* --- view_draw.c --- */
/* A height or width of a panel at this session's size of letters; widths leave the images half of a narrow window. */
double lethe_app_tall(const lethe_app *app, double at_14_px);
double lethe_app_wide(const lethe_app *app, double at_14_px);
/* Widths of the side panels; 0 = not shown. */
double lethe_app_left(const lethe_app *app);
double lethe_app_right(const lethe_app *app);

#define T(text) lethe_message(app->language, text)

/* --- app.c --- */
LETHE_NODISCARD lethe_status lethe_app_create(const lethe_app_options *options, lethe_app **out, lethe_error *error);
void lethe_app_destroy(lethe_app *app);
LETHE_NODISCARD lethe_status lethe_app_run(lethe_app *app, lethe_error *error);
/* One turn: events, drawing. Waits up to `seconds` for input. */
LETHE_NODISCARD lethe_status lethe_app_turn(lethe_app *app, double seconds, const lethe_event *extra, unsigned extra_count, lethe_error *error);
LETHE_NODISCARD lethe_status lethe_app_screenshot(lethe_app *app, const char *path, lethe_error *error);
void lethe_app_say(lethe_app *app, uint32_t colour, const char *format, ...) LETHE_PRINTF(3, 4);
/* A failure of something the user did, as a toast. True when it had failed. */
bool lethe_app_failed(lethe_app *app, lethe_status status, const lethe_error *error);
bool lethe_app_idle(const lethe_app *app);

/* --- app_case.c --- */
LETHE_NODISCARD lethe_status lethe_app_open_case(lethe_app *app, const char *case_id, lethe_error *error);
void lethe_app_open_later(lethe_app *app, const char *case_id);
void lethe_app_close_case(lethe_app *app);
void lethe_app_hang(lethe_app *app, lethe_hanging_kind kind);
/* Show a series in a view as a hanging protocol wants it. */
void lethe_app_hang_cell(lethe_app *app, int view, lethe_series *series, bool chest_right);
void lethe_app_show(lethe_app *app, int view, lethe_series *series);
/* Put the frames of series in place whose headers were read meanwhile (or wait for them): true while some are still being read. */
bool lethe_app_reading_headers(lethe_app *app, bool wait);
LETHE_NODISCARD lethe_status lethe_app_refresh_lists(lethe_app *app, lethe_error *error);
void lethe_app_step_case(lethe_app *app, int direction);
void lethe_app_submit(lethe_app *app);
void lethe_app_skip(lethe_app *app, const char *reason);
void lethe_app_toggle_mpr(lethe_app *app);
void lethe_app_toggle_colours(lethe_app *app);

/* Levels of tile keys that are no level of a pyramid. */
enum { LETHE_TILE_THUMBNAIL = 1000, LETHE_TILE_OVERLAYS, LETHE_TILE_BACKGROUND, LETHE_TILE_PAINT = 2000 /* + version */ };

/* --- voi.c --- */
/* The window of the frame; without one, its VOI LUT or the range of its values. Colour starts as it is. */
void lethe_view_default_window(lethe_app *app, lethe_view *view);
bool lethe_view_uses_table(const lethe_view *view);
/* The alternatives that the file offers: its windows, its VOI LUT, the range of the values. 0 for colour. */
int lethe_view_voi_count(const lethe_view *view);
void lethe_view_voi_name(const lethe_app *app, const lethe_view *view, int choice, char *out, size_t size);
void lethe_view_choose_voi(lethe_app *app, lethe_view *view, int choice);
lethe_picture lethe_view_picture(lethe_app *app, lethe_view *view, const lethe_texture *texture, double width, double height,
                                 const lethe_display *display);

/* --- view_state.c --- */
/* The presentation state that is chosen and is for the image shown; NULL = none. */
const lethe_presentation *lethe_view_state(const lethe_view *view);
size_t lethe_view_state_count(const lethe_app *app, const lethe_view *view); /* of the study, for the image shown */
const char *lethe_presentation_title(const lethe_app *app, const lethe_presentation *state);
/* The next one for the image shown, after the last one none. */
void lethe_view_next_state(lethe_app *app, int view);
void lethe_view_release_state(lethe_app *app, lethe_view *view);
/* The window of the state, when one applies; then the picture's greys, and the table that gives them (NULL = the window). */
bool lethe_view_state_window(lethe_view *view);
const lethe_display_table *lethe_view_state_greys(lethe_view *view, lethe_picture *picture);
/* Area and turn, once; after the camera is framed. */
void lethe_view_state_frame(lethe_app *app, lethe_view *view);
/* What the state or the image hides: 1 where; NULL = nothing. */
const lethe_texture *lethe_view_shutter(lethe_app *app, lethe_view *view, uint32_t columns, uint32_t rows, double *grey);
void lethe_view_draw_state(lethe_app *app, const lethe_view *view);

/* --- view.c --- */
/* By the reader's ruler, else as the monitor says, else of 96 dots an inch. */
double lethe_screen_px_per_mm(const lethe_app *app);
const lethe_study_frame *lethe_view_frame(const lethe_view *view);
/* The key of annotations and the frame number inside it; false when nothing is shown. */
bool lethe_view_image(const lethe_view *view, const char **image, uint32_t *frame);
bool lethe_view_spacing(const lethe_view *view, double *across_mm, double *down_mm);
/* The same for a measurement through these points: ultrasound has a scale in each of its regions, and none between them. */
bool lethe_view_spacing_at(const lethe_view *view, const lethe_point *points, size_t count, double *across_mm, double *down_mm);
void lethe_view_scroll(lethe_app *app, int view, int by);
void lethe_view_goto(lethe_app *app, int view, size_t index);
void lethe_view_fit(lethe_app *app, int view);
void lethe_view_reset(lethe_app *app, int view);
void lethe_view_true_size(lethe_app *app, int view);
/* Modality value under an image point; false when it is not known. For colour: three numbers. */
bool lethe_view_value(lethe_app *app, const lethe_view *view, lethe_point image, double values[3], int *count);
const lethe_image *lethe_view_pixels(lethe_app *app, const lethe_view *view);
/* Patient coordinates of an image point; false when the series has none. */
bool lethe_view_to_patient(const lethe_view *view, lethe_point image, double patient_mm[3]);
bool lethe_view_from_patient(const lethe_view *view, const double patient_mm[3], lethe_point *image, double *distance_mm);
int lethe_view_at(const lethe_app *app, lethe_point screen);
void lethe_app_sync_from(lethe_app *app, int view);

/* --- view_draw.c, overlay.c --- */
void lethe_app_layout(lethe_app *app);
void lethe_app_draw_views(lethe_app *app);
/* The camera of a view for a picture of this size, fitted when it is new. */
void lethe_view_frame_camera(lethe_app *app, int view, double width, double height, double aspect);
void lethe_view_draw_slide(lethe_app *app, int view);
void lethe_app_draw_overlays(lethe_app *app);
/* All annotations, notes and the draft on the image of a view. */
void lethe_app_draw_marks(lethe_app *app, int view);
void lethe_app_draw_mark(lethe_app *app, const lethe_view *view, const lethe_shape *shape, uint32_t colour, bool selected, bool dashed);
uint32_t lethe_app_label_colour(const lethe_app *app, const char *label);
/* The index of a mark's label in app->labels, remembered in the mark; -1 = none. */
int lethe_mark_label(const lethe_app *app, lethe_mark *mark);
int lethe_app_label_index(const lethe_app *app, const char *label);
void lethe_draft_draw(lethe_app *app, int view);
void lethe_measure_text(lethe_app *app, const lethe_view *view, const lethe_shape *shape, char *out, size_t size);

/* --- view_input.c, tool_input.c --- */
void lethe_app_event(lethe_app *app, const lethe_event *event);
void lethe_tool_press(lethe_app *app, int view, lethe_point screen, int mods);
void lethe_tool_move(lethe_app *app, lethe_point screen);
void lethe_tool_release(lethe_app *app, lethe_point screen);
void lethe_tool_cancel(lethe_app *app);
void lethe_tool_finish(lethe_app *app); /* Enter, double click */
void lethe_app_choose_tool(lethe_app *app, lethe_tool tool);
void lethe_app_undo(lethe_app *app, bool redo);
void lethe_app_delete_selected(lethe_app *app);
void lethe_app_clear_notes(lethe_app *app);
void lethe_app_accept_selected(lethe_app *app);
void lethe_app_draft_clear(lethe_app *app);

/* What the draft holds becomes an annotation, or stays unsaved. */
void lethe_tool_finish_draft(lethe_app *app);

/* --- unsaved.c --- */
/* Write what was painted; what the store does not take stays on the screen as unsaved. */
void lethe_app_save_paint(lethe_app *app, const char *tool, const char *name);
bool lethe_app_has_unsaved(const lethe_app *app);
/* Try what is unsaved once more; true when nothing is any more. */
bool lethe_app_save_again(lethe_app *app);
void lethe_app_drop_unsaved_paint(lethe_app *app);
/* Before a case is closed or handed in: false, and said, when its last work cannot be saved. */
bool lethe_app_keep_work(lethe_app *app);
/* Leave the program; with unsaved work only when asked twice. */
void lethe_app_leave(lethe_app *app);

/* --- priors.c --- */
void lethe_app_toggle_priors(lethe_app *app);
void lethe_app_drop_prior(lethe_app *app);

/* --- grow_job.c --- */
void lethe_grow_poll(lethe_app *app);
/* Ends a search under way; before the volume or the case goes. */
void lethe_grow_cancel(lethe_app *app);

/* --- keyboard.c --- */
/* The pointer by keys: moved by pixels of the screen, put somewhere, its button held or let go, a click. */
void lethe_pointer_move(lethe_app *app, double dx, double dy);
void lethe_pointer_to(lethe_app *app, lethe_point screen);
void lethe_pointer_hold(lethe_app *app);
void lethe_pointer_click(lethe_app *app);
void lethe_pointer_draw(lethe_app *app);
void lethe_focus_set(lethe_app *app, lethe_focus_panel panel);
void lethe_focus_step(lethe_app *app, int by);
void lethe_app_step_mark(lethe_app *app, int by);
void lethe_app_step_label(lethe_app *app, int by);
void lethe_app_relabel_selected(lethe_app *app);
/* What the mouse does on the images, whatever lies under the desktop's own pointer. view_input.c */
void lethe_app_pointer_event(lethe_app *app, const lethe_event *event);
/* Show and select an annotation. panel_labels.c */
void lethe_app_go_to_mark(lethe_app *app, const lethe_mark *mark);

/* --- palette.c --- */
void lethe_palette_open(lethe_app *app);
bool lethe_palette_key(lethe_app *app, int key);
void lethe_palette_sheet(lethe_app *app);

/* --- compare.c --- */
void lethe_app_find_readers(lethe_app *app);
void lethe_app_toggle_compare(lethe_app *app);
void lethe_app_compare_follow(lethe_app *app);
bool lethe_view_shows_mark(const lethe_app *app, const lethe_view *view, const lethe_mark *mark);
/* Who an annotation is by: a model or file for predictions, else the reader. */
const char *lethe_mark_owner(const lethe_mark *mark);
uint32_t lethe_reader_colour_at(int reader);
uint32_t lethe_reader_colour(const lethe_app *app, const lethe_mark *mark);
void lethe_app_accept_all(lethe_app *app);
/* A region of one's own from the selected one and the other readers' that overlap it: their union, or what more than half of them hold. */
void lethe_app_merge_selected(lethe_app *app, bool majority);

/* --- commands.c --- */
typedef struct lethe_command {
    const char *id, *group, *title;
    int key, mods;
    void (*run)(lethe_app *app);
} lethe_command;
size_t lethe_command_count(void);
const lethe_command *lethe_command_at(size_t index);
const lethe_command *lethe_command_find(const char *id);
/* Runs what a key means; false when it means nothing. */
bool lethe_command_key(lethe_app *app, int key, int mods);

/* --- panels.c, panel_*.c --- */
void lethe_panels(lethe_app *app);
void lethe_panel_cases(lethe_app *app, lethe_rect rect);
void lethe_panel_tools(lethe_app *app, lethe_rect rect);
void lethe_panel_labels(lethe_app *app, lethe_rect rect);
void lethe_panel_top(lethe_app *app, lethe_rect rect);
void lethe_panel_status(lethe_app *app, lethe_rect rect);
void lethe_sheets(lethe_app *app);
/* At letters of 14 pixels; lethe_app_px gives them for the size of this session. */
enum { LETHE_TOP_HEIGHT = 48, LETHE_STATUS_HEIGHT = 28, LETHE_LEFT_WIDTH = 264, LETHE_TOOLS_WIDTH = 52, LETHE_RIGHT_WIDTH = 292 };

/* --- script.c --- */
LETHE_NODISCARD lethe_status lethe_script_open(lethe_app *app, const char *path, lethe_error *error);
void lethe_script_close(struct lethe_script *script);
/* The next events of the script for this turn; sets app->quit at its end. */
LETHE_NODISCARD lethe_status lethe_script_step(lethe_app *app, lethe_event *events, unsigned capacity, unsigned *count, lethe_error *error);
/* One value of the state as text; false when the name is unknown. */
bool lethe_app_state(lethe_app *app, const char *name, char *out, size_t size);

/* --- bench.c --- */
LETHE_NODISCARD lethe_status lethe_bench_run(lethe_app *app, lethe_error *error);

#endif
