#include "viewer/script.h"

#include "core/file.h"
#include "core/memory.h"
#include "core/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { SCRIPT_QUEUE = 256, WORDS = 64 };

struct lethe_script {
    char *text, *at;
    int line;
    lethe_event queue[SCRIPT_QUEUE];
    unsigned head, count;
    bool waiting;
    double wait_until, deadline;
    bool saved_waiting;
    char wait_file[1024]; /* "" = none */
};

lethe_status lethe_script_open(lethe_app *app, const char *path, lethe_error *error) {
    lethe_map map = {0};
    lethe_status status = lethe_map_open(path, &map, error);
    if (status) return status;
    struct lethe_script *script = lethe_alloc_array(1, sizeof *script);
    if (script) script->text = script->at = lethe_strndup(map.size ? (const char *)map.bytes : "", map.size);
    lethe_map_close(&map);
    if (!script || !script->text) {
        lethe_free(script);
        return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    }
    app->script = script;
    return LETHE_OK;
}

void lethe_script_close(struct lethe_script *script) {
    if (!script) return;
    lethe_free(script->text);
    lethe_free(script);
}

static lethe_status bad(const struct lethe_script *script, lethe_error *error, const char *what) {
    return lethe_fail(error, LETHE_USAGE, "script line %d: %s", script->line, what);
}

static void enqueue(struct lethe_script *script, lethe_event event) {
    if (script->count < SCRIPT_QUEUE) script->queue[(script->head + script->count++) % SCRIPT_QUEUE] = event;
}

static bool parse_point(const lethe_app *app, const char *word, lethe_point *out) {
    int view = -1, used = 0;
    double x, y;
    if (sscanf(word, "@%d:%lf,%lf%n", &view, &x, &y, &used) == 3 && word[used] == '\0') {
        if (view < 0 || view >= LETHE_VIEWS || !app->views[view].framed) return false;
        *out = lethe_camera_to_screen(&app->views[view].camera, (lethe_point){x, y});
        return true;
    }
    if (sscanf(word, "%lf,%lf%n", &x, &y, &used) != 2 || word[used] != '\0') return false;
    *out = (lethe_point){x, y};
    return true;
}

static int parse_button(const char *word) {
    return strcmp(word, "right") == 0    ? LETHE_BUTTON_RIGHT
           : strcmp(word, "middle") == 0 ? LETHE_BUTTON_MIDDLE
           : strcmp(word, "left") == 0   ? LETHE_BUTTON_LEFT
                                         : -1;
}

static void button(struct lethe_script *script, lethe_point at, int which, bool down) {
    enqueue(script, (lethe_event){.kind = LETHE_EVENT_BUTTON, .x = at.x, .y = at.y, .button = which, .down = down});
}

static void move(struct lethe_script *script, lethe_point at) { enqueue(script, (lethe_event){.kind = LETHE_EVENT_MOVE, .x = at.x, .y = at.y}); }

static void click(struct lethe_script *script, lethe_point at, int which) {
    move(script, at);
    button(script, at, which, true);
    button(script, at, which, false);
}

static lethe_status drag(lethe_app *app, struct lethe_script *script, char **words, int count, lethe_error *error) {
    int which = count > 1 ? parse_button(words[count - 1]) : -1;
    if (which >= 0) count--;
    else which = LETHE_BUTTON_LEFT;
    lethe_point last = {0, 0}, next;
    for (int i = 1; i < count; i++) {
        if (!parse_point(app, words[i], &next)) return bad(script, error, "no such point");
        if (i == 1) {
            move(script, next);
            button(script, next, which, true);
        } else {
            int steps = count > 12 ? 1 : 4;
            for (int s = 1; s <= steps; s++)
                move(script, (lethe_point){last.x + (next.x - last.x) * s / steps, last.y + (next.y - last.y) * s / steps});
        }
        last = next;
    }
    button(script, last, which, false);
    return LETHE_OK;
}

