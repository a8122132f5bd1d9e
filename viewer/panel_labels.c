/* The right panel: labels, options of the tool in hand, questions of the schema, objects. */
#include "viewer/app.h"

#include "core/memory.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- labels --- */

static void label_list(lethe_app *app) {
    lethe_ui *ui = app->ui;
    int region = 0;
    for (int i = 0; i < app->label_count; i++) {
        lethe_label_state *label = &app->labels[i];
        if (label->label && label->label->level != LETHE_LEVEL_REGION) continue;
        char badge[8] = "", id[16];
        if (++region <= 9) (void)snprintf(badge, sizeof badge, "%d", region);
        (void)snprintf(id, sizeof id, "l%d", i);
        double width = lethe_ui_available_width(ui);
        lethe_ui_column_begin_sized(ui, id, width - 64, 30);
        lethe_ui_row row = {.id = id,
                            .title = label->title,
                            .swatch = label->colour,
                            .selected = app->label == i,
                            .badge = badge,
                            .dim = label->hidden,
                            .height = 30};
        if (lethe_ui_row_item(ui, &row)) app->label = i;
        lethe_ui_column_end(ui);
        lethe_ui_same_line(ui, 2);
        lethe_ui_push_id(ui, i);
        if (lethe_ui_icon_button(ui, "eye", label->hidden ? LETHE_ICON_EYE_OFF : LETHE_ICON_EYE, 30, false, true, T("Show or hide this label"), NULL))
            label->hidden = !label->hidden;
        lethe_ui_same_line(ui, 0);
        if (lethe_ui_icon_button(ui, "lock", label->locked ? LETHE_ICON_LOCK : LETHE_ICON_UNLOCK, 30, label->locked, true,
                                 T("Locked labels are not painted over or moved"), NULL))
            label->locked = !label->locked;
        lethe_ui_pop_id(ui);
    }
}

/* --- options of the tool --- */

static void tool_options(lethe_app *app) {
    lethe_ui *ui = app->ui;
    bool brush = app->tool == LETHE_TOOL_BRUSH || app->tool == LETHE_TOOL_ERASER || app->tool == LETHE_TOOL_THRESHOLD;
    bool painting = lethe_tool_of(app->tool)->makes == LETHE_SHAPE_MASK;
    if (!painting && !app->mpr_on) return;
    lethe_ui_space(ui, 6);
    lethe_ui_heading(ui, app->mpr_on && !painting ? T("Planes") : T(lethe_tool_of(app->tool)->title));
    if (app->mpr_on && !painting) {
        (void)lethe_ui_slider(ui, T("Slab"), &app->slab_mm, 0, 60, "%.0f mm", false);
        const char *kinds[] = {T("Mean"), T("Maximum (MIP)"), T("Minimum (MinIP)")};
        int kind = (int)app->slab;
        if (lethe_ui_combo(ui, "slab", kinds, 3, &kind)) app->slab = (lethe_slab)kind;
        return;
    }
    bool slide = app->study && app->study->is_slide;
    if (brush) (void)lethe_ui_slider(ui, T("Size"), &app->brush_mm, slide ? 0.002 : 0.2, slide ? 10 : 60, slide ? "%.3f mm" : "%.1f mm", true);
    if (app->tool == LETHE_TOOL_THRESHOLD) {
        lethe_view *view = &app->views[app->active];
        double low = view->centre - 2 * view->width, high = view->centre + 2 * view->width;
        (void)lethe_ui_slider(ui, T("From"), &app->threshold_low, low, high, "%.0f", false);
        (void)lethe_ui_slider(ui, T("To"), &app->threshold_high, low, high, "%.0f", false);
    }
    if (app->tool == LETHE_TOOL_GROW) (void)lethe_ui_slider(ui, T("Tolerance"), &app->grow_tolerance, 0, 400, "± %.0f", true);
    if (brush && !slide) (void)lethe_ui_checkbox(ui, T("3-D ball"), &app->brush_3d);
    if (app->tool == LETHE_TOOL_GROW) (void)lethe_ui_checkbox(ui, T("Through all slices"), &app->grow_3d);
    (void)lethe_ui_slider(ui, T("Opacity"), &app->opacity, 0.05, 1, "%.2f", false);
    (void)lethe_ui_checkbox(ui, T("Outlines only"), &app->fill_outline);
    if (slide) return;
    static const char *const ids[] = {"between", "copy-next", "smooth", "islands"};
    static const char *const names[] = {"Fill between slices", "Copy to next", "Smooth", "Largest piece"};
    double both = lethe_ui_available_width(ui) - 6, width = both / 2;
    bool beside = true;
    for (int i = 0; i < 4; i++) { /* two in a row, where their words have room */
        const lethe_command *command = lethe_command_find(ids[i]);
        if (i % 2 == 0) {
            double first = lethe_ui_text_size(ui, true, T(names[i])).x + 12, second = lethe_ui_text_size(ui, true, T(names[i + 1])).x + 12;
            beside = first + second <= both;
            width = fmin(fmax(both / 2, first), both - second);
        }
        double room = !beside ? both + 6 : i % 2 == 0 ? width : both - width;
        if (lethe_ui_button(ui, T(names[i]), LETHE_BUTTON_PLAIN, room, T(command->title))) command->run(app);
        if (i % 2 == 0 && beside) lethe_ui_same_line(ui, 6);
    }
}

