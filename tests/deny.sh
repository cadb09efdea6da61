#!/usr/bin/env bash
# Checks the dependencies against deny.toml: licences, sources, bans, advisories. Installs cargo-deny where it is missing.
#
# A found advisory is a failure. A database of advisories that cannot be fetched is not: it is said and left out.
#
# Environment:
#   TIDEGATE_CACHE   cargo-deny is installed in its folder tools   (default: ~/.cache/tidegate)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
version=0.20.2
tools=${TIDEGATE_CACHE:-$HOME/.cache/tidegate}/tools
cargo=${CARGO:-cargo}

is_right() { [ "$("$1" --version 2>/dev/null)" = "cargo-deny $version" ]; }

deny=cargo-deny
if ! is_right "$deny"; then
  deny=$tools/bin/cargo-deny
  if ! is_right "$deny"; then
    echo "lint: installing cargo-deny $version into $tools; this takes some minutes, once"
    # Not in the project's target folder, which it would fill with crates that nobody here uses.
    build=$(mktemp -d "${TMPDIR:-/tmp}/tidegate-deny.XXXXXX")
    trap 'rm -rf -- "$build"' EXIT
    "$cargo" install --quiet --locked --version "$version" --root "$tools" --target-dir "$build" cargo-deny
  fi
fi

"$deny" check bans licenses sources
if "$deny" fetch db; then
  "$deny" check advisories
else
  echo "Left out: advisories. Their database cannot be fetched, see above; licences, sources and bans were checked."
fi
