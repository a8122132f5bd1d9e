#!/usr/bin/python3
"""Plants invented identifiers in real DICOM files, with wanted words beside them, and writes the answer key for score_deid.py.

    plant.py --profile basic|research|challenge --out FOLDER --answers FILE [--seed N] [--every N] [--offset N] SOURCE...

Each study becomes one invented person's. Names (accents, particles, initials, either order, common words), NIRs, IPPs, addresses, telephone numbers,
mail addresses and dates in all written forms are put into its texts at every depth, into text attributes that it did not have, into safe and unknown private
elements and into values of the wrong kind; with one of the character sets of PS3.3 C.12.1.1.2, or a wrong one. What has to stay is derived here from the
standard's tables (../shared/facts) and from docs/profiles.md, not from the program: wanted words beside the identifiers, technical values that the file came
with, dates by their shift, UIDs by their pseudonym, pixel data by its bytes. Sources are files and folders; sources are not changed.
"""
import argparse
import csv
import hashlib
import json
import os
import random
import re
import sys
import warnings

import pydicom
import pydicom.charset
from pydicom.dataelem import RawDataElement
from pydicom.datadict import dictionary_VR
from pydicom.tag import Tag

import planted_words as words

FACTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "shared", "facts")
TEXT = {"LO", "SH", "ST", "LT", "UT", "UC"}
ROOM = {"SH": 16, "LO": 64, "ST": 1024, "LT": 10240, "UT": 100000, "UC": 100000}
NUMBERS = {"DS", "IS", "US", "SS", "UL", "SL", "FL", "FD", "CS", "AS"}
OPTIONS = {
    "basic": set(),
    "research": {"cleanDescOpt", "cleanStructContOpt", "cleanGraphOpt", "rtnPatCharsOpt", "rtnLongModifDatesOpt", "rtnSafePrivOpt"},
    "challenge": {"cleanDescOpt", "cleanStructContOpt", "cleanGraphOpt", "rtnPatCharsOpt"},
}
# Structure, statements of the de-identifier, codes of classes: nothing to plant in, nothing to check.
LEFT_ALONE = {0x00080005, 0x00080016, 0x0008001A, 0x0008001B, 0x00080062, 0x00081150, 0x0008115A, 0x00120062, 0x00120063, 0x00120064, 0x00280303, 0x00041510, 0x00041512,
              0x0008010C, 0x00080117, 0x00080118, 0x0008010D, 0x04000510, 0x00083002, 0x00080201, 0x0040A730}


class Standard:
    """Table E.1-1 and Table E.3.10-1."""

    def __init__(self, profile):
        self.profile, self.options = profile, OPTIONS[profile]
        with open(os.path.join(FACTS, "annex_e1-1_2025b.json"), encoding="utf-8") as file:
            self.rows = {row["id"].lower(): row for row in json.load(file)}
        with open(os.path.join(FACTS, "safe_private_e3-10-1.json"), encoding="utf-8") as file:
            self.safe = {(int(row["group"], 16), row["private_creator"].upper(), int(row["element_byte"], 16)): row["vr"] for row in json.load(file)["rows"]
                         if row["element_byte"].isalnum() and len(row["element_byte"]) == 2}

    def fate(self, tag, vr):
        """keep | clean | shift | uid | gone | unsure"""
        row = self.rows.get("%08x" % tag)
        if row is None and (tag >> 24 in (0x50, 0x60)):
            return "gone"
        if row is not None:
            cleaned = [name for name in self.options if row.get(name) == "C"]
            if cleaned:
                return "shift" if vr in ("DA", "DT", "TM") else "clean" if vr in TEXT or vr == "SQ" else "unsure"
            if any(row.get(name) == "K" for name in self.options):
                return "keep"
            return {"K": "keep", "U": "uid"}.get(row["basicProfile"], "gone")
        if vr == "PN" or vr in ("AE", "UR"):
            return "gone"
        if vr in ("DA", "DT", "TM"):
            return "shift" if "rtnLongModifDatesOpt" in self.options else "gone"
        if vr == "UI":
            return "uid"
        if vr in TEXT:
            code = 0x00080100 <= tag <= 0x00080123 or tag == 0x0040DB00
            return "clean" if self.profile != "challenge" or code else "unsure"
        return "keep"


