#!/bin/bash
# Slides that are broken at the borders of their structure (slides_broken.py): every one is accounted for, none makes a worker crash or hang, none that ends early or leads
# out of its folder is released, no planted value comes out, and no reason names anything.
set -u
: "${LETHE_BIN:?}" "${LETHE_SOURCE:?}"
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
fail() { echo "FAIL: $*"; exit 1; }
head -c 32 /dev/urandom > "$work/key" && chmod 600 "$work/key"
"$LETHE_BIN/lethe-testdata" slides --size small -o "$work/in" --key "$work/answers.jsonl" > /dev/null || fail "generator"
rm "$(ls "$work"/in/slides/*.svs | tail -1)" # one of the two kinds is enough
made=$(python3 "$LETHE_SOURCE/tests/cases/slides_broken.py" "$work/in/slides" "$work/bad") || fail "the breaking itself: $made"
"$LETHE_BIN/lethe" deid "$work/bad" -o "$work/out" --key "$work/key" --manifest "$work/manifest.jsonl" --quiet
[ $? -eq 3 ] || fail "exit code is not 3"
PYTHONPATH=$LETHE_SOURCE/tests/cases python3 - "$work" "$made" <<'PY' || exit 1
import collections, json, os, sys
from slides_scan import spellings
work, made = sys.argv[1], int(sys.argv[2])
rows = list(map(json.loads, open(f"{work}/manifest.jsonl")))
secrets = {str(v) for row in map(json.loads, open(f"{work}/answers.jsonl")) for v in row.values() if isinstance(v, str) and len(v) > 5 and " " in v}
if len({row["source"] for row in rows}) < made:
    sys.exit(f"FAIL: {len(rows)} of {made} broken slides are in the manifest")
for row in rows:
    what, reason = os.path.basename(row["source"]).split("_")[0], row["reason"] or ""
    if row["outcome"] != "released" and not reason:
        sys.exit(f"FAIL: {row['source']} has no reason")
    if any(word in reason for word in ("crashed", "ran out of time", "longer than", "/")) or any(s in reason for s in secrets):
        sys.exit(f"FAIL: {row['source']}: {reason}")
    # In some formats the first directory is the macro, which goes anyway.
    level_first = row["source"].endswith((".svs", ".tif"))
    if row["outcome"] == "released" and (what in ("cut", "tiny") or (level_first and what in ("overlap", "beyond"))):
        sys.exit(f"FAIL: {row['source']} was released")
print(dict(collections.Counter(row["outcome"] for row in rows)))
PY
passwd=$(head -1 /etc/passwd)
grep -rqaF "$passwd" "$work/out" && fail "a file from outside came out"
echo "ok: $made broken slides"
