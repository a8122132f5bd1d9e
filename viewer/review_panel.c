/* The panels beside the image while redactions are reviewed. */
#include "viewer/review.h"

#include <stdio.h>
#include <string.h>

enum { BELOW_BOXES_PX = 520, FEWEST_BOXES_PX = 130 }; /* the buttons, the reason, what is recorded */

static void list_panel(lethe_app *app, lethe_rect rect) {
    lethe_ui *ui = app->ui;
    lethe_review *r = app->review;
    char text[64];
    lethe_ui_panel_begin(ui, "review-list", rect, LETHE_COLOUR_SURFACE, 10);
    lethe_ui_heading(ui, T("Review of redactions"));
    (void)snprintf(text, sizeof text, "%zu / %zu", r->item_count == 0 ? 0 : r->index + 1, r->item_count);
    lethe_ui_text(ui, LETHE_COLOUR_MUTED, text);
    lethe_ui_scroll_begin(ui, "items", 0);
    size_t clicked = r->item_count;
    for (size_t i = 0; i < r->item_count; i++) {
        const lethe_item *item = &r->items[i];
        char id[32], title[48];
        bool waits = item->state == LETHE_ITEM_REVIEW;
        (void)snprintf(id, sizeof id, "i%zu", i);
        (void)snprintf(title, sizeof title, "%s %lld", waits ? T("Waits") : T("Released"), (long long)item->id);
        lethe_ui_row row = {.id = id,
                            .title = title,
                            .subtitle = waits ? item->reason : T("redacted"),
                            .selected = i == r->index,
                            .swatch = waits ? LETHE_COLOUR_WARNING : LETHE_COLOUR_GOOD,
                            .tip = item->reason,
                            .height = 46};
        if (lethe_ui_row_item(ui, &row)) clicked = i;
    }
    lethe_ui_scroll_end(ui);
    lethe_ui_panel_end(ui);
    lethe_error error = {0};
    if (clicked < r->item_count) (void)lethe_app_failed(app, lethe_review_goto(app, clicked, &error), &error);
}

static void box_rows(lethe_app *app, double height) {
    lethe_review *r = app->review;
    const char *const marks[] = {T("proposed"), T("accepted"), T("drawn"), T("deleted")};
    static const uint32_t colours[] = {LETHE_COLOUR_WARNING, LETHE_COLOUR_GOOD, LETHE_COLOUR_ACCENT, LETHE_COLOUR_MUTED};
    lethe_ui_scroll_begin(app->ui, "boxes", (float)height);
    for (size_t i = 0; i < r->box_count; i++) {
        const lethe_review_shown *s = &r->boxes[i];
        char id[32], title[64];
        (void)snprintf(id, sizeof id, "b%zu", i);
        (void)snprintf(title, sizeof title, "%u, %u   %u × %u", s->box.x, s->box.y, s->box.w, s->box.h);
        lethe_ui_row row = {.id = id,
                            .title = title,
                            .subtitle = s->box.why[0] ? s->box.why : NULL,
                            .badge = marks[s->mark],
                            .badge_colour = colours[s->mark],
                            .swatch = colours[s->mark],
                            .selected = (int)i == r->selected,
                            .dim = s->mark == LETHE_REVIEW_DELETED,
                            .height = 40};
        if (lethe_ui_row_item(app->ui, &row)) r->selected = (int)i;
    }
    lethe_ui_scroll_end(app->ui);
}

static bool wide_button(lethe_app *app, const char *label, lethe_button_kind kind, const char *tip) {
    return lethe_ui_button(app->ui, label, kind, lethe_ui_available_width(app->ui), tip);
}

