#!/bin/bash
# A whole-slide image in DICOM, from the scanner's files through de-identification into the window: two instances are one pyramid, tiles stand where they belong at both levels, it is
# measured, labelled and found again.
set -u
/usr/bin/python3 -c 'import pydicom, numpy' 2> /dev/null || { echo "skipped: python3-pydicom or python3-numpy is not installed"; exit 77; }
. "$LETHE_SOURCE/tests/interop/viewer_display.inc"
/usr/bin/python3 "$LETHE_SOURCE/tests/support/viewer_wsi.py" "$work/in" || exit 1
"$LETHE_BIN/lethe" init "$work/project" > /dev/null || exit 1
"$LETHE_BIN/lethe" ingest add -C "$work/project" "$work/in" > "$work/add.out" 2>&1 || { cat "$work/add.out"; echo "FAILED: ingest"; exit 1; }
"$LETHE_BIN/lethe" deid -C "$work/project" > "$work/deid.out" 2>&1
# The phantom's colours look like ink: a person releases it.
for id in $("$LETHE_BIN/lethe" review -C "$work/project" list | awk '{ print $1 }'); do "$LETHE_BIN/lethe" review -C "$work/project" approve "$id" >> "$work/deid.out" 2>&1; done
[ "$(find "$work/project/released" -name '*.dcm' | wc -l)" -ge 2 ] || { cat "$work/deid.out"; echo "FAILED: the slide is not released"; exit 1; }
run wsi << TXT
wait-idle
assert-state cases=1
set case-tab 1
key N
wait-idle
assert-state series=1
assert-state series-damaged=0
assert-state view.spacing~0.0005~0.000001
assert-state tiles.failed=0
screenshot ${WSI_PICTURE:-$work/whole.png}
set show-text off
# level 0: tile (2, 1) is (140, 120, 150), the blue square begins at 608, 352
command one-to-one
set look 624,368
wait-idle
assert-state view.zoom=1
assert-pixel @0:600,340 140,120,150 3
assert-pixel @0:610,354 0,0,255 3
assert-pixel @0:638,382 0,0,255 3
assert-pixel @0:642,386 140,120,150 3
assert-pixel @0:400,200 90,60,150 3
# the coarse level: tile (0, 2) and tile (3, 0)
set zoom 0.4
set look 512,384
wait-idle
assert-pixel @0:128,640 40,180,150 3
assert-pixel @0:900,100 190,60,150 3
assert-pixel @0:624,368 0,0,255 30
# a length in millimetres: 400 pixels of half a micrometre
key M
drag @0:100,100 @0:500,100
assert-state selected.measured~0.2~0.001
key R
drag @0:608,352 @0:640,384
assert-state marks=2
key B
set brush-mm 0.05
drag @0:300,300 @0:300,300
assert-state painted~7854~200
assert-state tiles.failed=0
assert-state gl-errors=0
TXT
run again << 'TXT'
wait-idle
set case-tab 1
key N
wait-idle
assert-state marks=2
assert-state masks=1
TXT
echo "a DICOM slide is shown, measured and labelled"
