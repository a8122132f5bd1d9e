#!/bin/bash
# Burned-in text through the command line: most strings go, clean images keep their pixels, the contact sheet lists what was redacted, bad usage fails.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
/usr/bin/python3 -c 'import numpy, pydicom' 2>/dev/null || { echo "skipped: python3-pydicom and python3-numpy are not installed"; exit 77; }
head -c 32 /dev/urandom > "$work/key"
chmod 600 "$work/key"
"$LETHE_BIN/lethe-testdata" burned-in -o "$work/in" --count 16 --size small --seed 3 > /dev/null
# Devices that the catalogue does not know wait for a person, unless the profile says otherwise.
code=0
"$LETHE_BIN/lethe" deid "$work/in" -o "$work/held" --key "$work/key" --jobs 1 --manifest "$work/held.jsonl" --quiet || code=$?
[ "$code" -eq 4 ] || [ "$code" -eq 3 ] || { echo "deid released text of unknown devices: $code"; exit 1; }
grep -q '"outcome": "review"' "$work/held.jsonl" || { echo "nothing waits for review"; exit 1; }
printf 'base: research\npixels:\n  unknown_device: redact\n' > "$work/profile.yaml"
code=0
"$LETHE_BIN/lethe" deid "$work/in" -o "$work/out" --profile "$work/profile.yaml" --key "$work/key" --jobs 1 --manifest "$work/manifest.jsonl" --quiet || code=$?
[ "$code" -eq 0 ] || [ "$code" -eq 3 ] || [ "$code" -eq 4 ] || { echo "deid ended with $code"; exit 1; }
/usr/bin/python3 "$LETHE_SOURCE/tests/bench/pixels_score.py" "$work/in.answers.jsonl" "$work/manifest.jsonl" "$work/in" "$work/out" > "$work/score"
cat "$work/score"
strings=$(sed -n 's/^strings: \([0-9]*\),.*/\1/p' "$work/score")
removed=$(sed -n 's/^strings: .* removed \([0-9]*\).*/\1/p' "$work/score")
left=$(sed -n 's/.*LEFT UNFLAGGED \([0-9]*\)$/\1/p' "$work/score")
[ -n "$strings" ] && [ -n "$removed" ] && [ -n "$left" ] || { echo "the scorer says nothing about strings"; exit 1; }
[ "$strings" -ge 10 ] && [ "$removed" -ge 70 ] && [ $((left * 20)) -le "$strings" ] || { echo "$left of $strings strings are left unflagged"; exit 1; }
grep -q '^pixels changed outside the boxes: 0$' "$work/score" || { echo "pixels outside the boxes changed"; exit 1; }
"$LETHE_BIN/lethe" review sheet --manifest "$work/manifest.jsonl" --released "$work/out" --originals "$work/in" -o "$work/sheet.html" > "$work/said"
grep -q 'redacted images' "$work/said"
grep -q 'data:image/jpeg;base64,' "$work/sheet.html"
[ "$(stat -c %a "$work/sheet.html")" = 600 ] || { echo "the sheet can be read by others"; exit 1; }
# An image that was made again stands in the manifest twice, and on the sheet once, as the last line says.
cat "$work/manifest.jsonl" "$work/manifest.jsonl" > "$work/twice.jsonl"
"$LETHE_BIN/lethe" review sheet --manifest "$work/twice.jsonl" --released "$work/out" --originals "$work/in" -o "$work/twice.html" > /dev/null
[ "$(grep -c '<figure>' "$work/twice.html")" -eq "$(grep -c '<figure>' "$work/sheet.html")" ] || { echo "an image stands on the sheet twice"; exit 1; }
# Usage errors
for arguments in "" "dance" "mask 1 5,5" "sheet"; do
    code=0
    # shellcheck disable=SC2086
    "$LETHE_BIN/lethe" review -C "$work" $arguments > /dev/null 2>&1 || code=$?
    [ "$code" -ne 0 ] || { echo "review $arguments did not fail"; exit 1; }
done
