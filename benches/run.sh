#!/usr/bin/env bash
# Builds in release, measures, and prints one table; the figures also go to target/bench/results.json.
#
#   run.sh [PART ...] [OPTION ...]     `run.sh --help` lists parts and options; without a part, all are run
#
# The comparison with Kafka Connect needs java and mvn, the floor needs kcat; without them they are left out.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$here/.."
cargo=${CARGO:-cargo}
"$cargo" build --release -p tidegate
if [ ! -f target/plugins/file.wasm ] || [ ! -f target/plugins/transforms.wasm ]; then
  make --no-print-directory guests
fi
export TIDEGATE=${CARGO_TARGET_DIR:-target}/release/tidegate CARGO=$cargo
export PYTHONDONTWRITEBYTECODE=1
exec python3 "$here/bench.py" "$@"
