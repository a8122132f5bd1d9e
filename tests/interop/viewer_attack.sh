#!/bin/bash
# What goes wrong while a case is open: files that are damaged or gone, a store that does not answer, two readers at once, storms of undo, titles that are long and in
# all scripts, hundreds of labels, windows of one pixel, a case that is closed under the hand. The viewer says so, goes on, and loses nothing that was saved.
set -u
. "$LETHE_SOURCE/tests/interop/viewer_display.inc"
"$LETHE_BIN/viewer_phantom" "$work/project" || exit 1
fail() { echo "FAILED: $*"; exit 1; }
released=$work/project/released/P-PHANTOM

# Slabs: through 20 mm the maximum is that of the brightest place, the minimum is not; the key goes through the thicknesses and back.
run slab << 'TXT'
wait-idle
open 1.2.3.1
wait-idle
set show-text off
key ctrl+3
wait-idle
set window-centre 0
set window-width 20000
set active 1
set window-centre 0
set window-width 20000
wait-idle
print view.x
print view.y
print view.w
print view.h
TXT
read -r x y w h < <(sed -n 's/^view\.[xywh]=//p' "$work/slab.out" | tr '\n' ' ')
python3 - "$x" "$y" "$w" "$h" > "$work/slabs.txt" << 'PY'
# The axial plane through the middle of the oblique stack (i 63.5, j 47.5, k 5.5): a slab along z, sampled here from the formula of the phantom.
import math, sys
x, y, w, h = map(float, sys.argv[1:5])
c, s = math.cos(math.radians(20)), math.sin(math.radians(20))
centre = (-32 + 0.5*63.5, -36 + 0.75*47.5*c - 3*5.5*s, 10 + 0.75*47.5*s + 3*5.5*c)
def value(p):
    i = (p[0] + 32)/0.5
    q, r = p[1] + 36, p[2] - 10
    j, k = (q*c + r*s)/0.75, (-q*s + r*c)/3
    if not (0 <= i <= 127 and 0 <= j <= 95 and 0 <= k <= 11): return None
    return (10*i + 3*j + 50*k - 400)*2 - 1000
def slab(mm, pick):
    # a column of patient space at 6 mm to the left of the block, through the middle otherwise
    p = (centre[0] + 12, centre[1], centre[2])
    n = 400
    values = [value((p[0], p[1], p[2] + mm*(t/n - 0.5))) for t in range(n + 1)]
    return pick([v for v in values if v is not None])
def grey(v): return round(min(max((v - (0 - 0.5))/(20000 - 1) + 0.5, 0), 1)*255)
place = "12mm"
print("wait-idle\nopen 1.2.3.1\nwait-idle\nset show-text off\nkey ctrl+3\nwait-idle")
print("set window-centre 0\nset window-width 20000\nset active 1\nset window-centre 0\nset window-width 20000\nset show-text off\nwait-idle")
for mm, kind, pick in ((10, 1, max), (20, 1, max), (20, 2, min), (20, 0, lambda v: sum(v)/len(v))):
    print(f"set slab-mm {mm}\nset slab-kind {kind}\nwait-idle")
    print(f"assert-cut 1 {centre[0] + 12:.4f},{centre[1]:.4f},{centre[2]:.4f} {slab(mm, pick):.2f} 60")
print("key K\nwait-idle\nassert-state slab-mm=40\nkey K\nwait-idle\nassert-state slab-mm=0\nkey K\nassert-state slab-mm=5\nassert-state gl-errors=0")
PY
run slabs < "$work/slabs.txt"

# Escape ends region growing in 3-D before anything is painted; afterwards it works as before.
run escape << 'TXT'
wait-idle
open 1.2.3.1
wait-idle
key Home
key Y
set grow-3d on
set tolerance 100000
hold-growing on
click @0:50,40
assert-state growing=1
key Escape
assert-state growing=0
hold-growing off
wait-idle
assert-state painted-all=0
assert-state undo=
set tolerance 100000
click @0:50,40
wait-idle
assert-state growing=0
assert-state painted-all=147456
key ctrl+Z
assert-state painted-all=0
assert-state gl-errors=0
TXT

