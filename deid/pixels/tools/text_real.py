#!/usr/bin/env python3
"""Frames of real images as 'columns rows samples bytes\\n' files for text_train.py and text_network_train.py.

usage: text_real.py FOLDER OUT [MODALITY...]   Images of those modalities (default CT MR PT NM XA), the middle frame of each, once per different
picture. A third of them, by their digest, is left out: the benchmark judges with those (tests/bench/pixels_draw.py). Some that carry
text are left out by their digest, too; look at what the detector finds in new ones before they are used as text-free."""
import hashlib
import os
import subprocess
import sys
import tempfile

import numpy
import pydicom

folder, out = sys.argv[1], sys.argv[2]
wanted = set(sys.argv[3:] or ["CT", "MR", "PT", "NM", "XA"])
seen, count = set(), 0
WITH_TEXT = {"25559cb05640", "85480a0287e3", "f7a08c47fe34", "fef7c9392560", "17001fe20089", "24bbbf0ac175", "7d1a676f3c01"}


def frame(path):
    data = pydicom.dcmread(path, force=True)
    if str(data.get("Modality", "")) not in wanted or "Rows" not in data or data.get("BitsAllocated") not in (8, 16):
        return None
    if data.file_meta.TransferSyntaxUID.is_compressed:
        with tempfile.TemporaryDirectory() as work:
            if subprocess.run(["gdcmconv", "--raw", path, work + "/raw.dcm"], capture_output=True).returncode != 0:
                return None
            data = pydicom.dcmread(work + "/raw.dcm", force=True)
    array = data.pixel_array
    if array.ndim > 2 + (int(data.SamplesPerPixel) > 1):
        array = array[len(array) // 2]
    return array


for path, _, names in sorted(os.walk(folder)):
    for name in sorted(names):
        try:
            array = frame(os.path.join(path, name))
        except Exception:  # not DICOM, or beyond these readers
            continue
        if array is None or array.ndim not in (2, 3) or min(array.shape[:2]) < 60 or array.shape[0] * array.shape[1] > 5000000:
            continue
        if array.dtype.kind == "i":
            array = (array.astype(numpy.int32) - int(array.min())).astype(numpy.uint16)
        digest = hashlib.sha256(array.tobytes()).digest()
        if digest[0] % 3 == 0 or digest.hex()[:12] in WITH_TEXT or digest in seen or array.max() == array.min():
            continue
        seen.add(digest)
        with open("%s/%04d.raw" % (out, count), "wb") as file:
            samples = array.shape[2] if array.ndim == 3 else 1
            file.write(b"%d %d %d %d\n" % (array.shape[1], array.shape[0], samples, array.dtype.itemsize))
            file.write(numpy.ascontiguousarray(array).tobytes())
        count += 1
print(count)
