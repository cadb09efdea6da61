#!/usr/bin/env bash
# The secured listeners of kafka.sh, which sources this. Needs openssl.
#
# DIR/secure has what a client needs; all of it is made for the test and worth nothing elsewhere:
#
#   sasl_ssl     host:port of a listener with TLS, and SASL by PLAIN and SCRAM-SHA-256
#   ssl          host:port of a listener with TLS that wants a client's certificate
#   ca.pem       who signed the server's certificate
#   client.pem   a client's key and certificate, as Kafka's clients read a PEM store
#   password     the password of the user tidegate

is_secure() { [ -f "$dir/secure/password" ]; }

# The listeners, as they follow others in `listeners`.
secure_listeners() {
  printf ',SASL_SSL://%s,SSL://%s' "$(cat "$dir/secure/sasl_ssl")" "$(cat "$dir/secure/ssl")"
}

# A certificate for 127.0.0.1 with its key in one file.
certificate() { # name
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=tidegate test $1" \
    -keyout "$1.key" -out "$1.csr" 2>/dev/null
  openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 \
    -extfile <(echo "subjectAltName=IP:127.0.0.1") -out "$1.crt" 2>/dev/null
  cat "$1.key" "$1.crt" >"$1.pem"
}

prepare_secure() {
  if is_secure; then return; fi
  command -v openssl >/dev/null || die "openssl is not installed; KAFKA_SECURE=1 needs it"
  mkdir -p "$dir/secure"
  (
    umask 077
    cd "$dir/secure"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=tidegate test CA" \
      -keyout ca.key -out ca.pem 2>/dev/null
    certificate server
    certificate client
    echo "127.0.0.1:$(free_port)" >sasl_ssl
    echo "127.0.0.1:$(free_port)" >ssl
    head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \n' >password
  ) || die "the certificates could not be made"
}

secure_settings() {
  local password module=org.apache.kafka.common.security
  password=$(cat "$dir/secure/password")
  cat <<SETTINGS
ssl.keystore.type=PEM
ssl.keystore.location=$dir/secure/server.pem
ssl.truststore.type=PEM
ssl.truststore.location=$dir/secure/ca.pem
listener.name.ssl.ssl.client.auth=required
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256
listener.name.sasl_ssl.plain.sasl.jaas.config=$module.plain.PlainLoginModule required user_tidegate="$password";
listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config=$module.scram.ScramLoginModule required;
SETTINGS
}

# What the storage tool is told of users; PLAIN's are in the settings.
secure_users() {
  if is_secure; then
    printf -- '--add-scram SCRAM-SHA-256=[name=tidegate,password=%s]' "$(cat "$dir/secure/password")"
  fi
}
