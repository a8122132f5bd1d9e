#!/usr/bin/env bash
# Edited files (names replaced, items dropped, elements inserted, at every depth and in every encoding) are read by DCMTK and pydicom, which see the edits.
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
command -v dcmdump >/dev/null || { echo "skipped: no dcmdump"; exit 77; }
/usr/bin/python3 -c 'import pydicom' 2>/dev/null || { echo "skipped: no pydicom"; exit 77; }
edit=$LETHE_BIN/imaging_edit_test
mkdir "$scratch/in" "$scratch/out"
"$edit" "$scratch/in"
data=/usr/lib/python3/dist-packages/pydicom/data/test_files
for name in CT_small MR_small_bigendian MR_small_implicit image_dfl JPEG2000 SC_rgb_rle_2frame reportsi rtplan rtstruct nested_priv_SQ UN_sequence waveform_ecg liver_1frame \
    ExplVR_BigEndNoMeta ExplVR_LitEndNoMeta test-SR no_meta_group_length; do
    [ -f "$data/$name.dcm" ] && cp "$data/$name.dcm" "$scratch/in/"
done
for file in "$scratch"/in/*.dcm; do
    "$edit" "$file" "$scratch/out/${file##*/}"
    # What dcmdump says of the output it must have said of the input already.
    dcmdump +E "$file" >/dev/null 2>"$scratch/before" || true
    dcmdump +E "$scratch/out/${file##*/}" >"$scratch/dump" 2>"$scratch/after" || { echo "FAIL: dcmdump cannot read ${file##*/}"; cat "$scratch/after"; exit 1; }
    if [ "$(wc -l <"$scratch/after")" -gt "$(wc -l <"$scratch/before")" ]; then echo "FAIL: dcmdump complains about ${file##*/}"; cat "$scratch/after"; exit 1; fi
    grep -q '(0012,0062) CS \[YES\]' "$scratch/dump" || { echo "FAIL: the inserted element is missing in ${file##*/}"; exit 1; }
done
/usr/bin/python3 - "$scratch" <<'PY'
import os, sys, warnings
import pydicom
warnings.simplefilter("ignore")
base = sys.argv[1]
count = 0
NAME = "X^LONGER NAME THAN BEFORE"

def names(dataset, found):
    for element in dataset:
        if element.VR == "PN":
            found.extend(str(value) for value in (element.value if isinstance(element.value, (list, pydicom.multival.MultiValue)) else [element.value]))
        elif element.VR == "SQ":
            for item in element.value:
                names(item, found)
    return found

for name in sorted(os.listdir(base + "/out")):
    before = pydicom.dcmread(base + "/in/" + name, force=True)
    after = pydicom.dcmread(base + "/out/" + name)
    if "SOPInstanceUID" in before:
        assert after.file_meta.MediaStorageSOPInstanceUID == after.SOPInstanceUID == "2.25.1", name
    assert after.PatientIdentityRemoved == "YES", name
    assert after.DeidentificationMethodCodeSequence[0].CodeValue == "113100", name
    left = {text for text in names(after, []) if text != NAME}
    assert not left, (name, "names left")
    if "PixelData" in before:
        assert before.PixelData == after.PixelData, (name, "pixel data differ")
    keep = [tag for tag in before.keys() if tag.group > 0x0012 and before[tag].VR not in ("SQ", "PN", "UN")]
    for tag in keep:
        assert before[tag].value == after[tag].value, (name, tag)
    if name.startswith("made-"):
        for keyword in ("ReferencedImageSequence", "RelatedSeriesSequence"):
            items = after[keyword].value
            assert len(items) == 1 and items[0].ReferencedSOPInstanceUID == "1.2.3.4.5", (name, keyword)
            assert items[0].RequestAttributesSequence[0].PatientSex == "O" and items[0].RequestAttributesSequence[0].PatientID == "KEEP1", (name, keyword)
        assert "PatientComments" not in after
    count += 1
assert count >= 15, count
print(count, "edited files read by dcmdump and pydicom")
PY
