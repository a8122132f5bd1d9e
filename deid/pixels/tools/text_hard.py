"""Harder pictures for the judge of the text detector (text_judge.c) and for the wide set of the benchmark: what looks like text and is not, and text in
many scripts, sizes and states. Each is a function of a seed, of the fonts that are named, and of the versions of numpy and Pillow."""
import glob
import io
import math
import os
import sys

import numpy
from PIL import Image, ImageDraw, ImageFilter, ImageFont

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import text_draw  # noqa: E402

FONTS = "/usr/share/fonts/"
# Script: (sample words, fonts for training, fonts for judging).
SCRIPTS = {
    "cyrillic": (["ИВАНОВА", "Петров Сергей", "Больница №4", "д.р. 12.03.1961", "Кузнецова Анна", "Отделение 7"],
                 ["truetype/freefont/Free*.ttf", "truetype/liberation*/LiberationS*-Regular.ttf", "truetype/open-sans/OpenSans-*.ttf"], ["truetype/dejavu/DejaVuSans*.ttf"]),
    "greek": (["ΠΑΠΑΔΟΠΟΥΛΟΣ", "Γεώργιος Νικολάου", "Νοσοκομείο", "ημ. γεν. 04/11/1950", "Ελένη"],
              ["truetype/freefont/Free*.ttf", "truetype/liberation*/LiberationS*-Regular.ttf"], ["truetype/dejavu/DejaVuSans*.ttf"]),
    "cjk": (["山田太郎", "病院 放射線科", "王小明 男 1972年", "患者番号 48213", "さとう はなこ", "カルテ", "北京市立医院", "생년월일", "陈美玲 女 45岁"],
            ["truetype/droid/DroidSansFallbackFull.ttf"], ["truetype/wqy/wqy-zenhei.ttc", "truetype/vlgothic/VL-Gothic-Regular.ttf"]),
    "arabic": (["محمد علي", "مستشفى السلام", "تاريخ الميلاد ١٩٦٥", "فاطمة الزهراء"],
               ["opentype/fonts-hosny-amiri/Amiri-Regular.ttf", "opentype/fonts-hosny-amiri/Amiri-Bold.ttf", "truetype/freefont/FreeSerif.ttf"],
               ["truetype/kacst/KacstBook.ttf", "truetype/kacst/KacstOffice.ttf", "truetype/dejavu/DejaVuSans.ttf"]),
    "hebrew": (["ישראל ישראלי", "בית חולים", "ת. לידה 01.02.1958", "שרה כהן"], ["truetype/culmus/[FHMS]*.ttf"], ["truetype/dejavu/DejaVuSans.ttf"]),
    "hand": (None, ["truetype/fifthhorseman/dkg*.ttf", "truetype/humor-sans/*.ttf"], ["truetype/breip/Breip.ttf", "truetype/ecolier-court/Ecolier-court.ttf"]),
    "latin": (None, None, ["truetype/dejavu/DejaVu*.ttf", "truetype/firacode/*.ttf", "opentype/cantarell/*.otf"]),
}
SHARES = ["latin"] * 12 + ["digits"] * 2 + ["cyrillic", "greek", "cjk", "cjk", "arabic", "hebrew", "hand"]
LATIN_MORE = ["truetype/lato/Lato-[RBLM]*.ttf", "truetype/open-sans/*.ttf"]


def faces_of(script, judging):
    words, training, held_out = SCRIPTS[script]
    patterns = held_out if judging else training
    if patterns is None:
        return sorted(set(text_draw.fonts()) | {f for p in LATIN_MORE for f in glob.glob(FONTS + p)}
                      - {f for p in SCRIPTS["latin"][2] + SCRIPTS["hand"][2] for f in glob.glob(FONTS + p)})
    return [f for p in patterns for f in sorted(glob.glob(FONTS + p)) if "Math" not in f]


_faces = {}


