/* Two fences. Landlock lists the only places of the file system that stay reachable; seccomp forbids whole families of calls whatever their
 * arguments. Both hold for this process and its children until they end. */
#include "core/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (1ULL << 13) /* ABI 2, Linux 5.19 */
#endif
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14) /* ABI 3, Linux 6.2 */
#endif
#ifndef LANDLOCK_ACCESS_FS_IOCTL_DEV
#define LANDLOCK_ACCESS_FS_IOCTL_DEV (1ULL << 15) /* ABI 5, Linux 6.10 */
#endif

static const uint64_t read_rights = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
static const uint64_t write_rights = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
                                     LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REFER |
                                     LANDLOCK_ACCESS_FS_TRUNCATE;
static const uint64_t file_rights = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE;

/* --- Landlock --- */

static uint64_t rights_of_abi(long abi) {
    uint64_t rights = (1ULL << 13) - 1; /* ABI 1: EXECUTE to MAKE_SYM */
    if (abi >= 2) rights |= LANDLOCK_ACCESS_FS_REFER;
    if (abi >= 3) rights |= LANDLOCK_ACCESS_FS_TRUNCATE;
    if (abi >= 5) rights |= LANDLOCK_ACCESS_FS_IOCTL_DEV;
    return rights;
}

static lethe_status allow_path(int ruleset, const char *path, uint64_t rights, lethe_error *error) {
    struct landlock_path_beneath_attr rule = {.parent_fd = open(path, O_PATH | O_CLOEXEC)};
    if (rule.parent_fd < 0 && errno == ENOENT) return LETHE_OK; /* what is not there cannot be opened either */
    if (rule.parent_fd < 0) return lethe_fail(error, LETHE_DENIED, "sandbox: cannot open an allowed path (errno %d)", errno);
    struct stat info;
    lethe_status status = LETHE_OK;
    if (fstat(rule.parent_fd, &info) != 0) status = lethe_fail(error, LETHE_DENIED, "sandbox: cannot stat an allowed path (errno %d)", errno);
    rule.allowed_access = status == LETHE_OK && S_ISDIR(info.st_mode) ? rights : rights & file_rights;
    if (status == LETHE_OK && syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0)
        status = lethe_fail(error, LETHE_DENIED, "sandbox: cannot allow a path (errno %d)", errno);
    (void)close(rule.parent_fd);
    return status;
}

static lethe_status allow_paths(int ruleset, const char *const *paths, uint64_t rights, lethe_error *error) {
    lethe_status status = LETHE_OK;
    for (; paths != NULL && *paths != NULL && status == LETHE_OK; paths++) status = allow_path(ruleset, *paths, rights, error);
    return status;
}

bool lethe_sandbox_has_landlock(void) { return syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) >= 1; }

static lethe_status enter_landlock(const lethe_sandbox_options *options, bool *enforced, lethe_error *error) {
    *enforced = false;
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (abi < 1) return LETHE_OK; /* not in this kernel, or switched off */
    uint64_t handled = rights_of_abi(abi);
    struct landlock_ruleset_attr attributes = {.handled_access_fs = handled};
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes.handled_access_fs, 0);
    if (ruleset < 0) return lethe_fail(error, LETHE_DENIED, "sandbox: the kernel refuses a Landlock ruleset (errno %d)", errno);
    lethe_status status = allow_paths(ruleset, options->read_only, read_rights & handled, error);
    if (status == LETHE_OK) status = allow_paths(ruleset, options->read_write, (read_rights | write_rights) & handled, error);
    if (status == LETHE_OK && syscall(SYS_landlock_restrict_self, ruleset, 0) != 0)
        status = lethe_fail(error, LETHE_DENIED, "sandbox: the kernel refuses to enforce Landlock (errno %d)", errno);
    (void)close(ruleset);
    *enforced = status == LETHE_OK;
    return status;
}

/* --- seccomp --- */

