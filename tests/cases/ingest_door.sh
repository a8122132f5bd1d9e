# Watched folders, the cohort at the door, metrics.
source "$LETHE_SOURCE/tests/support/ingest.bash" || exit 1
need storescu dump2dcm sqlite3 python3 curl

wait_for() { # wait_for SQL EXPECTED WHAT
    for _ in $(seq 600); do
        [ "$(intake "$work/p" "$1" 2>/dev/null)" = "$2" ] && return
        sleep 0.1
    done
    fail "$3: $(intake "$work/p" "$1"), expected $2"
}
lethe init "$work/p" >/dev/null || fail "init"
mkdir -p "$work/drop/sub" "$work/in"
sed -i "s|watch: .*|watch: [$work/drop]|" "$work/p/project.yaml"
metrics_port=$(free_port)
cat >>"$work/p/project.yaml" <<YAML
  door:
    stable_seconds: 2
    rescan_seconds: 2
    originals: keep
    metrics: 127.0.0.1:$metrics_port
    cohort: cohort.csv
YAML
cat >"$work/p/cohort.csv" <<CSV
patient_id;study_uid;modality;date_from;date_to;description
P1;;;;;
;2.25.42;CT|MR;2024-01-01;20241231;ax*
CSV
n=0
new() { n=$((n + 1)) && make_dicom "$1" "2.25.6$n" "${@:2}"; }
new "$work/drop/early" P1
start_serve "$work/p"
wait_for "SELECT COUNT(*) FROM item WHERE state = 0" 1 "a file that was there before"
new "$work/drop/sub/late" P1
mkdir "$work/drop/newer"
new "$work/drop/newer/later" P1
wait_for "SELECT COUNT(*) FROM item WHERE state = 0" 3 "files dropped while running"
[ -e "$work/drop/early" ] || fail "an original is gone"
# A file that is still being written is not touched.
new "$work/whole" P1
size=$(stat -c %s "$work/whole")
cat >"$work/grow.py" <<'PY'
import sys, time
whole, step, gap = open(sys.argv[1], "rb").read(), 40, 0.0
last = time.monotonic()
with open(sys.argv[2], "wb", 0) as out:
    for at in range(0, 16 * step, step):
        out.write(whole[at : at + step])
        gap, last = max(gap, time.monotonic() - last), time.monotonic()
        time.sleep(0.25)
print("paused" if max(gap, time.monotonic() - last) > 0.9 else "grew")  # on a busy machine the file may stand still for a while
PY
for _ in $(seq 20); do
    rm -f "$work/drop/growing"
    grown=$(python3 "$work/grow.py" "$work/whole" "$work/drop/growing")
    items=$(intake "$work/p" "SELECT COUNT(*) FROM item")
    [ "$grown" = paused ] || break
    rm -f "$work/drop/growing"
    intake "$work/p" "PRAGMA busy_timeout = 20000; DELETE FROM item WHERE id > 3" >/dev/null
done
[ "$grown" = paused ] || check_equal "$items" 3 "items while a file grows"
cp "$work/whole" "$work/drop/growing"
wait_for "SELECT COUNT(*) FROM item WHERE state = 0" 4 "a file that has stopped growing"
check_equal "$(intake "$work/p" "SELECT sha256 FROM item ORDER BY id DESC LIMIT 1")" "$(data_set "$work/whole" | sha256sum | cut -d' ' -f1)" "its digest"

# The cohort: by patient, or by study with modality, dates and description; the rest leaves a tombstone without identity.
new "$work/in/1.dcm" P2 2.25.42
new "$work/in/2.dcm" P2 2.25.43
new "$work/in/3.dcm" P2 2.25.42 2.25.9 64 US
storescu -aec LETHE localhost "$port" "$work"/in/*.dcm || fail "store"
check_equal "$(count_of "$work/p" dropped)" 2 "dropped"
check_equal "$(count_of "$work/p" queued)" 5 "queued"
check_equal "$(intake "$work/p" "SELECT DISTINCT path || sop_class || sop_instance || sha256 || source_name || output FROM item WHERE state = 5")" "" "identity in tombstones"
new "$work/drop/outsider" P7
wait_for "SELECT COUNT(*) FROM item WHERE state = 5" 3 "a dropped file outside the cohort"
check_equal "$(find "$work/p/private/inbox" -type f | wc -l)" 5 "files in the inbox"
# The list may change while we run; a wrong one is refused.
echo "P7;;;;;" >>"$work/p/cohort.csv"
for _ in $(seq 600); do [ "$(grep -c cohort_loaded "$work/serve.err")" -ge 2 ] && break; sleep 0.1; done
new "$work/in/7.dcm" P7
storescu -aec LETHE localhost "$port" "$work/in/7.dcm" || fail "store"
check_equal "$(count_of "$work/p" queued)" 6 "queued after the cohort grew"
echo ";;;;;" >>"$work/p/cohort.csv"

# Metrics: true, and only what may be told.
until_true 60 curl -sf -o "$work/metrics" "http://127.0.0.1:$metrics_port/metrics" || fail "metrics"
grep -qx 'lethe_items{state="queued"} 6' "$work/metrics" || fail "metrics: $(cat "$work/metrics")"
grep -qx 'lethe_items{state="dropped"} 3' "$work/metrics" || fail "metrics of dropped items"
grep -qx 'lethe_dimse_instances_total 2' "$work/metrics" || fail "metrics of instances"
grep -E "P1|P7|2\.25\.|/private/" "$work/metrics" && fail "metrics tell too much"
check_equal "$(curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$metrics_port/")" 404 "another path"

# A service that crashes is started again.
for child in $(pgrep -P "$serve_pid"); do kill -9 "$child"; done; [ -n "${child:-}" ] || fail "no service to kill"
until_true 60 curl -sf -o /dev/null "http://127.0.0.1:$metrics_port/metrics" || fail "metrics did not come back"
stop_serve

# Started again with nothing new: nothing comes twice; `move` clears the folder.
sed -i 's/originals: keep/originals: move/; /cohort: /d' "$work/p/project.yaml"
start_serve "$work/p"
new "$work/drop/sub/last" P3
wait_for "SELECT COUNT(*) FROM item WHERE state = 0" 7 "a file to move"
for _ in $(seq 600); do [ -e "$work/drop/sub/last" ] || break; sleep 0.1; done
[ ! -e "$work/drop/sub/last" ] && [ -e "$work/drop/.lethe-done/sub/last" ] || fail "the original was not moved"
stop_serve
