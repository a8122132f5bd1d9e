"""Compares two slides in the eyes of OpenSlide. Usage: slides_regions.py IN OUT MARGIN [X,Y,W,H in pixels of level 0 ...].
On every level: outside of the boxes, grown by MARGIN pixels of the level, every pixel is the same; inside, the output is dark and flat and the input is not.
Prints "levels pixels-compared"."""
import ctypes
import ctypes.util
import sys

import numpy

lib = ctypes.CDLL(ctypes.util.find_library("openslide") or "libopenslide.so.0")
lib.openslide_open.restype = ctypes.c_void_p
lib.openslide_get_error.restype = ctypes.c_char_p
lib.openslide_get_level_downsample.restype = ctypes.c_double
for name in ("get_error", "get_level_count", "close"):
    getattr(lib, "openslide_" + name).argtypes = [ctypes.c_void_p]
lib.openslide_get_level_downsample.argtypes = [ctypes.c_void_p, ctypes.c_int32]
lib.openslide_get_level_dimensions.argtypes = [ctypes.c_void_p, ctypes.c_int32, ctypes.POINTER(ctypes.c_int64), ctypes.POINTER(ctypes.c_int64)]
lib.openslide_read_region.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_int32, ctypes.c_int64, ctypes.c_int64]


class Slide:
    def __init__(self, path):
        self.handle = lib.openslide_open(path.encode())
        if not self.handle or lib.openslide_get_error(self.handle):
            sys.exit(f"OpenSlide cannot open {path}")
        self.levels = lib.openslide_get_level_count(self.handle)

    def size(self, level):
        w, h = ctypes.c_int64(), ctypes.c_int64()
        lib.openslide_get_level_dimensions(self.handle, level, w, h)
        return w.value, h.value

    def downsample(self, level):
        return lib.openslide_get_level_downsample(self.handle, level)

    def read(self, level, x, y, w, h):
        """Corner in pixels of the level."""
        pixels = numpy.zeros((h, w), numpy.uint32)
        factor = self.downsample(level)
        lib.openslide_read_region(self.handle, pixels.ctypes.data, round(x * factor), round(y * factor), level, w, h)
        error = lib.openslide_get_error(self.handle)
        if error:
            sys.exit(f"OpenSlide cannot read level {level}: {error.decode()}")
        return pixels


def channels(pixels):
    return numpy.stack([pixels >> 16 & 255, pixels >> 8 & 255, pixels & 255], axis=-1).astype(int)


def spread(pixels):
    rgb = channels(pixels).reshape(-1, 3)
    return (rgb.max(axis=0) - rgb.min(axis=0)).max() if len(rgb) else 0


def main(before, after, margin, *boxes):
    a, b = Slide(before), Slide(after)
    margin = int(margin)
    boxes = [tuple(map(int, box.split(","))) for box in boxes]
    if a.levels != b.levels:
        sys.exit(f"{a.levels} and {b.levels} levels")
    compared = 0
    for level in range(a.levels):
        if a.size(level) != b.size(level):
            sys.exit(f"level {level} has another size")
        width, height = a.size(level)
        factor = a.downsample(level)
        # A window around all boxes: slides may be huge and mostly empty.
        left, top, right, bottom = 0, 0, width, height
        if width * height > 1 << 24 and boxes:
            left = max(0, int(min(x for x, _, _, _ in boxes) / factor) - 1024)
            top = max(0, int(min(y for _, y, _, _ in boxes) / factor) - 1024)
            right, bottom = min(width, left + 4096), min(height, top + 4096)
        one, two = (slide.read(level, left, top, right - left, bottom - top) for slide in (a, b))
        outside = numpy.ones(one.shape, bool)
        for x, y, w, h in boxes:
            x0, y0, x1, y1 = x / factor - left, y / factor - top, (x + w) / factor - left, (y + h) / factor - top
            outside[max(0, int(y0) - margin):int(y1) + 1 + margin, max(0, int(x0) - margin):int(x1) + 1 + margin] = False
            # Two pixels inside: chroma of neighbours reaches over the edge.
            inner = slice(max(0, int(y0) + 2), max(0, int(y1) - 2)), slice(max(0, int(x0) + 2), max(0, int(x1) - 2))
            if two[inner].size == 0:
                continue
            if spread(two[inner]) > 40 or channels(two[inner]).mean() > 60:
                sys.exit(f"level {level} still shows something in {x},{y},{w},{h}: spread {spread(two[inner])}, mean {channels(two[inner]).mean():.0f}")
            if level == 0 and channels(one[inner]).mean() < 80:
                sys.exit("the input is dark where the region is: the check cannot fail")
        different = (one != two) & outside
        if different.any():
            rows, columns = numpy.nonzero(different)
            sys.exit(f"level {level}: {different.sum()} pixels differ outside of the regions, first at {columns[0] + left},{rows[0] + top}")
        compared += int(outside.sum())
    print(a.levels, compared)


if __name__ == "__main__":
    main(*sys.argv[1:])
