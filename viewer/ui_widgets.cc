/* Things to press, choose and type into. */
#include "viewer/ui_internal.h"

#include <cmath>
#include <cstdio>
#include <cstring>

using namespace lethe_imgui;

namespace {

float height_of(const lethe_ui *ui) { return ui->bar ? bar_height : 0.0f; }

/* One line; where it has no room it ends in dots. */
void line_of_text(ImFont *font, float size, ImVec2 at, float right, uint32_t colour, const char *text) {
    constexpr const char *dots = "\xE2\x80\xA6";
    ImDrawList *list = ImGui::GetWindowDrawList();
    ImVec4 clip(at.x, at.y - size, right, at.y + 2 * size);
    const char *end = nullptr;
    float room = right - at.x, width = font->CalcTextSizeA(size, FLT_MAX, 0, text).x;
    if (width > room) {
        room -= font->CalcTextSizeA(size, FLT_MAX, 0, dots).x;
        width = font->CalcTextSizeA(size, room > 1 ? room : 1, 0, text, nullptr, &end).x;
        list->AddText(font, size, ImVec2(at.x + width, at.y), colour_of(colour), dots, nullptr, 0, &clip);
    }
    if (end != text) list->AddText(font, size, at, colour_of(colour), text, end, 0, &clip);
}

} // namespace

namespace lethe_imgui {

void focus_frame(ImVec2 at, ImVec2 end) { ImGui::RenderNavHighlight(ImRect(at, end), ImGui::GetItemID(), ImGuiNavHighlightFlags_TypeThin); }

void tip(const char *text, const char *key) {
    if (!text || !ImGui::IsItemHovered(ImGuiHoveredFlags_AllowWhenDisabled)) return;
    ImGui::PushStyleVar(ImGuiStyleVar_WindowPadding, ImVec2(10, 8));
    ImGui::BeginTooltip();
    ImGui::PushTextWrapPos(ImGui::GetFontSize() * 22);
    ImGui::TextUnformatted(text);
    ImGui::PopTextWrapPos();
    if (key && *key) {
        ImGui::SameLine(0, 12);
        ImGui::PushStyleColor(ImGuiCol_Text, vec_of(LETHE_COLOUR_ACCENT));
        ImGui::TextUnformatted(key);
        ImGui::PopStyleColor();
    }
    ImGui::EndTooltip();
    ImGui::PopStyleVar();
}

} // namespace lethe_imgui

