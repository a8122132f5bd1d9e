#!/bin/bash
# A whole-slide image as DICOM: volume instances of two levels, one of them in two parts of a concatenation, label, overview and thumbnail, with a specimen
# module full of identifiers. Label and overview never come out; the rest does, frame for frame, as one slide of one series.
set -u
: "${LETHE_BIN:?}" "${LETHE_SOURCE:?}"
/usr/bin/python3 -c "import pydicom" 2> /dev/null || { echo "skipped: python3-pydicom is not installed"; exit 77; }
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
fail() { echo "FAIL: $*"; exit 1; }
head -c 32 /dev/urandom > "$work/key" && chmod 600 "$work/key"
/usr/bin/python3 "$LETHE_SOURCE/tests/cases/slides_dicom.py" make "$work/in" "$work/answers.jsonl" || fail "generator"
"$LETHE_BIN/lethe" deid "$work/in" -o "$work/out" --key "$work/key" --manifest "$work/manifest.jsonl" --quiet
code=$?
[ $code -eq 0 ] || { grep -v '"released"' "$work/manifest.jsonl" | head -3 | cut -c1-300; fail "deid ended with $code"; }
python3 "$LETHE_SOURCE/tests/cases/slides_scan.py" "$work/answers.jsonl" "$work/out" || fail "a planted value was found"
/usr/bin/python3 "$LETHE_SOURCE/tests/cases/slides_dicom.py" check "$work/in" "$work/out" "$work/manifest.jsonl" || exit 1
"$LETHE_BIN/lethe" deid verify "$work/out" > /dev/null || fail "verify ended with $?"
# The sheet shows the instances as one slide with its levels.
"$LETHE_BIN/lethe" deid sheet "$work/out" -o "$work/sheet.html" > /dev/null || fail "the sheet ended with $?"
[ "$(grep -c 'class="card' "$work/sheet.html")" = 1 ] || fail "$(grep -c 'class="card' "$work/sheet.html") cards for one slide"
grep -q 'dicom, 128 x 128, 2 levels' "$work/sheet.html" || fail "the sheet does not show both levels"
if command -v dciodvfy > /dev/null; then
    while IFS=$'\t' read -r source output; do
        errors() { dciodvfy "$1" 2>&1 | grep '^Error' | sort -u; }
        new=$(comm -13 <(errors "$work/in/$source") <(errors "$work/out/$output"))
        [ -z "$new" ] || fail "$source: dciodvfy finds what the input did not have: $new"
    done < <(python3 -c '
import json, sys
for line in open(sys.argv[1]):
    row = json.loads(line)
    if row["outcome"] == "released": print(row["source"], row["output"], sep="\t")' "$work/manifest.jsonl")
fi
echo "ok"
