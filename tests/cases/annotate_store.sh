#!/bin/bash
# Labels through the command line: schema, imports and their errors, snapshot, exports that repeat byte for byte, withdrawal.
set -eu
lethe="$LETHE_BIN/lethe"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "FAILED: $*" >&2; exit 1; }
refused() { # CODE MESSAGE COMMAND...
    local code=$1 text=$2 got=0
    shift 2
    "$@" >"$work/out" 2>"$work/err" || got=$?
    [ "$got" = "$code" ] || fail "'$*' gave $got, not $code: $(cat "$work/err")"
    grep -q -- "$text" "$work/err" || fail "'$*' does not say '$text': $(cat "$work/err")"
}
p="$work/p"
"$lethe" init "$p" >/dev/null
"$lethe" annotate -C "$p" status --json | grep -q '"annotations":0' || fail "status of an empty store"
entry() { sqlite3 "$p/released/catalogue.db" "INSERT INTO entry VALUES('$1','$2','$3','$4','$5','$6','$7','','','','','20250101','','','','','','',1,$8,64,80,1,'')"; }
entry P-A/1/2/3.dcm dicom P-A 2.25.1 2.25.2 2.25.3 MR 1
entry P-A/1/2/4.dcm dicom P-A 2.25.1 2.25.2 2.25.4 MR 2
entry P-B/slides/JNOHPOSX.svs slide P-B '' '' '' SM 0

cat >"$work/s.yaml" <<'YAML'
schema: demo
version: 1
labels:
  - {name: lesion, level: region, geometries: [box, polygon, mask, point], fields: [{name: grade, answer: ordinal, options: [{value: "1"}, {value: "2"}]}]}
  - {name: quality, level: image, answer: ordinal, options: [{value: poor}, {value: good}]}
  - {name: psa, level: patient, answer: number, minimum: 0, maximum: 100}
YAML
"$lethe" annotate -C "$p" schema install "$work/s.yaml" | grep -q 'demo version 1' || fail "schema install"
sed 's/box, polygon/bax, polygon/' "$work/s.yaml" >"$work/bad.yaml"
refused 2 "bad.yaml:4" "$lethe" annotate schema check "$work/bad.yaml"
sed '/name: psa/d' "$work/s.yaml" >"$work/s0.yaml"
refused 1 "version 1" "$lethe" annotate -C "$p" schema install "$work/s0.yaml"

printf 'image;quality;psa\r\n2.25.3;good;4.5\r\nJNOHPOSX;poor;\r\n' >"$work/wide.csv"
"$lethe" annotate -C "$p" import csv "$work/wide.csv" | grep -q 'imported 3' || fail "wide CSV"
printf 'image,quality\n2.25.3,good\n2.25.4,superb\n' >"$work/bad.csv"
refused 1 "bad.csv: line 3" "$lethe" annotate -C "$p" import csv "$work/bad.csv"
printf 'image,label,value\n2.25.77,quality,good\n' >"$work/unknown.csv"
refused 1 "2.25.77" "$lethe" annotate -C "$p" import csv "$work/unknown.csv"
printf 'image,label\n"2.25.3,quality\n' >"$work/quote.csv"
refused 1 "quote.csv:2" "$lethe" annotate -C "$p" import csv "$work/quote.csv"

cat >"$work/coco.json" <<'JSON'
{"categories":[{"id":7,"name":"Lesion?"}],
 "images":[{"id":1,"file_name":"data/P-A/1/2/3.dcm","width":80,"height":64},{"id":2,"file_name":"4.dcm"}],
 "annotations":[
  {"id":11,"image_id":1,"category_id":7,"bbox":[10,20,5,6],"segmentation":[]},
  {"id":12,"image_id":1,"category_id":7,"bbox":[1,1,4,4],"segmentation":[[1,1,5,1.5,3.25,5]],"attributes":{"grade":"2"}},
  {"id":13,"image_id":2,"category_id":7,"iscrowd":1,"segmentation":{"size":[64,80],"counts":[64,3,5053]}}]}
JSON
refused 1 "annotation 1 (id 11).*Lesion" "$lethe" annotate -C "$p" import coco "$work/coco.json"
"$lethe" annotate -C "$p" import coco "$work/coco.json" --map 'Lesion?=lesion' | grep -q 'imported 3' || fail "COCO import"
sed 's/5053/5052/' "$work/coco.json" >"$work/short.json"
refused 1 "annotation 3" "$lethe" annotate -C "$p" import coco "$work/short.json" --map 'Lesion?=lesion'
sed 's/"width":80/"width":81/' "$work/coco.json" >"$work/size.json"
refused 1 "image 1" "$lethe" annotate -C "$p" import coco "$work/size.json" --map 'Lesion?=lesion'
head -c 100 "$work/coco.json" >"$work/cut.json"
refused 1 "cut.json:" "$lethe" annotate -C "$p" import coco "$work/cut.json"
"$lethe" annotate -C "$p" status --json | grep -q '"annotations":6' || fail "a refused import left something behind"

"$lethe" snapshot -C "$p" create first | grep -q '6 annotations' || fail "snapshot"
refused 1 "" "$lethe" snapshot -C "$p" create first
"$lethe" export -C "$p" --snapshot first --format coco,png,csv -o "$work/a" >/dev/null
# Later labels do not change what was frozen.
"$lethe" annotate -C "$p" import csv "$work/wide.csv" >/dev/null
"$lethe" export -C "$p" --snapshot 1 --format coco,png,csv -o "$work/b" >/dev/null
diff -r "$work/a" "$work/b" || fail "an export is not byte-identical when repeated"
(cd "$work/a" && sha256sum --quiet -c SHA256SUMS) || fail "manifest"
[ "$(find "$work/a" -type f | wc -l)" = "$(($(wc -l <"$work/a/SHA256SUMS") + 1))" ] || fail "a file is not in the manifest"
refused 1 "not empty" "$lethe" export -C "$p" --snapshot 1 --format coco -o "$work/a"
refused 1 "no snapshot" "$lethe" export -C "$p" --snapshot 9 --format coco -o "$work/c"
refused 2 "not an export format" "$lethe" export -C "$p" --snapshot 1 --format cocoa -o "$work/c"

