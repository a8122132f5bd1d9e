#include "core/log.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static _Atomic int lowest = LETHE_LOG_INFO; /* one per process, as stderr is */

void lethe_log_set_level(lethe_log_level level) { atomic_store(&lowest, (int)level); }

void lethe_log(lethe_log_level level, const char *event, const char *format, ...) {
    static const char *const names[] = {"debug", "info", "warning", "error"};
    if ((int)level < atomic_load(&lowest) || level >= LETHE_LOG_OFF) return;
    char line[1024];
    struct timespec now;
    struct tm utc;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)gmtime_r(&now.tv_sec, &utc);
    size_t used = strftime(line, 32, "%Y-%m-%dT%H:%M:%SZ", &utc);
    used += (size_t)snprintf(line + used, sizeof line - used, " %s %s ", names[level], event);
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line + used, sizeof line - used - 1, format, arguments);
    va_end(arguments);
    if (length > 0) used += (size_t)length < sizeof line - used - 1 ? (size_t)length : sizeof line - used - 2;
    for (size_t i = 0; i < used; i++)
        if ((unsigned char)line[i] < 0x20) line[i] = ' ';
    line[used++] = '\n';
    ssize_t written = write(STDERR_FILENO, line, used);
    (void)written; /* nothing sensible can be done when stderr is gone */
}
