#!/usr/bin/env bash
# A throw-away Apache Kafka of one node, on loopback only, for tests and benchmarks. Needs java and, once, mvn.
#
#   kafka.sh fetch         download Kafka and Kafka Connect from Maven Central, once
#   kafka.sh start DIR     start a broker that keeps its data in DIR, wait until it serves, print host:port
#   kafka.sh stop DIR      stop it; the data stays
#   kafka.sh status DIR    print host:port and exit 0 when it runs, else exit 1
#   kafka.sh classpath     print the class path, for Kafka's own tools and Kafka Connect
#
# Environment:
#   TIDEGATE_CACHE   the jars go to its folder kafka   (default: ~/.cache/tidegate)
#   KAFKA_PORT       the port                          (default: a free one; a restart in DIR keeps its port)
#   KAFKA_HEAP       heap of the broker                (default: 512m)
#   KAFKA_JIT        quick: starts sooner; full: for benchmarks   (default: quick)
#   KAFKA_EXTRA      more lines for server.properties  (default: none)
#   KAFKA_SECURE     1: listeners with TLS too, see tests/kafka/secure.sh   (default: none; a restart in DIR keeps it)
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
libs=${TIDEGATE_CACHE:-$HOME/.cache/tidegate}/kafka
wait_seconds=60

die() {
  echo "kafka.sh: $*" >&2
  exit 1
}

# shellcheck source=tests/kafka/secure.sh
source "$here/secure.sh"

fetch() {
  if [ -f "$libs/.complete" ] && cmp -s "$here/pom.xml" "$libs/.complete"; then return; fi
  command -v mvn >/dev/null || die "mvn is not installed; it is needed once, to download Kafka"
  echo "kafka.sh: downloading Apache Kafka into $libs" >&2
  mkdir -p "$libs"
  rm -f "$libs"/*.jar "$libs/.complete"
  mvn -B -q -f "$here/pom.xml" dependency:copy-dependencies \
    -DincludeScope=runtime -DoutputDirectory="$libs" >&2
  cp "$here/pom.xml" "$libs/.complete"
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

# The process id of the broker of $dir, when it runs.
broker() {
  local pid
  pid=$(cat "$dir/pid" 2>/dev/null) || return 1
  kill -0 "$pid" 2>/dev/null || return 1
  if [ -r "/proc/$pid/cmdline" ]; then
    tr '\0' ' ' <"/proc/$pid/cmdline" | grep -qF "$dir/server.properties" || return 1
  fi
  echo "$pid"
}

write_settings() { # port, controller port
  local secure=
  if is_secure; then secure=$(secure_listeners); fi
  cat >"$dir/server.properties" <<SETTINGS
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$2
listeners=PLAINTEXT://127.0.0.1:$1,CONTROLLER://127.0.0.1:$2$secure
advertised.listeners=PLAINTEXT://127.0.0.1:$1$secure
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_SSL:SASL_SSL
inter.broker.listener.name=PLAINTEXT
log.dirs=$dir/logs
num.partitions=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
log.cleaner.dedupe.buffer.size=8388608
num.network.threads=2
num.io.threads=4
${KAFKA_EXTRA:-}
SETTINGS
  if is_secure; then secure_settings >>"$dir/server.properties"; fi
  cat >"$dir/log4j2.properties" <<SETTINGS
status=error
appender.file.type=File
appender.file.name=file
appender.file.fileName=$dir/kafka.log
appender.file.layout.type=PatternLayout
appender.file.layout.pattern=[%d] %p %m (%c)%n
rootLogger.level=warn
rootLogger.appenderRef.file.ref=file
logger.ready.name=kafka.server.KafkaRaftServer
logger.ready.level=info
SETTINGS
}

start() {
  fetch
  mkdir -p "$dir"
  dir=$(cd "$dir" && pwd)
  if broker >/dev/null; then
    echo "127.0.0.1:$(cat "$dir/port")"
    return
  fi
  local port controller pid
  port=${KAFKA_PORT:-$(cat "$dir/port" 2>/dev/null || free_port)}
  controller=$(cat "$dir/controller" 2>/dev/null || free_port)
  if port_open "$port"; then die "port $port is taken; set KAFKA_PORT to another"; fi
  if port_open "$controller"; then die "port $controller is taken; start with an empty folder"; fi
  echo "$port" >"$dir/port"
  echo "$controller" >"$dir/controller"
  if [ "${KAFKA_SECURE:-}" = 1 ]; then prepare_secure; fi
  write_settings "$port" "$controller"
  local options=(-Xms64m "-Xmx${KAFKA_HEAP:-512m}" -XX:+UseSerialGC
    "-Dlog4j2.configurationFile=$dir/log4j2.properties")
  if [ "${KAFKA_JIT:-quick}" = quick ]; then options+=(-XX:TieredStopAtLevel=1); fi
  if [ ! -f "$dir/logs/meta.properties" ]; then
    local id
    id=A$(head -c 16 /dev/urandom | base64 | tr -d '+/=' | cut -c 1-21)
    while [ ${#id} -lt 22 ]; do id=${id}A; done
    java "${options[@]}" -cp "$libs/*" kafka.tools.StorageTool format -t "$id" \
      -c "$dir/server.properties" $(secure_users) >"$dir/format.out" 2>&1 || {
      cat "$dir/format.out" >&2
      die "the data folder could not be prepared"
    }
  fi
  : >"$dir/kafka.log"
  nohup java "${options[@]}" -cp "$libs/*" kafka.Kafka "$dir/server.properties" \
    >"$dir/kafka.out" 2>&1 </dev/null &
  pid=$!
  echo "$pid" >"$dir/pid"
  local tenths=0
  until grep -q "Kafka Server started" "$dir/kafka.log" && port_open "$port"; do
    if ! kill -0 "$pid" 2>/dev/null; then
      tail -20 "$dir/kafka.out" "$dir/kafka.log" >&2
      die "the broker ended while starting"
    fi
    tenths=$((tenths + 1))
    if [ "$tenths" -gt $((wait_seconds * 10)) ]; then
      kill "$pid"
      tail -20 "$dir/kafka.log" >&2
      die "the broker is not ready after $wait_seconds s"
    fi
    sleep 0.1
  done
  echo "127.0.0.1:$port"
}

stop() {
  [ -d "$dir" ] || return 0
  dir=$(cd "$dir" && pwd)
  local pid
  if pid=$(broker); then
    kill "$pid" 2>/dev/null || true
    for _ in $(seq 300); do
      kill -0 "$pid" 2>/dev/null || break
      sleep 0.1
    done
    if kill -0 "$pid" 2>/dev/null; then kill -9 "$pid" 2>/dev/null || true; fi
  fi
  rm -f "$dir/pid"
}

status() {
  [ -d "$dir" ] || return 1
  dir=$(cd "$dir" && pwd)
  broker >/dev/null || return 1
  echo "127.0.0.1:$(cat "$dir/port")"
}

usage() {
  sed -n '2,16p' "${BASH_SOURCE[0]}" | sed 's/^# \{0,1\}//' >&2
  exit 2
}

command=${1:-}
dir=${2:-}
case $command in
  fetch) fetch ;;
  classpath) fetch && echo "$libs/*" ;;
  start | stop | status)
    [ -n "$dir" ] || usage
    "$command"
    ;;
  *) usage ;;
esac
