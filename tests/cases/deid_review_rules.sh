#!/bin/bash
# What a reviewer decides for a series or a device reaches every image of it: waiting ones are proposed anew, released ones are made again; the rule
# stands in the project's own catalogue and `explain` names it; every decision is in the audit trail and cannot be changed.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "FAILED: $*"; exit 1; }
/usr/bin/python3 -c 'import numpy, pydicom' 2>/dev/null || { echo "skipped: python3-pydicom and python3-numpy are not installed"; exit 77; }
lethe=$LETHE_BIN/lethe
expect() { local want=$1 code=0; shift; "$@" >"$work/said" 2>"$work/err" || code=$?; [ "$code" -eq "$want" ] || { cat "$work/said" "$work/err"; fail "exit $code, wanted $want: $*"; }; }
count() { "$lethe" status -C "$work/p" --json | sed "s/.*\"$1\":\([0-9]*\).*/\1/"; }

# Two series of one device, one of another; smooth pictures without text, and one with a patch that no rule of the catalogue knows.
/usr/bin/python3 - "$work/in" <<'PY'
import os, sys
import numpy, pydicom
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian
os.makedirs(sys.argv[1])
def write(name, series, manufacturer, model, number, columns=160):
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.1.1"
    meta.MediaStorageSOPInstanceUID = "1.2.3.%d.%d" % (series, number)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    ds.is_little_endian, ds.is_implicit_VR = True, False
    ds.SOPClassUID, ds.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    ds.StudyInstanceUID, ds.SeriesInstanceUID = "1.2.3.100", "1.2.3.%d" % series
    ds.PatientName, ds.PatientID, ds.PatientBirthDate, ds.PatientSex = "Review^Rita", "RR-1", "19500101", "F"
    ds.Modality, ds.Manufacturer, ds.ManufacturerModelName = "DX", manufacturer, model
    ds.ImageType = ["ORIGINAL", "PRIMARY"]
    ds.InstanceNumber, ds.SamplesPerPixel, ds.PhotometricInterpretation = number, 1, "MONOCHROME2"
    ds.Rows, ds.Columns, ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 120, columns, 16, 12, 11, 0
    y, x = numpy.mgrid[0:120, 0:columns]
    ds.PixelData = (1000 + 4 * x + 3 * y + number).astype("<u2").tobytes()
    ds.save_as(os.path.join(sys.argv[1], name), write_like_original=False)
for number in (1, 2, 3):
    write("a%d.dcm" % number, 1, 'Acme "X" | Ray\\works', "P-1", number)
    write("b%d.dcm" % number, 2, 'Acme "X" | Ray\\works', "P-1", number)
    write("c%d.dcm" % number, 3, "Other", "Q", number)
write("d1.dcm", 1, 'Acme "X" | Ray\\works', "P-1", 9, columns=200)
PY
"$lethe" init "$work/p" >/dev/null
expect 0 "$lethe" ingest add -C "$work/p" "$work/in"
expect 0 "$lethe" deid -C "$work/p" --jobs 2
[ "$(count released)" -eq 10 ] || fail "$(count released) released"

# masked X Y: how many of the released images have one value in the 20 x 10 box at X,Y, by series (a: large, b, c) and the wider image
cat >"$work/masked.py" <<'PY'
import glob, sys
import pydicom
x, y = int(sys.argv[2]), int(sys.argv[3])
tally = {}
for path in glob.glob(sys.argv[1] + "/released/**/*.dcm", recursive=True):
    ds = pydicom.dcmread(path)
    box = ds.pixel_array[y:y + 10, x:x + 20]
    rest = ds.pixel_array[60:, :]
    yy, xx = __import__("numpy").mgrid[60:120, 0:ds.Columns]
    number = int(ds.InstanceNumber)
    assert (rest == 1000 + 4 * xx + 3 * yy + number).all(), "pixels outside the boxes changed"
    key = "%s-%d" % (ds.SeriesInstanceUID[-6:], ds.Columns)
    hit = tally.setdefault(key, [0, 0])
    hit[1] += 1
    hit[0] += bool(box.max() == box.min())
    if box.max() == box.min():
        assert ds.ImageType[0] == "DERIVED" and "113101" in [c.CodeValue for c in ds.DeidentificationMethodCodeSequence], path
