#!/bin/bash
# A data set for others: splits by patient, sealed test labels, metadata that other programs read, byte-identical when repeated.
set -eu
lethe="$LETHE_BIN/lethe"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "FAILED: $*" >&2; exit 1; }
p="$work/p"
"$lethe" init "$p" >/dev/null
"$lethe" annotate -C "$p" status >/dev/null
{
    for i in $(seq 100 139); do
        for k in 1 2; do
            mkdir -p "$p/released/P-$i"
            echo "picture $i $k" >"$p/released/P-$i/$k.dcm"
            echo "INSERT INTO entry VALUES('P-$i/$k.dcm','dicom','P-$i','2.25.$i','2.25.1$i','2.25.2$i$k','MG','','','','','20250101','Maker $((i % 2))','','F','0$((i - 60))Y','','',1,$k,64,80,1,'');"
        done
    done
} | sqlite3 "$p/released/catalogue.db"
cat >"$work/s.yaml" <<'YAML'
schema: demo
version: 1
labels:
  - {name: cancer, level: patient, answer: single, options: [{value: "no"}, {value: "yes"}]}
  - {name: mass, level: region, geometries: [box]}
YAML
"$lethe" annotate -C "$p" schema install "$work/s.yaml" >/dev/null
{
    echo "patient,label,value"
    for i in $(seq 100 139); do echo "P-$i,cancer,$([ $((i % 4)) = 0 ] && echo yes || echo no)"; done
} >"$work/c.csv"
"$lethe" annotate -C "$p" import csv "$work/c.csv" >/dev/null
"$lethe" snapshot -C "$p" create s >/dev/null
export_to() { # FOLDER [OPTIONS]
    local out=$1
    shift
    "$lethe" export -C "$p" --snapshot s --format csv,coco --split 60,20,20 --stratify cancer --title "Demo set" --licence CC-BY-4.0 --url https://example.org/set --creator "Invented Hospital" --contact data@example.org --access-body "Invented Body" --health-category "Medical images" --spatial http://publications.europa.eu/resource/authority/country/FRA -o "$out" "$@" >/dev/null
}
export_to "$work/a" --with-images --hide-test "$work/a.sealed" --key "$work/key"
export_to "$work/b" --with-images --hide-test "$work/b.sealed" --key "$work/key"
diff -r "$work/a" "$work/b" && cmp "$work/a.sealed" "$work/b.sealed" || fail "not byte-identical"
(cd "$work/a" && sha256sum --quiet -c SHA256SUMS) || fail "manifest"
[ "$(find "$work/a" -type f | wc -l)" = "$(($(wc -l <"$work/a/SHA256SUMS") + 1))" ] || fail "a file is not in the manifest"
/usr/bin/python3 - "$work/a" <<'PY' || fail "the package"
import csv, json, os, sys
root = sys.argv[1]
rows = list(csv.DictReader(open(root + "/splits.csv")))
patients = {}
for r in rows: patients.setdefault(r["split"], set()).add(r["patient"])
assert {k: len(v) for k, v in patients.items()} == {"train": 24, "validation": 8, "test": 8}, {k: len(v) for k, v in patients.items()}
assert not patients["train"] & patients["validation"] and not patients["train"] & patients["test"] and not patients["validation"] & patients["test"]
sick = lambda who: sum(int(x[2:]) % 4 == 0 for x in who)
assert [sick(patients[k]) for k in ("train", "validation", "test")] == [6, 2, 2], [sick(patients[k]) for k in patients]
assert len(rows) == 80 and all(os.path.exists(f"{root}/{r['split']}/images/{r['path']}") for r in rows)
assert not os.path.exists(root + "/test/coco.json") and not os.path.exists(root + "/test/labels_wide.csv"), "test labels are in the open"
train = {r["patient"] for r in csv.DictReader(open(root + "/train/labels_wide.csv"))}
assert train == patients["train"]
long = {r["patient"] for r in csv.DictReader(open(root + "/train/labels_long.csv"))}
assert long == patients["train"], "labels of other splits leak"
croissant = json.load(open(root + "/croissant.json"))
# Croissant 1.1: required properties of the data set, of files and of fields; identifiers once each; references resolve.
assert croissant["conformsTo"] == "http://mlcommons.org/croissant/1.1" and croissant["license"] == "https://spdx.org/licenses/CC-BY-4.0.html"
assert croissant["@type"] == "sc:Dataset" and croissant["@context"]["sc"] == "http://schema.org/" and croissant["@context"]["cr"] == "http://mlcommons.org/croissant/"
for key in ("name", "description", "license", "url", "creator", "datePublished", "distribution"): assert croissant[key], key
assert croissant["creator"] == {"@type": "sc:Organization", "name": "Invented Hospital"} and croissant["url"] == "https://example.org/set"
ids = [f["@id"] for f in croissant["distribution"]] + [r["@id"] for r in croissant["recordSet"]] + [f["@id"] for r in croissant["recordSet"] for f in r["field"]]
assert len(ids) == len(set(ids)), "an identifier stands twice"
used = lambda o: {k for k in o if not k.startswith("@") and ":" not in k} | {k for v in o.values() for x in (v if isinstance(v, list) else [v]) if isinstance(x, dict) for k in used(x)}
schema_org = {"name", "description", "license", "url", "creator", "datePublished", "version", "distribution", "contentUrl", "contentSize", "encodingFormat", "sha256"}
assert used({k: v for k, v in croissant.items() if k != "@context"}) <= schema_org | set(croissant["@context"]), "a term that the context does not know"
import hashlib
for f in croissant["distribution"]:
    assert f["@type"] == "cr:FileObject" and f["encodingFormat"] and f["name"]
    assert hashlib.sha256(open(f"{root}/{f['contentUrl']}", "rb").read()).hexdigest() == f["sha256"]
