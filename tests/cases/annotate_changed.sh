#!/bin/bash
# A redaction that is made again after images were labelled: the annotators are told, a frozen snapshot no longer verifies, an export refuses until
# somebody says that this is fine; a snapshot that is frozen afterwards is whole. What was not touched is not named.
set -eu
lethe=$LETHE_BIN/lethe
work=$(mktemp -d)
store=()
leave() {
    [ ${#store[@]} -eq 0 ] || "$LETHE_SOURCE/tests/support/postgres.sh" stop "$work/pg"
    rm -rf "$work"
}
trap leave EXIT
fail() { echo "FAILED: $*"; exit 1; }
if [ "${LETHE_TEST_STORE:-}" = postgresql ]; then
    chmod 755 "$work"
    code=0
    url=$("$LETHE_SOURCE/tests/support/postgres.sh" start "$work/pg") || code=$?
    [ $code -eq 0 ] || exit $code
    store=(--store "$url")
fi
expect() { local want=$1 code=0; shift; "$@" >"$work/said" 2>"$work/err" || code=$?; [ "$code" -eq "$want" ] || { cat "$work/said" "$work/err"; fail "exit $code, wanted $want: $*"; }; }
p=$work/p
"$lethe" init "$p" ${store[@]+"${store[@]}"} >/dev/null
"$LETHE_BIN/lethe-testdata" burned-in -o "$work/in" --count 6 --size small --seed 3 >/dev/null
expect 0 "$lethe" ingest add -C "$p" "$work/in"
expect 4 "$lethe" deid -C "$p" --jobs 1
expect 0 "$lethe" review -C "$p" list
mapfile -t ids < <(awk '{print $1}' "$work/said")
for id in "${ids[@]:0:3}"; do expect 0 "$lethe" review -C "$p" approve "$id" --later; done
expect 0 "$lethe" review -C "$p" run --jobs 1
# In the order of their sources: names of outputs depend on the key, and not every picture has something where the box will be.
mapfile -t images < <(python3 -c 'import json, sys
rows = {row["source"]: row["output"] for row in map(json.loads, open(sys.argv[1])) if row["outcome"] == "released"}
print("\n".join(rows[source] for source in sorted(rows)))' "$p/private/manifest.jsonl")
[ "$(find "$p/released" -name '*.dcm' | wc -l)" -eq ${#images[@]} ] || fail "the manifest tells of other images than are released"
[ ${#images[@]} -ge 2 ] || fail "only ${#images[@]} are released"

cat >"$work/s.yaml" <<'YAML'
schema: demo
version: 1
labels:
  - {name: quality, level: image, answer: ordinal, options: [{value: poor}, {value: good}]}
YAML
expect 0 "$lethe" annotate -C "$p" schema install "$work/s.yaml"
{ echo image,quality; for i in 0 1; do echo "$(basename "${images[$i]}" .dcm),good"; done; } >"$work/labels.csv"
expect 0 "$lethe" annotate -C "$p" import csv "$work/labels.csv"
expect 0 "$lethe" snapshot -C "$p" create one
expect 0 "$lethe" snapshot -C "$p" verify one
expect 0 "$lethe" annotate -C "$p" changed
[ ! -s "$work/said" ] || fail "something changed before anything was made again"
expect 0 "$lethe" export -C "$p" --snapshot one --format csv -o "$work/e0"

before=$(sha256sum <"$p/released/${images[0]}")
expect 0 "$lethe" review -C "$p" mask "${images[0]}" 3,4,40,20
[ "$(sha256sum <"$p/released/${images[0]}")" != "$before" ] || fail "the released file was not made again"
expect 0 "$lethe" annotate -C "$p" changed --json
grep -q "${images[0]}.*\"annotations\":1" "$work/said" || fail "the changed image is not told: $(cat "$work/said")"
[ "$(wc -l <"$work/said")" -eq 1 ] || fail "more than one image is named: $(cat "$work/said")"
expect 0 "$lethe" annotate -C "$p" status --json
grep -q '"images_changed":1' "$work/said" || fail "status does not count it"
expect 1 "$lethe" snapshot -C "$p" verify one
grep -q "${images[0]}" "$work/said" || fail "verification does not name the image"
expect 2 "$lethe" export -C "$p" --snapshot one --format csv -o "$work/e1"
grep -q 'changed-images' "$work/err" || fail "the refusal says nothing"
[ ! -e "$work/e1/annotations.csv" ] || fail "something was exported"
expect 0 "$lethe" export -C "$p" --snapshot one --format csv --package --changed-images -o "$work/e2"
grep -q '1 images were made again' "$work/e2/README.md" || fail "the package does not tell"
# Labels are about places: they are what they were.
cmp "$work/e0/labels_wide.csv" "$(find "$work/e2" -name labels_wide.csv)" || fail "the labels are not what they were"
expect 0 "$lethe" snapshot -C "$p" create two
expect 0 "$lethe" snapshot -C "$p" verify two
expect 0 "$lethe" export -C "$p" --snapshot two --format csv -o "$work/e3"

# Made again with the same result: nothing new.
expect 0 "$lethe" review -C "$p" mask "${images[0]}" 3,4,40,20
expect 0 "$lethe" snapshot -C "$p" verify two
echo "one of ${#images[@]} images was made again, and only that one is told"
