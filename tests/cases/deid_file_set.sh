#!/bin/bash
# A DICOMDIR is made again without asking: by one run, by the last of several shards, by a project; and what is withdrawn is gone from it too.
set -u
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
lethe="$LETHE_BIN/lethe"
bad=0
fail() { echo "FAILED: $*"; bad=1; }
"$LETHE_BIN/lethe-testdata" ct -o "$work/a" --count 6 --columns 16 --seed 5 > /dev/null || exit 1
"$LETHE_BIN/lethe-testdata" ct -o "$work/b" --count 6 --columns 16 --seed 6 > /dev/null || exit 1
mkdir -p "$work/cd/IMAGES" "$work/index"
n=0
find "$work/a" "$work/b" -type f ! -name '*.jsonl' | sort > "$work/list"
while IFS= read -r f; do n=$((n + 1)); cp "$f" "$work/cd/IMAGES/$(printf 'I%03d' $n)"; done < "$work/list"
[ $n = 12 ] || { echo "FAILED: 12 images are wanted, $n were made"; exit 1; }
"$lethe" deid dicomdir "$work/cd/IMAGES" -o "$work/made" > /dev/null && cp "$work/made/DICOMDIR" "$work/cd/DICOMDIR" || fail "a directory of the input"
head -c 32 /dev/urandom > "$work/key"; chmod 600 "$work/key"
links() { find "$1/DICOM" -type f 2> /dev/null | wc -l; }

"$lethe" deid "$work/cd" -o "$work/one" --key "$work/key" --quiet; [ -f "$work/one/DICOMDIR" ] && [ "$(links "$work/one")" = 12 ] || fail "one run"
[ -z "$(find "$work/one" -name '.lethe-*')" ] || fail "one run left a lock"

# Shards in any order: the last one makes it, whichever holds the DICOMDIR of the input; before that the folder is called unfinished.
for i in 3 1 4; do
    "$lethe" deid "$work/cd" -o "$work/out" --key "$work/key" --quiet --shard $i/4
    [ ! -e "$work/out/DICOMDIR" ] || fail "shard $i made a directory before all had ended"
done
"$lethe" deid verify "$work/out" 2>&1 | grep -q unfinished || fail "an unfinished set of shards is not told"
"$lethe" deid "$work/cd" -o "$work/out" --key "$work/key" --quiet --shard 3/4 # again: it counts once
[ ! -e "$work/out/DICOMDIR" ] || fail "a repeated shard was counted twice"
"$lethe" deid "$work/cd" -o "$work/out" --key "$work/key" --quiet --shard 2/4
diff -r "$work/one" "$work/out" > "$work/diff" || { fail "four shards differ from one run"; head -3 "$work/diff"; }
"$lethe" deid verify "$work/out" > /dev/null || fail "verify after the last shard"
# All at once, on a folder that is finished already: still whole at the end, and no mark is left.
rm -rf "$work/out"/P-*
pids=()
mkdir -m 700 "$work/manifests"
for i in 1 2 3 4; do
    "$lethe" deid "$work/cd" -o "$work/out" --key "$work/key" --quiet --jobs 1 --shard $i/4 --manifest "$work/manifests/shard-$i.jsonl" & pids+=($!)
