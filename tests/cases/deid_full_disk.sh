#!/bin/bash
# A full disk, in the output or under the manifest: nothing is released that the manifest does not name; killed runs leave nothing hidden; the run repeated
# completes it to the same bytes.
set -u
work=$(mktemp -d)
mounted=
trap '[ -z "$mounted" ] || umount "$work/disk"; rm -rf "$work"' EXIT
lethe="$LETHE_BIN/lethe"
bad=0
fail() { echo "FAILED: $*"; bad=1; }
"$LETHE_BIN/lethe-testdata" ct -o "$work/ct" --count 90 --columns 64 --seed 3 > /dev/null || exit 1
head -c 32 /dev/urandom > "$work/key"; chmod 600 "$work/key"
"$lethe" deid "$work/ct" -o "$work/whole" --key "$work/key" --manifest "$work/whole.jsonl" --quiet > /dev/null || fail "a whole run"
named() { # OUT MANIFEST: each released file stands in the manifest
    find "$1" -type f -name '*.dcm' | while read -r f; do grep -qF "${f#"$1"/}" "$2" || echo "$f"; done
}
hidden() { find "$1" -name '.*' -type f | wc -l; }

# Killed in the middle, several times.
for wait in 0.05 0.12 0.2; do
    rm -rf "$work/k" "$work/k.jsonl"
    "$lethe" deid "$work/ct" -o "$work/k" --key "$work/key" --manifest "$work/k.jsonl" --quiet --jobs 2 > /dev/null 2>&1 &
    pid=$!
    sleep $wait
    children=$(ps -o pid= --ppid $pid)
    kill -9 $pid $children 2> /dev/null
    wait $pid 2> /dev/null
    [ -d "$work/k" ] || continue
    [ "$(hidden "$work/k")" = 0 ] || fail "a killed run leaves hidden files"
    "$lethe" deid "$work/ct" -o "$work/k" --key "$work/key" --manifest "$work/k.jsonl" --quiet > /dev/null || fail "the run repeated"
    diff -r "$work/whole" "$work/k" > /dev/null || fail "the run repeated does not complete it"
    "$lethe" deid verify "$work/k" --manifest "$work/k.jsonl" > /dev/null 2>&1 || fail "verify after a repeated run"
done

# The limit of a file's size stands for a full disk of the manifest: no mount is needed.
mkdir "$work/m"
(ulimit -f 24; trap '' XFSZ; "$lethe" deid "$work/ct" -o "$work/o" --key "$work/key" --manifest "$work/m/m.jsonl" --quiet --jobs 2 > /dev/null 2> "$work/err")
code=$?
[ $code = 1 ] || fail "a manifest that cannot grow: exit $code"
find "$work/o" -name "*.dcm" | grep -q . || fail "some lines were to fit"
[ -z "$(named "$work/o" "$work/m/m.jsonl")" ] || fail "released files that the manifest does not name: $(named "$work/o" "$work/m/m.jsonl" | wc -l)"
[ "$(hidden "$work/o")" = 0 ] || fail "a failed run leaves hidden files"
grep -qF "$work" "$work/err" && fail "a message names a path"

# A real one, where mounting is allowed.
mkdir "$work/disk"
if [ "$(id -u)" = 0 ] && mount -t tmpfs -o size=600k tmpfs "$work/disk" 2> /dev/null; then
    mounted=yes
    "$lethe" deid "$work/ct" -o "$work/disk/out" --key "$work/key" --manifest "$work/disk/m.jsonl" --quiet --jobs 2 > /dev/null 2>&1
    [ $? = 1 ] || fail "a full disk is an error"
    find "$work/disk/out" -name '*.dcm' | grep -q . || fail "the disk was to take some files"
    [ -z "$(named "$work/disk/out" "$work/disk/m.jsonl")" ] || fail "a full disk: released files that the manifest does not name"
    [ "$(hidden "$work/disk/out")" = 0 ] || fail "a full disk leaves hidden files"
    mount -o remount,size=60m "$work/disk"
    "$lethe" deid "$work/ct" -o "$work/disk/out" --key "$work/key" --manifest "$work/disk/m.jsonl" --quiet > /dev/null 2>&1 || fail "the run repeated after a full disk"
    diff -r "$work/whole" "$work/disk/out" > /dev/null || fail "the run repeated after a full disk does not complete it"
    "$lethe" deid verify "$work/disk/out" --manifest "$work/disk/m.jsonl" > /dev/null 2>&1 || fail "verify after a full disk"
else
    echo "note: no tmpfs here; the full disk was the file size limit only"
fi
exit $bad
