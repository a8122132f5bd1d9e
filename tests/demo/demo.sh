#!/usr/bin/env bash
# One invented hospital's whole way, from a PACS to a labelled set, in build/demo. Called by `./dev demo [--patients N]`.
set -euo pipefail
: "${LETHE_BIN:?}" "${LETHE_SOURCE:?}"
patients=4
[ "${1:-}" != --patients ] || patients=$2
demo=$LETHE_SOURCE/build/demo
project=$demo/project
lethe=$LETHE_BIN/lethe
here=$LETHE_SOURCE/tests/demo
pydicom=/usr/lib/python3/dist-packages/pydicom/data/test_files

step() { printf '\n== %s\n' "$*"; }
now() { date +%s.%N; }
seconds() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", b - a }'; }
rate() { awk -v n="$1" -v s="$2" 'BEGIN { printf "%.0f", (s > 0 ? n / s : 0) }'; }
# Exit codes 3 and 4 say that something was held back: expected here, as the demo sends what must be.
held_back_is_fine() { local rc=0; "$@" || rc=$?; case $rc in 0 | 3 | 4) ;; *) return $rc ;; esac; }

server='' display=''
finish() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    [ -z "$display" ] || kill "$display" 2>/dev/null || true
}
trap finish EXIT

rm -rf "$demo"
mkdir -p "$demo"
chmod 700 "$demo"

step "inventing a hospital of $patients patients"
"$LETHE_BIN/lethe-testdata" hospital -o "$demo/hospital" --patients "$patients" --seed 7 --size small
"$LETHE_BIN/lethe-testdata" slides -o "$demo/slides" --seed 7

step "a project, and its door"
"$lethe" init "$project" --name demo
"$lethe" ingest serve -C "$project" --port 0 >"$demo/serve.log" 2>&1 &
server=$!
for _ in $(seq 100); do
    port=$(sed -n 's/^listening on .*:\([0-9]*\)$/\1/p' "$demo/serve.log")
    [ -z "$port" ] || break
    sleep 0.1
done
[ -n "$port" ] || { cat "$demo/serve.log"; exit 1; }

step "the PACS sends: the hospital and pydicom's public test files, by dcmsend"
start=$(now)
for folder in "$demo/hospital" "$pydicom"; do
    # Some of pydicom's files are malformed on purpose: dcmsend says which it cannot send.
    TCP_NODELAY=1 dcmsend 127.0.0.1 "$port" -aec LETHE --scan-directories --recurse --no-halt --no-uid-checks \
        --create-report-file "$demo/dcmsend-$(basename "$folder").txt" "$folder" 2>"$demo/dcmsend-$(basename "$folder").log" || true
    grep -hE 'sent to the peer|with status SUCCESS' "$demo/dcmsend-$(basename "$folder").txt"
done
sent=$(now)
kill "$server"
wait "$server" || true
server=''
held_back_is_fine "$lethe" ingest add -C "$project" "$demo/slides"
"$lethe" status -C "$project"
received=$("$lethe" status -C "$project" --json | sed 's/.*"received":\([0-9]*\).*/\1/')

step "forgetting the patients"
started=$(now)
held_back_is_fine "$lethe" deid -C "$project" --jobs 2 --report "$project/private/report.html"
done_at=$(now)
"$lethe" status -C "$project"
"$lethe" status -C "$project" --json >"$demo/status.json"

step "an independent look at what was released"
"$lethe" deid verify "$project/released"
released=$(find "$project/released" -name '*.dcm' | wc -l)
unreadable=0
while read -r file; do
    dcmdump +L "$file" >/dev/null 2>&1 || unreadable=$((unreadable + 1))
done < <(find "$project/released" -name '*.dcm')
echo "$released DICOM files released; dcmdump cannot read $unreadable of them"
[ "$unreadable" -eq 0 ]
"$lethe" deid sheet "$project/released" -o "$demo/slides.html"

step "labels: schema, import, snapshot, export"
"$lethe" annotate -C "$project" schema install prostate-mr
"$lethe" annotate -C "$project" user add demo --role reader
/usr/bin/python3 "$here/labels.py" "$project" "$demo"
"$lethe" annotate -C "$project" import csv "$demo/labels.csv" --as demo
"$lethe" annotate -C "$project" import coco "$demo/boxes.json" --as demo
"$lethe" snapshot -C "$project" create first
"$lethe" export -C "$project" --snapshot first --format coco,png,csv -o "$demo/export"
"$lethe" export -C "$project" --snapshot first --format coco,png,csv -o "$demo/export-again"
diff -r "$demo/export" "$demo/export-again" && echo "the export repeated is byte-identical"
find "$demo/export" -type f | sed "s|$demo/||" | sort | head -20

step "looking at it"
exec 9>"$demo/display"
Xvfb -displayfd 9 -screen 0 1280x800x24 -nolisten tcp >"$demo/xvfb.log" 2>&1 &
display=$!
for _ in $(seq 50); do [ -s "$demo/display" ] && break; sleep 0.1; done
export DISPLAY=":$(head -1 "$demo/display")"
/usr/bin/python3 "$here/cases.py" "$project" | while read -r name case; do
    "$lethe" view -C "$project" --screenshot "$demo/viewer-$name.png" "$case" && echo "viewer-$name.png"
done
kill "$display"
display=''

cat >"$demo/facts.json" <<JSON
{"instances and slides received": $received,
 "seconds to receive (network to disk and index)": $(seconds "$start" "$sent"),
 "received per second": $(rate "$received" "$(seconds "$start" "$sent")"),
 "seconds to de-identify, audit and release": $(seconds "$started" "$done_at"),
 "de-identified per second (2 workers)": $(rate "$received" "$(seconds "$started" "$done_at")"),
 "DICOM files released": $released,
 "released files that dcmdump cannot read": $unreadable}
JSON
/usr/bin/python3 "$here/report.py" "$demo"

cat <<TEXT

The report     $demo/report.html  (private: it shows values before and after)
The slides     $demo/slides.html
The data set   $demo/export
The project    $project
The viewer     ./dev view
TEXT
