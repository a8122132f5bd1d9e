#!/bin/bash
# A slide of several files that is quarantined stays whole: main file and data folder, in a folder of their own, over starts and runs, and beside
# another slide of the same name.
source "$LETHE_SOURCE/tests/support/ingest.bash" || exit 1
need sqlite3 python3
lethe-testdata slides --size small -o "$work/in" --key "$work/answers.jsonl" >/dev/null || fail "generator"
name=$(basename "$work"/in/slides/*.mrxs .mrxs)
for part in one two; do
    mkdir "$work/$part"
    cp -r "$work/in/slides/$name" "$work/in/slides/$name.mrxs" "$work/$part/"
    # No list of what is in there: it cannot be told apart, and nobody can say what it holds.
    printf 'broken %s' "$part" >"$work/$part/$name/Slidedat.ini"
done
lethe init "$work/p" >/dev/null || fail "init"
lethe ingest add -C "$work/p" "$work/one" >/dev/null
check_equal "$(intake "$work/p" "SELECT COUNT(*) FROM item")" 1 "rows of the first slide"
lethe deid -C "$work/p" --quiet
check_equal $? 3 "exit code of a run that quarantines"
check_equal "$(count_of "$work/p" quarantined)" 1 "quarantined"
# is_whole FOLDER WHICH: what lies in FOLDER is the slide WHICH, byte by byte.
is_whole() {
    check_equal "$(find "$1" -type f | wc -l)" "$(find "$work/$2" -type f | wc -l)" "files of slide $2"
    cmp "$1/slide.mrxs" "$work/$2/$name.mrxs" || fail "the main file of slide $2"
    diff -r "$1/slide" "$work/$2/$name" >/dev/null || fail "the data folder of slide $2"
}
place() { dirname "$work/p/private/$(intake "$work/p" "SELECT path FROM item ORDER BY id LIMIT 1 OFFSET $1")"; }
one=$(place 0)
is_whole "$one" one
start_serve "$work/p"
stop_serve
is_whole "$one" one

lethe ingest add -C "$work/p" "$work/two" >/dev/null
check_equal "$(intake "$work/p" "SELECT COUNT(*) FROM item")" 2 "rows of both slides"
lethe deid -C "$work/p" --quiet
check_equal "$(count_of "$work/p" quarantined)" 2 "quarantined, of one name"
two=$(place 1)
[ "$one" != "$two" ] || fail "two slides of one name share a folder"
find "$work/p/private/inbox" -type d -exec touch {} + # every folder has changed: the sweep looks into all of them
start_serve "$work/p"
stop_serve
lethe deid -C "$work/p" --quiet
is_whole "$one" one
is_whole "$two" two
check_equal "$(intake "$work/p" "SELECT COUNT(*) FROM left_file")" 0 "files to be removed"
check_equal "$(find "$work/p/released" -name '*.mrxs' | wc -l)" 0 "released"
echo "ok: two quarantined slides of one name, each whole"
