#!/bin/bash
# `lethe deid IN... -o OUT`, explain and verify by their contract: exit codes, what is refused, what is never touched, shards, keys, manifest and report.
set -u
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
lethe="$LETHE_BIN/lethe"
bad=0
fail() { echo "FAILED: $*"; bad=1; }
# expect CODE NAME COMMAND...
expect() {
    local code=$1 name=$2
    shift 2
    "$@" > "$work/stdout" 2> "$work/stderr"
    local got=$?
    [ $got = "$code" ] || { fail "$name: exit $got, wanted $code"; head -3 "$work/stderr"; }
}
says() { grep -qi -- "$1" "$work/stderr" "$work/stdout" || fail "$2: nothing says '$1'"; }

"$LETHE_BIN/lethe-testdata" ct -o "$work/ct" --count 12 --columns 64 --seed 3 > /dev/null || exit 1
find "$work/ct" -type f | sort | head -4 > "$work/list"
head -c 32 /dev/urandom > "$work/key"; chmod 600 "$work/key"
head -c 32 /dev/urandom > "$work/open_key"; chmod 644 "$work/open_key"
head -c 31 /dev/urandom > "$work/short_key"; chmod 600 "$work/short_key"
before=$(find "$work/ct" -type f -exec sha256sum {} + | sort | sha256sum)

# --- what works ---
expect 0 "a plain run" "$lethe" deid "$work/ct" -o "$work/a" --key "$work/key" --jobs 2 --manifest "$work/a.jsonl" --report "$work/a.html"
[ "$(find "$work/a" -type f | wc -l)" = 12 ] || fail "12 files were to come out"
[ "$(find "$work/a" -type f -not -name '2.25.*.dcm' | wc -l)" = 0 ] || fail "OUT holds something else"
[ "$(wc -l < "$work/a.jsonl")" = 12 ] || fail "one manifest line per input"
[ "$(stat -c %a "$work/a.jsonl")" = 600 ] || fail "the manifest is private"
grep -q 'Residual risk' "$work/a.html" || fail "no report"
[ "$before" = "$(find "$work/ct" -type f -exec sha256sum {} + | sort | sha256sum)" ] || fail "inputs changed"
expect 0 "verify" "$lethe" deid verify "$work/a" --manifest "$work/a.jsonl"
expect 0 "a re-run" "$lethe" deid "$work/ct" -o "$work/a" --key "$work/key" --json
says '"released": 12' "re-run"
expect 0 "the same bytes in one worker" "$lethe" deid "$work/ct" -o "$work/b" --key "$work/key" --jobs 1
diff -r "$work/a" "$work/b" > /dev/null || fail "two runs differ"
for i in 1 2 3; do expect 0 "shard $i/3" "$lethe" deid "$work/ct" -o "$work/s" --key "$work/key" --shard $i/3 --quiet; done
diff -r "$work/a" "$work/s" > /dev/null || fail "shards differ from one run"
expect 0 "without a key" "$lethe" deid "$work/ct" -o "$work/r"
says "random key" "no key"
diff -rq "$work/a" "$work/r" > /dev/null && fail "a random key gave the same pseudonyms"
expect 0 explain "$lethe" deid explain "$(head -1 "$work/list")" --profile basic
says 'Table E.1-1' explain
says ' -> "' explain
mkdir "$work/mixed"; cp "$(head -1 "$work/list")" "$work/mixed/good.dcm"; echo "hello" > "$work/mixed/note.txt"; : > "$work/mixed/empty.dcm"
head -c 700 "$work/mixed/good.dcm" > "$work/mixed/half.dcm"
expect 3 "a folder with rubbish" "$lethe" deid "$work/mixed" -o "$work/m" --key "$work/key" --manifest "$work/m.jsonl"
[ "$(find "$work/m" -type f | wc -l)" = 1 ] || fail "only the good one is released"
[ "$(grep -c '"outcome": "quarantined"' "$work/m.jsonl")" = 3 ] || fail "three quarantined inputs in the manifest"
[ -f "$work/mixed/half.dcm" ] || fail "a quarantined input stays where it is"

