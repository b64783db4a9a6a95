#!/bin/sh
# Makes the files of this folder again; see README.md.
set -e
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
"${PYTHON:-python3}" "$here/make.py" "$work"
rm -rf "$here/coco"
cp -r "$work/coco" "$here/coco"
cd "$work/shard"
find . -type f | sort | sed 's|^\./||' >../members
for format in gnu pax; do
  tar --format=$format --owner=0 --group=0 --mtime=2026-01-01 -cf "$here/shard-$format.tar" -T ../members
done
cd "$work"
cp "$here/make.mjs" .
npm install --silent @duckdb/node-api@1.5.6-r.1 apache-arrow@21.2.0 >/dev/null
node make.mjs "$work" "$here"