extern "C" {

bool lethe_ui_button(lethe_ui *ui, const char *label, lethe_button_kind kind, double width, const char *help) {
    note_letters(ui, label);
    bool pressed;
    double needed = (double)ui->bold->CalcTextSizeA(size_of(ui->bold), 1e6f, 0, label).x + 12;
    if (width > 0 && width < needed && strstr(label, "##") == nullptr) width = needed;
    if (kind == LETHE_BUTTON_PRIMARY) {
        ImGui::PushStyleColor(ImGuiCol_Button, vec_of(LETHE_COLOUR_ACCENT));
        ImGui::PushStyleColor(ImGuiCol_ButtonHovered, vec_of(0xFF8BD5F0));
        ImGui::PushStyleColor(ImGuiCol_ButtonActive, vec_of(0xFF4FB0D4));
        ImGui::PushStyleColor(ImGuiCol_Text, vec_of(LETHE_COLOUR_ON_ACCENT));
        ImGui::PushFont(ui->bold);
        pressed = ImGui::Button(label, ImVec2((float)width, height_of(ui)));
        ImGui::PopFont();
        ImGui::PopStyleColor(4);
    } else {
        if (kind == LETHE_BUTTON_QUIET) ImGui::PushStyleColor(ImGuiCol_Button, ImVec4(0, 0, 0, 0));
        if (kind == LETHE_BUTTON_DISABLED) ImGui::BeginDisabled();
        pressed = ImGui::Button(label, ImVec2((float)width, height_of(ui)));
        if (kind == LETHE_BUTTON_DISABLED) ImGui::EndDisabled();
        if (kind == LETHE_BUTTON_QUIET) ImGui::PopStyleColor();
    }
    tip(help, nullptr);
    return pressed && kind != LETHE_BUTTON_DISABLED;
}

void lethe_icon_draw(ImDrawList *list, lethe_icon icon, ImVec2 at, float size, ImU32 colour);

bool lethe_ui_icon_button(lethe_ui *, const char *id, lethe_icon icon, double size, bool active, bool enabled, const char *help, const char *key) {
    ImGui::PushID(id);
    ImVec2 at = ImGui::GetCursorScreenPos();
    float s = (float)size;
    bool pressed = ImGui::InvisibleButton("icon", ImVec2(s, s));
    bool hovered = ImGui::IsItemHovered();
    ImDrawList *list = ImGui::GetWindowDrawList();
    if (active) list->AddRectFilled(at, ImVec2(at.x + s, at.y + s), colour_of(LETHE_COLOUR_ACCENT), 7);
    else if (hovered && enabled) list->AddRectFilled(at, ImVec2(at.x + s, at.y + s), colour_of(LETHE_COLOUR_HOVER), 7);
    uint32_t colour = active ? LETHE_COLOUR_ON_ACCENT : !enabled ? 0xFF56616D : hovered ? LETHE_COLOUR_TEXT : 0xFFC4CDD6;
    float inset = floorf(s * 0.24f);
    lethe_icon_draw(list, icon, ImVec2(at.x + inset, at.y + inset), s - 2 * inset, colour_of(colour));
    focus_frame(at, ImVec2(at.x + s, at.y + s));
    tip(help, key);
    ImGui::PopID();
    return pressed && enabled;
}

int lethe_ui_row_item(lethe_ui *ui, const lethe_ui_row *row) {
    note_letters(ui, row->title);
    if (row->subtitle) note_letters(ui, row->subtitle);
    if (row->badge) note_letters(ui, row->badge);
    ImGui::PushID(row->id);
    float height = row->height > 0 ? (float)row->height : row->has_thumbnail ? 60.0f : row->subtitle ? 46.0f : 30.0f;
    float needed = size_of(ui->normal) * (row->subtitle ? 1.87f : 1.0f) + (row->subtitle ? 9.0f : 2.0f);
    if (height < needed) height = needed; /* large letters */
    ImVec2 at = ImGui::GetCursorScreenPos();
    float width = ImGui::GetContentRegionAvail().x;
    bool clicked = ImGui::InvisibleButton("row", ImVec2(width, height));
    bool twice = ImGui::IsItemHovered() && ImGui::IsMouseDoubleClicked(0);
    bool hovered = ImGui::IsItemHovered();
    ImDrawList *list = ImGui::GetWindowDrawList();
    ImVec2 end(at.x + width, at.y + height);
    if (row->selected) list->AddRectFilled(at, end, colour_of(LETHE_COLOUR_SELECTED), 6);
    else if (hovered) list->AddRectFilled(at, end, colour_of(LETHE_COLOUR_HOVER), 6);
    if (row->selected) list->AddRectFilled(ImVec2(at.x, at.y + 6), ImVec2(at.x + 3, end.y - 6), colour_of(LETHE_COLOUR_ACCENT), 2);
    focus_frame(ImVec2(at.x + 1, at.y + 1), ImVec2(end.x - 1, end.y - 1));
    float x = at.x + 10, right = end.x - 8;
    if (row->has_thumbnail) {
        float box = height - 8;
        ImVec2 t(at.x + 8, at.y + 4);
        list->AddRectFilled(t, ImVec2(t.x + box, t.y + box), colour_of(LETHE_COLOUR_CANVAS), 4);
        if (row->thumbnail) {
            float w = box, h = box;
            if (row->thumbnail_aspect > 1) h = box / (float)row->thumbnail_aspect;
            else w = box * (float)row->thumbnail_aspect;
            ImVec2 p(t.x + (box - w) / 2, t.y + (box - h) / 2);
            list->AddImageRounded(texture_of(row->thumbnail), p, ImVec2(p.x + w, p.y + h), ImVec2(0, 0), ImVec2(1, 1), IM_COL32_WHITE, 3);
        }
        x += box + 8;
    }
    if (row->swatch) {
        float middle = at.y + height / 2;
        list->AddRectFilled(ImVec2(x, middle - 7), ImVec2(x + 14, middle + 7), colour_of(row->swatch), 4);
        x += 24;
    }
    ImFont *font = row->strong ? ui->bold : ui->normal;
    float line = size_of(ui->normal);
    float small = line * 0.87f;
    if (row->badge) {
        ImVec2 size = ui->normal->CalcTextSizeA(small, 1e6f, 0, row->badge);
        float y = at.y + (height - size.y) / 2;
        list->AddText(ui->normal, small, ImVec2(right - size.x, y), colour_of(row->badge_colour ? row->badge_colour : LETHE_COLOUR_MUTED),
                      row->badge);
        right -= size.x + 10;
    }
    float text_height = row->subtitle ? line + small + 3 : line;
    float y = floorf(at.y + (height - text_height) / 2);
    line_of_text(font, line, ImVec2(x, y), right, row->dim ? LETHE_COLOUR_MUTED : LETHE_COLOUR_TEXT, row->title);
    if (row->subtitle) line_of_text(ui->normal, small, ImVec2(x, y + line + 3), right, LETHE_COLOUR_MUTED, row->subtitle);
    tip(row->tip, nullptr);
    ImGui::PopID();
    return twice ? 2 : clicked ? 1 : 0;
}

bool lethe_ui_checkbox(lethe_ui *, const char *label, bool *value) {
    ImGui::PushStyleVar(ImGuiStyleVar_FramePadding, ImVec2(3, 3));
    ImGui::PushStyleVar(ImGuiStyleVar_FrameRounding, 4);
    bool changed = ImGui::Checkbox(label, value);
    ImGui::PopStyleVar(2);
    return changed;
}
bool lethe_ui_slider(lethe_ui *ui, const char *label, double *value, double low, double high, const char *format, bool logarithmic) {
    char shown[32];
    (void)snprintf(shown, sizeof shown, format, *value);
    ImGui::PushID(label);
    ImGui::PushStyleColor(ImGuiCol_Text, vec_of(LETHE_COLOUR_MUTED));
    ImGui::TextUnformatted(label);
    ImGui::PopStyleColor();
    ImGui::SameLine(0, 0);
    lethe_ui_right_align(ui, (double)ImGui::CalcTextSize(shown).x);
    ImGui::TextUnformatted(shown);
    ImGui::SetNextItemWidth(-1);
    float v = (float)*value;
    ImGui::PushStyleVar(ImGuiStyleVar_FramePadding, ImVec2(10, 2));
    bool changed = ImGui::SliderFloat("##value", &v, (float)low, (float)high, "", logarithmic ? ImGuiSliderFlags_Logarithmic : 0);
    ImGui::PopStyleVar();
    if (changed) *value = (double)v;
    ImGui::PopID();
    return changed;
}
bool lethe_ui_combo(lethe_ui *ui, const char *label, const char *const *items, int count, int *selected) {
    for (int i = 0; i < count; i++) note_letters(ui, items[i]);
    ImGui::PushID(label);
    ImGui::SetNextItemWidth(-1);
    bool changed = false;
    if (ImGui::BeginCombo("##combo", *selected >= 0 && *selected < count ? items[*selected] : "")) {
        for (int i = 0; i < count; i++) {
            ImGui::PushID(i); /* titles are the project's: two may be alike */
            if (ImGui::Selectable(items[i], i == *selected)) {
                *selected = i;
                changed = true;
            }
            ImGui::PopID();
        }
        ImGui::EndCombo();
    }
    ImGui::PopID();
    return changed;
}
bool lethe_ui_radio(lethe_ui *, const char *label, bool active) {
    ImGui::PushStyleVar(ImGuiStyleVar_FramePadding, ImVec2(3, 3));
    bool pressed = ImGui::RadioButton(label, active);
    ImGui::PopStyleVar();
    return pressed;
}
bool lethe_ui_input(lethe_ui *ui, const char *label, char *text, size_t size, const char *hint) {
    note_letters(ui, text);
    char editable[4096];
    bool mapped = size <= sizeof editable && to_editable(ui, text, editable, size);
    ImGui::PushID(label);
    ImGui::SetNextItemWidth(-1);
    /* Letters of four bytes are edited as three: a quarter of the room is kept for them. A text that has no room is shown, not edited. */
    bool edited = ImGui::InputTextWithHint("##input", hint ? hint : "", mapped ? editable : text, mapped ? size - size / 4 : size,
                                           mapped ? 0 : ImGuiInputTextFlags_ReadOnly);
    bool done = ImGui::IsItemDeactivatedAfterEdit();
    ImGui::PopID();
    if (edited && mapped) (void)from_editable(ui, editable, text, size);
    return done;
}
bool lethe_ui_tabs(lethe_ui *ui, const char *id, const char *const *labels, int count, int *selected) {
    ImGui::PushID(id);
    bool changed = false;
    float width = (ImGui::GetContentRegionAvail().x - 4) / (float)count;
    ImVec2 start = ImGui::GetCursorScreenPos();
    float height = size_of(ui->normal) + 14;
    ImDrawList *list = ImGui::GetWindowDrawList();
    list->AddRectFilled(start, ImVec2(start.x + width * (float)count + 4, start.y + height), colour_of(LETHE_COLOUR_BASE), 7);
    for (int i = 0; i < count; i++) {
        ImVec2 at(start.x + 2 + width * (float)i, start.y + 2);
        ImGui::SetCursorScreenPos(at);
        ImGui::PushID(i);
        if (ImGui::InvisibleButton("tab", ImVec2(width, height - 4)) && *selected != i) {
            *selected = i;
            changed = true;
        }
        bool on = *selected == i, hovered = ImGui::IsItemHovered();
        if (on || hovered)
            list->AddRectFilled(at, ImVec2(at.x + width, at.y + height - 4), colour_of(on ? LETHE_COLOUR_HOVER : LETHE_COLOUR_RAISED), 6);
        ImFont *font = on ? ui->bold : ui->normal;
        float letters = size_of(font);
        ImVec2 size = font->CalcTextSizeA(letters, 1e6f, 0, labels[i]);
        if (size.x > width - 8) { /* smaller rather than over its neighbour */
            letters *= (width - 8) / size.x;
            size = font->CalcTextSizeA(letters, 1e6f, 0, labels[i]);
        }
        list->AddText(font, letters, ImVec2(floorf(at.x + (width - size.x) / 2), floorf(at.y + (height - 4 - size.y) / 2)),
                      colour_of(on ? LETHE_COLOUR_TEXT : LETHE_COLOUR_MUTED), labels[i]);
        focus_frame(at, ImVec2(at.x + width, at.y + height - 4));
        ImGui::PopID();
    }
    ImGui::SetCursorScreenPos(ImVec2(start.x, start.y + height));
    ImGui::Dummy(ImVec2(1, 2));
    ImGui::PopID();
    return changed;
}
void lethe_ui_push_id(lethe_ui *, int64_t id) { ImGui::PushID((void *)(intptr_t)id); }
void lethe_ui_pop_id(lethe_ui *) { ImGui::PopID(); }
lethe_rect lethe_ui_item_rect(lethe_ui *) {
    ImVec2 a = ImGui::GetItemRectMin(), b = ImGui::GetItemRectMax();
    return {(double)a.x, (double)a.y, (double)(b.x - a.x), (double)(b.y - a.y)};
}
void lethe_ui_progress(lethe_ui *, double fraction) {
    ImVec2 at = ImGui::GetCursorScreenPos();
    float width = ImGui::GetContentRegionAvail().x;
    ImDrawList *list = ImGui::GetWindowDrawList();
    list->AddRectFilled(at, ImVec2(at.x + width, at.y + 4), colour_of(LETHE_COLOUR_RAISED), 2);
    list->AddRectFilled(at,
                        ImVec2(at.x + width * (float)(fraction < 0   ? 0
                                                      : fraction > 1 ? 1
                                                                     : fraction),
                               at.y + 4),
                        colour_of(LETHE_COLOUR_ACCENT), 2);
    ImGui::Dummy(ImVec2(width, 4));
}
bool lethe_ui_item_hovered(lethe_ui *) { return ImGui::IsItemHovered(); }
void lethe_ui_focus_next(lethe_ui *) { ImGui::SetKeyboardFocusHere(); }

bool lethe_ui_combo_multi(lethe_ui *ui, const char *label, const char *const *items, int count, bool *chosen) {
    for (int i = 0; i < count; i++) note_letters(ui, items[i]);
    char preview[128] = "";
    for (int i = 0; i < count; i++)
        if (chosen[i]) {
            size_t used = strlen(preview);
            (void)snprintf(preview + used, sizeof preview - used, "%s%s", used ? ", " : "", items[i]);
        }
    bool changed = false;
    ImGui::PushID(label);
    ImGui::SetNextItemWidth(-1);
    if (ImGui::BeginCombo("##multi", preview)) {
        for (int i = 0; i < count; i++) {
            ImGui::PushID(i);
            if (ImGui::Selectable(items[i], chosen[i], ImGuiSelectableFlags_DontClosePopups)) {
                chosen[i] = !chosen[i];
                changed = true;
            }
            ImGui::PopID();
        }
        ImGui::EndCombo();
    }
    ImGui::PopID();
    return changed;
}

void lethe_ui_bar(lethe_ui *ui, bool on) { ui->bar = on; }

} // extern "C"
