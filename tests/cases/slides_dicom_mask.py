"""A DICOM slide with a pen stroke: made, and compared after masking. Usage: slides_dicom_mask.py make FOLDER [sparse] | check IN OUT MANIFEST X,Y,W,H"""
import json
import math
import os
import sys

import pydicom
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

import slides_dicom

SIZE, TILE = 1024, 32
STROKE = (300, 420, 260, 40)  # in pixels of the largest level


def colour(x, y):
    left, top, width, height = STROKE
    if left <= x < left + width and top <= y < top + height:
        return 20, 60, 190
    return (222, 170, 205) if (x // 90 + y // 70) % 3 else (240, 238, 241)


def frame(column, row, scale):
    out = bytearray()
    for y in range(row * TILE, (row + 1) * TILE):
        for x in range(column * TILE, (column + 1) * TILE):
            out += bytes(colour(x * scale + scale // 2, y * scale + scale // 2))
    return bytes(out)


def draw(folder, name, kind, total, first, count, concatenation=None, part=None, sparse=False):
    level = int(math.log2(SIZE // total))
    slides_dicom.instance(folder, name, kind, level, count, first, total, concatenation, part)
    path = os.path.join(folder, name)
    d = pydicom.dcmread(path)
    across, scale = total // TILE, SIZE // total
    places = [(i % across, i // across) for i in range(first, first + count)]
    d.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing = [0.004 * scale] * 2
    if sparse:
        places.reverse()
        d.DimensionOrganizationType = "TILED_SPARSE"
        groups = []
        for column, row in places:
            position = Dataset()
            position.XOffsetInSlideCoordinateSystem = position.YOffsetInSlideCoordinateSystem = position.ZOffsetInSlideCoordinateSystem = 0.0
            position.ColumnPositionInTotalImagePixelMatrix, position.RowPositionInTotalImagePixelMatrix = column * TILE + 1, row * TILE + 1
            group = Dataset()
            group.PlanePositionSlideSequence = Sequence([position])
            groups.append(group)
        d.PerFrameFunctionalGroupsSequence = Sequence(groups)
    d.PixelData = b"".join(frame(c, r, scale) for c, r in places)
    d.save_as(path, write_like_original=False)


def make(folder, kind=""):
    os.makedirs(folder)
    sparse = kind == "sparse"
    half = (SIZE // TILE) ** 2 // 2
    if sparse:
        draw(folder, "v0.dcm", "VOLUME", SIZE, 0, 2 * half, sparse=True)
    else:
        both = pydicom.uid.generate_uid(entropy_srcs=["both"])
        draw(folder, "v0a.dcm", "VOLUME", SIZE, 0, half, both, 1)
        draw(folder, "v0b.dcm", "VOLUME", SIZE, half, half, both, 2)
    draw(folder, "v1.dcm", "VOLUME", SIZE // 4, 0, (SIZE // 4 // TILE) ** 2, sparse=sparse)
    draw(folder, "thumb.dcm", "THUMBNAIL", TILE, 0, 1)


def cells(d):
    """{(x, y): pixel} of the frames of an instance, in its own matrix."""
    data, across = d.PixelData, d.TotalPixelMatrixColumns // TILE
    first = getattr(d, "ConcatenationFrameOffsetNumber", 0)
    for i in range(int(d.NumberOfFrames)):
        column, row = (i + first) % across, (i + first) // across
        if d.DimensionOrganizationType == "TILED_SPARSE":
            p = d.PerFrameFunctionalGroupsSequence[i].PlanePositionSlideSequence[0]
            column, row = (p.ColumnPositionInTotalImagePixelMatrix - 1) // TILE, (p.RowPositionInTotalImagePixelMatrix - 1) // TILE
        base = i * TILE * TILE * 3
        for k in range(TILE * TILE):
            yield column * TILE + k % TILE, row * TILE + k // TILE, bytes(data[base + 3 * k:base + 3 * k + 3])


def check(source, output, manifest, mask):
    x, y, w, h = map(int, mask.split(","))
    rows = {row["source"]: row for row in map(json.loads, open(manifest, encoding="utf-8"))}
    for name, row in rows.items():
        if row["outcome"] != "released":
            sys.exit(f"FAIL: {name} was {row['outcome']}: {row['reason']}")
        before, after = pydicom.dcmread(os.path.join(source, name)), pydicom.dcmread(os.path.join(output, row["output"]))
        scale = SIZE // before.TotalPixelMatrixColumns
        inside = changed = 0
        for (u, v, old), (_, _, new) in zip(cells(before), cells(after)):
            # What of the pixel lies in the mask; one pixel around it may go, too.
            hit = u * scale < x + w and (u + 1) * scale > x and v * scale < y + h and (v + 1) * scale > y
            near = (u - 2) * scale < x + w and (u + 3) * scale > x and (v - 2) * scale < y + h and (v + 3) * scale > y
            inside += hit
            if hit and new != bytes(3):
                sys.exit(f"FAIL: {name} still shows {new} at {u},{v}")
            if not near and old != new:
                sys.exit(f"FAIL: {name} changed at {u},{v}, outside of the mask")
            changed += old != new
        print(name, inside, "pixels in the mask,", changed, "changed")


if __name__ == "__main__":
    {"make": make, "check": check}[sys.argv[1]](*sys.argv[2:])
