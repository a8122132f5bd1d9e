/* What the files that talk to Dear ImGui share: ui_imgui.cc (context, theme, input, output), ui_canvas.cc (vectors on the images), ui_panels.cc
 * (places), ui_widgets.cc (things to press) and ui_icons.cc. C++; included by nothing else. */
#ifndef LETHE_VIEWER_UI_INTERNAL_H
#define LETHE_VIEWER_UI_INTERNAL_H

#define IMGUI_DEFINE_MATH_OPERATORS
extern "C" {
#include "viewer/ui.h"
}

#include <imgui/imgui.h>
#include <imgui/imgui_internal.h>

struct lethe_ui {
    ImGuiContext *context;
    ImFont *normal, *bold, *title;
    char font_path[512], bold_path[512];
    double font_size, scale, last_seconds;
    ImVector<ImWchar> letters; /* in use beyond the usual ones, in order; fonts are looked through for them */
    ImVector<ImWchar> ranges;  /* that the fonts were loaded with */
    bool letters_new;
    char pasted[4096];         /* between the clipboard and a field */
    ImVector<unsigned> beyond; /* what fields hold beyond U+FFFF, which ImGui has no room for: it edits a stand-in + index instead */
    lethe_ui_clipboard clipboard;
    char panel[32]; /* keys are to go there from the next frame on; "" = no change */
    bool navigates; /* keys walk through a panel */
    bool bar;       /* inside a tool bar: buttons are as high as icons */
};

namespace lethe_imgui {

inline ImU32 colour_of(uint32_t argb) { return IM_COL32((argb >> 16) & 255, (argb >> 8) & 255, argb & 255, (argb >> 24) & 255); }
inline ImVec4 vec_of(uint32_t argb) { return ImGui::ColorConvertU32ToFloat4(colour_of(argb)); }
inline ImVec2 vec(lethe_point p) { return ImVec2((float)p.x, (float)p.y); }
inline ImTextureID texture_of(uint32_t id) { return (ImTextureID)(uintptr_t)id; }
/* Of letters, in units: fonts are drawn as large as the screen has pixels for, and shown smaller. */
inline float size_of(const ImFont *font) { return font->FontSize * font->Scale; }
constexpr float bar_height = 34; /* of what stands in a tool bar */
inline ImDrawList *canvas() { return ImGui::GetBackgroundDrawList(); }
/* A text is about to be shown: letters that no font was loaded for are loaded before the next frame. */
void note_letters(lethe_ui *ui, const char *text);
/* One code point of UTF-8; `at` goes on by at least one byte. */
unsigned next_letter(const char **at);
/* Text as ImGui can edit it, and back. False when it has no room, or holds more different rare letters than there are stand-ins. */
bool to_editable(lethe_ui *ui, const char *text, char *out, size_t size);
bool from_editable(const lethe_ui *ui, const char *text, char *out, size_t size);
/* Shows where the keys are. */
void focus_frame(ImVec2 at, ImVec2 end);
/* The tip of the last widget, with its key. */
void tip(const char *text, const char *key);

} // namespace lethe_imgui

#endif
