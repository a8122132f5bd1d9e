/* The frame around the images: top bar, tool strip, status line, sheets. */
#include "viewer/app.h"
#include "viewer/review.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static bool icon(lethe_app *app, const char *id, lethe_icon picture, bool on, bool enabled, const char *tip, const char *key) {
    bool pressed = lethe_ui_icon_button(app->ui, id, picture, 34, on, enabled, tip, key);
    lethe_ui_same_line(app->ui, 2);
    return pressed;
}

static void gap(lethe_app *app) {
    lethe_ui_space(app->ui, 34);
    lethe_ui_same_line(app->ui, 10);
}

static void command_icon(lethe_app *app, const char *id, lethe_icon picture, bool on, bool enabled) {
    const lethe_command *command = lethe_command_find(id);
    char key[32] = "";
    lethe_key_format(command->key, command->mods, key, sizeof key);
    if (icon(app, id, picture, on, enabled, T(command->title), key)) command->run(app);
}

static void presets(lethe_app *app) {
    lethe_view *view = &app->views[app->active];
    const char *names[] = {T("Window of the image"), T("Soft tissue"), T("Lung"), T("Bone"), T("Brain"), T("Full range of the values")};
    static const char *const ids[] = {"window-default", "window-soft", "window-lung", "window-bone", "window-brain", "window-range"};
    bool ct = view->series && strcmp(view->series->modality, "CT") == 0;
    if (!ct) {
        int count = lethe_view_voi_count(view), most = count < 6 ? count : 6; /* what the file offers, the range last */
        for (int i = 0; i < most; i++) {
            char name[96];
            int choice = most < count && i == most - 1 ? count - 1 : i;
            lethe_view_voi_name(app, view, choice, name, sizeof name);
            lethe_ui_push_id(app->ui, i);
            if (lethe_ui_button(app->ui, name, view->voi == choice && !view->user_window ? LETHE_BUTTON_PLAIN : LETHE_BUTTON_QUIET, 0,
                                choice == count - 1 ? T("Full range of the values") : T("Window of the image")))
                lethe_view_choose_voi(app, view, choice);
            lethe_ui_pop_id(app->ui);
            lethe_ui_same_line(app->ui, 2);
        }
        lethe_ui_same_line(app->ui, 10);
        return;
    }
    for (int i = 1; i < 5; i++) {
        if (lethe_ui_button(app->ui, names[i], view->preset == i ? LETHE_BUTTON_PLAIN : LETHE_BUTTON_QUIET, 0, names[i]))
            lethe_command_find(ids[i])->run(app);
        lethe_ui_same_line(app->ui, 2);
    }
    lethe_ui_same_line(app->ui, 10);
}

void lethe_panel_top(lethe_app *app, lethe_rect rect) {
    lethe_ui *ui = app->ui;
    lethe_view *view = &app->views[app->active];
    bool image = view->kind != LETHE_VIEW_EMPTY, stack = view->kind == LETHE_VIEW_STACK, slide = view->kind == LETHE_VIEW_SLIDE;
    lethe_ui_panel_begin(ui, "top", rect, LETHE_COLOUR_BASE, 7);
    lethe_ui_bar(ui, true);
    command_icon(app, "toggle-left", LETHE_ICON_PANEL, false, true);
    gap(app);
    command_icon(app, "fit", LETHE_ICON_FIT, false, image);
    command_icon(app, "rotate-right", LETHE_ICON_ROTATE, false, image);
    command_icon(app, "flip-across", LETHE_ICON_FLIP, view->camera.flip_x, image);
    command_icon(app, "invert", LETHE_ICON_INVERT, view->invert, image);
    command_icon(app, "magnifier", LETHE_ICON_MAGNIFY, app->magnifier, stack);
    command_icon(app, "reset", LETHE_ICON_RESET, false, image);
    gap(app);
    if (!slide) {
        command_icon(app, "play", view->playing ? LETHE_ICON_PAUSE : LETHE_ICON_PLAY, view->playing, stack && view->series->frame_count > 1);
        command_icon(app, "mpr", LETHE_ICON_MPR, app->mpr_on, stack || app->mpr_on);
        command_icon(app, "hang-four", LETHE_ICON_LAYOUT, false, app->study != NULL);
        command_icon(app, "link", LETHE_ICON_LINK, app->linked, app->study != NULL);
        gap(app);
        if (stack || view->kind == LETHE_VIEW_PLANE) presets(app);
    }
    command_icon(app, "undo", LETHE_ICON_UNDO, false, app->marks && lethe_marks_undo_name(app->marks));
    command_icon(app, "redo", LETHE_ICON_REDO, false, app->marks && lethe_marks_redo_name(app->marks));
    command_icon(app, "toggle-marks", app->show_marks ? LETHE_ICON_EYE : LETHE_ICON_EYE_OFF, false, app->study != NULL);
    double right = 34 * 2 + 60 + (app->task ? 210 : 0);
    lethe_ui_right_align(ui, right);
    if (app->task) {
        bool closed = app->task_state == LETHE_TASK_SUBMITTED;
        if (lethe_ui_button(ui, T("Skip"), closed ? LETHE_BUTTON_DISABLED : LETHE_BUTTON_QUIET, 80, T("Hand the case back with a reason")))
            app->sheet = LETHE_SHEET_SKIP;
        lethe_ui_same_line(ui, 6);
        if (lethe_ui_button(ui, closed ? T("Submitted") : T("Submit"), closed ? LETHE_BUTTON_DISABLED : LETHE_BUTTON_PRIMARY, 112,
                            T("Submit and go on")))
            lethe_app_submit(app);
        lethe_ui_same_line(ui, 10);
    }
    if (lethe_ui_button(ui, app->language == LETHE_ENGLISH ? "FR" : "EN", LETHE_BUTTON_QUIET, 40, T("English or French")))
        lethe_command_find("language")->run(app);
    lethe_ui_same_line(ui, 4);
    command_icon(app, "shortcuts", LETHE_ICON_HELP, app->sheet == LETHE_SHEET_SHORTCUTS, true);
    command_icon(app, "toggle-right", LETHE_ICON_PANEL_RIGHT, false, true);
    lethe_ui_bar(ui, false);
    lethe_ui_panel_end(ui);
}

