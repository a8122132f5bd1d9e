/* Preloaded into the receiver by tests: while the file that LETHE_FAULT_FILE names exists, its first word decides what fails.
 *   enospc  write() to files says that the disk is full     eio   fsync() fails     short   write() writes half, then says that the disk is full */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int fault_is(const char *word) {
    const char *name = getenv("LETHE_FAULT_FILE");
    FILE *file = name == NULL ? NULL : fopen(name, "r");
    char text[32] = "";
    if (file == NULL) return 0;
    char *line = fgets(text, sizeof text, file);
    (void)fclose(file);
    return line != NULL && strncmp(text, word, strlen(word)) == 0;
}

/* Data files of the inbox only: not the log, not the database. */
static int is_instance(int fd) {
    char link[64], path[512];
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length <= 0) return 0;
    path[length] = '\0';
    return strstr(path, "/private/inbox/") != NULL;
}

ssize_t write(int fd, const void *bytes, size_t size);
int fsync(int fd);

ssize_t write(int fd, const void *bytes, size_t size) {
    static ssize_t (*real)(int, const void *, size_t);
    if (real == NULL) real = (ssize_t(*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
    if (is_instance(fd)) {
        if (fault_is("enospc")) {
            errno = ENOSPC;
            return -1;
        }
        if (size > 1 && fault_is("short")) {
            if (lseek(fd, 0, SEEK_CUR) > 0) {
                errno = ENOSPC;
                return -1;
            }
            return real(fd, bytes, size / 2);
        }
    }
    return real(fd, bytes, size);
}

int fsync(int fd) {
    static int (*real)(int);
    if (real == NULL) real = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    if (is_instance(fd) && fault_is("eio")) {
        errno = EIO;
        return -1;
    }
    return real(fd);
}
