#!/usr/bin/env bash
# A throw-away PostgreSQL server for tests, on a Unix socket only.
#   postgres.sh start DIR   make and start one in DIR (created; must not exist); prints its URL. Exit 77 when PostgreSQL is not installed.
#   postgres.sh restart DIR [MODE]   stop it (MODE: fast or immediate) and start it again
#   postgres.sh down|up DIR  stop it at once and keep DIR; start it again
#   postgres.sh stop DIR    stop it and remove DIR
set -eu
umask 077
bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1)
[ -n "$bin" ] || { echo "skipped: PostgreSQL is not installed" >&2; exit 77; }
dir=$2
# PostgreSQL refuses to run as root.
as_user() { if [ "$(id -u)" = 0 ]; then setpriv --reuid=postgres --regid=postgres --clear-groups env -C "$dir" HOME="$dir" "$@"; else "$@"; fi; }
case $1 in
start)
    mkdir "$dir"
    [ "$(id -u)" != 0 ] || chown postgres:postgres "$dir"
    as_user "$bin/initdb" -D "$dir/data" -U postgres -A trust -E UTF8 --locale=C --no-sync >"$dir/initdb.log" 2>&1
    echo "-k $dir -c listen_addresses='' -c shared_buffers=32MB -c max_connections=60 ${PG_OPTIONS:-}" >"$dir/options"
    as_user "$bin/pg_ctl" -D "$dir/data" -l "$dir/server.log" -w -o "$(cat "$dir/options")" start >"$dir/start.log" 2>&1
    echo "postgresql:///postgres?host=$dir&user=postgres"
    ;;
down) as_user "$bin/pg_ctl" -D "$dir/data" -m immediate -w stop >/dev/null 2>&1 ;;
up) as_user "$bin/pg_ctl" -D "$dir/data" -l "$dir/server.log" -w -o "$(cat "$dir/options")" start >/dev/null 2>&1 ;;
restart) as_user "$bin/pg_ctl" -D "$dir/data" -m "${3:-fast}" -l "$dir/server.log" -w -o "$(cat "$dir/options")" restart >/dev/null 2>&1 ;;
stop)
    [ ! -d "$dir/data" ] || as_user "$bin/pg_ctl" -D "$dir/data" -m immediate -w stop >/dev/null 2>&1 || true
    rm -rf "$dir"
    ;;
*) echo "usage: postgres.sh start|stop|restart|down|up DIR" >&2; exit 2 ;;
esac
