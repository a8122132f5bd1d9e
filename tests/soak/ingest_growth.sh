# Many small instances into one receiver (LETHE_GROWTH, default 250,000), and a store of a million rows (LETHE_GROWTH_ROWS): what an instance costs, in processor time
# (which other work on the machine does not change much) and on the clock; the receiver's memory, the store's size, files and inodes; how long a start takes. Fails when
# the cost grows with what lies there, or the memory at all.
source "$LETHE_SOURCE/tests/support/ingest.bash" || exit 1
need sqlite3 python3
count=${LETHE_GROWTH:-250000} rows=${LETHE_GROWTH_ROWS:-1000000} parts=20
part=$((count / parts))
lethe init "$work/p" >/dev/null || fail "init"
printf '  door:\n    reserve_mib: 64\n' >>"$work/p/project.yaml"
memory() { awk '/RssAnon/{print $2}' "/proc/$serve_pid/status"; }
# Processor seconds of the receiver and of the associations that have ended.
spent() { awk -v t="$(getconf CLK_TCK)" '{sub(/^.*\) /, ""); print ($12 + $13 + $14 + $15) / t}' "/proc/$serve_pid/stat"; }
idle() { for _ in $(seq 600); do [ "$(pgrep -c -P "$serve_pid")" = 0 ] && return; sleep 0.1; done; fail "associations do not end"; }
store_kib() { du -ck "$work/p/private/intake.db" "$work/p/private/intake.db-wal" 2>/dev/null | tail -1 | cut -f1; }
send() { # send FIRST COUNT: sets $seconds and $cost (ms of processor time an instance)
    local before start
    before=$(spent) start=$(date +%s.%N)
    python3 "$LETHE_SOURCE/tests/support/small_sender.py" "$port" "$1" "$2" 4 || fail "sending"
    seconds=$(python3 -c "print($(date +%s.%N) - $start)")
    idle
    cost=$(python3 -c "print('%.3f' % (($(spent) - $before) * 1000 / $2))")
}
open_time() { # how long a start takes, until the port is announced
    local start
    start=$(date +%s.%N)
    start_serve "$work/p"
    opened=$(python3 -c "print('%.2f' % ($(date +%s.%N) - $start))")
}
start_serve "$work/p"
send 900000000 200 # so that all that is made once is made
first=$(memory)
echo "instances  instances/s  processor ms each  receiver KiB  store KiB  inodes  load"
began=$SECONDS
for n in $(seq $parts); do
    send $(((n - 1) * part)) "$part"
    costs[n]=$cost sizes[n]=$(memory)
    printf '%9d  %11.0f  %17s  %12d  %9d  %6d  %s\n' $((n * part)) "$(python3 -c "print($part / $seconds)")" "$cost" "${sizes[n]}" "$(store_kib)" \
        "$(find "$work/p/private" | wc -l)" "$(cut -d' ' -f1 /proc/loadavg)"
done
echo "$count instances in $((SECONDS - began)) s; receiver $first KiB at the start, ${sizes[parts]} KiB at the end"
check_equal "$(count_of "$work/p" received)" $((part * parts + 200)) "received"
check_equal "$(find "$work/p/private/inbox" -type f | wc -l)" $((part * parts + 200)) "files"
python3 - "${costs[@]}" <<'PY' || fail "the cost of an instance grows"
import statistics, sys
costs = [float(a) for a in sys.argv[1:]]
early, late = statistics.median(costs[:5]), statistics.median(costs[-5:])
print("processor time an instance: %.3f ms in the first quarter, %.3f ms in the last" % (early, late))
sys.exit(late > 1.3 * early)
PY
# The first half fills the cache of the store's pages.
[ "${sizes[parts]}" -le $((sizes[parts / 2] + 1024)) ] || fail "the receiver grew from ${sizes[parts / 2]} to ${sizes[parts]} KiB"
stop_serve
open_time
echo "a start with $((part * parts + 200)) files in the inbox: $opened s"
stop_serve

# A million rows: those of released items, as a year's work leaves them, without their files.
intake "$work/p" "PRAGMA journal_mode = WAL; WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $rows)
INSERT INTO item (kind, state, path, sop_class, sop_instance, sha256, size_bytes, received_us, source, source_name, priority, attempts, reason, output, finished_us)
SELECT 0, 2, 'inbox/20200101/0000/' || lower(hex(randomblob(16))) || '.dcm', '1.2.840.10008.5.1.4.1.1.2', '2.25.7' || i, lower(hex(randomblob(32))), 1000, i,
'dimse', 'SMALL/2.25.7' || i || '.dcm', 0, 0, '', 'P/1/2/' || i || '.dcm', i FROM n" >/dev/null || fail "rows"
open_time
echo "a start with $(intake "$work/p" "SELECT COUNT(*) FROM item") rows: $opened s; the store has $(($(store_kib) / 1024)) MiB"
start=$(date +%s.%N)
count_of "$work/p" received >/dev/null
echo "lethe status: $(python3 -c "print('%.2f' % ($(date +%s.%N) - $start))") s"
send 800000000 2000
send 810000000 10000
echo "10,000 more: $(python3 -c "print('%.0f' % (10000 / $seconds))") instances/s, $cost ms of processor time each (${costs[parts]} before); receiver $(memory) KiB"
python3 -c "import sys; sys.exit($cost > 1.5 * ${costs[parts]})" || fail "a store of many rows makes an instance dearer"
stop_serve
