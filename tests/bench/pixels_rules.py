#!/usr/bin/python3
"""What catalogue and region rules cost where they alone decide: processor time and memory of `lethe deid` without rules and with them, beside `cp`.

Usage: pixels_rules.py BIN WORK. Draws invented cines of 200 MB, one with regions that leave a band at the top, one with regions inside of a frame on all
sides, one without regions, and a JPEG cine; each is run five times, and the median stands.
"""

import io
import os
import shutil
import statistics
import sys

import numpy
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from PIL import Image

ROWS, COLUMNS, FRAMES, JPEG_FRAMES, RUNS = 600, 800, 140, 100, 5
REGIONS = {"none": None, "band": (0, 60, COLUMNS - 1, ROWS - 1), "frame": (100, 60, COLUMNS - 101, ROWS - 61)}


def draw(path, regions, jpeg):
    rng = numpy.random.default_rng(7)
    d = Dataset()
    d.is_little_endian, d.is_implicit_VR = True, False
    d.file_meta = FileMetaDataset()
    d.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.50" if jpeg else "1.2.840.10008.1.2.1"
    d.SOPClassUID = d.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.3.1"
    d.SOPInstanceUID = d.file_meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
    d.StudyInstanceUID, d.SeriesInstanceUID = pydicom.uid.generate_uid(), pydicom.uid.generate_uid()
    d.Modality, d.PatientID, d.PatientName = "US", "4711", "Beispiel^Anna"
    d.Rows, d.Columns, d.SamplesPerPixel, d.PlanarConfiguration = ROWS, COLUMNS, 3, 0
    d.NumberOfFrames = JPEG_FRAMES if jpeg else FRAMES
    d.PhotometricInterpretation = "YBR_FULL_422" if jpeg else "RGB"
    d.BitsAllocated, d.BitsStored, d.HighBit, d.PixelRepresentation = 8, 8, 7, 0
    if regions is not None:
        region = Dataset()
        region.RegionSpatialFormat, region.RegionDataType, region.RegionFlags = 1, 1, 0
        region.RegionLocationMinX0, region.RegionLocationMinY0, region.RegionLocationMaxX1, region.RegionLocationMaxY1 = regions
        d.SequenceOfUltrasoundRegions = [region]
    y, x = numpy.mgrid[0:ROWS, 0:COLUMNS]
    frames = []
    for i in range(4):
        grey = (128 + 80 * numpy.sin(x / 17 + i) * numpy.cos(y / 23) + rng.normal(0, 12, (ROWS, COLUMNS))).clip(0, 255).astype(numpy.uint8)
        picture = numpy.stack([grey, grey, 255 - grey], 2)
        if jpeg:
            encoded = io.BytesIO()
            Image.fromarray(picture).save(encoded, "JPEG", quality=85, subsampling=1)
            frames.append(encoded.getvalue())
        else:
            frames.append(picture.tobytes())
    frames = [frames[i % 4] for i in range(d.NumberOfFrames)]
    d.PixelData = encapsulate(frames) if jpeg else b"".join(frames)
    d["PixelData"].VR = "OB"
    d["PixelData"].is_undefined_length = jpeg
    d.save_as(path, write_like_original=False)


def run(command, out):
    seconds, memory = [], 0
    for _ in range(RUNS):
        shutil.rmtree(out, ignore_errors=True)
        os.makedirs(out)
        child = os.fork()
        if child == 0:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            os.execvp(command[0], command)
        _, status, used = os.wait4(child, 0)
        if status != 0:
            sys.exit("%s ended with %d" % (command[0], status >> 8))
        seconds.append(used.ru_utime + used.ru_stime)
        memory = max(memory, used.ru_maxrss // 1024)
    return statistics.median(seconds), memory


def main():
    lethe, work = os.path.join(sys.argv[1], "lethe"), os.path.join(sys.argv[2], "rules")
    os.makedirs(work)
    key = os.path.join(work, "key")
    with open(os.open(key, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as f:
        f.write(os.urandom(32))
    profiles = {}
    for name, line in (("without rules", "  ignore_catalogue: true\n"), ("with rules", "")):
        profiles[name] = os.path.join(work, name.replace(" ", "-") + ".yaml")
        with open(profiles[name], "w") as f:
            f.write("base: research\npixels:\n" + line + "  modalities:\n    - {modality: US, mode: off}\n")
    for kind in ("none", "band", "frame", "jpeg"):
        folder, out = os.path.join(work, kind), os.path.join(work, "out")
        os.makedirs(folder)
        source = os.path.join(folder, "cine.dcm")
        child = os.fork() # a child starts with its parent's memory peak: what is measured must have a small parent
        if child == 0:
            draw(source, REGIONS["band" if kind == "jpeg" else kind], kind == "jpeg")
            os._exit(0)
        if os.waitpid(child, 0)[1] != 0:
            sys.exit("cannot draw " + kind)
        row = []
        for name, profile in profiles.items():
            row.append("%s %.3f s, %d MiB" % ((name,) + run([lethe, "deid", folder, "-o", out, "--profile", profile, "--key", key, "--jobs", "1",
                                                             "--quiet"], out)))
        row.append("cp %.3f s" % run(["cp", source, os.path.join(out, "copy.dcm")], out)[0])
        print("rules alone, %-5s %4d MB: %s" % (kind, os.path.getsize(source) // 1000000, "; ".join(row)))
        shutil.rmtree(folder)
        shutil.rmtree(out)


main()
