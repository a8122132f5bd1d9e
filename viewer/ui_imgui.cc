/* Dear ImGui 1.86 behind viewer/ui.h. Exceptions do not cross (ImGui throws none; allocation goes through its own allocator). */
#define IMGUI_DEFINE_MATH_OPERATORS
extern "C" {
#include "viewer/ui.h"
}

#include <imgui/imgui.h>
#include <imgui/imgui_internal.h>

#include <cmath>
#include <cstdio>
#include <cstring>
#include <new>
#include <unistd.h>

static_assert(sizeof(lethe_ui_vertex) == sizeof(ImDrawVert), "the vertex of ui.h is ImGui's");
static_assert(sizeof(ImDrawIdx) == sizeof(uint16_t), "16-bit indices");

struct lethe_ui {
    ImGuiContext *context;
    ImFont *normal, *bold, *title;
    double last_seconds;
    lethe_ui_clipboard clipboard;
    bool bar; /* inside a tool bar: buttons are as high as icons */
};

namespace {

constexpr int key_undo[] = {'A', 'C', 'V', 'X', 'Y', 'Z'};

ImU32 colour_of(uint32_t argb) { return IM_COL32((argb >> 16) & 255, (argb >> 8) & 255, argb & 255, (argb >> 24) & 255); }
ImVec4 vec_of(uint32_t argb) { return ImGui::ColorConvertU32ToFloat4(colour_of(argb)); }
ImVec2 vec(lethe_point p) { return ImVec2((float)p.x, (float)p.y); }
ImTextureID texture_of(uint32_t id) { return (ImTextureID)(uintptr_t)id; }

void apply_theme(double size) {
    ImGuiStyle &s = ImGui::GetStyle();
    s.WindowRounding = 0;
    s.ChildRounding = 6;
    s.FrameRounding = 6;
    s.PopupRounding = 8;
    s.GrabRounding = 5;
    s.ScrollbarRounding = 6;
    s.TabRounding = 6;
    s.WindowBorderSize = 0;
    s.ChildBorderSize = 0;
    s.PopupBorderSize = 1;
    s.FrameBorderSize = 0;
    s.ScrollbarSize = 10;
    s.WindowPadding = ImVec2(12, 12);
    s.FramePadding = ImVec2(10, 6);
    s.ItemSpacing = ImVec2(8, 6);
    s.ItemInnerSpacing = ImVec2(8, 4);
    s.GrabMinSize = 12;
    (void)size;
    ImVec4 *c = s.Colors;
    c[ImGuiCol_Text] = vec_of(LETHE_COLOUR_TEXT);
    c[ImGuiCol_TextDisabled] = vec_of(LETHE_COLOUR_MUTED);
    c[ImGuiCol_WindowBg] = vec_of(LETHE_COLOUR_SURFACE);
    c[ImGuiCol_ChildBg] = ImVec4(0, 0, 0, 0);
    c[ImGuiCol_PopupBg] = vec_of(LETHE_COLOUR_RAISED);
    c[ImGuiCol_Border] = vec_of(LETHE_COLOUR_BORDER);
    c[ImGuiCol_FrameBg] = vec_of(LETHE_COLOUR_RAISED);
    c[ImGuiCol_FrameBgHovered] = vec_of(LETHE_COLOUR_HOVER);
    c[ImGuiCol_FrameBgActive] = vec_of(LETHE_COLOUR_SELECTED);
    c[ImGuiCol_TitleBg] = c[ImGuiCol_TitleBgActive] = vec_of(LETHE_COLOUR_RAISED);
    c[ImGuiCol_ScrollbarBg] = ImVec4(0, 0, 0, 0);
    c[ImGuiCol_ScrollbarGrab] = vec_of(LETHE_COLOUR_BORDER);
    c[ImGuiCol_ScrollbarGrabHovered] = vec_of(0xFF455261);
    c[ImGuiCol_ScrollbarGrabActive] = vec_of(0xFF566779);
    c[ImGuiCol_CheckMark] = vec_of(LETHE_COLOUR_ACCENT);
    c[ImGuiCol_SliderGrab] = vec_of(LETHE_COLOUR_ACCENT);
    c[ImGuiCol_SliderGrabActive] = vec_of(0xFF8FD8F2);
    c[ImGuiCol_Button] = vec_of(LETHE_COLOUR_RAISED);
    c[ImGuiCol_ButtonHovered] = vec_of(LETHE_COLOUR_HOVER);
    c[ImGuiCol_ButtonActive] = vec_of(LETHE_COLOUR_SELECTED);
    c[ImGuiCol_Header] = vec_of(LETHE_COLOUR_SELECTED);
    c[ImGuiCol_HeaderHovered] = vec_of(LETHE_COLOUR_HOVER);
    c[ImGuiCol_HeaderActive] = vec_of(LETHE_COLOUR_SELECTED);
    c[ImGuiCol_Separator] = vec_of(LETHE_COLOUR_BORDER);
    c[ImGuiCol_TextSelectedBg] = vec_of(0xFF2B6079);
    c[ImGuiCol_NavHighlight] = vec_of(LETHE_COLOUR_ACCENT);
    c[ImGuiCol_ModalWindowDimBg] = ImVec4(0, 0, 0, 0.6f);
}

ImFont *load_font(const char *path, float size) {
    static const ImWchar ranges[] = {0x20, 0x17F, 0x3B1, 0x3C9, 0x2010, 0x203A, 0x20AC, 0x20AC, 0x2190, 0x2193, 0x2200, 0x2265, 0};
    if (!path || access(path, R_OK) != 0) return nullptr;
    ImFontConfig config;
    config.OversampleH = 2;
    config.OversampleV = 1;
    return ImGui::GetIO().Fonts->AddFontFromFileTTF(path, size, &config, ranges);
}

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

const char *clipboard_get(void *data) {
    const lethe_ui_clipboard &c = static_cast<lethe_ui *>(data)->clipboard;
    return c.get ? c.get(c.context) : nullptr;
}
void clipboard_set(void *data, const char *text) {
    const lethe_ui_clipboard &c = static_cast<lethe_ui *>(data)->clipboard;
    if (c.set) c.set(c.context, text);
}

float height_of(const lethe_ui *ui) { return ui->bar ? 34.0f : 0.0f; }

ImDrawList *canvas() { return ImGui::GetBackgroundDrawList(); }

} // namespace

