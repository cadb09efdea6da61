"""Records to measure with, the same bytes every time: orders, lines of about 106 bytes of JSON that are made up; flights,
lines of about 298 bytes that are real ones over and over; and some for single questions.

`records.py COUNT FILE` writes the orders alone.
"""

import itertools
import random
import sys
from pathlib import Path

STATUS = ["ok", "failed", "pending", "refunded"]
SCHEMAS = 10_000
FIRST_TIMESTAMP_MS = 1_690_000_000_000


def write(path, count):
    """Writes `count` records to `path`, unless it has them already."""
    if path.exists() and last_id(path) == count - 1:
        return
    rnd = random.Random(42)
    with open(path, "w", buffering=1 << 20) as out:
        for number in range(count):
            out.write(
                '{"id":%d,"user_id":"u%06d","amount":%.2f,"status":"%s","ts":%d,"note":"n%08x"}\n'
                % (
                    number,
                    rnd.getrandbits(20) % 1_000_000,
                    rnd.getrandbits(17) / 100,
                    STATUS[number & 3],
                    FIRST_TIMESTAMP_MS + number * 7,
                    rnd.getrandbits(32),
                )
            )


def write_flights(path, count):
    """Writes `count` records to `path`, unless it is there: the days of examples/flights, over and over."""
    if path.exists():
        return
    days = Path(__file__).resolve().parent.parent / "examples/flights/flights-3-days.jsonl"
    lines = days.read_text().splitlines(keepends=True)
    with open(path, "w", buffering=1 << 20) as out:
        out.writelines(itertools.islice(itertools.cycle(lines), count))


def write_bad(path, count):
    """Writes `count` lines that are no JSON to `path`, unless it is there: objects without their end."""
    if path.exists():
        return
    with open(path, "w", buffering=1 << 20) as out:
        out.writelines(f'{{"id": {number}, "name": "never ends"\n' for number in range(count))


def write_schemas(path, count):
    """Writes `count` orders with their schemas to `path`, unless it is there: SCHEMAS different ones, by turns."""
    if path.exists():
        return
    with open(path, "w", buffering=1 << 20) as out:
        for number in range(count):
            version = number % SCHEMAS
            fields = (
                '{"field":"id","type":"int64"},{"field":"user","type":"string","optional":true},'
                f'{{"field":"amount_{version}","type":"int32"}}'
            )
            schema = f'{{"type":"struct","name":"order_{version}","fields":[{fields}]}}'
            payload = f'{{"id":{number},"user":"u{number % 1000:06}","amount_{version}":{number % 100_000}}}'
            out.write(f'{{"schema":{schema},"payload":{payload}}}\n')


def last_id(path):
    """The id of the last record in a file of records, as JSON or as Kafka Connect's file sink prints maps."""
    import re

    try:
        with open(path, "rb") as file:
            file.seek(max(0, file.seek(0, 2) - 1024))
            tail = file.read()
    except FileNotFoundError:
        return -1
    complete = tail[: tail.rfind(b"\n") + 1].splitlines()
    found = re.search(rb'\bid"?[=:]\s*(\d+)', complete[-1]) if complete else None
    return int(found[1]) if found else -1


if __name__ == "__main__":
    write(Path(sys.argv[2]), int(sys.argv[1]))
