#!/usr/bin/env python3
"""Judge redaction by the glyphs left: for each string of the answer key the drawn pixels that no box of the manifest covers, or that a box covers and
that still are what they were.

usage: pixels_score.py ANSWERS MANIFEST IN OUT   A string counts as removed when at most 5 % of its glyph pixels are left in any frame; what went to review
or quarantine is flagged. LIST=1 names what was left and what was taken wrongly."""
import base64
import collections
import json
import os
import subprocess
import sys
import tempfile

import numpy
import pydicom

answers, manifest, source, output = sys.argv[1:5]


def decoded(path):
    """Frames, rows, columns, samples: as they are stored, or by another decoder."""
    data = pydicom.dcmread(path, force=True)
    if data.file_meta.TransferSyntaxUID.is_compressed:
        with tempfile.TemporaryDirectory() as work:
            subprocess.run(["gdcmconv", "--raw", path, work + "/raw.dcm"], check=True, capture_output=True)
            data = pydicom.dcmread(work + "/raw.dcm", force=True)
    samples, frames = int(data.SamplesPerPixel), int(data.get("NumberOfFrames", 1) or 1)
    shape = (frames, int(data.Rows), int(data.Columns), samples)
    flat = numpy.frombuffer(data.PixelData, dtype=numpy.uint8 if data.BitsAllocated == 8 else numpy.uint16)[:int(numpy.prod(shape))]
    if samples > 1 and int(data.get("PlanarConfiguration", 0)) == 1:
        return flat.reshape(frames, samples, shape[1], shape[2]).transpose(0, 2, 3, 1)
    return flat.reshape(shape)


def covered(entry, frame, shape):
    mask = numpy.zeros(shape, bool)
    for box in entry["regions"]:
        if box.get("frame", 0) <= frame <= box.get("last_frame", box.get("frame", 0)):
            mask[box["y"]:box["y"] + box["h"], box["x"]:box["x"] + box["w"]] = True
    return mask


rows, keys = {}, collections.defaultdict(list)
for line in open(manifest):
    entry = json.loads(line)
    rows[entry["source"].split("/", 1)[-1] if entry["source"].startswith(os.path.basename(source) + "/") else entry["source"]] = entry
for line in open(answers):
    check = json.loads(line)
    if check["action"] == "pixels_hidden":
        keys[check["file"]].append(check)
removed, flagged, total, left_list = collections.Counter(), collections.Counter(), collections.Counter(), []
outside = clean = touched = held = pixels = taken = 0
for name, entry in sorted(rows.items()):
    path = os.path.join(source, name)
    if not os.path.exists(path):
        continue
    released = entry["outcome"] == "released"
    if released:
        before, after = decoded(path), decoded(os.path.join(output, entry["output"]))
        changed = (before != after).any(axis=3)
        masks = [covered(entry, f, before.shape[1:3]) for f in range(len(before))]
        outside += sum(int((changed[f] & ~masks[f]).sum()) for f in range(len(before)))
    if name.startswith("clean/"):
        clean += 1
        held += not released
        touched += released and bool(entry["regions"])
        if released:
            pixels += before.shape[0] * before.shape[1] * before.shape[2]
            taken += sum(int(m.sum()) for m in masks)
    for check in keys[name]:
        category, _ = check["text"].split("|", 1)
        words = ["all"] + category.split()
        x, y, w, h = check["box"]
        bits = numpy.unpackbits(numpy.frombuffer(base64.b64decode(check["mask"]), dtype=numpy.uint8).reshape(h, -1), axis=1)[:, :w].astype(bool)
        total.update(words)
        if not released:
            flagged.update(words)
            continue
        left = 0.0
        for f, mask in enumerate(masks):
            hidden = mask[y:y + h, x:x + w].copy()
            inside = after[f, y:y + h, x:x + w][hidden]
            if inside.size and int((inside.max(axis=0) - inside.min(axis=0)).max()) > 0.04 * numpy.iinfo(after.dtype).max:
                hidden[:] = False  # not one tone: what the manifest says was not done
            left = max(left, float((bits & ~hidden).sum()) / max(1, int(bits.sum())))
        if left <= 0.05:
            removed.update(words)
        else:
            left_list.append((name, check["box"], category, round(left, 2)))
for word in sorted(total):
    if word != "all":
        print("  %-10s %4d of %4d removed or flagged (%5.1f %%)" % (word, removed[word] + flagged[word], total[word], 100.0 * (removed[word] + flagged[word]) / total[word]))
count = max(1, total["all"])
print("strings: %d, removed %.2f %%, held back for a person %.2f %%, LEFT UNFLAGGED %d" % (
    total["all"], 100.0 * removed["all"] / count, 100.0 * flagged["all"] / count, total["all"] - removed["all"] - flagged["all"]))
print("clean images: %d, redacted wrongly: %d (%.2f %%), held back for a person: %d (%.2f %%), pixels taken: %.3f %%" % (
    clean, touched, 100.0 * touched / max(1, clean), held, 100.0 * held / max(1, clean), 100.0 * taken / max(1, pixels)))
print("pixels changed outside the boxes: %d" % outside)
print("outcomes:", dict(collections.Counter(entry["outcome"] for entry in rows.values())))
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
