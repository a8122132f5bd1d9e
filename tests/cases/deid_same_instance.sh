#!/bin/bash
# Inputs with one SOP Instance UID: the same instance in several encodings is released once, whatever the order, the shard or the round; other content is
# never released beside it, and nothing is lost.
set -u
for tool in dcmconv dcmcrle dcmcjpls dcmodify; do command -v $tool > /dev/null || { echo "skipped: no $tool"; exit 77; }; done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
lethe="$LETHE_BIN/lethe"
bad=0
fail() { echo "FAILED: $*"; bad=1; }
"$LETHE_BIN/lethe-testdata" ct -o "$work/ct" --count 2 --columns 64 --seed 31 > /dev/null || exit 1
find "$work/ct" -type f ! -name '*.jsonl' | sort > "$work/list"
one=$(head -1 "$work/list"); other=$(tail -1 "$work/list")
head -c 32 /dev/urandom > "$work/key"; chmod 600 "$work/key"
mkdir "$work/in"
dcmconv +te "$one" "$work/in/explicit" && dcmconv +ti "$one" "$work/in/implicit" && dcmconv +tb "$one" "$work/in/big" || fail dcmconv
dcmconv +te +g "$one" "$work/in/lengths" && dcmconv +te -e "$one" "$work/in/undefined" || fail "dcmconv lengths"
dcmcrle "$one" "$work/in/rle" && dcmcjpls "$one" "$work/in/jpegls" || fail "lossless compression"
# DCMTK writes its own group lengths and history into what it compresses; the history is content.
dcmodify -nb -ea '(0008,2111)' -ea '(0008,9215)' "$work/in/jpegls" > /dev/null 2>&1
cp "$work/in/explicit" "$work/in/twin"
files() { find "$1" -name '*.dcm' | wc -l; }
run() { local out=$1; shift; "$lethe" deid "$work/in" -o "$out" --key "$work/key" --manifest "$out.jsonl" --quiet "$@"; }
run "$work/out"; [ $? = 0 ] || fail "one instance in eight files: exit code"
[ "$(files "$work/out")" = 1 ] || fail "one instance in eight files is released $(files "$work/out") times"
[ "$(grep -c '"outcome": "quarantined"' "$work/out.jsonl")" = 0 ] || { fail "encodings in conflict"; grep quarantined "$work/out.jsonl" | cut -c1-160; }
[ "$(wc -l < "$work/out.jsonl")" = 8 ] || fail "an input without its line"
"$lethe" deid verify "$work/out" --manifest "$work/out.jsonl" > /dev/null || fail verify
for i in 3 1 2; do run "$work/shards" --shard $i/3; done
diff -r "$work/out" "$work/shards" > /dev/null || fail "shards chose otherwise"
# One bit of one pixel.
cp "$work/in/implicit" "$work/changed"; printf '\125' | dd of="$work/changed" bs=1 seek=$(($(stat -c %s "$work/changed") - 40)) conv=notrunc 2> /dev/null
cmp -s "$work/in/implicit" "$work/changed" && printf '\126' | dd of="$work/changed" bs=1 seek=$(($(stat -c %s "$work/changed") - 40)) conv=notrunc 2> /dev/null
cp "$work/changed" "$work/in/changed"
run "$work/conflict"; [ $? = 3 ] || fail "a conflict: exit code"
[ "$(files "$work/conflict")" = 0 ] || fail "one of two different pictures is released"
[ "$(grep -c 'same SOP Instance UID and other content' "$work/conflict.jsonl")" = 9 ] || fail "a conflict is one of all"
rm "$work/in/changed"
# One word of one text that stays.
dcmodify -nb -m 'SeriesDescription=THORAX AXIAL' "$work/in/twin" > /dev/null 2>&1
run "$work/word"; [ $? = 3 ] && [ "$(files "$work/word")" = 0 ] || fail "a different description is released"
rm "$work/in/twin"

# In a project, round after round.
"$lethe" init "$work/p" --name p > /dev/null || exit 1
add() { "$lethe" ingest add -C "$work/p" "$@" > /dev/null 2>&1; "$lethe" deid -C "$work/p" --quiet; }
add "$work/in/explicit" "$other"; [ $? = 0 ] && [ "$(files "$work/p/released")" = 2 ] || fail "the first round"
sum=$(find "$work/p/released" -name '*.dcm' -exec sha256sum {} + | sort)
add "$work/in/big"; [ $? = 0 ] || fail "another encoding in a later round: exit code"
add "$work/in/implicit" "$work/in/rle"; [ $? = 0 ] || fail "two other encodings in a later round: exit code"
[ "$sum" = "$(find "$work/p/released" -name '*.dcm' -exec sha256sum {} + | sort)" ] || fail "a later encoding changed what is released"
add "$work/changed"; [ $? = 3 ] || fail "other content in a later round: exit code"
[ "$sum" = "$(find "$work/p/released" -name '*.dcm' -exec sha256sum {} + | sort)" ] || fail "other content changed what is released"
[ "$(find "$work/p/private/quarantine" -type f | wc -l)" = 1 ] || fail "other content is kept in quarantine"
grep -q 'other content is released already' "$work/p/private/manifest.jsonl" || fail "the manifest says why"
"$lethe" status -C "$work/p" --json | grep -q '"quarantined": *1' || fail "the status counts it"
exit $bad
