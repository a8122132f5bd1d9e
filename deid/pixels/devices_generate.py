#!/usr/bin/env python3
"""Write deid/pixels/devices_table.c from the facts of public device catalogues, and what became of each fact.

usage: devices_generate.py FACTS_FOLDER ACCOUNT.tsv > deid/pixels/devices_table.c

Sources: RSNA CTP DicomPixelAnonymizer script (pixel_rules_ctp.json), Stanford's copy of it (pixel_rules_stanford.json), dicom-dre 1.4.1
(pixel_rules_device_catalog.json), pydicom/deid (pixel_rules_pydicom.json, pixel_rules_pydicom_us.json). ACCOUNT (deid/pixels/devices_facts.tsv) has a line for
each fact: the file, its place in it, its name, and the rules that it became, or why it became none. A rule that calls a device clean is left out as soon as
one of its conditions is not understood; one that removes text is kept with fewer conditions."""
import itertools
import json
import os
import re
import sys

TAGS = {"Manufacturer": 0x00080070, "ManufacturerModelName": 0x00081090, "Modality": 0x00080060, "Rows": 0x00280010, "Columns": 0x00280011,
        "ImageType": 0x00080008, "SeriesDescription": 0x0008103E, "StudyDescription": 0x00081030, "BurnedInAnnotation": 0x00280301,
        "SOPClassUID": 0x00080016, "SoftwareVersion": 0x00181020, "SoftwareVersions": 0x00181020, "WindowWidth": 0x00281051,
        "CodeMeaning": 0x00080104, "CommentsOnRadiationDose": 0x00400310, "ImplementationVersionName": 0x00020013,
        "SecondaryCaptureDeviceManufacturerModelName": 0x00181018, "BodyPartExamined": 0x00180015, "ConversionType": 0x00080064,
        "SequenceOfUltrasoundRegions": 0x00186011, "PixelSpacing": 0x00280030, "ProtocolName": 0x00181030, "OverlayDescription": 0x60000022,
        "DateOfSecondaryCapture": 0x00181012, "Manfacturer": 0x00080070, "Manufacture": 0x00080070}  # the last two: misspelt there
OPERATORS = {"containsIgnoreCase": "CONTAINS", "contains": "CONTAINS", "equals": "EQUALS", "equalsIgnoreCase": "EQUALS", "startsWith": "STARTS",
             "startsWithIgnoreCase": "STARTS"}
CATALOG_KEYS = {"manufacturer": "Manufacturer", "modality": "Modality", "manufacturer_model_name": "ManufacturerModelName",
                "software_versions": "SoftwareVersions", "sop_class_uid": "SOPClassUID", "sop_class": "SOPClassUID",
                "series_description": "SeriesDescription", "study_description": "StudyDescription", "code_meaning": "CodeMeaning",
                "comments_on_radiation_dose": "CommentsOnRadiationDose", "image_type": "ImageType", "body_part_examined": "BodyPartExamined",
                "secondary_capture_device_manufacturer_model_name": "SecondaryCaptureDeviceManufacturerModelName"}
SOP = {"_US_SOP_SINGLE": "1.2.840.10008.5.1.4.1.1.6", "_US_SOP_MULTI": "1.2.840.10008.5.1.4.1.1.3", "_US_SOP_SC": "1.2.840.10008.5.1.4.1.1.7"}

# Rules that come from no public catalogue: (name, where it is known from, "BURNS" or "CLEAN", (rows, columns) or 0, terms, boxes). A term is (tag, operator,
# negated, value), alternatives of a value stand between "|". Example:
#     ("own-1: Acme P-1", "maker's manual 2024", "BURNS", (480, 640), [(TAGS["Manufacturer"], "EQUALS", False, "Acme")], [(0, 0, 640, 40)]),
OWN = []

