#!/bin/bash
# A watched folder in which somebody nests folders without end: what lies behind them comes in all the same, and the watcher stays.
source "$LETHE_SOURCE/tests/support/ingest.bash" || exit 1
need dump2dcm sqlite3 python3
mkdir "$work/drop"
python3 - "$work/drop" <<'PY'
import os, sys
os.chdir(sys.argv[1])
for _ in range(300):
    os.mkdir("a")
    os.chdir("a")
PY
make_dicom "$work/drop/z.dcm" 2.25.81 P1
lethe init "$work/p" >/dev/null || fail "init"
sed -i "s|watch: .*|watch: [$work/drop]|" "$work/p/project.yaml"
printf '  door:\n    stable_seconds: 1\n    rescan_seconds: 1\n' >>"$work/p/project.yaml"
start_serve "$work/p"
came() { [ "$(count_of "$work/p" received)" = "$1" ]; }
until_true 60 came 1 || fail "what lies behind the nested folders did not come in"
make_dicom "$work/y.dcm" 2.25.82 P1
mv "$work/y.dcm" "$work/drop/"
until_true 60 came 2 || fail "the watcher did not go on"
stop_serve
grep -q 'event=watch_folders_closed\|watch_folders_closed' "$work/serve.err" || fail "nobody is told of the folder that is too deep"
grep -q 'service_failed' "$work/serve.err" && fail "the watcher ended"
find "$work/drop" -depth -type d -name a -exec rmdir {} +
echo "ok: two files behind folders without end"
