/* room: deid. Any bytes as a list of patients who object. What is accepted names somebody, and each name is one line of it; what is refused says why.
 */
#include "deid/objections.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct listed {
    const uint8_t *data;
    size_t size, count;
} listed;

static lethe_status look(void *context, const char *patient, lethe_error *error) {
    (void)error;
    listed *l = context;
    size_t length = strlen(patient);
    if (length == 0 || length > 256 || strpbrk(patient, "\r\n\t\\") != NULL || patient[0] == ' ' || patient[length - 1] == ' ') abort();
    if (memmem(l->data, l->size, patient, length) == NULL) abort();
    l->count++;
    return LETHE_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    int fd = memfd_create("list", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size) abort();
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    listed l = {.data = data, .size = size};
    lethe_error error = {0};
    lethe_status status = lethe_objections_read_list(path, look, &l, &error);
    if (status == LETHE_OK ? l.count == 0 : l.count != 0 || error.message[0] == '\0') abort();
    (void)close(fd);
    return 0;
}
