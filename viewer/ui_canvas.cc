/* Vectors and text on the images, under all panels. */
#include "viewer/ui_internal.h"

#include <cmath>

using namespace lethe_imgui;

extern "C" {

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
    note_letters(ui, text);
    ImFont *font = bold ? ui->bold : ui->normal;
    ImVec2 size = font->CalcTextSizeA(size_of(font), 1e6f, 0, text);
    ImVec2 p(floorf((float)at.x - (float)align * size.x), floorf((float)at.y));
    ImU32 halo = IM_COL32(0, 0, 0, (colour >> 24) * 3 / 4); /* dark on every side: bright letters stay readable on bright tissue */
    static const ImVec2 around[] = {{-1, -1}, {1, -1}, {-1, 1}, {1, 1}, {-1, 0}, {1, 0}, {0, -1}, {0, 1}};
    for (const ImVec2 &d : around) canvas()->AddText(font, size_of(font), ImVec2(p.x + d.x, p.y + d.y), halo, text);
    canvas()->AddText(font, size_of(font), p, colour_of(colour), text);
}
void lethe_canvas_image(lethe_ui *, lethe_rect r, uint32_t texture, double u0, double v0, double u1, double v1) {
    canvas()->AddImage(texture_of(texture), ImVec2((float)r.x, (float)r.y), ImVec2((float)(r.x + r.width), (float)(r.y + r.height)),
                       ImVec2((float)u0, (float)v0), ImVec2((float)u1, (float)v1));
}
lethe_point lethe_ui_text_size(lethe_ui *ui, bool bold, const char *text) {
    ImFont *font = bold ? ui->bold : ui->normal;
    ImVec2 size = font->CalcTextSizeA(size_of(font), 1e6f, 0, text);
    return {(double)size.x, (double)size.y};
}

} // extern "C"
