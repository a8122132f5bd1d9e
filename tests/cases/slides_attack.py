"""Plants secrets in places of a slide that nobody looks at: one variant of each slide per place. Usage: slides_attack.py FOLDER_OF_SLIDES OUT LIST.tsv
A TIFF reader and writer of its own (classic, BigTIFF, NDPI). LIST gets: file, place, secret."""
import base64
import os
import shutil
import struct
import sys

SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 18: 8}


class Tiff:
    def __init__(self, data):
        self.data = bytearray(data)
        self.order = "<" if data[:2] == b"II" else ">"
        self.big = self.get(2, "H") == 43
        self.ndpi = False
        if not self.big and self.order == "<":
            at = self.get(4, "Q")
            if at + 2 < len(data):
                count = self.get(at, "H")
                self.ndpi = at + 2 + 12 * count < len(data) and any(self.get(at + 2 + 12 * i, "H") == 65420 for i in range(count))
        self.word = 8 if self.big else 4
        self.link = 8 if self.big else 4

    def get(self, at, letter):
        return struct.unpack_from(self.order + letter, self.data, at)[0]

    def pack(self, letter, *values):
        return struct.pack(self.order + letter, *values)

    def append(self, raw):
        self.data += b"\0" * (-len(self.data) % 8)
        at = len(self.data)
        self.data += raw
        return at

    def read(self, link):
        """Directory behind the pointer at `link`: (entries {tag: (type, count, bytes)}, where its own next pointer stands)."""
        wide = self.big or self.ndpi
        at = self.get(link, "Q" if wide else "I")
        if not at:
            return None
        count, start, row = (self.get(at, "Q"), at + 8, 20) if self.big else (self.get(at, "H"), at + 2, 12)
        entries, after = {}, start + count * row
        for i in range(count):
            e = start + i * row
            tag, kind = self.get(e, "H"), self.get(e + 2, "H")
            n = self.get(e + 4, "Q" if self.big else "I")
            place, size = e + 4 + self.word, n * SIZES.get(kind, 1)
            if size > self.word:
                place = self.get(place, "Q" if self.big else "I")
                if self.ndpi:
                    place |= self.get(after + 8 + 4 * i, "I") << 32
            entries[tag] = (kind, n, bytes(self.data[place:place + size]))
        return entries, after

    def write(self, link, entries, following):
        """A new directory at the end takes the place of the one behind `link`; its next is `following`. Returns where its next pointer stands."""
        packed, high = b"", b""
        for tag in sorted(entries):
            kind, n, raw = entries[tag]
            n = n or len(raw)
            value = raw.ljust(self.word, b"\0") if len(raw) <= self.word else self.pack("Q" if self.big else "I", self.append(raw))
            packed += self.pack("HH", tag, kind) + self.pack("Q" if self.big else "I", n) + value
            high += self.pack("I", 0)
        head = self.pack("Q" if self.big else "H", len(entries))
        at = self.append(head + packed + self.pack("Q" if self.big or self.ndpi else "I", following) + (high if self.ndpi else b""))
        wide = self.big or self.ndpi
        struct.pack_into(self.order + ("Q" if wide else "I"), self.data, link, at)
        return at + len(head) + len(packed)

    def edit(self, change, which=0):
        """Let `change(self, entries)` change directory number `which` of the chain."""
        link = self.link
        for _ in range(which):
            link = self.read(link)[1]
        entries, after = self.read(link)
        change(self, entries)
        self.write(link, entries, self.get(after, "Q" if self.big or self.ndpi else "I"))

    def loose(self, entries):
        """A directory that nothing points to yet; returns its offset."""
        link = self.append(b"\0" * 8)
        self.write(link, entries, 0)
        return self.get(link, "Q" if self.big or self.ndpi else "I")


def text(secret):
    return 2, len(secret) + 1, secret.encode() + b"\0"


def pointer(t, at):
    return (13 if not t.big else 16), 1, t.pack("Q" if t.big else "I", at)


def tag(number, value):
    return lambda secret: lambda t, e: e.__setitem__(number, value(secret))


def child(number):
    def plant(secret):
        def change(t, e):
            e[number] = pointer(t, t.loose({37510: (7, len(secret), secret.encode()), 306: text(secret)}))
        return change
    return plant