/* --- questions --- */

static const char *option_title(const lethe_option *option) { return option->title[0] ? option->title : option->value; }

/* Draws one question; true when `value` (capacity `size`) holds a new answer. */
static bool question(lethe_app *app, const lethe_field *field, char *value, size_t size) {
    lethe_ui *ui = app->ui;
    char text[160];
    bool changed = false;
    (void)snprintf(text, sizeof text, "%s%s%s%s%s", field->title[0] ? field->title : field->name, field->unit[0] ? " (" : "", field->unit,
                   field->unit[0] ? ")" : "", field->required && value[0] == '\0' ? " *" : "");
    lethe_ui_text(ui, field->required && value[0] == '\0' ? LETHE_COLOUR_WARNING : LETHE_COLOUR_MUTED, text);
    if (field->answer == LETHE_ANSWER_TEXT || field->answer == LETHE_ANSWER_NUMBER) return lethe_ui_input(ui, field->name, value, size, "");
    if (field->answer == LETHE_ANSWER_MULTI || field->options_count > 8) {
        /* A closed list; chosen ones are joined by '|' in the order of the options. */
        const char *items[64];
        bool chosen[64] = {false};
        int count = 0, selected = -1;
        for (unsigned i = 0; i < field->options_count && i < 64; i++, count++) {
            items[count] = option_title(&field->options[i]);
            size_t length = strlen(field->options[i].value);
            for (const char *at = value; *at;) {
                const char *end = strchr(at, '|');
                size_t part = end ? (size_t)(end - at) : strlen(at);
                if (part == length && strncmp(at, field->options[i].value, length) == 0) chosen[i] = true;
                at += part + (end ? 1 : 0);
            }
            if (chosen[i] && field->answer != LETHE_ANSWER_MULTI) selected = count;
        }
        lethe_ui_push_id(ui, (int64_t)(intptr_t)field);
        changed = field->answer == LETHE_ANSWER_MULTI ? lethe_ui_combo_multi(ui, field->name, items, count, chosen)
                                                      : lethe_ui_combo(ui, field->name, items, count, &selected);
        lethe_ui_pop_id(ui);
        if (!changed) return false;
        value[0] = '\0';
        for (int i = 0; i < count; i++) {
            if (field->answer == LETHE_ANSWER_MULTI ? !chosen[i] : i != selected) continue;
            size_t used = strlen(value);
            (void)snprintf(value + used, size - used, "%s%s", used ? "|" : "", field->options[i].value);
        }
        return true;
    }
    /* Few options: chips in a row, wrapped. */
    double room = lethe_ui_available_width(ui), used = 0;
    for (unsigned i = 0; i < field->options_count; i++) {
        const char *title = option_title(&field->options[i]);
        double width = lethe_ui_text_size(ui, false, title).x + 24;
        if (width > room) width = room;
        if (i > 0 && used + width + 4 <= room) lethe_ui_same_line(ui, 4);
        else used = 0;
        used += width + 4;
        bool on = strcmp(value, field->options[i].value) == 0;
        lethe_ui_push_id(ui, (int64_t)(intptr_t)&field->options[i]);
        if (lethe_ui_button(ui, title, on ? LETHE_BUTTON_PRIMARY : LETHE_BUTTON_PLAIN, width, NULL)) {
            (void)snprintf(value, size, "%s", on ? "" : field->options[i].value);
            changed = true;
        }
        lethe_ui_pop_id(ui);
    }
    return changed;
}

