#!/bin/bash
# Slides of nine formats through `lethe deid`: all released, nothing planted is found in any byte, tiles and geometry survive; hostile ones are
# quarantined or come out clean; a second run gives the same bytes.
set -u
: "${LETHE_BIN:?}" "${LETHE_SOURCE:?}"
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
fail() { echo "FAIL: $*"; exit 1; }
head -c 32 /dev/urandom > "$work/key" && chmod 600 "$work/key"

"$LETHE_BIN/lethe-testdata" slides --size small -o "$work/in" --key "$work/answers.jsonl" > /dev/null || fail "generator"
"$LETHE_BIN/lethe" deid "$work/in" -o "$work/out" --key "$work/key" --manifest "$work/manifest.jsonl" --quiet || fail "deid ended with $?"
python3 - "$work/manifest.jsonl" <<'PY' || exit 1
import json, sys
rows = [json.loads(line) for line in open(sys.argv[1])]
bad = [(row["source"], row["reason"]) for row in rows if row["outcome"] != "released"]
if len(rows) != 9 or bad:
    sys.exit(f"FAIL: {len(rows)} slides, not released: {bad}")
PY
python3 "$LETHE_SOURCE/tests/cases/slides_scan.py" "$work/answers.jsonl" "$work/out" || fail "a planted value was found"

# Names say nothing; no temporary file stays behind.
[ -z "$(find "$work/out" -name '*.tmp' -o -name '.lethe-*')" ] || fail "leftovers"
find "$work/out" -name 'S[0-9][0-9]-*' | grep -q . && fail "an accession number is in a name"

# The same again: the same bytes.
"$LETHE_BIN/lethe" deid "$work/in" -o "$work/again" --key "$work/key" --manifest "$work/again.jsonl" --quiet || fail "second run"
diff -r "$work/out" "$work/again" > /dev/null || fail "a second run gave other bytes"

# tiffinfo reads each TIFF without a complaint; MPP stays what it was beside the tricky `Slide = 2`.
if command -v tiffinfo > /dev/null; then
    for file in $(find "$work/out" -name '*.svs' -o -name '*.tiff' -o -name '*.scn' -o -name '*.bif'); do
        tiffinfo "$file" > "$work/info" 2> "$work/errors" || fail "tiffinfo cannot read $(basename "$file")"
        grep -i error "$work/errors" && fail "tiffinfo complains"
        case $file in *.svs) grep -q 'MPP = 0.2525' "$work/info" || fail "MPP changed"; grep -q 'Slide =' "$work/info" && fail "the key Slide stayed" ;; esac
    done
fi

# A clean tree passes; one byte behind the end, a dirty original, or a changed key does not.
svs=$(find "$work/out" -name '*.svs' | head -1)
"$LETHE_BIN/lethe" deid verify "$work/out" > /dev/null || fail "verify of a clean tree ended with $?"
mkdir -p "$work/spoilt/P-1/slides"
spoilt=$work/spoilt/P-1/slides/S-1.svs
cp "$svs" "$spoilt" && printf 'x' >> "$spoilt"
"$LETHE_BIN/lethe" deid verify "$work/spoilt" > /dev/null 2>&1 && fail "a byte behind the end was not seen"
sed 's/MPP = 0.2525/MPP = Dupont/' "$svs" > "$spoilt"
"$LETHE_BIN/lethe" deid verify "$work/spoilt" > /dev/null 2>&1 && fail "a name in the place of a number was not seen"
rm -rf "$work/spoilt/P-1/slides" && cp -r "$work/in/slides" "$work/spoilt/P-1/slides"
bad=$("$LETHE_BIN/lethe" deid verify "$work/spoilt" 2>&1 | grep -cE 'slides/S[^/]*\.(svs|tif|tiff|scn|bif|ndpi|mrxs): ')
[ "$bad" = 9 ] || fail "verify passes $((9 - bad)) originals"

# A mapping joins slides to patients.
first=$(cd "$work/in/slides" && ls *.svs | head -1)
printf 'slide,pseudonym,slide_pseudonym\n%s,P-CHOSEN,slide-one\n' "$first" > "$work/map.csv"
"$LETHE_BIN/lethe" deid "$work/in/slides/$first" -o "$work/mapped" --key "$work/key" --slides "$work/map.csv" --quiet || fail "mapped run"
[ -f "$work/mapped/P-CHOSEN/slides/slide-one.svs" ] || fail "the mapping was not followed"

# Hostile ones: never a crash, never a leak.
"$LETHE_BIN/lethe-testdata" slides-hostile -o "$work/bad" --key "$work/bad.jsonl" > /dev/null || fail "hostile generator"
(cd "$work" && "$LETHE_BIN/lethe" deid "$work/bad" -o "$work/bad-out" --key "$work/key" --manifest "$work/bad-manifest.jsonl" --quiet)
[ $? -eq 3 ] || fail "hostile slides: exit code is not 3"
python3 "$LETHE_SOURCE/tests/cases/slides_scan.py" "$work/bad.jsonl" "$work/bad-out" || fail "a hostile slide leaked"
[ -e "$work/x" ] && fail "a file name was executed"
python3 - "$work/bad-manifest.jsonl" <<'PY' || exit 1
import json, sys
want = {"loop", "loop_sub", "far_offset", "huge", "truncated", "rational", "double_tag", "overlap", "odd_tile", "odd_value", "no_label"}
got = {row["source"].split("/")[-1].split(".")[0] for row in map(json.loads, open(sys.argv[1])) if row["outcome"] == "quarantined"}
if got != want:
    sys.exit(f"FAIL: quarantined {sorted(got ^ want)} unlike what was expected")
PY
echo "ok: $(find "$work/out" -type f | wc -l) files released, $(basename "$svs") among them"