def numbers(t, entries, number):
    kind, n, raw = entries[number]
    return list(struct.unpack(f"{t.order}{n}{ {3: 'H', 4: 'I', 16: 'Q'}[kind]}", raw))


def first_tile(rework):
    def plant(secret):
        def change(t, e):
            o, c = (324, 325) if 324 in e else (273, 279)
            offsets, counts = numbers(t, e, o), numbers(t, e, c)
            new = rework(bytes(t.data[offsets[0]:offsets[0] + counts[0]]), secret.encode(), e)
            offsets[0], counts[0] = t.append(new), len(new)
            letter, kind = ("Q", 16) if t.big else ("I", 4)
            e[o] = (kind, len(offsets), t.pack(f"{len(offsets)}{letter}", *offsets))
            e[c] = (kind, len(counts), t.pack(f"{len(counts)}{letter}", *counts))
        return change
    return plant


def segment(marker, payload):
    return bytes([0xFF, marker]) + struct.pack(">H", len(payload) + 2) + payload


def in_tables(secret):
    def change(t, e):
        kind, _, raw = e.get(347, (7, 0, b""))
        if len(raw) < 4:
            raise KeyError("no tables")
        raw = raw[:2] + segment(0xFE, secret.encode()) + segment(0xE5, secret.encode()) + raw[2:] + secret.encode()
        e[347] = (kind, len(raw), raw)
    return change


def icc(secret):
    raw = secret.encode()
    desc = b"desc" + bytes(4) + struct.pack(">I", len(raw) + 1) + raw + b"\0" + bytes(78)
    head = bytearray(128)
    struct.pack_into(">I", head, 0, 128 + 4 + 12 + len(desc))
    head[12:24], head[36:40] = b"mntrRGB XYZ ", b"acsp"
    return bytes(head) + struct.pack(">I", 1) + b"desc" + struct.pack(">II", 144, len(desc)) + desc


def icc_with(tags, tail=b"", gap=b""):
    """A profile with these (signature, data) tags, `gap` between the last two and `tail` behind them."""
    at, table, body = 132 + 12 * len(tags), b"", b""
    for i, (name, data) in enumerate(tags):
        if i == len(tags) - 1:
            body += gap + b"\0" * (-len(gap) % 4)
        table += name + struct.pack(">II", at + len(body), len(data))
        body += data + b"\0" * (-len(data) % 4)
    head = bytearray(128)
    struct.pack_into(">I", head, 0, 132 + len(table) + len(body) + len(tail))
    head[8:12], head[12:24], head[36:40] = b"\x04\x20\0\0", b"mntrRGB XYZ ", b"acsp"
    return bytes(head) + struct.pack(">I", len(tags)) + table + body + tail


WHITE = (b"wtpt", b"XYZ " + bytes(4) + struct.pack(">iii", 63190, 65536, 54061))
CURVE = (b"rTRC", b"curv" + bytes(4) + struct.pack(">IH", 1, 0x0233))


def mluc(text):
    wide = text.encode("utf-16-be")
    return b"mluc" + bytes(4) + struct.pack(">II", 1, 12) + b"enUS" + struct.pack(">II", len(wide), 28) + wide


def palette(secret):
    raw = bytes((i * 37 + 200) % 256 for i in range(700)) + secret.encode()
    return 3, 768, raw + bytes(1536 - len(raw))


def unused_huffman(raw, secret, _):
    """The letters of a secret, each once, as the symbols of a table that nothing uses."""
    symbols = bytes(dict.fromkeys(secret))
    return raw[:2] + segment(0xC4, b"\x13" + bytes([0] * 7 + [len(symbols)] + [0] * 8) + symbols) + raw[2:]


def longer(marker, secret, raw):
    """Bytes at the end of a segment that says so itself."""
    at = 2
    while raw[at + 1] != marker:
        at += 2 + struct.unpack_from(">H", raw, at + 2)[0]
    size = struct.unpack_from(">H", raw, at + 2)[0]
    return raw[:at + 2] + struct.pack(">H", size + len(secret)) + raw[at + 4:at + 2 + size] + secret + raw[at + 2 + size:]


def description(rework):
    def plant(secret):
        def change(t, e):
            kind, _, raw = e[270]
            raw = rework(raw.rstrip(b"\0"), secret.encode()) + b"\0"
            e[270] = (kind, len(raw), raw)
        return change
    return plant


