#!/bin/bash
# Pixel data that lies about itself: layouts that nobody can tell, syntaxes that nobody can follow, pixels in unusual places, a secret beside the samples,
# decompression bombs. Nothing of it may be released with the secret, and the run must end by itself.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
/usr/bin/python3 -c 'import numpy, pydicom, PIL' 2>/dev/null || { echo "skipped: python3-pydicom, python3-numpy or python3-pil is not installed"; exit 77; }
head -c 32 /dev/urandom >"$work/key"
chmod 600 "$work/key"
/usr/bin/python3 "$LETHE_SOURCE/tests/cases/pixels_attack.py" make "$work/in"
printf 'base: research\npixels:\n  unknown_device: redact\n' >"$work/profile.yaml"
code=0
timeout 600 "$LETHE_BIN/lethe" deid "$work/in" -o "$work/out" --profile "$work/profile.yaml" --key "$work/key" --manifest "$work/m.jsonl" --quiet || code=$?
[ "$code" -eq 3 ] || { echo "FAILED: deid ended with $code"; exit 1; }
if grep '"directory-with-a-picture' "$work/m.jsonl" | grep -q dropped; then echo "FAILED: a picture was let go as an index"; exit 1; fi
grep -q '"directory-with-a-picture' "$work/m.jsonl" || { echo "FAILED: the picture with directory records is in no manifest"; exit 1; }
exec /usr/bin/python3 "$LETHE_SOURCE/tests/cases/pixels_attack.py" judge "$work/in" "$work/out" "$work/m.jsonl"
