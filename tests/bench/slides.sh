#!/bin/bash
# Slides: tiles per second beside OpenSlide, and de-identification of one large slide beside cp, in one run, warm cache.
# Usage: tests/bench/slides.sh [BYTES]   (default 2000000000)
set -euo pipefail
bytes=${1:-2000000000}
work=$(mktemp -d "${TMPDIR:-/tmp}/lethe-bench-XXXXXX")
trap 'rm -rf "$work"' EXIT
measure=$LETHE_BIN/bench-measure
head -c 32 /dev/urandom > "$work/key" && chmod 600 "$work/key"
"$LETHE_BIN/lethe-testdata" slide-big --big-file "$bytes" -o "$work/in" --key "$work/answers.jsonl" > /dev/null
slide=$work/in/bench/slide.svs
size=$(stat -c %s "$slide")

echo "== reading tiles of 256 x 256 (JPEG, $((size / 1000000)) MB) =="
"$LETHE_BIN/bench-slides_read" "$slide"

# best NAME COMMAND...: the best of three, each with a fresh output and nothing left to write back.
best() {
    local name=$1 i now code record=
    shift
    for i in 1 2 3; do
        rm -rf "$work/out"
        mkdir "$work/out"
        sync -f "$work"
        code=0
        "$measure" "$work/measured" "$@" > "$work/log" 2>&1 || code=$?
        [ "$code" -eq 0 ] || { echo "$name failed ($code)"; tail -3 "$work/log"; exit 1; }
        now=$(cat "$work/measured")
        if [ -z "$record" ] || awk "BEGIN { exit !(${now%% *} < ${record%% *}) }"; then record=$now; fi
    done
    echo "$record" > "$work/$name"
    awk -v n="$name" -v b="$size" '{ printf "%-28s %7.2f s   %6.0f MB/s   peak %5.1f MiB\n", n, $1, b / 1e6 / $1, $3 / 1024 }' "$work/$name"
}
cat "$slide" > /dev/null
echo "== one slide of $((size / 1000000)) MB on $(df --output=fstype "$work" | tail -1) =="
best cp cp --reflink=never "$slide" "$work/out/slide.svs"
best "cp+sha256" sh -c "cp --reflink=never '$slide' '$work/out/slide.svs' && sha256sum '$work/out/slide.svs'"
best "lethe-deid" "$LETHE_BIN/lethe-deid" "$slide" -o "$work/out" --key "$work/key" --jobs 1 --quiet
paste -d ' ' "$work/cp" "$work/cp+sha256" "$work/lethe-deid" |
    awk '{ n = NF / 3; printf "lethe deid / cp: %.2f (goal 1.25)   lethe deid / cp + sha256sum: %.2f\n", $(2 * n + 1) / $1, $(2 * n + 1) / $(n + 1) }'
