#!/bin/bash
# lethe review: what waits is listed with its reason, decided once, recorded with who and when; nothing is released before.
set -eu
work=$(mktemp -d)
store=()
leave() {
    [ ${#store[@]} -eq 0 ] || "$LETHE_SOURCE/tests/support/postgres.sh" stop "$work/pg"
    rm -rf "$work"
}
trap leave EXIT
if [ "${LETHE_TEST_STORE:-}" = postgresql ]; then
    chmod 755 "$work"
    code=0
    url=$("$LETHE_SOURCE/tests/support/postgres.sh" start "$work/pg") || code=$?
    [ $code -eq 0 ] || exit $code
    store=(--store "$url")
fi
fail() { echo "FAILED: $*"; exit 1; }
lethe=$LETHE_BIN/lethe
expect() { local want=$1 code=0; shift; "$@" >"$work/said" 2>"$work/err" || code=$?; [ "$code" -eq "$want" ] || { cat "$work/err"; fail "exit $code, wanted $want: $*"; }; }
count() { "$lethe" status -C "$work/p" --json | sed "s/.*\"$1\":\([0-9]*\).*/\1/"; }

"$lethe" init "$work/p" ${store[@]+"${store[@]}"} >/dev/null
"$LETHE_BIN/lethe-testdata" burned-in -o "$work/in" --count 6 --size small --seed 3 >/dev/null
expect 0 "$lethe" ingest add -C "$work/p" "$work/in"
expect 4 "$lethe" deid -C "$work/p" --jobs 1
waiting=$(count review)
released=$(count released)
[ "$waiting" -ge 3 ] || fail "only $waiting wait"
[ "$(find "$work/p/released" -name '*.dcm' | wc -l)" -eq "$released" ] || fail "files and rows differ"
expect 0 "$lethe" review -C "$work/p" list
[ "$(grep -c 'does not know' "$work/said")" -eq "$waiting" ] || fail "the list lacks reasons"
mapfile -t ids < <(awk '{print $1}' "$work/said")

expect 0 "$lethe" review -C "$work/p" show "${ids[0]}" --picture "$work/p/private/show.png"
grep -q 'box ' "$work/said" || fail "no boxes shown"
[ "$(stat -c %a "$work/p/private/show.png")" = 600 ] || fail "the picture can be read by others"

expect 0 "$lethe" review -C "$work/p" mask "${ids[0]}" 0,0,64,32
expect 0 "$lethe" review -C "$work/p" approve "${ids[0]}"
[ "$(count released)" -eq $((released + 1)) ] || fail "approval did not release"
[ "$(find "$work/p/released" -name '*.dcm' | wc -l)" -eq $((released + 1)) ] || fail "the approved file is not there"
expect 0 "$lethe" review -C "$work/p" reject "${ids[1]}"
[ "$(count quarantined)" -eq 1 ] || fail "rejection did not quarantine"
[ "$(count review)" -eq $((waiting - 2)) ] || fail "still waiting: $(count review)"
# Decided is decided; what never waited cannot be approved.
for id in "${ids[0]}" "${ids[1]}"; do expect 2 "$lethe" review -C "$work/p" approve "$id"; done
expect 1 "$lethe" review -C "$work/p" approve 999
expect 2 "$lethe" review -C "$work/p" mask "${ids[2]}" 5,5
expect 0 "$lethe" review -C "$work/p" log
for word in mask approve reject; do grep -q " $word" "$work/said" || fail "the log lacks $word"; done
output=$(tail -1 "$work/p/private/manifest.jsonl" | sed 's/.*"output": "\([^"]*\)".*/\1/')
/usr/bin/python3 - "$work/p/released/$output" <<'PY' || fail "the added box was not filled"
import sys, pydicom
try:
    pixels = pydicom.dcmread(sys.argv[1]).pixel_array
except (RuntimeError, NotImplementedError):
    sys.exit(0)  # compressed in a way that this pydicom has no decoder for; the unit tests of redaction cover it
corner = pixels[..., 0:32, 0:64] if pixels.ndim == 2 else pixels[0:32, 0:64]
sys.exit(0 if corner.max() - corner.min() <= 4 else 1)
PY
# Somebody who may not open the private side sees nothing and decides nothing.
other() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
if [ "$(id -u)" -eq 0 ] && chmod 755 "$work" && other "$lethe" --help >/dev/null 2>&1 && other test -r "$work/p/project.yaml"; then
    "$lethe" review -C "$work/p" log >"$work/log"
    for words in list "show ${ids[2]}" "approve ${ids[2]}" "reject ${ids[2]}" "mask ${ids[2]} 1,1,9,9" run log; do
        # shellcheck disable=SC2086
        if other "$lethe" review -C "$work/p" $words >"$work/said" 2>"$work/err"; then fail "another user did: $words"; fi
        [ ! -s "$work/said" ] || fail "another user is told: $(cat "$work/said")"
    done
    "$lethe" review -C "$work/p" log | cmp - "$work/log" || fail "another user's decision is in the log"
fi
grep -Eq '^[0-9]+  20[0-9]{2}-[0-9]{2}-[0-9]{2}.* approve ' <("$lethe" review -C "$work/p" log) || fail "the log does not say when"
grep -q " $(id -un) " <("$lethe" review -C "$work/p" log) || fail "the log does not say who"
# The contact sheet of a project shows before (from the private side) and after.
expect 0 "$lethe" review -C "$work/p" sheet -o "$work/p/private/sheet.html"
[ "$(stat -c %a "$work/p/private/sheet.html")" = 600 ] || fail "the sheet can be read by others"
/usr/bin/python3 - "$work/p/private/sheet.html" "$(count review)" <<'PY' || fail "the sheet lacks pictures"
import re, sys
page = open(sys.argv[1]).read()
figures, waiting = re.findall("<figure>.*?</figure>", page, re.S), re.findall('<figure class="waits">.*?</figure>', page, re.S)
pictures = [f.count("data:image/") for f in figures + waiting]
assert figures and all(n >= 2 and n % 2 == 0 for n in pictures), pictures
# What still waits is there, with its reason and what a release would leave of it.
assert len(waiting) == int(sys.argv[2]) and all("does not know" in f for f in waiting), len(waiting)
PY
echo "$waiting waited: one masked and approved, one rejected"
