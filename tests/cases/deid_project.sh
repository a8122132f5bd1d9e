#!/bin/bash
# A project's inbox: drained, killed in the middle and drained again, objections, the private and the released side.
set -u
work=$(mktemp -d)
trap '[ -z "${pid:-}" ] || kill -9 "$pid" 2> /dev/null; rm -rf "$work"' EXIT
lethe="$LETHE_BIN/lethe"
bad=0
fail() { echo "FAILED: $*"; bad=1; }
count() { "$lethe" status -C "$work/p" --json | sed "s/.*\"$1\":\([0-9]*\).*/\1/"; }

"$LETHE_BIN/lethe-testdata" ct -o "$work/ct" --count 400 --columns 128 --seed 5 > /dev/null || exit 1
mkdir "$work/ct/odd"
one=$(find "$work/ct" -type f | sort | head -1)
head -c 900 "$one" > "$work/ct/odd/cut.dcm" # indexed by its header, but not whole
"$lethe" init "$work/p" > /dev/null || exit 1
"$lethe" ingest add -C "$work/p" "$work/ct" > "$work/log" 2>&1
total=$(count received)
[ "$total" -ge 400 ] || fail "only $total received"

# --- killed again and again: nothing lost, nothing twice ---
for pause in 0.05 0.15 0.3; do
    "$lethe" deid -C "$work/p" --jobs 2 --quiet > /dev/null 2>&1 &
    pid=$!
    sleep $pause
    kill -9 $pid 2> /dev/null
    wait $pid 2> /dev/null
    pid=
    [ -z "$(find "$work/p/released" -name '*.dcm' -size 0)" ] || fail "an empty file is visible"
done
"$lethe" deid -C "$work/p" --jobs 2 --quiet > "$work/log" 2>&1
code=$?
[ $code = 0 ] || [ $code = 3 ] || { fail "the run after the kills: exit $code"; cat "$work/log"; }
released=$(count released)
[ "$(count queued)" = 0 ] && [ "$(count claimed)" = 0 ] || fail "something is left in the queue: $("$lethe" status -C "$work/p" --json)"
[ $((released + $(count quarantined) + $(count dropped))) = "$total" ] || fail "states do not add up"
[ "$released" = 400 ] || fail "$released released"
[ "$(find "$work/p/released" -name '*.dcm' | wc -l)" = 400 ] || fail "released files and states disagree"
[ "$(sqlite3 "$work/p/released/catalogue.db" 'select count(*) from entry' 2> /dev/null || echo 400)" = 400 ] || fail "the catalogue disagrees"
"$lethe" deid verify "$work/p/released" --manifest "$work/p/private/manifest.jsonl" > "$work/log" 2>&1 || { fail "verify"; tail -3 "$work/log"; }
[ -z "$(find "$work/p/released" "$work/p/private" -name '*.tmp')" ] || echo "note: temporary files of killed workers are left"

# --- the same project key, another time: the same bytes ---
"$lethe" deid "$work/ct" -o "$work/again" --key "$work/p/private/key" --jobs 2 --quiet > /dev/null 2>&1
diff -r -x '.lethe-*' -x catalogue.db\* -x exports "$work/p/released" "$work/again" > "$work/diff" || { fail "folder run and project run differ"; head -3 "$work/diff"; }

# --- objections: withdrawn, never released again, taken back ---
file=$(find "$work/ct" -name 'IM*' -type f | sort | head -1)
id=$(dcmdump +P 0010,0020 "$file" | head -1 | sed 's/.*\[\(.*\)\].*/\1/')
before=$(find "$work/p/released" -name '*.dcm' | wc -l)
"$lethe" object -C "$work/p" add "$id" > "$work/log" 2>&1 || { fail "object add"; cat "$work/log"; }
after=$(find "$work/p/released" -name '*.dcm' | wc -l)
[ "$after" -lt "$before" ] || fail "nothing was withdrawn"
grep -q "$((before - after)) released files withdrawn" "$work/log" || fail "the count of withdrawn files"
grep -qr "$id" "$work/log" && fail "the list names the person"
"$lethe" object -C "$work/p" list | grep -q '^P-' || fail "object list"
[ "$(count dropped)" -ge $((before - after)) ] || fail "withdrawn instances are no tombstones"
"$lethe" ingest add -C "$work/p" "$work/ct" > /dev/null 2>&1
"$lethe" deid -C "$work/p" --quiet > /dev/null 2>&1
[ "$(find "$work/p/released" -name '*.dcm' | wc -l)" = "$after" ] || fail "an objecting patient was released"
"$lethe" object -C "$work/p" remove "$id" > /dev/null || fail "object remove"
"$lethe" ingest add -C "$work/p" "$work/ct" > /dev/null 2>&1
"$lethe" deid -C "$work/p" --quiet > /dev/null 2>&1
[ "$(find "$work/p/released" -name '*.dcm' | wc -l)" = "$before" ] || fail "taking the objection back does not help: $(find "$work/p/released" -name '*.dcm' | wc -l) of $before"
"$lethe" object -C "$work/p" add > /dev/null 2>&1; [ $? = 2 ] || fail "object add without a patient"
"$lethe" object -C "$work" list > /dev/null 2>&1; [ $? = 1 ] || [ $? = 2 ] || fail "object without a project"

# --- a daemon: what comes in while it watches goes out ---
"$LETHE_BIN/lethe-testdata" ct -o "$work/more" --count 5 --columns 64 --seed 77 > /dev/null
"$lethe" deid -C "$work/p" --watch --quiet > "$work/log" 2>&1 &
pid=$!
"$lethe" ingest add -C "$work/p" "$work/more" > /dev/null 2>&1
for _ in $(seq 100); do [ "$(count queued)$(count claimed)" = 00 ] && break; sleep 0.1; done
kill -TERM $pid; wait $pid; code=$?; pid=
[ $code = 0 ] || [ $code = 3 ] || fail "the daemon ended with $code"
[ "$(find "$work/p/released" -name '*.dcm' | wc -l)" = $((before + 5)) ] || fail "the daemon released $(find "$work/p/released" -name '*.dcm' | wc -l)"

# --- the two sides ---
[ "$(stat -c %a "$work/p/private")" = 700 ] || fail "private/ is open"
[ -z "$(find "$work/p/private" -type f -perm /077)" ] || fail "private files are open: $(find "$work/p/private" -type f -perm /077 | head -2)"
name=$(dcmdump +P 0010,0010 "$file" | head -1 | sed 's/.*\[\(.*\)\].*/\1/')
for word in "${name%%^*}" "$id"; do
    grep -rqaiF -- "$word" "$work/p/released" && fail "a canary is on the released side"
done
exit $bad
