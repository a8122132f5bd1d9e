"""Breaks slides where their structure has a border: ends at each directory and tile, loops, lying counts, types, offsets and sizes, overlapping tiles,
tiny files, a MRXS index that leads anywhere, links to other places. Usage: slides_broken.py FOLDER_OF_SLIDES OUT"""
import os
import shutil
import struct
import sys

from slides_attack import Tiff

LETTERS = {3: "H", 4: "I", 13: "I", 16: "Q"}


class Maker:
    def __init__(self, out):
        self.out, self.count = out, 0
        os.makedirs(out)

    def save(self, what, extension, data):
        with open(os.path.join(self.out, f"{what}_{self.count:04d}{extension}"), "wb") as stream:
            stream.write(data)
        self.count += 1

    def mirax(self, path, change):
        stem = os.path.join(self.out, f"mirax_{self.count:04d}")
        self.count += 1
        shutil.copytree(path[:-5], stem)
        shutil.copy(path, stem + ".mrxs")
        change(stem)


def places(t, entries, tag):
    kind, count, raw = entries[tag]
    return list(struct.unpack(t.order + str(count) + LETTERS[kind], raw))


def break_tiff(m, extension, base):
    t, ends, chain = Tiff(base), {1, 4, 8, 15, len(base) - 1}, []
    wide = "Q" if t.big or t.ndpi else "I"
    link = t.link
    while t.get(link, wide):
        at = t.get(link, wide)
        entries, after = t.read(link)
        chain.append((at, link))
        ends |= {at, at + 1, after, after + 4}
        for tag in {324, 273} & entries.keys():
            ends |= {places(t, entries, tag)[0], places(t, entries, tag)[-1] + 1}
        link = after
    for end in sorted(e for e in ends if e < len(base)):
        m.save("cut", extension, base[:end])
    for at, link in chain[:2]:
        for target in (chain[0][0], 1, len(base) - 2, 1 << 31):
            data = bytearray(base)
            struct.pack_into(t.order + wide, data, t.read(link)[1], target)
            m.save("next", extension, bytes(data))
    at, row = chain[0][0], 20 if t.big else 12
    start = at + (8 if t.big else 2)
    for i in range(t.get(at, "Q" if t.big else "H")):
        for count in (0, 1 << 31):
            data = bytearray(base)
            struct.pack_into(t.order + ("Q" if t.big else "I"), data, start + i * row + 4, count)
            m.save("count", extension, bytes(data))
        data = bytearray(base)
        struct.pack_into(t.order + "H", data, start + i * row + 2, (0, 2, 7, 13, 99)[i % 5])
        m.save("type", extension, bytes(data))

    def edit(what, change):
        copy = Tiff(base)
        try:
            copy.edit(change)
        except KeyError:
            return
        m.save(what, extension, bytes(copy.data))

    def move(tag, where):
        def change(copy, entries):
            old = places(copy, entries, tag)
            letter, kind = ("Q", 16) if copy.big else ("I", 4)
            entries[tag] = (kind, len(old), struct.pack(f"{copy.order}{len(old)}{letter}", *[where(old[0], k) for k in range(len(old))]))
        return change
    for tag in (324, 325, 273, 279):
        edit("beyond", move(tag, lambda first, k: len(base)))
        edit("most", move(tag, lambda first, k: (1 << 32) - 1))
    edit("overlap", move(324, lambda first, k: first + k))
    for tag in (256, 257, 322, 323, 277, 258):
        for value in (0, 65535, (1 << 31) - 1, (1 << 32) - 1):
            edit("size", lambda copy, entries, tag=tag, value=value: entries.__setitem__(tag, (4, 1, struct.pack(copy.order + "I", value))))


def break_mirax(m, path):
    with open(os.path.join(path[:-5], "Index.dat"), "rb") as stream:
        index = stream.read()
    with open(os.path.join(path[:-5], "Slidedat.ini"), "rb") as stream:
        ini = stream.read()

    def write(name, data):
        def change(stem):
            with open(os.path.join(stem, name), "wb") as stream:
                stream.write(data)
        return change
    for at in range(37, 120, 8):
        for value in (at, (1 << 31) - 1, (1 << 32) - 1):
            data = bytearray(index)
            struct.pack_into("<I", data, at, value)
            m.mirax(path, write("Index.dat", bytes(data)))
    for old, new in ((b"FILE_COUNT = 2", b"FILE_COUNT = 99999"), (b"FILE_0 = Data0000.dat", b"FILE_0 = ../../../etc/passwd"),
                     (b"FILE_0 = Data0000.dat", b"FILE_0 = /etc/passwd"), (b"INDEXFILE = Index.dat", b"INDEXFILE = .."),
                     (b"HIER_0_COUNT = 3", b"HIER_0_COUNT = 0"), (b"HIER_0_COUNT = 3", b"HIER_0_COUNT = -3")):
        if old not in ini:
            sys.exit(f"the generator no longer writes {old}")
        m.mirax(path, write("Slidedat.ini", ini.replace(old, new)))

    def link(stem):
        os.remove(os.path.join(stem, "Data0000.dat"))
        os.symlink("/etc/passwd", os.path.join(stem, "Data0000.dat"))
    m.mirax(path, link)

    def link_folder(stem):
        shutil.move(stem, os.path.join(os.path.dirname(m.out), "elsewhere"))
        os.symlink("../elsewhere", stem)
    m.mirax(path, link_folder)


def main(folder, out):
    m = Maker(out)
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        if name.endswith(".mrxs"):
            break_mirax(m, path)
        elif os.path.isfile(path):
            with open(path, "rb") as stream:
                break_tiff(m, ".ome.tiff" if name.endswith(".ome.tiff") else os.path.splitext(name)[1], stream.read())
    for data in (b"", b"II", b"II*\0", b"II*\0\x08\0\0\0", b"MM\0+\0\x08\0\0", b"II+\0\x08\0\0\0\x10" + bytes(7)):
        for extension in (".svs", ".ndpi", ".mrxs"):
            m.save("tiny", extension, data)
    print(m.count)


if __name__ == "__main__":
    main(*sys.argv[1:])
