#!/bin/bash
# Requests whose end two readers could see at different places: STOW-RS refuses them or reads them in one way only, and nothing comes in without a token.
source "$LETHE_SOURCE/tests/support/ingest.bash" || exit 1
need dump2dcm sqlite3 python3 curl
stow=$(free_port)
lethe init "$work/p" >/dev/null || fail "init"
echo "an-invented-token-0123456789" >"$work/p/private/token"
printf '  door:\n    stow: {port: %s, host: 127.0.0.1, token_file: private/token}\n' "$stow" >>"$work/p/project.yaml"
for n in 1 2 3; do make_dicom "$work/$n.dcm" "2.25.6$n" P1; done
start_serve "$work/p"
listening() { curl -s -o /dev/null "http://127.0.0.1:$stow/"; }
until_true 60 listening || fail "STOW-RS does not listen"
cat >"$work/attack.py" <<'PY'
import re, socket, sys
port, work = int(sys.argv[1]), sys.argv[2]
token = open(work + "/p/private/token").read().strip()
def body(n):
    return b"--B\r\nContent-Type: application/dicom\r\n\r\n" + open("%s/%d.dcm" % (work, n), "rb").read() + b"\r\n--B--\r\n"
def head(*lines, auth=True, end="\r\n", path="/studies"):
    all_lines = ["POST %s HTTP/1.1" % path, "Host: localhost", 'Content-Type: multipart/related; type="application/dicom"; boundary=B']
    if auth: all_lines.append("Authorization: Bearer " + token)
    return end.join(all_lines + list(lines) + ["", ""]).encode()
def chunked(data, extension=b"", size=100):
    parts = [data[i:i + size] for i in range(0, len(data), size)]
    return b"".join(b"%x%s\r\n%s\r\n" % (len(p), extension, p) for p in parts) + b"0\r\n\r\n"
def talk(data, patience=1):
    """The codes of all answers until the server closes; a server that waits for more hears after `patience` seconds that no more comes."""
    s = socket.create_connection(("127.0.0.1", port), timeout=patience)
    got = b""
    try:
        s.sendall(data)
        while True:
            try:
                piece = s.recv(65536)
            except TimeoutError:
                s.shutdown(socket.SHUT_WR)
                s.settimeout(60)
                piece = s.recv(65536)
            if not piece: break
            got += piece
    except ConnectionError:
        pass
    finally:
        s.close()
    return [int(code) for code in re.findall(rb"HTTP/1\.[01] (\d{3}) ", got)]
one, two, three = body(1), body(2), body(3)
length = "Content-Length: %d"
smuggled = head("Connection: close", length % len(two), auth=False) + two  # never may it be taken in: it has no token
def none_taken(name, codes, most=1):
    taken = [c for c in codes if c in (200, 202)]
    print(name, codes)
    if len(taken) > most: sys.exit("FAIL: %s: %r" % (name, codes))
# The second request has no token: wherever the first ends, it must not get in.
# Two statements of one length are refused, and nothing behind them is read.
none_taken("length and chunks", talk(head(length % len(one), "Transfer-Encoding: chunked") + chunked(one) + smuggled), 0)
none_taken("length short, chunks", talk(head(length % 5, "Transfer-Encoding: chunked") + chunked(one) + smuggled), 0)
none_taken("two lengths", talk(head(length % len(one), length % 4) + one + smuggled), 0)
none_taken("two lengths, other way", talk(head(length % 4, length % len(one)) + one + smuggled), 0)
none_taken("a list of lengths", talk(head("Content-Length: %d, %d" % (len(one), 4)) + one + smuggled), 0)
none_taken("signed length", talk(head("Content-Length: +%d" % len(one)) + one + smuggled), 0)
none_taken("hexadecimal length", talk(head("Content-Length: 0x%x" % len(one)) + one + smuggled), 0)
none_taken("length beyond 64 bits", talk(head("Content-Length: 18446744073709551999") + one + smuggled), 0)
none_taken("negative length", talk(head("Content-Length: -1") + one + smuggled), 0)
none_taken("unknown coding", talk(head("Transfer-Encoding: xchunked", length % len(one)) + one + smuggled))
none_taken("blank before the colon", talk(head("Content-Length : %d" % len(one)) + one + smuggled))
none_taken("folded length", talk(head("Content-Length:", " %d" % len(one)) + one + smuggled))
none_taken("LF only", talk(head(length % len(one), end="\n") + one + smuggled))
none_taken("chunk size with a sign", talk(head("Transfer-Encoding: chunked") + b"-5\r\n" + one + b"\r\n0\r\n\r\n" + smuggled), 0)
none_taken("chunk size too large", talk(head("Transfer-Encoding: chunked") + b"ffffffffffffffffff\r\n" + one + b"\r\n0\r\n\r\n" + smuggled), 0)
none_taken("token in a trailer", talk(head("Transfer-Encoding: chunked", auth=False) + chunked(two)[:-2] + b"Authorization: Bearer " + token.encode() + b"\r\n\r\n"), 0)
none_taken("two tokens, the first wrong", talk(head("Authorization: Bearer wrong", length % len(two), auth=False) + two), 0)
none_taken("no token", talk(smuggled), 0)
# What is right works: chunks with extensions, and two requests behind one another.
codes = talk(head("Connection: close", "Transfer-Encoding: chunked") + chunked(three, b";name=value"), 60)
if codes != [200]: sys.exit("FAIL: chunks with extensions: %r" % codes)
codes = talk(head(length % len(three)) + three + head("Connection: close", length % len(one)) + one, 60)
if codes != [200, 200]: sys.exit("FAIL: two requests: %r" % codes)
PY
python3 "$work/attack.py" "$stow" "$work" || fail "an attack got through"
check_equal "$(intake "$work/p" "SELECT COUNT(*) FROM item WHERE sop_instance = '2.25.62'")" 0 "what came without a token"
check_equal "$(intake "$work/p" "SELECT COUNT(*) FROM item WHERE state <> 0")" 0 "what is no whole instance"
check_equal "$(count_of "$work/p" received)" 2 "received"
check_equal "$(find "$work/p/private/inbox" -type f | wc -l)" 2 "files"
stop_serve
grep -qE 'crashed|service_failed' "$work/serve.err" && fail "the service ended"
echo "ok: nothing was smuggled in"
