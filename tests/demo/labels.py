#!/usr/bin/python3
"""Sample labels for the demo: a PI-RADS category per prostate study (CSV), a box and a polygon on one T2 slice of each (COCO JSON).

usage: labels.py PROJECT OUT_FOLDER
"""
import csv
import json
import math
import pathlib
import sqlite3
import sys

project, out = map(pathlib.Path, sys.argv[1:])
db = sqlite3.connect(f"file:{project}/released/catalogue.db?mode=ro", uri=True)
series = {}
for path, study, uid, description, rows, columns in db.execute(
    "SELECT path, study_uid, series_uid, series_description, pixel_rows, pixel_columns FROM entry "
    "WHERE modality = 'MR' AND frames <= 1 AND upper(series_description) LIKE '%T2%' ORDER BY path"
):
    series.setdefault((study, uid), []).append((path, rows, columns))
if not series:
    sys.exit("no released T2 series to label")

studies = sorted({study for study, _ in series})
with open(out / "labels.csv", "w", newline="") as file:
    writer = csv.writer(file)
    writer.writerow(["study_uid", "pirads_study"])
    writer.writerows([study, 2 + index % 4] for index, study in enumerate(studies))

images, annotations = [], []
for index, key in enumerate(sorted(series)):
    path, rows, columns = series[key][len(series[key]) // 2]
    images.append({"id": index + 1, "file_name": path, "width": columns, "height": rows})
    x, y = columns * (0.42 + 0.03 * (index % 3)), rows * 0.55
    ring = [value for step in range(16) for value in (
        round(columns / 2 + columns * 0.17 * math.cos(step * math.pi / 8), 2), round(rows / 2 + rows * 0.15 * math.sin(step * math.pi / 8), 2))]
    annotations.append({"id": len(annotations) + 1, "image_id": index + 1, "category_id": 1, "iscrowd": 0, "area": 1,
                        "bbox": [round(x, 2), round(y, 2), round(columns * 0.08, 2), round(rows * 0.07, 2)],
                        "attributes": {"pirads": str(3 + index % 3), "zone": "PZ"}})
    annotations.append({"id": len(annotations) + 1, "image_id": index + 1, "category_id": 2, "iscrowd": 0, "area": 1, "segmentation": [ring],
                        "bbox": [min(ring[::2]), min(ring[1::2]), max(ring[::2]) - min(ring[::2]), max(ring[1::2]) - min(ring[1::2])]})
(out / "boxes.json").write_text(json.dumps(
    {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "lesion"}, {"id": 2, "name": "prostate"}]}))
print(f"{len(studies)} study labels, {len(annotations)} shapes")
