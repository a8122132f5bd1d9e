#!/bin/bash
# Two readers label blind, an adjudicator sees both side by side, accepts, merges and edits; what the store holds is read by another program.
set -u
. "$LETHE_SOURCE/tests/interop/viewer_display.inc"
"$LETHE_BIN/viewer_phantom" "$work/project" || exit 1
annotate() { "$LETHE_BIN/lethe" annotate -C "$work/project" "$@"; }
annotate schema install prostate-mr > /dev/null || exit 1
for who in anne ben; do annotate user add $who --role reader > /dev/null || exit 1; done
annotate user add carl --role adjudicator > /dev/null || exit 1
annotate task create --readers anne,ben --per-case 2 > /dev/null || exit 1

run anne -u anne << 'TXT'
wait-idle
open 1.2.3.1
wait-idle
label lesion
key R
drag @0:20,20 @0:60,50
key P
click @0:70,20
click @0:90,20
click @0:90,40
click @0:70,40
key Enter
label prostate
key B
set brush-mm 10
drag @0:90.5,70.5 @0:90.5,70.5
assert-state marks=2
assert-state masks=1
TXT

# The second reader sees nothing of the first: blind reading.
run ben -u ben << 'TXT'
wait-idle
open 1.2.3.1
wait-idle
assert-state marks=0
assert-state masks=0
command compare
assert-state compare=0
assert-state readers=0
assert-state toast=No other reader's labels are shown to you here.
label lesion
key R
drag @0:24,22 @0:64,54
key P
click @0:80,20
click @0:100,20
click @0:100,40
click @0:80,40
key Enter
TXT

annotate task create --readers carl --adjudication > /dev/null || exit 1
run carl -u carl << 'TXT'
wait-idle
open 1.2.3.1
wait-idle
assert-state compare=1
assert-state readers=2
assert-state views=3
assert-state marks=4
# cameras are linked: what one pane does, all do
wheel @1:60,50 3 ctrl
set linear off
wait-idle
move @1:60,50
move @0:60,50
assert-state view0.zoom>3
key ctrl+R
wait-idle
# accept: a reader's box, clicked in that reader's pane
key V
click @0:20,35
assert-state selected.author=anne
key ctrl+A
assert-state selected.author=carl
assert-state selected.x0~20~0.3
assert-state undo=Accept: lesion
# the other reader's does not show in this pane
click @0:64,45
assert-state selected=none
click @1:64,45
assert-state selected.author=ben
# merge the boxes by their mean, the polygons by their union (10 x 20 shared, 30 x 20 together)
key ctrl+shift+J
assert-state selected=box
assert-state selected.x0~22~0.4
assert-state selected.x1~62~0.4
click @0:75,20
assert-state selected=polygon
key ctrl+J
assert-state selected=polygon
assert-state selected.author=carl
assert-state selected.area~600~40
assert-state undo=Merge: lesion
key ctrl+Z
click @0:75,20
key ctrl+shift+J
assert-state selected.area~200~25
# paint of another becomes paint of mine
set active 0
key ctrl+shift+A
assert-state toast=Accepted: 3
# edit what was accepted, in my own pane
set active 2
click @2:20,35
assert-state selected.author=carl
key Delete
assert-state undo=Delete: lesion
key ctrl+Z
wait-idle
assert-state gl-errors=0
TXT
annotate -u carl show > "$work/show.jsonl" 2> /dev/null || annotate show > "$work/show.jsonl" || exit 1
python3 - "$work/show.jsonl" << 'PY' || exit 1
import collections, json, sys
rows = [json.loads(line) for line in open(sys.argv[1])]
by = collections.Counter((r["author"], r["shape"]) for r in rows)
print(dict(by))
assert by["anne", "box"] == 1 and by["anne", "polygon"] == 1 and by["anne", "mask"] == 1, "the readers' own labels stay as they were"
assert by["ben", "box"] == 1 and by["ben", "polygon"] == 1
assert by["carl", "box"] == 3 and by["carl", "polygon"] == 2 and by["carl", "mask"] == 1
tools = {r["tool"] for r in rows if r["author"] == "carl"}
assert tools == {"accept", "merge", "undo"}, tools
PY
echo "readers side by side, accepted, merged, and blind until then"
