#!/usr/bin/env python3
"""Images and presentation states for tests of the viewer, and what they must look like: viewer_states.py make DIR | script X Y W H.

`make` writes DICOM files with pydicom; `script` prints a session for a view that lies at X, Y and is W by H, with greys and places computed here from
the formulas of PS3.3 C.11.2, C.11.6, C.10.4, C.10.6 and C.7.6.11.

Image A: 64 x 48, MONOCHROME1, 12 bits, stored = 60 x + y. Image B: 64 x 48, signed, stored = 10 x - y, rescale 1 and -1000, a shutter of its own."""
import math
import sys

import numpy
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

W, H = 64, 48
STUDY = "1.2.4.1"
GSPS = "1.2.840.10008.5.1.4.1.1.11.1"
CR = "1.2.840.10008.5.1.4.1.1.1"


def a(x, y):
    return 60 * x + y


def b(x, y):
    return 10 * x - y


def base(sop_class, instance, series, modality):
    d = Dataset()
    d.file_meta = FileMetaDataset()
    d.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    d.file_meta.MediaStorageSOPClassUID = sop_class
    d.file_meta.MediaStorageSOPInstanceUID = instance
    d.is_little_endian, d.is_implicit_VR = True, False
    d.SpecificCharacterSet = "ISO_IR 192"
    d.SOPClassUID, d.SOPInstanceUID = sop_class, instance
    d.StudyInstanceUID, d.SeriesInstanceUID, d.Modality, d.PatientID = STUDY, series, modality, "P-PHANTOM"
    return d


def image(path, instance, series, number, value, signed, photometric):
    d = base(CR, instance, series, "CR")
    d.SeriesNumber, d.InstanceNumber, d.SeriesDescription = number, 1, "image"
    d.Rows, d.Columns, d.SamplesPerPixel, d.PhotometricInterpretation = H, W, 1, photometric
    d.BitsAllocated, d.BitsStored, d.PixelRepresentation = 16, 16 if signed else 12, int(signed)
    d.HighBit = d.BitsStored - 1
    d.PixelSpacing = [0.5, 0.5]
    d.WindowCenter, d.WindowWidth = 2000, 4000
    if signed:
        d.RescaleSlope, d.RescaleIntercept, d.RescaleType = 1, -1000, "US"
        d.ShutterShape, d.ShutterPresentationValue = "RECTANGULAR", 65535
        d.ShutterLeftVerticalEdge, d.ShutterRightVerticalEdge, d.ShutterUpperHorizontalEdge, d.ShutterLowerHorizontalEdge = 5, 60, 4, 44
    y, x = numpy.mgrid[0:H, 0:W]
    d.PixelData = value(x, y).astype("<i2" if signed else "<u2").tobytes()
    d.save_as(path, write_like_original=False)


def ultrasound(path):
    """Left half 0.2 mm a pixel, right half 0.5 across and 1 down, an M mode of seconds in its lower rows."""
    d = base("1.2.840.10008.5.1.4.1.1.6.1", "1.2.4.2.1.1", "1.2.4.2.1", "US")
    d.StudyInstanceUID = "1.2.4.2"
    d.SeriesNumber, d.InstanceNumber = 1, 1
    d.Rows, d.Columns, d.SamplesPerPixel, d.PhotometricInterpretation = H, W, 1, "MONOCHROME2"
    d.BitsAllocated, d.BitsStored, d.HighBit, d.PixelRepresentation = 8, 8, 7, 0
    d.SequenceOfUltrasoundRegions = []
    for x0, y0, x1, y1, unit, dx, dy in ((0, 0, 31, 47, 3, 0.02, 0.02), (32, 0, 63, 47, 3, -0.05, 0.1), (32, 30, 63, 47, 4, 0.01, 0.1)):
        r = Dataset()
        r.RegionLocationMinX0, r.RegionLocationMinY0, r.RegionLocationMaxX1, r.RegionLocationMaxY1 = x0, y0, x1, y1
        r.PhysicalUnitsXDirection, r.PhysicalUnitsYDirection, r.PhysicalDeltaX, r.PhysicalDeltaY = unit, 3, dx, dy
        r.RegionSpatialFormat, r.RegionDataType, r.RegionFlags = 1, 1, 0
        d.SequenceOfUltrasoundRegions.append(r)
    d.PixelData = bytes(W * H)
    d.save_as(path, write_like_original=False)


