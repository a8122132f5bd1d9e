#!/bin/bash
# Slides in watched folders, killed while they are taken in, and of patients who object: an MRXS pair is one unit that waits until all its files stand still; a copy
# that was killed is made again, once; the slide of a patient who objects is dropped.
source "$LETHE_SOURCE/tests/support/ingest.bash" || exit 1
need sqlite3 python3
[ -x "$LETHE_BIN/lethe-deid" ] || { echo "skipped: lethe-deid is not built"; exit 77; }
lethe-testdata slides --size small -o "$work/in" --key "$work/answers.jsonl" >/dev/null || fail "generator"
inbox_files() { find "$1/private/inbox" -type f | wc -l; }

# Killed in the midst of large slides: nothing half-taken stays, and what is added again is there once.
lethe init "$work/k" >/dev/null || fail "init"
lethe-testdata slide-big --big-file 120000000 -o "$work/big" --key "$work/big.jsonl" >/dev/null || fail "generator"
large=$work/big/bench/slide.svs
killed=0
for delay in 0.01 0.03 0.05 0.08 0.12 0.18; do
    lethe ingest add -C "$work/k" "$large" >/dev/null 2>&1 &
    adder=$!
    sleep "$delay"
    kill -KILL "$adder" 2>/dev/null && killed=$((killed + 1))
    wait "$adder" 2>/dev/null
done
[ "$killed" -gt 0 ] || fail "nothing was ever killed"
lethe ingest add -C "$work/k" "$large" >/dev/null || fail "ingest add after kills ended with $?"
check_equal "$(count_of "$work/k" queued)" 1 "slides after kills"
kept=$(intake "$work/k" "SELECT path FROM item WHERE state = 0")
check_equal "$(find "$work/k/private/inbox" -type f -size +1M | wc -l)" 1 "large files after $killed kills"
cmp -s "$large" "$(find "$work/k/private/inbox" -type f -size +1M)" || fail "the slide that was taken in ($kept) is not the one that came"

# A watched folder: the small file of an MRXS slide comes first, its folder grows; nothing is taken before all of it stands still. On a machine so busy that the
# folder did stand still between two files, the look proves nothing: it is taken again with more patience.
mrxs=$(find "$work/in" -name '*.mrxs')
folder=${mrxs%.mrxs}
name=$(basename "$folder")
now_ms() { date +%s%3N; }
watch_mrxs() { # SECONDS that files must stand still
    local changed
    rm -rf "$work/w" "$work/drop"
    lethe init "$work/w" >/dev/null || fail "init"
    mkdir -p "$work/drop/$name"
    printf '  watch: [%s]\n  door:\n    stable_seconds: %s\n    rescan_seconds: 1\n' "$work/drop" "$1" >"$work/extra"
    sed -i '/^  watch:/d' "$work/w/project.yaml" && cat "$work/extra" >>"$work/w/project.yaml"
    start_serve "$work/w"
    changed=$(now_ms)
    cp "$mrxs" "$work/drop/"
    for file in "$folder"/*; do
        sleep 0.7
        cp "$file" "$work/drop/$name/"
        [ $(($(now_ms) - changed)) -lt $((1000 * $1)) ] || return 1
        changed=$(now_ms)
        queued=$(count_of "$work/w" queued)
        [ $(($(now_ms) - changed)) -lt $((1000 * $1)) ] || return 1
        check_equal "$queued" 0 "an MRXS slide whose files still come"
    done
}
for patience in 2 10 40; do
    watch_mrxs "$patience" && break
    [ "$patience" -lt 40 ] || fail "the machine is too busy to copy a small file in 40 seconds"
    stop_serve
done
for _ in $(seq 1200); do [ "$(count_of "$work/w" queued)" = 1 ] && break; sleep 0.1; done
check_equal "$(count_of "$work/w" queued)" 1 "the MRXS slide from a watched folder"
sleep 1.5
check_equal "$(count_of "$work/w" queued)" 1 "the MRXS slide after another look"
stop_serve
lethe deid -C "$work/w" --quiet || fail "deid of the MRXS slide ended with $?"
check_equal "$(find "$work/w/released" -name '*.mrxs' | wc -l)" 1 "released MRXS slides"

# A patient who objects: the mapping tells whose slide it is.
svs=$(find "$work/in" -name '*.svs' | sort | head -1)
head -c 32 /dev/urandom >"$work/key" && chmod 600 "$work/key"
lethe init "$work/o" >/dev/null || fail "init"
printf 'slide,patient_id\n%s,P4711\n' "$(basename "$svs")" >"$work/mapping.csv"
lethe object -C "$work/o" add P4711 >/dev/null || fail "object"
lethe ingest add -C "$work/o" "$svs" >/dev/null || fail "ingest add"
lethe deid -C "$work/o" --slides "$work/mapping.csv" --quiet
check_equal "$(count_of "$work/o" dropped)" 1 "slides of an objecting patient that were dropped"
check_equal "$(find "$work/o/released" -type f -name '*.svs' | wc -l)" 0 "slides of an objecting patient that came out"
echo "ok: $killed kills"
exit 0
