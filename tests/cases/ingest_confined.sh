# From inside the processes that parse what comes over the network and what lies in the inbox: no other file can be opened or made, nothing be connected to, no
# program be started. A preloaded probe (tests/support/probe.c) tries in each of them; the work goes on all the same.
source "$LETHE_SOURCE/tests/support/ingest.bash" || exit 1
need storescu dump2dcm sqlite3 python3 cc openssl
[ -z "${LETHE_UNDER_ASAN:-}" ] || { echo "skipped: AddressSanitizer has its own ideas of preloading"; exit 77; }
cc -shared -fPIC -O1 -o "$work/probe.so" "$LETHE_SOURCE/tests/support/probe.c" -ldl || fail "cc"
lethe init "$work/p" >/dev/null || fail "init"
make_dicom "$work/1.dcm" 2.25.1 P1
echo secret >"$work/secret"
export LETHE_PROBE_SECRET=$work/p/private/key LETHE_PROBE_TARGET=$work/p/released/made
landlock=1
SERVE_PREFIX="env LD_PRELOAD=$work/probe.so" start_serve "$work/p"
grep -q 'sandbox_weak' "$work/serve.err" && landlock=0
storescu -aec LETHE localhost "$port" "$work/1.dcm" || fail "a confined association does not receive"
stop_serve
expect='probe open=13 write=13 connect=13 exec=1'
[ "$landlock" = 1 ] || expect='probe open=0 write=0 connect=13 exec=1'
grep '^probe' "$work/serve.err" | sort | uniq -c | awk '{$1 = ""; print substr($0, 2)}' >"$work/told"
[ -s "$work/told" ] || fail "no process entered its fence"
check_equal "$(cat "$work/told")" "$expect" "tried from inside of an association" # 13: not permitted, 1: no such right
[ "$landlock" = 1 ] && [ -e "$work/p/released/made" ] && fail "a file was made"
# The workers of de-identification: they may write into released/, so the target lies elsewhere.
if [ -x "$LETHE_BIN/lethe-deid" ]; then
    export LETHE_PROBE_SECRET=$work/secret LETHE_PROBE_TARGET=$work/made
    env LD_PRELOAD="$work/probe.so" lethe deid -C "$work/p" --watch >"$work/watch.out" 2>"$work/watch.err" &
    watch=$!
    started_pids+=($watch)
    for _ in $(seq 600); do [ "$(intake "$work/p" "SELECT COUNT(*) FROM item WHERE state >= 2")" = 1 ] && break; sleep 0.1; done
    kill $watch
    wait $watch
    check_equal "$(intake "$work/p" "SELECT state FROM item")" 2 "released by a confined worker"
    grep '^probe' "$work/watch.err" | sort -u >"$work/told"
    [ -s "$work/told" ] || fail "no worker entered its fence"
    check_equal "$(cat "$work/told")" "$expect" "tried from inside of a worker"
fi
# Watched folders and STOW-RS: the store is open and the socket listens, and that is all; not even the token can be read again.
if command -v curl >/dev/null; then
    lethe init "$work/q" >/dev/null || fail "init"
    mkdir "$work/drop"
    stow=$(free_port)
    echo "an-invented-token-0123456789" >"$work/q/private/token"
    sed -i "s|watch: .*|watch: [$work/drop]|" "$work/q/project.yaml"
    printf '  door:\n    stable_seconds: 0\n    rescan_seconds: 1\n    originals: delete\n    stow: {port: %s, token_file: private/token}\n' "$stow" >>"$work/q/project.yaml"
    make_dicom "$work/2.dcm" 2.25.2 P1
    make_dicom "$work/3.dcm" 2.25.3 P1
    : >"$work/serve.err"
    export LETHE_PROBE_SECRET=$work/q/private/token LETHE_PROBE_TARGET=$work/q/private/made
    SERVE_PREFIX="env LD_PRELOAD=$work/probe.so" start_serve "$work/q"
    cp "$work/2.dcm" "$work/drop/"
    until_true 60 test ! -e "$work/drop/2.dcm" || fail "a confined watcher does not take in: $(tail -3 "$work/serve.err")"
    { printf -- '--B\r\nContent-Type: application/dicom\r\n\r\n'; cat "$work/3.dcm"; printf '\r\n--B--\r\n'; } >"$work/body"
    post() {
        curl -s -o /dev/null -w '%{http_code}' -H "Authorization: Bearer an-invented-token-0123456789" -H 'Content-Type: multipart/related; type="application/dicom"; boundary=B' \
            --data-binary @"$work/body" "http://127.0.0.1:$stow/studies" | grep -qx 200
    }
    until_true 60 post || fail "a confined STOW-RS does not take in: $(tail -3 "$work/serve.err")"
    check_equal "$(count_of "$work/q" queued)" 2 "taken in by confined services"
    stop_serve
    grep '^probe' "$work/serve.err" | sort | uniq -c | awk '{$1 = ""; print substr($0, 2)}' >"$work/told"
    check_equal "$(grep -c '^probe' "$work/serve.err")" 2 "services that entered their fence"
    check_equal "$(cat "$work/told")" "$expect" "tried from inside of a service"
fi
# Metrics (no connection), audit messages and commitment reports (connections, since that is their work): no file outside, no program.
if command -v curl >/dev/null; then
    lethe init "$work/r" >/dev/null || fail "init"
    openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/key.pem" -out "$work/r/private/ca.pem" -days 2 -subj /CN=localhost >/dev/null 2>&1 || fail "openssl"
    nobody=$(free_port)
    sed -i "s|peers: .*|peers: [{name: pacs, aet: PACS, host: 127.0.0.1, port: $nobody}]|" "$work/r/project.yaml"
    printf '  door:\n    metrics: 127.0.0.1:0\n    audit: {host: localhost, port: %s, authorities: private/ca.pem}\n' "$nobody" >>"$work/r/project.yaml"
    : >"$work/serve.err"
    export LETHE_PROBE_SECRET=$work/r/private/key LETHE_PROBE_TARGET=$work/r/private/made
    SERVE_PREFIX="env LD_PRELOAD=$work/probe.so" start_serve "$work/r"
    printf 'PACS\t2.25.5\t%s\n1.2.840.10008.5.1.4.1.1.2\t2.25.1\t0\nend\n' "$(date +%s)" >"$work/r/private/commitments/kept.report"
    touch -d '1 minute ago' "$work/r/private/commitments/kept.report"
    until_true 60 grep -q 'commitment_not_reported' "$work/serve.err" || fail "no report is tried: $(tail -3 "$work/serve.err")"
    until_true 60 grep -q 'audit_not_sent' "$work/serve.err" || fail "no audit message is tried: $(tail -3 "$work/serve.err")"
    until_true 60 grep -q 'metrics_served' "$work/serve.err" || fail "metrics are not served: $(tail -3 "$work/serve.err")"
    metrics=$(sed -n 's/.*metrics_served port=\([0-9]*\)$/\1/p' "$work/serve.err")
    curl -sf "http://127.0.0.1:$metrics/metrics" | grep -q '^lethe_received_total 0' || fail "confined metrics do not answer"
    stop_serve
    grep '^probe' "$work/serve.err" | sort | uniq -c | awk '{$1 = $1; print}' >"$work/told"
    printf '2 %s\n1 %s\n' "${expect/connect=13/connect=0}" "$expect" >"$work/expected"
    cmp "$work/told" "$work/expected" || fail "tried from inside of metrics, audit and reports: $(cat "$work/told")"
fi
[ "$landlock" = 1 ] || echo "this kernel has no Landlock: only calls were fenced"
exit 0
