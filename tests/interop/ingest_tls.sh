# TLS: BCP 195 with client certificates; plain, old and unknown peers stay out; one certificate on the allow-list.
source "$LETHE_SOURCE/tests/support/ingest.bash" || exit 1
need storescu openssl dump2dcm sqlite3 python3
storescu --help | grep -q enable-tls || { echo "skipped: storescu without TLS"; exit 77; }
certificate() { # certificate NAME [CA]: NAME.key, NAME.pem
    openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/$1.key" -out "$work/$1.pem" -days 2 -subj "/CN=$1" ${2:+-CA "$work/$2.pem" -CAkey "$work/$2.key"} >/dev/null 2>&1
}
request() {
    openssl req -newkey rsa:2048 -nodes -keyout "$work/$1.key" -out "$work/$1.csr" -subj "/CN=$1" >/dev/null 2>&1 &&
        openssl x509 -req -in "$work/$1.csr" -CA "$work/ca.pem" -CAkey "$work/ca.key" -CAcreateserial -out "$work/$1.pem" -days 2 >/dev/null 2>&1
}
certificate ca && certificate stranger && request server && request client && request other || fail "certificates"
lethe init "$work/p" >/dev/null || fail "init"
cp "$work"/{server.pem,server.key,ca.pem} "$work/p/private/"
fingerprint=$(openssl x509 -in "$work/client.pem" -outform DER | sha256sum | cut -d' ' -f1)
cat >>"$work/p/project.yaml" <<YAML
  door:
    tls: {certificate: private/server.pem, private_key: private/server.key, authorities: private/ca.pem, require_client: true}
    allow:
      - {certificate: $fingerprint}
YAML
for n in 1 2; do make_dicom "$work/$n.dcm" "2.25.1$n" P1; done
start_serve "$work/p"
send() { timeout 60 storescu +cf "$work/ca.pem" -aec LETHE "$@" localhost "$port" "$work/1.dcm" >/dev/null 2>&1; }
send +tls "$work/client.key" "$work/client.pem" || fail "a trusted client was turned away"
check_equal "$(count_of "$work/p" received)" 1 "received"
check_equal "$(intake "$work/p" "SELECT sha256 FROM item")" "$(data_set "$work/1.dcm" | sha256sum | cut -d' ' -f1)" "content over TLS"
send +tls "$work/other.key" "$work/other.pem" && fail "a certificate that is not on the list was let in"
send +tls "$work/stranger.key" "$work/stranger.pem" && fail "a certificate of another authority was let in"
send +tla && fail "no certificate, let in"
send && fail "plain, let in"
openssl s_client -connect "localhost:$port" -tls1_1 </dev/null 2>&1 | grep -q "Cipher is (NONE)\|no protocols available\|alert" || fail "TLS 1.1 was spoken"
openssl s_client -connect "localhost:$port" -tls1_2 -cert "$work/client.pem" -key "$work/client.key" </dev/null 2>/dev/null | grep -Eq "TLSv1.2, Cipher is (EC)?DHE" || fail "no TLS 1.2 with forward secrecy"
openssl s_client -connect "localhost:$port" -tls1_2 -cipher AES128-SHA256 -cert "$work/client.pem" -key "$work/client.key" </dev/null 2>&1 | grep -q "Cipher is (NONE)\|alert" || fail "a key exchange without forward secrecy was accepted"
openssl s_client -connect "localhost:$port" -tls1_3 -cert "$work/client.pem" -key "$work/client.key" </dev/null 2>/dev/null | grep -q "TLSv1.3" || fail "no TLS 1.3"
check_equal "$(count_of "$work/p" received)" 1 "received in the end"
stop_serve