def wording(rng, judging, scripts=None):
    """(script, text, font file) of one string."""
    scripts = scripts or SHARES
    script = scripts[rng.integers(len(scripts))]
    like = "latin" if script == "digits" else script
    if (like, judging) not in _faces:
        _faces[like, judging] = faces_of(like, judging)
    faces = _faces[like, judging]
    if not faces:
        return wording(rng, judging, ["latin"])
    words = SCRIPTS[like][0]
    if script == "digits":
        text = "".join("0123456789"[rng.integers(10)] for _ in range(int(rng.integers(4, 11))))
        text = [text, text[:3] + "-" + text[3:], text[:2] + ":" + text[2:4], text[:2] + "." + text[2:4] + "." + text[-4:]][rng.integers(4)]
    elif words is None:
        text = text_draw.phrase(rng)
    else:
        text = words[rng.integers(len(words))] + (" " + words[rng.integers(len(words))] if rng.random() < 0.3 else "")
    return script, text, faces[rng.integers(len(faces))]


# --- what is no text ---

def stretched(rng, shape, across, down):
    small = rng.normal(size=(max(2, int(shape[0] / down) + 2), max(2, int(shape[1] / across) + 2))).astype(numpy.float32)
    how = [Image.BICUBIC, Image.BILINEAR, Image.NEAREST][rng.choice(3, p=[0.5, 0.25, 0.25])]
    return numpy.asarray(Image.fromarray(small).resize((shape[1], shape[0]), how))


def unit(a):
    low, high = numpy.percentile(a, 0.2), numpy.percentile(a, 99.8)
    return ((a - low) / (high - low + 1e-6)).clip(0, 1).astype(numpy.float32)


def branch(rng, draw, x, y, angle, width, depth, tone, bend):
    stack, steps = [(x, y, angle, width, depth)], 0
    while stack and steps < 900:
        x, y, angle, width, depth = stack.pop()
        for _ in range(int(rng.integers(4, 24))):
            angle += rng.normal() * bend
            u, v = x + 6 * math.cos(angle), y + 6 * math.sin(angle)
            draw.line((x, y, u, v), fill=tone, width=max(1, int(width)))
            x, y, steps = u, v, steps + 1
        if depth > 0:
            for side in (-1, 1):
                stack.append((x, y, angle + side * rng.uniform(0.2, 0.9), width * rng.uniform(0.5, 0.9), depth - 1))


