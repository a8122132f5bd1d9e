#!/bin/bash
# Decisions survive: recorded by one process, carried out by others that are killed at any moment, they come to the same outputs as without a kill, each once.
set -eu
work=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill -9 "$pid" 2>/dev/null; rm -rf "$work"' EXIT
fail() { echo "FAILED: $*"; exit 1; }
lethe=$LETHE_BIN/lethe
expect() { local want=$1 code=0; shift; "$@" >"$work/said" 2>"$work/err" || code=$?; [ "$code" -eq "$want" ] || { cat "$work/said" "$work/err"; fail "exit $code, wanted $want: $*"; }; }
"$lethe" init "$work/p" >/dev/null
"$LETHE_BIN/lethe-testdata" burned-in -o "$work/in" --count 16 --size small --seed 11 >/dev/null
expect 0 "$lethe" ingest add -C "$work/p" "$work/in"
expect 4 "$lethe" deid -C "$work/p" --jobs 1
expect 0 "$lethe" review -C "$work/p" list
mapfile -t ids < <(awk '{print $1}' "$work/said")
[ ${#ids[@]} -ge 6 ] || fail "only ${#ids[@]} wait"
for i in 0 1 2 3; do expect 0 "$lethe" review -C "$work/p" mask "${ids[$i]}" "$((8 * i)),4,30,12" --later; done
expect 0 "$lethe" review -C "$work/p" mask "${ids[0]}" 2,40,20,10 --to series --later
expect 0 "$lethe" review -C "$work/p" reject "${ids[1]}" --later
for id in "${ids[0]}" "${ids[@]:2}"; do expect 0 "$lethe" review -C "$work/p" approve "$id" --later; done
expect 0 "$lethe" review -C "$work/p" log
decisions=$(grep -c '(open)' "$work/said")
[ "$decisions" -eq $((${#ids[@]} + 5)) ] || fail "$decisions decisions are open"
cp -a "$work/p" "$work/calm"
expect 0 "$lethe" review -C "$work/calm" run --jobs 1
kills=0
for wait in 0.05 0.1 0.2 0.3 0.5 0.8 0.1 0.4; do
    (exec -a "lethe review" "$LETHE_BIN/lethe-deid" -C "$work/p" run --jobs 1) >/dev/null 2>&1 &
    pid=$!
    sleep "$wait"
    if kill -9 "$pid" 2>/dev/null; then kills=$((kills + 1)); fi
    wait "$pid" 2>/dev/null || true
    pid=
done
[ $kills -gt 0 ] || fail "nothing was killed"
expect 0 "$lethe" review -C "$work/p" run --jobs 1
for one in p calm; do
    "$lethe" review -C "$work/$one" log >"$work/$one.log"
    ! grep -q '(open)' "$work/$one.log" || fail "$one: decisions are open"
    (cd "$work/$one/released" && find . -name '*.dcm' -print0 | sort -z | xargs -0 sha256sum) >"$work/$one.sums"
    "$lethe" status -C "$work/$one" --json | sed 's/"rate_per_s".*//' >"$work/$one.status"
done
cmp "$work/p.log" "$work/calm.log" || fail "the record is another one"
cmp "$work/p.sums" "$work/calm.sums" || fail "the outputs are others"
cmp "$work/p.status" "$work/calm.status" || fail "the counts are others: $(cat "$work/p.status" "$work/calm.status")"
echo "$decisions decisions, $kills kills, $(wc -l <"$work/p.sums") outputs"