def reference(instance):
    r = Dataset()
    r.ReferencedSOPClassUID, r.ReferencedSOPInstanceUID = CR, instance
    return r


def state(label, instance, series):
    d = base(GSPS, "1.2.4.9." + str(sum(map(ord, label))), "1.2.4.9", "PR")
    d.SeriesNumber, d.InstanceNumber, d.ContentLabel, d.ContentDescription = 9, 1, label, "Zustand " + label.lower() + " \u00e9"
    s = Dataset()
    s.SeriesInstanceUID, s.ReferencedImageSequence = series, [reference(instance)]
    d.ReferencedSeriesSequence = [s]
    d.PresentationLUTShape = "IDENTITY"
    return d


def area(d, left, top, right, bottom, **more):
    i = Dataset()
    i.DisplayedAreaTopLeftHandCorner, i.DisplayedAreaBottomRightHandCorner = [left, top], [right, bottom]
    i.PresentationSizeMode = "SCALE TO FIT"
    i.PresentationPixelAspectRatio = [1, 1]
    for name, value in more.items():
        setattr(i, name, value)
    d.DisplayedAreaSelectionSequence = [i]


def window(d, centre, width, function=None):
    v = Dataset()
    v.WindowCenter, v.WindowWidth = centre, width
    if function:
        v.VOILUTFunction = function
    d.SoftcopyVOILUTSequence = [v]


def line(points, units):
    g = Dataset()
    g.GraphicAnnotationUnits, g.GraphicDimensions, g.NumberOfGraphicPoints = units, 2, len(points) // 2
    g.GraphicData, g.GraphicType, g.GraphicFilled = points, "POLYLINE", "N"
    return g


def lut(first, bits, values):
    t = Dataset()
    t.add_new(0x00283002, "US", [len(values), first, bits])
    t.add_new(0x00283006, "US", values)
    return t


VOI = [i for i in range(256)]
SQUARES = [round((n / 15) ** 2 * 255) for n in range(16)]
POLYGON = [5, 20, 5, 60, 44, 60, 44, 20]  # row, column


