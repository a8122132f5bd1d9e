# The receiver: echo, store, several associations, bytes as sent, duplicates, rejections, clean stop.
source "$LETHE_SOURCE/tests/support/ingest.bash" || exit 1
need dcmsend storescu echoscu dump2dcm sqlite3 python3

lethe init "$work/p" --name ward || fail "init"
lethe init "$work/p" 2>/dev/null && fail "init twice must fail"
check_equal "$(stat -c %a "$work/p/private")" 700 "mode of private/"
check_equal "$(stat -c %a "$work/p/private/key")" 600 "mode of the key"
lethe status -C "$work/nowhere" 2>/dev/null && fail "status of no project must fail"
lethe-ingest ingest serve -C "$work/p" --port banana 2>/dev/null
check_equal $? 2 "wrong port"

mkdir "$work/in"
for n in 1 2 3 4 5 6; do make_dicom "$work/in/$n.dcm" "2.25.77$n" "P$((n % 3))"; done
start_serve "$work/p"
echoscu -aec LETHE localhost "$port" || fail "echo"
storescu -aec LETHE localhost "$port" "$work"/in/*.dcm || fail "store"
check_equal "$(count_of "$work/p" received)" 6 "received"
check_equal "$(count_of "$work/p" queued)" 6 "queued"

# Bytes as sent: the data set of each stored file is that of the file sent.
for n in 1 2 3 4 5 6; do
    stored=$(intake "$work/p" "SELECT path FROM item WHERE sop_instance = '2.25.77$n'")
    [ -n "$stored" ] || fail "instance $n is not in the intake"
    cmp <(data_set "$work/in/$n.dcm") <(data_set "$work/p/private/$stored") || fail "instance $n was changed on its way"
    check_equal "$(stat -c %a "$work/p/private/$stored")" 600 "mode of a stored file"
    check_equal "$(data_set "$work/in/$n.dcm" | sha256sum | cut -d' ' -f1)" "$(intake "$work/p" "SELECT sha256 FROM item WHERE sop_instance = '2.25.77$n'")" "digest"
done

# The same again: accepted, once.
storescu -aec LETHE localhost "$port" "$work"/in/*.dcm || fail "store again"
check_equal "$(count_of "$work/p" received)" 6 "received after duplicates"
check_equal "$(find "$work/p/private/inbox" -type f | wc -l)" 6 "files after duplicates"
# The same UID with other content: both kept, flagged.
make_dicom "$work/other.dcm" 2.25.771 P9
storescu -aec LETHE localhost "$port" "$work/other.dcm" || fail "store a conflict"
check_equal "$(intake "$work/p" "SELECT COUNT(*) FROM item WHERE sop_instance = '2.25.771'")" 2 "conflicting instances kept"
check_equal "$(intake "$work/p" "SELECT COUNT(*) FROM item WHERE reason = 'conflicting duplicate'")" 1 "conflicts flagged"

# Every transfer syntax as sent.
declare -A propose=([+te]=-xe [+ti]=-xi [+tb]=-xb [+td]=-xd)
for syntax in +te +ti +tb +td; do
    dcmconv "$syntax" "$work/in/1.dcm" "$work/x.dcm" 2>/dev/null || continue
    dcmodify -q -nb -m "0008,0018=2.25.88${#syntax}$(printf %d "'${syntax:2}")" "$work/x.dcm"
    storescu -R "${propose[$syntax]}" -aec LETHE localhost "$port" "$work/x.dcm" || fail "send with $syntax"
done
syntaxes=$(for f in $(intake "$work/p" "SELECT path FROM item WHERE sop_instance LIKE '2.25.88%'"); do dcmdump +P 0002,0010 -q "$work/p/private/$f" | awk '{print $3}'; done | sort | tr '\n' ' ')
check_equal "$syntaxes" "=BigEndianExplicit =DeflatedLittleEndianExplicit =LittleEndianExplicit =LittleEndianImplicit " "transfer syntaxes"

# Several associations at once.
before=$(count_of "$work/p" received)
pids=()
for a in 1 2 3 4 5 6 7 8; do
    mkdir "$work/a$a"
    for n in 1 2 3; do make_dicom "$work/a$a/$n.dcm" "2.25.99$a$n" "P$a"; done
done
for a in 1 2 3 4 5 6 7 8; do
    dcmsend -q -aec LETHE localhost "$port" +sd "$work/a$a" &
    pids+=($!)
done
for pid in "${pids[@]}"; do wait "$pid" || fail "one of several associations"; done
check_equal "$(count_of "$work/p" received)" $((before + 24)) "received from several associations"

# Garbage does not stop the service, and neither does a connection that says nothing.
head -c 5000 /dev/urandom | timeout 5 bash -c "cat >/dev/tcp/localhost/$port" 2>/dev/null
exec 7<>"/dev/tcp/localhost/$port"
echoscu -aec LETHE localhost "$port" || fail "echo after garbage"
exec 7>&-
storescu -aec LETHE localhost "$port" "$work/in/1.dcm" || fail "store after garbage"
stop_serve

# Nothing private in the log.
grep -E "Invented|2\.25\.77|/private/|\"P1\"" "$work/serve.err" && fail "the log tells too much"

# An allow-list, and our own title.
cat >>"$work/p/project.yaml" <<YAML
  door:
    check_called: true
    allow:
      - {aet: PACS1, host: 127.0.0.1}
YAML
start_serve "$work/p"
storescu -aet OTHER -aec LETHE 127.0.0.1 "$port" "$work/in/1.dcm" 2>"$work/reject.txt" && fail "an unknown calling title was let in"
grep -q "Calling AE Title Not Recognized" "$work/reject.txt" || fail "wrong reason for an unknown calling title"
storescu -aet PACS1 -aec WRONG 127.0.0.1 "$port" "$work/in/1.dcm" 2>"$work/reject.txt" && fail "a wrong called title was let in"
grep -q "Called AE Title Not Recognized" "$work/reject.txt" || fail "wrong reason for a wrong called title"
storescu -aet PACS1 -aec LETHE 127.0.0.1 "$port" "$work/in/1.dcm" || fail "a peer on the allow-list was rejected"
# Result, source and reason of each rejection (PS3.8 table 9-21), byte for byte.
python3 - "$port" <<'PY' || fail "a wrong reason"
import socket, struct, sys
def item(kind, body): return struct.pack(">BBH", kind, 0, len(body)) + body
def request(application=b"1.2.840.10008.3.1.1.1", version=1, called=b"LETHE", calling=b"PACS1"):
    context = item(0x20, bytes([1, 0, 0, 0]) + item(0x30, b"1.2.840.10008.1.1") + item(0x40, b"1.2.840.10008.1.2"))
    user = item(0x50, item(0x51, struct.pack(">I", 16384)) + item(0x52, b"1.2.3"))
    body = struct.pack(">HH", version, 0) + called.ljust(16) + calling.ljust(16) + bytes(32) + item(0x10, application) + context + user
    return struct.pack(">BBI", 1, 0, len(body)) + body
def answer(**what):
    with socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=60) as s:
        s.sendall(request(**what))
        got = s.recv(4096)
        return (got[0], *got[7:10]) if got[0] == 3 else got[0]
for what, expected in (({}, 2), ({"application": b"1.2.3.4"}, (3, 1, 1, 2)), ({"calling": b"OTHER"}, (3, 1, 1, 3)), ({"calling": b""}, (3, 1, 1, 3)),
                       ({"called": b"WRONG"}, (3, 1, 1, 7)), ({"version": 2}, (3, 1, 2, 2))):
    got = answer(**what)
    assert got == expected, (what, got, expected)
PY
stop_serve
sed -i 's/^  peers: \[\]$/  peers: []\n  aets: X/' "$work/p/project.yaml"
lethe status -C "$work/p" 2>"$work/config.txt"
check_equal $? 2 "exit code for a wrong key"
grep -q "project.yaml:[0-9]*: .*aets" "$work/config.txt" || fail "the message does not name file, line and key: $(cat "$work/config.txt")"
