#!/usr/bin/env bash
# Fuzzes with libFuzzer, one target after another, and ends with a table.
#
#   tests/fuzz/run.sh [SECONDS] [TARGET…|light]     60 seconds and all targets unless said otherwise
#
# `light` are the targets that need neither wasmtime nor librdkafka and build in a minute or two.
#
# It takes the Rust that builds the project: coverage needs neither nightly nor cargo-fuzz, whose flags these are. A C++ compiler
# is needed for libFuzzer itself. Exit code 1: a target failed, and how to repeat it is said.
#
# Environment:
#   FUZZ_CORPUS   where inputs are kept between runs   (default: CARGO_TARGET_DIR/fuzz/corpus)
#   FUZZ_SEED     a number: random choices come of it and nothing is taken from or left for other runs, so that what a run
#                 finds depends on the code   (default: none)
#   CARGO         cargo
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
seconds=${1:-60}
shift || true
if ! [[ $seconds =~ ^[0-9]+$ ]]; then
  echo "fuzz: $seconds is no number of seconds; tests/fuzz/run.sh [SECONDS] [TARGET…] is wanted" >&2
  exit 2
fi
all=(value batch json_converter avro_converter simple_converters config transforms component rest_body)
light=" value batch json_converter avro_converter simple_converters config transforms "
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=("${all[@]}")
# Without these two nothing of wasmtime is built.
[ "${targets[*]}" != light ] || read -ra targets <<<"$light"
features=()
for target in "${targets[@]}"; do
  if ! [[ " ${all[*]} " == *" $target "* ]]; then
    echo "fuzz: there is no target $target; there are ${all[*]}" >&2
    exit 2
  fi
  [[ $light == *" $target "* ]] || features=(--features host)
done
if ! command -v c++ >/dev/null; then
  echo "fuzz: a C++ compiler is missing, which libFuzzer is built with; install g++" >&2
  exit 2
fi

target_dir=$(realpath -m "${CARGO_TARGET_DIR:-target}")/fuzz
corpus=$(realpath -m "${FUZZ_CORPUS:-$target_dir/corpus}")
if [ -n "${FUZZ_SEED:-}" ]; then
  corpus=$(mktemp -d)
  trap 'rm -rf "$corpus"' EXIT
fi
found=$target_dir/found
triple=$(rustc -vV | sed -n 's/^host: //p')
# With a target of its own, build scripts and macros are built without these.
flags="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4"
flags+=" -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table"
flags+=" -Cllvm-args=-sanitizer-coverage-trace-compares -Cllvm-args=-simplifycfg-branch-fold-threshold=0 --cfg fuzzing"

# Not --locked: who adds a dependency to a crate does not have to think of the lock file here, which cargo completes.
echo "fuzz: building; the first time takes minutes"
started=$SECONDS
RUSTFLAGS=$flags CARGO_TARGET_DIR=$target_dir CARGO_INCREMENTAL=0 ${CARGO:-cargo} build --quiet --release \
  --manifest-path tests/fuzz/libfuzzer/Cargo.toml --target "$triple" "${features[@]}" "${targets[@]/#/--bin=}"
echo "fuzz: built in $((SECONDS - started)) s; ${#targets[@]} targets of $seconds s each"

rows=()
failed=0
for target in "${targets[@]}"; do
  mkdir -p "$corpus/$target" "$found/$target"
  log=$found/$target.log
  options=(-max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -max_len=4096 -print_final_stats=1
    -seed="${FUZZ_SEED:-0}")
  dictionary=tests/fuzz/dictionaries/$target.dict
  [ ! -e "$dictionary" ] || options+=(-dict="$dictionary")
  echo "fuzz: $target"
  if FUZZ_LAST=$found/$target/last "$target_dir/$triple/release/$target" "${options[@]}" -artifact_prefix="$found/$target/" \
    "$corpus/$target" "tests/fuzz/seeds/$target" >"$log" 2>&1; then
    outcome=ok
  else
    outcome=FAILED
    failed=1
    input=$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)
    echo "fuzz: $target failed:"
    grep -a -A4 -m1 -e 'panicked at' -e '^==[0-9]*== ERROR' "$log" | cut -c 1-2000 | sed 's/^/  /' || tail -n 5 "$log"
    echo "  the log:     $log"
    # An overflow of the stack leaves no input but this.
    [ -n "$input" ] || input=$found/$target/last
    echo "  repeat it:   $target_dir/$triple/release/$target $input"
    echo "  make it small: add -minimize_crash=1 -max_total_time=60"
    echo "  keep it:     cp $input tests/fuzz/seeds/$target/NAME, with which cargo test --test fuzz fails until it is mended"
  fi
  stat() { sed -n "s/^stat::$1: *//p" "$log" | tail -n 1; }
  edges=$(grep -a -o 'cov: [0-9]*' "$log" | tail -n 1 | cut -d ' ' -f 2)
  inputs=$(find "$corpus/$target" -type f | wc -l)
  rows+=("$(printf '%-18s %12s %9s %9s %8s  %s' "$target" "$(stat number_of_executed_units)" "$(stat average_exec_per_sec)" \
    "$edges" "$inputs" "$outcome")")
done

printf '\n%-18s %12s %9s %9s %8s  %s\n' target executions exec/s edges inputs outcome
printf '%s\n' "${rows[@]}"
exit $failed
