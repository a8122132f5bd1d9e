# Many at once and in every size: PDUs from 4 KiB to 128 KiB and fragments of a few bytes, a peer that proposes an asynchronous window and sends ahead, 128
# presentation contexts, 64 associations at the same time and the one too many, 1,000 connections that say nothing or drip. LETHE_CROWD sets the connections.
source "$LETHE_SOURCE/tests/support/ingest.bash" || exit 1
need storescu dump2dcm sqlite3 python3
crowd=${LETHE_CROWD:-$([ -n "${LETHE_UNDER_ASAN:-}" ] && echo 300 || echo 1000)}
ulimit -n 4096 2>/dev/null || { echo "skipped: too few descriptors here"; exit 77; }
lethe init "$work/p" >/dev/null || fail "init"
printf '  door:\n    stall_seconds: 60\n' >>"$work/p/project.yaml"
make_dicom "$work/big.dcm" 2.25.4000 P1 2.25.1 2.25.2 300000
start_serve "$work/p"
for size in 4096 4098 16384 65536 131072; do
    intake "$work/p" "DELETE FROM item"
    storescu --max-send-pdu "$size" --max-pdu "$size" -aec LETHE localhost "$port" "$work/big.dcm" || fail "PDU of $size bytes"
    check_equal "$(intake "$work/p" "SELECT sha256 FROM item")" "$(data_set "$work/big.dcm" | sha256sum | cut -d' ' -f1)" "content in PDUs of $size bytes"
done
intake "$work/p" "DELETE FROM item"
cat >"$work/crowd.py" <<'PY'
import socket, struct, sys, threading
port, mode = int(sys.argv[1]), sys.argv[2]
CT = b"1.2.840.10008.5.1.4.1.1.2"

def item(kind, body): return struct.pack(">BBH", kind, 0, len(body)) + body
def request(contexts=1, extra=b""):
    body = struct.pack(">HH", 1, 0) + b"LETHE".ljust(16) + b"CROWD".ljust(16) + bytes(32) + item(0x10, b"1.2.840.10008.3.1.1.1")
    for i in range(contexts):
        body += item(0x20, bytes([2 * i + 1, 0, 0, 0]) + item(0x30, CT) + item(0x40, b"1.2.840.10008.1.2.%d" % (i % 2) if i % 2 else b"1.2.840.10008.1.2"))
    body += item(0x50, item(0x51, struct.pack(">I", 0)) + item(0x52, b"1.2.3") + extra)
    return struct.pack(">BBI", 1, 0, len(body)) + body
def exactly(s, n):
    data = b""
    while len(data) < n:
        piece = s.recv(n - len(data))
        if not piece: raise EOFError
        data += piece
    return data
def pdu(s):
    kind, _, size = struct.unpack(">BBI", exactly(s, 6))
    return kind, exactly(s, size)
def user_items(body):
    at, found = 68, {}
    while at < len(body):
        kind, _, size = struct.unpack(">BBH", body[at:at + 4])
        if kind == 0x50:
            inner, end = at + 4, at + 4 + size
            while inner < end:
                k, _, n = struct.unpack(">BBH", body[inner:inner + 4]); found[k] = body[inner + 4:inner + 4 + n]; inner += 4 + n
        at += 4 + size
    return found
def accepted(body):
    at, n = 68, 0
    while at < len(body):
        kind, _, size = struct.unpack(">BBH", body[at:at + 4])
        if kind == 0x21 and body[at + 6] == 0: n += 1
        at += 4 + size
    return n
def element(e, v): return struct.pack("<HHI", 0, e, len(v)) + v
def command(*fields):
    body = b"".join(element(e, v) for e, v in fields)
    return struct.pack("<HHII", 0, 0, 4, len(body)) + body
def pad(uid): return uid + b"\0" * (len(uid) % 2)
def pdv(payload, flags):
    body = struct.pack(">IBB", len(payload) + 2, 1, flags) + payload
    return struct.pack(">BBI", 4, 0, len(body)) + body
def data_set(uid, size=500): # implicit VR little endian
    e = lambda g, n, v: struct.pack("<HHI", g, n, len(v)) + v
    return e(8, 0x16, pad(CT)) + e(8, 0x18, pad(uid)) + e(0x10, 0x20, b"P1") + e(0x7fe0, 0x10, bytes(size))
def store(uid, number, fragment):
    c = command((2, pad(CT)), (0x100, b"\1\0"), (0x110, struct.pack("<H", number)), (0x700, b"\0\0"), (0x800, b"\0\0"), (0x1000, pad(uid)))
    out, data = pdv(c, 3), data_set(uid)
    for at in range(0, len(data), fragment): out += pdv(data[at:at + fragment], 2 if at + fragment >= len(data) else 0)
    return out
def answer(s):
    kind, body = pdu(s)
    assert kind == 4, kind
    fields, at = {}, 6
    while at < len(body):
        _, e, n = struct.unpack("<HHI", body[at:at + 8]); fields[e] = body[at + 8:at + 8 + n]; at += 8 + n
    return struct.unpack("<H", fields[0x120])[0], struct.unpack("<H", fields[0x900])[0]
def associate(contexts=1, extra=b""):
    s = socket.create_connection(("127.0.0.1", port), timeout=60)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    s.sendall(request(contexts, extra))
    return (s,) + pdu(s)