/* What other readers said, where the store shows it; a click takes the answer over. */
static bool others_answers(lethe_app *app, const lethe_label *label, const char *image, char *value, size_t size) {
    bool taken = false;
    const lethe_mark *mark;
    for (size_t i = 0; (mark = lethe_marks_few_at(app->marks, i)) != NULL; i++) {
        if (mark->mine || mark->level != label->level || mark->value[0] == '\0' || strcmp(mark->label, label->question.name) != 0 ||
            (label->level == LETHE_LEVEL_IMAGE && strcmp(mark->image, image) != 0))
            continue;
        char id[32];
        (void)snprintf(id, sizeof id, "a%lld", (long long)mark->id);
        lethe_ui_row row = {.id = id,
                            .title = lethe_mark_owner(mark),
                            .badge = mark->value,
                            .swatch = lethe_reader_colour(app, mark),
                            .height = 26,
                            .tip = T("Take this answer over")};
        if (!lethe_ui_row_item(app->ui, &row)) continue;
        (void)snprintf(value, size, "%s", mark->value);
        taken = true;
    }
    return taken;
}

static void classification(lethe_app *app) {
    lethe_ui *ui = app->ui;
    const char *image = "", *series = "";
    uint32_t frame;
    lethe_view *view = &app->views[app->active];
    if (!lethe_view_image(view, &image, &frame)) image = "";
    if (view->series) series = view->series->uid;
    bool first = true;
    for (int i = 0; i < app->label_count; i++) {
        const lethe_label *label = app->labels[i].label;
        if (!label || label->level == LETHE_LEVEL_REGION) continue;
        if (first) {
            lethe_ui_space(ui, 6);
            lethe_ui_heading(ui, T("Questions"));
            first = false;
        }
        char value[512];
        (void)snprintf(value, sizeof value, "%s", lethe_marks_answered(app->marks, label, series, image));
        lethe_ui_push_id(ui, i);
        bool changed;
        if (label->question.answer == LETHE_ANSWER_NONE) {
            bool yes = value[0] != '\0';
            changed = lethe_ui_checkbox(ui, app->labels[i].title, &yes);
            (void)snprintf(value, sizeof value, "%s", yes ? "yes" : "");
        } else changed = question(app, &label->question, value, sizeof value);
        if (others_answers(app, label, image, value, sizeof value)) changed = true;
        lethe_ui_pop_id(ui);
        if (!changed) continue;
        lethe_error error = {0};
        char name[160];
        (void)snprintf(name, sizeof name, "%s: %.60s", app->labels[i].title, value);
        (void)lethe_app_failed(
            app, lethe_marks_answer(app->marks, label, app->study->patient, app->study->study_uid, series, image, value, name, &error), &error);
    }
}

