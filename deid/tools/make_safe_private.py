#!/usr/bin/env python3
"""Makes deid/safe_private.def: private attributes that may stay, by creator.

usage: make_safe_private.py safe_private_e3-10-1.json private_tags_tcia_2024-02.csv > ../safe_private.def
Rows of PS3.15 Table E.3.10-1 are marked 1. Rows of the TCIA Private Tag Knowledge Base are marked 2; they enter only when every entry of that
element says "keep", its VR is known and holds numbers, codes or short text, and its meaning names no person, place, date or identifier.
"""
import collections
import csv
import json
import re
import sys

KNOWN_VRS = set("AE AS AT CS DA DS DT FD FL IS LO LT OB OD OF OL OV OW PN SH SL SQ SS ST SV TM UC UI UL UN UR US UT UV".split())
USEFUL = set("DS CS FL SL LO IS SS SH US UL FD SQ AT SV UV".split())
SUSPECT = re.compile(r"patient(?!.*(position|orient|weight|size))|person|physician|operator|radiographer|kanji|institution|hospital|department|address|comment|annotation"
                     r"|birth|date|serial|station|host|user name|login|password|site name|site id|project|trial|batch|path|file name|accession|exam(ination)? (number|id)"
                     r"|study (id|desc|comm|name)|requested|referr|diagnos|telephone|character string|unknown|text|label|remark|name of|subject|batch|geolink|descr", re.I)
DISPOSITIONS = {"k", "d", "na", "h", "o", "oi", ""}
LAST = re.compile(r'\(([0-9a-f]{4}),"?"?([^"()\[\]]+)"?"?,([0-9a-f]{2})\)$')


def main():
    rows = {}
    for row in json.load(open(sys.argv[1], encoding="utf-8"))["rows"]:
        vr = row["vr"].split(" ")[0] or "UN"
        if vr not in KNOWN_VRS:
            sys.exit(f"make_safe_private: unknown VR {vr}")
        rows[(int(row["group"], 16), row["private_creator"].strip().upper(), int(row["element_byte"], 16))] = (vr, 1)
    found = collections.defaultdict(lambda: [set(), set(), set()])
    for row in csv.DictReader(open(sys.argv[2], encoding="utf-8-sig")):
        disposition = row["private_disposition"].strip().lower()
        if disposition not in DISPOSITIONS:
            sys.exit(f"make_safe_private: unknown disposition {disposition}")
        match = LAST.search(row["element_sig_pattern"])
        if not match:
            continue
        entry = found[(int(match[1], 16), match[2].strip().upper(), int(match[3], 16))]
        entry[0].add(row["vr"].strip())
        entry[1].add(disposition)
        entry[2].add(row["tag_name"])
    for key, (vrs, dispositions, names) in found.items():
        useful = sorted(vrs & USEFUL)
        own = [name.rsplit(":", 1)[-1] for name in names]
        if key in rows or dispositions != {"k"} or not useful or vrs & {"PN", "DA", "DT", "TM", "UI", "UT"} or any(SUSPECT.search(n) for n in own):
            continue
        if key[0] % 2 == 0 or "UNNAMED" in key[1] or key[1] in ("CTP", ""):
            continue
        rows[key] = (useful[0], 2)
    print("/* Private attributes that may stay (PS3.15 E.3.10): group, creator in capitals, last byte of the element, VR, source.")
    print(" * Source 1: PS3.15 Table E.3.10-1 (NEMA, edition of about 2020). Source 2: TCIA Private Tag Knowledge Base, 2024-02, entries marked keep, thinned.")
    print(f" * {len(rows)} rows, sorted. Made by deid/tools/make_safe_private.py; do not edit. */")
    for (group, creator, element), (vr, source) in sorted(rows.items()):
        escaped = creator.replace("\\", "\\\\").replace('"', '\\"')
        print(f'SAFE(0x{group:04X}, "{escaped}", 0x{element:02X}, {vr}, {source})')


main()
