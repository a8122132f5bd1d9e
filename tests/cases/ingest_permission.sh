#!/bin/bash
# Rights that are lost in mid-run: the inbox cannot be written, a watched folder cannot be read. Nothing acknowledged is lost, and it goes on by itself.
source "$LETHE_SOURCE/tests/support/ingest.bash" || exit 1
need dump2dcm dcmsend storescu sqlite3 python3 setpriv
[ "$(id -u)" = 0 ] || { echo "skipped: only root can run the receiver as another user"; exit 77; }
chmod 755 "$work"
as_nobody="setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all"
$as_nobody test -x "$LETHE_BIN/lethe-ingest" || { echo "skipped: another user cannot run the programs"; exit 77; }
mkdir "$work/drop" "$work/drop/closed" "$work/in"
for n in 1 2 3 4 5 6; do make_dicom "$work/in/$n.dcm" "2.25.9$n" P1; done
for n in 7 8 9; do make_dicom "$work/$n.dcm" "2.25.9$n" P1; done
lethe init "$work/p" >/dev/null || fail "init"
sed -i "s|watch: .*|watch: [$work/drop]|" "$work/p/project.yaml"
printf '  door:\n    stable_seconds: 1\n    rescan_seconds: 1\n' >>"$work/p/project.yaml"
lethe status -C "$work/p" >/dev/null
chown -R 65534:65534 "$work/p" "$work/drop"
SERVE_PREFIX=$as_nobody start_serve "$work/p"
received() { intake "$work/p" "SELECT COUNT(*) FROM item"; }
came() { [ "$(received)" -ge "$1" ]; }
storescu localhost "$port" "$work/in/1.dcm" 2>/dev/null || fail "before"
check_equal "$(received)" 1 "received before"

# Nothing can be made in the inbox.
chmod -R a-w "$work/p/private/inbox"
storescu -v localhost "$port" "$work/in/2.dcm" >"$work/sent" 2>&1
grep -q 'Status: 0x0000\|Received Store Response (Success)' "$work/sent" && fail "an instance was accepted that cannot be kept"
check_equal "$(received)" 1 "received while the inbox is closed"
chmod -R u+w "$work/p/private/inbox"
for n in 2 3; do storescu localhost "$port" "$work/in/$n.dcm" 2>/dev/null || fail "after: $n"; done
check_equal "$(received)" 3 "received after"

# A watched folder, and a folder below one, cannot be read.
chmod 000 "$work/drop/closed"
cp "$work/7.dcm" "$work/drop/z7.dcm"
chown 65534 "$work/drop/z7.dcm"
until_true 60 came 4 || fail "a folder below that is closed keeps the others waiting"
chmod 000 "$work/drop"
cp "$work/8.dcm" "$work/drop/closed/8.dcm"
chown 65534 "$work/drop/closed/8.dcm"
told() { grep -qE 'watch_scan_incomplete' "$work/serve.err"; }
until_true 60 told || fail "nobody is told of a watched folder that cannot be read"
chmod 700 "$work/drop" "$work/drop/closed"
until_true 60 came 5 || fail "the watcher did not go on when its folder could be read again"
stop_serve
check_equal "$(intake "$work/p" "SELECT COUNT(DISTINCT sop_instance) FROM item WHERE state = 0")" 5 "rows"
intake "$work/p" "SELECT path FROM item" | while read -r path; do [ -f "$work/p/private/$path" ] || exit 1; done || fail "a row without its file"
grep -E 'crashed|2\.25\.9|Invented' "$work/serve.err" && fail "the log"
echo "ok: the inbox and the watched folder, closed and opened again"
