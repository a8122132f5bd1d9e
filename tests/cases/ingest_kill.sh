# kill -9 of the whole receiver at random instants: what was acknowledged is there, nothing is there twice, no leftovers stay.
# LETHE_KILLS sets how often (default 25; ./dev soak runs 1,000).
source "$LETHE_SOURCE/tests/support/ingest.bash" || exit 1
need storescu dump2dcm sqlite3 python3
kills=${LETHE_KILLS:-25}
span=400 # ms within which a kill falls; follows what 40 instances take on this machine, round by round

lethe init "$work/p" >/dev/null || fail "init"
mkdir "$work/in"
for n in $(seq 40); do make_dicom "$work/in/$n.dcm" "2.25.5$n" "P$((n % 4))" 2.25.1 2.25.2 3000; done
killed_midway=0
for round in $(seq "$kills"); do
    start_serve "$work/p"
    rm -f "$work/log"
    storescu -v -aec LETHE localhost "$port" $(shuf -e "$work"/in/*.dcm) >"$work/log" 2>&1 &
    sender=$!
    ms=$((RANDOM % span))
    sleep "$((ms / 1000)).$(printf '%03d' $((ms % 1000)))"
    { kill -9 "$serve_pid" && wait "$serve_pid"; } 2>/dev/null
    wait $sender && complete=1 || complete=0
    killed_midway=$((killed_midway + 1 - complete))
    told=$(grep -c 'Received Store Response (Success)' "$work/log" || true)
    told=${told:-0}
    if [ "$complete" = 1 ]; then span=$((span * 2 / 3 + 15)); elif [ "$told" -eq 0 ]; then span=$((span * 3 / 2 + 30)); fi
    # What the peer was told.
    awk '/Sending file: /{f=$NF} /Received Store Response \(Success\)/{print f}' "$work/log" | sort -u >>"$work/acknowledged"
done
sort -u -o "$work/acknowledged" "$work/acknowledged"
[ -s "$work/acknowledged" ] || cat "$work/log" || true; [ -s "$work/acknowledged" ] || fail "nothing was ever acknowledged"
[ "$killed_midway" -gt 0 ] || fail "no kill hit a transfer"
start_serve "$work/p"
intake "$work/p" "SELECT sha256 || '|' || path FROM item" >"$work/rows"
python3 - "$work" <<'PY' || fail "something acknowledged is missing, doubled or damaged"
import hashlib, sys
work = sys.argv[1]

def data_set(path):
    b = open(path, "rb").read()
    return b[144 + int.from_bytes(b[140:144], "little"):]

rows = [line.split("|") for line in open(work + "/rows").read().splitlines()]
for sent in open(work + "/acknowledged").read().splitlines():
    digest = hashlib.sha256(data_set(sent)).hexdigest()
    paths = [path for sha, path in rows if sha == digest]
    assert len(paths) == 1, "%d rows for %s" % (len(paths), sent)
    assert data_set(work + "/p/private/" + paths[0]) == data_set(sent), "damaged: " + sent
PY
check_equal "$(find "$work/p/private/inbox" -type f | wc -l)" "$(intake "$work/p" "SELECT COUNT(*) FROM item")" "files and rows"
# Sending all of it again completes the set, once each.
storescu -aec LETHE localhost "$port" "$work"/in/*.dcm || fail "complete"
check_equal "$(intake "$work/p" "SELECT COUNT(*) FROM item")" 40 "instances after completion"
stop_serve
echo "$kills kills, $killed_midway of them in mid-transfer, $(wc -l <"$work/acknowledged") instances acknowledged before the end"
