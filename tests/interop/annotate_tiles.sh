#!/bin/bash
# Tiles of a slide and their masks: pixels against OpenSlide's own program, masks against a point-in-polygon sum in Python, shards read by Python's tarfile
# and zipfile as a WebDataset loader would.
set -eu
lethe="$LETHE_BIN/lethe"
command -v openslide-write-png >/dev/null || { echo "skipped: openslide-tools is not installed"; exit 77; }
work=$(mktemp -d)
#Ttrap 'rm -rf "$work"' EXIT
fail() { echo "FAILED: $*" >&2; exit 1; }
p="$work/p"
"$lethe" init "$p" >/dev/null
"$LETHE_BIN/lethe-testdata" slides --size small -o "$work/in" --key "$work/answers.jsonl" >/dev/null
slide=$(find "$work/in" -name '*.svs' | sort | head -1)
size() { openslide-show-properties "$slide" | sed -n "s/^openslide.level\[0\].$1: '\(.*\)'/\1/p"; }
cat >"$work/s.yaml" <<'YAML'
schema: tissue
version: 1
labels:
  - {name: grade, level: image, answer: ordinal, options: [{value: "0"}, {value: "1"}, {value: "2"}, {value: "3"}]}
  - {name: tumour, level: region, geometries: [polygon, box, mask], colour: "#e6194b"}
  - {name: stroma, level: region, geometries: [polygon, box, mask], colour: "#3cb44b"}
YAML
"$lethe" annotate -C "$p" schema install "$work/s.yaml" >/dev/null
for n in 1 2 3 4; do
    mkdir -p "$p/released/P-$n/slides"
    cp "$slide" "$p/released/P-$n/slides/S$n.svs"
    sqlite3 "$p/released/catalogue.db" "INSERT INTO entry VALUES('P-$n/slides/S$n.svs','slide','P-$n','','','','SM','','','','','20250101','Maker','M','','','','',1,1,$(size height),$(size width),1,'')"
done
cat >"$work/r.geojson" <<'JSON'
{"type":"FeatureCollection","features":[
 {"type":"Feature","geometry":{"type":"Polygon","coordinates":[[[10,12],[300.5,40],[280,250.25],[60,200],[10,12]],[[100,80],[160,80],[160,120],[100,120],[100,80]]]},"properties":{"classification":{"name":"tumour"}}},
 {"type":"Feature","geometry":{"type":"Polygon","coordinates":[[[250,100],[420,110],[400,300],[250,100]]]},"properties":{"classification":{"name":"stroma"}}}]}
JSON
for n in 1 2 3 4; do
    cp "$work/r.geojson" "$work/S$n.geojson"
    "$lethe" annotate -C "$p" import geojson "$work/S$n.geojson" >/dev/null
done
printf 'image,label,value\nS1.svs,grade,2\n' >"$work/g.csv"
"$lethe" annotate -C "$p" import csv "$work/g.csv" >/dev/null
"$lethe" snapshot -C "$p" create s >/dev/null
cut_tiles() { "$lethe" export -C "$p" --snapshot s --format tiles -o "$work/$1" "${@:2}" >/dev/null; }
cut_tiles l0 --tile-size 128 --tile-type png
cut_tiles again --tile-size 128 --tile-type png
diff -r "$work/l0" "$work/again" || fail "not byte-identical"
cut_tiles l1 --tile-size 64 --tile-level 1 --tile-type png --tile-all
cut_tiles jpeg --tile-size 128
cut_tiles mpp --tile-size 64 --tile-mpp 0.8 --tile-type png
! cut_tiles fine --tile-mpp 0.05 2>"$work/err" || fail "finer than the slide"
grep -q 'coarser' "$work/err" || fail "no reason: $(cat "$work/err")"
/usr/bin/python3 - "$work" "$slide" <<'PY' || fail "tiles"
import csv, io, json, os, subprocess, sys
import numpy as np
from PIL import Image
work, slide = sys.argv[1:]
props = dict(l.strip().split(": ", 1) for l in subprocess.run(["openslide-show-properties", slide], capture_output=True, text=True).stdout.splitlines() if ": " in l)
width, height = (int(props[f"openslide.level[0].{k}"].strip("'")) for k in ("width", "height"))
base = float(props["openslide.mpp-x"].strip("'"))
def openslide(x, y, level, side):
    out = work + "/os.png"
    subprocess.run(["openslide-write-png", slide, str(x), str(y), str(level), str(side), str(side), out], check=True)
    rgba = np.asarray(Image.open(out).convert("RGBA")).astype(int)
    alpha = rgba[..., 3:] / 255.0
    return np.rint(rgba[..., :3] * alpha + 255 * (1 - alpha)).astype(int)