class Person:
    def __init__(self, dice, number):
        self.dice, self.number = dice, number
        self.woman = dice.random() < 0.6
        self.common = dice.random() < 0.12
        self.family = dice.choice(words.COMMON_FAMILIES if self.common else words.FAMILIES)
        self.given = dice.choice(words.COMMON_GIVEN if self.common else words.GIVEN_F if self.woman else words.GIVEN_M)
        self.physician = dice.choice(words.PHYSICIANS)
        self.birth = (dice.randint(1928, 2004), dice.randint(1, 12), dice.randint(1, 28))
        self.exam = (dice.randint(2009, 2022), dice.randint(1, 12), dice.randint(1, 28))
        self.ipp = "%d" % dice.randint(80000000, 99999999)
        self.accession = "%s%d" % (dice.choice("AEKX"), dice.randint(10000000, 99999999))
        self.nir = self.make_nir()
        self.street = dice.choice(words.STREETS)
        self.town = dice.choice(words.TOWNS)
        self.phone = "0%d%08d" % (dice.choice((1, 2, 3, 4, 5, 6, 7)), dice.randint(10000000, 99999999))
        self.mail = "%s.%s%d@%s" % (words.plain(self.given).lower().replace(" ", ""), words.plain(self.family).lower().replace(" ", "").replace("'", ""), dice.randint(10, 99),
                                    dice.choice(("orange.fr", "chu-exemple.fr", "example.org", "t-online.de")))
        self.hospital = dice.choice(words.HOSPITALS)

    def make_nir(self):
        dice = self.dice
        department = dice.choice(["2A", "2B"] + ["%02d" % n for n in (1, 13, 29, 33, 35, 44, 59, 69, 75, 93)])
        body = "%d%02d%02d%s%03d%03d" % (2 if self.woman else 1, self.birth[0] % 100, self.birth[1], department, dice.randint(1, 480), dice.randint(1, 990))
        value = int(body.replace("2A", "19").replace("2B", "18"))
        return body + "%02d" % (97 - value % 97)

    def names(self):
        """(as written, words that must go)"""
        f, g = self.family, self.given
        title = self.dice.choice(words.TITLES_F if self.woman else words.TITLES_M)
        forms = [("%s %s" % (title, f.upper()), [f]), ("%s %s" % (title, f), [f]), ("%s %s %s" % (title, g, f), [g, f]), ("%s %s" % (f.upper(), g), [f, g]),
                 ("%s %s" % (g, f.upper()), [f, g]), ("%s, %s" % (f, g), [f, g]), ("%s^%s" % (f.upper(), g.upper()), [f, g]), ("%s_%s" % (words.plain(f), words.plain(g)), [f, g]),
                 ("%s. %s" % (g[0], f), [f]), ("%s %s." % (f.upper(), g[0]), [f]), ("%s %s %s" % (title, words.plain(f).upper(), words.plain(g)), [f, g]),
                 ("pour %s %s" % (title, f), [f]), ("patient: %s %s" % (f.upper(), g), [f, g])]
        if not self.common:
            forms += [(f.upper(), [f]), (words.plain(f).lower(), [f]), (f, [f]), ("%s/%s" % (words.plain(f).upper(), words.plain(g).upper()), [f, g])]
        return self.dice.choice(forms)

    def staff(self):
        # Nobody else in the object knows this person: only the title tells.
        name = self.dice.choice(words.PHYSICIANS)
        return self.dice.choice([("Dr %s" % name, [name]), ("Dr. %s" % name.upper(), [name]), ("Pr %s" % name, [name]), ("Docteur %s" % name, [name]), ("Herr Dr. %s" % name, [name]),
                                 ("Dr %s." % name.upper(), [name]), ("DR.%s" % name.upper(), [name])])

    def own_physician(self):
        name = self.physician
        return self.dice.choice([("Dr %s" % name, [name]), (name.upper(), [name]), ("lu par %s" % name, [name])])

    def number_forms(self):
        n, ipp = self.nir, self.ipp
        grouped = "%s %s %s %s %s %s %s" % (n[0], n[1:3], n[3:5], n[5:7], n[7:10], n[10:13], n[13:])
        return self.dice.choice([(n, [n]), (grouped, [grouped]), ("NIR %s" % grouped, [grouped]), ("NIR: %s" % n, [n]), ("INS %s" % n, [n]), ("IPP %s" % ipp, [ipp]),
                                 ("IPP: %s" % ipp, [ipp]), ("IPP%s" % ipp, [ipp]), (ipp, [ipp]), ("ID=%s" % ipp, [ipp]), ("#%s" % ipp, [ipp]), ("Acc %s" % self.accession, [self.accession]),
                                 (self.accession, [self.accession]), ("%s %s %s" % (ipp[:2], ipp[2:5], ipp[5:]), ["%s %s %s" % (ipp[:2], ipp[2:5], ipp[5:])])])

    def contact(self):
        p = self.phone
        spaced = " ".join(p[i:i + 2] for i in range(0, 10, 2))
        abroad = "+33 %s %s %s %s %s" % (p[1], p[2:4], p[4:6], p[6:8], p[8:])
        code, town = self.town
        address = "%d %s %s %s" % (self.dice.randint(1, 99), self.street, code, town)
        last = self.street.split()[-1]
        return self.dice.choice([(p, [p]), (spaced, [spaced]), ("Tél. %s" % spaced, [spaced]), ("tel: %s" % spaced.replace(" ", "."), [spaced.replace(" ", ".")]), (abroad, [abroad]),
                                 (self.mail, [self.mail]), (address, [last, code, town]), ("%s %s" % (code, town), [code, town])])

    def date(self, birth):
        y, m, d = self.birth if birth else self.exam
        cue = self.dice.choice(("né le ", "née le ", "DDN ", "DOB ", "geb. ", "born ", "*")) if birth else ""
        return cue + self.dice.choice(["%02d/%02d/%d" % (d, m, y), "%02d.%02d.%d" % (d, m, y), "%d-%02d-%02d" % (y, m, d), "%d%02d%02d" % (y, m, d), "%d %s %d" % (d, words.FRENCH[m - 1], y),
                                       "%s %d, %d" % (words.ENGLISH[m - 1], d, y), "%d. %s %d" % (d, words.GERMAN[m - 1], y), "%02d-%s-%d" % (d, words.ENGLISH[m - 1][:3].upper(), y),
                                       "%02d-%02d-%d" % (d, m, y)])


