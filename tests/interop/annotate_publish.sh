#!/bin/bash
# What a published set may not tell: case names, readers, look-alike pictures in two splits; and PNG masks there and back.
set -eu
lethe="$LETHE_BIN/lethe"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "FAILED: $*" >&2; exit 1; }
new_project() {
    "$lethe" init "$1" >/dev/null
    "$lethe" annotate -C "$1" schema install prostate-mr >/dev/null
    /usr/bin/python3 "$LETHE_SOURCE/tests/support/annotate_series.py" "$1"
}
new_project "$work/p"
cat >"$work/coco.json" <<'JSON'
{"categories":[{"id":1,"name":"lesion"},{"id":2,"name":"prostate"}],
 "images":[{"id":1,"file_name":"2.25.301.dcm"},{"id":2,"file_name":"2.25.303.dcm"}],
 "annotations":[
  {"id":1,"image_id":1,"category_id":1,"bbox":[10,20,6,4],"segmentation":[],"attributes":{"pirads":"4","zone":"PZ"}},
  {"id":2,"image_id":2,"category_id":1,"segmentation":[[20,10,30,10,30,18,20,18]],"attributes":{"pirads":"5","zone":"TZ"}},
  {"id":3,"image_id":1,"category_id":2,"segmentation":[[5,5,50,5,50,40,5,40]]}]}
JSON
"$lethe" annotate -C "$work/p" user add anne.dupont
"$lethe" annotate -C "$work/p" user add bert.martin
"$lethe" annotate -C "$work/p" import coco "$work/coco.json" --as anne.dupont >/dev/null
printf 'study_uid,label,value\n2.25.100,pirads_study,5\n' >"$work/study.csv"
"$lethe" annotate -C "$work/p" import csv "$work/study.csv" --as bert.martin >/dev/null
"$lethe" snapshot -C "$work/p" create one >/dev/null
"$lethe" snapshot -C "$work/p" create two >/dev/null
formats=coco,csv,png,geojson,asap,yolo,nifti,seg,rtstruct,sr,omop

# Readers stand under codes, unless their names are asked for.
"$lethe" export -C "$work/p" --snapshot one --format $formats --package -o "$work/codes" >/dev/null
! grep -r -i -q 'dupont\|martin' "$work/codes" || fail "a reader's name is in the export: $(grep -r -i -l 'dupont\|martin' "$work/codes")"
grep -q 'reader-[12]' "$work/codes/labels_long.csv" || fail "no code of a reader"
"$lethe" export -C "$work/p" --snapshot one --format csv --reader-names -o "$work/named" >/dev/null
grep -q 'anne.dupont' "$work/named/labels_long.csv" || fail "names that were asked for"
code=0; "$lethe" export -C "$work/p" --user anne.dupont --snapshot one --format csv -o "$work/peek" >/dev/null 2>&1 || code=$?
[ $code != 0 ] && [ ! -e "$work/peek" ] || fail "a reader exported everybody's labels"

# Case names: by key and snapshot; nothing in the package has a name of the project; objects refer to the renamed images.
named() { "$lethe" export -C "$work/p" --snapshot "$2" --format $formats --with-images --case-names "$work/names.key" --mapping "$work/$1.map" -o "$work/$1" >/dev/null; }
named x one; named y one; named z two
diff -r "$work/x" "$work/y" && cmp "$work/x.map" "$work/y.map" || fail "case names change when repeated"
[ "$(stat -c %a "$work/x.map" "$work/names.key" | sort -u)" = 600 ] || fail "mode of key or mapping"
! grep -r -a -q -E 'P-A\b|2\.25\.(100|200|30[0-4]|400)([^0-9.]|$)' "$work/x" || fail "old names: $(grep -r -a -l -E 'P-A\b|2\.25\.(100|200|30[0-4]|400)([^0-9.]|$)' "$work/x")"
! "$lethe" export -C "$work/p" --snapshot one --format csv --case-names "$work/names.key" -o "$work/none" 2>/dev/null || fail "case names without a mapping"
/usr/bin/python3 - "$work" <<'PY' || fail "case names"
import csv, glob, json, re, sys
import nibabel, numpy as np, pydicom
work = sys.argv[1]
rows = list(csv.DictReader(open(work + "/x.map")))
assert len(rows) == 5 and {r["patient"] for r in rows} == {"P-A"} and len({r["case"] for r in rows}) == 1
case = rows[0]["case"]
assert re.fullmatch("[A-Z]{10}", case)
assert {r["case"] for r in csv.DictReader(open(work + "/z.map"))} != {case}, "two snapshots, one name"
released = {}
for r in rows:
    a = pydicom.dcmread(f"{work}/p/released/{r['released_path']}"); b = pydicom.dcmread(f"{work}/x/images/{r['path']}")
    assert b.PatientID == b.PatientName == case and b.SOPInstanceUID == b.file_meta.MediaStorageSOPInstanceUID
    assert b.SOPClassUID == a.SOPClassUID and b.PixelData == a.PixelData and b.ImagePositionPatient == a.ImagePositionPatient
    assert b.StudyInstanceUID.startswith("2.25.") and r["path"] == f"{case}/{b.StudyInstanceUID}/{b.SeriesInstanceUID}/{b.SOPInstanceUID}.dcm"
    released[b.SOPInstanceUID] = b
