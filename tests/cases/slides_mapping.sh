#!/bin/bash
# Lists of slides: rows by name, with and without extension and folders, and by bar code; one pseudonym for a patient's slides, DICOM and clinical data. A row that fits
# no slide is a mistake that is told; a mask that fits none stops the run before anything is released, and so does a name that fits two slides.
set -u
: "${LETHE_BIN:?}" "${LETHE_SOURCE:?}"
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
fail() { echo "FAIL: $*"; exit 1; }
head -c 32 /dev/urandom > "$work/key" && chmod 600 "$work/key"
deid() { "$LETHE_BIN/lethe" deid "$@" --key "$work/key" --quiet; }
"$LETHE_BIN/lethe-testdata" slides --size small -o "$work/made" --key "$work/answers.jsonl" > /dev/null || fail "generator"
svs=$(find "$work/made/slides" -name '*.svs' | sort | head -1)
mkdir -p "$work/in/north" "$work/in/south"
cp "$svs" "$work/in/north/S12-1.svs" && cp "$svs" "$work/in/south/S12-1.svs" && cp "$svs" "$work/in/S12.3.svs" && echo "a side file" > "$work/in/S12.3.txt"
outputs() { python3 -c '
import json, sys
for row in map(json.loads, open(sys.argv[1])):
    print(row["source"], row["output"] or "-", row["outcome"])' "$1" | sort; }

# Names that fit what they say, and nothing else.
printf 'slide,pseudonym,slide_pseudonym\nnorth/S12-1.svs,P-north,N1\nsouth/S12-1,P-south,\nS12.3,P-three,T3\n' > "$work/good.csv"
deid "$work/in" -o "$work/good" --slides "$work/good.csv" --manifest "$work/good.jsonl"
[ $? -eq 3 ] || fail "three slides and a text: exit code is not 3"
outputs "$work/good.jsonl" > "$work/list"
grep -q '^north/S12-1.svs P-north/slides/N1.svs released$' "$work/list" || fail "north: $(cat "$work/list")"
grep -q '^south/S12-1.svs P-south/slides/S-' "$work/list" || fail "south: $(cat "$work/list")"
grep -q '^S12.3.svs P-three/slides/T3.svs released$' "$work/list" || fail "a name with a point: $(cat "$work/list")"
rm "$work/in/S12.3.txt"

# A name that fits two slides: nothing is guessed, nothing released.
printf 'slide,pseudonym\nS12-1,P-one\n' > "$work/two.csv"
deid "$work/in" -o "$work/two" --slides "$work/two.csv" 2> "$work/why"
[ $? -eq 2 ] && grep -q 'line 2' "$work/why" && grep -q 'several' "$work/why" || fail "a name of two slides: $(cat "$work/why")"
[ -z "$(find "$work/two" -type f 2> /dev/null)" ] || fail "something was released by a name of two slides"

# A mask for a slide that is not there: nothing is released.
printf 'slide,mask\nnorth/S12-1.svs,none\nS12-l.svs,"0,0,64,64"\n' > "$work/lost.csv"
deid "$work/in" -o "$work/lost" --slides "$work/lost.csv" 2> "$work/why"
[ $? -eq 2 ] && grep -q 'line 3' "$work/why" || fail "a lost mask: $(cat "$work/why")"
[ -z "$(find "$work/lost" -type f 2> /dev/null)" ] || fail "something was released though a mask was lost"

# Other rows that fit nothing: told with their lines, never by name, and the exit code says so; the run itself goes on.
printf 'slide,pseudonym\nsouth/S12-1.svs,P-south\nQuillfeather-9.svs,P-x\nwest/S12.3,P-y\n' > "$work/unused.csv"
deid "$work/in" -o "$work/unused" --slides "$work/unused.csv" 2> "$work/why"
[ $? -eq 2 ] || fail "rows that fit nothing: exit code is not 2"
grep -q '2 rows .*line 3, 4' "$work/why" || fail "rows that fit nothing are not told: $(cat "$work/why")"
grep -q 'Quillfeather' "$work/why" && fail "a name of the list is in a message"
[ "$(find "$work/unused" -name '*.svs' | wc -l)" = 3 ] || fail "rows that fit nothing stopped the others"
"$LETHE_BIN/lethe" deid "$work/in" -o "$work/json" --slides "$work/unused.csv" --key "$work/key" --json 2> /dev/null | grep -q '"unused_rows": 2' || fail "--json says nothing of unused rows"
# Shards: each knows all names.
for shard in 1/2 2/2; do
    deid "$work/in" -o "$work/shards" --slides "$work/good.csv" --shard "$shard" || fail "shard $shard: rows of the other shard were called unused"
done

# A bar code that stands on two lines is nobody's.
printf 'barcode,pseudonym\nB1,P-a\nB1,P-b\n' > "$work/codes.csv"
deid "$work/in" -o "$work/codes" --slides "$work/codes.csv" 2> /dev/null
[ $? -eq 2 ] || fail "one bar code on two lines was taken"

# In a project: the same, and the decision of a reviewer is not recorded with a list that has a mistake.
"$LETHE_BIN/lethe-testdata" slides-marked -o "$work/ink" --key "$work/ink.jsonl" > /dev/null || fail "generator of marked slides"
"$LETHE_BIN/lethe" init "$work/p" > /dev/null || fail "init"
"$LETHE_BIN/lethe" ingest add -C "$work/p" "$work/ink/marked/pen_blue.svs" > /dev/null || fail "ingest add"
"$LETHE_BIN/lethe" deid -C "$work/p" --slides "$work/lost.csv" --quiet 2> /dev/null
[ $? -eq 2 ] || fail "a lost mask in a project"
printf 'slide,pseudonym\npen_blue.svs,P-blue\nother.svs,P-x\n' > "$work/p/private/slides.csv"
"$LETHE_BIN/lethe" deid -C "$work/p" --quiet 2> "$work/why"
[ $? -eq 4 ] || fail "the project's own list: $(cat "$work/why")"
id=$("$LETHE_BIN/lethe" review -C "$work/p" list --json | python3 -c 'import json, sys; print(json.loads(sys.stdin.readline())["id"])')
printf 'slide,mask,pseudonym\npen_bleu.svs,"0,0,64,64",P-blue\n' > "$work/typo.csv"
"$LETHE_BIN/lethe" review -C "$work/p" approve "$id" --slides "$work/typo.csv" > /dev/null 2>&1
[ $? -eq 2 ] || fail "a slide was approved with a mask that fits none"
"$LETHE_BIN/lethe" review -C "$work/p" run > /dev/null || fail "review run"
"$LETHE_BIN/lethe" review -C "$work/p" list | grep -q . || fail "the slide no longer waits after a mistaken list"
"$LETHE_BIN/lethe" review -C "$work/p" approve "$id" > /dev/null || fail "approve"
[ "$(find "$work/p/released/P-blue" -name '*.svs' | wc -l)" = 1 ] || fail "the project's own list was not used in review"
echo "ok"
