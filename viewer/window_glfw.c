#include "viewer/window_glfw.h"

#include "core/memory.h"

#include <GLFW/glfw3.h>
#include <ctype.h>
#include <string.h>

enum { QUEUE = 512 };

struct lethe_window {
    GLFWwindow *handle;
    GLFWcursor *cursors[LETHE_POINTERS];
    lethe_pointer pointer;
    lethe_event queue[QUEUE];
    unsigned count;
    int restore[4];
    bool full_screen;
    double scale; /* asked for; 0 = the desktop's */
};

/* Screen coordinates of the desktop (pixels under X11, already scaled under Wayland) in one of our units. */
static double unit(const lethe_window *window) {
    float x = 1, y = 1;
    int width = 0, height = 0, pixels = 0, pixel_height = 0;
    glfwGetWindowContentScale(window->handle, &x, &y);
    glfwGetWindowSize(window->handle, &width, &height);
    glfwGetFramebufferSize(window->handle, &pixels, &pixel_height);
    double scale = window->scale > 0 ? window->scale : x > 0 ? (double)x : 1;
    return width > 0 && pixels > 0 ? scale * width / pixels : scale;
}

static int mods_of(int mods) {
    return (mods & GLFW_MOD_SHIFT ? LETHE_MOD_SHIFT : 0) | (mods & GLFW_MOD_CONTROL ? LETHE_MOD_CTRL : 0) | (mods & GLFW_MOD_ALT ? LETHE_MOD_ALT : 0);
}

static void push(GLFWwindow *handle, lethe_event event) {
    lethe_window *window = glfwGetWindowUserPointer(handle);
    /* Moves in a row say the same as the last one. */
    if (event.kind == LETHE_EVENT_MOVE && window->count > 0 && window->queue[window->count - 1].kind == LETHE_EVENT_MOVE) {
        window->queue[window->count - 1] = event;
        return;
    }
    if (window->count < QUEUE) window->queue[window->count++] = event;
}

static int key_of(int key, int scancode) {
    static const struct {
        int glfw, ours;
    } map[] = {{GLFW_KEY_ENTER, LETHE_KEY_ENTER},
               {GLFW_KEY_KP_ENTER, LETHE_KEY_ENTER},
               {GLFW_KEY_ESCAPE, LETHE_KEY_ESCAPE},
               {GLFW_KEY_TAB, LETHE_KEY_TAB},
               {GLFW_KEY_BACKSPACE, LETHE_KEY_BACKSPACE},
               {GLFW_KEY_DELETE, LETHE_KEY_DELETE},
               {GLFW_KEY_INSERT, LETHE_KEY_INSERT},
               {GLFW_KEY_LEFT, LETHE_KEY_LEFT},
               {GLFW_KEY_RIGHT, LETHE_KEY_RIGHT},
               {GLFW_KEY_UP, LETHE_KEY_UP},
               {GLFW_KEY_DOWN, LETHE_KEY_DOWN},
               {GLFW_KEY_PAGE_UP, LETHE_KEY_PAGE_UP},
               {GLFW_KEY_PAGE_DOWN, LETHE_KEY_PAGE_DOWN},
               {GLFW_KEY_HOME, LETHE_KEY_HOME},
               {GLFW_KEY_END, LETHE_KEY_END},
               {GLFW_KEY_SPACE, ' '},
               {GLFW_KEY_LEFT_SHIFT, LETHE_KEY_SHIFT},
               {GLFW_KEY_RIGHT_SHIFT, LETHE_KEY_SHIFT},
               {GLFW_KEY_LEFT_CONTROL, LETHE_KEY_CTRL},
               {GLFW_KEY_RIGHT_CONTROL, LETHE_KEY_CTRL},
               {GLFW_KEY_LEFT_ALT, LETHE_KEY_ALT},
               {GLFW_KEY_RIGHT_ALT, LETHE_KEY_ALT},
               {GLFW_KEY_KP_ADD, '+'},
               {GLFW_KEY_KP_SUBTRACT, '-'}};
    for (size_t i = 0; i < sizeof map / sizeof *map; i++)
        if (map[i].glfw == key) return map[i].ours;
    if (key >= GLFW_KEY_F1 && key <= GLFW_KEY_F12) return LETHE_KEY_F1 + key - GLFW_KEY_F1;
    if (key >= GLFW_KEY_0 && key <= GLFW_KEY_9) return '0' + key - GLFW_KEY_0; /* the digit row counts as digits on AZERTY too */
    if (key >= GLFW_KEY_KP_0 && key <= GLFW_KEY_KP_9) return '0' + key - GLFW_KEY_KP_0;
    const char *name = glfwGetKeyName(key, scancode);
    if (name && name[0] > ' ' && name[0] <= '~' && name[1] == '\0') return toupper((unsigned char)name[0]);
    return key > ' ' && key <= '~' ? key : LETHE_KEY_NONE;
}

