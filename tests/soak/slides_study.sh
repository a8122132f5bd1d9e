#!/bin/bash
# A study of many slides (LETHE_SLIDES, default 5,000; small invented ones of each format in one file): de-identified with a manifest, verified, and shown on a contact
# sheet. What a slide costs in processor time and the memory of all processes, along the way. Fails when either grows with the number of slides, or a slide is missing.
set -u
: "${LETHE_BIN:?}" "${LETHE_SOURCE:?}"
work=$(mktemp -d "${TMPDIR:-/tmp}/lethe-study-XXXXXX") && trap 'rm -rf "$work"' EXIT
head -c 32 /dev/urandom > "$work/key" && chmod 600 "$work/key"
"$LETHE_BIN/lethe-testdata" slides --size small -o "$work/made" --key "$work/answers.jsonl" > /dev/null || { echo "FAIL: generator"; exit 1; }
exec python3 "$LETHE_SOURCE/tests/soak/slides_study.py" "$LETHE_BIN" "$work" "${LETHE_SLIDES:-5000}"
