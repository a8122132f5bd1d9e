/* bench-measure OUTPUT COMMAND ...: runs a command and writes "wall seconds, CPU seconds, peak KiB, exit code" as one line into OUTPUT. The peak is
 * the largest resident set of any one process among the command and its descendants; the sum is sampled over all of them, private pages only. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now_s(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* RssAnon of one process in KiB, when it is in session `session`. */
static long private_kib(const char *pid, pid_t session) {
    char path[64], line[256];
    (void)snprintf(path, sizeof path, "/proc/%.16s/status", pid);
    if (getsid((pid_t)strtol(pid, NULL, 10)) != session) return 0;
    FILE *file = fopen(path, "re");
    long kib = 0;
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, "RssAnon:", 8) == 0) kib = strtol(line + 8, NULL, 10);
    if (file != NULL) (void)fclose(file);
    return kib;
}

static long sum_kib(pid_t session) {
    long sum = 0;
    DIR *proc = opendir("/proc");
    for (struct dirent *entry; proc != NULL && (entry = readdir(proc)) != NULL;)
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9') sum += private_kib(entry->d_name, session);
    if (proc != NULL) (void)closedir(proc);
    return sum;
}

int main(int argc, char **argv) {
    if (argc < 3) {
        (void)fputs("usage: bench-measure OUTPUT COMMAND ...\n", stderr);
        return 2;
    }
    double start = now_s();
    pid_t pid = fork();
    if (pid < 0) return 1;
    if (pid == 0) {
        (void)setsid();
        (void)execvp(argv[2], argv + 2);
        _exit(127);
    }
    int status = 0;
    struct rusage usage;
    long peak_sum = 0;
    while (wait4(pid, &status, WNOHANG, &usage) == 0) {
        long sum = sum_kib(pid);
        if (sum > peak_sum) peak_sum = sum;
        struct timespec nap = {0, 10000000};
        (void)nanosleep(&nap, NULL);
    }
    double wall = now_s() - start;
    double cpu = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) + (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    FILE *out = fopen(argv[1], "we");
    if (out == NULL) return 1;
    (void)fprintf(out, "%.4f %.4f %ld %ld %d\n", wall, cpu, usage.ru_maxrss, peak_sum, code);
    return fclose(out) == 0 ? code : 1;
}