static void on_key(GLFWwindow *handle, int key, int scancode, int action, int mods) {
    push(handle, (lethe_event){.kind = LETHE_EVENT_KEY,
                               .key = key_of(key, scancode),
                               .mods = mods_of(mods),
                               .down = action != GLFW_RELEASE,
                               .repeat = action == GLFW_REPEAT});
}

static void on_text(GLFWwindow *handle, unsigned code_point) { push(handle, (lethe_event){.kind = LETHE_EVENT_TEXT, .code_point = code_point}); }

static void on_move(GLFWwindow *handle, double x, double y) {
    double per = unit(glfwGetWindowUserPointer(handle));
    push(handle, (lethe_event){.kind = LETHE_EVENT_MOVE, .x = x / per, .y = y / per});
}

static lethe_event at_cursor(GLFWwindow *handle, lethe_event event) {
    double per = unit(glfwGetWindowUserPointer(handle));
    glfwGetCursorPos(handle, &event.x, &event.y);
    event.x /= per;
    event.y /= per;
    return event;
}

static void on_button(GLFWwindow *handle, int button, int action, int mods) {
    if (button > GLFW_MOUSE_BUTTON_MIDDLE) return;
    push(handle, at_cursor(handle, (lethe_event){.kind = LETHE_EVENT_BUTTON, .button = button, .down = action == GLFW_PRESS, .mods = mods_of(mods)}));
}

static void on_scroll(GLFWwindow *handle, double dx, double dy) {
    (void)dx;
    int mods =
        (glfwGetKey(handle, GLFW_KEY_LEFT_CONTROL) == GLFW_PRESS || glfwGetKey(handle, GLFW_KEY_RIGHT_CONTROL) == GLFW_PRESS ? LETHE_MOD_CTRL : 0) |
        (glfwGetKey(handle, GLFW_KEY_LEFT_SHIFT) == GLFW_PRESS || glfwGetKey(handle, GLFW_KEY_RIGHT_SHIFT) == GLFW_PRESS ? LETHE_MOD_SHIFT : 0);
    push(handle, at_cursor(handle, (lethe_event){.kind = LETHE_EVENT_SCROLL, .amount = dy, .mods = mods}));
}

static void on_size(GLFWwindow *handle, int width, int height) { push(handle, (lethe_event){.kind = LETHE_EVENT_RESIZE, .x = width, .y = height}); }

/* The sizes are asked for in every turn: the window only has to wake up, also when it was covered, folded away or moved to another monitor. */
static void on_scale(GLFWwindow *handle, float x, float y) {
    (void)x;
    (void)y;
    push(handle, (lethe_event){.kind = LETHE_EVENT_RESIZE});
}
static void on_refresh(GLFWwindow *handle) { push(handle, (lethe_event){.kind = LETHE_EVENT_RESIZE}); }

static void on_close(GLFWwindow *handle) { push(handle, (lethe_event){.kind = LETHE_EVENT_CLOSE}); }

