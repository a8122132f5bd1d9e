# PostgreSQL goes away in the middle: it is restarted (orderly, at once), stays down for a while, and its sessions are terminated, while a modality sends and
# `lethe deid --watch` drains. Receiver and worker stay the processes they were, come back by themselves, and in the end all is released, once.
# LETHE_STORE_LOSSES sets how often (default 8).
LETHE_TEST_STORE=postgresql
source "$LETHE_SOURCE/tests/support/ingest.bash" || exit 1
need storescu dump2dcm psql python3
[ -x "$LETHE_BIN/lethe-deid" ] || { echo "skipped: lethe-deid is not built"; exit 77; }
losses=${LETHE_STORE_LOSSES:-6} count=200
lethe init "$work/p" >/dev/null || fail "init"
mkdir "$work/drop" "$work/in" "$work/first"
sed -i "s|watch: .*|watch: [$work/drop]|" "$work/p/project.yaml"
printf '  door:\n    stable_seconds: 0\n    rescan_seconds: 1\n    reserve_mib: 64\n' >>"$work/p/project.yaml"
make_dicom "$work/in/0.dcm" 2.25.7000000 P1 2.25.1 2.25.2 3000
python3 - "$work/in" $count <<'PY'
import sys
folder, count = sys.argv[1], int(sys.argv[2])
base = open(folder + "/0.dcm", "rb").read()
for i in range(1, count):
    open("%s/%d.dcm" % (folder, i), "wb").write(base.replace(b"2.25.7000000", b"2.25.7%06d" % i))
PY
start_serve "$work/p"
receiver=$serve_pid
command lethe deid -C "$work/p" --watch --jobs 1 >"$work/deid.out" 2>"$work/deid.err" &
worker=$!
started_pids+=($worker)
# A sender that does not give up: what was not acknowledged is sent again. It may send so many, that a fast machine is not done before the losses are.
echo 40 >"$work/permit"
cat >"$work/sender.sh" <<'SENDER'
while [ -n "$(ls "$1/in")" ]; do
    while [ "$(ls "$1/first" | wc -l)" -ge "$(cat "$1/permit")" ]; do sleep 0.05; done
    storescu -v --no-halt -aec LETHE localhost "$2" $(ls "$1"/in/*.dcm | head -20) >"$1/log" 2>&1
    for file in $(awk '/Sending file: /{f=$NF} /Received Store Response \(Success\)/{print f}' "$1/log"); do mv "$file" "$1/first/"; done
    [ ! -e "$1/stop" ] || exit 1
done
SENDER
bash "$work/sender.sh" "$work" "$port" &
sender=$!
started_pids+=($sender)
sessions() { psql -qAt "$store_url" -c "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"; }
finished() { local n; n=$(intake "" "SELECT COUNT(*) FROM item WHERE state >= 2" 2>/dev/null); echo "${n:-0}"; }
step=0 ended=0
for round in $(seq "$losses"); do
    # Something has been done since the last loss, or all of it.
    for _ in $(seq 600); do
        now=$(finished)
        if [ "$now" -gt "$step" ] || [ "$now" -ge $((count + 1)) ]; then break; fi
        sleep 0.1
    done
    [ "$now" -gt "$step" ] || fail "nothing goes on after loss $((round - 1)): $now done; $(tail -3 "$work/deid.err")"
    step=$now
    echo $((40 + 40 * round)) >"$work/permit.new" && mv "$work/permit.new" "$work/permit"
    cp "$work/first/$(ls "$work/first" | head -1)" "$work/drop/again-$round.dcm" # a duplicate by folder: its service has lost its link too
    case $((round % 4)) in
    0) bash "$here/postgres.sh" restart "$pg" fast || fail "restart" ;;
    1) ended=$((ended + $(sessions))) ;;
    2) bash "$here/postgres.sh" restart "$pg" immediate || fail "restart" ;;
    3)
        bash "$here/postgres.sh" down "$pg" || fail "down"
        for _ in $(seq 600); do grep -q 'commit_failed\|objections_not_read\|store_away' "$work/serve.err" && break; sleep 0.1; done
        bash "$here/postgres.sh" up "$pg" || fail "up"
        ;;
    esac
    if [ "$step" -ge $((count / 2)) ] && [ "$round" -ge 4 ]; then break; fi
done
echo $count >"$work/permit.new" && mv "$work/permit.new" "$work/permit"
for _ in $(seq 1200); do [ -z "$(ls "$work/in")" ] && break; sleep 0.1; done
[ -z "$(ls "$work/in")" ] || fail "$(ls "$work/in" | wc -l) instances were never taken: $(tail -3 "$work/log")"
wait $sender
cp "$work/first/0.dcm" "$work/drop/last.dcm"
dcmodify -q -nb -m "0008,0018=2.25.79" "$work/drop/last.dcm" || fail "dcmodify"
for _ in $(seq 1200); do [ "$(finished)" = $((count + 1)) ] && break; sleep 0.1; done
kill -0 "$receiver" 2>/dev/null || fail "the receiver ended"
kill -0 "$worker" 2>/dev/null || fail "the worker ended: $(tail -3 "$work/deid.err")"
check_equal "$(intake "" "SELECT COUNT(*) || '/' || COUNT(DISTINCT sop_instance) FROM item WHERE state = 2")" "$((count + 1))/$((count + 1))" \
    "released: $(intake "" "SELECT state, reason, COUNT(*) FROM item GROUP BY 1, 2") $(tail -3 "$work/deid.err")"
check_equal "$(intake "" "SELECT COUNT(*) FROM item")" $((count + 1)) "rows"
check_equal "$(find "$work/p/released" -name '*.dcm' | wc -l)" $((count + 1)) "released files"
check_equal "$(PGOPTIONS='-c search_path=lethe_released' psql -qAt "$store_url" -c "SELECT COUNT(*) FROM entry")" $((count + 1)) "entries of the catalogue"
kill $worker
wait $worker
check_equal $? 0 "exit code of the worker: $(tail -3 "$work/deid.err")"
stop_serve
[ "$ended" -gt 0 ] || fail "no session was terminated"
grep -q store_back "$work/deid.err" || fail "the worker never lost its store"
echo "$round losses of the store, $ended sessions terminated, worker back $(grep -c store_back "$work/deid.err") times; $((count + 1)) instances released once"