outline = [[(10, 12), (300.5, 40), (280, 250.25), (60, 200)], [(100, 80), (160, 80), (160, 120), (100, 120)]]
triangle = [[(250, 100), (420, 110), (400, 300)]]
def inside(rings, px, py):
    odd = np.zeros(px.shape, bool)
    for ring in rings:
        for (x1, y1), (x2, y2) in zip(ring, ring[1:] + ring[:1]):
            cross = (y1 > py) != (y2 > py)
            with np.errstate(divide="ignore", invalid="ignore"):
                odd ^= cross & (px < (x2 - x1) * (py - y1) / (y2 - y1) + x1)
    return odd
def mask_of(x, y, side, down):
    j, i = np.meshgrid(np.arange(side) + 0.5, np.arange(side) + 0.5)
    px, py = x + j * down, y + i * down
    m = np.zeros((side, side), int)
    m[inside(outline, px, py)] = 1
    m[inside(triangle, px, py)] = 2
    return m
def check(folder, side, level, exact):
    rows = list(csv.DictReader(open(f"{work}/{folder}/tiles/tiles.csv")))
    assert rows, folder
    for r in rows:
        if "S1" not in r["slide"]: continue
        x, y, down = int(r["x_l0"]), int(r["y_l0"]), float(r["downsample"])
        got = np.asarray(Image.open(f"{work}/{folder}/{r['tile']}")).astype(int)
        mask = np.asarray(Image.open(f"{work}/{folder}/{r['tile'].replace('/images/', '/masks/').rsplit('.', 1)[0]}.png")).astype(int)
        assert got.shape == (side, side, 3) and mask.shape == (side, side)
        want = mask_of(x, y, side, down)
        assert (mask == want).all(), (folder, r["tile"], (mask != want).sum(), np.argwhere(mask != want)[:9].tolist())
        assert int(r["tumour"]) == (mask == 1).sum() and int(r["stroma"]) == (mask == 2).sum()
        if level is None: continue
        w, h = min(side, int((width - x) / down)), min(side, int((height - y) / down))
        away = np.abs(got - openslide(x, y, level, side))[:h, :w]
        assert away.mean() < (0.5 if exact else 8), (folder, r["tile"], away.mean(), away.max())
        if exact: assert (away > 2).mean() < 0.01, (folder, r["tile"], (away > 2).mean())
    return [r for r in rows if "S1" in r["slide"]]
