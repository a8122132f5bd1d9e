# Patients who object are turned away at the door, by network, file, upload folder and pull alike: a tombstone stays that holds no identity, and no file. The list
# may change while the receiver runs.
source "$LETHE_SOURCE/tests/support/ingest.bash" || exit 1
need storescu dump2dcm sqlite3 python3
[ -x "$LETHE_BIN/lethe-deid" ] || { echo "skipped: lethe-deid is not built"; exit 77; }
lethe init "$work/p" >/dev/null || fail "init"
mkdir "$work/drop"
printf '  watch: [%s]\n  door:\n    stable_seconds: 1\n    rescan_seconds: 1\n' "$work/drop" >"$work/extra"
sed -i '/^  watch:/d' "$work/p/project.yaml" && cat "$work/extra" >>"$work/p/project.yaml"
for n in 1 2 3 4 5 6; do make_dicom "$work/$n.dcm" "2.25.55$n" "P77$((n % 2))" "2.25.66$((n % 2))" 2.25.77 500; done
lethe object -C "$work/p" add P770 >/dev/null || fail "object"
start_serve "$work/p"
storescu -aec LETHE localhost "$port" "$work/1.dcm" "$work/2.dcm" || fail "send" # success for both: the peer need not know
check_equal "$(intake "$work/p" "SELECT group_concat(state) FROM (SELECT state FROM item ORDER BY id)")" "0,5" "by network"
lethe ingest add -C "$work/p" --json "$work/3.dcm" "$work/4.dcm" >"$work/out" || fail "add"
check_equal "$(python3 -c "import json; r = json.load(open('$work/out')); print(r['added'], r['dropped'])")" "1 1" "by file"
cp "$work/6.dcm" "$work/drop/"
for _ in $(seq 600); do [ "$(count_of "$work/p" dropped)" = 3 ] && break; sleep 0.1; done
check_equal "$(count_of "$work/p" dropped)" 3 "by watched folder"
# Tombstones name nobody.
check_equal "$(intake "$work/p" "SELECT DISTINCT path || sop_class || sop_instance || sha256 || source_name || output || '|' || reason FROM item WHERE state = 5")" \
    "|the patient objects to the use of the data" "what a tombstone holds"
check_equal "$(find "$work/p/private/inbox" -type f | wc -l)" 2 "files"
grep -rlE 'P770|2\.25\.55[246]' "$work/p/private" | grep -v '/key$' | grep . && fail "the objecting patient's traces stayed"
# A change of mind, while the receiver runs; and the other patient's.
lethe object -C "$work/p" add P771 >/dev/null || fail "object" # before the other goes: the list is asked for each instance while it is not empty
lethe object -C "$work/p" remove P770 >/dev/null || fail "remove"
storescu -aec LETHE localhost "$port" "$work/2.dcm" "$work/5.dcm" || fail "send"
check_equal "$(intake "$work/p" "SELECT COUNT(*) FROM item WHERE sop_instance = '2.25.552' AND state = 0")" 1 "no objection any more"
check_equal "$(intake "$work/p" "SELECT COUNT(*) FROM item WHERE sop_instance = '2.25.555'")" 0 "a new objection"
stop_serve
exit 0