for r in croissant["recordSet"]:
    header = None
    for f in r["field"]:
        assert f["@type"] == "cr:Field" and f["dataType"] and f["@id"].startswith(r["@id"] + "/")
        file = f["source"]["fileObject"]["@id"]; assert file in ids
        header = header or next(csv.reader(open(f"{root}/{file}")))
        assert f["source"]["extract"]["column"] in header
for f in croissant["distribution"]:
    assert os.path.getsize(f"{root}/{f['contentUrl']}") == int(f["contentSize"].split()[0])
assert croissant["recordSet"][0]["field"]
dcat = json.load(open(root + "/healthdcat.jsonld"))
number = lambda key: int(dcat["healthdcatap:" + key]["@value"])
assert number("numberOfUniqueIndividuals") == 40 and number("minTypicalAge") == 40 and number("numberOfRecords") == 80
for key in ("@id", "dct:identifier", "dct:title", "dct:description", "dct:publisher", "dcat:contactPoint", "dct:accessRights", "dct:type", "dct:provenance", "dcat:theme",
            "dcat:keyword", "dcatap:applicableLegislation", "healthdcatap:hdab", "healthdcatap:healthCategory"): assert dcat[key], key
assert all(k.startswith("@") or k.split(":")[0] in dcat["@context"] for k in dcat), "a prefix that the context does not know"
assert dcat["dct:spatial"] == {"@id": "http://publications.europa.eu/resource/authority/country/FRA"}
# Figures: sound SVG, linked from the card, and drawn to scale: 24 patients of train, half of the 40 from each maker; the 8 hidden labels are not counted.
import re, xml.etree.ElementTree as tree
card = open(root + "/CARD.md").read()
drawn = {}
for name in re.findall(r"!\[[^]]*\]\((figures/[a-z]+\.svg)\)", card):
    svg = tree.parse(f"{root}/{name}").getroot(); assert svg.tag == "{http://www.w3.org/2000/svg}svg"
    texts = [t.text for t in svg.iter("{http://www.w3.org/2000/svg}text")][1:]
    widths = [float(r.get("width")) for r in svg.iter("{http://www.w3.org/2000/svg}rect")if r.get("x")]
    drawn[name] = {n: (int(v), w) for n, v, w in zip(texts[::2], texts[1::2], widths)}
