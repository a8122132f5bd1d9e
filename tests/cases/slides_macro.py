"""The macro photographs of two slides in the eyes of OpenSlide. Usage: slides_macro.py IN OUT kept|removed.
kept: as large as before, black where the label was (as wide as the glass is high, at least), everything to the right as it was. removed: neither a macro
nor a label is left, or only a black picture of a few pixels (BIF)."""
import ctypes
import sys

import numpy

from slides_regions import Slide, channels, lib

lib.openslide_get_associated_image_dimensions.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.POINTER(ctypes.c_int64), ctypes.POINTER(ctypes.c_int64)]
lib.openslide_read_associated_image.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]


def picture(slide, name):
    w, h = ctypes.c_int64(-1), ctypes.c_int64(-1)
    lib.openslide_get_associated_image_dimensions(slide.handle, name, w, h)
    if w.value <= 0:
        return None
    pixels = numpy.zeros((h.value, w.value), numpy.uint32)
    lib.openslide_read_associated_image(slide.handle, name, pixels.ctypes.data)
    return channels(pixels)


def main(before, after, wanted):
    a, b = Slide(before), Slide(after)
    old = picture(a, b"macro")
    if old is None:
        sys.exit("the input shows no macro: nothing to look at")
    new, label = picture(b, b"macro"), picture(b, b"label")
    if label is not None:
        sys.exit("a label is left")
    if wanted == "removed":
        if new is not None and (new.shape[1] > 32 or new.max() > 0):
            sys.exit(f"a macro of {new.shape[1]} x {new.shape[0]} is left")
        return
    if new is None or new.shape != old.shape:
        sys.exit("the macro did not stay")
    height, width = new.shape[:2]
    black = (new.max(axis=2) == 0).all(axis=0)
    edge = int(numpy.argmin(black)) if not black.all() else width
    if edge < height or edge >= width:
        sys.exit(f"black up to column {edge} of {width}, the label is {height} wide")
    if old[:, :edge].min() > 100:
        sys.exit("the input shows nothing where the label is: the check cannot fail")
    # An NDPI's macro must be JPEG: it is encoded once more, and chroma reaches over the edge.
    jpeg = after.endswith(".ndpi")
    edge += 2 if jpeg else 0
    rest = numpy.abs(new[:, edge:] - old[:, edge:])
    if rest.max() > (40 if jpeg else 2) or rest.mean() > 2 or new[:, edge:].max() < 100:
        sys.exit(f"the rest of the macro changed by {rest.max()}, {rest.mean():.2f} on average")
    print(width, height, edge)


if __name__ == "__main__":
    main(*sys.argv[1:])
