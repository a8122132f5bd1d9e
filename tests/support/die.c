/* Preloaded into the receiver by tests: whoever is about to remove or rename a file whose path holds LETHE_DIE_AT is killed at that point. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void die_at(const char *path) {
    const char *at = getenv("LETHE_DIE_AT");
    if (at != NULL && strstr(path, at) != NULL) (void)kill(getpid(), SIGKILL);
}

int unlink(const char *path);
int rename(const char *from, const char *to);

int unlink(const char *path) {
    static int (*real)(const char *);
    if (real == NULL) real = (int (*)(const char *))dlsym(RTLD_NEXT, "unlink");
    die_at(path);
    return real(path);
}

int rename(const char *from, const char *to) {
    static int (*real)(const char *, const char *);
    if (real == NULL) real = (int (*)(const char *, const char *))dlsym(RTLD_NEXT, "rename");
    die_at(from);
    return real(from, to);
}
