#!/bin/bash
# Whatever decodes an image is a process of its own that seccomp has confined: the workers of a run, and those that make the pictures of a contact sheet.
# An image that is a pipe holds the process that opens it, so that it can be looked at for as long as that takes.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
grep -q '^Seccomp:' /proc/self/status || { echo "skipped: this kernel does not tell about seccomp"; exit 77; }
fail() { echo "FAILED: $*"; exit 1; }
lethe=$LETHE_BIN/lethe
# modes PID: the mode of seccomp of each of its children; 2 is a filter
modes() {
    local child
    for child in $(cat /proc/"$1"/task/*/children 2>/dev/null); do awk '/^Seccomp:/{print $2}' "/proc/$child/status" 2>/dev/null || true; done
}
# confined PID PIPE: waits for its children to be confined, then lets the pipe end until the process is done
confined() {
    local seen=no tries
    for tries in $(seq 600); do
        modes "$1" >"$work/modes"
        if [ -s "$work/modes" ] && ! grep -qv 2 "$work/modes"; then seen=yes; break; fi
        kill -0 "$1" 2>/dev/null || break
        sleep 0.1
    done
    while kill -0 "$1" 2>/dev/null; do timeout 1 sh -c ': >"$1"' sh "$2" 2>/dev/null || true; done
    [ $seen = yes ]
}
head -c 32 /dev/urandom >"$work/key"
chmod 600 "$work/key"
"$LETHE_BIN/lethe-testdata" burned-in -o "$work/in" --count 24 --size small --seed 5 >/dev/null
printf 'base: research\npixels:\n  unknown_device: redact\n' >"$work/profile.yaml"

"$lethe" init "$work/p" >/dev/null
"$lethe" ingest add -C "$work/p" "$work/in" >/dev/null
image=$(find "$work/p/private/inbox" -name '*.dcm' -o -path '*inbox*' -type f -size +10k | head -1)
[ -n "$image" ] || fail "the inbox has no image"
rm "$image" && mkfifo -m 600 "$image"
# The program itself, not the dispatcher: its children are what is looked at.
(exec -a "lethe deid" "$LETHE_BIN/lethe-deid" -C "$work/p" --jobs 1 --quiet) &
pid=$!
confined $pid "$image" || fail "the worker that waits for an image is not confined: $(cat "$work/modes")"
code=0
wait $pid || code=$?
[ $code -eq 3 ] || [ $code -eq 4 ] || fail "deid ended with $code"

"$lethe" deid "$work/in" -o "$work/out" --profile "$work/profile.yaml" --key "$work/key" --jobs 1 --manifest "$work/m.jsonl" --quiet || [ $? -eq 3 ]
sheet() { (exec -a "lethe review" "$LETHE_BIN/lethe-deid" sheet --manifest "$work/m.jsonl" --released "$work/out" --originals "$work/in" -o "$1" >/dev/null); }
sheet "$work/sheet.html"
[ "$(grep -c 'data:image/' "$work/sheet.html")" -gt 5 ] || fail "the sheet has no pictures"
image=$work/in/$(grep '"outcome": *"released"' "$work/m.jsonl" | grep '"why"' | head -1 | sed 's/.*"source": *"\([^"]*\)".*/\1/')
[ -f "$image" ] || fail "no image of the sheet"
rm "$image" && mkfifo "$image"
(exec -a "lethe review" "$LETHE_BIN/lethe-deid" sheet --manifest "$work/m.jsonl" --released "$work/out" --originals "$work/in" -o "$work/second.html" >/dev/null) &
pid=$!
confined $pid "$image" || fail "the worker that makes pictures is not confined: $(cat "$work/modes")"
wait $pid || fail "the sheet ended with $?"
if [ -n "${LETHE_KEEP_SCREENSHOTS:-}" ]; then cp "$work/sheet.html" "$LETHE_KEEP_SCREENSHOTS"; fi
echo "decoders are confined"
