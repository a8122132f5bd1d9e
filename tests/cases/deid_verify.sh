#!/bin/bash
# `lethe deid verify`: every change in a released tree is seen, and a profile with rules of its own passes when it is named.
set -u
command -v dcmodify > /dev/null || { echo "skipped: no dcmodify"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
lethe="$LETHE_BIN/lethe"
bad=0
fail() { echo "FAILED: $*"; bad=1; }
expect() { local code=$1 name=$2; shift 2; "$@" > "$work/stdout" 2> "$work/stderr"; local got=$?; [ $got = "$code" ] || { fail "$name: exit $got, wanted $code"; head -3 "$work/stderr"; }; }
says() { grep -qi -- "$1" "$work/stderr" "$work/stdout" || fail "$2: nothing says '$1'"; }
"$LETHE_BIN/lethe-testdata" ct -o "$work/ct" --count 4 --columns 64 --seed 3 > /dev/null || exit 1
echo text > "$work/ct/note.txt"
head -c 32 /dev/urandom > "$work/key"; chmod 600 "$work/key"
"$lethe" deid "$work/ct" -o "$work/out" --key "$work/key" --manifest "$work/m.jsonl" --quiet > /dev/null
[ $? = 3 ] || fail "the run"
expect 0 "an untouched tree" "$lethe" deid verify "$work/out" --manifest "$work/m.jsonl" --json
chain=$(sed -n 's/.*"chain": "\([0-9a-f]*\)".*/\1/p' "$work/stdout")
[ "$chain" = "$(tail -1 "$work/m.jsonl" | sed 's/.*"chain": "\([0-9a-f]*\)".*/\1/')" ] || fail "the chain is not told"
try() { # NAME WORD: the tree in $work/t and the manifest in $work/t.jsonl were changed
    expect 3 "$1" "$lethe" deid verify "$work/t" --manifest "$work/t.jsonl"
    says "$2" "$1"
}
fresh() { rm -rf "$work/t"; cp -r "$work/out" "$work/t"; cp "$work/m.jsonl" "$work/t.jsonl"; one=$(find "$work/t" -name '*.dcm' | sort | head -1); }
fresh; printf '\377' | dd of="$one" bs=1 seek=$(($(stat -c %s "$one") - 3)) conv=notrunc 2> /dev/null; try "a changed pixel" "SHA-256"
fresh; truncate -s -2 "$one"; try "a cut file" "SHA-256"
fresh; rm "$one"; try "a removed file" "not in the folder"
fresh; cp "$one" "$(dirname "$one")/2.25.1.dcm"; try "an added copy" "does not know"
fresh; cp "$one" "$work/t/.hidden.dcm"; try "a hidden file" "does not know"
fresh; mv "$one" "$one.dcm"; try "a renamed file" "does not know"
fresh; ln -s /etc/hostname "$work/t/link"; try "a link" "symbolic link"
fresh; cp "$one" "$work/t/.lethe-abcdef.tmp"; try "an unfinished output" "unfinished"
fresh; echo x > "$work/t/readme"; try "a foreign file" "neither DICOM"
fresh; second=$(find "$work/t" -name '*.dcm' | sort | sed -n 2p); cp "$one" "$work/swap"; cp "$second" "$one"; cp "$work/swap" "$second"; try "two files exchanged" "SHA-256"
fresh; sed -i '2s/"removed": /"removed": 1/' "$work/t.jsonl"; try "a changed line" "line 2"
fresh; sed -i '2d' "$work/t.jsonl"; try "a line taken out" "line 2"
fresh; sed -i '1{h;d};2G' "$work/t.jsonl"; try "two lines exchanged" "line 1"
fresh; sed -i '$d' "$work/t.jsonl"; expect 3 "a line cut off at the end" "$lethe" deid verify "$work/t" --manifest "$work/t.jsonl" --chain "$chain"
says "chain" "a line cut off at the end"
fresh; expect 0 "the right chain" "$lethe" deid verify "$work/t" --manifest "$work/t.jsonl" --chain "$chain"
# A manifest of a run that released nothing knows no file.
mkdir "$work/nothing"; echo x > "$work/nothing/x"
"$lethe" deid "$work/nothing" -o "$work/none" --key "$work/key" --manifest "$work/none.jsonl" --quiet > /dev/null
fresh; cp "$work/none.jsonl" "$work/t.jsonl"; try "a manifest without any output" "does not know"

# Rules of the profile's own: what they keep and write passes with the profile, and not without.
cat > "$work/p.yaml" <<'YAML'
name: own
base: basic
rules:
  - {tag: InstitutionName, action: replace, value: NORTH SITE}
  - {tag: StudyDescription, action: keep}
  - {tag: SeriesDescription, action: empty}
YAML
for f in $(cd "$work/ct" && find . -type f ! -name note.txt | tr ' ' '?'); do dcmodify -nb -i 'StudyDescription=THORAX' -i 'InstitutionName=CHU X' $work/ct/$f > /dev/null 2>&1; done
"$lethe" deid "$work/ct" -o "$work/own" --key "$work/key" --profile "$work/p.yaml" --quiet > /dev/null
expect 0 "own rules, with the profile" "$lethe" deid verify "$work/own" --profile "$work/p.yaml"
expect 3 "own rules, without the profile" "$lethe" deid verify "$work/own"
one=$(find "$work/own" -name '*.dcm' | head -1)
dcmodify -nb -m 'InstitutionName=SOUTH SITE' "$one" > /dev/null 2>&1
expect 3 "another value than the rule writes" "$lethe" deid verify "$work/own" --profile "$work/p.yaml"
says "rule 1" "another value"
dcmodify -nb -m 'InstitutionName=NORTH SITE' -i 'OperatorsName=DUPONT^A' "$one" > /dev/null 2>&1
expect 3 "a name beside the rules" "$lethe" deid verify "$work/own" --profile "$work/p.yaml"
says "0008,1070" "a name beside the rules"
expect 2 "a profile that is unknown" "$lethe" deid verify "$work/own" --profile reserch
exit $bad
