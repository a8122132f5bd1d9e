#!/usr/bin/env python3
"""Make the word table from deid/text/vocabulary/*.txt, the attribute names of the data dictionary, the code meanings of PS3.16 (DCMTK's headers) and the
lower-case words of an English word list (SCOWL, package wamerican-small).

Run by CMake: vocabulary_generate.py DICOM_DIC CODES_FOLDER ENGLISH FOLDER OUTPUT. Words are folded as lethe_text_fold does: upper case, no accents."""
import math
import os
import re
import sys
import unicodedata

CLASSES = {"technical": 1, "names": 2, "titles": 4, "particles": 8, "cues": 16, "functions": 32, "words": 3, "rare": 129, "eponyms": 130, "eponym": 257, "makers": 513, "surnames": 131}
PLAIN, EPONYM, TERM = 64, 128, 256
LIGATURES = {"Æ": "AE", "Œ": "OE", "ß": "SS", "ẞ": "SS", "Ø": "O", "Đ": "D", "Ł": "L", "Þ": "TH", "Ð": "D"}


def fold(text):
    text = "".join(LIGATURES.get(character, character) for character in text.replace("ß", "ss").upper())
    return "".join(character for character in unicodedata.normalize("NFKD", text) if not unicodedata.combining(character))


def hash_of(word):
    value = 2166136261
    for byte in word.encode("ascii"):
        value = ((value ^ byte) * 16777619) & 0xFFFFFFFF
    return value ^ (value >> 15)


def trigrams(words):
    """How much more often three letters follow each other in technical words than in names: 16 * log of the ratio, by 27 * 27 * 27 (0 = edge of the word)."""
    counts = [{}, {}]
    for word, kind in words.items():
        if len(word) < 5 or not word.isalpha() or not kind & 3 or kind & 129 == 129:
            continue
        letters = [0] + [ord(letter) - 64 for letter in word] + [0]
        which = counts[0 if kind & 1 else 1]
        for at in range(len(letters) - 2):
            index = (letters[at] * 27 + letters[at + 1]) * 27 + letters[at + 2]
            which[index] = which.get(index, 0) + 1
    sums = [sum(which.values()) for which in counts]
    table = []
    for index in range(27 ** 3):
        ratio = [math.log((counts[side].get(index, 0) + 0.4) / (sums[side] + 1200)) for side in (0, 1)]
        table.append(max(-127, min(127, round(16 * (ratio[0] - ratio[1])))))
    return table


def main():
    dictionary, codes, english, folder, output = sys.argv[1:]
    words, doubtful = {}, set()  # eponyms that no list of names has

    def add(word, kind):
        for part in re.findall(r"[A-Z0-9]+", fold(word)):
            words[part] = words.get(part, 0) | kind

    for line in open(dictionary, encoding="ascii"):
        fields = line.split("\t")
        if line.startswith("(") and len(fields) > 2:
            for part in re.findall(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+", fields[2].removeprefix("RETIRED_")):
                if len(part) > 1:
                    add(part, CLASSES["technical"])
    files = sorted(name for name in os.listdir(folder) if name.endswith(".txt"))
    for name in sorted(files, key=lambda file: (file.startswith("words"), "eponym" in file)):
        kind = CLASSES.get(name.split(".")[0].split("_")[0])
        if kind is None:
            sys.exit("vocabulary_generate.py: no class for " + name)
        for line in open(os.path.join(folder, name), encoding="utf-8"):
            if not line.startswith("#"):
                for word in line.split():
                    known = words.get(fold(word), 0) & 3
                    if kind == 3 and known:  # names and technical words in the first place stay that
                        continue
                    if kind & EPONYM and known & 1 and kind != CLASSES["surnames"]:
                        add(word, kind & 1 | EPONYM)  # "Bell" stays both, "Child" stays technical
                    elif kind == CLASSES["eponyms"] and not known:
                        add(word, kind)
                        doubtful.add(fold(word))
                    else:
                        add(word, kind)
    meanings = set()
    for name in sorted(os.listdir(codes)):
        for meaning in re.findall(r'\("[^"]*",\s*"[^"]*",\s*"([^"]*)"\)', open(os.path.join(codes, name), encoding="latin-1").read()):
            meanings.update(fold(word) for word in re.findall(r"[A-Za-z]{2,}", meaning))
    if len(meanings) < 2000:
        sys.exit("vocabulary_generate.py: too few code meanings")
    for word in sorted(meanings):
        if not words.get(word, 0) & 2:  # eponyms of methods are names elsewhere
            add(word, CLASSES["technical"])
    table = trigrams(words)
    for line in open(english, encoding="utf-8"):
        word = line.strip()
        if re.fullmatch(r"[a-z]{3,}", word):
            add(word, PLAIN)
            if fold(word) in doubtful:
                words[fold(word)] &= ~2  # "hunt" is a word in the first place
    for word, kind in list(words.items()):
        if kind & 2 and kind & (8 | 32):
            words[word] = kind & ~(2 | EPONYM)  # "Le Gall": the particle is none by itself
        if kind == 1 and len(word) >= 5 and word.isalpha() and not word.endswith(("S", "X")) and word + "S" not in words:
            words[word + "S"] = 1
    if len(words) < 5000:
        sys.exit("vocabulary_generate.py: too few words")
    rows = sorted(words.items())
    bits = 1
    while (1 << bits) < 2 * len(rows):
        bits += 1
    slots = [0] * (1 << bits)
    text, entries = "", []
    for index, (word, kind) in enumerate(rows):
        at = hash_of(word) & ((1 << bits) - 1)
        while slots[at]:
            at = (at + 1) & ((1 << bits) - 1)
        slots[at] = index + 1
        entries.append((len(text), len(word), kind))
        text += word
    with open(output, "w", encoding="ascii") as out:
        out.write("/* Made by vocabulary_generate.py. Do not edit. */\n\n")
        out.write("enum { VOCABULARY_BITS = %d, VOCABULARY_COUNT = %d };\n\nstatic const char vocabulary_text[] = {\n" % (bits, len(rows)))
        for start in range(0, len(text), 40):
            out.write("    " + ",".join(map(str, text[start:start + 40].encode("ascii"))) + ",\n")
        out.write("};\n\nstatic const struct {\n    uint32_t start;\n    uint8_t size;\n    uint16_t classes;\n} vocabulary_entries[] = {\n")
        for row in entries:
            if row[1] >= 64 or len(rows) >= 1 << 16:
                sys.exit("vocabulary_generate.py: a word does not fit the table")
            out.write("    {%d, %d, %d},\n" % row)
        out.write("};\n\nstatic const uint16_t vocabulary_slots[] = {")
        out.write(",".join(map(str, slots)))
        out.write("};\n\nstatic const int8_t vocabulary_trigrams[] = {\n")
        for start in range(0, len(table), 40):
            out.write("    " + ",".join(map(str, table[start:start + 40])) + ",\n")
        out.write("};\n")


main()