def xmp(rework):
    def plant(secret):
        def change(t, e):
            kind, _, raw = e[700]
            e[700] = (kind, len(rework(raw, secret.encode())), rework(raw, secret.encode()))
        return change
    return plant


def before_end(raw, insertion):
    at = raw.rindex(b"</")
    return raw[:at] + insertion + raw[at:]


def in_root(raw, insertion):
    at = raw.index(b">", raw.index(b"?>") + 2 if b"?>" in raw else 0)
    at -= raw[at - 1:at] == b"/"
    return raw[:at] + insertion + raw[at:]


XML = {
    "comment": lambda raw, s: before_end(raw, b"<!--" + s + b"-->"),
    "instruction": lambda raw, s: before_end(raw, b"<?note " + s + b"?>"),
    "cdata": lambda raw, s: before_end(raw, b"<![CDATA[" + s + b"]]>"),
    "element": lambda raw, s: before_end(raw, b"<Note>" + s + b"</Note>"),
    "element_name": lambda raw, s: before_end(raw, b"<" + s + b"/>"),
    "attribute": lambda raw, s: in_root(raw, b' note="' + s + b'"'),
    "attribute_name": lambda raw, s: in_root(raw, b" " + s + b'="1"'),
    "namespace": lambda raw, s: in_root(raw, b' xmlns:q="urn:' + s + b'"'),
    "behind_nul": lambda raw, s: raw + b"\0" + s,
    "entity": lambda raw, s: before_end(raw, b"".join(b"&#%d;" % c for c in s)),
}


def ole(raw, secret, _):
    return raw[:-2] + b" " + secret + b" wrote this" + raw[-2:]


