#!/usr/bin/env python3
"""Make the tables of the character sets of PS3.3 C.12.1.1.2 from Python's codecs. Run by CMake: charset_generate.py OUTPUT.

Tables of our own, rather than iconv: a confined worker cannot load iconv's modules."""
import sys

SINGLE = [(100, "iso8859_1"), (101, "iso8859_2"), (109, "iso8859_3"), (110, "iso8859_4"), (144, "iso8859_5"), (127, "iso8859_6"), (126, "iso8859_7"),
          (138, "iso8859_8"), (148, "iso8859_9"), (203, "iso8859_15"), (166, "iso8859_11")]


def one(code, codec):
    try:
        text = bytes(code).decode(codec)
    except UnicodeDecodeError:
        return 0
    return ord(text) if len(text) == 1 and ord(text) < 0x10000 else 0


def array(out, name, values, per_row=24):
    out.write("static const uint16_t %s[] = {\n" % name)
    for start in range(0, len(values), per_row):
        out.write("    " + ",".join("%d" % value for value in values[start:start + per_row]) + ",\n")
    out.write("};\n\n")


def reverse(out, name, pairs):
    pairs = sorted({point: code for code, point in reversed(pairs) if point}.items())
    array(out, name + "_points", [point for point, _ in pairs])
    array(out, name + "_codes", [code for _, code in pairs])


def square(out, name, prefix, codec, least):
    pairs = [((row + 0x21) << 8 | (cell + 0x21), one(prefix + [row + 0xA1, cell + 0xA1], codec)) for row in range(94) for cell in range(94)]
    if sum(1 for _, point in pairs if point) < least:
        sys.exit("charset_generate.py: too few characters in " + name)
    array(out, name, [point for _, point in pairs])
    reverse(out, name, pairs)


def main():
    with open(sys.argv[1], "w", encoding="ascii") as out:
        out.write("/* Made by charset_generate.py. Do not edit. */\n\n")
        out.write("static const struct {\n    uint16_t registration;\n    uint16_t points[128];\n} single_byte[] = {\n")
        for registration, codec in SINGLE:
            values = [one([byte], codec) for byte in range(0x80, 0x100)]
            values[:32] = range(0x80, 0xA0)
            out.write("    {%d, {%s}},\n" % (registration, ",".join(map(str, values))))
        out.write("};\n\n")
        square(out, "jis0208", [], "euc_jp", 6800)
        square(out, "jis0212", [0x8F], "euc_jp", 6000)
        square(out, "ks1001", [], "euc_kr", 8200)
        pairs = [(lead << 8 | trail, one([lead, trail], "gb18030") if trail != 0x7F else 0) for lead in range(0x81, 0xFF) for trail in range(0x40, 0xFF)]
        array(out, "gb", [point for _, point in pairs])
        reverse(out, "gb", pairs)
        two_byte = {point for _, point in pairs}
        ranges, last = [], None
        for point in range(0x80, 0x10000):
            if 0xD800 <= point < 0xE000 or point in two_byte:
                last = None
                continue
            code = chr(point).encode("gb18030")
            if len(code) != 4:
                last = None
                continue
            linear = (((code[0] - 0x81) * 10 + code[1] - 0x30) * 126 + code[2] - 0x81) * 10 + code[3] - 0x30
            if last != (linear - 1, point - 1):
                ranges.append([linear, point, 0])
            ranges[-1][2] += 1
            last = (linear, point)
        out.write("static const struct {\n    uint16_t linear, point, count;\n} gb_ranges[] = {\n")
        for row in ranges:
            out.write("    {%d, %d, %d},\n" % tuple(row))
        out.write("};\n")


main()
