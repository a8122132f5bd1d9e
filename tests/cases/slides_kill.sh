#!/bin/bash
# lethe deid killed in the middle of a large slide (docs/adr/0505): nothing half-written is left, a project goes on with what is not done and touches nothing that is, a
# run of folders given again completes the output with the same bytes.
source "$LETHE_SOURCE/tests/support/ingest.bash" || exit 1
need sqlite3 python3
[ -x "$LETHE_BIN/lethe-deid" ] || { echo "skipped: lethe-deid is not built"; exit 77; }
lethe-testdata slides --size small -o "$work/made" --key "$work/answers.jsonl" >/dev/null || fail "generator"
lethe-testdata slide-big --big-file 200000000 -o "$work/big" --key "$work/big.jsonl" >/dev/null || fail "generator"
head -c 32 /dev/urandom >"$work/key" && chmod 600 "$work/key"
mkdir "$work/in"
cp "$work"/made/slides/*.svs "$work/in/" && cp "$work/big/bench/slide.svs" "$work/in/Z-large.svs"
total=$(find "$work/in" -type f | wc -l)

# Waits until a process below the group $1 writes a file without a name of more than 8 MB (the large slide is half there), and kills the group; false when it ends before.
cat >"$work/midway.py" <<'PY'
import os, signal, sys
group = int(sys.argv[1])
def children(pid):
    found = []
    for task in os.listdir(f"/proc/{pid}/task"):
        found += map(int, open(f"/proc/{pid}/task/{task}/children").read().split())
    return found
def is_midway():
    todo = [group]
    while todo:
        pid = todo.pop()
        try:
            todo += children(pid)
            for fd in os.listdir(f"/proc/{pid}/fd"):
                info = os.stat(f"/proc/{pid}/fd/{fd}")
                if info.st_nlink == 0 and info.st_size > 8 << 20 and "(deleted)" in os.readlink(f"/proc/{pid}/fd/{fd}"):
                    return True
        except OSError:
            pass
    return False
while open(f"/proc/{group}/stat").read().rsplit(") ", 1)[1][0] != "Z":
    if is_midway():
        os.killpg(group, signal.SIGKILL)
        sys.exit(0)
sys.exit(1)
PY
kill_midway() { # COMMAND...
    setsid "$@" >/dev/null 2>&1 &
    local pid=$! result
    python3 "$work/midway.py" "$pid" 2>/dev/null
    result=$?
    wait "$pid" 2>/dev/null
    return $result
}
half_files() { find "$1" -name '.lethe-*' -o -name '*.tmp' | wc -l; }
printf '#!/bin/bash\nexec "%s/lethe" "$@"\n' "$LETHE_BIN" >"$work/run" && chmod +x "$work/run"

# Folders.
killed=0
for attempt in $(seq 10); do
    rm -rf "$work/out" "$work/manifest.jsonl"
    kill_midway "$work/run" deid "$work/in" -o "$work/out" --key "$work/key" --manifest "$work/manifest.jsonl" --jobs 1 --quiet && killed=1 && break
done
[ "$killed" = 1 ] || fail "no run was ever in the midst of the large slide ($attempt attempts)"
before=$(find "$work/out" -type f | wc -l)
[ "$before" -lt "$total" ] || fail "the large slide was there before the kill"
check_equal "$(half_files "$work/out")" 0 "half files after a kill"
lethe deid "$work/in" -o "$work/out" --key "$work/key" --manifest "$work/manifest.jsonl" --quiet || fail "the run given again ended with $?"
check_equal "$(find "$work/out" -type f | wc -l)" "$total" "outputs after the run given again"
lethe deid "$work/in" -o "$work/whole" --key "$work/key" --quiet || fail "an undisturbed run ended with $?"
diff -r "$work/out" "$work/whole" >/dev/null || fail "the completed output is another one than that of an undisturbed run"
lethe deid verify "$work/out" --manifest "$work/manifest.jsonl" >/dev/null || fail "verify ended with $?"

# A project: what was released in an earlier round stays as it is; the round that was killed is done again, to the same bytes.
killed=0
for attempt in $(seq 10); do
    rm -rf "$work/p"
    lethe init "$work/p" >/dev/null || fail "init"
    lethe ingest add -C "$work/p" "$work"/in/S*.svs >/dev/null || fail "ingest add ended with $?"
    lethe deid -C "$work/p" --quiet || fail "the first round ended with $?"
    lethe ingest add -C "$work/p" "$work/in" >/dev/null || fail "ingest add ended with $?"
    kill_midway "$work/run" deid -C "$work/p" --jobs 1 --quiet && killed=1 && break
done
[ "$killed" = 1 ] || fail "no run of a project was ever in the midst of the large slide ($attempt attempts)"
check_equal "$(half_files "$work/p/released")" 0 "half files after a kill in a project"
find "$work/p/released" -name '*.svs' -printf '%i %p\n' | sort >"$work/done"
lethe deid -C "$work/p" --quiet || fail "the project's run given again ended with $?"
check_equal "$(count_of "$work/p" released)" "$total" "released slides"
check_equal "$(find "$work/p/released" -name '*.svs' | wc -l)" "$total" "slides in the released folder"
find "$work/p/released" -name '*.svs' -printf '%i %p\n' | sort | comm -23 "$work/done" - | grep -q . && fail "a slide that was released was written again"
lethe ingest add -C "$work/p" "$work/in" >/dev/null || fail "ingest add again ended with $?"
lethe deid -C "$work/p" --quiet
check_equal "$(find "$work/p/released" -name '*.svs' | wc -l)" "$total" "slides after all were added again"
echo "ok: $before of $total slides stood when the first run was killed"
