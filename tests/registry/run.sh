#!/usr/bin/env bash
# Starts a throw-away schema registry on loopback and tests the Avro converter against it and against Confluent's Python
# client, both ways.
#
# Environment:
#   TIDEGATE_CACHE   registry and Python packages are kept there   (default: ~/.cache/tidegate)
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${TIDEGATE_CACHE:-$HOME/.cache/tidegate}
packages=$here/requirements.txt

python=$cache/python/bin/python3
if ! cmp -s "$packages" "$cache/python/.complete"; then
  echo "run.sh: installing Confluent's Python client into $cache/python" >&2
  rm -rf -- "$cache/python"
  if ! python3 -m venv "$cache/python" 2>/dev/null; then # Debian has it in a package of its own
    apt-get install -y -qq python3-venv >/dev/null
    python3 -m venv "$cache/python"
  fi
  "$python" -m pip install -q --disable-pip-version-check -r "$packages"
  cp "$packages" "$cache/python/.complete"
fi

data=$(mktemp -d "${TMPDIR:-/tmp}/tidegate-registry.XXXXXX")
trap '"$here/registry.sh" stop "$data"; rm -rf -- "$data"' EXIT
TIDEGATE_TEST_REGISTRY=$("$here/registry.sh" start "$data")
TIDEGATE_TEST_PYTHON=$python
export TIDEGATE_TEST_REGISTRY TIDEGATE_TEST_PYTHON
cd "$here/../.."
echo "The schema registry listens on $TIDEGATE_TEST_REGISTRY"
${CARGO:-cargo} test --workspace --test registry --test random_avro
