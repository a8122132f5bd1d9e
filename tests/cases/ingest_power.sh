# A power cut: the store has lost its last transactions, files are cut short or empty. What was acknowledged is synced with its own row in its header and comes
# back, once, with everything the row held; what is damaged was never acknowledged and goes; de-identification never shows the row to anybody.
source "$LETHE_SOURCE/tests/support/ingest.bash" || exit 1
need storescu dump2dcm sqlite3 python3
lethe init "$work/p" >/dev/null || fail "init"
printf '  door:\n    allow: [{aet: HIGH, priority: 7}, {aet: LOW}]\n' >>"$work/p/project.yaml"
mkdir "$work/in"
for n in 1 2 3 4 5 6 7 8 9; do make_dicom "$work/in/$n.dcm" "2.25.9$n" "P$n" 2.25.1 2.25.2 2001; done
start_serve "$work/p"
storescu -aet HIGH -aec LETHE localhost "$port" "$work"/in/[1-69].dcm || fail "send"
storescu -aet LOW -aec LETHE localhost "$port" "$work"/in/[78].dcm || fail "send"
# 8 comes twice, so that two whole files carry its row: a duplicate whose removal was undone.
intake "$work/p" "PRAGMA busy_timeout = 20000; DELETE FROM item WHERE sop_instance = '2.25.98'" >/dev/null
storescu -aet LOW -aec LETHE localhost "$port" "$work/in/8.dcm" || fail "send 8 again"
{ kill -9 "$serve_pid" && wait "$serve_pid"; } 2>/dev/null
columns="sop_instance, sop_class, sha256, size_bytes, received_us, source, source_name, priority, kind, path"
intake "$work/p" "SELECT $columns FROM item ORDER BY sop_instance" >"$work/before"
check_equal "$(wc -l <"$work/before")" 9 "rows before"
path_of() { intake "$work/p" "SELECT path FROM item WHERE sop_instance = '2.25.9$1'"; }
# 1: cut short. 2: a byte of the data set changed. 3: length kept, end zero (as some file systems do). 4: label torn. 9: a digit of
# its priority changed. 5 to 8 are whole. All rows are lost but 8's.
inbox=$work/p/private
truncate -s -100 "$inbox/$(path_of 1)"
python3 - "$inbox/$(path_of 2)" "$inbox/$(path_of 3)" "$inbox/$(path_of 4)" "$inbox/$(path_of 9)" <<'PY'
import sys
def change(path, edit):
    b = bytearray(open(path, "rb").read()); edit(b); open(path, "wb").write(b)
def flip(b): b[-50] ^= 1
def zero(b): b[-1000:] = bytes(1000)
def tear(b):
    at = b.index(b"LETHE-ROW"); b[at + 30:at + 192] = bytes(162)
def promote(b):
    at = b.index(b" 7 ", b.index(b"LETHE-ROW")); b[at + 1:at + 2] = b"1"
for path, edit in zip(sys.argv[1:], (flip, zero, tear, promote)): change(path, edit)
PY
: >"$(dirname "$inbox/$(path_of 5)")/00000000000000000000000000000000.dcm"
# A file that was handed in (added, uploaded) and never recorded, with a row inside that belongs to another name: what it says counts for nothing.
cp "$inbox/$(path_of 6)" "$inbox/$(dirname "$(path_of 6)")/ffffffffffffffffffffffffffffffff.dcm"
intake "$work/p" "DELETE FROM item WHERE sop_instance <> '2.25.98'"
start_serve "$work/p"
intake "$work/p" "SELECT $columns FROM item ORDER BY sop_instance" >"$work/after"
sed -n 5,8p "$work/before" | cmp - "$work/after" || fail "rows are not what they were: $(diff "$work/before" "$work/after")"
check_equal "$(find "$inbox/inbox" -type f | wc -l)" 4 "files"
grep -q 'inbox_rows_restored instances=3' "$work/serve.err" || fail "nothing is said of restored rows"
# The peer was never told success for the damaged ones; it sends all again, and all are there once.
storescu -aet HIGH -aec LETHE localhost "$port" "$work"/in/*.dcm || fail "send again"
check_equal "$(intake "$work/p" "SELECT COUNT(*) FROM item")" 9 "instances in the end"
stop_serve
check_equal "$(find "$inbox/inbox" -type f | wc -l)" 9 "files in the end"
# The row stays on the private side.
if [ -x "$LETHE_BIN/lethe-deid" ]; then
    lethe deid -C "$work/p" >/dev/null 2>&1
    [ "$(find "$work/p/released" -name '*.dcm' | wc -l)" -gt 0 ] || fail "nothing was released"
    grep -rlaE 'LETHE-ROW|2\.25\.137209811044207711640937215038417214305.LETHE' "$work/p/released" | grep . && fail "a released file shows its row"
fi
exit 0
