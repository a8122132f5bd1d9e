/* The report as a page: plain HTML with its style inside, nothing loaded from elsewhere, readable on paper. */
#include "deid/report_internal.h"

#include "core/file.h"
#include "core/memory.h"
#include "core/text.h"
#include "deid/annex_e.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SMALLEST_SHOWN = 20, LINES_SHOWN = 200, COLUMNS = 5 };

static const char style[] =
    "<style>:root{--ink:#1d2733;--soft:#5b6775;--line:#dde3ea;--back:#f4f6f9;--main:#17527a;--warn:#a0421b}*{box-sizing:border-box}"
    "body{font:15px/1.5 system-ui,'DejaVu Sans',sans-serif;color:var(--ink);background:var(--back);margin:0}"
    "header{background:var(--main);color:#fff;padding:2em 0 1.6em}header p{margin:.3em 0 0;opacity:.9}h1{margin:0;font-size:1.9em;font-weight:600}"
    "header>div,main{max-width:72em;margin:0 auto;padding:0 1.5em}main{padding-bottom:3em}"
    "section{background:#fff;border:1px solid var(--line);border-radius:8px;padding:1.2em 1.5em;margin:1.2em 0}"
    "h2{margin:0 0 .3em;font-size:1.25em;color:var(--main)}h3{margin:1.2em 0 .3em;font-size:1em}section>p{margin:.2em 0 "
    ".8em;color:var(--soft);max-width:60em}"
    ".cards{display:flex;flex-wrap:wrap;gap:.8em;margin:.8em 0}.card{flex:1 1 9em;border:1px solid var(--line);border-radius:6px;padding:.6em .9em}"
    ".card b{display:block;font-size:1.7em;line-height:1.2;font-weight:600}.card span{color:var(--soft);font-size:.9em}.card.warn "
    "b{color:var(--warn)}"
    "table{border-collapse:collapse;width:100%;margin:.6em 0;font-size:.93em}th,td{padding:.35em .6em;text-align:left;vertical-align:top;"
    "border-bottom:1px solid var(--line)}th{color:var(--soft);font-weight:600;border-bottom:2px solid var(--line)}"
    ".n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}.z{color:#b9c2cc}code{font:.92em 'DejaVu Sans Mono',monospace}"
    "td.t{white-space:pre-wrap;overflow-wrap:anywhere;width:45%}.gone{color:var(--warn);font-style:italic}"
    ".k{display:inline-block;min-width:2.2em;text-align:center;border-radius:1em;background:#e3edf4;padding:0 "
    ".6em}.k1{background:#f6d9cc;color:var(--warn)}"
    "details{margin:.6em 0}summary{cursor:pointer;color:var(--main)}.secret{background:var(--warn)}"
    "@media print{body{background:#fff}section{break-inside:avoid-page;border:0;padding:.4em 0}header{background:none;color:var(--ink)}}</style>\n";

/* --- pieces --- */

static lethe_status begin_page(lethe_buffer *out, const char *title, bool secret, lethe_error *error) {
    lethe_status status = lethe_buffer_printf(out, error, "<!DOCTYPE html>\n<html lang=en><head><meta charset=utf-8><title>%s</title>\n", title);
    if (status == LETHE_OK) status = lethe_buffer_append_text(out, style, error);
    return status == LETHE_OK ? lethe_buffer_printf(out, error, "</head><body>\n<header%s><div><h1>%s</h1>\n", secret ? " class=secret" : "", title)
                              : status;
}

static lethe_status begin_section(lethe_buffer *out, const char *title, const char *about, lethe_error *error) {
    return lethe_buffer_printf(out, error, "<section><h2>%s</h2>\n<p>%s</p>\n", title, about);
}

static lethe_status end_section(lethe_buffer *out, lethe_error *error) { return lethe_buffer_append_text(out, "</section>\n", error); }

static lethe_status card(lethe_buffer *out, const char *what, uint64_t number, bool warn, lethe_error *error) {
    return lethe_buffer_printf(out, error, "<div class=\"card%s\"><b>%llu</b><span>%s</span></div>\n", warn && number != 0 ? " warn" : "",
                               (unsigned long long)number, what);
}

