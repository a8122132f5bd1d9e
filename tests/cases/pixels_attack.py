"""Pixel data that lies about itself, for pixels_attack.sh: wrong sizes and counts, pixels in unusual places, bytes beside the samples.

usage: pixels_attack.py make IN | judge IN OUT MANIFEST

A secret of 64 bytes that is no identifier (no search for names can find it) is planted where no decoder looks; it must not reach an output. Modality is
one that is not searched, unless a case says otherwise."""
import io
import json
import os
import struct
import sys
import warnings

import numpy
import pydicom
from PIL import Image, ImageDraw, ImageFont
from pydicom._uid_dict import UID_dictionary
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID

warnings.simplefilter("ignore")
PREFIX = "1.2.840.10008.1.2."
RAW, IMPLICIT, BIG, DEFLATED, RLE, JPEG, LOSSLESS, JLS, J2K = (PREFIX + s if s else PREFIX[:-1] for s in
                                                               ("1", "", "2", "1.99", "5", "4.50", "4.70", "4.80", "4.90"))
for unknown in (PREFIX + "4.110", PREFIX + "4.112", PREFIX + "4.203", "1.3.46.670589.33.1.4.1", "1.2.840.113619.5.2"):
    UID_dictionary.setdefault(unknown, ("Unknown", "Transfer Syntax", "", "", "Unknown"))
SECRET = bytes((i * 167 + 89) % 251 for i in range(64))
CT, US, SC = ("1.2.840.10008.5.1.4.1.1." + s for s in ("2", "6.1", "7"))
ROWS, COLUMNS = 96, 128
count = 0
FONT = ImageFont.truetype("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf", 22)


def base(modality="CT", sop=CT, syntax=RAW, bits=8):
    global count
    count += 1
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID, meta.TransferSyntaxUID = sop, "1.2.826.77.%d" % count, UID(syntax)
    ds = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    ds.is_little_endian, ds.is_implicit_VR = syntax != BIG, syntax == IMPLICIT
    ds.SOPClassUID, ds.SOPInstanceUID = sop, meta.MediaStorageSOPInstanceUID
    ds.StudyInstanceUID, ds.SeriesInstanceUID = "1.2.826.77", "1.2.826.76"
    ds.PatientName, ds.PatientID, ds.Modality = "Tester^Tina", "TT-5", modality
    ds.Manufacturer, ds.ImageType = "Nobody", ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.Rows, ds.Columns, ds.SamplesPerPixel, ds.PhotometricInterpretation = ROWS, COLUMNS, 1, "MONOCHROME2"
    ds.BitsAllocated = ds.BitsStored = bits
    ds.HighBit, ds.PixelRepresentation = bits - 1, 0
    return ds


