/* lethe annotate task: make, list and move tasks. */
#include "annotate/commands.h"

#include "annotate/assign.h"
#include "core/memory.h"
#include "core/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { MOST_NAMES = 256 };

/* "a,b,c" in place into a NULL-terminated list. False when there are too many. */
static bool split_names(char *text, const char *names[MOST_NAMES + 1]) {
    size_t count = 0;
    for (char *at = text; at != NULL && *at != '\0';) {
        char *comma = strchr(at, ',');
        if (count == MOST_NAMES) return false;
        if (comma != NULL) *comma++ = '\0';
        if (*at != '\0') names[count++] = at;
        at = comma;
    }
    names[count] = NULL;
    return true;
}

static bool number_option(lethe_command *c, const char *name, int64_t *value) {
    const char *text = lethe_command_option(c, name);
    return text == NULL || lethe_text_to_int64(text, value);
}

static int create_tasks(lethe_command *c) {
    const char *readers_text = lethe_command_option(c, "--readers"), *honeypots_text = lethe_command_option(c, "--honeypots");
    const char *readers[MOST_NAMES + 1] = {NULL}, *honeypots[MOST_NAMES + 1] = {NULL};
    int64_t per_case = 0, calibration = 0, priority = 0, seed = 1, created = 0;
    lethe_error error = {0};
    lethe_assignment a = {.batch = lethe_command_option(c, "--batch"),
                          .query = lethe_command_option(c, "--query"),
                          .readers = readers,
                          .honeypots = honeypots,
                          .kind = lethe_command_flag(c, "--adjudication") ? LETHE_TASK_ADJUDICATION : LETHE_TASK_READ};
    bool numbers = number_option(c, "--per-case", &per_case) && number_option(c, "--calibration", &calibration) &&
                   number_option(c, "--priority", &priority) && number_option(c, "--seed", &seed);
    int left = lethe_command_leftover(c);
    if (left != 0) return left;
    if (!numbers || per_case < 0 || per_case > 1000 || calibration < 0 || calibration > INT32_MAX)
        return lethe_command_usage(c, "--per-case, --calibration, --priority and --seed want numbers");
    if (readers_text == NULL) return lethe_command_usage(c, "task create --readers NAME,NAME... [--per-case N] [--query ...]");
    a.per_case = (unsigned)per_case;
    a.calibration = (unsigned)calibration;
    a.priority = priority;
    a.seed = (uint64_t)seed;
    char *readers_copy = lethe_strdup(readers_text), *honeypots_copy = lethe_strdup(honeypots_text == NULL ? "" : honeypots_text);
    lethe_status status = readers_copy == NULL || honeypots_copy == NULL ? lethe_fail(&error, LETHE_NO_MEMORY, "no memory") : LETHE_OK;
    if (status == LETHE_OK && (!split_names(readers_copy, readers) || !split_names(honeypots_copy, honeypots)))
        status = lethe_fail(&error, LETHE_USAGE, "too many names");
    if (status == LETHE_OK) status = lethe_command_open(c, &error);
    if (status == LETHE_OK) status = lethe_assign(c->store, &a, &created, &error);
    lethe_free(readers_copy);
    lethe_free(honeypots_copy);
    if (status != LETHE_OK) return lethe_command_fail(c, &error);
    (void)printf(c->json ? "{\"tasks\":%" PRId64 "}\n" : "%" PRId64 " tasks\n", created);
    return LETHE_EXIT_DONE;
}

static int list_tasks(lethe_command *c) {
    static const char *const kinds[] = {"read", "calibration", "honeypot", "adjudication"};
    lethe_error error = {0};
    lethe_tasks *tasks = NULL;
    lethe_task_filter filter = {.reader = lethe_command_option(c, "--reader"),
                                .case_id = lethe_command_option(c, "--case"),
                                .batch = lethe_command_option(c, "--batch"),
                                .unfinished_only = lethe_command_flag(c, "--unfinished")};
    int left = lethe_command_leftover(c);
    if (left != 0) return left;
    lethe_status status = lethe_command_open(c, &error);
    if (status == LETHE_OK) status = lethe_store_tasks(c->store, &filter, &tasks, &error);
    if (status != LETHE_OK) return lethe_command_fail(c, &error);
    for (size_t i = 0; i < tasks->count; i++) {
        const lethe_task *t = &tasks->items[i];
        const char *kind = (unsigned)t->kind < 4 ? kinds[t->kind] : "?";
        if (c->json)
            (void)printf("{\"task\":%" PRId64 ",\"case\":\"%s\",\"reader\":\"%s\",\"state\":\"%s\",\"kind\":\"%s\",\"pass\":%" PRId64
                         ",\"priority\":%" PRId64 "}\n",
                         t->id, t->case_id, t->reader, lethe_task_state_name(t->state), kind, t->pass, t->priority);
        else
            (void)printf("%6" PRId64 "  %-9s  %-12s  %-12s pass %" PRId64 "  %s  %s\n", t->id, lethe_task_state_name(t->state), t->reader, kind,
                         t->pass, t->case_id, t->note);
    }
    lethe_tasks_destroy(tasks);
    return LETHE_EXIT_DONE;
}

static int move_task(lethe_command *c, lethe_task_state state) {
    const char *note = lethe_command_option(c, "--note"), *id_text = lethe_command_word(c);
    int64_t id = 0;
    lethe_error error = {0};
    int left = lethe_command_leftover(c);
    if (left != 0) return left;
    if (id_text == NULL || !lethe_text_to_int64(id_text, &id)) return lethe_command_usage(c, "which task?");
    lethe_status status = lethe_command_open(c, &error);
    if (status == LETHE_OK) status = lethe_store_set_task_state(c->store, id, state, note, &error);
    return status == LETHE_OK ? LETHE_EXIT_DONE : lethe_command_fail(c, &error);
}

static int order_task(lethe_command *c) {
    const char *priority_text = lethe_command_option(c, "--priority"), *id_text = lethe_command_word(c);
    int64_t id = 0, priority = 0;
    lethe_error error = {0};
    int left = lethe_command_leftover(c);
    if (left != 0) return left;
    if (id_text == NULL || priority_text == NULL || !lethe_text_to_int64(id_text, &id) || !lethe_text_to_int64(priority_text, &priority))
        return lethe_command_usage(c, "task order ID --priority N");
    lethe_status status = lethe_command_open(c, &error);
    if (status == LETHE_OK) status = lethe_store_set_task_priority(c->store, id, priority, &error);
    return status == LETHE_OK ? LETHE_EXIT_DONE : lethe_command_fail(c, &error);
}

int lethe_command_task(lethe_command *c) {
    static const struct {
        const char *word;
        lethe_task_state state;
    } moves[] = {{"start", LETHE_TASK_STARTED}, {"submit", LETHE_TASK_SUBMITTED}, {"return", LETHE_TASK_RETURNED}, {"skip", LETHE_TASK_SKIPPED}};
    const char *what = lethe_command_word(c);
    if (what != NULL && strcmp(what, "create") == 0) return create_tasks(c);
    if (what != NULL && strcmp(what, "list") == 0) return list_tasks(c);
    if (what != NULL && strcmp(what, "order") == 0) return order_task(c);
    for (size_t i = 0; what != NULL && i < sizeof moves / sizeof *moves; i++)
        if (strcmp(what, moves[i].word) == 0) return move_task(c, moves[i].state);
    return lethe_command_usage(c, "task create, list, order ID --priority N, start ID, submit ID, return ID --note TEXT, or skip ID --note TEXT");
}
