/* Runs a group of store tests on SQLite and on a real PostgreSQL server (started and stopped here). */
#ifndef LETHE_TESTS_STORE_FIXTURE_H
#define LETHE_TESTS_STORE_FIXTURE_H

#include "core/project.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

typedef struct store_fixture {
    char folder[64]; /* mkdtemp */
    char server[80]; /* folder of the PostgreSQL server; "" when there is none */
    char url[256];   /* "" = SQLite */
    unsigned projects;
} store_fixture;

static inline int run_script(const char *verb, const char *folder, char *output, size_t size) {
    int ends[2];
    if (pipe(ends) != 0) return -1;
    pid_t child = fork();
    if (child == 0) {
        (void)dup2(ends[1], STDOUT_FILENO);
        (void)close(ends[0]);
        (void)close(ends[1]);
        (void)execlp("bash", "bash", LETHE_SOURCE_DIR "/tests/support/postgres.sh", verb, folder, (char *)NULL);
        _exit(127);
    }
    (void)close(ends[1]);
    size_t used = 0;
    for (ssize_t got; used < size - 1 && (got = read(ends[0], output + used, size - 1 - used)) > 0;) used += (size_t)got;
    output[used] = '\0';
    output[strcspn(output, "\n")] = '\0';
    (void)close(ends[0]);
    int code = 0;
    (void)waitpid(child, &code, 0);
    return WIFEXITED(code) ? WEXITSTATUS(code) : -1;
}

static inline int store_fixture_start(store_fixture *fixture, bool postgres) {
    memset(fixture, 0, sizeof *fixture);
    (void)snprintf(fixture->folder, sizeof fixture->folder, "/tmp/lethe-store-XXXXXX");
    if (mkdtemp(fixture->folder) == NULL) return 1;
    if (!postgres) return 0;
    (void)snprintf(fixture->server, sizeof fixture->server, "%s-pg", fixture->folder);
    return run_script("start", fixture->server, fixture->url, sizeof fixture->url);
}

static inline void store_fixture_stop(store_fixture *fixture) {
    char ignored[64];
    if (fixture->server[0] != '\0') (void)run_script("stop", fixture->server, ignored, sizeof ignored);
    pid_t child = fork();
    if (child == 0) {
        (void)execlp("rm", "rm", "-rf", fixture->folder, (char *)NULL);
        _exit(127);
    }
    (void)waitpid(child, NULL, 0);
}

/* A project of its own for one test. */
static inline lethe_project *fresh_project(store_fixture *fixture) {
    char folder[96];
    lethe_error error = {0};
    lethe_project *project = NULL;
    (void)snprintf(folder, sizeof folder, "%s/project%u", fixture->folder, fixture->projects++);
    if (lethe_project_create(folder, "test", fixture->url, &error) != LETHE_OK || lethe_project_open(folder, true, &project, &error) != LETHE_OK)
        fail_msg("%s", error.message);
    return project;
}

#endif