def make(folder):
    image(f"{folder}/a.dcm", "1.2.4.1.1.1", "1.2.4.1.1", 1, a, False, "MONOCHROME1")
    image(f"{folder}/b.dcm", "1.2.4.1.2.1", "1.2.4.1.2", 2, b, True, "MONOCHROME2")
    ultrasound(f"{folder}/u.dcm")
    made = []

    def save(d):
        made.append(d)
        d.SOPInstanceUID = d.file_meta.MediaStorageSOPInstanceUID = f"1.2.4.9.{len(made)}"
        d.InstanceNumber = len(made)
        d.save_as(f"{folder}/state{len(made)}.dcm", write_like_original=False)

    save(state("PLAIN", "1.2.4.1.1.1", "1.2.4.1.1"))
    d = state("WINDOW", "1.2.4.1.1.1", "1.2.4.1.1")
    window(d, 1500, 1000)
    d.PresentationLUTShape = "INVERSE"
    d.ImageRotation, d.ImageHorizontalFlip = 90, "N"
    area(d, 11, 35, 50, 6)  # the corner that is upper left once turned: columns 11 to 50, rows 6 to 35
    d.ShutterShape, d.ShutterPresentationValue = "RECTANGULAR", 32768
    d.ShutterLeftVerticalEdge, d.ShutterRightVerticalEdge, d.ShutterUpperHorizontalEdge, d.ShutterLowerHorizontalEdge = 15, 45, 10, 30
    g = Dataset()
    g.GraphicLayer = "LAYER"
    g.GraphicObjectSequence = [line([20, 15, 40, 15], "PIXEL"), line([0.1, 0.9, 0.5, 0.9], "DISPLAY")]
    words = Dataset()
    words.UnformattedTextValue = "deux\r\nlignes \u00e9"
    words.AnchorPointAnnotationUnits, words.AnchorPoint, words.AnchorPointVisibility = "PIXEL", [30, 25], "Y"
    g.TextObjectSequence = [words]
    d.GraphicAnnotationSequence = [g]
    layer = Dataset()
    layer.GraphicLayer, layer.GraphicLayerOrder, layer.GraphicLayerRecommendedDisplayGrayscaleValue = "LAYER", 1, 65535
    d.GraphicLayerSequence = [layer]
    save(d)
    d = state("SIGMOID", "1.2.4.1.1.1", "1.2.4.1.1")
    window(d, 1900, 800, "SIGMOID")
    d.ImageRotation, d.ImageHorizontalFlip = 270, "Y"
    area(d, 1, 1, W, H, PresentationSizeMode="MAGNIFY", PresentationPixelMagnificationRatio=4.0)
    d.ShutterShape, d.ShutterPresentationValue = ["CIRCULAR", "POLYGONAL"], 65535
    d.CenterOfCircularShutter, d.RadiusOfCircularShutter, d.VerticesOfThePolygonalShutter = [24, 32], 15, POLYGON
    save(d)
    d = state("TABLES", "1.2.4.1.1.1", "1.2.4.1.1")
    v = Dataset()
    v.VOILUTSequence = [lut(1000, 8, VOI)]
    d.SoftcopyVOILUTSequence = [v]
    del d.PresentationLUTShape
    d.PresentationLUTSequence = [lut(0, 8, SQUARES)]
    save(d)
    d = state("FOREIGN", "1.2.4.1.1.1", "1.2.4.1.1")
    d.ModalityLUTSequence = [lut(0, 16, list(range(4096)))]
    save(d)
    d = state("RESCALED", "1.2.4.1.2.1", "1.2.4.1.2")
    d.RescaleSlope, d.RescaleIntercept, d.RescaleType = 2, -500, "US"
    window(d, 0, 1001)
    save(d)


def grey(v, c, w):
    return min(max((v - (c - 0.5)) / (w - 1) + 0.5, 0), 1)


