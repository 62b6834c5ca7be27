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
"$bin" dev --dir "$dir/d" --addr 127.0.0.1:0 >"$dir/out" 2>"$dir/log" &
server=$!
trap 'kill -INT $server 2>/dev/null || true; wait $server || true; rm -rf "$dir"' EXIT
for _ in $(seq 300); do
	BASE_URL=$(sed -n 's/^.*listening on \(http:.*\)$/\1/p' "$dir/out" | head -n 1)
	[ -n "$BASE_URL" ] && break
	kill -0 $server 2>/dev/null || { cat "$dir/log" >&2; exit 1; }
	sleep 0.1
done
[ -n "$BASE_URL" ] || { echo "latchkey dev did not come up within 30 s" >&2; exit 1; }
SERVICES_URL=$(sed -n 's/^Apple and Google are played by \(http:[^ ]*\): .*$/\1/p' "$dir/out" | head -n 1)
export BASE_URL SERVICES_URL
"$@"
