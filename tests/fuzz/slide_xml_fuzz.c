/* room: deid. XML descriptions of slides through the filter: what comes out must pass a second time unchanged in kind. */
#include "deid/slides/xml_filter.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const lethe_typed_rule rules[] = {{"scn", LETHE_TYPED_EMPTY, NULL},       {"image", LETHE_TYPED_EMPTY, NULL},
                                         {"image@n", LETHE_TYPED_INTEGER, NULL}, {"objective", LETHE_TYPED_DECIMAL, NULL},
                                         {"AOI#", LETHE_TYPED_EMPTY, NULL},      {NULL, LETHE_TYPED_NOTHING, NULL}};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const lethe_xml_filter filter = {.rules = rules};
    lethe_buffer out, again;
    lethe_buffer_init(&out, 1u << 20);
    lethe_buffer_init(&again, 1u << 20);
    if (lethe_xml_filter_text(&filter, (const char *)data, size, &out, NULL) == LETHE_OK) {
        if (lethe_xml_filter_text(&filter, lethe_buffer_text(&out), out.size, &again, NULL) != LETHE_OK) abort();
        if (again.size != out.size || memcmp(again.bytes, out.bytes, out.size) != 0) abort(); /* filtering is idempotent */
    }
    lethe_buffer_release(&out);
    lethe_buffer_release(&again);
    return 0;
}
