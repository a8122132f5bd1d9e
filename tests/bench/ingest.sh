# Receiving, side by side: 1,000 CT slices of 512 kB by one association into storescp (Nagle off, nothing durable), Lethe (durable) and Orthanc (defaults);
# then 8 associations, then many small instances (LETHE_BENCH_INSTANCES, default 10,000) to see whether the cost stays flat, then network to released.
source "$LETHE_SOURCE/tests/support/ingest.bash" || exit 1
need dcmsend storescp python3 sqlite3
count=${LETHE_BENCH_SLICES:-1000} rounds=${LETHE_BENCH_ROUNDS:-3} many=${LETHE_BENCH_INSTANCES:-10000}

# generate FOLDER COUNT SIDE TAG: CT slices of SIDE x SIDE pixels.
generate() {
    python3 - "$@" <<'PY'
import os, random, struct, sys
folder, count, side, tag = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
os.makedirs(folder, exist_ok=True)
random.seed(7)
pixels = random.randbytes(side * side * 2)
def e(g, n, vr, v):
    if isinstance(v, str): v = v.encode()
    if len(v) % 2: v += b"\0" if vr == "UI" else b" "
    if vr in ("OW", "OB"): return struct.pack("<HH2s2xI", g, n, vr.encode(), len(v)) + v
    return struct.pack("<HH2sH", g, n, vr.encode(), len(v)) + v
us = lambda n: struct.pack("<H", n)
for i in range(count):
    uid = "2.25.%s%07d" % (tag, i)
    meta = e(2, 1, "OB", b"\0\1") + e(2, 2, "UI", "1.2.840.10008.5.1.4.1.1.2") + e(2, 3, "UI", uid) + e(2, 0x10, "UI", "1.2.840.10008.1.2.1") + e(2, 0x12, "UI", "1.2.3")
    data = (e(8, 0x16, "UI", "1.2.840.10008.5.1.4.1.1.2") + e(8, 0x18, "UI", uid) + e(8, 0x20, "DA", "20240102") + e(8, 0x60, "CS", "CT")
            + e(0x10, 0x10, "PN", "Invented^Person") + e(0x10, 0x20, "LO", "P%d" % (i % 50)) + e(0x20, 0xd, "UI", "2.25.1%d" % (i % 50)) + e(0x20, 0xe, "UI", "2.25.2%d" % (i % 50))
            + e(0x20, 0x13, "IS", str(i)) + e(0x28, 2, "US", us(1)) + e(0x28, 4, "CS", "MONOCHROME2") + e(0x28, 0x10, "US", us(side)) + e(0x28, 0x11, "US", us(side))
            + e(0x28, 0x100, "US", us(16)) + e(0x28, 0x101, "US", us(12)) + e(0x28, 0x102, "US", us(11)) + e(0x28, 0x103, "US", us(0)) + e(0x7fe0, 0x10, "OW", pixels))
    with open("%s/%07d.dcm" % (folder, i), "wb") as f:
        f.write(bytes(128) + b"DICM" + e(2, 0, "UL", struct.pack("<I", len(meta))) + meta + data)
PY
}
now() { date +%s.%N; }
# timed COMMAND...: seconds in $seconds
timed() {
    local start
    start=$(now)
    "$@" >/dev/null 2>&1 || fail "bench: $*"
    seconds=$(python3 -c "print($(now) - $start)")
}
line() { python3 -c "print('  %-58s %7.2f s %8.0f instances/s %8.1f MB/s' % ('$1', $2, $3 / $2, $4 * $3 / 1e6 / $2))"; }

generate "$work/ct" "$count" 512 1
bytes=$(stat -c %s "$work/ct/0000000.dcm")
declare -A best
note() { best[$1]=$(python3 -c "print(min(${best[$1]:-1e9}, $seconds))"); }
lethe init "$work/p" >/dev/null
lethe status -C "$work/p" >/dev/null # makes the tables
printf '  door:\n    reserve_mib: 64\n' >>"$work/p/project.yaml"
for round in $(seq "$rounds"); do
    port=$(free_port)
    mkdir "$work/scp"
    TCP_NODELAY=1 storescp +B -od "$work/scp" "$port" >/dev/null 2>&1 &
    scp=$!
    started_pids+=($scp)
    sleep 0.5
    TCP_NODELAY=1 timed dcmsend +sd localhost "$port" "$work/ct"
    note storescp
    kill $scp
    rm -rf "$work/scp"
    for kind in nodelay nagle; do
        intake "$work/p" "DELETE FROM item"
        rm -rf "$work/p/private/inbox"
        start_serve "$work/p"
        if [ $kind = nodelay ]; then TCP_NODELAY=1 timed dcmsend +sd localhost "$port" "$work/ct"; else timed dcmsend +sd localhost "$port" "$work/ct"; fi
        note lethe_$kind
        check_equal "$(count_of "$work/p" received)" "$count" "received"
        stop_serve
    done
