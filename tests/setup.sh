#!/usr/bin/env bash
# Installs what a new machine lacks to build Tidegate. Does nothing where all is there.
set -euo pipefail

missing=()
command -v cc >/dev/null || missing+=(gcc libc6-dev)
command -v make >/dev/null || missing+=(make)
command -v pkg-config >/dev/null || missing+=(pkg-config)
[ -e /usr/include/zlib.h ] || missing+=(zlib1g-dev)
[ -e /usr/include/openssl/ssl.h ] || missing+=(libssl-dev)
# The fuzzer of `make test` is built with it; without it that is left out.
if command -v apt-get >/dev/null && ! command -v c++ >/dev/null; then missing+=(g++); fi
if [ "${#missing[@]}" -gt 0 ]; then
  if ! command -v apt-get >/dev/null; then
    echo "setup: please install ${missing[*]} (named as Debian has them)" >&2
    exit 1
  fi
  sudo=$([ "$(id -u)" = 0 ] || echo sudo)
  echo "setup: installing ${missing[*]}"
  $sudo apt-get update -q
  $sudo apt-get install -qy --no-install-recommends "${missing[@]}"
fi

if ! command -v cargo >/dev/null; then
  echo "setup: Rust is missing; install it with rustup (https://rustup.rs), then call this again" >&2
  exit 1
fi
if ! rustc --print target-libdir --target wasm32-wasip2 2>/dev/null | xargs -I{} test -d {}; then
  rustup target add wasm32-wasip2
fi
