#!/usr/bin/env python3
"""Images for the benchmark of the pixel stage that share neither font nor codec nor picture with what the detector was trained on: strings in DejaVu, on
the held-out third of the real images of a folder (where there is one) and on invented pictures; cines, consoles full of text, scanned pages; RLE, JPEG,
JPEG lossless, JPEG-LS, JPEG 2000 next to raw. Half of the images are clean.

usage: pixels_draw.py OUT COUNT SEED [REAL_FOLDER [wide]]   writes OUT/text, OUT/clean and OUT.answers.jsonl (glyph masks; frame 0 stands for all).
"wide" draws harder: 8 to 72 px, eight scripts in fonts that training left out (those of them that are installed), at edges, upside down, a little
skew, soft, on plates, in colours, MONOCHROME1, palettes, 12 and 16 bits, JPEG of lower quality; clean images full of what resembles text."""
import base64
import glob
import hashlib
import json
import os
import subprocess
import sys

import numpy
import pydicom
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from pydicom.dataset import FileDataset, FileMetaDataset

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(here, "..", "..", "deid", "pixels", "tools"))
import text_draw  # noqa: E402
import text_hard  # noqa: E402

FACES = sorted(glob.glob("/usr/share/fonts/truetype/dejavu/DejaVu*.ttf"))
FACES = [f for f in FACES if "Math" not in f]
FAMILIES = ["VASSEUR", "Delcourt", "Özdemir", "Nowakowska", "Brandão", "THIERRY", "Haugen", "Lindqvist", "Papadakis", "Castelli"]
GIVEN = ["Odile", "TIMOTHEE", "Aurélie", "Gaspard", "Leyla", "BRUNO", "Sigrid", "Matteo", "Inès", "Ruben"]
PLACES = ["Clinique du Parc", "CHU Val-Noir", "St. Odo Hospital", "Centre Belleroche"]
CODECS = {"raw": None, "rle": ["gdcmconv", "--rle"], "jpeg": ["dcmcjpeg", "+eb", "+q", "85"], "jpegls": ["dcmcjpls"],
          "jpegll": ["dcmcjpeg"], "j2k": ["gdcmconv", "--j2k"]}
SORTS = {"US": "1.2.840.10008.5.1.4.1.1.6.1", "US cine": "1.2.840.10008.5.1.4.1.1.3.1", "XA": "1.2.840.10008.5.1.4.1.1.12.1",
         "OT": "1.2.840.10008.5.1.4.1.1.7", "DX": "1.2.840.10008.5.1.4.1.1.1.1"}


def words(rng):
    family, given = FAMILIES[rng.integers(len(FAMILIES))], GIVEN[rng.integers(len(GIVEN))]
    date = "%02d%s%02d%s%04d" % (rng.integers(1, 29), *[rng.choice(list("/.-"))] * 1, rng.integers(1, 13), "/", rng.integers(1925, 2020))
    number = "".join(str(rng.integers(10)) for _ in range(rng.integers(5, 10)))
    return [family + " " + given, family + ", " + given, date, "ID " + number, number, PLACES[rng.integers(len(PLACES))], "Né(e) le " + date][rng.integers(7)]


# Real pictures that carry text of their own, by their digest, as in deid/pixels/tools/text_real.py.
WITH_TEXT = {"25559cb05640", "85480a0287e3", "f7a08c47fe34", "fef7c9392560", "17001fe20089", "24bbbf0ac175", "7d1a676f3c01"}


