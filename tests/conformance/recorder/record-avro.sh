#!/usr/bin/env bash
# Records what Confluent's AvroData and Avro's Java library do with cases (standard input, one JSON object a line), and
# writes them with their `expect` to standard output. Needs a JDK, git and, once, mvn.
#
#   make_cases.py avro 8000 | record-avro.sh > recorded/avro-cases.jsonl && make conformance DIR=recorded
#   make_cases.py avro 8000 | record-avro.sh | make_cases.py avro-back | record-avro.sh > recorded/avro-cases.jsonl
#
# The second line reads what was written before. AvroData is compiled from Confluent's source (Apache-2.0) at a tag, which
# is fetched and never kept here; what AvroData only names of the registry's client is stubbed below.
#
# Environment:
#   TIDEGATE_CACHE          source and jars go to its folder avro-data   (default: ~/.cache/tidegate)
#   SCHEMA_REGISTRY_GIT     a repository that has the tag                 (default: Confluent's on GitHub)
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
version=v8.3.1
jars="org.apache.avro:avro:1.12.1 com.google.guava:guava:33.4.8-jre com.google.guava:failureaccess:1.0.2"
sources="avro-data/src/main/java schema-converter/src/main/java/io/confluent/connect/schema
  avro-types/src/main/java/io/confluent/avro/type/VariantConversion.java
  avro-types/src/main/java/io/confluent/avro/type/VariantLogicalType.java
  avro-serializer/src/main/java/io/confluent/kafka/serializers/NonRecordContainer.java"
cache=${TIDEGATE_CACHE:-$HOME/.cache/tidegate}/avro-data

stub() { # the class's file, its source from standard input
  mkdir -p "$cache/stubs/io/confluent/kafka/schemaregistry/$(dirname "$1")"
  cat >"$cache/stubs/io/confluent/kafka/schemaregistry/$1"
}

build() {
  rm -rf -- "$cache"
  mkdir -p "$cache/source" "$cache/libs" "$cache/classes"
  local repository=${SCHEMA_REGISTRY_GIT:-}
  if [ -z "$repository" ]; then
    repository=$cache/git
    git clone -q --bare --depth 1 --branch "$version" https://github.com/confluentinc/schema-registry "$repository" >&2
  fi
  # shellcheck disable=SC2086
  git --git-dir="$repository" archive "$version" $sources | tar -x -C "$cache/source"
  for jar in $jars; do
    mvn -B -q org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy \
      -Dartifact="$jar" -DoutputDirectory="$cache/libs" >&2
  done
  # A key of a cache, and what belongs to the type Variant, which no case has.
  stub avro/AvroSchema.java <<'JAVA'
package io.confluent.kafka.schemaregistry.avro;
public record AvroSchema(org.apache.avro.Schema schema, Integer version) {}
JAVA
  stub type/Variant.java <<'JAVA'
package io.confluent.kafka.schemaregistry.type;
import java.nio.ByteBuffer;
public class Variant {
    public Variant(byte[] value, byte[] metadata) {}
    public Variant(ByteBuffer value, ByteBuffer metadata) {}
    public ByteBuffer getValueBuffer() { throw new UnsupportedOperationException(); }
    public ByteBuffer getMetadataBuffer() { throw new UnsupportedOperationException(); }
}
JAVA
  stub type/VariantUtils.java <<'JAVA'
package io.confluent.kafka.schemaregistry.type;
import com.fasterxml.jackson.databind.JsonNode;
public class VariantUtils {
    public static JsonNode toJsonNode(Variant variant) { throw new UnsupportedOperationException(); }
    public static Variant fromJsonNode(JsonNode json) { throw new UnsupportedOperationException(); }
}
JAVA
  find "$cache/source" "$cache/stubs" -name '*.java' -print0 |
    xargs -0 javac -nowarn -Xlint:none -d "$cache/classes" -cp "$classpath:$cache/libs/*" >&2
  echo "$version $jars" >"$cache/.complete"
}

kafka=$here/../../kafka/kafka.sh
"$kafka" fetch
classpath=$("$kafka" classpath)
if [ "$(cat "$cache/.complete" 2>/dev/null)" != "$version $jars" ]; then build; fi
classes=$(mktemp -d)
trap 'rm -rf "$classes"' EXIT
classpath=$cache/classes:$cache/libs/*:$classpath
javac -nowarn -Xlint:none -d "$classes" -cp "$classpath" "$here/Recorder.java" "$here/AvroRecorder.java" >&2
java -XX:TieredStopAtLevel=1 -Dlog4j2.level=off -cp "$classes:$classpath" AvroRecorder
