#!/bin/bash
# One patient in three worlds: DICOM of the radiology, slides of the pathology (by a list of names, and by the bar code of a label), a clinical table. All three come out under
# one pseudonym, that of the key or a pre-assigned one, and no original name or number is left.
set -u
: "${LETHE_BIN:?}" "${LETHE_SOURCE:?}"
/usr/bin/python3 -c "import pydicom" 2> /dev/null || { echo "skipped: python3-pydicom is not installed"; exit 77; }
[ -x "$LETHE_BIN/lethe-annotate" ] || { echo "skipped: lethe-annotate is not built"; exit 77; }
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
fail() { echo "FAIL: $*"; exit 1; }
"$LETHE_BIN/lethe-testdata" slides-barcodes -o "$work/coded" --key "$work/answers.jsonl" > /dev/null || fail "generator of bar codes"
"$LETHE_BIN/lethe-testdata" slides --size small -o "$work/slides" --key "$work/slides.jsonl" > /dev/null || fail "generator of slides"
mkdir "$work/in"
cp "$work/coded/coded/code128.svs" "$work/in/unnamed.svs"
cp "$(find "$work/slides/slides" -name '*.ndpi' | head -1)" "$work/in/H23-441 block 2.ndpi"
code=$(python3 -c 'import csv, sys
print([row["barcode"] for row in csv.DictReader(open(sys.argv[1])) if "code128" in "".join(row.values())][0])' "$work/coded/barcodes.csv") || fail "the list of bar codes"
/usr/bin/python3 - "$work/in" <<'PY'
import sys
import pydicom
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid
meta = FileMetaDataset()
meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID, meta.MediaStorageSOPInstanceUID = CTImageStorage, ExplicitVRLittleEndian, generate_uid()
d = FileDataset(None, {}, file_meta=meta, preamble=bytes(128))
d.is_little_endian, d.is_implicit_VR = True, False
d.SOPClassUID, d.SOPInstanceUID, d.StudyInstanceUID, d.SeriesInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID, generate_uid(), generate_uid()
d.PatientName, d.PatientID, d.IssuerOfPatientID, d.PatientBirthDate = "Brackwater^Odile", "PAT-448812", "NORTH", "19500101"
d.Modality, d.StudyDate, d.SeriesNumber, d.InstanceNumber, d.Manufacturer = "CT", "20230401", 1, 1, "Invented"
d.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
d.Rows = d.Columns = 16
d.SamplesPerPixel, d.PhotometricInterpretation, d.BitsAllocated, d.BitsStored, d.HighBit, d.PixelRepresentation = 1, "MONOCHROME2", 16, 12, 11, 0
d.PixelData = bytes(512)
d.save_as(sys.argv[1] + "/ct.dcm", write_like_original=False)
PY
printf 'PatientID,Grade\nPAT-448812,3\n' > "$work/clinical.csv"
printf 'slide,barcode,patient_id,issuer\nH23-441 block 2.ndpi,,PAT-448812,NORTH\n,%s,PAT-448812,NORTH\n' "$code" > "$work/list.csv"
run() { # NAME PROFILE-LINES EXTRA...
    local p=$work/$1
    "$LETHE_BIN/lethe" init "$p" > /dev/null || fail "init"
    printf 'name: codes\nbase: research\nslides:\n  read_barcode: true\n' > "$p/codes.yaml"
    sed -i 's/^profile:.*/profile: codes.yaml/' "$p/project.yaml"
    grep -q 'codes.yaml' "$p/project.yaml" || printf 'profile: codes.yaml\n' >> "$p/project.yaml"
    "$LETHE_BIN/lethe" ingest add -C "$p" "$work/in" > /dev/null || fail "$1: ingest add"
    shift
    "$LETHE_BIN/lethe" deid -C "$p" --quiet "$@" || fail "deid ended with $? ($*)"
    find "$p/released" -name '*.svs' -o -name '*.ndpi' -o -name '*.dcm' | sed "s#^$p/released/##" | cut -d/ -f1 | sort | uniq -c > "$work/patients"
    [ "$(wc -l < "$work/patients")" = 1 ] && grep -q '^ *3 ' "$work/patients" || fail "DICOM and slides do not share a patient: $(cat "$work/patients")"
    grep -rlaE 'PAT-448812|H23-441|Brackwater' "$p/released" && fail "a name or number came out"
    grep -rqaF "$code" "$p/released" && fail "the bar code came out"
    return 0
}
run keyed --slides "$work/list.csv"
patient=$(awk '{print $2}' "$work/patients")
"$LETHE_BIN/lethe" annotate -C "$work/keyed" rekey "$work/clinical.csv" --column PatientID --issuer NORTH -o "$work/clinical-out.csv" > "$work/rekey" 2>&1 ||
    fail "rekey: $(cat "$work/rekey")"
grep -q "^$patient,3" "$work/clinical-out.csv" || fail "the clinical table got $(tail -1 "$work/clinical-out.csv"), the images $patient"
# Pre-assigned: the same word for DICOM (--pseudonyms) and for the slides.
printf 'patient_id,issuer,pseudonym\nPAT-448812,NORTH,TRIAL-0042\n' > "$work/assigned.csv"
printf 'slide,barcode,pseudonym\nH23-441 block 2.ndpi,,TRIAL-0042\n,%s,TRIAL-0042\n' "$code" > "$work/assigned-slides.csv"
run assigned --slides "$work/assigned-slides.csv" --pseudonyms "$work/assigned.csv"
grep -q ' TRIAL-0042$' "$work/patients" || fail "the pre-assigned pseudonym was not used: $(cat "$work/patients")"
echo "ok: $patient and TRIAL-0042"
