#include "viewer/cut_off.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/* A signal handler has no context of its own: this is the one place for it. */
static _Thread_local volatile sig_atomic_t met;

typedef struct mapping {
    uintptr_t begin, end;
    bool read_only_private;
} mapping;

static int hex_of(char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; }

/* "7f0000000000-7f0000001000 r--p ...": one character after another, since nothing but plain calls to the kernel is allowed here. */
static bool find_mapping(uintptr_t address, mapping *out) {
    char part[512];
    int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    mapping m = {0, 0, false};
    unsigned field = 0, letter = 0;
    bool found = false, shape = true;
    static const char wanted[] = "r--p";
    for (ssize_t got; !found && (got = read(fd, part, sizeof part)) > 0;)
        for (ssize_t i = 0; i < got && !found; i++) {
            char c = part[i];
            if (c == '\n') {
                m = (mapping){0, 0, false};
                field = letter = 0;
                shape = true;
            } else if (field == 0 && c == '-') field = 1;
            else if (field == 1 && c == ' ') field = 2;
            else if (field == 0) m.begin = m.begin << 4 | (uintptr_t)hex_of(c);
            else if (field == 1) m.end = m.end << 4 | (uintptr_t)hex_of(c);
            else if (field == 2 && letter < 4) {
                shape = shape && c == wanted[letter];
                if (++letter == 4) {
                    m.read_only_private = shape;
                    found = address >= m.begin && address < m.end;
                    field = 3;
                }
            }
        }
    (void)close(fd);
    *out = m;
    return found;
}

static void on_bus(int number, siginfo_t *info, void *context) {
    (void)context;
    uintptr_t address = (uintptr_t)info->si_addr, page = (uintptr_t)sysconf(_SC_PAGESIZE), at = address & ~(page - 1);
    mapping m;
    /* Not past the end of this mapping: what lies behind a missing page of a file that was cut off is missing as well. */
    bool ours = number == SIGBUS && (info->si_code == BUS_ADRERR || info->si_code == BUS_OBJERR) && find_mapping(address, &m) &&
                m.read_only_private && mmap((void *)at, m.end - at, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED;
    if (ours) met = met + 1;
    else (void)signal(SIGBUS, SIG_DFL); /* comes again, and ends the program */
}

void lethe_cut_off_install(void) {
    struct sigaction action = {.sa_sigaction = on_bus, .sa_flags = SA_SIGINFO};
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGBUS, &action, NULL);
}

unsigned lethe_cut_off_count(void) { return (unsigned)met; }
