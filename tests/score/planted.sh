#!/bin/bash
# Invented identifiers planted in real files, de-identified with each built-in profile and scored: no leak, and wanted words stay.
# Usage: planted.sh EVERY LEAST_CHECKS [PROFILE...]   (every EVERYth file of ../shared/testdata and of python3-pydicom)
set -euo pipefail

every=$1 least=$2
shift 2
[ $# -gt 0 ] || set -- basic research challenge
shared=$LETHE_SOURCE/../shared
[ -f "$shared/facts/annex_e1-1_2025b.json" ] && [ -d "$shared/testdata/dicom" ] || { echo "skipped: no ../shared with facts and testdata"; exit 77; }
/usr/bin/python3 -c 'import pydicom, numpy' 2> /dev/null || { echo "skipped: python3-pydicom and python3-numpy are not installed"; exit 77; }
sources=("$shared/testdata/dicom")
[ ! -d /usr/lib/python3/dist-packages/pydicom/data/test_files ] || sources+=(/usr/lib/python3/dist-packages/pydicom/data/test_files)
work=$(mktemp -d "${TMPDIR:-/tmp}/lethe-planted-XXXXXX")
trap 'rm -rf "$work"' EXIT
score=$LETHE_SOURCE/tests/score
head -c 32 /dev/urandom > "$work/key"
chmod 600 "$work/key"
bad=0
for profile in "$@"; do
    # The pixel stage has its own tests; here it would only send files to review.
    printf 'base: %s\npixels:\n  ignore_catalogue: true\n  modalities:\n    - {modality: "*", mode: off}\n' "$profile" > "$work/$profile.yaml"
    echo "== $profile"
    /usr/bin/python3 "$score/plant.py" --profile "$profile" --out "$work/in" --answers "$work/answers" --every "$every" --seed "${SEED:-1}" "${sources[@]}"
    code=0
    "$LETHE_BIN/lethe" deid "$work/in" -o "$work/out" --profile "$work/$profile.yaml" --key "$work/key" --manifest "$work/manifest" --jobs 2 --quiet || code=$?
    [ $code = 0 ] || [ $code = 3 ] || [ $code = 4 ] || { echo "lethe deid ended with $code"; exit 1; }
    /usr/bin/python3 "$score/score_deid.py" --answers "$work/answers" --manifest "$work/manifest" --out "$work/out" --key "$work/key" \
        --require-no-leak --require-retention 99.7 --require-released 90 --least "$least" --list "${LIST:-20}" || bad=1
    rm -rf "$work/in" "$work/out" "$work/manifest" "$work/answers"
done
exit $bad
