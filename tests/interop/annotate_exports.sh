#!/bin/bash
# Exports of an oblique series read back by pydicom, nibabel, DCMTK and dciodvfy; round trips through SEG and NIfTI.
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
"$lethe" annotate -C "$work/p" import coco "$work/coco.json" >/dev/null
printf 'study_uid,label,value\n2.25.100,pirads_study,5\n' >"$work/study.csv"
"$lethe" annotate -C "$work/p" import csv "$work/study.csv" >/dev/null
"$lethe" snapshot -C "$work/p" create one >/dev/null
formats=seg,nifti,rtstruct,sr,geojson,asap,yolo,omop
"$lethe" export -C "$work/p" --snapshot one --format $formats -o "$work/x" >/dev/null
"$lethe" export -C "$work/p" --snapshot one --format $formats -o "$work/y" >/dev/null
diff -r "$work/x" "$work/y" || fail "exports differ when repeated"
"$lethe" export -C "$work/p" --snapshot one --format seg --keep-empty-frames -o "$work/full" >/dev/null

for object in "$work"/x/seg/P-A/*.dcm "$work"/full/seg/P-A/*.dcm "$work"/x/rtstruct/P-A/*.dcm "$work"/x/sr/P-A/*.dcm; do
    dciodvfy "$object" >"$work/report" 2>&1 || true
    ! grep -q '^Error' "$work/report" || fail "dciodvfy on $object: $(grep '^Error' "$work/report")"
    dcmdump "$object" >/dev/null || fail "dcmdump on $object"
done
for report in "$work"/x/sr/P-A/*.dcm; do
    dsrdump "$report" >"$work/sr.txt" 2>&1 || fail "dsrdump: $(cat "$work/sr.txt")"
    grep -q 'Image Region' "$work/sr.txt" || fail "the report has no region"
done

/usr/bin/python3 - "$work" "$LETHE_SOURCE/tests/support" <<'PY' || fail "an independent reader disagrees"
import glob, json, sys
import nibabel, numpy as np, pydicom
work, support = sys.argv[1:]
sys.path.insert(0, support)
import annotate_series as truth

expected = {"lesion": np.zeros((5, 48, 64), bool), "prostate": np.zeros((5, 48, 64), bool)}
expected["lesion"][1, 20:24, 10:16] = True
expected["lesion"][3, 10:18, 20:30] = True
expected["prostate"][1, 5:40, 5:50] = True

def planes(path):
    ds = pydicom.dcmread(path)
    names = {s.SegmentNumber: s.SegmentLabel for s in ds.SegmentSequence}
    got = {n: np.zeros((5, 48, 64), bool) for n in names.values()}
    frames = ds.pixel_array.reshape(-1, 48, 64)
    assert len(frames) == ds.NumberOfFrames == len(ds.PerFrameFunctionalGroupsSequence)
    for frame, groups in zip(frames, ds.PerFrameFunctionalGroupsSequence):
        position = np.array(groups.PlanePositionSequence[0].ImagePositionPatient, float)
        z = float(np.dot(position - truth.ORIGIN, truth.NORMAL)) / truth.STEP
        assert abs(z - round(z)) < 1e-4, z
        source = groups.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID
        assert source == "2.25.30%d" % round(z)
        got[names[groups.SegmentIdentificationSequence[0].ReferencedSegmentNumber]][round(z)] |= frame.astype(bool)
    orientation = ds.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence[0].ImageOrientationPatient
    assert np.allclose(np.array(orientation, float), [*truth.ROW, *truth.COLUMN], atol=1e-6)
    assert np.allclose(np.array(ds.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing, float), [0.9, 0.7])
    return ds, got

for folder, frames in (("x", 3), ("full", 10)):
    (path,) = glob.glob(f"{work}/{folder}/seg/P-A/*.dcm")
    ds, got = planes(path)
    assert ds.NumberOfFrames == frames, ds.NumberOfFrames
    for name in expected:
        assert (got[name] == expected[name]).all(), name

image = nibabel.load(f"{work}/x/nifti/P-A/2.25.200_image.nii.gz")
mask = nibabel.load(f"{work}/x/nifti/P-A/2.25.200_mask.nii.gz")
assert image.shape == (64, 48, 5) == mask.shape
assert np.linalg.det(image.affine[:3, :3]) > 0, "left-handed"
assert np.allclose(image.get_qform(), image.get_sform(), atol=1e-4)
lps = np.diag([-1, -1, 1, 1]) @ image.affine
for x, y, z in ((0, 0, 0), (63, 0, 0), (10, 47, 4)):
    place = truth.ORIGIN + truth.ROW * 0.7 * x + truth.COLUMN * 0.9 * y + truth.NORMAL * 3.5 * z
    assert np.allclose((lps @ [x, y, z, 1])[:3], place, atol=1e-3), (x, y, z)
    assert image.get_fdata()[x, y, z] == truth.value(x, y, z)
data = mask.get_fdata().transpose(2, 1, 0)
assert ((data == 2) == (expected["prostate"] & ~(data == 1))).all() and (data[3] == 1)[10:18, 20:30].all() and (data == 1)[3].sum() == 80

(path,) = glob.glob(f"{work}/x/rtstruct/P-A/*.dcm")
rt = pydicom.dcmread(path)
assert len(rt.StructureSetROISequence) == 3
roi = rt.ROIContourSequence[1].ContourSequence[0]
points = np.array(roi.ContourData, float).reshape(-1, 3)
corner = truth.ORIGIN + truth.ROW * 0.7 * (20 - 0.5) + truth.COLUMN * 0.9 * (10 - 0.5) + truth.NORMAL * 3.5 * 3
assert len(points) == roi.NumberOfContourPoints == 4 and np.allclose(points[0], corner, atol=1e-4), points
assert roi.ContourImageSequence[0].ReferencedSOPInstanceUID == "2.25.303"

(path,) = glob.glob(f"{work}/x/sr/P-A/*.dcm")
found = []
def walk(items):
    for item in items:
        if item.ValueType == "SCOORD":
            found.append((item.GraphicType, list(item.GraphicData), item.ContentSequence[0].ReferencedSOPSequence[0].ReferencedSOPInstanceUID))
        walk(item.get("ContentSequence", []))
walk(pydicom.dcmread(path).ContentSequence)
assert ("POLYLINE", [20, 10, 30, 10, 30, 18, 20, 18, 20, 10], "2.25.303") in found, found

geo = json.load(open(f"{work}/x/geojson/P-A/2.25.100/2.25.200/2.25.303.geojson"))
assert geo["features"][0]["geometry"]["coordinates"] == [[[20, 10], [30, 10], [30, 18], [20, 18], [20, 10]]]
import csv
(occurrence,) = csv.DictReader(open(f"{work}/x/omop/image_occurrence.csv"))
features = list(csv.DictReader(open(f"{work}/x/omop/image_feature.csv")))
assert list(occurrence)[:11] == ["image_occurrence_id", "person_id", "procedure_occurrence_id", "visit_occurrence_id", "anatomic_site_concept_id", "wadors_uri",
    "local_path", "image_occurrence_date", "image_study_uid", "image_series_uid", "modality_concept_id"], list(occurrence)
assert list(features[0])[:12] == ["image_feature_id", "person_id", "image_occurrence_id", "image_feature_event_field_concept_id",
    "image_feature_event_id", "image_feature_concept_id", "image_feature_type_concept_id", "image_finding_concept_id", "image_finding_id", "anatomic_site_concept_id",
    "alg_system", "alg_datetime"], list(features[0])
assert occurrence["image_series_uid"] == "2.25.200" and occurrence["image_occurrence_date"] == "2025-01-02" and len(features) == 4, (occurrence, features)
assert {f["person_id"] for f in features} == {occurrence["person_id"]} == {"1"}
assert [f["image_occurrence_id"] for f in features] == ["1", "1", "1", "1"] and features[0]["image_feature_source_code"] == "52988006", features
line = open(f"{work}/x/labels/P-A/2.25.100/2.25.200/2.25.301.txt").readline().split()
assert np.allclose([float(v) for v in line], [0, 13 / 64, 22 / 48, 6 / 64, 4 / 48], atol=1e-8), line
PY

# Round trips: what was exported comes back as the same pixels (or the same geometry).
again() { # FORMAT PATH [OPTIONS]
    rm -rf "$work/q"
    new_project "$work/q"
    "$lethe" annotate -C "$work/q" import "$@" >/dev/null || fail "import $1"
    "$lethe" snapshot -C "$work/q" create back >/dev/null
    "$lethe" export -C "$work/q" --snapshot back --format nifti,geojson -o "$work/q/out" >/dev/null
}
same_mask() {
    /usr/bin/python3 - "$work/x/nifti/P-A/2.25.200_mask.nii.gz" "$work/q/out/nifti/P-A/2.25.200_mask.nii.gz" "$1" <<'PY' || fail "round trip through $1"
import sys, nibabel
a, b = (nibabel.load(p).get_fdata() for p in sys.argv[1:3])
assert ((a == 1) <= (b > 0)).all() and ((a > 0) == (b > 0)).all()
PY
}
again seg "$work/x/seg/P-A"/*.dcm; same_mask seg
again nifti "$work/x/nifti/P-A/2.25.200_mask.nii.gz" --series 2.25.200; same_mask nifti
again rtstruct "$work/x/rtstruct/P-A"/*.dcm; same_mask rtstruct
again sr "$work/x/sr/P-A"/*.dcm; same_mask sr
for format in geojson asap; do
    again $format "$work/x/$format"
    /usr/bin/python3 - "$work/x/geojson" "$work/q/out/geojson" <<'PY' || fail "round trip through $format"
import glob, json, sys
def key(v): return json.dumps(v, sort_keys=True)
def load(root):
    out = []
    for p in glob.glob(root + "/**/*.geojson", recursive=True):
        for f in json.load(open(p))["features"]:
            out.append(key([p[len(root):], f["geometry"], f["properties"]["classification"]["name"], f["properties"]["shape"]]))
    return sorted(out)