static lethe_status cell(lethe_buffer *out, const char *attributes, const char *text, lethe_error *error) {
    lethe_status status = lethe_buffer_printf(out, error, "<td%s>", attributes);
    if (status == LETHE_OK) status = lethe_html_escape(text, out, error);
    return status == LETHE_OK ? lethe_buffer_append_text(out, "</td>", error) : status;
}

static lethe_status number_cell(lethe_buffer *out, uint64_t number, lethe_error *error) {
    return number == 0 ? lethe_buffer_append_text(out, "<td class=\"n z\">&middot;</td>", error)
                       : lethe_buffer_printf(out, error, "<td class=n>%llu</td>", (unsigned long long)number);
}

static lethe_status count_table(lethe_buffer *out, const char *left, const lethe_report_count *entries, size_t count, lethe_error *error) {
    lethe_status status = lethe_buffer_printf(out, error, "<table><tr><th>%s</th><th class=n>number</th></tr>\n", left);
    for (size_t i = 0; i < count && i < LINES_SHOWN && status == LETHE_OK; i++) {
        status = lethe_buffer_append_text(out, "<tr>", error);
        if (status == LETHE_OK) status = cell(out, "", entries[i].key, error);
        if (status == LETHE_OK) status = number_cell(out, entries[i].count, error);
        if (status == LETHE_OK) status = lethe_buffer_append_text(out, "</tr>\n", error);
    }
    return status == LETHE_OK ? lethe_buffer_append_text(out, "</table>\n", error) : status;
}

/* --- clauses --- */

static const struct {
    uint32_t option;
    const char *name, *kept;
} options[] = {
    {LETHE_OPTION_SAFE_PRIVATE, "Retain Safe Private (E.3.10)", "private attributes that a safe list names by creator, each value checked again"},
    {LETHE_OPTION_UIDS, "Retain UIDs (E.3.9)", "UIDs as they were"},
    {LETHE_OPTION_DEVICE, "Retain Device Identity (E.3.8)", "identity of devices"},
    {LETHE_OPTION_INSTITUTION, "Retain Institution Identity (E.3.11)", "identity of institutions"},
    {LETHE_OPTION_PATIENT, "Retain Patient Characteristics (E.3.7)", "sex, age, size, weight and other characteristics of the patient"},
    {LETHE_OPTION_FULL_DATES, "Retain Longitudinal, Full Dates (E.3.6)", "dates and times as they were"},
    {LETHE_OPTION_MODIFIED_DATES, "Retain Longitudinal, Modified Dates (E.3.6)", "dates shifted by one number of days per patient: intervals stay"},
    {LETHE_OPTION_DESCRIPTORS, "Clean Descriptors (E.3.5)", "descriptions and comments after cleaning"},
    {LETHE_OPTION_STRUCTURED, "Clean Structured Content (E.3.4)", "content of structured reports after cleaning"},
    {LETHE_OPTION_GRAPHICS, "Clean Graphics (E.3.3)", "graphics without text, region overlays"},
};

static const char *clause_name(unsigned clause) {
    if (clause == LETHE_CLAUSE_BASIC) return "Basic Profile (E.2)";
    if (clause == LETHE_CLAUSE_PRIVATE) return "Private attributes (E.3.10)";
    if (clause == LETHE_CLAUSE_OUTSIDE) return "Not named by Table E.1-1 (E.1.1)";
    if (clause == LETHE_CLAUSE_RULE) return "Basic Profile, kept by a rule of the profile or as content that is checked elsewhere";
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (options[i].option == 1u << (clause - LETHE_CLAUSE_OPTION)) return options[i].name;
    return "?";
}

/* The action code that the table has in the column of the clause. */
static const char *clause_code(const lethe_annex_row *row, unsigned clause) {
    if (row == NULL) return clause != LETHE_CLAUSE_BASIC && clause < LETHE_CLAUSE_OUTSIDE ? "C" : ""; /* inside of a cleaned sequence */
    if (clause == LETHE_CLAUSE_BASIC || clause == LETHE_CLAUSE_RULE) return lethe_annex_action_name(row->basic);
    if (clause >= LETHE_CLAUSE_OUTSIDE) return "";
    return (row->cleaned_by & 1u << (clause - LETHE_CLAUSE_OPTION)) != 0 ? "C" : "K";
}

