#!/usr/bin/env bash
# Records what Kafka Connect's own herder answers to the configurations of make_validate_cases.py, and writes it to standard
# output in the form that `make conformance` reads. Needs a JDK, python3 and, once, mvn. No broker runs.
#
#   record-validate.sh > tests/conformance/validate-cases.jsonl
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
kafka=$here/../../kafka/kafka.sh
"$kafka" fetch
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/plugins"
classpath=$("$kafka" classpath)
javac -nowarn -Xlint:none -d "$scratch" -cp "$classpath" "$here/ValidateRecorder.java" >&2
"$here/make_validate_cases.py" |
  java -XX:TieredStopAtLevel=1 -cp "$scratch:$classpath" ValidateRecorder "$scratch/plugins" |
  "$here/make_validate_cases.py" --reduce
