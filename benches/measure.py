"""What is read from outside: CPU time and memory of a process, end offsets of a topic, answers of a REST API."""

import json
import os
import re
import socket
import struct
import time
import urllib.error
import urllib.request
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def process_tree(pid):
    """The process and all its children."""
    found, todo = [], [pid]
    while todo:
        pid = todo.pop()
        found.append(pid)
        try:
            for task in os.listdir(f"/proc/{pid}/task"):
                todo += map(int, Path(f"/proc/{pid}/task/{task}/children").read_text().split())
        except OSError:
            pass
    return found


def cpu_seconds(pid):
    """User and system time of the process and its children."""
    ticks = 0
    for process in process_tree(pid):
        try:
            fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
            ticks += int(fields[11]) + int(fields[12])
        except OSError:
            pass
    return ticks / TICKS


def status(pid, key):
    """A number from the process's status: sizes are in KiB."""
    found = re.search(key + r":\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) if found else 0


def memory_mib(pid, key="VmRSS"):
    """Resident memory, or with VmHWM its highest value so far."""
    return status(pid, key) / 1024


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def rest(url, method="GET", body=None):
    """The JSON that the REST API answers; raises urllib's errors."""
    request = urllib.request.Request(
        url,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        text = answer.read()
    return json.loads(text) if text else None


def wait_until(condition, what, seconds=120, every=0.05):
    """Calls `condition` until it is true, and fails with `what` after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"after {seconds} s still waiting for {what}")
        time.sleep(every)


def running(base, name):
    """Whether the connector and its tasks are RUNNING; fails when one has FAILED."""
    try:
        status = rest(f"{base}/connectors/{name}/status")
    except (urllib.error.URLError, ConnectionError):
        return False
    states = [status["connector"]["state"]] + [task["state"] for task in status["tasks"]]
    if "FAILED" in states:
        raise SystemExit(f"{name} failed: {json.dumps(status, indent=1)}")
    return len(states) > 1 and set(states) == {"RUNNING"}


class Offsets:
    """Asks a broker for end offsets, over one connection, by ListOffsets version 1 of Kafka's protocol."""

    def __init__(self, bootstrap):
        host, port = bootstrap.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)))

    def end(self, topic):
        """The end offset of the topic's partition 0; 0 while there is no such topic."""
        name = topic.encode()
        body = struct.pack(">iih", -1, 1, len(name)) + name + struct.pack(">iiq", 1, 0, -1)
        request = struct.pack(">hhih", 2, 1, 1, -1) + body
        self.socket.sendall(struct.pack(">i", len(request)) + request)
        answer = self.read(struct.unpack(">i", self.read(4))[0])
        error, _timestamp, offset = struct.unpack(">hqq", answer[-18:])
        return 0 if error else offset

    def read(self, size):
        data = b""
        while len(data) < size:
            part = self.socket.recv(size - len(data))
            if not part:
                raise SystemExit("the broker closed the connection")
            data += part
        return data
