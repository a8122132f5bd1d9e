#!/bin/bash
# A person hidden in the places of an object where few look (deid_attack.py has them): nothing of the person is left in any byte that is released, what was beside them stays.
set -u
/usr/bin/python3 -c 'import pydicom' 2> /dev/null || { echo "skipped: no pydicom"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
attack="$LETHE_SOURCE/tests/cases/deid_attack.py"
/usr/bin/python3 "$attack" make "$work/in" || exit 1
head -c 32 /dev/urandom > "$work/key"
chmod 600 "$work/key"
bad=0
for profile in basic research challenge; do
    # Pixels are not asked about here: they would only send tiny images to review.
    printf 'base: %s\ndocuments: keep\npixels:\n  ignore_catalogue: true\n  modalities:\n    - {modality: "*", mode: off}\n' "$profile" > "$work/$profile.yaml"
    code=0
    "$LETHE_BIN/lethe" deid "$work/in" -o "$work/$profile" --profile "$work/$profile.yaml" --key "$work/key" --manifest "$work/$profile.jsonl" --jobs 1 --quiet > "$work/log" 2>&1 || code=$?
    [ $code = 3 ] || { echo "FAILED: $profile: exit code $code"; cat "$work/log"; bad=1; }
    /usr/bin/python3 "$attack" check "$work/$profile" "$work/$profile.jsonl" "$profile" || bad=1
done
exit $bad
