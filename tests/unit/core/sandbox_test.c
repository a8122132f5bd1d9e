/* core/sandbox: what a confined child can still do, tried from inside. Each test forks: the fence is for good. */
#include "core/sandbox.h"

#include "core/file.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { NO_LANDLOCK = 77 };

static char folder[64], input[96], output[96], secret[96];

static int set_up(void **state) {
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/lethe-sandbox-XXXXXX");
    if (mkdtemp(folder) == NULL) return 1;
    (void)snprintf(input, sizeof input, "%s/in", folder);
    (void)snprintf(output, sizeof output, "%s/out", folder);
    (void)snprintf(secret, sizeof secret, "%s/secret", folder);
    lethe_error error = {0};
    char path[128];
    (void)snprintf(path, sizeof path, "%s/file", input);
    return mkdir(input, 0700) != 0 || mkdir(output, 0700) != 0 || lethe_file_write(path, "in", 2, 0600, &error) != LETHE_OK ||
           lethe_file_write(secret, "secret", 6, 0600, &error) != LETHE_OK;
}

static int tear_down(void **state) {
    (void)state;
    static const char *const names[] = {"/in/file", "/in", "/out/made", "/out/moved", "/out", "/secret"};
    char path[128];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        (void)snprintf(path, sizeof path, "%s%s", folder, names[i]);
        (void)remove(path);
    }
    return rmdir(folder);
}

/* Run `inside` in a confined child; its result, 0 = fine, else the number of the check that failed. */
static int run(int (*inside)(void), bool sockets, bool needs_landlock) {
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        const char *const reads[] = {input, "/path/that/is/not/there", NULL}, *const writes[] = {output, NULL};
        lethe_sandbox_options options = {.read_only = reads, .read_write = writes, .allow_local_sockets = sockets};
        lethe_sandbox_report report;
        lethe_error error = {0};
        if (lethe_sandbox_enter(&options, &report, &error) != LETHE_OK || !report.seccomp) _exit(100);
        if (needs_landlock && !report.landlock) _exit(NO_LANDLOCK);
        _exit(inside());
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static bool can_open(const char *path, int flags) {
    int fd = open(path, flags | O_CLOEXEC, 0600);
    if (fd >= 0) (void)close(fd);
    return fd >= 0;
}

static int try_files(void) {
    char path[128], moved[128];
    (void)snprintf(path, sizeof path, "%s/file", input);
    if (!can_open(path, O_RDONLY)) return 1;
    if (can_open(path, O_WRONLY) || can_open(path, O_RDWR | O_TRUNC)) return 2;
    if (unlink(path) == 0) return 3;
    (void)snprintf(moved, sizeof moved, "%s/new", input);
    if (can_open(moved, O_WRONLY | O_CREAT)) return 4;
    if (can_open(secret, O_RDONLY) || errno != EACCES) return 5;
    if (can_open("/etc/passwd", O_RDONLY) || can_open("/proc/self/mem", O_RDWR)) return 6;
    (void)snprintf(path, sizeof path, "%s/made", output);
    (void)snprintf(moved, sizeof moved, "%s/moved", output);
    lethe_error error = {0};
    if (lethe_file_write(path, "out", 3, 0600, &error) != LETHE_OK) return 7;
    if (rename(path, moved) != 0 || !can_open(moved, O_RDONLY)) return 8;
    (void)snprintf(path, sizeof path, "%s/outside", folder);
    if (rename(moved, path) == 0) return 9;
    (void)snprintf(path, sizeof path, "%s/link", output);
    if (symlink(secret, path) == 0) return 10;
    return 0;
}

static void only_its_own_files(void **state) {
    (void)state;
    int result = run(try_files, false, true);
    if (result == NO_LANDLOCK) skip();
    assert_int_equal(result, 0);
    struct stat info;
    assert_int_equal(stat(secret, &info), 0);
    assert_int_equal(info.st_size, 6);
}

static int try_network(void) {
    if (socket(AF_INET, SOCK_STREAM, 0) >= 0 || errno != EACCES) return 1;
    if (socket(AF_INET6, SOCK_DGRAM, 0) >= 0) return 2;
    if (socket(AF_UNIX, SOCK_STREAM, 0) >= 0) return 3;
    if (socket(AF_NETLINK, SOCK_RAW, 0) >= 0) return 4;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(80), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (connect(0, (struct sockaddr *)&to, sizeof to) == 0 || errno != EACCES) return 5;
    return 0;
}

static void no_network(void **state) {
    (void)state;
    assert_int_equal(run(try_network, false, false), 0);
}

static int try_allowed_sockets(void) {
    int local = socket(AF_UNIX, SOCK_STREAM, 0), net = socket(AF_INET, SOCK_STREAM, 0), net6 = socket(AF_INET6, SOCK_STREAM, 0);
    if (local < 0) return 1;
    if (net < 0) return 2;
    if (net6 < 0 && errno == EACCES) return 3; /* a kernel without IPv6 says EAFNOSUPPORT */
    if (socket(AF_NETLINK, SOCK_RAW, 0) >= 0 || errno != EACCES) return 4;
    if (socket(AF_PACKET, SOCK_RAW, 0) >= 0 || errno != EACCES) return 5;
    if (socket(AF_AX25, SOCK_DGRAM, 0) >= 0 || errno != EACCES) return 6;
    return 0;
}

static void database_sockets_when_asked_for(void **state) {
    (void)state;
    assert_int_equal(run(try_allowed_sockets, true, false), 0);
}

static int try_exec(void) {
    char program[] = "/bin/true", *const arguments[] = {program, NULL}, *const environment[] = {NULL};
    (void)execve(program, arguments, environment);
    if (errno != EPERM) return 11;
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    (void)fexecve(fd, arguments, environment);
    if (fd >= 0 && errno != EPERM) return 2;
    return 0;
}

static void no_other_program(void **state) {
    (void)state;
    assert_int_equal(run(try_exec, false, false), 0);
    assert_int_equal(run(try_exec, true, false), 0);
}

static int try_tracing(void) {
    if (ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) == 0 || errno != EPERM) return 1;
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0) return 2;
    if (setuid(0) == 0) return 3;
    if (chroot("/tmp") == 0) return 4;
    return 0;
}

static void no_tracing_and_no_privileges(void **state) {
    (void)state;
    assert_int_equal(run(try_tracing, false, false), 0);
}

static int try_children(void) {
    pid_t pid = fork();
    if (pid < 0) return 1;
    if (pid == 0) _exit(try_network());
    int status;
    if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0) return 2;
    return 0;
}

static void children_are_confined_too(void **state) {
    (void)state;
    assert_int_equal(run(try_children, false, false), 0);
}

/* The same attempts succeed outside, so that the tests above prove something. */
static void without_the_fence_the_attempts_succeed(void **state) {
    (void)state;
    assert_true(can_open(secret, O_RDONLY));
    assert_true(can_open("/etc/passwd", O_RDONLY));
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    (void)close(fd);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) _exit(try_exec()); /* becomes /bin/true */
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_the_fence_the_attempts_succeed),
        cmocka_unit_test(only_its_own_files),
        cmocka_unit_test(no_network),
        cmocka_unit_test(database_sockets_when_asked_for),
        cmocka_unit_test(no_other_program),
        cmocka_unit_test(no_tracing_and_no_privileges),
        cmocka_unit_test(children_are_confined_too),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
