/* Preloaded into programs by tests: every process that has entered a seccomp filter tries, once, what it must not be able to do, and tells on stderr:
 *   probe open=ERRNO write=ERRNO connect=ERRNO exec=ERRNO
 * LETHE_PROBE_SECRET names a file that must not be readable, LETHE_PROBE_TARGET one that must not be made. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static int try_open(const char *name, int flags) {
    const char *path = getenv(name);
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path == NULL ? "/etc/shadow" : path, flags, 0600);
    if (fd < 0) return errno;
    (void)syscall(SYS_close, fd);
    return 0;
}

static int try_connect(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(9)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0) return errno;
    int code = connect(fd, (struct sockaddr *)&address, sizeof address) == 0 || errno == ECONNREFUSED ? 0 : errno;
    (void)syscall(SYS_close, fd);
    return code;
}

static int try_exec(void) {
    char *const arguments[] = {(char *)"true", NULL};
    (void)execve("/bin/true", arguments, environ);
    return errno;
}

int close(int fd);

int close(int fd) {
    static int (*real)(int);
    static pid_t done;
    if (real == NULL) real = (int (*)(int))dlsym(RTLD_NEXT, "close");
    if (done != getpid() && prctl(PR_GET_SECCOMP) == 2) {
        int kept = errno;
        char line[160];
        done = getpid();
        int length = snprintf(line, sizeof line, "probe open=%d write=%d connect=%d exec=%d\n", try_open("LETHE_PROBE_SECRET", O_RDONLY),
                              try_open("LETHE_PROBE_TARGET", O_WRONLY | O_CREAT), try_connect(), try_exec());
        if (length > 0) {
            ssize_t put = write(2, line, (size_t)length);
            (void)put;
        }
        errno = kept;
    }
    return real(fd);
}