assert load(sys.argv[1]) == load(sys.argv[2]), (load(sys.argv[1]), load(sys.argv[2]))
PY
done
# Every kind of geometry goes through every export, on images in space and without; places in the patient are told.
"$lethe" init "$work/k" >/dev/null
/bin/echo -e "schema: all\nversion: 1\nlabels:\n  - {name: thing, level: region, geometries: [point, line, polyline, box, rotated_box, ellipse, polygon, freehand, mask, volume, measurement]}" >"$work/all.yaml"
"$lethe" annotate -C "$work/k" schema install "$work/all.yaml" >/dev/null
/usr/bin/python3 "$LETHE_SOURCE/tests/support/annotate_series.py" "$work/k"
/usr/bin/python3 - "$work/2.25.302.geojson" <<'PY'
import json, sys
def f(kind, geometry, **more): return {"type": "Feature", "geometry": geometry, "properties": {"classification": {"name": "thing"}, "shape": kind, **more}}
line = {"type": "LineString", "coordinates": [[2.5, 3.5], [12.5, 9.5]]}
ring = [[5, 5], [20, 6], [18, 22], [5, 5]]
json.dump({"type": "FeatureCollection", "features": [
    f("point", {"type": "Point", "coordinates": [0.5, 0.5]}), f("line", line), f("polyline", {"type": "LineString", "coordinates": [[1, 1], [4, 2], [9, 9]]}),
    f("freehand", {"type": "Polygon", "coordinates": [ring]}), f("polygon", {"type": "Polygon", "coordinates": [ring, [[9, 9], [11, 9], [11, 11], [9, 9]]]}),
    f("measurement", line, measure="length_mm", measured=0), f("measurement", {"type": "LineString", "coordinates": [[1, 1], [4, 2], [9, 9]]}, measure="angle_degrees", measured=0),
    f("measurement", {"type": "LineString", "coordinates": ring[:3]}, measure="area_mm2", measured=0)]}, open(sys.argv[1], "w"))
