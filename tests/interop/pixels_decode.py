"""Compare every decodable file's samples with an independent chain: DCMTK's or GDCM's decoder to raw, then pydicom's numpy handler.

usage: pixels_decode.py DUMP FILE...   prints one line per difference; exit 1 when there is one, 77 when nothing could be compared."""
import os
import subprocess
import sys
import tempfile
import warnings

import numpy
import pydicom
from pydicom.pixel_data_handlers import numpy_handler

warnings.simplefilter("ignore")
LOSSY = {"1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.91", "1.2.840.10008.1.2.4.203"}
DCMTK = {"1.2.840.10008.1.2.4.50": "dcmdjpeg", "1.2.840.10008.1.2.4.51": "dcmdjpeg", "1.2.840.10008.1.2.4.57": "dcmdjpeg",
         "1.2.840.10008.1.2.4.70": "dcmdjpeg", "1.2.840.10008.1.2.4.80": "dcmdjpls", "1.2.840.10008.1.2.4.81": "dcmdjpls",
         "1.2.840.10008.1.2.5": "dcmdrle"}


def peer_array(path, scratch):
    data = pydicom.dcmread(path, force=True)
    if "PixelData" not in data:
        return None, "no pixel data"
    syntax = str(getattr(data.file_meta, "TransferSyntaxUID", ""))
    if syntax in DCMTK:
        extra = []
        if DCMTK[syntax] == "dcmdjpeg":
            # RGB is declared on streams that a JFIF marker calls YCbCr: let the peer look at the marker, where there is one.
            marked = b"JFIF" in data.PixelData[:64] or b"Adobe" in data.PixelData[:64]
            extra = ["+cn"] if int(data.get("SamplesPerPixel", 1)) == 1 else ["+cg"] if syntax in LOSSY and marked else []
        done = subprocess.run([DCMTK[syntax], "-q", *extra, path, scratch], capture_output=True)
        if done.returncode != 0:
            return None, "peer cannot decode"
        data = pydicom.dcmread(scratch, force=True)
    elif syntax.startswith("1.2.840.10008.1.2.4."):
        if "1.2.840.10008.1.2.4.90" <= syntax <= "1.2.840.10008.1.2.4.93":
            done = subprocess.run(["gdcmconv", "--raw", path, scratch], capture_output=True)
            if done.returncode != 0:
                return None, "peer cannot decode"
            data = pydicom.dcmread(scratch, force=True)
        else:
            return None, "no peer for " + syntax
    if not hasattr(data.file_meta, "TransferSyntaxUID"):
        data.file_meta.TransferSyntaxUID = pydicom.uid.ImplicitVRLittleEndian if data.is_implicit_VR else (
            pydicom.uid.ExplicitVRLittleEndian if data.is_little_endian else pydicom.uid.ExplicitVRBigEndian)
    if data.BitsAllocated == 8 and data.is_little_endian is False:
        return None, "8 bit big endian"
    array = numpy_handler.get_pixeldata(data)
    samples = int(data.get("SamplesPerPixel", 1))
    frames, rows, columns = int(data.get("NumberOfFrames", 1) or 1), int(data.Rows), int(data.Columns)
    if samples > 1 and int(data.get("PlanarConfiguration", 0)) == 1:
        array = array.reshape(frames, samples, rows, columns).transpose(0, 2, 3, 1)
    array = array.reshape(frames, rows, columns, samples).astype(numpy.int64)
    allocated, stored, high = int(data.BitsAllocated), int(data.BitsStored), int(data.get("HighBit", data.BitsStored - 1))
    if allocated > 1 and (stored < allocated or high != stored - 1):
        shift = max(0, high + 1 - stored)
        array = (array >> shift) & ((1 << stored) - 1)
        if int(data.get("PixelRepresentation", 0)) == 1:
            array = numpy.where(array >= 1 << (stored - 1), array - (1 << stored), array)
    if allocated == 32 and not int(data.get("PixelRepresentation", 0)):
        array = array.astype(numpy.uint32).astype(numpy.int32)
    return (array, syntax, str(data.PhotometricInterpretation)), ""


def main():
    dump, files = sys.argv[1], sys.argv[2:]
    compared = bad = skipped = 0
    verbose = bool(os.environ.get("VERBOSE"))
    with tempfile.TemporaryDirectory() as folder:
        mine, scratch = os.path.join(folder, "mine"), os.path.join(folder, "peer.dcm")
        for path in files:
            name = os.path.basename(path)
            try:
                peer, why = peer_array(path, scratch)
            except Exception as failure:  # the peer cannot read it: nothing to compare with
                peer, why = None, "peer failed: %s" % type(failure).__name__
            run = subprocess.run([dump, path, mine], capture_output=True, text=True)
            if run.returncode not in (0, 1, 77):
                print("CRASH %s: exit %d" % (name, run.returncode))
                bad += 1
                continue
            if peer is None:
                skipped += 1
                if verbose:
                    print("skip", name, why, "| ours:", run.returncode, run.stderr.strip())
                continue
            array, syntax, photometric = peer
            if run.returncode != 0:
                print("FAIL %s: peer decodes, we say %s" % (name, run.stderr.strip()))
                bad += 1
                continue
            with open(mine, "rb") as file:
                columns, rows, samples, frames, colour = map(int, file.readline().split())
                own = numpy.fromfile(file, dtype="<i4").reshape(frames, rows, columns, samples).astype(numpy.int64)
            compared += 1
            if own.shape != array.shape:
                print("FAIL %s: shape %s, peer %s" % (name, own.shape, array.shape))
                bad += 1
                continue
            difference = numpy.abs(own - array)
            worst, mean = int(difference.max()), float(difference.mean())
            # Decoders may differ by rounding in the inverse DCT and in chroma upsampling.
            good = worst == 0 or (syntax in LOSSY and mean < (1.5 if samples == 3 else 0.6) and (worst <= 3 or samples == 3))
            if not good:
                print("FAIL %s: syntax %s %s, samples differ by up to %d, mean %.3f" % (name, syntax, photometric, worst, mean))
                bad += 1
            elif verbose:
                print("ok", name, syntax, photometric, worst, "%.3f" % mean)
    print("%d compared, %d without a peer, %d bad" % (compared, skipped, bad))
    return 1 if bad else 0 if compared else 77


sys.exit(main())
