#!/bin/bash
# Whatever decodes an image is a process of its own that seccomp has confined: the workers of a run, and those that make the pictures of a contact sheet.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
grep -q '^Seccomp:' /proc/self/status || { echo "skipped: this kernel does not tell about seccomp"; exit 77; }
head -c 32 /dev/urandom >"$work/key"
chmod 600 "$work/key"
"$LETHE_BIN/lethe-testdata" burned-in -o "$work/in" --count 24 --size small --seed 5 >/dev/null
printf 'base: research\npixels:\n  unknown_device: redact\n' >"$work/profile.yaml"
# watch PID: the modes of its descendants while they run; 2 is a filter
watch() {
    while kill -0 "$1" 2>/dev/null; do
        for status in /proc/[0-9]*/status; do
            { read -r parent < <(awk '/^PPid:/{print $2}' "$status") && [ "$parent" = "$1" ] && awk '/^Seccomp:/{print $2}' "$status"; } 2>/dev/null || true
        done
    done >>"$2"
}
"$LETHE_BIN/lethe-deid" "$work/in" -o "$work/out" --profile "$work/profile.yaml" --key "$work/key" --jobs 1 --manifest "$work/m.jsonl" --quiet &
pid=$!
watch $pid "$work/modes"
wait $pid || [ $? -eq 3 ]
grep -q 2 "$work/modes" || { echo "FAILED: no worker of deid was seen in a filter"; exit 1; }
if [ -x "$LETHE_BIN/lethe-deid" ]; then
    (exec -a "lethe review" "$LETHE_BIN/lethe-deid" sheet --manifest "$work/m.jsonl" --released "$work/out" --originals "$work/in" -o "$work/sheet.html" >/dev/null) &
    pid=$!
    watch $pid "$work/sheet-modes"
    wait $pid
    grep -q 2 "$work/sheet-modes" || { echo "FAILED: no worker of the contact sheet was seen in a filter"; exit 1; }
fi
[ "$(grep -c 'data:image/png' "$work/sheet.html")" -gt 5 ] || { echo "FAILED: the sheet has no pictures"; exit 1; }
if [ -n "${LETHE_KEEP_SCREENSHOTS:-}" ]; then cp "$work/sheet.html" "$LETHE_KEEP_SCREENSHOTS"; fi
echo "decoders are confined"
