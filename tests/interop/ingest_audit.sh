# DICOM audit messages by syslog over TLS: framed (RFC 5425), in order, each line of the trail once, also those of a time when the repository was away; a
# repository that cannot show who it is gets nothing; no identity in any of it.
source "$LETHE_SOURCE/tests/support/ingest.bash" || exit 1
need storescu openssl dump2dcm sqlite3 python3
mkdir "$work/arr"
: >"$work/arr/messages"
authority() { openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/arr/$1.key" -out "$work/arr/$1.pem" -days 2 -subj "/CN=$1" >/dev/null 2>&1; }
request() { # request NAME HOST
    openssl req -newkey rsa:2048 -nodes -keyout "$work/arr/$1.key" -out "$work/arr/$1.csr" -subj "/CN=$1" >/dev/null 2>&1 &&
        openssl x509 -req -in "$work/arr/$1.csr" -CA "$work/arr/ca.pem" -CAkey "$work/arr/ca.key" -CAcreateserial -out "$work/arr/$1.pem" -days 2 \
            -extfile <(echo "subjectAltName=DNS:$2") >/dev/null 2>&1
}
authority ca && request server localhost && request other elsewhere.invalid && request client client || fail "certificates"
listen() { # listen PORT FOLDER: sets $listener, $arr
    : >"$work/listening"
    python3 "$LETHE_SOURCE/tests/support/audit_listener.py" "$1" "$2" >"$work/listening" 2>/dev/null &
    listener=$!
    started_pids+=($listener)
    until [ -s "$work/listening" ]; do sleep 0.05; done
    arr=$(cat "$work/listening")
}
mkdir "$work/false"
cp "$work/arr/ca.pem" "$work/false"
cp "$work/arr/other.pem" "$work/false/server.pem"
cp "$work/arr/other.key" "$work/false/server.key"
lethe init "$work/p" >/dev/null || fail "init"
cp "$work/arr"/{client.pem,client.key,ca.pem} "$work/p/private/"
listen 0 "$work/false"
cat >>"$work/p/project.yaml" <<YAML
  door:
    allow: [{aet: STORESCU}]
    audit: {host: localhost, port: $arr, authorities: private/ca.pem, certificate: private/client.pem, private_key: private/client.key}
YAML
make_dicom "$work/1.dcm" 2.25.771 P771
start_serve "$work/p"
for _ in $(seq 600); do grep -q 'audit_not_sent' "$work/serve.err" && break; sleep 0.1; done
grep -q 'audit_not_sent' "$work/serve.err" || fail "the wrong host is not told of"
[ ! -e "$work/false/messages" ] || fail "sent to a host with another's name"
{ kill $listener && wait $listener; } 2>/dev/null
storescu -aec LETHE localhost "$port" "$work/1.dcm" || fail "send"
storescu -aet NOBODY -aec LETHE localhost "$port" "$work/1.dcm" 2>/dev/null && fail "NOBODY was let in"
listen "$arr" "$work/arr"
enough() { # enough COUNT: messages have come
    for _ in $(seq 600); do [ "$(wc -l <"$work/arr/messages")" -ge "$1" ] && return; sleep 0.1; done
    fail "only $(wc -l <"$work/arr/messages") messages"
}
settled() { # until the sender has written down that all is sent: a link cut before that has its last lines sent again
    for _ in $(seq 600); do [ "$(cat "$work/p/private/audit.sent" 2>/dev/null)" = "$(stat -c %s "$work/p/private/audit.jsonl")" ] && return; sleep 0.1; done
    fail "the sender's mark stays behind"
}
enough 4 # init, start, one association, one that was turned away
settled
{ kill $listener && wait $listener; } 2>/dev/null
storescu -aec LETHE localhost "$port" "$work/1.dcm" || fail "send while the repository is away"
sleep 1
listen "$arr" "$work/arr"
enough 5
settled
# The trail comes back from a copy, as another file: behind its fence the sender cannot read that, and must not be silent about it for ever.
cp -p "$work/p/private/audit.jsonl" "$work/p/private/audit.copy" && mv "$work/p/private/audit.copy" "$work/p/private/audit.jsonl" || fail "another file"
storescu -aec LETHE localhost "$port" "$work/1.dcm" || fail "send with another file as trail"
enough 6
settled
stop_serve
python3 - "$work/arr/messages" "$work/p/private/audit.jsonl" <<'PY' || fail "the messages are not what they should be"
import ast, base64, json, re, sys
import xml.etree.ElementTree as ET
messages = [ast.literal_eval(line) for line in open(sys.argv[1])]
trail = [json.loads(line) for line in open(sys.argv[2])]
expected = [("110100", "init", "0"), ("110100", "110120", "0"), ("110104", "association", "0"), ("110113", "110126", "4"), ("110104", "association", "0"), ("110104", "association", "0")]
numbers = []
for i, message in enumerate(messages):
    head, bom, body = message.partition(b"\xef\xbb\xbf")
    assert re.fullmatch(rb"<85>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ \S+ lethe \d+ DICOM\+RFC3881 - ", head), head
    root = ET.fromstring(body.decode())
    assert root.tag == "AuditMessage"
    event = root.find("EventIdentification")
    code, kind = event.find("EventID").get("csd-code"), event.find("EventTypeCode").get("csd-code")
    assert (code, kind, event.get("EventOutcomeIndicator")) == expected[i], (i, code, kind)
    assert event.get("EventDateTime") == trail[i]["time"]
    assert root.findall("ActiveParticipant") and root.find("AuditSourceIdentification").get("AuditSourceID") == "LETHE"
    if code == "110104":
        roles = {p.find("RoleIDCode").get("csd-code"): p for p in root.findall("ActiveParticipant")}
        assert roles["110153"].get("NetworkAccessPointID") == "127.0.0.1" and roles["110153"].get("UserIsRequestor") == "true" and "110152" in roles
    details = {d.get("type"): base64.b64decode(d.get("value")).decode() for d in root.iter("ParticipantObjectDetail")}
    numbers.append(int(details["n"]))
    if kind == "association": assert details["instances"] == "1", details
    for secret in (b"2.25.771", b"P771", b"Invented", b"/private"): assert secret not in message
assert numbers == [1, 2, 3, 4, 5, 6], numbers
PY
exit 0
