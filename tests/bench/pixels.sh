#!/bin/bash
# The pixel stage on images with burned-in text and as many without: recall by glyphs left, false redactions, collateral, memory, and speed on one core
# beside full-frame Tesseract on the same images. Two sets: invented ones (testdata/burned_in.c) and ones with other fonts, codecs, frames and, where
# ../shared/testdata exists, real images that training left out (pixels_draw.py). Usage: tests/bench/pixels.sh [IMAGES]   (default 96 of each)
set -euo pipefail

count=${1:-96}
work=$(mktemp -d "${TMPDIR:-/tmp}/lethe-pixels-XXXXXX")
trap 'rm -rf "$work"' EXIT
export LC_ALL=C OMP_THREAD_LIMIT=1 OPENBLAS_NUM_THREADS=1
head -c 32 /dev/urandom > "$work/key"
chmod 600 "$work/key"
printf 'base: research\npixels:\n  unknown_device: redact\n' > "$work/profile.yaml" # release what is redacted, so that it can be scored

judge() { # NAME
    local code=0
    /usr/bin/python3 -c 'import resource, subprocess, sys
code = subprocess.call(sys.argv[1:])
print("lethe deid: %.1f s of CPU for de-identification, redaction and verification, at most %d MiB in a process" % (
    sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2]), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024))
sys.exit(code)' "$LETHE_BIN/lethe" deid "$work/$1" -o "$work/$1.out" --profile "$work/profile.yaml" --key "$work/key" --jobs 1 \
        --manifest "$work/$1.jsonl" --quiet || code=$?
    [ "$code" -eq 0 ] || [ "$code" -eq 3 ] || [ "$code" -eq 4 ]
    /usr/bin/python3 "$LETHE_SOURCE/tests/bench/pixels_score.py" "$work/$1.answers.jsonl" "$work/$1.jsonl" "$work/$1" "$work/$1.out"
    find "$work/$1" -name '*.dcm' | sort > "$work/$1.list"
    "$LETHE_BIN/bench-pixels_speed" "$work/$1.list"
}

echo "-- invented images, bitmap font"
"$LETHE_BIN/lethe-testdata" burned-in -o "$work/invented" --count "$count" --seed "${SEED:-5}"
judge invented
echo "-- fonts, codecs and real images that training never saw"
/usr/bin/python3 "$LETHE_SOURCE/tests/bench/pixels_draw.py" "$work/drawn" "$count" "${SEED:-5}" "$LETHE_SOURCE/../shared/testdata/dicom" 2> "$work/drawn.log"
judge drawn
echo "-- scripts, sizes, colours and states of all kinds"
/usr/bin/python3 "$LETHE_SOURCE/tests/bench/pixels_draw.py" "$work/wide" "$count" "${SEED:-5}" "$LETHE_SOURCE/../shared/testdata/dicom" wide 2> "$work/wide.log"
judge wide
echo "-- catalogue and region rules alone: processor time and memory beside a plain copy"
/usr/bin/python3 "$LETHE_SOURCE/tests/bench/pixels_rules.py" "$LETHE_BIN" "$work"
[ -z "${KEEP:-}" ] || cp -r "$work" "$KEEP"