print(" ".join(sorted("%d/%d" % tuple(v) for v in tally.values())))
PY
masked() { /usr/bin/python3 "$work/masked.py" "$work/p" "$@"; }
[ "$(masked 10 20)" = "0/1 0/3 0/3 0/3" ] || fail "masked before anybody asked: $(masked 10 20)"

# --- one image, named by its released path
first=$(cd "$work/p/released" && find . -name '*.dcm' | sort | head -1 | sed 's/^..//')
before=$(sha256sum "$work/p/released/$first" | cut -d' ' -f1)
expect 0 "$lethe" review -C "$work/p" mask "$first" 10,20,20,10
grep -q '1 made again' "$work/said" || fail "nothing was made again: $(cat "$work/said")"
[ "$(sha256sum "$work/p/released/$first" | cut -d' ' -f1)" != "$before" ] || fail "the released file is the old one"
case "$(masked 10 20)" in *1/*) ;; *) fail "one image: $(masked 10 20)" ;; esac
item=$(sed -n 's/.*"item":\([0-9]*\).*/\1/p' "$work/p/private/audit.jsonl" | tail -1)
decision=$("$lethe" review -C "$work/p" show "$item" | awk '/ mask /{print $1}')
expect 0 "$lethe" review -C "$work/p" undo "$item" "$decision"
[ "$(sha256sum "$work/p/released/$first" | cut -d' ' -f1)" = "$before" ] || fail "undo did not give the first bytes back"
! grep -q 'name: "review' "$work/p/private/pixel_rules.yaml" || fail "the undone rule stands in the file"

# --- the series of image a1: three images of its size, not the wider one, not series b
a1=$("$lethe" review -C "$work/p" list --released >/dev/null; /usr/bin/python3 - "$work/p" <<'PY'
import sqlite3, sys
db = sqlite3.connect(sys.argv[1] + "/private/intake.db")
print(db.execute("select id from item where source_name like '%a1.dcm'").fetchone()[0])
PY
)
expect 0 "$lethe" review -C "$work/p" mask "$a1" 30,20,20,10 --to series
grep -q '3 made again' "$work/said" || fail "series: $(cat "$work/said")"
[ "$(masked 30 20)" = "0/1 0/3 0/3 3/3" ] || fail "series: $(masked 30 20)"

# --- the device: both its series at this size
expect 0 "$lethe" review -C "$work/p" mask "$a1" 60,20,20,10 --to device
grep -q '6 made again' "$work/said" || fail "device: $(cat "$work/said")"
[ "$(masked 60 20)" = "0/1 0/3 3/3 3/3" ] || fail "device: $(masked 60 20)"
[ "$(masked 30 20)" = "0/1 0/3 0/3 3/3" ] || fail "the series' box was lost: $(masked 30 20)"
# What comes later falls under the rule; a person may add rules by hand, and comments stay.
sed -i 's/^rules:/# ours\nrules:/' "$work/p/private/pixel_rules.yaml"
/usr/bin/python3 - "$work" <<'PY'
import sys, pydicom
ds = pydicom.dcmread(sys.argv[1] + "/in/b1.dcm")
ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = "1.2.3.2.77"
ds.SeriesInstanceUID = "1.2.3.44"
ds.save_as(sys.argv[1] + "/new.dcm")
PY
expect 0 "$lethe" ingest add -C "$work/p" "$work/new.dcm"
expect 0 "$lethe" deid -C "$work/p"
[ "$(masked 60 20)" = "0/1 0/3 1/1 3/3 3/3" ] || fail "a later image of the device: $(masked 60 20)"
expect 0 "$lethe" deid explain "$work/new.dcm" -C "$work/p"
grep -q '^redact .*60,20 20x10  \[own rule review [0-9]* (device)\]' "$work/said" || { cat "$work/said"; fail "explain does not name the rule"; }
grep -q '^rule    own rule review' "$work/said" || fail "explain does not say which rule fired"
expect 0 "$lethe" deid explain "$work/new.dcm" --pixel-rules "$work/p/private/pixel_rules.yaml"
grep -q 'own rule review' "$work/said" || fail "--pixel-rules is not read"
expect 0 "$lethe" review -C "$work/p" mask "$a1" 90,20,20,10
grep -q '^# ours$' "$work/p/private/pixel_rules.yaml" || fail "a comment was lost"
[ "$(stat -c %a "$work/p/private/pixel_rules.yaml")" = 600 ] || fail "the rules can be read by others"
# Outside a project
head -c 32 /dev/urandom >"$work/key"; chmod 600 "$work/key"
expect 0 "$lethe" deid "$work/in" -o "$work/out" --key "$work/key" --pixel-rules "$work/p/private/pixel_rules.yaml" --manifest "$work/m.jsonl" --quiet
[ "$(grep -c 'own rule review' "$work/m.jsonl")" -ge 6 ] || fail "--pixel-rules of a folder run"

