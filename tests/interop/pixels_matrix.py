"""Redact one box of invented images in every syntax, photometric interpretation, depth and layout; independent decoders compare before and after.

usage: pixels_matrix.py LETHE FOLDER   prints one line per failure; exit 1 when there is one.

Outside the boxes of the manifest every decoded sample must be what it was, inside nothing may be left of the pattern, and the transfer syntax, the
dimensions and the depth must be the same. Decoders: DCMTK (JPEG, JPEG-LS, RLE), GDCM (JPEG 2000), pydicom + numpy (raw); never Lethe's own."""
import io
import json
import os
import subprocess
import sys
import warnings

import numpy
import pydicom
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate, generate_pixel_data_frame
from pydicom.pixel_data_handlers import numpy_handler
from pydicom.uid import UID

warnings.simplefilter("ignore")
P = "1.2.840.10008.1.2"
EXPLICIT, IMPLICIT, BIG, DEFLATED, RLE = P + ".1", P, P + ".2", P + ".1.99", P + ".5"
ROWS, COLUMNS = 72, 88
BOX = (17, 9, 35, 22)  # x y w h: off every block grid


def pattern(frames, samples, bits, signed, seed=0):
    """Gradients and noise; no sample is the fill value inside the box."""
    random = numpy.random.default_rng(seed + bits)
    y, x = numpy.mgrid[0:ROWS, 0:COLUMNS]
    top = (1 << bits) - 1
    out = numpy.zeros((frames, ROWS, COLUMNS, samples), numpy.int64)
    for f in range(frames):
        for s in range(samples):
            base = (x * (3 + s) + y * (2 + f) + 11 * f) * top // (8 * COLUMNS) + top // 3
            out[f, :, :, s] = numpy.clip(base + random.integers(0, max(2, top // 40), base.shape), top // 4, top * 3 // 4)
    if signed:
        out -= 1 << (bits - 1)
    return out


def base(name, syntax, frames, samples, allocated, stored, signed, photometric, planar=0):
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.7.2" if frames > 1 else "1.2.840.10008.5.1.4.1.1.7"
    meta.MediaStorageSOPInstanceUID = "1.2.826.77"
    meta.TransferSyntaxUID = UID(syntax)
    ds = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    ds.is_implicit_VR, ds.is_little_endian = syntax == IMPLICIT, syntax != BIG
    ds.SOPClassUID, ds.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    ds.StudyInstanceUID, ds.SeriesInstanceUID = "1.2.826.77", "1.2.826.78"
    ds.PatientName, ds.PatientID, ds.Modality, ds.Manufacturer = "Matrix^Mona", "MM-1", "OT", "Matrix"
    ds.ConversionType, ds.ImageType = "WSD", ["ORIGINAL", "SECONDARY", name[:14].upper().replace("-", "_").replace(".", "_")]
    ds.Rows, ds.Columns, ds.SamplesPerPixel, ds.PhotometricInterpretation = ROWS, COLUMNS, samples, photometric
    if samples > 1:
        ds.PlanarConfiguration = planar
    if frames > 1:
        ds.NumberOfFrames = frames
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = allocated, stored, stored - 1, int(signed)
    return ds


def save(ds, folder, name):
    ds.save_as(os.path.join(folder, name + ".dcm"), write_like_original=False)


def raw_bytes(values, allocated, big, planar):
    if planar:
        values = values.transpose(0, 3, 1, 2)
    kind = {8: "u1", 16: "u2", 32: "u4"}[allocated]
    return values.astype((">" if big else "<") + kind, casting="unsafe").tobytes()


def make_raw(folder):
    number = 0
    for syntax, tag in ((EXPLICIT, "evle"), (IMPLICIT, "ivle"), (BIG, "evbe"), (DEFLATED, "defl")):
        for allocated, stored, signed in ((8, 8, 0), (8, 8, 1), (16, 10, 0), (16, 12, 0), (16, 12, 1), (16, 16, 0), (16, 16, 1), (32, 32, 0)):
            for photometric in ("MONOCHROME2", "MONOCHROME1"):
                name = "raw-%s-%d-%d-%d-%s" % (tag, allocated, stored, signed, photometric[-1])
                frames = 3 if number % 3 == 0 else 1
                number += 1
                ds = base(name, syntax, frames, 1, allocated, stored, signed, photometric)
                ds.PixelData = raw_bytes(pattern(frames, 1, stored, signed), allocated, syntax == BIG, False)
                ds["PixelData"].VR = "OW" if allocated > 8 or syntax == IMPLICIT else "OB"
                if allocated == 16 and number % 4 == 0:
                    ds.add_new(0x00280120, "SS" if signed else "US", 7)
                save(ds, folder, name)
        for photometric, planar in (("RGB", 0), ("RGB", 1), ("YBR_FULL", 0), ("YBR_FULL", 1)):
            name = "raw-%s-%s-%d" % (tag, photometric, planar)
            ds = base(name, syntax, 2, 3, 8, 8, 0, photometric, planar)
            ds.PixelData = raw_bytes(pattern(2, 3, 8, 0), 8, False, planar)
            ds["PixelData"].VR = "OB" if syntax != IMPLICIT else "OW"
            save(ds, folder, name)
    name = "raw-evbe-ow8"  # 8-bit samples in big-endian words
    ds = base(name, BIG, 1, 1, 8, 8, 0, "MONOCHROME2")
    ds.PixelData = pattern(1, 1, 8, 0).astype("u1").tobytes()
    words = numpy.frombuffer(ds.PixelData, "<u2").astype(">u2").tobytes()
    ds.PixelData = words
    ds["PixelData"].VR = "OW"
    save(ds, folder, name)
    name = "raw-422"
    full = pattern(1, 3, 8, 0)[0]
    ds = base(name, EXPLICIT, 1, 3, 8, 8, 0, "YBR_FULL_422")
    pairs = numpy.stack([full[:, 0::2, 0], full[:, 1::2, 0], full[:, 0::2, 1], full[:, 0::2, 2]], -1)
    ds.PixelData = pairs.astype("u1").tobytes()
    ds["PixelData"].VR = "OB"
    save(ds, folder, name)
    for allocated in (8, 16):
        name = "raw-palette-%d" % allocated
        ds = base(name, EXPLICIT, 1, 1, allocated, 8, 0, "PALETTE COLOR")
        ds.PixelData = raw_bytes(pattern(1, 1, 8, 0), allocated, False, False)
        ds["PixelData"].VR = "OW" if allocated == 16 else "OB"
        for c in range(3):
            ds.add_new(0x00281101 + c, "US", [256, 0, 16])
            table = (numpy.arange(256) * 257 if c != 1 else 65535 - numpy.arange(256) * 257).astype("<u2")
            ds.add_new(0x00281201 + c, "OW", table.tobytes())
        save(ds, folder, name)


def convert(command, source, target):
    done = subprocess.run(command + [source, target], capture_output=True)
    return done.returncode == 0 and os.path.exists(target)


def make_converted(folder, scratch):
    """Lossless syntaxes by the peers' encoders from raw files."""
    sources = []
    for allocated, stored, signed, samples, frames in ((8, 8, 0, 1, 1), (16, 12, 0, 1, 3), (16, 16, 0, 1, 1), (16, 12, 1, 1, 1), (16, 16, 1, 1, 1),
                                                       (8, 8, 0, 3, 1), (8, 8, 0, 3, 3), (16, 10, 0, 1, 1)):
        name = "%d-%d-%d-%d-f%d" % (allocated, stored, signed, samples, frames)
        ds = base("src-" + name, EXPLICIT, frames, samples, allocated, stored, signed, "RGB" if samples == 3 else "MONOCHROME2")
        ds.PixelData = raw_bytes(pattern(frames, samples, stored, signed, 5), allocated, False, False)
        ds["PixelData"].VR = "OW" if allocated == 16 else "OB"
        save(ds, scratch, name)
        sources.append((name, os.path.join(scratch, name + ".dcm")))
    made = 0
    for tag, command in (("rle", ["dcmcrle"]), ("j70", ["dcmcjpeg", "+e1"]), ("j57", ["dcmcjpeg", "+el"]), ("jls80", ["dcmcjpls", "+el"]),
                         ("jls81", ["dcmcjpls", "+en", "+md", "3"]), ("jls81frag", ["dcmcjpls", "+en", "+md", "2", "+fs", "1"]), ("rlefrag", ["dcmcrle", "+fs", "1"]), ("j70frag", ["dcmcjpeg", "+e1", "+fs", "1"]), ("j50", ["dcmcjpeg", "+eb", "+un"]), ("j51", ["dcmcjpeg", "+ee", "+un"]),
                         ("j50rgb", ["dcmcjpeg", "+eb", "+cr"]),
                         ("j2k90", ["gdcmconv", "--j2k"]), ("j2k91", ["gdcmconv", "--j2k", "--lossy", "-q", "60"])):
        for name, source in sources:
            if tag in ("j50", "j50rgb") and not name.startswith("8-"):
                continue
            if tag == "j51" and name.startswith("16-16"):
                continue
            made += convert(command, source, os.path.join(folder, "%s-%s.dcm" % (tag, name)))
    return made


def jpeg_of(frame, *options):
    header = ("P5" if frame.shape[2] == 1 else "P6") + " %d %d 255\n" % (frame.shape[1], frame.shape[0])
    done = subprocess.run(["cjpeg", "-quality", "92", *options], input=header.encode() + frame.astype("u1").tobytes(), capture_output=True, check=True)
    return done.stdout


def make_jpeg(folder):
    """What cjpeg makes: subsampling, progression, restarts; a comment and an application marker that hold a name."""
    cases = {"444": ["-sample", "1x1"], "422": ["-sample", "2x1"], "420": ["-sample", "2x2"], "440": ["-sample", "1x2"], "411": ["-sample", "4x1"],
             "prog420": ["-progressive", "-sample", "2x2"], "rst420": ["-restart", "3B", "-sample", "2x2"], "rst444": ["-restart", "1", "-sample", "1x1"],
             "progrst": ["-progressive", "-restart", "2", "-sample", "2x1"], "opt": ["-optimize", "-sample", "2x2"]}
    for name, options in cases.items():
        for frames in (1, 3):
            streams = [jpeg_of(frame, *options) for frame in pattern(frames, 3, 8, 0, 9)]
            streams = [s[:2] + b"\xff\xfe" + (2 + 14).to_bytes(2, "big") + b"MATRIX MONA 42" + s[2:] for s in streams]
            ds = base("jpg-" + name, P + ".4.50", frames, 3, 8, 8, 0, "YBR_FULL_422")
            ds.PixelData = encapsulate(streams, fragments_per_frame=2 if name == "rst420" else 1, has_bot=name != "444")
            ds["PixelData"].is_undefined_length, ds["PixelData"].VR = True, "OB"
            ds.LossyImageCompression = "01"
            if name == "422" and frames == 3:
                offset, offsets = 0, []
                for s in streams:
                    offsets.append(offset)
                    offset += 8 + len(s) + (len(s) & 1)
                ds.add_new(0x7FE00001, "OV", numpy.array(offsets, "<u8").tobytes())
                ds.add_new(0x7FE00002, "OV", numpy.array([len(s) for s in streams], "<u8").tobytes())
                ds.PixelData = encapsulate(streams, has_bot=False)
                ds["PixelData"].is_undefined_length, ds["PixelData"].VR = True, "OB"
            save(ds, folder, "jpg-%s-f%d" % (name, frames))
        grey = [jpeg_of(frame, *[o for o in options if o not in ("-sample", "1x1", "2x1", "2x2", "1x2", "4x1")]) for frame in pattern(1, 1, 8, 0, 3)]
        ds = base("jpg-grey", P + ".4.50", 1, 1, 8, 8, 0, "MONOCHROME2")
        ds.PixelData = encapsulate(grey)
        ds["PixelData"].is_undefined_length, ds["PixelData"].VR = True, "OB"
        save(ds, folder, "jpg-grey-" + name)



def make_j2k(folder):
    for name, options in {"90": {"irreversible": False}, "91": {"irreversible": True, "quality_mode": "dB", "quality_layers": [46]}}.items():
        for samples in (1, 3):
            frames = []
            for frame in pattern(2, samples, 8, 0, 4):
                out = io.BytesIO()
                Image.fromarray(frame[:, :, 0].astype("u1") if samples == 1 else frame.astype("u1")).save(out, "JPEG2000", no_jp2=True, **options)
                frames.append(out.getvalue())
            photometric = "MONOCHROME2" if samples == 1 else "YBR_RCT" if name == "90" else "YBR_ICT"
            ds = base("j2k", P + ".4." + name, 2, samples, 8, 8, 0, photometric)
            ds.PixelData = encapsulate(frames, fragments_per_frame=1 if samples == 1 else 3)
            ds["PixelData"].is_undefined_length, ds["PixelData"].VR = True, "OB"
            save(ds, folder, "j2kp-%s-%d" % (name, samples))


# --- judging ---

def decode(path, scratch):
    ds = pydicom.dcmread(path)
    syntax = str(ds.file_meta.TransferSyntaxUID)
    if syntax in (P + ".4.50", P + ".4.51", P + ".4.57", P + ".4.70"):
        lossy = syntax in (P + ".4.50", P + ".4.51")
        extra = ["+cn"] if not lossy or ds.SamplesPerPixel == 1 else ["+cp"]
        subprocess.run(["dcmdjpeg", "-q", *extra, path, scratch], check=True, capture_output=True)
    elif syntax in (P + ".4.80", P + ".4.81"):
        subprocess.run(["dcmdjpls", "-q", path, scratch], check=True, capture_output=True)
    elif syntax == RLE:
        subprocess.run(["dcmdrle", "-q", path, scratch], check=True, capture_output=True)
    elif syntax.startswith(P + ".4.9") and ds.BitsAllocated == 8:  # GDCM does not join the fragments of one frame
        frames = generate_pixel_data_frame(ds.PixelData, int(ds.get("NumberOfFrames", 1)))
        return ds, numpy.stack([numpy.asarray(Image.open(io.BytesIO(f))).reshape(ROWS, COLUMNS, -1) for f in frames]).astype(numpy.int64)
    elif syntax.startswith(P + ".4.9"):
        subprocess.run(["gdcmconv", "--raw", path, scratch], check=True, capture_output=True)
    else:
        scratch = path
    raw = pydicom.dcmread(scratch)
    frames, samples = int(raw.get("NumberOfFrames", 1) or 1), int(raw.SamplesPerPixel)
    if raw.PhotometricInterpretation == "YBR_FULL_422" and scratch == path:
        quads = numpy.frombuffer(raw.PixelData, "u1")[:frames * ROWS * COLUMNS * 2].reshape(frames, ROWS, COLUMNS // 2, 4)
        out = numpy.zeros((frames, ROWS, COLUMNS, 3), numpy.int64)
        out[:, :, 0::2, 0], out[:, :, 1::2, 0] = quads[..., 0], quads[..., 1]
        for c in (1, 2):
            out[:, :, 0::2, c] = out[:, :, 1::2, c] = quads[..., c + 1]
        return ds, out
    if raw.BitsAllocated == 8 and not raw.is_little_endian and raw["PixelData"].VR == "OW":
        array = numpy.frombuffer(raw.PixelData, ">u2").astype("<u2").tobytes()
        return ds, numpy.frombuffer(array, "u1")[:ROWS * COLUMNS].reshape(1, ROWS, COLUMNS, 1).astype(numpy.int64)
    array = numpy_handler.get_pixeldata(raw)
    if samples > 1 and int(raw.get("PlanarConfiguration", 0)) == 1:
        array = array.reshape(frames, samples, ROWS, COLUMNS).transpose(0, 2, 3, 1)
    return ds, array.reshape(frames, ROWS, COLUMNS, samples).astype(numpy.int64)


def judge(name, source, output, regions, scratch):
    before, a = decode(source, scratch + "a")
    after, b = decode(output, scratch + "b")
    if before.file_meta.TransferSyntaxUID != after.file_meta.TransferSyntaxUID:
        return "syntax changed to %s" % after.file_meta.TransferSyntaxUID
    for key in ("Rows", "Columns", "SamplesPerPixel", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "NumberOfFrames"):
        if before.get(key) != after.get(key):
            return "%s changed" % key
    if before.PhotometricInterpretation != after.PhotometricInterpretation and (before.PhotometricInterpretation, after.PhotometricInterpretation) != ("YBR_ICT", "YBR_RCT"):
        return "photometric interpretation changed"
    if b"MATRIX MONA" in open(output, "rb").read():
        return "a comment of the JPEG stream is still there"
    if a.shape != b.shape:
        return "shape %s became %s" % (a.shape, b.shape)
    mask = numpy.zeros(a.shape[:3], bool)
    for r in regions:
        mask[r["frame"]:r["last_frame"] + 1, r["y"]:r["y"] + r["h"], r["x"]:r["x"] + r["w"]] = True
    hidden = numpy.zeros(a.shape[:3], bool)
    x, y, w, h = BOX
    frames = slice(1, 2) if a.shape[0] == 3 else slice(0, a.shape[0])
    hidden[frames, y:y + h, x:x + w] = True
    if not mask[hidden].all():
        return "the manifest's boxes do not hold the box that was asked for"
    if a.shape[0] == 3 and mask[[0, 2]].any():
        return "frames without a box have one"
    if mask.sum() > hidden.sum() * 5:
        return "%d pixels for a box of %d" % (mask.sum(), hidden.sum())
    difference = (a != b).any(3) & ~mask
    if difference.any():
        return "%d pixels outside the boxes changed, by up to %d" % (difference.sum(), abs(a - b)[~mask].max())
    inside = b[hidden]
    spread = int((inside.max(0) - inside.min(0)).max())
    lossy = str(after.file_meta.TransferSyntaxUID) in (P + ".4.50", P + ".4.51")
    if spread > (3 if lossy and after.BitsStored <= 8 else 40 if lossy else 0):
        return "the box is not flat: samples spread over %d" % spread
    return None


def run(lethe, folder, make):
    """make(source, scratch) writes files; all are redacted, and judged. Returns how many of each kind are released, how many are bad, and the reasons of
    those that are not released."""
    source, out, scratch = (os.path.join(folder, n) for n in ("matrix", "out", "scratch"))
    for one in (source, scratch):
        os.makedirs(one)
    make(source, scratch)
    for number, name in enumerate(sorted(os.listdir(source))):
        ds = pydicom.dcmread(os.path.join(source, name))
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = "1.2.826.77.%d" % number
        ds.save_as(os.path.join(source, name), write_like_original=False)
    box = "{x: %d, y: %d, w: %d, h: %d" % BOX
    with open(os.path.join(folder, "rules.yaml"), "w") as file:
        file.write('rules:\n  - name: "all"\n    manufacturer: Matrix\n    when:\n      - {tag: NumberOfFrames, is: equals, value: "3", not: true}\n    remove:\n      - %s}\n' % box)
        file.write('  - name: "second of three"\n    manufacturer: Matrix\n    when:\n      - {tag: NumberOfFrames, is: equals, value: "3"}\n    remove:\n      - %s, first_frame: 1, last_frame: 1}\n' % box)
    with open(os.path.join(folder, "profile.yaml"), "w") as file:
        file.write("base: research\npixels:\n  modalities:\n    - {modality: \"*\", mode: \"off\"}\n")
    with open(os.path.join(folder, "key"), "wb") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(bytes(range(32)))
    done = subprocess.run([lethe, "deid", source, "-o", out, "--profile", folder + "/profile.yaml", "--key", folder + "/key", "--pixel-rules",
                           folder + "/rules.yaml", "--manifest", folder + "/manifest.jsonl", "--quiet"], capture_output=True, text=True)
    tally, bad, refused = {}, 0, {}
    for line in open(folder + "/manifest.jsonl"):
        entry = json.loads(line)
        name = os.path.basename(entry["source"])[:-4]
        if entry["outcome"] != "released":
            refused[name] = "%s: %s" % (entry["outcome"], entry["reason"])
            continue
        try:
            why = judge(name, os.path.join(source, name + ".dcm"), os.path.join(out, entry["output"]), entry["regions"], os.path.join(scratch, "peer"))
        except (subprocess.CalledProcessError, ValueError, AttributeError) as failure:
            why = "a peer cannot read it: %s" % str(failure)[:150]
        kind = name.split("-")[0]
        tally[kind] = tally.get(kind, 0) + 1
        if why:
            print("FAIL %s: %s" % (name, why))
            bad += 1
    print("%d images (%s), %d bad; deid ended with %d" % (sum(tally.values()), ", ".join("%s %d" % t for t in sorted(tally.items())), bad, done.returncode))
    return tally, bad, refused


def main():
    converted = 0

    def make(source, scratch):
        nonlocal converted
        make_raw(source)
        converted = make_converted(source, scratch)
        make_jpeg(source)
        make_j2k(source)

    tally, bad, refused = run(sys.argv[1], sys.argv[2], make)
    for name, why in refused.items():
        print("FAIL %s: %s" % (name, why))
    if converted < 60 or len(tally) < 12:
        print("FAIL: only %d images were made by the peers, %d kinds" % (converted, len(tally)))
        bad += 1
    sys.exit(1 if bad or refused else 0)


if __name__ == "__main__":
    main()
