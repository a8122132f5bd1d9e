#!/bin/bash
# Files that are cut off while they are mapped, a disk that is full, a window that goes from monitor to monitor, a viewer that is killed at any instant of drawing: it says so, goes on, and
# what was drawn is there.
set -u
. "$LETHE_SOURCE/tests/interop/viewer_display.inc"
export PATH=/usr/bin:$PATH # the system's python has the system's modules
python3 -c 'import PIL' 2> /dev/null || { echo "skipped: python3-pil is not installed"; exit 77; }
python3 "$LETHE_SOURCE/tests/support/viewer_slide.py" "$work/slide.tif" 8000 6000 4 || exit 1
"$LETHE_BIN/viewer_phantom" "$work/project" "$work/slide.tif" || exit 1
fail() { echo "FAILED: $*"; exit 1; }
released=$work/project/released/P-PHANTOM
# say_and_wait OUT TEXT PID: until TEXT stands in OUT
say_and_wait() { for _ in $(seq 1200); do grep -q "$2" "$1" 2> /dev/null && return 0; kill -0 "$3" 2> /dev/null || return 1; sleep 0.1; done; return 1; }

# --- a store that takes nothing: a stroke on a slide stays, Enter saves it when the store answers again ---
# (as a lock held by another program for longer than anybody waits: half a minute, in which the rest of this goes on)
cp -r "$work/project" "$work/held"
cat > "$work/held.txt" << TXT
wait-idle
open P-PHANTOM/slides/slide.tif
wait-idle
key B
set brush-mm 0.1
print tool
wait-file $work/locked
drag @0:4000,3000 @0:4000,3000
assert-state unsaved=1
assert-state undo=
print unsaved
wait-file $work/free
key Enter
assert-state unsaved=0
assert-state masks=1
assert-state undo=Brush: Region
assert-state gl-errors=0
TXT
held() {
    timeout 300 env $keep "$LETHE_BIN/lethe" view -C "$work/held" --size 1280x800 --script "$work/held.txt" > "$work/held.out" 2>&1 &
    local viewer=$!
    say_and_wait "$work/held.out" '^tool=' $viewer || return 1
    python3 - "$work" << 'PY'
import sqlite3, sys, time
work = sys.argv[1]
lock = sqlite3.connect(f"{work}/held/released/catalogue.db", isolation_level=None)
lock.execute("BEGIN IMMEDIATE")
open(f"{work}/locked", "w").close()
for _ in range(1200):
    if "unsaved=1" in open(f"{work}/held.out").read(): break
    time.sleep(0.1)
lock.execute("ROLLBACK")
open(f"{work}/free", "w").close()
PY
    wait $viewer
}
held &
holding=$!

# --- a slide and a cine are cut off while they are open: no tile is believed any more, the labels stay, other cases open ---
cp -r "$work/project" "$work/cut"
cat > "$work/cut.txt" << TXT
wait-idle
open P-PHANTOM/slides/slide.tif
wait-idle
key R
drag @0:1000,1000 @0:3000,3000
assert-state marks=1
print marks
wait-file $work/cut.done
command one-to-one
set look 7000,5500
wait-idle
assert-state cut-off=1
screenshot $work/cut.png
key R
drag 600,300 700,400
assert-state marks=2
open 1.2.3.1
wait-idle
assert-state view.slices=12
print view.slice
wait-file $work/cut.again
# the frames of this series are decoded already; another series is cut off on the disk before it is opened: said, not crashed
open 1.2.3.6
wait-idle
open P-PHANTOM/slides/slide.tif
wait-idle
open 1.2.3.3
wait-idle
assert-state views=4
assert-state gl-errors=0
TXT
timeout 300 env $keep "$LETHE_BIN/lethe" view -C "$work/cut" --size 1280x800 --script "$work/cut.txt" > "$work/cut.out" 2>&1 &
viewer=$!
say_and_wait "$work/cut.out" '^marks=1' $viewer || { cat "$work/cut.out"; fail "the slide does not open"; }
truncate -s 20000 "$work/cut/released/P-PHANTOM/slides/slide.tif"
: > "$work/cut.done"
say_and_wait "$work/cut.out" '^view.slice=' $viewer || { cat "$work/cut.out"; fail "a slide that is cut off takes the viewer down"; }
find "$work/cut/released" -path '*1.2.3.6*' -name '*.dcm' -exec truncate -s 3000 {} +
: > "$work/cut.again"
wait $viewer || { cat "$work/cut.out"; fail "a cine that is cut off"; }
[ "$("$LETHE_BIN/lethe" annotate -C "$work/cut" show | grep -c '"box"')" -eq 2 ] || fail "the boxes on the slide that was cut off are not in the store"

# --- the disk is full: a stroke and a box stay on the screen as not saved, and are written once there is room ---
if [ "$(id -u)" -eq 0 ] && mkdir "$work/small" && mount -t tmpfs -o size=24m tmpfs "$work/small" 2> /dev/null; then
    trap 'umount "$work/small" 2> /dev/null; cleanup' EXIT
    cp -r "$work/project" "$work/small/project"
    cat > "$work/full.txt" << TXT
