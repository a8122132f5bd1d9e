/* Panels, widgets and vector drawing of the viewer, behind plain C; the five files ui_*.cc are the only ones that know Dear ImGui (docs/adr/0707).
 *
 * Immediate mode: begin a frame, describe it, end it, draw the output. Colours are 0xAARRGGBB, positions screen coordinates. Strings are UTF-8 and
 * borrowed for the call. Layer: viewer. Thread rule: the main thread only. */
#ifndef LETHE_VIEWER_UI_H
#define LETHE_VIEWER_UI_H

#include "core/error.h"
#include "viewer/camera.h"
#include "viewer/input.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct lethe_ui lethe_ui;

/* The palette of the reading room: text on surfaces keeps at least 4.5 : 1 (WCAG 2.1 AA; tests/unit/viewer/theme_test.c computes it). */
#define LETHE_COLOUR_CANVAS 0xFF050608u
#define LETHE_COLOUR_BASE 0xFF0E1216u
#define LETHE_COLOUR_SURFACE 0xFF151A20u
#define LETHE_COLOUR_RAISED 0xFF1F262Eu
#define LETHE_COLOUR_HOVER 0xFF2A333Du
#define LETHE_COLOUR_BORDER 0xFF2C3640u
#define LETHE_COLOUR_TEXT 0xFFE8ECF0u
#define LETHE_COLOUR_MUTED 0xFF9EABB8u
#define LETHE_COLOUR_ACCENT 0xFF62C4E8u
#define LETHE_COLOUR_ON_ACCENT 0xFF06222Du
#define LETHE_COLOUR_SELECTED 0xFF17394Au
#define LETHE_COLOUR_GOOD 0xFF7FD6A0u
#define LETHE_COLOUR_WARNING 0xFFF2C46Du
#define LETHE_COLOUR_DANGER 0xFFFF8A80u

typedef struct lethe_ui_options {
    const char *font_path, *bold_font_path; /* TrueType; NULL or missing: the built-in bitmap font */
    double font_size_px;                    /* 0 = 15 */
} lethe_ui_options;

LETHE_NODISCARD lethe_status lethe_ui_create(const lethe_ui_options *options, lethe_ui **out, lethe_error *error);
void lethe_ui_destroy(lethe_ui *ui);
/* Where text fields copy to and paste from; a NULL function: nowhere, not even inside of the program. Functions and context outlive the interface. */
typedef struct lethe_ui_clipboard {
    const char *(*get)(void *context); /* borrowed until the next call; NULL = nothing */
    void (*set)(void *context, const char *text);
    void *context;
} lethe_ui_clipboard;
void lethe_ui_use_clipboard(lethe_ui *ui, const lethe_ui_clipboard *clipboard);
/* The glyph atlas as RGBA; upload it and tell its texture. Borrowed until the texture is told. */
void lethe_ui_font_atlas(lethe_ui *ui, const uint8_t **rgba, uint32_t *width, uint32_t *height);
void lethe_ui_font_texture(lethe_ui *ui, uint32_t texture);
/* Pixels of the screen a unit: letters are made again to be sharp. True when the atlas is another one then; upload it before the next frame begins.
 */
bool lethe_ui_scale(lethe_ui *ui, double scale);
double lethe_ui_line_height(const lethe_ui *ui);

void lethe_ui_event(lethe_ui *ui, const lethe_event *event);
/* Whether the last event belongs to a widget rather than to the image. */
bool lethe_ui_wants_mouse(const lethe_ui *ui);
bool lethe_ui_wants_keyboard(const lethe_ui *ui); /* text is being typed */
void lethe_ui_begin(lethe_ui *ui, int width, int height, double pixel_scale, double seconds);

typedef struct lethe_ui_vertex {
    float x, y, u, v;
    uint32_t colour; /* RGBA bytes */
} lethe_ui_vertex;
typedef struct lethe_ui_command {
    float clip[4]; /* left, top, right, bottom */
    uint32_t texture, count, index_offset, vertex_offset;
} lethe_ui_command;
typedef struct lethe_ui_list {
    const void *vertices, *indices; /* lethe_ui_vertex, uint16_t */
    size_t vertex_count, index_count;
    unsigned command_count;
} lethe_ui_list;
typedef struct lethe_ui_output {
    const void *data;
    unsigned list_count;
} lethe_ui_output;
/* Ends the frame; valid until the next begin. */
void lethe_ui_end(lethe_ui *ui, lethe_ui_output *output);
lethe_ui_list lethe_ui_output_list(const lethe_ui_output *output, unsigned list);
lethe_ui_command lethe_ui_output_command(const lethe_ui_output *output, unsigned list, unsigned command);