done
if command -v Orthanc >/dev/null; then
    http=$(free_port) dicom=$(free_port)
    echo "{\"StorageDirectory\": \"$work/orthanc\", \"IndexDirectory\": \"$work/orthanc\", \"HttpPort\": $http, \"DicomPort\": $dicom, \"Plugins\": []}" >"$work/orthanc.json"
    Orthanc "$work/orthanc.json" >/dev/null 2>&1 &
    orthanc=$!
    started_pids+=($orthanc)
    for _ in $(seq 600); do echoscu localhost "$dicom" 2>/dev/null && break; sleep 0.1; done
    timed dcmsend +sd localhost "$dicom" "$work/ct"
    best[orthanc]=$seconds
    kill $orthanc
    rm -rf "$work/orthanc"
fi
echo "$count CT slices of $((bytes / 1000)) kB, one association, best of $rounds"
line "storescp, Nagle off on both sides, not durable" "${best[storescp]}" "$count" "$bytes"
line "Lethe, durable, sender with Nagle off" "${best[lethe_nodelay]}" "$count" "$bytes"
line "Lethe, durable, sender as it comes" "${best[lethe_nagle]}" "$count" "$bytes"
[ -z "${best[orthanc]:-}" ] || line "Orthanc, defaults, sender as it comes" "${best[orthanc]}" "$count" "$bytes"
python3 -c "
print('  ratio to storescp: %.2f (goal: at most 1.5)' % (${best[lethe_nodelay]} / ${best[storescp]}))
o = ${best[orthanc]:-0}
if o: print('  times faster than Orthanc, same sender: %.1f (goal: 10)' % (o / ${best[lethe_nagle]}))"

# 8 associations.
intake "$work/p" "DELETE FROM item"
rm -rf "$work/p/private/inbox"
for part in 0 1 2 3 4 5 6 7; do
    mkdir "$work/part$part"
    ls "$work/ct" | awk -v p=$part 'NR % 8 == p' | while read -r f; do ln "$work/ct/$f" "$work/part$part/$f"; done
done
eight() {
    local pids=()
    for part in 0 1 2 3 4 5 6 7; do
        TCP_NODELAY=1 dcmsend +sd localhost "$port" "$work/part$part" &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do wait "$pid" || return 1; done
}
start_serve "$work/p"
timed eight
line "Lethe, durable, 8 associations" "$seconds" "$count" "$bytes"
check_equal "$(count_of "$work/p" received)" "$count" "received"
stop_serve

# Flat cost.
echo "$many small instances in ten parts (flat = the last as fast as the first)"
intake "$work/p" "DELETE FROM item"
rm -rf "$work/p/private/inbox"
start_serve "$work/p"
for part in 0 1 2 3 4 5 6 7 8 9; do
    generate "$work/small" $((many / 10)) 16 "9$part"
    TCP_NODELAY=1 timed dcmsend +sd localhost "$port" "$work/small"
    line "part $((part + 1))" "$seconds" $((many / 10)) 1000
    rm -rf "$work/small"
done
check_equal "$(count_of "$work/p" received)" $((many / 10 * 10)) "received"
stop_serve

# Network to released.
if command -v lethe-deid >/dev/null; then
    intake "$work/p" "DELETE FROM item"
    rm -rf "$work/p/private/inbox"
    start_serve "$work/p"
    TCP_NODELAY=1 timed dcmsend +sd localhost "$port" "$work/ct"
    receive=$seconds
    deid_all() { lethe deid -C "$work/p" || [ $? -ge 3 ]; }
    timed deid_all
    deid=$seconds
    check_equal "$(count_of "$work/p" received)" "$count" "received"
    intake "$work/p" "DELETE FROM item"
    find "$work/p/private/inbox" -mindepth 1 -delete # the folder itself stays: the receiver's fence is around it
    rm -rf "$work/p/released/P-"*
    sqlite3 "$work/p/released/catalogue.db" "DELETE FROM entry"
    both() {
        lethe deid -C "$work/p" --watch >/dev/null 2>&1 &
        local worker=$!
        TCP_NODELAY=1 dcmsend +sd localhost "$port" "$work/ct" || return 1
        while [ "$(intake "$work/p" "SELECT COUNT(*) FROM item WHERE state < 2")" != 0 ]; do sleep 0.1; done
        kill $worker
        wait $worker || true
        return 0
    }
    timed both
    check_equal "$(intake "$work/p" "SELECT COUNT(*) FROM item WHERE state >= 2")" "$count" "received and done"
    python3 -c "print('  receive %.2f s, de-identify %.2f s, both at once %.2f s: %.2f times the slower half (goal: 1.3)' % ($receive, $deid, $seconds, $seconds / max($receive, $deid)))"
    stop_serve
fi
