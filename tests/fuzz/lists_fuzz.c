/* room: deid. Any bytes as a list that a person brings along: pre-assigned pseudonyms, names of slides. What is accepted must be safe to use as a
 * name. */
#include "deid/crosswalk.h"
#include "deid/slides/slide_deid.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    int fd = memfd_create("list", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size) abort();
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    lethe_crosswalk *crosswalk = NULL;
    lethe_slide_mapping *mapping = NULL;
    lethe_error error = {0};
    if (lethe_crosswalk_load(path, &crosswalk, &error) == LETHE_OK) {
        static const char *const asked[] = {"", "1", "A", "IPP-1"};
        for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
            const char *pseudonym = lethe_crosswalk_find(crosswalk, "issuer", asked[i]);
            if (pseudonym != NULL && (pseudonym[0] == '\0' || strlen(pseudonym) > 64 || strpbrk(pseudonym, "/.\\ \n") != NULL)) abort();
        }
    } else if (error.message[0] == '\0') {
        abort(); /* refused without a word */
    }
    lethe_crosswalk_destroy(crosswalk);
    if (lethe_slide_mapping_load(path, &mapping, NULL) == LETHE_OK) lethe_slide_mapping_destroy(mapping);
    (void)close(fd);
    return 0;
}
