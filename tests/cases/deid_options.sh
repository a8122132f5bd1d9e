#!/bin/bash
# Every option of PS3.15 Annex E on top of `basic`, alone and two by two: the CID 7050 codes of exactly these options, Longitudinal Temporal Information Modified, and what each
# one brings back. Options that exclude each other are refused.
set -u
/usr/bin/python3 -c 'import pydicom' 2> /dev/null || { echo "skipped: no pydicom"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
head -c 32 /dev/urandom > "$work/key"
chmod 600 "$work/key"
cat > "$work/test.py" <<'EOP'
import itertools
import os
import subprocess
import sys
import warnings

from pydicom import dcmread
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset

warnings.simplefilter("ignore")
lethe, work = sys.argv[1:3]
# PS3.15 Annex E, CID 7050; the words are those of docs/profiles.md.
CODES = {"clean-graphics": "113103", "clean-structured-content": "113104", "clean-descriptors": "113105", "retain-full-dates": "113106", "retain-modified-dates": "113107",
         "retain-patient-characteristics": "113108", "retain-device-identity": "113109", "retain-uids": "113110", "retain-safe-private": "113111", "retain-institution-identity": "113112"}


def item(**values):
    d = Dataset()
    for name, value in values.items():
        setattr(d, name, value)
    return d


def make(path):
    concept = item(CodeValue="121071", CodingSchemeDesignator="DCM", CodeMeaning="Finding")
    d = item(SOPClassUID="1.2.840.10008.5.1.4.1.1.4", SOPInstanceUID="1.2.3.4.5", StudyInstanceUID="1.2.3.4", SeriesInstanceUID="1.2.3.4.1", PatientName="MOREL^ODILE", PatientID="31415926",
             PatientBirthDate="19480229", PatientSex="F", PatientAge="070Y", StudyDate="20180301", StudyTime="235959", Modality="MR", Manufacturer="SIEMENS", StudyDescription="IRM GENOU Mme MOREL",
             InstitutionName="Clinique des Aulnes", DeviceSerialNumber="SN44871", AcquisitionDateTime="20180301235959.5+0100",
             AcquisitionContextSequence=[item(ValueType="TEXT", ConceptNameCodeSequence=[concept], TextValue="genou gauche, Mme MOREL"),
                                         item(ValueType="DATE", ConceptNameCodeSequence=[item(CodeValue="21112-8", CodingSchemeDesignator="LN", CodeMeaning="Birth date")], Date="19480229")])
    d.add_new((0x0019, 0x0010), "LO", "SIEMENS MR HEADER")
    d.add_new((0x0019, 0x100C), "IS", "800")
    for number, vr, value in ((0x10, "US", 8), (0x11, "US", 8), (0x40, "CS", "R"), (0x50, "SS", [1, 1]), (0x100, "US", 1), (0x102, "US", 0), (0x3000, "OW", bytes(8))):
        d.add_new((0x6000, number), vr, value)
    m = FileMetaDataset()
    m.MediaStorageSOPClassUID, m.MediaStorageSOPInstanceUID, m.TransferSyntaxUID = d.SOPClassUID, d.SOPInstanceUID, "1.2.840.10008.1.2.1"
    f = FileDataset(None, d, file_meta=m, preamble=bytes(128))
    f.is_little_endian, f.is_implicit_VR = True, False
    f.save_as(path, write_like_original=False)


def is_date(value):
    return len(value) >= 8 and value[:8].isdigit()


def context(d):
    return d.AcquisitionContextSequence[0].get("TextValue", "") if d.get("AcquisitionContextSequence") else ""


# What an option brings back, told from the output; each must hold with its option and fail without it.
SIGNS = {
    "clean-graphics": lambda d: (0x6000, 0x3000) in d,
    "clean-structured-content": lambda d: context(d) == "genou gauche",
    "clean-descriptors": lambda d: d.get("StudyDescription", "") == "IRM GENOU",
    "retain-full-dates": lambda d: d.get("StudyDate", "") == "20180301" and str(d.get("AcquisitionDateTime", "")) == "20180301235959.5+0100",
    "retain-modified-dates": lambda d: is_date(d.get("StudyDate", "")) and d.StudyDate != "20180301" and d.StudyTime == "235959" and str(d.AcquisitionDateTime) == d.StudyDate + "235959.5+0100",
    "retain-patient-characteristics": lambda d: d.get("PatientSex", "") == "F" and d.get("PatientAge", "") == "070Y",
    "retain-device-identity": lambda d: d.get("DeviceSerialNumber", "") == "SN44871",
    "retain-uids": lambda d: d.SOPInstanceUID == "1.2.3.4.5" and d.file_meta.MediaStorageSOPInstanceUID == "1.2.3.4.5",
    "retain-safe-private": lambda d: (0x0019, 0x100C) in d and d[0x0019, 0x100C].value == 800,
    "retain-institution-identity": lambda d: d.get("InstitutionName", "") == "Clinique des Aulnes",
}
source, profile, out = (os.path.join(work, name) for name in ("in.dcm", "profile.yaml", "out"))
make(source)
wrong, ran = [], 0
for options in [()] + list(itertools.combinations(sorted(CODES), 1)) + list(itertools.combinations(sorted(CODES), 2)) + [tuple(sorted(set(CODES) - {"retain-full-dates"}))]:
    with open(profile, "w") as f:
        f.write("name: options\nbase: basic\noptions: [%s]\nkeep_region_overlays: true\npixels:\n  ignore_catalogue: true\n  modalities:\n    - {modality: \"*\", mode: off}\n" % ", ".join(options))
    subprocess.run(["rm", "-rf", out])
    done = subprocess.run([lethe, "deid", source, "-o", out, "--profile", profile, "--key", os.path.join(work, "key"), "--jobs", "1", "--quiet"], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if {"retain-full-dates", "retain-modified-dates"} <= set(options):
        if done.returncode != 2 or "profile.yaml" not in done.stderr:
            wrong.append("%s: exit code %d, not refused with the file's name" % (options, done.returncode))
        continue
    files = [os.path.join(folder, name) for folder, _, names in os.walk(out) for name in names if name.endswith(".dcm")]
    if done.returncode != 0 or len(files) != 1:
        wrong.append("%s: exit code %d, %d files" % (options, done.returncode, len(files)))
        continue
    d, ran = dcmread(files[0]), ran + 1
    codes = [part.CodeValue for part in d.DeidentificationMethodCodeSequence]
    if codes != ["113100"] + sorted(CODES[option] for option in options):
        wrong.append("%s: codes %s" % (options, codes))
    modified = "UNMODIFIED" if "retain-full-dates" in options else "MODIFIED" if "retain-modified-dates" in options else "REMOVED"
    if d.LongitudinalTemporalInformationModified != modified:
        wrong.append("%s: temporal information %s" % (options, d.LongitudinalTemporalInformationModified))
    for option, sign in SIGNS.items():
        if sign(d) != (option in options):
            wrong.append("%s: %s is %s" % (options, option, "not to be seen" if option in options else "to be seen"))
    with open(files[0], "rb") as f:
        data = f.read().lower()
    wrong += ["%s: %s is left" % (options, secret) for secret in ("morel", "odile", "31415926", "19480229") if secret.encode() in data]
for line in wrong:
    print("FAILED:", line)
if ran != 1 + 10 + 44 + 1:
    print("FAILED: %d combinations ran" % ran)
sys.exit(bool(wrong) or ran != 56)
EOP
/usr/bin/python3 "$work/test.py" "$LETHE_BIN/lethe" "$work"
