#!/usr/bin/python3
"""Scores de-identified DICOM files against an answer key, with the verbs of the MIDI-B challenge.

The reader is pydicom, on purpose not Lethe's own. Leaks (something that had to go is still there) and retention (something that had to stay is gone) are
counted apart: one number for both would hide a leak among thousands of retained values.

    score_deid.py --answers KEY.jsonl --manifest MANIFEST.jsonl --out FOLDER [--key FILE] [--json FILE] [--list N]
                  [--require-no-leak] [--require-retention PERCENT] [--require-released PERCENT] [--least N]

--key is the project's key file: pseudonyms and shifted dates are then computed anew from docs/pseudonyms.md and compared exactly. Exit code 0 when all
requirements hold, 1 when not, 2 for wrong usage.
"""
import argparse
import base64
import collections
import datetime
import hashlib
import hmac
import json
import os
import re
import sys
import warnings

import numpy
import pydicom

LEAK = {"text_removed", "date_shifted", "uid_changed", "pixels_hidden", "bytes_absent"}
STOP_WORDS = set("a an and are as at be by for from in is it no of on or the to was with au aux d de des du en et l la le les un une".split())
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
STEP = re.compile(r'<\(([0-9a-fA-F]{4}),(?:([0-9a-fA-F]{4})|"([^"]*)",([0-9a-fA-F]{2}))\)>(?:\[<(\d{4})>\])?')


# --- pseudonyms, from docs/pseudonyms.md ---

class Pseudonyms:
    def __init__(self, key):
        self.key = key

    def digest(self, purpose, value):
        sub_key = hmac.new(self.key, b"lethe/1/" + purpose.encode(), hashlib.sha256).digest()
        return hmac.new(sub_key, value, hashlib.sha256).digest()

    def patient(self, issuer, patient):
        number = int.from_bytes(self.digest("patient", (issuer.strip() + "\x1f" + patient.strip()).encode())[:10], "big")
        return "P-" + "".join(ALPHABET[number >> shift & 31] for shift in range(75, -1, -5))

    def uid(self, uid):
        digest = bytearray(self.digest("uid", uid.encode())[:16])
        digest[6] = digest[6] & 0x0F | 0x80
        digest[8] = digest[8] & 0x3F | 0x80
        return "2.25.%d" % int.from_bytes(digest, "big")

    def shift(self, issuer, patient):
        number = int.from_bytes(self.digest("date", (issuer.strip() + "\x1f" + patient.strip()).encode())[:8], "big")
        return -(365 + number % 3288)


# --- values ---

def text_of(element):
    value = element.value
    if value is None:
        return ""
    if isinstance(value, bytes):
        return value.decode("latin-1").strip("\0 ")
    if isinstance(value, pydicom.sequence.Sequence):
        return str(value)
    if isinstance(value, (pydicom.multival.MultiValue, list)):
        return "\\".join(str(part) for part in value).strip()
    return str(value).strip()


def find(dataset, path):
    """The element at a path, or None. A path that goes through an element that is no sequence any more ends at that element."""
    element = None
    for group, number, creator, low, index in STEP.findall(path):
        if dataset is None:
            return None
        group = int(group, 16)
        if creator:
            try:
                tag = dataset.private_block(group, creator).get_tag(int(low, 16))
            except KeyError:
                return None
        else:
            tag = pydicom.tag.Tag(group, int(number, 16))
        if tag.group == 2:
            dataset = dataset.file_meta
        if tag not in dataset:
            return None
        element = dataset[tag]
        if index == "":
            dataset = None
        elif isinstance(element.value, pydicom.sequence.Sequence):
            if int(index) >= len(element.value):
                return None
            dataset = element.value[int(index)]
        else:
            return element
    return element


def as_number(text):
    try:
        return float(text)
    except ValueError:
        return None


def tokens_of(text):
    words = (word.strip(".,;:()[]{}'\"") for word in text.split())
    return [word for word in words if word and word not in STOP_WORDS]


