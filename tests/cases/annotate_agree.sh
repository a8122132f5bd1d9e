#!/bin/bash
# Agreement, disagreements and consensus on labels whose numbers are worked out by hand; clinical tables under the project's pseudonyms.
set -eu
lethe="$LETHE_BIN/lethe"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "FAILED: $*" >&2; exit 1; }
p="$work/p"
"$lethe" init "$p" >/dev/null
org() { "$lethe" annotate -C "$p" "$@"; }
org status >/dev/null
for i in 1 2 3 4 5 6; do
    sqlite3 "$p/released/catalogue.db" "INSERT INTO entry VALUES('P-$i/$i.dcm','dicom','P-$i','2.25.$i','2.25.1$i','2.25.2$i','MG','','','','','','','','','','','',1,1,40,50,1,'')"
done
cat >"$work/s.yaml" <<'YAML'
schema: demo
version: 1
labels:
  - {name: mass, level: region, geometries: [box, mask]}
  - {name: birads, level: image, answer: ordinal, options: [{value: "1"}, {value: "2"}, {value: "3"}]}
  - {name: size, level: image, answer: number, minimum: 0}
YAML
org schema install "$work/s.yaml" >/dev/null
for name in anne bert carl; do org user add $name; done
org user add judge --role adjudicator
says() { # READER: birads of images 1 to 6, then size
    printf 'image,birads,size\n' >"$work/in.csv"
    local i=1 reader=$1
    shift
    for pair in "$@"; do printf '2.25.2%d,%s,%s\n' $i "${pair%/*}" "${pair#*/}" >>"$work/in.csv"; i=$((i + 1)); done
    org import csv "$work/in.csv" --as "$reader" >/dev/null
}
# anne against bert is the vector of the unit tests for images 1 to 4 (0 1 2 2 and 0 2 2 1): quadratic kappa 1 - 4/11.
says anne 1/10 2/12 3/14 3/20
says bert 1/10 3/12 3/14 2/20
says carl 1/11 3/13 3/15 2/21
boxes() { # READER X
    printf '{"categories":[{"id":1,"name":"mass"}],"images":[{"id":1,"file_name":"1.dcm"}],"annotations":[{"id":1,"image_id":1,"category_id":1,"bbox":[%d,10,8,8],"segmentation":[]}]}' "$2" >"$work/b.json"
    org import coco "$work/b.json" --as "$1" >/dev/null
}
boxes anne 10; boxes bert 14; boxes carl 10
org agree --json --report "$work/report.html" >"$work/agree.json"
/usr/bin/python3 - "$work" <<'PY' || fail "agreement"
import json, math, sys
rows = json.load(open(sys.argv[1] + "/agree.json"))["agreement"]
def get(label, measure, a="", b=""):
    (row,) = [r for r in rows if (r["label"], r["measure"], r["reader_a"], r["reader_b"]) == (label, measure, a, b)]
    return row
