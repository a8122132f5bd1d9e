#!/bin/bash
# kill -9 while labels are written: what was acknowledged is there, with history and place; the store is sound and goes on.
set -eu
lethe="$LETHE_BIN/lethe"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "FAILED: $*" >&2; exit 1; }
p="$work/p"
"$lethe" init "$p" >/dev/null
"$lethe" annotate -C "$p" status >/dev/null
for i in $(seq 1 200); do echo "INSERT INTO entry VALUES('P-$i/$i.dcm','dicom','P-$i','2.25.$i','2.25.1$i','2.25.2$i','MG','','','','','','','','','','','',1,1,64,80,1,'');"; done | sqlite3 "$p/released/catalogue.db"
acknowledged=0 killed=0
: >"$work/acknowledged"
for round in $(seq 1 12); do
    before=$(wc -l <"$work/acknowledged")
    # One writer, one label a transaction; each is acknowledged by a line only after its command returned. A second writer takes 500 at once.
    setsid bash -c 'for i in $(seq 1 200); do
        printf "image,label,value\n2.25.2$i,round'"$round"',$i\n" >"'"$work"'/one.$$.csv"
        "'"$lethe"'" annotate -C "'"$p"'" import csv "'"$work"'/one.$$.csv" >/dev/null && echo "round'"$round"' 2.25.2$i" >>"'"$work"'/acknowledged"
    done' &
    one=$!
    {
        echo "image,label,value"
        for i in $(seq 1 200); do echo "2.25.2$i,bulk$round,$i"; done
    } >"$work/bulk.csv"
    setsid bash -c '"'"$lethe"'" annotate -C "'"$p"'" import csv "'"$work"'/bulk.csv" >/dev/null && echo "bulk'"$round"'" >>"'"$work"'/bulks"' &
    two=$!
    # Every second round ends at any moment, the others after one more label was acknowledged.
    if [ $((round % 2)) = 0 ]; then
        for _ in $(seq 600); do [ "$(wc -l <"$work/acknowledged")" -gt "$before" ] && break; sleep 0.1; done
    fi
    sleep "0.$((RANDOM % 4 + 1))"
    kill -9 -- "-$one" "-$two" 2>/dev/null && killed=$((killed + 1))
    wait "$one" "$two" 2>/dev/null || true
done
[ "$killed" -ge 6 ] || fail "only $killed rounds were killed in time"
touch "$work/bulks"
acknowledged=$(wc -l <"$work/acknowledged")
[ "$acknowledged" -ge 5 ] || fail "only $acknowledged labels were acknowledged: nothing was tried"
sqlite3 "$p/released/catalogue.db" "PRAGMA integrity_check" | grep -qx ok || fail "the database is damaged"
"$lethe" annotate -C "$p" show >"$work/shown" || fail "the store does not open"
/usr/bin/python3 - "$work" <<'PY' || fail "labels"
import collections, json, sys
work = sys.argv[1]
rows = [json.loads(line) for line in open(work + "/shown")]
there = collections.Counter((r["label"], r["image"]) for r in rows)
for line in open(work + "/acknowledged"):
    label, image = line.split()
    assert there[label, image] >= 1, f"lost: {line}"
bulks = collections.Counter(r["label"] for r in rows if r["label"].startswith("bulk"))
assert set(bulks.values()) <= {200}, f"half of an import is there: {bulks}"
for line in open(work + "/bulks"): assert bulks[line.strip()] == 200, line
assert all(n == 1 for n in there.values()), "something is there twice"
PY
orphans=$(sqlite3 "$p/released/catalogue.db" "SELECT (SELECT COUNT(*) FROM annotation a WHERE NOT EXISTS (SELECT 1 FROM annotation_revision r WHERE r.id = a.head)) + (SELECT COUNT(*) FROM annotation_revision r WHERE NOT EXISTS (SELECT 1 FROM annotation a WHERE a.id = r.annotation))")
[ "$orphans" = 0 ] || fail "$orphans annotations or revisions stand alone"
printf 'image,label,value\n2.25.21,after,1\n' >"$work/after.csv"
"$lethe" annotate -C "$p" import csv "$work/after.csv" >/dev/null || fail "the store does not go on"
echo "ok: $acknowledged acknowledged, $killed kills"
