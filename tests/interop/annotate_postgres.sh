#!/bin/bash
# Four annotators at once on a real PostgreSQL server; a blind reader tries to peek by SQL.
set -eu
work=$(mktemp -d)
chmod 711 "$work"
source_dir="$LETHE_SOURCE"
code=0
url=$("$source_dir/tests/support/postgres.sh" start "$work/pg") || code=$?
[ $code -ne 77 ] || { rm -rf "$work"; exit 77; }
trap '"$source_dir/tests/support/postgres.sh" stop "$work/pg"; rm -rf "$work"' EXIT
[ $code -eq 0 ] || { echo "PostgreSQL does not start"; exit 1; }
lethe="$LETHE_BIN/lethe"
fail() { echo "FAILED: $*" >&2; exit 1; }
as() { echo "${url/user=postgres/user=$1}"; }
sql() { psql -X -q -A -t -v ON_ERROR_STOP=1 "$(as "$1")" -c "SET search_path = lethe_released; $2"; }

"$lethe" init "$work/org" --store "$url" >/dev/null
org() { "$lethe" annotate -C "$work/org" "$@"; }
org status --json | grep -q '"user":"postgres","role":"organiser"' || fail "the one who made the tables is the organiser"
for i in 1 2 3 4 5 6 7 8; do
    sql postgres "INSERT INTO entry VALUES('P-$i/$i.dcm','dicom','P-$i','2.25.$i','2.25.1$i','2.25.2$i','MG','','','','','','','','','','','',1,1,64,80,1,'')"
done
cat >"$work/s.yaml" <<'YAML'
schema: demo
version: 1
labels:
  - {name: mass, level: region, geometries: [box]}
  - {name: birads, level: image, answer: ordinal, options: [{value: "1"}, {value: "2"}, {value: "3"}, {value: "4"}, {value: "5"}]}
YAML
org schema install "$work/s.yaml" >/dev/null
for name in anne bert carl dora; do org user add $name; done
org user add judge --role adjudicator
org task create --readers anne,bert,carl,dora --batch one | grep -q '32 tasks' || fail "tasks"
org task create --readers anne,bert --honeypots 2.25.8 --batch pots >/dev/null || fail "honeypots"

# All four at once, each with a project folder of their own that points at the same store.
for name in anne bert carl dora; do
    mkdir -p "$work/$name/released" "$work/$name/private"
    sed "s#user=postgres#user=$name#" "$work/org/project.yaml" >"$work/$name/project.yaml"
    {
        echo "image,birads"
        for i in 1 2 3 4 5 6 7 8; do echo "2.25.2$i,$(((i + ${#name} + $(printf '%d' "'$name")) % 5 + 1))"; done
    } >"$work/$name.csv"
    "$lethe" annotate -C "$work/$name" import csv "$work/$name.csv" >"$work/$name.out" 2>&1 &
    pids="${pids:-} $!"
done
for pid in $pids; do wait "$pid" || fail "an annotator failed: $(cat "$work"/*.out)"; done
[ "$(sql postgres 'SELECT COUNT(*) FROM annotation')" = 32 ] || fail "not every label arrived"
[ "$(sql postgres 'SELECT COUNT(DISTINCT author) FROM annotation_revision')" = 4 ] || fail "authors"

# Through the program and through SQL, a reader has their own eight labels and nothing else.
[ "$("$lethe" annotate -C "$work/anne" show | wc -l)" = 8 ] || fail "show"
for table in annotation annotation_revision target; do
    [ "$(sql anne "SELECT COUNT(*) FROM $table")" = 8 ] || fail "anne sees others' rows of $table"
done
[ "$(sql anne "SELECT COUNT(*) FROM annotation WHERE author <> 'anne'")" = 0 ] || fail "anne sees others' labels"
[ "$(sql anne "SELECT COUNT(*) FROM task WHERE reader <> 'anne'")" = 0 ] || fail "anne sees others' tasks"
denied() { ! sql anne "$1" >"$work/peek" 2>&1 || fail "a reader may: $1"; }
denied "SELECT kind FROM task"
denied "SELECT * FROM account"
denied "SELECT * FROM snapshot_item"
denied "INSERT INTO annotation (target, author, task, head, deleted, shared, origin) VALUES (1, 'bert', 0, 0, 0, 0, 0)"
denied "INSERT INTO annotation (target, author, task, head, deleted, shared, origin) VALUES (1, 'anne', 0, 0, 0, 1, 0)"
denied "DELETE FROM annotation_revision"
denied "UPDATE annotation_revision SET value = '5'"
denied "UPDATE annotation SET author = 'anne'"
denied "ALTER TABLE annotation DISABLE ROW LEVEL SECURITY"
denied "SET ROLE bert; SELECT 1"
denied "CREATE FUNCTION leak(text) RETURNS boolean LANGUAGE sql AS 'SELECT true'"
denied "SELECT * FROM pg_authid"
[ "$(sql anne "UPDATE annotation SET deleted = 1 WHERE author = 'bert' RETURNING id")" = "" ] || fail "anne deletes Bert's label"
# An error in an expression must not give away a hidden value either.
! sql anne "SELECT CAST(value AS INTEGER) / (CASE WHEN author = 'bert' THEN 0 ELSE 1 END) FROM annotation_revision" 2>&1 | grep -q 'zero' || fail "a predicate runs on hidden rows"
# The owner of the tables cannot rewrite history through SQL either.
! sql postgres "UPDATE annotation_revision SET value = '5'" >/dev/null 2>&1 || fail "history was rewritten"

# Others see what their role allows.
[ "$(sql judge "SELECT COUNT(*) FROM annotation")" = 32 ] || fail "the adjudicator sees everybody's labels"
sed "s#user=postgres#user=nobody#" "$work/org/project.yaml" >"$work/anne/project.yaml"
! "$lethe" annotate -C "$work/anne" status >/dev/null 2>&1 || fail "a stranger gets in"

# A snapshot of all, exported twice by the organiser.
"$lethe" snapshot -C "$work/org" create s1 | grep -q '32 annotations' || fail "snapshot"
"$lethe" export -C "$work/org" --snapshot s1 --format csv,coco -o "$work/x" >/dev/null
"$lethe" export -C "$work/org" --snapshot s1 --format csv,coco -o "$work/y" >/dev/null
diff -r "$work/x" "$work/y" || fail "exports differ"
echo ok
