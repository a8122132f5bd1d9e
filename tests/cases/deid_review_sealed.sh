#!/bin/bash
# What a person approves carries the encrypted attributes of the project's profile like everything else that is released.
set -u
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
lethe="$LETHE_BIN/lethe"
fail() { echo "FAILED: $*"; exit 1; }
for tool in openssl dcmdump; do command -v $tool > /dev/null || { echo "skipped: no $tool"; exit 77; }; done
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/key.pem" -out "$work/c.pem" -days 2 -subj /CN=trusted > /dev/null 2>&1 || fail "a certificate"
chmod 600 "$work/key.pem"
"$lethe" init "$work/p" > /dev/null && cp "$work/c.pem" "$work/p/c.pem"
printf 'name: sealed\nbase: research\nreidentify:\n  certificate: c.pem\n' > "$work/p/sealed.yaml"
sed -i 's/^\( *profile:\).*/\1 sealed.yaml/' "$work/p/project.yaml"
"$LETHE_BIN/lethe-testdata" burned-in -o "$work/in" --count 6 --size small --seed 3 > /dev/null
"$lethe" ingest add -C "$work/p" "$work/in" > /dev/null || fail "ingest"
"$lethe" deid -C "$work/p" --quiet > /dev/null 2>&1
files() { find "$work/p/released" -name '*.dcm' | sort; }
files > "$work/before"
id=$("$lethe" review -C "$work/p" list | awk 'NR == 1 {print $1}')
[ -n "$id" ] || fail "nothing waits"
"$lethe" review -C "$work/p" approve "$id" > /dev/null || fail "approval"
approved=$(files | comm -13 "$work/before" -)
[ -n "$approved" ] || fail "nothing was released by the approval"
dcmdump +P 0400,0500 "$approved" | grep -q 'EncryptedAttributesSequence' || fail "what was approved carries no encrypted attributes"
"$lethe" deid reidentify "$(dirname "$approved")" -o "$work/back" --private-key "$work/key.pem" > "$work/log" || fail "reidentify: $(cat "$work/log")"
restored=$(dcmdump +P 0010,0010 "$(find "$work/back" -type f | head -1)" | head -1 | sed 's/.*\[\(.*\)\].*/\1/')
released=$(dcmdump +P 0010,0010 "$approved" | head -1 | sed 's/.*\[\(.*\)\].*/\1/')
[ -n "$restored" ] && [ "$restored" != "$released" ] || fail "the name did not come back"
