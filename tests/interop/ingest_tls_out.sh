# TLS as requestor: pulling from dcmqrscp (behind a TLS relay: Debian's speaks none) and sending to it, to storescp and to our own receiver with a client certificate; a peer of another authority, of another name, and a peer
# that wants a certificate which we do not show, get nothing.
source "$LETHE_SOURCE/tests/support/ingest.bash" || exit 1
need dcmqrscp echoscu storescu openssl dump2dcm sqlite3 python3
storescp --help | grep -q enable-tls || { echo "skipped: storescp without TLS"; exit 77; }
authority() { openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/$1.key" -out "$work/$1.pem" -days 2 -subj "/CN=$1" >/dev/null 2>&1; }
request() {
    openssl req -newkey rsa:2048 -nodes -keyout "$work/$1.key" -out "$work/$1.csr" -subj "/CN=$1" >/dev/null 2>&1 &&
        openssl x509 -req -in "$work/$1.csr" -CA "$work/ca.pem" -CAkey "$work/ca.key" -CAcreateserial -out "$work/$1.pem" -days 2 \
            -extfile <(echo "subjectAltName=DNS:$1.example,IP:127.0.0.1") >/dev/null 2>&1
}
authority ca && authority stranger && request pacs && request client && request server || fail "certificates"
plain=$(free_port)
mkdir "$work/archive"
cat >"$work/qr.cfg" <<CFG
NetworkTCPPort = $plain
MaxPDUSize = 16384
MaxAssociations = 16
HostTable BEGIN
HostTable END
VendorTable BEGIN
VendorTable END
AETable BEGIN
PACS $work/archive RW (200, 1024mb) ANY
AETable END
CFG
dcmqrscp -c "$work/qr.cfg" >"$work/qr.log" 2>&1 &
started_pids+=($!)
python3 "$LETHE_SOURCE/tests/support/tls_relay.py" "$plain" "$work" pacs >"$work/relay" 2>/dev/null &
started_pids+=($!)
until [ -s "$work/relay" ]; do sleep 0.05; done
archive=$(cat "$work/relay")
tls=(+tls "$work/client.key" "$work/client.pem" +cf "$work/ca.pem")
for _ in $(seq 600); do echoscu "${tls[@]}" -aec PACS localhost "$archive" 2>/dev/null && break; sleep 0.1; done
for n in 1 2 3; do make_dicom "$work/$n.dcm" "2.25.44$n" "P$((n % 2))" "2.25.10$((n % 2))" "2.25.20$((n % 2))" 3000; done
storescu "${tls[@]}" -aec PACS localhost "$archive" "$work"/[123].dcm || fail "filling the PACS"

lethe init "$work/p" >/dev/null || fail "init"
cp "$work"/{ca,stranger,client,server}.pem "$work"/{client,stranger,server}.key "$work/p/private/"
peers() { # peers PORT TLS
    sed -i '/^  peers:/,$d' "$work/p/project.yaml"
    printf '  peers:\n    - {name: pacs, aet: PACS, host: 127.0.0.1, port: %s%s}\n' "$1" "$2" >>"$work/p/project.yaml"
}
ours='certificate: private/client.pem, private_key: private/client.key'
printf 'patient_id\nP1\n' >"$work/one.csv"
pull() { timeout 60 lethe ingest pull -C "$work/p" --peer pacs --cohort "$work/one.csv" --quiet --back-off 0 --retries 1 >"$work/out" 2>"$work/err"; }
peers "$archive" ", tls: {authorities: private/stranger.pem, $ours}"
pull && fail "a peer of another authority was trusted"
peers "$archive" ", tls: {authorities: private/ca.pem}"
pull && fail "no certificate, and yet served"
peers "$archive" ""
pull && fail "plain, and yet served"
peers "$archive" ", tls: {$ours}"
pull; check_equal "$?" 2 "TLS without authorities"
# A certificate of the right authority, but another machine's.
for name in other.example pacs 10.0.0.1; do
    peers "$archive" ", tls: {authorities: private/ca.pem, $ours, name: $name}"
    pull && fail "a peer of another name was trusted: $name"
done
peers "$archive" ", tls: {authorities: private/ca.pem, $ours}"
check_equal "$(count_of "$work/p" received)" 0 "received so far"
for name in pacs.example 127.0.0.1; do # the name is right: asked, nothing fetched yet
    peers "$archive" ", tls: {authorities: private/ca.pem, $ours, name: $name}"
    lethe ingest pull -C "$work/p" --peer pacs --cohort "$work/one.csv" --quiet --find-only >"$work/out" 2>"$work/err" || fail "refused by its own name: $name: $(cat "$work/err")"
    check_equal "$(head -1 "$work/out")" "asked 1 lines, found 1 studies, 2 instances; received 0, missing 2" "found by $name"
done
pull || fail "pull over TLS: $(cat "$work/out" "$work/err" "$work/qr.log" | tail -20)"
check_equal "$(head -1 "$work/out")" "asked 1 lines, found 1 studies, 2 instances; received 2, missing 0" "by C-GET over TLS"
check_equal "$(intake "$work/p" "SELECT sha256 FROM item WHERE sop_instance = '2.25.441'")" "$(data_set "$work/1.dcm" | sha256sum | cut -d' ' -f1)" "content"

# Onward over TLS: to the PACS, and to a receiver of ours that wants certificates.
released() {
    mkdir -p "$(dirname "$work/p/released/$1")"
    make_dicom "$work/p/released/$1" "$2" P-AAAA 2.25.8 2.25.9
    sqlite3 "$work/p/released/catalogue.db" "INSERT INTO entry VALUES ('$1','dicom','P-AAAA','2.25.8','2.25.9','$2','CT','','','','','','','','','','','',1,1,1,1,1,'$(sha256sum "$work/p/released/$1" | cut -d' ' -f1)')"
}
lethe ingest send -C "$work/p" --peer pacs >/dev/null || fail "an empty project"
released P-AAAA/1/2/a.dcm 2.25.31
lethe ingest send -C "$work/p" --peer pacs >"$work/out" 2>"$work/err" || fail "send over TLS: $(cat "$work/err")"
check_equal "$(cat "$work/out")" "sent 1, sent earlier 0, failed 0" "to the PACS"
storescp_port=$(free_port)
mkdir "$work/scp"
storescp +tls "$work/pacs.key" "$work/pacs.pem" +cf "$work/ca.pem" -rc -od "$work/scp" "$storescp_port" >/dev/null 2>&1 &
started_pids+=($!)
peers "$storescp_port" ", tls: {authorities: private/ca.pem, $ours}"
sed -i 's/name: pacs/name: scp/' "$work/p/project.yaml"
until_true 60 echoscu "${tls[@]}" localhost "$storescp_port" 2>/dev/null || fail "storescp does not answer"
lethe ingest send -C "$work/p" --peer scp >"$work/out" 2>"$work/err" || fail "send to storescp: $(cat "$work/err")"
check_equal "$(find "$work/scp" -type f | wc -l)" 1 "files at storescp"
lethe init "$work/q" >/dev/null || fail "init"
cp "$work"/{ca,server}.pem "$work/server.key" "$work/q/private/"
cat >>"$work/q/project.yaml" <<YAML
  door:
    tls: {certificate: private/server.pem, private_key: private/server.key, authorities: private/ca.pem, require_client: true}
YAML
start_serve "$work/q"
sed -i '/^  peers:/,$d' "$work/p/project.yaml"
printf '  peers:\n    - {name: other, aet: LETHE, host: 127.0.0.1, port: %s, tls: {authorities: private/ca.pem, %s}}\n' "$port" "$ours" >>"$work/p/project.yaml"
lethe ingest send -C "$work/p" --peer other >"$work/out" 2>"$work/err" || fail "send to our own: $(cat "$work/err")"
check_equal "$(count_of "$work/q" received)" 1 "received by our own"
stop_serve
exit 0
