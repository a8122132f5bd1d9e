#!/bin/bash
# The pixel stage on invented images with burned-in text and as many without: recall by glyphs left, false redactions, collateral, and speed on one
# core beside full-frame Tesseract on the same images. Usage: tests/bench/pixels.sh [IMAGES]   (default 240)
set -euo pipefail

count=${1:-240}
work=$(mktemp -d "${TMPDIR:-/tmp}/lethe-pixels-XXXXXX")
trap 'rm -rf "$work"' EXIT
export LC_ALL=C OMP_THREAD_LIMIT=1
head -c 32 /dev/urandom > "$work/key"
chmod 600 "$work/key"
"$LETHE_BIN/lethe-testdata" burned-in -o "$work/in" --count "$count" --seed "${SEED:-5}"
code=0
printf 'base: research\npixels:\n  unknown_device: redact\n' > "$work/profile.yaml" # release what is redacted, so that it can be scored
"$LETHE_BIN/lethe" deid "$work/in" -o "$work/out" --profile "$work/profile.yaml" --key "$work/key" --jobs 1 --manifest "$work/manifest.jsonl" --quiet || code=$?
[ "$code" -eq 0 ] || [ "$code" -eq 3 ] || [ "$code" -eq 4 ]
/usr/bin/python3 "$LETHE_SOURCE/tests/bench/pixels_score.py" "$work/in.answers.jsonl" "$work/manifest.jsonl" "$work/in" "$work/out"
find "$work/in" -name '*.dcm' | sort > "$work/list"
"$LETHE_BIN/bench-pixels_speed" "$work/list"
[ -z "${KEEP:-}" ] || cp -r "$work" "$KEEP"
