"""Invented pictures for training and judging the text detector: anatomy-like backgrounds, harmless marks, and text with glyph masks.

Every picture is a function of a seed and of the fonts that are installed. DejaVu is left out: the benchmark draws with it (tests/bench/pixels_draw.py)
and with a bitmap font of its own (testdata/burned_in.c), so that neither is known from training."""
import glob
import math

import numpy
from PIL import Image, ImageDraw, ImageFont

NAMES = ["DUPONT", "Martin", "Lefèvre", "MÜLLER", "Bernard", "O'Connor", "García", "de la Tour", "NGUYEN", "Åkesson", "Li", "Petit", "Fournier", "Wójcik",
         "Rossi", "Kowalska", "Schmidt", "Jean-Pierre", "Marie", "Hélène", "Zoë", "CLAIRE", "Luc", "André", "Ingrid", "IVAN", "SOPHIE", "PAUL"]
WORDS = ["Hospital", "CHU", "Clinique", "Name:", "ID:", "DOB", "Dr", "Acc#", "né le", "NIP", "IPP", "Patient", "F", "M", "Age", "Sex", "MI 1.2", "TIS 0.4", "Ward 3"]


def fonts():
    found = sorted(glob.glob("/usr/share/fonts/truetype/*/*.ttf"))
    skip = ("Symbol", "Dingbat", "Emoji", "Math", "DejaVu", "Hack")  # Hack descends from DejaVu
    return [f for f in found if not any(s in f for s in skip)]


def phrase(rng):
    kind = rng.integers(0, 7)
    name = NAMES[rng.integers(len(NAMES))]
    first = NAMES[rng.integers(len(NAMES))]
    date = "%02d%s%02d%s%04d" % (rng.integers(1, 29), "/.-"[rng.integers(3)], rng.integers(1, 13), "/.-"[rng.integers(3)], rng.integers(1920, 2025))
    number = "".join(str(rng.integers(10)) for _ in range(rng.integers(4, 11)))
    word = WORDS[rng.integers(len(WORDS))]
    return [name + ", " + first, name + " " + first, name, date, number, word + " " + number, word + " " + name + " " + date][kind]


def smooth(rng, shape, scale):
    small = rng.normal(size=(max(2, int(shape[0] / scale) + 2), max(2, int(shape[1] / scale) + 2))).astype(numpy.float32)
    return numpy.asarray(Image.fromarray(small).resize((shape[1], shape[0]), Image.BICUBIC))


