#!/bin/bash
# What one object of a patient or study spells has to go from the texts of all others: in folder runs, in shards, in projects, whatever the order.
# Conflicting duplicates are refused whoever comes first, and nothing in an input folder is passed over in silence.
set -u
/usr/bin/python3 -c 'import pydicom' 2> /dev/null || { echo "skipped: no pydicom"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
lethe="$LETHE_BIN/lethe"
bad=0
fail() { echo "FAILED: $*"; bad=1; }
umask 077
"$LETHE_BIN/lethe-testdata" ct -o "$work/seed" --count 1 --columns 64 --seed 5 > /dev/null || exit 1
mkdir "$work/in"
/usr/bin/python3 - "$work" <<'PY' || exit 1
# Six objects: what is planted stands in the description of one and in an identifying attribute of another only.
import sys, glob, os, pydicom
work = sys.argv[1]
seed = [p for p in glob.glob(work + "/seed/**/*", recursive=True) if os.path.isfile(p)][0]
def make(name, study, instance, patient, **values):
    d = pydicom.dcmread(seed)
    for keyword in ("OtherPatientIDs", "OtherPatientNames", "OperatorsName", "ReferringPhysicianName", "PerformingPhysicianName", "PatientComments", "AccessionNumber",
                    "RequestAttributesSequence", "ReferencedStudySequence", "PatientMotherBirthName", "ImageComments"):
        if keyword in d: delattr(d, keyword)
    d.PatientID, d.PatientName, d.StudyInstanceUID, d.SOPInstanceUID = patient, "QUENEAU^RAYMOND", study, instance
    d.file_meta.MediaStorageSOPInstanceUID = instance
    d.SeriesInstanceUID = study + ".1"
    d.SeriesDescription = "THORAX AXIAL"
    d.StudyID = "77"
    for keyword, value in values.items(): setattr(d, keyword, value)
    d.save_as(f"{work}/in/{name}", write_like_original=False)
A, B, C = "1.2.3.4.1", "1.2.3.4.2", "1.2.3.4.3"
# zz_ comes last, aa_ first: the order must not matter.
make("aa_text", A, A + ".1.1", "PAT-ONE", SeriesDescription="THORAX KT7741Q AXIAL", ImageComments="protocole Bowtie")
make("zz_name", A, A + ".1.2", "PAT-ONE", OperatorsName="BOWTIE^ANNA", AccessionNumber="KT7741Q")
make("mm_other_study", B, B + ".1.1", "PAT-ONE", SeriesDescription="ABDOMEN KT7741Q", ImageComments="protocole QX4512")
make("nn_other_study", B, B + ".1.2", "PAT-ONE", AccessionNumber="QX4512")
# The same words belong to nobody in the study of another patient.
make("pp_stranger", C, C + ".1.1", "PAT-TWO", PatientName="PEREC^GEORGES", SeriesDescription="THORAX KT7741Q", ImageComments="protocole Bowtie QX4512")
PY
head -c 32 /dev/urandom > "$work/key"
description() { # FOLDER INSTANCE-SUFFIX... : descriptions of all outputs, sorted
    /usr/bin/python3 - "$1" <<'PY'
import sys, glob, pydicom
for p in sorted(glob.glob(sys.argv[1] + "/**/*.dcm", recursive=True)):
    d = pydicom.dcmread(p)
    print(d.PatientID, d.get("SeriesDescription", ""), "|", d.get("ImageComments", ""))
PY
}
leaks() { # FOLDER WHAT: names of the first patient's people in its outputs
    description "$1" > "$work/said"
    [ "$(wc -l < "$work/said")" = 5 ] || fail "$2: five outputs were to come"
    for word in KT7741Q Bowtie QX4512; do # of this patient's people in one object only; of nobody in the study of the other patient
        [ "$(grep -ic "$word" "$work/said")" = 1 ] || { fail "$2: $word stands in another object, or is gone where it is nobody's"; cat "$work/said"; }
    done
    [ "$(grep -c THORAX "$work/said")" = 4 ] && [ "$(grep -c ABDOMEN "$work/said")" = 1 ] || { fail "$2: wanted words went"; cat "$work/said"; }
}
"$lethe" deid "$work/in" -o "$work/out" --key "$work/key" --manifest "$work/m.jsonl" --jobs 2 --quiet > /dev/null || fail "a folder run"
leaks "$work/out" "folder run"
for i in 1 2 3; do "$lethe" deid "$work/in" -o "$work/shards" --key "$work/key" --shard $i/3 --quiet > /dev/null || fail "shard $i"; done
diff -r "$work/out" "$work/shards" > /dev/null || fail "shards differ from one run"
"$lethe" deid "$work"/in/zz* "$work"/in/p* "$work"/in/n* "$work"/in/m* "$work"/in/aa* -o "$work/order" --key "$work/key" --jobs 1 --quiet > /dev/null || fail "another order"
diff -r "$work/out" "$work/order" > /dev/null || fail "the order of the inputs shows"

# A project: the text comes first, the name in a later delivery of the same queue; then a name that comes after the text was released.
"$lethe" init "$work/project" --name p > /dev/null || exit 1
cp "$work/key" "$work/project/private/key"
"$lethe" ingest add -C "$work/project" "$work/in/aa_text" "$work/in/mm_other_study" "$work/in/pp_stranger" > /dev/null 2>&1 || fail "ingest"
"$lethe" ingest add -C "$work/project" "$work/in/nn_other_study" "$work/in/zz_name" > /dev/null 2>&1 || fail "ingest"
"$lethe" deid -C "$work/project" --quiet > /dev/null || fail "a project's run"
leaks "$work/project/released" "project"
"$lethe" init "$work/late" --name p > /dev/null || exit 1
cp "$work/key" "$work/late/private/key"
"$lethe" ingest add -C "$work/late" "$work/in/zz_name" "$work/in/nn_other_study" > /dev/null 2>&1 || fail "ingest"
"$lethe" deid -C "$work/late" --quiet > /dev/null || fail "a first delivery"
"$lethe" ingest add -C "$work/late" "$work/in/aa_text" "$work/in/mm_other_study" "$work/in/pp_stranger" > /dev/null 2>&1 || fail "ingest"
"$lethe" deid -C "$work/late" --quiet > /dev/null || fail "a second delivery"
leaks "$work/late/released" "a later delivery"

# --- one SOP Instance UID, two contents: nobody wins, in any order and any shard; the same content twice is one instance ---
mkdir "$work/twice"
cp "$work/in/aa_text" "$work/twice/1"; cp "$work/in/aa_text" "$work/twice/2"; cp "$work/in/zz_name" "$work/twice/3"; cp "$work/in/zz_name" "$work/twice/4"
printf '\001' | dd of="$work/twice/2" bs=1 seek=$(($(stat -c %s "$work/twice/2") - 1)) conv=notrunc 2> /dev/null
for run in 1 2; do
    "$lethe" deid "$work/twice" -o "$work/t$run" --key "$work/key" --jobs $run --manifest "$work/t$run.jsonl" --quiet > /dev/null
    [ $? = 3 ] || fail "a conflict is quarantined"
done
diff "$work/t1.jsonl" "$work/t2.jsonl" > /dev/null || fail "a conflict depends on the number of workers"
[ "$(find "$work/t1" -name '*.dcm' | wc -l)" = 1 ] || fail "one instance was to come out of a conflict and a duplicate"
[ "$(grep -c 'same SOP Instance UID' "$work/t1.jsonl")" = 2 ] || fail "both inputs in conflict are named"
[ "$(grep -c '"outcome": "released"' "$work/t1.jsonl")" = 2 ] || fail "both inputs of one content are released"
for i in 1 2; do "$lethe" deid "$work/twice" -o "$work/ts" --key "$work/key" --shard $i/2 --quiet > /dev/null 2>&1; done
diff -r "$work/t1" "$work/ts" > /dev/null || fail "shards decide a conflict otherwise"

# --- what is no file is named; hidden files are read like others ---
mkdir "$work/odd"; cp "$work/in/aa_text" "$work/odd/.hidden"; cp "$work/in/zz_name" "$work/odd/.lethe-planted.tmp"
ln -s "$work/in/zz_name" "$work/odd/link"; mkfifo "$work/odd/pipe"
"$lethe" deid "$work/odd" -o "$work/oo" --key "$work/key" --manifest "$work/odd.jsonl" --quiet > /dev/null
[ $? = 3 ] || fail "a folder with links and pipes"
[ "$(wc -l < "$work/odd.jsonl")" = 4 ] || fail "four entries, four lines"
grep '"link"' "$work/odd.jsonl" | grep -q 'symbolic link' && grep '"pipe"' "$work/odd.jsonl" | grep -q pipe || fail "links and pipes are named"
grep '".hidden"' "$work/odd.jsonl" | grep -q released || fail "a hidden file is an input"
grep 'planted' "$work/odd.jsonl" | grep -q unfinished || fail "an unfinished output is named"

# --- a reason tells no number of the input ---
mkdir "$work/frames"
/usr/bin/python3 - "$work" <<'PY'
import sys, pydicom
d = pydicom.dcmread(sys.argv[1] + "/in/aa_text")
d.SOPClassUID = d.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.3.1"
d.Modality, d.NumberOfFrames = "US", "19610312"
d.save_as(sys.argv[1] + "/frames/one")
open(sys.argv[1] + "/frames/half", "wb").write(open(sys.argv[1] + "/in/aa_text", "rb").read()[:9000])
PY
"$lethe" deid "$work/frames" -o "$work/fo" --key "$work/key" --manifest "$work/f.jsonl" --quiet > /dev/null
[ $? = 3 ] || fail "a false number of frames is quarantined"
grep -q 19610312 "$work/f.jsonl" && fail "a reason tells a number of the input"
grep '"half"' "$work/f.jsonl" | grep -qE 'offset [0-9]+' || fail "a reason has lost its offset: $(grep '"half"' "$work/f.jsonl" | cut -c1-160)"
exit $bad