def near(x, y): assert abs(x - y) < 1e-9, (x, y)
near(get("birads", "quadratic kappa", "anne", "bert")["value"], 1 - 4 / 11)
near(get("birads", "quadratic kappa", "bert", "carl")["value"], 1)
near(get("birads", "agreement", "anne", "carl")["value"], 0.5)
# Fleiss: items 1 and 3 agree (1), 2 and 4 have 2 of 3 (1/3): P = 2/3; shares 1/4, 1/4, 1/2: Pe = 3/8.
near(get("birads", "Fleiss' kappa")["value"], (2 / 3 - 3 / 8) / (5 / 8))
row = get("birads", "quadratic kappa", "anne", "bert")
assert row["n"] == 4 and row["low"] <= row["value"] <= row["high"]
assert get("size", "ICC(2,1)")["value"] > 0.9
for row in rows: assert "low" in row and row["low"] <= row["high"] or row["n"] < 2 or row["measure"] == "kappa", row
# Boxes of 8 x 8 moved by 4: 32 of 96 pixels.
near(get("mass", "Dice", "anne", "bert")["value"], 0.5)
near(get("mass", "IoU", "anne", "bert")["value"], 1 / 3)
near(get("mass", "Dice", "anne", "carl")["value"], 1)
near(get("mass", "detection F1", "anne", "carl")["value"], 1)
near(get("mass", "detection F1", "anne", "bert")["value"], 0)
html = open(sys.argv[1] + "/report.html").read()
assert html.count("<svg") == len(rows) and "2.25.22" in html
PY
org adjudicate list >"$work/queue"
grep -q 'birads.*2.25.22.*anne=2, bert=3, carl=3' "$work/queue" || fail "the queue: $(cat "$work/queue")"
! grep -q 'birads.*2.25.21 ' "$work/queue" || fail "readers agree on the first image"
! org --user anne agree >/dev/null 2>&1 || fail "a reader sees how others read"
# Majority: 1 3 3 2, and the box of two of three. Unanimity and the judge: the judge decides image 2, image 4 stays open.
org adjudicate consensus --rule majority --as majority | grep -q '^9 labels' || fail "majority"
[ "$(org show --author majority --label birads | sed 's/.*"value":"\([0-9]\)".*/\1/' | tr -d '\n')" = 1332 ] || fail "majority values"
org show --author majority --label mass | grep -q '"bounds":\[10,10,18,18\]' || fail "majority box: $(org show --author majority --label mass)"
printf 'image,birads\n2.25.22,2\n' >"$work/j.csv"
org --user judge import csv "$work/j.csv" >/dev/null
org adjudicate consensus --rule adjudicator --as judged >"$work/out"
[ "$(org show --author judged --label birads | sed 's/.*"value":"\([0-9]\)".*/\1/' | tr -d '\n')" = 123 ] || fail "judged values: $(cat "$work/out")"
org adjudicate consensus --rule staple --as staple >/dev/null
org show --author staple --label mass | grep -q '"bounds":\[10,10,18,18\]' || fail "STAPLE: $(org show --author staple --label mass)"
! org adjudicate consensus --rule majority --as majority >/dev/null 2>&1 || fail "a second consensus under one name"
[ "$(org show --author anne | wc -l)" = 9 ] || fail "a reader's own labels are gone"

# Rekeying: the same pseudonym for the same patient, the interval between dates kept, nothing of the original left.
printf 'PatientID;Name;Seen;Biopsy;PSA\n4711;"Durand; Anne";2024-02-27;20240301;4,5\n4711;Durand;01/03/2024;;5\n0815;Petit;2023-12-31;20240101;1\n' >"$work/clinical.csv"
org rekey "$work/clinical.csv" --column PatientID -o "$work/out.csv" --dates Seen,Biopsy --drop Name >/dev/null
/usr/bin/python3 - "$work/out.csv" <<'PY' || fail "rekey: $(cat "$work/out.csv")"
import csv, datetime, sys
rows = list(csv.DictReader(open(sys.argv[1])))
assert [list(r) for r in rows] == [["PatientID", "Seen", "Biopsy", "PSA"]] * 3
assert rows[0]["PatientID"] == rows[1]["PatientID"] != rows[2]["PatientID"] and rows[0]["PatientID"].startswith("P-") and rows[0]["PSA"] == "4,5"
a = datetime.date.fromisoformat(rows[0]["Seen"]); b = datetime.datetime.strptime(rows[0]["Biopsy"], "%Y%m%d").date(); c = datetime.datetime.strptime(rows[1]["Seen"], "%d/%m/%Y").date()
assert (b - a).days == 3 and b == c and 365 <= (datetime.date(2024, 2, 27) - a).days <= 3652, rows
assert (datetime.datetime.strptime(rows[2]["Biopsy"], "%Y%m%d").date() - datetime.date.fromisoformat(rows[2]["Seen"])).days == 1
PY
! grep -q '4711\|Durand\|2024-02-27' "$work/out.csv" || fail "an original value is left"
! org rekey "$work/clinical.csv" --column PatientID -o "$work/x.csv" --dates Seem 2>/dev/null || fail "a misspelt date column"
! org rekey "$work/clinical.csv" --column PatientID -o "$work/x.csv" --dates PSA 2>"$work/err" || fail "a column that is no date"
[ ! -e "$work/x.csv" ] && ! grep -q '4,5' "$work/err" || fail "a refused table was written, or its value was told"
echo ok
