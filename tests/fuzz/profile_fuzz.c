/* room: deid. Any bytes as a profile, and as a project's pixel rules. A profile that is refused says where. */
#include "deid/pixels/pixel_rules.h"
#include "deid/profile.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size > 1u << 16) return 0;
    lethe_profile *profile = NULL;
    lethe_pixel_rules *rules = NULL;
    lethe_error error = {0};
    if (lethe_profile_parse((const char *)data, size, "fuzz.yaml", &profile, &error) == LETHE_OK) {
        if (profile == NULL || lethe_profile_name(profile) == NULL || lethe_profile_pixels(profile) == NULL) abort();
    } else if (profile != NULL || strstr(error.message, "fuzz.yaml") == NULL) {
        abort();
    }
    lethe_profile_destroy(profile);
    if (lethe_pixel_rules_from_text((const char *)data, size, &rules, NULL) != LETHE_OK && rules != NULL) abort();
    lethe_pixel_rules_destroy(rules);
    return 0;
}
