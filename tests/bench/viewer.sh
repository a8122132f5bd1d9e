#!/bin/bash
# Frame times of the viewer: an invented CT stack, a slide with 150,000 annotations (OBJECTS), a series of 10,000 files (SLICES); in software and, with a display, on that display. Below three
# minutes on a calm machine.
set -eu
objects=${OBJECTS:-150000} slices=${SLICES:-10000}
work=$(mktemp -d)
xvfb=
trap '[ -n "$xvfb" ] && kill $xvfb 2> /dev/null; rm -rf "$work"' EXIT
export XDG_STATE_HOME=$work/state
"$LETHE_BIN/lethe-testdata" ct -o "$work/ct" --count 60 --columns 512 --one-series > /dev/null 2>&1 || "$LETHE_BIN/lethe-testdata" ct -o "$work/ct" --count 60 > /dev/null
"$LETHE_BIN/lethe" init "$work/project" > /dev/null
"$LETHE_BIN/lethe" ingest add -C "$work/project" "$work/ct" > /dev/null 2>&1
"$LETHE_BIN/lethe" deid -C "$work/project" > /dev/null 2>&1 || true
slide=
if [ -x "$LETHE_BIN/viewer_phantom" ] && /usr/bin/python3 -c 'import PIL' 2> /dev/null; then
    /usr/bin/python3 "$LETHE_SOURCE/tests/support/viewer_slide.py" "$work/slide.tif" 30000 22000 6 > /dev/null
    "$LETHE_BIN/viewer_phantom" "$work/phantom" "$work/slide.tif" "objects:slide.tif:$objects" "slices:$slices" > /dev/null
    slide=P-PHANTOM/slides/slide.tif
else
    echo "no slide and no long series: viewer_phantom or python3-pil is missing"
fi
view() { "$LETHE_BIN/lethe" view --size 1280x800 --bench "$@"; }
all() {
    echo "--- $1: stack of 60 CT slices of 512 x 512"
    view -C "$work/project"
    [ -n "$slide" ] || return 0
    echo "--- $1: slide of 30,000 x 22,000 with $objects annotations"
    view -C "$work/phantom" "$slide"
    echo "--- $1: series of $slices files"
    view -C "$work/phantom" 1.2.3.10
}
if [ -n "${DISPLAY:-}" ]; then all "on the display of this desktop"; fi
mkfifo "$work/number"
Xvfb -displayfd 3 -screen 0 1600x1100x24 -nolisten tcp 3> "$work/number" 2> /dev/null &
xvfb=$!
read -r number < "$work/number"
export DISPLAY=:$number LIBGL_ALWAYS_SOFTWARE=1
all "llvmpipe under Xvfb"
