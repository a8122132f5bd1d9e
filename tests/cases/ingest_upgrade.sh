#!/bin/bash
# The intake store of every older version is brought up to date with all its rows when it is opened; one of a newer version is refused.
source "$LETHE_SOURCE/tests/support/ingest.bash" || exit 1
need dump2dcm sqlite3 python3
mkdir "$work/drop" "$work/in"
for n in 1 2 3; do make_dicom "$work/in/$n.dcm" "2.25.7$n" P1; done
make_dicom "$work/drop/old.dcm" 2.25.79 P1
lethe init "$work/p" >/dev/null || fail "init"
sed -i "s|watch: .*|watch: [$work/drop]|" "$work/p/project.yaml"
printf '  door:\n    stable_seconds: 1\n    rescan_seconds: 1\n' >>"$work/p/project.yaml"
lethe ingest add -C "$work/p" "$work/in" >/dev/null || fail "ingest add"
came() { [ "$(count_of "$work/p" received)" = "$1" ]; }
start_serve "$work/p"
until_true 60 came 4 || fail "the watched file did not come in"
stop_serve
rows=$(intake "$work/p" "SELECT * FROM item ORDER BY id")
newest() { intake "$work/p" "SELECT component, MAX(number) FROM migration GROUP BY component ORDER BY component"; }
now=$(newest)
schema() { intake "$work/p" "SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY name" | tr -d ' \n'; }
whole=$(schema)
store=$work/p/private/intake.db
# What each version added is taken out again, newest first, as if it had never been there.
older=("DROP TABLE left_file; DELETE FROM migration WHERE component = 'queue' AND number = 4"
    "DROP INDEX item_finished; DELETE FROM migration WHERE component = 'queue' AND number = 3"
    "DROP INDEX item_path; DELETE FROM migration WHERE component = 'queue' AND number = 2"
    "ALTER TABLE watched DROP COLUMN stays; DELETE FROM migration WHERE component = 'watch' AND number = 2"
    "DROP TABLE swept; DELETE FROM migration WHERE component = 'inbox'"
    "DROP TABLE watched; DELETE FROM migration WHERE component = 'watch'")
for last in "${!older[@]}"; do
    for step in $(seq 0 "$last"); do sqlite3 "$store" "${older[$step]}" || fail "going back, step $step"; done
    start_serve "$work/p"
    updated() { [ "$(newest)" = "$now" ]; }
    until_true 60 updated || fail "the store of step $last was not brought up to date: $(newest)"
    stop_serve
    check_equal "$(schema)" "$whole" "schema after step $last"
    check_equal "$(intake "$work/p" "SELECT * FROM item ORDER BY id")" "$rows" "rows after step $last"
done
# A file that was taken in by an older version, and is kept, does not come in twice.
check_equal "$(count_of "$work/p" received)" 4 "received"
for component in queue watch inbox; do
    cp "$store" "$work/kept"
    sqlite3 "$store" "INSERT INTO migration VALUES ('$component', 99, 0)"
    if [ $component = queue ]; then
        lethe status -C "$work/p" >/dev/null 2>"$work/err" && fail "a newer store was opened"
        grep -q 'newer version' "$work/err" || fail "the refusal does not say why: $(cat "$work/err")"
    elif [ $component = inbox ]; then
        lethe-ingest ingest serve -C "$work/p" --port 0 >/dev/null 2>"$work/err" && fail "a newer inbox was opened"
        grep -q 'newer version' "$work/err" || fail "the refusal does not say why: $(cat "$work/err")"
    else
        : >"$work/serve.err"
        start_serve "$work/p"
        refused() { grep -q 'service=watch.*newer version' "$work/serve.err"; }
        until_true 60 refused || fail "the watcher opened a newer store"
        stop_serve
    fi
    rm -f "$store-wal" "$store-shm"
    cp "$work/kept" "$store"
done
check_equal "$(intake "$work/p" "SELECT * FROM item ORDER BY id")" "$rows" "rows in the end"
echo "ok: ${#older[@]} older stores, 3 newer ones"