def script(left, top, width, height):
    def say(*words):
        print(*words)

    def pixel(point, g):
        n = round(g * 255)
        say(f"assert-pixel {point} {n},{n},{n} 1")

    def choose(label):
        say("key ctrl+G\nset linear off\nwait-idle")
        say(f"assert-state view.state={label}")

    say("wait-idle\nopen 1.2.4.1\nwait-idle\nassert-state series=2\nassert-state states=6\nset show-text off\nset linear off\nwait-idle")
    some = [(0, 0), (13, 20), (20, 12), (30, 24), (33, 40), (44, 29), (50, 7), (63, 47)]
    say("assert-state view.state=")
    for x, y in some:
        pixel(f"@0:{x + 0.5},{y + 0.5}", 1 - grey(a(x, y), 2000, 4000))
    choose("PLAIN")  # identity all the way: MONOCHROME1 of the image does not count
    for x, y in some:
        pixel(f"@0:{x + 0.5},{y + 0.5}", a(x, y) / 4095)
    choose("WINDOW")
    cx, cy = left + width / 2, top + height / 2
    scale = min(width / 30, height / 40)

    def turned(x, y):  # a quarter turn clockwise about the middle of the area, (30, 20)
        return cx - (y - 20) * scale, cy + (x - 30) * scale

    for x, y in ((20, 12), (30, 22), (44, 29), (14, 9), (22, 20)):
        sx, sy = turned(x + 0.5, y + 0.5)
        pixel(f"{sx:.3f},{sy:.3f}", 1 - grey(a(x, y), 1500, 1000))
    for x, y in ((13, 20), (45, 20), (30, 8), (30, 30), (11, 6)):  # behind the shutter
        sx, sy = turned(x + 0.5, y + 0.5)
        pixel(f"{sx:.3f},{sy:.3f}", 32768 / 65535)
    for sx, sy in (turned(30, 15), (cx - 15 * scale + 0.3 * 30 * scale, cy - 20 * scale + 0.9 * 40 * scale)):
        say(f"assert-pixel {sx:.3f},{sy:.3f} 255,255,255 24")
    say("key shift+U\nwait-idle")  # graphics go, the rest stays
    sx, sy = turned(30.5, 15.5)
    pixel(f"{sx:.3f},{sy:.3f}", 1 - grey(a(30, 15), 1500, 1000))
    say("key shift+U\nwait-idle")
    choose("SIGMOID")
    cx4, cy4 = W / 2, H / 2
    for x, y in ((32, 24), (30, 20), (25, 15), (40, 30), (28, 33)):  # turned to the left, then mirrored
        sx, sy = cx - 4 * (y + 0.5 - cy4), cy - 4 * (x + 0.5 - cx4)
        pixel(f"{sx:.3f},{sy:.3f}", 1 / (1 + math.exp(-4 * (a(x, y) - 1900) / 800)))
    for x, y in ((16, 24), (32, 8), (48, 24), (18, 20)):
        sx, sy = cx - 4 * (y + 0.5 - cy4), cy - 4 * (x + 0.5 - cx4)
        pixel(f"{sx:.3f},{sy:.3f}", 1)
    choose("TABLES")
    for x, y in some + [(17, 3), (18, 10), (20, 40), (17, 40)]:
        v = min(max(a(x, y) - 1000, 0), 255) / 255
        pixel(f"@0:{x + 0.5},{y + 0.5}", SQUARES[int(v * 15 + 0.5)] / 255)
    # a window of the reader's own goes before the presentation LUT, which stays
    say("set window-centre 2000\nset window-width 2001\nwait-idle")
    for x, y in ((20, 5), (33, 40), (40, 1)):
        pixel(f"@0:{x + 0.5},{y + 0.5}", SQUARES[int(grey(a(x, y), 2000, 2001) * 15 + 0.5)] / 255)
    say("key ctrl+G\nwait-idle\nassert-state view.state=")
    say("assert-state toast=This presentation state has another modality LUT than the image: it is not shown.")
    say("set linear off\nwait-idle")
    for x, y in some:
        pixel(f"@0:{x + 0.5},{y + 0.5}", 1 - grey(a(x, y), 2000, 4000))
    # the other image: its own shutter, then a state without one
    say("command next-series\nwait-idle\nset linear off\nwait-idle")
    for x, y, hidden in ((3, 20, 1), (4, 20, 0), (59, 20, 0), (60, 20, 1), (30, 2, 1), (30, 3, 0), (30, 43, 0), (30, 44, 1)):
        pixel(f"@0:{x + 0.5},{y + 0.5}", 1 if hidden else grey(b(x, y) - 1000, 2000, 4000))
    choose("RESCALED")
    for x, y in ((3, 20), (4, 20), (30, 2), (40, 30), (63, 47)):
        pixel(f"@0:{x + 0.5},{y + 0.5}", grey(2 * b(x, y) - 500, 0, 1001))
    say("move @0:40.5,30.5\nmove @0:40.6,30.5")
    say(f"assert-state value={b(40, 30) - 1000}")  # the value stays that of the image
    say("key ctrl+G\nassert-state view.state=\nassert-state toast=As the image itself says\nassert-state gl-errors=0")


if sys.argv[1] == "make":
    make(sys.argv[2])
else:
    script(*map(float, sys.argv[2:6]))
