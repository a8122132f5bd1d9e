# A power cut at each sync of a run that quarantines: names that were not on the disk yet are gone, the store's log is there (tests/support/cut.c). Every item's file is
# under the name that its row tells, and the next run ends as if nothing had happened.
source "$LETHE_SOURCE/tests/support/ingest.bash" || exit 1
need sqlite3 python3 cc dump2dcm setsid
[ -x "$LETHE_BIN/lethe-deid" ] || { echo "skipped: lethe-deid is not built"; exit 77; }
[ -z "${LETHE_UNDER_ASAN:-}" ] || { echo "skipped: AddressSanitizer has its own ideas of preloading"; exit 77; }
cc -shared -fPIC -O1 -w -o "$work/cut.so" "$LETHE_SOURCE/tests/support/cut.c" -ldl || fail "cc"
lethe init "$work/p" >/dev/null || fail "init"
for n in 1 2 3; do
    make_dicom "$work/whole" "2.25.7$n" "P$n" 2.25.1 2.25.2 2000
    head -c 1000 "$work/whole" >"$work/$n.dcm" # cut off: nobody can de-identify it
done
lethe ingest add -C "$work/p" "$work"/[123].dcm >/dev/null || fail "add"
rows() { intake "$1" "PRAGMA busy_timeout = 20000; SELECT $2 FROM item ORDER BY id" | tail -n +2; }
check_equal "$(rows "$work/p" state | tr -d '\n')" 000 "queued"
named() { # every row's file is there
    rows "$1" path >"$work/paths"
    check_equal "$(wc -l <"$work/paths")" 3 "rows after $2"
    while read -r path; do [ -s "$1/private/$path" ] || fail "a file is not where its row tells after $2: ${path%/*}/..."; done <"$work/paths"
}
cuts=0 told=0
for at in $(seq 200); do
    rm -rf "$work/q"
    cp -r "$work/p" "$work/q"
    code=0
    { setsid -w env LD_PRELOAD="$work/cut.so" LETHE_CUT_AT=$at lethe-deid -C "$work/q" --jobs 1 >"$work/out" 2>&1 || code=$?; } 2>/dev/null
    [ $code = 3 ] && break # the run has fewer syncs
    [ $code = 137 ] || fail "cut $at: the run ended by itself with $code: $(tail -2 "$work/out")"
    cuts=$((cuts + 1))
    named "$work/q" "cut $at"
    rows "$work/q" state | grep -q 3 && told=$((told + 1))
    code=0
    lethe deid -C "$work/q" --jobs 1 >"$work/out" 2>&1 || code=$?
    [ $code = 3 ] || [ $code = 0 ] || fail "the run after cut $at ends with $code: $(tail -2 "$work/out")"
    named "$work/q" "the run after cut $at"
    check_equal "$(rows "$work/q" state | tr -d '\n')" 333 "states after cut $at"
    check_equal "$(find "$work/q/private/quarantine" -type f | wc -l)/$(find "$work/q/private/inbox" -type f | wc -l)" 3/0 "files after cut $at"
done
[ $cuts -gt 3 ] && [ $cuts -lt 200 ] || fail "$cuts cuts"
[ $told -gt 0 ] || fail "no cut fell behind the outcome" # then this has shown nothing
echo "$cuts cuts, $told of them behind the outcome"
