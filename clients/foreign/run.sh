#!/usr/bin/env bash
# run.sh: generates clients from allauth's OpenAPI document in Python and Java, and walks with each through the server at
# BASE_URL. It needs Python 3 with venv, a JDK (17 or newer) and Maven. All that it makes stands in .build.
set -euo pipefail
cd "$(dirname "$0")"
mkdir -p .build

# The document takes its description from a file that is not part of it, which generators refuse.
document=$PWD/.build/openapi.yaml
sed '/^    \$ref: "\.\/description\.md"$/d; s/^  description:$/  description: Headless API/' allauth/openapi.yaml >"$document"

python3 -m venv .build/python
.build/python/bin/pip install -q --disable-pip-version-check --require-hashes --only-binary :all: -r python/requirements.txt
.build/python/bin/openapi-python-client generate --path "$document" --config python/config.yaml \
	--output-path .build/python-client --overwrite --fail-on-warning
PYTHONPATH=.build/python-client .build/python/bin/python python/walk.py

mvn --batch-mode --quiet --strict-checksums -f java/pom.xml -Ddocument="$document" clean compile exec:java