static void box_panel(lethe_app *app, lethe_rect rect) {
    lethe_ui *ui = app->ui;
    lethe_review *r = app->review;
    lethe_button_kind on_box = r->selected >= 0 ? LETHE_BUTTON_PLAIN : LETHE_BUTTON_DISABLED;
    lethe_ui_panel_begin(ui, "review-boxes", rect, LETHE_COLOUR_SURFACE, 10);
    if (wide_button(app, r->after ? T("Show before (B)") : T("Show after (B)"), LETHE_BUTTON_PLAIN, NULL)) lethe_review_toggle_after(app);
    lethe_ui_space(ui, 4);
    if (r->item_count > 0 && r->items[r->index].state == LETHE_ITEM_REVIEW) {
        lethe_ui_text_wrapped(ui, LETHE_COLOUR_WARNING, r->items[r->index].reason);
        lethe_ui_space(ui, 4);
    }
    lethe_ui_heading(ui, T("Boxes"));
    box_rows(app, rect.height > BELOW_BOXES_PX + FEWEST_BOXES_PX ? rect.height - BELOW_BOXES_PX : FEWEST_BOXES_PX);
    if (wide_button(app, T("Accept (A)"), on_box, T("This box is right."))) lethe_review_accept(app);
    if (wide_button(app, T("Delete (Del)"), on_box, T("It is no text: leave it."))) lethe_review_delete(app);
    if (wide_button(app, T("Apply to the series (S)"), on_box, T("Every image of this size in the series.")))
        lethe_review_apply(app, LETHE_REVIEW_SERIES);
    if (wide_button(app, T("Apply to the device (D)"), on_box,
                    T("Every image of this manufacturer, model, modality and size: a rule of the project.")))
        lethe_review_apply(app, LETHE_REVIEW_DEVICE);
    lethe_ui_space(ui, 6);
    lethe_ui_heading(ui, T("New decisions are for"));
    const char *const scopes[] = {T("this image"), T("its series"), T("its device and size")};
    for (int i = 0; i < LETHE_REVIEW_SCOPES; i++)
        if (lethe_ui_radio(ui, scopes[i], (int)r->scope == i)) r->scope = (lethe_review_scope)i;
    lethe_ui_space(ui, 8);
    bool waits = r->item_count > 0 && r->items[r->index].state == LETHE_ITEM_REVIEW;
    bool decided = r->approved || r->rejected;
    if (wide_button(app, r->approved ? T("Approved") : T("Approve (Ctrl+Enter)"), waits && !decided ? LETHE_BUTTON_PRIMARY : LETHE_BUTTON_DISABLED,
                    T("Release it with these boxes.")))
        lethe_review_decide(app, true);
    if (wide_button(app, r->rejected ? T("Rejected") : T("Reject (Ctrl+Backspace)"), waits && !decided ? LETHE_BUTTON_PLAIN : LETHE_BUTTON_DISABLED,
                    T("Never release it.")))
        lethe_review_decide(app, false);
    if (r->open_decisions > 0) {
        char text[160];
        (void)snprintf(text, sizeof text, "%zu %s", r->open_decisions, T("recorded, carried out by `lethe review run`"));
        lethe_ui_text_wrapped(ui, LETHE_COLOUR_ACCENT, text);
    }
    lethe_ui_panel_end(ui);
}

static void top_panel(lethe_app *app, lethe_rect rect) {
    lethe_ui *ui = app->ui;
    const lethe_review *r = app->review;
    lethe_ui_panel_begin(ui, "review-top", rect, LETHE_COLOUR_BASE, 7);
    lethe_ui_bar(ui, true);
    if (lethe_ui_button(ui, T("Previous"), r->item_count > 1 ? LETHE_BUTTON_PLAIN : LETHE_BUTTON_DISABLED, 110, "Shift+N"))
        lethe_review_step(app, -1);
    lethe_ui_same_line(ui, 6);
    if (lethe_ui_button(ui, T("Next"), r->item_count > 1 ? LETHE_BUTTON_PLAIN : LETHE_BUTTON_DISABLED, 110, "N")) lethe_review_step(app, 1);
    lethe_ui_same_line(ui, 16);
    lethe_ui_text(ui, LETHE_COLOUR_WARNING, T("Private side: originals with names are on the screen"));
    lethe_ui_right_align(ui, 60 + lethe_ui_text_size(ui, false, r->person).x);
    lethe_ui_text(ui, LETHE_COLOUR_MUTED, r->person);
    lethe_ui_same_line(ui, 8);
    if (lethe_ui_button(ui, app->language == LETHE_ENGLISH ? "FR" : "EN", LETHE_BUTTON_QUIET, 40, T("English or French")))
        lethe_command_find("language")->run(app);
    lethe_ui_bar(ui, false);
    lethe_ui_panel_end(ui);
}

void lethe_review_panels(lethe_app *app) {
    double w = app->width, h = app->height, body = h - LETHE_TOP_HEIGHT - lethe_app_tall(app, LETHE_STATUS_HEIGHT);
    app->show_left = app->show_right = true;
    top_panel(app, (lethe_rect){0, 0, w, LETHE_TOP_HEIGHT});
    list_panel(app, (lethe_rect){0, LETHE_TOP_HEIGHT, lethe_app_wide(app, LETHE_LEFT_WIDTH) + LETHE_TOOLS_WIDTH, body});
    box_panel(app, (lethe_rect){w - lethe_app_wide(app, LETHE_RIGHT_WIDTH), LETHE_TOP_HEIGHT, lethe_app_wide(app, LETHE_RIGHT_WIDTH), body});
    lethe_panel_status(app, (lethe_rect){0, h - lethe_app_tall(app, LETHE_STATUS_HEIGHT), w, lethe_app_tall(app, LETHE_STATUS_HEIGHT)});
    lethe_sheets(app);
}
