#!/bin/bash
# The right to object of patients who were released under pseudonyms that others assigned: found by patient ID and by pseudonym, without the list.
set -u
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
lethe="$LETHE_BIN/lethe"
bad=0
fail() { echo "FAILED: $*"; bad=1; }
command -v dcmodify > /dev/null || { echo "skipped: no dcmodify"; exit 77; }
"$LETHE_BIN/lethe-testdata" ct -o "$work/ct" --count 2 --columns 64 --seed 9 > /dev/null || exit 1
n=0
find "$work/ct" -type f | sort > "$work/list"
while read -r f; do n=$((n + 1)); dcmodify -nb -gin -gst -m "PatientID=HOSP-00$n" -e IssuerOfPatientID "$f" > /dev/null 2>&1 || fail dcmodify; done < "$work/list"
printf 'patient_id,pseudonym\nHOSP-001,Subject_one-A\nHOSP-002,42\n' > "$work/names.csv"
"$lethe" init "$work/p" --name p > /dev/null || exit 1
send() { "$lethe" ingest add -C "$work/p" "$work/ct" > "$work/log" 2>&1; "$lethe" deid -C "$work/p" --pseudonyms "$work/names.csv" --quiet > "$work/log" 2>&1; }
send
[ "$(ls "$work/p/released" | grep -c -x -e Subject_one-A -e 42)" = 2 ] || { fail "two patients under assigned pseudonyms"; ls "$work/p/released"; }
files() { find "$work/p/released/$1" -name '*.dcm' 2> /dev/null | wc -l; }
# By the hospital's number, without the list of pseudonyms.
"$lethe" object -C "$work/p" add HOSP-001 > "$work/log" 2>&1 || { fail "object add"; cat "$work/log"; }
grep -q '1 released files withdrawn' "$work/log" || { fail "nothing was withdrawn"; cat "$work/log"; }
[ "$(files Subject_one-A)" = 0 ] && [ "$(files 42)" = 1 ] || fail "the wrong files went"
grep -rqa HOSP-001 "$work/p/released" && fail "the released side names the patient"
"$lethe" object -C "$work/p" list > "$work/log"; grep -q HOSP "$work/log" && fail "the list names the patient"
send
[ "$(files Subject_one-A)" = 0 ] || fail "an objecting patient came back"
# Even where the objection stands under the keyed pseudonym only.
"$lethe" object -C "$work/p" add 42 > "$work/log" 2>&1 || fail "object add by pseudonym"
[ "$(files 42)" = 0 ] || fail "an assigned pseudonym is not found"
send
[ "$(find "$work/p/released" -name '*.dcm' | wc -l)" = 0 ] || fail "an objecting patient came back"
# Taken back.
"$lethe" object -C "$work/p" remove HOSP-001 > /dev/null || fail "object remove"
send
[ "$(files Subject_one-A)" = 1 ] && [ "$(files 42)" = 0 ] || fail "taking one objection back"
"$lethe" object -C "$work/p" remove 42 > /dev/null || fail "object remove by pseudonym"
"$lethe" object -C "$work/p" list | grep -q . && fail "the list is to be empty"
send
[ "$(files 42)" = 1 ] || fail "taking the other objection back"
# A list of objections that is older than the first release: only the keyed pseudonym can be known then.
"$lethe" init "$work/q" --name q > /dev/null || exit 1
"$lethe" object -C "$work/q" add HOSP-001 > /dev/null || fail "an early objection"
"$lethe" ingest add -C "$work/q" "$work/ct" > /dev/null 2>&1
"$lethe" deid -C "$work/q" --pseudonyms "$work/names.csv" --quiet > /dev/null 2>&1
[ "$(find "$work/q/released" -name '*.dcm' | wc -l)" = 1 ] && [ ! -d "$work/q/released/Subject_one-A" ] || fail "an early objection is passed over when a pseudonym is assigned"
# Images whose ID has an issuer: an objection by the number alone is of them, too, before and after they are released; one of another issuer is not.
mkdir "$work/issued" && cp "$(head -1 "$work/list")" "$work/issued/one" && cp "$(tail -1 "$work/list")" "$work/issued/two"
dcmodify -nb -m PatientID=IPP77 -i IssuerOfPatientID=CHU-A "$work/issued/one" > /dev/null 2>&1 || fail dcmodify
dcmodify -nb -m PatientID=IPP77 -i IssuerOfPatientID=CHU-B "$work/issued/two" > /dev/null 2>&1 || fail dcmodify
"$lethe" init "$work/r" --name r > /dev/null || exit 1
issued() { "$lethe" ingest add -C "$work/r" "$work/issued" > /dev/null 2>&1; "$lethe" deid -C "$work/r" --quiet > /dev/null 2>&1; }
count() { find "$work/r/released" -name '*.dcm' | wc -l; }
issued; [ "$(count)" = 2 ] || fail "one number of two issuers is two patients"
"$lethe" object -C "$work/r" add IPP77 --issuer CHU-B > /dev/null || fail "object add --issuer"
[ "$(count)" = 1 ] || fail "an objection with its issuer takes one patient"
"$lethe" object -C "$work/r" add IPP77 > /dev/null || fail "object add without an issuer"
[ "$(count)" = 0 ] || fail "an objection by number leaves images of an issuer released"
issued; [ "$(count)" = 0 ] || fail "an objection by number lets images of an issuer come back"
"$lethe" object -C "$work/r" remove IPP77 > /dev/null || fail "object remove"; "$lethe" object -C "$work/r" remove IPP77 --issuer CHU-B > /dev/null
issued; [ "$(count)" = 2 ] || fail "objections that were taken back"
# Lists as spreadsheets and editors write them.
printf '\357\273\277IPP77  \r\n\r\n  OTHER-1\r\n' > "$work/objecting.txt"
"$lethe" object -C "$work/r" add --file "$work/objecting.txt" > "$work/log" || fail "object add --file"
grep -q '^2 patients' "$work/log" && [ "$(count)" = 0 ] || { fail "a list with a byte order mark, spaces and CR LF"; cat "$work/log"; }
printf 'I\0P\0P\0' > "$work/utf16.txt"; : > "$work/empty.txt"; printf ' \n\t\r\n' > "$work/blank.txt"
printf 'IPP77\nH\366pital-1\n' > "$work/latin1.txt"; printf 'IPP77\tDUPONT\n' > "$work/table.txt"
for list in "$work/utf16.txt" "$work/empty.txt" "$work/blank.txt" "$work/latin1.txt" "$work/table.txt" "$work" "$work/none.txt"; do
    "$lethe" object -C "$work/r" add --file "$list" > "$work/log" 2>&1 && fail "a list that names nobody is taken: $(basename "$list")"
    grep -q "$work" "$work/log" && fail "the message names a private path"
    grep -q DUPONT "$work/log" && fail "the message names what the list says"
done
printf 'OTHER-2\rOTHER-3\r' > "$work/cr.txt"
"$lethe" object -C "$work/r" add --file "$work/cr.txt" > "$work/log" && grep -q '^2 patients' "$work/log" || { fail "a list with CR alone"; cat "$work/log"; }
exit $bad
