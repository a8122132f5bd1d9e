# Pulling from Orthanc by C-GET and by C-MOVE.
source "$LETHE_SOURCE/tests/support/ingest.bash" || exit 1
need Orthanc dump2dcm sqlite3 python3 curl
http=$(free_port)
dicom=$(free_port)
lethe init "$work/p" >/dev/null || fail "init"
sed -i "s|peers: .*|peers: [{name: pacs, aet: ORTHANC, host: 127.0.0.1, port: $dicom}]|" "$work/p/project.yaml"
start_serve "$work/p"
cat >"$work/orthanc.json" <<JSON
{"StorageDirectory": "$work/orthanc", "IndexDirectory": "$work/orthanc", "HttpPort": $http, "DicomPort": $dicom, "DicomAet": "ORTHANC", "RemoteAccessAllowed": false,
 "AuthenticationEnabled": false, "Plugins": [], "LimitFindResults": 3, "DicomModalities": {"lethe": ["LETHE", "127.0.0.1", $port]}}
JSON
Orthanc "$work/orthanc.json" >"$work/orthanc.log" 2>&1 &
started_pids+=($!)
for _ in $(seq 600); do curl -sf "http://localhost:$http/system" >/dev/null && break; sleep 0.1; done
for n in 1 2 3; do
    make_dicom "$work/$n.dcm" "2.25.44$n" "P$((n % 2))" "2.25.10$((n % 2))" "2.25.20$((n % 2))"
    curl -sf -X POST "http://localhost:$http/instances" --data-binary @"$work/$n.dcm" >/dev/null || fail "upload"
done
printf 'patient_id\nP1\n' >"$work/one.csv"
lethe ingest pull -C "$work/p" --peer pacs --cohort "$work/one.csv" --quiet --back-off 0 >"$work/out" 2>"$work/err" || fail "C-GET: $(cat "$work/out" "$work/err" "$work/p/private/reconciliation.csv"; tail -5 "$work/orthanc.log")"
check_equal "$(head -1 "$work/out")" "asked 1 lines, found 1 studies, 2 instances; received 2, missing 0" "by C-GET"
printf 'study_uid\n2.25.100\n' >"$work/two.csv"
lethe ingest pull -C "$work/p" --peer pacs --cohort "$work/two.csv" --retrieve move --quiet --back-off 0 >"$work/out" 2>"$work/err" || fail "C-MOVE: $(cat "$work/out" "$work/err"; tail -5 "$work/orthanc.log")"
check_equal "$(head -1 "$work/out")" "asked 1 lines, found 1 studies, 1 instances; received 1, missing 0" "by C-MOVE"
for n in 1 2 3; do
    check_equal "$(intake "$work/p" "SELECT COUNT(*) FROM item WHERE sop_instance = '2.25.44$n'")" 1 "instance $n"
done
stop_serve