assert len(released) == 5 and len({b.FrameOfReferenceUID for b in released.values()}) == 1
any_image = next(iter(released.values()))
(seg,) = glob.glob(f"{work}/x/seg/*/*.dcm"); seg = pydicom.dcmread(seg)
assert seg.PatientID == case and seg.StudyInstanceUID == any_image.StudyInstanceUID and seg.FrameOfReferenceUID == any_image.FrameOfReferenceUID
for g in seg.PerFrameFunctionalGroupsSequence:
    source = released[g.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID]
    assert np.allclose(np.array(source.ImagePositionPatient, float), np.array(g.PlanePositionSequence[0].ImagePositionPatient, float), atol=1e-4)
coco = json.load(open(work + "/x/coco.json"))
old = json.load(open(work + "/codes/coco.json"))
where = {r["path"]: r["released_path"] for r in rows}
def boxes(c, name): return sorted((name(i["file_name"]), tuple(a["bbox"])) for a in c["annotations"] for i in c["images"] if i["id"] == a["image_id"])
assert boxes(coco, lambda n: where[n]) == boxes(old, lambda n: n)
wide = list(csv.DictReader(open(work + "/x/labels_wide.csv")))
assert {r["pirads_study"] for r in wide} == {"5"} and {r["patient"] for r in wide} == {case}
(a,) = glob.glob(work + "/x/nifti/*/*_mask.nii.gz"); (b,) = glob.glob(work + "/codes/nifti/*/*_mask.nii.gz")
a, b = nibabel.load(a), nibabel.load(b)
assert (a.get_fdata() == b.get_fdata()).all() and np.allclose(a.affine, b.affine)
PY
for object in "$work"/x/seg/*/*.dcm "$work"/x/rtstruct/*/*.dcm "$work"/x/sr/*/*.dcm; do
    dciodvfy "$object" >"$work/report" 2>&1 || true
    ! grep -q '^Error' "$work/report" || fail "dciodvfy on $object: $(grep '^Error' "$work/report")"
done

# PNG masks: there and back; frames by name, sizes and kinds checked.
new_project "$work/q"
"$lethe" annotate -C "$work/q" import png "$work/codes/masks" >/dev/null || fail "PNG import"
"$lethe" snapshot -C "$work/q" create back >/dev/null
"$lethe" export -C "$work/q" --snapshot back --format png -o "$work/q/out" >/dev/null
diff -r "$work/codes/masks" "$work/q/out/masks" || fail "PNG round trip"
/usr/bin/python3 - "$work" <<'PY'
import sys
from PIL import Image
w = sys.argv[1]
Image.new("L", (64, 47)).save(w + "/2.25.301.png"); Image.new("RGB", (64, 48)).save(w + "/2.25.302.png")
m = Image.new("L", (64, 48)); m.putpixel((3, 4), 7); m.save(w + "/2.25.300.png")
open(w + "/2.25.303.png", "wb").write(open(w + "/2.25.300.png", "rb").read()[:60])
PY
refused() { ! "$lethe" annotate -C "$work/q" import png "$1" "${@:3}" >/dev/null 2>"$work/err" || fail "taken: $1"; grep -q -- "$2" "$work/err" || fail "'$2' is not said: $(cat "$work/err")"; }
refused "$work/2.25.301.png" '64 x 47 pixels, the image has 64 x 48'
refused "$work/2.25.302.png" 'grey picture of 8 bits'
refused "$work/2.25.303.png" '2.25.303.png'
refused "$work/2.25.300.png" 'value 7'
"$lethe" annotate -C "$work/q" import png "$work/2.25.300.png" --map 7=lesion >/dev/null || fail "a mapped value"

# Look-alike pictures: mirrored, turned, cropped, brightened copies of one patient's picture under another name; an unrelated one passes.
"$lethe" init "$work/r" >/dev/null
"$lethe" annotate -C "$work/r" status >/dev/null
/usr/bin/python3 - "$work/r" <<'PY'
import os, sqlite3, sys
import numpy as np, pydicom
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
root = sys.argv[1] + "/released/"
def picture(seed):
    r = np.random.default_rng(seed); y, x = np.mgrid[0:200, 0:160] / 200.0; a = np.zeros((200, 160))
    for _ in range(25): a += r.uniform(-1, 1) * np.exp(-((x - r.uniform(0, .8)) ** 2 + (y - r.uniform(0, 1)) ** 2) / r.uniform(.002, .05))
    return (2000 + 800 * a).clip(0, 4095).astype("<u2")
base = picture(1)
pictures = {"same": base, "mirror": base[:, ::-1], "turn": np.rot90(base), "crop": base[20:180, 16:144], "corner": base[:160, :128], "bright": (base * 0.8 + 300).astype("<u2"), "other": picture(2), "third": picture(3)}
for name, a in pictures.items():
    for who, pixels in (("P-BASE", base), ("P-COPY", a)):
        path = f"{name}/{who}"
        os.makedirs(f"{root}{who}{name}", exist_ok=True)
        ds = Dataset(); ds.SOPClassUID, ds.SOPInstanceUID, ds.Modality = "1.2.840.10008.5.1.4.1.1.7", f"2.25.9{abs(hash(path)) % 10**9}", "OT"
        ds.Rows, ds.Columns, ds.SamplesPerPixel, ds.PhotometricInterpretation = *pixels.shape, 1, "MONOCHROME2"
        ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
        ds.PixelData = np.ascontiguousarray(pixels).tobytes()
        meta = FileMetaDataset(); meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian; meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = ds.SOPClassUID, ds.SOPInstanceUID
        f = FileDataset("", ds, file_meta=meta, preamble=b"\0" * 128); f.is_little_endian, f.is_implicit_VR = True, False
        f.save_as(f"{root}{who}{name}/i.dcm", write_like_original=False)
PY
for name in same mirror turn crop corner bright other third; do
    sqlite3 "$work/r/released/catalogue.db" "DELETE FROM entry"
    for who in P-BASE P-COPY; do
        sqlite3 "$work/r/released/catalogue.db" "INSERT INTO entry VALUES('$who$name/i.dcm','dicom','$who','2.25.1$who','2.25.2','2.25.3$who','OT','','','','','20250101','M','','','','','',1,1,200,160,1,'')"
    done
    "$lethe" snapshot -C "$work/r" create "$name" >/dev/null
    code=0
    "$lethe" export -C "$work/r" --snapshot "$name" --format csv --split 50,50,0 --check-duplicates -o "$work/leak-$name" >/dev/null 2>"$work/err" || code=$?
    case $name in
    other | third) [ $code = 0 ] || fail "unrelated pictures are called the same: $(cat "$work/err")" ;;
    *) [ $code != 0 ] && grep -q 'look the same' "$work/err" || fail "$name was not found" ;;
    esac
done
/usr/bin/python3 -c "
import json, sys
r = json.load(open(sys.argv[1] + '/leak-other/leakage.json'))
assert r['patients_in_several_splits'] == 0 and r['machines_in_several_splits'] == 1 and r['look_alike_pairs'] == 0 and r['images_not_compared'] == 0, r" "$work" || fail "leakage report"
echo ok
