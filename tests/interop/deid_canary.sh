#!/bin/bash
# Canaries planted everywhere in real files (every text, private elements, nested, preamble, file meta, trailing bytes, wrong VRs, unknown tags), then searched for in
# every byte of every output by a program of its own: ASCII, UTF-16, base64, other order, other case.
set -u
/usr/bin/python3 -c 'import pydicom' 2> /dev/null || { echo "skipped: no python3-pydicom"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
/usr/bin/python3 - "$work/in" "$LETHE_SOURCE/../shared/testdata/dicom" /usr/lib/python3/dist-packages/pydicom/data/test_files <<'EOF' || exit 1
import os, sys, warnings
import pydicom
from pydicom.dataelem import DataElement
warnings.simplefilter("ignore")
pydicom.config.settings.writing_validation_mode = pydicom.config.IGNORE
out, roots = sys.argv[1], sys.argv[2:]
TEXT = {"LO": 64, "SH": 16, "ST": 1024, "LT": 10240, "UT": 10240, "UC": 1000}
made = 0

def plant(dataset, depth=0):
    for element in list(dataset):
        if element.tag.group == 2 or (element.tag.group % 2 and element.tag.element <= 0xFF):
            continue
        if element.VR == "SQ":
            for item in element.value or []:
                plant(item, depth + 1)
        elif element.VR == "PN":
            element.value = "Zyxwardy^Quillonne"
        elif element.VR in TEXT and not (0x00080100 <= element.tag <= 0x00080123):
            old = str(element.value if element.value is not None else "").split("\\")[0]
            old = "".join(c if 32 <= ord(c) < 127 else " " for c in old)
            try:
                element.value = (old[:TEXT[element.VR] - 10] + " Zyxwardy").strip()
            except Exception:
                pass

files = []
for root in roots:
    for folder, _, names in sorted(os.walk(root)):
        files += [os.path.join(folder, name) for name in sorted(names)]
for path in files[::13]:
    try:
        dataset = pydicom.dcmread(path)
        if "SOPClassUID" not in dataset or "SOPInstanceUID" not in dataset or os.path.getsize(path) > 1500000:
            continue
        if dataset.SOPClassUID == "1.2.840.10008.1.3.10" or dataset.file_meta.TransferSyntaxUID.is_deflated:
            continue
        plant(dataset)
        dataset.SpecificCharacterSet = "ISO_IR 100"
        dataset.PatientName, dataset.PatientID, dataset.PatientBirthDate = "Zyxwardy^Quillonne", "QX7781234", "19410203"
        dataset.ImageComments = "seen by Quillonne ZYXWARDY on 03/02/1941, id qx7781234"
        dataset.SoftwareVersions = "Zyxwardy, Q."
        dataset.add(DataElement(0x00181008, "LO", "QX7781234"))
        dataset.add(DataElement(0x00186031, "CS", "ZYXWARDY"))          # a name in a coded string
        dataset.add(DataElement(0x00080099, "LO", "Quillonne"))         # a tag that the standard does not know
        block = dataset.private_block(0x0019, "SIEMENS MR HEADER", create=True)
        block.add_new(0x0D, "CS", "ZYXWARDY")                           # safe by creator, not by value
        block = dataset.private_block(0x0091, "Zyxwardy block", create=True)
        block.add_new(0x01, "UN", b"Z\0y\0x\0w\0a\0r\0d\0y\0")
        item = pydicom.Dataset()
        item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = "1", "99X", "for Zyxwardy"
        dataset.ProcedureCodeSequence = [item]
        dataset.preamble = b"Quillonne Zyxwardy".ljust(128, b"\0")
        dataset.file_meta.SourceApplicationEntityTitle = "ZYXWARDY"
        dataset.is_undefined_length = False
        os.makedirs(out, exist_ok=True)
        dataset.save_as(os.path.join(out, f"{made:04d}.dcm"))
        with open(os.path.join(out, f"{made:04d}.dcm"), "ab") as file:
            if not dataset.file_meta.TransferSyntaxUID.is_compressed:
                file.write(b"\xfc\xff\xfc\xffOB\0\0\x08\0\0\0Zyxwardy" if not dataset.is_implicit_VR and dataset.is_little_endian else b"")
        made += 1
    except Exception:
        continue
print(made, "files with canaries")
sys.exit(0 if made >= 20 else 1)
EOF
head -c 32 /dev/urandom > "$work/key"
chmod 600 "$work/key"
bad=0
for profile in basic research challenge; do
    "$LETHE_BIN/lethe" deid "$work/in" -o "$work/$profile" --profile $profile --key "$work/key" --manifest "$work/$profile.jsonl" --report "$work/$profile.html" --jobs 2 --quiet 2> "$work/log"
    code=$?
    [ $code = 0 ] || [ $code = 3 ] || [ $code = 4 ] || { echo "FAILED: $profile: exit $code"; cat "$work/log"; bad=1; }
    /usr/bin/python3 - "$work" $profile <<'EOF' || bad=1
import base64, glob, json, os, sys
work, profile = sys.argv[1:]
words = ["zyxwardy", "quillonne", "qx7781234", "19410203", "03/02/1941"]
needles = []
for word in words:
    needles += [word.encode(), word.encode("utf-16-le"), word.encode("utf-16-be")]
    for form in (word, word.upper(), word.capitalize()):
        for shift in range(3):
            coded = base64.b64encode(b"\0" * shift + form.encode())
            needles.append(coded[4 if shift else 0:-4].lower())
needles = [n for n in needles if len(n) >= 5]
found, released = 0, 0
lines = [json.loads(line) for line in open(f"{work}/{profile}.jsonl")]
for entry in lines:
    text = json.dumps(entry).lower()
    if any(word in text for word in words):
        print("FAILED: the manifest holds a canary", entry["reason"])
        found += 1
    if entry["outcome"] != "released":
        continue
    released += 1
    data = open(f"{work}/{profile}/{entry['output']}", "rb").read().lower()
    for needle in needles:
        if needle in data:
            print(f"FAILED: {profile}: {entry['source']}: {needle!r} at {data.index(needle)}")
            found += 1
            break
report = open(f"{work}/{profile}.html").read().lower()
found += any(word in report for word in words)
reasons = {}
for entry in lines:
    if entry["outcome"] != "released":
        reasons[entry["reason"]] = reasons.get(entry["reason"], 0) + 1
print(f"{profile}: {released} of {len(lines)} released, {found} leaks", reasons if released * 10 < len(lines) * 6 else "")
sys.exit(1 if found or released * 10 < len(lines) * 6 else 0)
EOF
done
exit $bad
