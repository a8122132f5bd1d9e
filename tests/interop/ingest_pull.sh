# Pulling a cohort from DCMTK's dcmqrscp: by C-GET and C-MOVE, filtered, reconciled, and resumed after a kill.
source "$LETHE_SOURCE/tests/support/ingest.bash" || exit 1
need dcmqrscp storescu echoscu dump2dcm sqlite3 python3
pacs=$(free_port)
mkdir -p "$work/pacs" "$work/in"

# Three patients: P1 with two studies, P2 with one study of two series (CT and MR), P3 that nobody asks for.
n=0
new() { n=$((n + 1)) && make_dicom "$work/in/$n.dcm" "2.25.7$n" "$@"; }
for _ in 1 2 3; do new P1 2.25.101 2.25.201; done
for _ in 1 2; do new P1 2.25.102 2.25.202; done
for _ in 1 2 3 4; do new P2 2.25.103 2.25.203; done
for _ in 1 2; do new P2 2.25.103 2.25.204 64 MR; done
new P3 2.25.104 2.25.205
lethe init "$work/p" >/dev/null || fail "init"
start_serve "$work/p"
cat >"$work/qr.cfg" <<CFG
NetworkTCPPort = $pacs
MaxPDUSize = 16384
MaxAssociations = 16
HostTable BEGIN
lethe = (LETHE, 127.0.0.1, $port)
HostTable END
VendorTable BEGIN
VendorTable END
AETable BEGIN
PACS $work/pacs RW (200, 1024mb) ANY
AETable END
CFG
dcmqrscp -c "$work/qr.cfg" >"$work/qr.log" 2>&1 &
started_pids+=($!)
for _ in $(seq 600); do echoscu -aec PACS localhost "$pacs" 2>/dev/null && break; sleep 0.1; done
storescu -aec PACS localhost "$pacs" "$work"/in/*.dcm || fail "filling the PACS"
sed -i "s|peers: .*|peers: [{name: pacs, aet: PACS, host: 127.0.0.1, port: $pacs}]|" "$work/p/project.yaml"

pull() { lethe ingest pull -C "$work/p" --peer pacs --quiet --back-off 0 "$@" >"$work/out" 2>"$work/err"; }
cat >"$work/cohort.csv" <<CSV
patient_id,study_uid,modality,description
P1,,,
P2,2.25.103,CT,
P9,,,
CSV
pull --cohort "$work/cohort.csv" --find-only || fail "find: $(cat "$work/err")"
check_equal "$(head -1 "$work/out")" "asked 3 lines, found 3 studies, 9 instances; received 0, missing 9" "found"
pull --cohort "$work/cohort.csv" --report "$work/report" || fail "pull: $(cat "$work/err" "$work/out")"
check_equal "$(head -1 "$work/out")" "asked 3 lines, found 3 studies, 9 instances; received 9, missing 0" "pulled"
check_equal "$(intake "$work/p" "SELECT COUNT(*) FROM item WHERE source = 'pull'")" 9 "items from the pull"
grep -q '^4,P9,.*,0,0,0,0,the peer has no such study' "$work/report.csv" || fail "reconciliation of an absent patient: $(cat "$work/report.csv")"
grep -q '<b>9</b> instances expected, <b>9</b> received, <b>0</b> missing' "$work/report.html" || fail "HTML"
check_equal "$(stat -c %a "$work/report.csv")" 600 "mode of the reconciliation"
# The bytes are those of the PACS.
for f in 1 4 6; do
    digest=$(data_set "$work/in/$f.dcm" | sha256sum | cut -d' ' -f1)
    check_equal "$(intake "$work/p" "SELECT COUNT(*) FROM item WHERE sha256 = '$digest'")" 1 "content of instance $f"
done
# Again: nothing to do.
pull --cohort "$work/cohort.csv" || fail "pull again"
check_equal "$(count_of "$work/p" received)" 9 "received after a second pull"

# By C-MOVE to our own receiver, queries split by date, two jobs, a rate.
printf 'patient_id;modality;date_from;date_to\nP2;MR|US;2023-12-01;2024-02-01\n' >"$work/move.csv"
pull --cohort "$work/move.csv" --retrieve move --jobs 2 --rate 6000 --answers 100 || fail "move: $(cat "$work/err" "$work/out")"
check_equal "$(head -1 "$work/out")" "asked 1 lines, found 1 studies, 2 instances; received 2, missing 0" "moved"
check_equal "$(intake "$work/p" "SELECT COUNT(*) FROM item WHERE source = 'dimse'")" 2 "items from the move"
# A peer that limits its answers even for one day is reported, not ignored.
printf 'patient_id,date_from,date_to\nP1,20240102,20240102\n' >"$work/limit.csv"
pull --cohort "$work/limit.csv" --answers 1 --report "$work/limit" --find-only || fail "limited find"
grep -q "limits its answers" "$work/limit.csv" || fail "a limited answer must be told: $(cat "$work/limit.csv")"

# Killed in the middle, given again, complete.
lethe init "$work/q" >/dev/null || fail "init"
cp "$work/p/project.yaml" "$work/q/project.yaml"
for round in 1 2 3; do
    lethe ingest pull -C "$work/q" --peer pacs --quiet --cohort "$work/cohort.csv" --rate 600 >/dev/null 2>&1 &
    puller=$!
    sleep "0.$((RANDOM % 5 + 1))"
    { kill -9 $puller && wait $puller; } 2>/dev/null
done
lethe ingest pull -C "$work/q" --peer pacs --quiet --cohort "$work/cohort.csv" --back-off 0 >"$work/out" || fail "resumed pull"
check_equal "$(head -1 "$work/out")" "asked 3 lines, found 3 studies, 9 instances; received 9, missing 0" "resumed"
check_equal "$(intake "$work/q" "SELECT COUNT(*) FROM item")" 9 "items after the resumed pull"
check_equal "$(find "$work/q/private/inbox" -type f | wc -l)" 9 "files after the resumed pull"

# Instances that the PACS has lost: given up with a reason, exit code 1.
rm "$work"/pacs/CT_*7.dcm 2>/dev/null || rm "$(find "$work/pacs" -type f ! -name '*.dat' | head -1)"
lethe init "$work/r" >/dev/null || fail "init"
cp "$work/p/project.yaml" "$work/r/project.yaml"
printf 'patient_id\nP1\nP2\nP3\n' >"$work/all.csv"
lethe ingest pull -C "$work/r" --peer pacs --quiet --cohort "$work/all.csv" --back-off 0 --retries 2 >"$work/out" 2>"$work/err"
check_equal $? 1 "exit code with something missing: $(cat "$work/out" "$work/err")"
grep -q "missing [1-9]" "$work/out" || fail "missing instances are not told: $(cat "$work/out")"

# Wrong usage and configuration.
pull --cohort "$work/absent.csv" && fail "an absent cohort"
printf 'patient,study\nP1,1\n' >"$work/wrong.csv"
pull --cohort "$work/wrong.csv"
check_equal $? 2 "exit code for an unknown column"
lethe ingest pull -C "$work/p" --peer nobody --cohort "$work/all.csv" 2>/dev/null
check_equal $? 2 "exit code for an unknown peer"
stop_serve
