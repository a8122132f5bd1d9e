#!/usr/bin/env python3
"""Write deid/pixels/devices_table.c from the facts of public device catalogues.

usage: devices_generate.py FACTS_FOLDER > deid/pixels/devices_table.c

Sources: RSNA CTP DicomPixelAnonymizer script (pixel_rules_ctp.json), Stanford's copy of it (pixel_rules_stanford.json), dicom-dre 1.4.1
(pixel_rules_device_catalog.json). A rule whose condition this table's language cannot say is left out and counted in the header; a rule that calls a
device clean is left out as soon as one of its conditions is not understood."""
import json
import os
import sys

TAGS = {"Manufacturer": 0x00080070, "ManufacturerModelName": 0x00081090, "Modality": 0x00080060, "Rows": 0x00280010, "Columns": 0x00280011,
        "ImageType": 0x00080008, "SeriesDescription": 0x0008103E, "StudyDescription": 0x00081030, "BurnedInAnnotation": 0x00280301,
        "SOPClassUID": 0x00080016, "SoftwareVersion": 0x00181020, "SoftwareVersions": 0x00181020, "WindowWidth": 0x00281051,
        "CodeMeaning": 0x00080104, "CommentsOnRadiationDose": 0x00400310, "ImplementationVersionName": 0x00020013,
        "SecondaryCaptureDeviceManufacturerModelName": 0x00181018, "BodyPartExamined": 0x00180015, "ConversionType": 0x00080064,
        "SequenceOfUltrasoundRegions": 0x00186011, "PixelSpacing": 0x00280030}
OPERATORS = {"containsIgnoreCase": "CONTAINS", "contains": "CONTAINS", "equals": "EQUALS", "equalsIgnoreCase": "EQUALS", "startsWith": "STARTS",
             "startsWithIgnoreCase": "STARTS"}
CATALOG_KEYS = {"manufacturer": "Manufacturer", "modality": "Modality", "manufacturer_model_name": "ManufacturerModelName",
                "software_versions": "SoftwareVersions", "sop_class_uid": "SOPClassUID", "sop_class": "SOPClassUID",
                "series_description": "SeriesDescription", "study_description": "StudyDescription", "code_meaning": "CodeMeaning",
                "comments_on_radiation_dose": "CommentsOnRadiationDose", "image_type": "ImageType", "body_part_examined": "BodyPartExamined",
                "secondary_capture_device_manufacturer_model_name": "SecondaryCaptureDeviceManufacturerModelName"}
SOP = {"_US_SOP_SINGLE": "1.2.840.10008.5.1.4.1.1.6", "_US_SOP_MULTI": "1.2.840.10008.5.1.4.1.1.3", "_US_SOP_SC": "1.2.840.10008.5.1.4.1.1.7"}

conditions, boxes, rules, left_out = [], [], [], {}


class Unknown(Exception):
    pass


def tag_of(field):
    if field.startswith("["):
        group, element = field.strip("[]").split(",")
        return int(group, 16) << 16 | int(element, 16)
    if field not in TAGS:
        raise Unknown(field)
    return TAGS[field]


def add(name, source, kind, size, terms, areas):
    clipped = []
    for x, y, w, h in areas:
        x, y, w, h = (max(0, min(65535, int(v))) for v in (x, y, w, h))
        if w and h:
            clipped.append((x, y, w, h))
    if kind == "BURNS" and not clipped:
        return
    rules.append((name, source, kind, size, len(conditions), len(terms), len(boxes), len(clipped)))
    conditions.extend(terms)
    boxes.extend(clipped)


def from_ctp(path, prefix, source):
    for number, rule in enumerate(json.load(open(path)), 1):
        try:
            if "+" in rule["condition"]:
                raise Unknown("alternatives")
            rows = columns = 0
            terms = []
            for term in rule["terms"]:
                tag, value = tag_of(term["field"]), term["value"]
                if tag == TAGS["Rows"] and not term["neg"] and value.isdigit():
                    rows = int(value)
                elif tag == TAGS["Columns"] and not term["neg"] and value.isdigit():
                    columns = int(value)
                else:
                    terms.append((tag, OPERATORS[term["op"]], term["neg"], value))
            if not terms:
                raise Unknown("size alone")
            label = rule["label"].strip() or "no name"
            add("%s-%d: %s" % (prefix, number, label[:60]), source, "BURNS", (rows, columns), terms, rule["regions_xywh"])
        except Unknown as why:
            left_out[prefix] = left_out.get(prefix, 0) + 1
            del why


def pattern(tag, value, negated=False):
    """"^x" starts, "=x" equals, "x" contains, "/regex/" is not understood; a list is alternatives of one operator."""
    values = value if isinstance(value, list) else [value]
    plain = []
    for one in values:
        if isinstance(one, dict):
            source = one.get("_src", "")
            names = [uid for key, uid in SOP.items() if key in source]
            if len(names) != 1:
                raise Unknown(source)
            one = ("^" if source.startswith("f'^") else "") + names[0]
        one = str(one)
        if one.startswith("/"):
            if one == "/^(?!YES$)/":
                return (tag, "EQUALS", not negated, "YES")
            raise Unknown(one)
        operator = "STARTS" if one.startswith("^") else "EQUALS" if one.startswith("=") else "CONTAINS"
        plain.append((operator, one.lstrip("^=") if operator != "CONTAINS" else one))
    operators = {operator for operator, _ in plain}
    text = "|".join(text for _, text in plain)
    if len(operators) != 1:
        raise Unknown("mixed operators")
    if any("|" in text for _, text in plain) or any(c in text for c in "*?()[]$"):
        raise Unknown(text)
    return (tag, operators.pop(), negated, text)


