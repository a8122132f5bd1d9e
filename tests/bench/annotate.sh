#!/bin/bash
# The annotation store at size: N annotations (10 million unless ANNOTATIONS says otherwise) on N/40 images, put in by SQL; then one case is read, changed
# and undone through the program. A process starts and opens the store each time; that time is measured too, on an empty store.
set -eu
lethe="$LETHE_BIN/lethe"
count=${ANNOTATIONS:-10000000}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$lethe" init "$work/p" >/dev/null
"$lethe" init "$work/empty" >/dev/null
"$lethe" annotate -C "$work/p" status >/dev/null
"$lethe" annotate -C "$work/empty" status >/dev/null
store="$work/p/released/catalogue.db"
echo "making $count annotations ..."
sqlite3 "$store" <<SQL
PRAGMA synchronous=OFF; PRAGMA journal_mode=OFF;
BEGIN;
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $count / 40)
INSERT INTO entry SELECT 'P-' || (i / 40) || '/' || i || '.dcm', 'dicom', 'P-' || (i / 40), '2.25.1' || (i / 20), '2.25.2' || (i / 10), '2.25.3' || i, 'MR', '', '', '', '', '20250101', '', '', '', '', '', '', 1, i, 512, 512, 1, '' FROM n;
INSERT INTO target (no, patient, study_uid, series_uid, image) SELECT rowid, patient, study_uid, series_uid, instance_uid FROM entry;
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $count)
INSERT INTO annotation (id, target, author, task, head, deleted, shared, origin, x0, y0, x1, y1) SELECT i + 1, i / 40 + 1, 'local', 0, i + 1, 0, 0, 0, 10, 20, 30, 40 FROM n;
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $count)
INSERT INTO annotation_revision (id, annotation, previous, action, undoes, author, at_us, level, label, value, form, tool, source, spent_ms, deleted, shape)
SELECT i + 1, i + 1, 0, 0, 0, 'local', 0, 0, 'lesion', '', '', 'box', '', 0, 0, x'4c530104000002000000000000244000000000000034400000000000003e400000000000004440' FROM n;
COMMIT;
SQL
sqlite3 "$store" "PRAGMA journal_mode=WAL; ANALYZE;" >/dev/null
printf '%s\n' "image,label,value" >"$work/one.csv"
ms() { # median of 9 runs
    for _ in 1 2 3 4 5 6 7 8 9; do
        local start end
        start=$(date +%s%N)
        "$@" >/dev/null
        end=$(date +%s%N)
        echo $(((end - start) / 10000))
    done | sort -n | sed -n 5p | awk '{printf "%.2f ms\n", $1 / 100}'
}
middle=$((count / 80))
printf '%-52s %s\n' "start and open an empty store" "$(ms "$lethe" annotate -C "$work/empty" show 1)"
printf '%-52s %s\n' "one image (40 annotations) of $count" "$(ms "$lethe" annotate -C "$work/p" show --image "2.25.3$middle")"
printf '%-52s %s\n' "one study (800 annotations)" "$(ms "$lethe" annotate -C "$work/p" show --study "2.25.1$((middle / 20))")"
printf '%-52s %s\n' "one annotation's history" "$(ms "$lethe" annotate -C "$work/p" show "$middle" --history)"
printf '%-52s %s\n' "size of the store" "$(du -h "$store" | cut -f1)"
