"""Confluent's Python client on the other side of the registry tests.

    peer.py write URL TOPIC STRATEGY    standard input: {"schema": ..., "values": [...]}; prints a message in hex a line
    peer.py read URL TOPIC              standard input: a message in hex a line; prints a value in JSON a line
    peer.py proxy URL USER_INFO         asks for user and password before the registry; prints its own URL
"""

import base64
import datetime
import decimal
import http.server
import json
import sys
import urllib.error
import urllib.request

STRATEGIES = {
    "topic": lambda context, record: f"{context.topic}-value",
    "record": lambda context, record: record,
    "topic-record": lambda context, record: f"{context.topic}-{record}",
}


def client(url):
    from confluent_kafka.schema_registry import SchemaRegistryClient

    return SchemaRegistryClient({"url": url})


def context(topic):
    from confluent_kafka.serialization import MessageField, SerializationContext

    return SerializationContext(topic, MessageField.VALUE)


def write(url, topic, strategy):
    from confluent_kafka.schema_registry.avro import AvroSerializer

    given = json.load(sys.stdin)
    settings = {"subject.name.strategy": STRATEGIES[strategy]}
    serializer = AvroSerializer(client(url), json.dumps(given["schema"]), conf=settings)
    for value in given["values"]:
        print(serializer(typed(value), context(topic)).hex())


def typed(value):
    """JSON has no bytes and no dates: {"$bytes": hex}, {"$decimal": text}, {"$date": text}, {"$ms": number}."""
    if isinstance(value, list):
        return [typed(element) for element in value]
    if not isinstance(value, dict):
        return value
    if "$bytes" in value:
        return bytes.fromhex(value["$bytes"])
    if "$decimal" in value:
        return decimal.Decimal(value["$decimal"])
    if "$date" in value:
        return datetime.date.fromisoformat(value["$date"])
    if "$ms" in value:
        return datetime.datetime.fromtimestamp(value["$ms"] / 1000, datetime.timezone.utc)
    return {key: typed(element) for key, element in value.items()}


def untyped(value):
    if isinstance(value, bytes):
        return {"$bytes": value.hex()}
    if isinstance(value, decimal.Decimal):
        return {"$decimal": str(value)}
    if isinstance(value, datetime.datetime):
        return {"$ms": round(value.timestamp() * 1000)}
    if isinstance(value, (datetime.date, datetime.time)):
        return {"$date" if isinstance(value, datetime.date) else "$time": value.isoformat()}
    raise TypeError(type(value))


def read(url, topic):
    from confluent_kafka.schema_registry.avro import AvroDeserializer

    deserializer = AvroDeserializer(client(url))
    for line in sys.stdin:
        value = deserializer(bytes.fromhex(line), context(topic))
        print(json.dumps(value, default=untyped, sort_keys=True))


def proxy(url, user_info):
    wanted = "Basic " + base64.b64encode(user_info.encode()).decode()

    class Handler(http.server.BaseHTTPRequestHandler):
        def forward(self):
            body = self.rfile.read(int(self.headers.get("content-length", 0))) or None
            if self.headers.get("authorization") != wanted:
                return self.answer(401, b'{"error_code": 401, "message": "Unauthorized"}')
            headers = {"content-type": self.headers.get("content-type", "application/json")}
            request = urllib.request.Request(url + self.path, body, headers, method=self.command)
            try:
                with urllib.request.urlopen(request) as answer:
                    self.answer(answer.status, answer.read())
            except urllib.error.HTTPError as error:
                self.answer(error.code, error.read())

        do_GET = do_POST = forward

        def answer(self, status, body):
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    {"write": write, "read": read, "proxy": proxy}[sys.argv[1]](*sys.argv[2:])
