#!/bin/bash
# Files per second and peak memory of `lethe deid` beside cp, gdcmanon and DCMTK, on the same invented files, warm cache, in one run.
# Usage: tests/bench/deid.sh [COUNT [BIG_BYTES]]   (1000 files of each kind, one file of 1 GB; 0 = no big file)
set -euo pipefail

count=${1:-1000}
big=${2:-1000000000}
work=$(mktemp -d "${TMPDIR:-/tmp}/lethe-bench-XXXXXX")
trap 'rm -rf "$work"' EXIT
measure=$LETHE_BIN/bench-measure
export LC_ALL=C
file_system=$(df --output=fstype "$work" | tail -1)

head -c 32 /dev/urandom > "$work/key"
chmod 600 "$work/key"
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/rsa" -out "$work/cert" -days 2 -subj /CN=bench 2> /dev/null

# run NAME RUNS COMMAND...: the best of RUNS; {out} in the command is a fresh folder. Sets `line`.
run() {
    local runs=$1 i best=
    shift
    for ((i = 0; i < runs; i++)); do
        # ext4 looks twice at every inode that was deleted within the last five seconds: without the pause a run pays for the clean-up before it.
        rm -rf "$work/out"
        sync -f "$work"
        [ "$file_system" != ext4 ] || sleep 6
        mkdir "$work/out"
        local code=0
        "$measure" "$work/measured" "${@//\{out\}/$work/out}" > "$work/log" 2>&1 || code=$?
        local now made
        now=$(cat "$work/measured")
        made=$(find "$work/out" -type f | wc -l)
        if [ "$code" -ne 0 ] && [ "$code" -ne 3 ] && [ "$code" -ne 4 ]; then
            echo "failed ($code): $*" >&2
            tail -5 "$work/log" >&2
            line=
            return
        fi
        if [ -z "$best" ] || awk "BEGIN { exit !(${now%% *} < ${best%% *}) }"; then best="$now $made"; fi
    done
    line=$best
}

