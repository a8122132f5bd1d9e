#!/bin/bash
# DICOMDIR made again over what is released: judged by dcmdump, by pydicom's file-set, which follows every offset, and by dciodvfy. The input's own never
# passes through.
set -u
for tool in dcmdump dciodvfy; do command -v $tool > /dev/null || { echo "skipped: no $tool"; exit 77; }; done
/usr/bin/python3 -c 'import pydicom.fileset' 2> /dev/null || { echo "skipped: no pydicom file-sets"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
lethe="$LETHE_BIN/lethe"
bad=0
fail() { echo "FAILED: $*"; bad=1; }
"$LETHE_BIN/lethe-testdata" hospital -o "$work/hospital" --patients 3 --size small --seed 4 > /dev/null || exit 1
mkdir -p "$work/cd/DICOM"
n=0
find "$work/hospital" -type f ! -name '*.jsonl' -print0 | sort -z > "$work/list"
while IFS= read -r -d '' f; do n=$((n + 1)); cp "$f" "$work/cd/DICOM/$(printf 'I%07d' $n)"; done < "$work/list"
# The directory of the original files: whoever made it, it names patients.
"$lethe" deid dicomdir "$work/cd/DICOM" -o "$work/made" > /dev/null && mv "$work/made/DICOMDIR" "$work/cd/DICOMDIR" || fail "a directory of the input"
head -c 32 /dev/urandom > "$work/key"; chmod 600 "$work/key"
"$lethe" deid "$work/cd" -o "$work/out" --key "$work/key" --manifest "$work/m.jsonl" --quiet > /dev/null
[ $? -le 4 ] && [ -f "$work/out/DICOMDIR" ] || fail "no DICOMDIR over what is released"
grep '"DICOMDIR"' "$work/m.jsonl" | grep -q dropped || fail "the input's DICOMDIR is dropped, and says so"
dcmdump "$work/out/DICOMDIR" > "$work/dump" 2>&1 || fail "dcmdump"
grep -q '^[EW]:' "$work/dump" && fail "dcmdump complains"
# dciodvfy asks every presentation state for a blending sequence; only blending states have one.
dciodvfy "$work/out/DICOMDIR" 2>&1 | grep '^Error' | grep -v BlendingSequence && fail "dciodvfy"
/usr/bin/python3 - "$work" <<'PY' || fail "the directory and the released files differ"
import sys, os, glob, pydicom, warnings
from pydicom.fileset import FileSet
warnings.simplefilter("ignore")
work = sys.argv[1]
out = work + "/out"
released = {}
for p in glob.glob(out + "/*/**/*.dcm", recursive=True):
    d = pydicom.dcmread(p, stop_before_pixels=True)
    released[d.SOPInstanceUID] = (p, d)
assert len(released) > 5
fs = FileSet(out + "/DICOMDIR")
seen = {}
for instance in fs:
    assert os.path.samefile(instance.path, released[instance.SOPInstanceUID][0]), instance.path
    seen[instance.SOPInstanceUID] = instance
    d = released[instance.SOPInstanceUID][1]
    assert instance.PatientID == d.PatientID and instance.StudyInstanceUID == d.StudyInstanceUID and instance.SeriesInstanceUID == d.SeriesInstanceUID
assert set(seen) == set(released), (len(seen), len(released))
for record in fs._ds.DirectoryRecordSequence:
    for part in record.get("ReferencedFileID", []) or []:
        assert len(part) <= 8 and part.isalnum() and part.upper() == part, part
PY
# No value of the input's directory is in the new one.
/usr/bin/python3 - "$work" <<'PY' || fail "the input's directory shows through"
import sys, pydicom
old = pydicom.dcmread(sys.argv[1] + "/cd/DICOMDIR")
new = open(sys.argv[1] + "/out/DICOMDIR", "rb").read()
for record in old.DirectoryRecordSequence:
    for keyword in ("PatientID", "StudyInstanceUID", "SeriesInstanceUID", "ReferencedSOPInstanceUIDInFile"):
        value = str(record.get(keyword, ""))
        assert len(value) < 5 or value.encode() not in new, keyword
    for part in str(record.get("PatientName", "")).split("^"):
        assert len(part) < 4 or part.encode() not in new, "name"
PY
"$lethe" deid verify "$work/out" --manifest "$work/m.jsonl" > "$work/v" 2>&1 || { fail "verify of a tree with a DICOMDIR"; head -3 "$work/v"; }
# Made again it is the same; a run repeated too; elsewhere with copies or names of its own.
cp "$work/out/DICOMDIR" "$work/first"
"$lethe" deid dicomdir "$work/out" > /dev/null && cmp -s "$work/first" "$work/out/DICOMDIR" || fail "made again it differs"
"$lethe" deid "$work/cd" -o "$work/out" --key "$work/key" --quiet > /dev/null; cmp -s "$work/first" "$work/out/DICOMDIR" || fail "a repeated run differs"
"$lethe" deid dicomdir "$work/out" -o "$work/media" > /dev/null && cmp -s "$work/first" "$work/media/DICOMDIR" || fail "a folder of its own"
[ "$(find "$work/media" -type f | wc -l)" = $(($(find "$work/out" -name '*.dcm' | wc -l) + 1)) ] || fail "the folder of its own holds the file-set"
# What is planted there is seen.
one=$(find "$work/out/DICOM" -type f | sort | head -1)
cp "$one" "$work/copy"; rm "$one"
"$lethe" deid verify "$work/out" --manifest "$work/m.jsonl" 2>&1 | grep -q 'not there' || fail "a file that the directory names and that is gone"
cp "$work/copy" "$one"; printf '\377' | dd of="$one" bs=1 seek=$(($(stat -c %s "$one") - 2)) conv=notrunc 2> /dev/null
"$lethe" deid verify "$work/out" --manifest "$work/m.jsonl" > /dev/null 2>&1 && fail "a changed copy in the file-set"
# Without a DICOMDIR in the input there is none in the output.
"$lethe" deid "$work/cd/DICOM" -o "$work/plain" --key "$work/key" --quiet > /dev/null
[ ! -e "$work/plain/DICOMDIR" ] || fail "a DICOMDIR that nobody asked for"
# A patient whose pseudonym is DICOM is no file-set.
mkdir -p "$work/named/DICOM/2.25.1"; cp "$(find "$work/out" -name '*.dcm' | head -1)" "$work/named/DICOM/2.25.1/x.dcm"
"$lethe" deid dicomdir "$work/named" > /dev/null 2>&1; [ $? = 1 ] && [ -f "$work/named/DICOM/2.25.1/x.dcm" ] || fail "a patient named DICOM was taken for an old file-set"
exit $bad