CHARSETS = [("", "latin"), ("ISO_IR 100", "latin"), ("ISO_IR 100", "latin"), ("ISO_IR 100", "latin"), ("ISO_IR 192", "latin"), ("ISO_IR 192", "any"), ("ISO_IR 101", "ascii"), ("ISO_IR 144", "cyrillic"),
            ("ISO_IR 126", "greek"), ("GB18030", "chinese"), ("GBK", "chinese"), ("\\ISO 2022 IR 87", "japanese"), ("\\ISO 2022 IR 149", "korean"), ("ISO 2022 IR 100\\ISO 2022 IR 126", "greek"),
            ("ISO_IR 100", "utf-8 bytes"), ("ISO_IR 192", "latin-1 bytes"), ("ISO_IR 13", "ascii")]


class Planter:
    def __init__(self, standard, dice, answers, seen):
        self.standard, self.dice, self.answers, self.seen = standard, dice, answers, seen
        self.checks = 0

    def check(self, action, path, text, **more):
        entry = {"file": self.name, "action": action, "path": path, "text": text, "patient_id": self.person.ipp, "series": self.series}
        entry.update(more)
        if action == "date_shifted" and self.standard.profile != "research":
            entry["shift"] = False
        self.answers.write(json.dumps(entry, ensure_ascii=False) + "\n")
        self.checks += 1

    # --- writing ---

    def encode(self, text):
        kind = self.charset[1]
        if kind == "utf-8 bytes" or self.charset[0] == "ISO_IR 192" and kind != "latin-1 bytes":
            return text.encode("utf-8")
        if self.charset[0] == "":
            return words.plain(text).encode("ascii", "ignore")
        if kind == "latin-1 bytes":
            return text.encode("latin-1", "replace")
        if all(ord(c) < 128 for c in text):
            return text.encode()
        encodings = pydicom.charset.convert_encodings(self.charset[0].split("\\"))
        try:
            return pydicom.charset.encode_string(text, encodings)
        except (UnicodeEncodeError, LookupError):
            return words.plain(text).encode("ascii", "ignore")

    def put(self, dataset, tag, vr, value):
        if isinstance(value, str):
            value = self.encode(value)
        if len(value) % 2:
            value += b"\0" if vr in ("UI", "OB", "UN") else b" "
        implicit, little = self.form
        dataset[Tag(tag)] = RawDataElement(Tag(tag), vr, len(value), value, 0, implicit, little)

    # --- texts ---

    def phrase(self, avoid):
        taken = {token for text in avoid for token in words.tokens(text)}
        for _ in range(50):
            phrase = self.dice.choice(words.PHRASES)
            if not any(token in words.plain(phrase).lower() for token in taken) and (self.accents or phrase.isascii()):
                return phrase
        return "T2 TSE"

    def identifier(self):
        """(written, parts that go, planted date that is to be shifted or None)"""
        person, roll = self.person, self.dice.random()
        if roll < 0.40:
            written, gone = person.names()
            return written, gone, None
        if roll < 0.48:
            return person.staff() + (None,)
        if roll < 0.53:
            return person.own_physician() + (None,)
        if roll < 0.70:
            return person.number_forms() + (None,)
        if roll < 0.80:
            return person.contact() + (None,)
        if roll < 0.90:
            written = person.date(True)
            return written, [written.split(" ", 1)[-1].lstrip("*")], None
        written = person.date(False)
        return written, [], written

    def plant(self, dataset, tag, vr, path, kept):
        room = ROOM[vr]
        for _ in range(12):
            several, before, after = [], "", ""
            written, gone, date = self.identifier()
            if room <= 16:
                before = self.dice.choice(words.SHORT) + " "
            else:
                before = self.phrase([written]) + " "
                if self.dice.random() < 0.5:
                    after = self.dice.choice((" ", ", ", " - ", " / ")) + self.phrase([written])
                if self.dice.random() < 0.25:
                    extra, more, other_date = self.identifier()
                    # The day of a birth beside the shifted day of an examination: nobody could tell the two numbers apart.
                    if other_date is None and not (date is not None and any(re.fullmatch(r"\d{1,2}", token) for part in more for token in words.tokens(part))):
                        after += " " + extra
                        gone = gone + more
            text = before + written + after
            if len(text) <= room and not words.tokens(before) & {t for part in gone for t in words.tokens(part)}:
                break
        else:
            return
        if vr in ("LO", "SH", "UC") and self.dice.random() < 0.15 and tag not in words.ONE_VALUE:
            several = [self.dice.choice(words.SHORT)]
        self.put(dataset, tag, vr, "\\".join(several + [text]))
        for part in gone:
            self.check("text_removed", path, part)
            written = self.encode(part)
            if b"?" in written and "?" not in part:  # letters that the character set could not write
                self.check("text_removed", path, written.decode("ascii", "ignore"))
        if date is not None:
            self.check("date_shifted", path, date)
        if kept:
            clean_after = after
            for piece in [before] + several:
                if piece.strip():
                    self.check("text_retained", path, piece.strip())
            if clean_after and kept:
                phrase = clean_after.strip(" ,-/")
                for wanted in words.PHRASES:
                    if phrase.startswith(wanted):
                        self.check("text_retained", path, wanted)
                        break

    # --- one data set ---

    def element_value(self, dataset, tag):
        raw = dataset.get_item(tag)
        vr = raw.VR
        if vr is None or vr == "UN":
            try:
                vr = dictionary_VR(tag)
            except KeyError:
                vr = "UN"
        return raw, vr

    def visit(self, dataset, path, alive):
        for tag in sorted(dataset.keys()):
            number = int(tag)
            if tag.group == 2 or tag.group == 0x7FE0 or tag.element == 0 or number in LEFT_ALONE and number != 0x0040A730:
                continue
            if tag.is_private:
                if not tag.is_private_creator:
                    self.visit_private(dataset, tag, path, alive)
                continue
            raw, vr = self.element_value(dataset, tag)
            here = path + "<(%04x,%04x)>" % (tag.group, tag.element)
            try:
                pydicom.datadict.dictionary_VR(tag)
            except KeyError:
                continue
            fate = self.standard.fate(number, vr)
            if number in (0x0040A160, 0x0040A121, 0x0040A120) and self.tells_who(dataset):
                fate = "gone"
                if vr in TEXT:
                    continue
            if vr == "SQ":
                try:
                    items = dataset[tag].value
                except Exception:
                    continue
                # Basic: dummies below a content tree; a sequence that goes takes everything along.
                below = alive and fate in ("keep", "clean", "uid")
                for index, item in enumerate(items or []):
                    self.visit(item, here + "[<%04d>]" % index, below)
                continue
            if number in self.own_tags:
                continue
            self.leaf(dataset, tag, vr, here, alive, fate)

    @staticmethod
    def tells_who(item):
        """Content items whose concept (DCM; PS3.16 TID 1002 to 1009, 1020) says that the value is a person's, a place's or a device's name or number."""
        try:
            concept = item["ConceptNameCodeSequence"].value[0]
            return concept.CodingSchemeDesignator == "DCM" and concept.CodeValue in words.WHO
        except (KeyError, IndexError, AttributeError, TypeError):
            return False

    def leaf(self, dataset, tag, vr, here, alive, fate):
        number = int(tag)
        value = dataset.get_item(tag).value
        if vr in TEXT and fate in ("clean", "gone", "unsure"):
            code = 0x00080100 <= number <= 0x00080123 or number == 0x0040DB00
            described = fate != "gone" or self.standard.rows["%08x" % number].get("cleanDescOpt") == "C"
            share = 0.0 if not described else 0.1 if code else 0.35 if fate == "clean" and self.standard.rows.get("%08x" % number) is None else 0.9
            if self.dice.random() < share and number not in words.NO_TEXT:
                self.plant(dataset, tag, vr, here, alive and fate == "clean")
                return
            if fate == "clean" and alive and self.standard.rows.get("%08x" % number) is None:
                self.retained(dataset, tag, here)
            return
        if vr in ("DA", "DT") and value:
            self.date(dataset, tag, vr, here, alive, fate)
            return
        if vr == "UI" and value and alive:
            text = self.text(dataset, tag)
            if len(text) > 8 and "\\" not in text and not text.startswith("1.2.840.10008.") and fate == "uid":
                self.check("uid_changed", here, text)
                self.check("uid_consistent", here, text)
            return
        if alive and fate == "keep" and vr in NUMBERS and value not in (None, b"", ""):
            if vr == "CS" and self.dice.random() < 0.04 and not self.person.common:
                # A name in a coded value: the name has to go, the rest may.
                family = words.plain(self.person.family).upper().replace("'", " ")
                self.put(dataset, tag, "CS", family)
                self.check("text_removed", here, family)
            elif vr == "IS" and self.dice.random() < 0.02:
                self.put(dataset, tag, "IS", self.person.ipp)
                self.check("text_removed", here, self.person.ipp)
            elif not (vr == "AS" and self.standard.profile == "challenge"):
                self.retained(dataset, tag, here)

    def text(self, dataset, tag):
        try:
            value = dataset[tag].value
        except Exception:
            return ""
        if isinstance(value, (pydicom.multival.MultiValue, list)):
            return "\\".join(str(part) for part in value).strip()
        return "" if value is None or isinstance(value, bytes) else str(value).strip()

    def retained(self, dataset, tag, here):
        text = self.text(dataset, tag)
        if text and len(text) < 400 and all(31 < ord(c) < 127 for c in text):
            self.check("text_retained", here, text)

    def date(self, dataset, tag, vr, here, alive, fate):
        text = self.text(dataset, tag)
        if text.startswith("19000101") or not (8 <= len(text) <= 26 and text[:8].isdigit() and "1900" <= text[:4] <= "2100" and "\\" not in text):
            return
        self.check("date_shifted", here, text[:8])
        if fate == "shift" and alive and "01" <= text[4:6] <= "12" and "01" <= text[6:8] <= "28":
            self.check("text_notnull", here, "")

    def visit_private(self, dataset, tag, path, alive):
        creator_tag = Tag(tag.group, tag.element >> 8)
        if creator_tag not in dataset:
            return
        creator = self.text(dataset, creator_tag).upper()
        vr = self.standard.safe.get((tag.group, creator, tag.element & 0xFF))
        raw = dataset.get_item(tag)
        if vr is None or self.standard.profile != "research" or not alive or raw.VR not in NUMBERS or not creator:
            return
        here = path + '<(%04x,"%s",%02x)>' % (tag.group, self.text(dataset, creator_tag), tag.element & 0xFF)
        self.retained(dataset, tag, here)

    def private_blocks(self, dataset, path, alive):
        """Safe blocks at odd places with clean and with identifying values, and an unknown block."""
        dice, person = self.dice, self.person
        for group, creator, byte, vr, clean in dice.sample(words.SAFE_PRIVATE, 3):
            block = dice.randint(0x10, 0xF0)
            if any(Tag(group, b) in dataset for b in (block,)) or any(t.group == group for t in dataset.keys()):
                continue
            self.put(dataset, Tag(group, block), "LO", creator)
            tag = Tag(group, block << 8 | byte)
            here = path + '<(%04x,"%s",%02x)>' % (group, creator, byte)
            if dice.random() < 0.5 or vr in ("DS", "IS", "FD", "US"):
                value = clean if not isinstance(clean, bytes) else clean
                self.put(dataset, tag, vr, value)
                if self.standard.profile == "research" and alive and isinstance(clean, str):
                    self.check("text_retained", here, clean)
            else:
                written, gone, date = self.identifier()
                self.put(dataset, tag, vr, clean + " " + written)
                for part in gone or [date]:
                    self.check("text_removed", here, part)
        group, block = dice.choice((0x0019, 0x0029, 0x7001, 0x3003)), 0xF1
        if not any(t.group == group for t in dataset.keys()):
            self.put(dataset, Tag(group, block), "LO", "LETHE TEST " + str(dice.randint(1, 9)))
            self.put(dataset, Tag(group, block << 8 | 1), dice.choice(("LO", "UT", "UN", "PN")), person.names()[0])
            self.put(dataset, Tag(group, block << 8 | 2), "OB", person.nir.encode("utf-16-le"))

    # --- one file ---

    def identity(self, dataset):
        person = self.person
        kind = self.charset[1]
        name = "%s^%s" % (person.family.upper() if self.dice.random() < 0.7 else person.family, person.given)
        self.other = None
        if kind in words.OTHER_SCRIPTS:
            self.other = self.dice.choice(words.OTHER_SCRIPTS[kind])
            name = "%s^%s=%s^%s" % ((words.plain(person.family), words.plain(person.given)) + self.other)
        y, m, d = person.birth
        values = [(0x00100010, "PN", name), (0x00100020, "LO", person.ipp), (0x00100030, "DA", "%d%02d%02d" % (y, m, d)), (0x00080050, "SH", person.accession),
                  (0x00080090, "PN", "%s^%s" % (person.physician, "Luc")), (0x00080080, "LO", person.hospital), (0x00101000, "LO", person.nir), (0x00102154, "SH", person.phone),
                  (0x00101040, "LO", "12 %s, %s %s" % ((person.street,) + person.town)), (0x00100040, "CS", "F" if person.woman else "M")]
        for tag, vr, value in values:
            self.put(dataset, tag, vr, value)
        self.own_tags = {tag for tag, _, _ in values} | {0x00100021, 0x00100022}
        for tag in (0x00100021, 0x00100022, 0x00100024):
            if Tag(tag) in dataset:
                del dataset[Tag(tag)]
        if self.other and self.standard.profile != "basic":
            # A name in its own script among wanted Latin words.
            phrase = self.phrase([])
            self.put(dataset, 0x00204000, "LT", "%s %s%s" % (phrase, self.other[0], self.other[1]))
            self.check("text_removed", "<(0020,4000)>", self.other[0])
            self.check("text_retained", "<(0020,4000)>", phrase)
            self.own_tags.add(0x00204000)

    def absent(self):
        person = self.person
        secrets = [person.nir, person.ipp, person.accession, person.phone, person.mail]
        if not person.common:
            secrets += [part for part in (person.family, words.plain(person.family)) if len(part) >= 5]
        if len(person.physician) >= 5:
            secrets.append(person.physician)
        if self.other:
            secrets += [part for part in self.other if len(part) >= 3]
        for secret in secrets:
            self.check("bytes_absent", "", secret)

    def extra_texts(self, dataset, path, alive, count):
        for tag, vr in self.dice.sample(words.EXTRA_TEXTS, count):
            if Tag(tag) not in dataset:
                fate = self.standard.fate(tag, vr)
                self.plant(dataset, tag, vr, path + "<(%04x,%04x)>" % (tag >> 16, tag & 0xFFFF), alive and fate == "clean")

    def nest(self, dataset):
        """Texts three sequences deep."""
        if Tag(0x00400275) in dataset:
            return
        inner, middle = pydicom.Dataset(), pydicom.Dataset()
        for one in (inner, middle):
            one.is_implicit_VR, one.is_little_endian = one.read_implicit_vr, one.read_little_endian = self.form
        alive = self.standard.fate(0x00400275, "SQ") in ("keep", "clean")
        path = "<(0040,0275)>[<0000>]"
        self.put(inner, 0x00080100, "SH", "RPID%d" % self.dice.randint(10, 99))
        self.put(inner, 0x00080102, "SH", "RADLEX")
        self.plant(inner, Tag(0x00080104), "LO", path + "<(0040,0008)>[<0000>]<(0008,0104)>", False)
        self.private_blocks(inner, path + "<(0040,0008)>[<0000>]", False)
        deep_alive = alive and self.standard.fate(0x00400008, "SQ") in ("keep", "clean")
        self.extra_texts(inner, path + "<(0040,0008)>[<0000>]", deep_alive, 1)
        self.plant(middle, Tag(0x00400007), "LO", path + "<(0040,0007)>", alive and self.standard.fate(0x00400007, "LO") == "clean")
        middle.add_new(0x00400008, "SQ", [inner])
        dataset.add_new(0x00400275, "SQ", [middle])

    def file(self, source, name, out, number):
        dataset = pydicom.dcmread(source)
        if "SOPClassUID" not in dataset or "TransferSyntaxUID" not in dataset.file_meta or "MediaStorageSOPClassUID" not in dataset.file_meta:
            return False
        if dataset.file_meta.MediaStorageSOPClassUID == "1.2.840.10008.1.3.10":
            return False
        if str(dataset.get("SOPInstanceUID", "")) in self.seen:
            return False  # another copy with other plants would be a conflict
        self.seen.add(str(dataset.get("SOPInstanceUID", "")))
        declared = dataset.get_item("SpecificCharacterSet")
        declared = "" if declared is None else self.text(dataset, Tag(0x00080005))
        ascii_only = all(byte < 128 and byte != 27 for byte in header_bytes(dataset))
        self.name, self.person = name, Person(random.Random("person of %s" % dataset.get("StudyInstanceUID", name)), number)  # one person per study
        self.form = (dataset.is_implicit_VR, dataset.is_little_endian)
        self.series = str(dataset.get("SeriesInstanceUID", ""))
        self.charset = self.dice.choice(CHARSETS) if ascii_only else ("", "ascii")
        if ascii_only:
            self.put(dataset, 0x00080005, "CS", self.charset[0])
        elif declared in ("ISO_IR 100", "ISO_IR 192"):
            self.charset = (declared, "latin")
        self.accents = self.charset in (("ISO_IR 100", "latin"), ("ISO_IR 192", "latin"), ("ISO_IR 192", "any"))
        self.own_tags = set()
        self.identity(dataset)
        self.visit(dataset, "", True)
        self.extra_texts(dataset, "", True, 4)
        self.nest(dataset)
        self.private_blocks(dataset, "", True)
        self.absent()
        # Compressed frames may lose comments; native ones stay bit for bit.
        if "PixelData" in dataset and not dataset.file_meta.TransferSyntaxUID.is_encapsulated and not dataset.file_meta.TransferSyntaxUID.is_deflated:
            self.check("pixels_retained", "", hashlib.sha256(dataset.get_item("PixelData").value if dataset.get_item("PixelData").is_raw else dataset.PixelData).hexdigest())
        os.makedirs(os.path.dirname(os.path.join(out, name)), exist_ok=True)
        as_it_is(dataset)
        dataset.save_as(os.path.join(out, name), write_like_original=True)
        return True