extern "C" {

lethe_status lethe_ui_create(const lethe_ui_options *options, lethe_ui **out, lethe_error *error) {
    *out = nullptr;
    lethe_ui *ui = new (std::nothrow) lethe_ui();
    if (!ui) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    IMGUI_CHECKVERSION();
    ui->context = ImGui::CreateContext();
    ImGuiIO &io = ImGui::GetIO();
    io.IniFilename = nullptr;
    io.LogFilename = nullptr;
    io.BackendFlags |= ImGuiBackendFlags_RendererHasVtxOffset;
    io.ConfigInputTextCursorBlink = false; /* pictures of a still window stay the same */
    static const struct {
        ImGuiKey_ imgui;
        int ours;
    } keys[] = {{ImGuiKey_Tab, LETHE_KEY_TAB},
                {ImGuiKey_LeftArrow, LETHE_KEY_LEFT},
                {ImGuiKey_RightArrow, LETHE_KEY_RIGHT},
                {ImGuiKey_UpArrow, LETHE_KEY_UP},
                {ImGuiKey_DownArrow, LETHE_KEY_DOWN},
                {ImGuiKey_PageUp, LETHE_KEY_PAGE_UP},
                {ImGuiKey_PageDown, LETHE_KEY_PAGE_DOWN},
                {ImGuiKey_Home, LETHE_KEY_HOME},
                {ImGuiKey_End, LETHE_KEY_END},
                {ImGuiKey_Delete, LETHE_KEY_DELETE},
                {ImGuiKey_Backspace, LETHE_KEY_BACKSPACE},
                {ImGuiKey_Enter, LETHE_KEY_ENTER},
                {ImGuiKey_Escape, LETHE_KEY_ESCAPE},
                {ImGuiKey_Insert, LETHE_KEY_INSERT},
                {ImGuiKey_Space, ' '}};
    for (auto &k : keys) io.KeyMap[k.imgui] = k.ours;
    for (int i = 0; i < 6; i++) io.KeyMap[ImGuiKey_A + i] = key_undo[i];
    double size = options->font_size_px > 0 ? options->font_size_px : 15;
    ui->normal = load_font(options->font_path, (float)size);
    if (!ui->normal) ui->normal = io.Fonts->AddFontDefault();
    ui->bold = load_font(options->bold_font_path, (float)size);
    if (!ui->bold) ui->bold = ui->normal;
    ui->title = load_font(options->bold_font_path, (float)(size * 1.25));
    if (!ui->title) ui->title = ui->bold;
    io.Fonts->Build();
    apply_theme(size);
    *out = ui;
    return LETHE_OK;
}

void lethe_ui_use_clipboard(lethe_ui *ui, const lethe_ui_clipboard *clipboard) {
    ui->clipboard = *clipboard;
    ImGuiIO &io = ImGui::GetIO();
    io.GetClipboardTextFn = clipboard_get;
    io.SetClipboardTextFn = clipboard_set;
    io.ClipboardUserData = ui;
}

void lethe_ui_destroy(lethe_ui *ui) {
    if (!ui) return;
    ImGui::DestroyContext(ui->context);
    delete ui;
}

void lethe_ui_font_atlas(lethe_ui *, const uint8_t **rgba, uint32_t *width, uint32_t *height) {
    unsigned char *pixels = nullptr;
    int w = 0, h = 0;
    ImGui::GetIO().Fonts->GetTexDataAsRGBA32(&pixels, &w, &h);
    *rgba = pixels;
    *width = (uint32_t)w;
    *height = (uint32_t)h;
}

void lethe_ui_font_texture(lethe_ui *, uint32_t texture) {
    ImGui::GetIO().Fonts->SetTexID(texture_of(texture));
    ImGui::GetIO().Fonts->ClearTexData();
}

double lethe_ui_line_height(const lethe_ui *ui) { return (double)ui->normal->FontSize; }

void lethe_ui_event(lethe_ui *, const lethe_event *event) {
    ImGuiIO &io = ImGui::GetIO();
    switch (event->kind) {
    case LETHE_EVENT_KEY:
        if (event->key > 0 && event->key < 512) io.KeysDown[event->key] = event->down;
        io.KeyCtrl = (event->mods & LETHE_MOD_CTRL) != 0;
        io.KeyShift = (event->mods & LETHE_MOD_SHIFT) != 0;
        io.KeyAlt = (event->mods & LETHE_MOD_ALT) != 0;
        break;
    case LETHE_EVENT_TEXT: io.AddInputCharacter(event->code_point); break;
    case LETHE_EVENT_MOVE: io.MousePos = ImVec2((float)event->x, (float)event->y); break;
    case LETHE_EVENT_BUTTON:
        io.MousePos = ImVec2((float)event->x, (float)event->y);
        if (event->button < 3) io.MouseDown[event->button] = event->down;
        break;
    case LETHE_EVENT_SCROLL:
        io.MousePos = ImVec2((float)event->x, (float)event->y);
        io.MouseWheel += (float)event->amount;
        break;
    default: break;
    }
}

bool lethe_ui_wants_mouse(const lethe_ui *) { return ImGui::GetIO().WantCaptureMouse; }
bool lethe_ui_wants_keyboard(const lethe_ui *) { return ImGui::GetIO().WantTextInput; }

void lethe_ui_begin(lethe_ui *ui, int width, int height, double pixel_scale, double seconds) {
    ImGuiIO &io = ImGui::GetIO();
    io.DisplaySize = ImVec2((float)width, (float)height);
    io.DisplayFramebufferScale = ImVec2((float)pixel_scale, (float)pixel_scale);
    double delta = seconds - ui->last_seconds;
    io.DeltaTime = delta > 1e-4 ? (delta < 0.25 ? (float)delta : 0.25f) : 1e-4f;
    ui->last_seconds = seconds;
    ImGui::NewFrame();
}

void lethe_ui_end(lethe_ui *, lethe_ui_output *output) {
    ImGui::Render();
    ImDrawData *data = ImGui::GetDrawData();
    output->data = data;
    output->list_count = (unsigned)data->CmdListsCount;
}

lethe_ui_list lethe_ui_output_list(const lethe_ui_output *output, unsigned n) {
    const ImDrawList *list = static_cast<const ImDrawData *>(output->data)->CmdLists[n];
    return {list->VtxBuffer.Data, list->IdxBuffer.Data, (size_t)list->VtxBuffer.Size, (size_t)list->IdxBuffer.Size, (unsigned)list->CmdBuffer.Size};
}

lethe_ui_command lethe_ui_output_command(const lethe_ui_output *output, unsigned n, unsigned c) {
    const ImDrawCmd &command = static_cast<const ImDrawData *>(output->data)->CmdLists[n]->CmdBuffer[(int)c];
    return {{command.ClipRect.x, command.ClipRect.y, command.ClipRect.z, command.ClipRect.w},
            (uint32_t)(uintptr_t)command.GetTexID(),
            command.ElemCount,
            command.IdxOffset,
            command.VtxOffset};
}

/* --- canvas --- */

void lethe_canvas_clip(lethe_ui *, lethe_rect r) {
    canvas()->PushClipRect(ImVec2((float)r.x, (float)r.y), ImVec2((float)(r.x + r.width), (float)(r.y + r.height)), true);
}
void lethe_canvas_unclip(lethe_ui *) { canvas()->PopClipRect(); }
void lethe_canvas_line(lethe_ui *, lethe_point a, lethe_point b, uint32_t colour, double thickness) {
    canvas()->AddLine(vec(a), vec(b), colour_of(colour), (float)thickness);
}
void lethe_canvas_polyline(lethe_ui *, const lethe_point *points, size_t count, bool closed, uint32_t colour, double thickness) {
    ImDrawList *list = canvas();
    for (size_t i = 0; i < count; i++) {
        list->PathLineTo(vec(points[i]));
        if (list->_Path.Size >= 2000 && i + 1 < count) { /* 16-bit indices */
            list->PathStroke(colour_of(colour), 0, (float)thickness);
            list->PathLineTo(vec(points[i]));
            if (closed && i + 2 >= count) list->PathLineTo(vec(points[0]));
        }
    }
    bool whole = count <= 2000;
    if (closed && !whole && count > 0) list->PathLineTo(vec(points[0]));
    list->PathStroke(colour_of(colour), closed && whole ? ImDrawFlags_Closed : 0, (float)thickness);
}
void lethe_canvas_fill_convex(lethe_ui *, const lethe_point *points, size_t count, uint32_t colour) {
    ImDrawList *list = canvas();
    for (size_t i = 0; i < count && i < 8000; i++) list->PathLineTo(vec(points[i]));
    list->PathFillConvex(colour_of(colour));
}
void lethe_canvas_rect(lethe_ui *, lethe_rect r, uint32_t colour, double thickness, double rounding) {
    canvas()->AddRect(ImVec2((float)r.x, (float)r.y), ImVec2((float)(r.x + r.width), (float)(r.y + r.height)), colour_of(colour), (float)rounding, 0,
                      (float)thickness);
}
void lethe_canvas_fill(lethe_ui *, lethe_rect r, uint32_t colour, double rounding) {
    canvas()->AddRectFilled(ImVec2((float)r.x, (float)r.y), ImVec2((float)(r.x + r.width), (float)(r.y + r.height)), colour_of(colour),
                            (float)rounding);
}
void lethe_canvas_circle(lethe_ui *, lethe_point centre, double radius, uint32_t colour, double thickness) {
    canvas()->AddCircle(vec(centre), (float)radius, colour_of(colour), 0, (float)thickness);
}
void lethe_canvas_dot(lethe_ui *, lethe_point centre, double radius, uint32_t colour) {
    canvas()->AddCircleFilled(vec(centre), (float)radius, colour_of(colour));
}
void lethe_canvas_text(lethe_ui *ui, lethe_point at, double align, uint32_t colour, bool bold, const char *text) {
    ImFont *font = bold ? ui->bold : ui->normal;
    ImVec2 size = font->CalcTextSizeA(font->FontSize, 1e6f, 0, text);
    ImVec2 p(floorf((float)at.x - (float)align * size.x), floorf((float)at.y));
    ImU32 halo = IM_COL32(0, 0, 0, (colour >> 24) * 3 / 4);
    static const ImVec2 around[] = {{-1, 0}, {1, 0}, {0, -1}, {0, 1}};
    for (const ImVec2 &d : around) canvas()->AddText(font, font->FontSize, ImVec2(p.x + d.x, p.y + d.y), halo, text);
    canvas()->AddText(font, font->FontSize, p, colour_of(colour), text);
}
void lethe_canvas_image(lethe_ui *, lethe_rect r, uint32_t texture, double u0, double v0, double u1, double v1) {
    canvas()->AddImage(texture_of(texture), ImVec2((float)r.x, (float)r.y), ImVec2((float)(r.x + r.width), (float)(r.y + r.height)),
                       ImVec2((float)u0, (float)v0), ImVec2((float)u1, (float)v1));
}
lethe_point lethe_ui_text_size(lethe_ui *ui, bool bold, const char *text) {
    ImFont *font = bold ? ui->bold : ui->normal;
    ImVec2 size = font->CalcTextSizeA(font->FontSize, 1e6f, 0, text);
    return {(double)size.x, (double)size.y};
}

/* --- panels --- */

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
    ImGui::BeginChild(id, ImVec2(0, (float)height), false, ImGuiWindowFlags_AlwaysUseWindowPadding * 0);
}
void lethe_ui_scroll_end(lethe_ui *) { ImGui::EndChild(); }

