#!/bin/bash
# Every tool by mouse and keyboard in a real window; what the store holds afterwards is read with `lethe annotate show`, another program.
set -u
. "$LETHE_SOURCE/tests/interop/viewer_display.inc"
"$LETHE_BIN/viewer_phantom" "$work/project" || exit 1
"$LETHE_BIN/lethe" annotate -C "$work/project" schema install prostate-mr > /dev/null || exit 1

run shapes << 'TXT'
wait-idle
open 1.2.3.1
wait-idle
label lesion
key R
assert-state tool=box
drag @0:20,20 @0:60,50
assert-state marks=1
assert-state selected=box
assert-state selected.x0~20~0.3
assert-state selected.y1~50~0.3
key P
click @0:70,20
click @0:100,20
click @0:100,50
click @0:70,50
key Enter
assert-state selected=polygon
assert-state selected.points=4
assert-state selected.area~900~25
key F
drag @0:20,60 @0:40,60 @0:40,80 @0:20,80
assert-state selected=freehand
key O
drag @0:70,60 @0:100,80
assert-state selected=ellipse
assert-state selected.x0~70~0.3
assert-state selected.area~471~15
key D
click @0:110,10
assert-state selected=point
assert-state marks=5
# move the box by its inside, then its corner
key V
click @0:21,49
assert-state selected=box
drag @0:25,45 @0:30,45
assert-state selected.x0~25~0.5
drag @0:65,50 @0:70,55
assert-state selected.x1~70~0.5
assert-state selected.y1~55~0.5
# named undo and redo
assert-state undo=Reshape: lesion
key ctrl+Z
assert-state selected.x1~65~0.5
key ctrl+Z
assert-state selected.x1~60~0.5
key ctrl+shift+Z
assert-state selected.x1~65~0.5
key Delete
assert-state marks=4
key ctrl+Z
assert-state marks=5
# the live-wire follows the block of slice 6
key Q
assert-state tool=livewire
click @0:40.5,30.5
move @0:59.5,30.5
click @0:59.5,30.5
move @0:59.5,49.5
click @0:59.5,49.5
move @0:40.5,49.5
click @0:40.5,49.5
key Enter
assert-state selected=polygon
assert-state selected.points>20
assert-state marks=6
assert-state gl-errors=0
TXT

run snap << 'TXT'
wait-idle
open 1.2.3.3
wait-idle
label lesion
key R
drag @0:20,20 @0:60,60
key shift+V
assert-state snap=1
# near its corner, and near its upper edge
key M
drag @0:20.8,20.7 @0:40,19.4
assert-state selected.x0=20
assert-state selected.y0=20
assert-state selected.y1~20~0.001
key ctrl+Z
key ctrl+Z
TXT

run paint << 'TXT'
wait-idle
open 1.2.3.1
wait-idle
label prostate
key B
set brush-mm 10
drag @0:90.5,70.5 @0:90.5,70.5
assert-state painted~209~14
assert-state undo=Brush: Whole gland
key ctrl+Z
assert-state painted=0
key ctrl+shift+Z
assert-state painted~209~14
key X
set brush-mm 30
drag @0:90.5,70.5 @0:90.5,70.5
assert-state painted=0
# a ring, filled
key B
set brush-mm 2
drag @0:20,20 @0:40,20 @0:40,40 @0:20,40 @0:20,20
key G
click @0:30,30
assert-state painted>400
key ctrl+shift+S
key ctrl+I
# the threshold brush takes the bright block only
key ctrl+Z
key ctrl+Z
key ctrl+Z
key ctrl+Z
key ctrl+Z
assert-state painted=0
key T
assert-state tool=threshold
set threshold-low 3000
set threshold-high 9000
set brush-mm 60
drag @0:50,40 @0:50,40
assert-state painted=400
key ctrl+Z
assert-state painted=0
# growing from inside of the block, in this slice and through the volume: values rise with x, y and slice
key Y
set tolerance 700
click @0:50,40
assert-state painted=400
key ctrl+Z
set grow-3d on
set tolerance 1000
click @0:50,40
wait-idle
assert-state painted-all=1600
key ctrl+Z
assert-state painted-all=0
# between slices: discs on two slices, what lies between is filled
key Home
key B
set brush-mm 12
drag @0:64,48 @0:64,48
key PageDown
drag @0:64,48 @0:64,48
assert-state masks=2
key ctrl+B
assert-state masks=11
key ctrl+Z
assert-state masks=2
# undo showed where it happened; copy from slice 11 to the next
key End
key Up
key alt+Down
assert-state masks=3
assert-state view.slice=12
assert-state gl-errors=0
TXT