def release(s):
    s.sendall(struct.pack(">BBII", 5, 0, 4, 0)); assert pdu(s)[0] == 6; s.close()

if mode == "ahead":
    # Asynchronous windows (PS3.7 D.3.3.3): what is offered is granted up to 16, unlimited becomes 16; who offers none is told of none, and damage is passed over.
    for offered, granted in (((16, 16), (16, 1)), ((3, 1), (3, 1)), ((0, 0), (16, 1)), ((1000, 5), (16, 1)), (None, None)):
        s, kind, body = associate(1, item(0x53, struct.pack(">HH", *offered)) if offered else b"")
        answer_ = user_items(body).get(0x53)
        assert kind == 2 and (struct.unpack(">HH", answer_) if answer_ else None) == granted, (offered, user_items(body))
        assert 0x51 in user_items(body) and 0x52 in user_items(body)
        s.sendall(store(b"2.25.5000", 1, 64)); assert answer(s) == (1, 0)
        release(s)
    s, kind, body = associate(1, item(0x53, b"\0\1"))
    assert kind != 2 or 0x53 not in user_items(body), (kind, user_items(body))
    s.close()
    s, kind, body = associate(1, item(0x53, struct.pack(">HH", 16, 16)))
    assert kind == 2
    s.sendall(b"".join(store(b"2.25.50%d" % i, i + 1, 2 if i == 0 else 64) for i in range(10)))
    assert [answer(s) for i in range(10)] == [(i + 1, 0) for i in range(10)]
    release(s)
    s, kind, body = associate(128)
    assert kind == 2 and accepted(body) == 128, (kind, accepted(body))
    s.sendall(store(b"2.25.599", 1, 100)); assert answer(s) == (1, 0)
    release(s)
elif mode == "together":
    count, barrier, bad = int(sys.argv[3]), threading.Barrier(int(sys.argv[3]) + 1), []
    def one(n):
        try:
            s, kind, _ = associate()
            assert kind == 2, kind
            barrier.wait(60)
            barrier.wait(60)
            for i in range(3):
                s.sendall(store(b"2.25.6%03d%d" % (n, i), i + 1, 100)); assert answer(s) == (i + 1, 0)
            release(s)
        except Exception as e:
            bad.append(repr(e)); barrier.abort()
    threads = [threading.Thread(target=one, args=(n,)) for n in range(count)]
    for t in threads: t.start()
    barrier.wait(60)
    s, kind, body = associate()  # one too many: rejected, transient, presentation, local limit (PS3.8 9.3.4)
    assert kind == 3 and body[1:4] == b"\2\3\2", (kind, body)
    barrier.wait(60)
    for t in threads: t.join()
    assert not bad, bad[:3]
elif mode == "crowd":
    held = []
    for n in range(int(sys.argv[3])):
        try:
            s = socket.create_connection(("127.0.0.1", port), timeout=10)
            if n % 3 == 1: s.sendall(request()[:5])
            if n % 3 == 2: s.sendall(request())
            held.append(s)
        except OSError: pass
    print(len(held), flush=True)
    sys.stdin.read()
PY
python3 "$work/crowd.py" "$port" ahead || fail "sending ahead"
check_equal "$(count_of "$work/p" received)" 12 "received ahead"
python3 "$work/crowd.py" "$port" together 64 || fail "64 associations at once"
check_equal "$(count_of "$work/p" received)" $((12 + 192)) "received by 64 associations"
stop_serve
sed -i 's/stall_seconds: 60/stall_seconds: 4/' "$work/p/project.yaml"
start_serve "$work/p"
memory() { awk '/RssAnon/{print $2}' "/proc/$serve_pid/status"; }
before=$(memory)
mkfifo "$work/hold"
python3 "$work/crowd.py" "$port" crowd "$crowd" <"$work/hold" >"$work/held" &
attacker=$!
started_pids+=($attacker)
exec 9>"$work/hold"
for _ in $(seq 600); do [ -s "$work/held" ] && break; sleep 0.1; done
[ "$(cat "$work/held")" -ge $((crowd * 9 / 10)) ] || fail "only $(cat "$work/held") connections"
# While they hold on: an honest peer gets in as soon as the silent ones have had their time.
for _ in $(seq 120); do storescu -aec LETHE localhost "$port" "$work/big.dcm" 2>/dev/null && served=1 && break; sleep 0.25; done
[ "${served:-0}" = 1 ] || fail "an honest peer was not served in the crowd"
exec 9>&-
wait $attacker
for _ in $(seq 600); do [ "$(pgrep -c -P "$serve_pid")" = 0 ] && break; sleep 0.1; done
check_equal "$(pgrep -c -P "$serve_pid")" 0 "processes left"
[ "$(ls "/proc/$serve_pid/fd" | wc -l)" -lt 30 ] || fail "descriptors leak"
after=$(memory)
[ -n "${LETHE_UNDER_ASAN:-}" ] || [ "$after" -le $((before + 1024)) ] || fail "the receiver grew from $before to $after KiB"
grep -E "association_crashed" "$work/serve.err" && fail "an association crashed"
check_equal "$(count_of "$work/p" received)" $((12 + 192 + 1)) "received in the end"
stop_serve
