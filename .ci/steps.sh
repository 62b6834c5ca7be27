# What .ci/run and .ci/check share. Both add their steps to one table, in the file that LATCHKEY_TABLE names.

if [ -z "${LATCHKEY_TABLE:-}" ]; then
	LATCHKEY_TABLE=$(mktemp)
	LATCHKEY_BEGAN=$(date +%s)
	export LATCHKEY_TABLE LATCHKEY_BEGAN
	trap 'rm -f "$LATCHKEY_TABLE"' EXIT
fi

# step NAME COMMAND...: runs a command and notes how long it took. In CI no suite may be left out.
step() {
	local name=$1 from=$SECONDS log
	shift
	log=$(mktemp)
	printf '\n== %s\n' "$name"
	"$@" 2>&1 | tee "$log"
	if [ "${CI:-}" = true ] && grep -q '^left out:' "$log"; then
		echo "CI leaves no suite out"
		return 1
	fi
	rm -f "$log"
	printf '%-28s %5d s\n' "$name" $((SECONDS - from)) >>"$LATCHKEY_TABLE"
}

# table prints the steps and the seconds of all.
table() {
	printf '\n%s\n%-28s %5d s\n' "$(cat "$LATCHKEY_TABLE")" "all" $(($(date +%s) - LATCHKEY_BEGAN))
}
