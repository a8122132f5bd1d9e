#!/bin/bash
# Whatever decodes an image is a process of its own that seccomp has confined: the workers of a run, and those that make the pictures of a contact sheet.
# Each lives for a short while only, so a run is watched closely, and another one if nobody looked at the right moment.
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
# confined PID: true when all of its children were seen confined before it ended
confined() {
    local seen=no
    while [ $seen = no ] && kill -0 "$1" 2>/dev/null; do
        modes "$1" >"$work/modes"
        if [ -s "$work/modes" ] && ! grep -qv 2 "$work/modes"; then seen=yes; fi
    done
    [ $seen = yes ]
}
# watch COMMAND...: runs it, up to thirty times, until its children were seen confined
watch() {
    local round pid
    for round in $(seq 30); do
        rm -rf "$work/again"*
        "$@" &
        pid=$!
        if confined $pid; then
            wait $pid || [[ $? = [34] ]] || fail "$1 ended with an error"
            return 0
        fi
        wait $pid || [[ $? = [34] ]] || fail "$1 ended with an error"
    done
    return 1
}
head -c 32 /dev/urandom >"$work/key"
chmod 600 "$work/key"
"$LETHE_BIN/lethe-testdata" burned-in -o "$work/in" --count 24 --size small --seed 5 >/dev/null
printf 'base: research\npixels:\n  unknown_device: redact\n' >"$work/profile.yaml"

# The program itself, not the dispatcher: its children are what is looked at.
run() { exec -a "lethe deid" "$LETHE_BIN/lethe-deid" "$work/in" -o "$work/again" --profile "$work/profile.yaml" --key "$work/key" --jobs 1 --quiet; }
watch run || fail "the workers of a run were never seen confined: $(cat "$work/modes")"

"$lethe" deid "$work/in" -o "$work/out" --profile "$work/profile.yaml" --key "$work/key" --jobs 1 --manifest "$work/m.jsonl" --quiet || [ $? -eq 3 ]
sheet() { exec -a "lethe review" "$LETHE_BIN/lethe-deid" sheet --manifest "$work/m.jsonl" --released "$work/out" --originals "$work/in" -o "$1" >/dev/null; }
(sheet "$work/sheet.html")
[ "$(grep -c 'data:image/' "$work/sheet.html")" -gt 5 ] || fail "the sheet has no pictures"
watch sheet "$work/again.html" || fail "the worker that makes pictures was never seen confined: $(cat "$work/modes")"
if [ -n "${LETHE_KEEP_SCREENSHOTS:-}" ]; then cp "$work/sheet.html" "$LETHE_KEEP_SCREENSHOTS"; fi
echo "decoders are confined"
