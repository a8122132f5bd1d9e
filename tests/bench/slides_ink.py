"""False alarms and misses of the search for ink on slides, on invented stains and pens: pictures of absorbing dyes (optical densities, Beer-Lambert) at 12 um a
pixel, written as tiled TIFF by libtiff's tiffcp. Usage: slides_ink.py WORK [PER_KIND]  (LETHE_BIN names the folder of the programs)"""
import collections
import json
import os
import subprocess
import sys

import numpy
from PIL import Image, ImageDraw

WIDTH, HEIGHT, PIXEL_UM = 1536, 1152, 12.0
# Optical densities in red, green, blue of dyes at unit strength (directions as published for colour deconvolution, Ruifrok and Johnston 2001 and successors).
DYES = {"haematoxylin": (0.650, 0.704, 0.286), "eosin": (0.072, 0.990, 0.105), "dab": (0.268, 0.570, 0.776), "schiff": (0.175, 0.972, 0.154),
        "aniline_blue": (0.853, 0.509, 0.113), "light_green": (0.946, 0.118, 0.302), "ponceau": (0.100, 0.738, 0.668),
        "azure": (0.834, 0.513, 0.196), "giemsa_eosin": (0.092, 0.954, 0.283), "alcian": (0.874, 0.457, 0.158), "melanin": (0.45, 0.60, 0.66),
        "fast_red": (0.214, 0.851, 0.478)}
STAINS = {"H&E": [("haematoxylin", 0.35), ("eosin", 0.45)], "IHC DAB": [("haematoxylin", 0.3), ("dab", 0.7)], "PAS": [("haematoxylin", 0.3), ("schiff", 0.5)],
          "Masson, blue": [("ponceau", 0.5), ("aniline_blue", 0.5), ("haematoxylin", 0.2)], "Masson, green": [("ponceau", 0.5), ("light_green", 0.4)],
          "Giemsa": [("azure", 0.4), ("giemsa_eosin", 0.35)], "Alcian blue": [("alcian", 0.5), ("eosin", 0.15)], "Fast red": [("haematoxylin", 0.3), ("fast_red", 0.6)],
          "pale H&E": [("haematoxylin", 0.12), ("eosin", 0.18)], "dark H&E": [("haematoxylin", 0.9), ("eosin", 0.9)]}
PENS = {"black": (1.6, 1.6, 1.55), "blue": (1.4, 0.75, 0.18), "green": (1.3, 0.35, 0.75), "red": (0.12, 1.3, 1.15), "violet": (0.75, 1.3, 0.3)}
MARKING = {"black": (1.5, 1.45, 1.4), "blue": (1.3, 0.8, 0.2), "green": (1.2, 0.4, 0.8), "yellow": (0.05, 0.15, 1.0), "red": (0.1, 1.2, 1.0)}