static lethe_status press_key(struct lethe_script *script, const char *word, lethe_error *error) {
    int key, mods;
    if (!lethe_key_parse(word, &key, &mods)) return bad(script, error, "no such key");
    enqueue(script, (lethe_event){.kind = LETHE_EVENT_KEY, .key = key, .mods = mods, .down = true});
    enqueue(script, (lethe_event){.kind = LETHE_EVENT_KEY, .key = key, .mods = mods, .down = false});
    enqueue(script, (lethe_event){.kind = LETHE_EVENT_KEY, .key = LETHE_KEY_NONE, .mods = 0, .down = false});
    return LETHE_OK;
}

/* --- assertions --- */

static lethe_status assert_state(lethe_app *app, const struct lethe_script *script, char *expression, lethe_error *error) {
    size_t length = strcspn(expression, "=~<>");
    char operator= expression[length], *wanted = expression + length + 1, actual[512];
    if (!operator) return bad(script, error, "assert-state NAME=VALUE");
    expression[length] = '\0';
    if (!lethe_app_state(app, expression, actual, sizeof actual)) return bad(script, error, "no such state");
    bool good = false;
    double a, b, tolerance = 0;
    if (operator== '=') good = strcmp(actual, wanted) == 0;
    else {
        char *second = operator== '~' ? strchr(wanted, '~') : NULL;
        if (second) {
            *second = '\0';
            if (!lethe_text_to_double(second + 1, &tolerance)) return bad(script, error, "no such tolerance");
        }
        if (!lethe_text_to_double(wanted, &b)) return bad(script, error, "no number to compare with");
        good = lethe_text_to_double(actual, &a) && (operator== '~' ? fabs(a - b) <= tolerance : operator== '<' ? a < b : a> b);
    }
    if (good) return LETHE_OK;
    return lethe_fail(error, LETHE_INTERNAL, "script line %d: %s is %s, not %c %s", script->line, expression, actual, operator, wanted);
}

static lethe_status assert_pixel(lethe_app *app, const struct lethe_script *script, char **words, int count, lethe_error *error) {
    lethe_point at;
    int r, g, b;
    double tolerance;
    if (count != 4 || !parse_point(app, words[1], &at) || sscanf(words[2], "%d,%d,%d", &r, &g, &b) != 3 ||
        !lethe_text_to_double(words[3], &tolerance))
        return bad(script, error, "assert-pixel POINT R,G,B TOLERANCE");
    lethe_image image = {0};
    lethe_status status = lethe_draw_read(app->draw, &image, error);
    if (status) return status;
    int64_t x = (int64_t)floor(at.x * app->pixel_scale), y = (int64_t)floor(at.y * app->pixel_scale);
    if (x < 0 || y < 0 || x >= image.columns || y >= image.rows) status = bad(script, error, "the point lies outside of the window");
    else {
        const uint8_t *p = image.pixels + ((size_t)y * image.columns + (size_t)x) * 3;
        if (fabs((double)p[0] - r) > tolerance || fabs((double)p[1] - g) > tolerance || fabs((double)p[2] - b) > tolerance)
            status =
                lethe_fail(error, LETHE_INTERNAL, "script line %d: the pixel is %d,%d,%d, not %d,%d,%d", script->line, p[0], p[1], p[2], r, g, b);
    }
    lethe_image_release(&image);
    return status;
}

/* --- steps --- */

