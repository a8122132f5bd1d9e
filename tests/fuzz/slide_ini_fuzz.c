/* room: imaging. Slidedat.ini and its kin. */
#include "imaging/slide/ini.h"

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    lethe_arena *arena = lethe_arena_create(16u << 20);
    lethe_ini *ini = NULL;
    int64_t value;
    if (arena && lethe_ini_parse((const char *)data, size, arena, &ini, NULL) == LETHE_OK)
        for (size_t i = 0; i < ini->count && i < 100; i++) (void)lethe_ini_integer(ini, ini->entries[i].section, ini->entries[i].key, &value);
    lethe_arena_destroy(arena);
    return 0;
}
