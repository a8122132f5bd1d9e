/* The words on the screen, English and French. English text is the key. Layer: viewer. Thread rule: constant tables. */
#ifndef LETHE_VIEWER_MESSAGES_H
#define LETHE_VIEWER_MESSAGES_H

#include <stddef.h>

typedef enum lethe_language { LETHE_ENGLISH, LETHE_FRENCH } lethe_language;

/* The text in that language; English when there is no translation (tests/unit/viewer/messages_test.c finds those). Static. */
const char *lethe_message(lethe_language language, const char *english);
/* For tests: the table. */
size_t lethe_message_count(void);
void lethe_message_at(size_t index, const char **english, const char **french);

#endif