static lethe_status set_value(lethe_app *app, const struct lethe_script *script, const char *name, const char *text, lethe_error *error) {
    const struct {
        const char *name;
        double *value;
    } numbers[] = {{"brush-mm", &app->brush_mm},
                   {"threshold-low", &app->threshold_low},
                   {"threshold-high", &app->threshold_high},
                   {"tolerance", &app->grow_tolerance},
                   {"opacity", &app->opacity},
                   {"slab-mm", &app->slab_mm}};
    const struct {
        const char *name;
        bool *value;
    } flags[] = {{"brush-3d", &app->brush_3d},     {"grow-3d", &app->grow_3d},
                 {"linked", &app->linked},         {"show-left", &app->show_left},
                 {"show-right", &app->show_right}, {"show-text", &app->show_text},
                 {"magnifier", &app->magnifier},   {"linear", &app->views[app->active].linear}};
    double value;
    if (strcmp(name, "active") == 0 && lethe_text_to_double(text, &value) && value >= 0 && value < app->grid_columns * app->grid_rows) {
        app->active = (int)value;
        return LETHE_OK;
    }
    double x, y;
    if (strcmp(name, "look") == 0 && sscanf(text, "%lf,%lf", &x, &y) == 2) { /* the image point in the middle of the view */
        app->views[app->active].camera.centre = (lethe_point){x, y};
        return LETHE_OK;
    }
    if (strcmp(name, "slab-kind") == 0 && lethe_text_to_double(text, &value)) {
        app->slab = value >= 0 && value <= 2 ? (lethe_slab)(int)value : LETHE_SLAB_MEAN;
        return LETHE_OK;
    }
    if (strcmp(name, "case-tab") == 0 && lethe_text_to_double(text, &value)) {
        app->case_tab = value >= 0 && value <= 2 ? (int)value : 0;
        return LETHE_OK;
    }
    lethe_view *view = &app->views[app->active];
    if (strcmp(name, "window-centre") == 0 && lethe_text_to_double(text, &view->centre)) {
        view->has_window = view->user_window = true;
        return LETHE_OK;
    }
    if (strcmp(name, "window-width") == 0 && lethe_text_to_double(text, &view->width)) {
        view->has_window = view->user_window = true;
        return LETHE_OK;
    }
    if (strcmp(name, "zoom") == 0 && lethe_text_to_double(text, &value) && value > 0) {
        lethe_point middle = {view->camera.viewport.x + view->camera.viewport.width / 2, view->camera.viewport.y + view->camera.viewport.height / 2};
        lethe_camera_zoom_at(&view->camera, middle, value / view->camera.scale);
        return LETHE_OK;
    }
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (strcmp(numbers[i].name, name) == 0 && lethe_text_to_double(text, numbers[i].value)) return LETHE_OK;
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        if (strcmp(flags[i].name, name) == 0) {
            *flags[i].value = strcmp(text, "on") == 0 || strcmp(text, "1") == 0;
            return LETHE_OK;
        }
    return bad(script, error, "nothing of that name to set");
}

/* The value that a plane shows at a place of the patient. */
static lethe_status assert_cut(lethe_app *app, const struct lethe_script *script, char **words, int count, lethe_error *error) {
    int number, used = 0, values_count = 0;
    double p[3], wanted, tolerance, values[3];
    lethe_point at;
    if (count != 5 || sscanf(words[1], "%d", &number) != 1 || number < 0 || number >= LETHE_VIEWS ||
        sscanf(words[2], "%lf,%lf,%lf%n", &p[0], &p[1], &p[2], &used) != 3 || words[2][used] || !lethe_text_to_double(words[3], &wanted) ||
        !lethe_text_to_double(words[4], &tolerance))
        return bad(script, error, "assert-cut VIEW X,Y,Z VALUE TOLERANCE");
    const lethe_view *view = &app->views[number];
    if (view->kind != LETHE_VIEW_PLANE || !lethe_view_from_patient(view, p, &at, NULL) || !lethe_view_value(app, view, at, values, &values_count))
        return bad(script, error, "no plane shows this place");
    if (fabs(values[0] - wanted) <= tolerance) return LETHE_OK;
    return lethe_fail(error, LETHE_INTERNAL, "script line %d: the plane holds %.2f, not %.2f", script->line, values[0], wanted);
}

static lethe_status choose(lethe_app *app, const struct lethe_script *script, char **words, lethe_error *error) {
    if (strcmp(words[0], "command") == 0) {
        const lethe_command *command = lethe_command_find(words[1]);
        if (!command) return bad(script, error, "no such command");
        command->run(app);
        return LETHE_OK;
    }
    if (strcmp(words[0], "label") == 0) {
        int label = lethe_app_label_index(app, words[1]);
        if (label < 0) return bad(script, error, "no such label");
        app->label = label;
        return LETHE_OK;
    }
    for (int t = 0; t < LETHE_TOOLS; t++)
        if (strcmp(lethe_tool_of((lethe_tool)t)->id, words[1]) == 0) {
            lethe_app_choose_tool(app, (lethe_tool)t);
            return LETHE_OK;
        }
    return bad(script, error, "no such tool");
}

