"""Unusual but honest slides: directories in other orders, two labels, a label whose strips are the macro's, an empty label, one level only. Usage:
slides_odd.py SLIDE.svs OUT"""
import os
import struct
import sys

from slides_attack import Tiff, numbers


def chain(t):
    found, link = [], t.link
    while True:
        read = t.read(link)
        if not read:
            return found
        found.append(read[0])
        link = read[1]


def rewrite(data, change):
    """The same file with the chain that `change` makes of the old one."""
    t = Tiff(data)
    link = t.link
    for entries in change(t, chain(t)):
        link = t.write(link, dict(entries), 0)
    return bytes(t.data)


def kind(entries):
    text = entries.get(270, (0, 0, b""))[2]
    return "label" if b"label" in text else "macro" if b"macro" in text else "level" if 322 in entries else "thumbnail"


def ordered(*kinds):
    return lambda t, all_of: [e for k in kinds for e in all_of if kind(e) == k]


def two_labels(t, all_of):
    label = next(e for e in all_of if kind(e) == "label")
    offsets, counts = numbers(t, label, 273), numbers(t, label, 279)
    copies = [t.append(bytes(t.data[o:o + c])) for o, c in zip(offsets, counts)]
    letter, number = ("Q", 16) if t.big else ("I", 4)
    return all_of + [{**label, 273: (number, len(copies), t.pack(f"{len(copies)}{letter}", *copies))}]


def shared(t, all_of):
    """The label's picture is nothing but the macro's strips."""
    macro = next(e for e in all_of if kind(e) == "macro")
    label = next(e for e in all_of if kind(e) == "label")
    return [e for e in all_of if kind(e) != "label"] + [{**macro, 270: label[270], 254: label.get(254, macro[254])}]


def empty_label(t, all_of):
    label = next(e for e in all_of if kind(e) == "label")
    zeros = (label[279][0], label[279][1], bytes(len(label[279][2])))
    return [e for e in all_of if kind(e) != "label"] + [{**label, 279: zeros}]


def one_pixel(t, all_of):
    label = dict(next(e for e in all_of if kind(e) == "label"))
    letter, number = ("Q", 16) if t.big else ("I", 4)
    at = t.append(b"\xff\xff\xff")
    for tag, value in ((256, 1), (257, 1), (278, 1), (259, 1)):
        label[tag] = (3, 1, t.pack("H", value))
    label.pop(317, None)
    label[273], label[279] = (number, 1, t.pack(letter, at)), (number, 1, t.pack(letter, 3))
    return [e for e in all_of if kind(e) != "label"] + [label]


def one_level(t, all_of):
    return [all_of[0]] + [e for e in all_of if kind(e) in ("label", "macro")]


def main(path, out):
    with open(path, "rb") as stream:
        data = stream.read()
    os.makedirs(out)
    for name, change in (("label_second", lambda t, c: [c[0]] + [e for e in c if kind(e) == "label"] + [e for e in c[1:] if kind(e) != "label"]),
                         ("pictures_last", ordered("level", "thumbnail", "macro", "label")), ("two_labels", two_labels), ("shared", shared),
                         ("empty_label", empty_label), ("one_pixel", one_pixel), ("one_level", one_level)):
        with open(os.path.join(out, name + ".svs"), "wb") as stream:
            stream.write(rewrite(data, change))


if __name__ == "__main__":
    main(*sys.argv[1:])
