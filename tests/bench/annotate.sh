#!/bin/bash
# The annotation store and exports at size. Arguments: annotations (1,000,000), objects on one slide (150,000), images to export (10,000), their size in KiB (64).
# 1. N annotations on N/40 images, put in by SQL with their R-tree; then a case is read through the program. A process starts and opens the store each
#    time; that time is measured too, on an empty store.
# 2. Objects on one slide, imported by the program; a window of 2,000 x 2,000 pixels is read; SQLite and, where there is a server, PostgreSQL.
# 3. Export of images with their labels against `cp -r` and a Python one-liner that copies and hashes the same files.
set -eu
lethe="$LETHE_BIN/lethe"
count=${1:-${ANNOTATIONS:-1000000}} objects=${2:-150000} images=${3:-10000} kib=${4:-64}
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || "$LETHE_SOURCE/tests/support/postgres.sh" stop "$work/pg"; rm -rf "$work"' EXIT
chmod 711 "$work"
ms() { # median of 9 runs
    for _ in 1 2 3 4 5 6 7 8 9; do
        local start end
        start=$(date +%s%N)
        "$@" >/dev/null
        end=$(date +%s%N)
        echo $(((end - start) / 10000))
    done | sort -n | sed -n 5p | awk '{printf "%.2f ms\n", $1 / 100}'
}
seconds() { # of one run, elapsed and of processors
    local TIMEFORMAT='%R %U %S'
    { time "$@" >/dev/null; } 2>&1 | awk '{printf "%.2f s elapsed, %.2f s of processors\n", $1, $2 + $3}'
}
row() { printf '%-64s %s\n' "$1" "$2"; }
echo "load average: $(cut -d' ' -f1-3 /proc/loadavg)"

"$lethe" init "$work/empty" >/dev/null
"$lethe" annotate -C "$work/empty" status >/dev/null
if [ "$count" -gt 0 ]; then
    "$lethe" init "$work/p" >/dev/null
    "$lethe" annotate -C "$work/p" status >/dev/null
    store="$work/p/released/catalogue.db"
    sqlite3 "$store" >/dev/null <<SQL
PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-400000;
BEGIN;
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $count / 40)
INSERT INTO entry SELECT 'P-' || (i / 40) || '/' || i || '.dcm', 'dicom', 'P-' || (i / 40), '2.25.1' || (i / 20), '2.25.2' || (i / 10), '2.25.3' || i, 'MR', '', '', '', '', '20250101', '', '', '', '', '', '', 1, i, 512, 512, 1, '' FROM n;
INSERT INTO target (no, patient, study_uid, series_uid, image) SELECT rowid, patient, study_uid, series_uid, instance_uid FROM entry;
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $count)
INSERT INTO annotation (id, target, author, task, head, deleted, shared, origin, x0, y0, x1, y1) SELECT i + 1, i / 40 + 1, 'local', 0, i + 1, 0, 0, 0, 10, 20, 30, 40 FROM n;
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $count)
INSERT INTO annotation_rtree (id, n0, n1, x0, x1, y0, y1) SELECT i + 1, i / 40 + 1, i / 40 + 1, 10, 30, 20, 40 FROM n;
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $count)
INSERT INTO annotation_revision (id, annotation, previous, action, undoes, author, at_us, level, label, value, form, tool, source, spent_ms, deleted, shape)
SELECT i + 1, i + 1, 0, 0, 0, 'local', 0, 0, 'lesion', '', '', 'box', '', 0, 0, x'4c530104000002000000000000244000000000000034400000000000003e400000000000004440' FROM n;
COMMIT;
SQL
    sqlite3 "$store" "PRAGMA journal_mode=WAL;" >/dev/null
    middle=$((count / 80))
    row "start and open an empty store" "$(ms "$lethe" annotate -C "$work/empty" show 1)"
    row "one image (40 annotations) of $count" "$(ms "$lethe" annotate -C "$work/p" show --image "2.25.3$middle")"
    row "one study (800 annotations) of $count" "$(ms "$lethe" annotate -C "$work/p" show --study "2.25.1$((middle / 20))")"
    row "one annotation's history" "$(ms "$lethe" annotate -C "$work/p" show "$middle" --history)"
    printf 'image,label,value\n2.25.3%s,quality,1\n' "$middle" >"$work/one.csv"
    row "import of one more label (reads the catalogue of $((count / 40)) images)" "$(ms "$lethe" annotate -C "$work/p" import csv "$work/one.csv")"
    row "size of the store" "$(du -h "$store" | cut -f1)"
    rm -rf "$work/p"
fi

if [ "$objects" -gt 0 ]; then
    /usr/bin/python3 - "$objects" "$work/S.geojson" <<'PY'
