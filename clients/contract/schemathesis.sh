#!/usr/bin/env bash
# schemathesis.sh: runs schemathesis at BASE_URL as a throw-away person. The token goes by the
# environment, so that no list of processes shows it.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
email="contract+$(date +%s)$$@example.com"
SESSION_TOKEN=$(curl -sSf "$BASE_URL/_allauth/app/v1/auth/signup" -H 'Content-Type: application/json' \
	-d '{"email":"'"$email"'","password":"a long enough password"}' | sed 's/.*"session_token":"\([^"]*\)".*/\1/')
export SESSION_TOKEN
# The operations that change factors ask for a proof that was given while signed in.
curl -sSf -o /dev/null "$BASE_URL/_allauth/app/v1/auth/reauthenticate" -H 'Content-Type: application/json' -H "X-Session-Token: $SESSION_TOKEN" \
	-d '{"password":"a long enough password"}'
work=$(mktemp -d) # it keeps notes where it runs
trap 'rm -rf "$work"' EXIT
cd "$work"
# What ends the session is left out: every call after it would be 410.
schemathesis --config-file "$here/schemathesis.toml" run "$BASE_URL/openapi.json" "$@" \
	--exclude-operation-id endSession --exclude-operation-id endSessions --exclude-operation-id deleteAccount