l0 = check("l0", 128, 0, True)
assert {(r["x_l0"], r["y_l0"]) for r in l0} <= {(str(x), str(y)) for x in range(0, width, 128) for y in range(0, height, 128)}
touched = {(x, y) for x in range(0, width, 128) for y in range(0, height, 128) if (x < 300.5 and y < 250.25) or (x + 128 > 250 and x < 420 and y + 128 > 100 and y < 300)}
assert {(int(r["x_l0"]), int(r["y_l0"])) for r in l0} == touched, "which tiles are taken"
down1 = float(props["openslide.level[1].downsample"].strip("'"))
l1 = check("l1", 64, 1, True)
assert len(l1) == -(-int(props["openslide.level[1].width"].strip("'")) // 64) * -(-int(props["openslide.level[1].height"].strip("'")) // 64), len(l1)
check("jpeg", 128, 0, False)
mpp = check("mpp", 64, None, False)
assert all(abs(float(r["mpp_um"]) - 0.8) < 0.02 and abs(float(r["downsample"]) - 0.8 / base) < 0.06 for r in mpp), mpp[0]
PY

# Shards: each sample's files under one name without dots; test labels are hidden, test tiles are all of the slide.
publish() {
    "$lethe" export -C "$p" --snapshot s --format tiles --tile-size 128 --split 50,25,25 --shards "$2" --shard-size 0.2 --with-images --preview 3 \
        --hide-test "$work/$1.sealed" --key "$work/key" -o "$work/$1" >/dev/null
}
publish tar tar; publish tar2 tar; publish zip zip
diff -r "$work/tar" "$work/tar2" || fail "shards are not byte-identical"
(cd "$work/tar" && sha256sum --quiet -c SHA256SUMS) || fail "manifest of shards"
"$lethe" annotate unseal "$work/tar.sealed" --key "$work/key" -o "$work/open"
/usr/bin/python3 - "$work" <<'PY' || fail "shards"
import collections, csv, glob, io, json, re, sys, tarfile, zipfile
from PIL import Image
work = sys.argv[1]
splits = {r["path"]: r["split"] for r in csv.DictReader(open(f"{work}/tar/splits.csv"))}
def samples(names): # as a WebDataset loader groups them: up to the first dot, neighbours only
    keys = []
    for n in names:
        key = n.split(".", 1)[0]
        if not keys or keys[-1] != key: keys.append(key)
    assert len(keys) == len(set(keys)), "a sample is torn apart"
    return keys
seen, files = collections.defaultdict(set), 0
for kind in ("tar", "zip"):
    for path in sorted(glob.glob(f"{work}/{kind}/shards/*")):
        name = re.fullmatch(rf".*/(train|validation|test)-\d{{6}}\.{kind}", path)
        assert name, path
        if kind == "tar":
            archive = tarfile.open(path)
            members = archive.getmembers()
            assert all(m.mtime == 0 and m.uid == 0 and m.gid == 0 and m.mode == 0o644 for m in members)
            names, read = [m.name for m in members], lambda n: archive.extractfile(n).read()
        else:
            archive = zipfile.ZipFile(path); assert archive.testzip() is None
            names, read = archive.namelist(), archive.read
        files += 1
        for key in samples(names):
            mine = [n for n in names if n.split(".", 1)[0] == key]
            if f"{key}.json" in mine:
                said = json.loads(read(f"{key}.json"))
                assert splits[said["path"]] == name[1] and f"{key}.svs" in mine
                assert ("regions" in said) == (name[1] != "test"), "hidden labels"
                if "regions" in said: assert len(said["regions"]) == 2 and said["regions"][0]["label"] in ("tumour", "stroma")
                if said["path"].endswith("S1.svs") and "regions" in said: assert said["classifications"][0]["value"] == "2"
            else:
                Image.open(io.BytesIO(read(f"{key}.jpg"))).load()
                assert (f"{key}.mask.png" in mine) == (name[1] != "test"), mine
            seen[kind, name[1]].add(key)
for split in ("train", "validation", "test"): assert seen["tar", split] == seen["zip", split]
assert files >= 6 and not glob.glob(f"{work}/tar/*/images") and not glob.glob(f"{work}/tar/test/tiles/masks")
table = list(csv.reader(open(f"{work}/tar/test/tiles/tiles.csv")))
assert "tumour" not in table[0], "counts of hidden masks are told"
hidden = [r for r in csv.DictReader(open(f"{work}/open/tiles/tiles.csv"))]
assert len(hidden) == len(table) - 1 and any(int(r["tumour"]) > 0 for r in hidden) and glob.glob(f"{work}/open/tiles/masks/**/*.png", recursive=True)
shown = sorted(glob.glob(f"{work}/tar/preview/*.png"))
assert len(shown) == 3 and max(Image.open(shown[0]).size) <= 512
page = open(f"{work}/tar/preview/index.html").read()
test = [p for p, s in splits.items() if s == "test"]
assert test and not any(t in page for t in test), "a hidden image is shown"
PY
# The same slide under several patients is found.
! "$lethe" export -C "$p" --snapshot s --format csv --split 50,25,25 --check-duplicates -o "$work/leak" 2>"$work/err" || fail "a slide in two splits"
grep -q 'look the same' "$work/err" || fail "the leak is not named"
echo ok
