# Released instances go on to a research archive (dcmqrscp), once each and only as released; the audit trail shows tampering.
source "$LETHE_SOURCE/tests/support/ingest.bash" || exit 1
need dcmqrscp echoscu dump2dcm sqlite3 python3
archive=$(free_port)
mkdir "$work/archive"
cat >"$work/qr.cfg" <<CFG
NetworkTCPPort = $archive
MaxPDUSize = 16384
MaxAssociations = 16
HostTable BEGIN
HostTable END
VendorTable BEGIN
VendorTable END
AETable BEGIN
ARCHIVE $work/archive RW (200, 1024mb) ANY
AETable END
CFG
lethe init "$work/p" >/dev/null || fail "init"
sed -i "s|peers: .*|peers: [{name: archive, aet: ARCHIVE, host: 127.0.0.1, port: $archive}]|" "$work/p/project.yaml"
# What de-identification would have released: files and their catalogue.
lethe ingest send -C "$work/p" --peer archive >/dev/null || fail "an empty project"
released() { # released PATH UID
    mkdir -p "$(dirname "$work/p/released/$1")"
    make_dicom "$work/p/released/$1" "$2" P-AAAA
    sqlite3 "$work/p/released/catalogue.db" "INSERT INTO entry VALUES ('$1','dicom','P-AAAA','2.25.1','2.25.2','$2','CT','','','','','','','','','','','',1,1,1,1,1,'$(sha256sum "$work/p/released/$1" | cut -d' ' -f1)')"
}
released P-AAAA/1/2/a.dcm 2.25.31
released P-AAAA/1/2/b.dcm 2.25.32
send() { lethe ingest send -C "$work/p" --peer archive --retries 1 >"$work/out" 2>"$work/err"; }
send
check_equal "$? $(cat "$work/out")" "1 sent 0, sent earlier 0, failed 2" "an archive that is not there"
dcmqrscp -c "$work/qr.cfg" >"$work/qr.log" 2>&1 &
started_pids+=($!)
for _ in $(seq 600); do echoscu -aec ARCHIVE localhost "$archive" 2>/dev/null && break; sleep 0.1; done
send || fail "send: $(cat "$work/err")"
check_equal "$(cat "$work/out")" "sent 2, sent earlier 0, failed 0" "first sending"
check_equal "$(find "$work/archive" -type f -name 'CT*' | wc -l)" 2 "files in the archive"
released P-AAAA/1/2/c.dcm 2.25.33
released P-AAAA/1/2/d.dcm 2.25.34
echo x >>"$work/p/released/P-AAAA/1/2/d.dcm"
send
check_equal "$? $(cat "$work/out")" "1 sent 1, sent earlier 2, failed 1" "a file that is not as released"
grep -q "not the one that was released" "$work/err" || fail "reason: $(cat "$work/err")"
check_equal "$(find "$work/archive" -type f -name 'CT*' | wc -l)" 3 "files in the archive"

# The trail.
lethe ingest trail -C "$work/p" >"$work/out" || fail "trail"
grep -q "^[0-9]* events, unchanged" "$work/out" || fail "trail: $(cat "$work/out")"
grep -E "P-AAAA|2\.25\.3" "$work/p/private/audit.jsonl" && fail "the trail tells too much"
cp "$work/p/private/audit.jsonl" "$work/good"
tamper() { # tamper WHAT SED
    sed "$2" "$work/good" >"$work/p/private/audit.jsonl"
    lethe ingest trail -C "$work/p" >/dev/null 2>"$work/err" && fail "the trail hides that $1"
    grep -q "line [0-9]" "$work/err" || fail "no line is named"
}
tamper "a count was changed" 's/"sent":2/"sent":3/'
tamper "a line was removed" 2d
tamper "a line was put in" '2p'
cp "$work/good" "$work/p/private/audit.jsonl"
printf '{"n":' >>"$work/p/private/audit.jsonl"
lethe ingest trail -C "$work/p" 2>/dev/null && fail "a torn line must show"
exit 0
