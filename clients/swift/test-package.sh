#!/bin/sh
# Type-checks what is for Apple's systems only, and adds the repository to a package by its URL.
set -eu
cd "$(dirname "$0")"

if ! ./toolchain.sh --present; then
	echo "left out: the Swift package needs Swift 6: swift.org, Xcode 16, or, as root on Debian, clients/swift/toolchain.sh swift --version"
	exit 0
fi

./toolchain.sh ./check-apple.sh
./check-package.sh
