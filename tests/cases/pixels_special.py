"""Images for pixels_special.sh, and what must become of them.

usage: pixels_special.py make IN SHARED | judge IN OUT MANIFEST"""
import io
import json
import os
import sys
import warnings

import numpy
import pydicom
from PIL import Image, ImageDraw, ImageFont
from pydicom._uid_dict import UID_dictionary
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate, generate_pixel_data_frame
from pydicom.sequence import Sequence
from pydicom.uid import UID, ExplicitVRLittleEndian

warnings.simplefilter("ignore")
for unknown in ("201", "202", "203", "102.1"):  # to this pydicom
    UID_dictionary.setdefault("1.2.840.10008.1.2.4." + unknown, (unknown, "Transfer Syntax", "", "", unknown))
JPEG, J2K = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.90"
FONT = ImageFont.truetype("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf", 24)
NAME = "LEMAITRE Gaspard 12/03/1961"
count = 0


def base(modality, rows, columns, syntax=ExplicitVRLittleEndian, sop="1.2.840.10008.5.1.4.1.1.7"):
    global count
    count += 1
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID, meta.TransferSyntaxUID = sop, "1.2.826.99.%d" % count, UID(syntax)
    ds = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    ds.is_little_endian, ds.is_implicit_VR = True, False
    ds.SOPClassUID, ds.SOPInstanceUID = sop, meta.MediaStorageSOPInstanceUID
    ds.StudyInstanceUID, ds.SeriesInstanceUID = "1.2.826.99", "1.2.826.98"
    ds.PatientName, ds.PatientID, ds.PatientBirthDate, ds.Modality = "Lemaitre^Gaspard", "GL-5", "19610312", modality
    ds.Manufacturer, ds.ImageType = "Nobody", ["ORIGINAL", "PRIMARY"]
    ds.Rows, ds.Columns, ds.SamplesPerPixel, ds.PhotometricInterpretation = rows, columns, 1, "MONOCHROME2"
    ds.BitsAllocated = ds.BitsStored = 8
    ds.HighBit, ds.PixelRepresentation = 7, 0
    return ds


