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

# The same without a list: the reviewer sees the slide with a grid of its pixels, draws, looks again, and approves. Nothing is released before.
"$LETHE_BIN/lethe" ingest add -C "$work/p" "$work/ink/marked/sticker.svs" > /dev/null || fail "ingest add of a slide with a sticker"
"$LETHE_BIN/lethe" deid -C "$work/p" --quiet
[ $? -eq 4 ] || fail "a sticker did not wait for a person"
review() { "$LETHE_BIN/lethe" review -C "$work/p" "$@"; }
output_of() {
    python3 -c 'import json, sys
print([row["output"] for row in map(json.loads, open(sys.argv[1])) if row["source"].endswith(sys.argv[2])][-1])' "$work/p/private/manifest.jsonl" sticker.svs
}
id=$(review list --json | python3 -c 'import json, sys; print(json.loads(sys.stdin.readline())["id"])')
review show "$id" --picture "$work/slide.png" > "$work/show" || fail "the picture of a waiting slide"
[ "$(stat -c %a "$work/slide.png")" = 600 ] || fail "the picture of a waiting slide can be read by others"
PYTHONPATH=$LETHE_SOURCE/tests/cases python3 -c 'import slides_flat, sys
sys.exit(sum(p == (255, 120, 0) for row in slides_flat.pixels(sys.argv[1]) for p in row) < 40)' "$work/slide.png" || fail "the picture of a waiting slide shows no box"
box=$(sed -n 's/^sticker.svs,"\(.*\)"$/\1/p' "$work/ink/regions.csv")
before=$(find "$work/p/released" -type f | wc -l)
review mask "$id" "$box" > "$work/masked" || fail "review mask: $(cat "$work/masked")"
[ "$(find "$work/p/released" -type f | wc -l)" = "$before" ] || fail "a slide was released by drawing a mask"
review show "$id" > "$work/show" && grep -q 'approve to release' "$work/show" || fail "a mask over all that was found: $(cat "$work/show")"
review move "$id" 1,1,5,5 9,9,5,5 > /dev/null 2>&1 && fail "a box of a slide was moved"
review mask "$id" 0,0,8,8 --to device > /dev/null 2>&1 && fail "a mask of a slide was made a rule of a device"
review approve "$id" > "$work/approved" || fail "approve after mask: $(cat "$work/approved")"
output=$(output_of)
[ -f "$work/p/released/$output" ] || fail "the slide with a drawn mask is not there"
python3 "$LETHE_SOURCE/tests/cases/slides_tiles.py" "$work/ink/marked/sticker.svs" "$work/p/released/$output" "$box" > "$work/tiles" ||
    fail "the drawn mask was not applied: $(cat "$work/tiles")"
# A released slide is masked further: it is made again in its place; undone, it is as before.
first=$(sha256sum < "$work/p/released/$output")
review mask "$id" 0,0,16,16 > "$work/again" || fail "a mask on a released slide: $(cat "$work/again")"
[ "$(output_of)" = "$output" ] || fail "the slide that was made again has another name"
[ "$(sha256sum < "$work/p/released/$output")" != "$first" ] || fail "the slide was not made again"
"$LETHE_BIN/lethe" deid verify "$work/p/released/$output" > /dev/null || fail "verify of a slide that was made again"
decision=$(review show "$id" | sed -n 's/^\([0-9]*\)  .* mask .*0,0,16,16.*/\1/p')
review undo "$id" "$decision" > /dev/null || fail "undo"
[ "$(sha256sum < "$work/p/released/$output")" = "$first" ] || fail "undo did not bring the slide back"
# An MRXS slide that is made again or withdrawn takes its folder along.
mrxs_id=$(review list --released --json > /dev/null; python3 - "$work/p" <<'PY'
import glob, sqlite3, sys
for store in glob.glob(sys.argv[1] + "/private/*.db"):
    try:
        for row in sqlite3.connect(store).execute("SELECT id FROM item WHERE output LIKE '%.mrxs'"):
            print(row[0])
    except sqlite3.Error:
        pass
PY
)
review mask "$mrxs_id" 0,0,40,40 > "$work/again" || fail "a mask on a released MRXS slide: $(cat "$work/again")"
[ -f "$mrxs" ] && [ -f "${mrxs%.mrxs}/Slidedat.ini" ] || fail "the MRXS slide that was made again is not whole"
"$LETHE_BIN/lethe" deid verify "$work/p/released" > /dev/null || fail "verify of the project"

echo "ok: 9 slides, three with masks"
