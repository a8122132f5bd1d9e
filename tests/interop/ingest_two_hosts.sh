# Two hosts, a PostgreSQL server and a modality, each in a network namespace of its own (the hosts also in PID namespaces), over one shared folder. The modality's
# cable is pulled in the middle of a C-STORE; then one host loses its power while it holds claims: the other takes them over, and everything is released once.
source "$LETHE_SOURCE/tests/support/ingest.bash" || exit 1
need storescu dump2dcm psql python3 ip unshare
[ "$(id -u)" = 0 ] || { echo "skipped: network namespaces need root"; exit 77; }
[ -x "$LETHE_BIN/lethe-deid" ] || { echo "skipped: lethe-deid is not built"; exit 77; }
tag=lt$$
ip netns add "$tag-db" 2>/dev/null || { echo "skipped: no network namespaces here"; exit 77; }
spaces=("$tag-db")
end_spaces() {
    local space pid
    for space in "${spaces[@]}"; do
        for pid in $(ip netns pids "$space" 2>/dev/null); do kill -9 "$pid" 2>/dev/null; done
        ip netns del "$space" 2>/dev/null
    done
}
trap 'code=$?; [ ! -d "$pg" ] || bash "$here/postgres.sh" stop "$pg"; end_spaces; (exit $code); finish' EXIT
in_space() { ip netns exec "$tag-$1" "${@:2}"; }
in_space db ip link add br0 type bridge 2>/dev/null || { echo "skipped: no bridge in this kernel"; exit 77; }
in_space db ip addr add 10.91.0.1/24 dev br0 && in_space db ip link set br0 up && in_space db ip link set lo up || fail "bridge"
n=1
for host in a b modality; do
    n=$((n + 1))
    ip netns add "$tag-$host" && spaces+=("$tag-$host")
    in_space db ip link add "v$host" type veth peer name eth0 netns "$tag-$host" || fail "veth"
    in_space db ip link set "v$host" master br0 up
    in_space "$host" ip addr add "10.91.0.$n/24" dev eth0 && in_space "$host" ip link set eth0 up && in_space "$host" ip link set lo up || fail "address"
done
PG_OPTIONS="-c listen_addresses=10.91.0.1" in_space db bash "$here/postgres.sh" start "$pg" >"$work/url" || exit $?
echo "host all all 10.91.0.0/24 trust" >>"$pg/data/pg_hba.conf"
sql() { PGOPTIONS='-c search_path=lethe_private' psql -qAt "$(cat "$work/url")" -c "$1"; }
sql "SELECT pg_reload_conf()" >/dev/null
in_space a lethe init "$work/p" --store "postgresql://postgres@10.91.0.1/postgres" >/dev/null || fail "init"
sed -i 's/  host: 127.0.0.1/  host: 10.91.0.2/' "$work/p/project.yaml"
printf '  door:\n    stall_seconds: 2\n    idle_seconds: 3\n    reserve_mib: 64\n' >>"$work/p/project.yaml"
mkdir "$work/in"
make_dicom "$work/in/0.dcm" 2.25.7000000 P1 2.25.1 2.25.2 250000
count=150
python3 - "$work/in" $count <<'PY'
import sys
folder, count = sys.argv[1], int(sys.argv[2])
base = open(folder + "/0.dcm", "rb").read()
for i in range(1, count):
    open("%s/%d.dcm" % (folder, i), "wb").write(base.replace(b"2.25.7000000", b"2.25.7%06d" % i))
PY
# A host: its own PID namespace, so that neighbours cannot see each other's processes.
host() { ip netns exec "$tag-$1" unshare --pid --fork --kill-child --mount-proc "${@:2}"; }
host a lethe-ingest ingest serve -C "$work/p" --port 11112 >"$work/serve.out" 2>>"$work/serve.err" &
serve_pids+=($!)
for _ in $(seq 1200); do grep -q '^listening on ' "$work/serve.out" && break; sleep 0.05; done
grep -q '^listening on ' "$work/serve.out" || fail "the receiver did not start"

# The cable of the modality is pulled while it sends; a slow line, so that a busy machine has the time to pull it.
in_space modality tc qdisc add dev eth0 root tbf rate 60mbit burst 64kb latency 400ms 2>/dev/null || true
in_space modality storescu -v -aec LETHE 10.91.0.2 11112 "$work"/in/*.dcm >"$work/log" 2>&1 &
sender=$!
for _ in $(seq 1000); do [ "$(grep -c 'Response (Success)' "$work/log")" -ge 5 ] && break; sleep 0.005; done
in_space modality ip link set eth0 down
told=$(grep -c 'Response (Success)' "$work/log")
for _ in $(seq 600); do grep -q association_broken "$work/serve.err" && break; sleep 0.1; done
grep -q association_broken "$work/serve.err" || fail "a pulled cable does not end the association: told $told, $(tail -2 "$work/log")"
kill -9 $sender 2>/dev/null
wait $sender 2>/dev/null
told=$(grep -c 'Response (Success)' "$work/log")
[ "$told" -lt "$count" ] || fail "the cable was pulled too late"
here_now=$(sql "SELECT COUNT(*) FROM item")
[ "$here_now" -ge "$told" ] || fail "$told acknowledged, $here_now there"
in_space modality tc qdisc del dev eth0 root 2>/dev/null || true
in_space modality ip link set eth0 up
in_space modality storescu -aec LETHE 10.91.0.2 11112 "$work"/in/*.dcm || fail "send after the cable is back"
check_equal "$(sql "SELECT COUNT(*) || '/' || COUNT(DISTINCT sop_instance) FROM item")" "$count/$count" "instances"
check_equal "$(find "$work/p/private/inbox" -type f | wc -l)" "$count" "files"

# Host b claims, and loses its power: link first, so that nobody hears it die.
host b lethe deid -C "$work/p" --jobs 1 --watch >/dev/null 2>"$work/b.err" &
b=$!
started_pids+=($b)
sql 'DO $$ BEGIN WHILE NOT EXISTS (SELECT 1 FROM item WHERE state = 1) LOOP PERFORM pg_sleep(0.002); END LOOP; END $$'
in_space b ip link set eth0 down
for pid in $(ip netns pids "$tag-b"); do kill -9 "$pid" 2>/dev/null; done
claimed=$(sql "SELECT COUNT(*) FROM item WHERE state = 1")
[ "$claimed" -gt 0 ] || fail "host b held no claims any more"
start=$SECONDS
host a lethe deid -C "$work/p" --watch >/dev/null 2>"$work/a.err" &
started_pids+=($!)
for _ in $(seq 1500); do [ "$(sql "SELECT COUNT(*) FROM item WHERE state < 2")" = 0 ] && break; sleep 0.1; done
took=$((SECONDS - start))
check_equal "$(sql "SELECT COUNT(*) FROM item WHERE state = 2")" "$count" "released after $took s: $(sql "SELECT state, reason, COUNT(*) FROM item GROUP BY 1, 2") $(tail -3 "$work/a.err")"
check_equal "$(find "$work/p/released" -name '*.dcm' | wc -l)" "$count" "released files"
check_equal "$(PGOPTIONS='-c search_path=lethe_released' psql -qAt "$(cat "$work/url")" -c "SELECT COUNT(*) FROM entry")" "$count" "entries of the catalogue"
check_equal "$(find "$work/p/released" -name '*.tmp' | wc -l)" 0 "leftovers"
echo "cable pulled after $told acknowledgements; $claimed claims of a dead host taken over, all done after $took s"