static const char *const deeds[LETHE_DEEDS] = {"kept", "removed", "emptied", "replaced", "UID mapped", "text cleaned", "shifted", "blacked out"};

static lethe_status write_clauses(lethe_report *r, lethe_buffer *out, lethe_error *error) {
    size_t count;
    const lethe_tally_row *rows = lethe_tally_rows(r->tally, &count);
    uint64_t sums[LETHE_CLAUSES][LETHE_DEEDS] = {{0}};
    for (size_t i = 0; i < count; i++) sums[rows[i].clause][rows[i].deed] += rows[i].elements;
    lethe_status status =
        begin_section(out, "Actions by clause",
                      "Elements of released DICOM instances, at every depth, by the column of PS3.15 Table E.1-1 that decided and by "
                      "what happened; replaced means by a dummy, a pseudonym or another code. An element that an option would keep is removed or "
                      "replaced all the same where it holds a known "
                      "identifier.",
                      error);
    if (status == LETHE_OK) status = lethe_buffer_append_text(out, "<table><tr><th>clause of PS3.15</th>", error);
    for (unsigned deed = 0; deed < LETHE_DEEDS && status == LETHE_OK; deed++)
        status = lethe_buffer_printf(out, error, "<th class=n>%s</th>", deeds[deed]);
    for (unsigned clause = 0; clause < LETHE_CLAUSES && status == LETHE_OK; clause++) {
        uint64_t any = 0;
        for (unsigned deed = 0; deed < LETHE_DEEDS; deed++) any |= sums[clause][deed];
        if (any == 0) continue;
        status = lethe_buffer_printf(out, error, "</tr>\n<tr><td>%s</td>", clause_name(clause));
        for (unsigned deed = 0; deed < LETHE_DEEDS && status == LETHE_OK; deed++) status = number_cell(out, sums[clause][deed], error);
    }
    if (status == LETHE_OK)
        status =
            lethe_buffer_printf(out, error,
                                "</tr></table>\n<p>Images with redacted regions (Clean Pixel Data, E.3.1): %llu. Slides are counted as files, not by "
                                "attribute.</p>\n",
                                (unsigned long long)r->redacted);
    uint64_t left_out = lethe_tally_overflow(r->tally);
    if (status == LETHE_OK && left_out != 0)
        status =
            lethe_buffer_printf(out, error, "<p>%llu more elements of rare attributes are not in these tables.</p>\n", (unsigned long long)left_out);
    return status == LETHE_OK ? end_section(out, error) : status;
}

static lethe_status attribute_cell(lethe_buffer *out, lethe_tag tag, bool is_private, lethe_error *error) {
    char name[128];
    if (tag == LETHE_TAG(0x0001, 0x0000)) (void)snprintf(name, sizeof name, "(gggg,eeee) all private attributes");
    else if (is_private) (void)snprintf(name, sizeof name, "(%04x,xx%02x) private", lethe_tag_group(tag), lethe_tag_element(tag) & 0xFFu);
    else lethe_tag_format(tag, name, sizeof name);
    return cell(out, "", name, error);
}

static lethe_status write_rows(lethe_report *r, lethe_buffer *out, bool kept, lethe_error *error) {
    size_t count;
    const lethe_tally_row *rows = lethe_tally_rows(r->tally, &count);
    lethe_status status = lethe_buffer_append_text(
        out, "<table><tr><th>attribute</th><th>code</th><th>column of Table E.1-1</th><th>done</th><th class=n>elements</th></tr>\n", error);
    for (size_t i = 0; i < count && status == LETHE_OK; i++) {
        const lethe_tally_row *row = &rows[i];
        if ((row->deed == LETHE_DEED_KEPT) != kept) continue;
        bool is_private = row->clause == LETHE_CLAUSE_PRIVATE;
        status = lethe_buffer_append_text(out, "<tr>", error);
        if (status == LETHE_OK) status = attribute_cell(out, row->tag, is_private, error);
        const char *code = is_private ? "X" : clause_code(lethe_annex_e_find(row->tag), row->clause);
        if (status == LETHE_OK) status = cell(out, "", is_private && kept ? "C" : code, error);
        if (status == LETHE_OK) status = cell(out, "", clause_name(row->clause), error);
        if (status == LETHE_OK) status = cell(out, "", deeds[row->deed], error);
        if (status == LETHE_OK) status = number_cell(out, row->elements, error);
        if (status == LETHE_OK) status = lethe_buffer_append_text(out, "</tr>\n", error);
    }
    return status == LETHE_OK ? lethe_buffer_append_text(out, "</table>\n", error) : status;
}