# The same SOP Instance UID with other content never replaces what is there.
mkdir "$work/twice"; cp "$work/mixed/good.dcm" "$work/twice/1.dcm"
/usr/bin/python3 - "$work/twice/1.dcm" "$work/twice/2.dcm" <<'EOF'
import sys
data = bytearray(open(sys.argv[1], "rb").read())
data[-1] ^= 1
open(sys.argv[2], "wb").write(data)
EOF
expect 3 "a conflicting duplicate" "$lethe" deid "$work/twice" -o "$work/t" --key "$work/key" --jobs 1 --manifest "$work/t.jsonl"
[ "$(find "$work/t" -type f | wc -l)" = 0 ] || fail "none of two conflicting instances, whoever comes first"
grep -q 'same SOP Instance UID' "$work/t.jsonl" || fail "the manifest names the conflict"
cp "$work/twice/1.dcm" "$work/twice/3.dcm"; rm "$work/twice/2.dcm"
expect 0 "a true duplicate" "$lethe" deid "$work/twice" -o "$work/t2" --key "$work/key"

# Pre-assigned pseudonyms.
id=$(dcmdump +P 0010,0020 "$work/mixed/good.dcm" | head -1 | sed 's/.*\[\(.*\)\].*/\1/')
printf 'patient_id,pseudonym\n%s,STUDY-007\n' "$id" > "$work/names.csv"
expect 0 "pre-assigned pseudonyms" "$lethe" deid "$work/twice" -o "$work/n" --key "$work/key" --pseudonyms "$work/names.csv"
[ -d "$work/n/STUDY-007" ] || fail "the pre-assigned pseudonym is not used"

# Re-identification only for who holds the recipient's key; doubts about patients are reported by pseudonym.
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/rsa" -out "$work/cert.pem" -days 2 -subj /CN=trusted > /dev/null 2>&1
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/other" -out "$work/other.pem" -days 2 -subj /CN=other > /dev/null 2>&1
mkdir "$work/doubts"; cp "$work/mixed/good.dcm" "$work/doubts/1.dcm"; cp "$work/mixed/good.dcm" "$work/doubts/2.dcm"; cp "$work/mixed/good.dcm" "$work/doubts/3.dcm"
dcmodify -nb -gin -m 'PatientName=SOMEBODY^ELSE' "$work/doubts/2.dcm" > /dev/null 2>&1
dcmodify -nb -gin -m 'PatientID=OTHER-77' "$work/doubts/3.dcm" > /dev/null 2>&1
expect 0 "an encrypted crosswalk" "$lethe" deid "$work/doubts" -o "$work/d" --key "$work/key" --crosswalk "$work/walk.p7m" --recipient "$work/cert.pem" --report "$work/d.html"
[ "$(stat -c %a "$work/walk.p7m")" = 600 ] || fail "the crosswalk is private"
grep -qaF "$id" "$work/walk.p7m" && fail "the crosswalk is not encrypted"
openssl cms -decrypt -inform DER -in "$work/walk.p7m" -inkey "$work/rsa" -recip "$work/cert.pem" -out "$work/walk.csv" 2> /dev/null || fail "the recipient cannot read the crosswalk"
grep -qF "\"$id\"" "$work/walk.csv" && grep -q OTHER-77 "$work/walk.csv" || fail "the crosswalk does not name the patients"
for pseudonym in $(sed -n 's/.*,"\(P-[^"]*\)".*/\1/p' "$work/walk.csv" | tr -d '\r'); do [ -d "$work/d/$pseudonym" ] || fail "$pseudonym is not released"; done
openssl cms -decrypt -inform DER -in "$work/walk.p7m" -inkey "$work/other" -recip "$work/other.pem" -out "$work/walk2.csv" 2> /dev/null && fail "another key reads the crosswalk"
grep -q 'several names' "$work/d.html" && grep -q 'another patient ID' "$work/d.html" || fail "the report does not name the doubts"
grep -qF "$id" "$work/d.html" && fail "the report names a patient"
expect 2 "a crosswalk without a recipient" "$lethe" deid "$work/doubts" -o "$work/x" --key "$work/key" --crosswalk "$work/w"
expect 1 "a recipient that is no certificate" "$lethe" deid "$work/twice" -o "$work/x2" --key "$work/key" --crosswalk "$work/w" --recipient "$work/key"

