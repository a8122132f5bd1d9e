# Killed between the row and the file: the process of watched folders when the row is committed and the original is about to go, de-identification when an objecting
# patient's row has become a tombstone and the file is about to go. Whoever comes next finishes it: nothing is lost, nothing stands twice, nothing stays behind.
source "$LETHE_SOURCE/tests/support/ingest.bash" || exit 1
need dump2dcm sqlite3 python3 cc
[ -z "${LETHE_UNDER_ASAN:-}" ] || { echo "skipped: AddressSanitizer has its own ideas of preloading"; exit 77; }
cc -shared -fPIC -O1 -o "$work/die.so" "$LETHE_SOURCE/tests/support/die.c" -ldl || fail "cc"
lethe init "$work/p" >/dev/null || fail "init"
mkdir "$work/drop"
sed -i "s|watch: .*|watch: [$work/drop]|" "$work/p/project.yaml"
cat >>"$work/p/project.yaml" <<YAML
  door:
    stable_seconds: 0
    rescan_seconds: 1
    originals: delete
    cohort: cohort.csv
YAML
printf 'patient_id\nP1\n' >"$work/p/cohort.csv"
for n in 1 2 3; do make_dicom "$work/$n.dcm" "2.25.9$n" P1 2.25.1 2.25.2 500; done
make_dicom "$work/outsider" 2.25.99 P7 2.25.3 2.25.4 500
items() { intake "$work/p" "SELECT COUNT(*) FROM item WHERE state = $1"; }
items_are() { [ "$(items 0)/$(items 5)" = "$1" ]; }
crashes() { grep -c 'service_crashed service=watch signal=9' "$work/serve.err"; }
crashed() { [ "$(crashes)" -ge "$1" ]; }
for mode in delete move; do
    sed -i "s/originals: .*/originals: $mode/" "$work/p/project.yaml"
    : >"$work/serve.err"
    intake "$work/p" "DELETE FROM item; DROP TABLE IF EXISTS watched; DELETE FROM migration WHERE component = 'watch'" 2>/dev/null
    rm -rf "$work/p/private/inbox" "$work/drop/.lethe-done"
    cp "$work/1.dcm" "$work/drop/one"
    cp "$work/outsider" "$work/drop/outsider"
    SERVE_PREFIX="env LD_PRELOAD=$work/die.so LETHE_DIE_AT=$work/drop/one" start_serve "$work/p"
    until_true 60 crashed 2 || fail "nobody was killed before an original went ($mode)"
    check_equal "$(items 0)/$(items 5)" 1/1 "rows after two kills ($mode)"
    [ -e "$work/drop/one" ] || fail "the original went all the same ($mode)"
    stop_serve
    SERVE_PREFIX= start_serve "$work/p"
    until_true 60 test ! -e "$work/drop/one" || fail "the original of a row stays ($mode)"
    cp "$work/2.dcm" "$work/drop/two" # another look at everything
    until_true 60 test ! -e "$work/drop/two" || fail "the next original stays ($mode)"
    check_equal "$(items 0)/$(items 5)" 2/1 "rows in the end ($mode)"
    check_equal "$(find "$work/p/private/inbox" -type f | wc -l)" 2 "files in the inbox ($mode)"
    [ -e "$work/drop/outsider" ] || fail "what the cohort leaves out was taken away ($mode)"
    [ "$mode" = delete ] || [ -e "$work/drop/.lethe-done/one" ] || fail "the original was not moved"
    # Written to after it was taken in: a new file, not one to take away.
    cp "$work/3.dcm" "$work/drop/two"
    until_true 60 items_are 3/1 || fail "a new file under an old name was not taken in ($mode)"
    stop_serve
done
# De-identification: the tombstone is written, then the kill.
if [ -x "$LETHE_BIN/lethe-deid" ]; then
    lethe init "$work/q" >/dev/null || fail "init"
    lethe ingest add -C "$work/q" "$work/1.dcm" "$work/outsider" >/dev/null || fail "add"
    lethe object -C "$work/q" add P7 >/dev/null || fail "object"
    LD_PRELOAD=$work/die.so LETHE_DIE_AT=/private/inbox/ lethe deid -C "$work/q" >/dev/null 2>&1 && fail "de-identification was not killed"
    check_equal "$(intake "$work/q" "SELECT group_concat(state) FROM (SELECT state FROM item ORDER BY id)")" "2,5" "states after the kill"
    check_equal "$(find "$work/q/private/inbox" -type f | wc -l)" 2 "files after the kill"
    start_serve "$work/q" # the receiver's start must not take the file for one that it had lost
    check_equal "$(intake "$work/q" "SELECT COUNT(*) FROM item")" 2 "rows after a start"
    check_equal "$(find "$work/q/private/inbox" -type f | wc -l)" 1 "files after a start"
    stop_serve
fi
exit 0
