# A real disk that is too small (a tmpfs in a mount namespace of its own): one instance that is larger than the room, by network and by upload, is refused before the
# reserve is gone; nothing of it stays, what fits is taken at once afterwards. A body of very many parts ends early.
if [ -z "${LETHE_OWN_MOUNTS:-}" ]; then
    unshare -m --propagation private true 2>/dev/null || { echo "skipped: no mount namespaces here"; exit 77; }
    exec env LETHE_OWN_MOUNTS=1 unshare -m --propagation private bash "$0"
fi
source "$LETHE_SOURCE/tests/support/ingest.bash" || exit 1
need storescu dump2dcm sqlite3 python3 curl
mkdir "$work/disk"
mount -t tmpfs -o size=64m tmpfs "$work/disk" || { echo "skipped: no tmpfs can be mounted"; exit 77; }
p=$work/disk/p
lethe init "$p" >/dev/null || fail "init"
stow=$(free_port)
echo "an-invented-token-0123456789" >"$p/private/token"
printf '  door:\n    reserve_mib: 16\n    stow: {port: %s, token_file: private/token}\n' "$stow" >>"$p/project.yaml"
make_dicom "$work/small.dcm" 2.25.31 P1 2.25.1 2.25.2 2000
make_dicom "$work/again.dcm" 2.25.32 P1 2.25.1 2.25.2 2000
make_dicom "$work/third.dcm" 2.25.33 P1 2.25.1 2.25.2 2000
python3 - "$work" <<'PY'
import struct, sys
work = sys.argv[1]
small = open(work + "/small.dcm", "rb").read().replace(b"2.25.31", b"2.25.39")
head = small[: small.rindex(b"\xe0\x7f\x10\x00")]
size = 70 << 20
with open(work + "/large.dcm", "wb") as out:
    out.write(head + b"\xe0\x7f\x10\x00OB\0\0" + struct.pack("<I", size))
    for _ in range(70):
        out.write(bytes(1 << 20))
def body(name, paths):
    with open(work + "/" + name, "wb") as out:
        for path in paths:
            out.write(b"--B\r\nContent-Type: application/dicom\r\n\r\n")
            out.write(open(path, "rb").read())
            out.write(b"\r\n")
        out.write(b"--B--\r\n")
body("large.body", [work + "/large.dcm"])
body("again.body", [work + "/again.dcm"])
open(work + "/parts.body", "wb").write(b"--B\r\n\r\n\r\n" * 30000 + b"--B--\r\n")
PY
start_serve "$p"
post() { # post BODY: prints the HTTP code
    curl -s -o /dev/null -w '%{http_code}' --max-time 300 -H "Authorization: Bearer an-invented-token-0123456789" \
        -H 'Content-Type: multipart/related; type="application/dicom"; boundary=B' --data-binary @"$work/$1" "http://127.0.0.1:$stow/studies"
}
answers() { [ "$(curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$stow/studies")" = 401 ]; }
until_true 60 answers || fail "STOW-RS is not served"
# The least room that was seen while something comes in.
watch_room() { while sleep 0.02; do df --output=avail -k "$work/disk" | tail -1; done >"$work/room"; }
watch_room &
watcher=$!
started_pids+=($watcher)
storescu -aec LETHE localhost "$port" "$work/small.dcm" || fail "what fits was refused"
storescu -v -aec LETHE localhost "$port" "$work/large.dcm" >"$work/log" 2>&1
grep -qi "Refused: OutOfResources" "$work/log" || fail "no A700 for what does not fit: $(tail -3 "$work/log")"
check_equal "$(post large.body)" 503 "an upload that does not fit"
check_equal "$(find "$p/private/inbox" -type f | wc -l)" 1 "files after what did not fit"
check_equal "$(intake "$p" "SELECT COUNT(*) FROM item")" 1 "rows after what did not fit"
storescu -aec LETHE localhost "$port" "$work/third.dcm" || fail "no recovery"
check_equal "$(post again.body)" 200 "an upload that fits"
kill $watcher
least=$(sort -n "$work/room" | head -1)
[ "$least" -ge $((15 * 1024)) ] || fail "the reserve was used: $least KiB were left"
check_equal "$(post parts.body)" 413 "very many parts"
storescu -aec LETHE localhost "$port" "$work/small.dcm" || fail "no service after many parts"
check_equal "$(find "$p/private/inbox" -type f | wc -l)" "$(intake "$p" "SELECT COUNT(*) FROM item")" "files and rows"
stop_serve
umount "$work/disk"
