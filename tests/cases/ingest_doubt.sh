# The link to PostgreSQL breaks after a COMMIT was sent and before its answer: the receiver asks again, and the peer hears success for what stands, once. If the
# store stays away, the peer hears "later", and the file of the row that may stand is not removed.
LETHE_TEST_STORE=postgresql
source "$LETHE_SOURCE/tests/support/ingest.bash" || exit 1
need storescu dump2dcm psql python3
python3 "$LETHE_SOURCE/tests/support/pg_proxy.py" "$pg/.s.PGSQL.5432" "$work" >"$work/proxy.port" &
started_pids+=($!)
until [ -s "$work/proxy.port" ]; do sleep 0.05; done
command lethe init "$work/p" --store "postgresql://postgres@127.0.0.1:$(cat "$work/proxy.port")/postgres?connect_timeout=2" >/dev/null || fail "init"
for n in 1 2 3 4 5; do make_dicom "$work/$n.dcm" "2.25.8$n" P1 2.25.1 2.25.2 500; done
start_serve "$work/p"
storescu -aec LETHE localhost "$port" "$work/1.dcm" || fail "send"
touch "$work/cut"
storescu -aec LETHE localhost "$port" "$work/2.dcm" || fail "a commit in doubt was not settled"
[ -e "$work/was_cut" ] || fail "no commit was cut"
check_equal "$(intake "" "SELECT COUNT(*) FROM item")" 2 "rows after a commit in doubt"
check_equal "$(find "$work/p/private/inbox" -type f | wc -l)" 2 "files after a commit in doubt"
# A duplicate is still a duplicate afterwards.
storescu -aec LETHE localhost "$port" "$work/2.dcm" || fail "a duplicate"
check_equal "$(intake "" "SELECT COUNT(*) FROM item")" 2 "rows after a duplicate"
# The commit stands, but nobody can tell: the store is gone for good.
rm "$work/was_cut"
touch "$work/cut"
touch "$work/refuse"
storescu -v -aec LETHE localhost "$port" "$work/3.dcm" >"$work/log" 2>&1
grep -q "Refused: OutOfResources" "$work/log" || fail "success without a store: $(cat "$work/log")"
check_equal "$(intake "" "SELECT COUNT(*) FROM item")" 3 "the row stands"
file=$(intake "" "SELECT path FROM item WHERE sop_instance = '2.25.83'")
[ -s "$work/p/private/$file" ] || fail "the file of a row in doubt was removed"
storescu -v -aec LETHE localhost "$port" "$work/4.dcm" >"$work/log" 2>&1
grep -q "Refused: OutOfResources" "$work/log" || fail "success without a store"
rm "$work/refuse"
# Back again: the peer repeats itself, and all is there once.
storescu -aec LETHE localhost "$port" "$work"/[1-5].dcm || fail "send again"
check_equal "$(intake "" "SELECT COUNT(*) || '/' || COUNT(DISTINCT sop_instance) FROM item")" 5/5 "rows in the end"
for path in $(intake "" "SELECT path FROM item"); do [ -s "$work/p/private/$path" ] || fail "a row without its file"; done
stop_serve
# The same for what is added, uploaded and pulled.
rows() { intake "" "SELECT COUNT(*) || '/' || COUNT(DISTINCT sop_instance) FROM item"; }
make_dicom "$work/6.dcm" 2.25.86 P1 2.25.1 2.25.2 500
rm -f "$work/was_cut"
touch "$work/cut"
command lethe ingest add -C "$work/p" "$work/6.dcm" >"$work/out" 2>&1 || fail "adding was not settled: $(cat "$work/out")"
[ -e "$work/was_cut" ] || fail "no commit was cut: $(cat "$work/out")"
check_equal "$(rows)" 6/6 "rows after adding in doubt"
for path in $(intake "" "SELECT path FROM item"); do [ -s "$work/p/private/$path" ] || fail "adding in doubt left a row without its file"; done
exit 0
