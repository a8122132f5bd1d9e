#!/bin/bash
# Unusual but honest slides come out clean: the label at other places of the chain, two of them, one that is empty, one whose strips are the macro's, a single level, an
# MRXS slide named by its one file. A slide that is cut off, or written, while it is read never comes out as half a slide.
set -u
: "${LETHE_BIN:?}" "${LETHE_SOURCE:?}"
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
fail() { echo "FAIL: $*"; exit 1; }
head -c 32 /dev/urandom > "$work/key" && chmod 600 "$work/key"
deid() { "$LETHE_BIN/lethe" deid "$@" --key "$work/key" --quiet; }
"$LETHE_BIN/lethe-testdata" slides --size small -o "$work/in" --key "$work/answers.jsonl" > /dev/null || fail "generator"
made=0
for svs in "$work"/in/slides/*.svs; do
    made=$((made + 1))
    PYTHONPATH=$LETHE_SOURCE/tests/cases python3 "$LETHE_SOURCE/tests/cases/slides_odd.py" "$svs" "$work/odd$made" 2> "$work/why" && break
    rm -rf "$work/odd$made"
done
odd=$work/odd$made
[ -d "$odd" ] || fail "no slide could be made odd: $(cat "$work/why")"
deid "$odd" -o "$work/out" --manifest "$work/out.jsonl"
python3 - "$work/out.jsonl" <<'PY' || exit 1
import json, sys
rows = list(map(json.loads, open(sys.argv[1])))
bad = [(r["source"], r["reason"]) for r in rows if r["outcome"] != "released"]
if bad or len(rows) != 7:
    sys.exit(f"FAIL: {bad} of {len(rows)}")
PY
python3 "$LETHE_SOURCE/tests/cases/slides_scan.py" "$work/answers.jsonl" "$work/out" || fail "a planted value was found"
"$LETHE_BIN/lethe" deid verify "$work/out" > /dev/null || fail "verify"
if command -v tiffinfo > /dev/null; then
    for file in $(find "$work/out" -name '*.svs'); do
        tiffinfo "$file" > "$work/info" 2> "$work/complaints" || fail "tiffinfo cannot read $file"
        grep -qi 'label\|macro' "$work/info" && fail "a label or macro is left"
    done
fi

# An MRXS slide by its file alone.
mrxs=$(find "$work/in" -name '*.mrxs')
deid "$mrxs" -o "$work/mrxs" || fail "an MRXS slide named by its file: $?"
front=$(find "$work/mrxs" -name '*.mrxs')
[ -f "$front" ] && [ -f "${front%.mrxs}/Slidedat.ini" ] || fail "the MRXS slide is not whole"
python3 "$LETHE_SOURCE/tests/cases/slides_scan.py" "$work/answers.jsonl" "$work/mrxs" > /dev/null || fail "a planted value was found in the MRXS slide"

# Cut off, or written over, while it is read: whatever comes out is a whole, clean slide; the program ends by itself.
"$LETHE_BIN/lethe-testdata" slide-big --big-file 60000000 -o "$work/big" --key "$work/big.jsonl" > /dev/null || fail "generator"
for harm in cut write; do
    for delay in 0.02 0.15 0.4; do
        cp "$work/big/bench/slide.svs" "$work/$harm.svs"
        rm -rf "$work/harmed"
        deid "$work/$harm.svs" -o "$work/harmed" 2> /dev/null &
        run=$!
        sleep "$delay"
        if [ $harm = cut ]; then truncate -s 20000000 "$work/$harm.svs"
        else dd if=/dev/urandom of="$work/$harm.svs" bs=1M seek=20 count=4 conv=notrunc 2> /dev/null; fi
        wait $run
        code=$?
        [ $code -lt 100 ] || fail "$harm after $delay s: deid ended with $code"
        if [ $code -eq 0 ]; then "$LETHE_BIN/lethe" deid verify "$work/harmed" > /dev/null || fail "$harm after $delay s: what came out is not sound"
        else [ -z "$(find "$work/harmed" -name '*.svs' 2> /dev/null)" ] || fail "$harm after $delay s: exit code $code, and a slide came out"; fi
    done
done
echo "ok"
