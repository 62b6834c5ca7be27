#!/bin/sh
# Builds the Swift client with warnings as errors, runs its tests and takes the tour. The live
# tests and the tour need a server: LATCHKEY_URL names one that runs, or LATCHKEY_BIN a binary
# that is started for them. With LATCHKEY_URL, LATCHKEY_SERVICES names the Apple and the Google that
# `latchkey dev` plays; without it their tests are left out. They want MFA_TOTP_TOLERANCE=1. LATCHKEY_MAILS names
# the folder of its mails; without it the test of the samples is left out.
set -eu
cd "$(dirname "$0")"

if ! ./toolchain.sh --present; then
	echo "left out: the Swift tests need Swift 6: swift.org, Xcode 16, or, as root on Debian, clients/swift/toolchain.sh swift --version"
	exit 0
fi
if [ -z "${LATCHKEY_URL:-}" ]; then
	[ -n "${LATCHKEY_BIN:-}" ] || { echo "test.sh needs LATCHKEY_URL or LATCHKEY_BIN" >&2; exit 2; }
	dir=$(mktemp -d)
	chmod 711 "$dir" # PostgreSQL's account passes through
	mkdir -m 777 "$dir/mails"
	export LATCHKEY_MAILS="$dir/mails"
	ACCOUNT_RATE_LIMITS=false MFA_TOTP_TOLERANCE=1 LATCHKEY_MAIL_DIR="$dir/mails" \
		HEADLESS_FRONTEND_URLS='{"account_confirm_email":"https://app.example.com/account/verify?key={key}","account_reset_password_from_key":"https://app.example.com/account/password/reset?key={key}"}' \
		"$LATCHKEY_BIN" dev --dir "$dir/server" --addr 127.0.0.1:0 --json >"$dir/ready" 2>"$dir/log" &
	server=$!
	trap 'kill $server; wait $server || true; rm -rf "$dir"' EXIT
	trap 'exit 1' INT TERM
	until [ -s "$dir/ready" ]; do
		kill -0 $server || { cat "$dir/log" >&2; exit 1; }
		sleep 0.2
	done
	LATCHKEY_URL=$(sed -n 's/.*"url":"\([^"]*\)".*/\1/p' "$dir/ready")
	LATCHKEY_SERVICES=$(sed -n 's/.*"services":"\([^"]*\)".*/\1/p' "$dir/ready")
	export LATCHKEY_SERVICES
fi
export LATCHKEY_URL
./toolchain.sh swift build --build-tests -Xswiftc -warnings-as-errors
./toolchain.sh swift test --skip-build --parallel --quiet
./toolchain.sh .build/debug/latchkey-tour "$LATCHKEY_URL"
