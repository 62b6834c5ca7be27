#!/usr/bin/env bash
# with-dev.sh COMMAND...: runs COMMAND with BASE_URL set to a fresh `latchkey dev`, which ends
# with it, and SERVICES_URL to the Apple and the Google that are played beside it. LATCHKEY_BIN
# is the program to run; bin/latchkey by default (`make build`).
set -euo pipefail
bin=${LATCHKEY_BIN:-bin/latchkey}
dir=$(mktemp -d)
chmod 711 "$dir" # PostgreSQL's account passes through
# Nobody reads the mail of throw-away people; and the probes of all that signs up would wait for
# its limit, twice a minute.
signup='{"signup": "200/m/ip"}'
export ACCOUNT_EMAIL_VERIFICATION=${ACCOUNT_EMAIL_VERIFICATION:-none}
export MFA_ALLOW_UNVERIFIED_EMAIL=${MFA_ALLOW_UNVERIFIED_EMAIL:-true} ACCOUNT_RATE_LIMITS=${ACCOUNT_RATE_LIMITS:-$signup}
"$bin" dev --dir "$dir/d" --addr 127.0.0.1:0 --json >"$dir/ready" 2>"$dir/log" &
server=$!
trap 'kill -INT $server 2>/dev/null || true; wait $server || true; rm -rf "$dir"' EXIT
until [ -s "$dir/ready" ]; do
	kill -0 $server 2>/dev/null || { cat "$dir/log" >&2; exit 1; }
	sleep 0.1
done
BASE_URL=$(sed -n 's/.*"url":"\([^"]*\)".*/\1/p' "$dir/ready")
SERVICES_URL=$(sed -n 's/.*"services":"\([^"]*\)".*/\1/p' "$dir/ready")
export BASE_URL SERVICES_URL
"$@"