lethe_status lethe_window_open(const lethe_window_options *options, lethe_window **out, lethe_error *error) {
    *out = NULL;
    if (!glfwInit()) return lethe_fail(error, LETHE_UNSUPPORTED, "there is no display to open a window on");
    lethe_window *window = lethe_alloc_array(1, sizeof *window);
    if (!window) {
        glfwTerminate();
        return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    }
    glfwWindowHint(GLFW_CONTEXT_VERSION_MAJOR, 3);
    glfwWindowHint(GLFW_CONTEXT_VERSION_MINOR, 3);
    glfwWindowHint(GLFW_OPENGL_PROFILE, GLFW_OPENGL_CORE_PROFILE);
    glfwWindowHint(GLFW_OPENGL_FORWARD_COMPAT, GLFW_TRUE);
    glfwWindowHint(GLFW_VISIBLE, options->hidden ? GLFW_FALSE : GLFW_TRUE);
    glfwWindowHint(GLFW_SCALE_TO_MONITOR, options->scale > 0 ? GLFW_FALSE : GLFW_TRUE);
    int width = options->width > 0 ? options->width : 1440, height = options->height > 0 ? options->height : 900;
    window->scale = options->scale;
    if (options->scale > 0) {
        width = (int)(width * options->scale);
        height = (int)(height * options->scale);
    }
    window->handle = glfwCreateWindow(width, height, options->title ? options->title : "Lethe", NULL, NULL);
    if (!window->handle) {
        lethe_free(window);
        glfwTerminate();
        return lethe_fail(error, LETHE_UNSUPPORTED, "no OpenGL 3.3 on this display");
    }
    glfwMakeContextCurrent(window->handle);
    glfwSwapInterval(options->no_vsync ? 0 : 1);
    glfwSetWindowUserPointer(window->handle, window);
    (void)glfwSetKeyCallback(window->handle, on_key);
    (void)glfwSetCharCallback(window->handle, on_text);
    (void)glfwSetCursorPosCallback(window->handle, on_move);
    (void)glfwSetMouseButtonCallback(window->handle, on_button);
    (void)glfwSetScrollCallback(window->handle, on_scroll);
    (void)glfwSetWindowSizeCallback(window->handle, on_size);
    (void)glfwSetWindowCloseCallback(window->handle, on_close);
    (void)glfwSetWindowContentScaleCallback(window->handle, on_scale);
    (void)glfwSetWindowRefreshCallback(window->handle, on_refresh);
    static const int shapes[LETHE_POINTERS] = {GLFW_ARROW_CURSOR, GLFW_CROSSHAIR_CURSOR, GLFW_HAND_CURSOR,
                                               GLFW_IBEAM_CURSOR, GLFW_HRESIZE_CURSOR,   GLFW_ARROW_CURSOR};
    for (int i = 0; i < LETHE_POINTERS; i++) window->cursors[i] = glfwCreateStandardCursor(shapes[i]);
    *out = window;
    return LETHE_OK;
}

void lethe_window_close(lethe_window *window) {
    if (!window) return;
    glfwDestroyWindow(window->handle);
    lethe_free(window);
    glfwTerminate();
}

unsigned lethe_window_events(lethe_window *window, double seconds, lethe_event *events, unsigned capacity) {
    if (seconds > 0 && window->count == 0) glfwWaitEventsTimeout(seconds);
    else glfwPollEvents();
    unsigned count = window->count < capacity ? window->count : capacity;
    memcpy(events, window->queue, count * sizeof *events);
    memmove(window->queue, window->queue + count, (window->count - count) * sizeof *events);
    window->count -= count;
    return count;
}

void lethe_window_wake(void) { glfwPostEmptyEvent(); }

void lethe_window_size(const lethe_window *window, int *width, int *height) {
    double per = unit(window);
    glfwGetWindowSize(window->handle, width, height);
    *width = (int)(*width / per);
    *height = (int)(*height / per);
}