static void region_form(lethe_app *app) {
    lethe_ui *ui = app->ui;
    lethe_mark *mark = app->selected ? lethe_marks_find(app->marks, app->selected) : NULL;
    int index = mark ? lethe_app_label_index(app, mark->label) : -1;
    const lethe_label *label = index >= 0 ? app->labels[index].label : NULL;
    if (!mark || !label || label->fields_count == 0) return;
    lethe_ui_space(ui, 6);
    char text[128];
    (void)snprintf(text, sizeof text, "%s #%lld", app->labels[index].title, (long long)mark->id);
    lethe_ui_heading(ui, text);
    json_t *form = mark->form[0] ? json_loads(mark->form, 0, NULL) : json_object();
    if (!json_is_object(form)) {
        json_decref(form);
        form = json_object();
    }
    const lethe_field *changed = NULL;
    for (unsigned i = 0; i < label->fields_count && form; i++) {
        const lethe_field *field = &label->fields[i];
        if (field->when_field[0]) {
            const char *other = json_string_value(json_object_get(form, field->when_field));
            if (!other || strcmp(other, field->when_value) != 0) continue;
        }
        char value[1024];
        const char *old = json_string_value(json_object_get(form, field->name));
        (void)snprintf(value, sizeof value, "%s", old ? old : "");
        lethe_ui_push_id(ui, (int64_t)i + 1000);
        if (question(app, field, value, sizeof value) && mark->mine) {
            if (value[0]) (void)json_object_set_new(form, field->name, json_string(value));
            else (void)json_object_del(form, field->name);
            changed = field;
        }
        lethe_ui_pop_id(ui);
    }
    char *written = changed ? json_dumps(form, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    json_decref(form);
    if (!written) return;
    lethe_error error = {0};
    (void)snprintf(text, sizeof text, "%s: %s", app->labels[index].title, changed->title[0] ? changed->title : changed->name);
    (void)lethe_app_failed(app, lethe_marks_set_form(app->marks, mark->id, written, text, &error), &error);
    free(written); /* jansson's */
}

/* --- objects --- */

void lethe_app_go_to_mark(lethe_app *app, const lethe_mark *mark) {
    lethe_view *view = &app->views[app->active];
    app->selected = mark->shape.kind == LETHE_SHAPE_MASK && mark->mine ? 0 : mark->id;
    if (view->kind == LETHE_VIEW_SLIDE) {
        double w = mark->bounds.x1 - mark->bounds.x0, h = mark->bounds.y1 - mark->bounds.y0;
        view->camera.centre = (lethe_point){mark->bounds.x0 + w / 2, mark->bounds.y0 + h / 2};
        if (w > 0 && h > 0) {
            double a = view->rect.width * 0.5 / w, b = view->rect.height * 0.5 / h;
            view->camera.scale = a < b ? a : b;
            if (view->camera.scale > 1) view->camera.scale = 1;
        }
        return;
    }
    for (int v = 0; v < app->grid_columns * app->grid_rows; v++) {
        lethe_series *series = app->views[v].series;
        for (size_t i = 0; app->views[v].kind == LETHE_VIEW_STACK && i < series->frame_count; i++)
            if (series->frames[i].frame == mark->shape.frame && strcmp(series->files[series->frames[i].file].image_key, mark->image) == 0) {
                app->active = v;
                lethe_view_goto(app, v, i);
                return;
            }
    }
}

static void objects(lethe_app *app) {
    lethe_ui *ui = app->ui;
    size_t count = lethe_marks_count(app->marks), listed = 0, regions = lethe_marks_regions(app->marks);
    char text[96];
    lethe_ui_space(ui, 6);
    (void)snprintf(text, sizeof text, "%s (%zu)", T("Annotations"), regions);
    lethe_ui_heading(ui, text);
    if (regions == 0) lethe_ui_text_wrapped(ui, LETHE_COLOUR_MUTED, T("Nothing drawn yet. Choose a label, then a tool, and draw on the image."));
    for (size_t i = count; i-- > 0 && listed < 200;) {
        lethe_mark *mark = lethe_marks_at(app->marks, i);
        if (mark->level != LETHE_LEVEL_REGION) continue;
        if (mark->shape.kind == LETHE_SHAPE_MASK && mark->shape.slice_count && lethe_rle_count(&mark->shape.slices[0].mask) == 0) continue;
        int label = lethe_app_label_index(app, mark->label);
        char id[32], what[96];
        (void)snprintf(id, sizeof id, "m%lld", (long long)mark->id);
        if (mark->mine) (void)snprintf(what, sizeof what, "%s", T(lethe_shape_kind_name(mark->shape.kind)));
        else (void)snprintf(what, sizeof what, "%s · %s", T(lethe_shape_kind_name(mark->shape.kind)), mark->source[0] ? mark->source : mark->author);
        lethe_ui_row row = {.id = id,
                            .title = label >= 0 ? app->labels[label].title : mark->label,
                            .badge = what,
                            .swatch = lethe_app_label_colour(app, mark->label),
                            .selected = mark->id == app->selected,
                            .height = 28};
        if (lethe_ui_row_item(ui, &row)) {
            lethe_app_go_to_mark(app, mark);
            break; /* what was selected may have moved the list */
        }
        listed++;
    }
}

void lethe_panel_labels(lethe_app *app, lethe_rect rect) {
    lethe_ui *ui = app->ui;
    lethe_ui_panel_begin(ui, "labels", rect, LETHE_COLOUR_SURFACE, 12);
    lethe_ui_scroll_begin(ui, "body", 0);
    const lethe_schema *schema = lethe_store_schema(app->store);
    lethe_ui_heading(ui, schema ? schema->title : T("Labels"));
    if (!schema) lethe_ui_text_wrapped(ui, LETHE_COLOUR_MUTED, T("This project has no label schema yet: everything is called \"region\"."));
    label_list(app);
    tool_options(app);
    if (app->marks) {
        region_form(app);
        classification(app);
        objects(app);
    }
    lethe_ui_scroll_end(ui);
    lethe_ui_panel_end(ui);
}
