#!/bin/bash
# What a project forbids is forbidden: pictures of the screen and the clipboard; the list of recent cases is private and names released cases only.
set -u
. "$LETHE_SOURCE/tests/interop/viewer_display.inc"
"$LETHE_BIN/viewer_phantom" "$work/project" || exit 1
fail() { echo "FAILED: $1"; exit 1; }

# Allowed: a word is copied from a field to the desktop, another one comes back.
run allowed << TXT
wait-idle
assert-state recent=0
set case-tab 2
click 120,106
type PHAN
key ctrl+A
key ctrl+C
wait-idle
assert-state filter=PHAN
assert-state clipboard=PHAN
clipboard TOM
key ctrl+V
wait-idle
assert-state filter=TOM
screenshot $work/allowed.png
TXT
[ -s "$work/allowed.png" ] || fail "no picture where it is allowed"

cp "$work/project/project.yaml" "$work/plain.yaml"
echo 'viewer: {screenshots: false, clipboard: false}' >> "$work/project/project.yaml"
run forbidden << 'TXT'
wait-idle
clipboard TOM
click 120,106
type PHAN
key ctrl+A
key ctrl+C
wait-idle
assert-state filter=PHAN
assert-state clipboard=TOM
key ctrl+V
wait-idle
assert-state filter=PHAN
open 1.2.3.2
wait-idle
TXT
printf 'wait-idle\nscreenshot %s\n' "$work/step.png" > "$work/step.txt"
view --script "$work/step.txt" 2> "$work/step.err" && fail "a script saved a picture"
grep -q 'does not allow pictures' "$work/step.err" || fail "the refusal is not explained"
view --screenshot "$work/option.png" 2> /dev/null && fail "--screenshot saved a picture"
echo wait-idle > "$work/end.txt"
view --script "$work/end.txt" --screenshot "$work/option.png" 2> /dev/null && fail "--screenshot saved a picture after a script"
[ ! -e "$work/step.png" ] && [ ! -e "$work/option.png" ] || fail "a picture was left behind"

# A misspelt policy opens nothing.
(cat "$work/plain.yaml"; echo 'viewer: {screenshot: false}') > "$work/project/project.yaml"
view --script "$work/end.txt" 2> "$work/misspelt.err"; [ $? -eq 2 ] || fail "a misspelt policy is no error"
grep -q 'screenshots' "$work/misspelt.err" || fail "the misspelt word is not named"
cp "$work/plain.yaml" "$work/project/project.yaml"

# Pictures of originals stay on the private side.
printf 'wait-idle\nscreenshot %s\n' "$work/original.png" > "$work/original.txt"
view --review --script "$work/original.txt" 2> "$work/original.err" && fail "a picture of the private side was saved elsewhere"
grep -q 'below private/' "$work/original.err" || fail "the refusal of the private side is not explained: $(cat "$work/original.err")"
[ ! -e "$work/original.png" ] || fail "a picture of the private side was left behind"

# Cases come back in the order in which they were opened, for this user, readable by nobody else.
run recent << 'TXT'
wait-idle
assert-state recent=1
assert-state recent.0=1.2.3.2
open 1.2.3.1
wait-idle
open 1.2.3.3
wait-idle
open 1.2.3.1
wait-idle
assert-state recent=3
assert-state recent.0=1.2.3.1
assert-state recent-saved=1
TXT
"$LETHE_BIN/lethe" annotate -C "$work/project" user add ada > /dev/null || fail "no user"
run other --user ada << 'TXT'
wait-idle
assert-state recent=0
TXT
[ "$(find "$work/state" -type f | wc -l)" -eq 1 ] || fail "one list was expected"
[ "$(cat "$(find "$work/state" -type f)")" = $'1.2.3.1\n1.2.3.3\n1.2.3.2' ] || fail "the list holds something else"
[ "$(stat -c %a "$(find "$work/state" -type f)")" = 600 ] && [ "$(stat -c %a "$work/state/lethe")" = 700 ] || fail "others can read the list"
# Nowhere to write: reading goes on.
rm -rf "$work/state"; touch "$work/state"
run nowhere << 'TXT'
wait-idle
open 1.2.3.1
wait-idle
assert-state view.slices=12
assert-state recent-saved=0
assert-state gl-errors=0
TXT
echo "what is forbidden stays undone, recent cases stay private"
