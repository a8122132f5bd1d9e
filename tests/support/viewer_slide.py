#!/usr/bin/env python3
"""An invented slide for tests of the viewer: viewer_slide.py OUT.tif WIDTH HEIGHT LEVELS [--raw] [--unique].

A generic tiled BigTIFF of 0.25 micrometres a pixel: an island of invented tissue on white glass. Sixteen kinds of tissue tile are shared by all places
(tile offsets may point to the same bytes), so that a slide of many gigapixels is a small file; --raw stores tiles uncompressed, --unique gives each place its own bytes (a file as
large as it looks). The level n is half of
level n - 1; at level 0 pixel (64, 64) of each tissue tile is pure blue, for tests of geometry."""
import io
import random
import struct
import sys

from PIL import Image, ImageDraw

SIDE = 256


def tissue(seed, level):
    """A tile with nuclei; coarser levels have more and smaller ones."""
    rng = random.Random(seed)
    picture = Image.new("RGB", (SIDE * 2, SIDE * 2), (236 - seed % 4 * 4, 172 + seed % 3 * 6, 206))
    draw = ImageDraw.Draw(picture)
    for _ in range(90 << min(level, 3)):
        x, y, r = rng.uniform(0, SIDE * 2), rng.uniform(0, SIDE * 2), rng.uniform(5, 13) / (1 << min(level, 3))
        shade = rng.randint(-18, 18)
        draw.ellipse((x - r, y - r * 0.8, x + r, y + r * 0.8), fill=(122 + shade, 70 + shade, 158 + shade))
    picture = picture.resize((SIDE, SIDE), Image.LANCZOS)
    if level == 0:
        ImageDraw.Draw(picture).rectangle((56, 56, 71, 71), fill=(0, 0, 255))
    return picture


def encode(picture, raw):
    if raw:
        return picture.tobytes()
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=88, subsampling=0)
    return out.getvalue()


def inside(x, y, width, height):
    """An island, and a smaller one."""
    def blob(cx, cy, rx, ry):
        return ((x / width - cx) / rx) ** 2 + ((y / height - cy) / ry) ** 2 <= 1
    return blob(0.42, 0.5, 0.33, 0.38) or blob(0.86, 0.3, 0.08, 0.16)


def main():
    raw, unique = "--raw" in sys.argv, "--unique" in sys.argv
    path, width, height, levels = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    with open(path, "wb") as out:
        out.write(struct.pack("<2sHHHQ", b"II", 43, 8, 0, 0))
        glass = None
        directories = []
        for level in range(levels):
            w, h = max(1, width >> level), max(1, height >> level)
            kinds = []
            for seed in range(16):
                data = encode(tissue(seed, level), raw)
                kinds.append((out.tell(), len(data)))
                out.write(data)
            if glass is None:
                data = encode(Image.new("RGB", (SIDE, SIDE), (244, 243, 245)), raw)
                glass = (out.tell(), len(data))
                out.write(data)
            across, down = (w + SIDE - 1) // SIDE, (h + SIDE - 1) // SIDE
            tiles = [kinds[(3 * c + 5 * r) % 16] if inside((c + 0.5) * SIDE, (r + 0.5) * SIDE, w, h) else glass for r in range(down) for c in range(across)]
            if unique:
                with open(path, "rb") as written:
                    out.flush()
                    bytes_of = {}
                    for t in set(tiles):
                        written.seek(t[0])
                        bytes_of[t] = written.read(t[1])
                own = []
                for t in tiles:
                    own.append((out.tell(), t[1]))
                    out.write(bytes_of[t])
                tiles = own
            directories.append((w, h, tiles))
        link = 8
        for index, (w, h, tiles) in enumerate(directories):
            offsets = out.tell()
            out.write(struct.pack("<%dQ" % len(tiles), *[t[0] for t in tiles]))
            counts = out.tell()
            out.write(struct.pack("<%dQ" % len(tiles), *[t[1] for t in tiles]))
            rational = struct.pack("<II", 40000 >> index, 1)
            entries = [(254, 4, 1, struct.pack("<I", 1 if index else 0)), (256, 4, 1, struct.pack("<I", w)), (257, 4, 1, struct.pack("<I", h)),
                       (258, 3, 3, struct.pack("<HHH", 8, 8, 8)), (259, 3, 1, struct.pack("<H", 1 if raw else 7)),
                       (262, 3, 1, struct.pack("<H", 2 if raw else 6)), (277, 3, 1, struct.pack("<H", 3)),
                       (282, 5, 1, rational), (283, 5, 1, rational), (284, 3, 1, struct.pack("<H", 1)), (296, 3, 1, struct.pack("<H", 3)),
                       (322, 3, 1, struct.pack("<H", SIDE)), (323, 3, 1, struct.pack("<H", SIDE))]
            if len(tiles) == 1:
                entries += [(324, 16, 1, struct.pack("<Q", tiles[0][0])), (325, 16, 1, struct.pack("<Q", tiles[0][1]))]
            else:
                entries += [(324, 16, len(tiles), struct.pack("<Q", offsets)), (325, 16, len(tiles), struct.pack("<Q", counts))]
            if not raw:
                entries.append((530, 3, 2, struct.pack("<HH", 1, 1)))
            entries.sort()
            at = out.tell()
            body = struct.pack("<Q", len(entries))
            for tag, kind, count, value in entries:
                body += struct.pack("<HHQ", tag, kind, count) + value.ljust(8, b"\0")
            out.write(body)
            here = out.tell()
            out.write(struct.pack("<Q", 0))
            out.seek(link)
            out.write(struct.pack("<Q", at))
            out.seek(here + 8)
            link = here


main()
