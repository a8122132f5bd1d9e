/* `lethe view`: the desktop viewer. */
#include "viewer/app.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void usage(FILE *to) {
    (void)fputs("usage: lethe view [-C DIR] [OPTIONS] [CASE]\n\n"
                "Opens the released images of a project. CASE is a study UID or the path of a slide below released/.\n\n"
                "  -C, --project DIR     the project folder (default: the current folder)\n"
                "      --review          look at redactions and decide about them: opens originals of the private side, and nothing else does\n"
                "  -u, --user NAME       who annotates (default: local)\n"
                "  -l, --language en|fr  language of the interface (default: of the desktop, else English)\n"
                "      --size WxH        size of the window (default: 1440x900)\n"
                "      --font-size PX    size of the letters (default: 14)\n"
                "      --scale N         pixels for one of the interface, 0.5 to 4: 2 on a HiDPI screen (default: as the desktop says)\n"
                "      --px-per-mm N     pixels of the screen a millimetre, measured with a ruler, for true size (default: as the monitor says)\n"
                "      --script FILE     run the steps of FILE and leave (docs/viewer.md)\n"
                "      --screenshot FILE save a PNG when everything is shown (or at the end of the script) and leave\n"
                "      --bench           replay a path through the case and print frame times\n"
                "  -h, --help            this text\n\n"
                "Exit codes: 0 done; 1 failed (also: a check of the script failed); 2 wrong usage.\n",
                to);
}

static bool parse_size(const char *text, int *width, int *height) {
    char end;
    return sscanf(text, "%dx%d%c", width, height, &end) == 2 && *width >= 320 && *height >= 240 && *width <= 8192 && *height <= 8192;
}

static const char *desktop_language(void) {
    static const char *const variables[] = {"LC_ALL", "LC_MESSAGES", "LANG"};
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        const char *value = getenv(variables[i]);
        if (value && *value) return strncmp(value, "fr", 2) == 0 ? "fr" : "en";
    }
    return "en";
}

/* XDG Base Directory: $XDG_STATE_HOME, else ~/.local/state; NULL when there is neither. */
static const char *state_folder(char *buffer, size_t size) {
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    int length = state && state[0] == '/' ? snprintf(buffer, size, "%s/lethe", state)
                 : home && home[0] == '/' ? snprintf(buffer, size, "%s/.local/state/lethe", home)
                                          : -1;
    return length > 0 && (size_t)length < size ? buffer : NULL;
}

int main(int argc, char **argv) {
    static const struct option longs[] = {{"project", required_argument, NULL, 'C'},
                                          {"user", required_argument, NULL, 'u'},
                                          {"language", required_argument, NULL, 'l'},
                                          {"size", required_argument, NULL, 's'},
                                          {"font-size", required_argument, NULL, 'f'},
                                          {"script", required_argument, NULL, 'S'},
                                          {"scale", required_argument, NULL, 'x'},
                                          {"px-per-mm", required_argument, NULL, 'm'},
                                          {"screenshot", required_argument, NULL, 'P'},
                                          {"bench", no_argument, NULL, 'b'},
                                          {"review", no_argument, NULL, 'R'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
    struct timespec started;
    (void)clock_gettime(CLOCK_MONOTONIC, &started);
    char state[4096];
    lethe_app_options options = {.started = (double)started.tv_sec + (double)started.tv_nsec / 1e9,
                                 .language = desktop_language(),
                                 .state_folder = state_folder(state, sizeof state)};
    for (int c; (c = getopt_long(argc, argv, "C:u:l:h", longs, NULL)) != -1;) {
        switch (c) {
        case 'C': options.folder = optarg; break;
        case 'u': options.user = optarg; break;
        case 'l': options.language = optarg; break;
        case 'S': options.script = optarg; break;
        case 'P': options.screenshot = optarg; break;
        case 'b': options.bench = true; break;
        case 'R': options.review = true; break;
        case 'x': options.scale = strtod(optarg, NULL); break;
        case 'm': options.px_per_mm = strtod(optarg, NULL); break;
        case 'f': options.font_size_px = strtod(optarg, NULL); break;
        case 's':
            if (parse_size(optarg, &options.width, &options.height)) break;
            (void)fprintf(stderr, "lethe view: --size wants WxH, from 320x240 to 8192x8192\n");
            return LETHE_EXIT_USAGE;
        case 'h': usage(stdout); return LETHE_EXIT_DONE;
        default: usage(stderr); return LETHE_EXIT_USAGE;
        }
    }
    if (argc - optind > 1 || (options.review && (argc - optind > 0 || options.bench)) ||
        (strcmp(options.language, "en") != 0 && strcmp(options.language, "fr") != 0) ||
        (options.scale != 0 && !(options.scale >= 0.5 && options.scale <= 4)) ||
        (options.px_per_mm != 0 && !(options.px_per_mm >= 1 && options.px_per_mm <= 40)) ||
        (options.font_size_px != 0 && !(options.font_size_px >= 8 && options.font_size_px <= 48))) {
        usage(stderr);
        return LETHE_EXIT_USAGE;
    }
    if (optind < argc) options.case_id = argv[optind];
    lethe_error error = {0};
    lethe_app *app = NULL;
    lethe_status status = lethe_app_create(&options, &app, &error);
    if (!status) status = options.bench ? lethe_bench_run(app, &error) : lethe_app_run(app, &error);
    lethe_app_destroy(app);
    if (status == LETHE_OK) return LETHE_EXIT_DONE;
    (void)fprintf(stderr, "lethe view: %s\n", error.message);
    return (int)lethe_status_exit(status);
}
