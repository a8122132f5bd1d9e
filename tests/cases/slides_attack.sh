#!/bin/bash
# Secrets in places nobody looks at: unknown and private tags, EXIF, GPS, SubIFD and private directories, ICC texts, comments and tables of JPEG tiles, text
# between the last block and the end of a scan, XML comments, names, instructions, entities, ini sections, tails, gaps, extra files, file names, extended
# attributes. Each variant comes out without its secret in any spelling, or does not come out.
set -u
: "${LETHE_BIN:?}" "${LETHE_SOURCE:?}"
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
fail() { echo "FAIL: $*"; exit 1; }
head -c 32 /dev/urandom > "$work/key" && chmod 600 "$work/key"
"$LETHE_BIN/lethe-testdata" slides --size small -o "$work/in" --key "$work/answers.jsonl" > /dev/null || fail "generator"
python3 "$LETHE_SOURCE/tests/cases/slides_attack.py" "$work/in/slides" "$work/bad" "$work/list.tsv" || fail "the attack itself"
"$LETHE_BIN/lethe" deid "$work/bad" -o "$work/out" --key "$work/key" --manifest "$work/manifest.jsonl" --quiet
case $? in 0 | 3 | 4) ;; *) fail "deid broke down" ;; esac
PYTHONPATH=$LETHE_SOURCE/tests/cases python3 - "$work" <<'PY' || exit 1
import collections, json, os, sys
from slides_scan import spellings
work = sys.argv[1]
rows = [line.rstrip("\n").split("\t") for line in open(f"{work}/list.tsv")]
manifest = {row["source"]: row for row in map(json.loads, open(f"{work}/manifest.jsonl"))}
outcomes, refused, names, bad = collections.Counter(), collections.Counter(), [], set()
for root, folders, files in os.walk(f"{work}/out"):
    names += folders + files
for name, place, secret in rows:
    row = manifest.get(name)
    if row is None:
        sys.exit(f"FAIL: {name} is not in the manifest")
    outcomes[row["outcome"]] += 1
    if row["outcome"] != "released":
        refused[place] += 1
        continue
    path = f"{work}/out/{row['output']}"
    inner = path[:-5]
    files = [path] + ([os.path.join(inner, f) for f in os.listdir(inner)] if path.endswith(".mrxs") else [])
    for file in files:
        content = open(file, "rb").read()
        if any(s in content for s in spellings(secret)):
            bad.add(f"the secret of {name} ({place}) stands in the output")
        if os.listxattr(file):
            bad.add(f"{name} has extended attributes")
    if any(secret.lower() in n.lower() for n in names):
        bad.add(f"the secret of {name} is in a name")
print(dict(outcomes), "refused:", dict(refused))
if bad:
    sys.exit("FAIL: " + "; ".join(sorted(bad)))
# What pixels cannot be told from must not come out; everything else should come out clean and not merely be refused.
if outcomes["released"] < 0.75 * len(rows):
    sys.exit("FAIL: too many slides were refused")
PY

# Zstandard tiles: bytes behind the frame and frames that decoders skip go, and the tiles stay readable. There is no free encoder in the tests: one real slide.
real=$LETHE_SOURCE/../shared/testdata/slides/large_image/yb10kx5k.zstd.tiff
if [ -f "$real" ]; then
    printf 'name: seen\nbase: research\nslides:\n  text: keep\n' > "$work/seen.yaml"
    PYTHONPATH=$LETHE_SOURCE/tests/cases python3 - "$real" "$work" <<'PY' || fail "the attack on Zstandard tiles"
import os, struct, sys
from slides_attack import Tiff, first_tile
os.makedirs(sys.argv[2] + "/zstd")
skipped = lambda s: struct.pack("<II", 0x184D2A53, len(s)) + s
for name, rework in (("tail", lambda raw, s, _: raw + s), ("skip_behind", lambda raw, s, _: raw + skipped(s)),
                     ("skip_before", lambda raw, s, _: skipped(s) + raw), ("plain", lambda raw, s, _: raw)):
    t = Tiff(open(sys.argv[1], "rb").read())
    t.edit(first_tile(rework)("Zq7zstdDuprat001"))
    open(f"{sys.argv[2]}/zstd/{name}.tiff", "wb").write(t.data)
PY
    "$LETHE_BIN/lethe" deid "$work/zstd" -o "$work/zstd-out" --profile "$work/seen.yaml" --key "$work/key" --manifest "$work/zstd.jsonl" --quiet
    [ $? -eq 3 ] || fail "Zstandard: exit code is not 3"
    python3 -c '
import json, sys
rows = {r["source"]: r["outcome"] for r in map(json.loads, open(sys.argv[1]))}
want = {"tail.tiff": "released", "skip_behind.tiff": "released", "skip_before.tiff": "quarantined", "plain.tiff": "released"}
sys.exit(f"FAIL: {rows}" if rows != want else 0)' "$work/zstd.jsonl" || exit 1
    grep -rqa 'Zq7zstdDuprat' "$work/zstd-out" && fail "a secret beside a Zstandard frame came out"
fi
echo "ok"
