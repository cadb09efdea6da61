#!/usr/bin/env bash
# The demonstration: 2,699 real flights from a file, through a source connector, a topic, two transforms and a
# sink connector, into another file.   run.sh PATH-OF-TIDEGATE
set -euo pipefail
tidegate=$1
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
rm -rf demo
mkdir -p demo
port=${TIDEGATE_DEMO_PORT:-0}
CONNECT_LISTENERS="http://127.0.0.1:$port" "$tidegate" standalone examples/flights/worker.properties \
  examples/flights/flights-source.json examples/flights/flights-sink.json --exit-when-idle 1 --progress-interval 0.25
echo
echo "$(wc -l <demo/flights.jsonl) flights are in demo/flights.jsonl. The first three:"
head -n 3 demo/flights.jsonl
echo
echo "The topic is in demo/topics. Look at it:"
echo "  $tidegate topics --bootstrap-servers embedded:demo/topics"
echo "  $tidegate consume flights --bootstrap-servers embedded:demo/topics --max 3 --json"
