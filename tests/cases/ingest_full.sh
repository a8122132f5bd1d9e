# A full disk, a failing disk, a full queue: refused with A700 before anything is lost, and over by itself.
source "$LETHE_SOURCE/tests/support/ingest.bash" || exit 1
need storescu dump2dcm sqlite3 python3 cc

refused() { # refused WHY: the transfer is refused with A700 and leaves nothing
    local rows files
    rows=$(intake "$work/p" "SELECT COUNT(*) FROM item")
    files=$(find "$work/p/private/inbox" -type f | wc -l)
    storescu -v -aec LETHE localhost "$port" "$work/in/$1.dcm" >"$work/log" 2>&1
    grep -qi "Refused: OutOfResources" "$work/log" || fail "no A700 for $2: $(cat "$work/log")"
    check_equal "$(intake "$work/p" "SELECT COUNT(*) FROM item")" "$rows" "rows after $2"
    check_equal "$(find "$work/p/private/inbox" -type f | wc -l)" "$files" "files after $2"
}
accepted() { storescu -aec LETHE localhost "$port" "$work/in/$1.dcm" || fail "$2"; }

lethe init "$work/p" >/dev/null || fail "init"
mkdir "$work/in"
for n in 1 2 3 4 5 6 7; do make_dicom "$work/in/$n.dcm" "2.25.3$n" P1 2.25.1 2.25.2 2000; done

# The reserve: more than any disk has.
printf '  door:\n    reserve_mib: 4000000000\n' >>"$work/p/project.yaml"
start_serve "$work/p"
refused 1 "a reached reserve"
lethe ingest add -C "$work/p" "$work/in/1.dcm" >/dev/null 2>"$work/err" && fail "add must fail when the reserve is reached"
grep -q "nearly full" "$work/err" || fail "add does not say why"
stop_serve

# ENOSPC and EIO in the middle, then over.
sed -i 's/reserve_mib: .*/reserve_mib: 1/' "$work/p/project.yaml"
cc -shared -fPIC -O1 -o "$work/fault.so" "$LETHE_SOURCE/tests/support/fault.c" -ldl || fail "cc"
export LETHE_FAULT_FILE=$work/p/private/commitments/fault # where a confined process may read
SERVE_PREFIX="env LD_PRELOAD=$work/fault.so ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0" start_serve "$work/p"
accepted 2 "a healthy disk"
for fault in enospc short eio; do
    echo $fault >"$LETHE_FAULT_FILE"
    refused 3 "$fault"
    rm "$LETHE_FAULT_FILE"
done
accepted 3 "after the faults"
stop_serve

# Back-pressure.
echo "    max_queued: 3" >>"$work/p/project.yaml"
start_serve "$work/p"
accepted 4 "below the limit"
for _ in $(seq 600); do
    storescu -v -aec LETHE localhost "$port" "$work/in/5.dcm" >"$work/log" 2>&1
    grep -q "Refused: OutOfResources" "$work/log" && break
    sleep 0.1
    intake "$work/p" "DELETE FROM item WHERE sop_instance = '2.25.35'"
done
grep -q "Refused: OutOfResources" "$work/log" || fail "no back-pressure"
intake "$work/p" "UPDATE item SET state = 2"
for _ in $(seq 600); do
    storescu -aec LETHE localhost "$port" "$work/in/6.dcm" 2>/dev/null && over=1 && break
    sleep 0.1
done
[ "${over:-0}" = 1 ] || fail "back-pressure does not end"
stop_serve
