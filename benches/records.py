"""Records to measure with: lines of about 106 bytes of JSON, the same bytes every time.

`records.py COUNT FILE` writes them alone.
"""

import random
import sys

STATUS = ["ok", "failed", "pending", "refunded"]
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
    from pathlib import Path

    write(Path(sys.argv[2]), int(sys.argv[1]))
