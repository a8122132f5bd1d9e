#!/bin/bash
# The invented hospital: deterministic, readable by independent readers, valid for dciodvfy but for what is wrong on purpose.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
make() { "$LETHE_BIN/lethe-testdata" hospital --size small "$@" > /dev/null; }

make -o "$work/a" --patients 8 --seed 3
make -o "$work/b" --patients 8 --seed 3
make -o "$work/c" --patients 8 --seed 4
diff -r "$work/a" "$work/b"
cmp "$work/a.answers.jsonl" "$work/b.answers.jsonl"
if cmp -s "$work/a.answers.jsonl" "$work/c.answers.jsonl"; then echo "another seed made the same hospital"; exit 1; fi
files=$(find "$work/a" -type f | wc -l)
[ "$files" -ge 60 ] || { echo "only $files files"; exit 1; }
for wrong in "" "nothing -o $work/x" "hospital" "hospital -o $work/x --patients -1" "hospital -o $work/x --size huge" "ct -o $work/x --columns 1e3"; do
    code=0
    # shellcheck disable=SC2086
    "$LETHE_BIN/lethe-testdata" $wrong > /dev/null 2>&1 || code=$?
    [ "$code" -eq 2 ] || { echo "wrong usage gave $code: $wrong"; exit 1; }
done

if /usr/bin/python3 -c 'import pydicom, numpy, PIL' 2> /dev/null; then
    /usr/bin/python3 "$LETHE_SOURCE/tests/score/selftest.py" "$work/a.answers.jsonl" "$work/a"
    /usr/bin/python3 - "$work/a" << 'PY'
import pathlib, sys, pydicom
kinds = set()
for path in pathlib.Path(sys.argv[1]).rglob("IM*"):
    ds = pydicom.dcmread(path, force=True)  # some have no preamble and no file meta, on purpose
    ds.decode()
    kinds.add((ds.Modality, str(ds.file_meta.get("TransferSyntaxUID", "")), ds.get("SpecificCharacterSet") and str(ds.SpecificCharacterSet)))
    if "PixelData" in ds and "TransferSyntaxUID" in ds.file_meta:
        assert ds.pixel_array.max() > ds.pixel_array.min(), path
modalities, syntaxes, charsets = ({kind[i] for kind in kinds} for i in range(3))
assert {"MR", "CT", "US", "MG", "OT", "SR"} <= modalities, modalities
assert len(syntaxes) >= 5 and len(charsets) >= 3, (syntaxes, charsets)
PY
fi
if command -v dciodvfy > /dev/null; then
    # It does not read deflated files; a file that declares no character set but uses one is planted.
    find "$work/a" -type f -print0 | while IFS= read -r -d '' file; do dciodvfy "$file" 2>&1 | grep -a '^Error' || true; done |
        grep -av -e 'Dicom dataset read failed' -e 'MediaStorageSOP' -e 'Information Object Not found' -e 'character repertoire' \
            -e 'invalid data values for Value Representations' -e 'Seek failed' > "$work/errors" || true
    if [ -s "$work/errors" ]; then sort "$work/errors" | uniq -c; exit 1; fi
fi
echo "$files files"