void lethe_ui_heading(lethe_ui *ui, const char *text) {
    ImGui::PushFont(ui->bold);
    ImGui::PushStyleColor(ImGuiCol_Text, vec_of(LETHE_COLOUR_MUTED));
    ImGui::TextUnformatted(text);
    ImGui::PopStyleColor();
    ImGui::PopFont();
}
void lethe_ui_title(lethe_ui *ui, const char *text) {
    ImGui::PushFont(ui->title);
    ImGui::TextUnformatted(text);
    ImGui::PopFont();
}
void lethe_ui_text(lethe_ui *, uint32_t colour, const char *text) {
    ImGui::PushStyleColor(ImGuiCol_Text, vec_of(colour));
    ImGui::TextUnformatted(text);
    ImGui::PopStyleColor();
}
void lethe_ui_text_wrapped(lethe_ui *, uint32_t colour, const char *text) {
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

bool lethe_ui_button(lethe_ui *ui, const char *label, lethe_button_kind kind, double width, const char *help) {
    bool pressed;
    double needed = (double)ui->bold->CalcTextSizeA(ui->bold->FontSize, 1e6f, 0, label).x + 12;
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
    tip(help, key);
    ImGui::PopID();
    return pressed && enabled;
}

int lethe_ui_row_item(lethe_ui *ui, const lethe_ui_row *row) {
    ImGui::PushID(row->id);
    float height = row->height > 0 ? (float)row->height : row->has_thumbnail ? 60.0f : row->subtitle ? 46.0f : 30.0f;
    float needed = ui->normal->FontSize * (row->subtitle ? 1.87f : 1.0f) + (row->subtitle ? 9.0f : 2.0f);
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
    float line = ui->normal->FontSize;
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
    ImVec4 clip(x, at.y, right, end.y);
    list->AddText(font, line, ImVec2(x, y), colour_of(row->dim ? LETHE_COLOUR_MUTED : LETHE_COLOUR_TEXT), row->title, nullptr, 0, &clip);
    if (row->subtitle) list->AddText(ui->normal, small, ImVec2(x, y + line + 3), colour_of(LETHE_COLOUR_MUTED), row->subtitle, nullptr, 0, &clip);
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
bool lethe_ui_slider(lethe_ui *, const char *label, double *value, double low, double high, const char *format, bool logarithmic) {
    ImGui::PushID(label);
    ImGui::PushStyleColor(ImGuiCol_Text, vec_of(LETHE_COLOUR_MUTED));
    ImGui::TextUnformatted(label);
    ImGui::PopStyleColor();
    ImGui::SetNextItemWidth(-1);
    float v = (float)*value;
    bool changed = ImGui::SliderFloat("##value", &v, (float)low, (float)high, format, logarithmic ? ImGuiSliderFlags_Logarithmic : 0);
    if (changed) *value = (double)v;
    ImGui::PopID();
    return changed;
}
bool lethe_ui_combo(lethe_ui *, const char *label, const char *const *items, int count, int *selected) {
    ImGui::PushID(label);
    ImGui::SetNextItemWidth(-1);
    bool changed = false;
    if (ImGui::BeginCombo("##combo", *selected >= 0 && *selected < count ? items[*selected] : "")) {
        for (int i = 0; i < count; i++)
            if (ImGui::Selectable(items[i], i == *selected)) {
                *selected = i;
                changed = true;
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
bool lethe_ui_input(lethe_ui *, const char *label, char *text, size_t size, const char *hint) {
    ImGui::PushID(label);
    ImGui::SetNextItemWidth(-1);
    (void)ImGui::InputTextWithHint("##input", hint ? hint : "", text, size);
    bool done = ImGui::IsItemDeactivatedAfterEdit();
    ImGui::PopID();
    return done;
}
bool lethe_ui_tabs(lethe_ui *ui, const char *id, const char *const *labels, int count, int *selected) {
    ImGui::PushID(id);
    bool changed = false;
    float width = (ImGui::GetContentRegionAvail().x - 4) / (float)count;
    ImVec2 start = ImGui::GetCursorScreenPos();
    float height = ui->normal->FontSize + 14;
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
        float letters = font->FontSize;
        ImVec2 size = font->CalcTextSizeA(letters, 1e6f, 0, labels[i]);
        if (size.x > width - 8) { /* smaller rather than over its neighbour */
            letters *= (width - 8) / size.x;
            size = font->CalcTextSizeA(letters, 1e6f, 0, labels[i]);
        }
        list->AddText(font, letters, ImVec2(floorf(at.x + (width - size.x) / 2), floorf(at.y + (height - 4 - size.y) / 2)),
                      colour_of(on ? LETHE_COLOUR_TEXT : LETHE_COLOUR_MUTED), labels[i]);
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

} // extern "C"

extern "C" void lethe_ui_column_begin(lethe_ui *, const char *id, double width) { ImGui::BeginChild(id, ImVec2((float)width, 0), false); }
extern "C" void lethe_ui_column_end(lethe_ui *) { ImGui::EndChild(); }

extern "C" void lethe_ui_column_begin_sized(lethe_ui *, const char *id, double width, double height) {
    ImGui::PushStyleVar(ImGuiStyleVar_ItemSpacing, ImVec2(0, 0));
    ImGui::BeginChild(id, ImVec2((float)width, (float)height), false, ImGuiWindowFlags_NoScrollbar | ImGuiWindowFlags_NoScrollWithMouse);
    ImGui::PopStyleVar();
}

extern "C" bool lethe_ui_combo_multi(lethe_ui *, const char *label, const char *const *items, int count, bool *chosen) {
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
        for (int i = 0; i < count; i++)
            if (ImGui::Selectable(items[i], chosen[i], ImGuiSelectableFlags_DontClosePopups)) {
                chosen[i] = !chosen[i];
                changed = true;
            }
        ImGui::EndCombo();
    }
    ImGui::PopID();
    return changed;
}

extern "C" void lethe_ui_tight(lethe_ui *, bool tight) {
    if (tight) ImGui::PushStyleVar(ImGuiStyleVar_ItemSpacing, ImVec2(8, 2));
    else ImGui::PopStyleVar();
}

extern "C" void lethe_ui_bar(lethe_ui *ui, bool on) { ui->bar = on; }