def is_left(answer, value):
    """Rule T for removal. A part of the answer counts when it stands as a word of its own: "la" of an address is not found in "Claustrophobie"."""
    answer, value = answer.lower().strip(), value.lower().strip()
    a, b = as_number(answer), as_number(value)
    if a is not None and b is not None:
        return a == b
    words = set(tokens_of(value))
    return answer in value or any(token in (value if len(token) > 5 else words) for token in tokens_of(answer) if len(token) > 1)


def share_of(answer, value):
    """Rule T: the share of the answer that stands in the value, 0 to 1."""
    answer, value = answer.lower().strip(), value.lower().strip()
    a, b = as_number(answer), as_number(value)
    if a is not None and b is not None:
        return 1.0 if abs(a - b) <= 1e-6 * max(1.0, abs(a)) else 0.0
    if answer in value:
        return 1.0
    tokens = tokens_of(answer)
    return sum(token in value for token in tokens) / len(tokens) if tokens else 0.0


# --- bytes ---

def needles_of(text):
    """The text in the encodings in which it might stand in a file; ASCII letters in lower case, as the haystack."""
    found = set()
    for variant in {text, text.upper(), text.lower()}:
        for encoding in ("utf-8", "latin-1", "iso8859-2", "iso8859-5", "iso8859-7", "utf-16-le", "utf-16-be"):
            try:
                found.add(variant.encode(encoding).lower())
            except UnicodeEncodeError:
                pass
    exact = set()
    for raw in {text.encode(), text.encode("latin-1", "ignore")}:
        for pad in range(3):
            coded = base64.b64encode(b"\0" * pad + raw)
            skip = (0, 2, 3)[pad]
            rest = (len(raw) + pad) % 3
            exact.add(coded[skip:len(coded) - (0 if rest == 0 else 4)])
    return {needle for needle in found if len(needle) >= 4}, {needle for needle in exact if len(needle) >= 6}