def held_out(folder):
    """Every third picture, by its digest: text_real.py leaves these out of the training."""
    seen = set()
    for path, _, names in sorted(os.walk(folder)):
        for name in sorted(names):
            try:
                data = pydicom.dcmread(os.path.join(path, name), force=True)
                if str(data.get("Modality", "")) not in ("CT", "MR", "PT", "NM", "XA", "CR", "DX", "MG", "RF") or data.BitsAllocated not in (8, 16):
                    continue
                array = data.pixel_array
            except Exception:  # not DICOM, or compressed in a way that this reader does not know
                continue
            if array.ndim > 2 + (int(data.SamplesPerPixel) > 1):
                array = array[len(array) // 2]
            if min(array.shape[:2]) < 120 or array.shape[0] * array.shape[1] > 5000000 or array.ndim != 2:
                continue
            if array.dtype.kind == "i":
                array = (array.astype(numpy.int32) - int(array.min())).astype(numpy.uint16)
            digest = hashlib.sha256(array.tobytes()).digest()
            if digest[0] % 3 != 0 or digest.hex()[:12] in WITH_TEXT or digest in seen or array.max() == array.min():
                continue
            seen.add(digest)
            low, high = float(array.min()), float(array.max())
            yield (array.astype(numpy.float32) - low) / (high - low)


def string(rng, image, size_px, faint, turn):
    """Draw one string; returns (mask, x, y, what it is like) or None."""
    h, w = image.shape
    text = words(rng)
    face = FACES[rng.integers(len(FACES))]
    font = ImageFont.truetype(face, max(8, int(round(size_px * 1.33))))
    left, top, right, bottom = font.getbbox(text)
    glyphs = Image.new("L", (right - left + 4, bottom - top + 4), 0)
    drawer = ImageDraw.Draw(glyphs)
    if rng.random() < 0.3:
        drawer.fontmode = "1"
    drawer.text((2 - left, 2 - top), text, fill=255, font=font)
    if turn:
        glyphs = glyphs.rotate(turn, expand=True)
    if glyphs.width > w - 8 or glyphs.height > h - 8:
        return None
    x, y = int(rng.integers(3, w - glyphs.width - 3)), int(rng.integers(3, h - glyphs.height - 3))
    cover = numpy.asarray(glyphs).astype(numpy.float32) / 255
    patch = image[y:y + glyphs.height, x:x + glyphs.width]
    mean, spread = float(patch.mean()), float(patch.std())
    need = (0.08 + 3.0 * spread) if faint else (0.4 + 2.5 * spread)
    bright = mean + need <= 1
    if not bright and mean - need < 0:
        return None
    tone = mean + need if bright else mean - need
    style = ["plain", "plain", "shadowed", "outlined"][rng.integers(4)]
    if style == "outlined":
        ring = numpy.asarray(glyphs.filter(ImageFilter.MaxFilter(3))).astype(numpy.float32) / 255
        patch[:] = patch * (1 - ring) + (0 if bright else 1) * ring
    elif style == "shadowed":
        ring = numpy.roll(cover, (1, 1), (0, 1))
        patch[:] = patch * (1 - ring) + (0 if bright else 1) * ring
    patch[:] = patch * (1 - cover) + tone * cover
    like = "%s %s %s %s" % ("9-12px" if size_px < 13 else "13-24px" if size_px < 25 else "25-60px", "faint" if faint else "clear", "rotated" if turn else "upright", style)
    return cover > 0.5, x, y, like, text


def page(rng):
    return numpy.clip(0.93 + rng.normal(size=(1100, 850)) * 0.02, 0, 1).astype(numpy.float32)


def picture(rng, kind, real):
    if kind == "real" and real:
        image = real[rng.integers(len(real))].copy()
        scale = max(1, int(rng.integers(1, 3))) if max(image.shape) < 700 else 1
        return numpy.kron(image, numpy.ones((scale, scale), numpy.float32)) if scale > 1 else image
    if kind == "page":
        return page(rng)
    shape = (int(rng.integers(420, 760)), int(rng.integers(480, 900)))
    image = text_draw.background(rng, shape)
    before = Image.fromarray((image.clip(0, 1) * 255).astype(numpy.uint8))
    drawn = before.copy()
    text_draw.marks(rng, ImageDraw.Draw(drawn), (shape[1], shape[0]))
    a, b = numpy.asarray(before), numpy.asarray(drawn)
    return numpy.where(a != b, b / 255.0, image).astype(numpy.float32).clip(0, 1)


def moved(rng, image, frame):
    """The anatomy of another frame: shifted and with other noise."""
    return (numpy.roll(image, (frame * 2, frame * 3), (0, 1)) + rng.normal(size=image.shape) * 0.01).clip(0, 1).astype(numpy.float32)


def save(path, frames, sort, bits, colour, number):
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = SORTS[sort]
    meta.MediaStorageSOPInstanceUID = "2.25.88%d" % (100000 + number)
    meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    data = FileDataset(path, {}, file_meta=meta, preamble=b"\0" * 128)
    data.is_little_endian, data.is_implicit_VR = True, False
    data.SOPClassUID, data.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    data.ImageType, data.Modality, data.Manufacturer = ["ORIGINAL", "PRIMARY"], sort.split()[0], "Invented Devices"
    data.PatientName, data.PatientID, data.StudyInstanceUID, data.SeriesInstanceUID = "Nobody^Known", "N%06d" % number, "2.25.881", "2.25.882"
    data.InstanceNumber = number + 1
    data.Rows, data.Columns = frames[0].shape[:2]
    top = 2 ** bits - 1
    stack = numpy.stack([(f * top + 0.5) for f in frames])
    kind = numpy.uint8 if bits == 8 else numpy.uint16
    if colour:
        stack = numpy.stack([stack, stack * 0.9, stack * 0.75], axis=-1)
        data.SamplesPerPixel, data.PhotometricInterpretation, data.PlanarConfiguration = 3, "RGB", 0
    else:
        data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 8 if bits == 8 else 16, bits, bits - 1, 0
    if len(frames) > 1:
        data.NumberOfFrames = len(frames)
    raw = numpy.ascontiguousarray(stack.astype(kind)).tobytes()
    data.PixelData = raw + b"\0" * (len(raw) % 2)
    data["PixelData"].VR = "OB" if bits == 8 else "OW"
    data.save_as(path, write_like_original=False)


TINTS = [(1, 1, 1), (1, 1, 0.2), (0.3, 1, 0.4), (0.3, 0.9, 1), (1, 0.6, 0.2)]


def save_wide(rng, path, frames, written, layout, number):
    """Grey, inverted, palette or coloured strings on grey; 8 bits where there is colour."""
    bits = int(rng.choice([8, 8, 12, 16])) if layout in ("grey", "inverted") else 8
    sort = ["US", "XA", "OT", "DX"][number // 2 % 4] if len(frames) == 1 else "US cine"
    save(path, [1 - f for f in frames] if layout == "inverted" else frames, sort, bits, layout == "colour", number)
    data = pydicom.dcmread(path)
    if layout == "inverted":
        data.PhotometricInterpretation = "MONOCHROME1"
    elif layout == "palette":
        data.PhotometricInterpretation = "PALETTE COLOR"
        ramp = numpy.arange(256) * 257
        for colour, power in (("Red", 0.8), ("Green", 1.0), ("Blue", 1.4)):
            setattr(data, colour + "PaletteColorLookupTableDescriptor", [256, 0, 16])
            data[colour + "PaletteColorLookupTableDescriptor"].VR = "US"
            setattr(data, colour + "PaletteColorLookupTableData", (65535 * (ramp / 65535.0) ** power).astype(numpy.uint16).tobytes())
            data[colour + "PaletteColorLookupTableData"].VR = "OW"
    elif layout == "colour":
        tint = numpy.array(TINTS[rng.integers(len(TINTS))])
        stack = numpy.stack([numpy.where(written[..., None], f[..., None] * tint, f[..., None] * (0.95, 0.9, 0.85)) for f in frames])
        raw = (stack * 255 + 0.5).clip(0, 255).astype(numpy.uint8).tobytes()
        data.PixelData = raw + b"\0" * (len(raw) % 2)
    data.save_as(path)
    return bits


def main_wide():
    out, count, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    real = list(held_out(sys.argv[4])) if os.path.isdir(sys.argv[4]) else []
    os.makedirs(out + "/text", exist_ok=True)
    os.makedirs(out + "/clean", exist_ok=True)
    answers = open(out + ".answers.jsonl", "w")
    for i in range(count):
        rng = numpy.random.default_rng(seed * 100019 + i)
        with_text, place = i % 2 == 0, ["hard", "real", "plain", "hard", "real", "cine"][i // 2 % 6]
        if place == "real" and real:
            image = picture(rng, "real", real)
        elif place == "plain":
            image = picture(rng, "invented", real)
        else:
            image = text_hard.clean(rng, (int(rng.integers(420, 760)), int(rng.integers(480, 900)))).clip(0, 1)
        drawn, strings, taken = image.copy(), [], numpy.zeros(image.shape, bool)
        for _ in range(int(rng.integers(2, 9)) if with_text else 0):
            got = text_hard.put(rng, drawn, True, taken)
            if got is not None:
                strings.append(got)
        if with_text and not strings:
            continue
        frames = [drawn]
        if place == "cine":
            frames = [numpy.where(drawn != image, drawn, moved(rng, image, f)) for f in range(5)]
        layout = ["grey", "inverted", "colour", "grey", "palette", "colour", "grey"][i // 2 % 7]
        name = "%s/%05d.dcm" % ("text" if with_text else "clean", i)
        path = os.path.join(out, name)
        bits = save_wide(rng, path, frames, drawn != image, layout, i)
        codec = ["raw", "jpeg", "rle", "jpegls", "j2k"][i // 2 % 5] if layout != "palette" else "raw"
        if codec == "jpeg" and bits == 8 and layout != "inverted":
            command = ["dcmcjpeg", "+eb", "+q", str(int(rng.integers(55, 95)))]
        else:
            codec = "jpegll" if codec == "jpeg" else codec
            command = CODECS[codec]
        if command is not None:
            if subprocess.run(command + [path, path + ".new"], capture_output=True).returncode == 0:
                os.replace(path + ".new", path)
            else:
                codec = "raw"
        for mask, x, y, like, text in strings:
            packed = numpy.packbits(mask, axis=1)
            answers.write(json.dumps({"file": name, "action": "pixels_hidden", "text": "%s %s %s %s|%s" % (like, codec, place, layout, text),
                                      "box": [x, y, mask.shape[1], mask.shape[0]], "mask": base64.b64encode(packed.tobytes()).decode()}) + "\n")
    answers.close()


def main():
    if len(sys.argv) > 5 and sys.argv[5] == "wide":
        return main_wide()
    out, count, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    real = list(held_out(sys.argv[4])) if len(sys.argv) > 4 and os.path.isdir(sys.argv[4]) else []
    os.makedirs(out + "/text", exist_ok=True)
    os.makedirs(out + "/clean", exist_ok=True)
    kinds, codecs = ["real", "invented", "real", "console", "invented", "cine", "real", "page"], list(CODECS)
    answers = open(out + ".answers.jsonl", "w")
    for i in range(count):
        rng = numpy.random.default_rng(seed * 100003 + i)
        kind, with_text = kinds[i // 2 % len(kinds)], i % 2 == 0
        if kind == "page" and not with_text:
            kind = "real"
        image = picture(rng, kind, real)
        strings = []
        wanted = 0 if not with_text else int(rng.integers(12, 26)) if kind in ("console", "page") else int(rng.integers(1, 5))
        taken = numpy.zeros(image.shape, bool)
        drawn = image.copy()
        for _ in range(wanted * 3):
            if len(strings) >= wanted:
                break
            size = 9 * (60 / 9) ** (rng.random() ** (2.2 if kind in ("console", "page") else 1.5))
            faint, turn = kind != "page" and rng.random() < 0.3, int(rng.choice([0, 0, 0, 0, 90, 270])) if kind != "page" else 0
            trial = drawn.copy()
            got = string(rng, trial, size, faint, turn)
            if got is None:
                continue
            mask, x, y, like, text = got
            around = (slice(max(0, y - 6), y + mask.shape[0] + 6), slice(max(0, x - 6), x + mask.shape[1] + 6))
            if taken[around].any():
                continue
            taken[around] = True
            drawn = trial
            strings.append((mask, x, y, like, text))
        if with_text and not strings:
            continue
        bits = 8 if kind in ("cine", "console", "page") else int(rng.choice([8, 8, 12, 16]))
        colour = kind == "console" and rng.random() < 0.6
        codec = codecs[i % 3 * 2 + i // 2 % 2] if kind != "page" else "raw"
        if codec == "jpeg" and bits != 8:
            codec = "jpegll"
        frames = [drawn]
        if kind == "cine":
            written = drawn != image
            frames = [numpy.where(written, drawn, moved(rng, image, f)) for f in range(6)]
        sort = {"cine": "US cine", "console": "US", "page": "OT", "invented": "XA", "real": "DX"}[kind]
        name = "%s/%05d.dcm" % ("text" if with_text else "clean", i)
        path = os.path.join(out, name)
        save(path, frames, sort, bits, colour, i)
        if CODECS[codec] is not None:
            if subprocess.run(CODECS[codec] + [path, path + ".new"], capture_output=True).returncode == 0:
                os.replace(path + ".new", path)
            else:
                codec = "raw"
        for mask, x, y, like, text in strings:
            packed = numpy.packbits(mask, axis=1)
            answers.write(json.dumps({"file": name, "action": "pixels_hidden", "text": "%s %s %s|%s" % (like, codec, kind, text),
                                      "box": [x, y, mask.shape[1], mask.shape[0]], "mask": base64.b64encode(packed.tobytes()).decode()}) + "\n")
    answers.close()


main()
