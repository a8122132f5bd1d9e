# A hostile network: garbage, damaged PDUs, oversized lengths, dropped links, silent and slow peers, hundreds of connections. No crash, no leak, and an honest
# peer is served in the middle of it. LETHE_HOSTILE_SECONDS sets how long (default 6).
source "$LETHE_SOURCE/tests/support/ingest.bash" || exit 1
need storescu echoscu dump2dcm sqlite3 python3
lethe init "$work/p" >/dev/null || fail "init"
printf '  door:\n    max_associations: 32\n    stall_seconds: 2\n    idle_seconds: 3\n' >>"$work/p/project.yaml"
make_dicom "$work/1.dcm" 2.25.1 P1 2.25.2 2.25.3 20000
start_serve "$work/p"
cat >"$work/attack.py" <<'PY'
import os, random, socket, struct, sys, time
port, seconds, seed = int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
random.seed(seed)

def item(kind, body):
    return struct.pack(">BBH", kind, 0, len(body)) + body

def association(called=b"LETHE", contexts=((b"1.2.840.10008.5.1.4.1.1.2", b"1.2.840.10008.1.2"),)):
    body = struct.pack(">HH", 1, 0) + called.ljust(16) + b"EVIL".ljust(16) + bytes(32)
    body += item(0x10, b"1.2.840.10008.3.1.1.1")
    for i, (abstract, transfer) in enumerate(contexts):
        body += item(0x20, struct.pack(">BBBB", 2 * i + 1 & 255, 0, 0, 0) + item(0x30, abstract) + item(0x40, transfer))
    body += item(0x50, item(0x51, struct.pack(">I", 16384)) + item(0x52, b"1.2.3"))
    return struct.pack(">BBI", 1, 0, len(body)) + body

def connect():
    s = socket.create_connection(("127.0.0.1", port), timeout=3)
    return s

def damage(data):
    data = bytearray(data)
    for _ in range(random.randrange(1, 12)):
        data[random.randrange(len(data))] = random.randrange(256)
    return bytes(data[:random.randrange(1, len(data) + 1)])

def command(fields):
    body = b"".join(struct.pack("<HHI", 0, e, len(v)) + v for e, v in fields)
    return struct.pack("<HHII", 0, 0, 4, len(body)) + body

def store_command():
    return command([(2, b"1.2.840.10008.5.1.4.1.1.2\0"), (0x100, b"\1\0"), (0x110, b"\1\0"), (0x700, b"\0\0"), (0x800, b"\0\0"), (0x1000, b"2.25.666\0\0"[:10])])

def pdata(payload, flags):
    pdv = struct.pack(">IBB", len(payload) + 2, 1, flags) + payload
    return struct.pack(">BBI", 4, 0, len(pdv)) + pdv

def attack(kind):
    s = connect()
    if kind == 0: s.sendall(os.urandom(random.randrange(1, 4000)))
    elif kind == 1: s.sendall(damage(association()))
    elif kind == 2: s.sendall(struct.pack(">BBI", random.choice((1, 4)), 0, random.choice((0xffffffff, 0x7fffffff, 1 << 24))) + bytes(100))
    elif kind == 3: return s  # says nothing
    elif kind == 4:
        s.sendall(association(contexts=[(b"1.2.840.10008.5.1.4.1.1.%d" % i, b"1.2.840.10008.1.2") for i in range(128)]))
        s.recv(4096)
    elif kind == 5:  # a data set that breaks off in the middle of a PDU
        s.sendall(association()); s.recv(4096)
        s.sendall(pdata(store_command(), 3)); s.sendall(pdata(bytes(5000), 0)[:random.randrange(6, 3000)])
    elif kind == 6:  # the same, and then silence
        s.sendall(association()); s.recv(4096)
        s.sendall(pdata(store_command(), 3)); s.sendall(pdata(bytes(100), 0))
        return s
    elif kind == 7:
        s.sendall(association()); s.recv(4096)
        s.sendall(damage(pdata(store_command(), 3) + pdata(os.urandom(300), 2)))
    elif kind == 8:  # drip
        for byte in association()[:20]:
            s.sendall(bytes([byte])); time.sleep(0.02)
        return s
    s.close()

end, held, n = time.time() + seconds, [], 0
while time.time() < end:
    n += 1
    try:
        s = attack(random.randrange(9))
        if s: held.append(s)
    except OSError:
        pass
    if len(held) > 60: held.pop(random.randrange(60)).close()
print(n)
PY
memory() { awk '/RssAnon/{print $2}' "/proc/$serve_pid/status"; }
seconds=${LETHE_HOSTILE_SECONDS:-6}
python3 "$work/attack.py" "$port" 1 1 >/dev/null
before=$(memory)
attackers=()
for seed in 2 3; do
    python3 "$work/attack.py" "$port" "$seconds" $seed >"$work/count$seed" &
    attackers+=($!)
done
served=0
for _ in $(seq $((seconds / 2))); do
    sleep 1.5
    # An honest peer may be told to come back when all places are taken; it does.
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        timeout 10 storescu -aec LETHE localhost "$port" "$work/1.dcm" 2>/dev/null && served=$((served + 1)) && break
        sleep 0.5
    done
done
for pid in "${attackers[@]}"; do wait "$pid"; done
[ "$served" -gt 0 ] || fail "an honest peer was never served"
# All are gone when their time is up.
for _ in $(seq 600); do
    [ "$(pgrep -c -P "$serve_pid")" = 0 ] && break
    sleep 0.1
done
check_equal "$(pgrep -c -P "$serve_pid")" 0 "processes of hostile connections left"
after=$(memory)
# AddressSanitizer keeps freed memory for a while on purpose.
[ -n "${LETHE_UNDER_ASAN:-}" ] || [ "$after" -le $((before + 1024)) ] || fail "the receiver grew from $before to $after KiB"
[ "$(ls "/proc/$serve_pid/fd" | wc -l)" -lt 30 ] || fail "descriptors leak"
grep -E "association_crashed" "$work/serve.err" && fail "an association crashed"
# Whole data sets of garbage are taken in (de-identification quarantines them); broken ones leave nothing.
check_equal "$(find "$work/p/private/inbox" -type f | wc -l)" "$(intake "$work/p" "SELECT COUNT(*) FROM item")" "files and rows"
check_equal "$(intake "$work/p" "SELECT COUNT(*) FROM item WHERE sop_instance = '2.25.1'")" 1 "the honest peer's instance"
stop_serve
echo "$(($(cat "$work"/count2) + $(cat "$work"/count3))) hostile connections, honest peer served $served times, receiver $before -> $after KiB"
