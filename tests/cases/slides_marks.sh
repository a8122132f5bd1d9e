#!/bin/bash
# Ink and stickers on the glass: slides that show some wait for a person, clean ones are released; with the regions that a person has drawn exactly the
# touched tiles change, on every level, and OpenSlide sees nothing there any more.
set -u
: "${LETHE_BIN:?}" "${LETHE_SOURCE:?}"
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
fail() { echo "FAIL: $*"; exit 1; }
head -c 32 /dev/urandom > "$work/key" && chmod 600 "$work/key"
"$LETHE_BIN/lethe-testdata" slides-marked -o "$work/in" --key "$work/answers.jsonl" > /dev/null || fail "generator"

# Nobody has looked: what shows ink waits.
"$LETHE_BIN/lethe" deid "$work/in/marked" -o "$work/first" --key "$work/key" --manifest "$work/first.jsonl" --quiet
[ $? -eq 4 ] || fail "ink on the glass: exit code is not 4"
python3 - "$work/first.jsonl" <<'PY' || exit 1
import json, sys
rows = {row["source"]: row for row in map(json.loads, open(sys.argv[1]))}
for name, row in rows.items():
    want = "released" if "clean" in name else "review"
    if row["outcome"] != want:
        sys.exit(f"FAIL: {name} is {row['outcome']}, not {want}: {row['reason']}")
    if want == "review" and not row["regions"]:
        sys.exit(f"FAIL: nobody is told where the ink of {name} is")
if len(rows) != 10:
    sys.exit(f"FAIL: {len(rows)} slides")
PY

# The person's regions.
"$LETHE_BIN/lethe" deid "$work/in/marked" -o "$work/out" --key "$work/key" --slides "$work/in/regions.csv" --manifest "$work/out.jsonl" --quiet ||
    fail "with regions deid ended with $?"
"$LETHE_BIN/lethe" deid verify "$work/out" > /dev/null || fail "verify of redacted slides"
python3 "$LETHE_SOURCE/tests/cases/slides_scan.py" "$work/answers.jsonl" "$work/out" || fail "a planted value was found"
seen=0 touched_all=0
while IFS=$'\t' read -r source output; do
    box=$(python3 -c 'import csv, sys
for row in csv.DictReader(open(sys.argv[1])):
    if row["slide"] == sys.argv[2]: print(row["mask"])' "$work/in/regions.csv" "$source")
    counts=$(python3 "$LETHE_SOURCE/tests/cases/slides_tiles.py" "$work/in/marked/$source" "$work/out/$output" ${box:+"$box"}) || fail "$source: $counts"
    read -r tiles touched <<< "$counts"
    if [ -z "$box" ]; then [ "$touched" = 0 ] || fail "$source: $touched tiles of a clean slide changed"; continue; fi
    [ "$touched" -gt 0 ] && [ "$touched" -lt "$tiles" ] || fail "$source: $touched of $tiles tiles changed"
    seen=$((seen + 1)) touched_all=$((touched_all + touched))
    # In the eyes of another program: the region is of one colour on each level.
    case $source in pen_blue* | raw* | lzw*) ;; *) continue ;; esac
    if command -v openslide-write-png > /dev/null; then
        IFS=, read -r x y w h <<< "$box"
        for level in 0 1; do
            factor=$((level ? 4 : 1))
            openslide-write-png "$work/out/$output" "$x" "$y" $level $((w / factor)) $((h / factor)) "$work/region.png" || fail "$source: OpenSlide cannot read the region"
            python3 "$LETHE_SOURCE/tests/cases/slides_flat.py" "$work/region.png" > /dev/null || fail "$source: level $level still shows something"
            openslide-write-png "$work/in/marked/$source" "$x" "$y" $level $((w / factor)) $((h / factor)) "$work/region.png"
            python3 "$LETHE_SOURCE/tests/cases/slides_flat.py" "$work/region.png" > /dev/null && fail "the check of flat regions cannot fail"
        done
    fi
done < <(python3 -c '
import json, sys
for line in open(sys.argv[1]):
    row = json.loads(line)
    if row["outcome"] == "released": print(row["source"], row["output"], sep="\t")' "$work/out.jsonl")
[ "$seen" = 8 ] || fail "$seen redacted slides were looked at"

# A mask that is none is a mistake of the list.
printf 'slide,mask\nx.svs,"10,10,0,50"\n' > "$work/bad.csv"
"$LETHE_BIN/lethe" deid "$work/in/marked/clean.svs" -o "$work/bad" --key "$work/key" --slides "$work/bad.csv" --quiet 2> /dev/null
[ $? -eq 2 ] || fail "a mask without width was taken"
echo "ok: $seen slides redacted, $touched_all tiles encoded again"