static lethe_status write_attributes(lethe_report *r, lethe_buffer *out, lethe_error *error) {
    lethe_status status = begin_section(
        out, "Actions by attribute",
        "Rows of PS3.15 Table E.1-1 (and attributes that it does not name) in which something changed. The code is the table's in the column "
        "that decided: X removed, Z emptied, D dummy, U other UID, C cleaned, K kept; of X/Z, X/D, Z/D, X/Z/D and X/Z/U* the Type decides.",
        error);
    if (status == LETHE_OK) status = lethe_buffer_append_text(out, "<details open><summary>All attributes that changed</summary>\n", error);
    if (status == LETHE_OK) status = write_rows(r, out, false, error);
    if (status == LETHE_OK) status = lethe_buffer_append_text(out, "</details>\n", error);
    return status == LETHE_OK ? end_section(out, error) : status;
}

static lethe_status write_kept(lethe_report *r, lethe_buffer *out, lethe_error *error) {
    size_t count;
    const lethe_tally_row *rows = lethe_tally_rows(r->tally, &count);
    uint64_t sums[LETHE_CLAUSES] = {0};
    for (size_t i = 0; i < count; i++) {
        bool stays = rows[i].deed == LETHE_DEED_KEPT || rows[i].deed == LETHE_DEED_CLEANED || rows[i].deed == LETHE_DEED_SHIFTED;
        if (stays) sums[rows[i].clause] += rows[i].elements;
    }
    lethe_status status = begin_section(out, "What is kept, and why",
                                        "Each option is a choice of the profile. Values that stay are searched for the patient's known identifiers; "
                                        "what holds one goes.",
                                        error);
    if (status == LETHE_OK)
        status = lethe_buffer_append_text(
            out, "<table><tr><th>because of</th><th>what stays</th><th class=n>elements kept, cleaned or shifted</th></tr>\n", error);
    for (size_t i = 0; i < sizeof options / sizeof *options && status == LETHE_OK; i++) {
        if ((lethe_profile_options(r->profile) & options[i].option) == 0) continue;
        unsigned clause = LETHE_CLAUSE_OPTION + (unsigned)__builtin_ctz(options[i].option);
        uint64_t sum = sums[clause] + (options[i].option == LETHE_OPTION_SAFE_PRIVATE ? sums[LETHE_CLAUSE_PRIVATE] : 0);
        status = lethe_buffer_printf(out, error, "<tr><td>%s</td><td>%s</td>", options[i].name, options[i].kept);
        if (status == LETHE_OK) status = number_cell(out, sum, error);
        if (status == LETHE_OK) status = lethe_buffer_append_text(out, "</tr>\n", error);
    }
    static const struct {
        unsigned clause;
        const char *what;
    } others[] = {
        {LETHE_CLAUSE_OUTSIDE, "attributes of the standard that its table does not name: technique, geometry, codes, pixels"},
        {LETHE_CLAUSE_BASIC, "UIDs that the standard itself registers"},
        {LETHE_CLAUSE_RULE, "by a rule of the profile's own, or as content that is checked elsewhere"},
    };
    for (size_t i = 0; i < sizeof others / sizeof *others && status == LETHE_OK; i++) {
        if (sums[others[i].clause] == 0) continue;
        status = lethe_buffer_printf(out, error, "<tr><td>%s</td><td>%s</td>", clause_name(others[i].clause), others[i].what);
        if (status == LETHE_OK) status = number_cell(out, sums[others[i].clause], error);
        if (status == LETHE_OK) status = lethe_buffer_append_text(out, "</tr>\n", error);
    }
    if (status == LETHE_OK)
        status = lethe_buffer_append_text(out, "</table>\n<details><summary>All attributes that were kept as they were</summary>\n", error);
    if (status == LETHE_OK) status = write_rows(r, out, true, error);
    if (status == LETHE_OK) status = lethe_buffer_append_text(out, "</details>\n", error);
    return status == LETHE_OK ? end_section(out, error) : status;
}

