#!/bin/bash
# Pixels on the screen against formulas of PS3.3 C.11.2.1.2, computed here by Python: window and level within one grey level, geometry within one pixel, lengths within
# 0.1 mm, planes cut through an oblique stack.
set -u
. "$LETHE_SOURCE/tests/interop/viewer_display.inc"
"$LETHE_BIN/viewer_phantom" "$work/project" || exit 1

python3 - > "$work/window.txt" << 'PY'
import math
def stored(x, y, k): return 10*x + 3*y + 50*k - 400 + (3000 if 40 <= x < 60 and 30 <= y < 50 and 4 <= k < 8 else 0)
def grey(v, c, w):
    if v <= c - 0.5 - (w - 1)/2: return 0
    if v > c - 0.5 + (w - 1)/2: return 255
    return ((v - (c - 0.5))/(w - 1) + 0.5)*255
print("wait-idle\nopen 1.2.3.1\nwait-idle\nset linear off\nassert-state view.slices=12\nassert-state view.slice=7")
points = [(0, 0), (127, 95), (64, 48), (39, 40), (40, 40), (59, 49), (60, 49), (50, 29), (10, 90), (100, 5)]
for slice_, c, w in ((0, 0, 3000), (5, 0, 3000), (7, 500, 900), (11, -321, 57), (5, 4000, 2000)):
    print(f"key Home\nwait-idle")
    for _ in range(slice_): print("key Down")
    print(f"set window-centre {c}\nset window-width {w}\nwait-idle\nassert-state view.slice={slice_ + 1}")
    for x, y in points:
        g = round(grey(stored(x, y, slice_)*2 - 1000, c, w))
        print(f"assert-pixel @0:{x+0.5},{y+0.5} {g},{g},{g} 1")
    # the value under the pointer is the modality value, to the last bit
    print(f"move @0:50.5,40.5\nmove @0:50.6,40.6\nassert-state value={stored(50, 40, slice_)*2 - 1000}")
# geometry: the block's edge is sharp to one screen pixel; slice 5, aspect 1.5
print("key Home")
for _ in range(5): print("key Down")
print("set window-centre 3000\nset window-width 2000\nwait-idle")
for x, y, inside in ((39.9, 40.5, 0), (40.1, 40.5, 1), (59.9, 40.5, 1), (60.1, 40.5, 0), (50.5, 29.9, 0), (50.5, 30.1, 1), (50.5, 49.9, 1), (50.5, 50.1, 0)):
    v = stored(int(math.floor(x)), int(math.floor(y)), 5)*2 - 1000
    g = round(grey(v, 3000, 2000))
    assert (g > 100) == bool(inside)
    print(f"assert-pixel @0:{x},{y} {g},{g},{g} 1")
# turned and mirrored: the same image point has the same grey
for command in ("rotate-right", "flip-across", "rotate-left", "flip-down"):
    print(f"command {command}\nwait-idle")
    for x, y in ((39.5, 40.5), (40.5, 40.5), (64.5, 48.5)):
        g = round(grey(stored(int(x), int(y), 5)*2 - 1000, 3000, 2000))
        print(f"assert-pixel @0:{x},{y} {g},{g},{g} 1")
print("command reset\nwait-idle\ncommand invert\nset window-centre 0\nset window-width 3000\nset linear off\nwait-idle")
g = 255 - round(grey(stored(64, 48, 5)*2 - 1000, 0, 3000))
print(f"assert-pixel @0:64.5,48.5 {g},{g},{g} 1\nassert-state gl-errors=0")
PY
run window < "$work/window.txt"

run mono1 << 'TXT'
wait-idle
open 1.2.3.2
wait-idle
set linear off
wait-idle
assert-pixel @0:0.5,30.5 255,255,255 1
assert-pixel @0:32.5,30.5 127,127,127 1
assert-pixel @0:63.5,30.5 3,3,3 1
TXT

# VOI LUT, modality LUT, inversion by the presentation LUT, overlays, ICC profile: every step of PS3.3 C.11 against its own formula.
python3 - > "$work/tables.txt" << 'PY'
def stored(x, y): return 16*x + y
def lut(v): n = min(max(v - 100, 0), 1023); return round(int(n*n*4095/(1023.0*1023.0) + 0.5)/4095*255)
def linear(v, c, w): return round(min(max(((v - (c - 0.5))/(w - 1) + 0.5)*255, 0), 255))
print("wait-idle\nopen 1.2.3.4\nwait-idle\nset linear off\nset show-text off\ncommand overlays\nwait-idle")
points = [(0, 0), (5, 3), (6, 4), (20, 30), (33, 10), (50, 12), (63, 30), (63, 63)]
for x, y in points:
    g = linear(stored(x, y), 500, 1000); print(f"assert-pixel @0:{x+0.5},{y+0.5} {g},{g},{g} 1")
print("key shift+W\nwait-idle\nassert-state view.width=100")
for x, y in points:
    g = linear(stored(x, y), 200, 100); print(f"assert-pixel @0:{x+0.5},{y+0.5} {g},{g},{g} 1")
print("key shift+W\nwait-idle\nassert-state view.table=1\nassert-state toast=VOI LUT · SQUARE")
for x, y in points:
    g = lut(stored(x, y)); print(f"assert-pixel @0:{x+0.5},{y+0.5} {g},{g},{g} 1")