static lethe_status mouse_step(lethe_app *app, struct lethe_script *script, char **words, int count, lethe_error *error) {
    lethe_point at;
    if (strcmp(words[0], "drag") == 0) return drag(app, script, words, count, error);
    if (!parse_point(app, words[1], &at)) return bad(script, error, "no such point");
    int which = count > 2 ? parse_button(words[2]) : LETHE_BUTTON_LEFT;
    if (strcmp(words[0], "press") == 0) {
        move(script, at);
        button(script, at, LETHE_BUTTON_LEFT, true);
    } else if (strcmp(words[0], "release") == 0) button(script, at, LETHE_BUTTON_LEFT, false);
    else if (strcmp(words[0], "move") == 0) move(script, at);
    else if (strcmp(words[0], "click") == 0) click(script, at, which < 0 ? LETHE_BUTTON_LEFT : which);
    else if (strcmp(words[0], "double") == 0) {
        click(script, at, LETHE_BUTTON_LEFT);
        click(script, at, LETHE_BUTTON_LEFT);
    } else {
        double steps;
        if (count < 3 || !lethe_text_to_double(words[2], &steps)) return bad(script, error, "wheel POINT STEPS");
        int mods = count > 3 ? (strcmp(words[3], "ctrl") == 0 ? LETHE_MOD_CTRL : strcmp(words[3], "shift") == 0 ? LETHE_MOD_SHIFT : 0) : 0;
        move(script, at);
        enqueue(script, (lethe_event){.kind = LETHE_EVENT_SCROLL, .x = at.x, .y = at.y, .amount = steps, .mods = mods});
    }
    return LETHE_OK;
}

static lethe_status step(lethe_app *app, struct lethe_script *script, char **words, int count, lethe_error *error) {
    static const char *const mouse[] = {"move", "click", "double", "drag", "wheel", "press", "release"};
    const char *verb = words[0];
    double number = 0;
    if (strcmp(verb, "wait-idle") == 0) {
        script->waiting = true;
        script->deadline = lethe_window_seconds() + (count > 1 && lethe_text_to_double(words[1], &number) ? number : 120);
        app->idle_frames = 0;
        return LETHE_OK;
    }
    if (strcmp(verb, "quit") == 0) {
        app->quit = true;
        return LETHE_OK;
    }
    if (count < 2) return bad(script, error, "unknown step, or something is missing");
    if (strcmp(verb, "tick") == 0 && lethe_text_to_double(words[1], &number)) {
        app->clock = (app->clock_held ? app->clock : app->now) + number;
        app->clock_held = true;
        return LETHE_OK;
    }
    if (strcmp(verb, "clipboard") == 0) {
        lethe_window_set_clipboard(app->window, words[1]);
        return LETHE_OK;
    }
    if (strcmp(verb, "sleep") == 0 && lethe_text_to_double(words[1], &number)) {
        script->wait_until = lethe_window_seconds() + number;
        return LETHE_OK;
    }
    if (strcmp(verb, "size") == 0 && count == 3) {
        int64_t w, h;
        if (!lethe_text_to_int64(words[1], &w) || !lethe_text_to_int64(words[2], &h) || w < 1 || h < 1 || w > 8192 || h > 8192)
            return bad(script, error, "size W H");
        lethe_window_resize(app->window, (int)w, (int)h);
        return LETHE_OK;
    }
    if (strcmp(verb, "scale") == 0 && lethe_text_to_double(words[1], &number) && number >= 0.5 && number <= 4) {
        lethe_window_rescale(app->window, number);
        return LETHE_OK;
    }
    if (strcmp(verb, "close") == 0) {
        enqueue(script, (lethe_event){.kind = LETHE_EVENT_CLOSE});
        return LETHE_OK;
    }
    if (strcmp(verb, "wait-file") == 0) {
        (void)snprintf(script->wait_file, sizeof script->wait_file, "%s", words[1]);
        script->deadline = lethe_window_seconds() + 120;
        return LETHE_OK;
    }
    if (strcmp(verb, "hold-growing") == 0) {
        atomic_store(&app->grow_held, strcmp(words[1], "on") == 0);
        return LETHE_OK;
    }
    if (strcmp(verb, "assert-cut") == 0) return assert_cut(app, script, words, count, error);
    if (strcmp(verb, "open") == 0) return lethe_app_open_case(app, words[1], error);
    if (strcmp(verb, "command") == 0 || strcmp(verb, "tool") == 0 || strcmp(verb, "label") == 0) return choose(app, script, words, error);
    if (strcmp(verb, "set") == 0 && count == 3) return set_value(app, script, words[1], words[2], error);
    if (strcmp(verb, "key") == 0) return press_key(script, words[1], error);
    if (strcmp(verb, "screenshot") == 0) return lethe_app_screenshot(app, words[1], error);
    if (strcmp(verb, "assert-pixel") == 0) return assert_pixel(app, script, words, count, error);
    if (strcmp(verb, "print") == 0) {
        char value[512];
        if (!lethe_app_state(app, words[1], value, sizeof value)) return bad(script, error, "no such state");
        (void)printf("%s=%s\n", words[1], value);
        (void)fflush(stdout); /* a test may wait for it */
        return LETHE_OK;
    }
    for (size_t i = 0; i < sizeof mouse / sizeof *mouse; i++)
        if (strcmp(verb, mouse[i]) == 0) return mouse_step(app, script, words, count, error);
    return bad(script, error, "unknown step");
}

