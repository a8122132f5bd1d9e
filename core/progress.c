#include "core/progress.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

static uint64_t now_ns(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void lethe_progress_start(lethe_progress *progress, const char *label, uint64_t total, bool quiet) {
    uint64_t now = now_ns();
    *progress =
        (lethe_progress){.label = label, .total = total, .started_ns = now, .shown_ns = now, .quiet = quiet, .terminal = isatty(STDERR_FILENO) == 1};
}

static void draw(lethe_progress *progress, uint64_t now) {
    double seconds = (double)(now - progress->started_ns) / 1e9;
    double rate = seconds > 0 ? (double)progress->done / seconds : 0;
    const char *start = progress->terminal ? "\r" : "";
    const char *end = progress->terminal ? "   " : "\n";
    if (progress->total == 0) {
        (void)fprintf(stderr, "%s%s: %llu, %.0f/s%s", start, progress->label, (unsigned long long)progress->done, rate, end);
    } else {
        double left = rate > 0 && progress->total > progress->done ? (double)(progress->total - progress->done) / rate : 0;
        (void)fprintf(stderr, "%s%s: %llu of %llu (%.0f %%), %.0f/s, %.0f s left%s", start, progress->label, (unsigned long long)progress->done,
                      (unsigned long long)progress->total, 100.0 * (double)progress->done / (double)progress->total, rate, left, end);
    }
    progress->shown_ns = now;
    progress->shown = true;
}

void lethe_progress_update(lethe_progress *progress, uint64_t done) {
    progress->done = done;
    if (progress->quiet) return;
    uint64_t now = now_ns(), pause = progress->terminal ? 100000000u : 5000000000u;
    if (now - progress->shown_ns >= pause) draw(progress, now);
}

void lethe_progress_finish(lethe_progress *progress) {
    if (progress->quiet || !progress->shown) return;
    draw(progress, now_ns());
    if (progress->terminal) (void)fputc('\n', stderr);
}
