"""What idle connectors cost: memory at some numbers of file sources, and CPU time with the most of them."""

import shutil
import time

import measure
from workers import tidegate


def run(folder, cache, counts, seconds):
    """A list of measurements, one for each count; the topics are embedded."""
    home = folder / "idle"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    results = []
    with tidegate(home / "worker", f"embedded:{home}/topics", cache, folder, **{"offset.flush.interval.ms": 60000}) as worker:
        worker.wait_for_rest()
        time.sleep(1)
        empty = measure.memory_mib(worker.pid)
        created = 0
        for count in counts:
            started = time.monotonic()
            for number in range(created, count):
                lines = home / f"{number}.txt"
                lines.write_text("".join(f"line {line}\n" for line in range(10)))
                config = {"connector.class": "FileStreamSource", "file": str(lines), "topic": f"idle-{number}"}
                worker.create(f"idle-{number}", config)
            created = count
            measure.wait_until(lambda: all_running(worker, count), f"{count} RUNNING", 300, 0.5)
            took = time.monotonic() - started
            time.sleep(seconds / 2)
            cpu, before = worker.cpu(), time.monotonic()
            time.sleep(seconds)
            share = (worker.cpu() - cpu) / (time.monotonic() - before)
            memory = measure.memory_mib(worker.pid)
            results.append(
                {
                    "connectors": count,
                    "memory_mib": memory,
                    "memory_mib_each": (memory - empty) / count,
                    "cpu_percent_of_a_core": share * 100,
                    "created_s": took,
                    "threads": int(measure.status(worker.pid, "Threads")),
                }
            )
            print(
                f"  {count:5} idle file sources: {memory:7.1f} MiB, {(memory - empty) / count:6.3f} MiB each,"
                f" {share * 100:5.2f} % of a core, made in {took:.1f} s",
                flush=True,
            )
        results.insert(0, {"connectors": 0, "memory_mib": empty})
    shutil.rmtree(home)
    return results


def all_running(worker, count):
    worker.alive()
    statuses = measure.rest(worker.base + "/connectors?expand=status").values()
    states = [task["state"] for one in statuses for task in one["status"]["tasks"]]
    if "FAILED" in states:
        raise SystemExit(f"a task failed, see {worker.log}")
    return states.count("RUNNING") == count
