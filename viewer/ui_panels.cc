/* Panels, sheets, columns and the text in them. */
#include "viewer/ui_internal.h"

#include <cmath>

using namespace lethe_imgui;

extern "C" {

void lethe_ui_panel_begin(lethe_ui *, const char *id, lethe_rect rect, uint32_t background, double padding) {
    ImGui::SetNextWindowPos(ImVec2((float)rect.x, (float)rect.y));
    ImGui::SetNextWindowSize(ImVec2((float)rect.width, (float)rect.height));
    ImGui::PushStyleColor(ImGuiCol_WindowBg, vec_of(background));
    ImGui::PushStyleVar(ImGuiStyleVar_WindowPadding, ImVec2((float)padding, (float)padding));
    ImGui::PushStyleVar(ImGuiStyleVar_WindowMinSize, ImVec2(1, 1));
    ImGui::Begin(id, nullptr,
                 ImGuiWindowFlags_NoDecoration | ImGuiWindowFlags_NoMove | ImGuiWindowFlags_NoSavedSettings | ImGuiWindowFlags_NoBringToFrontOnFocus |
                     ImGuiWindowFlags_NoScrollWithMouse);
    ImGui::PopStyleVar(2);
    ImGui::PopStyleColor();
}
void lethe_ui_panel_end(lethe_ui *) { ImGui::End(); }

bool lethe_ui_sheet_begin(lethe_ui *ui, const char *title, double width, double height, bool *open) {
    if (!*open) return false;
    ImVec2 display = ImGui::GetIO().DisplaySize;
    ImVec2 size((float)width, (float)height);
    if (size.x > display.x - 48) size.x = display.x - 48;
    if (size.y > display.y - 48) size.y = display.y - 48;
    ImGui::GetForegroundDrawList(); /* keep order */
    canvas()->AddRectFilled(ImVec2(0, 0), display, IM_COL32(0, 0, 0, 140));
    ImGui::SetNextWindowPos(ImVec2(floorf((display.x - size.x) / 2), floorf((display.y - size.y) / 2)));
    ImGui::SetNextWindowSize(size);
    ImGui::PushStyleVar(ImGuiStyleVar_WindowRounding, 12);
    ImGui::PushStyleVar(ImGuiStyleVar_WindowBorderSize, 1);
    ImGui::PushStyleVar(ImGuiStyleVar_WindowPadding, ImVec2(24, 20));
    ImGui::PushStyleColor(ImGuiCol_WindowBg, vec_of(LETHE_COLOUR_SURFACE));
    ImGui::Begin(title, nullptr, ImGuiWindowFlags_NoDecoration | ImGuiWindowFlags_NoMove | ImGuiWindowFlags_NoSavedSettings);
    ImGui::PopStyleColor();
    ImGui::PopStyleVar(3);
    ImGui::PushFont(ui->title);
    ImGui::TextUnformatted(title);
    ImGui::PopFont();
    ImGui::SameLine();
    lethe_ui_right_align(ui, 32);
    ImGui::PushStyleColor(ImGuiCol_Button, ImVec4(0, 0, 0, 0));
    if (ImGui::Button("x##close", ImVec2(32, 28))) *open = false;
    ImGui::PopStyleColor();
    ImGui::Dummy(ImVec2(0, 4));
    return true;
}
void lethe_ui_sheet_end(lethe_ui *) { ImGui::End(); }

void lethe_ui_scroll_begin(lethe_ui *, const char *id, double height) {
    ImGui::BeginChild(id, ImVec2(0, (float)height), false, ImGuiWindowFlags_NavFlattened);
}
void lethe_ui_scroll_end(lethe_ui *) { ImGui::EndChild(); }

void lethe_ui_heading(lethe_ui *ui, const char *text) {
    note_letters(ui, text);
    ImGui::PushFont(ui->bold);
    ImGui::PushStyleColor(ImGuiCol_Text, vec_of(LETHE_COLOUR_MUTED));
    ImGui::TextUnformatted(text);
    ImGui::PopStyleColor();
    ImGui::PopFont();
}
void lethe_ui_title(lethe_ui *ui, const char *text) {
    note_letters(ui, text);
    ImGui::PushFont(ui->title);
    ImGui::TextUnformatted(text);
    ImGui::PopFont();
}
void lethe_ui_text(lethe_ui *ui, uint32_t colour, const char *text) {
    note_letters(ui, text);
    if (ui->bar) { /* in the middle of the height that its neighbours have */
        ImVec2 at = ImGui::GetCursorScreenPos(), size = ImGui::CalcTextSize(text);
        ImGui::Dummy(ImVec2(size.x, bar_height));
        ImGui::GetWindowDrawList()->AddText(ImVec2(at.x, floorf(at.y + (bar_height - size.y) / 2)), colour_of(colour), text);
        return;
    }
    ImGui::PushStyleColor(ImGuiCol_Text, vec_of(colour));
    ImGui::TextUnformatted(text);
    ImGui::PopStyleColor();
}
void lethe_ui_text_wrapped(lethe_ui *ui, uint32_t colour, const char *text) {
    note_letters(ui, text);
    ImGui::PushStyleColor(ImGuiCol_Text, vec_of(colour));
    ImGui::PushTextWrapPos(0);
    ImGui::TextUnformatted(text);
    ImGui::PopTextWrapPos();
    ImGui::PopStyleColor();
}
void lethe_ui_same_line(lethe_ui *, double spacing) { ImGui::SameLine(0, (float)spacing); }
void lethe_ui_right_align(lethe_ui *, double width) {
    float right = ImGui::GetWindowContentRegionMax().x;
    if (right - (float)width > ImGui::GetCursorPosX()) ImGui::SetCursorPosX(right - (float)width);
}
void lethe_ui_space(lethe_ui *, double height) { ImGui::Dummy(ImVec2(1, (float)height)); }
void lethe_ui_separator(lethe_ui *) {
    ImVec2 p = ImGui::GetCursorScreenPos();
    ImGui::GetWindowDrawList()->AddLine(ImVec2(p.x, p.y + 3), ImVec2(p.x + ImGui::GetContentRegionAvail().x, p.y + 3),
                                        colour_of(LETHE_COLOUR_BORDER));
    ImGui::Dummy(ImVec2(1, 6));
}
double lethe_ui_available_width(lethe_ui *) { return (double)ImGui::GetContentRegionAvail().x; }
double lethe_ui_cursor_y(lethe_ui *) { return (double)ImGui::GetCursorScreenPos().y; }
void lethe_ui_column_begin(lethe_ui *, const char *id, double width) {
    ImGui::BeginChild(id, ImVec2((float)width, 0), false, ImGuiWindowFlags_NavFlattened);
}
void lethe_ui_column_end(lethe_ui *) { ImGui::EndChild(); }
void lethe_ui_column_begin_sized(lethe_ui *, const char *id, double width, double height) {
    ImGui::PushStyleVar(ImGuiStyleVar_ItemSpacing, ImVec2(0, 0));
    ImGui::BeginChild(id, ImVec2((float)width, (float)height), false,
                      ImGuiWindowFlags_NoScrollbar | ImGuiWindowFlags_NoScrollWithMouse | ImGuiWindowFlags_NavFlattened);
    ImGui::PopStyleVar();
}
void lethe_ui_tight(lethe_ui *, bool tight) {
    if (tight) ImGui::PushStyleVar(ImGuiStyleVar_ItemSpacing, ImVec2(8, 2));
    else ImGui::PopStyleVar();
}

} // extern "C"
