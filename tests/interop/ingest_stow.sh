# STOW-RS over HTTPS: token, parts good and bad, a broken upload, Orthanc's DICOMweb client as peer.
source "$LETHE_SOURCE/tests/support/ingest.bash" || exit 1
need curl openssl dump2dcm sqlite3 python3
stow=$(free_port)
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/key.pem" -out "$work/cert.pem" -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost >/dev/null 2>&1 || fail "certificate"
lethe init "$work/p" >/dev/null || fail "init"
cp "$work/key.pem" "$work/cert.pem" "$work/p/private/"
echo "an-invented-token-0123456789" >"$work/p/private/token"
cat >>"$work/p/project.yaml" <<YAML
  door:
    tls: {certificate: private/cert.pem, private_key: private/key.pem}
    stow: {port: $stow, host: 127.0.0.1, token_file: private/token}
YAML
start_serve "$work/p"
for _ in $(seq 600); do curl -s --cacert "$work/cert.pem" "https://localhost:$stow/" >/dev/null && break; sleep 0.1; done
for n in 1 2 3; do make_dicom "$work/$n.dcm" "2.25.6$n" P1 2.25.1 2.25.2 50000; done
body() { # body FILE...: a multipart body
    for file in "$@"; do
        printf -- '--BoUnDaRy\r\nContent-Type: application/dicom\r\n\r\n'
        cat "$file"
        printf '\r\n'
    done
    printf -- '--BoUnDaRy--\r\n'
}
post() { # post TOKEN BODY [TYPE]: prints the HTTP code, answer in $work/answer
    curl -s --cacert "$work/cert.pem" -o "$work/answer" -w '%{http_code}' -H "Authorization: Bearer $1" -H "Content-Type: ${3:-multipart/related; type=\"application/dicom\"; boundary=BoUnDaRy}" \
        --data-binary @"$2" "https://localhost:$stow/studies"
}
token=$(cat "$work/p/private/token")
body "$work/1.dcm" "$work/2.dcm" >"$work/two"
check_equal "$(post wrong-token-0123456789 "$work/two")" 401 "wrong token"
check_equal "$(count_of "$work/p" received)" 0 "received with a wrong token"
check_equal "$(post "$token" "$work/two")" 200 "two instances"
check_equal "$(python3 -c "import json; r = json.load(open('$work/answer')); print(*[i['00081155']['Value'][0] for i in r['00081199']['Value']], '00081198' in r)")" "2.25.61 2.25.62 False" "answer"
check_equal "$(count_of "$work/p" received)" 2 "received"
check_equal "$(intake "$work/p" "SELECT sha256 FROM item WHERE sop_instance = '2.25.61'")" "$(data_set "$work/1.dcm" | sha256sum | cut -d' ' -f1)" "content"
check_equal "$(post "$token" "$work/two")" 200 "the same again"
check_equal "$(count_of "$work/p" received)" 2 "received after duplicates"
echo "no image" >"$work/text"
body "$work/3.dcm" "$work/text" >"$work/mixed"
check_equal "$(post "$token" "$work/mixed")" 202 "one good, one bad"
check_equal "$(count_of "$work/p" quarantined)" 1 "quarantined"
check_equal "$(post "$token" "$work/two" "application/json")" 415 "another media type"
head -c 20000 "$work/two" >"$work/cut"
check_equal "$(post "$token" "$work/cut")" 400 "a body that breaks off"
check_equal "$(curl -s --cacert "$work/cert.pem" -o /dev/null -w '%{http_code}' -H "Authorization: Bearer $token" "https://localhost:$stow/studies")" 405 "GET"
check_equal "$(curl -s --cacert "$work/cert.pem" -o /dev/null -w '%{http_code}' -H "Authorization: Bearer $token" "https://localhost:$stow/etc/passwd")" 404 "another path"
curl -s "http://localhost:$stow/studies" -o /dev/null --max-time 5 && fail "plain HTTP was answered"
grep -E "2\.25\.6|$token" "$work/serve.err" && fail "the log tells too much"
check_equal "$(find "$work/p/private/inbox" -type f | wc -l)" "$(intake "$work/p" "SELECT COUNT(*) FROM item")" "files and rows"

plugin=$(ls /usr/lib/orthanc/libOrthancDicomWeb.so* /usr/share/orthanc/plugins/libOrthancDicomWeb.so 2>/dev/null | head -1)
if command -v Orthanc >/dev/null && [ -n "$plugin" ]; then
    http=$(free_port)
    cat >"$work/orthanc.json" <<JSON
{"StorageDirectory": "$work/orthanc", "IndexDirectory": "$work/orthanc", "HttpPort": $http, "DicomServerEnabled": false, "RemoteAccessAllowed": false,
 "AuthenticationEnabled": false, "Plugins": ["$plugin"], "HttpsCACertificates": "$work/cert.pem", "HttpsVerifyPeers": true,
 "DicomWeb": {"Enable": true, "Servers": {"lethe": {"Url": "https://localhost:$stow/", "HttpHeaders": {"Authorization": "Bearer $token"}, "HasDelete": false}}}}
JSON
    Orthanc "$work/orthanc.json" >"$work/orthanc.log" 2>&1 &
    started_pids+=($!)
    for _ in $(seq 600); do curl -sf "http://localhost:$http/system" >/dev/null && break; sleep 0.1; done
    make_dicom "$work/o.dcm" 2.25.99 P5 2.25.5 2.25.6
    curl -sf -X POST "http://localhost:$http/instances" --data-binary @"$work/o.dcm" >/dev/null || fail "upload to Orthanc"
    study=$(curl -sf "http://localhost:$http/studies" | python3 -c "import json, sys; print(json.load(sys.stdin)[0])")
    curl -sf -X POST "http://localhost:$http/dicom-web/servers/lethe/stow" -d "{\"Resources\": [\"$study\"], \"Synchronous\": true}" >/dev/null || fail "Orthanc's STOW-RS: $(tail -5 "$work/orthanc.log")"
    check_equal "$(intake "$work/p" "SELECT COUNT(*) FROM item WHERE sop_instance = '2.25.99' AND source = 'stow'")" 1 "instance from Orthanc"
else
    echo "Orthanc's DICOMweb client was left out: not installed"
fi
stop_serve
