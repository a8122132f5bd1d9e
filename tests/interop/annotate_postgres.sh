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
# A reader chooses no number: a conflict would tell that it is taken. Nor does a new annotation point at somebody's revision.
denied "INSERT INTO annotation (id, target, author, task, head, deleted, shared, origin) SELECT 5, target, 'anne', task, 0, 0, 0, 0 FROM annotation LIMIT 1"
denied "INSERT INTO annotation_revision (id, annotation, previous, action, undoes, author, at_us, level, label, value, form, tool, source, spent_ms, deleted) SELECT 5, id, 9, 1, 0, 'anne', 0, 1, 'birads', '3', '', '', '', 0, 0 FROM annotation LIMIT 1"
denied "INSERT INTO annotation (target, author, task, head, deleted, shared, origin) SELECT target, 'anne', task, head, 0, 0, 0 FROM annotation LIMIT 1"
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
# Functions of one's own see no hidden rows, whatever they cost.
sql anne "CREATE FUNCTION pg_temp.tell(text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS \$f\$ BEGIN RAISE NOTICE 'seen %', \$1; RETURN true; END \$f\$; SELECT COUNT(*) FROM annotation_revision WHERE pg_temp.tell(author || value)" >"$work/told" 2>&1
[ "$(grep -c 'seen anne' "$work/told")" = 8 ] && ! grep -q 'seen \(bert\|carl\|dora\)' "$work/told" || fail "a function of a reader's own: $(cat "$work/told")"
[ "$(sql anne "COPY (SELECT * FROM annotation_revision) TO STDOUT" | wc -l)" = 8 ] || fail "COPY"
# Numbers tell nothing: no sequence may be read or moved, a target's number is a hash of its name, labelled by others or not.
for sequence in annotation_id_seq annotation_revision_id_seq target_no_seq task_id_seq task_event_id_seq named_state_id_seq snapshot_id_seq; do
    denied "SELECT nextval('$sequence')"
    denied "SELECT last_value FROM $sequence"
done
sql postgres "INSERT INTO entry VALUES('P-9/9.dcm','dicom','P-9','2.25.9','2.25.19','2.25.29','MG','','','','','','','','','','','',1,1,64,80,1,'')"
for i in 3 9; do
    [ "$(sql anne "SELECT target_number('P-$i', '2.25.$i', '2.25.1$i', '2.25.2$i') = (hashtextextended('P-$i|2.25.$i|2.25.1$i|2.25.2$i', 0) & 9223372036854775807)")" = t ] || fail "the number of target $i"
