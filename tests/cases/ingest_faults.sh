# A disk that is full, half-writes or fails, and senders that vanish, at random instants while instances come in: what was acknowledged is there, once and whole;
# what was refused left nothing; the receiver goes on by itself. LETHE_FAULTS sets how many (default 30; ./dev soak makes 1,000).
source "$LETHE_SOURCE/tests/support/ingest.bash" || exit 1
need storescu dump2dcm sqlite3 python3 cc
faults=${LETHE_FAULTS:-30}
lethe init "$work/p" >/dev/null || fail "init"
printf '  door:\n    reserve_mib: 1\n' >>"$work/p/project.yaml"
mkdir "$work/in"
for n in $(seq 20); do make_dicom "$work/in/$n.dcm" "2.25.6$n" "P$((n % 4))" 2.25.1 2.25.2 3000; done
cc -shared -fPIC -O1 -o "$work/fault.so" "$LETHE_SOURCE/tests/support/fault.c" -ldl || fail "cc"
export LETHE_FAULT_FILE=$work/p/private/commitments/fault # where a confined process may read
SERVE_PREFIX="env LD_PRELOAD=$work/fault.so ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0" start_serve "$work/p"
kinds=(enospc short eio vanish)
refused=0
for round in $(seq "$faults"); do
    [ $((round % 10)) != 0 ] || intake "$work/p" "PRAGMA busy_timeout = 20000; DELETE FROM item WHERE id % 2 = 0" >/dev/null # so that there is always something new
    storescu -v --no-halt -aec LETHE localhost "$port" $(shuf -e "$work"/in/*.dcm) >"$work/log" 2>&1 &
    sender=$!
    kind=${kinds[RANDOM % 4]}
    sleep "0.$(printf '%03d' $((RANDOM % 250)))"
    if [ "$kind" = vanish ]; then
        kill -9 $sender 2>/dev/null
    else
        echo $kind >"$LETHE_FAULT_FILE"
        if [ $((round % 2)) = 0 ]; then # every second fault lasts until it has hit an instance, or nothing is left to hit
            until_true 20 bash -c "grep -q 'Refused: OutOfResources' '$work/log' || ! kill -0 $sender 2>/dev/null"
        else
            sleep "0.$(printf '%03d' $((RANDOM % 60)))"
        fi
        rm "$LETHE_FAULT_FILE"
    fi
    wait $sender 2>/dev/null
    refused=$((refused + $(grep -c 'Refused: OutOfResources' "$work/log")))
    told=$(awk '/Sending file: /{f=$NF} /Received Store Response \(Success\)/{sub(/.*\//, "", f); sub(/\.dcm$/, "", f); printf "%s\0472.25.6%s\047", n++ ? "," : "", f}' "$work/log")
    [ -z "$told" ] || check_equal "$(intake "$work/p" "SELECT COUNT(*) FROM item WHERE sop_instance IN ($told)")" "$(tr ',' '\n' <<<"$told" | wc -l)" "acknowledged and there after $kind"
    kill -0 "$serve_pid" 2>/dev/null || fail "the receiver is gone after $kind"
done
# The end: all of it once more, on a healthy disk.
intake "$work/p" "PRAGMA busy_timeout = 20000; DELETE FROM item" >/dev/null
storescu -v -aec LETHE localhost "$port" "$work"/in/*.dcm >"$work/log" 2>&1 || fail "no recovery: $(tail -3 "$work/log")"
check_equal "$(intake "$work/p" "SELECT COUNT(*) || '/' || COUNT(DISTINCT sop_instance) FROM item")" 20/20 "rows in the end"
intake "$work/p" "SELECT path || '|' || sha256 FROM item" | while IFS='|' read -r path sha; do
    [ "$(data_set "$work/p/private/$path" | sha256sum | cut -d' ' -f1)" = "$sha" ] || { echo damaged >"$work/damaged"; }
done
[ ! -e "$work/damaged" ] || fail "a damaged file has a row"
grep -E "association_crashed" "$work/serve.err" && fail "an association crashed"
[ "$refused" -gt 0 ] || [ "$faults" -lt 20 ] || fail "no fault hit an instance"
stop_serve
echo "$faults faults, $refused instances refused"