/* --- residual risk --- */

static int by_group(const void *a, const void *b) {
    const lethe_report_member *x = a, *y = b;
    int order = strcmp(x->group, y->group);
    return order != 0 ? order : strcmp(x->patient, y->patient);
}

static int by_count_down(const void *a, const void *b) {
    const lethe_report_count *x = a, *y = b;
    return x->count == y->count ? strcmp(x->key, y->key) : x->count < y->count ? 1 : -1;
}

static int by_count_up(const void *a, const void *b) {
    const lethe_report_count *x = a, *y = b;
    return x->count == y->count ? strcmp(x->key, y->key) : x->count < y->count ? -1 : 1;
}

/* Distinct patients by group, in `groups` (one place a member); returns how many groups. */
static size_t group_members(lethe_report *r, lethe_report_count *groups) {
    size_t count = 0;
    if (r->member_count != 0) qsort(r->members, r->member_count, sizeof *r->members, by_group);
    for (size_t i = 0; i < r->member_count; i++) {
        if (i > 0 && memcmp(&r->members[i], &r->members[i - 1], sizeof r->members[i]) == 0) continue;
        if (count == 0 || strcmp(groups[count - 1].key, r->members[i].group) != 0) {
            (void)snprintf(groups[count].key, sizeof groups[count].key, "%s", r->members[i].group);
            groups[count++].count = 0;
        }
        groups[count - 1].count++;
    }
    if (count != 0) qsort(groups, count, sizeof *groups, by_count_up);
    return count;
}

static lethe_status group_row(lethe_buffer *out, const lethe_report_count *group, lethe_error *error) {
    lethe_status status = lethe_buffer_printf(out, error, "<tr><td><span class=\"k%s\">%llu</span></td>", group->count < 5 ? " k1" : "",
                                              (unsigned long long)group->count);
    const char *at = group->key;
    for (unsigned column = 0; column < COLUMNS && status == LETHE_OK; column++) {
        char part[LETHE_REPORT_KEY];
        size_t length = strcspn(at, "\x1F");
        (void)snprintf(part, sizeof part, "%.*s", (int)length, at);
        status = cell(out, "", part, error);
        at += length + (at[length] != '\0');
    }
    return status == LETHE_OK ? lethe_buffer_append_text(out, "</tr>\n", error) : status;
}

/* Groups of patients that agree in everything kept that others may know, smallest first. */
static lethe_status write_risk(lethe_report *r, lethe_buffer *out, lethe_error *error) {
    lethe_report_count *groups = lethe_alloc_array(r->member_count + 1, sizeof *groups);
    if (groups == NULL) return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a report");
    size_t count = group_members(r, groups);
    uint64_t alone = 0, under_five = 0;
    for (size_t i = 0; i < count; i++) {
        alone += groups[i].count == 1 ? 1 : 0;
        under_five += groups[i].count < 5 ? groups[i].count : 0;
    }
    lethe_status status =
        begin_section(out, "Residual risk",
                      "Patients are grouped by what is kept and others may know: age group, sex, site, device and date of the study, as "
                      "released. k is the number of patients in a group; a patient alone in a group (k = 1) is the easiest to single "
                      "out. A patient with several studies may stand in several groups.",
                      error);
    if (status == LETHE_OK) status = lethe_buffer_append_text(out, "<div class=cards>\n", error);
    if (status == LETHE_OK) status = card(out, "groups", count, false, error);
    if (status == LETHE_OK) status = card(out, "smallest k", count == 0 ? 0 : groups[0].count, count != 0 && groups[0].count < 5, error);
    if (status == LETHE_OK) status = card(out, "patients alone (k = 1)", alone, true, error);
    if (status == LETHE_OK) status = card(out, "patients with k under 5", under_five, true, error);
    if (status == LETHE_OK)
        status = lethe_buffer_printf(out, error,
                                     "</div>\n<h3>Smallest groups%s</h3>\n<table><tr><th>k</th><th>age group</th><th>sex</th><th>site</th><th>device"
                                     "</th><th>date of study</th></tr>\n",
                                     count > SMALLEST_SHOWN ? " (the first 20)" : "");
    for (size_t i = 0; i < count && i < SMALLEST_SHOWN && status == LETHE_OK; i++) status = group_row(out, &groups[i], error);
    if (status == LETHE_OK) status = lethe_buffer_append_text(out, "</table>\n", error);
    lethe_free(groups);
    return status == LETHE_OK ? end_section(out, error) : status;
}