def devices(rng, draw, shape, tone):
    """Stents, screws, coils, clips, wires, needles, electrodes, markers: small sharp things in rows."""
    h, w = shape
    kind = rng.integers(0, 9)
    x, y = rng.uniform(0, w * 0.8), rng.uniform(0, h * 0.8)
    n, a, b, thick = int(rng.integers(4, 22)), rng.uniform(4, 16), rng.uniform(6, 28), int(rng.integers(1, 4))
    turned = rng.random() < 0.4

    def line(points, **how):
        draw.line([(q, p) if turned else (p, q) for p, q in points], fill=tone, width=how.get("width", thick))
    if turned:
        x, y = rng.uniform(0, h * 0.8), rng.uniform(0, w * 0.8)
    if kind == 0:  # a stent: two zigzags
        for s in (0, b / 2):
            line([(x + i * a, y + (b if i % 2 else 0) + s) for i in range(n)], width=1)
            line([(x + i * a, y + (0 if i % 2 else b) + s) for i in range(n)], width=1)
    elif kind == 1:  # a screw
        line([(x, y + b / 2), (x + n * a / 2, y + b / 2)], width=max(2, int(b / 3)))
        for i in range(n):
            line([(x + i * a / 2, y), (x + i * a / 2 + a / 4, y + b)], width=1)
    elif kind == 2:  # coils
        line([(x + 0.25 * a * i + b / 2 * math.cos(i * 0.7), y + b / 2 * math.sin(i * 0.7)) for i in range(n * 8)], width=1)
    elif kind == 3:  # clips, staples
        for i in range(n):
            u = x + i * a * 2
            line([(u, y), (u, y + b), (u + a, y + b), (u + a, y)])
    elif kind == 4:  # wires of a sternum: bows
        for i in range(n // 2):
            line([(x + i * b * 1.3 + b / 2 * math.cos(t), y + b / 2 * math.sin(t)) for t in numpy.linspace(rng.uniform(0, 1), rng.uniform(4, 6), 14)])
    elif kind == 5:  # a catheter with marker rings
        line([(x + i * 9, y + 12 * math.sin(i / 5)) for i in range(n * 2)], width=1)
        for i in range(0, n * 2, 3):
            line([(x + i * 9, y + 12 * math.sin(i / 5) - 2), (x + i * 9, y + 12 * math.sin(i / 5) + 3)], width=thick + 1)
    elif kind == 6:  # electrodes of a lead
        for i in range(n):
            line([(x + i * a * 1.6, y + i * 0.3), (x + i * a * 1.6 + a, y + i * 0.3)], width=int(b / 2))
    elif kind == 7:  # teeth of a comb, collimator leaves
        for i in range(n * 2):
            line([(x + i * a, y), (x + i * a, y + b * rng.uniform(0.4, 1.4))], width=thick)
    else:  # biopsy clips and seeds: small shapes thrown together
        for _ in range(n):
            u, v, t = x + rng.uniform(0, 10 * a), y + rng.uniform(0, 2 * b), rng.uniform(0, 3.2)
            line([(u, v), (u + a * math.cos(t), v + a * math.sin(t))])


def hard_background(rng, shape):
    h, w = shape
    kind = rng.integers(0, 14)
    base = unit(sum(text_draw.smooth(rng, shape, max(2, w / d)) / d ** rng.uniform(0.3, 1) for d in (2.5, 6, 15, 40)))
    if kind == 0:  # counts of few photons, stretched to full range
        rate = base ** rng.uniform(1, 4) * rng.uniform(0.3, 12)
        image = rng.poisson(rate).astype(numpy.float32)
        if rng.random() < 0.6:
            image = numpy.asarray(Image.fromarray(image[::2, ::2] if rng.random() < 0.5 else image[::3, ::3]).resize((w, h), rng.choice([Image.NEAREST, Image.BICUBIC])))
    elif kind in (1, 2):  # noise that is longer in one direction, heavy tails, dark between
        across, down = rng.uniform(1, 9), rng.uniform(1, 5)
        if rng.random() < 0.3:
            across, down = down, across
        image = numpy.exp(stretched(rng, shape, across, down) * rng.uniform(0.5, 2)) * base ** rng.uniform(0.3, 4)
        if rng.random() < 0.4:
            image = image * (numpy.abs(stretched(rng, shape, w, rng.uniform(6, 40))) + 0.1)
    elif kind == 3:  # ringing: fringes around edges
        y, x = numpy.mgrid[0:h, 0:w].astype(numpy.float32)
        r = numpy.hypot(x - rng.uniform(0, w), y - rng.uniform(0, h)) + 8 * stretched(rng, shape, 40, 40)
        image = numpy.abs(numpy.sin(r / rng.uniform(1.2, 5))) * base ** 2 + 0.3 * numpy.abs(stretched(rng, shape, 2, 2)) * base
    elif kind in (4, 5):  # trabeculae and gyri: ridges of one tone, also pixelated
        zoom = int(rng.integers(1, 4))
        small = (h // zoom + 1, w // zoom + 1)
        fine = text_draw.smooth(rng, small, rng.uniform(2.2, 9))
        ridge = (numpy.abs(fine) < rng.uniform(0.15, 0.6)) if rng.random() < 0.6 else fine > rng.uniform(-0.3, 0.8)
        part = rng.uniform(0.1, 0.7) * ridge + rng.normal(size=small) * rng.choice([0, 0.01, 0.05])
        if rng.random() < 0.3:
            part = (part + numpy.roll(part, 1, 0) + numpy.roll(part, 1, 1)) / 3
        image = numpy.kron(part, numpy.ones((zoom, zoom), numpy.float32))[:h, :w] + base * rng.uniform(0, 0.7)
    elif kind == 6:  # fibres of a breast, specks of lime
        image = 0.3 + 0.4 * base
        for _ in range(int(rng.integers(1, 4))):
            image = image + rng.uniform(0.02, 0.2) * (numpy.abs(stretched(rng, shape, rng.uniform(4, 30), rng.uniform(2, 10))) < 0.12)
        for _ in range(int(rng.integers(0, 5))):
            cy, cx, spread = rng.integers(0, h), rng.integers(0, w), rng.uniform(4, 40)
            for _ in range(int(rng.integers(4, 40))):
                v, u, r = int(cy + rng.normal() * spread), int(cx + rng.normal() * spread), int(rng.integers(1, 4))
                if r <= v < h - r and r <= u < w - r:
                    image[v:v + r, u:u + r] += rng.uniform(0.1, 0.6)
    elif kind == 7:  # film: grain, dust, scratches, its rim
        image = base * 0.7 + stretched(rng, shape, rng.uniform(1, 3), rng.uniform(1, 3)) * rng.uniform(0.02, 0.15)
        edge = int(rng.integers(0, 30))
        image[:edge] = rng.uniform(0, 1)
        image[:, w - edge:] = rng.uniform(0, 1)
    elif kind == 8:  # speckle of a sector, with stripes of gain
        grain = numpy.hypot(stretched(rng, shape, rng.uniform(1.5, 6), rng.uniform(1.2, 3)), stretched(rng, shape, rng.uniform(1.5, 6), rng.uniform(1.2, 3)))
        image = numpy.log1p(grain * base ** rng.uniform(0.5, 3) * rng.uniform(5, 60))
        y, x = numpy.mgrid[0:h, 0:w].astype(numpy.float32)
        image = numpy.where(numpy.abs(numpy.arctan2(x - w / 2, y + 0.1 * h)) < rng.uniform(0.4, 0.8), image, 0)
    elif kind == 9:  # tags, anti-scatter grids, line pairs, tiles
        y, x = numpy.mgrid[0:h, 0:w].astype(numpy.float32)
        p, q, t = rng.uniform(3, 24), rng.uniform(3, 24), rng.uniform(-0.1, 0.1)
        waves = numpy.sin((x + t * y) * 6.283 / p) * (numpy.sin((y - t * x) * 6.283 / q) if rng.random() < 0.6 else 1)
        image = base + rng.uniform(0.05, 0.5) * ((waves > rng.uniform(-0.6, 0.8)) if rng.random() < 0.5 else waves) * (base > rng.uniform(0, 0.7))
    elif kind == 10:  # vessels: trees
        picture = Image.fromarray(((0.45 + 0.3 * base) * 255).clip(0, 255).astype(numpy.uint8))
        draw = ImageDraw.Draw(picture)
        for _ in range(int(rng.integers(2, 9))):
            branch(rng, draw, rng.uniform(0, w), rng.uniform(0, h), rng.uniform(0, 6.3), rng.uniform(2, 9), int(rng.integers(2, 6)), int(rng.choice([20, 60, 100, 230])), rng.uniform(0.05, 0.4))
        if rng.random() < 0.6:
            picture = picture.filter(ImageFilter.GaussianBlur(rng.uniform(0.4, 1.2)))
        image = numpy.asarray(picture) / 255.0 + rng.normal(size=shape) * rng.uniform(0, 0.04)
    elif kind == 11:  # a map of few tones, mosaics
        image = numpy.round(stretched(rng, shape, rng.uniform(3, 14), rng.uniform(3, 14)) * 2) / 6 * (stretched(rng, shape, 30, 30) > rng.uniform(-0.5, 1)) + 0.3 * base
    elif kind == 12:  # patches of different texture with sharp borders
        image = base.copy()
        for _ in range(int(rng.integers(2, 8))):
            y0, x0 = int(rng.uniform(0, h * 0.8)), int(rng.uniform(0, w * 0.8))
            part = image[y0:y0 + int(rng.uniform(10, h / 2)), x0:x0 + int(rng.uniform(20, w / 2))]
            part[:] = part * rng.uniform(0, 1) + rng.uniform(0, 0.5) + stretched(rng, part.shape, rng.uniform(1, 6), rng.uniform(1, 6)) * rng.uniform(0, 0.4)
    else:
        image = base + rng.normal(size=shape) * rng.uniform(0, 0.3)
    image = unit(image)
    if rng.random() < 0.2:
        image = 1 - image
    if rng.random() < 0.25:  # air around
        y, x = numpy.mgrid[0:h, 0:w].astype(numpy.float32)
        image = numpy.where(((x / w - 0.5) / rng.uniform(0.3, 0.5)) ** 2 + ((y / h - 0.5) / rng.uniform(0.3, 0.5)) ** 2 < 1, image, rng.choice([0, 0, 1, 0.02]))
    return image.astype(numpy.float32)


def clean(rng, shape):
    image = hard_background(rng, shape) if rng.random() < 0.65 else text_draw.background(rng, shape).clip(0, 1)
    before = Image.fromarray((image.clip(0, 1) * 255).astype(numpy.uint8))
    drawn = before.copy()
    draw = ImageDraw.Draw(drawn)
    if rng.random() < 0.6:
        text_draw.marks(rng, draw, (shape[1], shape[0]))
    for _ in range(int(rng.integers(0, 4)) if rng.random() < 0.6 else 0):
        devices(rng, draw, shape, int(rng.integers(0, 256)))
    a, b = numpy.asarray(before), numpy.asarray(drawn)
    return numpy.where(a != b, b / 255.0, image).astype(numpy.float32)


# --- text ---

def glyphs_of(rng, text, face, size_px):
    font = ImageFont.truetype(face, max(8, int(round(size_px * 1.36))))
    left, top, right, bottom = font.getbbox(text)
    picture = Image.new("L", (max(4, right - left + 4), max(4, bottom - top + 4)), 0)
    drawer = ImageDraw.Draw(picture)
    if rng.random() < 0.3:
        drawer.fontmode = "1"
    drawer.text((2 - left, 2 - top), text, fill=255, font=font)
    return picture


def put(rng, image, judging, taken, scripts=None, faint_share=0.35, sizes=(8, 72), skew=True):
    """Draw one string; (mask, x, y, words about it) or None. `taken` keeps places."""
    h, w = image.shape
    script, text, face = wording(rng, judging, scripts)
    size = sizes[0] * (sizes[1] / sizes[0]) ** (rng.random() ** 1.9)
    if script in ("cjk", "arabic", "hebrew", "hand"):
        size = max(size, 11.0)
    try:
        glyphs = glyphs_of(rng, text, face, size)
    except OSError:
        return None
    turn = int(rng.choice([0, 90, 180, 270], p=[0.78, 0.09, 0.04, 0.09]))
    if turn:
        glyphs = glyphs.rotate(turn, expand=True)
    elif skew and rng.random() < 0.08:
        glyphs = glyphs.rotate(rng.uniform(-2, 2), expand=True, resample=Image.BILINEAR)
    if rng.random() < 0.08:
        glyphs = glyphs.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 0.08 * size)))
    if glyphs.width > w - 4 or glyphs.height > h - 4:
        return None
    x, y = int(rng.integers(1, w - glyphs.width - 1)), int(rng.integers(1, h - glyphs.height - 1))
    where = rng.integers(0, 6)  # often at an edge
    x = 1 + int(rng.integers(0, 4)) if where == 0 else w - glyphs.width - 1 - int(rng.integers(0, 4)) if where == 1 else x
    y = 1 + int(rng.integers(0, 4)) if where == 2 else h - glyphs.height - 1 - int(rng.integers(0, 4)) if where == 3 else y
    x, y = max(0, x), max(0, y)
    around = (slice(max(0, y - 6), y + glyphs.height + 6), slice(max(0, x - 6), x + glyphs.width + 6))
    if taken[around].any():
        return None
    cover = numpy.asarray(glyphs).astype(numpy.float32) / 255
    if (cover > 0.5).sum() < 12:  # the font has none of these letters
        return None
    patch = image[y:y + glyphs.height, x:x + glyphs.width]
    mean, spread = float(patch.mean()), float(patch.std())
    faint = rng.random() < faint_share
    need = rng.uniform(0.07, 0.12) + 3.0 * spread if faint else 0.35 + 2.5 * spread
    style = ["plain", "plain", "plain", "shadowed", "outlined", "plate"][rng.integers(6)]
    bright = mean + need <= 1 and (mean - need < 0 or rng.random() < 0.7)
    if style != "plate" and not bright and mean - need < 0:
        if spread > 0.25:
            return None
        bright, style = mean < 0.5, "outlined"
        need = 1.0
    tone = min(1.0, mean + need) if bright else max(0.0, mean - need)
    other = 0.0 if bright else 1.0
    if style == "outlined":
        ring = numpy.asarray(glyphs.filter(ImageFilter.MaxFilter(3))).astype(numpy.float32) / 255
        patch[:] = patch * (1 - ring) + other * ring
    elif style == "shadowed":
        ring = numpy.roll(cover, (1, 1), (0, 1))
        patch[:] = patch * (1 - ring) + other * ring
    elif style == "plate":
        plate = rng.uniform(0, 1)
        tone = plate + need if plate + need <= 1 else max(0.0, plate - need)
        tone = tone if abs(tone - plate) > 0.07 else (1.0 if plate < 0.5 else 0.0)
        image[max(0, y - 2):y + glyphs.height + 2, max(0, x - 3):x + glyphs.width + 3] = plate
        patch = image[y:y + glyphs.height, x:x + glyphs.width]
    patch[:] = patch * (1 - cover) + tone * cover
    taken[around] = True
    like = "%s %s %s %s %s" % ("8-12px" if size < 13 else "13-24px" if size < 25 else "25-72px", "faint" if faint else "clear",
                               {0: "upright", 180: "upside"}.get(turn, "rotated"), style, script)
    return cover > 0.5, x, y, like, text


