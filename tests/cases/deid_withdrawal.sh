#!/bin/bash
# The right to object from end to end: a patient whose images were released, labelled, frozen in a snapshot and exported objects. The next export of the same
# snapshot lacks the patient and tells of the withdrawal without the person; the door turns the images away; and all of it can be undone.
set -u
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
lethe="$LETHE_BIN/lethe"
bad=0
fail() { echo "FAILED: $*"; bad=1; }
command -v dcmodify > /dev/null || { echo "skipped: no dcmodify"; exit 77; }
[ -x "$LETHE_BIN/lethe-annotate" ] || { echo "skipped: lethe-annotate is not built"; exit 77; }
"$LETHE_BIN/lethe-testdata" ct -o "$work/ct" --count 2 --columns 64 --seed 9 > /dev/null || exit 1
n=0
find "$work/ct" -type f | sort > "$work/list"
while read -r f; do n=$((n + 1)); dcmodify -nb -gin -gst -gse -m "PatientID=HOSP-00$n" -e IssuerOfPatientID "$f" > /dev/null 2>&1 || fail dcmodify; done < "$work/list"
p="$work/p"
"$lethe" init "$p" --name p > /dev/null || exit 1
send() { "$lethe" ingest add -C "$p" --json "$work/ct" > "$work/door" 2> /dev/null; "$lethe" deid -C "$p" --quiet > "$work/log" 2>&1; }
send
mapfile -t pseudonyms < <(ls "$p/released" | grep '^P-')
[ ${#pseudonyms[@]} = 2 ] || { fail "two patients were to be released"; cat "$work/log"; exit 1; }
cat > "$work/s.yaml" <<'YAML'
schema: demo
version: 1
labels:
  - {name: cancer, level: patient, answer: single, options: [{value: "no"}, {value: "yes"}]}
YAML
"$lethe" annotate -C "$p" schema install "$work/s.yaml" > /dev/null || fail "schema"
{ echo "patient,label,value"; for who in "${pseudonyms[@]}"; do echo "$who,cancer,yes"; done; } > "$work/c.csv"
"$lethe" annotate -C "$p" import csv "$work/c.csv" > /dev/null || fail "labels"
"$lethe" snapshot -C "$p" create first > /dev/null || fail "snapshot"
export_to() {
    "$lethe" export -C "$p" --snapshot "$2" --format csv --split 50,25,25 --title "Demo set" --licence CC-BY-4.0 --url https://example.org/set --creator "Invented Hospital" \
        --contact data@example.org --access-body "Invented Body" --with-images -o "$work/$1" > "$work/log" 2>&1 || { fail "export $1"; cat "$work/log"; }
}
export_to before first
for who in "${pseudonyms[@]}"; do grep -rqa "$who" "$work/before" || fail "$who is missing before anybody objected"; done
grep -rq 'was withdrawn' "$work/before" && fail "a withdrawal is told that was none"

# The patient objects.
one=HOSP-001
"$lethe" object -C "$p" add "$one" > "$work/log" 2>&1 || { fail "object add"; cat "$work/log"; }
gone=
for who in "${pseudonyms[@]}"; do [ -n "$(find "$p/released/$who" -name '*.dcm' 2> /dev/null)" ] && stays=$who || gone=$who; done
[ -n "$gone" ] && [ -n "${stays:-}" ] || { fail "exactly one patient was to go: $(cat "$work/log")"; exit 1; }
export_to after first
grep -rqa -e "$gone" -e "$one" "$work/after" && fail "the next export of the same snapshot names the patient"
grep -rqa "$stays" "$work/after" || fail "the other patient went too"
[ "$(find "$work/after" -name '*.dcm' | wc -l)" = 1 ] || fail "images of the next export"
grep -q '^1 annotations of the snapshot are left out' "$work/after/README.md" || fail "the export does not name the withdrawal"
"$lethe" snapshot -C "$p" create second > /dev/null || fail "a later snapshot"
export_to later second
grep -rqa -e "$gone" -e "$one" "$work/later" && fail "a later snapshot holds the patient"

# At the door: turned away, and a tombstone that names nobody.
send
grep -q '"dropped": *1' "$work/door" || { fail "the door let the patient in"; cat "$work/door"; }
[ -z "$(find "$p/released/$gone" -name '*.dcm' 2> /dev/null)" ] || fail "the patient was released again"
database=$(find "$p/private" -maxdepth 1 -name '*.db' | head -1)
if command -v sqlite3 > /dev/null && [ -n "$database" ]; then
    sqlite3 "$database" "SELECT DISTINCT path || sop_instance || source_name || '|' || reason FROM item WHERE state = 5" > "$work/tombs"
    grep -qx '|the patient objects to the use of the data' "$work/tombs" || { fail "no tombstone"; cat "$work/tombs"; }
fi
"$lethe" object -C "$p" list | grep -q "$one" && fail "the list names the person"

# Taken back: the images are sent again, and the export is what it was.
"$lethe" object -C "$p" remove "$one" > /dev/null || fail "object remove"
send
export_to again first
diff -r "$work/before" "$work/again" > "$work/diff" || { fail "undone, the export of the snapshot is another"; head -5 "$work/diff"; }

# Two different images under one SOP Instance UID in one round: none is released, whoever is faster; and images that become the same are one.
q="$work/q"
mkdir "$work/twice" "$work/same"
for n in 1 2 3 4; do cp "$(head -1 "$work/list")" "$work/twice/$n.dcm"; done
dcmodify -nb -m "PatientWeight=71" "$work/twice/1.dcm" > /dev/null 2>&1
dcmodify -nb -m "PatientWeight=72" "$work/twice/2.dcm" > /dev/null 2>&1
dcmodify -nb -m "PatientWeight=73" "$work/twice/3.dcm" > /dev/null 2>&1
cp "$work/twice/4.dcm" "$work/same/1.dcm"; cp "$work/twice/4.dcm" "$work/same/2.dcm"
dcmodify -nb -m "AccessionNumber=ACC-OTHER-1" "$work/same/2.dcm" > /dev/null 2>&1
for jobs in 1 2; do
    rm -rf "$q"
    "$lethe" init "$q" --name q > /dev/null
    "$lethe" ingest add -C "$q" "$work/twice" > /dev/null 2>&1
    "$lethe" deid -C "$q" --jobs $jobs --json > "$work/log" 2> /dev/null
    grep -q '"released": 0, "quarantined": 4' "$work/log" || { fail "conflicting duplicates with $jobs jobs"; cat "$work/log"; }
    [ -z "$(find "$q/released" -name '*.dcm')" ] || fail "one of conflicting duplicates was released"
    grep -c 'same SOP Instance UID' "$q/private/manifest.jsonl" | grep -qx 4 || fail "the manifest does not name the conflict"
done
rm -rf "$q"
"$lethe" init "$q" --name q > /dev/null
"$lethe" ingest add -C "$q" "$work/same" > /dev/null 2>&1
"$lethe" deid -C "$q" --jobs 2 --json > "$work/log" 2> /dev/null
grep -q '"quarantined": 0' "$work/log" && [ "$(find "$q/released" -name '*.dcm' | wc -l)" = 1 ] || { fail "duplicates that become the same"; cat "$work/log"; }
exit $bad
