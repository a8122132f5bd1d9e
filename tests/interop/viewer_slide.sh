#!/bin/bash
# A slide from the whole of it to single cells: tiles in the right place, painting with undo and restart, shapes, mini-map; a slide with one huge level
# shows a picture of the whole.
set -u
. "$LETHE_SOURCE/tests/interop/viewer_display.inc"
export PATH=/usr/bin:$PATH # the system's python has the system's modules
python3 -c 'import PIL' 2> /dev/null || { echo "skipped: python3-pil is not installed"; exit 77; }
python3 "$LETHE_SOURCE/tests/support/viewer_slide.py" "$work/slide.tif" 30000 22000 6 || exit 1
python3 "$LETHE_SOURCE/tests/support/viewer_slide.py" "$work/flat.tif" 16000 12000 1 || exit 1
"$LETHE_BIN/viewer_phantom" "$work/project" "$work/slide.tif" "$work/flat.tif" || exit 1

run slide << 'TXT'
wait-idle
open P-PHANTOM/slides/slide.tif
wait-idle
assert-state view.spacing~0.0003~0.0001
set show-text off
# level 0, one image pixel on one of the screen: the blue square of tile 40, 40 is 16 pixels wide
command one-to-one
set look 10304,10304
wait-idle
assert-pixel @0:10298,10304 0,0,255 25
assert-pixel @0:10310,10304 0,0,255 25
assert-state view.zoom=1
# the brush in micrometres: 100 um are 400 pixels; the area is that of the disc
key B
assert-state tool=brush
set brush-mm 0.1
drag @0:10304,10304 @0:10304,10304
assert-state painted~125664~900
assert-state undo=Brush: Region
# larger at a low magnification, far beyond what a bitmap of the slide could hold
command fit
wait-idle
set brush-mm 2
drag @0:14000,11000 @0:20000,11000
assert-state painted>90000000
assert-state paint-mib<64
# a ring, filled
key ctrl+Z
assert-state painted~125664~900
set brush-mm 0.2
drag @0:6000,6000 @0:12000,6000 @0:12000,12000 @0:6000,12000 @0:6000,6000
key G
click @0:9000,9000
assert-state painted>36000000
assert-state undo=Fill: Region
click @0:500,500
assert-state toast=Nothing to fill: this area is not enclosed by paint.
key X
set brush-mm 0.4
drag @0:9000,9000 @0:9000,9000
assert-state painted<46000000
key ctrl+Z
key ctrl+shift+Z
assert-state undo=Eraser: Region
# tools that need grey values say so instead of doing nothing
key Y
click @0:9000,9000
assert-state toast=This tool needs grey values: use brush or shapes on slides.
key R
drag @0:2000,2000 @0:4000,4000
assert-state selected=box
assert-state gl-errors=0
TXT
run again << 'TXT'
wait-idle
open P-PHANTOM/slides/slide.tif
wait-idle
assert-state painted>30000000
assert-state painted<46000000
assert-state marks=1
# what was painted before the program was closed is taken back by name of the action that the store knows
key ctrl+Z
assert-state marks=0
key ctrl+Z
assert-state painted>36000000
assert-state gl-errors=0
TXT

# One level of 192 megapixels: the whole shows at once from a picture that is made in the background.
run flat << 'TXT'
wait-idle
open P-PHANTOM/slides/flat.tif
wait-idle 60
set show-text off
wait-idle
assert-pixel @0:6500,6000 205,150,195 40
assert-pixel @0:300,11700 244,243,245 6
assert-state tiles.failed=0
command one-to-one
set look 6208,5952
wait-idle
assert-pixel @0:6208,5952 0,0,255 25
assert-state gl-errors=0
TXT
echo "slides are shown, painted and found again"