wait-idle
open 1.2.3.1
wait-idle
key B
set brush-mm 10
print view.slice
wait-file $work/full
drag @0:90.5,70.5 @0:90.5,70.5
assert-state unsaved=1
drag @0:30.5,70.5 @0:30.5,70.5
assert-state unsaved=1
key Enter
assert-state unsaved=1
# nothing leaves it behind: another case, submit and closing the window keep it
key N
wait-idle
assert-state case=1.2.3.1
close window
assert-state case=1.2.3.1
screenshot $work/full.png
print unsaved
wait-file $work/room
key Enter
assert-state unsaved=0
assert-state masks=1
assert-state painted~418~28
# the next one is refused again and taken back by hand: what was saved stays
print masks
wait-file $work/full.again
set brush-mm 20
drag @0:60.5,40.5 @0:90.5,40.5
assert-state unsaved=1
key ctrl+Z
assert-state unsaved=0
assert-state painted~418~28
key R
drag @0:10,10 @0:20,20
assert-state unsaved=1
assert-state marks=0
key P
assert-state tool=box
print tool
wait-file $work/room.again
key P
assert-state tool=polygon
assert-state marks=1
assert-state unsaved=0
open 1.2.3.2
wait-idle
assert-state gl-errors=0
TXT
    timeout 300 env $keep "$LETHE_BIN/lethe" view -C "$work/small/project" --size 1280x800 --script "$work/full.txt" > "$work/full.out" 2>&1 &
    viewer=$!
    fill() { cat /dev/zero > "$work/small/ballast" 2> /dev/null; }
    say_and_wait "$work/full.out" '^view.slice=' $viewer && fill && : > "$work/never"
    fill; : > "$work/full"
    say_and_wait "$work/full.out" '^unsaved=1' $viewer || { cat "$work/full.out"; fail "a full disk"; }
    rm "$work/small/ballast"; : > "$work/room"
    say_and_wait "$work/full.out" '^masks=1' $viewer || { cat "$work/full.out"; fail "room again"; }
    fill; : > "$work/full.again"
    say_and_wait "$work/full.out" '^tool=box' $viewer || { cat "$work/full.out"; fail "a full disk, again"; }
    rm "$work/small/ballast"; : > "$work/room.again"
    wait $viewer || { cat "$work/full.out"; fail "after a full disk"; }
    n=$("$LETHE_BIN/lethe" annotate -C "$work/small/project" show | grep -cE '"(mask|box)"')
    [ "$n" -eq 2 ] || fail "$n of 2 annotations are in the store after a full disk"
    umount "$work/small"
else
    echo "the part with a full disk needs root and tmpfs: passed over"
fi

# --- from monitor to monitor, tiny, huge, back: letters are made again, the images fill their places ---
run monitors << 'TXT'
wait-idle
open 1.2.3.3
wait-idle
assert-state pixel-scale=1
scale 2
wait-idle
assert-state pixel-scale=2
assert-state view0.w>50
key Tab
size 900 500
wait-idle
scale 1.25
wait-idle
size 1 1
wait-idle
scale 4
wait-idle
size 2400 1700
wait-idle
scale 0.5
wait-idle
scale 1
size 1280 800
wait-idle
assert-state pixel-scale=1
assert-state views=4
key R
drag @0:20,20 @0:60,60
assert-state marks=1
assert-state selected.x0~20~0.5
assert-state gl-errors=0
TXT

# --- killed at twenty random instants of drawing: every stroke that was said to be saved is there after the start, and nothing is half there ---
{
    printf 'wait-idle\nopen 1.2.3.1\nwait-idle\nkey Home\n'
    for i in $(seq 400); do
        printf 'key R\ndrag @0:%d,%d @0:%d,%d\nprint revisions\n' $((i % 100 + 2)) $((i % 70 + 2)) $((i % 100 + 12)) $((i % 70 + 12))
        printf 'key B\nset brush-mm 2\ndrag @0:%d,%d @0:%d,%d\nprint revisions\n' $((i % 110 + 2)) $((i % 80 + 2)) $((i % 110 + 9)) $((i % 80 + 9))
    done
} > "$work/draw.txt"
saved() { "$LETHE_BIN/lethe" annotate -C "$work/project" show --history --study 1.2.3.1 > "$work/history.jsonl" || fail "the store cannot be read after a kill"; wc -l < "$work/history.jsonl"; }
RANDOM=7
rounds=0
after=$(saved)
for round in $(seq 20); do
    before=$after
    timeout 300 env $keep "$LETHE_BIN/lethe-view" -C "$work/project" --size 640x480 --script "$work/draw.txt" > "$work/draw.out" 2>&1 &
    victim=$!
    wanted=$((RANDOM % 12 + 1)) # that many strokes, then some instant of the next ones
    for _ in $(seq 2400); do
        [ "$(grep -c '^revisions=' "$work/draw.out")" -ge $wanted ] && break
        kill -0 $victim 2> /dev/null || break
        sleep 0.05
    done
    sleep 0.0$((RANDOM % 90 + 10))
    # the program itself, below timeout
    for pid in $(pgrep -P $victim) $victim; do kill -9 "$pid" 2> /dev/null; done
    wait $victim 2> /dev/null
    said=$(sed -n 's/^revisions=//p' "$work/draw.out" | tail -1)
    after=$(saved)
    [ "$(grep -c '^revisions=' "$work/draw.out")" -ge "$wanted" ] && rounds=$((rounds + 1))
    [ $((after - before)) -ge "${said:-0}" ] || fail "kill $round: $said revisions were said to be saved, the store has $((after - before)) more"
done
[ $rounds -eq 20 ] || { tail -2 "$work/draw.out"; fail "only $rounds of 20 rounds drew anything"; }
run after-kills << 'TXT'
wait-idle
open 1.2.3.1
wait-idle
key Home
assert-state marks>10
assert-state painted>20
assert-state gl-errors=0
TXT
wait $holding || { cat "$work/held.out"; fail "a stroke on a slide while the store is held"; }
echo "cut off, full, held, rescaled and killed: nothing that was drawn is lost"