class Output:
    """One de-identified file."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.raw = file.read()
        self.lower = self.raw.lower()
        self.dataset = pydicom.dcmread(path, force=True)
        if not hasattr(self.dataset, "file_meta"):
            self.dataset.file_meta = pydicom.dataset.FileMetaDataset()
        self.pixels = None

    def contains(self, text):
        folded, exact = needles_of(text)
        return any(needle in self.lower for needle in folded) or any(needle in self.raw for needle in exact)

    def frames(self):
        if self.pixels is None:
            pixels = self.dataset.pixel_array.astype(numpy.float64)
            if self.dataset.get("SamplesPerPixel", 1) > 1:
                pixels = pixels.mean(axis=-1)
            self.pixels = pixels if pixels.ndim == 3 else pixels[numpy.newaxis]
        return self.pixels

    def pixel_digests(self):
        raw = self.dataset["PixelData"].value
        found = {hashlib.sha256(raw).hexdigest()}
        if self.dataset.file_meta.get("TransferSyntaxUID") == "1.2.840.10008.1.2.2" and self.dataset.BitsAllocated == 16:
            found.add(hashlib.sha256(numpy.frombuffer(raw, numpy.uint16).byteswap().tobytes()).hexdigest())
        return found


def mask_of(check, width, height):
    stride = (width + 7) // 8
    bits = numpy.unpackbits(numpy.frombuffer(base64.b64decode(check["mask"]), numpy.uint8).reshape(height, stride), axis=1)
    return bits[:, :width].astype(numpy.float64)


def is_hidden(output, check):
    """No frame shows the glyphs: what was drawn does not correlate with what is there, also when moved by up to two pixels."""
    x, y, width, height = check["box"]
    frames = output.frames()
    for frame in range(check["frame"], min(check["frame"] + check["frames"], len(frames))):
        region = frames[frame][y:y + height, x:x + width]
        if region.size == 0 or region.std() < 2.5:
            continue
        if "mask" not in check:
            return False
        mask = mask_of(check, width, height)[:region.shape[0], :region.shape[1]]
        for dy in range(-2, 3):
            for dx in range(-2, 3):
                moved = numpy.roll(mask, (dy, dx), axis=(0, 1))
                if moved.std() > 0 and abs(numpy.corrcoef(moved.ravel(), region.ravel())[0, 1]) > 0.35:
                    return False
    return True


# --- the verbs ---

class Scorer:
    def __init__(self, pseudonyms):
        self.pseudonyms = pseudonyms
        self.counts = collections.defaultdict(lambda: [0, 0])
        self.failures = []
        self.series = collections.defaultdict(bool)
        self.uid_map, self.uid_source = {}, {}
        self.exact_dates = [0, 0]
        self.not_released = 0  # retention checks of files that were not released

    def record(self, check, passed, found=""):
        action = check["action"]
        self.counts[action][0 if passed else 1] += 1
        if not passed:
            self.failures.append((action, check.get("path", ""), check.get("text", "")[:100], str(found)[:100], check["file"]))
            self.series[(action, check.get("path"), check.get("patient_id"), check.get("series"))] = True

    def judge(self, output, check):
        action, text = check["action"], check.get("text", "")
        if action == "bytes_absent":
            return self.record(check, not output.contains(text))
        if action == "pixels_hidden":
            return self.record(check, is_hidden(output, check))
        if action == "pixels_retained":
            return self.record(check, "PixelData" in output.dataset and text in output.pixel_digests())
        element = find(output.dataset, check["path"])
        if element is None:
            return self.record(check, action in ("text_removed", "date_shifted", "uid_changed", "uid_consistent", "patid_consistent"))
        value = text_of(element)
        if action == "tag_retained":
            return self.record(check, True)
        if action == "text_notnull":
            return self.record(check, value != "", value)
        if action == "text_retained":
            return self.record(check, share_of(text, value) == 1.0, value)
        if action == "text_removed":
            return self.record(check, not is_left(text, value), value)
        if action == "date_shifted":
            self.judge_date(check, value)
            return self.record(check, text.replace("\\", "") not in value, value)
        if action == "uid_changed":
            return self.record(check, text not in value, value)
        if action == "uid_consistent":
            return self.record(check, self.uid_fits(text, value), value)
        if action == "patid_consistent":
            expected = self.pseudonyms.patient(check.get("issuer", ""), check["patient_id"]) if self.pseudonyms else value
            return self.record(check, value == expected, value)
        raise SystemExit("unknown verb %s" % action)

    def judge_date(self, check, value):
        if not self.pseudonyms or not check.get("shift", True) or not re.fullmatch(r"\d{8}.*", value):
            return
        old = datetime.datetime.strptime(check["text"][:8], "%Y%m%d")
        new = old + datetime.timedelta(days=self.pseudonyms.shift(check.get("issuer", ""), check["patient_id"]))
        fits = value.startswith(new.strftime("%Y%m%d"))
        self.exact_dates[0 if fits else 1] += 1
        if not fits:
            self.failures.append(("date_exact", check["path"], check["text"], value, check["file"]))

    def uid_fits(self, old, new):
        known, source = self.uid_map.setdefault(old, new), self.uid_source.setdefault(new, old)
        exact = not self.pseudonyms or new == self.pseudonyms.uid(old)
        return known == new and source == old and exact

    def judge_missing(self, check):
        """A file that was not released: nothing leaked, nothing was kept."""
        action = check["action"]
        self.record(check, action in LEAK, "not released")
        self.not_released += action not in LEAK


def read_manifest(path):
    outputs, outcomes = {}, collections.Counter()
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            entry = json.loads(line)
            outcomes[entry.get("outcome", "?")] += 1
            outputs[entry["source"]] = entry
    return outputs, outcomes


def report(scorer, outcomes, missing_files, arguments):
    leaks = sum(failed for action, (_, failed) in scorer.counts.items() if action in LEAK)
    leak_checks = sum(sum(pair) for action, pair in scorer.counts.items() if action in LEAK)
    kept = sum(good for action, (good, _) in scorer.counts.items() if action not in LEAK)
    kept_checks = sum(sum(pair) for action, pair in scorer.counts.items() if action not in LEAK)
    total = leak_checks + kept_checks
    passed = kept + leak_checks - leaks
    print("outcomes: " + ", ".join("%s %d" % item for item in sorted(outcomes.items())))
    print("%-18s %9s %9s %9s" % ("verb", "pass", "fail", "pass %"))
    for action in sorted(scorer.counts):
        good, bad = scorer.counts[action]
        print("%-18s %9d %9d %9.3f" % (action, good, bad, 100.0 * good / (good + bad)))
    if scorer.pseudonyms:
        print("%-18s %9d %9d   (shifted by exactly this patient's days)" % ("date_exact", *scorer.exact_dates))
    retention = 100.0 * kept / kept_checks if kept_checks else 0.0
    print("leaks:     %d of %d checks" % (leaks, leak_checks))
    released_checks = kept_checks - scorer.not_released
    released = 100.0 * kept / released_checks if released_checks else 0.0
    print("retention: %.3f %% of %d checks of released files; %.3f %% of all %d" % (released, released_checks, retention, kept_checks))
    print("all:       %.3f %% of %d checks; %d files of the key were not released" % (100.0 * passed / total if total else 0.0, total, missing_files))
    print("by series: %d series and paths with a failure" % len(scorer.series))
    for failure in sorted(scorer.failures, key=lambda failure: failure[3] == "not released")[:arguments.list]:
        print("  FAIL %s %s wanted=%r found=%r in %r" % failure)
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump({"checks": total, "leaks": leaks, "leak_checks": leak_checks, "retention_percent": retention, "retention_released_percent": released, "retention_checks": kept_checks,
                       "outcomes": outcomes, "not_released": missing_files, "verbs": {a: {"pass": p, "fail": f} for a, (p, f) in scorer.counts.items()}}, file, indent=1)
    wrong = []
    if arguments.require_no_leak and leaks:
        wrong.append("%d leaks" % leaks)
    if scorer.exact_dates[1]:
        wrong.append("%d dates shifted by other days" % scorer.exact_dates[1])
    if arguments.require_retention is not None and released < arguments.require_retention:
        wrong.append("retention in released files, %.3f %%, is below %.3f %%" % (released, arguments.require_retention))
    if arguments.require_released is not None and outcomes["released"] < arguments.require_released / 100 * sum(outcomes.values()):
        wrong.append("fewer than %.1f %% of the files were released" % arguments.require_released)
    if total < arguments.least:
        wrong.append("only %d checks" % total)
    for line in wrong:
        print("NOT MET: " + line)
    return 1 if wrong else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--answers", required=True)
    parser.add_argument("--manifest", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--key")
    parser.add_argument("--json")
    parser.add_argument("--list", type=int, default=20)
    parser.add_argument("--require-no-leak", action="store_true")
    parser.add_argument("--require-retention", type=float)
    parser.add_argument("--require-released", type=float)
    parser.add_argument("--least", type=int, default=1)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    pseudonyms = None
    if arguments.key:
        with open(arguments.key, "rb") as file:
            pseudonyms = Pseudonyms(file.read())
    outputs, outcomes = read_manifest(arguments.manifest)
    scorer, current, output, missing = Scorer(pseudonyms), None, None, 0
    with open(arguments.answers, encoding="utf-8") as lines:
        for line in lines:
            check = json.loads(line)
            if check["file"] != current:
                current = check["file"]
                released = outputs.get(current, {}).get("output")
                path = os.path.join(arguments.out, released) if released else None
                output = Output(path) if path and os.path.exists(path) else None
                missing += output is None
            if output is None:
                scorer.judge_missing(check)
            else:
                scorer.judge(output, check)
    return report(scorer, outcomes, missing, arguments)


if __name__ == "__main__":
    sys.exit(main())
