/* What the files of the tools share (tool_*.c). Layer: viewer. Thread rule: main thread. */
#ifndef LETHE_VIEWER_TOOL_INTERNAL_H
#define LETHE_VIEWER_TOOL_INTERNAL_H

#include "viewer/app.h"

enum { LETHE_HANDLE_PX = 8, LETHE_OUTLINE_PX = 6 };

static inline bool lethe_tool_paints(lethe_tool tool) { return lethe_tool_of(tool)->makes == LETHE_SHAPE_MASK; }

/* --- tool_input.c --- */
/* A label that may be drawn like this: the chosen one, or the first that allows it; -1 when there is none. */
int lethe_tool_label_for(lethe_app *app, lethe_shape_kind kind);
const char *lethe_tool_step_name(lethe_app *app, const char *tool, const char *label, char out[160]);

/* The image point under the screen point, moved onto a corner or edge of another annotation when snapping is on and one is near. */
lethe_point lethe_tool_snap(lethe_app *app, int view, lethe_point screen);

/* --- tool_paint.c --- */
void lethe_tool_brush_to(lethe_app *app, lethe_point from, lethe_point to);
void lethe_tool_save_stroke(lethe_app *app);
void lethe_tool_fill_at(lethe_app *app, lethe_view *view, lethe_point at);
void lethe_tool_grow_at(lethe_app *app, lethe_view *view, lethe_point at);

/* --- tool_select.c --- */
void lethe_tool_select_press(lethe_app *app, int view, lethe_point screen);
void lethe_tool_select_move(lethe_app *app, lethe_point screen);
void lethe_tool_select_release(lethe_app *app);

/* --- grow_job.c --- */
void lethe_grow_start(lethe_app *app, lethe_view *view, lethe_point at, int label);

#endif
