/* A text cleaner and what it knows, for the tests of free text. */
#ifndef LETHE_TESTS_TEXT_FIXTURE_H
#define LETHE_TESTS_TEXT_FIXTURE_H

#include "deid/text/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define OK(call) assert_int_equal((call), LETHE_OK)

typedef struct bench {
    lethe_identifiers *ids;
    lethe_text_cleaner *cleaner;
    lethe_buffer out;
} bench;

static int set_up(void **state) {
    static bench now;
    now = (bench){0};
    OK(lethe_identifiers_create(&now.ids, NULL));
    OK(lethe_text_cleaner_create(now.ids, &now.cleaner, NULL));
    lethe_buffer_init(&now.out, 1 << 20);
    *state = &now;
    return 0;
}

static int tear_down(void **state) {
    bench *now = *state;
    lethe_text_cleaner_destroy(now->cleaner);
    lethe_identifiers_destroy(now->ids);
    lethe_buffer_release(&now->out);
    return 0;
}

#endif
