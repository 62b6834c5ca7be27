#!/usr/bin/env bash
# test.sh VERSION...: runs the package's tests on these versions of Django, with integer, bigint and UUID users.
# It needs LATCHKEY_BIN, LATCHKEY_TEST_DATABASE_URL, Go, and Python 3 with venv. All that it makes is in .build.
set -euo pipefail
cd "$(dirname "$0")"
python=${PYTHON:-python3}

# venv NAME: makes .build/NAME with the packages of requirements/NAME.txt, and of this folder.
venv() {
	local lock=requirements/$1.txt
	if ! cmp -s "$lock" ".build/$1/lock"; then
		rm -rf ".build/$1"
		"$python" -m venv ".build/$1"
		".build/$1/bin/pip" install -q --disable-pip-version-check --require-hashes --only-binary :all: -r "$lock"
		cp "$lock" ".build/$1/lock"
	fi
}

if [ "${1:-}" = venv ]; then # for other scripts
	venv "$2"
	exit
fi

if [ "${1:-}" = lint ]; then
	venv tools
	.build/tools/bin/ruff check -q .
	.build/tools/bin/ruff format -q --check .
	.build/tools/bin/mypy src tests
	rm -rf .build/dist
	.build/tools/bin/python -m build -q --no-isolation --outdir .build/dist .
	ls .build/dist/*.whl .build/dist/*.tar.gz
	exit
fi

if [ "${1:-}" = moving-in ]; then
	venv "django-$2"
	for ids in int bigint uuid; do # USERS in all
		SITE_IDS=$ids USERS=$((${USERS:-50} / 3 + 1)) PYTHONPATH=src:tests ".build/django-$2/bin/python" tests/moving_in.py
	done
	exit
fi

for version in "$@"; do
	venv "django-$version"
	for ids in int bigint uuid; do
		echo "Django $version, $ids users"
		SITE_IDS=$ids ".build/django-$version/bin/pytest" -q
	done
done
