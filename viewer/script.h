/* Scripted sessions: a line a step, for tests and pictures. Layer: viewer. Thread rule: main thread.
 *
 *     size W H | open CASE | command ID | tool ID | label NAME | set NAME VALUE | key KEY | type TEXT
 *     move POINT | click POINT [left|right|middle] | double POINT | drag POINT POINT ... [right|middle] | wheel POINT STEPS [ctrl|shift]
 *     wait-idle [SECONDS] | sleep SECONDS | screenshot FILE | print NAME | quit
 *     wait-file PATH: until it is there (two minutes at most); press POINT, release POINT: halves of a drag
 *     scale N: as if the window had gone to a monitor of that scale; close window: as the desktop closes it
 *     hold-growing on|off: region growing in 3-D waits before it ends; assert-cut VIEW X,Y,Z VALUE TOLERANCE: a plane at a point of the patient
 *     tick SECONDS: from the first one on the clock stands still and only ticks turn it; clipboard TEXT: what the desktop's clipboard holds
 *     assert-state NAME=VALUE | NAME~VALUE~TOLERANCE | NAME>VALUE | NAME<VALUE
 *     assert-pixel POINT R,G,B TOLERANCE
 *
 * POINT is X,Y on the screen or @VIEW:X,Y in the image of a view. Lines that start with # are comments. */
#ifndef LETHE_VIEWER_SCRIPT_H
#define LETHE_VIEWER_SCRIPT_H

#include "viewer/app.h"

#endif
