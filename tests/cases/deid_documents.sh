#!/bin/bash
# Encapsulated PDFs under `documents: keep`: released when their text can be read and is clean, quarantined when it names the patient however that is written, and
# left to a person when it cannot be read here.
set -u
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
lethe="$LETHE_BIN/lethe"
bad=0
fail() { echo "FAILED: $*"; bad=1; }
/usr/bin/python3 -c 'import pydicom' 2> /dev/null || { echo "skipped: no pydicom"; exit 77; }
mkdir "$work/in"
/usr/bin/python3 - "$work/in" <<'PY' || exit 1
import sys, zlib
from pydicom.dataset import FileDataset, FileMetaDataset
def pdf(content, font="/Subtype /Type1 /BaseFont /Helvetica", filter="/Filter /FlateDecode ", pack=zlib.compress, info=b"()"):
    data = pack(content)
    return (b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n3 0 obj\n<< /Type /Font " + font.encode() + b" >>\nendobj\n"
            b"5 0 obj\n<< /Author " + info + b" >>\nendobj\n4 0 obj\n<< " + filter.encode() + b"/Length %d >>\nstream\n" % len(data) + data +
            b"\nendstream\nendobj\ntrailer\n<< /Root 1 0 R >>\n%%EOF\n")
clean = b"BT /F1 12 Tf 72 700 Td (COMPTE RENDU) Tj 0 -20 Td (Thorax normal) Tj ET"
letters = b"BT /F1 12 Tf " + b" ".join(b"9 0 Td (%c) Tj" % c for c in b"DUPONT") + b" ET"
cases = {
    "released-clean": pdf(clean),
    "released-open": pdf(clean, filter="", pack=lambda b: b),
    "quarantined-kerned": pdf(b"BT [(DU)-20(PONT)] TJ ET"),
    "quarantined-octal": pdf(b"BT (\\104\\125\\120ONT) Tj ET"),
    "quarantined-hex": pdf(b"BT <4455504F 4E54> Tj ET"),
    "quarantined-open": pdf(b"BT [(DU) 5 (PONT)] TJ ET", filter="", pack=lambda b: b),
    "quarantined-author": pdf(clean, info=b"<FEFF004400550050004F004E0054>"),
    "review-letters": pdf(letters),
    "review-identity": pdf(b"BT <00010002> Tj ET", font="/Subtype /Type0 /Encoding /Identity-H"),
    "review-name": pdf(clean, font="/Subtype /Ty#70e0"),
    "review-differences": pdf(clean, font="/Subtype /Type1 /Encoding << /Differences [65 /D] >>"),
    "review-lzw": pdf(clean, filter="/Filter /LZWDecode "),
    "review-filter": pdf(clean, filter="/Filter /Strange ", pack=lambda b: b"\x01\x02" + b),
    "review-picture": pdf(b"q BT ET\nBI /W 1 /H 1 ID x EI Q"),
}
for number, (name, content) in enumerate(cases.items()):
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.104.1"
    meta.MediaStorageSOPInstanceUID = "2.25.9%d" % (number + 1)
    meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    d = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    d.is_little_endian, d.is_implicit_VR = True, False
    d.SOPClassUID, d.SOPInstanceUID, d.Modality = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID, "DOC"
    d.PatientName, d.PatientID, d.StudyInstanceUID, d.SeriesInstanceUID = "DUPONT^MARIE", "IPP-7788", "2.25.81", "2.25.82"
    d.ConversionType, d.BurnedInAnnotation, d.MIMETypeOfEncapsulatedDocument = "WSD", "NO", "application/pdf"
    d.add_new(0x00420011, "OB", content + b"\0" * (len(content) % 2))
    d.save_as(sys.argv[1] + "/" + name + ".dcm", write_like_original=False)
PY
printf 'name: keeping\nbase: research\ndocuments: keep\n' > "$work/keep.yaml"
head -c 32 /dev/urandom > "$work/key"; chmod 600 "$work/key"
"$lethe" deid "$work/in" -o "$work/out" --key "$work/key" --profile "$work/keep.yaml" --manifest "$work/m.jsonl" --quiet > "$work/log" 2>&1
[ "$(wc -l < "$work/m.jsonl")" = 14 ] || { fail "14 inputs were to be told"; cat "$work/log"; }
/usr/bin/python3 - "$work/m.jsonl" <<'PY' || fail "outcomes"
import json, sys
wrong = [(l["source"], l["outcome"], l.get("reason")) for l in map(json.loads, open(sys.argv[1])) if not l["source"].startswith(l["outcome"])]
for w in wrong: print("FAILED:", *w)
sys.exit(bool(wrong))
PY
grep -rqa DUPONT "$work/out" && fail "a name is on the released side"
# What a person approves goes out; what was found to name the patient does not.
"$lethe" init "$work/p" --name p > /dev/null && cp "$work/keep.yaml" "$work/p/keep.yaml" && sed -i 's/^\( *profile:\).*/\1 keep.yaml/' "$work/p/project.yaml"
mkdir "$work/two"; cp "$work/in/review-picture.dcm" "$work/in/quarantined-hex.dcm" "$work/two"
"$lethe" ingest add -C "$work/p" "$work/two" > /dev/null 2>&1
"$lethe" deid -C "$work/p" --quiet > "$work/log" 2>&1
[ "$(find "$work/p/released" -name '*.dcm' | wc -l)" = 0 ] || fail "a document that waits was released"
id=$("$lethe" review -C "$work/p" list | awk 'NR == 1 {print $1}')
"$lethe" review -C "$work/p" approve "$id" > "$work/log" 2>&1 || { fail "approval"; cat "$work/log"; }
[ "$(find "$work/p/released" -name '*.dcm' | wc -l)" = 1 ] || fail "an approved document was not released"
exit $bad