/* Calls that no image worker needs. EPERM rather than death: a library that tries one gets an ordinary error. */
static const int forbidden[] = {
    SCMP_SYS(execve),
    SCMP_SYS(execveat),
    SCMP_SYS(ptrace),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(pidfd_getfd),
    SCMP_SYS(kcmp),
    SCMP_SYS(bpf),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(io_uring_enter),
    SCMP_SYS(io_uring_register),
    SCMP_SYS(mount),
    SCMP_SYS(umount2),
    SCMP_SYS(pivot_root),
    SCMP_SYS(chroot),
    SCMP_SYS(setns),
    SCMP_SYS(unshare),
    SCMP_SYS(open_by_handle_at),
    SCMP_SYS(open_tree),
    SCMP_SYS(move_mount),
    SCMP_SYS(fsopen),
    SCMP_SYS(fsmount),
    SCMP_SYS(init_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(delete_module),
    SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load),
    SCMP_SYS(keyctl),
    SCMP_SYS(add_key),
    SCMP_SYS(request_key),
    SCMP_SYS(reboot),
    SCMP_SYS(swapon),
    SCMP_SYS(swapoff),
    SCMP_SYS(setuid),
    SCMP_SYS(setgid),
    SCMP_SYS(setreuid),
    SCMP_SYS(setregid),
    SCMP_SYS(setresuid),
    SCMP_SYS(setresgid),
    SCMP_SYS(personality),
    SCMP_SYS(acct),
    SCMP_SYS(quotactl),
    SCMP_SYS(syslog),
};

/* With sockets for a database server: local and Internet stream sockets, nothing else (no raw packets, no netlink). */
static int allow_local_sockets(scmp_filter_ctx filter) {
    static const int families[] = {AF_UNIX, AF_INET, AF_INET6};
    int result = 0, highest = 0;
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        if (families[i] > highest) highest = families[i];
    for (int family = 0; family <= highest && result == 0; family++) {
        bool allowed = false;
        for (size_t i = 0; i < sizeof families / sizeof *families; i++) allowed = allowed || families[i] == family;
        struct scmp_arg_cmp is_family = {.arg = 0, .op = SCMP_CMP_EQ, .datum_a = (scmp_datum_t)family};
        if (!allowed) result = seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(socket), 1, &is_family);
    }
    struct scmp_arg_cmp is_other = {.arg = 0, .op = SCMP_CMP_GT, .datum_a = (scmp_datum_t)highest};
    return result != 0 ? result : seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(socket), 1, &is_other);
}

static int forbid_sockets(scmp_filter_ctx filter, bool allow_accept) {
    /* Descriptors that were open before (the pool's own socket) go on working with read, write, send and recv. */
    static const int calls[] = {SCMP_SYS(socket), SCMP_SYS(connect), SCMP_SYS(bind), SCMP_SYS(listen), SCMP_SYS(accept), SCMP_SYS(accept4)};
    size_t count = sizeof calls / sizeof *calls - (allow_accept ? 2 : 0);
    int result = 0;
    for (size_t i = 0; i < count && result == 0; i++) result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EACCES), calls[i], 0);
    return result;
}

static lethe_status enter_seccomp(const lethe_sandbox_options *options, bool *enforced, lethe_error *error) {
    *enforced = false;
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    if (filter == NULL) return lethe_fail(error, LETHE_DENIED, "sandbox: no seccomp filter");
    int result = 0;
    for (size_t i = 0; i < sizeof forbidden / sizeof *forbidden && result == 0; i++)
        result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), forbidden[i], 0);
    if (result == 0) result = options->allow_local_sockets ? allow_local_sockets(filter) : forbid_sockets(filter, options->allow_accept);
    if (result == 0) result = seccomp_load(filter);
    seccomp_release(filter);
    if (result != 0) return lethe_fail(error, LETHE_DENIED, "sandbox: the kernel refuses the seccomp filter (errno %d)", -result);
    *enforced = true;
    return LETHE_OK;
}

lethe_status lethe_sandbox_enter(const lethe_sandbox_options *options, lethe_sandbox_report *report, lethe_error *error) {
    lethe_sandbox_report ignored;
    if (report == NULL) report = &ignored;
    *report = (lethe_sandbox_report){false, false};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return lethe_fail(error, LETHE_DENIED, "sandbox: cannot give up privileges (errno %d)", errno);
    lethe_status status = enter_landlock(options, &report->landlock, error);
    if (status == LETHE_OK) status = enter_seccomp(options, &report->seccomp, error);
    return status;
}