def picture(seed, with_text, base=None):
    """An 8 or 16 bit array and the boxes of its strings, for training."""
    rng = numpy.random.default_rng(seed)
    shape = (int(rng.integers(260, 620)), int(rng.integers(300, 760)))
    if base is not None:
        image = base.copy()
        if max(image.shape) < 400 and rng.random() < 0.5:
            image = numpy.kron(image, numpy.ones((2, 2), numpy.float32))
    else:
        image = clean(rng, shape)
    boxes, taken = [], numpy.zeros(image.shape, bool)
    for _ in range(int(rng.integers(3, 14)) if with_text else 0):
        got = put(rng, image, False, taken)
        if got is not None:
            boxes.append((got[1], got[2], got[1] + got[0].shape[1], got[2] + got[0].shape[0]))
    bits = int(rng.choice([8, 8, 8, 12, 16]))
    if bits == 8 and rng.random() < 0.4:
        stream = io.BytesIO()
        Image.fromarray((image.clip(0, 1) * 255).astype(numpy.uint8)).save(stream, "JPEG", quality=int(rng.integers(40, 96)))
        return numpy.asarray(Image.open(stream)), boxes
    if bits == 8:
        return (image.clip(0, 1) * 255).astype(numpy.uint8), boxes
    return (image.clip(0, 1) * (2 ** bits - 1)).astype(numpy.uint16), boxes
