#!/bin/bash
# The private side of slides: bar codes that name the patient, removed labels kept for a person (0600), contact sheets, labels that are gone already, the
# macro with its label area blacked out, new labels; and kinds of slides that are recognised and never passed through.
set -u
: "${LETHE_BIN:?}" "${LETHE_SOURCE:?}"
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
fail() { echo "FAIL: $*"; exit 1; }
head -c 32 /dev/urandom > "$work/key" && chmod 600 "$work/key"
deid() { "$LETHE_BIN/lethe" deid "$@" --key "$work/key" --quiet; }

# Bar codes of the label, Code 39, Code 128 and Data Matrix, lead to the pseudonym of the list.
"$LETHE_BIN/lethe-testdata" slides-barcodes -o "$work/in" --key "$work/answers.jsonl" > /dev/null || fail "generator"
printf 'name: codes\nbase: research\nslides:\n  read_barcode: true\n' > "$work/codes.yaml"
deid "$work/in/coded" -o "$work/out" --profile "$work/codes.yaml" --slides "$work/in/barcodes.csv" || fail "bar codes: deid ended with $?"
for name in lines code128 matrix; do [ -f "$work/out/P-$name/slides/slide-$name.svs" ] || fail "the bar code of $name.svs was not read"; done
python3 "$LETHE_SOURCE/tests/cases/slides_scan.py" "$work/answers.jsonl" "$work/out" > /dev/null || fail "a planted value was found"
# Nor is any row of a label's picture left, read or not: the labels are uncompressed, so each row of bars would be found as it stood.
printf 'name: plain\nbase: research\n' > "$work/plain.yaml"
deid "$work/in/coded" -o "$work/unread" --profile "$work/plain.yaml" || fail "unread bar codes: deid ended with $?"
python3 - "$work" <<'PY' || fail "a row of a label is left"
import glob, os, sys
sys.path.insert(0, os.environ["LETHE_SOURCE"] + "/tests/cases")
from slides_tiles import directories
outputs = [open(path, "rb").read() for folder in ("out", "unread") for path in glob.glob(f"{sys.argv[1]}/{folder}/*/slides/*.svs")]
rows = 0
for path in glob.glob(sys.argv[1] + "/in/coded/*.svs"):
    data = open(path, "rb").read()
    for tags in directories(data):
        if tags.get(254) != (1,) or tags[259] != (1,):
            continue
        width, at = tags[256][0] * 3, tags[273][0]
        for y in range(tags[257][0]):
            row = data[at + y * width:at + (y + 1) * width]
            for piece in (row[i:i + 96] for i in range(0, width - 96, 96)):
                if len(set(piece)) == 1:
                    continue
                rows += 1
                if any(piece in output for output in outputs):
                    sys.exit(f"FAIL: a piece of row {y} of {os.path.basename(path)}")
if len(outputs) != 6 or rows < 500:
    sys.exit(f"FAIL: {rows} pieces of labels, {len(outputs)} outputs")
PY

# QR, from another program's encoder.
if command -v qrencode > /dev/null; then
    qrencode -t ASCIIi -m 4 -o "$work/qr.txt" 'QR-7741-0093' || fail "qrencode"
    mkdir "$work/qr" && python3 - "$work" <<'PY' || fail "drawing a QR code"
import os, sys
sys.path.insert(0, os.environ["LETHE_SOURCE"] + "/tests/cases")
from slides_tiles import directories
work = sys.argv[1]
data = bytearray(open(work + "/in/coded/lines.svs", "rb").read())
label = next(t for t in directories(bytes(data)) if t.get(254) == (1,) and t[259] == (1,))
width, height, at = label[256][0], label[257][0], label[273][0]
rows = [line[::2] for line in open(work + "/qr.txt").read().split("\n") if line]
size = min(width, height) // len(rows)
for y in range(height):
    for x in range(width):
        u, v = x // size, y // size
        # ASCIIi: '#' is light
        dark = v < len(rows) and u < len(rows[v]) and rows[v][u] == " "
        data[at + 3 * (y * width + x):at + 3 * (y * width + x) + 3] = bytes(3) if dark else b"\xff\xff\xff"
