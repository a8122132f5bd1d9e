#!/usr/bin/env python3
"""Make the data dictionary tables from DCMTK's installed dictionary files (dicom.dic, private.dic) and our list of newer attributes.

Run by CMake at build time: dictionary_generate.py DICOM_DIC PRIVATE_DIC NEWER OUTPUT. Stops with an error on a line that it does not understand and on a
dictionary that is smaller than the standard.
"""
import re
import sys

LEAST_STANDARD, LEAST_PRIVATE = 4500, 2000
# DCMTK's own spellings for attributes with several VRs: the one that implicit VR little endian uses (PS3.5 A.1), else the first.
SEVERAL = {"xs": "US", "ox": "OW", "px": "OW", "lt": "US", "up": "UL"}
STANDARD = re.compile(r"^\(([0-9A-Fa-f]{4})(?:-(?:[ou]-)?([0-9A-Fa-f]{4}))?,([0-9A-Fa-f]{4})(?:-(?:[ou]-)?([0-9A-Fa-f]{4}))?\)\t(\w\w)\t(\w+)\t\S*\t(\S+)")
PRIVATE = re.compile(r'^\(([0-9A-Fa-f]{4})(-o-[0-9A-Fa-f]{4})?,"([^"]+)",([0-9A-Fa-f]{2}|[0-9A-Fa-f]{4})(-[0-9A-Fa-f]+)?\)\t(\w\w)\t')
HASH_BITS, HASH_FACTOR = 14, 0x9E3779B1


def words(keyword):
    """ "PatientBirthDate" -> "Patient Birth Date"; runs of capitals stay together."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", keyword)


def read_standard(path):
    entries = {}
    for line in open(path, encoding="ascii"):
        if line.startswith("#") or not line.strip():
            continue
        match = STANDARD.match(line)
        if match is None:
            sys.exit("dictionary_generate.py: cannot read: " + line.rstrip())
        group, last_group, element, last_element, vr, keyword, version = match.groups()
        if vr == "na" or version in ("GENERIC", "PRIVATE", "ILLEGAL"):
            continue  # items, and group lengths and private creators, which dictionary.c knows by rule
        mask = 0xFFFFFFFF
        if last_group:
            if last_group.upper()[2:] != "FF" or group[2:] != "00":
                sys.exit("dictionary_generate.py: unknown range: " + line.rstrip())
            mask &= 0xFF00FFFF
        if last_element:
            mask &= 0xFFFFFF00
        tag = int(group + element, 16)
        retired = keyword.startswith("RETIRED_")
        keyword = keyword.removeprefix("RETIRED_")
        if retired and (tag, mask) in entries:
            continue
        entries[(tag, mask)] = (SEVERAL.get(vr, vr), keyword)
    return entries


def read_newer(path, entries):
    """Attributes that the installed dictionary has by now keep its row."""
    for line in open(path, encoding="ascii"):
        if line.startswith("#") or not line.strip():
            continue
        match = re.fullmatch(r"\(([0-9A-F]{4}),([0-9A-F]{4})\) ([A-Z]{2}) (\w+)", line.strip())
        if match is None:
            sys.exit("dictionary_generate.py: cannot read: " + line.rstrip())
        entries.setdefault((int(match[1] + match[2], 16), 0xFFFFFFFF), (match[3], match[4]))
    return entries


def read_private(path):
    entries = {}
    for line in open(path, encoding="latin-1"):
        if line.startswith("#") or not line.strip():
            continue
        match = PRIVATE.match(line)
        if match is None:
            sys.exit("dictionary_generate.py: cannot read: " + line.rstrip())
        group, group_range, creator, element, element_range, vr = match.groups()
        if group_range or element_range:
            continue
        entries[(creator, int(group, 16), int(element, 16) & 0xFF)] = SEVERAL.get(vr, vr)
    return entries


def main():
    standard_path, private_path, newer_path, output_path = sys.argv[1:]
    standard = sorted(read_newer(newer_path, read_standard(standard_path)).items())
    private = sorted(read_private(private_path).items())
    if len(standard) < LEAST_STANDARD or len(private) < LEAST_PRIVATE:
        sys.exit("dictionary_generate.py: the dictionary is too small")
    slots = [0] * (1 << HASH_BITS)
    for index, ((tag, mask), _) in enumerate(standard):
        at = ((tag * HASH_FACTOR) & 0xFFFFFFFF) >> (32 - HASH_BITS)
        while slots[at]:
            at = (at + 1) & ((1 << HASH_BITS) - 1)
        slots[at] = index + 1
    by_keyword = sorted(range(len(standard)), key=lambda index: standard[index][1][1])
    keywords = [standard[index][1][1] for index in by_keyword]
    doubles = {a for a, b in zip(keywords, keywords[1:]) if a == b}
    if doubles:
        sys.exit("dictionary_generate.py: keywords stand twice: " + " ".join(sorted(doubles)))
    creators = sorted({key[0] for key, _ in private}, key=lambda text: text.encode("latin-1"))
    with open(output_path, "w", encoding="ascii") as out:
        out.write("/* Made by dictionary_generate.py from DCMTK's data dictionary. Do not edit. */\n\n")
        out.write("enum { DICTIONARY_HASH_BITS = %d };\n" % HASH_BITS)
        out.write("static const lethe_dictionary_entry dictionary_entries[] = {\n")
        for (tag, mask), (vr, keyword) in standard:
            out.write('    {0x%08Xu, 0x%08Xu, LETHE_VR(\'%s\', \'%s\'), "%s", "%s"},\n' % (tag, mask, vr[0], vr[1], keyword, words(keyword)))
        out.write("};\n\nstatic const uint16_t dictionary_slots[] = {")
        out.write(",".join(map(str, slots)))
        out.write("};\n\nstatic const uint16_t dictionary_by_keyword[] = {")
        out.write(",".join(map(str, by_keyword)))
        out.write("};\n\nstatic const private_creator private_creators[] = {\n")
        rows = sorted(private, key=lambda row: (row[0][0].encode("latin-1"), row[0][1], row[0][2]))
        first = 0
        for creator in creators:
            count = sum(1 for key, _ in rows if key[0] == creator)
            out.write('    {"%s", %d, %d},\n' % (creator.replace("\\", "\\\\"), first, count))
            first += count
        out.write("};\n\nstatic const private_entry private_entries[] = {\n")
        for (_, group, element), vr in rows:
            out.write("    {0x%04X, 0x%02X, LETHE_VR('%s', '%s')},\n" % (group, element, vr[0], vr[1]))
        out.write("};\n")


main()
