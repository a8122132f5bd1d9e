/* Work that the store did not take (a full disk, a lock, a read-only folder): it stays on the screen, is said to be unsaved, and is tried again until
 * it is saved or given up by the reader's own hand. */
#include "viewer/app.h"

#include <stdio.h>
#include <string.h>

void lethe_app_save_paint(lethe_app *app, const char *tool, const char *name) {
    lethe_error error = {0};
    lethe_marks_spent(app->marks, (int64_t)((app->now - app->active_since) * 1000));
    app->active_since = app->now;
    lethe_status status = lethe_marks_save_paint(app->marks, tool, name, &error);
    if (!status) status = lethe_marks_save_tiled(app->marks, tool, name, &error);
    app->unsaved_paint = status != LETHE_OK;
    if (!status) return;
    if (app->unsaved_tool != tool) (void)snprintf(app->unsaved_tool, sizeof app->unsaved_tool, "%s", tool);
    if (app->unsaved_name != name) (void)snprintf(app->unsaved_name, sizeof app->unsaved_name, "%s", name);
    lethe_app_say(app, LETHE_COLOUR_DANGER, "%s (%s)", T("Not saved. The paint is kept: Enter tries again, Ctrl+Z takes it back."),
                  lethe_status_name(status));
}

bool lethe_app_has_unsaved(const lethe_app *app) { return app->unsaved || app->unsaved_paint; }

bool lethe_app_save_again(lethe_app *app) {
    if (!app->marks) return true;
    if (app->unsaved) lethe_tool_finish_draft(app);
    if (app->unsaved_paint) lethe_app_save_paint(app, app->unsaved_tool, app->unsaved_name);
    return !lethe_app_has_unsaved(app);
}

void lethe_app_drop_unsaved_paint(lethe_app *app) {
    lethe_error error = {0};
    if (!app->unsaved_paint) return;
    app->unsaved_paint = false;
    if (lethe_app_failed(app, lethe_marks_drop_unsaved(app->marks, &error), &error)) return;
    lethe_app_say(app, LETHE_COLOUR_ACCENT, "%s: %s", T("Undone"), app->unsaved_name);
}

bool lethe_app_keep_work(lethe_app *app) {
    if (app->drag.active) { /* a stroke under the hand counts as done */
        lethe_tool_release(app, app->drag.last_screen);
        lethe_shape_release(&app->drag.before);
        app->drag = (lethe_drag){.handle = -2};
    }
    if (lethe_app_save_again(app)) return true;
    lethe_app_say(app, LETHE_COLOUR_DANGER, "%s",
                  T("The store does not take your last work. It stays here until it is saved, or you take it back (Ctrl+Z)."));
    return false;
}

void lethe_app_leave(lethe_app *app) {
    if (app->quit || app->leaving_unsaved || lethe_app_keep_work(app)) {
        app->quit = true;
        return;
    }
    app->leaving_unsaved = true;
    lethe_app_say(app, LETHE_COLOUR_DANGER, "%s", T("Your last work is not saved. Close again to leave without it."));
}