void lethe_panel_tools(lethe_app *app, lethe_rect rect) {
    lethe_ui *ui = app->ui;
    bool slide = app->study && app->study->is_slide;
    lethe_ui_panel_begin(ui, "tools", rect, LETHE_COLOUR_BASE, 7);
    double size = (rect.height - 14 - 3 * 13) / LETHE_TOOLS - 2; /* all tools fit, however low the window */
    size = floor(size > 38 ? 38 : size < 18 ? 18 : size);
    lethe_ui_tight(ui, true);
    for (int t = 0; t < LETHE_TOOLS; t++) {
        const lethe_tool_facts *tool = lethe_tool_of((lethe_tool)t);
        if (t == LETHE_TOOL_BOX || t == LETHE_TOOL_BRUSH || t == LETHE_TOOL_RULER) lethe_ui_separator(ui);
        char key[8], tip[256];
        lethe_key_format(tool->key, 0, key, sizeof key);
        (void)snprintf(tip, sizeof tip, "%s. %s", T(tool->title), T(tool->help));
        bool enabled = !slide || lethe_tool_works_on((lethe_tool)t, LETHE_VIEW_SLIDE);
        if (lethe_ui_icon_button(ui, tool->id, tool->icon, size, app->tool == (lethe_tool)t, enabled, tip, key))
            lethe_app_choose_tool(app, (lethe_tool)t);
    }
    lethe_ui_tight(ui, false);
    lethe_ui_panel_end(ui);
}

/* --- status line --- */

static void where_text(lethe_app *app, char *out, size_t size) {
    out[0] = '\0';
    int number = lethe_view_at(app, app->mouse);
    if (!app->mouse_on_canvas || number < 0 || !app->views[number].framed || app->views[number].kind == LETHE_VIEW_EMPTY) return;
    const lethe_view *view = &app->views[number];
    lethe_point at = lethe_camera_to_image(&view->camera, app->mouse);
    double values[3], p[3];
    int count;
    size_t used = (size_t)snprintf(out, size, "x %.0f  y %.0f", floor(at.x), floor(at.y));
    if (lethe_view_value(app, view, at, values, &count) && used < size) {
        if (count == 1) used += (size_t)snprintf(out + used, size - used, "     %s %.6g %s", T("Value"), values[0], view->series->unit);
        else used += (size_t)snprintf(out + used, size - used, "     R %.0f  G %.0f  B %.0f", values[0], values[1], values[2]);
    }
    if (used < size && lethe_view_to_patient(view, at, p)) (void)snprintf(out + used, size - used, "     %.1f  %.1f  %.1f mm", p[0], p[1], p[2]);
}

