#!/usr/bin/env bash
# As record.sh, with Debezium's transforms on the class path.
#
#   make_unwrap_cases.py 8000 | record-unwrap.sh > recorded/smt-cases.jsonl && make conformance DIR=recorded
#
# Environment:
#   TIDEGATE_CACHE   Debezium goes to its folder debezium   (default: ~/.cache/tidegate)
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
version=3.4.1.Final
libs=${TIDEGATE_CACHE:-$HOME/.cache/tidegate}/debezium
if [ "$(cat "$libs/.complete" 2>/dev/null)" != "$version" ]; then
  mkdir -p "$libs"
  for artifact in core api common openlineage-api; do
    mvn -B -q org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy \
      -Dartifact="io.debezium:debezium-$artifact:$version" -DoutputDirectory="$libs" >&2
  done
  echo "$version" >"$libs/.complete"
fi
RECORDER_CLASSPATH="$libs/*" "$here/record.sh"
