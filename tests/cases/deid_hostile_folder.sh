#!/bin/bash
# Folders as they are found: names with line feeds, quotes, options and bytes of no encoding, links, pipes, sockets, what cannot be read, and two runs at
# once into one output. Each input has its line, nothing waits for ever, no message names what a file is called.
set -u
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
lethe="$LETHE_BIN/lethe"
bad=0
fail() { echo "FAILED: $*"; bad=1; }
"$LETHE_BIN/lethe-testdata" ct -o "$work/ct" --count 8 --columns 32 --seed 77 > /dev/null || exit 1
find "$work/ct" -type f ! -name '*.jsonl' | sort > "$work/list"
pick() { sed -n "$1p" "$work/list"; }
head -c 32 /dev/urandom > "$work/key"; chmod 600 "$work/key"

mkdir -p "$work/in/sub" "$work/in/.hidden"
cp "$(pick 1)" "$work/in/"$'ROUSSEAU\nJean "x" \\.dcm'
cp "$(pick 2)" "$work/in/"$'caf\xe9\xff.dcm'
cp "$(pick 3)" "$work/in/--help"
cp "$(pick 4)" "$work/in/sub/$(printf 'n%.0s' $(seq 250))"
cp "$(pick 5)" "$work/in/.hidden/%s%n"
ln -s "$(pick 6)" "$work/in/sub/link"; ln -s /etc "$work/in/folder-link"; ln -s nowhere "$work/in/broken"; mkfifo "$work/in/pipe"
/usr/bin/python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$work/in/socket"
: > "$work/in/empty"
timeout 120 "$lethe" deid "$work/in" -o "$work/out" --key "$work/key" --manifest "$work/m.jsonl" --report "$work/r.html" > "$work/log" 2>&1
[ $? = 3 ] || fail "links and pipes are quarantined"
[ "$(find "$work/out" -type f | wc -l)" = 5 ] || fail "all five images are released"
/usr/bin/python3 - "$work/m.jsonl" <<'PY' || fail "a line for each input, each of them JSON"
import json, sys
lines = [json.loads(l) for l in open(sys.argv[1], encoding="utf-8")]
assert len(lines) == 11, len(lines)
reason = {l["source"]: l["reason"] for l in lines}
for name, word in (("sub/link", "symbolic link"), ("folder-link", "symbolic link"), ("broken", "symbolic link"), ("pipe", "pipe"), ("socket", "socket")):
    assert word in reason[name], name
assert 'ROUSSEAU\nJean "x" \\.dcm' in reason and ".hidden/%s%n" in reason
PY
for word in ROUSSEAU Jean nnnn caf "$work"; do
    grep -qF "$word" "$work/log" && fail "what was printed names an input ($word)"
    grep -qF "$word" "$work/r.html" && fail "the report names an input ($word)"
done
find "$work/out" | grep -q -e ROUSSEAU -e caf -e nnnn && fail "an output is called like its input"
"$lethe" deid verify "$work/out" --manifest "$work/m.jsonl" > /dev/null || fail verify

# Two runs at once into one output: the same files, and a chain that holds.
runs=()
for i in 1 2; do "$lethe" deid "$work/ct" -o "$work/both" --key "$work/key" --manifest "$work/both.jsonl" --jobs 2 --quiet > /dev/null 2>&1 & runs+=($!); done
for pid in "${runs[@]}"; do wait "$pid"; [ $? = 0 ] || fail "two runs at once"; done
"$lethe" deid "$work/ct" -o "$work/alone" --key "$work/key" --quiet
diff -r "$work/both" "$work/alone" > /dev/null || fail "two runs at once gave other files than one"
[ "$(wc -l < "$work/both.jsonl")" = 16 ] || fail "two runs at once: lines of the manifest"
"$lethe" deid verify "$work/both" --manifest "$work/both.jsonl" > /dev/null || fail "two runs at once: verify"

# What may not be read is told of, and costs nobody else: as an ordinary user.
as=()
if [ "$(id -u)" = 0 ]; then
    command -v setpriv > /dev/null && setpriv --reuid nobody --clear-groups test -x "$LETHE_BIN/lethe-deid" 2> /dev/null || { echo "note: no ordinary user to try unreadable folders with"; exit $bad; }
    as=(setpriv --reuid nobody --clear-groups)
fi
mkdir -p "$work/shut/ok" "$work/shut/private" "$work/theirs"
cp "$(pick 1)" "$work/shut/ok/a"; cp "$(pick 2)" "$work/shut/ok/b"; cp "$(pick 3)" "$work/shut/private/c"; cp "$work/key" "$work/theirs/key"
chmod 000 "$work/shut/ok/b" "$work/shut/private"; chmod 600 "$work/theirs/key"
[ "$(id -u)" != 0 ] || chown -R nobody "$work/theirs"
"${as[@]}" "$lethe" deid "$work/shut" -o "$work/theirs/out" --key "$work/theirs/key" --manifest "$work/theirs/m.jsonl" > "$work/log" 2>&1
[ $? = 3 ] || { fail "an unreadable folder"; cat "$work/log"; }
[ "$(find "$work/theirs/out" -name '*.dcm' | wc -l)" = 1 ] || fail "one file can be read, and is released"
grep -q '"source": "ok/b".*"quarantined"' "$work/theirs/m.jsonl" || fail "an unreadable file has its line"
grep -q '"source": "private".*cannot be read' "$work/theirs/m.jsonl" || fail "an unreadable folder has its line"
mkdir -m 555 "$work/read-only"
"${as[@]}" "$lethe" deid "$work/shut/ok/a" -o "$work/read-only" --key "$work/theirs/key" > "$work/log" 2>&1
[ $? = 1 ] || fail "an output that cannot be written is an error"
grep -qF "$work" "$work/log" && fail "the error names a path"
chmod 700 "$work/shut/private"
exit $bad
