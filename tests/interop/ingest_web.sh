# DICOMweb against Orthanc's plugin: a cohort by QIDO-RS and WADO-RS, through HTTPS with a token and a client certificate, with busy answers, links that break in the
# middle of a series and kills; onward by STOW-RS, once each.
source "$LETHE_SOURCE/tests/support/ingest.bash" || exit 1
need Orthanc dump2dcm sqlite3 python3 curl openssl
plugin=$(ls /usr/share/orthanc/plugins/libOrthancDicomWeb.so 2>/dev/null) || { echo "skipped: orthanc-dicomweb is not installed"; exit 77; }
http=$(free_port)
mkdir "$work/front" "$work/orthanc"
cat >"$work/orthanc.json" <<JSON
{"StorageDirectory": "$work/orthanc", "IndexDirectory": "$work/orthanc", "HttpPort": $http, "DicomPort": $(free_port), "RemoteAccessAllowed": false,
 "AuthenticationEnabled": false, "Plugins": ["$plugin"], "DicomWeb": {"Enable": true, "Root": "/dicom-web/"}}
JSON
Orthanc "$work/orthanc.json" >"$work/orthanc.log" 2>&1 &
started_pids+=($!)
# Certificates: an authority, the front's, ours, and a stranger's.
authority() { openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/front/$1.key" -out "$work/front/$1.pem" -days 2 -subj "/CN=$1" >/dev/null 2>&1; }
request() {
    openssl req -newkey rsa:2048 -nodes -keyout "$work/front/$1.key" -out "$work/front/$1.csr" -subj "/CN=$1" >/dev/null 2>&1 &&
        openssl x509 -req -in "$work/front/$1.csr" -CA "$work/front/ca.pem" -CAkey "$work/front/ca.key" -CAcreateserial -out "$work/front/$1.pem" -days 2 \
            -extfile <(echo "subjectAltName=DNS:localhost") >/dev/null 2>&1
}
authority ca && authority stranger && request server && request client || fail "certificates"
echo "a-token-of-this-test" >"$work/front/token"
python3 "$LETHE_SOURCE/tests/support/web_proxy.py" "$http" "$work/front" >"$work/front/port" 2>"$work/front/err" &
started_pids+=($!)
for _ in $(seq 600); do curl -sf "http://localhost:$http/system" >/dev/null && [ -s "$work/front/port" ] && break; sleep 0.1; done
front=$(cat "$work/front/port")
for n in $(seq 9); do
    make_dicom "$work/$n.dcm" "2.25.44$n" "P$((n % 3))" "2.25.10$((n % 3))" "2.25.20$((n % 3))" 4000
    curl -sf -X POST "http://localhost:$http/instances" --data-binary @"$work/$n.dcm" >/dev/null || fail "upload"
done

lethe init "$work/p" >/dev/null || fail "init"
cp "$work/front"/{client.pem,client.key,ca.pem,stranger.pem,stranger.key,token} "$work/p/private/"
peer() { # peer OPTIONS: a peer "web" with them
    sed -i '/^  peers:/,$d' "$work/p/project.yaml"
    printf '  peers:\n    - {name: web, url: "https://localhost:%s/dicom-web/"%s}\n    - {name: plain, url: "http://localhost:%s/dicom-web"}\n' "$front" "$1" "$http" >>"$work/p/project.yaml"
}
good=', token_file: private/token, tls: {authorities: private/ca.pem, certificate: private/client.pem, private_key: private/client.key}'
peer "$good"
pull() { timeout 100 lethe ingest pull -C "$work/p" --peer "$1" --cohort "$work/$2.csv" --quiet --back-off 0 "${@:3}" >"$work/out" 2>"$work/err"; }
summary() { head -1 "$work/out"; }

printf 'patient_id,modality\nP1,CT\nP7,\n' >"$work/one.csv"
pull web one || fail "pull: $(cat "$work/out" "$work/err")"
check_equal "$(summary)" "asked 2 lines, found 1 studies, 3 instances; received 3, missing 0" "a patient by DICOMweb"
grep -q '^3,P7,.*the peer has no such study' "$work/p/private/reconciliation.csv" || fail "what was not found is not told"
for n in 1 4 7; do
    check_equal "$(intake "$work/p" "SELECT source || sha256 FROM item WHERE sop_instance = '2.25.44$n'")" "pull$(data_set "$work/$n.dcm" | sha256sum | cut -d' ' -f1)" "instance $n"
done

# Busy three times; then a series that breaks off after its first instance: both are tried again.
printf 'study_uid\n2.25.102\n' >"$work/two.csv"
pull web two --find-only || fail "find"
check_equal "$(count_of "$work/p" received)" 3 "find-only fetches nothing"
echo "busy 1" >"$work/front/fault"
pull web two || fail "busy while asking: $(cat "$work/err")"
check_equal "$(summary)" "asked 1 lines, found 1 studies, 3 instances; received 3, missing 0" "after a busy answer"
printf 'accession_number,date_from,date_to\nAP0,20240101,20240131\n' >"$work/three.csv"
pull web three --find-only || fail "find"
rm -f "$work/front/requests"
echo "cut 9000" >"$work/front/fault"
pull web three --window "00:00-23:59" --jobs 1 || fail "cut: $(cat "$work/out" "$work/err")"
check_equal "$(summary)" "asked 1 lines, found 1 studies, 3 instances; received 3, missing 0" "after a broken link"
check_equal "$(grep -c "GET /dicom-web/studies/2.25.100/series/2.25.200$" "$work/front/requests")" 2 "retrievals of a series that broke off"
check_equal "$(intake "$work/p" "SELECT COUNT(*) || '/' || COUNT(DISTINCT sop_instance) FROM item")" 9/9 "each once"

# Killed at random instants, each time begun again by the same command: at the end all is there once, whole, and nothing else is left.
lethe init "$work/q" >/dev/null || fail "init"
sed -i '/^  peers:/,$d' "$work/q/project.yaml"
sed -n '/^  peers:/,$p' "$work/p/project.yaml" >>"$work/q/project.yaml"
cp "$work/front"/{client.pem,client.key,ca.pem,token} "$work/q/private/"
for n in $(seq 24); do # 4 studies of 2 series of 3
    make_dicom "$work/k$n.dcm" "2.25.66$n" "K$((n % 4))" "2.25.50$((n % 4))" "2.25.51$((n % 8))" 20000
    curl -sf -X POST "http://localhost:$http/instances" --data-binary @"$work/k$n.dcm" >/dev/null || fail "upload"
done
printf 'patient_id\nK0\nK1\nK2\nK3\n' >"$work/kill.csv"
killed=0 midway=0 span=900 before=0 # ms within which a kill falls; follows what a pull takes on this machine, round by round
for round in $(seq "${LETHE_PULL_KILLS:-8}"); do
    setsid lethe ingest pull -C "$work/q" --peer web --cohort "$work/kill.csv" --quiet --back-off 0 --rate 1500 >"$work/out" 2>"$work/err" &
    puller=$!
    started_pids+=($puller)
    ms=$((100 + RANDOM % span))
    if [ $((round % 2)) = 0 ]; then # every second kill waits until something has come
        for _ in $(seq 400); do
            now=$(intake "$work/q" "SELECT COUNT(*) FROM item" 2>/dev/null)
            if [ "${now:-0}" -gt "$before" ] || ! kill -0 "$puller" 2>/dev/null; then break; fi
            sleep 0.03
        done
        ms=$((RANDOM % 60))
    fi
    sleep "$((ms / 1000)).$(printf '%03d' $((ms % 1000)))"
    if kill -9 "$puller" 2>/dev/null; then killed=$((killed + 1)); fi
    wait "$puller" 2>/dev/null
    there=$(intake "$work/q" "SELECT COUNT(*) FROM item" 2>/dev/null)
    there=${there:-0}
    if [ "$there" -gt "$before" ] && [ "$there" -lt 24 ]; then midway=$((midway + 1)); fi
    if [ "$there" = "$before" ]; then span=$((span * 3 / 2)); fi
    before=$there
    if [ "$there" = 24 ]; then # begin anew
        before=0 span=$((span * 2 / 3 + 100))
        check_equal "$(intake "$work/q" "SELECT COUNT(DISTINCT sop_instance) FROM item")" 24 "once each after $killed kills"
        intake "$work/q" "PRAGMA busy_timeout = 20000; DELETE FROM item; UPDATE pull_series SET state = 0" >/dev/null || fail "beginning anew"
        find "$work/q/private/inbox" -type f -delete # rows gone behind the program's back: it need not find their files
    fi
done
[ "$midway" -gt 0 ] || fail "no kill hit a pull midway ($killed kills)"
lethe ingest pull -C "$work/q" --peer web --cohort "$work/kill.csv" --quiet --back-off 0 >"$work/out" 2>"$work/err" || fail "resumed: $(cat "$work/out" "$work/err")"
check_equal "$(summary)" "asked 4 lines, found 4 studies, 24 instances; received 24, missing 0" "after $killed kills"
check_equal "$(intake "$work/q" "SELECT COUNT(*) || '/' || COUNT(DISTINCT sop_instance) FROM item")" 24/24 "each once after $killed kills"
for n in $(seq 24); do
    digest=$(data_set "$work/k$n.dcm" | sha256sum | cut -d' ' -f1)
    path=$(intake "$work/q" "SELECT path FROM item WHERE sop_instance = '2.25.66$n' AND sha256 = '$digest'")
    check_equal "$(data_set "$work/q/private/$path" | sha256sum | cut -d' ' -f1)" "$digest" "content of instance $n"
done
check_equal "$(find "$work/q/private/inbox" -type f | wc -l)" 24 "files after $killed kills"
check_equal "$(find "$work/q/private/inbox" -name '.unpack-*' | wc -l)" 0 "folders of killed pulls"
echo "$killed kills of a pull, $midway midway"

# Who is not let in, or does not show who it is, gets nothing and says so; nothing of the token stands in what is said.
printf 'patient_id\nP2\n' >"$work/four.csv"
for wrong in ', tls: {authorities: private/ca.pem, certificate: private/client.pem, private_key: private/client.key}' \
    ', token_file: private/token, tls: {authorities: private/ca.pem}' \
    ', token_file: private/token, tls: {authorities: private/stranger.pem, certificate: private/client.pem, private_key: private/client.key}' \
    ', token_file: private/token, tls: {authorities: private/ca.pem, certificate: private/stranger.pem, private_key: private/stranger.key}'; do
    peer "$wrong"
    pull web four --retries 1
    grep -q "found 0 studies" "$work/out" || [ -s "$work/err" ] || fail "let in: $wrong"
    grep -q "a-token-of-this-test" "$work/out" "$work/err" "$work/p/private/reconciliation.csv" && fail "the token is told"
done
sed -i "s|http://localhost:$http|http://example.invalid:$http|; s|dicom-web\"}|dicom-web\", token_file: private/token}|" "$work/p/project.yaml"
pull plain four
check_equal "$?" 2 "a token over plain HTTP to another machine"

# Onward.
peer "$good"
curl -sf -X DELETE "http://localhost:$http/patients/$(curl -sf "http://localhost:$http/patients" | python3 -c "import json,sys; print(json.load(sys.stdin)[0])")" >/dev/null || fail "delete"
lethe ingest send -C "$work/p" --peer web >/dev/null || fail "an empty project"
for n in a b; do
    mkdir -p "$work/p/released/P-AAAA/1/2"
    make_dicom "$work/p/released/P-AAAA/1/2/$n.dcm" "2.25.77$(printf '%d' "'$n")" P-AAAA 2.25.8 2.25.9
    sqlite3 "$work/p/released/catalogue.db" "INSERT INTO entry VALUES ('P-AAAA/1/2/$n.dcm','dicom','P-AAAA','2.25.8','2.25.9','2.25.77$(printf '%d' "'$n")','CT','','','','','','','','','','','',1,1,1,1,1,'$(sha256sum "$work/p/released/P-AAAA/1/2/$n.dcm" | cut -d' ' -f1)')"
done
echo "busy 1" >"$work/front/fault"
lethe ingest send -C "$work/p" --peer web >"$work/out" 2>"$work/err" || fail "send: $(cat "$work/out" "$work/err")"
check_equal "$(cat "$work/out")" "sent 2, sent earlier 0, failed 0" "by STOW-RS"
curl -sf "http://localhost:$http/dicom-web/studies/2.25.8/series/2.25.9/instances" | grep -q '2.25.7797' || fail "the archive does not have it"
lethe ingest send -C "$work/p" --peer web >"$work/out" || fail "send again"
check_equal "$(cat "$work/out")" "sent 0, sent earlier 2, failed 0" "again"
exit 0
