#!/bin/bash
# Memory of the viewer on what is large: a series of 10,000 slices gone through three times, and a slide of more than 4 GB gone over at all magnifications. What is resident
# must not grow from pass to pass, and stays under 1.5 GiB. Needs about 8 GB of disk below $TMPDIR. SLICES and SLIDE (WIDTHxHEIGHT) change the sizes.
set -u
. "$LETHE_SOURCE/tests/interop/viewer_display.inc"
slices=${SLICES:-10000}
slide=${SLIDE:-40000x34000}
/usr/bin/python3 "$LETHE_SOURCE/tests/support/viewer_slide.py" "$work/large.tif" "${slide%x*}" "${slide#*x}" 7 --raw --unique || exit 1
echo "slide: $(stat -c %s "$work/large.tif") bytes; $slices slices"
"$LETHE_BIN/viewer_phantom" "$work/project" "$work/large.tif" "slices:$slices" || exit 1
rm "$work/large.tif"
{
    printf 'wait-idle\nopen 1.2.3.10\nwait-idle\nassert-state view.slices=%d\nprint first-image-ms\n' "$slices"
    for pass in 1 2 3; do
        echo 'key Home'
        for i in $(seq $((slices / 10))); do
            echo 'key PageDown'
            [ $((i % 50)) -eq 0 ] && echo 'wait-idle'
        done
        printf 'wait-idle\nassert-state view.slice=%d\nprint rss-mib\n' "$slices"
    done
    echo 'assert-state gl-errors=0'
} > "$work/scroll.in"
{
    printf 'wait-idle\nopen P-PHANTOM/slides/large.tif\nwait-idle\nprint first-image-ms\n'
    for pass in 1 2 3; do
        for zoom in 0.03 0.1 0.3 1; do
            echo "set zoom $zoom"
            for i in $(seq 60); do printf 'set look %d,%d\nwait-idle\n' $((${slide%x*} * (i * 37 % 100) / 100)) $((${slide#*x} * (i * 61 % 100) / 100)); done
        done
        echo 'print rss-mib'
    done
    echo 'assert-state gl-errors=0'
} > "$work/slide.in"
bad=0
for what in scroll slide; do
    timeout 3600 "$LETHE_BIN/lethe" view -C "$work/project" --size 1280x800 --script "$work/$what.in" > "$work/$what.out" 2>&1 || { cat "$work/$what.out"; echo "FAILED: $what"; exit 1; }
    mapfile -t mib < <(sed -n 's/^rss-mib=//p' "$work/$what.out")
    echo "$what: $(grep first-image "$work/$what.out"), resident after each pass: ${mib[*]} MiB"
    awk -v a="${mib[0]}" -v c="${mib[2]}" 'BEGIN { exit !(c < 1536 && c < a * 1.05 + 16) }' || { echo "FAILED: $what grows or is too large"; bad=1; }
done
exit $bad
