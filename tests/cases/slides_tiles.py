"""Which tiles differ between two TIFF slides. Usage: slides_tiles.py IN OUT [X,Y,W,H in pixels of level 0].
A reader of its own (classic and BigTIFF, chain only). Levels are matched by size. Prints "tiles touched redacted"; fails when a tile differs that no region
touches, or when a touched one is still the same."""
import struct
import sys


def directories(data):
    order = "<" if data[:2] == b"II" else ">"
    big = struct.unpack(order + "H", data[2:4])[0] == 43
    at = struct.unpack(order + ("Q" if big else "I"), data[8:16] if big else data[4:8])[0]
    sizes = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1, 11: 4, 12: 8, 13: 4, 16: 8, 18: 8}
    letters = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
    while at:
        count = struct.unpack(order + ("Q" if big else "H"), data[at:at + (8 if big else 2)])[0]
        row, start, word = (20, at + 8, 8) if big else (12, at + 2, 4)
        tags = {}
        for i in range(count):
            entry = start + i * row
            tag, kind = struct.unpack(order + "HH", data[entry:entry + 4])
            n = struct.unpack(order + ("Q" if big else "I"), data[entry + 4:entry + 4 + word])[0]
            place = entry + 4 + word
            if n * sizes.get(kind, 1) > word:
                place = struct.unpack(order + ("Q" if big else "I"), data[place:place + word])[0]
            if kind in letters:
                tags[tag] = struct.unpack(f"{order}{n}{letters[kind]}", data[place:place + n * sizes[kind]])
        yield tags
        at = struct.unpack(order + ("Q" if big else "I"), data[start + count * row:start + count * row + word])[0]


def levels(path):
    with open(path, "rb") as stream:
        data = stream.read()
    found = {}
    for tags in directories(data):
        if 322 in tags:
            tiles = [data[o:o + n] for o, n in zip(tags[324], tags[325])]
            found[(tags[256][0], tags[257][0])] = (tags[322][0], tags[323][0], tiles)
    return found


def main(source, output, box=None):
    before, after = levels(source), levels(output)
    if set(before) != set(after) or not before:
        sys.exit(f"levels differ: {sorted(before)} {sorted(after)}")
    x, y, w, h = map(int, box.split(",")) if box else (0, 0, 0, 0)
    width0 = max(size[0] for size in before)
    tiles = touched = 0
    for (width, _), (tile_w, tile_h, old) in before.items():
        size = next(s for s in before if s[0] == width)
        new = after[size][2]
        factor, across = width0 / width, -(-width // tile_w)
        for i, tile in enumerate(old):
            left, top = i % across * tile_w, i // across * tile_h
            edge = 0 if factor == 1 else 2
            near = box and x / factor - edge < left + tile_w and (x + w) / factor + edge > left and y / factor - edge < top + tile_h and (y + h) / factor + edge > top
            inside = box and x / factor < left + tile_w and (x + w) / factor > left and y / factor < top + tile_h and (y + h) / factor > top
            tiles += 1
            if tile != new[i] and not near:
                sys.exit(f"tile {i} of the level {size} differs although no region touches it")
            if tile == new[i] and inside:
                sys.exit(f"tile {i} of the level {size} is the same although a region touches it")
            touched += tile != new[i]
    print(tiles, touched)


if __name__ == "__main__":
    main(*sys.argv[1:])
