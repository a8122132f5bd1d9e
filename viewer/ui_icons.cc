/* The icons, drawn as strokes in a unit square: no icon font, sharp at every size. Part of the ImGui side (it draws into its lists). */
extern "C" {
#include "viewer/ui.h"
}

#include <imgui/imgui.h>

#include <cmath>

namespace {

struct pen {
    ImDrawList *list;
    ImVec2 at;
    float size, width;
    ImU32 colour;
    ImVec2 p(float x, float y) const { return ImVec2(at.x + x * size, at.y + y * size); }
    void line(float x0, float y0, float x1, float y1) const { list->AddLine(p(x0, y0), p(x1, y1), colour, width); }
    void box(float x0, float y0, float x1, float y1, float r = 0.08f) const { list->AddRect(p(x0, y0), p(x1, y1), colour, r * size, 0, width); }
    void fill(float x0, float y0, float x1, float y1, float r = 0.0f) const { list->AddRectFilled(p(x0, y0), p(x1, y1), colour, r * size); }
    void circle(float x, float y, float r) const { list->AddCircle(p(x, y), r * size, colour, 0, width); }
    void dot(float x, float y, float r) const { list->AddCircleFilled(p(x, y), r * size, colour); }
    void arc(float x, float y, float r, float a, float b) const {
        list->PathArcTo(p(x, y), r * size, a, b, 24);
        list->PathStroke(colour, 0, width);
    }
    void triangle(float x0, float y0, float x1, float y1, float x2, float y2) const {
        list->AddTriangleFilled(p(x0, y0), p(x1, y1), p(x2, y2), colour);
    }
    void path(const float (*points)[2], int count, bool closed) const {
        for (int i = 0; i < count; i++) list->PathLineTo(p(points[i][0], points[i][1]));
        list->PathStroke(colour, closed ? ImDrawFlags_Closed : 0, width);
    }
};

void draw_shapes(const pen &d, lethe_icon icon) {
    static const float arrow[][2] = {{0.15f, 0.05f}, {0.15f, 0.85f}, {0.36f, 0.66f}, {0.52f, 0.98f}, {0.66f, 0.91f}, {0.51f, 0.60f}, {0.80f, 0.58f}};
    static const float polygon[][2] = {{0.5f, 0.05f}, {0.95f, 0.4f}, {0.78f, 0.92f}, {0.2f, 0.88f}, {0.05f, 0.38f}};
    static const float loop[][2] = {{0.2f, 0.75f}, {0.08f, 0.5f}, {0.15f, 0.25f}, {0.4f, 0.1f},  {0.65f, 0.2f},
                                    {0.92f, 0.3f}, {0.9f, 0.6f},  {0.65f, 0.7f},  {0.5f, 0.92f}, {0.3f, 0.9f}};
    static const float wire[][2] = {{0.05f, 0.85f}, {0.18f, 0.6f}, {0.35f, 0.62f}, {0.45f, 0.35f}, {0.65f, 0.4f}, {0.75f, 0.15f}, {0.95f, 0.12f}};
    switch (icon) {
    case LETHE_ICON_SELECT: d.path(arrow, 7, true); break;
    case LETHE_ICON_BOX: d.box(0.08f, 0.16f, 0.92f, 0.84f, 0); break;
    case LETHE_ICON_POLYGON:
        d.path(polygon, 5, true);
        for (auto &p : polygon) d.dot(p[0], p[1], 0.09f);
        break;
    case LETHE_ICON_FREEHAND: d.path(loop, 10, true); break;
    case LETHE_ICON_ELLIPSE:
        d.list->PathClear();
        for (int i = 0; i < 32; i++) {
            float a = (float)i * 6.2831853f / 32;
            d.list->PathLineTo(d.p(0.5f + 0.46f * cosf(a), 0.5f + 0.33f * sinf(a)));
        }
        d.list->PathStroke(d.colour, ImDrawFlags_Closed, d.width);
        break;
    case LETHE_ICON_POINT:
        d.dot(0.5f, 0.5f, 0.13f);
        d.circle(0.5f, 0.5f, 0.36f);
        break;
    case LETHE_ICON_LINE:
        d.line(0.12f, 0.88f, 0.88f, 0.12f);
        d.dot(0.12f, 0.88f, 0.11f);
        d.dot(0.88f, 0.12f, 0.11f);
        break;
    case LETHE_ICON_LIVEWIRE:
        d.path(wire, 7, false);
        d.dot(0.05f, 0.85f, 0.10f);
        d.dot(0.95f, 0.12f, 0.10f);
        break;
    case LETHE_ICON_RULER:
        d.line(0.05f, 0.7f, 0.7f, 0.05f);
        d.line(0.3f, 0.95f, 0.95f, 0.3f);
        d.line(0.05f, 0.7f, 0.3f, 0.95f);
        d.line(0.7f, 0.05f, 0.95f, 0.3f);
        d.line(0.25f, 0.5f, 0.37f, 0.62f);
        d.line(0.42f, 0.33f, 0.50f, 0.41f);
        d.line(0.57f, 0.18f, 0.69f, 0.30f);
        break;
    case LETHE_ICON_ANGLE:
        d.line(0.08f, 0.88f, 0.95f, 0.88f);
        d.line(0.08f, 0.88f, 0.75f, 0.12f);
        d.arc(0.08f, 0.88f, 0.5f, -0.85f, 0);
        break;
    case LETHE_ICON_AREA:
        d.path(polygon, 5, true);
        d.line(0.32f, 0.62f, 0.62f, 0.32f);
        break;
    case LETHE_ICON_ROI:
        d.circle(0.5f, 0.5f, 0.44f);
        d.line(0.28f, 0.66f, 0.28f, 0.55f);
        d.line(0.5f, 0.66f, 0.5f, 0.32f);
        d.line(0.72f, 0.66f, 0.72f, 0.44f);
        break;
    case LETHE_ICON_PROBE:
        d.line(0.5f, 0.02f, 0.5f, 0.34f);
        d.line(0.5f, 0.66f, 0.5f, 0.98f);
        d.line(0.02f, 0.5f, 0.34f, 0.5f);
        d.line(0.66f, 0.5f, 0.98f, 0.5f);
        d.dot(0.5f, 0.5f, 0.07f);
        break;
    default: break;
    }
}

void draw_paint(const pen &d, lethe_icon icon) {
    switch (icon) {
    case LETHE_ICON_BRUSH:
        d.line(0.95f, 0.05f, 0.48f, 0.52f);
        d.line(0.86f, 0.02f, 0.40f, 0.46f);
        d.dot(0.27f, 0.72f, 0.20f);
        d.triangle(0.05f, 0.96f, 0.10f, 0.68f, 0.38f, 0.90f);
        break;
    case LETHE_ICON_ERASER: {
        static const float body[][2] = {{0.35f, 0.85f}, {0.08f, 0.58f}, {0.58f, 0.08f}, {0.92f, 0.42f}, {0.5f, 0.85f}};
        d.path(body, 5, true);
        d.line(0.32f, 0.34f, 0.68f, 0.68f);
        d.line(0.35f, 0.93f, 0.95f, 0.93f);
        break;
    }
    case LETHE_ICON_FILL: {
        static const float bucket[][2] = {{0.45f, 0.1f}, {0.82f, 0.47f}, {0.42f, 0.87f}, {0.05f, 0.5f}};
        d.path(bucket, 4, true);
        d.line(0.05f, 0.5f, 0.82f, 0.47f);
        d.dot(0.88f, 0.78f, 0.11f);
        break;
    }
    case LETHE_ICON_THRESHOLD:
        d.line(0.05f, 0.95f, 0.95f, 0.95f);
        d.fill(0.08f, 0.65f, 0.24f, 0.95f);
        d.fill(0.31f, 0.3f, 0.47f, 0.95f);
        d.fill(0.54f, 0.1f, 0.70f, 0.95f);
        d.fill(0.77f, 0.5f, 0.93f, 0.95f);
        break;
    case LETHE_ICON_GROW:
        d.dot(0.5f, 0.5f, 0.16f);
        for (int i = 0; i < 8; i++) {
            float a = (float)i * 0.7853982f;
            d.line(0.5f + 0.28f * cosf(a), 0.5f + 0.28f * sinf(a), 0.5f + 0.48f * cosf(a), 0.5f + 0.48f * sinf(a));
        }
        break;
    case LETHE_ICON_SMOOTH: {
        static const float wave[][2] = {{0.02f, 0.6f}, {0.15f, 0.35f}, {0.3f, 0.28f}, {0.45f, 0.45f},
                                        {0.6f, 0.68f}, {0.75f, 0.72f}, {0.9f, 0.55f}, {0.98f, 0.4f}};
        d.path(wave, 8, false);
        break;
    }
    case LETHE_ICON_TRASH:
        d.line(0.1f, 0.2f, 0.9f, 0.2f);
        d.line(0.38f, 0.2f, 0.38f, 0.07f);
        d.line(0.38f, 0.07f, 0.62f, 0.07f);
        d.line(0.62f, 0.07f, 0.62f, 0.2f);
        d.line(0.2f, 0.2f, 0.25f, 0.95f);
        d.line(0.25f, 0.95f, 0.75f, 0.95f);
        d.line(0.75f, 0.95f, 0.8f, 0.2f);
        d.line(0.42f, 0.38f, 0.42f, 0.78f);
        d.line(0.58f, 0.38f, 0.58f, 0.78f);
        break;
    case LETHE_ICON_EYE:
    case LETHE_ICON_EYE_OFF:
        d.arc(0.5f, 0.85f, 0.58f, -2.45f, -0.69f);
        d.arc(0.5f, 0.15f, 0.58f, 0.69f, 2.45f);
        d.dot(0.5f, 0.5f, 0.14f);
        if (icon == LETHE_ICON_EYE_OFF) d.line(0.1f, 0.92f, 0.9f, 0.08f);
        break;
    case LETHE_ICON_LOCK:
    case LETHE_ICON_UNLOCK:
        d.box(0.18f, 0.46f, 0.82f, 0.95f);
        d.arc(0.5f, 0.40f, 0.22f, -3.1416f, 0);
        d.line(0.28f, 0.40f, 0.28f, 0.46f);
        if (icon == LETHE_ICON_LOCK) d.line(0.72f, 0.40f, 0.72f, 0.46f);
        break;
    default: break;
    }
}

void draw_view(const pen &d, lethe_icon icon) {
    switch (icon) {
    case LETHE_ICON_WINDOW:
        d.circle(0.5f, 0.5f, 0.44f);
        d.list->PathArcTo(d.p(0.5f, 0.5f), 0.44f * d.size, -1.5708f, 1.5708f, 24);
        d.list->PathFillConvex(d.colour);
        break;
    case LETHE_ICON_PAN:
        d.line(0.5f, 0.05f, 0.5f, 0.95f);
        d.line(0.05f, 0.5f, 0.95f, 0.5f);
        d.triangle(0.5f, 0.0f, 0.36f, 0.2f, 0.64f, 0.2f);
        d.triangle(0.5f, 1.0f, 0.36f, 0.8f, 0.64f, 0.8f);
        d.triangle(0.0f, 0.5f, 0.2f, 0.36f, 0.2f, 0.64f);
        d.triangle(1.0f, 0.5f, 0.8f, 0.36f, 0.8f, 0.64f);
        break;
    case LETHE_ICON_ZOOM:
    case LETHE_ICON_MAGNIFY:
        d.circle(0.42f, 0.42f, 0.34f);
        d.line(0.67f, 0.67f, 0.95f, 0.95f);
        if (icon == LETHE_ICON_ZOOM) {
            d.line(0.42f, 0.27f, 0.42f, 0.57f);
            d.line(0.27f, 0.42f, 0.57f, 0.42f);
        }
        break;
    case LETHE_ICON_INVERT:
        d.box(0.08f, 0.08f, 0.92f, 0.92f);
        d.triangle(0.1f, 0.9f, 0.9f, 0.1f, 0.9f, 0.9f);
        break;
    case LETHE_ICON_ROTATE:
        d.arc(0.5f, 0.52f, 0.4f, -0.6f, 4.0f);
        d.triangle(0.98f, 0.1f, 0.98f, 0.46f, 0.62f, 0.34f);
        break;
    case LETHE_ICON_FLIP:
        d.line(0.5f, 0.02f, 0.5f, 0.98f);
        d.triangle(0.4f, 0.15f, 0.4f, 0.85f, 0.02f, 0.85f);
        d.line(0.6f, 0.15f, 0.6f, 0.85f);
        d.line(0.6f, 0.85f, 0.98f, 0.85f);
        d.line(0.98f, 0.85f, 0.6f, 0.15f);
        break;
    case LETHE_ICON_FIT:
        d.line(0.05f, 0.3f, 0.05f, 0.05f), d.line(0.05f, 0.05f, 0.3f, 0.05f);
        d.line(0.7f, 0.05f, 0.95f, 0.05f), d.line(0.95f, 0.05f, 0.95f, 0.3f);
        d.line(0.95f, 0.7f, 0.95f, 0.95f), d.line(0.95f, 0.95f, 0.7f, 0.95f);
        d.line(0.3f, 0.95f, 0.05f, 0.95f), d.line(0.05f, 0.95f, 0.05f, 0.7f);
        d.box(0.28f, 0.28f, 0.72f, 0.72f, 0);
        break;
    case LETHE_ICON_PLAY: d.triangle(0.2f, 0.05f, 0.2f, 0.95f, 0.95f, 0.5f); break;
    case LETHE_ICON_PAUSE: d.fill(0.18f, 0.08f, 0.40f, 0.92f, 0.05f), d.fill(0.60f, 0.08f, 0.82f, 0.92f, 0.05f); break;
    case LETHE_ICON_MPR:
        d.box(0.05f, 0.05f, 0.95f, 0.95f);
        d.line(0.62f, 0.05f, 0.62f, 0.95f);
        d.line(0.62f, 0.5f, 0.95f, 0.5f);
        d.line(0.15f, 0.6f, 0.52f, 0.35f);
        break;
    case LETHE_ICON_LAYOUT:
        d.box(0.05f, 0.05f, 0.95f, 0.95f);
        d.line(0.5f, 0.05f, 0.5f, 0.95f);
        d.line(0.05f, 0.5f, 0.95f, 0.5f);
        break;
    case LETHE_ICON_LINK:
        d.box(0.02f, 0.32f, 0.55f, 0.68f, 0.18f);
        d.box(0.45f, 0.32f, 0.98f, 0.68f, 0.18f);
        break;
    case LETHE_ICON_PANEL:
        d.box(0.05f, 0.1f, 0.95f, 0.9f);
        d.line(0.35f, 0.1f, 0.35f, 0.9f);
        break;
    case LETHE_ICON_PANEL_RIGHT:
        d.box(0.05f, 0.1f, 0.95f, 0.9f);
        d.line(0.65f, 0.1f, 0.65f, 0.9f);
        break;
    case LETHE_ICON_CROSSHAIR:
        d.line(0.5f, 0.0f, 0.5f, 1.0f);
        d.line(0.0f, 0.5f, 1.0f, 0.5f);
        d.circle(0.5f, 0.5f, 0.25f);
        break;
    default: break;
    }
}

void draw_command(const pen &d, lethe_icon icon) {
    switch (icon) {
    case LETHE_ICON_UNDO:
    case LETHE_ICON_REDO: {
        bool m = icon == LETHE_ICON_REDO;
        auto x = [m](float v) { return m ? 1 - v : v; };
        d.list->PathArcTo(d.p(0.5f, 0.62f), 0.34f * d.size, m ? -0.5f : 3.6416f, m ? -3.9f : 7.0416f, 24);
        d.list->PathStroke(d.colour, 0, d.width);
        d.triangle(x(0.02f), 0.5f, x(0.40f), 0.44f, x(0.14f), 0.12f);
        break;
    }
    case LETHE_ICON_CHECK:
        d.line(0.08f, 0.55f, 0.38f, 0.85f);
        d.line(0.38f, 0.85f, 0.94f, 0.18f);
        break;
    case LETHE_ICON_SKIP:
        d.triangle(0.08f, 0.1f, 0.08f, 0.9f, 0.7f, 0.5f);
        d.fill(0.76f, 0.1f, 0.9f, 0.9f);
        break;
    case LETHE_ICON_NEXT:
        d.line(0.35f, 0.1f, 0.75f, 0.5f);
        d.line(0.75f, 0.5f, 0.35f, 0.9f);
        break;
    case LETHE_ICON_PREVIOUS:
        d.line(0.65f, 0.1f, 0.25f, 0.5f);
        d.line(0.25f, 0.5f, 0.65f, 0.9f);
        break;
    case LETHE_ICON_RESET:
        d.arc(0.5f, 0.52f, 0.4f, -1.2f, 3.6f);
        d.triangle(0.28f, 0.02f, 0.66f, 0.0f, 0.5f, 0.32f);
        break;
    case LETHE_ICON_HELP:
        d.circle(0.5f, 0.5f, 0.48f);
        d.arc(0.5f, 0.38f, 0.16f, -3.1f, 1.2f);
        d.line(0.53f, 0.54f, 0.5f, 0.64f);
        d.dot(0.5f, 0.77f, 0.06f);
        break;
    default: break;
    }
}

} // namespace

extern "C" void lethe_icon_draw(ImDrawList *list, lethe_icon icon, ImVec2 at, float size, ImU32 colour);

extern "C" void lethe_icon_draw(ImDrawList *list, lethe_icon icon, ImVec2 at, float size, ImU32 colour) {
    pen d{list, at, size, size < 14 ? 1.3f : size < 24 ? 1.7f : 2.0f, colour};
    draw_shapes(d, icon);
    draw_paint(d, icon);
    draw_view(d, icon);
    draw_command(d, icon);
}