open(work + "/qr/square.svs", "wb").write(data)
PY
    printf 'barcode,pseudonym,slide_pseudonym\nQR-7741-0093,P-qr,slide-qr\n' > "$work/qr.csv"
    deid "$work/qr" -o "$work/qr-out" --profile "$work/codes.yaml" --slides "$work/qr.csv" || fail "QR: deid ended with $?"
    [ -f "$work/qr-out/P-qr/slides/slide-qr.svs" ] || fail "the QR code was not read"
    grep -rqa 'QR-7741-0093' "$work/qr-out" && fail "the text of the QR code came out"
fi

# Removed labels: private, and only in a project.
"$LETHE_BIN/lethe" init "$work/project" > /dev/null || fail "init"
printf 'name: labels\nbase: research\nslides:\n  keep_removed_labels: true\n' > "$work/project/labels.yaml"
sed -i 's/^profile:.*/profile: labels.yaml/' "$work/project/project.yaml"
grep -q 'labels.yaml' "$work/project/project.yaml" || printf 'profile: labels.yaml\n' >> "$work/project/project.yaml"
"$LETHE_BIN/lethe" ingest add -C "$work/project" "$work/in/coded" > /dev/null || fail "ingest add"
"$LETHE_BIN/lethe" deid -C "$work/project" --quiet || fail "deid of the project ended with $?"
labels=$work/project/private/scratch/slide-labels
[ "$(find "$labels" -name 'S-*-label.png' | wc -l)" = 3 ] || fail "removed labels were not kept"
[ -z "$(find "$labels" -type f ! -perm 600)" ] || fail "a removed label can be read by others"
[ "$(stat -c %a "$labels")" = 700 ] || fail "the folder of labels can be entered by others"
"$LETHE_BIN/lethe" deid sheet --labels "$labels" -o "$work/labels.html" | grep -q '^3 labels' || fail "the sheet of labels"
[ "$(stat -c %a "$work/labels.html")" = 600 ] || fail "the sheet of labels can be read by others"
"$LETHE_BIN/lethe" deid sheet "$work/project/released" --manifest "$work/project/private/manifest.jsonl" -o "$work/slides.html" | grep -q '^3 slides' ||
    fail "the contact sheet"
grep -q 'pictures removed' "$work/slides.html" && grep -q 'per pixel' "$work/slides.html" && grep -q '>verified' "$work/slides.html" || fail "the contact sheet is incomplete"
python3 "$LETHE_SOURCE/tests/cases/slides_scan.py" "$work/answers.jsonl" "$work/project/released" > /dev/null || fail "a value is among what was released"
mkdir "$work/page" && cp "$work/slides.html" "$work/page/" && python3 "$LETHE_SOURCE/tests/cases/slides_scan.py" "$work/answers.jsonl" "$work/page" > /dev/null ||
    fail "the contact sheet names something"
deid "$work/in/coded/lines.svs" -o "$work/nowhere" --profile "$work/project/labels.yaml" 2> /dev/null
[ $? -eq 3 ] || fail "labels were to be kept without a private folder, and nobody was told"

# A label that was taken away before: an error, unless the profile says so. The macro without its label area, a new label with the pseudonym.
"$LETHE_BIN/lethe-testdata" slides --size small -o "$work/all" --key "$work/all.jsonl" > /dev/null || fail "generator"
"$LETHE_BIN/lethe-testdata" slides-hostile -o "$work/bad" --key "$work/bad.jsonl" > /dev/null || fail "generator"
bare=$(find "$work/bad" -name 'no_label*' | head -1)
printf 'name: bare\nbase: research\nslides:\n  allow_missing_label: true\n' > "$work/bare.yaml"
deid "$bare" -o "$work/bare" 2> /dev/null
[ $? -eq 3 ] || fail "a missing label was not noticed"
deid "$bare" -o "$work/bare" --profile "$work/bare.yaml" || fail "allow_missing_label was not followed"
printf 'name: macro\nbase: research\nslides:\n  macro: blackout\n  label: pseudonym\n' > "$work/macro.yaml"
deid "$work/all/slides" -o "$work/macro" --profile "$work/macro.yaml" --manifest "$work/macro.jsonl" || fail "macro: deid ended with $?"
"$LETHE_BIN/lethe" deid verify "$work/macro" > /dev/null || fail "verify of slides with macro and label"
python3 "$LETHE_SOURCE/tests/cases/slides_scan.py" "$work/all.jsonl" "$work/macro" > /dev/null || fail "a planted value was found beside the macro"
if command -v openslide-write-png > /dev/null && command -v tiffinfo > /dev/null; then
    svs=$(find "$work/macro" -name '*.svs' | head -1)
    tiffinfo "$svs" 2> /dev/null | grep -q 'label 400x400' || fail "no new label"
    cp "$svs" "$work/one.svs" && python3 - "$work/one.svs" <<'PY' || exit 1