/* --- patients and outcomes --- */

static lethe_status write_doubt(void *context, const char *pseudonym, const char *why, lethe_error *error) {
    return lethe_buffer_printf(context, error, "<tr><td><code>%s</code></td><td>%s</td></tr>\n", pseudonym, why);
}

static lethe_status write_people(const lethe_people *people, lethe_buffer *out, lethe_error *error) {
    lethe_people_counts c;
    lethe_people_count(people, &c);
    lethe_status status = begin_section(out, "Patients",
                                        "Told apart by patient ID and issuer; doubts are to be looked at on the private side: one patient "
                                        "may be two here, or two one.",
                                        error);
    if (status == LETHE_OK) status = lethe_buffer_append_text(out, "<div class=cards>\n", error);
    if (status == LETHE_OK) status = card(out, "patients", c.patients, false, error);
    if (status == LETHE_OK) status = card(out, "patient IDs that came with several names", c.several_names, true, error);
    if (status == LETHE_OK) status = card(out, "patients whose name and birth date also stand under another ID", c.several_ids, true, error);
    if (status == LETHE_OK) status = lethe_buffer_append_text(out, "</div>\n", error);
    if (status == LETHE_OK && c.several_names + c.several_ids != 0) {
        status = lethe_buffer_append_text(out, "<table><tr><th>pseudonym</th><th>doubt</th></tr>\n", error);
        if (status == LETHE_OK) status = lethe_people_visit_doubts(people, write_doubt, out, error);
        if (status == LETHE_OK) status = lethe_buffer_append_text(out, "</table>\n", error);
    }
    return status == LETHE_OK ? end_section(out, error) : status;
}

static lethe_status write_outcomes(lethe_report *r, lethe_buffer *out, lethe_error *error) {
    lethe_status status =
        begin_section(out, "Outcomes", "What became of each input. Nothing is released that an audit of the output did not pass.", error);
    if (status == LETHE_OK) status = lethe_buffer_append_text(out, "<div class=cards>\n", error);
    if (status == LETHE_OK) status = card(out, "inputs", r->inputs, false, error);
    if (status == LETHE_OK) status = card(out, "released", r->outcomes[LETHE_OUTCOME_RELEASED], false, error);
    if (status == LETHE_OK) status = card(out, "quarantined", r->outcomes[LETHE_OUTCOME_QUARANTINED], true, error);
    if (status == LETHE_OK) status = card(out, "waiting for review", r->outcomes[LETHE_OUTCOME_REVIEW], true, error);
    if (status == LETHE_OK) status = card(out, "dropped", r->outcomes[LETHE_OUTCOME_DROPPED], false, error);
    if (status == LETHE_OK)
        status =
            lethe_buffer_printf(out, error,
                                "</div>\n<p>Slides among them: %llu. Instances of unknown SOP classes (strictest rules): %llu. Instances without a "
                                "patient ID: %llu.</p>\n",
                                (unsigned long long)r->slides, (unsigned long long)r->unknown_class, (unsigned long long)r->no_patient_id);
    if (r->modalities.count != 0) qsort(r->modalities.entries, r->modalities.count, sizeof *r->modalities.entries, by_count_down);
    if (r->reasons.count != 0) qsort(r->reasons.entries, r->reasons.count, sizeof *r->reasons.entries, by_count_down);
    if (status == LETHE_OK) status = count_table(out, "released, by modality", r->modalities.entries, r->modalities.count, error);
    if (status == LETHE_OK && r->reasons.count != 0)
        status = count_table(out, "not released, by reason", r->reasons.entries, r->reasons.count, error);
    return status == LETHE_OK ? end_section(out, error) : status;
}

