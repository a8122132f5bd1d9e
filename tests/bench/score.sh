#!/bin/bash
# The deid score on a large invented hospital, 100,000 checks or more, and on real files with planted identifiers. Usage: tests/bench/score.sh [PATIENTS]
set -euo pipefail

work=$(mktemp -d "${TMPDIR:-/tmp}/lethe-score-XXXXXX")
trap 'rm -rf "$work"' EXIT
head -c 32 /dev/urandom > "$work/key"
chmod 600 "$work/key"
"$LETHE_BIN/lethe-testdata" hospital -o "$work/in" --patients "${1:-60}" --size small --seed 2026
/usr/bin/python3 "$LETHE_SOURCE/tests/score/selftest.py" "$work/in.answers.jsonl" "$work/in"
code=0
"$LETHE_BIN/lethe" deid "$work/in" -o "$work/out" --profile research --key "$work/key" --manifest "$work/manifest.jsonl" --quiet || code=$?
[ "$code" -eq 0 ] || [ "$code" -eq 3 ] || [ "$code" -eq 4 ]
/usr/bin/python3 "$LETHE_SOURCE/tests/score/score_deid.py" --answers "$work/in.answers.jsonl" --manifest "$work/manifest.jsonl" --out "$work/out" --key "$work/key" \
    --require-no-leak --least 100000 --list "${LIST:-20}"
# Skipped without ../shared.
planted=0
bash "$LETHE_SOURCE/tests/score/planted.sh" 1 30000 || planted=$?
[ "$planted" -eq 0 ] || [ "$planted" -eq 77 ]
