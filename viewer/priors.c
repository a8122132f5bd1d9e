/* The patient's earlier study beside the current one: current above, prior below, breast for breast. A prior is only looked at. */
#include "viewer/app.h"

#include <string.h>

static const lethe_case *find_prior(const lethe_app *app) {
    const lethe_case *found = NULL;
    const char *modality = app->study->series[0].modality;
    for (size_t i = 0; app->cases && i < app->cases->count; i++) {
        const lethe_case *c = &app->cases->items[i];
        if (c->is_slide || strcmp(c->patient, app->study->patient) != 0 || strcmp(c->id, app->case_id) == 0 || !strstr(c->modalities, modality))
            continue;
        if (c->date[0] == '\0' || strcmp(c->date, app->study->date) >= 0)
            continue; /* released dates are shifted, but all of a patient's by the same days */
        if (!found || strcmp(c->date, found->date) > 0) found = c;
    }
    return found;
}

void lethe_app_drop_prior(lethe_app *app) {
    if (!app->prior) return;
    for (int i = 0; i < LETHE_VIEWS; i++)
        if (app->views[i].is_prior) lethe_app_show(app, i, NULL);
    for (size_t i = 0; i < app->prior->series_count; i++) {
        lethe_tiles_forget(app->tiles, app->prior->series[i].source);
        lethe_texture_cache_forget(app->textures, app->prior->series[i].source);
    }
    lethe_study_close(app->prior);
    app->prior = NULL;
}

static void hang_row(lethe_app *app, lethe_study *study, const lethe_hanging *h, int first, bool prior) {
    int cells = h->columns * h->rows;
    for (int i = 0; i < cells; i++) {
        if (h->series[i] >= 0) lethe_app_hang_cell(app, first + i, &study->series[h->series[i]], h->chest_right[i]);
        else lethe_app_show(app, first + i, NULL);
        app->views[first + i].is_prior = prior;
    }
}

void lethe_app_toggle_priors(lethe_app *app) {
    if (!app->study || app->study->is_slide) return;
    if (app->prior) {
        lethe_app_drop_prior(app);
        lethe_app_hang(app, LETHE_HANGING_AUTO);
        return;
    }
    const lethe_case *c = find_prior(app);
    lethe_error error = {0};
    if (!c) {
        lethe_app_say(app, LETHE_COLOUR_WARNING, "%s", T("No earlier study of this patient is released."));
        return;
    }
    lethe_study *prior = NULL;
    if (lethe_app_failed(
            app, lethe_study_open(lethe_store_catalogue(app->store), app->project->released_path, c->id, &app->next_source, &prior, &error), &error))
        return;
    lethe_hanging now, then;
    for (size_t i = 0; i < prior->series_count; i++) lethe_series_peek(&prior->series[i]);
    lethe_hang(app->study, LETHE_HANGING_AUTO, &now);
    lethe_hang(prior, now.kind, &then);
    if (now.columns * now.rows > 4 || then.columns * then.rows > 4) { /* more than two rows of four hold */
        lethe_hang(app->study, LETHE_HANGING_SINGLE, &now);
        lethe_hang(prior, LETHE_HANGING_SINGLE, &then);
    }
    lethe_app_hang(app, now.kind);
    app->prior = prior;
    int across = now.columns * now.rows > then.columns * then.rows ? now.columns * now.rows : then.columns * then.rows;
    app->grid_columns = across;
    app->grid_rows = 2;
    lethe_app_layout(app);
    for (int i = 0; i < 2 * across; i++) lethe_app_show(app, i, NULL);
    hang_row(app, app->study, &now, 0, false);
    hang_row(app, prior, &then, across, true);
    app->active = 0;
}