/* --- vector drawing on the images, under all panels --- */
void lethe_canvas_clip(lethe_ui *ui, lethe_rect rect);
void lethe_canvas_unclip(lethe_ui *ui);
void lethe_canvas_line(lethe_ui *ui, lethe_point a, lethe_point b, uint32_t colour, double thickness);
void lethe_canvas_polyline(lethe_ui *ui, const lethe_point *points, size_t count, bool closed, uint32_t colour, double thickness);
void lethe_canvas_fill_convex(lethe_ui *ui, const lethe_point *points, size_t count, uint32_t colour);
void lethe_canvas_rect(lethe_ui *ui, lethe_rect rect, uint32_t colour, double thickness, double rounding);
void lethe_canvas_fill(lethe_ui *ui, lethe_rect rect, uint32_t colour, double rounding);
void lethe_canvas_circle(lethe_ui *ui, lethe_point centre, double radius, uint32_t colour, double thickness);
void lethe_canvas_dot(lethe_ui *ui, lethe_point centre, double radius, uint32_t colour);
/* Text whose anchor is at `at`: `align` 0 left, 0.5 middle, 1 right; a dark halo keeps it readable on any image. */
void lethe_canvas_text(lethe_ui *ui, lethe_point at, double align, uint32_t colour, bool bold, const char *text);
void lethe_canvas_image(lethe_ui *ui, lethe_rect rect, uint32_t texture, double u0, double v0, double u1, double v1);
lethe_point lethe_ui_text_size(lethe_ui *ui, bool bold, const char *text);

/* --- panels and widgets --- */
typedef enum lethe_icon {
    LETHE_ICON_NONE,
    LETHE_ICON_SELECT,
    LETHE_ICON_WINDOW,
    LETHE_ICON_PAN,
    LETHE_ICON_ZOOM,
    LETHE_ICON_BOX,
    LETHE_ICON_POLYGON,
    LETHE_ICON_FREEHAND,
    LETHE_ICON_ELLIPSE,
    LETHE_ICON_POINT,
    LETHE_ICON_LINE,
    LETHE_ICON_BRUSH,
    LETHE_ICON_ERASER,
    LETHE_ICON_FILL,
    LETHE_ICON_THRESHOLD,
    LETHE_ICON_GROW,
    LETHE_ICON_LIVEWIRE,
    LETHE_ICON_RULER,
    LETHE_ICON_ANGLE,
    LETHE_ICON_AREA,
    LETHE_ICON_PROBE,
    LETHE_ICON_UNDO,
    LETHE_ICON_REDO,
    LETHE_ICON_INVERT,
    LETHE_ICON_ROTATE,
    LETHE_ICON_FLIP,
    LETHE_ICON_FIT,
    LETHE_ICON_PLAY,
    LETHE_ICON_PAUSE,
    LETHE_ICON_MPR,
    LETHE_ICON_LAYOUT,
    LETHE_ICON_LINK,
    LETHE_ICON_HELP,
    LETHE_ICON_EYE,
    LETHE_ICON_EYE_OFF,
    LETHE_ICON_LOCK,
    LETHE_ICON_UNLOCK,
    LETHE_ICON_TRASH,
    LETHE_ICON_CHECK,
    LETHE_ICON_SKIP,
    LETHE_ICON_NEXT,
    LETHE_ICON_PREVIOUS,
    LETHE_ICON_MAGNIFY,
    LETHE_ICON_RESET,
    LETHE_ICON_SMOOTH,
    LETHE_ICON_PANEL,
    LETHE_ICON_ROI,
    LETHE_ICON_CROSSHAIR,
    LETHE_ICON_PANEL_RIGHT,
    LETHE_ICONS
} lethe_icon;

