/* The left panel: my tasks, all cases, and the series of the open one. */
#include "viewer/app.h"

#include "core/text.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static uint32_t thumbnail(const lethe_app *app, uint32_t source, double *aspect) {
    for (size_t i = 0; i < app->thumbnail_count; i++) {
        const lethe_texture *t = &app->thumbnails[i].texture;
        if (app->thumbnails[i].source != source || t->kind == LETHE_TEXTURE_NONE) continue;
        *aspect = (double)t->width / t->height;
        return t->id;
    }
    *aspect = 1;
    return 0;
}

static bool is_shown(const lethe_app *app, const lethe_series *series) {
    for (int i = 0; i < app->grid_columns * app->grid_rows; i++)
        if (app->views[i].series == series) return true;
    return false;
}

static void series_list(lethe_app *app) {
    for (size_t i = 0; i < app->study->series_count; i++) {
        lethe_series *series = &app->study->series[i];
        char subtitle[96], title[80], id[32];
        size_t images = series->loaded && series->frame_count ? series->frame_count : series->file_count;
        if (series->is_slide) (void)snprintf(subtitle, sizeof subtitle, "%u × %u", series->columns, series->rows);
        else (void)snprintf(subtitle, sizeof subtitle, images == 1 ? "%s · 1 image" : "%s · %zu images", series->modality, images);
        if (series->laterality[0] && series->view_position[0])
            (void)snprintf(title, sizeof title, "%s %s", series->laterality, series->view_position);
        else (void)snprintf(title, sizeof title, "%s", lethe_series_title(series));
        (void)snprintf(id, sizeof id, "s%zu", i);
        double aspect;
        uint32_t texture = thumbnail(app, series->source, &aspect);
        lethe_ui_row row = {.id = id,
                            .title = title,
                            .subtitle = series->failure[0] && series->frame_count == 0 ? T("This series cannot be shown") : subtitle,
                            .has_thumbnail = true,
                            .thumbnail = texture,
                            .thumbnail_aspect = aspect,
                            .selected = app->views[app->active].series == series,
                            .strong = is_shown(app, series),
                            .height = 62};
        if (lethe_ui_row_item(app->ui, &row) && !app->mpr_on) lethe_app_show(app, app->active, series);
    }
}

static const char *short_id(const char *id) {
    const char *slash = strrchr(id, '/');
    return slash ? slash + 1 : id;
}

static const lethe_case *case_of(const lethe_app *app, const char *id) {
    for (size_t i = 0; app->cases && i < app->cases->count; i++)
        if (strcmp(app->cases->items[i].id, id) == 0) return &app->cases->items[i];
    return NULL;
}

static bool matches(const lethe_app *app, const lethe_case *c) {
    return app->case_filter[0] == '\0' || (c && (strcasestr(c->patient, app->case_filter) || strcasestr(c->description, app->case_filter) ||
                                                 strcasestr(c->modalities, app->case_filter)));
}

static bool case_row(lethe_app *app, const char *id, const lethe_case *c, const char *badge, uint32_t colour) {
    char subtitle[128], modalities[32];
    (void)snprintf(modalities, sizeof modalities, "%s", c ? c->modalities : "");
    for (char *at = modalities; *at; at++)
        if (*at == '\\') *at = ' ';
    char date[16] = "";
    if (c && strlen(c->date) == 8) (void)snprintf(date, sizeof date, "%.4s-%.2s-%.2s", c->date, c->date + 4, c->date + 6);
    const char *second = c && c->description[0] ? c->description : date;
    (void)snprintf(subtitle, sizeof subtitle, "%s%s%s", modalities, modalities[0] && second[0] ? "  ·  " : "", second);
    bool slide = c && c->is_slide;
    lethe_ui_row row = {.id = id,
                        .title = slide ? short_id(c->id)
                                 : c   ? c->patient
                                       : id,
                        .subtitle = subtitle[0] ? subtitle : " ",
                        .badge = badge,
                        .badge_colour = colour,
                        .selected = strcmp(app->case_id, id) == 0,
                        .height = 48};
    return lethe_ui_row_item(app->ui, &row) != 0;
}

