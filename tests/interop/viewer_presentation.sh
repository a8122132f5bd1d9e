#!/bin/bash
# Presentation states written by pydicom, shown as PS3.3 says: greys within one level, areas and turns within one pixel.
set -u
/usr/bin/python3 -c 'import pydicom, numpy' 2> /dev/null || { echo "skipped: python3-pydicom or python3-numpy is not installed"; exit 77; }
. "$LETHE_SOURCE/tests/interop/viewer_display.inc"
mkdir "$work/in"
/usr/bin/python3 "$LETHE_SOURCE/tests/support/viewer_states.py" make "$work/in" || exit 1
files=()
for file in "$work"/in/*.dcm; do files+=("dicom:$file"); done
"$LETHE_BIN/viewer_phantom" "$work/project" "${files[@]}" || exit 1
run place << 'TXT'
wait-idle
open 1.2.4.1
wait-idle
print view.x
print view.y
print view.w
print view.h
TXT
read -r -a place < <(sed -n 's/^view\.[xywh]=//p' "$work/place.out" | tr '\n' ' ')
[ ${#place[@]} -eq 4 ] || { echo "FAILED: the place of the view is not told"; exit 1; }
/usr/bin/python3 "$LETHE_SOURCE/tests/support/viewer_states.py" script "${place[@]}" > "$work/states.txt" || exit 1
run states < "$work/states.txt"

# Ultrasound: each region has a scale of its own; what crosses them, or lies in seconds, has no millimetres, also when it is moved there.
run regions << 'TXT'
wait-idle
open 1.2.4.2
wait-idle
key M
drag @0:5,10 @0:15,10
assert-state selected.measured~2~0.05
drag @0:40,5 @0:40,15
assert-state selected.measured~10~0.2
drag @0:40,20 @0:50,20
assert-state selected.measured~5~0.1
drag @0:20,25 @0:44,25
assert-state selected.measured=0
drag @0:40,35 @0:50,35
assert-state selected.measured=0
key V
click @0:10,10
drag @0:10,10 @0:30,10
assert-state selected.measured=0
assert-state gl-errors=0
TXT

# States that are cut off or not theirs are not offered; the images stay what they are.
for n in 1 2 3; do
    file=$(find "$work/project/released" -name "1.2.4.9.$n.dcm")
    head -c $((n * 200 + 300)) "$file" > "$work/cut" && cat "$work/cut" > "$file"
done
find "$work/project/released" -name 1.2.4.9.4.dcm -delete
run cut << 'TXT'
wait-idle
open 1.2.4.1
wait-idle
assert-state states<6
assert-state series=2
assert-state view.slices=1
key ctrl+G
wait-idle
assert-state gl-errors=0
TXT
echo "presentation states are shown as the standard says"
