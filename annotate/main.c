/* lethe-annotate: `lethe annotate`, `lethe snapshot`, `lethe export`, `lethe score`, told apart by argv[0]. */
#include "annotate/commands.h"
#include "annotate/format.h"
#include "annotate/score.h"

#include <stdio.h>
#include <string.h>

typedef struct sub_command {
    const char *name;
    int (*run)(lethe_command *command);
    const char *help;
} sub_command;

static const sub_command annotate_commands[] = {
    {"schema", lethe_command_schema, "schema install FILE|NAME, schema check FILE|NAME, schema show"},
    {"user", lethe_command_user,
     "user add NAME [--role reader|adjudicator|organiser] [--password-file FILE], user password NAME --password-file FILE, user list"},
    {"task", lethe_command_task,
     "task create --readers A,B [--per-case N] [--query COLUMN=VALUE,...] [--batch NAME] [--calibration N] [--honeypots CASE,...] [--priority N] "
     "[--seed N], "
     "task list [--reader NAME] [--unfinished], task order ID --priority N, task start|submit|return|skip ID [--note TEXT]"},
    {"import", lethe_command_import,
     "import FORMAT FILE [--as USER] [--source NAME] [--predictions] [--map FOREIGN=OWN]... [--series UID] [--image NAME]"},
    {"agree", lethe_command_agree, "agree [--label NAME] [--iou X] [--report FILE.html]: how readers agree"},
    {"adjudicate", lethe_command_adjudicate, "adjudicate list, adjudicate consensus --rule majority|staple|adjudicator [--as NAME]"},
    {"rekey", lethe_command_rekey,
     "rekey FILE.csv --column NAME -o OUT.csv [--issuer TEXT] [--dates COLUMN,...] [--drop COLUMN,...]: clinical data under the project's pseudonyms "
     "(needs its key)"},
    {"unseal", lethe_command_unseal, "unseal FILE --key FILE -o FOLDER: open sealed test labels"},
    {"status", lethe_command_status, "status: counts"},
    {"changed", lethe_command_changed, "changed: images that were made again (review of their redaction) after they were labelled"},
    {"show", lethe_command_show,
     "show [ID] [--image NAME [--within X0,Y0,X1,Y1]] [--study UID] [--author USER] [--label NAME] [--deleted] [--history]: JSON lines"},
};

static void print_formats(void) {
    (void)puts("\nformats (i = import, e = export):");
    for (size_t i = 0; lethe_formats[i] != NULL; i++)
        (void)printf("  %-10s %c%c  %s\n", lethe_formats[i]->name, lethe_formats[i]->read != NULL ? 'i' : '-',
                     lethe_formats[i]->write != NULL ? 'e' : '-', lethe_formats[i]->help);
}

static int help(const char *verb) {
    if (strcmp(verb, "annotate") == 0) {
        (void)puts("usage: lethe annotate [-C DIR] [--user NAME] [--json] COMMAND ...\n\ncommands:");
        for (size_t i = 0; i < sizeof annotate_commands / sizeof *annotate_commands; i++) (void)printf("  %s\n", annotate_commands[i].help);
        print_formats();
    } else if (strcmp(verb, "snapshot") == 0) {
        (void)puts("usage: lethe snapshot [-C DIR] [--user NAME] [--json] create [NAME] | list | verify N|NAME");
    } else if (strcmp(verb, "export") == 0) {
        (void)puts(
            "usage: lethe export [-C DIR] [--json] --snapshot N|NAME --format FORMAT[,FORMAT] -o FOLDER [--author USER] [--keep-empty-frames]\n"
            "       [--package] [--with-images] [--split TRAIN,VALIDATION,TEST] [--stratify LABEL] [--seed N] [--check-duplicates]\n"
            "       [--hide-test FILE --key FILE] [--title TEXT] [--licence TEXT] [--description TEXT] [--url URL] [--creator NAME]\n"
            "       [--contact MAIL] [--access-body NAME] [--health-category URI|NAME] [--spatial URI|NAME]\n"
            "       [--sites FILE.csv] [--reader-names] [--changed-images]\n"
            "       [--case-names KEYFILE --mapping FILE.csv] [--shards tar|zip] [--shard-size MIB] [--preview N]\n"
            "       [--tile-size PIXELS] [--tile-level N | --tile-mpp UM] [--tile-type jpeg|png] [--tile-all]");
        print_formats();
    } else {
        (void)puts("usage: lethe score --truth DIR --submission FILE [--submission FILE]... --metric NAME [--leaderboard FILE.json] [--seed N] "
                   "[--json]\n\nmetrics:");
        for (size_t i = 0; lethe_metrics[i] != NULL; i++) (void)printf("  %-16s %s\n", lethe_metrics[i]->name, lethe_metrics[i]->help);
    }
    return LETHE_EXIT_DONE;
}

static int run(lethe_command *c) {
    if (strcmp(c->verb, "snapshot") == 0) return lethe_command_snapshot(c);
    if (strcmp(c->verb, "export") == 0) return lethe_command_export(c);
    if (strcmp(c->verb, "score") == 0) return lethe_command_score(c);
    const char *name = lethe_command_word(c);
    for (size_t i = 0; name != NULL && i < sizeof annotate_commands / sizeof *annotate_commands; i++)
        if (strcmp(name, annotate_commands[i].name) == 0) return annotate_commands[i].run(c);
    return name == NULL ? lethe_command_usage(c, "which command?") : lethe_command_usage(c, "no command '%s'", name);
}

int main(int argc, char **argv) {
    const char *verb = argc > 0 && strncmp(argv[0], "lethe ", 6) == 0 ? argv[0] + 6 : "annotate";
    lethe_command command = {.verb = verb, .argc = argc - 1, .argv = argv + 1};
    if (argc < 1) return LETHE_EXIT_USAGE;
    if (lethe_command_flag(&command, "--help") || lethe_command_flag(&command, "-h")) return help(verb);
    command.folder = lethe_command_option(&command, "-C");
    if (command.folder == NULL) command.folder = ".";
    command.user = lethe_command_option(&command, "--user");
    command.json = lethe_command_flag(&command, "--json");
    command.quiet = lethe_command_flag(&command, "--quiet");
    int code = run(&command);
    lethe_store_close(command.store);
    lethe_project_close(command.project);
    return code;
}