# the mouse takes over from the LUT with a window of its own; the default brings the file's back
print("drag 500,400 520,400 right\nassert-state view.table=0\nkey shift+0\nwait-idle\nassert-state view.width=1000")
# overlays: one plane of its own, one bit inside of the cells; the value under the pointer has no overlay bit in it
print("key shift+U\nwait-idle")
for x, y, there in ((16, 8, 1), (23, 23, 1), (24, 8, 0), (15, 8, 0), (16, 7, 0), (16, 24, 0), (40, 40, 1), (39, 40, 0), (63, 63, 1)):
    g = linear(stored(x, y), 500, 1000); colour = "255,219,89" if there else f"{g},{g},{g}"
    print(f"assert-pixel @0:{x+0.5},{y+0.5} {colour} 1")
print("move @0:50.5,50.5\nmove @0:50.6,50.5\nassert-state value=850")
# modality LUT and MONOCHROME1
print("command next-series\nwait-idle\nset linear off\nwait-idle\nassert-state view.centre=6000")
for x in (0, 10, 31, 50, 63):
    g = 255 - linear(1000 + 3*x*x, 6000, 12000)
    print(f"assert-pixel @0:{x+0.5},30.5 {g},{g},{g} 1\nmove @0:{x+0.4},30.5\nmove @0:{x+0.5},30.5\nassert-state value={1000 + 3*x*x}")
# red by name, green by its profile
print("command next-series\nwait-idle\nassert-pixel @0:30,30 0,255,0 3\ncommand colours\nwait-idle\nassert-pixel @0:30,30 255,0,0 0\ncommand colours\nwait-idle\nassert-pixel @0:30,30 0,255,0 3\nassert-state gl-errors=0")
PY
run tables < "$work/tables.txt"

run hanging << 'TXT'
wait-idle
open 1.2.3.3
wait-idle
assert-state views=4
assert-state view0.position=RCC
assert-state view1.position=LCC
assert-state view2.position=RMLO
assert-state view3.position=LMLO
assert-state view0.chest=right
assert-state view1.chest=left
assert-state view3.chest=left
assert-state view3.mirrored=1
set show-text off
set active 3
set linear off
wait-idle
# the chest wall touches the middle of the layout on both sides
assert-pixel @0:94.5,64.5 249,249,249 1
assert-pixel @1:1.5,64.5 249,249,249 1
assert-pixel @3:94.5,64.5 249,249,249 1
TXT

# The earlier mammography below the current one, view for view; it is not drawn on.
run priors << 'TXT'
wait-idle
open 1.2.3.3
wait-idle
key ctrl+6
wait-idle
assert-state prior=1
assert-state views=8
assert-state view1.position=LCC
assert-state view4.position=RCC
assert-state view7.position=LMLO
assert-state view7.mirrored=1
assert-state view4.chest=right
tool box
drag @4:20,20 @4:60,60
assert-state marks=0
assert-state toast=An earlier study is only looked at: draw on the current one.
drag @0:20,20 @0:60,60
assert-state marks=1
key ctrl+Z
key ctrl+6
wait-idle
assert-state prior=0
assert-state views=4
open 1.2.3.5
wait-idle
key ctrl+6
assert-state prior=0
assert-state toast=No earlier study of this patient is released.
assert-state gl-errors=0
TXT

# True size on a screen of 4 pixels a millimetre: 0.5 mm are 2 pixels.
run size --px-per-mm 4 << 'TXT'
wait-idle
open 1.2.3.1
wait-idle
key ctrl+T
assert-state view.zoom=2
open 1.2.3.3
wait-idle
key ctrl+T
assert-state view.zoom~0.4~0.0001
# quarter by quarter at full resolution
key shift+Tab
assert-state view.zoom=1
assert-state gl-errors=0
TXT

# Lengths and areas in millimetres: 40 pixels across at 0.5 mm, 40 down at 0.75 mm.
run measure << 'TXT'
wait-idle
open 1.2.3.1
wait-idle
tool ruler
drag @0:20,40 @0:60,40
wait-idle
assert-state selected=measurement
assert-state selected.measured~20~0.1
drag @0:20,20 @0:20,60
assert-state selected.measured~30~0.1
drag @0:20,20 @0:60,60
assert-state selected.measured~36.056~0.1
tool angle
click @0:60,20
click @0:20,20
click @0:20,60
assert-state selected.measured~90~0.2
tool area
click @0:20,20
click @0:60,20
click @0:60,60
click @0:20,60
key Enter
assert-state selected.measured~600~6
assert-state marks=5
TXT

# The planes of the oblique stack: the value at the cross-hair is that of the formula at the same place of the patient.
python3 - > "$work/mpr.txt" << 'PY'
import math
c, s = math.cos(math.radians(20)), math.sin(math.radians(20))
print("wait-idle\nopen 1.2.3.1\nwait-idle\ncommand mpr\nwait-idle\nassert-state views=4\nassert-state mpr=1")
# middle of the volume: i 63.5, j 47.5, k 5.5
i, j, k = 63.5, 47.5, 5.5
x, y, z = -32 + 0.5*i, -36 + 0.75*j*c - 3*k*s, 10 + 0.75*j*s + 3*k*c
print(f"assert-state cross-x~{x:.4f}~0.01\nassert-state cross-y~{y:.4f}~0.01\nassert-state cross-z~{z:.4f}~0.01")
v = (10*i + 3*j + 50*k - 400)*2 - 1000
g = round(((v - -0.5)/2999 + 0.5)*255)
print("command toggle-text\nset window-centre 0\nset window-width 3000\nset active 1\nwait-idle")
PY
cat >> "$work/mpr.txt" << 'TXT'
print gl-errors
assert-state gl-errors=0
TXT
run mpr < "$work/mpr.txt"
echo "the phantom is shown as the standard says"
