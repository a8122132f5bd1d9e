#!/bin/bash
# The macro photograph in each format that has one, in the eyes of OpenSlide: kept with its label black where the format has a place for that (Aperio,
# NDPI, Philips), gone elsewhere (SCN, BIF, MRXS), and gone everywhere by default. A label goes in every case.
set -u
: "${LETHE_BIN:?}" "${LETHE_SOURCE:?}"
command -v openslide-write-png > /dev/null && /usr/bin/python3 -c 'import numpy' 2> /dev/null || { echo "skipped: OpenSlide's tools or numpy are missing"; exit 77; }
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
fail() { echo "FAIL: $*"; exit 1; }
head -c 32 /dev/urandom > "$work/key" && chmod 600 "$work/key"
"$LETHE_BIN/lethe-testdata" slides --size small -o "$work/in" --key "$work/answers.jsonl" > /dev/null || fail "generator"
printf 'name: macro\nbase: research\nslides:\n  macro: blackout\n' > "$work/macro.yaml"
kept=0
for policy in blackout remove; do
    profile=()
    [ $policy = blackout ] && profile=(--profile "$work/macro.yaml")
    "$LETHE_BIN/lethe" deid "$work/in" -o "$work/$policy" --key "$work/key" "${profile[@]}" --manifest "$work/$policy.jsonl" --quiet || fail "$policy: deid ended with $?"
    "$LETHE_BIN/lethe" deid verify "$work/$policy" > /dev/null || fail "$policy: verify ended with $?"
    python3 "$LETHE_SOURCE/tests/cases/slides_scan.py" "$work/answers.jsonl" "$work/$policy" || fail "$policy: a planted value was found"
    while IFS=$'\t' read -r source output; do
        wanted=removed
        case $source in
        *.tif | *.ome.tiff | *_1.svs) continue ;; # no macro that OpenSlide shows (GT450: without descriptions)
        *.svs | *.ndpi | *.tiff) [ $policy = blackout ] && wanted=kept ;;
        esac
        PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 "$LETHE_SOURCE/tests/cases/slides_macro.py" "$work/in/$source" "$work/$policy/$output" $wanted > "$work/said" 2>&1 ||
            fail "$policy, $source ($wanted): $(cat "$work/said")"
        [ $wanted = kept ] && kept=$((kept + 1))
    done < <(python3 -c '
import json, sys
for line in open(sys.argv[1]):
    row = json.loads(line)
    if row["outcome"] == "released": print(row["source"], row["output"], sep="\t")' "$work/$policy.jsonl")
done
[ "$kept" = 3 ] || fail "$kept macros were kept, not 3"
echo "ok: $kept macros kept without their labels"
