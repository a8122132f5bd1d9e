"""Is a PNG picture (8-bit RGB or RGBA, as openslide-write-png writes it) of one colour but for its outermost pixels? Usage: slides_flat.py FILE.png"""
import struct
import sys
import zlib


def pixels(path):
    with open(path, "rb") as stream:
        data = stream.read()
    at, packed, width, height, kind = 8, b"", 0, 0, 6
    while at < len(data):
        length, name = struct.unpack(">I4s", data[at:at + 8])
        if name == b"IHDR":
            width, height, _, kind = struct.unpack(">IIBB", data[at + 8:at + 18])
        if name == b"IDAT":
            packed += data[at + 8:at + 8 + length]
        at += 12 + length
    size = 4 if kind == 6 else 3
    raw, row, before = zlib.decompress(packed), width * size, bytearray(width * size)
    for y in range(height):
        line = bytearray(raw[y * (row + 1) + 1:(y + 1) * (row + 1)])
        how = raw[y * (row + 1)]
        for i in range(row):
            left, up = line[i - size] if i >= size else 0, before[i]
            corner = before[i - size] if i >= size else 0
            if how == 1:
                line[i] = (line[i] + left) & 255
            elif how == 2:
                line[i] = (line[i] + up) & 255
            elif how == 3:
                line[i] = (line[i] + (left + up) // 2) & 255
            elif how == 4:
                guess = left + up - corner
                best = min((abs(guess - left), 0, left), (abs(guess - up), 1, up), (abs(guess - corner), 2, corner))[2]
                line[i] = (line[i] + best) & 255
        yield [tuple(line[x * size:x * size + 3]) for x in range(width)]
        before = line


def main(path):
    inner = [row[2:-2] for row in list(pixels(path))[2:-2]]
    spread = max(max(p[c] for row in inner for p in row) - min(p[c] for row in inner for p in row) for c in range(3))
    print("spread", spread)
    return 1 if spread > 40 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
