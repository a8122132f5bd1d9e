#!/bin/bash
# Streams are looked into while they are copied. Two of some hundred tiles, none of those that are tried first, hold what is no pixel: the slide is planned again, both
# are cut, every other tile is the input's, and nothing half-written stays. Where a file system that shares blocks can be mounted, the same there.
set -u
: "${LETHE_BIN:?}" "${LETHE_SOURCE:?}"
work=$(mktemp -d) mounted=
trap '[ -n "$mounted" ] && umount "$mounted"; rm -rf "$work"' EXIT
fail() { echo "FAIL: $*"; exit 1; }
head -c 32 /dev/urandom > "$work/key" && chmod 600 "$work/key"
"$LETHE_BIN/lethe-testdata" slide-big --big-file 12000000 -o "$work/made" --key "$work/answers.jsonl" > /dev/null || fail "generator"
cat > "$work/tiles.py" <<'PY'
import hashlib, os, struct, sys
sys.path.insert(0, os.path.join(os.environ["LETHE_SOURCE"], "tests/cases"))
from slides_attack import Tiff
SECRET = b"Mme Cachee-Tardive, nee 1931"

def tiles(t):
    entries = t.read(t.link)[0]
    numbers = lambda tag: [struct.unpack_from(t.order + ("Q" if entries[tag][0] == 16 else "I"), entries[tag][2], i * (8 if entries[tag][0] == 16 else 4))[0]
                           for i in range(entries[tag][1])]
    return entries, numbers(324), numbers(325)

if sys.argv[1] == "make":
    t = Tiff(open(sys.argv[2], "rb").read())
    entries, offsets, counts = tiles(t)
    assert len(offsets) > 200, len(offsets)
    for which in (37, 101):
        stream = bytes(t.data[offsets[which]:offsets[which] + counts[which]])
        longer = stream[:2] + b"\xff\xfe" + struct.pack(">H", 2 + len(SECRET)) + SECRET + stream[2:] if which == 37 else stream + SECRET
        offsets[which], counts[which] = t.append(longer), len(longer)
    def edit(copy, entries):
        entries[324] = (16, len(offsets), copy.pack(f"{len(offsets)}Q", *offsets))
        entries[325] = (16, len(counts), copy.pack(f"{len(counts)}Q", *counts))
    t.edit(edit)
    with open(sys.argv[3], "wb") as out:
        out.write(t.data)
else:
    clean, out = Tiff(open(sys.argv[2], "rb").read()), Tiff(open(sys.argv[3], "rb").read())
    _, a_at, a_size = tiles(clean)
    _, b_at, b_size = tiles(out)
    assert b"Tardive" not in out.data
    digest = lambda t, at, size: [hashlib.sha256(t.data[o:o + n]).hexdigest() for o, n in zip(at, size)]
    different = [i for i, (a, b) in enumerate(zip(digest(clean, a_at, a_size), digest(out, b_at, b_size))) if a != b]
    assert len(a_at) == len(b_at) and not different, different
PY
run() { # run FOLDER: made.svs in FOLDER
    "$LETHE_BIN/lethe" deid "$1/in" -o "$1/out" --key "$work/key" --manifest "$work/manifest.jsonl" --quiet || fail "deid ended with $?: $(cat "$work/manifest.jsonl")"
    grep -q '"cleaned": 2' "$work/manifest.jsonl" || fail "not two tiles were cut: $(cat "$work/manifest.jsonl")"
    [ "$(find "$1/out" -type f | wc -l)" = 1 ] || fail "more than the slide stands in the output"
    python3 "$work/tiles.py" look "$work/made/bench/slide.svs" "$1"/out/*/slides/*.svs || fail "tiles"
    [ "$(sha256sum < "$1"/out/*/slides/*.svs)" = "$(grep -o '"sha256": "[0-9a-f]*"' "$work/manifest.jsonl" | cut -d'"' -f4)  -" ] || fail "the digest of the manifest"
    "$LETHE_BIN/lethe" deid verify "$1/out" > /dev/null || fail "verify ended with $?"
}
mkdir -p "$work/plain/in"
python3 "$work/tiles.py" make "$work/made/bench/slide.svs" "$work/plain/in/S24-1.svs" || fail "variant"
run "$work/plain"

# A clean slide and a file system with reflinks: blocks are shared, and all checks are as elsewhere.
if [ "$(id -u)" = 0 ] && command -v mkfs.xfs > /dev/null && truncate -s 400M "$work/image" && mkfs.xfs -q -m reflink=1 "$work/image" 2> /dev/null &&
    mkdir "$work/shared" && mount -o loop "$work/image" "$work/shared" 2> /dev/null; then
    mounted=$work/shared
    mkdir "$work/shared/in" && cp "$work/plain/in/S24-1.svs" "$work/shared/in/" && rm "$work/manifest.jsonl"
    run "$work/shared"
    cmp -s "$work"/plain/out/*/slides/*.svs "$work"/shared/out/*/slides/*.svs || fail "another output where blocks are shared"
    rm -rf "$work/shared/in" "$work/shared/out" "$work/manifest.jsonl"
    mkdir "$work/shared/in" && cp "$work/made/bench/slide.svs" "$work/shared/in/S24-2.svs" && sync -f "$work/shared"
    "$LETHE_BIN/lethe" deid "$work/shared/in" -o "$work/shared/out" --key "$work/key" --manifest "$work/manifest.jsonl" --quiet || fail "deid on XFS ended with $?"
    if command -v filefrag > /dev/null; then filefrag -v "$work"/shared/out/*/slides/*.svs | grep -q shared || fail "no blocks are shared"; fi
    python3 "$work/tiles.py" look "$work/made/bench/slide.svs" "$work"/shared/out/*/slides/*.svs || fail "tiles on XFS"
    # A value that stands in a tile's data, where no stream check sees it: found in blocks that nobody wrote.
    known=$(python3 - "$work/shared/in/S24-2.svs" <<'PY'
import os, sys
sys.path.insert(0, os.path.join(os.environ["LETHE_SOURCE"], "tests/cases"))
import struct
from slides_attack import Tiff
data = open(sys.argv[1], "rb").read()
t = Tiff(data)
entries = t.read(t.link)[0]
offset, size = struct.unpack_from("<Q", entries[324][2], 8 * 150)[0], struct.unpack_from("<Q", entries[325][2], 8 * 150)[0]
with open(sys.argv[1], "r+b") as out:
    out.seek(offset + size // 2)
    out.write(b"HOLLOWAY-4711-MARGUERITE")
PY
)
    [ -z "$known" ] || fail "the value cannot be planted"
    mv "$work/shared/in/S24-2.svs" "$work/shared/in/HOLLOWAY-4711-MARGUERITE.svs"
    rm -rf "$work/shared/out" "$work/manifest.jsonl"
    "$LETHE_BIN/lethe" deid "$work/shared/in" -o "$work/shared/out" --key "$work/key" --manifest "$work/manifest.jsonl" --quiet
    [ $? -eq 3 ] || fail "a slide with a known value in a shared block was let go"
    grep -q 'a removed value' "$work/manifest.jsonl" || fail "another reason: $(cat "$work/manifest.jsonl")"
    echo "ok: also with shared blocks"
else
    echo "ok (no file system with reflinks can be mounted here)"
fi
