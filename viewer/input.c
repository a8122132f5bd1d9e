#include "viewer/input.h"

#include "core/text.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    int key;
} names[] = {{"Enter", LETHE_KEY_ENTER},
             {"Escape", LETHE_KEY_ESCAPE},
             {"Tab", LETHE_KEY_TAB},
             {"Backspace", LETHE_KEY_BACKSPACE},
             {"Delete", LETHE_KEY_DELETE},
             {"Insert", LETHE_KEY_INSERT},
             {"Left", LETHE_KEY_LEFT},
             {"Right", LETHE_KEY_RIGHT},
             {"Up", LETHE_KEY_UP},
             {"Down", LETHE_KEY_DOWN},
             {"PageUp", LETHE_KEY_PAGE_UP},
             {"PageDown", LETHE_KEY_PAGE_DOWN},
             {"Home", LETHE_KEY_HOME},
             {"End", LETHE_KEY_END},
             {"Space", ' '},
             {"Shift", LETHE_KEY_SHIFT},
             {"Ctrl", LETHE_KEY_CTRL},
             {"Alt", LETHE_KEY_ALT},
             {"Plus", '+'}};
enum { NAMES = sizeof names / sizeof *names };

bool lethe_key_parse(const char *text, int *key, int *mods) {
    static const struct {
        const char *prefix;
        int mod;
    } prefixes[] = {{"ctrl+", LETHE_MOD_CTRL}, {"shift+", LETHE_MOD_SHIFT}, {"alt+", LETHE_MOD_ALT}};
    int found = 0;
    for (bool again = true; again;) {
        again = false;
        for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
            size_t length = strlen(prefixes[i].prefix);
            if (strncasecmp(text, prefixes[i].prefix, length) != 0 || text[length] == '\0') continue;
            found |= prefixes[i].mod;
            text += length;
            again = true;
        }
    }
    for (size_t i = 0; i < NAMES; i++) {
        if (!lethe_text_equal_fold(text, names[i].name)) continue;
        *key = names[i].key;
        *mods = found;
        return true;
    }
    int64_t number;
    if ((text[0] == 'F' || text[0] == 'f') && lethe_text_to_int64(text + 1, &number) && number >= 1 && number <= 12) {
        *key = LETHE_KEY_F1 + (int)number - 1;
        *mods = found;
        return true;
    }
    if (text[0] <= ' ' || text[0] > '~' || text[1] != '\0') return false;
    *key = toupper((unsigned char)text[0]);
    *mods = found;
    return true;
}

void lethe_key_format(int key, int mods, char *out, unsigned size) {
    char base[16] = "?";
    if (key >= LETHE_KEY_F1 && key <= LETHE_KEY_F12) (void)snprintf(base, sizeof base, "F%d", key - LETHE_KEY_F1 + 1);
    else if (key > ' ' && key <= '~') (void)snprintf(base, sizeof base, "%c", key);
    for (size_t i = 0; i < NAMES; i++)
        if (names[i].key == key && key != '+') (void)snprintf(base, sizeof base, "%s", names[i].name);
    (void)snprintf(out, size, "%s%s%s%s", mods & LETHE_MOD_CTRL ? "Ctrl+" : "", mods & LETHE_MOD_ALT ? "Alt+" : "",
                   mods & LETHE_MOD_SHIFT ? "Shift+" : "", base);
}
