#!/bin/bash
# Frame times of the viewer on an invented CT stack (and a slide, when ./dev demo has made one), in software and, with a display and a GPU, on the GPU.
set -eu
work=$(mktemp -d)
xvfb=
trap '[ -n "$xvfb" ] && kill $xvfb 2> /dev/null; rm -rf "$work"' EXIT
"$LETHE_BIN/lethe-testdata" ct -o "$work/ct" --count 60 --columns 512 --one-series > /dev/null 2>&1 || "$LETHE_BIN/lethe-testdata" ct -o "$work/ct" --count 60 > /dev/null
"$LETHE_BIN/lethe" init "$work/project" > /dev/null
"$LETHE_BIN/lethe" ingest add -C "$work/project" "$work/ct" > /dev/null 2>&1
"$LETHE_BIN/lethe" deid -C "$work/project" > /dev/null 2>&1 || true
if [ -n "${DISPLAY:-}" ]; then
    echo "--- on the display of this desktop"
    "$LETHE_BIN/lethe" view -C "$work/project" --size 1280x800 --bench
fi
mkfifo "$work/number"
Xvfb -displayfd 3 -screen 0 1600x1100x24 -nolisten tcp 3> "$work/number" 2> /dev/null &
xvfb=$!
read -r number < "$work/number"
echo "--- llvmpipe under Xvfb"
DISPLAY=:$number LIBGL_ALWAYS_SOFTWARE=1 "$LETHE_BIN/lethe" view -C "$work/project" --size 1280x800 --bench