conditions, boxes, rules, account = [], [], [], []
seen = {}  # what a rule says -> its name


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
    """The name of the rule that says this: a new one, or an older one that says the same. None: it says nothing."""
    clipped = []
    for x, y, w, h in areas:
        x, y, w, h = (max(0, min(65535, int(v))) for v in (x, y, w, h))
        if w and h:
            clipped.append((x, y, w, h))
    if kind == "BURNS" and not clipped:
        return None
    meaning = (kind, size, tuple(sorted((t, o, n, v.lower()) for t, o, n, v in terms)), tuple(clipped))
    if meaning in seen:
        return seen[meaning]
    seen[meaning] = name
    rules.append((name, source, kind, size, len(conditions), len(terms), len(boxes), len(clipped)))
    conditions.extend(terms)
    boxes.extend(clipped)
    return name


def tell(path, number, label, names, why=""):
    names = sorted(set(n for n in names if n))
    account.append((os.path.basename(path), str(number), " ".join(label.split()) or "no name", "; ".join(names) if names else "no rule: " + why))


# --- CTP's conditions: "*" and, "+" or, brackets, FIELD.operator("value") ---

TOKEN = re.compile(r'\s*(?:([()*+!])|((?:\[[0-9a-fA-F,]+\])|\w+)\.(\w+)\s*\("([^"]*)"\))')


def parse(text):
    """A tree of ("and" | "or", parts) and ("is", field, operator, value)."""
    tokens, at = [], 0
    while text[at:].strip():
        match = TOKEN.match(text, at)
        if match is None or match.group(1) == "!":
            raise Unknown("a condition of another form")
        tokens.append(match.group(1) or ("is", match.group(2), match.group(3), match.group(4)))
        at = match.end()

    def parts(kind, sign, below):
        found = [below()]
        while tokens and tokens[0] == sign:
            tokens.pop(0)
            found.append(below())
        return found[0] if len(found) == 1 else (kind, found)

    def one():
        token = tokens.pop(0)
        if token != "(":
            return token
        inside = any_of()
        if tokens.pop(0) != ")":
            raise Unknown("brackets")
        return inside

    def all_of():
        return parts("and", "*", one)

    def any_of():
        return parts("or", "+", all_of)

    tree = any_of()
    if tokens:
        raise Unknown("brackets")
    return tree


def alternatives(tree):
    """Lists of terms (tag, operator, negated, value), any of which will do; alternatives of one attribute stay one term."""
    if tree[0] == "is":
        return [[(tag_of(tree[1]), OPERATORS[tree[2]], False, tree[3])]]
    below = [alternatives(part) for part in tree[1]]
    if tree[0] == "and":
        return [sum(choice, []) for choice in itertools.product(*below)]
    single, other = {}, []
    for choice in itertools.chain(*below):
        tag, operator, negated, value = choice[0]
        if len(choice) == 1 and not negated and tag not in (TAGS["Rows"], TAGS["Columns"]):
            single.setdefault((tag, operator), []).append(value)
        else:
            other.append(choice)
    return [[(tag, operator, False, "|".join(values))] for (tag, operator), values in single.items()] + other


def sized(terms):
    rows = columns = 0
    kept = []
    for tag, operator, negated, value in terms:
        if tag in (TAGS["Rows"], TAGS["Columns"]) and not negated and value.isdigit():
            rows, columns = (int(value), columns) if tag == TAGS["Rows"] else (rows, int(value))
        else:
            kept.append((tag, operator, negated, value))
    return (rows, columns), kept


def add_choices(name, source, choices, areas):
    names = []
    for number, choice in enumerate(choices, 1):
        size, terms = sized(choice)
        if not terms:
            raise Unknown("it speaks of a size alone")
        names.append(add(name if len(choices) == 1 else re.sub(":", " (%d):" % number, name, count=1), source, "BURNS", size, terms, areas))
    return names


def from_ctp(path, prefix, source):
    for number, rule in enumerate(json.load(open(path)), 1):
        label = rule["label"].strip() or "no name"
        try:
            tell(path, number, label, add_choices("%s-%d: %s" % (prefix, number, label[:60]), source, alternatives(parse(rule["condition"])),
                                                  rule["regions_xywh"]), "it has no boxes")
        except Unknown as why:
            tell(path, number, label, [], str(why))


# --- pydicom/deid: "+ contains Field a|b || missing Field" ---

WORDS = {"contains": "CONTAINS", "equals": "EQUALS", "missing": "ABSENT", "empty": "ABSENT", "present": "PRESENT"}


