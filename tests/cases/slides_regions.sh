#!/bin/bash
# Regions in every format, in the eyes of OpenSlide: on each level they are black, and every pixel but for the blocks that they touch is the input's. The
# slides have tiles that overlap (BIF), photographs at uneven places (MRXS), a scan somewhere on the glass (SCN) and restart intervals (NDPI).
set -u
: "${LETHE_BIN:?}" "${LETHE_SOURCE:?}"
command -v openslide-write-png > /dev/null && /usr/bin/python3 -c 'import numpy' 2> /dev/null || { echo "skipped: OpenSlide's tools or numpy are missing"; exit 77; }
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
fail() { echo "FAIL: $*"; exit 1; }
head -c 32 /dev/urandom > "$work/key" && chmod 600 "$work/key"
"$LETHE_BIN/lethe-testdata" slides --size small -o "$work/in" --key "$work/answers.jsonl" > /dev/null || fail "generator"

# Inside of one tile, over joints of tiles, restart intervals and photographs, at the corner, over the edge of what was scanned. The SCN's scan lies at 33214, 50090.
boxes="301,203,131,93 470,226,64,50 0,0,33,17 950,470,100,60"
scn="33515,50293,131,93 33684,50316,64,50 33214,50090,33,17 34186,50548,60,60"
echo "slide,mask" > "$work/masks.csv"
for path in "$work"/in/slides/*.*; do
    name=$(basename "$path")
    case $name in *.scn) echo "$name,\"$scn\"" ;; *) echo "$name,\"$boxes\"" ;; esac
done >> "$work/masks.csv"
"$LETHE_BIN/lethe" deid "$work/in" -o "$work/out" --key "$work/key" --slides "$work/masks.csv" --manifest "$work/manifest.jsonl" --quiet || fail "deid ended with $?"
"$LETHE_BIN/lethe" deid verify "$work/out" > /dev/null || fail "verify of redacted slides"
python3 "$LETHE_SOURCE/tests/cases/slides_scan.py" "$work/answers.jsonl" "$work/out" || fail "a planted value was found"
seen=0
while IFS=$'\t' read -r source output; do
    case $source in *_2.tif) continue ;; *.scn) where=$scn ;; *) where=$boxes ;; esac # OpenSlide does not take the big-endian one
    # Chroma of a touched block reaches one pixel into its neighbours.
    # shellcheck disable=SC2086
    /usr/bin/python3 "$LETHE_SOURCE/tests/cases/slides_regions.py" "$work/in/$source" "$work/out/$output" 17 $where > "$work/said" 2>&1 || fail "$source: $(cat "$work/said")"
    seen=$((seen + 1))
done < <(python3 -c '
import json, sys
for line in open(sys.argv[1]):
    row = json.loads(line)
    if row["outcome"] == "released": print(row["source"], row["output"], sep="\t")' "$work/manifest.jsonl")
[ "$seen" = 8 ] || fail "$seen slides were compared"

# Restart offsets of the redacted NDPI lead to restart markers again, and most intervals are the input's, byte for byte.
python3 - "$work" <<'PY' || fail "restart intervals"
import glob, struct, sys
def strips(path):
    data = open(path, "rb").read()
    at = struct.unpack("<Q", data[4:12])[0]
    while at:
        count = struct.unpack("<H", data[at:at + 2])[0]
        tags = {}
        for i in range(count):
            tag, kind, n, value = struct.unpack("<HHII", data[at + 2 + 12 * i:at + 14 + 12 * i])
            tags[tag] = (kind, n, value)
        starts = []
        if 65426 in tags:
            _, n, value = tags[65426]
            starts = struct.unpack(f"<{n}I", data[value:value + 4 * n])
        if 65421 in tags and struct.unpack("<f", struct.pack("<I", tags[65421][2]))[0] > 0:
            yield data[tags[273][2]:tags[273][2] + tags[279][2]], starts
        at = struct.unpack("<Q", data[at + 2 + 12 * count:at + 10 + 12 * count])[0]
work = sys.argv[1]
before, after = list(strips(glob.glob(work + "/in/slides/*.ndpi")[0])), list(strips(glob.glob(work + "/out/*/slides/*.ndpi")[0]))
assert len(before) == len(after) > 1
for (old, old_starts), (new, starts) in zip(before, after):
    assert len(starts) == len(old_starts) > 8 and list(starts) == sorted(set(starts))
    for at in starts[1:]:
        assert new[at - 2] == 0xFF and 0xD0 <= new[at - 1] <= 0xD7, at
    ends = list(old_starts[1:]) + [len(old)], list(starts[1:]) + [len(new)]
    same = sum(old[a:b] == new[c:d] for a, b, c, d in zip(old_starts, ends[0], starts, ends[1]))
    assert len(starts) // 2 < same < len(starts), (same, len(starts))
PY
echo "ok: $seen slides"
