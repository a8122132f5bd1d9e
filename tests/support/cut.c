/* Preloaded into a program by tests: a disk that forgets what was not synced. New names (link, linkat, rename, mkdir) are on the disk once their
 * folder is synced. Before the LETHE_CUT_AT-th sync of the first process all names that are not yet there are taken back, and its process group is
 * killed. What was written to files, also to a store's log, stays: the worst that a power cut may leave, since a row then stands and what it names
 * does not. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST = 4096 };

/* `to` is new; it goes back to `from`, or goes ("" = a link, "/" = a folder). */
static struct change { char folder[512], from[512], to[512]; } pending[MOST];
static size_t count;
static long syncs;
static pid_t first;

__attribute__((constructor)) static void begin(void) { first = getpid(); }

static void note(const char *from, const char *to) {
    char full[PATH_MAX];
    if (to[0] == '/') (void)snprintf(full, sizeof full, "%s", to);
    else if (getcwd(full, sizeof full) != NULL) (void)snprintf(full + strlen(full), sizeof full - strlen(full), "/%s", to);
    char *slash = strrchr(full, '/');
    if (count == MOST || slash == NULL || strlen(full) >= sizeof pending->to) abort();
    struct change *at = &pending[count++];
    (void)snprintf(at->from, sizeof at->from, "%s", from);
    (void)snprintf(at->to, sizeof at->to, "%s", full);
    *slash = '\0';
    char *real = realpath(full, NULL);
    (void)snprintf(at->folder, sizeof at->folder, "%s", real == NULL ? full : real);
    free(real);
}

static void cut(void) {
    char away[600];
    int (*real_rename)(const char *, const char *) = (int (*)(const char *, const char *))dlsym(RTLD_NEXT, "rename");
    while (count != 0) {
        const struct change *last = &pending[--count];
        (void)snprintf(away, sizeof away, "%s.never-was", last->to);
        if (strcmp(last->from, "/") == 0) (void)real_rename(last->to, away);
        else if (last->from[0] == '\0') (void)unlink(last->to);
        else (void)real_rename(last->to, last->from);
    }
    (void)kill(0, SIGKILL);
}

static void synced(int fd) {
    char link_path[64], folder[512];
    struct stat info;
    if (getpid() != first) return;
    const char *at = getenv("LETHE_CUT_AT");
    if (at != NULL && ++syncs == strtol(at, NULL, 10)) cut();
    (void)snprintf(link_path, sizeof link_path, "/proc/self/fd/%d", fd);
    ssize_t length = fstat(fd, &info) == 0 && S_ISDIR(info.st_mode) ? readlink(link_path, folder, sizeof folder - 1) : -1;
    if (length <= 0) return;
    folder[length] = '\0';
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (strcmp(pending[i].folder, folder) != 0) pending[kept++] = pending[i];
    count = kept;
}

#define REAL(name, arguments)                                                                                                                        \
    static int(*real) arguments;                                                                                                                     \
    if (real == NULL) real = (int(*) arguments)dlsym(RTLD_NEXT, name)

int fsync(int fd);
int fdatasync(int fd);
int link(const char *from, const char *to);
int linkat(int from_folder, const char *from, int to_folder, const char *to, int flags);
int rename(const char *from, const char *to);
int mkdir(const char *path, mode_t mode);

int fsync(int fd) {
    REAL("fsync", (int));
    synced(fd);
    return real(fd);
}

int fdatasync(int fd) {
    REAL("fdatasync", (int));
    synced(fd);
    return real(fd);
}

int link(const char *from, const char *to) {
    REAL("link", (const char *, const char *));
    int code = real(from, to);
    if (code == 0 && getpid() == first) note("", to);
    return code;
}

int linkat(int from_folder, const char *from, int to_folder, const char *to, int flags) {
    REAL("linkat", (int, const char *, int, const char *, int));
    int code = real(from_folder, from, to_folder, to, flags);
    if (code == 0 && getpid() == first && (to_folder == AT_FDCWD || to[0] == '/')) note("", to);
    return code;
}

int rename(const char *from, const char *to) {
    REAL("rename", (const char *, const char *));
    int code = real(from, to);
    if (code == 0 && getpid() == first) note(from, to);
    return code;
}

int mkdir(const char *path, mode_t mode) {
    REAL("mkdir", (const char *, mode_t));
    int code = real(path, mode);
    if (code == 0 && getpid() == first) note("/", path);
    return code;
}