static void tasks(lethe_app *app) {
    static const char *const words[LETHE_TASK_STATES] = {"to do", "started", "done", "returned", "skipped"};
    static const uint32_t colours[LETHE_TASK_STATES] = {LETHE_COLOUR_MUTED, LETHE_COLOUR_ACCENT, LETHE_COLOUR_GOOD, LETHE_COLOUR_WARNING,
                                                        LETHE_COLOUR_MUTED};
    size_t count = app->tasks ? app->tasks->count : 0, done = 0, shown = 0;
    for (size_t i = 0; i < count; i++) done += app->tasks->items[i].state == LETHE_TASK_SUBMITTED;
    if (count == 0) {
        lethe_ui_space(app->ui, 8);
        lethe_ui_text_wrapped(app->ui, LETHE_COLOUR_MUTED, T("No tasks are assigned to you. Open any case under \"All cases\"."));
        return;
    }
    char text[64];
    (void)snprintf(text, sizeof text, "%zu / %zu %s", done, count, T("done"));
    lethe_ui_text(app->ui, LETHE_COLOUR_MUTED, text);
    lethe_ui_progress(app->ui, (double)done / (double)count);
    lethe_ui_space(app->ui, 2);
    lethe_ui_scroll_begin(app->ui, "tasks", 0);
    char chosen[512] = "";
    for (size_t i = 0; i < count; i++) {
        const lethe_task *task = &app->tasks->items[i];
        const lethe_case *c = case_of(app, task->case_id);
        if (!matches(app, c)) continue;
        shown++;
        lethe_ui_push_id(app->ui, task->id);
        if (case_row(app, task->case_id, c, T(words[task->state]), colours[task->state])) (void)snprintf(chosen, sizeof chosen, "%s", task->case_id);
        lethe_ui_pop_id(app->ui);
    }
    if (shown == 0) lethe_ui_text_wrapped(app->ui, LETHE_COLOUR_MUTED, T("Nothing matches the search."));
    lethe_ui_scroll_end(app->ui);
    if (chosen[0]) lethe_app_open_later(app, chosen);
}

static void all_cases(lethe_app *app) {
    size_t count = app->cases ? app->cases->count : 0, shown = 0;
    if (count == 0) {
        lethe_ui_space(app->ui, 8);
        lethe_ui_text_wrapped(app->ui, LETHE_COLOUR_MUTED, T("No released cases yet"));
        return;
    }
    lethe_ui_scroll_begin(app->ui, "cases", 0);
    char chosen[512] = "";
    for (size_t i = 0; i < count; i++) {
        const lethe_case *c = &app->cases->items[i];
        if (!matches(app, c)) continue;
        shown++;
        char badge[24] = "";
        if (c->annotation_count > 0) (void)snprintf(badge, sizeof badge, "%lld", (long long)c->annotation_count);
        if (case_row(app, c->id, c, badge[0] ? badge : NULL, LETHE_COLOUR_GOOD)) (void)snprintf(chosen, sizeof chosen, "%s", c->id);
    }
    if (shown == 0) lethe_ui_text_wrapped(app->ui, LETHE_COLOUR_MUTED, T("Nothing matches the search."));
    lethe_ui_scroll_end(app->ui);
    if (chosen[0]) lethe_app_open_later(app, chosen);
}

static void recent_cases(lethe_app *app) {
    char chosen[512] = "";
    size_t shown = 0;
    lethe_ui_scroll_begin(app->ui, "recent", 0);
    for (size_t i = 0; i < app->recent.count; i++) {
        const lethe_case *c = case_of(app, app->recent.ids[i]); /* what is no longer released, or not for this reader, is not named */
        if (!c || !matches(app, c)) continue;
        shown++;
        if (case_row(app, c->id, c, NULL, 0)) (void)snprintf(chosen, sizeof chosen, "%s", c->id);
    }
    if (shown == 0) {
        lethe_ui_space(app->ui, 8);
        lethe_ui_text_wrapped(app->ui, LETHE_COLOUR_MUTED,
                              app->case_filter[0] ? T("Nothing matches the search.") : T("The cases that you opened last are listed here."));
    }
    lethe_ui_scroll_end(app->ui);
    if (chosen[0]) lethe_app_open_later(app, chosen);
}

void lethe_panel_cases(lethe_app *app, lethe_rect rect) {
    lethe_ui *ui = app->ui;
    double upper = app->study ? rect.height * (app->study->series_count > 3 ? 0.46 : 0.62) : rect.height;
    lethe_ui_panel_begin(ui, "cases", (lethe_rect){rect.x, rect.y, rect.width, upper}, LETHE_COLOUR_SURFACE, 12);
    const char *tabs[] = {T("My tasks"), T("All cases"), T("Recent")};
    (void)lethe_ui_tabs(ui, "tabs", tabs, 3, &app->case_tab);
    (void)lethe_ui_input(ui, "filter", app->case_filter, sizeof app->case_filter, T("Search patient or study"));
    lethe_ui_space(ui, 2);
    if (app->case_tab == 0) tasks(app);
    else if (app->case_tab == 1) all_cases(app);
    else recent_cases(app);
    lethe_ui_panel_end(ui);
    if (!app->study) return;
    lethe_ui_panel_begin(ui, "series", (lethe_rect){rect.x, rect.y + upper + 1, rect.width, rect.height - upper - 1}, LETHE_COLOUR_SURFACE, 12);
    lethe_ui_heading(ui, app->study->is_slide ? T("Slide") : T("Series"));
    lethe_ui_scroll_begin(ui, "list", 0);
    series_list(app);
    lethe_ui_scroll_end(ui);
    lethe_ui_panel_end(ui);
}