# One slice cut off, one of no pixels, one gone, one that is not DICOM: the others are read, the damage is named, and planes say why there are none.
cp -r "$work/project" "$work/broken"
slices=$work/broken/released/P-PHANTOM/1.2.3.1/1.2.3.1.1
truncate -s 900 "$slices/1.2.3.1.1.3.dcm"
head -c 5000 "$slices/1.2.3.1.1.5.dcm" > "$work/part" && cat "$work/part" > "$slices/1.2.3.1.1.5.dcm"
rm "$slices/1.2.3.1.1.7.dcm"
head -c 3000 /dev/zero > "$slices/1.2.3.1.1.9.dcm"
truncate -s 0 "$work/broken/released/P-PHANTOM/1.2.3.2/1.2.3.2.1/1.2.3.2.1.1.dcm"
cat > "$work/damage.txt" << 'TXT'
wait-idle
open 1.2.3.1
wait-idle
assert-state series=1
assert-state view.slices>7
assert-state series-damaged=1
key Home
wait-idle
key PageDown
wait-idle
key Up
wait-idle
key Up
wait-idle
key Up
wait-idle
command mpr
wait-idle
key ctrl+0
wait-idle
label region
key R
drag @0:20,20 @0:60,50
assert-state marks=1
open 1.2.3.2
wait-idle
assert-state series-damaged=1
assert-state views=1
screenshot SHOT
key R
drag 500,300 600,400
key ctrl+3
key C
key Y
click 500,300
open 1.2.3.3
wait-idle
assert-state views=4
assert-state gl-errors=0
TXT
sed -i "s|SHOT|$work/damaged.png|" "$work/damage.txt"
timeout 300 env $keep "$LETHE_BIN/lethe" view -C "$work/broken" --size 1280x800 --script "$work/damage.txt" > "$work/damage.out" 2>&1 || { cat "$work/damage.out"; fail "a damaged series"; }

# Files that are damaged while the case is open.
cat > "$work/later.txt" << 'TXT'
wait-idle
open 1.2.3.1
wait-idle
print view.slice
wait-file GONE
key End
wait-idle
key Home
wait-idle
key ctrl+3
wait-idle
open 1.2.3.3
wait-idle
assert-state views=4
assert-state gl-errors=0
TXT
sed -i "s|GONE|$work/gone|" "$work/later.txt"
cp -r "$work/project" "$work/later"
timeout 300 env $keep "$LETHE_BIN/lethe" view -C "$work/later" --size 1280x800 --script "$work/later.txt" > "$work/later.out" 2>&1 &
viewer=$!
for _ in $(seq 900); do grep -q '^view.slice' "$work/later.out" && break; kill -0 $viewer 2> /dev/null || break; sleep 0.1; done
rm -r "$work/later/released/P-PHANTOM/1.2.3.1"
: > "$work/gone"
wait $viewer || { cat "$work/later.out"; fail "files that go away while they are shown"; }

# The store does not answer: another program holds its lock. The polygon stays on the screen as not saved; when the lock is gone Enter saves it.
cat > "$work/locked.txt" << 'TXT'
wait-idle
open 1.2.3.2
wait-idle
key P
click @0:10,10
click @0:40,10
click @0:40,40
print draft
wait-file LOCKED
key Enter
assert-state unsaved=1
assert-state marks=0
assert-state draft=3
print unsaved
wait-file FREE
key Enter
assert-state unsaved=0
assert-state marks=1
assert-state draft=0
key ctrl+Z
assert-state marks=0
key ctrl+shift+Z
assert-state marks=1
TXT
sed -i "s|LOCKED|$work/locked|; s|FREE|$work/free|" "$work/locked.txt"
timeout 300 env $keep "$LETHE_BIN/lethe" view -C "$work/project" --size 1280x800 --script "$work/locked.txt" > "$work/locked.out" 2>&1 &
viewer=$!
for _ in $(seq 900); do grep -q '^draft=3' "$work/locked.out" && break; kill -0 $viewer 2> /dev/null || break; sleep 0.1; done
python3 - "$work" << 'PY'
import os, sqlite3, sys, time
work = sys.argv[1]
lock = sqlite3.connect(f"{work}/project/released/catalogue.db", isolation_level=None)
lock.execute("BEGIN IMMEDIATE")
open(f"{work}/locked", "w").close()
for _ in range(1200):
    if "unsaved=1" in open(f"{work}/locked.out").read(): break
    time.sleep(0.1)
lock.execute("ROLLBACK")
open(f"{work}/free", "w").close()
PY
wait $viewer || { cat "$work/locked.out"; fail "a store that does not answer"; }
[ "$("$LETHE_BIN/lethe" annotate -C "$work/project" show | wc -l)" -eq 1 ] || fail "the polygon is not in the store"

