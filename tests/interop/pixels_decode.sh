#!/bin/bash
# Samples of every decodable file of Debian's pydicom data and of the shared test data are what independent decoders give.
set -u
files=(/usr/lib/python3/dist-packages/pydicom/data/test_files/*.dcm)
[ -e "${files[0]}" ] || { echo "skipped: python3-pydicom is not installed"; exit 77; }
for tool in dcmdjpeg dcmdjpls dcmdrle gdcmconv; do command -v "$tool" >/dev/null || { echo "skipped: $tool is not installed"; exit 77; }; done
shared="$LETHE_SOURCE/../shared/testdata/dicom"
if [ -d "$shared" ]; then
    # Small ones: the large ones take the peers minutes.
    while IFS= read -r -d '' file; do files+=("$file"); done < <(find "$shared" -type f -size -700k ! -path '*malformed*' -print0 | sort -z | awk 'BEGIN{RS="\0";ORS="\0"} NR % 2 == 1')
fi
exec /usr/bin/python3 "$LETHE_SOURCE/tests/interop/pixels_decode.py" "$LETHE_BIN/lethe-pixels-dump" "${files[@]}"