def catalog_terms(given, strict):
    terms = []
    for key, value in given.items():
        if key in ("variants", "rows", "cols", "scrub"):
            continue
        try:
            if key in CATALOG_KEYS:
                terms.append(pattern(TAGS[CATALOG_KEYS[key]], value))
            elif key == "burned_in_annotation":
                terms.append(pattern(TAGS["BurnedInAnnotation"], value))
            elif key == "image_type_exclude":
                terms.extend(pattern(TAGS["ImageType"], one, True) for one in (value if isinstance(value, list) else [value]))
            elif key == "image_type_any":
                terms.append(pattern(TAGS["ImageType"], value))
            elif key == "requires_ultrasound_regions":
                if value:
                    terms.append((TAGS["SequenceOfUltrasoundRegions"], "PRESENT", False, ""))
            elif key == "conversion_type_present":
                terms.append((TAGS["ConversionType"], "PRESENT", not value, ""))
            elif key == "modality_not":
                terms.append(pattern(TAGS["Modality"], value, True))
            elif key == "sop_class_not":
                terms.append(pattern(TAGS["SOPClassUID"], value, True))
            elif strict or key not in ("deny_when", "graphic_annotation_absent", "referenced_instance_absent"):
                raise Unknown(key)
        except Unknown:
            # Fewer conditions remove more from a device that burns text; a device may be called clean only by all of them.
            if strict or key in ("manufacturer", "manufacturer_model_name", "modality"):
                raise
    return terms


def from_catalog(path, source):
    catalog = json.load(open(path))["catalog"]
    for group, devices in catalog.items():
        if not isinstance(devices, list) or group == "default_exclusions":
            continue
        for device in devices:
            if device.get("_call") != "device":
                continue
            name, verdict = device["args"][0], device["args"][1]
            if verdict not in ("allow", "scrub"):
                continue
            variants = device["kw"].get("variants") or [{"kw": {}}]
            if not isinstance(variants, list) or not all(isinstance(v, dict) and isinstance(v.get("kw"), dict) for v in variants):
                left_out["dre"] = left_out.get("dre", 0) + 1
                continue
            for number, variant in enumerate(variants, 1):
                given = {**{k: v for k, v in device["kw"].items() if k != "variants"}, **variant["kw"]}
                areas = given.get("scrub") or []
                kind = "BURNS" if areas else "CLEAN"
                if kind == "CLEAN" and (verdict != "allow" or "US" in group.upper().split("_")):
                    continue
                try:
                    terms = catalog_terms(given, kind == "CLEAN")
                    size = tuple(v if isinstance(v, int) else 0 for v in (given.get("rows", 0), given.get("cols", 0)))
                    if not any(tag in (TAGS["Manufacturer"], TAGS["ManufacturerModelName"], TAGS["CodeMeaning"],
                                       TAGS["CommentsOnRadiationDose"], TAGS["SeriesDescription"]) for tag, *_ in terms):
                        raise Unknown("no device")
                    suffix = "" if number == 1 and len(variants) < 2 else " (%d)" % number
                    add("dre: " + name + suffix, source, kind, size, terms, areas)
                except Unknown:
                    left_out["dre"] = left_out.get("dre", 0) + 1


def quote(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def main():
    folder = sys.argv[1]
    from_ctp(os.path.join(folder, "pixel_rules_ctp.json"), "ctp", "RSNA CTP")
    from_ctp(os.path.join(folder, "pixel_rules_stanford.json"), "stanford", "Stanford CTP")
    from_catalog(os.path.join(folder, "pixel_rules_device_catalog.json"), "dicom-dre 1.4.1")
    out = sys.stdout.write
    out("/* Generated by devices_generate.py: device rules as facts from the RSNA CTP pixel anonymizer script, Stanford's copy of it, and dicom-dre 1.4.1.\n")
    out(" * Left out because their conditions cannot be said here: %s. docs/pixels.md says how to add one. */\n"
        % ", ".join("%s %d" % item for item in sorted(left_out.items())))
    out('#include "deid/pixels/devices_table.h"\n\n')
    out("const lethe_device_condition lethe_device_condition_table[] = {\n")
    for tag, operator, negated, value in conditions:
        out("    {0x%08X, LETHE_DEVICE_%s, %s, %s},\n" % (tag, operator, "true" if negated else "false", quote(value)))
    out("};\n\nconst lethe_device_box lethe_device_box_table[] = {\n")
    for box in boxes:
        out("    {%d, %d, %d, %d},\n" % box)
    out("};\n\nconst lethe_device_rule lethe_device_rule_table[] = {\n")
    for name, source, kind, (rows, columns), first, count, first_box, box_count in rules:
        out("    {%s, %s, LETHE_DEVICE_%s, %d, %d, %d, %d, %d, %d},\n"
            % (quote(name), quote(source), kind, rows, columns, first, count, first_box, box_count))
    out("};\n\nconst size_t lethe_device_rule_table_count = sizeof lethe_device_rule_table / sizeof *lethe_device_rule_table;\n")


main()