/usr/bin/python3 - "$work/a" <<'PY' || fail "an independent reader disagrees"
import csv, json, sys
import numpy as np
from PIL import Image
root = sys.argv[1]
coco = json.load(open(root + "/coco.json"))
assert [c["name"] for c in coco["categories"]] == ["lesion"], coco["categories"]
box, polygon, runs = coco["annotations"]
assert box["bbox"] == [10, 20, 5, 6] and box["segmentation"] == [] and box["area"] == 30
assert polygon["segmentation"] == [[1, 1, 5, 1.5, 3.25, 5]] and polygon["attributes"] == {"grade": "2"}
assert runs["segmentation"] == {"size": [64, 80], "counts": [64, 3, 5053]} and runs["bbox"] == [1, 0, 1, 3]
mask = np.array(Image.open(root + "/masks/P-A/1/2/3.png"))
assert mask.shape == (64, 80) and (mask[20:26, 10:15] == 1).all() and mask[19, 10] == 0 and mask[26, 10] == 0
mask = np.array(Image.open(root + "/masks/P-A/1/2/4.png"))
assert mask.sum() == 3 and (mask[0:3, 1] == 1).all()
rows = {r["image"]: r for r in csv.DictReader(open(root + "/labels_wide.csv"))}
assert rows["2.25.3"]["quality"] == "good" and rows["2.25.4"]["quality"] == "" and rows["2.25.4"]["psa"] == "4.5"
assert rows["P-B/slides/JNOHPOSX.svs"]["quality"] == "poor"
assert len(list(csv.DictReader(open(root + "/labels_long.csv")))) == 6
PY

# What was exported can be read back: the same geometry.
"$lethe" init "$work/q" >/dev/null
"$lethe" annotate -C "$work/q" status >/dev/null
p="$work/q"
entry P-A/1/2/3.dcm dicom P-A 2.25.1 2.25.2 2.25.3 MR 1
entry P-A/1/2/4.dcm dicom P-A 2.25.1 2.25.2 2.25.4 MR 2
entry P-B/slides/JNOHPOSX.svs slide P-B '' '' '' SM 0
"$lethe" annotate -C "$p" schema install "$work/s.yaml" >/dev/null
"$lethe" annotate -C "$p" import coco "$work/a/coco.json" | grep -q 'imported 3' || fail "reading back"
"$lethe" snapshot -C "$p" create first >/dev/null
"$lethe" export -C "$p" --snapshot first --format coco -o "$work/d" >/dev/null
/usr/bin/python3 - "$work" <<'PY' || fail "the round trip changed something"
import json, sys
a, d = (json.load(open(f"{sys.argv[1]}/{x}/coco.json"))["annotations"] for x in "ad")
for one in a + d:
    one.pop("annotation")
assert a == d, (a, d)
PY
p="$work/p"
# A withdrawn patient is absent from the next export of the same snapshot.
sqlite3 "$p/released/catalogue.db" "DELETE FROM entry WHERE patient = 'P-A'"
"$lethe" export -C "$p" --snapshot 1 --format coco,csv -o "$work/e" >/dev/null
! grep -rq 'P-A' "$work/e" || fail "a withdrawn patient is in an export"

# Tasks: two of three readers per case, balanced, a calibration case twice; a reader sees only his own.
for name in anne bert carl; do "$lethe" annotate -C "$p" user add $name >/dev/null; done
for i in $(seq 10 39); do entry P-$i/$i.dcm dicom P-$i 2.25.$i 2.25.1$i 2.25.2$i MG 1; done
"$lethe" annotate -C "$p" task create --readers anne,bert,carl --per-case 2 --query modality=MG --calibration 3 | grep -q '66 tasks' || fail "task create"
counts=$("$lethe" annotate -C "$p" task list --json | grep -c '"reader":"anne"')
[ "$counts" -ge 20 ] && [ "$counts" -le 24 ] || fail "tasks are not balanced: $counts of 66"
"$lethe" annotate -C "$p" --user anne task list --json >"$work/tasks"
! grep -q 'bert\|calibration' "$work/tasks" || fail "a reader sees others' tasks or their kinds"
refused 1 "only an organiser" "$lethe" annotate -C "$p" --user anne task create --readers anne
refused 2 "modality" "$lethe" annotate -C "$p" task create --readers anne --query modalty=MG
refused 1 "no user" "$lethe" annotate -C "$p" --user dora task list
first=$("$lethe" annotate -C "$p" task list --json | tail -1 | sed 's/.*"task":\([0-9]*\).*/\1/')
"$lethe" annotate -C "$p" task order "$first" --priority 9
"$lethe" annotate -C "$p" task list --json | head -1 | grep -q "\"task\":$first," || fail "a task of higher priority is not first"
refused 1 "only an organiser" "$lethe" annotate -C "$p" --user anne task order "$first" --priority 1
task=$(head -1 "$work/tasks" | sed 's/.*"task":\([0-9]*\).*/\1/')
"$lethe" annotate -C "$p" --user anne task submit "$task"
refused 1 "closed" "$lethe" annotate -C "$p" --user anne task start "$task"
"$lethe" annotate -C "$p" task return "$task" --note "please look again"
"$lethe" annotate -C "$p" --user anne task start "$task"
echo ok
