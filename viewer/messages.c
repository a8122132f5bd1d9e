#include "viewer/messages.h"

#include <string.h>

static const struct {
    const char *english, *french;
} table[] = {
#include "viewer/messages_fr.inc"
};

const char *lethe_message(lethe_language language, const char *english) {
    if (language == LETHE_ENGLISH) return english;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strcmp(table[i].english, english) == 0) return table[i].french;
    return english;
}

size_t lethe_message_count(void) { return sizeof table / sizeof *table; }

void lethe_message_at(size_t index, const char **english, const char **french) {
    *english = table[index].english;
    *french = table[index].french;
}
