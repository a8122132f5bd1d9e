#!/bin/bash
# Slides through a project: files and MRXS pairs come in as one unit each, once; masks that a reviewer draws are applied.
set -u
: "${LETHE_BIN:?}" "${LETHE_SOURCE:?}"
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
fail() { echo "FAIL: $*"; exit 1; }
"$LETHE_BIN/lethe-testdata" slides --size small -o "$work/in" --key "$work/answers.jsonl" > /dev/null || fail "generator"
"$LETHE_BIN/lethe" init "$work/p" > /dev/null || fail "init"
count() { "$LETHE_BIN/lethe" status -C "$work/p" --json | python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }

"$LETHE_BIN/lethe" ingest add -C "$work/p" "$work/in/slides" > /dev/null || fail "ingest add ended with $?"
[ "$(count queued)" = 9 ] || fail "$(count queued) items came in, not nine: the files of an MRXS slide are one"
"$LETHE_BIN/lethe" ingest add -C "$work/p" "$work/in/slides" > /dev/null || fail "the second ingest add ended with $?"
[ "$(count queued)" = 9 ] || fail "the same slides came in twice"
"$LETHE_BIN/lethe" deid -C "$work/p" --quiet || fail "deid ended with $?"
[ "$(count released)" = 9 ] || fail "$(count released) of nine slides were released"
mrxs=$(find "$work/p/released" -name '*.mrxs')
[ -f "$mrxs" ] && [ -f "${mrxs%.mrxs}/Slidedat.ini" ] || fail "the MRXS slide is not whole"
if command -v openslide-show-properties > /dev/null; then
    openslide-show-properties "$mrxs" 2> /dev/null | grep -q "openslide.vendor: 'mirax'" || fail "OpenSlide cannot open the released MRXS slide"
fi
python3 "$LETHE_SOURCE/tests/cases/slides_scan.py" "$work/answers.jsonl" "$work/p/released" > /dev/null || fail "a planted value was found"

# Ink waits for a person, who draws a mask; the slide comes out with it.
"$LETHE_BIN/lethe-testdata" slides-marked -o "$work/ink" --key "$work/ink.jsonl" > /dev/null || fail "generator"
"$LETHE_BIN/lethe" ingest add -C "$work/p" "$work/ink/marked/pen_blue.svs" > /dev/null || fail "ingest add of a slide with ink"
"$LETHE_BIN/lethe" deid -C "$work/p" --quiet
[ $? -eq 4 ] || fail "ink did not wait for a person"
id=$("$LETHE_BIN/lethe" review -C "$work/p" list --json | python3 -c 'import json, sys; print(json.loads(sys.stdin.readline())["id"])')
"$LETHE_BIN/lethe" review -C "$work/p" show "$id" > "$work/show" || fail "review show"
grep -q 'ink or writing' "$work/show" || fail "the reviewer is not told what was found"
box=$(sed -n 's/^pen_blue.svs,"\(.*\)"$/\1/p' "$work/ink/regions.csv")
"$LETHE_BIN/lethe" review -C "$work/p" approve "$id" --slides "$work/ink/regions.csv" > "$work/approved" || fail "review approve: $(cat "$work/approved")"
output=$(python3 -c 'import json, sys
print([row["output"] for row in map(json.loads, open(sys.argv[1])) if row["source"].endswith("pen_blue.svs")][-1])' "$work/p/private/manifest.jsonl")
[ -f "$work/p/released/$output" ] || fail "the approved slide is not there"
python3 "$LETHE_SOURCE/tests/cases/slides_tiles.py" "$work/ink/marked/pen_blue.svs" "$work/p/released/$output" "$box" > /dev/null || fail "the mask was not applied as drawn"

echo "ok: 9 slides and one with a mask"
