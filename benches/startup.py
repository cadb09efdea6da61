"""How long a worker takes from its start to a RUNNING task, and a line from its file to its topic."""

import shutil
import statistics
import time

import measure
from workers import STRING, WORKERS


def start_to_running(folder, bootstrap, cache, name, cold):
    """Milliseconds from the start of the process until the task of a connector from the command line is RUNNING."""
    home = folder / "startup"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    if cold:
        shutil.rmtree(cache, ignore_errors=True)
    cache.mkdir(mode=0o700, exist_ok=True)
    lines = home / "in.txt"
    lines.write_text("line\n")
    connector = home / "source.properties"
    connector.write_text(
        "name=startup\nconnector.class=FileStreamSource\ntasks.max=1\n"
        f"file={lines}\ntopic=startup\nkey.converter={STRING}\nvalue.converter={STRING}\n"
    )
    if bootstrap is None:
        bootstrap = f"embedded:{home}/topics"
    with WORKERS[name](home / "worker", bootstrap, cache, folder, [connector]) as worker:
        worker.wait_for_running("startup", every=0.002)
        milliseconds = (time.monotonic() - worker.started) * 1e3
    shutil.rmtree(home)
    return milliseconds


def run(folder, broker, rounds, names):
    """Start to RUNNING, cold and warm; with a broker on Kafka too, there next to Kafka Connect."""
    cache = folder / "startup-cache"

    def median(bootstrap=None, name="tidegate", cold=False):
        times = [start_to_running(folder, bootstrap, cache, name, cold) for _ in range(rounds)]
        return statistics.median(times)

    results = {"cold, embedded topics": median(cold=True), "warm, embedded topics": median()}
    if broker:
        results["warm, on Kafka"] = median(broker)
        if "connect" in names:
            results["Kafka Connect"] = median(broker, "connect")
    for name, value in results.items():
        print(f"  {name:36}{value:8.0f} ms", flush=True)
    return results


def latency(folder, broker, cache, name, lines=50):
    """Milliseconds from appending a line to a source's file until the topic has it: the median and the 99th percentile."""
    home = folder / "latency"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    file, topic = home / "in.txt", f"latency-{name}-{time.time_ns()}"
    file.write_text("first\n")
    offsets = measure.Offsets(broker)
    config = {"connector.class": "FileStreamSource", "file": str(file), "topic": topic, "tasks.max": "1"}
    times = []
    with WORKERS[name](home / "worker", broker, cache, folder) as worker:
        worker.wait_for_rest()
        worker.create("latency", config)
        measure.wait_until(lambda: offsets.end(topic) == 1, "the first line in the topic")
        for number in range(lines):
            # Not in step with anything that polls.
            time.sleep(0.05 + 0.0137 * (number % 10))
            before, want = time.monotonic(), offsets.end(topic) + 1
            with open(file, "a") as out:
                out.write(f"line {number}\n")
            measure.wait_until(lambda: offsets.end(topic) >= want, "the line in the topic", every=0.0005)
            times.append((time.monotonic() - before) * 1e3)
    shutil.rmtree(home)
    times.sort()
    result = {"median_ms": statistics.median(times), "p99_ms": times[int(len(times) * 0.99)], "worst_ms": times[-1]}
    print(f"  {'line appended until in topic':36}{name:10}{result['median_ms']:8.1f} ms, p99 {result['p99_ms']:.1f}", flush=True)
    return result