# --- recorded only (as the viewer does), carried out by the next run of either
expect 0 "$lethe" review -C "$work/p" mask "$a1" 110,20,20,10 --later
[ "$(masked 110 20)" = "0/1 0/1 0/3 0/3 0/3" ] || fail "--later did it at once"
"$lethe" review -C "$work/p" log | grep -q '(open)' || fail "an open decision is not shown as such"
expect 0 "$lethe" deid -C "$work/p"
[ "$(masked 110 20)" = "0/1 0/1 0/3 0/3 1/3" ] || fail "deid does not carry out what is open: $(masked 110 20)"

# --- the record: who, when, what; chained; nobody can change it
grep -c '"event":"review"' "$work/p/private/audit.jsonl" >"$work/lines"
[ "$(cat "$work/lines")" -eq 6 ] || fail "$(cat "$work/lines") decisions in the audit trail"
grep -q "\"person\":\"$(id -un)\"" "$work/p/private/audit.jsonl" || fail "the trail does not say who"
expect 0 "$lethe" ingest trail -C "$work/p"
/usr/bin/python3 - "$work/p" <<'PY'
import sqlite3, sys
db = sqlite3.connect(sys.argv[1] + "/private/intake.db")
for sql in ("update review_record set person = 'nobody'", "delete from review_record"):
    try:
        db.execute(sql)
    except sqlite3.IntegrityError:
        continue
    raise SystemExit("FAILED: the record can be changed: " + sql)
PY
expect 0 "$lethe" deid verify "$work/p/released"

# --- what is wrong is said, changes nothing and holds nothing up
cp "$work/p/private/pixel_rules.yaml" "$work/good.yaml"
for text in 'rules:\n  - name: "x"\n    rows: 5\n    remove:\n      - {x: 1, y: 1, w: 1, h: 1}\n' 'rules:\n  - name: "x"\n    modality: DX\n' \
            'rules:\n  - name: "x"\n    modality: DX\n    remove:\n      - {x: 1, y: 1, w: 0, h: 1}\n' 'rules:\n  - nome: "x"\n' \
            'rules:\n  - name: "x"\n    when:\n      - {tag: NoSuchTag, is: equals, value: "1"}\n    clean: true\n'; do
    # shellcheck disable=SC2059
    printf "$text" >"$work/p/private/pixel_rules.yaml"
    expect 2 "$lethe" deid -C "$work/p"
    grep -q 'pixel_rules.yaml' "$work/err" || fail "the message does not name the file: $(cat "$work/err")"
    expect 2 "$lethe" deid "$work/in" -o "$work/out2" --key "$work/key" --pixel-rules "$work/p/private/pixel_rules.yaml" --quiet
done
cp "$work/good.yaml" "$work/p/private/pixel_rules.yaml"
expect 2 "$lethe" review -C "$work/p" mask "$a1" 1,1,0,1
expect 2 "$lethe" review -C "$work/p" mask "$a1" 1,1,5,5 --to everything
expect 2 "$lethe" review -C "$work/p" undo "$a1" 4711
expect 2 "$lethe" review -C "$work/p" approve "$a1"
echo "decisions for an image, a series and a device: made again, recorded, undone"