def as_it_is(dataset):
    """Let pydicom write the bytes that were put, whatever the character set now says."""
    dataset.read_encoding = dataset._character_set
    for tag in dataset.keys():
        if isinstance(dataset.get_item(tag).value, pydicom.sequence.Sequence):
            for item in dataset[tag].value:
                item._parent_encoding = dataset._character_set
                as_it_is(item)


def header_bytes(dataset):
    found = bytearray()
    for tag in dataset.keys():
        raw = dataset.get_item(tag)
        value = raw.value
        if raw.VR in ("SQ",) or (raw.VR is None and isinstance(value, pydicom.sequence.Sequence)) or isinstance(value, (list, pydicom.sequence.Sequence)):
            try:
                for item in dataset[tag].value or []:
                    found += header_bytes(item)
            except Exception:
                found += b"\xff"
        elif isinstance(value, bytes) and len(value) < 20000 and raw.VR in TEXT | {"PN", "LO"} or raw.VR is None and isinstance(value, bytes) and len(value) < 2000 and vr_of(tag) in TEXT | {"PN"}:
            found += value
        elif isinstance(value, str):
            found += value.encode("utf-8")
    return bytes(found)


def vr_of(tag):
    try:
        return dictionary_VR(tag)
    except KeyError:
        return "UN"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profile", choices=sorted(OPTIONS), required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--answers", required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--offset", type=int, default=0)
    parser.add_argument("--most-bytes", type=int, default=4000000)
    parser.add_argument("sources", nargs="+")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    if arguments.seed % 2 == 0:
        words.use_others()
    sources = []
    for source in arguments.sources:
        if os.path.isfile(source):
            sources.append((source, os.path.basename(source)))
        for folder, _, names in os.walk(source):
            sources += [(os.path.join(folder, name), os.path.join(os.path.basename(source), os.path.relpath(os.path.join(folder, name), source))) for name in names]
    sources = sorted(entry for entry in sources if 200 < os.path.getsize(entry[0]) < arguments.most_bytes)[arguments.offset::arguments.every]
    planted, seen = 0, set()
    with open(arguments.answers, "w", encoding="utf-8") as answers:
        for number, (source, name) in enumerate(sources):
            planter = Planter(Standard(arguments.profile) if number == 0 else standard, random.Random("%d %s" % (arguments.seed, name)), answers, seen)
            standard = planter.standard
            mark = answers.tell()
            try:
                if not planter.file(source, name, arguments.out, number):
                    raise ValueError("not planted")
                planted += 1
            except Exception:  # pydicom cannot read or write it: no business of the de-identifier
                answers.seek(mark)
                answers.truncate()
                path = os.path.join(arguments.out, name)
                if os.path.exists(path):
                    os.remove(path)
    print("planted in %d of %d files" % (planted, len(sources)))
    return 0 if planted else 1


if __name__ == "__main__":
    sys.exit(main())