declare -A rate cpu_ms
table() {
    local kind=$1 input=$2 files=$3
    find "$input" -type f -print0 | xargs -0 cat > /dev/null
    echo
    echo "$kind: $files files, $(du -sm "$input" | cut -f1) MB"
    printf '%-34s %10s %10s %10s %12s %12s %8s\n' program files/s seconds "CPU s" "peak MiB" "sum MiB" released
    one() {
        local name=$1 runs=$2
        shift 2
        run "$runs" "$@"
        [ -n "$line" ] || { printf '%-34s %10s\n' "$name" failed; rate[$name]=0; cpu_ms[$name]=0; return; }
        read -r wall cpu peak sum _ made <<< "$line"
        rate[$name]=$(awk "BEGIN { printf \"%.1f\", $files / $wall }")
        cpu_ms[$name]=$(awk "BEGIN { printf \"%.3f\", 1000 * $cpu / $files }")
        printf '%-34s %10s %10.3f %10.3f %12.1f %12.1f %8d\n' "$name" "${rate[$name]}" "$wall" "$cpu" "$(awk "BEGIN { print $peak / 1024 }")" "$(awk "BEGIN { print $sum / 1024 }")" "$made"
    }
    one "cp -r" 2 cp -r "$input/." '{out}'
    # lethe deid ends only when its output is on disk; so this is the copy to compare it with, too.
    one "cp -r, then sync" 2 sh -c 'cp -r "$1/." "$2" && sync -f "$2"' sh "$input" '{out}'
    for profile in basic research; do
        for jobs in 1 2; do
            one "lethe deid $profile, $jobs worker(s)" 2 "$LETHE_BIN/lethe" deid "$input" -o '{out}' --profile $profile --key "$work/key" --jobs $jobs --quiet
            # The manifest holds the SHA-256 of every output, which costs more than the copy itself.
            one "  the same with --manifest" 2 "$LETHE_BIN/lethe" deid "$input" -o '{out}' --profile $profile --key "$work/key" --jobs $jobs --manifest "$work/manifest" --quiet
            rm -f "$work/manifest"
        done
    done
    one "DCMTK load + save" 1 "$LETHE_BIN/bench-load_save" "$input" '{out}'
    if command -v gdcmanon > /dev/null; then
        one "gdcmanon" 1 gdcmanon -e -r --continue -c "$work/cert" -i "$input" -o '{out}'
    else
        rate[gdcmanon]=0
        cpu_ms[gdcmanon]=0
        echo "gdcmanon is not installed"
    fi
    for profile in basic research; do
        echo "  where processor time goes, $profile:"
        "$LETHE_BIN/bench-deid_stages" $profile "$input" "$work/stages" || echo "  not measured"
        rm -rf "$work/stages" "$work/stages.digests"
    done
    ratio() { awk "BEGIN { if ($2 > 0 && $3 > 0) printf \"  %-58s %6.2f\\n\", \"$1\", $2 / $3 }"; }
    ratio "time of lethe (basic, 1 worker) / time of cp -r" "${rate[cp -r]}" "${rate[lethe deid basic, 1 worker(s)]}"
    ratio "time of lethe (basic, 2 workers) / time of cp -r" "${rate[cp -r]}" "${rate[lethe deid basic, 2 worker(s)]}"
    ratio "time of lethe (basic, 1 worker) / time of cp -r, then sync" "${rate[cp -r, then sync]}" "${rate[lethe deid basic, 1 worker(s)]}"
    ratio "time of lethe (basic, 2 workers) / time of cp -r, then sync" "${rate[cp -r, then sync]}" "${rate[lethe deid basic, 2 worker(s)]}"
    ratio "time of lethe (research, 2 workers) / time of cp -r" "${rate[cp -r]}" "${rate[lethe deid research, 2 worker(s)]}"
    ratio "rate of lethe (basic, 1 worker) / rate of gdcmanon" "${rate[lethe deid basic, 1 worker(s)]}" "${rate[gdcmanon]}"
    ratio "rate of lethe (research, 1 worker) / rate of gdcmanon" "${rate[lethe deid research, 1 worker(s)]}" "${rate[gdcmanon]}"
    # As both are started without options: gdcmanon has one thread, lethe deid a worker for each processor.
    [ "$(nproc)" -ne 2 ] || ratio "rate of lethe (research, 2 workers) / rate of gdcmanon" "${rate[lethe deid research, 2 worker(s)]}" "${rate[gdcmanon]}"
    ratio "rate of lethe (basic, 1 worker) / rate of DCMTK" "${rate[lethe deid basic, 1 worker(s)]}" "${rate[DCMTK load + save]}"
    ratio "rate of lethe (research, 1 worker) / 145 files/s of CTP" "${rate[lethe deid research, 1 worker(s)]}" 145
    # Processor time does not depend on who else uses the machine.
    ratio "CPU time of gdcmanon / CPU time of lethe (basic, 1 worker)" "${cpu_ms[gdcmanon]}" "${cpu_ms[lethe deid basic, 1 worker(s)]}"
    ratio "CPU time of gdcmanon / CPU time of lethe (research, 1 worker)" "${cpu_ms[gdcmanon]}" "${cpu_ms[lethe deid research, 1 worker(s)]}"
    ratio "CPU time of lethe (basic, 1 worker) / CPU time of cp -r" "${cpu_ms[lethe deid basic, 1 worker(s)]}" "${cpu_ms[cp -r]}"
}

echo "$(nproc) processors: $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -1); kernel $(uname -r); $file_system file system"
"$LETHE_BIN/lethe-testdata" ct -o "$work/ct" --count "$count" --columns 512 > /dev/null
table "CT slices of 512 kB" "$work/ct" "$count"
rm -rf "$work/ct"
"$LETHE_BIN/lethe-testdata" mr-small -o "$work/mr" --count "$count" > /dev/null
table "MR slices of 8 kB" "$work/mr" "$count"
rm -rf "$work/mr"
if [ "$big" -ne 0 ]; then
    "$LETHE_BIN/lethe-testdata" ct -o "$work/big" --count 1 --columns 512 --big-file "$big" > /dev/null
    find "$work/big" -type f -size -10M -delete
    table "one file of $((big / 1000000)) MB" "$work/big" 1
fi