/* A fixed panel (no title, no moving). End it in every case. */
void lethe_ui_panel_begin(lethe_ui *ui, const char *id, lethe_rect rect, uint32_t background, double padding);
void lethe_ui_panel_end(lethe_ui *ui);
/* A floating sheet in the middle of the window; *open turns false when the user closes it. True when its content is to be described; end it then. */
bool lethe_ui_sheet_begin(lethe_ui *ui, const char *title, double width, double height, bool *open);
void lethe_ui_sheet_end(lethe_ui *ui);
/* A scrolling part of a panel; height 0 = the rest. */
void lethe_ui_scroll_begin(lethe_ui *ui, const char *id, double height);
void lethe_ui_scroll_end(lethe_ui *ui);
/* One of several columns side by side (put lethe_ui_same_line between them). */
void lethe_ui_column_begin(lethe_ui *ui, const char *id, double width);
void lethe_ui_column_begin_sized(lethe_ui *ui, const char *id, double width, double height);
void lethe_ui_column_end(lethe_ui *ui);
void lethe_ui_heading(lethe_ui *ui, const char *text);
void lethe_ui_title(lethe_ui *ui, const char *text); /* bold, large */
void lethe_ui_text(lethe_ui *ui, uint32_t colour, const char *text);
void lethe_ui_text_wrapped(lethe_ui *ui, uint32_t colour, const char *text);
void lethe_ui_same_line(lethe_ui *ui, double spacing);
void lethe_ui_right_align(lethe_ui *ui, double width); /* next item ends at the right edge of the panel */
void lethe_ui_space(lethe_ui *ui, double height);
void lethe_ui_separator(lethe_ui *ui);
void lethe_ui_tight(lethe_ui *ui, bool tight); /* two pixels between items instead of six; set back before the panel ends */
double lethe_ui_available_width(lethe_ui *ui);
double lethe_ui_cursor_y(lethe_ui *ui);
typedef enum lethe_button_kind { LETHE_BUTTON_PLAIN, LETHE_BUTTON_PRIMARY, LETHE_BUTTON_QUIET, LETHE_BUTTON_DISABLED } lethe_button_kind;
void lethe_ui_bar(lethe_ui *ui, bool on); /* in a bar, buttons are as high as icons */
bool lethe_ui_button(lethe_ui *ui, const char *label, lethe_button_kind kind, double width, const char *tip);
/* A square button with a picture; `key` (may be NULL) is shown in its tip. */
bool lethe_ui_icon_button(lethe_ui *ui, const char *id, lethe_icon icon, double size, bool active, bool enabled, const char *tip, const char *key);
typedef struct lethe_ui_row {
    const char *id, *title, *subtitle, *badge; /* subtitle and badge may be NULL */
    uint32_t swatch, badge_colour;             /* 0 = none */
    uint32_t thumbnail;                        /* texture; 0 = none */
    double thumbnail_aspect;                   /* width / height */
    bool has_thumbnail, selected, dim, strong;
    double height;
    const char *tip;
} lethe_ui_row;
/* A line of a list. 1 clicked, 2 double-clicked, else 0. */
int lethe_ui_row_item(lethe_ui *ui, const lethe_ui_row *row);
bool lethe_ui_checkbox(lethe_ui *ui, const char *label, bool *value);
bool lethe_ui_slider(lethe_ui *ui, const char *label, double *value, double low, double high, const char *format, bool logarithmic);
bool lethe_ui_combo(lethe_ui *ui, const char *label, const char *const *items, int count, int *selected);
/* Several of a list: `chosen` holds a flag for each. */
bool lethe_ui_combo_multi(lethe_ui *ui, const char *label, const char *const *items, int count, bool *chosen);
bool lethe_ui_radio(lethe_ui *ui, const char *label, bool active);
/* True when the text was changed and Enter pressed or the field left. */
bool lethe_ui_input(lethe_ui *ui, const char *label, char *text, size_t size, const char *hint);
bool lethe_ui_tabs(lethe_ui *ui, const char *id, const char *const *labels, int count, int *selected);
void lethe_ui_push_id(lethe_ui *ui, int64_t id);
void lethe_ui_pop_id(lethe_ui *ui);
/* The rectangle of the last widget, for scripts and tips. */
lethe_rect lethe_ui_item_rect(lethe_ui *ui);
void lethe_ui_progress(lethe_ui *ui, double fraction);
bool lethe_ui_item_hovered(lethe_ui *ui);
void lethe_ui_scroll_by(lethe_ui *ui, double units);
/* Scroll until the last widget can be seen. */
void lethe_ui_scroll_here(lethe_ui *ui);
/* From now on the arrows walk through the panel of this name, Enter and Space press; NULL: keys are the program's again. */
void lethe_ui_navigate(lethe_ui *ui, const char *panel);
/* Whether a list hangs open. */
bool lethe_ui_popup_open(const lethe_ui *ui);
void lethe_ui_focus_next(lethe_ui *ui);

#ifdef __cplusplus
}
#endif

#endif
