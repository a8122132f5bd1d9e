# lethe ingest add: files without extension, folders, DICOMDIR media, archives good and evil, slides of several files, and what is none of these.
source "$LETHE_SOURCE/tests/support/ingest.bash" || exit 1
need dump2dcm sqlite3 python3

lethe init "$work/p" >/dev/null || fail "init"
add() { lethe ingest add -C "$work/p" "$@" >"$work/out" 2>"$work/err"; }
mkdir -p "$work/in/deep/er"
make_dicom "$work/in/IM0001" 2.25.1 P1
make_dicom "$work/in/deep/a.dcm" 2.25.2 P1
make_dicom "$work/in/deep/er/b" 2.25.3 P2
digest=$(cd "$work/in" && find . -type f -exec sha256sum {} + | sort)
add "$work/in" || fail "add a folder: $(cat "$work/err")"
check_equal "$(cat "$work/out")" "added 3, conflicting 0, duplicates 0, quarantined 0, dropped 0, indexes 0, failed 0" "first add"
add --json "$work/in" || fail "add again"
check_equal "$(cat "$work/out")" '{"added":0,"conflicts":0,"duplicates":3,"quarantined":0,"dropped":0,"indexes":0,"failed":0}' "second add"
check_equal "$(cd "$work/in" && find . -type f -exec sha256sum {} + | sort)" "$digest" "originals"
check_equal "$(intake "$work/p" "SELECT source_name FROM item ORDER BY source_name LIMIT 1")" "IM0001" "name in the manifest"

# Not images: kept, in quarantine, exit code 3.
echo "hello" >"$work/notes.txt"
: >"$work/empty.dcm"
add "$work/notes.txt" "$work/empty.dcm"
check_equal $? 3 "exit code for what is no image"
check_equal "$(count_of "$work/p" quarantined)" 2 "quarantined"
stored=$(intake "$work/p" "SELECT path FROM item WHERE source_name = 'notes.txt'")
check_equal "$(cat "$work/p/private/$stored")" hello "what is no image is kept"
# DICOM that cannot be parsed is taken in: de-identification will say why not.
{ head -c 132 "$work/in/IM0001"; head -c 300 /dev/urandom; } >"$work/broken.dcm"
add "$work/broken.dcm" || fail "a broken file must be taken in"

# Missing paths, wrong usage, no project.
add "$work/absent"
check_equal $? 1 "exit code for an absent path"
lethe ingest add -C "$work/p" 2>/dev/null
check_equal $? 2 "exit code without paths"
lethe ingest add -C "$work" "$work/in" 2>/dev/null
check_equal $? 1 "exit code without a project"

# Archives.
mkdir "$work/z"
make_dicom "$work/z/one" 2.25.11 P3
make_dicom "$work/z/two" 2.25.12 P3
python3 - "$work" <<'PY'
import io, sys, tarfile, zipfile
w = sys.argv[1]
with zipfile.ZipFile(w + "/good.zip", "w", zipfile.ZIP_DEFLATED) as z:
    z.write(w + "/z/one", "study/one")
with tarfile.open(w + "/good.tar.gz", "w:gz") as t:
    t.add(w + "/z/two", "./x/two")
with zipfile.ZipFile(w + "/slip.zip", "w") as z:
    z.write(w + "/z/one", "ok")
    z.writestr("../../escape.dcm", b"x")
with tarfile.open(w + "/absolute.tar", "w") as t:
    i = tarfile.TarInfo("/tmp/lethe-escape"); i.size = 1
    t.addfile(i, io.BytesIO(b"x"))
with tarfile.open(w + "/link.tar", "w") as t:
    i = tarfile.TarInfo("l"); i.type = tarfile.SYMTYPE; i.linkname = "/etc/passwd"
    t.addfile(i)
with zipfile.ZipFile(w + "/bomb.zip", "w", zipfile.ZIP_DEFLATED) as z:
    with z.open("zeros", "w", force_zip64=True) as m:
        for _ in range(300):
            m.write(bytes(1 << 20))
open(w + "/cut.zip", "wb").write(open(w + "/good.zip", "rb").read()[:200])
PY
add "$work/good.zip" "$work/good.tar.gz" || fail "good archives: $(cat "$work/out" "$work/err")"
check_equal "$(cat "$work/out")" "added 2, conflicting 0, duplicates 0, quarantined 0, dropped 0, indexes 0, failed 0" "archives"
check_equal "$(intake "$work/p" "SELECT source_name FROM item WHERE sop_instance = '2.25.11'")" "good.zip/study/one" "name of a member"
before=$(count_of "$work/p" queued)
for bad in slip.zip absolute.tar link.tar bomb.zip cut.zip; do
    add "$work/$bad"
    check_equal $? 3 "exit code for $bad"
    reason=$(intake "$work/p" "SELECT reason FROM item WHERE source_name = '$bad'")
    [ -n "$reason" ] || fail "$bad is not in quarantine as a whole"
    echo "$bad: $reason"
done
check_equal "$(count_of "$work/p" queued)" "$before" "members of refused archives"
[ ! -e /tmp/lethe-escape ] && [ ! -e "$work/escape.dcm" ] || fail "an archive wrote outside"
[ -z "$(ls -A "$work/p/private/inbox" | grep unpack)" ] || fail "unpacked leftovers"

# The files of a DICOMDIR medium, not its index.
if command -v dcmmkdir >/dev/null; then
    mkdir -p "$work/medium/D"
    make_dicom "$work/medium/D/IMG1" 2.25.21 P4
    (cd "$work/medium" && dcmmkdir -Pgp +I -q D/IMG1) || fail "dcmmkdir"
    add "$work/medium/DICOMDIR" || fail "add a DICOMDIR"
    check_equal "$(cat "$work/out")" "added 1, conflicting 0, duplicates 0, quarantined 0, dropped 0, indexes 1, failed 0" "DICOMDIR"
fi
# Files and rows agree, all is private.
check_equal "$(find "$work/p/private/inbox" -type f | wc -l)" "$(intake "$work/p" "SELECT COUNT(*) FROM item")" "files and rows"
check_equal "$(find "$work/p/private" -type f -perm /077 ! -name '.*' | wc -l)" 0 "files others can read"