def pydicom_choices(tests):
    choices = [[]]
    for test in tests:
        either = []
        for piece in test.lstrip("+ ").split("||"):
            word, field, value = (piece.strip().split(None, 2) + ["", ""])[:3]
            if word not in WORDS:
                raise Unknown(word)
            # "DERIVED+SECONDARY": all of them.
            values = value.split("+") if word == "contains" and field == "ImageType" else [value]
            if field in ("Rows", "Columns"):
                either += [[(TAGS[field], "EQUALS", False, v)] for v in value.split("|")]
            else:
                either.append([(tag_of(field), WORDS[word], False, v) for v in values])
        choices = [choice + [t for t in one if t not in choice] for choice in choices for one in either]
    return choices


def from_pydicom(path, source):
    reasons = {"whitelist": "a list of clean images is no reason not to look: BurnedInAnnotation and catch-alls are not believed",
               "blacklist": "it refuses kinds of images; here captures, derived and described ones are searched whatever their device"}
    for number, rule in enumerate(json.load(open(path)), 1):
        label = rule["label"].split("#")[0].strip() or "no name"
        areas = [[x0, y0, x1 - x0, y1 - y0] for x0, y0, x1, y1 in rule["coordinates_xyxy"]] + rule["coordinates_xywh_ctp"]
        if not areas:
            why = reasons.get(rule["filter"], "it has no boxes: such images are searched")
            if "Ultrasound Regions" in label:
                why = "SequenceOfUltrasoundRegions is a rule of its own (burned_in_policy.c)"
            elif "Blank" in label:
                why = "it blanks everything"
            tell(path, number, label, [], why)
            continue
        try:
            tell(path, number, label, add_choices("pydicom-%d: %s" % (number, label[:60]), source, pydicom_choices(rule["tests"]), areas))
        except Unknown as why:
            tell(path, number, label, [], str(why))


# --- dicom-dre ---

def plain_of(one):
    """An operator and its text: "^x" starts, "=x" equals, "x" contains, some regular expressions."""
    if isinstance(one, dict):
        source = one.get("_src", "")
        names = [uid for key, uid in SOP.items() if key in source]
        if len(names) != 1:
            raise Unknown("a computed condition")
        one = ("^" if source.startswith("f'^") else "") + names[0]
    one = str(one)
    if one.startswith("/"):
        match = re.fullmatch(r"/(?:\(\?i\))?(\^?)((?:[\w \-\.:]|\\/)+)(\$?)/", one)
        if match is None:
            raise Unknown("a regular expression")
        start, text, end = match.group(1), match.group(2).replace("\\/", "/"), match.group(3)
        if end and not start:
            raise Unknown("a regular expression")
        one = ("=" if end else start) + text
    operator = "STARTS" if one.startswith("^") else "EQUALS" if one.startswith("=") else "CONTAINS"
    text = one[1:] if operator != "CONTAINS" else one
    if "|" in text or any(c in text for c in "*?()[]$"):
        raise Unknown("a regular expression")
    return operator, text


def pattern(tag, value, negated=False):
    """Terms of which one must hold (all, when negated): alternatives of one operator are one term."""
    if value == "/^(?!YES$)/":
        return [(tag, "EQUALS", not negated, "YES")]
    by_operator = {}
    for one in value if isinstance(value, list) else [value]:
        operator, text = plain_of(one)
        if operator == "EQUALS" and text == "":
            operator = "ABSENT"
        by_operator.setdefault(operator, []).append(text)
    return [(tag, operator, negated, "|".join(texts)) for operator, texts in by_operator.items()]


def catalog_choices(given, strict):
    groups = []  # one term of each

    for key, value in given.items():
        if key in ("variants", "rows", "cols", "scrub"):
            continue
        try:
            if key in CATALOG_KEYS:
                groups.append(pattern(TAGS[CATALOG_KEYS[key]], value))
            elif key == "burned_in_annotation":
                groups.append(pattern(TAGS["BurnedInAnnotation"], value))
            elif key == "image_type_exclude":
                for one in value if isinstance(value, list) else [value]:
                    groups.extend([term] for term in pattern(TAGS["ImageType"], one, True))
            elif key == "image_type_any":
                groups.append(pattern(TAGS["ImageType"], value))
            elif key == "requires_ultrasound_regions":
                if value:
                    groups.append([(TAGS["SequenceOfUltrasoundRegions"], "PRESENT", False, "")])
            elif strict:
                raise Unknown("a condition on " + key)
        except Unknown:
            # Fewer conditions remove more from a device that burns text; a device may be called clean only by all of them.
            if strict or key in ("manufacturer", "manufacturer_model_name", "modality"):
                raise
    return [list(choice) for choice in itertools.product(*groups)]


