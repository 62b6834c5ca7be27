#!/bin/sh
# Runs a command with Swift 6 in clients/swift:
#
#   clients/swift/toolchain.sh swift test      run it; make the toolchain first where there is none
#   clients/swift/toolchain.sh --present       succeed when nothing has to be made
#
# Swift 6 or newer on PATH is used as it is. Elsewhere, on Debian and as root, Debian 13's
# package `swiftlang` is unpacked below LATCHKEY_SWIFT_ROOT (default: /var/cache/latchkey-swift,
# 2.7 GB, one minute) and commands run in there with the checkout and TMPDIR mounted. The mounts are
# private to the process, and it replaces itself: killing it kills the command.
set -eu

root=${LATCHKEY_SWIFT_ROOT:-/var/cache/latchkey-swift}
package=$(cd "$(dirname "$0")" && pwd)
checkout=$(cd "$package/../.." && pwd)

on_path() {
	command -v swift >/dev/null 2>&1 || return 1
	version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9]*\).*/\1/p' | head -1)
	[ "${version:-0}" -ge 6 ]
}

# The mark is written last: a root without it was interrupted, and is made anew.
provision() {
	[ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || {
		echo "no Swift 6: install it from swift.org (macOS: Xcode 16), or run this as root on Debian" >&2
		exit 1
	}
	mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | sort -u | grep -v security | head -1)
	export DEBIAN_FRONTEND=noninteractive
	command -v debootstrap >/dev/null || { apt-get update -q && apt-get install -qy --no-install-recommends debootstrap; }
	rm -rf "$root"
	debootstrap --variant=minbase --include=ca-certificates trixie "$root" "$mirror"
	chroot "$root" apt-get update -q
	chroot "$root" apt-get install -qy --no-install-recommends swiftlang libc6-dev libstdc++-14-dev git tzdata
	chroot "$root" apt-get clean
	touch "$root/.complete"
}

if [ "${1:-}" = --present ]; then
	on_path || [ -e "$root/.complete" ]
	exit
fi
if on_path; then
	cd "$package"
	exec "$@"
fi
[ -e "$root/.complete" ] || provision >&2

# Not /proc of the host but one of its own kind: without it `swift` finds no library.
# shellcheck disable=SC2016
exec unshare -m sh -c '
	root=$1 checkout=$2; shift 2
	mount -t proc proc "$root/proc"
	mount --bind /dev "$root/dev"
	mkdir -p "$root/src" && mount --bind "$checkout" "$root/src"
	tmp=${TMPDIR:-/tmp}
	mkdir -p "$root$tmp" && mount --bind "$tmp" "$root$tmp"
	export HOME=/root LC_ALL=C.UTF-8
	exec chroot "$root" sh -c "cd /src/clients/swift && exec \"\$@\"" sh "$@"' sh "$root" "$checkout" "$@"