void lethe_panel_status(lethe_app *app, lethe_rect rect) {
    lethe_ui *ui = app->ui;
    char text[256];
    lethe_ui_panel_begin(ui, "status", rect, LETHE_COLOUR_BASE, 6);
    lethe_ui_text(ui, LETHE_COLOUR_ACCENT, app->review ? T("Review of redactions") : T(lethe_tool_of(app->tool)->title));
    lethe_ui_same_line(ui, 16);
    where_text(app, text, sizeof text);
    if (text[0] == '\0')
        (void)snprintf(text, sizeof text, "%s",
                       app->review ? T("Drag on the image to add a box, drag a box or its corners to move it.") : T(lethe_tool_of(app->tool)->help));
    lethe_ui_text(ui, LETHE_COLOUR_MUTED, text);
    if (app->marks) {
        const char *last = lethe_marks_undo_name(app->marks);
        if (lethe_app_has_unsaved(app)) (void)snprintf(text, sizeof text, "%s", T("Not saved"));
        else if (last) (void)snprintf(text, sizeof text, "%s · %s", T("All saved"), last);
        else (void)snprintf(text, sizeof text, "%s", T("All saved"));
        lethe_point size = lethe_ui_text_size(ui, false, text);
        lethe_ui_same_line(ui, 8);
        lethe_ui_right_align(ui, size.x + 4);
        lethe_ui_text(ui, lethe_app_has_unsaved(app) ? LETHE_COLOUR_DANGER : LETHE_COLOUR_GOOD, text);
    }
    lethe_ui_panel_end(ui);
}

/* --- sheets --- */

static double shortcut_row_height(const lethe_app *app) { return fmax(24, lethe_ui_line_height(app->ui) + 6); }

static void shortcut_row(lethe_app *app, const char *key, const char *title) {
    lethe_ui_row row = {
        .id = title, .title = T(title), .badge = key, .badge_colour = LETHE_COLOUR_ACCENT, .height = shortcut_row_height(app), .tip = T(title)};
    (void)lethe_ui_row_item(app->ui, &row);
}

/* A column of the sheet: tools, then groups of commands. NULL ends the groups. */
typedef struct shortcut_column {
    bool tools;
    const char *groups[4];
} shortcut_column;

static double column_height(const lethe_app *app, const shortcut_column *column) {
    size_t rows = column->tools ? LETHE_TOOLS + 2 : 0;
    for (int g = 0; column->groups[g]; g++) {
        rows++;
        for (size_t i = 0; i < lethe_command_count(); i++) {
            const lethe_command *command = lethe_command_at(i);
            rows += command->group && strcmp(command->group, column->groups[g]) == 0;
        }
    }
    return ((double)rows + 2) * (shortcut_row_height(app) + 2);
}

static void draw_shortcut_column(lethe_app *app, int64_t id, const shortcut_column *column, double width, double height) {
    lethe_ui *ui = app->ui;
    char key[32], name[16];
    (void)snprintf(name, sizeof name, "c%d", (int)id);
    lethe_ui_column_begin_sized(ui, name, width, height);
    lethe_ui_tight(ui, true);
    if (column->tools) {
        lethe_ui_heading(ui, T("Tools"));
        for (int t = 0; t < LETHE_TOOLS; t++) {
            lethe_key_format(lethe_tool_of((lethe_tool)t)->key, 0, key, sizeof key);
            shortcut_row(app, key, lethe_tool_of((lethe_tool)t)->title);
        }
        shortcut_row(app, "1 … 9", "Choose a label");
    }
    for (int g = 0; column->groups[g]; g++) {
        if (g > 0 || column->tools) lethe_ui_space(ui, 6);
        lethe_ui_heading(ui, T(column->groups[g]));
        for (size_t i = 0; i < lethe_command_count(); i++) {
            const lethe_command *command = lethe_command_at(i);
            if (!command->group || strcmp(command->group, column->groups[g]) != 0) continue;
            lethe_key_format(command->key, command->mods, key, sizeof key);
            lethe_ui_push_id(ui, (int64_t)i);
            shortcut_row(app, key, command->title);
            lethe_ui_pop_id(ui);
        }
    }
    lethe_ui_tight(ui, false);
    lethe_ui_column_end(ui);
}