def background(rng, shape):
    h, w = shape
    kind = rng.integers(0, 10)
    base = numpy.zeros(shape, numpy.float32)
    for scale in (w / 2.5, w / 6, w / 15, w / 40, 6, 3):
        base += smooth(rng, shape, max(2, scale)) * rng.uniform(0.1, 1) * (scale / w) ** rng.uniform(0.2, 0.9)
    base = (base - base.min()) / (base.max() - base.min() + 1e-6)
    y, x = numpy.mgrid[0:h, 0:w].astype(numpy.float32)
    if kind == 0:  # ultrasound sector with speckle
        cx, r, a = w / 2, numpy.hypot(x - w / 2, y - h * 0.05), numpy.arctan2(x - w / 2, y - h * 0.05)
        inside = (r < h * 0.85) & (r > h * 0.08) & (numpy.abs(a) < rng.uniform(0.5, 0.9))
        grain = numpy.abs(smooth(rng, shape, rng.uniform(1.2, 3)) + 1j * smooth(rng, shape, rng.uniform(1.2, 3)))
        out = numpy.where(inside, base * grain * 0.6, 0)
        out = numpy.log1p(out * 20) / math.log(21)
        del cx
    elif kind == 1:  # mammogram: bright half ellipse, fine texture
        inside = ((x / (w * rng.uniform(0.5, 0.9))) ** 2 + ((y - h / 2) / (h * rng.uniform(0.35, 0.5))) ** 2) < 1
        out = numpy.where(inside, 0.25 + 0.6 * base + 0.05 * smooth(rng, shape, 2), 0.01 * rng.random(shape))
        if rng.random() < 0.3:
            out = 1 - out
    elif kind == 2:  # slice with noise, air around
        inside = ((x - w / 2) / (w * 0.42)) ** 2 + ((y - h / 2) / (h * 0.4)) ** 2 < 1
        out = numpy.where(inside, 0.2 + 0.5 * base, 0.02) + rng.normal(size=shape) * rng.uniform(0, 0.04)
        for _ in range(rng.integers(0, 12)):
            cy, cx, ry, rx = rng.uniform(0.2, 0.8) * h, rng.uniform(0.2, 0.8) * w, rng.uniform(3, h / 12), rng.uniform(3, w / 12)
            out = numpy.where(((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 < 1, rng.uniform(0, 1), out)
    elif kind == 3:  # angiography: vessels on grey
        out = 0.5 + 0.2 * base + rng.normal(size=shape) * 0.02
        picture = Image.fromarray((out.clip(0, 1) * 255).astype(numpy.uint8))
        draw = ImageDraw.Draw(picture)
        for _ in range(rng.integers(5, 30)):
            px, py, angle = rng.uniform(0, w), rng.uniform(0, h), rng.uniform(0, 6.3)
            width = int(rng.integers(1, 9))
            for _ in range(40):
                angle += rng.normal() * 0.3
                nx, ny = px + 8 * math.cos(angle), py + 8 * math.sin(angle)
                draw.line((px, py, nx, ny), fill=int(rng.integers(20, 120)), width=width)
                px, py = nx, ny
        out = numpy.asarray(picture).astype(numpy.float32) / 255
    elif kind == 4:  # jaw: rows of teeth
        out = 0.3 + 0.3 * base + rng.normal(size=shape) * 0.01
        picture = Image.fromarray((out.clip(0, 1) * 255).astype(numpy.uint8))
        draw = ImageDraw.Draw(picture)
        for row in (0.4, 0.55):
            px = w * 0.1
            while px < w * 0.9:
                tw, th = rng.uniform(8, 34), rng.uniform(12, 60)
                draw.rounded_rectangle((px, h * row, px + tw, h * row + th), radius=5, fill=int(rng.integers(120, 240)))
                px += tw + rng.uniform(1, 6)
        out = numpy.asarray(picture).astype(numpy.float32) / 255 + rng.normal(size=shape) * 0.01
    elif kind == 5:  # plain
        out = numpy.full(shape, rng.choice([0, 0, 0.05, 0.5, 1.0]), numpy.float32) + rng.normal(size=shape) * rng.choice([0, 0.005, 0.02])
    elif kind == 7:  # trabecular bone: sharp-edged islands and ridges
        fine = smooth(rng, shape, rng.uniform(2.5, 7))
        out = 0.3 + 0.3 * base + rng.uniform(0.1, 0.5) * (numpy.abs(fine) < rng.uniform(0.15, 0.5)) + rng.normal(size=shape) * 0.01
    elif kind == 8:  # a flow map: patches of few tones on speckle
        grain = numpy.abs(smooth(rng, shape, 1.5)) * 0.2
        tones = numpy.round(smooth(rng, shape, rng.uniform(4, 12)) * 3) / 8 + 0.5
        where = smooth(rng, shape, rng.uniform(10, 40)) > rng.uniform(0, 0.8)
        out = numpy.where(where, tones, grain * base)
    elif kind == 9:  # thin vessels, ribs and scratches at full sharpness
        out = rng.uniform(0.2, 0.6) + 0.25 * base + rng.normal(size=shape) * rng.uniform(0.005, 0.03)
        picture = Image.fromarray((out.clip(0, 1) * 255).astype(numpy.uint8))
        draw = ImageDraw.Draw(picture)
        tone, bend = int(rng.integers(0, 256)), rng.uniform(0.1, 0.6)
        for _ in range(rng.integers(10, 60)):
            px, py, angle, step = rng.uniform(0, w), rng.uniform(0, h), rng.uniform(0, 6.3), rng.uniform(3, 10)
            width = int(rng.integers(1, 7))
            for _ in range(int(rng.integers(2, 40))):
                angle += rng.uniform(-bend, bend)
                nx, ny = px + step * math.cos(angle), py + step * math.sin(angle)
                draw.line((px, py, nx, ny), fill=tone, width=width)
                px, py = nx, ny
        out = numpy.where(numpy.asarray(picture) == tone, tone / 255.0, out)
    else:  # texture
        out = base + rng.normal(size=shape) * rng.uniform(0, 0.1)
    return out.astype(numpy.float32)


def more_marks(rng, draw, kind, tone, x, y):
    if kind == 8:  # a row of equal things: staples, screws, wires, beads, teeth of a comb
        shape, step, tall, wide = rng.integers(0, 5), rng.uniform(5, 40), rng.uniform(5, 40), rng.uniform(2, 20)
        for i in range(int(rng.integers(3, 16))):
            u, v, thick = x + i * step, y + rng.normal() * 1.5, int(rng.integers(1, 4))
            if shape == 0:
                draw.line((u, v, u, v + tall), fill=tone, width=thick)
            elif shape == 1:
                draw.arc((u, v, u + wide, v + tall), rng.uniform(0, 90), rng.uniform(180, 360), fill=tone, width=thick)
            elif shape == 2:
                draw.ellipse((u, v, u + wide, v + tall), fill=tone)
            elif shape == 3:
                draw.polygon([(u, v + tall), (u + wide / 2, v), (u + wide, v + tall)], fill=tone)
            else:
                draw.line([(u, v), (u + wide, v), (u + wide, v + tall)], fill=tone, width=thick)
    elif kind == 9:  # a heart's trace, a spectrum, a time curve
        points, base_y, beat = [], y, int(rng.integers(20, 120))
        for i in range(int(rng.integers(60, 500))):
            phase = i % beat
            jump = {0: -0.2, 1: 1.0, 2: -1.4, 3: 0.7}.get(phase, 0) * rng.uniform(8, 40)
            points.append((x + i, base_y + jump + rng.normal() * 0.7))
        draw.line(points, fill=tone, width=int(rng.integers(1, 3)))
    elif kind == 10:  # a grey wedge or a colour bar with ticks
        across, down = rng.uniform(6, 24), rng.uniform(60, 260)
        for i in range(int(down)):
            draw.line((x, y + i, x + across, y + i), fill=int(255 * i / down))
        for i in range(0, int(down), max(6, int(down / 8))):
            draw.line((x + across + 2, y + i, x + across + 6, y + i), fill=tone)
    elif kind == 11:  # callipers: a dotted ellipse, dotted lines with crosses
        rx, ry, dots = rng.uniform(15, 90), rng.uniform(10, 70), int(rng.integers(12, 60))
        for i in range(dots):
            u, v = x + rx + rx * math.cos(6.283 * i / dots), y + ry + ry * math.sin(6.283 * i / dots)
            draw.rectangle((u, v, u + 1 + (i % 2), v + 1), fill=tone)
    elif kind == 12:  # arrows, brackets, a pointer, a needle with its guide
        for _ in range(int(rng.integers(1, 5))):
            u, v, r = x + rng.uniform(0, 160), y + rng.uniform(0, 160), rng.uniform(5, 24)
            draw.line((u, v, u + r, v + r), fill=tone, width=2)
            draw.polygon([(u, v), (u + r * 0.6, v), (u, v + r * 0.6)], fill=tone)
        for i in range(int(rng.integers(0, 30))):
            draw.line((x + 9 * i, y + 6 * i, x + 9 * i + 4, y + 6 * i + 3), fill=tone, width=1)
    else:  # specks and short strokes, thrown
        for _ in range(int(rng.integers(10, 120))):
            u, v = x + rng.uniform(0, 220), y + rng.uniform(0, 160)
            draw.line((u, v, u + rng.normal() * 6, v + rng.normal() * 6), fill=tone, width=int(rng.integers(1, 4)))


def marks(rng, draw, size):
    """Rulers, grids, ticks, needles, boxes, crosses, arrows: none of them text."""
    w, h = size
    for _ in range(rng.integers(0, 6)):
        kind, tone = rng.integers(0, 14), int(rng.integers(0, 256))
        x, y = rng.uniform(0, w * 0.8), rng.uniform(0, h * 0.8)
        if kind >= 8:
            more_marks(rng, draw, kind, tone, x, y)
            continue
        if kind == 0:
            step, long_tick = rng.uniform(4, 30), rng.uniform(4, 16)
            for i in range(int(rng.integers(5, 40))):
                tick = long_tick * (1.8 if i % 5 == 0 else 1)
                draw.line((x, y + i * step, x + tick, y + i * step), fill=tone, width=1 + int(rng.random() < 0.2))
        elif kind == 1:
            step, long_tick = rng.uniform(4, 30), rng.uniform(4, 16)
            for i in range(int(rng.integers(5, 40))):
                tick = long_tick * (1.8 if i % 5 == 0 else 1)
                draw.line((x + i * step, y, x + i * step, y + tick), fill=tone, width=1 + int(rng.random() < 0.2))
        elif kind == 2:
            step = rng.uniform(10, 60)
            for i in range(12):
                draw.line((x + i * step, y, x + i * step, y + 11 * step), fill=tone, width=1)
                draw.line((x, y + i * step, x + 11 * step, y + i * step), fill=tone, width=1)
        elif kind == 3:
            draw.line((x, y, x + rng.uniform(-200, 200), y + rng.uniform(-200, 200)), fill=tone, width=int(rng.integers(1, 5)))
        elif kind == 4:
            draw.rectangle((x, y, x + rng.uniform(5, 120), y + rng.uniform(5, 120)), outline=tone, fill=tone if rng.random() < 0.4 else None)
        elif kind == 5:
            for _ in range(int(rng.integers(1, 14))):
                r = rng.uniform(1, 6)
                cx, cy = x + rng.uniform(0, 150), y + rng.uniform(0, 150)
                draw.ellipse((cx - r, cy - r, cx + r, cy + r), fill=tone)
        elif kind == 6:
            for i in range(int(rng.integers(3, 20))):  # dotted line, calliper track
                draw.rectangle((x + i * 7, y, x + i * 7 + 2, y + 2), fill=tone)
        else:
            for _ in range(int(rng.integers(1, 5))):
                cx, cy, r = x + rng.uniform(0, 200), y + rng.uniform(0, 200), rng.uniform(4, 12)
                draw.line((cx - r, cy, cx + r, cy), fill=tone)
                draw.line((cx, cy - r, cx, cy + r), fill=tone)


def text_layer(rng, size, count, faces, contrast_low):
    """Place strings without overlap; returns [(mask, tone, outline mask, box)]."""
    w, h = size
    placed, out = [], []
    for _ in range(count * 4):
        if len(out) >= count:
            break
        face = faces[rng.integers(len(faces))]
        pixel = int(round(9 * (60 / 9) ** (rng.random() ** 1.6)))
        words = phrase(rng)
        bitmap = rng.random() < 0.2
        if bitmap:  # the pixel fonts of consoles, enlarged by whole numbers
            font = ImageFont.load_default()
            words = words.encode("latin-1", "replace").decode("latin-1").replace("?", "e")
        else:
            font = ImageFont.truetype(face, max(9, int(pixel * 1.35)))
        left, top, right, bottom = font.getbbox(words)
        tw, th = right - left + 4, bottom - top + 4
        if tw < 6 or th < 5:
            continue
        glyphs = Image.new("L", (tw, th), 0)
        drawer = ImageDraw.Draw(glyphs)
        if rng.random() < 0.4:
            drawer.fontmode = "1"
        drawer.text((2 - left, 2 - top), words, fill=255, font=font)
        if bitmap:
            times = int(rng.integers(1, 4))
            glyphs = glyphs.resize((tw * times, th * times), Image.NEAREST)
        turn = rng.choice([0, 0, 0, 0, 0, 90, 270])
        if turn:
            glyphs = glyphs.rotate(int(turn), expand=True)
        if glyphs.width >= w - 4 or glyphs.height >= h - 4:
            continue
        x, y = int(rng.integers(2, w - glyphs.width - 1)), int(rng.integers(2, h - glyphs.height - 1))
        if rng.random() < 0.5:
            y = int(rng.choice([2 + rng.integers(0, max(1, h // 12)), h - glyphs.height - 2 - rng.integers(0, max(1, h // 12))]))
            y = max(2, min(y, h - glyphs.height - 2))
        box = (x, y, x + glyphs.width, y + glyphs.height)
        if any(box[0] < b[2] + 6 and b[0] < box[2] + 6 and box[1] < b[3] + 6 and b[1] < box[3] + 6 for b in placed):
            continue
        placed.append(box)
        out.append((numpy.asarray(glyphs).astype(numpy.float32) / 255, box, rng.uniform(contrast_low, 1.0) if rng.random() < 0.5 else 1.0))
    return out


def picture(seed, with_text=True, shape=None, base=None, faces=None):
    """Returns (uint16 or uint8 array h,w[,3], [glyph box], mask)."""
    rng = numpy.random.default_rng(seed)
    faces = faces or fonts()
    if base is not None:
        image = base
        shape = base.shape
    else:
        shape = shape or (int(rng.integers(300, 800)), int(rng.integers(300, 900)))
        image = background(rng, shape)
        high = Image.fromarray((image.clip(0, 1) * 255).astype(numpy.uint8))
        before = numpy.asarray(high).copy()
        marks(rng, ImageDraw.Draw(high), (shape[1], shape[0]))
        drawn = numpy.asarray(high)
        image = numpy.where(drawn != before, drawn.astype(numpy.float32) / 255, image)
    mask = numpy.zeros(shape, bool)
    boxes, inks = [], []
    if with_text:
        for glyphs, box, strength in text_layer(rng, (shape[1], shape[0]), int(rng.integers(1, 7)), faces, 0.12):
            x0, y0, x1, y1 = box
            patch = image[y0:y1, x0:x1]
            around = float(numpy.median(patch))
            spread = float(patch.std())
            need = max(0.06 + 2.6 * spread, strength * 0.9)  # legible at all
            bright = around + need <= 1.05 and (rng.random() < 0.75 or around - need < -0.05)
            tone = min(1.0, around + need) if bright else max(0.0, around - need)
            if abs(tone - around) < 0.06 + 2 * spread:
                tone = 1.0 if around < 0.5 else 0.0
                bright = tone > around
                if abs(tone - around) < 0.06 + 2 * spread:
                    continue
            style = rng.integers(0, 6)
            if style == 0:  # outline
                grown = numpy.asarray(Image.fromarray((glyphs * 255).astype(numpy.uint8)).filter(__import__("PIL.ImageFilter").ImageFilter.MaxFilter(3))) / 255
                image[y0:y1, x0:x1] = patch * (1 - grown) + (0.0 if bright else 1.0) * grown
                patch = image[y0:y1, x0:x1]
            elif style == 1:  # shadow
                shadow = numpy.roll(numpy.roll(glyphs, 1, 0), 1, 1)
                image[y0:y1, x0:x1] = patch * (1 - shadow) + (0.0 if bright else 1.0) * shadow
                patch = image[y0:y1, x0:x1]
            elif style == 2:  # on a plate
                plate = 0.0 if bright else 1.0
                image[max(0, y0 - 2):y1 + 2, max(0, x0 - 3):x1 + 3] = plate
                patch = image[y0:y1, x0:x1]
            image[y0:y1, x0:x1] = patch * (1 - glyphs) + tone * glyphs
            mask[y0:y1, x0:x1] |= glyphs > 0.5
            boxes.append(box)
            inks.append(glyphs > 0.5)
    if base is not None:
        return image, boxes, mask, inks
    bits = rng.choice([8, 8, 8, 12, 16])
    if bits == 8 and rng.random() < 0.35:  # JPEG
        import io
        stream = io.BytesIO()
        Image.fromarray((image.clip(0, 1) * 255).astype(numpy.uint8)).save(stream, "JPEG", quality=int(rng.integers(60, 96)))
        array = numpy.asarray(Image.open(stream))
    elif bits == 8:
        array = (image.clip(0, 1) * 255).astype(numpy.uint8)
    else:
        array = (image.clip(0, 1) * (2 ** int(bits) - 1)).astype(numpy.uint16)
    return array, boxes, mask, inks