assert set(drawn) == {"figures/labels.svg", "figures/splits.svg", "figures/sites.svg"}, drawn
splits = drawn["figures/splits.svg"]
assert {k: v[0] for k, v in splits.items()} == {"train: patients": 24, "train: images": 48, "validation: patients": 8, "validation: images": 16, "test: patients": 8, "test: images": 16}
assert abs(splits["train: patients"][1] * 2 - splits["train: images"][1]) < 0.2, splits
assert {k: v[0] for k, v in drawn["figures/sites.svg"].items()} == {"Maker 0": 20, "Maker 1": 20}
assert {k: v[0] for k, v in drawn["figures/labels.svg"].items()} == {"cancer: no": 24, "cancer: yes": 8, "mass": 0}, drawn["figures/labels.svg"]
assert "| cancer | patient | 32 |" in card and "| classifications | 32 |" in card, "hidden labels are counted"
assert "Demo set" in open(root + "/README.md").read() and "40" in open(root + "/CARD.md").read()
PY
! grep -a -q 'cancer\|P-1' "$work/a.sealed" || fail "the sealed labels can be read"
[ "$(stat -c %a "$work/a.sealed")" = 600 ] || fail "mode of the sealed file"
"$lethe" annotate unseal "$work/a.sealed" --key "$work/key" -o "$work/open"
[ "$(wc -l <"$work/open/labels_wide.csv")" = 17 ] && (cd "$work/open" && sha256sum --quiet -c SHA256SUMS) || fail "unsealed labels"
head -c 32 /dev/urandom >"$work/other"; chmod 600 "$work/other"
! "$lethe" annotate unseal "$work/a.sealed" --key "$work/other" -o "$work/no" 2>/dev/null || fail "another key opens it"
cp "$work/a.sealed" "$work/changed"; chmod 600 "$work/changed"; printf 'x' | dd of="$work/changed" bs=1 seek=600 conv=notrunc status=none
! "$lethe" annotate unseal "$work/changed" --key "$work/key" -o "$work/no" 2>/dev/null || fail "a changed file opens"
[ ! -e "$work/no" ] || fail "something of a refused package was written"
[ ! -e "$work/a.sealed.labels" ] || fail "the open labels are left behind"

# What happens after the snapshot changes nothing: other users, other labels, other tasks.
"$lethe" annotate -C "$p" user add anne
"$lethe" annotate -C "$p" user add aaron --role organiser
"$lethe" annotate -C "$p" task create --readers anne --batch late >/dev/null
printf 'patient,label,value\nP-100,cancer,no\n' >"$work/late.csv"
"$lethe" annotate -C "$p" import csv "$work/late.csv" --as anne >/dev/null
export_to "$work/late" --with-images --hide-test "$work/late.sealed" --key "$work/key"
diff -r "$work/a" "$work/late" && cmp "$work/a.sealed" "$work/late.sealed" || fail "an old snapshot changes with new labels and users"

# A patient who was withdrawn is absent from an old snapshot; the package tells how much is missing, not who.
sqlite3 "$p/released/catalogue.db" "DELETE FROM entry WHERE patient = 'P-117'"
rm -r "$p/released/P-117"
export_to "$work/w" --with-images
! grep -r -a -q 'P-117\|2\.25\.117\|2\.25\.1117' "$work/w" || fail "the withdrawn patient is in $(grep -r -a -l 'P-117' "$work/w")"
grep -q '^1 annotations of the snapshot are left out' "$work/w/README.md" || fail "the withdrawal is not told"
[ "$(wc -l <"$work/w/splits.csv")" = 79 ] || fail "images of the withdrawn patient"

# One picture in two splits is found.
q="$work/q"
"$lethe" init "$q" >/dev/null
"$lethe" annotate -C "$q" status >/dev/null
/usr/bin/python3 "$LETHE_SOURCE/tests/support/annotate_series.py" "$q"
for n in 1 2 3; do
    mkdir -p "$q/released/P-X$n"
    cp "$q/released/P-A/2.25.100/2.25.200/2.25.301.dcm" "$q/released/P-X$n/copy.dcm"
    sqlite3 "$q/released/catalogue.db" "INSERT INTO entry VALUES('P-X$n/copy.dcm','dicom','P-X$n','2.25.50$n','2.25.51$n','2.25.52$n','MR','','','','','20250101','','','','','','',1,1,48,64,1,'')"
done
"$lethe" snapshot -C "$q" create s >/dev/null
! "$lethe" export -C "$q" --snapshot s --format csv --split 50,25,25 --check-duplicates -o "$work/leak" 2>"$work/err" || fail "a leak was published"
grep -q 'look the same' "$work/err" || fail "the leak is not named: $(cat "$work/err")"
echo ok
