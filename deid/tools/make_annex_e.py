#!/usr/bin/env python3
"""Makes deid/annex_e_2025b.def from a JSON rendering of PS3.15 Table E.1-1.

usage: make_annex_e.py annex_e1-1_2025b.json > ../annex_e_2025b.def
An action, an option value or a tag that this program does not know stops it.
"""
import json
import re
import sys

ACTIONS = {"X": "X", "Z": "Z", "D": "D", "U": "U", "C": "C", "K": "K", "X/Z": "XZ", "X/D": "XD", "Z/D": "ZD", "X/Z/D": "XZD", "X/Z/U*": "XZU"}
OPTIONS = [("rtnSafePrivOpt", "SAFE_PRIVATE"), ("rtnUIDsOpt", "UIDS"), ("rtnDevIdOpt", "DEVICE"), ("rtnInstIdOpt", "INSTITUTION"), ("rtnPatCharsOpt", "PATIENT"),
           ("rtnLongFullDatesOpt", "FULL_DATES"), ("rtnLongModifDatesOpt", "MODIFIED_DATES"), ("cleanDescOpt", "DESCRIPTORS"),
           ("cleanStructContOpt", "STRUCTURED"), ("cleanGraphOpt", "GRAPHICS")]
KNOWN = {"name", "tag", "id", "stdCompIOD", "basicProfile"} | {name for name, _ in OPTIONS}


def stop(row, why):
    sys.exit(f"make_annex_e: {row.get('tag')}: {why}")


def tag_and_mask(row):
    plain = re.fullmatch(r"\(([0-9A-F]{4}),([0-9A-F]{4})\)", row["tag"])
    if plain:
        return plain[1] + plain[2], "FFFFFFFF"
    repeating = re.fullmatch(r"\((50|60)XX,([0-9A-F]{4}|XXXX)\)", row["tag"])
    if repeating:
        whole = repeating[2] == "XXXX"
        return repeating[1] + "00" + ("0000" if whole else repeating[2]), "FF000000" if whole else "FF00FFFF"
    if row["tag"] == "(GGGG,EEEE) WHERE GGGG IS ODD":
        return "00010000", "00010000"
    stop(row, "unknown form of tag")


def main():
    rows = json.load(open(sys.argv[1], encoding="utf-8"))
    out = []
    for row in rows:
        unknown = set(row) - KNOWN
        if unknown:
            stop(row, f"unknown column {sorted(unknown)}")
        if row["basicProfile"] not in ACTIONS:
            stop(row, f"unknown action {row['basicProfile']}")
        tag, mask = tag_and_mask(row)
        kept, cleaned = [], []
        for name, constant in OPTIONS:
            value = row.get(name)
            if value == "K":
                kept.append(constant)
            elif value == "C":
                cleaned.append(constant)
            elif value is not None:
                stop(row, f"unknown value {value} of {name}")
        text = lambda names: " | ".join("LETHE_OPTION_" + n for n in names) or "0"
        name = re.sub(r"\s+", " ", re.sub(r"\(see Note.*", "", row["name"], flags=re.S)).strip()
        out.append((int(tag, 16), f"ROW(0x{tag}, 0x{mask}, {ACTIONS[row['basicProfile']]}, {text(kept)}, {text(cleaned)}) /* {name} */"))
    print("/* PS3.15 Table E.1-1, edition 2025b: tag, mask, Basic Profile action, options that keep, options that clean.")
    print(f" * {len(out)} rows. Source: DICOM PS3.15 2025b (NEMA). Made by deid/tools/make_annex_e.py; do not edit. */")
    for _, line in sorted(out):
        print(line)


main()
