/* room: deid. Clean anything, in both modes, with identifiers taken from the input's first line; cleaning what is clean must change nothing that was
 * kept. */
#include "deid/text/dates.h"
#include "deid/text/text.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size > 1 << 16) return 0;
    const char *text = (const char *)data;
    const char *line = size == 0 ? NULL : memchr(text, '\n', size);
    size_t first = line == NULL ? 0 : (size_t)(line - text);
    lethe_identifiers *ids = NULL;
    lethe_text_cleaner *cleaner = NULL;
    lethe_buffer out;
    lethe_buffer_init(&out, 1 << 20);
    if (lethe_identifiers_create(&ids, NULL) != LETHE_OK || lethe_text_cleaner_create(ids, &cleaner, NULL) != LETHE_OK) goto out;
    for (int kind = LETHE_ID_NAME; kind <= LETHE_ID_UID; kind += 2) {
        if (lethe_identifiers_add(ids, (lethe_identifier_kind)kind, text, first, NULL) == LETHE_NO_MEMORY) goto out;
    }
    lethe_identifier_kind found;
    (void)lethe_identifiers_in_text(ids, text + first, size - first, &found);
    for (int mode = 0; mode < 2; mode++) {
        lethe_text_cleaner_set_shift(cleaner, mode == 0 ? 0 : -(int32_t)(size % 4000));
        lethe_buffer_clear(&out);
        lethe_text_result result;
        if (lethe_text_clean(cleaner, text + first, size - first, (lethe_text_mode)mode, &out, &result, NULL) != LETHE_OK) break;
        if (!result.changed && (out.size != size - first || (out.size != 0 && memcmp(out.bytes, text + first, out.size) != 0))) abort();
    }
    static const lethe_vr vrs[] = {LETHE_VR_DA, LETHE_VR_DT, LETHE_VR_TM};
    char age[5];
    (void)lethe_date_cap_age(data, size, 89, age);
    for (int vr = 0; vr < 3; vr++) {
        lethe_buffer_clear(&out);
        if (lethe_date_shift_value(vrs[vr], data, size, -1234, &out, NULL, NULL) != LETHE_OK) break;
    }
out:
    lethe_text_cleaner_destroy(cleaner);
    lethe_identifiers_destroy(ids);
    lethe_buffer_release(&out);
    return 0;
}