void lethe_window_pixels(const lethe_window *window, int *width, int *height) { glfwGetFramebufferSize(window->handle, width, height); }

void lethe_window_resize(lethe_window *window, int width, int height) {
    double per = unit(window);
    glfwSetWindowSize(window->handle, (int)(width * per), (int)(height * per));
}

void lethe_window_rescale(lethe_window *window, double scale) {
    window->scale = scale;
    glfwPostEmptyEvent();
}

void lethe_window_title(lethe_window *window, const char *title) { glfwSetWindowTitle(window->handle, title); }

void lethe_window_swap(lethe_window *window) { glfwSwapBuffers(window->handle); }

/* The one that holds most of the window: reading rooms have several, of different kinds. */
static GLFWmonitor *monitor_of(const lethe_window *window) {
    GLFWmonitor *best = glfwGetWindowMonitor(window->handle);
    if (best) return best;
    int count = 0, x = 0, y = 0, w = 0, h = 0;
    GLFWmonitor **monitors = glfwGetMonitors(&count);
    glfwGetWindowPos(window->handle, &x, &y);
    glfwGetWindowSize(window->handle, &w, &h);
    int64_t most = 0;
    for (int i = 0; i < count; i++) {
        const GLFWvidmode *mode = glfwGetVideoMode(monitors[i]);
        int mx = 0, my = 0;
        if (!mode) continue;
        glfwGetMonitorPos(monitors[i], &mx, &my);
        int left = x > mx ? x : mx, right = x + w < mx + mode->width ? x + w : mx + mode->width;
        int top = y > my ? y : my, bottom = y + h < my + mode->height ? y + h : my + mode->height;
        int64_t shared = right > left && bottom > top ? (int64_t)(right - left) * (bottom - top) : 0;
        if (shared <= most) continue;
        most = shared;
        best = monitors[i];
    }
    return best ? best : glfwGetPrimaryMonitor();
}

void lethe_window_toggle_full_screen(lethe_window *window) {
    GLFWmonitor *monitor = monitor_of(window);
    const GLFWvidmode *mode = monitor ? glfwGetVideoMode(monitor) : NULL;
    if (!mode) return;
    int *r = window->restore;
    if (window->full_screen) {
        glfwSetWindowMonitor(window->handle, NULL, r[0], r[1], r[2], r[3], GLFW_DONT_CARE);
    } else {
        glfwGetWindowPos(window->handle, &r[0], &r[1]);
        glfwGetWindowSize(window->handle, &r[2], &r[3]);
        glfwSetWindowMonitor(window->handle, monitor, 0, 0, mode->width, mode->height, mode->refreshRate);
    }
    window->full_screen = !window->full_screen;
}

void lethe_window_pointer(lethe_window *window, lethe_pointer pointer) {
    if (window->pointer == pointer) return;
    window->pointer = pointer;
    glfwSetInputMode(window->handle, GLFW_CURSOR, pointer == LETHE_POINTER_HIDDEN ? GLFW_CURSOR_HIDDEN : GLFW_CURSOR_NORMAL);
    glfwSetCursor(window->handle, window->cursors[pointer]);
}

double lethe_window_seconds(void) { return glfwGetTime(); }

double lethe_window_px_per_mm(const lethe_window *window) {
    GLFWmonitor *monitor = monitor_of(window);
    const GLFWvidmode *mode = monitor ? glfwGetVideoMode(monitor) : NULL;
    int width_mm = 0, height_mm = 0;
    if (monitor) glfwGetMonitorPhysicalSize(monitor, &width_mm, &height_mm);
    if (!mode || width_mm < 50 || height_mm < 50) return 0; /* projectors and virtual screens tell aspect ratios */
    return (double)mode->width / width_mm / unit(window);
}

const char *lethe_window_clipboard(lethe_window *window) { return glfwGetClipboardString(window->handle); }

void lethe_window_set_clipboard(lethe_window *window, const char *text) { glfwSetClipboardString(window->handle, text); }
