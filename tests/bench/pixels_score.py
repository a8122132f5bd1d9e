#!/usr/bin/env python3
"""Judge redaction by the glyphs left: for each string of the answer key the drawn pixels that no box of the manifest covers and that still differ.

usage: pixels_score.py ANSWERS MANIFEST IN OUT   A string counts as found when at most 5 % of its glyph pixels are left; what went to review or
quarantine counts as flagged."""
import base64
import collections
import json
import os
import sys

import numpy
import pydicom

answers, manifest, source, output = sys.argv[1:5]
rows = {}
for line in open(manifest):
    entry = json.loads(line)
    rows[entry["source"].split("/", 1)[-1] if entry["source"].startswith(os.path.basename(source) + "/") else entry["source"]] = entry
found, total, left_list = collections.Counter(), collections.Counter(), []
unflagged = 0
for line in open(answers):
    check = json.loads(line)
    if check["action"] != "pixels_hidden":
        continue
    category, text = check["text"].split("|", 1)
    entry = rows.get(check["file"])
    total[category] += 1
    x, y, w, h = check["box"]
    bits = numpy.unpackbits(numpy.frombuffer(base64.b64decode(check["mask"]), dtype=numpy.uint8).reshape(h, -1), axis=1)[:, :w].astype(bool)
    if entry is None or entry["outcome"] != "released":
        found[category] += 1
        continue
    before = pydicom.dcmread(os.path.join(source, check["file"]), force=True)
    after = pydicom.dcmread(os.path.join(output, entry["output"]), force=True)
    shape = (int(before.Rows), int(before.Columns), -1)
    kind = numpy.uint8 if before.BitsAllocated == 8 else numpy.uint16
    a = numpy.frombuffer(before.PixelData, dtype=kind)[:shape[0] * shape[1] * int(before.SamplesPerPixel)].reshape(shape)
    b = numpy.frombuffer(after.PixelData, dtype=kind)[:a.size].reshape(shape)
    covered = numpy.zeros(shape[:2], bool)
    for box in entry["regions"]:
        covered[box["y"]:box["y"] + box["h"], box["x"]:box["x"] + box["w"]] = True
    same = (a == b).all(axis=2)[y:y + h, x:x + w] & ~covered[y:y + h, x:x + w]
    left = float((bits & same).sum()) / max(1, int(bits.sum()))
    if left <= 0.05:
        found[category] += 1
    else:
        unflagged += 1
        left_list.append((check["file"], check["box"], category, round(left, 2)))
clean = false = pixels = taken = outside = reviewed = 0
for name, entry in rows.items():
    path = os.path.join(source, name)
    if not os.path.exists(path):
        continue
    data = pydicom.dcmread(path, stop_before_pixels=True, force=True)
    area = int(data.Rows) * int(data.Columns)
    if name.startswith("clean/"):
        clean += 1
        mask = numpy.zeros((int(data.Rows), int(data.Columns)), bool)
        for box in entry["regions"]:
            mask[box["y"]:box["y"] + box["h"], box["x"]:box["x"] + box["w"]] = True
        false += bool(mask.any()) or entry["outcome"] != "released"
        reviewed += entry["outcome"] != "released"
        pixels += area
        taken += int(mask.sum())
    if entry["outcome"] == "released":
        before, after = pydicom.dcmread(path, force=True), pydicom.dcmread(os.path.join(output, entry["output"]), force=True)
        kind = numpy.uint8 if before.BitsAllocated == 8 else numpy.uint16
        shape = (int(before.Rows), int(before.Columns), -1)
        a = numpy.frombuffer(before.PixelData, dtype=kind)[:area * int(before.SamplesPerPixel)].reshape(shape)
        b = numpy.frombuffer(after.PixelData, dtype=kind)[:a.size].reshape(shape)
        covered = numpy.zeros(shape[:2], bool)
        for box in entry["regions"]:
            covered[box["y"]:box["y"] + box["h"], box["x"]:box["x"] + box["w"]] = True
        outside += int(((a != b).any(axis=2) & ~covered).sum())
for category in sorted(total):
    print("  %-28s %4d of %4d" % (category, found[category], total[category]))
print("recall %.2f %% of %d strings; left unflagged: %d" % (100.0 * sum(found.values()) / max(1, sum(total.values())), sum(total.values()), unflagged))
print("clean images: %d, touched or held back: %d (%.2f %%), held back: %d, pixels taken: %.3f %%" % (clean, false, 100.0 * false / max(1, clean), reviewed, 100.0 * taken / max(1, pixels)))
print("pixels changed outside the boxes: %d" % outside)
outcomes = collections.Counter(entry["outcome"] for entry in rows.values())
print("outcomes:", dict(outcomes))
if os.environ.get("LIST"):
    for item in left_list:
        print("left", *item)
    for name, entry in rows.items():
        if entry["outcome"] != "released":
            print(entry["outcome"], name, entry["reason"])
        elif name.startswith("clean/") and entry["regions"]:
            print("false", name, [(b["x"], b["y"], b["w"], b["h"]) for b in entry["regions"]])
if not total:
    sys.exit(1)