# --- what is refused ---
expect 2 "no output" "$lethe" deid "$work/ct"
expect 2 "an unknown option" "$lethe" deid "$work/ct" -o "$work/x" --frobnicate
expect 2 "an unknown profile" "$lethe" deid "$work/ct" -o "$work/x" --profile reserch
says research "unknown profile"
printf 'base: research\nrules:\n  - tag: PatientNmae\n    action: remove\n' > "$work/p.yaml"
expect 2 "a wrong tag in a profile" "$lethe" deid "$work/ct" -o "$work/x" --profile "$work/p.yaml"
says 'p.yaml:3' "wrong profile"; says 'PatientName' "wrong profile"
printf 'base: research\noptons: [retain-uids]\n' > "$work/p.yaml"
expect 2 "a wrong key in a profile" "$lethe" deid "$work/ct" -o "$work/x" --profile "$work/p.yaml"
says 'p.yaml:2' "wrong key"
expect 1 "a profile that is not there" "$lethe" deid "$work/ct" -o "$work/x" --profile "$work/none.yaml"
expect 1 "a key that others can read" "$lethe" deid "$work/ct" -o "$work/x" --key "$work/open_key"
expect 1 "a short key" "$lethe" deid "$work/ct" -o "$work/x" --key "$work/short_key"
expect 2 "shards without a key" "$lethe" deid "$work/ct" -o "$work/x" --shard 1/2
expect 2 "a shard out of range" "$lethe" deid "$work/ct" -o "$work/x" --key "$work/key" --shard 3/2
expect 2 "output inside the input" "$lethe" deid "$work/ct" -o "$work/ct/out"
[ ! -e "$work/ct/out" ] || fail "a refused output folder is left in the input"
expect 2 "a manifest among what is released" "$lethe" deid "$work/ct" -o "$work/b" --key "$work/key" --manifest "$work/b/m.jsonl"
expect 2 "a report among what is released" "$lethe" deid "$work/ct" -o "$work/b" --key "$work/key" --report "$work/b/../b/r.html"
mkdir "$work/SECRETNAME^ANNA"; echo hello > "$work/SECRETNAME^ANNA/SECRETNAME.dcm"
expect 3 "a quarantined file whose path names the patient" "$lethe" deid "$work/SECRETNAME^ANNA" -o "$work/p" --key "$work/key"
says 'quarantined: input 1' "quarantine without a manifest"
grep -q SECRETNAME "$work/stderr" "$work/stdout" && fail "a path that names a patient is told on stderr"
expect 2 "jobs that are no number" "$lethe" deid "$work/ct" -o "$work/x" --jobs many
expect 1 "an input that is not there" "$lethe" deid "$work/none" -o "$work/x"
printf 'patient_id,pseudonym\n1,../up\n' > "$work/names.csv"
expect 2 "an unsafe pseudonym" "$lethe" deid "$work/ct" -o "$work/x" --pseudonyms "$work/names.csv"
says 'line 2' "unsafe pseudonym"
expect 2 "no project here" "$lethe" deid -C "$work"
sed -i '3s/"outcome": "released"/"outcome": "Released"/' "$work/a.jsonl"
expect 3 "verify with a changed manifest" "$lethe" deid verify "$work/a" --manifest "$work/a.jsonl"
says 'line 3' "changed manifest"
expect 3 "verify of what was never de-identified" "$lethe" deid verify "$work/ct"
one=$(find "$work/b" -type f | head -1)
for planted in '(0010,0010)=DUPONT^MARIE' '(0008,0080)=Hopital' '(0008,0090)=LEFEVRE^JEAN' '(0008,0050)=ACC1'; do
    mkdir "$work/v"; cp "$one" "$work/v/1.dcm"
    dcmodify -nb -gin -i "$planted" "$work/v/1.dcm" > /dev/null 2>&1 || fail "dcmodify $planted"
    expect 3 "verify of a value planted in ${planted%%=*}" "$lethe" deid verify "$work/v"
    says "${planted:1:9}" "a planted value"
    rm -r "$work/v"
done
printf 'x' | dd of="$one" bs=1 seek=20 conv=notrunc 2> /dev/null
expect 3 "verify of a changed file" "$lethe" deid verify "$work/b"
says preamble "changed file"
if [ "$(id -u)" != 0 ]; then
    mkdir "$work/ro"; chmod 500 "$work/ro"
    expect 1 "an output that cannot be written" "$lethe" deid "$work/ct" -o "$work/ro/out"
fi
[ ! -e "$work/x" ] || [ -z "$(find "$work/x" -type f)" ] || fail "a refused run left files"
exit $bad
