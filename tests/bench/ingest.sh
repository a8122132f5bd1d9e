# Receiving, side by side: 1,000 CT slices of 512 kB by one association into storescp (Nagle off, nothing durable), Lethe (durable) and Orthanc (defaults);
# then 2, 4 and 8 associations (with how busy cores and disk were), then many small instances (LETHE_BENCH_INSTANCES, default 10,000) to see whether the cost stays flat, then network to released. LETHE_BENCH_ORTHANC=0 leaves Orthanc out.
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
# What the machine did: `mark` before and `load` after a measurement print how busy its cores and the disk below $work were.
disk=$(python3 -c "import os, sys; d = os.stat(sys.argv[1]).st_dev; print(os.major(d), os.minor(d))" "$work")
mark() {
    awk '/^cpu /{print $2 + $3 + $4 + $7 + $8 + $9, $5 + $6}' /proc/stat
    awk -v d="$disk" '$1 " " $2 == d {print $8, $10, $13, $19}' /proc/diskstats
}
load() {
    python3 - "$1" "$(mark)" "$2" <<'PY'
import sys
(busy0, idle0, *disk0), (busy1, idle1, *disk1) = ([int(float(n)) for n in text.split()] for text in sys.argv[1:3])
busy = 100 * (busy1 - busy0) / max(1, busy1 - busy0 + idle1 - idle0)
text = "    cores %.0f %% busy" % busy
if len(disk1) == 4 and len(disk0) == 4:
    writes, sectors, ms, flushes = (b - a for a, b in zip(disk0, disk1))
    text += ", disk %.0f %% busy, %.0f MB written in %d writes and %d flushes" % (ms / 10 / float(sys.argv[3]), sectors * 512 / 1e6, writes, flushes)
print(text)
PY
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
        before=$(mark)
        if [ $kind = nodelay ]; then TCP_NODELAY=1 timed dcmsend +sd localhost "$port" "$work/ct"; else timed dcmsend +sd localhost "$port" "$work/ct"; fi
        note lethe_$kind
        [ $kind != nodelay ] || [ "$seconds" != "${best[lethe_nodelay]}" ] || busy_one=$(load "$before" "$seconds")
        check_equal "$(count_of "$work/p" received)" "$count" "received"
        stop_serve
    done
done
if [ "${LETHE_BENCH_ORTHANC:-1}" = 1 ] && command -v Orthanc >/dev/null; then
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
echo "$busy_one"
line "Lethe, durable, sender as it comes" "${best[lethe_nagle]}" "$count" "$bytes"
[ -z "${best[orthanc]:-}" ] || line "Orthanc, defaults, sender as it comes" "${best[orthanc]}" "$count" "$bytes"
python3 -c "
print('  ratio to storescp: %.2f (goal: at most 1.5)' % (${best[lethe_nodelay]} / ${best[storescp]}))
o = ${best[orthanc]:-0}
if o: print('  times faster than Orthanc, same sender: %.1f (goal: 10)' % (o / ${best[lethe_nagle]}))"

# Several associations: best of the rounds.
split() { # split PARTS: the slices in so many folders
    rm -rf "$work"/part*
    for ((part = 0; part < $1; part++)); do
        mkdir "$work/part$part"
        ls "$work/ct" | awk -v p=$part -v n="$1" 'NR % n == p' | while read -r f; do ln "$work/ct/$f" "$work/part$part/$f"; done
    done
}
several() { # several PARTS
    local pids=()
    for ((part = 0; part < $1; part++)); do
        TCP_NODELAY=1 dcmsend +sd localhost "$port" "$work/part$part" &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do wait "$pid" || return 1; done
}
for parts in 2 4 8; do
    split $parts
    for round in $(seq "$rounds"); do
        intake "$work/p" "DELETE FROM item"
        rm -rf "$work/p/private/inbox"
        sync
        start_serve "$work/p"
        before=$(mark)
        timed several $parts
        note several$parts
        [ "$seconds" != "${best[several$parts]}" ] || busy=$(load "$before" "$seconds")
        check_equal "$(count_of "$work/p" received)" "$count" "received"
        stop_serve
    done
    line "Lethe, durable, $parts associations, best of $rounds" "${best[several$parts]}" "$count" "$bytes"
    echo "$busy"
done
# What the senders and this disk do without a receiver: the same bytes into files, each synced, by 8 writers at once.
disk_alone() {
    python3 - "$work" "$count" "$bytes" <<'PY'
import os, sys
folder, count, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
block = os.urandom(size)
for writer in range(8):
    if os.fork() == 0:
        for i in range(writer, count, 8):
            fd = os.open("%s/alone%d" % (folder, i), os.O_WRONLY | os.O_CREAT, 0o600)
            os.write(fd, block)
            os.fsync(fd)
            os.close(fd)
        os._exit(0)
for writer in range(8): os.wait()
PY
}
before=$(mark)
timed disk_alone
line "the disk alone: 8 writers, a file and an fsync each" "$seconds" "$count" "$bytes"
load "$before" "$seconds"
rm -f "$work"/alone*

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
