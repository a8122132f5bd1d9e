/* The tools: names, help, icons, keys. The tool strip, the shortcut sheet and scripts read this table. */
#include "viewer/app.h"

static const lethe_tool_facts facts[LETHE_TOOLS] = {
    {LETHE_TOOL_SELECT, "select", "Select", "Click an annotation to select it; drag it or its points.", LETHE_ICON_SELECT, 'V', LETHE_SHAPE_NONE},
    {LETHE_TOOL_WINDOW, "window", "Window", "Drag to change contrast and brightness. The right button does it with any tool.", LETHE_ICON_WINDOW, 'W',
     LETHE_SHAPE_NONE},
    {LETHE_TOOL_PAN, "pan", "Pan", "Drag to move the image. Space or the middle button does it with any tool.", LETHE_ICON_PAN, 'H',
     LETHE_SHAPE_NONE},
    {LETHE_TOOL_ZOOM, "zoom", "Zoom", "Drag up or down. Ctrl and the wheel do it with any tool.", LETHE_ICON_ZOOM, 'Z', LETHE_SHAPE_NONE},
    {LETHE_TOOL_BOX, "box", "Box", "Drag from corner to corner.", LETHE_ICON_BOX, 'R', LETHE_SHAPE_BOX},
    {LETHE_TOOL_POLYGON, "polygon", "Polygon", "Click each corner; Enter, a double click or a click on the first corner closes it.",
     LETHE_ICON_POLYGON, 'P', LETHE_SHAPE_POLYGON},
    {LETHE_TOOL_FREEHAND, "freehand", "Freehand", "Draw around it in one stroke.", LETHE_ICON_FREEHAND, 'F', LETHE_SHAPE_FREEHAND},
    {LETHE_TOOL_ELLIPSE, "ellipse", "Ellipse", "Drag from corner to corner of its frame.", LETHE_ICON_ELLIPSE, 'O', LETHE_SHAPE_ELLIPSE},
    {LETHE_TOOL_POINT, "point", "Point", "Click.", LETHE_ICON_POINT, 'D', LETHE_SHAPE_POINT},
    {LETHE_TOOL_LINE, "polyline", "Line", "Click each point; Enter or a double click ends it.", LETHE_ICON_LINE, 'L', LETHE_SHAPE_POLYLINE},
    {LETHE_TOOL_LIVEWIRE, "livewire", "Live-wire", "Click along an edge: the line follows it. Enter closes it.", LETHE_ICON_LIVEWIRE, 'Q',
     LETHE_SHAPE_POLYGON},
    {LETHE_TOOL_BRUSH, "brush", "Brush", "Paint. Shift and the wheel, or [ and ], change its size.", LETHE_ICON_BRUSH, 'B', LETHE_SHAPE_MASK},
    {LETHE_TOOL_ERASER, "eraser", "Eraser", "Take paint away.", LETHE_ICON_ERASER, 'X', LETHE_SHAPE_MASK},
    {LETHE_TOOL_FILL, "fill", "Fill", "Click into a hole to fill it, or on paint to change its label.", LETHE_ICON_FILL, 'G', LETHE_SHAPE_MASK},
    {LETHE_TOOL_THRESHOLD, "threshold", "Threshold brush", "Paint only where the value lies in the range.", LETHE_ICON_THRESHOLD, 'T',
     LETHE_SHAPE_MASK},
    {LETHE_TOOL_GROW, "grow", "Grow region", "Click: what has nearly the same value and touches is painted, in this slice or in 3-D.",
     LETHE_ICON_GROW, 'Y', LETHE_SHAPE_MASK},
    {LETHE_TOOL_RULER, "ruler", "Length", "Drag from end to end.", LETHE_ICON_RULER, 'M', LETHE_SHAPE_MEASUREMENT},
    {LETHE_TOOL_ANGLE, "angle", "Angle", "Click the end of an arm, the vertex, the end of the other arm.", LETHE_ICON_ANGLE, 'A',
     LETHE_SHAPE_MEASUREMENT},
    {LETHE_TOOL_AREA, "area", "Area", "Click each corner; Enter or a double click closes it.", LETHE_ICON_AREA, 'J', LETHE_SHAPE_MEASUREMENT},
    {LETHE_TOOL_ROI, "roi", "Statistics", "Drag an ellipse: mean, deviation, range and area of what is inside.", LETHE_ICON_ROI, 'S',
     LETHE_SHAPE_ELLIPSE},
};

bool lethe_tool_works_on(lethe_tool tool, lethe_view_kind kind) {
    bool grey =
        tool == LETHE_TOOL_WINDOW || tool == LETHE_TOOL_THRESHOLD || tool == LETHE_TOOL_GROW || tool == LETHE_TOOL_LIVEWIRE || tool == LETHE_TOOL_ROI;
    return kind != LETHE_VIEW_SLIDE || !grey;
}

const lethe_tool_facts *lethe_tool_of(lethe_tool tool) { return &facts[tool]; }
