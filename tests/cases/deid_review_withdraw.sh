#!/bin/bash
# A released image whose original can no longer be released is withdrawn when it is made again. When its file cannot be removed, that is an error which the exit code
# tells, and which is tried again: nobody may believe that it is gone.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "FAILED: $*"; exit 1; }
lethe=$LETHE_BIN/lethe
expect() { local want=$1 code=0; shift; "$@" >"$work/said" 2>"$work/err" || code=$?; [ "$code" -eq "$want" ] || { cat "$work/said" "$work/err"; fail "exit $code, wanted $want: $*"; }; }
p=$work/p
"$lethe" init "$p" >/dev/null
"$LETHE_BIN/lethe-testdata" burned-in -o "$work/in" --count 3 --size small --seed 3 >/dev/null
expect 0 "$lethe" ingest add -C "$p" "$work/in"
expect 4 "$lethe" deid -C "$p" --jobs 1
expect 0 "$lethe" review -C "$p" list
id=$(awk 'NR == 1 {print $1}' "$work/said")
expect 0 "$lethe" review -C "$p" approve "$id"
output=$(tail -1 "$p/private/manifest.jsonl" | sed 's/.*"output": "\([^"]*\)".*/\1/')
[ -f "$p/released/$output" ] || fail "nothing was released"
original=$(python3 -c 'import sqlite3, sys
print(sqlite3.connect(sys.argv[1] + "/private/intake.db").execute("SELECT path FROM item WHERE id = ?", (sys.argv[2],)).fetchone()[0])' "$p" "$id")
expect 0 "$lethe" review -C "$p" mask "$id" 1,1,9,9 --later
chmod u+w "$p/private/$original"
python3 - "$p/private/$original" <<'PY' # more rows than it has pixels
import re, sys
with open(sys.argv[1], "r+b") as file:
    rows = re.search(rb"\x28\0\x10\0(?:US\x02\0|\x02\0\0\0)", file.read())
    file.seek(rows.end())
    file.write(b"\xff\x7f")
PY
# A folder in the file's place: what unlink refuses for everybody.
rm "$p/released/$output" && mkdir -p "$p/released/$output/in the way"
code=0
"$lethe" review -C "$p" run >"$work/said" 2>"$work/err" || code=$?
[ $code -ne 0 ] || fail "an output that could not be removed was called withdrawn: $(cat "$work/said")"
grep -q 'cannot remove' "$work/err" || fail "another reason: $(cat "$work/err")"
rmdir "$p/released/$output/in the way" "$p/released/$output" && touch "$p/released/$output"
expect 0 "$lethe" review -C "$p" run
grep -q '1 withdrawn' "$work/said" || fail "nothing was withdrawn: $(cat "$work/said")"
[ ! -e "$p/released/$output" ] || fail "the output that was withdrawn is still there"
echo "ok"