def smooth(random, scale):
    """A field from 0 to 1 whose features are some `scale` pixels wide."""
    small = random.random((HEIGHT // scale + 3, WIDTH // scale + 3)).astype(numpy.float32)
    big = Image.fromarray(small).resize((WIDTH + 2 * scale, HEIGHT + 2 * scale), Image.BICUBIC)
    return numpy.asarray(big)[scale:scale + HEIGHT, scale:scale + WIDTH]


def tissue(random):
    """Where tissue is (soft edges), from large shapes down to fibres and glands."""
    shape = smooth(random, 260) + 0.35 * smooth(random, 60) + 0.1 * smooth(random, 12)
    return numpy.clip((shape - 0.72) * 9, 0, 1)


def densities(random, stain):
    where, od = tissue(random), numpy.zeros((HEIGHT, WIDTH, 3), numpy.float32)
    for dye, strength in STAINS[stain]:
        grain = 0.25 + 0.6 * smooth(random, 40) + 0.5 * smooth(random, 8) + 0.3 * smooth(random, 3)
        od += (where * strength * grain)[..., None] * numpy.array(DYES[dye], numpy.float32)
    return od


def stroke(random, width_px, kind):
    """Soft mask of something drawn: letters, a ring around tissue, dots, or a line."""
    picture = Image.new("L", (WIDTH, HEIGHT), 0)
    draw = ImageDraw.Draw(picture)
    x, y = int(random.integers(250, WIDTH - 450)), int(random.integers(200, HEIGHT - 300))
    if kind == "letters":
        for letter in range(5):
            points = [(x + letter * 60 + int(random.integers(0, 45)), y + int(random.integers(0, 90))) for _ in range(4)]
            draw.line(points, 255, width_px, "curve")
    elif kind == "ring":
        draw.ellipse((x, y, x + int(random.integers(120, 300)), y + int(random.integers(100, 260))), outline=255, width=width_px)
    elif kind == "dots":
        for _ in range(4):
            u, v = x + int(random.integers(0, 200)), y + int(random.integers(0, 200))
            draw.ellipse((u, v, u + 3 * width_px, v + 3 * width_px), fill=255)
    else:
        draw.line((x, y, x + int(random.integers(120, 400)), y + int(random.integers(-80, 80))), 255, width_px)
    return numpy.asarray(picture, numpy.float32) / 255


def soften(mask):
    return (mask + numpy.roll(mask, 1, 0) + numpy.roll(mask, -1, 0) + numpy.roll(mask, 1, 1) + numpy.roll(mask, -1, 1)) / 5


def artefact(random, name, od):
    if name == "bubbles":
        for _ in range(5):
            od += soften(stroke(random, 3, "ring"))[..., None] * numpy.array((0.35, 0.33, 0.32), numpy.float32)
    elif name == "coverslip edge":
        picture = Image.new("L", (WIDTH, HEIGHT), 0)
        ImageDraw.Draw(picture).line((int(random.integers(40, 200)), 0, int(random.integers(40, 200)), HEIGHT), 255, 5)
        od += soften(numpy.asarray(picture, numpy.float32) / 255)[..., None] * numpy.array((0.5, 0.48, 0.47), numpy.float32)
    elif name == "fold":
        od *= 1 + 2 * soften(stroke(random, 22, "line"))[..., None]
    elif name == "pigment":
        spots = numpy.clip((smooth(random, 5) - 0.8) * 8, 0, 1) * (tissue(random) > 0.2)
        od += spots[..., None] * 1.6 * numpy.array(DYES["melanin"], numpy.float32)
    elif name == "out of focus dust":
        od += (numpy.clip((smooth(random, 14) - 0.93) * 10, 0, 1) * 0.5)[..., None]
    elif name.startswith("marking "):
        where = tissue(random)
        rim = (where > 0.02) & (where < 0.5)
        rim[:, : WIDTH // 2] = False
        od += rim[..., None] * numpy.array(MARKING[name[8:]], numpy.float32)


def write(random, od, path):
    light = 243 * 10 ** -numpy.clip(od, 0, 2.2) + random.normal(0, 2.2, od.shape)
    picture = Image.fromarray(numpy.clip(light, 0, 255).astype(numpy.uint8))
    picture.save(path + ".tmp.tif", dpi=(25400 / PIXEL_UM, 25400 / PIXEL_UM))
    subprocess.run(["tiffcp", "-t", "-w", "256", "-l", "256", "-c", "none", path + ".tmp.tif", path], check=True)
    os.remove(path + ".tmp.tif")


def main(work, per_kind="6"):
    random, kinds = numpy.random.default_rng(20), {}
    os.makedirs(work + "/in", exist_ok=True)

    def add(kind, od):
        name = f"s{len(kinds):04d}.tif"
        kinds[name] = kind
        if not os.path.exists(f"{work}/in/{name}"):
            write(random, od, f"{work}/in/{name}")
    for i in range(int(per_kind)):
        for stain in STAINS:
            add(("clean", stain), densities(random, stain))
        for name in ("bubbles", "coverslip edge", "fold", "pigment", "out of focus dust"):
            od = densities(random, "H&E")
            artefact(random, name, od)
            add(("clean", name), od)
        for colour in MARKING:
            od = densities(random, "H&E")
            artefact(random, "marking " + colour, od)
            add(("dye", "marking dye, " + colour), od)
        for colour, density in PENS.items():
            for width_px, label in ((12, "0.15 mm"), (25, "0.3 mm"), (84, "1 mm")):
                kind = ("letters", "ring", "dots", "line")[i % 4]
                mask = soften(stroke(random, width_px, kind))
                stain = list(STAINS)[i % 3]
                add(("pen", f"pen {colour}, {label}"), densities(random, stain) + mask[..., None] * numpy.array(density, numpy.float32))
    key = work + "/key"
    for old in (key, work + "/m.jsonl"):
        if os.path.exists(old):
            os.remove(old)
    with open(key, "wb") as stream:
        stream.write(os.urandom(32))
    os.chmod(key, 0o600)
    subprocess.run([os.environ["LETHE_BIN"] + "/lethe", "deid", work + "/in", "-o", work + "/out", "--key", key, "--manifest", work + "/m.jsonl", "--quiet"], check=False)
    told, all_of = collections.Counter(), collections.Counter()
    for row in map(json.loads, open(work + "/m.jsonl", encoding="utf-8")):
        kind = kinds[row["source"]]
        all_of[kind] += 1
        told[kind] += row["outcome"] == "review"
        if row["outcome"] not in ("review", "released"):
            sys.exit(f"{row['source']}: {row['reason']}")
    for group in ("clean", "dye", "pen"):
        total = sum(n for k, n in all_of.items() if k[0] == group)
        print(f"{group}: {sum(told[k] for k in all_of if k[0] == group)} of {total} wait for a person")
        for kind in sorted(k for k in all_of if k[0] == group):
            print(f"    {kind[1]:28} {told[kind]:3} of {all_of[kind]}")


if __name__ == "__main__":
    main(*sys.argv[1:])