TIFF_PLACES = {
    "tag_ascii": tag(65000, text),
    "tag_utf16": tag(65001, lambda s: (7, 2 * len(s), s.encode("utf-16-le"))),
    "tag_base64": tag(65002, lambda s: text(base64.b64encode(s.encode()).decode())),
    "tag_shorts": tag(65003, lambda s: (3, len(s) // 2, s.encode()[:len(s) // 2 * 2])),
    "artist": tag(315, text),
    "software": tag(305, text),
    "target_printer": tag(337, text),
    "ink_names": tag(333, text),
    "copyright": tag(33432, text),
    "geo_ascii": tag(34737, text),
    "gdal": tag(42112, text),
    "photoshop": tag(34377, lambda s: (7, len(s) + 12, b"8BIM\x04\x04\0\0" + struct.pack(">I", len(s)) + s.encode())),
    "xp_comment": tag(40092, lambda s: (1, 2 * len(s), s.encode("utf-16-le"))),
    "iptc": tag(33723, lambda s: (7, len(s) + 5, b"\x1c\x02\x78" + struct.pack(">H", len(s)) + s.encode())),
    "icc": tag(34675, lambda s: (7, len(icc(s)), icc(s))),
    "icc_wide": tag(34675, lambda s: (7, 0, icc_with([(b"desc", mluc(s)), WHITE, CURVE]))),
    "icc_gap": tag(34675, lambda s: (7, 0, icc_with([(b"desc", mluc("sRGB")), WHITE, CURVE], gap=s.encode()))),
    "icc_tail": tag(34675, lambda s: (7, 0, icc_with([(b"desc", mluc("sRGB")), WHITE, CURVE], tail=s.encode()))),
    "icc_private": tag(34675, lambda s: (7, 0, icc_with([(b"Zq7x", b"data" + bytes(8) + s.encode()), WHITE, CURVE]))),
    "host_computer": tag(316, text),
    "document_name": tag(269, text),
    "page_name": tag(285, text),
    "date_time": tag(306, text),
    "unique_model": tag(50708, text),
    "user_comment": tag(37510, lambda s: (7, len(s) + 8, b"ASCII\0\0\0" + s.encode())),
    "maker_note": tag(37500, lambda s: (7, len(s), s.encode())),
    "xmp": tag(700, lambda s: (1, len(s) + 30, b"<x:xmpmeta xmlns:x='adobe'>" + s.encode() + b"   ")),
    "palette": tag(320, palette),
    "transfer": tag(301, palette),
    "sample_minimum": tag(340, lambda s: (3, len(s) // 2, s.encode()[:len(s) // 2 * 2])),
    "reference_black": tag(532, lambda s: (5, 6, (s.encode() + bytes(48))[:48])),
    "strange_type": tag(65004, lambda s: (99, len(s), s.encode())),
    "resolution": tag(282, lambda s: (5, 1, s.encode()[:8])),
    "white_point": tag(318, lambda s: (5, 2, s.encode()[:16])),
    "exif": child(34665),
    "gps": child(34853),
    "interoperability": child(40965),
    "sub_ifd": child(330),
    "private_ifd": child(65010),
    "tile_comment": first_tile(lambda raw, s, _: raw[:2] + segment(0xFE, s) + raw[2:]),
    "tile_exif": first_tile(lambda raw, s, _: raw[:2] + segment(0xE1, b"Exif\0\0" + s) + raw[2:]),
    "tile_icc": first_tile(lambda raw, s, _: raw[:2] + segment(0xE2, b"ICC_PROFILE\0\x01\x01" + s) + raw[2:]),
    "tile_jfif": first_tile(lambda raw, s, _: raw[:2] + segment(0xE0, b"JFIF\0\x01\x01\0\0\1\0\1\0\0" + s) + raw[2:]),
    "tile_behind_eoi": first_tile(lambda raw, s, _: raw + s),
    "tile_after_scan": first_tile(ole),
    "tile_huffman": first_tile(lambda raw, s, _: raw[:2] + segment(0xC4, b"\x13" + bytes([0] * 7 + [len(s)] + [0] * 8) + s) + raw[2:]),
    "tile_huffman_unused": first_tile(unused_huffman),
    "tile_quantiser": first_tile(lambda raw, s, _: raw[:2] + segment(0xDB, b"\x03" + (s + bytes(range(1, 65)))[:64]) + raw[2:]),
    "tile_long_frame": first_tile(lambda raw, s, _: longer(0xC0, s, raw)),
    "tile_long_scan": first_tile(lambda raw, s, _: longer(0xDA, s, raw)),
    "tile_adobe": first_tile(lambda raw, s, _: raw[:2] + segment(0xEE, b"Adobe\0\x64\0\0\0\0\1" + s) + raw[2:]),
    "tile_fill": first_tile(lambda raw, s, _: raw[:2] + b"\xff" * 9 + raw[2:-2] + b"\xff" * 5 + raw[-2:] + s),
    "tile_twice": first_tile(lambda raw, s, _: raw + raw[:2] + segment(0xFE, s) + raw[2:]),
    "tables": lambda secret: in_tables(secret),
}


def attack_file(path, out, rows):
    """Places that are not in the file's tree: its end, its name, its extended attributes."""
    base = os.path.splitext(os.path.basename(path))
    for place in ("end", "front_gap", "name", "xattr"):
        secret = f"Zq7{place.replace('_', '')}Duprat{len(rows):03d}"
        name = f"{secret}{base[1]}" if place == "name" else f"{place}_{len(rows):03d}{base[1]}"
        target = os.path.join(out, name)
        with open(path, "rb") as stream:
            data = stream.read()
        if place == "end":
            data += secret.encode()
        if place == "front_gap":
            t = Tiff(data)
            t.edit(lambda *_: None)
            t.append(secret.encode())
            t.edit(lambda *_: None)
            data = bytes(t.data)
        with open(target, "wb") as stream:
            stream.write(data)
        if place == "xattr":
            try:
                os.setxattr(target, "user.patient", secret.encode())
            except OSError:
                pass
        rows.append((name, place, secret))


# What other formats than the first are tried with, beside their own texts.
SHORT = {"tag_utf16", "icc", "exif", "sub_ifd", "private_ifd", "tile_comment", "tile_after_scan", "tile_huffman", "tile_behind_eoi"}


def attack_tiff(path, out, rows, short):
    with open(path, "rb") as stream:
        data = stream.read()
    extension = ".ome.tiff" if path.endswith(".ome.tiff") else os.path.splitext(path)[1]
    places = {n: p for n, p in TIFF_PLACES.items() if not short or n in SHORT}
    first = Tiff(data).read(Tiff(data).link)[0]
    if 270 in first and b"Aperio" in first[270][2]:
        places["key"] = description(lambda raw, s: raw + b"|Note = " + s)
        places["key_name"] = description(lambda raw, s: raw + b"|" + s + b" = 1")
        places["known_key"] = description(lambda raw, s: raw + b"|Gamma = 2.2 " + s)
        places["known_twice"] = description(lambda raw, s: raw + b"|AppMag = " + s)
        places["head"] = description(lambda raw, s: raw.replace(b"Aperio Image", b"Aperio " + s + b" Image", 1))
        places["behind_nul"] = description(lambda raw, s: raw + b"\0" + s)
        places["head_shape"] = description(lambda raw, s: raw.replace(b"|", b" " + s + b"x" + s + b"|", 1))
        places["utf16"] = lambda secret: lambda t, e: e.__setitem__(270, (7, 0, e[270][2].rstrip(b"\0") + b"\0\0" + secret.encode("utf-16-le")))
    elif 270 in first and b"<" in first[270][2][:100]:
        places.update({f"xml_{n}": description(f) for n, f in XML.items()})
    if 700 in first and b"iScan" in first[700][2]:
        places.update({f"xmp_{n}": xmp(f) for n, f in XML.items()})
    for place, plant in places.items():
        secret = f"Zq7{place.replace('_', '')[:6]}Duprat{len(rows):03d}"
        name = f"{place}_{len(rows):03d}{extension}"
        for which in (0,) if short or place not in SHORT else (0, 1):
            t = Tiff(data)
            try:
                t.edit(plant(secret), which)
            except (KeyError, ValueError, TypeError):
                continue
            target = name if which == 0 else f"second_{name}"
            with open(os.path.join(out, target), "wb") as stream:
                stream.write(t.data)
            rows.append((target, place, secret))


def attack_mirax(path, out, rows):
    folder = path[:-5]

    def ini(change):
        def run(inside, secret):
            with open(os.path.join(inside, "Slidedat.ini"), "rb") as stream:
                raw = stream.read()
            with open(os.path.join(inside, "Slidedat.ini"), "wb") as stream:
                stream.write(change(raw, secret.encode()))
        return run

    def tail(name):
        def run(inside, secret):
            with open(os.path.join(inside, name), "ab") as stream:
                stream.write(secret.encode())
        return run

    def extra(inside, secret):
        with open(os.path.join(inside, "Notes.txt"), "w", encoding="utf-8") as stream:
            stream.write(secret)

    places = {
        "ini_comment": ini(lambda raw, s: raw + b"\r\n; " + s + b"\r\n"),
        "ini_section": ini(lambda raw, s: raw + b"\r\n[" + s + b"]\r\nA = 1\r\n"),
        "ini_key": ini(lambda raw, s: raw + b"\r\n" + s + b" = 1\r\n"),
        "ini_value": ini(lambda raw, s: raw + b"\r\nNOTE = " + s + b"\r\n"),
        "ini_known": ini(lambda raw, s: raw.replace(b"[GENERAL]", b"[GENERAL]\r\nADAPTER_SIZE = " + s, 1)),
        "index_tail": tail("Index.dat"),
        "data_tail": tail("Data0001.dat"),
        "extra_file": extra,
    }
    for place, plant in places.items():
        secret = f"Zq7{place.replace('_', '')[:8]}Duprat{len(rows):03d}"
        stem = f"{place}_{len(rows):03d}"
        shutil.copytree(folder, os.path.join(out, stem))
        shutil.copy(path, os.path.join(out, stem + ".mrxs"))
        plant(os.path.join(out, stem), secret)
        rows.append((stem + ".mrxs", place, secret))


def main(folder, out, listing):
    rows, aperio = [], 0
    os.makedirs(out)
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        if name.endswith(".mrxs"):
            attack_mirax(path, out, rows)
        elif os.path.isfile(path):
            aperio += name.endswith(".svs")
            first = name.endswith(".svs") and aperio == 1
            attack_tiff(path, out, rows, not first)
            if first:
                attack_file(path, out, rows)
    with open(listing, "w", encoding="utf-8") as stream:
        for row in rows:
            stream.write("\t".join(row) + "\n")
    print(len(rows), "variants")


if __name__ == "__main__":
    main(*sys.argv[1:])
