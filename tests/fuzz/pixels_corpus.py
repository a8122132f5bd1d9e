#!/usr/bin/env python3
"""Make the small seeds of pixel_frames_fuzz, rle_fuzz and jpeg_blocks_fuzz (needs python3-pil): pixels_corpus.py CORPUS_FOLDER"""
import io
import struct
import sys

from PIL import Image

folder = sys.argv[1]


def element(group, number, vr, value):
    if len(value) % 2:
        value += b" " if vr not in (b"OB", b"UI") else b"\0"
    if vr in (b"OB", b"OW"):
        return struct.pack("<HH2sHI", group, number, vr, 0, len(value)) + value
    return struct.pack("<HH2sH", group, number, vr, len(value)) + value


def us(group, number, value):
    return element(group, number, b"US", struct.pack("<H", value))


def dicom(syntax, head, pixels):
    meta = element(2, 2, b"UI", b"1.2.840.10008.5.1.4.1.1.7") + element(2, 3, b"UI", b"2.25.1") + element(2, 16, b"UI", syntax)
    return bytes(128) + b"DICM" + element(2, 0, b"UL", struct.pack("<I", len(meta))) + meta + head + pixels


def describe(columns, rows, samples, bits, photometric, frames=1, extra=b""):
    return (us(0x28, 2, samples) + element(0x28, 4, b"CS", photometric) + (us(0x28, 6, 0) if samples > 1 else b"") + element(0x28, 8, b"IS", b"%d" % frames) +
            us(0x28, 0x10, rows) + us(0x28, 0x11, columns) + us(0x28, 0x100, bits) + us(0x28, 0x101, bits) + us(0x28, 0x102, bits - 1) + us(0x28, 0x103, 0) + extra)


def fragments(parts, table=b""):
    out = struct.pack("<HH2sHI", 0x7FE0, 0x10, b"OB", 0, 0xFFFFFFFF) + struct.pack("<HHI", 0xFFFE, 0xE000, len(table)) + table
    for part in parts:
        part += b"\0" * (len(part) % 2)
        out += struct.pack("<HHI", 0xFFFE, 0xE000, len(part)) + part
    return out + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)


def rle(columns, rows):
    segment = b"".join(bytes([257 - columns, y * 7 % 256]) for y in range(rows))
    return struct.pack("<16I", 1, 64, *[0] * 14) + segment + b"\0" * (len(segment) % 2)


def jpeg(mode, size=(24, 20), **options):
    stream = io.BytesIO()
    image = Image.new(mode, size)
    image.putdata([(x * 7 % 256 if mode == "L" else (x * 7 % 256, x * 3 % 256, x * 11 % 256)) for x in range(size[0] * size[1])])
    image.save(stream, "JPEG", **options)
    return stream.getvalue()


def write(name, data):
    open(folder + "/" + name, "wb").write(data)


explicit = b"1.2.840.10008.1.2.1"
palette = b"".join(element(0x28, 0x1101 + c, b"US", struct.pack("<3H", 16, 0, 16)) for c in range(3)) + b"".join(
    element(0x28, 0x1201 + c, b"OW", struct.pack("<16H", *range(0, 65536, 4096))) for c in range(3))
segmented = b"".join(element(0x28, 0x1101 + c, b"US", struct.pack("<3H", 16, 0, 16)) for c in range(3)) + b"".join(
    element(0x28, 0x1221 + c, b"OW", struct.pack("<8H", 0, 2, 5, 9, 1, 6, 900, 2)) for c in range(3))
write("pixel_frames_fuzz/raw8", dicom(explicit, describe(8, 8, 1, 8, b"MONOCHROME2", 2), element(0x7FE0, 0x10, b"OB", bytes(range(128)))))
write("pixel_frames_fuzz/raw16", dicom(explicit, describe(8, 4, 1, 16, b"MONOCHROME1"), element(0x7FE0, 0x10, b"OW", bytes(range(64)))))
write("pixel_frames_fuzz/palette", dicom(explicit, describe(8, 8, 1, 8, b"PALETTE COLOR", extra=palette), element(0x7FE0, 0x10, b"OB", bytes(range(64)))))
write("pixel_frames_fuzz/segmented", dicom(explicit, describe(8, 8, 1, 8, b"PALETTE COLOR", extra=segmented), element(0x7FE0, 0x10, b"OB", bytes(range(64)))))
write("pixel_frames_fuzz/ybr422", dicom(explicit, describe(8, 4, 3, 8, b"YBR_FULL_422"), element(0x7FE0, 0x10, b"OB", bytes(range(64)))))
frames = [rle(16, 8), rle(16, 8)]
write("pixel_frames_fuzz/rle", dicom(b"1.2.840.10008.1.2.5", describe(16, 8, 1, 8, b"MONOCHROME2", 2), fragments(frames, struct.pack("<2I", 0, len(frames[0]) + 8))))
split = [jpeg("L"), jpeg("L")]
write("pixel_frames_fuzz/jpeg_split", dicom(b"1.2.840.10008.1.2.4.50", describe(24, 20, 1, 8, b"MONOCHROME2", 2), fragments([split[0][:60], split[0][60:], split[1]])))
write("rle_fuzz/grey", bytes([15, 7, 0]) + rle(16, 8))
write("jpeg_blocks_fuzz/grey", jpeg("L"))
write("jpeg_blocks_fuzz/colour420", jpeg("RGB", subsampling=2))
write("jpeg_blocks_fuzz/colour422", jpeg("RGB", subsampling=1))
write("jpeg_blocks_fuzz/colour444", jpeg("RGB", subsampling=0))
write("jpeg_blocks_fuzz/progressive", jpeg("RGB", progressive=True))
write("jpeg_blocks_fuzz/restart", jpeg("L", restart_marker_blocks=2))