static void type_text(struct lethe_script *script, const char *text) {
    const char *at = text, *end = text + strlen(text);
    while (at < end) enqueue(script, (lethe_event){.kind = LETHE_EVENT_TEXT, .code_point = lethe_utf8_next(&at, end)});
}

static lethe_status next_line(lethe_app *app, struct lethe_script *script, lethe_error *error) {
    char *line = script->at, *end = strchr(line, '\n');
    script->at = end ? end + 1 : line + strlen(line);
    if (end) *end = '\0';
    script->line++;
    while (*line == ' ' || *line == '\t') line++;
    if (*line == '\0' || *line == '#') return LETHE_OK;
    if (lethe_text_starts(line, "type ")) {
        type_text(script, line + 5);
        return LETHE_OK;
    }
    if (lethe_text_starts(line, "assert-state ")) { /* values may have spaces */
        size_t length = strlen(line);
        while (length > 0 && (line[length - 1] == ' ' || line[length - 1] == '\r')) line[--length] = '\0';
        return assert_state(app, script, line + 13, error);
    }
    char *words[WORDS];
    int count = 0;
    for (char *save = NULL, *word = strtok_r(line, " \t\r", &save); word && count < WORDS; word = strtok_r(NULL, " \t\r", &save))
        words[count++] = word;
    return count ? step(app, script, words, count, error) : LETHE_OK;
}

lethe_status lethe_script_step(lethe_app *app, lethe_event *events, unsigned capacity, unsigned *count, lethe_error *error) {
    struct lethe_script *script = app->script;
    *count = 0;
    lethe_status status = LETHE_OK;
    if (app->frames_drawn < 2) return LETHE_OK;
    for (;;) {
        if (script->count > 0) { /* one event a turn: the interface sees every press and release */
            if (capacity > 0) events[(*count)++] = script->queue[script->head];
            script->head = (script->head + 1) % SCRIPT_QUEUE;
            script->count--;
            return LETHE_OK;
        }
        if (script->waiting) {
            if (!lethe_app_idle(app)) {
                if (lethe_window_seconds() > script->deadline)
                    return lethe_fail(error, LETHE_INTERNAL, "script line %d: not idle in time", script->line);
                return LETHE_OK;
            }
            script->waiting = false;
        }
        if (script->wait_file[0]) {
            if (access(script->wait_file, F_OK) != 0)
                return lethe_window_seconds() > script->deadline
                           ? lethe_fail(error, LETHE_INTERNAL, "script line %d: the file did not come in time", script->line)
                           : LETHE_OK;
            script->wait_file[0] = '\0';
        }
        if (lethe_window_seconds() < script->wait_until) return LETHE_OK;
        if (*script->at == '\0') {
            app->quit = true;
            return LETHE_OK;
        }
        bool changes = !lethe_text_starts(script->at, "assert") && !lethe_text_starts(script->at, "print") && !lethe_text_starts(script->at, "#");
        status = next_line(app, script, error);
        if (status || (changes && script->count == 0)) return status;
    }
}
