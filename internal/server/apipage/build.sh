#!/bin/sh
# build.sh: fetches Redoc from npm, and writes redoc.js.gz. Its mark loads a picture from Redocly's servers: the
# page makes no request to others, so that the address of the picture goes. Run it to take another version.
set -eu
cd "$(dirname "$0")"
version=2.5.4
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
(cd "$work" && npm pack --silent "redoc@$version" >/dev/null && tar xzf "redoc-$version.tgz")
sed 's#https://cdn.redoc.ly/redoc/logo-mini.svg#data:,#g' "$work/package/bundles/redoc.standalone.js" | gzip -9n >redoc.js.gz
cp "$work/package/LICENSE" redoc.LICENSE
