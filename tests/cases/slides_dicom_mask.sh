#!/bin/bash
# Ink on a DICOM slide: every instance of it waits; with a mask of the list, given for the container, exactly that part goes on all levels, in both parts of a
# concatenation, in the thumbnail, and in sparse tilings. A mask is not placed when the largest level is not there; a label in the image never comes out.
set -u
: "${LETHE_BIN:?}" "${LETHE_SOURCE:?}"
/usr/bin/python3 -c "import pydicom" 2> /dev/null || { echo "skipped: python3-pydicom is not installed"; exit 77; }
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
fail() { echo "FAIL: $*"; exit 1; }
head -c 32 /dev/urandom > "$work/key" && chmod 600 "$work/key"
deid() { "$LETHE_BIN/lethe" deid "$@" --key "$work/key" --quiet; }
tool() { PYTHONPATH=$LETHE_SOURCE/tests/cases /usr/bin/python3 "$LETHE_SOURCE/tests/cases/slides_dicom_mask.py" "$@"; }
mask=290,410,280,60
printf 'barcode,mask\nSLIDE-S23-88123-A1,"%s"\n' "$mask" > "$work/mask.csv"
for kind in full sparse; do
    tool make "$work/$kind" "$kind" || fail "generator"
    deid "$work/$kind" -o "$work/$kind-first" --manifest "$work/$kind-first.jsonl"
    [ $? -eq 4 ] || fail "$kind: ink on the glass did not wait: $(cut -c1-300 "$work/$kind-first.jsonl")"
    [ -z "$(find "$work/$kind-first" -name '*.dcm')" ] || fail "$kind: an instance of a slide with ink came out"
    grep -q 'ink or writing' "$work/$kind-first.jsonl" || fail "$kind: nobody is told why"
    deid "$work/$kind" -o "$work/$kind-out" --slides "$work/mask.csv" --manifest "$work/$kind.jsonl" ||
        fail "$kind: with a mask deid ended with $?: $(cut -c1-300 "$work/$kind.jsonl")"
    tool check "$work/$kind" "$work/$kind-out" "$work/$kind.jsonl" "$mask" || exit 1
    "$LETHE_BIN/lethe" deid verify "$work/$kind-out" > /dev/null || fail "$kind: verify"
done
# "none": a person has looked.
printf 'barcode,mask\nSLIDE-S23-88123-A1,none\n' > "$work/none.csv"
deid "$work/full" -o "$work/none" --slides "$work/none.csv" || fail "a slide that a person has looked at: $?"
# A smaller level by itself: nobody knows what the mask's pixels are.
mkdir "$work/part" && cp "$work/full/v1.dcm" "$work/part/"
deid "$work/part" -o "$work/part-out" --slides "$work/mask.csv"
[ $? -eq 3 ] || fail "a mask was placed without the level that it was drawn on"
# The label in the image itself.
/usr/bin/python3 - "$work/part/v1.dcm" <<'PY'
import pydicom, sys
d = pydicom.dcmread(sys.argv[1])
d.SpecimenLabelInImage = "YES"
d.save_as(sys.argv[1], write_like_original=False)
PY
deid "$work/part" -o "$work/label-out" --slides "$work/none.csv"
[ $? -eq 3 ] || fail "an image that shows the slide's label came out"
echo "ok"
