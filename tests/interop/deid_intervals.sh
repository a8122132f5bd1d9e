#!/bin/bash
# Dates before and after `research`, over real files and an invented hospital, read by pydicom: one shift in whole days per patient in DA, DT (offsets kept), ranges and
# partial dates at every depth, so that every interval is exact; times and ages unchanged; impossible dates gone; the decay correction of PET the same.
set -u
/usr/bin/python3 -c 'import pydicom' 2> /dev/null || { echo "skipped: no python3-pydicom"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
head -c 32 /dev/urandom > "$work/key"
chmod 600 "$work/key"
mkdir "$work/in"
real="$LETHE_SOURCE/../shared/testdata/dicom"
if [ -d "$real" ]; then
    (cd "$real" && find . -type f -size -3M | sort | awk "NR % ${LETHE_EVERY:-8} == 0" | while IFS= read -r file; do cp --parents "$file" "$work/in/"; done)
    (cd "$real" && find PT RT SR -type f -size -1M | while IFS= read -r file; do cp --parents "$file" "$work/in/"; done)
fi
"$LETHE_BIN/lethe-testdata" hospital -o "$work/in/hospital" --patients 4 --size small --seed 11 > /dev/null || exit 1
# Odd dates: crossing midnight with an offset, ranges, partial, impossible, nested.
/usr/bin/python3 - "$work/in" <<'EOP' || exit 1
import sys, warnings, pydicom, pydicom.uid
from pydicom.dataset import Dataset, FileMetaDataset
warnings.simplefilter("ignore")
for number, (da, dt, tm, impossible) in enumerate([("20200229", "20200229235959.999999+0130", "235959.999", "20210231"), ("20191231", "201912312359-1200", "0001", "20201301"), ("20000101", "200001", "000000", "00000000"),
                                                   ("20210328", "2021", "24", "2021.02.30")]):
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = "1.2.840.10008.5.1.4.1.1.88.33"
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID = "1.2.826.0.1.3680043.2.1143.77.%d" % (number + 1)
    data.StudyInstanceUID, data.SeriesInstanceUID = "1.2.826.0.1.3680043.2.1143.78", "1.2.826.0.1.3680043.2.1143.79"
    data.PatientID, data.PatientName, data.Modality = "ODD-4711", "Kerjean^Maelle", "SR"
    def raw(where, tag, vr, value):
        value = value.encode() + b" " * (len(value) % 2)
        where[pydicom.tag.Tag(tag)] = pydicom.dataelem.RawDataElement(pydicom.tag.Tag(tag), vr, len(value), value, 0, False, True)
    raw(data, 0x00080020, "DA", da); raw(data, 0x0008002A, "DT", dt); raw(data, 0x00080030, "TM", tm); raw(data, 0x00080022, "DA", impossible)
    raw(data, 0x00101010, "AS", ("034Y", "011M", "03W ", "abc")[number]); raw(data, 0x0040A13A, "DT", "202003" if number % 2 else "2020")
    raw(data, 0x00404005, "DT", "20200301-20200401"); raw(data, 0x00080021, "DA", da)
    inner = Dataset(); raw(inner, 0x0040A121, "DA", da); raw(inner, 0x0040A120, "DT", dt); raw(inner, 0x0040A13A, "DT", dt)
    outer = Dataset(); outer.add_new(0x0040A730, "SQ", [inner]); data.add_new(0x0040A730, "SQ", [outer])
    data.is_little_endian, data.is_implicit_VR = True, False
    data.save_as("%s/odd%d.dcm" % (sys.argv[1], number), write_like_original=False)
EOP
"$LETHE_BIN/lethe" deid "$work/in" -o "$work/out" --profile research --key "$work/key" --manifest "$work/manifest" --jobs 2 --quiet
code=$?
[ $code = 0 ] || [ $code = 3 ] || [ $code = 4 ] || { echo "lethe deid: exit $code"; exit 1; }
/usr/bin/python3 - "$work" <<'EOP'
import collections, datetime, json, math, os, re, sys, warnings
import pydicom
warnings.simplefilter("ignore")
work = sys.argv[1]
shifts, counts, wrong = {}, collections.Counter(), []

def day(text):
    try:
        return datetime.date(int(text[:4]), int(text[4:6]), int(text[6:8]))
    except ValueError:
        return None

def text_of(dataset, tag):
    raw = dataset.get_item(tag)
    value = raw.value if isinstance(raw.value, bytes) else str(raw.value if raw.value is not None else "").encode()
    return value.decode("latin-1").strip(" \0")

def leaves(dataset, path=()):
    for tag in sorted(dataset.keys()):
        raw = dataset.get_item(tag)
        vr = raw.VR if raw.VR not in (None, "UN") else (pydicom.datadict.dictionary_VR(tag) if pydicom.datadict.dictionary_has_tag(tag) else "UN")
        if vr == "SQ":
            try:
                items = dataset[tag].value or []
            except Exception:
                continue
            for index, item in enumerate(items):
                yield from leaves(item, path + (int(tag), index))
        elif vr in ("DA", "DT", "TM", "AS") and not tag.is_private:
            yield path + (int(tag),), vr, text_of(dataset, tag)

def suv_factor(dataset):
    """Decay of the tracer between injection and acquisition, from the object's own times."""
    try:
        tracer = dataset.RadiopharmaceuticalInformationSequence[0]
        clock = lambda text: int(text[:2]) * 3600 + int(text[2:4]) * 60 + float(text[4:] or 0)
        start = tracer.get("RadiopharmaceuticalStartDateTime")
        if start:
            moment = lambda d, t: datetime.datetime.strptime(d + t[:6], "%Y%m%d%H%M%S")
            seconds = (moment(str(dataset.SeriesDate), str(dataset.SeriesTime)) - moment(str(start)[:8], str(start)[8:])).total_seconds()
        else:
            seconds = clock(str(dataset.SeriesTime)) - clock(str(tracer.RadiopharmaceuticalStartTime))
        return 2 ** (-seconds / float(tracer.RadionuclideHalfLife)) * float(tracer.RadionuclideTotalDose) / float(dataset.PatientWeight)
    except (AttributeError, ValueError, TypeError, IndexError):
        return None

def check(patient, where, vr, old, new):
    if vr == "TM":
        counts["times"] += 1
        if new not in (old, "") and new != "000000":
            wrong.append((where, "a time changed", old, new))
        elif new != old:
            counts["times that were none"] += 1
        return
    if vr == "AS":
        # An age is the same before and after a shift, which moves birth and study alike.
        counts["ages" if re.fullmatch(r"\d{3}[DWMY]", old) else "ages that were none"] += 1
        if new != old and (re.fullmatch(r"\d{3}[DWMY]", old) or new not in ("", "000Y")):
            wrong.append((where, "an age changed", old, new))
        return
    if vr in ("DA", "DT") and re.fullmatch(r"\d{8}-\d{8}", old) and day(old[:8]) and day(old[9:]):
        # Both ends of a range.
        counts["ranges"] += 1
        check(patient, where, vr, old[:8], new[:8])
        check(patient, where, vr, old[9:], new[9:])
        return
    if vr == "DT" and re.fullmatch(r"\d{4}(0[1-9]|1[0-2])?", old) and patient in shifts:
        # A month or a year becomes one that some day of it falls into.
        counts["partial dates"] += 1
        first = datetime.date(int(old[:4]), int(old[4:] or 1), 1)
        last = datetime.date(int(old[:4]), 12, 31) if len(old) == 4 else (first + datetime.timedelta(31)).replace(day=1) - datetime.timedelta(1)
        move = datetime.timedelta(shifts[patient])
        if not (first + move).strftime("%Y%m")[:len(old)] <= new <= (last + move).strftime("%Y%m")[:len(old)] or len(new) != len(old):
            wrong.append((where, "a partial date is not where its days are", old, new))
        return
    for a, b in zip(re.split(r"[\\]", old), re.split(r"[\\]", new)):
        plain = a.replace(".", "") if vr == "DA" else a
        whole = re.fullmatch(r"\d{8}.*", plain) and day(plain)
        if vr == "DA" and (not whole or len(plain.strip()) != 8) or vr == "DT" and re.fullmatch(r"\d{8}.*", a) and not whole:
            counts["impossible"] += 1
            if b == a and a.strip():
                wrong.append((where, "an impossible date survived", a, b))
            continue
        if not whole or b in ("", "19000101", "19000101000000"):
            counts["partial or emptied"] += 1
            continue
        moved = (day(b.replace(".", "") if vr == "DA" else b) - whole).days
        counts["dates"] += 1
        if shifts.setdefault(patient, moved) != moved:
            wrong.append((where, "another shift than the patient's %d" % shifts[patient], a, b))
        if vr == "DT" and a[8:] != b[8:] and "-" not in a[8:9]:
            wrong.append((where, "time or offset of a DT changed", a, b))

files = 0
for line in open(work + "/manifest", encoding="utf-8"):
    entry = json.loads(line)
    if entry["outcome"] != "released" or not entry["output"].endswith(".dcm"):
        continue
    try:
        before = pydicom.dcmread(os.path.join(work, "in", entry["source"]), stop_before_pixels=True, force=True)
        after = pydicom.dcmread(os.path.join(work, "out", entry["output"]), stop_before_pixels=True)
        old, new = dict((p, (v, t)) for p, v, t in leaves(before)), dict((p, (v, t)) for p, v, t in leaves(after))
    except Exception:
        continue
    files += 1
    patient = (str(before.get("IssuerOfPatientID", "")).strip(), str(before.get("PatientID", "")).strip() or entry["source"])
    for path, (vr, text) in old.items():
        if path in new and text:
            check(patient, "%s %08x" % (entry["source"], path[-1]), vr, text, new[path][1])
        elif vr == "DA" and text and path not in new:
            counts["impossible" if not day(text.replace(".", "")) else "dropped with what held them"] += 1
    factors = suv_factor(before), suv_factor(after)
    if factors[0] is not None:
        counts["PET"] += 1
        if factors[1] is None or not math.isclose(factors[0], factors[1], rel_tol=1e-12):
            wrong.append((entry["source"], "SUV", factors[0], factors[1]))
print("%d files, %d patients: %s" % (files, len(shifts), dict(counts)))
for line in wrong[:20]:
    print("WRONG", *line)
if wrong or files < 40 or counts["dates"] < 400 or counts["dates"] < 10 * counts["dropped with what held them"] or counts["impossible"] < 4:
    sys.exit(1)
if counts["ages"] < 40 or counts["ranges"] < 4 or counts["partial dates"] < 2:
    sys.exit("too few ages, ranges or partial dates to tell")
EOP
