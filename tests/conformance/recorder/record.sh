#!/usr/bin/env bash
# Records what Kafka Connect's own classes do with cases (standard input, one JSON object a line; an `expect` in them is
# overwritten) and writes them with their `expect` to standard output. Needs a JDK and, once, mvn.
#
# RECORDER_CLASSPATH adds to the class path, for transforms of others, whose `smt` is their whole class name.
#
#   record.sh < cases.jsonl > recorded/smt-cases.jsonl && make conformance DIR=recorded
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
kafka=$here/../../kafka/kafka.sh
"$kafka" fetch
classes=$(mktemp -d)
trap 'rm -rf "$classes"' EXIT
classpath=$("$kafka" classpath)${RECORDER_CLASSPATH:+:$RECORDER_CLASSPATH}
javac -nowarn -Xlint:none -d "$classes" -cp "$classpath" "$here/Recorder.java" >&2
java -XX:TieredStopAtLevel=1 -Dlog4j2.level=off -cp "$classes:$classpath" Recorder
