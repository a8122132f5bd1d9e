#!/usr/bin/env bash
# Every readable DICOM file of the shared test data and of python3-pydicom comes back byte for byte; the unreadable ones are exactly those below.
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

folders=()
pydicom=/usr/lib/python3/dist-packages/pydicom/data
shared=$LETHE_SOURCE/../shared/testdata/dicom
[ -d "$pydicom" ] && folders+=("$pydicom")
[ -d "$shared" ] && folders+=("$shared")
if [ ${#folders[@]} -eq 0 ]; then
    echo "skipped: neither python3-pydicom nor the shared test data is there"
    exit 77
fi

# Not DICOM, or damaged in a way that no reader can mend: what is left of them is quarantined.
cat >"$scratch/allowed" <<'LIST'
DICOMDIR-nooffset	the file ends in the middle of a directory record
FreezePattern.dcm	a sequence says length 0, and items follow
GH1339.dcm	cut off: no delimiter after the last fragment
GH179B.dcm	a stray blank element shifts all that follows
GH179A.dcm	the same
MR_truncated.dcm	cut off in the pixel data
emri_small_jpeg_2k_lossless_too_short.dcm	cut off in the fragments
no_meta.dcm	its first byte is not DICOM
rtplan_truncated.dcm	cut off in a sequence
LIST

"$LETHE_BIN/imaging_round_trip_test" "${folders[@]}" >"$scratch/report" || { grep -v '^unreadable' "$scratch/report"; exit 1; }
tail -n 3 "$scratch/report"
bad=0
while IFS=$'\t' read -r word path why; do
    [ "$word" = unreadable ] || continue
    [[ "$path" == */* ]] || continue
    name=${path##*/}
    case "$name" in
        *.txt|*.json|*.md|*.py|*.pyc|*.dump|*.gz|*.html|*.zip|*.png|*.pdf|*.pgm|*.geojson|README|LICENSE) continue ;; # not images at all
    esac
    if ! cut -f1 "$scratch/allowed" | grep -Fxq -- "$name"; then
        echo "FAIL: cannot read $name: $why"
        bad=1
    fi
done <"$scratch/report"
same=$(sed -n 's/^same\t//p' "$scratch/report")
[ "$same" -ge 100 ] || { echo "FAIL: only $same files were read"; bad=1; }
exit $bad
