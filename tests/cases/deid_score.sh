#!/bin/bash
# An invented hospital through `lethe deid`, scored with MIDI-B's verbs by an independent reader: no leak, almost everything kept.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
score=$LETHE_SOURCE/tests/score
/usr/bin/python3 -c 'import pydicom, numpy' 2>/dev/null || { echo "skipped: python3-pydicom and python3-numpy are not installed"; exit 77; }

"$LETHE_BIN/lethe-testdata" hospital -o "$work/in" --patients 10 --size small --seed 7
/usr/bin/python3 "$score/selftest.py" "$work/in.answers.jsonl" "$work/in"

head -c 32 /dev/urandom > "$work/key"
chmod 600 "$work/key"
set +e
"$LETHE_BIN/lethe" deid "$work/in" -o "$work/out" --profile research --key "$work/key" --jobs 2 --manifest "$work/manifest.jsonl" > "$work/log" 2>&1
code=$?
set -e
if [ $code -ne 0 ] && [ $code -ne 3 ] && [ $code -ne 4 ]; then
    tail -20 "$work/log"
    echo "lethe deid ended with $code"
    exit 1
fi
/usr/bin/python3 "$score/score_deid.py" --answers "$work/in.answers.jsonl" --manifest "$work/manifest.jsonl" --out "$work/out" --key "$work/key" \
    --require-no-leak --require-retention 99.5 --require-released 90 --least 8000
