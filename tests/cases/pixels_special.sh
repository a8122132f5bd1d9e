#!/bin/bash
# Pixel data that is easily forgotten: one bit, floating point, video, text beside the samples of compressed frames (comments, thumbnails, EXIF, bytes behind
# the end), overlays in unused bits, icons, one corrupt frame among many, HTJ2K, ultrasound regions in every shape.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
/usr/bin/python3 -c 'import numpy, pydicom, PIL' 2>/dev/null || { echo "skipped: python3-pydicom, python3-numpy or python3-pil is not installed"; exit 77; }
printf "%032d" 7 >"$work/key" # the same key every time: a random UID can hold "1961"
chmod 600 "$work/key"
/usr/bin/python3 "$LETHE_SOURCE/tests/cases/pixels_special.py" make "$work/in" "$LETHE_SOURCE/../shared/testdata/dicom/SC-OT/pydicom-data"
printf 'base: research\npixels:\n  unknown_device: redact\n' >"$work/profile.yaml"
code=0
"$LETHE_BIN/lethe" deid "$work/in" -o "$work/out" --profile "$work/profile.yaml" --key "$work/key" --manifest "$work/m.jsonl" --quiet || code=$?
[ "$code" -eq 3 ] || { echo "FAILED: deid ended with $code"; exit 1; }
exec /usr/bin/python3 "$LETHE_SOURCE/tests/cases/pixels_special.py" judge "$work/in" "$work/out" "$work/m.jsonl"