done
for pid in "${pids[@]}"; do wait "$pid" || fail "a shard beside others"; done
diff -r "$work/one" "$work/out" > "$work/diff" || { fail "four shards at once differ from one run"; head -3 "$work/diff"; }
[ -z "$(find "$work/out" -name '.lethe-*')" ] || fail "marks of shards are left"
# The manifests of all shards together know every file; one of them does not.
"$lethe" deid verify "$work/out" --manifest "$work/manifests" --json > "$work/v.json" || fail "verify with the manifests of all shards"
grep -q '"manifest_lines": 13' "$work/v.json" || fail "lines of all manifests"
chain=$(grep -o '"chain": "[0-9a-f]*"' "$work/v.json" | cut -d'"' -f4)
"$lethe" deid verify "$work/out" --manifest "$work/manifests" --chain "$chain" > /dev/null || fail "the chain of all manifests"
"$lethe" deid verify "$work/out" --manifest "$work/manifests/shard-1.jsonl" > /dev/null 2>&1 && fail "one shard's manifest knows all files"
sed -i '$d' "$work/manifests/shard-2.jsonl"
"$lethe" deid verify "$work/out" --manifest "$work/manifests" --chain "$chain" > /dev/null 2>&1 && fail "a line that was cut off one of the manifests"
# Only a broken DICOMDIR in one shard's share: there was one, so there is one.
mkdir "$work/broken"; cp -r "$work/cd/IMAGES" "$work/broken/"; head -c 300 "$work/cd/DICOMDIR" > "$work/broken/DICOMDIR"
for i in 1 2; do "$lethe" deid "$work/broken" -o "$work/out2" --key "$work/key" --quiet --shard $i/2; done
[ -f "$work/out2/DICOMDIR" ] && [ "$(links "$work/out2")" = 12 ] || fail "a DICOMDIR that cannot be read"
for i in 1 2; do "$lethe" deid "$work/cd/IMAGES" -o "$work/out3" --key "$work/key" --quiet --shard $i/2; done
[ -z "$(find "$work/out3" -name DICOMDIR -o -name '.lethe-*')" ] || fail "a directory or a mark that nobody asked for"

# A project.
"$lethe" init "$work/p" --name media > /dev/null || fail "init"
"$lethe" ingest add -C "$work/p" "$work/cd" > /dev/null || fail "ingest"
"$lethe" deid -C "$work/p" --quiet; [ $? = 0 ] || fail "the project's run"
[ -f "$work/p/released/DICOMDIR" ] && [ "$(links "$work/p/released")" = 12 ] || fail "a project's DICOMDIR"
[ -z "$(find "$work/p/released" -name '.lethe-*')" ] || fail "the project's lock is left"
# Killed behind the release of its last image, or while it was being made: the next run makes it.
for name in file-set-due file-set-begun; do
    rm -r "$work/p/released/DICOM/PT000001"; : > "$work/p/private/$name"
    "$lethe" deid -C "$work/p" --quiet; [ $? = 0 ] && [ "$(links "$work/p/released")" = 12 ] || fail "a killed run's DICOMDIR ($name)"
    [ ! -e "$work/p/private/$name" ] || fail "$name stays"
done
# Whoever objects is gone from it, and under every name.
victim=$(ls -d "$work/p/released"/P-* | head -1)
sample=$(find "$victim" -name '*.dcm' | head -1); sum=$(sha256sum < "$sample")
"$lethe" object -C "$work/p" add "$(basename "$victim")" > /dev/null || fail "object add"
find "$work/p/released" -type f -exec sha256sum {} + | grep -q "^${sum%% *}" && fail "a withdrawn image lives on under its second name"
[ "$(links "$work/p/released")" = 6 ] && [ -f "$work/p/released/DICOMDIR" ] || fail "the directory after a withdrawal"
grep -qa "$(basename "$victim")" "$work/p/released/DICOMDIR" && fail "the directory names the withdrawn patient"
# A project without media has none, and one that was made by hand follows withdrawals too.
"$lethe" init "$work/q" --name plain > /dev/null && "$lethe" ingest add -C "$work/q" "$work/cd/IMAGES" > /dev/null && "$lethe" deid -C "$work/q" --quiet
[ ! -e "$work/q/released/DICOMDIR" ] || fail "a project's directory that nobody asked for"
mkdir -p "$work/q/released/exports/e" && cp "$(find "$work/q/released" -name '*.dcm' | head -1)" "$work/q/released/exports/e/copy.dcm"
"$lethe" deid dicomdir "$work/q/released" > /dev/null; [ "$(links "$work/q/released")" = 12 ] || fail "by hand: an export is no part of the file-set"
victim=$(basename "$(ls -d "$work/q/released"/P-* | head -1)")
"$lethe" object -C "$work/q" add "$victim" > /dev/null; [ "$(links "$work/q/released")" = 6 ] || fail "by hand: the withdrawal"
exit $bad