import json, math, random, sys
random.seed(1)
out = open(sys.argv[2], "w"); out.write('{"type":"FeatureCollection","features":[')
for i in range(int(sys.argv[1])):
    x, y = random.uniform(0, 99000), random.uniform(0, 79000)
    ring = [[round(x + 12 * math.cos(k / 10 * 6.2832), 2), round(y + 9 * math.sin(k / 10 * 6.2832), 2)] for k in range(20)]
    out.write(("," if i else "") + json.dumps({"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [ring + ring[:1]]}, "properties": {"classification": {"name": "cell"}}}))
out.write("]}")
PY
    slide() { # NAME FOLDER
        row "$1: import of $objects objects on one slide" "$(seconds "$lethe" annotate -C "$2" import geojson "$work/S.geojson")"
        row "$1: those in a window of 2,000 x 2,000 pixels" "$(ms "$lethe" annotate -C "$2" show --image P-1/S.svs --within 40000,30000,42000,32000)"
        row "$1: all of them" "$(seconds "$lethe" annotate -C "$2" show --image P-1/S.svs)"
    }
    entry="INSERT INTO entry VALUES('P-1/S.svs','slide','P-1','','','','SM','','','','','','','','','','','',1,1,80000,100000,1,'')"
    sqlite3 "$work/empty/released/catalogue.db" "$entry"
    slide SQLite "$work/empty"
    if server=$("$LETHE_SOURCE/tests/support/postgres.sh" start "$work/pg"); then
        "$lethe" init "$work/q" --store "$server" >/dev/null
        "$lethe" annotate -C "$work/q" status >/dev/null
        psql -X -q "$server" -c "SET search_path = lethe_released; $entry"
        slide PostgreSQL "$work/q"
        psql -X -q "$server" -c "ANALYZE"
        row "PostgreSQL: the window after ANALYZE" "$(ms "$lethe" annotate -C "$work/q" show --image P-1/S.svs --within 40000,30000,42000,32000)"
    else
        server=
    fi
fi

if [ "$images" -gt 0 ]; then
    "$lethe" init "$work/r" >/dev/null
    "$lethe" annotate -C "$work/r" status >/dev/null
    /usr/bin/python3 - "$images" "$work/r/released" "$work/labels.csv" "$kib" <<'PY'
import os, random, sqlite3, sys
count, root, labels = int(sys.argv[1]), sys.argv[2], open(sys.argv[3], "w")
random.seed(2)
store = sqlite3.connect(root + "/catalogue.db")
labels.write("image,label,value\n")
for i in range(count):
    folder = f"{root}/P-{i // 20}/2.25.1{i // 20}/2.25.2{i // 5}"
    if i % 5 == 0: os.makedirs(folder)
    open(f"{folder}/2.25.3{i}.dcm", "wb").write(random.randbytes(int(sys.argv[4]) * 1024))
    store.execute("INSERT INTO entry VALUES(?,'dicom',?,?,?,?,'MG','','','','','20250101',?,'','','','','',1,?,64,80,1,'')",
                  (f"P-{i // 20}/2.25.1{i // 20}/2.25.2{i // 5}/2.25.3{i}.dcm", f"P-{i // 20}", f"2.25.1{i // 20}", f"2.25.2{i // 5}", f"2.25.3{i}", f"Maker {i // 20 % 3}", i))
    labels.write(f"2.25.3{i},birads,{i % 5}\n")
store.commit()
PY
    printf 'schema: b\nversion: 1\nlabels:\n  - {name: birads, level: image, answer: ordinal, options: [{value: "0"}, {value: "1"}, {value: "2"}, {value: "3"}, {value: "4"}]}\n' >"$work/b.yaml"
    "$lethe" annotate -C "$work/r" schema install "$work/b.yaml" >/dev/null
    row "import of $images labels from CSV" "$(seconds "$lethe" annotate -C "$work/r" import csv "$work/labels.csv")"
    row "snapshot of them" "$(seconds "$lethe" snapshot -C "$work/r" create s)"
    sync
    row "cp -r of $images images of $kib KiB" "$(seconds cp -r "$work/r/released" "$work/copy")"
    rm -rf "$work/copy"; sync
    row "Python: copy and SHA-256 of the same" "$(seconds /usr/bin/python3 -c "
import hashlib, os, shutil, sys
shutil.copytree(sys.argv[1], sys.argv[2])
for d, _, f in os.walk(sys.argv[2]):
    for n in f: hashlib.sha256(open(os.path.join(d, n), 'rb').read()).hexdigest()" "$work/r/released" "$work/copy")"
    rm -rf "$work/copy"; sync
    row "lethe export --with-images --format csv,coco --split" "$(seconds "$lethe" export -C "$work/r" --snapshot s --format csv,coco --with-images --split 70,15,15 --stratify birads -o "$work/set")"
    rm -rf "$work/set"; sync
    row "the same in tar shards" "$(seconds "$lethe" export -C "$work/r" --snapshot s --format csv,coco --with-images --split 70,15,15 --stratify birads --shards tar -o "$work/set")"
fi
