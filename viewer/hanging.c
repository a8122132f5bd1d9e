#include "viewer/hanging.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static bool has_word(const char *text, const char *word) {
    char folded[128];
    size_t n = 0;
    for (; text[n] && n + 1 < sizeof folded; n++) folded[n] = (char)tolower((unsigned char)text[n]);
    folded[n] = '\0';
    for (const char *at = folded; (at = strstr(at, word)) != NULL; at++) {
        bool before = at == folded || !isalnum((unsigned char)at[-1]), after = !isalpha((unsigned char)at[strlen(word)]);
        if (before && after) return true;
    }
    return false;
}

static lethe_series_role mammogram_role(const lethe_series *series) {
    bool right = series->laterality[0] == 'R', left = series->laterality[0] == 'L';
    if (!right && !left) return LETHE_SERIES_OTHER;
    if (strcmp(series->view_position, "CC") == 0) return right ? LETHE_SERIES_RCC : LETHE_SERIES_LCC;
    if (strcmp(series->view_position, "MLO") == 0) return right ? LETHE_SERIES_RMLO : LETHE_SERIES_LMLO;
    return LETHE_SERIES_OTHER;
}

lethe_series_role lethe_series_role_of(const lethe_series *series) {
    if (strcmp(series->modality, "MG") == 0) return mammogram_role(series);
    if (strcmp(series->modality, "MR") != 0) return LETHE_SERIES_OTHER;
    const char *text = series->description;
    if (has_word(text, "adc")) return LETHE_SERIES_ADC;
    if (has_word(text, "dwi") || has_word(text, "diff") || has_word(text, "diffusion") || has_word(text, "ep2d")) return LETHE_SERIES_DWI;
    if (has_word(text, "loc") || has_word(text, "localizer") || has_word(text, "localiser") || has_word(text, "scout")) return LETHE_SERIES_LOCALISER;
    if (has_word(text, "t2") || has_word(text, "t2w")) return LETHE_SERIES_T2;
    if (has_word(text, "t1") || has_word(text, "t1w")) return LETHE_SERIES_T1;
    if (strstr(series->image_type, "ADC")) return LETHE_SERIES_ADC;
    if (strstr(series->image_type, "DIFFUSION")) return LETHE_SERIES_DWI;
    if (strstr(series->image_type, "LOCALIZER")) return LETHE_SERIES_LOCALISER;
    if (strcmp(series->sequence, "SE") == 0 && series->echo_ms >= 60) return LETHE_SERIES_T2;
    if (series->echo_ms > 0 && series->echo_ms < 30 && strcmp(series->sequence, "EP") != 0) return LETHE_SERIES_T1;
    return LETHE_SERIES_OTHER;
}

const char *lethe_series_title(const lethe_series *series) {
    if (series->description[0]) return series->description;
    switch (lethe_series_role_of(series)) {
    case LETHE_SERIES_T1: return "T1";
    case LETHE_SERIES_T2: return "T2";
    case LETHE_SERIES_DWI: return "DWI";
    case LETHE_SERIES_ADC: return "ADC";
    case LETHE_SERIES_LOCALISER: return "Localiser";
    case LETHE_SERIES_RCC: return "R CC";
    case LETHE_SERIES_LCC: return "L CC";
    case LETHE_SERIES_RMLO: return "R MLO";
    case LETHE_SERIES_LMLO: return "L MLO";
    default: return series->modality;
    }
}

/* The first series of a role; axial ones before others where the description says so. */
static int find_role(const lethe_study *study, lethe_series_role role) {
    int found = -1;
    for (size_t i = 0; i < study->series_count; i++) {
        if (lethe_series_role_of(&study->series[i]) != role) continue;
        if (found < 0) found = (int)i;
        const char *text = study->series[i].description;
        if (has_word(text, "tra") || has_word(text, "ax") || has_word(text, "axial") || has_word(text, "transversal")) return (int)i;
    }
    return found;
}

static lethe_hanging_kind choose(const lethe_study *study) {
    int views = 0;
    for (lethe_series_role role = LETHE_SERIES_RCC; role <= LETHE_SERIES_LMLO; role++) views += find_role(study, role) >= 0;
    if (views >= 2) return LETHE_HANGING_MAMMOGRAPHY;
    if (find_role(study, LETHE_SERIES_T2) >= 0 && (find_role(study, LETHE_SERIES_DWI) >= 0 || find_role(study, LETHE_SERIES_ADC) >= 0))
        return LETHE_HANGING_PROSTATE;
    return LETHE_HANGING_SINGLE;
}

static void place_in_order(const lethe_study *study, lethe_hanging *h) {
    int cells = h->columns * h->rows, at = 0;
    for (size_t i = 0; i < study->series_count && at < cells; i++)
        if (lethe_series_role_of(&study->series[i]) != LETHE_SERIES_LOCALISER || study->series_count <= (size_t)cells) h->series[at++] = (int)i;
    if (at == 0 && study->series_count > 0) h->series[0] = 0;
}

/* Right breast on the left, chest wall to the middle; MLO under CC. A stored picture whose chest wall stands on the other side is mirrored. */
static void place_mammograms(const lethe_study *study, lethe_hanging *h) {
    static const lethe_series_role roles[4] = {LETHE_SERIES_RCC, LETHE_SERIES_LCC, LETHE_SERIES_RMLO, LETHE_SERIES_LMLO};
    bool cc = find_role(study, LETHE_SERIES_RCC) >= 0 || find_role(study, LETHE_SERIES_LCC) >= 0;
    bool mlo = find_role(study, LETHE_SERIES_RMLO) >= 0 || find_role(study, LETHE_SERIES_LMLO) >= 0;
    h->columns = 2;
    h->rows = cc && mlo ? 2 : 1;
    for (int cell = 0; cell < h->columns * h->rows; cell++) {
        lethe_series_role role = roles[cell + (cc ? 0 : 2)];
        h->series[cell] = find_role(study, role);
        h->chest_right[cell] = role == LETHE_SERIES_RCC || role == LETHE_SERIES_RMLO;
        if (h->series[cell] >= 0) h->mirror[cell] = study->series[h->series[cell]].chest_wall_right != h->chest_right[cell];
    }
}

void lethe_hang(const lethe_study *study, lethe_hanging_kind wanted, lethe_hanging *out) {
    static const struct { int columns, rows; } grids[LETHE_HANGING_KINDS] = {{1, 1}, {1, 1}, {2, 1}, {2, 2}, {2, 2}, {3, 1}};
    *out = (lethe_hanging){.kind = wanted == LETHE_HANGING_AUTO ? choose(study) : wanted};
    for (int i = 0; i < LETHE_HANGING_CELLS; i++) out->series[i] = -1;
    out->columns = grids[out->kind].columns;
    out->rows = grids[out->kind].rows;
    if (out->kind == LETHE_HANGING_MAMMOGRAPHY) {
        place_mammograms(study, out);
        return;
    }
    if (out->kind == LETHE_HANGING_PROSTATE) {
        static const lethe_series_role roles[3] = {LETHE_SERIES_T2, LETHE_SERIES_DWI, LETHE_SERIES_ADC};
        int cells = 0;
        for (int i = 0; i < 3; i++) {
            int found = find_role(study, roles[i]);
            if (found >= 0) out->series[cells++] = found;
        }
        if (cells > 0) {
            out->columns = cells;
            return;
        }
    }
    if (out->kind == LETHE_HANGING_SINGLE) {
        int first = find_role(study, LETHE_SERIES_T2);
        if (first >= 0) {
            out->series[0] = first;
            return;
        }
    }
    place_in_order(study, out);
}
