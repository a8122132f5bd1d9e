# From inside the processes that parse what comes over the network and what lies in the inbox: no other file can be opened or made, nothing be connected to, no
# program be started. A preloaded probe (tests/support/probe.c) tries in each of them; the work goes on all the same.
source "$LETHE_SOURCE/tests/support/ingest.bash" || exit 1
need storescu dump2dcm sqlite3 python3 cc
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
    for _ in $(seq 300); do [ "$(intake "$work/p" "SELECT COUNT(*) FROM item WHERE state >= 2")" = 1 ] && break; sleep 0.1; done
    kill $watch
    wait $watch
    check_equal "$(intake "$work/p" "SELECT state FROM item")" 2 "released by a confined worker"
    grep '^probe' "$work/watch.err" | sort -u >"$work/told"
    [ -s "$work/told" ] || fail "no worker entered its fence"
    check_equal "$(cat "$work/told")" "$expect" "tried from inside of a worker"
fi
[ "$landlock" = 1 ] || echo "this kernel has no Landlock: only calls were fenced"
exit 0
