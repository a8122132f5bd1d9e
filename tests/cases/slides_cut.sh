#!/bin/bash
# Slides that end too early: each format cut off at every sixty-fourth of its length. Never a crash, never a release with a value that was planted.
set -u
: "${LETHE_BIN:?}" "${LETHE_SOURCE:?}"
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
fail() { echo "FAIL: $*"; exit 1; }
head -c 32 /dev/urandom > "$work/key" && chmod 600 "$work/key"
"$LETHE_BIN/lethe-testdata" slides --size small -o "$work/in" --key "$work/answers.jsonl" > /dev/null || fail "generator"
mkdir "$work/cut"
for file in "$work"/in/slides/*; do
    [ -f "$file" ] || continue
    case $file in *.mrxs) continue ;; esac
    size=$(stat -c %s "$file") name=$(basename "$file")
    for part in $(seq 1 "${LETHE_CUTS:-1}" 63); do head -c $((size * part / 64)) "$file" > "$work/cut/$part-$name"; done
done
mrxs=$(basename "$work"/in/slides/*.mrxs .mrxs)
for part in 1 20 40 63; do
    for inner in Slidedat.ini Index.dat Data0001.dat; do
        cp -r "$work/in/slides/$mrxs" "$work/cut/m$part$inner" && cp "$work/in/slides/$mrxs.mrxs" "$work/cut/m$part$inner.mrxs"
        truncate -s $(($(stat -c %s "$work/in/slides/$mrxs/$inner") * part / 64)) "$work/cut/m$part$inner/$inner"
    done
done
"$LETHE_BIN/lethe" deid "$work/cut" -o "$work/out" --key "$work/key" --manifest "$work/manifest.jsonl" --quiet
[ $? -eq 3 ] || fail "exit code is not 3"
python3 - "$work/manifest.jsonl" <<'PY' || exit 1
import collections, json, sys
rows = list(map(json.loads, open(sys.argv[1])))
bad = [(row["source"], row["reason"]) for row in rows if row["outcome"] == "quarantined" and ("crash" in row["reason"] or "died" in row["reason"] or "signal" in row["reason"])]
if bad or len(rows) < 80:
    sys.exit(f"FAIL: {len(rows)} rows; crashed: {bad[:5]}")
print(dict(collections.Counter(row["outcome"] for row in rows)))
PY
[ -d "$work/out" ] && [ -n "$(find "$work/out" -type f)" ] && { python3 "$LETHE_SOURCE/tests/cases/slides_scan.py" "$work/answers.jsonl" "$work/out" || fail "a cut slide leaked"; }
echo "ok"
