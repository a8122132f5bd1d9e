#!/bin/bash
# Every SNOMED CT and DICOM code of the ready schemas and of the objects that are written stands in pydicom's tables of DICOM context groups, with a
# meaning that shares a word.
set -eu
/usr/bin/python3 -c "import pydicom.sr._concepts_dict" 2>/dev/null || { echo "skipped: pydicom has no tables of concepts"; exit 77; }
/usr/bin/python3 - "$LETHE_SOURCE" <<'PY'
import glob, re, sys
from pydicom.sr._concepts_dict import concepts
root = sys.argv[1]
known = {scheme: {code: keyword + " " + meaning for keyword, of in concepts[scheme].items() for code, (meaning, _) in of.items()} for scheme in ("SCT", "DCM")}
found = []
for path in glob.glob(root + "/annotate/schemas/*.yaml"):
    for scheme, code, meaning in re.findall(r'scheme: (SCT|SRT|DCM), value: "?([^",]+)"?, meaning: ([^}]+)\}', open(path).read()): found.append((path, scheme, code, meaning))
for path in glob.glob(root + "/annotate/formats/*.c"):
    text = open(path).read()
    for code, scheme, meaning in re.findall(r'"(\d{5,10})", "(SCT|DCM)", "([^"]+)"', text): found.append((path, scheme, code, meaning))
    for code, meaning, value, value_scheme, value_meaning in re.findall(r'"(\d{5,10})", "([^"]+)", "([^"]+)", "(SCT|DCM)", "([^"]+)"', text):
        found += [(path, "DCM", code, meaning), (path, value_scheme, value, value_meaning)]
assert len(found) > 30, len(found)
bad = 0
words = lambda s: {w.lower().rstrip("s") for w in re.findall(r"[A-Z]?[a-z]+", s.replace("-", " ")) if len(w) > 2}
squeeze = lambda s: re.sub("[^a-z]", "", s.lower())
for path, scheme, code, meaning in found:
    where = known.get(scheme, {}).get(code)
    if where is None or not ({w[:7] for w in words(meaning)} & {w[:7] for w in words(where)} or squeeze(meaning) in squeeze(where)):
        print("not confirmed:", path[len(root) + 1:], scheme, code, meaning, "|", where); bad += 1
sys.exit(bad > 0)
PY
echo ok
