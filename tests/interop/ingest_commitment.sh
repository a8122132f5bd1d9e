# Storage commitment with Orthanc as the PACS: it sends, asks for commitment, and gets its answer on an association of its own.
source "$LETHE_SOURCE/tests/support/ingest.bash" || exit 1
need Orthanc dump2dcm sqlite3 python3 curl
http=$(free_port)
dicom=$(free_port)
lethe init "$work/p" >/dev/null || fail "init"
sed -i "s|peers: .*|peers: [{name: pacs, aet: ORTHANC, host: 127.0.0.1, port: $dicom}]|" "$work/p/project.yaml"
start_serve "$work/p" --port "$(free_port)" # the same one again after the kill
cat >"$work/orthanc.json" <<JSON
{"Name": "pacs", "StorageDirectory": "$work/orthanc", "IndexDirectory": "$work/orthanc", "HttpPort": $http, "DicomPort": $dicom, "DicomAet": "ORTHANC",
 "RemoteAccessAllowed": false, "AuthenticationEnabled": false, "Plugins": [],
 "DicomModalities": {"lethe": {"AET": "LETHE", "Host": "127.0.0.1", "Port": $port, "AllowStorageCommitment": true}}}
JSON
Orthanc "$work/orthanc.json" >"$work/orthanc.log" 2>&1 &
started_pids+=($!)
for _ in $(seq 600); do curl -sf "http://localhost:$http/system" >/dev/null && break; sleep 0.1; done
for n in 1 2 3; do
    make_dicom "$work/$n.dcm" "2.25.44$n" P1
    curl -sf -X POST "http://localhost:$http/instances" --data-binary @"$work/$n.dcm" >"$work/upload.json" || fail "upload"
done
study=$(curl -sf "http://localhost:$http/studies" | python3 -c "import json, sys; print(json.load(sys.stdin)[0])")
commit() { # commit JSON: prints Orthanc's verdict
    local id
    id=$(curl -sf -X POST "http://localhost:$http/modalities/lethe/storage-commitment" -d "$1" | python3 -c "import json, sys; print(json.load(sys.stdin)['ID'])")
    for _ in $(seq 600); do
        curl -sf "http://localhost:$http/storage-commitment/$id" >"$work/commitment.json"
        grep -q '"Status" : "Pending"' "$work/commitment.json" || break
        sleep 0.1
    done
    python3 -c "import json; r = json.load(open('$work/commitment.json')); print(r['Status'], len(r['Success']), len(r['Failures']))"
}
# Not sent yet: nothing is committed.
check_equal "$(commit "{\"DicomInstances\": [{\"SOPClassUID\": \"1.2.840.10008.5.1.4.1.1.2\", \"SOPInstanceUID\": \"2.25.441\"}]}")" "Failure 0 1" "commitment before sending"
curl -sf -X POST "http://localhost:$http/modalities/lethe/store" -d "$study" >/dev/null || fail "Orthanc could not send"
check_equal "$(count_of "$work/p" received)" 3 "received from Orthanc"
check_equal "$(commit "{\"Resources\": [\"$study\"]}")" "Success 3 0" "commitment after sending"
stop_serve

# A report that cannot be delivered outlives the receiver: nobody listens at the peer's address when the request comes, the receiver is killed, and the report
# arrives when both are back.
relay=$(free_port)
sed -i "s|port: $dicom}|port: $relay}|" "$work/p/project.yaml"
lethe ingest serve -C "$work/p" --port "$port" >"$work/serve.out" 2>>"$work/serve.err" &
serve_pid=$!
serve_pids+=("$serve_pid")
for _ in $(seq 600); do grep -q '^listening' "$work/serve.out" && break; sleep 0.1; done
id=$(curl -sf -X POST "http://localhost:$http/modalities/lethe/storage-commitment" -d "{\"Resources\": [\"$study\"]}" | python3 -c "import json, sys; print(json.load(sys.stdin)['ID'])")
for _ in $(seq 600); do grep -q commitment_not_reported "$work/serve.err" && break; sleep 0.1; done
grep -q commitment_not_reported "$work/serve.err" || fail "nobody tried to report"
{ kill -9 "$serve_pid" && wait "$serve_pid"; } 2>/dev/null
curl -sf "http://localhost:$http/storage-commitment/$id" | grep -q Pending || fail "reported to nobody"
check_equal "$(find "$work/p/private/commitments" -name '*.report' | wc -l)" 1 "reports kept"
python3 "$LETHE_SOURCE/tests/support/tls_relay.py" "$dicom" "$relay" - >"$work/relay" &
started_pids+=($!)
start_serve "$work/p"
for _ in $(seq 600); do
    curl -sf "http://localhost:$http/storage-commitment/$id" | grep -q '"Status" : "Success"' && reported=1 && break
    sleep 0.1
done
[ "${reported:-0}" = 1 ] || fail "the kept report was not delivered"
for _ in $(seq 600); do [ "$(find "$work/p/private/commitments" -name '*.report' | wc -l)" = 0 ] && break; sleep 0.1; done
check_equal "$(find "$work/p/private/commitments" -name '*.report' | wc -l)" 0 "reports left"
stop_serve