done
denied "SELECT target_number('P-77', '', '', '')"
# Statistics: none of what was said, and none to be seen.
sql postgres "ANALYZE" >/dev/null
[ "$(sql postgres "SELECT COUNT(*) FROM pg_stats WHERE schemaname = 'lethe_released' AND tablename = 'annotation_revision' AND attname IN ('value', 'author', 'label', 'form')")" = 0 ] || fail "statistics of what was said"
[ "$(sql anne "SELECT COUNT(*) FROM pg_stats WHERE schemaname = 'lethe_released' AND tablename LIKE 'annotation%'")" = 0 ] || fail "anne sees statistics"
denied "SELECT * FROM pg_statistic"
a=$(sql anne "EXPLAIN SELECT * FROM annotation_revision WHERE value = '1'"); b=$(sql anne "EXPLAIN SELECT * FROM annotation_revision WHERE value = 'never given'")
[ "$(echo "$a" | sed "s/'[^']*'//g")" = "$(echo "$b" | sed "s/'[^']*'//g")" ] || fail "EXPLAIN tells how often a value was given"
# Nor can a reader bend history: another's revision as one's own, another time, a closed task.
other=$(sql postgres "SELECT head FROM annotation WHERE author = 'bert' LIMIT 1"); mine=$(sql postgres "SELECT id FROM annotation WHERE author = 'anne' ORDER BY id LIMIT 1")
denied "UPDATE annotation SET head = $other WHERE id = $mine"
denied "UPDATE annotation SET deleted = 1 WHERE id = $mine"
denied "INSERT INTO annotation_revision (annotation, previous, action, undoes, author, at_us, level, label, value, form, tool, source, spent_ms, deleted) VALUES ($mine, 7, 1, 0, 'bert', 0, 1, 'birads', '3', '', '', '', 0, 0)"
forge="INSERT INTO annotation_revision (annotation, previous, action, undoes, author, at_us, level, label, value, form, tool, source, spent_ms, deleted) VALUES ($mine, PREVIOUS, 1, 0, 'anne', 12345, 1, 'birads', '3', '', '', '', 0, 0)"
sql anne "${forge/PREVIOUS/1}"
[ "$(sql postgres "SELECT COUNT(*) FROM annotation_revision WHERE at_us = 12345")" = 0 ] || fail "a revision was dated back"
task=$(sql postgres "SELECT task FROM annotation WHERE id = $mine")
sql anne "UPDATE task SET state = 2 WHERE id = $task"
denied "${forge/PREVIOUS/2}"
denied "UPDATE task SET state = 1 WHERE id = $task"
denied "INSERT INTO annotation (target, author, task, head, deleted, shared, origin) SELECT target, 'anne', 0, 0, 0, 0, 0 FROM annotation WHERE id = $mine"
denied "INSERT INTO annotation (target, author, task, head, deleted, shared, origin) SELECT a.target, 'anne', t, 0, 0, 0, 0 FROM annotation a, generate_series(1, 40) t WHERE a.id = $mine AND t NOT IN (SELECT id FROM task)"
[ "$(sql anne 'SELECT COUNT(*) FROM annotation_plane')" = 0 ] || fail "planes of others"
sql postgres "UPDATE task SET state = 1 WHERE id = $task"
# The owner of the tables cannot rewrite history through SQL either.
! sql postgres "UPDATE annotation_revision SET value = '5'" >/dev/null 2>&1 || fail "history was rewritten"

# Others see what their role allows.
[ "$(sql judge "SELECT COUNT(*) FROM annotation")" = 32 ] || fail "the adjudicator sees everybody's labels"
sed "s#user=postgres#user=nobody#" "$work/org/project.yaml" >"$work/anne/project.yaml"
! "$lethe" annotate -C "$work/anne" status >/dev/null 2>&1 || fail "a stranger gets in"

# With passwords: the server keeps a verifier, the right password opens, a wrong one does not.
printf 'correct horse 1\n' >"$work/secret"; printf 'short\n' >"$work/short"; printf 'correct horse 2\n' >"$work/wrong"
! org user password anne --password-file "$work/short" 2>/dev/null || fail "a short password"
org user password anne --password-file "$work/secret" || fail "setting a password"
sql postgres "SELECT rolpassword FROM pg_authid WHERE rolname = 'anne'" | grep -q '^SCRAM-SHA-256\$4096:' || fail "no verifier"
printf 'local all postgres trust\nlocal all all scram-sha-256\n' >"$work/pg/data/pg_hba.conf"
sql postgres "SELECT pg_reload_conf()" >/dev/null; sleep 0.3
sed "s#user=postgres#user=anne#" "$work/org/project.yaml" >"$work/anne/project.yaml"
PGPASSWORD=$(cat "$work/secret") "$lethe" annotate -C "$work/anne" status >/dev/null || fail "the right password"
! PGPASSWORD=$(cat "$work/wrong") "$lethe" annotate -C "$work/anne" status >/dev/null 2>&1 || fail "a wrong password"
! "$lethe" annotate -C "$work/anne" status >/dev/null 2>&1 </dev/null || fail "no password"
! PGPASSWORD=x "$lethe" annotate -C "$work/bert" status >/dev/null 2>&1 || fail "a user without a password"
! PGPASSWORD=$(cat "$work/secret") "$lethe" annotate -C "$work/anne" user password judge --password-file "$work/secret" 2>/dev/null || fail "a reader sets passwords"
! PGPASSWORD=$(cat "$work/secret") "$lethe" export -C "$work/anne" --snapshot 1 --format csv -o "$work/peeked" >/dev/null 2>&1 || fail "a reader exports"
! PGPASSWORD=$(cat "$work/secret") "$lethe" annotate -C "$work/anne" agree >/dev/null 2>&1 || fail "a reader sees agreement"

# Rows that say nothing do not stand in the way of a snapshot, whoever put them there.
sql postgres "INSERT INTO annotation (target, author, task, head, deleted, shared, origin) SELECT target, author, task, 0, 0, 0, 0 FROM annotation WHERE author = 'carl' LIMIT 2"
# A snapshot of all, exported twice by the organiser.
"$lethe" snapshot -C "$work/org" create s1 | grep -q '32 annotations' || fail "snapshot"
"$lethe" export -C "$work/org" --snapshot s1 --format csv,coco -o "$work/x" >/dev/null
"$lethe" export -C "$work/org" --snapshot s1 --format csv,coco -o "$work/y" >/dev/null
diff -r "$work/x" "$work/y" || fail "exports differ"
# The store's numbers are clocks above 2^53; what leaves it survives a reader whose numbers are doubles, as JavaScript's are.
/usr/bin/python3 - "$work/x" <<'PY' || fail "numbers of the export"
import csv, sys
rows = list(csv.DictReader(open(sys.argv[1] + "/labels_long.csv")))
assert sorted(int(r["annotation"]) for r in rows) == list(range(1, 33)), "not 1 to 32"
assert len({r["revision"] for r in rows}) == 32
try: float(rows[0]["revision"]); raise SystemExit("a revision reads as a number")
except ValueError: pass
PY
"$lethe" annotate -C "$work/org" show | /usr/bin/python3 -c '
import json, sys
exact = [json.loads(line) for line in sys.stdin]
assert len(exact) == 32 and all(isinstance(a[k], str) and int(a[k]) > 2 ** 53 for a in exact for k in ("annotation", "revision"))' || fail "numbers of show"
echo ok
