/* Dear ImGui 1.86 behind viewer/ui.h: context, theme, input and output. Exceptions do not cross (ImGui throws none; allocation goes through its own
 * allocator). */
#include "viewer/ui_internal.h"

#include <cmath>
#include <cstdio>
#include <cstring>
#include <new>
#include <unistd.h>

using namespace lethe_imgui;

static_assert(sizeof(lethe_ui_vertex) == sizeof(ImDrawVert), "the vertex of ui.h is ImGui's");
static_assert(sizeof(ImDrawIdx) == sizeof(uint16_t), "16-bit indices");

namespace {

constexpr int key_undo[] = {'A', 'C', 'V', 'X', 'Y', 'Z'};

/* First and last, pair by pair; U+FFFD stands for letters that no font here has. */
constexpr ImWchar usual_letters[] = {0x20,   0x17F,  0x386,  0x3CE,  0x400,  0x45F,  0x2010, 0x203A,
                                     0x20AC, 0x20AC, 0x2190, 0x2193, 0x2200, 0x2265, 0xFFFD, 0xFFFD};
/* Beside DejaVu, which has Arabic, Hebrew, Armenian and Georgian: where they are installed. */
constexpr const char *fallback_fonts[] = {"/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
                                          "/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf",
                                          "/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc",
                                          "/usr/share/fonts/truetype/vlgothic/VL-Gothic-Regular.ttf",
                                          "/usr/share/fonts/truetype/noto/NotoSansDevanagari-Regular.ttf",
                                          "/usr/share/fonts/truetype/noto/NotoSansThai-Regular.ttf",
                                          "/usr/share/fonts/truetype/freefont/FreeSans.ttf",
                                          "/usr/share/fonts/truetype/unifont/unifont.ttf"};
constexpr int letters_most = 4000; /* in one atlas */
/* ImGui edits letters of 16 bits and drops the private ones (U+E000 to U+F8FF) as they are typed. What it has no room for takes the places of the Yi
 * syllables and radicals, whose own letters take such places too: nothing that a text may hold is mistaken for another. */
constexpr unsigned stand_first = 0xA000, stand_last = 0xA4CF;

bool usual(unsigned c) {
    for (size_t i = 0; i + 1 < sizeof usual_letters / sizeof *usual_letters; i += 2)
        if (c >= usual_letters[i] && c <= usual_letters[i + 1]) return true;
    return false;
}

int index_of(const lethe_ui *ui, unsigned c) {
    for (int i = 0; i < ui->beyond.Size; i++)
        if (ui->beyond[i] == c) return i;
    return -1;
}

bool stands_in(unsigned c) { return c >= stand_first && c <= stand_last; }

/* What ImGui edits instead of a letter; 0 when all places are taken by others. */
unsigned stand_in(lethe_ui *ui, unsigned c) {
    if (c <= 0xFFFF && !stands_in(c) && (c < 0xE000 || c > 0xF8FF)) return c;
    int at = index_of(ui, c);
    if (at < 0 && ui->beyond.Size <= (int)(stand_last - stand_first)) {
        at = ui->beyond.Size;
        ui->beyond.push_back(c);
    }
    return at < 0 ? 0 : stand_first + (unsigned)at;
}

bool put(char *out, size_t size, size_t *used, unsigned c) {
    char bytes[4];
    size_t n = 0;
    if (c < 0x80) bytes[n++] = (char)c;
    else if (c < 0x800) {
        bytes[n++] = (char)(0xC0 | c >> 6);
        bytes[n++] = (char)(0x80 | (c & 63));
    } else if (c < 0x10000) {
        bytes[n++] = (char)(0xE0 | c >> 12);
        bytes[n++] = (char)(0x80 | (c >> 6 & 63));
        bytes[n++] = (char)(0x80 | (c & 63));
    } else {
        bytes[n++] = (char)(0xF0 | c >> 18);
        bytes[n++] = (char)(0x80 | (c >> 12 & 63));
        bytes[n++] = (char)(0x80 | (c >> 6 & 63));
        bytes[n++] = (char)(0x80 | (c & 63));
    }
    if (*used + n >= size) return false;
    for (size_t i = 0; i < n; i++) out[(*used)++] = bytes[i];
    return true;
}

void apply_theme() {
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

ImFont *load_font(const lethe_ui *ui, const char *path, float size) {
    if (!path || access(path, R_OK) != 0) return nullptr;
    ImFontConfig config;
    config.OversampleH = 2;
    config.OversampleV = 1;
    ImFontAtlas *atlas = ImGui::GetIO().Fonts;
    ImFont *font = atlas->AddFontFromFileTTF(path, size, &config, ui->ranges.Data);
    config.MergeMode = true;
    config.OversampleH = 1;
    for (const char *other : fallback_fonts) /* the first that has a letter gives it */
        if (font && ui->letters.Size > 0 && access(other, R_OK) == 0) (void)atlas->AddFontFromFileTTF(other, size, &config, ui->ranges.Data);
    return font;
}

const char *clipboard_get(void *data) {
    lethe_ui *ui = static_cast<lethe_ui *>(data);
    const char *text = ui->clipboard.get ? ui->clipboard.get(ui->clipboard.context) : nullptr;
    return text && to_editable(ui, text, ui->pasted, sizeof ui->pasted) ? ui->pasted : text;
}
void clipboard_set(void *data, const char *text) {
    lethe_ui *ui = static_cast<lethe_ui *>(data);
    if (!ui->clipboard.set) return;
    ui->clipboard.set(ui->clipboard.context, from_editable(ui, text, ui->pasted, sizeof ui->pasted) ? ui->pasted : text);
}

void load_fonts(lethe_ui *ui) {
    ImFontAtlas *atlas = ImGui::GetIO().Fonts;
    ui->ranges.clear();
    for (ImWchar c : usual_letters) ui->ranges.push_back(c);
    for (ImWchar c : ui->letters) {
        ui->ranges.push_back(c);
        ui->ranges.push_back(c);
    }
    ui->ranges.push_back(0);
    ui->letters_new = false;
    atlas->Clear();
    float size = (float)(ui->font_size * ui->scale);
    ui->normal = load_font(ui, ui->font_path, size);
    if (!ui->normal) ui->normal = atlas->AddFontDefault();
    ui->bold = load_font(ui, ui->bold_path, size);
    if (!ui->bold) ui->bold = ui->normal;
    ui->title = load_font(ui, ui->bold_path, size * 1.25f);
    if (!ui->title) ui->title = ui->bold;
    atlas->Build();
    for (ImFont *font : atlas->Fonts) font->Scale = (float)(1 / ui->scale);
}

} // namespace

namespace lethe_imgui {

unsigned next_letter(const char **at) {
    unsigned c = 0;
    int n = ImTextCharFromUtf8(&c, *at, *at + strlen(*at));
    /* ImGui of this build stops at U+FFFF: four bytes are read here. */
    const unsigned char *b = reinterpret_cast<const unsigned char *>(*at);
    if ((b[0] & 0xF8) == 0xF0 && (b[1] & 0xC0) == 0x80 && (b[2] & 0xC0) == 0x80 && (b[3] & 0xC0) == 0x80) {
        c = (b[0] & 7u) << 18 | (b[1] & 63u) << 12 | (b[2] & 63u) << 6 | (b[3] & 63u);
        n = 4;
    }
    *at += n > 0 ? n : 1;
    return c;
}

void note_letters(lethe_ui *ui, const char *text) {
    for (const char *at = text; *at;) {
        if ((unsigned char)*at < 0x80) {
            at++;
            continue;
        }
        unsigned c = next_letter(&at);
        if (c > 0xFFFF || usual(c) || stands_in(c) || ui->letters.Size >= letters_most) continue;
        if (ui->letters.contains((ImWchar)c)) continue;
        ui->letters.push_back((ImWchar)c);
        ui->letters_new = true;
    }
}

bool to_editable(lethe_ui *ui, const char *text, char *out, size_t size) {
    size_t used = 0;
    for (const char *at = text; *at;) {
        unsigned c = stand_in(ui, next_letter(&at));
        if (c == 0 || !put(out, size, &used, c)) return false;
    }
    out[used] = '\0';
    return true;
}

bool from_editable(const lethe_ui *ui, const char *text, char *out, size_t size) {
    size_t used = 0;
    for (const char *at = text; *at;) {
        unsigned c = next_letter(&at), index = c - stand_first;
        if (stands_in(c) && index < (unsigned)ui->beyond.Size) c = ui->beyond[(int)index];
        if (!put(out, size, &used, c)) return false;
    }
    out[used] = '\0';
    return true;
}

} // namespace lethe_imgui

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
    ui->font_size = options->font_size_px > 0 ? options->font_size_px : 15;
    ui->scale = 1;
    (void)snprintf(ui->font_path, sizeof ui->font_path, "%s", options->font_path ? options->font_path : "");
    (void)snprintf(ui->bold_path, sizeof ui->bold_path, "%s", options->bold_font_path ? options->bold_font_path : "");
    load_fonts(ui);
    apply_theme();
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

bool lethe_ui_scale(lethe_ui *ui, double scale) {
    if (!(scale > 0.25) || scale > 8 || (fabs(scale - ui->scale) < 0.01 && !ui->letters_new)) return false;
    ui->scale = scale;
    load_fonts(ui);
    return true;
}

double lethe_ui_line_height(const lethe_ui *ui) { return (double)size_of(ui->normal); }

void lethe_ui_event(lethe_ui *ui, const lethe_event *event) {
    ImGuiIO &io = ImGui::GetIO();
    switch (event->kind) {
    case LETHE_EVENT_KEY: {
        /* Enter presses what the keys stand on, as Space does; in a field it ends typing. */
        int key = event->key == LETHE_KEY_ENTER && ui->navigates && !io.WantTextInput ? ' ' : event->key;
        if (!event->down && event->key == LETHE_KEY_ENTER) io.KeysDown[(int)' '] = false;
        if (key > 0 && key < 512) io.KeysDown[key] = event->down;
        io.KeyCtrl = (event->mods & LETHE_MOD_CTRL) != 0;
        io.KeyShift = (event->mods & LETHE_MOD_SHIFT) != 0;
        io.KeyAlt = (event->mods & LETHE_MOD_ALT) != 0;
        break;
    }
    case LETHE_EVENT_TEXT: {
        unsigned c = stand_in(ui, event->code_point);
        io.AddInputCharacter(c ? c : 0xFFFD);
        break;
    }
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
    if (ui->panel[0] == '\0') return;
    ImGuiContext &g = *ImGui::GetCurrentContext();
    if (ImGuiWindow *window = ui->navigates ? ImGui::FindWindowByName(ui->panel) : nullptr) {
        ImGui::FocusWindow(window);
        ImGui::NavInitWindow(window, false);
        g.NavDisableHighlight = false;
        g.NavDisableMouseHover = true;
    } else {
        ImGui::ClearActiveID();
        ImGui::FocusWindow(nullptr);
        g.NavDisableHighlight = true;
        g.NavDisableMouseHover = false;
    }
    ui->panel[0] = '\0';
}

void lethe_ui_navigate(lethe_ui *ui, const char *panel) {
    ImGuiIO &io = ImGui::GetIO();
    ui->navigates = panel != nullptr;
    (void)snprintf(ui->panel, sizeof ui->panel, "%s", panel ? panel : "-");
    if (panel) io.ConfigFlags |= ImGuiConfigFlags_NavEnableKeyboard;
    else io.ConfigFlags &= ~ImGuiConfigFlags_NavEnableKeyboard;
}

bool lethe_ui_popup_open(const lethe_ui *) { return ImGui::IsPopupOpen("", ImGuiPopupFlags_AnyPopupId | ImGuiPopupFlags_AnyPopupLevel); }
void lethe_ui_scroll_by(lethe_ui *, double units) {
    if (units < 0 || units > 0) ImGui::SetScrollY(ImGui::GetScrollY() + (float)units);
}
void lethe_ui_scroll_here(lethe_ui *) {
    if (!ImGui::IsItemVisible()) ImGui::SetScrollHereY(0.5f);
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

} // extern "C"