run views << 'TXT'
wait-idle
open 1.2.3.1
wait-idle
assert-state view.slice=7
key Down
assert-state view.slice=8
wheel @0:50,50 2
assert-state view.slice=6
drag @0:50,50 @0:70,70 right
assert-state view.width>3000
key shift+0
wait-idle
assert-state view.width=3000
wheel @0:50,50 2 ctrl
assert-state view.zoom>7
key Backspace
key C
assert-state view.playing=1
sleep 0.6
key C
assert-state view.playing=0
key I
assert-state view.inverted=1
key ctrl+Right
assert-state view.angle=90
key ctrl+2
assert-state views=2
key ctrl+4
assert-state views=4
key Tab
assert-state active=1
key ctrl+0
assert-state views=1
key F1
assert-state sheet=1
key Escape
assert-state sheet=0
key F4
assert-state language=fr
key E
move @0:30,30
wait-idle
assert-state gl-errors=0
TXT

# What another program reads back.
"$LETHE_BIN/lethe" annotate -C "$work/project" show > "$work/show.jsonl" || exit 1
python3 - "$work/show.jsonl" << 'PY' || exit 1
import json, sys
rows = [json.loads(line) for line in open(sys.argv[1])]
kinds = {row["shape"] for row in rows}
assert kinds >= {"box", "polygon", "freehand", "ellipse", "point", "mask"}, kinds
labels = {row["label"] for row in rows}
assert labels == {"lesion", "prostate"}, labels
assert all(row.get("author") == "local" for row in rows), rows[0]
print(len(rows), "annotations, kinds", sorted(kinds))
assert len(rows) >= 9
PY

# Killed in the middle of drawing: everything up to the last stroke is there.
cat > "$work/kill.txt" << 'TXT'
wait-idle
open 1.2.3.2
wait-idle
label lesion
key R
drag @0:10,10 @0:20,20
drag @0:30,30 @0:40,40
key P
click @0:5,5
click @0:9,5
print marks
sleep 60
TXT
before=$(wc -l < "$work/show.jsonl")
"$LETHE_BIN/lethe-view" -C "$work/project" --script "$work/kill.txt" > "$work/kill.out" 2>&1 &
victim=$!
for _ in $(seq 900); do grep -q '^marks=2' "$work/kill.out" && break; sleep 0.1; done
sleep 0.3
kill -9 $victim 2> /dev/null
wait $victim 2> /dev/null
after=$("$LETHE_BIN/lethe" annotate -C "$work/project" show | wc -l)
[ "$after" -eq $((before + 2)) ] || { echo "FAILED: $before annotations, $after after the kill, expected two more"; cat "$work/kill.out"; exit 1; }
run again << 'TXT'
wait-idle
open 1.2.3.2
wait-idle
assert-state marks=2
TXT

# Wrong use and failing checks are told by the exit code.
echo 'assert-state cases=99' > "$work/bad.txt"
view --script "$work/bad.txt" 2> "$work/bad.err" && { echo "FAILED: a false assertion passed"; exit 1; }
grep -q 'line 1: cases is' "$work/bad.err" || { echo "FAILED: the assertion is not named"; exit 1; }
"$LETHE_BIN/lethe" view --size nonsense 2> /dev/null; [ $? -eq 2 ] || { echo "FAILED: wrong usage does not give 2"; exit 1; }
"$LETHE_BIN/lethe" view -C "$work/nowhere" 2> /dev/null; [ $? -eq 1 ] || [ $? -eq 2 ] || { echo "FAILED: a missing project is no failure"; exit 1; }
echo "all tools leave in the store what was drawn"