# A storm: twenty strokes and boxes taken back and done again, twice, then one more than there are; a stroke under the hand when undo comes.
{
    printf 'wait-idle\nopen 1.2.3.5\nwait-idle\n'
    for i in $(seq 10); do printf 'key R\ndrag @0:%d,10 @0:%d,20\nkey B\nset brush-mm 1\ndrag @0:%d,50 @0:%d,60\n' $((i * 3)) $((i * 3 + 2)) $((i * 3)) $((i * 3)); done
    printf 'assert-state marks=10\nassert-state painted>200\nprint painted\n'
    for _ in 1 2; do
        for i in $(seq 22); do echo 'key ctrl+Z'; done
        printf 'assert-state marks=0\nassert-state painted=0\n'
        for i in $(seq 22); do echo 'key ctrl+shift+Z'; done
        printf 'assert-state marks=10\nassert-state painted>200\n'
    done
    printf 'print painted\nkey B\npress @0:30,90\nmove @0:35,90\nkey ctrl+Z\nkey N\nwait-idle\nrelease @0:40,90\nwait-idle\nassert-state gl-errors=0\n'
} > "$work/storm.in"
run storm < "$work/storm.in"
[ "$(grep -c '^painted=' "$work/storm.out")" -eq 2 ] && [ "$(grep '^painted=' "$work/storm.out" | sort -u | wc -l)" -eq 1 ] || { cat "$work/storm.out"; fail "undo and redo do not come back to the same pixels"; }

# Two readers on one case at the same time: both see only that their own work is saved, and both are in the store.
for reader in anna berta; do
    printf 'wait-idle\nopen 1.2.3.7\nwait-idle\n' > "$work/$reader.txt"
    for i in $(seq 12); do printf 'key R\ndrag @0:%d,5 @0:%d,15\n' $((i * 4)) $((i * 4 + 3)) >> "$work/$reader.txt"; done
    printf 'assert-state unsaved=0\nassert-state gl-errors=0\n' >> "$work/$reader.txt"
    "$LETHE_BIN/lethe" annotate -C "$work/project" user add $reader > /dev/null || fail "no reader $reader"
    timeout 300 env $keep "$LETHE_BIN/lethe" view -C "$work/project" --size 800x600 -u $reader --script "$work/$reader.txt" > "$work/$reader.out" 2>&1 &
    eval "pid_$reader=$!"
done
wait "$pid_anna" || { cat "$work/anna.out"; fail "the first of two readers"; }
wait "$pid_berta" || { cat "$work/berta.out"; fail "the second of two readers"; }
for reader in anna berta; do
    n=$("$LETHE_BIN/lethe" annotate -C "$work/project" show | grep -c "\"author\": *\"$reader\"")
    [ "$n" -eq 12 ] || fail "$n of 12 annotations of $reader are in the store"
done

# Windows down to one pixel, in every layout, and back.
run sizes << 'TXT'
wait-idle
open 1.2.3.1
wait-idle
size 1 1
wait-idle
key ctrl+3
wait-idle
size 2 700
wait-idle
key F1
wait-idle
key Escape
size 700 3
wait-idle
key ctrl+4
key R
wait-idle
size 320 240
wait-idle
key ctrl+T
key E
wait-idle
open 1.2.3.3
size 40 40
wait-idle
key ctrl+6
wait-idle
size 1280 800
wait-idle
key ctrl+6
wait-idle
assert-state views=4
assert-state gl-errors=0
TXT

# 255 labels with titles of hundreds of characters in many scripts, signs of markup and of formats among them.
python3 - > "$work/schema.yaml" << 'PY'
print("schema: crowd\nversion: 1\ntitle: '%s%n## Étiquettes 标签 وسوم תוויות'\nlabels:")
scripts = ["Läsion ", "病变区域", "آفة ", "นิ่ว", "%s%d%n##x", "\U0001F9E0"]
for n in range(250):
    print(f"  - name: l{n}\n    title: '{(scripts[n % 6] * 40)[:180]} {n}'\n    level: region\n    geometries: [box, polygon, mask]\n    colour: '#{n * 65793 % 16777216:06x}'")
PY
if "$LETHE_BIN/lethe" annotate -C "$work/project" schema install "$work/schema.yaml" > "$work/schema.out" 2>&1; then
    run crowd --font-size 24 << 'TXT'
wait-idle
open 1.2.3.8
wait-idle
label l249
key R
drag @0:10,10 @0:20,20
label l7
drag @0:30,10 @0:40,20
key B
drag @0:30,30 @0:40,30
assert-state marks=2
key F4
wait-idle
wheel 1200,500 -30
wait-idle
key F1
wait-idle
key Escape
assert-state gl-errors=0
TXT
else
    cat "$work/schema.out"
    fail "the schema of 250 labels"
fi
echo "nothing that goes wrong takes the viewer down or loses what was saved"
