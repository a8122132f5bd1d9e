#!/bin/bash
# Odd sizes, rare coding options, samples in unusual places: redaction judged by decoders that are not ours.
set -u
/usr/bin/python3 -c 'import numpy, pydicom, PIL' 2> /dev/null || { echo "skipped: python3-pydicom, python3-numpy or python3-pil is not installed"; exit 77; }
for tool in dcmcjpeg dcmdjpeg dcmcjpls dcmdjpls dcmdrle gdcmconv cjpeg djpeg; do command -v $tool > /dev/null || { echo "skipped: $tool is not installed"; exit 77; }; done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 "$LETHE_SOURCE/tests/interop/pixels_odd.py" "$LETHE_BIN/lethe" "$LETHE_BIN/lethe-pixels-j2k" "$work"