def smooth(rows=ROWS, columns=COLUMNS):
    y, x = numpy.mgrid[0:rows, 0:columns]
    return (70 + x // 8 + y // 8).clip(0, 180).astype("u1")


def raw(ds, value, vr="OB"):
    ds.add_new(0x7FE00010, vr, value)
    return ds


def fragments(ds, frames, table=b""):
    """Fragments as they are given, with this offset table."""
    def item(value):
        value += b"\0" * (len(value) % 2)
        return b"\xfe\xff\x00\xe0" + struct.pack("<I", len(value)) + value
    # Behind what pydicom writes, which would have its own opinion of it.
    value = item(table) + b"".join(item(f) for f in frames) + b"\xfe\xff\xdd\xe0\0\0\0\0"
    return ds, b"\xe0\x7f\x10\0OB\0\0\xff\xff\xff\xff" + value


def jpeg(array=None, **options):
    out = io.BytesIO()
    Image.fromarray(smooth() if array is None else array).save(out, "JPEG", quality=90, **options)
    return out.getvalue()


def j2k(array=None):
    out = io.BytesIO()
    Image.fromarray(smooth() if array is None else array).save(out, "JPEG2000", no_jp2=True, irreversible=False)
    return out.getvalue()


def pack(values):
    """PackBits of literals only."""
    return b"".join(bytes([len(values[i:i + 128]) - 1]) + values[i:i + 128] for i in range(0, len(values), 128))


def rle(planes, header=None, gap=b"", behind=b""):
    segments, at, offsets = b"", 64, []
    for plane in planes:
        offsets.append(at + len(segments))
        segments += plane + gap
        segments += b"\0" * (len(segments) % 2)
    words = [len(planes)] + offsets + [0] * (15 - len(offsets))
    head = bytearray(struct.pack("<16I", *words))
    if header:
        head[-len(header):] = header
    return bytes(head) + segments + behind


def text_picture(rows=ROWS, columns=400):
    picture = Image.fromarray(smooth(rows, columns))
    ImageDraw.Draw(picture).text((12, 30), "LEMAITRE Gaspard 12/03/1961", font=FONT, fill=240)
    return numpy.asarray(picture)


GONE, KEPT_OUT, ANY = "released without the secret", "not released", "released without the secret, or not released"
CASES = {}


def case(expected):
    def register(function):
        CASES[function.__name__.replace("_", "-")] = (function, expected)
        return function
    return register


# --- a layout that nobody can tell ---

def variant(name, expected, change, **options):
    def make():
        ds = raw(base(**options), smooth().tobytes())
        change(ds)
        return ds
    CASES[name] = (make, expected)


def put(tag, vr, value):
    def change(ds):
        ds.add_new(tag, vr, value)
    return change


def drop(*tags):
    def change(ds):
        for tag in tags:
            del ds[tag]
    return change


ROWS_TAG, COLUMNS_TAG, ALLOCATED, SAMPLES, FRAMES = 0x00280010, 0x00280011, 0x00280100, 0x00280002, 0x00280008
for name, change in {"no-rows": drop(ROWS_TAG), "no-columns": drop(COLUMNS_TAG), "no-size": drop(ROWS_TAG, COLUMNS_TAG), "rows-0": put(ROWS_TAG, "US", 0),
                     "allocated-0": put(ALLOCATED, "US", 0), "allocated-12": put(ALLOCATED, "US", 12), "no-allocated": drop(ALLOCATED),
                     "samples-0": put(SAMPLES, "US", 0), "samples-5": put(SAMPLES, "US", 5), "short": put(ROWS_TAG, "US", ROWS + 1),
                     "short-3-samples": put(SAMPLES, "US", 3), "short-16-bits": put(ALLOCATED, "US", 16), "frames-2": put(FRAMES, "IS", "2"),
                     "frames-millions": put(FRAMES, "IS", "99999999"), "rows-65535": put(ROWS_TAG, "US", 65535)}.items():
    for modality, sop in (("CT", CT), ("US", US)):
        variant("%s-%s" % (name, modality), KEPT_OUT, change, modality=modality, sop=sop)


@case(KEPT_OUT)
def bomb_of_frames():
    ds = base("US", "1.2.840.10008.5.1.4.1.1.3.1", RLE)
    ds.Rows = ds.Columns = 65535
    ds.NumberOfFrames = 100000
    return fragments(ds, [rle([b"\x81\x00" * 40])] * 3)


@case(KEPT_OUT)
def bomb_of_rle():
    ds = base("US", US, RLE)
    ds.Rows, ds.Columns = 60000, 17000
    return fragments(ds, [rle([b"\x81\x00" * 40])])


@case(KEPT_OUT)
def bomb_of_j2k():
    ds = base("US", US, J2K)
    stream = bytearray(j2k())
    stream[8:16] = struct.pack(">II", 60000, 17000)  # Xsiz, Ysiz
    stream[24:32] = struct.pack(">II", 60000, 17000)  # one tile
    ds.Columns, ds.Rows = 60000, 17000
    return fragments(ds, [bytes(stream)])


@case(KEPT_OUT)
def bomb_of_jpeg():
    ds = base("US", US, JPEG)
    stream = bytearray(jpeg())
    at = stream.index(b"\xff\xc0")
    stream[at + 5:at + 9] = struct.pack(">HH", 17000, 60000)
    ds.Columns, ds.Rows = 60000, 17000
    return fragments(ds, [bytes(stream)])


@case(KEPT_OUT)
def sequence_as_pixels():
    ds = base()
    item = Dataset()
    item.add_new(0x7FE00010, "OB", SECRET * 200)
    ds.add_new(0x7FE00010, "SQ", Sequence([item]))
    return ds


@case(KEPT_OUT)
def chroma_420_raw():
    ds = base("US", US)
    ds.SamplesPerPixel, ds.PhotometricInterpretation, ds.PlanarConfiguration = 3, "YBR_PARTIAL_420", 0
    return raw(ds, smooth().tobytes() + bytes(ROWS * COLUMNS // 2))


@case(KEPT_OUT)
def chroma_422_of_full_size():
    """Every pixel has its own colour, whatever Photometric Interpretation says: others show it, by the declared layout it is a muddle."""
    ds = base("US", US)
    grey = text_picture()
    ds.SamplesPerPixel, ds.PhotometricInterpretation, ds.PlanarConfiguration = 3, "YBR_FULL_422", 0
    ds.Rows, ds.Columns = grey.shape
    picture = numpy.full(grey.shape + (3,), 128, numpy.uint8)
    picture[:, :, 0] = grey
    return raw(ds, picture.tobytes())


@case(ANY)
def directory_with_a_picture():
    """Directory records do not make an index of a picture: it is never let go as one (pixels_attack.sh)."""
    ds = base()
    ds.DirectoryRecordSequence = [pydicom.Dataset()]
    return raw(ds, smooth().tobytes())


# --- syntaxes that nobody here can follow ---

for number, syntax in enumerate((PREFIX + "4.110", PREFIX + "4.112", "1.3.46.670589.33.1.4.1", "1.2.840.113619.5.2")):
    for modality, sop in (("CT", CT), ("US", US)):
        def make(modality=modality, sop=sop, syntax=syntax):
            return fragments(base(modality, sop, syntax), [b"\xff\x0a" + SECRET * 20])
        CASES["syntax-%d-%s" % (number, modality)] = (make, KEPT_OUT)


@case(KEPT_OUT)
def fragments_in_raw_syntax():
    return fragments(base(), [SECRET * 200])


@case(KEPT_OUT)
def raw_in_jpeg_syntax():
    return base(syntax=JPEG), b"\xe0\x7f\x10\0OB\0\0" + struct.pack("<I", ROWS * COLUMNS) + smooth().tobytes()


for syntax in ("4.100", "4.102", "4.107"):
    def make(syntax=syntax):
        ds = base("CT", CT, PREFIX + syntax)
        ds.NumberOfFrames = 10
        return fragments(ds, [b"\0\0\1\xb3" + SECRET * 20])
    CASES["video-of-ct-" + syntax.replace(".", "-")] = (make, KEPT_OUT)


# --- pixels in other places ---

@case(ANY)
def float_beside():
    ds = raw(base(), smooth().tobytes())
    ds.add_new(0x7FE00008, "OF", SECRET * 64)
    return ds


@case(ANY)
def double_beside():
    ds = raw(base("US", US), smooth().tobytes())
    ds.add_new(0x7FE00009, "OD", SECRET * 64)
    return ds


@case(ANY)
def retired_variable_pixels():
    ds = raw(base(), smooth().tobytes())
    ds.add_new(0x7F000010, "OW", SECRET * 64)
    ds.add_new(0x7F000020, "OW", SECRET * 64)
    return ds


@case(ANY)
def coefficients():
    ds = raw(base(), smooth().tobytes())
    ds.add_new(0x7FE00020, "OW", SECRET * 64)
    return ds


@case(ANY)
def nested_pixels():
    ds = raw(base(), smooth().tobytes())
    item = Dataset()
    item.Rows = item.Columns = 64
    item.add_new(0x7FE00010, "OB", SECRET * 64)
    reference = Dataset()
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = CT, "1.2.3"
    reference.add_new(0x7FE00010, "OB", SECRET * 64)
    reference.IconImageSequence = Sequence([item])
    ds.ReferencedImageSequence = Sequence([reference])
    return ds


@case(ANY)
def icon_of_ct():
    ds = raw(base(), smooth().tobytes())
    item = Dataset()
    item.Rows = item.Columns = 64
    item.add_new(0x7FE00010, "OB", SECRET * 64)
    ds.IconImageSequence = Sequence([item])
    return ds


@case(ANY)
def overlay_plane():
    ds = raw(base(), smooth().tobytes())
    ds.add_new(0x60000010, "US", 64)
    ds.add_new(0x60000011, "US", 64)
    ds.add_new(0x60000040, "CS", "G")
    ds.add_new(0x60000100, "US", 1)
    ds.add_new(0x60000102, "US", 0)
    ds.add_new(0x60003000, "OW", SECRET * 8)
    ds.add_new(0x60FE3000, "OW", SECRET * 8)
    return ds


@case(ANY)
def curve():
    ds = raw(base(), smooth().tobytes())
    ds.add_new(0x50003000, "OW", SECRET * 8)
    return ds


@case(ANY)
def offset_table_of_raw():
    ds = raw(base(), smooth().tobytes())
    ds.add_new(0x7FE00001, "OV", SECRET)
    ds.add_new(0x7FE00002, "OV", SECRET)
    return ds


@case(ANY)
def lengths_alone():
    ds = base(syntax=JPEG)
    ds.add_new(0x7FE00002, "OV", SECRET)
    return fragments(ds, [jpeg()])


@case(ANY)
def modality_lies():
    """Not a segmentation, whatever Modality says."""
    ds = base("SEG", US)
    ds.Columns = 400
    return raw(ds, text_picture().tobytes())


@case(ANY)
def modality_lies_ct():
    ds = base("CT", "1.2.840.10008.5.1.4.1.1.77.1.4")
    ds.Columns = 400
    return raw(ds, text_picture().tobytes())


# --- bytes beside the samples ---

def spare(shift, stored, high, rows, signed=0, sign=0, first=40):
    """The secret in the spare bits of some rows, four bits a word."""
    ds = base(bits=16)
    ds.BitsStored, ds.HighBit, ds.PixelRepresentation = stored, high, signed
    values = (smooth().astype("<u2") * 8) << (high + 1 - stored)
    if sign:
        values[:, ::2] |= 0xF000 | 0x0800
    secret = numpy.frombuffer(SECRET * 192, "u1")[:values.size].reshape(values.shape)
    values[first:first + rows] |= ((secret & 15).astype("<u2") << shift)[first:first + rows]
    return raw(ds, values.astype("<u2").tobytes(), "OW")


@case(GONE)
def high_bits_no_overlay():
    return spare(12, 12, 11, 20)


@case(GONE)
def low_bits_no_overlay():
    return spare(0, 12, 15, 20)


@case(GONE)
def high_bits_signed_no_overlay():
    return spare(12, 12, 11, 20, 1, 1)


@case(GONE)
def high_bits_last_row_no_overlay():
    return spare(12, 12, 11, 1, first=95)


@case(KEPT_OUT)
def bits_stored_lies():
    return spare(12, 12, 11, 56, 0, 1)


@case(KEPT_OUT)
def tail_large():
    return raw(base(), smooth().tobytes() + SECRET * 20000)


@case(GONE)
def tail_small():
    return raw(base(), smooth().tobytes() + SECRET * 2)


@case(KEPT_OUT)
def tail_frames_1_of_2():
    """A second frame that the header does not count."""
    return raw(base("US", US), smooth().tobytes() + (SECRET * 200)[:ROWS * COLUMNS])


@case(GONE)
def rle_behind():
    return fragments(base(syntax=RLE), [rle([pack(smooth().tobytes())], behind=SECRET)])


@case(GONE)
def rle_gap():
    return fragments(base(syntax=RLE), [rle([pack(smooth().tobytes())], gap=SECRET)])


@case(GONE)
def rle_header():
    return fragments(base(syntax=RLE), [rle([pack(smooth().tobytes())], header=SECRET[:40])])


@case(GONE)
def rle_noop():
    """Control bytes that do nothing cannot carry text, but a run that goes beyond the picture can."""
    return fragments(base(syntax=RLE), [rle([pack(smooth().tobytes() + SECRET)])])


@case(GONE)
def rle_second_fragment():
    return fragments(base(syntax=RLE), [rle([pack(smooth().tobytes())]), SECRET])


@case(GONE)
def rle_16_bits_gap():
    ds = base(syntax=RLE, bits=16)
    return fragments(ds, [rle([pack(smooth().tobytes())] * 2, gap=SECRET)])


@case(KEPT_OUT)
def jpeg_two_streams():
    """Two frames where one is declared: releasing one of them would lose the other."""
    return fragments(base(syntax=JPEG), [jpeg(), jpeg(text_picture(ROWS, COLUMNS))])


@case(KEPT_OUT)
def jpeg_frames_1_of_3():
    ds = base("US", US, JPEG)
    ds.NumberOfFrames = 1
    return fragments(ds, [jpeg()] * 3)


@case(KEPT_OUT)
def jpeg_larger_than_header():
    return fragments(base(syntax=JPEG), [jpeg(text_picture(200, 400))])


@case(KEPT_OUT)
def j2k_larger_than_header():
    return fragments(base(syntax=J2K), [j2k(text_picture(200, 400))])


@case(ANY)
def jpeg_secret_in_tables():
    """A Huffman table that no scan uses, and arithmetic conditioning."""
    stream = jpeg()
    return fragments(base(syntax=JPEG), [stream[:2] + b"\xff\xcc" + (2 + len(SECRET)).to_bytes(2, "big") + SECRET + stream[2:]])


@case(ANY)
def jpeg_before_first_marker():
    return fragments(base(syntax=JPEG), [SECRET + jpeg()])


@case(ANY)
def offsets_into_the_middle():
    ds = base(syntax=JPEG)
    ds.NumberOfFrames = 2
    one = jpeg()
    return fragments(ds, [one, SECRET, jpeg()], struct.pack("<II", 0, 9999999))


@case(ANY)
def table_of_secrets():
    ds = base(syntax=JPEG)
    return fragments(ds, [jpeg()], SECRET)


@case(ANY)
def extended_table_of_secrets():
    ds = base(syntax=JPEG)
    ds.add_new(0x7FE00001, "OV", SECRET)
    ds.add_new(0x7FE00002, "OV", SECRET)
    return fragments(ds, [jpeg()])


@case(ANY)
def fragment_nobody_names():
    """Three fragments, two frames; the table leaves the last one to the second frame."""
    ds = base(syntax=JPEG)
    ds.NumberOfFrames = 2
    a, b = jpeg(), jpeg()
    a += b"\0" * (len(a) % 2)
    return fragments(ds, [a, b, SECRET], struct.pack("<II", 0, len(a) + 8))


def make_all(folder):
    os.makedirs(folder)
    for name, (function, _) in sorted(CASES.items()):
        made = function()
        ds, behind = made if isinstance(made, tuple) else (made, b"")
        path = os.path.join(folder, name + ".dcm")
        ds.save_as(path, write_like_original=False)
        with open(path, "ab") as file:
            file.write(behind)


def hidden(everything, name):
    """Is the secret there, in any of the ways in which it was planted?"""
    if SECRET[:24] in everything or SECRET[24:48] in everything:
        return True
    if "bits-no-overlay" in name:
        ds = pydicom.dcmread(io.BytesIO(everything))
        values = numpy.frombuffer(ds.PixelData, "<u2")
        spare_bits = values & (0x000F if name.startswith("low") else 0xF000)
        return bool(((spare_bits != 0) & (spare_bits != (0xF000 if "signed" in name else 0))).any())
    if name == "rle-header":
        return SECRET[:40] in everything
    return False


def same_samples(path, everything):
    """As PS3.5 8.1.1 reads them, and as readers do that take the whole word."""
    out = []
    for ds in (pydicom.dcmread(path), pydicom.dcmread(io.BytesIO(everything))):
        words = numpy.frombuffer(ds.PixelData, "<u2")
        samples = (words.astype("i4") >> (ds.HighBit + 1 - ds.BitsStored)) & 0xFFF
        out.append(numpy.where(samples > 2047, samples - 4096, samples) if ds.PixelRepresentation else samples)
    whole = numpy.frombuffer(ds.PixelData, "<i2" if ds.PixelRepresentation else "<u2").astype("i4") >> (ds.HighBit + 1 - ds.BitsStored)
    return (out[0] == out[1]).all() and (whole == out[1]).all()


def judge(source, out, manifest):
    bad = seen = 0
    for line in open(manifest):
        entry = json.loads(line)
        name = os.path.basename(entry["source"])[:-4]
        if name not in CASES:
            continue
        seen += 1
        expected = CASES[name][1]
        released = entry["outcome"] == "released"
        problem = ""
        if released and expected == KEPT_OUT:
            problem = "released"
        if not released and expected == GONE:
            problem = "%s: %s" % (entry["outcome"], entry["reason"])
        if released:
            everything = open(os.path.join(out, entry["output"]), "rb").read()
            if hidden(everything, name):
                problem = "the secret is in the output"
            if "no-overlay" in name and not same_samples(os.path.join(source, name + ".dcm"), everything):
                problem = "samples changed"
            if name.startswith("modality-lies") and not entry["regions"]:
                problem = "the text was not looked for"
        if os.environ.get("VERBOSE"):
            print("%-28s %s %s" % (name, entry["outcome"], entry["reason"] or ""))
        if problem:
            print("FAIL %s: %s" % (name, problem))
            bad += 1
    missing = len(CASES) - seen
    print("%d cases judged, %d bad, %d missing" % (seen, bad, missing))
    return 1 if bad or missing else 0


if sys.argv[1] == "make":
    make_all(sys.argv[2])
else:
    sys.exit(judge(*sys.argv[2:5]))
