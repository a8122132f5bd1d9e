#!/usr/bin/env python3
"""Makes deid/iod_types.def: the Type of Table E.1-1 attributes in each SOP class, joined from module tables.

usage: make_iod_types.py iod_module_types.csv iod_sop_modules.csv iod_coverage.csv > ../iod_types.def
Per SOP class and (enclosing sequence, tag) the strictest Type of all modules, mandatory or not: 1 and 1C give 1, 2 and 2C give 2.
"""
import collections
import csv
import re
import sys

# Optional modules without a source whose attributes are none of Table E.1-1's.
HARMLESS = {"enhanced-patient-orientation"}
TYPES = {"1": 1, "1C": 1, "2": 2, "2C": 2, "3": 3}


def number(text):
    if text in ("", "*"):
        return 0 if text == "" else 0xFFFFFFFF
    return int(text.replace(",", "").replace("60xx", "6000").replace("50xx", "5000"), 16)


def main():
    modules = collections.defaultdict(list)
    for row in csv.DictReader(open(sys.argv[1], encoding="utf-8")):
        if row["type"] not in TYPES:
            sys.exit(f"make_iod_types: unknown type {row['type']} of {row['path']}")
        parts = row["path"].split(">")
        modules[row["module"]].append((number(parts[-2] if len(parts) > 1 else ""), number(parts[-1]), TYPES[row["type"]]))
    covered = {}
    for row in csv.DictReader(open(sys.argv[3], encoding="utf-8")):
        gaps = [row["mandatory_not_covered"], row["mandatory_partly_covered"], row["optional_not_covered"]]
        names = {name for gap in gaps for name in re.split(r"[;, ]+", gap) if name}
        covered[row["sop_class_uid"]] = not names - HARMLESS
    classes = sorted(covered)
    types = collections.defaultdict(dict)
    for row in csv.DictReader(open(sys.argv[2], encoding="utf-8")):
        if row["usage"] not in ("M", "C", "U"):
            sys.exit(f"make_iod_types: unknown usage {row['usage']}")
        for parent, tag, kind in modules[row["module"]]:
            column = types[(parent, tag)]
            column[row["sop_class_uid"]] = min(kind, column.get(row["sop_class_uid"], 3))
    patterns, rows = {}, []
    for key in sorted(types):
        pattern = "".join(str(types[key].get(uid, 0)) for uid in classes)
        rows.append((key, patterns.setdefault(pattern, len(patterns))))
    print("/* Type of Table E.1-1 attributes per SOP class. A pattern has one digit for each SOP class below, in order: 0 no row, 1 (1, 1C), 2 (2, 2C), 3.")
    print(" * Source: module and IOD tables of DICOM PS3.3 (editions 2016c to 2026b, by way of dicom3tools 2026-03, DCMTK dcmrt 2023b and highdicom 2026b).")
    print(" * Made by deid/tools/make_iod_types.py; do not edit. CLASS(uid, every module is covered), PATTERN(digits), TYPE(enclosing sequence, tag, pattern). */")
    for uid in classes:
        print(f'CLASS("{uid}", {1 if covered[uid] else 0})')
    for pattern in patterns:
        print(f'PATTERN("{pattern}")')
    for (parent, tag), index in rows:
        print(f"TYPE(0x{parent:08X}, 0x{tag:08X}, {index})")


main()