def smooth(rows, columns):
    y, x = numpy.mgrid[0:rows, 0:columns]
    return (70 + x // 8 + y // 8).clip(0, 180).astype("u1")


def written(rows, columns, text, at, value=240, under=None):
    picture = Image.fromarray(smooth(rows, columns) if under is None else under)
    ImageDraw.Draw(picture).text(at, text, font=FONT, fill=value)
    return numpy.asarray(picture)


def jpeg(array, **options):
    out = io.BytesIO()
    Image.fromarray(array).save(out, "JPEG", quality=90, **options)
    return out.getvalue()


def segment(marker, payload):
    return bytes((255, marker)) + (len(payload) + 2).to_bytes(2, "big") + payload


def regions(*boxes):
    out = []
    for x0, y0, x1, y1 in boxes:
        item = Dataset()
        item.RegionSpatialFormat, item.RegionDataType, item.RegionFlags = 1, 1, 0
        item.add_new(0x00186018, "UL", x0 & 0xFFFFFFFF)
        item.add_new(0x0018601A, "UL", y0 & 0xFFFFFFFF)
        item.add_new(0x0018601C, "UL", x1 & 0xFFFFFFFF)
        item.add_new(0x0018601E, "UL", y1 & 0xFFFFFFFF)
        item.PhysicalUnitsXDirection = item.PhysicalUnitsYDirection = 3
        item.PhysicalDeltaX = item.PhysicalDeltaY = 0.01
        out.append(item)
    return Sequence(out)


REGIONS = {"one": [(40, 60, 299, 219)], "two": [(10, 60, 149, 219), (160, 60, 309, 199)], "overlapping": [(10, 40, 200, 150), (100, 100, 300, 220)],
           "beyond": [(40, 60, 5000, 4000)], "whole": [(0, 0, 319, 239)], "zero": [(0, 0, 0, 0)], "inverted": [(200, 200, 100, 100)],
           "outside": [(1000, 1000, 1200, 1200)], "thin": [(10, 10, 14, 200)], "good-and-bad": [(0, 0, 0, 0), (40, 60, 299, 219), (900, 0, 950, 50)]}


def encapsulated(ds, frames):
    ds.PixelData = encapsulate(frames)
    ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True


def make(folder, shared):
    os.makedirs(folder)

    def save(ds, name):
        ds.save_as(os.path.join(folder, name + ".dcm"), write_like_original=False)

    for photometric, paper in (("MONOCHROME2", 1), ("MONOCHROME1", 0)):  # a scanned form
        ds = base("OT", 200, 480, sop="1.2.840.10008.5.1.4.1.1.7.1")
        ds.PhotometricInterpretation, ds.BitsAllocated, ds.BitsStored, ds.HighBit = photometric, 1, 1, 0
        picture = Image.new("L", (480, 200), 255)
        ImageDraw.Draw(picture).text((30, 60), NAME, font=FONT, fill=0)
        bits = (numpy.asarray(picture) > 128) == bool(paper)
        ds.PixelData = numpy.packbits(bits, bitorder="little").tobytes()
        ds["PixelData"].VR = "OB"
        save(ds, "bit-" + photometric)
    ds = base("OT", 64, 64)
    ds.BitsAllocated = 32
    del ds.BitsStored, ds.HighBit, ds.PixelRepresentation
    ds.add_new(0x7FE00008, "OF", numpy.ones((64, 64), "<f4").tobytes())
    save(ds, "float")
    for name, syntax in (("mpeg2", "100"), ("mpeg2-high", "101"), ("h264", "102"), ("h264-42", "104"), ("hevc", "107"), ("h264-bd", "103"), ("h264-fragmentable", "102.1")):
        ds = base("ES", 480, 640, "1.2.840.10008.1.2.4." + syntax, "1.2.840.10008.5.1.4.1.1.77.1.1.1")
        ds.NumberOfFrames, ds.SamplesPerPixel, ds.PhotometricInterpretation = 25, 3, "YBR_PARTIAL_420"
        encapsulated(ds, [b"\0\0\1\xb3" + bytes(range(256)) * 20])
        ds.PlanarConfiguration = 0
        save(ds, "video-" + name)
    # Text beside the samples; a CT is not searched, its streams are looked at all the same.
    clean, note = smooth(96, 128), NAME.encode()
    plain = jpeg(clean)
    thumbnail = segment(0xE1, b"Exif\0\0II*\0\x08\0\0\0" + note)
    streams = {"comment": plain[:2] + segment(0xFE, note) + plain[2:], "exif": plain[:2] + thumbnail + plain[2:],
               "behind": plain + note, "late-comment": plain[:-2] + segment(0xFE, note) + plain[-2:],
               "app14": plain[:2] + segment(0xEE, b"Adobe\0" + note) + plain[2:],
               "jfif-thumbnail": plain[:2] + segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\3\3" + note[:27]) + plain[2:],
               "progressive": (lambda s: s[:2] + segment(0xFE, note) + s[2:])(jpeg(clean, progressive=True)), "clean": plain}
    for name, stream in streams.items():
        for modality in ("CT", "OT"):
            ds = base(modality, 96, 128, JPEG, "1.2.840.10008.5.1.4.1.1.2" if modality == "CT" else "1.2.840.10008.5.1.4.1.1.7")
            ds.LossyImageCompression = "01"
            encapsulated(ds, [stream])
            save(ds, "beside-%s-%s" % (name, modality))
    for modality in ("CT", "OT"):
        out = io.BytesIO()
        Image.fromarray(clean).save(out, "JPEG2000", no_jp2=True, irreversible=False)
        stream = out.getvalue()
        siz = 4 + int.from_bytes(stream[4:6], "big")
        stream = stream[:siz] + segment(0x64, b"\0\1" + note) + stream[siz:]
        ds = base(modality, 96, 128, J2K, "1.2.840.10008.5.1.4.1.1.2" if modality == "CT" else "1.2.840.10008.5.1.4.1.1.7")
        encapsulated(ds, [stream])
        save(ds, "beside-j2k-" + modality)
        out = io.BytesIO()
        Image.fromarray(clean).save(out, "JPEG2000", irreversible=False)
        stream = out.getvalue() + (len(note) + 8).to_bytes(4, "big") + b"xml " + note
        ds = base(modality, 96, 128, J2K, "1.2.840.10008.5.1.4.1.1.2" if modality == "CT" else "1.2.840.10008.5.1.4.1.1.7")
        encapsulated(ds, [stream])
        save(ds, "beside-jp2box-" + modality)
    # An overlay with text in the high bits of a CT, and an icon of it.
    ds = base("CT", 120, 480, sop="1.2.840.10008.5.1.4.1.1.2")
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 16, 12, 11
    text = Image.new("L", (480, 120), 0)
    ImageDraw.Draw(text).text((20, 40), NAME, font=FONT, fill=255)
    values = smooth(120, 480).astype("u2") * 8 | ((numpy.asarray(text) > 128).astype("u2") << 12)
    ds.PixelData = values.tobytes()
    ds["PixelData"].VR = "OW"
    ds.add_new(0x60000010, "US", 120)
    ds.add_new(0x60000011, "US", 480)
    ds.add_new(0x60000040, "CS", "G")
    ds.add_new(0x60000050, "SS", [1, 1])
    ds.add_new(0x60000100, "US", 16)
    ds.add_new(0x60000102, "US", 12)
    save(ds, "overlay-high-bits")
    ds = base("OT", 120, 480)
    ds.PixelData = written(120, 480, NAME, (20, 40)).tobytes()
    icon = Dataset()
    icon.Rows, icon.Columns, icon.SamplesPerPixel, icon.PhotometricInterpretation = 64, 64, 1, "MONOCHROME2"
    icon.BitsAllocated, icon.BitsStored, icon.HighBit, icon.PixelRepresentation = 8, 8, 7, 0
    icon.PixelData = b"\x55" * 4096
    ds.IconImageSequence = Sequence([icon])
    save(ds, "icon")
    frames = [jpeg(written(96, 400, "Frame", (10, 10))) for _ in range(5)]
    frames[3] = frames[3][:len(frames[3]) // 3]
    ds = base("US", 96, 400, JPEG, "1.2.840.10008.5.1.4.1.1.3.1")
    ds.NumberOfFrames = 5
    encapsulated(ds, frames)
    save(ds, "corrupt-frame")
    for name, boxes in REGIONS.items():
        ds = base("US", 240, 320, sop="1.2.840.10008.5.1.4.1.1.6.1")
        ds.SequenceOfUltrasoundRegions = regions(*boxes)
        ds.PixelData = written(240, 320, "LEMAITRE G", (20, 8)).tobytes()
        save(ds, "regions-" + name)
    for name in ("HTJ2KLossless_08_RGB", "HTJ2K_08_RGB"):
        path = os.path.join(shared, name + ".dcm")
        if os.path.exists(path):
            ds = pydicom.dcmread(path)
            ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = "1.2.826.99.9%d" % len(name)
            ds.Modality, ds.PatientID, ds.PatientName = "US", "GL-5", "Lemaitre^Gaspard"
            ds.SequenceOfUltrasoundRegions = regions((64, 48, 575, 431))
            save(ds, name)


def expect(condition, why):
    if not condition:
        raise AssertionError(why)


def judge_one(name, entry, source, folder):
    outcome, reason = entry["outcome"], entry["reason"] or ""
    if name == "float":
        return expect(outcome == "quarantined" and "floating" in reason, (outcome, reason))
    if name.startswith("video-"):
        return expect(outcome == "review" and "video" in reason, (outcome, reason))
    if name == "corrupt-frame":
        return expect(outcome == "quarantined" and "frame 3" in reason, (outcome, reason))
    expect(outcome == "released", (outcome, reason))
    path = os.path.join(folder, entry["output"])
    before, after = pydicom.dcmread(source), pydicom.dcmread(path)
    everything = open(path, "rb").read()
    for word in (b"LEMAITRE", b"Lemaitre", b"Gaspard", b"1961"):
        expect(word not in everything, "%r is in the output" % word)
    if name.startswith("bit-"):
        a, b = (numpy.unpackbits(numpy.frombuffer(d.PixelData, "u1"), bitorder="little").reshape(200, 480) for d in (before, after))
        ink = 0 if name.endswith("2") else 1
        mask = numpy.zeros(a.shape, bool)
        for r in entry["regions"]:
            mask[r["y"]:r["y"] + r["h"], r["x"]:r["x"] + r["w"]] = True
        expect((a[~mask] == b[~mask]).all(), "pixels outside the boxes changed")
        expect((a == ink)[~mask].sum() < 0.05 * (a == ink).sum(), "letters are left")
        expect(mask.any() and len(numpy.unique(b[mask])) == 1, "the box is not flat")
        expect(after.BurnedInAnnotation == "NO" and after.ImageType[0] == "DERIVED", "attributes")
    if name.startswith("beside-"):
        frame = [next(generate_pixel_data_frame(d.PixelData, 1)) for d in (before, after)]
        a, b = (numpy.asarray(Image.open(io.BytesIO(f))) for f in frame)
        expect((a == b).all(), "samples changed")
        if "-clean-" in name:
            expect(frame[0].rstrip(b"\0") == frame[1].rstrip(b"\0"), "a clean stream was touched")
        expect(before.file_meta.TransferSyntaxUID == after.file_meta.TransferSyntaxUID, "syntax")
    if name == "overlay-high-bits":
        a, b = (numpy.frombuffer(d.PixelData, "<u2") for d in (before, after))
        expect((b & 0xF000).max() == 0 and ((a & 0xFFF) == b).all(), "unused bits are left, or pixels changed")
        expect(0x60000102 not in after and 0x60000010 not in after, "the overlay's attributes are left")
    if name == "icon":
        expect("IconImageSequence" not in after and entry["regions"], "the icon is left")
        codes = [(c.CodeValue, c.CodingSchemeDesignator) for c in after.DeidentificationMethodCodeSequence]
        expect(("113101", "DCM") in codes, codes)
        expect(after.BurnedInAnnotation == "NO" and after.ImageType[0] == "DERIVED" and after.DerivationDescription, "attributes")
    if name.startswith("regions-"):
        kind = name[len("regions-"):]
        a, b = (numpy.frombuffer(d.PixelData, "u1").reshape(240, 320).astype(int) for d in (before, after))
        keep = numpy.zeros(a.shape, bool)
        good = [box for box in REGIONS[kind] if box[2] - box[0] >= 8 and box[3] - box[1] >= 8 and box[0] < 320 and box[1] < 240]
        for x0, y0, x1, y1 in good:
            keep[y0:y1 + 1, x0:x1 + 1] = True
        text = a - smooth(240, 320).astype(int) > 40
        expect((b[text] < a[text] - 40).mean() > 0.95, "the name is left")
        if good and kind != "whole":
            boxes = numpy.zeros(a.shape, bool)
            for r in entry["regions"]:
                if r["why"].startswith("outside"):
                    boxes[r["y"]:r["y"] + r["h"], r["x"]:r["x"] + r["w"]] = True
            expect((boxes == ~keep).all(), "what lies outside the regions is not what was removed")
            expect((b[~keep] == 0).all(), "something is left outside the regions")
            mask = keep & ~text
            expect((a[mask] == b[mask]).mean() > 0.9, "the inside of the regions was damaged")
    if name.startswith("HTJ2K"):
        wanted = "1.2.840.10008.1.2.4.90" if "Lossless" in name else "1.2.840.10008.1.2.4.91"
        expect(str(after.file_meta.TransferSyntaxUID) == wanted, after.file_meta.TransferSyntaxUID)
        expect(all("HTJ2K" in r["why"] for r in entry["regions"]), "the manifest does not tell the conversion")
        expect("HTJ2K" in after.DerivationDescription, "the object does not tell the conversion")


def main():
    if sys.argv[1] == "make":
        return make(sys.argv[2], sys.argv[3])
    bad = seen = 0
    for line in open(sys.argv[4]):
        entry = json.loads(line)
        name = os.path.basename(entry["source"])[:-4]
        seen += 1
        try:
            judge_one(name, entry, os.path.join(sys.argv[2], name + ".dcm"), sys.argv[3])
        except Exception as why:  # whatever goes wrong with one is told, the others are judged too
            print("FAIL %s: %s: %s" % (name, type(why).__name__, str(why)[:200]))
            bad += 1
    print("%d images judged, %d bad" % (seen, bad))
    return 1 if bad or seen < 43 else 0


sys.exit(main())
