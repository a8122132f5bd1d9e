# For the tests of ingest: a folder of its own, projects, the receiver, small DICOM files. Source it first.
set -u
PATH=$LETHE_BIN:$PATH
work=$(mktemp -d)
serve_pids=()
started_pids=()
pg=$(mktemp -u /tmp/lethe-pg-XXXXXX) # not in $work: the server runs as another user
here=$LETHE_SOURCE/tests/support
finish() {
    local code=$?
    for pid in "${serve_pids[@]:-}" "${started_pids[@]:-}"; do [ -z "$pid" ] || kill "$pid" 2>/dev/null; done
    for pid in "${serve_pids[@]:-}" "${started_pids[@]:-}"; do
        [ -n "$pid" ] || continue
        for _ in $(seq 300); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
        kill -9 "$pid" 2>/dev/null
        wait "$pid" 2>/dev/null
    done
    [ ! -d "$pg" ] || bash "$here/postgres.sh" stop "$pg"
    if grep -E "ERROR: (Address|Leak)Sanitizer|runtime error:" "$work/serve.err" 2>/dev/null >&2; then
        cat "$work/serve.err" >&2
        code=1
    fi
    rm -rf "$work"
    exit $code
}
trap finish EXIT
fail() {
    echo "FAILED: $*" >&2
    [ ! -s "$work/serve.err" ] || tail -20 "$work/serve.err" >&2
    exit 1
}
check_equal() { [ "$1" = "$2" ] || fail "$3: got '$1', expected '$2'"; }
# until_true SECONDS COMMAND...: tried ten times a second until it succeeds; fails when it never does.
until_true() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.1
    done
}
# A port that nobody listens on, below those which the kernel gives to outgoing connections.
free_port() {
    python3 -c "
import random, socket
while True:
    port = random.randrange(20000, 32000)
    try:
        socket.create_server(('127.0.0.1', port)).close()
    except OSError:
        continue
    print(port)
    break"
}
need() { for tool in "$@"; do command -v "$tool" >/dev/null || { echo "skipped: $tool is not installed"; exit 77; }; done; }

# start_serve PROJECT [OPTIONS...]: sets $port and $serve_pid.
start_serve() {
    local project=$1
    shift
    : >"$work/serve.out"
    ${SERVE_PREFIX:-} lethe-ingest ingest serve -C "$project" --port 0 "$@" >"$work/serve.out" 2>>"$work/serve.err" &
    serve_pid=$!
    serve_pids+=("$serve_pid")
    for _ in $(seq 1200); do
        grep -q '^listening on ' "$work/serve.out" && break
        kill -0 "$serve_pid" 2>/dev/null || fail "the receiver did not start"
        sleep 0.05
    done
    port=$(sed -n 's/^listening on .*:\([0-9]*\)$/\1/p' "$work/serve.out")
    [ -n "$port" ] || fail "no port announced"
}
stop_serve() {
    kill "$serve_pid"
    local code=0
    wait "$serve_pid" || code=$?
    check_equal "$code" 0 "exit code of the receiver"
}
count_of() { lethe status -C "$1" --json | python3 -c "import json,sys; print(json.load(sys.stdin)['$2'])"; }

# make_dicom FILE SOP_INSTANCE PATIENT [STUDY] [SERIES] [EXTRA_BYTES] [MODALITY]: a small CT of our own making.
make_dicom() {
    local file=$1 uid=$2 patient=$3 study=${4:-2.25.1001} series=${5:-2.25.2001} bytes=${6:-64} modality=${7:-CT}
    local rows=$(((bytes + 65534) / 65535)) # a side is at most 65535
    {
        echo "(0008,0016) UI [1.2.840.10008.5.1.4.1.1.2]"
        echo "(0008,0018) UI [$uid]"
        echo "(0008,0020) DA [20240102]"
        echo "(0008,0050) SH [A$patient]"
        echo "(0008,0060) CS [$modality]"
        echo "(0008,103e) LO [axial]"
        echo "(0010,0010) PN [Invented^$patient]"
        echo "(0010,0020) LO [$patient]"
        echo "(0020,000d) UI [$study]"
        echo "(0020,000e) UI [$series]"
        echo "(0020,0013) IS [1]"
        echo "(0028,0002) US 1"
        echo "(0028,0004) CS [MONOCHROME2]"
        echo "(0028,0010) US $rows"
        echo "(0028,0011) US $((bytes / rows))"
        echo "(0028,0100) US 8"
        echo "(0028,0101) US 8"
        echo "(0028,0102) US 7"
        echo "(0028,0103) US 0"
        printf '(7fe0,0010) OB 00'
        for ((i = 1; i < bytes; i++)); do printf '\\%02x' $((i % 256)); done
        echo
    } >"$file.dump"
    dump2dcm -q +l 4000000 "$file.dump" "$file"; [ -s "$file" ] || fail "dump2dcm"
    rm "$file.dump"
}
# The data set bytes of a Part 10 file, without preamble and file meta.
data_set() {
    python3 -c "
import sys
b = open(sys.argv[1], 'rb').read()
n = int.from_bytes(b[140:144], 'little')
sys.stdout.buffer.write(b[144 + n:])" "$1"
}
# LETHE_TEST_STORE=postgresql: the same test with its project on a PostgreSQL server of its own.
if [ "${LETHE_TEST_STORE:-}" = postgresql ]; then
    store_url=$(bash "$here/postgres.sh" start "$pg") || exit $?
    lethe() { if [ "$1" = init ]; then command lethe "$@" --store "$store_url"; else command lethe "$@"; fi; }
    intake() { PGOPTIONS='-c search_path=lethe_private' psql -At -F '|' "$store_url" -c "$2"; }
else
    intake() { sqlite3 "$1/private/intake.db" "$2"; }
fi