/* --- pages --- */

static lethe_status finish_page(lethe_buffer *out, const char *path, lethe_error *error) {
    lethe_status status = lethe_buffer_append_text(out, "</main></body></html>\n", error);
    return status == LETHE_OK ? lethe_file_write(path, out->bytes, out->size, 0600, error) : status;
}

lethe_status lethe_report_write(lethe_report *r, const lethe_people *people, const char *path, lethe_error *error) {
    lethe_buffer out;
    lethe_buffer_init(&out, 64u << 20);
    lethe_status status = begin_page(&out, "De-identification report", false, error);
    if (status == LETHE_OK)
        status = lethe_buffer_append_text(&out, "<p>Lethe " LETHE_VERSION ", DICOM PS3.15 Annex E edition 2025b, profile ", error);
    if (status == LETHE_OK) status = lethe_html_escape(lethe_profile_name(r->profile), &out, error);
    if (status == LETHE_OK)
        status = lethe_buffer_append_text(&out, ". No value that was removed stands on this page.</p></div></header>\n<main>\n", error);
    if (status == LETHE_OK) status = write_outcomes(r, &out, error);
    if (status == LETHE_OK) status = write_risk(r, &out, error);
    if (status == LETHE_OK) status = write_kept(r, &out, error);
    if (status == LETHE_OK) status = write_clauses(r, &out, error);
    if (status == LETHE_OK) status = write_attributes(r, &out, error);
    if (status == LETHE_OK && people != NULL) status = write_people(people, &out, error);
    if (status == LETHE_OK) status = finish_page(&out, path, error);
    lethe_buffer_release(&out);
    return status;
}

static lethe_status text_row(lethe_buffer *out, const lethe_tally_text *text, lethe_error *error) {
    lethe_status status = lethe_buffer_append_text(out, "<tr>", error);
    if (status == LETHE_OK) status = cell(out, " class=t", text->before, error);
    if (status == LETHE_OK)
        status = text->after[0] == '\0' ? lethe_buffer_append_text(out, "<td class=\"t gone\">nothing stays</td>", error)
                                        : cell(out, " class=t", text->after, error);
    return status == LETHE_OK ? lethe_buffer_append_text(out, "</tr>\n", error) : status;
}

lethe_status lethe_report_write_texts(lethe_report *r, const char *path, lethe_error *error) {
    lethe_buffer out;
    lethe_buffer_init(&out, 64u << 20);
    size_t count = lethe_tally_text_count(r->tally);
    lethe_status status = begin_page(&out, "Texts before and after cleaning", true, error);
    if (status == LETHE_OK)
        status = lethe_buffer_printf(
            &out, error,
            "<p>PRIVATE: this page names patients. It belongs beside the originals and goes nowhere else.</p></div></header>\n"
            "<main>\n<section><p>%zu texts that differ, each once however often it came.%s A text is shown up to %d bytes.</p>\n",
            count, lethe_tally_texts_cut(r->tally) ? " The list is full: further texts are not shown." : "", LETHE_TALLY_TEXT_BYTES);
    lethe_tag last = 0;
    for (size_t i = 0; i < count && status == LETHE_OK; i++) {
        lethe_tally_text text = lethe_tally_text_at(r->tally, i);
        char name[128];
        lethe_tag_format(text.tag, name, sizeof name);
        if (i == 0 || text.tag != last)
            status =
                lethe_buffer_printf(&out, error, "%s<h3>%s</h3>\n<table><tr><th>before</th><th>after</th></tr>\n", i == 0 ? "" : "</table>\n", name);
        last = text.tag;
        if (status == LETHE_OK) status = text_row(&out, &text, error);
    }
    if (status == LETHE_OK) status = lethe_buffer_append_text(&out, count != 0 ? "</table></section>\n" : "</section>\n", error);
    if (status == LETHE_OK) status = finish_page(&out, path, error);
    if (out.bytes != NULL) lethe_wipe(out.bytes, out.size);
    lethe_buffer_release(&out);
    return status;
}
