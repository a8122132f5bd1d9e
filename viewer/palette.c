/* The command palette: every command, tool and label by a few letters of its name. */
#include "viewer/app.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { ROWS = 400, WORDS = 8 };

typedef struct entry {
    const char *title; /* in English */
    char key[32];
    const lethe_command *command;
    int tool, label; /* -1 = none */
} entry;

/* All words of the search stand in the title, in the reader's language or in English. */
static bool matches(const lethe_app *app, const char *title) {
    char words[sizeof app->palette_text];
    (void)snprintf(words, sizeof words, "%s", app->palette_text);
    const char *shown = T(title);
    for (char *save = NULL, *word = strtok_r(words, " ", &save); word; word = strtok_r(NULL, " ", &save))
        if (!strcasestr(shown, word) && !strcasestr(title, word)) return false;
    return true;
}

static size_t collect(const lethe_app *app, entry *out) {
    size_t count = 0;
    for (int t = 0; t < LETHE_TOOLS && count < ROWS; t++) {
        const lethe_tool_facts *tool = lethe_tool_of((lethe_tool)t);
        if (!matches(app, tool->title)) continue;
        out[count] = (entry){.title = tool->title, .tool = t, .label = -1};
        lethe_key_format(tool->key, 0, out[count++].key, sizeof out->key);
    }
    for (size_t i = 0; i < lethe_command_count() && count < ROWS; i++) {
        const lethe_command *command = lethe_command_at(i);
        if (!command->group || strcmp(command->id, "palette") == 0 || !matches(app, command->title)) continue;
        out[count] = (entry){.title = command->title, .command = command, .tool = -1, .label = -1};
        lethe_key_format(command->key, command->mods, out[count++].key, sizeof out->key);
    }
    for (int i = 0; i < app->label_count && count < ROWS; i++) {
        if ((app->labels[i].label && app->labels[i].label->level != LETHE_LEVEL_REGION) || !matches(app, app->labels[i].title)) continue;
        out[count++] = (entry){.title = app->labels[i].title, .tool = -1, .label = i};
    }
    return count;
}

static void choose(lethe_app *app, const entry *e) {
    app->sheet = LETHE_SHEET_NONE;
    app->palette_text[0] = '\0';
    if (e->command) e->command->run(app);
    else if (e->tool >= 0) lethe_app_choose_tool(app, (lethe_tool)e->tool);
    else if (e->label >= 0) app->label = e->label;
}

void lethe_palette_open(lethe_app *app) {
    app->sheet = LETHE_SHEET_PALETTE;
    app->palette_text[0] = '\0';
    app->palette_at = 0;
    app->sheet_fresh = true;
}

bool lethe_palette_key(lethe_app *app, int key) {
    entry all[ROWS];
    size_t count = collect(app, all);
    switch (key) {
    case LETHE_KEY_DOWN: app->palette_at = count ? (app->palette_at + 1) % count : 0; return true;
    case LETHE_KEY_UP: app->palette_at = count ? (app->palette_at + count - 1) % count : 0; return true;
    case LETHE_KEY_ENTER:
        if (app->palette_at < count) choose(app, &all[app->palette_at]);
        return true;
    default: return false;
    }
}

void lethe_palette_sheet(lethe_app *app) {
    bool open = true;
    lethe_ui *ui = app->ui;
    entry all[ROWS];
    char before[sizeof app->palette_text];
    (void)snprintf(before, sizeof before, "%s", app->palette_text);
    if (!lethe_ui_sheet_begin(ui, T("All commands"), 560, 520, &open)) return;
    if (app->sheet_fresh) lethe_ui_focus_next(ui);
    app->sheet_fresh = false;
    (void)lethe_ui_input(ui, "palette", app->palette_text, sizeof app->palette_text, T("A few letters; arrows choose, Enter runs"));
    if (strcmp(before, app->palette_text) != 0) app->palette_at = 0;
    lethe_ui_space(ui, 2);
    lethe_ui_scroll_begin(ui, "found", 0);
    size_t count = collect(app, all), chosen = count;
    for (size_t i = 0; i < count; i++) {
        lethe_ui_push_id(ui, (int64_t)i);
        lethe_ui_row row = {.id = "row",
                            .title = all[i].label >= 0 ? all[i].title : T(all[i].title),
                            .badge = all[i].key[0] ? all[i].key : NULL,
                            .badge_colour = LETHE_COLOUR_ACCENT,
                            .swatch = all[i].label >= 0 ? app->labels[all[i].label].colour : 0,
                            .selected = i == app->palette_at,
                            .height = 28};
        if (lethe_ui_row_item(ui, &row)) chosen = i;
        if (i == app->palette_at) lethe_ui_scroll_here(ui);
        lethe_ui_pop_id(ui);
    }
    if (count == 0) lethe_ui_text(ui, LETHE_COLOUR_MUTED, T("Nothing matches the search."));
    lethe_ui_scroll_end(ui);
    lethe_ui_sheet_end(ui);
    if (!open) app->sheet = LETHE_SHEET_NONE;
    if (chosen < count) choose(app, &all[chosen]);
}
