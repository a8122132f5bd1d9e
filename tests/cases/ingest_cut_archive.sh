# The process of watched folders is killed in the middle of an archive (a batch of its members is committed, the rest is not), and again when all of it is committed
# and the original is about to go. It begins anew: each member stands once, and each that the cohort leaves out has one tombstone, not one for each attempt.
source "$LETHE_SOURCE/tests/support/ingest.bash" || exit 1
need sqlite3 python3 cc
[ -z "${LETHE_UNDER_ASAN:-}" ] || { echo "skipped: AddressSanitizer has its own ideas of preloading"; exit 77; }
cc -shared -fPIC -O1 -o "$work/die.so" "$LETHE_SOURCE/tests/support/die.c" -ldl || fail "cc"
lethe init "$work/p" >/dev/null || fail "init"
mkdir "$work/drop"
sed -i "s|watch: .*|watch: [$work/drop]|" "$work/p/project.yaml"
cat >>"$work/p/project.yaml" <<YAML
  door:
    stable_seconds: 0
    rescan_seconds: 1
    originals: move
    cohort: cohort.csv
YAML
printf 'patient_id\nP1\n' >"$work/p/cohort.csv"
# 100 members of P1, of which the second repeats the first (its copy is removed again in the first batch), and 9 of somebody else.
python3 - "$work/scan.zip" <<'PY'
import struct, sys, zipfile
def e(g, n, vr, v):
    v = v.encode() + (b"" if len(v) % 2 == 0 else b"\0" if vr == "UI" else b" ")
    return struct.pack("<HH2sH", g, n, vr.encode(), len(v)) + v
def image(uid, patient):
    meta = e(2, 2, "UI", "1.2.840.10008.5.1.4.1.1.2") + e(2, 3, "UI", uid) + e(2, 0x10, "UI", "1.2.840.10008.1.2.1")
    return (bytes(128) + b"DICM" + struct.pack("<HH2sHI", 2, 0, b"UL", 4, len(meta)) + meta + e(8, 0x16, "UI", "1.2.840.10008.5.1.4.1.1.2")
            + e(8, 0x18, "UI", uid) + e(8, 0x60, "CS", "CT") + e(0x10, 0x20, "LO", patient) + e(0x20, 0xd, "UI", "2.25.7") + e(0x20, 0xe, "UI", "2.25.8"))
with zipfile.ZipFile(sys.argv[1], "w") as z:
    for i in range(100): z.writestr("in/%03d" % i, image("2.25.9%03d" % max(i, 1), "P1"))
    for i in range(9): z.writestr("out/%d" % i, image("2.25.8%d" % i, "P7"))
PY
items() { intake "$work/p" "PRAGMA busy_timeout = 20000; SELECT COUNT(*) FROM item WHERE state = $1" | tail -1; }
killed() { [ "$(grep -c 'service_crashed service=watch signal=9' "$work/serve.err")" -ge "$1" ]; }
taken() { [ ! -e "$work/drop/scan.zip" ]; }
lethe status -C "$work/p" >/dev/null
cp "$work/scan.zip" "$work/drop/scan.zip"
# At the removal of the repeated member's copy: its batch is committed.
SERVE_PREFIX="env LD_PRELOAD=$work/die.so LETHE_DIE_AT=/private/inbox/20" start_serve "$work/p"
until_true 60 killed 2 || fail "nobody was killed in the middle of the archive"
stop_serve
some=$(items 0)
[ "$some" -gt 0 ] && [ "$some" -lt 99 ] || fail "the kills did not hit between two batches: $some rows"
check_equal "$(items 5)" 0 "tombstones of an archive that has not ended"
# When all is committed and the original is about to go.
: >"$work/serve.err"
SERVE_PREFIX="env LD_PRELOAD=$work/die.so LETHE_DIE_AT=$work/drop/scan.zip" start_serve "$work/p"
until_true 60 killed 2 || fail "nobody was killed before the original went"
stop_serve
check_equal "$(items 0)/$(items 5)" 99/9 "rows after four kills"
[ -e "$work/drop/scan.zip" ] || fail "the original went all the same"
SERVE_PREFIX= start_serve "$work/p"
until_true 60 taken || fail "the original of an archive that is in stays"
stop_serve
check_equal "$(items 0)/$(items 5)" 99/9 "rows in the end"
check_equal "$(find "$work/p/private/inbox" -name '*.dcm' | wc -l)" 99 "files in the end"
[ -e "$work/drop/.lethe-done/scan.zip" ] || fail "the original was not moved"
# By hand: a count of what was left out, and its tombstones.
lethe init "$work/q" >/dev/null || fail "init"
printf '  door:\n    cohort: cohort.csv\n' >>"$work/q/project.yaml"
cp "$work/p/cohort.csv" "$work/q/"
lethe ingest add -C "$work/q" "$work/scan.zip" >"$work/out" || fail "add"
check_equal "$(intake "$work/q" "SELECT group_concat(n) FROM (SELECT state || ':' || COUNT(*) AS n FROM item GROUP BY state ORDER BY state)")" "0:99,5:9" "rows of add"
grep -q 'dropped 9,' "$work/out" || fail "add does not tell of what was left out: $(cat "$work/out")"
exit 0