def from_device(path, number, device, source):
    name, verdict = device["args"][0], device["args"][1]
    variants = device["kw"].get("variants") or [{"kw": {}}]
    if not isinstance(variants, list) or not all(isinstance(v, dict) and isinstance(v.get("kw"), dict) for v in variants):
        return tell(path, number, name, [], "its variants are computed")
    names, reasons = [], []
    for place, variant in enumerate(variants, 1):
        given = {**{k: v for k, v in device["kw"].items() if k != "variants"}, **variant["kw"]}
        areas = given.get("scrub") or []
        kind = "BURNS" if areas else "CLEAN"
        if kind == "CLEAN" and (verdict != "allow" or "us_devices" in number):
            reasons.append("without boxes, and an ultrasound image is not called clean" if "us_devices" in number else "it has no boxes")
            continue
        try:
            size = tuple(v if isinstance(v, int) else 0 for v in (given.get("rows", 0), given.get("cols", 0)))
            choices = catalog_choices(given, kind == "CLEAN")
            for turn, terms in enumerate(choices, 1):
                device_tags = (TAGS["Manufacturer"], TAGS["ManufacturerModelName"], TAGS["CodeMeaning"], TAGS["CommentsOnRadiationDose"], TAGS["SeriesDescription"])
                if kind == "CLEAN" and not any(tag in device_tags for tag, *_ in terms):
                    raise Unknown("it calls images clean whatever their device")
                marks = ([str(place)] if len(variants) > 1 else []) + ([str(turn)] if len(choices) > 1 else [])
                names.append(add("dre: " + name + (" (%s)" % ".".join(marks) if marks else ""), source, kind, size, terms, areas))
        except Unknown as why:
            reasons.append(str(why))
    return tell(path, number, name, names, ", ".join(sorted(set(reasons))))


def from_catalog(path, source):
    for group, devices in json.load(open(path))["catalog"].items():
        if group == "default_exclusions":
            for place, one in enumerate(devices, 1):
                label = str((one.get("args") or [one.get("_call")])[0])
                tell(path, "%s %d" % (group, place), label, [], "it refuses kinds of images; here they are searched, or wait for a person")
        elif isinstance(devices, list):
            for place, device in enumerate(devices, 1):
                from_device(path, "%s %d" % (group.strip("_"), place), device, source)


def quote(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def main():
    folder = sys.argv[1]
    from_ctp(os.path.join(folder, "pixel_rules_ctp.json"), "ctp", "RSNA CTP")
    from_ctp(os.path.join(folder, "pixel_rules_stanford.json"), "stanford", "Stanford CTP")
    from_catalog(os.path.join(folder, "pixel_rules_device_catalog.json"), "dicom-dre 1.4.1")
    from_pydicom(os.path.join(folder, "pixel_rules_pydicom.json"), "pydicom/deid")
    from_pydicom(os.path.join(folder, "pixel_rules_pydicom_us.json"), "pydicom/deid")
    for number, (name, source, kind, size, terms, areas) in enumerate(OWN, 1):
        tell("devices_generate.py", number, name, [add(name, source, kind, size, terms, areas)])
    with open(sys.argv[2], "w") as file:
        file.write("file\tplace\tname\tbecame\n")
        file.writelines("\t".join(line) + "\n" for line in account)
    out = sys.stdout.write
    out("/* Generated by devices_generate.py: device rules as facts from the RSNA CTP pixel anonymizer script, Stanford's copy of it, dicom-dre 1.4.1 and\n")
    out(" * pydicom/deid. devices_facts.tsv tells what became of each fact; docs/pixels.md how to add a rule. */\n")
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
