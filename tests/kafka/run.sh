#!/usr/bin/env bash
# Starts a throw-away Apache Kafka on loopback and runs the broker and pipeline tests against it.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
data=$(mktemp -d "${TMPDIR:-/tmp}/tidegate-kafka.XXXXXX")
trap '"$here/kafka.sh" stop "$data"; rm -rf -- "$data"' EXIT
TIDEGATE_TEST_KAFKA=$(KAFKA_SECURE=1 "$here/kafka.sh" start "$data")
TIDEGATE_TEST_KAFKA_SECURE=$data/secure
export TIDEGATE_TEST_KAFKA TIDEGATE_TEST_KAFKA_SECURE
cd "$here/../.."
echo "Apache Kafka listens on $TIDEGATE_TEST_KAFKA"
# With the whole workspace chosen the dependencies have the features that `make test` built them with.
${CARGO:-cargo} test --workspace --test kafka
${CARGO:-cargo} test --workspace --test pipeline kafka
