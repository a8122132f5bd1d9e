#!/bin/bash
# The review of redactions in a real window: before and after, accept, move, add, delete, apply to the series, approve; what was recorded is carried out by
# `lethe review run`. Without --review originals stay closed; without the private side --review is refused.
set -u
. "$LETHE_SOURCE/tests/interop/viewer_display.inc"
/usr/bin/python3 -c 'import numpy, pydicom' 2> /dev/null || { echo "skipped: python3-pydicom and python3-numpy are not installed"; exit 77; }
fail() { echo "FAILED: $*"; exit 1; }
/usr/bin/python3 - "$work/in" << 'PY'
import os, sys
import numpy, pydicom
from PIL import Image, ImageDraw, ImageFont
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian
os.makedirs(sys.argv[1])
font = ImageFont.truetype("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf", 22)
for number in (1, 2):
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7", "1.2.3.4.%d" % number
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    ds.is_little_endian, ds.is_implicit_VR = True, False
    ds.SOPClassUID, ds.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    ds.StudyInstanceUID, ds.SeriesInstanceUID = "1.2.3.100", "1.2.3.1"
    ds.PatientName, ds.PatientID, ds.PatientBirthDate, ds.PatientSex = "Marchand^Odile", "OM-77", "19500101", "F"
    ds.Modality, ds.Manufacturer, ds.ManufacturerModelName, ds.ConversionType = "OT", "Nobody", "N-1", "WSD"
    ds.InstanceNumber, ds.SamplesPerPixel, ds.PhotometricInterpretation = number, 1, "MONOCHROME2"
    ds.Rows, ds.Columns, ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 400, 600, 8, 8, 7, 0
    y, x = numpy.mgrid[0:400, 0:600]
    picture = Image.fromarray((60 + x // 10 + y // 10).astype("u1"))
    draw = ImageDraw.Draw(picture)
    draw.text((40, 30), "MARCHAND Odile 01/01/1950", font=font, fill=235)
    draw.text((40, 330), "Hopital Saint Exemple", font=font, fill=235)
    ds.PixelData = numpy.asarray(picture).tobytes()
    ds.save_as(os.path.join(sys.argv[1], "%d.dcm" % number), write_like_original=False)
PY
lethe=$LETHE_BIN/lethe
"$lethe" init "$work/project" > /dev/null && "$lethe" ingest add -C "$work/project" "$work/in" > /dev/null || fail "no project"
"$lethe" deid -C "$work/project" --jobs 1 --quiet; [ $? -eq 4 ] || fail "the images do not wait"
boxes=$("$lethe" review -C "$work/project" show 1 | grep -c '^  box ')
[ "$boxes" -eq 2 ] || fail "$boxes boxes proposed, wanted 2"
first=$("$lethe" review -C "$work/project" show 1 | sed -n 's/^  box \([0-9,]*\) .*/\1/p' | head -1)
IFS=, read -r x y w h <<< "$first"
second=$("$lethe" review -C "$work/project" show 1 | sed -n 's/^  box \([0-9,]*\) .*/\1/p' | tail -1)
IFS=, read -r x2 y2 w2 h2 <<< "$second"

run review --review << TXT
wait-idle
assert-state review.items=2
assert-state review.boxes=2
assert-state review.proposed=2
screenshot $work/project/private/before.png
# accept one
click @0:$((x + w / 2)),$((y + h / 2))
assert-state review.selected=0
key A
assert-state review.accepted=1
# the other is deleted, and that is undone
click @0:$((x2 + w2 / 2)),$((y2 + h2 / 2))
key Delete
assert-state review.deleted=1
key ctrl+Z
assert-state review.deleted=0
# moved: 7 pixels down
drag @0:$((x2 + w2 / 2)),$((y2 + h2 / 2)) @0:$((x2 + w2 / 2)),$((y2 + h2 / 2 + 7))
assert-state review.box=$x2,$((y2 + 7)),$w2,$h2
assert-state review.drawn=1
key ctrl+Z
assert-state review.drawn=0
# a new one, over an area without text, for the whole series
drag @0:420,180 @0:500,220
assert-state review.drawn=1
assert-state review.boxes=3
key S
screenshot $work/project/private/drawn.png
# after: what is removed is black
assert-pixel @0:460,200 96,196,232 160
key B
assert-state review.after=1
assert-pixel @0:460,200 0,0,0 4
assert-pixel @0:$((x + w / 2)),$((y + h / 2)) 0,0,0 4
screenshot $work/project/private/after.png
key B
assert-state review.after=0
# approve the first; the second is shown then
key ctrl+Enter
assert-state review.index=1
key shift+N
assert-state review.approved=1
key N
assert-state review.index=1
key ctrl+Backspace
assert-state gl-errors=0
TXT

# Recorded, not done: the viewer writes decisions only.
[ "$(find "$work/project/released" -name '*.dcm' | wc -l)" -eq 0 ] || fail "the viewer released something"
"$lethe" review -C "$work/project" log > "$work/log"
grep -q '(open)' "$work/log" || fail "nothing is open"
"$lethe" review -C "$work/project" run > "$work/ran" || { cat "$work/ran"; fail "the decisions are not carried out"; }
grep -q '1 released, 1 rejected' "$work/ran" || fail "carried out: $(cat "$work/ran")"
/usr/bin/python3 - "$work" "$first" "$second" << 'PY' || exit 1
import glob, sys, json
import numpy, pydicom
after = pydicom.dcmread(glob.glob(sys.argv[1] + "/project/released/**/*.dcm", recursive=True)[0]).pixel_array.astype(int)
before = pydicom.dcmread(sys.argv[1] + "/in/1.dcm").pixel_array.astype(int)
mask = numpy.zeros(after.shape, bool)
for x, y, w, h in [tuple(map(int, t.split(","))) for t in sys.argv[2:]] + [(420, 180, 80, 40)]:
    mask[max(0, y - 1):y + h + 1, max(0, x - 1):x + w + 1] = True
    assert (after[y:y + h, x:x + w] == 0).all(), ("not hidden", x, y, w, h)
bad = numpy.argwhere((after != before) & ~mask)
assert len(bad) == 0, ("pixels outside the boxes changed", bad.min(0), bad.max(0), sys.argv[2:])
actions = [json.loads(line)["action"] for line in open(sys.argv[1] + "/project/private/audit.jsonl") if '"event":"review"' in line]
assert set(actions) >= {"accept", "keep", "undo", "move", "mask", "approve", "reject"}, actions
PY
# Released with boxes: listed again; "after" is the released file; drawing on it makes it again.
run released --review << 'TXT'
wait-idle
assert-state review.items=1
key B
wait-idle
assert-state review.after=1
assert-pixel @0:460,200 0,0,0 4
key B
wait-idle
key ctrl+Enter
assert-state review.approved=0
drag @0:300,180 @0:340,220
assert-state review.open=1
TXT
"$lethe" review -C "$work/project" run > "$work/ran" || fail "the released output is not made again"
grep -q '1 made again' "$work/ran" || fail "carried out: $(cat "$work/ran")"

# The annotator's viewer has no review, and opens released images only.
run plain << 'TXT'
wait-idle
command review-next
command review-approve
assert-state cases=1
TXT
echo 'print review.items' > "$work/none.txt"
view --script "$work/none.txt" > /dev/null 2>&1 && fail "review state without --review"
chmod 0000 "$work/project/private"
if [ "$(id -u)" -ne 0 ]; then
    view --review --script "$work/none.txt" 2> "$work/refused" && fail "review without the private side"
    grep -q 'private' "$work/refused" || fail "the refusal does not say why: $(cat "$work/refused")"
fi
chmod 0755 "$work/project/private"
view --review --script "$work/none.txt" 2> "$work/refused" && fail "review of a private side that others can read"
grep -q 'private' "$work/refused" || fail "the refusal does not say why: $(cat "$work/refused")"
chmod 0700 "$work/project/private"
"$LETHE_BIN/lethe" view -C "$work/project" --review CASE 2> /dev/null; [ $? -eq 2 ] || fail "--review with a case"
if [ -n "${LETHE_KEEP_SCREENSHOTS:-}" ]; then cp "$work"/project/private/*.png "$LETHE_KEEP_SCREENSHOTS"; fi
echo "reviewed: accepted, moved, added, deleted, approved, rejected, made again"
