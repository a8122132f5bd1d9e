#!/bin/bash
# Whole screens of generated scenes against kept pictures (tests/golden/viewer), with a tolerance for renderers and fonts. They say that a screen still looks as it did
# when somebody looked at it; that its greys and places are right is said by viewer_phantom.sh. LETHE_GOLDEN=write makes them again: look at them before they are kept.
set -u
/usr/bin/python3 -c 'import pydicom, numpy, PIL' 2> /dev/null || { echo "skipped: python3-pydicom, python3-numpy or python3-pil is not installed"; exit 77; }
[ -f /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf ] || { echo "skipped: fonts-dejavu-core is not installed"; exit 77; }
. "$LETHE_SOURCE/tests/interop/viewer_display.inc"
kept=$LETHE_SOURCE/tests/golden/viewer
mkdir "$work/in"
/usr/bin/python3 "$LETHE_SOURCE/tests/support/viewer_states.py" make "$work/in" || exit 1
/usr/bin/python3 "$LETHE_SOURCE/tests/support/viewer_slide.py" "$work/slide.tif" 30000 22000 6 || exit 1
arguments=("$work/slide.tif")
for file in "$work"/in/*.dcm; do arguments+=("dicom:$file"); done
"$LETHE_BIN/viewer_phantom" "$work/project" "${arguments[@]}" || exit 1
"$LETHE_BIN/lethe" annotate -C "$work/project" schema install prostate-mr > /dev/null || exit 1
{
    cat << 'TXT'
wait-idle
screenshot DIR/empty.png
open 1.2.3.1
wait-idle
screenshot DIR/stack.png
label prostate
key B
set brush-mm 12
drag @0:30,30 @0:60,40 @0:40,70
label lesion
key P
click @0:70,20
click @0:100,25
click @0:95,60
key Enter
key M
drag @0:20,80 @0:100,85
key W
move 5,5
set case-tab 1
tick 60
wait-idle
screenshot DIR/labels.png
key ctrl+3
wait-idle
set slab-mm 20
set slab-kind 1
wait-idle
screenshot DIR/slab.png
open 1.2.3.4
wait-idle
key ctrl+2
wait-idle
screenshot DIR/overlays.png
open 1.2.3.3
wait-idle
key ctrl+6
wait-idle
tick 60
wait-idle
screenshot DIR/priors.png
open 1.2.4.1
wait-idle
key ctrl+G
key ctrl+G
tick 60
wait-idle
screenshot DIR/state.png
open P-PHANTOM/slides/slide.tif
wait-idle
set look 15000,11000
set zoom 0.05
wait-idle
screenshot DIR/slide.png
key F1
wait-idle
screenshot DIR/shortcuts.png
assert-state gl-errors=0
TXT
} | sed "s|DIR|$work|" > "$work/scenes.in"
run scenes < "$work/scenes.in"
pairs=()
for name in empty stack labels slab overlays priors state slide shortcuts; do pairs+=("$kept/$name.png" "$work/$name.png"); done
/usr/bin/python3 "$LETHE_SOURCE/tests/support/golden.py" "${LETHE_GOLDEN:-compare}" "${pairs[@]}" || { echo "FAILED: a screen looks otherwise"; exit 1; }
[ -n "${KEEP_SHOTS:-}" ] && cp "$work"/*.png "$KEEP_SHOTS"
echo "screens look as they did"
