"""Moves everything of a TIFF, BigTIFF or NDPI file behind a hole, so that offsets need more than 32 bits while the file costs no disk.
Usage: slides_large.py IN OUT HOLE-BYTES. NDPI keeps the upper halves behind each directory; a classic TIFF cannot be moved that far."""
import struct
import sys

SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
POINTERS = {273, 324, 330}


def main(source, target, hole):
    data, hole = bytearray(open(source, "rb").read()), int(hole)
    order = "<" if data[:2] == b"II" else ">"
    big = struct.unpack(order + "H", data[2:4])[0] == 43
    ndpi = not big
    head, row, word, start = (8, 20, 8, 8) if big else (2, 12, 4, 4)
    letter = "Q" if big else "I"

    def get(at, kind):
        return struct.unpack_from(order + kind, data, at)[0]

    def put(at, kind, value):
        struct.pack_into(order + kind, data, at, value)

    link, at = start, get(start, "Q")
    todo = []
    while at:
        put(link, "Q", at + hole)
        count = get(at, "Q" if big else "H")
        highs = at + head + row * count + 8
        for i in range(count):
            entry = at + head + row * i
            tag, kind, n = get(entry, "H"), get(entry + 2, "H"), get(entry + 4, letter)
            place = entry + 4 + word
            if n * SIZES.get(kind, 1) > word:
                value = get(place, letter)
                if tag in POINTERS:
                    todo += [(value + k * SIZES[kind], {4: "I", 16: "Q"}[kind]) for k in range(n)]
                value += hole
                put(place, letter, value & 0xFFFFFFFF if ndpi else value)
                if ndpi:
                    put(highs + 4 * i, "I", value >> 32)
            elif tag in POINTERS:
                value = get(place, letter) + hole
                put(place, letter, value & 0xFFFFFFFF if ndpi else value)
                if ndpi:
                    put(highs + 4 * i, "I", value >> 32)
        link = at + head + row * count
        at = get(link, "Q")
    for place, kind in todo:
        put(place, kind, get(place, kind) + hole)
    first = 16 if big else 12
    with open(target, "wb") as out:
        out.write(data[:first])
        out.seek(hole + first)
        out.write(data[first:])


if __name__ == "__main__":
    main(*sys.argv[1:])
