#!/bin/bash
# Slides whose parts lie beyond 4 GiB (sparse files: a hole of 5 GiB stands before everything): NDPI with the upper halves of its offsets, BigTIFF. They come
# out as the same slides as their small twins, byte for byte, and what stands in the hole's middle is gone. That outputs beyond 4 GiB are written with such
# offsets is a test of the writer (tests/unit/imaging/tiff_write_test.c).
set -u
: "${LETHE_BIN:?}" "${LETHE_SOURCE:?}"
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
fail() { echo "FAIL: $*"; exit 1; }
head -c 32 /dev/urandom > "$work/key" && chmod 600 "$work/key"
"$LETHE_BIN/lethe-testdata" slides --size small -o "$work/in" --key "$work/answers.jsonl" > /dev/null || fail "generator"
mkdir "$work/small" "$work/large"
hole=$((5 << 30))
for source in "$work"/in/slides/*.ndpi "$work"/in/slides/*.bif; do
    name=$(basename "$source")
    cp "$source" "$work/small/$name"
    python3 "$LETHE_SOURCE/tests/cases/slides_large.py" "$source" "$work/large/$name" $hole || fail "$name cannot be moved"
    [ "$(stat -c %s "$work/large/$name")" -gt $hole ] || fail "$name is not large"
    if [ "$(stat -c %b "$work/large/$name")" -gt 100000 ]; then echo "skipped: this file system has no sparse files"; exit 77; fi
    # An identifier in the hole, which no offset leads to.
    printf 'Mme Perdue-Dans-Le-Trou' | dd of="$work/large/$name" bs=1 seek=$((3 << 30)) conv=notrunc status=none
done
for kind in small large; do
    "$LETHE_BIN/lethe" deid "$work/$kind" -o "$work/$kind-out" --key "$work/key" --manifest "$work/$kind.jsonl" --quiet ||
        fail "$kind slides: deid ended with $?: $(grep -o '"reason":"[^"]*"' "$work/$kind.jsonl" | head -3)"
done
diff -r "$work/small-out" "$work/large-out" > /dev/null || fail "a slide beyond 4 GiB comes out as another slide"
grep -rqa "Perdue" "$work/large-out" && fail "what stood in the hole came along"
[ "$(find "$work/large-out" -type f | wc -l)" = 2 ] || fail "not two slides"
echo "ok: 2 slides of 5 GiB"