# The label area of the macro is black: one byte of another colour there is seen by the verifier.
import sys, subprocess, os
sys.path.insert(0, os.environ["LETHE_SOURCE"] + "/tests/cases")
from slides_tiles import directories
data = bytearray(open(sys.argv[1], "rb").read())
macros = [t for t in directories(bytes(data)) if t.get(254) == (9,)]
if not macros:
    sys.exit("FAIL: an Aperio macro was not kept")
tags = macros[0]
width, height, at = tags[256][0], tags[257][0], tags[273][0]
share = max(width * 2 // 5, int(height * 1.1))
for y in range(height):
    if any(data[at + y * width * 3:at + (y * width + share - 2) * 3]):
        sys.exit("FAIL: the label area of the macro is not black")
if not any(data[at + share * 3:at + width * 3]):
    sys.exit("FAIL: nothing is left of the macro")
data[at + 3 * width + 30] = 200
open(sys.argv[1], "wb").write(data)
run = subprocess.run([os.environ["LETHE_BIN"] + "/lethe", "deid", "verify", sys.argv[1]], capture_output=True)
if run.returncode == 0:
    sys.exit("FAIL: a macro that shows something in its label area passes the verifier")
PY
fi

# Recognised, never passed through: the smallest files that have the look of each kind.
mkdir "$work/kinds"
printf 'ZISRAWFILE\0\0\0\0\0\0' > "$work/kinds/a.czi" && head -c 600 /dev/zero >> "$work/kinds/a.czi"
printf '<?xml version="1.0"?><DataObject ObjectType="DPUfsImport"></DataObject>\r\n\004' > "$work/kinds/b.isyntax"
python3 - "$work/kinds" <<'PY'
import sqlite3, struct, sys
folder = sys.argv[1]
db = sqlite3.connect(f"{folder}/c.svslide")
db.execute("CREATE TABLE SVSlideDataXPO (OID INTEGER, SlideId TEXT, Creator TEXT)")
db.commit()
entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in ((256, 16), (257, 16), (273, 8), (279, 0)))
open(f"{folder}/d.vsi", "wb").write(b"II*\0\x08\0\0\0" + struct.pack("<H", 4) + entries + bytes(4))
PY
printf '[Virtual Microscope Specimen]\nNoLayers=1\nMacroImage=x.jpg\n' > "$work/kinds/e.vms"
printf '[Uncompressed Virtual Microscope Specimen]\nNoLayers=1\nMacroImage=x.jpg\n' > "$work/kinds/f.vmu"
deid "$work/kinds" -o "$work/kinds-out" --manifest "$work/kinds.jsonl" 2> /dev/null
[ $? -eq 3 ] || fail "kinds that are not handled: exit code is not 3"
python3 - "$work/kinds.jsonl" <<'PY' || exit 1
import json, sys
want = {"a.czi": "CZI", "b.isyntax": "iSyntax", "c.svslide": "SVSLIDE", "d.vsi": "VSI", "e.vms": "VMS", "f.vmu": "VMS"}
rows = {row["source"]: row for row in map(json.loads, open(sys.argv[1]))}
for name, word in want.items():
    row = rows.get(name)
    if not row or row["outcome"] != "quarantined" or word not in row["reason"]:
        sys.exit(f"FAIL: {name}: {row and (row['outcome'], row['reason'])}")
PY
[ -z "$(find "$work/kinds-out" -type f 2> /dev/null)" ] || fail "something of a kind that is not handled came out"
echo "ok"
