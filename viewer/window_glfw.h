/* The window: the only place that knows GLFW. Layer: viewer. Thread rule: the main thread only. */
#ifndef LETHE_VIEWER_WINDOW_GLFW_H
#define LETHE_VIEWER_WINDOW_GLFW_H

#include "core/error.h"
#include "viewer/input.h"

typedef struct lethe_window lethe_window;

typedef struct lethe_window_options {
    int width, height; /* 0 = 1440 x 900 */
    const char *title; /* UTF-8; NULL = "Lethe" */
    bool hidden, no_vsync;
    double scale; /* of everything; 0 = as the desktop says */
} lethe_window_options;

/* Open a window with an OpenGL 3.3 core context made current. Errors: LETHE_UNSUPPORTED when there is no display or no OpenGL 3.3. */
LETHE_NODISCARD lethe_status lethe_window_open(const lethe_window_options *options, lethe_window **out, lethe_error *error);
void lethe_window_close(lethe_window *window);
/* Wait at most `seconds` (0 = do not wait) for input, then move up to `capacity` events out, in order; the rest stay for the next call. */
unsigned lethe_window_events(lethe_window *window, double seconds, lethe_event *events, unsigned capacity);
/* From any thread: end the wait. */
void lethe_window_wake(void);
/* Sizes and events are in units that are one pixel on an ordinary screen and two on a HiDPI screen, on every desktop. */
void lethe_window_size(const lethe_window *window, int *width, int *height);
void lethe_window_pixels(const lethe_window *window, int *width, int *height); /* of the frame buffer */
/* The text of the desktop's clipboard, borrowed until the next call; NULL when it holds no text. */
const char *lethe_window_clipboard(lethe_window *window);
void lethe_window_set_clipboard(lethe_window *window, const char *text);
/* Units a millimetre on the monitor that holds most of the window, from what it says of itself (EDID); 0 when it says nothing or nothing believable.
 */
double lethe_window_px_per_mm(const lethe_window *window);
/* As if the window had gone to a monitor of this scale. */
void lethe_window_rescale(lethe_window *window, double scale);
void lethe_window_resize(lethe_window *window, int width, int height);
void lethe_window_title(lethe_window *window, const char *title);
void lethe_window_swap(lethe_window *window);
void lethe_window_toggle_full_screen(lethe_window *window);
typedef enum lethe_pointer {
    LETHE_POINTER_ARROW,
    LETHE_POINTER_CROSS,
    LETHE_POINTER_HAND,
    LETHE_POINTER_TEXT,
    LETHE_POINTER_RESIZE_X,
    LETHE_POINTER_HIDDEN,
    LETHE_POINTERS
} lethe_pointer;
void lethe_window_pointer(lethe_window *window, lethe_pointer pointer);
double lethe_window_seconds(void); /* since the program started, monotonic */

#endif
