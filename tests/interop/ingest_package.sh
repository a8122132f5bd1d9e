# The .deb on a Debian of its own (this machine's, under an overlay in a private mount namespace: nothing stays): install, use, upgrade, remove, purge. Projects, their
# changed configuration, the folder's owner and mode and drop-ins of units stay; the services start again with the new programs; removal stops them and keeps data.
source "$LETHE_SOURCE/tests/support/ingest.bash" || exit 1
need cpack dpkg dpkg-deb dpkg-shlibdeps unshare dump2dcm runuser
[ "$(id -u)" = 0 ] || { echo "skipped: needs root"; exit 77; }
[ -z "${LETHE_UNDER_ASAN:-}" ] || { echo "skipped: packages are not made of instrumented programs"; exit 77; }
build=$(dirname "$LETHE_BIN")
[ -f "$build/CPackConfig.cmake" ] || { echo "skipped: not in a build folder"; exit 77; }
for program in deid annotate view; do [ -x "$LETHE_BIN/lethe-$program" ] || { echo "skipped: lethe-$program is not built"; exit 77; }; done
try='mount -t tmpfs tmpfs "$0" && mkdir "$0/up" "$0/work" "$0/root" && mount -t overlay overlay -o "lowerdir=/,upperdir=$0/up,workdir=$0/work" "$0/root"'
mkdir "$work/fs"
unshare -m --propagation private bash -c "$try" "$work/fs" 2>/dev/null || { echo "skipped: no overlay can be mounted"; exit 77; }
dpkg-query -W lethe >/dev/null 2>&1 && { echo "skipped: lethe is installed here"; exit 77; }

mkdir "$work/deb"
for version in 0.0.8 0.0.9; do
    cpack --config "$build/CPackConfig.cmake" -G DEB -B "$work/cpack" -D CPACK_PACKAGE_VERSION="$version" >"$work/cpack.log" 2>&1 || fail "cpack: $(tail -5 "$work/cpack.log")"
    mv "$work"/cpack/lethe_"$version"_*.deb "$work/deb/$version.deb" || fail "no package of $version"
    rm -rf "$work/cpack"
done
dpkg-deb -c "$work/deb/0.0.9.deb" >"$work/contents"
for file in usr/bin/lethe usr/bin/lethe-ingest usr/bin/lethe-deid usr/bin/lethe-annotate usr/bin/lethe-view 'lib/systemd/system/lethe-ingest@.service' usr/share/man/man1/lethe.1; do
    grep -qF "/$file" "$work/contents" || fail "the package lacks $file"
done
make_dicom "$work/a.dcm" 2.25.71 P1
make_dicom "$work/b.dcm" 2.25.72 P2

cat >"$work/inside" <<'SH'
set -eu
check() { [ "$1" = "$2" ] || { echo "FAILED: $3: got '$1', expected '$2'"; exit 1; }; }
as() { runuser -u lethe -- "$@"; }
received() { as /usr/bin/lethe status -C "$1" --json | python3 -c "import json,sys; print(json.load(sys.stdin)['received'])"; }
state() { (cd /var/lib/lethe && find . -type f ! -name 'intake.db*' ! -name 'audit.jsonl' -exec sha256sum {} + | sort && find . -printf '%p %U %G %m\n' | grep -v 'intake.db-' | sort); }
export DEBIAN_FRONTEND=noninteractive
mkdir -p /run/systemd/system
printf '#!/bin/sh\necho "$@" >>/systemctl.log\n' >/usr/bin/systemctl.new && chmod 755 /usr/bin/systemctl.new && mv /usr/bin/systemctl.new /usr/bin/systemctl
getent passwd lethe >/dev/null && { echo "FAILED: there is a user lethe"; exit 1; }
dpkg -i /deb/0.0.8.deb >/log 2>&1 || { cat /log; exit 1; }
check "$(getent passwd lethe | cut -d: -f6-7)" "/var/lib/lethe:/usr/sbin/nologin" "system user"
check "$(stat -c '%U:%G %a' /var/lib/lethe)" "lethe:lethe 750" "folder of projects"
grep -q try-restart /systemctl.log && { echo "FAILED: a first installation restarts services"; exit 1; }
as /usr/bin/lethe init /var/lib/lethe/p >/dev/null
as /usr/bin/lethe ingest add -C /var/lib/lethe/p /a.dcm >/dev/null
sed -i 's/^  port: .*/  port: 11199/; s/^  aet: .*/  aet: OURS/' /var/lib/lethe/p/project.yaml
grep -q 'OURS' /var/lib/lethe/p/project.yaml || { echo "FAILED: the configuration was not changed"; exit 1; }
mkdir -p '/etc/systemd/system/lethe-ingest@p.service.d' && echo '[Service]' >'/etc/systemd/system/lethe-ingest@p.service.d/more.conf'
chmod 700 /var/lib/lethe
state >/before
uid=$(id -u lethe)
: >/systemctl.log
dpkg -i /deb/0.0.9.deb >/log 2>&1 || { cat /log; exit 1; }
check "$(dpkg-query -W -f '${Version} ${Status}' lethe)" "0.0.9 install ok installed" "upgraded"
state >/after
cmp /before /after || { diff /before /after; echo "FAILED: the upgrade changed data"; exit 1; }
check "$(id -u lethe)" "$uid" "user after the upgrade"
check "$(received /var/lib/lethe/p)" 1 "intake after the upgrade"
grep -q "try-restart.*lethe-ingest@" /systemctl.log || { echo "FAILED: running services keep the old programs"; exit 1; }
grep -q "^stop" /systemctl.log && { echo "FAILED: an upgrade stops services for good"; exit 1; }
as /usr/bin/lethe ingest add -C /var/lib/lethe/p /b.dcm >/dev/null
check "$(received /var/lib/lethe/p)" 2 "intake goes on"
[ -f '/etc/systemd/system/lethe-ingest@p.service.d/more.conf' ] || { echo "FAILED: a drop-in is gone"; exit 1; }
dpkg -r lethe >/log 2>&1 || { cat /log; exit 1; }
grep -q "^stop.*lethe-ingest@" /systemctl.log || { echo "FAILED: removal leaves services running"; exit 1; }
dpkg -P lethe >/log 2>&1 || { cat /log; exit 1; }
[ -e /usr/bin/lethe ] && { echo "FAILED: programs stay"; exit 1; }
check "$(find /var/lib/lethe/p/private/inbox -type f | wc -l)" 2 "files after removal"
grep -q 'OURS' /var/lib/lethe/p/project.yaml
check "$(stat -c %U /var/lib/lethe/p)" lethe "owner after removal"
echo upgraded
SH
unshare -m --propagation private bash -c "$try"' && root=$0/root && mount --rbind /dev "$root/dev" && mount -t proc proc "$root/proc" && mount -t tmpfs tmpfs "$root/run" &&
    mkdir "$root/deb" && cp "$1"/deb/*.deb "$root/deb/" && cp "$1"/[ab].dcm "$1/inside" "$root/" && chmod 644 "$root"/[ab].dcm && chroot "$root" bash /inside' "$work/fs" "$work" >"$work/out" 2>&1 \
    || fail "$(cat "$work/out")"
check_equal "$(tail -1 "$work/out")" upgraded "the way to the end"
grep -q " $work/" /proc/self/mounts && fail "a mount stays"
exit 0
