#!/usr/bin/env bash
# A throw-away schema registry that speaks Confluent's interface, on loopback only, for tests: Apicurio Registry, in
# memory. Needs java and, once, mvn.
#
#   registry.sh fetch        download it from Maven Central, once
#   registry.sh start DIR    start it, wait until it answers, print its URL
#   registry.sh stop DIR     stop it; what it had is gone
#
# Environment:
#   TIDEGATE_CACHE   it goes to its folder registry   (default: ~/.cache/tidegate)
set -euo pipefail

version=2.6.13.Final
libs=${TIDEGATE_CACHE:-$HOME/.cache/tidegate}/registry
path=/apis/ccompat/v7
wait_seconds=120

die() {
  echo "registry.sh: $*" >&2
  exit 1
}

fetch() {
  if [ "$(cat "$libs/.complete" 2>/dev/null)" = "$version" ]; then return; fi
  command -v mvn >/dev/null || die "mvn is not installed; it is needed once, to download the registry"
  echo "registry.sh: downloading Apicurio Registry $version into $libs" >&2
  mkdir -p "$libs"
  rm -rf -- "${libs:?}"/* "$libs/.complete"
  # Its default version cannot copy an archive with a classifier.
  (cd "$libs" && mvn -B -q org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy \
    -Dartifact="io.apicurio:apicurio-registry-app:$version:tar.gz:all" -DoutputDirectory="$libs") >&2
  tar xzf "$libs/apicurio-registry-app-$version-all.tar.gz" -C "$libs"
  rm -f "$libs/apicurio-registry-app-$version-all.tar.gz"
  echo "$version" >"$libs/.complete"
}

port_open() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

free_port() { # below the range from which the system takes ports for outgoing connections
  local port
  for _ in $(seq 50); do
    port=$((20000 + RANDOM % 12000))
    if ! port_open "$port"; then
      echo "$port"
      return
    fi
  done
  die "found no free port"
}

# Whether the registry of a port answers.
answers() {
  local line
  exec 3<>"/dev/tcp/127.0.0.1/$1" || return 1
  printf 'GET %s/subjects HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n' "$path" >&3
  read -t 10 -r line <&3 || return 1
  exec 3>&-
  [[ $line == *" 200 "* ]]
}

start() {
  fetch
  mkdir -p "$dir/tmp"
  local port pid tenths=0
  port=$(free_port)
  nohup java -Xms64m -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Djava.io.tmpdir="$dir/tmp" \
    -Dquarkus.http.host=127.0.0.1 -Dquarkus.http.port="$port" -Dquarkus.log.level=WARN \
    -jar "$libs/apicurio-registry-app-$version-runner.jar" >"$dir/registry.out" 2>&1 </dev/null &
  pid=$!
  echo "$pid" >"$dir/pid"
  until answers "$port" 2>/dev/null; do
    if ! kill -0 "$pid" 2>/dev/null; then
      tail -20 "$dir/registry.out" >&2
      die "the registry ended while starting"
    fi
    tenths=$((tenths + 1))
    if [ "$tenths" -gt $((wait_seconds * 10)) ]; then
      kill "$pid"
      tail -20 "$dir/registry.out" >&2
      die "the registry is not ready after $wait_seconds s"
    fi
    sleep 0.1
  done
  echo "http://127.0.0.1:$port$path"
}

stop() {
  local pid
  pid=$(cat "$dir/pid" 2>/dev/null) || return 0
  kill "$pid" 2>/dev/null || true
  for _ in $(seq 100); do
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.1
  done
  kill -9 "$pid" 2>/dev/null || true
  rm -f "$dir/pid"
}

command=${1:-}
dir=${2:-}
case $command in
  fetch) fetch ;;
  start | stop)
    [ -n "$dir" ] || die "a folder is wanted"
    "$command"
    ;;
  *)
    sed -n '2,11p' "${BASH_SOURCE[0]}" | sed 's/^# \{0,1\}//' >&2
    exit 2
    ;;
esac
