/* Input events in our own words, so that scripts and tests can make them and nothing but window_glfw.c knows GLFW. Layer: viewer. Plain values. */
#ifndef LETHE_VIEWER_INPUT_H
#define LETHE_VIEWER_INPUT_H

#include <stdbool.h>
#include <stdint.h>

typedef enum lethe_event_kind {
    LETHE_EVENT_KEY,    /* key, mods, down, repeat */
    LETHE_EVENT_TEXT,   /* code_point */
    LETHE_EVENT_MOVE,   /* x, y */
    LETHE_EVENT_BUTTON, /* x, y, button, down, mods */
    LETHE_EVENT_SCROLL, /* x, y, amount, mods */
    LETHE_EVENT_RESIZE,
    LETHE_EVENT_CLOSE
} lethe_event_kind;

/* Keys that print are their upper-case ASCII character on the user's own layout (so that 'A' is A on AZERTY too). */
enum {
    LETHE_KEY_NONE = 0,
    LETHE_KEY_ENTER = 256,
    LETHE_KEY_ESCAPE,
    LETHE_KEY_TAB,
    LETHE_KEY_BACKSPACE,
    LETHE_KEY_DELETE,
    LETHE_KEY_INSERT,
    LETHE_KEY_LEFT,
    LETHE_KEY_RIGHT,
    LETHE_KEY_UP,
    LETHE_KEY_DOWN,
    LETHE_KEY_PAGE_UP,
    LETHE_KEY_PAGE_DOWN,
    LETHE_KEY_HOME,
    LETHE_KEY_END,
    LETHE_KEY_F1,
    LETHE_KEY_F2,
    LETHE_KEY_F3,
    LETHE_KEY_F4,
    LETHE_KEY_F5,
    LETHE_KEY_F6,
    LETHE_KEY_F7,
    LETHE_KEY_F8,
    LETHE_KEY_F9,
    LETHE_KEY_F10,
    LETHE_KEY_F11,
    LETHE_KEY_F12,
    LETHE_KEY_SHIFT,
    LETHE_KEY_CTRL,
    LETHE_KEY_ALT,
    LETHE_KEY_LAST
};
enum { LETHE_MOD_SHIFT = 1, LETHE_MOD_CTRL = 2, LETHE_MOD_ALT = 4 };
enum { LETHE_BUTTON_LEFT = 0, LETHE_BUTTON_RIGHT = 1, LETHE_BUTTON_MIDDLE = 2 };

typedef struct lethe_event {
    lethe_event_kind kind;
    int key, mods, button;
    bool down, repeat;
    uint32_t code_point;
    double x, y, amount;
} lethe_event;

/* "ctrl+shift+Z", "Escape", "PageUp", "F1": false when it is no key. */
bool lethe_key_parse(const char *text, int *key, int *mods);
/* The same way back, for the shortcut sheet. */
void lethe_key_format(int key, int mods, char *out, unsigned size);

#endif
