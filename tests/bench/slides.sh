#!/bin/bash
# Slides: tiles per second beside OpenSlide, and de-identification of one large slide beside cp, all in one run and in turns.
# Usage: tests/bench/slides.sh [BYTES [ROUNDS]]   (default 2000000000 and 2: some four minutes)
# `lethe deid` ends when its output is on the disk, `cp` does not: cp with sync is what compares. The input is in memory (warm) or was given back (cold). Where a
# loop device can be mounted (root), also on XFS, whose files share blocks; where memory has the room, also without any disk.
set -euo pipefail
bytes=${1:-2000000000} rounds=${2:-2}
work=$(mktemp -d "${TMPDIR:-/tmp}/lethe-bench-XXXXXX") mounted='' memory=''
trap 'if [ -n "$mounted" ]; then umount "$mounted"; fi; rm -rf "$work" ${memory:+"$memory"}' EXIT
measure=$LETHE_BIN/bench-measure
head -c 32 /dev/urandom > "$work/key" && chmod 600 "$work/key"
"$LETHE_BIN/lethe-testdata" slide-big --big-file "$bytes" -o "$work/in" --key "$work/answers.jsonl" > /dev/null
slide=$work/in/bench/slide.svs
size=$(stat -c %s "$slide")

echo "== reading tiles of 256 x 256 (JPEG, $((size / 1000000)) MB) =="
"$LETHE_BIN/bench-slides_read" "$slide"

forget() { sync -f "$1" && python3 -c 'import os, sys; os.posix_fadvise(os.open(sys.argv[1], os.O_RDONLY), 0, 0, os.POSIX_FADV_DONTNEED)' "$1"; }
recall() { cat "$1" > /dev/null; }

# once NAME IN-FOLDER HOW COMMAND...: one run with a fresh output in IN-FOLDER/out and nothing left to write back; the best is kept.
once() {
    local name=$1 place=$2 how=$3 now code=0
    shift 3
    rm -rf "$place/out" "$work/manifest.jsonl"
    mkdir "$place/out"
    if [ "$how" = cold ]; then forget "$place/in/bench/slide.svs"; else recall "$place/in/bench/slide.svs"; fi
    sync -f "$place"
    "$measure" "$work/measured" "$@" > "$work/log" 2>&1 || code=$?
    [ "$code" -eq 0 ] || { echo "$name failed ($code)"; tail -3 "$work/log"; exit 1; }
    now=$(cat "$work/measured")
    if [ ! -e "$work/$name" ] || awk "BEGIN { exit !(${now%% *} < $(cut -d' ' -f1 "$work/$name")) }"; then echo "$now" > "$work/$name"; fi
}
# cases PLACE HOW TAG: the candidates on one file system, in turns.
cases() {
    local place=$1 how=$2 tag=$3 in=$1/in/bench/slide.svs out=$1/out deid round
    deid=("$LETHE_BIN/lethe-deid" "$in" -o "$out" --key "$work/key" --jobs 1 --quiet)
    for round in $(seq "$rounds"); do
        once "$tag-cp" "$place" "$how" cp --reflink=never "$in" "$out/slide.svs"
        once "$tag-cp+sync" "$place" "$how" sh -c "cp --reflink=never '$in' '$out/slide.svs' && sync -f '$out/slide.svs'"
        [ "$tag" != warm ] || once "$tag-cp+sha256+sync" "$place" "$how" sh -c "cp --reflink=never '$in' '$out/slide.svs' && sha256sum '$out/slide.svs' && sync -f '$out/slide.svs'"
        once "$tag-lethe-deid" "$place" "$how" "${deid[@]}"
        once "$tag-lethe-deid+manifest" "$place" "$how" "${deid[@]}" --manifest "$work/manifest.jsonl"
    done
    rm -rf "$out"
    for name in cp cp+sync cp+sha256+sync lethe-deid lethe-deid+manifest; do
        [ ! -e "$work/$tag-$name" ] || awk -v n="$name" -v b="$size" -v cp="$(cut -d' ' -f1 "$work/$tag-cp")" -v durable="$(cut -d' ' -f1 "$work/$tag-cp+sync")" \
            '{ printf "%-22s %7.2f s  %6.0f MB/s  processor %5.2f s  peak %5.1f MiB   %5.2f x cp  %5.2f x cp+sync\n", n, $1, b / 1e6 / $1, $2, $3 / 1024, $1 / cp, $1 / durable }' "$work/$tag-$name"
    done
}
echo "load $(cut -d' ' -f1-3 /proc/loadavg), $(nproc) processors; best of $rounds; goal: lethe-deid at most 1.25 x cp"
echo "== $((size / 1000000)) MB on $(df --output=fstype "$work" | tail -1), input in memory =="
cases "$work" warm warm
echo "== the same, input not in memory =="
cases "$work" cold cold

if [ -d /dev/shm ] && [ "$(df --output=avail -B1 /dev/shm | tail -1)" -gt $((5 * size / 2)) ] && [ "$(awk '/MemAvailable/ { printf "%.0f", $2 * 1024 }' /proc/meminfo)" -gt $((4 * size)) ]; then
    memory=$(mktemp -d /dev/shm/lethe-bench-XXXXXX)
    mkdir -p "$memory/in/bench" && cp "$slide" "$memory/in/bench/"
    echo "== in memory (tmpfs): no disk at all =="
    cases "$memory" warm memory
    rm -rf "$memory" && memory=''
fi
if [ "$(id -u)" = 0 ] && command -v mkfs.xfs > /dev/null && truncate -s $((3 * size + 400000000)) "$work/image" && mkfs.xfs -q -m reflink=1 "$work/image" 2> /dev/null &&
    mkdir "$work/xfs" && mount -o loop "$work/image" "$work/xfs" 2> /dev/null; then
    mounted=$work/xfs
    mkdir -p "$mounted/in/bench" && cp "$slide" "$mounted/in/bench/" && sync -f "$mounted"
    echo "== XFS, blocks shared (goal: 0.1 x cp) =="
    cases "$mounted" warm shared
else
    echo "== no XFS can be mounted here: nothing measured on shared blocks =="
fi