/* As many columns as have room at this size of letters; what is left stands below, and the sheet scrolls. */
static void shortcut_sheet(lethe_app *app) {
    static const shortcut_column columns[] = {{true, {"Work list", "Without a mouse", NULL}},
                                              {false, {"View", NULL}},
                                              {false, {"Window", "Layout", NULL}},
                                              {false, {"Label", "Window of the program", NULL}}};
    enum { COLUMNS = sizeof columns / sizeof *columns, BETWEEN = 18 };
    bool open = true;
    double wanted = fmax(264, 19 * lethe_ui_line_height(app->ui)), room = app->width - 48 - 72;
    int across = (int)((room + BETWEEN) / (wanted + BETWEEN));
    across = across < 1 ? 1 : across == 3 ? 2 : across > COLUMNS ? COLUMNS : across; /* four, two by two, or one */
    double heights[COLUMNS] = {0}, all = 0;
    for (int i = 0; i < COLUMNS; i += across) {
        for (int n = i; n < i + across && n < COLUMNS; n++) heights[i] = fmax(heights[i], column_height(app, &columns[n]));
        all += heights[i];
    }
    if (!lethe_ui_sheet_begin(app->ui, T("Keyboard shortcuts"), across * (wanted + BETWEEN) + 60, all + 110, &open)) return;
    lethe_ui_scroll_begin(app->ui, "rows", 0);
    lethe_ui_scroll_by(app->ui, app->sheet_scroll);
    app->sheet_scroll = 0;
    double width = (lethe_ui_available_width(app->ui) - (across - 1) * BETWEEN) / across;
    for (int i = 0; i < COLUMNS; i++) {
        if (i % across) lethe_ui_same_line(app->ui, BETWEEN);
        draw_shortcut_column(app, i, &columns[i], width, heights[i - i % across]);
    }
    lethe_ui_scroll_end(app->ui);
    lethe_ui_sheet_end(app->ui);
    if (!open) app->sheet = LETHE_SHEET_NONE;
}

static void skip_sheet(lethe_app *app) {
    bool open = true;
    lethe_ui *ui = app->ui;
    if (!lethe_ui_sheet_begin(ui, T("Skip this case"), 460, 230, &open)) return;
    lethe_ui_text_wrapped(ui, LETHE_COLOUR_MUTED, T("Say why it cannot be read, so that the organiser can act on it."));
    lethe_ui_space(ui, 4);
    if (app->sheet_fresh) lethe_ui_focus_next(ui);
    app->sheet_fresh = false;
    (void)lethe_ui_input(ui, "reason", app->skip_reason, sizeof app->skip_reason, T("For example: motion artefact"));
    lethe_ui_space(ui, 8);
    bool given = app->skip_reason[0] != '\0';
    if (lethe_ui_button(ui, T("Skip the case"), given ? LETHE_BUTTON_PRIMARY : LETHE_BUTTON_DISABLED, 140, NULL)) {
        lethe_app_skip(app, app->skip_reason);
        app->skip_reason[0] = '\0';
        open = false;
    }
    lethe_ui_same_line(ui, 8);
    if (lethe_ui_button(ui, T("Cancel"), LETHE_BUTTON_QUIET, 100, NULL)) open = false;
    lethe_ui_sheet_end(ui);
    if (!open) app->sheet = LETHE_SHEET_NONE;
}

void lethe_sheets(lethe_app *app) {
    if (app->sheet == LETHE_SHEET_SHORTCUTS) shortcut_sheet(app);
    if (app->sheet == LETHE_SHEET_SKIP) skip_sheet(app);
    if (app->sheet == LETHE_SHEET_PALETTE) lethe_palette_sheet(app);
}

void lethe_panels(lethe_app *app) {
    if (app->review) {
        lethe_review_panels(app);
        return;
    }
    double w = app->width, h = app->height, left = lethe_app_left(app), right = lethe_app_right(app),
           body = h - LETHE_TOP_HEIGHT - lethe_app_tall(app, LETHE_STATUS_HEIGHT);
    lethe_panel_top(app, (lethe_rect){0, 0, w, LETHE_TOP_HEIGHT});
    if (left > 0) lethe_panel_cases(app, (lethe_rect){0, LETHE_TOP_HEIGHT, left, body});
    lethe_panel_tools(app, (lethe_rect){left, LETHE_TOP_HEIGHT, LETHE_TOOLS_WIDTH, body});
    if (right > 0) lethe_panel_labels(app, (lethe_rect){w - right, LETHE_TOP_HEIGHT, right, body});
    lethe_panel_status(app, (lethe_rect){0, h - lethe_app_tall(app, LETHE_STATUS_HEIGHT), w, lethe_app_tall(app, LETHE_STATUS_HEIGHT)});
    lethe_sheets(app);
}
