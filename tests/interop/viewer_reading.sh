#!/bin/bash
# Cine at the recorded rate (by a clock that the script turns), tomosynthesis, and images at the edge of what a file may say. Greys and counts are worked out from the phantom's formulas.
set -u
. "$LETHE_SOURCE/tests/interop/viewer_display.inc"
"$LETHE_BIN/viewer_phantom" "$work/project" || exit 1

# 25 frames of 40 ms: one frame each tick of 40 ms, none after 30 ms, several when the clock has gone on; around the end it goes on with the first.
run cine << 'TXT'
wait-idle
open 1.2.3.6
wait-idle
set linear off
assert-state view.slices=25
assert-state view.slice=1
tick 0
key C
assert-state view.playing=1
assert-state view.slice=1
tick 0.03
assert-state view.slice=1
tick 0.011
assert-state view.slice=2
tick 0.04
assert-state view.slice=3
tick 0.4
assert-state view.slice=13
tick 0.56
assert-state view.slice=2
key C
tick 1
assert-state view.slice=2
# frame 2 is of grey 15
set show-text off
wait-idle
assert-pixel @0:10.5,10.5 15,15,15 1
# a Frame Time Vector: 20 and 60 ms, 40 in the mean
open 1.2.3.7
wait-idle
assert-state view.slices=3
key C
tick 0.03
assert-state view.slice=1
tick 0.011
assert-state view.slice=2
TXT

# Tomosynthesis: the wheel and the keys go through the slices of the one file, the chest wall stays on its side.
run tomosynthesis << 'TXT'
wait-idle
open 1.2.3.8
wait-idle
set show-text off
set linear off
key Home
assert-state view.slices=20
assert-state view.position=LCC
wheel @0:30,20 -3
wait-idle
assert-state view.slice=4
assert-pixel @0:30.5,20.5 35,35,35 1
key Home
wait-idle
assert-state view.slice=1
assert-pixel @0:30.5,20.5 5,5,5 1
key End
wait-idle
assert-state view.slice=20
assert-pixel @0:30.5,20.5 195,195,195 1
assert-state gl-errors=0
TXT

# A series of many files: its middle image is on the screen before the other headers are read, in its place among all once they are; leaving before that ends the reading.
"$LETHE_BIN/viewer_phantom" "$work/long" slices:400 || exit 1
cat > "$work/long.txt" << 'TXT'
wait-idle
open 1.2.3.10
open 1.2.3.1
open 1.2.3.10
wait-idle
assert-state reading=0
assert-state view.slices=400
assert-state view.slice>190
assert-state view.slice<212
key Home
assert-state view.slice=1
key End
wait-idle
assert-state view.slice=400
open 1.2.3.1
open 1.2.3.10
command mpr
wait-idle
assert-state mpr=1
assert-state tiles.failed=0
assert-state gl-errors=0
TXT
timeout 300 env $keep "$LETHE_BIN/lethe" view -C "$work/long" --size 640x480 --script "$work/long.txt" > "$work/long.out" 2>&1 || { cat "$work/long.out"; echo "FAILED: a series of many files"; exit 1; }

# A task is skipped with its reason, and the next one opens; without a reason it stays.
"$LETHE_BIN/lethe" annotate -C "$work/project" task create --readers local > /dev/null || exit 1
run skip << 'TXT'
wait-idle
open 1.2.3.2
wait-idle
assert-state task-state=started
key ctrl+Backspace
wait-idle
assert-state sheet=2
click 503,439
wait-idle
assert-state sheet=2
assert-state case=1.2.3.2
click 640,393
type motion artefact
click 503,439
wait-idle
assert-state sheet=0
assert-state task-state=started
print case
TXT
grep -q '^case=1.2.3.2$' "$work/skip.out" && { echo "FAILED: the next task did not open"; exit 1; }
"$LETHE_BIN/lethe" annotate -C "$work/project" task list > "$work/tasks.txt" || exit 1
[ "$(grep -c skipped "$work/tasks.txt")" -eq 1 ] && grep skipped "$work/tasks.txt" | grep -q 'motion artefact' || {
    echo "FAILED: the store has no skipped task with its reason"; cat "$work/tasks.txt"; exit 1; }

# One pixel, spacing of zero, 16 signed bits, slope and width of zero: shown or refused in words, never a crash.
run edges << 'TXT'
wait-idle
open 1.2.3.9
wait-idle
set linear off
set show-text off
wait-idle
assert-state view.slices=1
assert-state view.spacing=0
assert-state tiles.failed=0
tool ruler
drag @0:0.2,0.2 @0:0.8,0.8
tool brush
drag @0:0.5,0.5 @0:0.5,0.5
command fit
command one-to-one
key ctrl+T
command next-series
wait-idle
set linear off
wait-idle
# 16 signed bits: the lowest is black, the highest white, the middle grey
assert-pixel @0:0.5,0.5 0,0,0 0
assert-pixel @0:1.5,0.5 255,255,255 0
assert-pixel @0:3.5,0.5 127,127,127 1
move @0:0.4,0.5
move @0:0.5,0.5
assert-state value=-32768
move @0:1.4,0.5
move @0:1.5,0.5
assert-state value=32767
command next-series
wait-idle
tool ruler
drag @0:0.5,0.5 @0:3.5,3.5
key ctrl+3
wait-idle
key ctrl+0
wait-idle
assert-state gl-errors=0
TXT
echo "cine, tomosynthesis and the edges are shown as recorded"