PY
"$lethe" annotate -C "$work/k" import geojson "$work/2.25.302.geojson" >/dev/null
"$lethe" snapshot -C "$work/k" create k >/dev/null
"$lethe" annotate -C "$work/k" show >"$work/shown"
for format in coco csv png geojson asap yolo nifti seg rtstruct sr omop tiles; do
    "$lethe" export -C "$work/k" --snapshot k --format $format -o "$work/k-$format" >/dev/null || fail "export of every geometry as $format"
done
for object in "$work"/k-seg/seg/P-A/*.dcm "$work"/k-rtstruct/rtstruct/P-A/*.dcm "$work"/k-sr/sr/P-A/*.dcm; do
    dciodvfy "$object" >"$work/report" 2>&1 || true
    ! grep -q '^Error' "$work/report" || fail "dciodvfy on $object: $(grep '^Error' "$work/report")"
done
/usr/bin/python3 - "$work" "$LETHE_SOURCE/tests/support" <<'PY' || fail "places in the patient"
import json, sys
import numpy as np
sys.path.insert(0, sys.argv[2])
import annotate_series as truth
rows = [json.loads(l) for l in open(sys.argv[1] + "/shown")]
def mm(x, y): return truth.ORIGIN + truth.ROW * 0.7 * (x - 0.5) + truth.COLUMN * 0.9 * (y - 0.5) + truth.NORMAL * 3.5 * 2
assert all(r["frame_of_reference"] == "2.25.400" for r in rows)
assert np.allclose(rows[0]["patient_mm"], [mm(0.5, 0.5)], atol=1e-5) and np.allclose(rows[1]["patient_mm"], [mm(2.5, 3.5), mm(12.5, 9.5)], atol=1e-5)
assert abs(rows[5]["length_mm"] - np.linalg.norm(mm(12.5, 9.5) - mm(2.5, 3.5))) < 1e-6
a, b, c = mm(1, 1), mm(4, 2), mm(9, 9)
assert abs(rows[6]["angle_degrees"] - np.degrees(np.arccos(np.dot(a - b, c - b) / np.linalg.norm(a - b) / np.linalg.norm(c - b)))) < 1e-6
assert abs(rows[7]["area_mm2"] - np.linalg.norm(np.cross(mm(20, 6) - mm(5, 5), mm(18, 22) - mm(5, 5))) / 2) < 1e-6
PY

# A mask on another grid is refused.
/usr/bin/python3 -c "
import nibabel, sys
m = nibabel.load(sys.argv[1]); a = m.affine.copy(); a[0, 3] += 2
nibabel.save(nibabel.Nifti1Image(m.get_fdata().astype('uint8'), a), sys.argv[2])" "$work/x/nifti/P-A/2.25.200_mask.nii.gz" "$work/shifted.nii.gz"
! "$lethe" annotate -C "$work/q" import nifti "$work/shifted.nii.gz" --series 2.25.200 2>"$work/err" || fail "a shifted mask was taken"
grep -q 'shifted' "$work/err" || fail "no reason for the shifted mask"
echo ok
