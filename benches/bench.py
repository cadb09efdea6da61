"""Runs the measurements and prints one table. Started by run.sh, which builds first.

Identical runs on a shared machine differ up to twofold in wall time, so what is compared is CPU time per record (user and
system, of the process and its children), with the workers taking turns and the median of the rounds.
"""

import argparse
import contextlib
import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import idle
import pipelines
import startup
from workers import ROOT, Kafka

PARTS = ["pipelines", "startup", "idle", "boundary", "converters", "transforms"]
# How many times less CPU than Kafka Connect, and how many times kcat's at most.
LESS_THAN_CONNECT = {
    "file to topic, String": 5,
    "topic to file, String": 4,
    "topic to file, JSON": 5,
    "topic to file, JSON, 2 transforms": 5,
    "flights to file, JSON, 5 transforms": 6,
}
RECORDS_S_MIN = {"all bad, to the dead letter queue": 50_000}
TRANSFORM_NS_MAX = {
    "InsertField$Value": 150,
    "ReplaceField$Value": 150,
    "MaskField$Value": 150,
    "the first five as a chain": 1000,
}
KCAT_TIMES_MAX = 1.7
PEAK_MIB_MAX = 100
WARM_START_MS_MAX = 300
LINE_MS_MAX = 100
IDLE_MIB_MAX = 1
IDLE_CPU_PERCENT_MAX = 3
BOUNDARY_NS_MAX = 40
BOUNDARY_BATCH = 500


class Table:
    """Rows of what was measured, here and elsewhere, and whether a target was met."""

    COLUMNS = ["measured", "Tidegate", "other", "ratio", "target", ""]

    def __init__(self):
        self.rows = []

    def add(self, what, ours, other="", ratio="", target="", met=None):
        self.rows.append([what, ours, other, ratio, target, "" if met is None else "met" if met else "MISSED"])

    def lines(self):
        """The table in Markdown, with aligned columns."""
        rows = [self.COLUMNS, *self.rows]
        widths = [max(len(row[column]) for row in rows) for column in range(len(self.COLUMNS))]
        text = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |" for row in rows]
        text.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
        return text


class Results(dict):
    """What was measured, by part; each part goes to the file at once, next to the parts measured before."""

    def __init__(self, file):
        super().__init__(json.loads(file.read_text()) if file.exists() else {})
        self.file = file

    def __setitem__(self, part, measured):
        super().__setitem__(part, measured)
        self.file.write_text(json.dumps(self, indent=1) + "\n")


def main():
    options = arguments()
    parts = options.parts or PARTS
    folder = options.folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    lock = open(folder / "lock", "w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise SystemExit(f"another run uses {folder}; wait for it, or name another folder with --folder") from None
    cache = folder / "cache"
    cache.mkdir(mode=0o700, exist_ok=True)
    # So that workers and broker are stopped then too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    table, results = Table(), Results(folder / "results.json")
    with contextlib.ExitStack() as stack:
        broker, names = None, ["tidegate"]
        if {"pipelines", "startup"} & set(parts):
            if shutil.which("java") and shutil.which("mvn"):
                shutil.rmtree(folder / "kafka", ignore_errors=True)
                broker = stack.enter_context(Kafka(folder / "kafka")).bootstrap
                names += [] if options.without_connect else ["connect"]
            else:
                print("Left out: what needs Apache Kafka, which needs java and mvn.")
        if "pipelines" in parts and broker:
            if not shutil.which("kcat"):
                print("Left out: the pipelines, which need kcat to fill the topic.")
            else:
                print(f"Pipelines, {options.records:,} records, {options.rounds} rounds:", flush=True)
                runs = pipelines.run(folder, broker, cache, options.records, options.rounds, names, options.only)
                results["pipelines"] = runs
                add_pipelines(table, pipelines.medians(runs), names)
        if "startup" in parts:
            print("Start-up:", flush=True)
            results["startup"] = startup.run(folder, broker, options.rounds, names)
            latencies = {name: startup.latency(folder, broker, cache, name) for name in names} if broker else {}
            results["latency"] = latencies
            add_startup(table, results["startup"], latencies)
    if "idle" in parts:
        print("Idle connectors:", flush=True)
        results["idle"] = idle.run(folder, cache, [1, 100, 1000], 20)
        add_idle(table, results["idle"])
    if "boundary" in parts:
        results["boundary"] = cargo_bench("tidegate-sandbox", "boundary")
        add_boundary(table, results["boundary"])
    if "converters" in parts:
        results["converters"] = cargo_bench("tidegate-convert", "convert")
        add_converters(table, results["converters"])
    if "transforms" in parts:
        results["transforms"] = cargo_bench("tidegate", "transforms")
        add_transforms(table, results["transforms"])
    print("\n" + "\n".join(table.lines()))
    print(f"\nMedians of {options.rounds}, {os.cpu_count()} cores. Each run: {folder}/results.json")


def arguments():
    parser = argparse.ArgumentParser(prog="benches/run.sh", description=__doc__.split("\n\n")[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; all by default")
    parser.add_argument("--records", type=int, default=2_000_000, help="records of each pipeline run (2000000)")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is run (3)")
    parser.add_argument("--only", default="", metavar="TEXT", help="pipelines with this in their name (all)")
    parser.add_argument("--without-connect", action="store_true", help="leave out Kafka Connect")
    parser.add_argument("--folder", type=Path, default=ROOT / "target/bench", help="where data goes (target/bench)")
    options = parser.parse_args()
    unknown = set(options.parts) - set(PARTS)
    if unknown:
        parser.error(f"no part is called {', '.join(unknown)}; there are {', '.join(PARTS)}")
    return options


def add_pipelines(table, medians, names):
    for pipeline in pipelines.PIPELINES:
        if (pipeline, "tidegate") not in medians:
            continue
        ours = medians[pipeline, "tidegate"]
        least = RECORDS_S_MIN.get(pipeline)
        rate = (f">= {least:,}", ours["records_s"] >= least) if least else ("", None)
        if "connect" in names:
            connect = medians[pipeline, "connect"]
            ratio = connect["cpu_us"] / ours["cpu_us"]
            wanted = LESS_THAN_CONNECT.get(pipeline)
            table.add(
                f"{pipeline}: CPU per record",
                f"{ours['cpu_us']:.2f} µs",
                f"Connect {connect['cpu_us']:.2f} µs",
                f"{ratio:.1f}x less",
                *((f"{wanted}x less", ratio >= wanted) if wanted else ("", None)),
            )
            ours_all, connect_all = ours["cpu_us_with_warm_up"], connect["cpu_us_with_warm_up"]
            table.add(
                f"{pipeline}: the same, with warm-up",
                f"{ours_all:.2f} µs",
                f"Connect {connect_all:.2f} µs",
                f"{connect_all / ours_all:.1f}x less",
            )
            table.add(
                f"{pipeline}: records/s",
                f"{ours['records_s']:,.0f}",
                f"Connect {connect['records_s']:,.0f}",
                f"{ours['records_s'] / connect['records_s']:.1f}x",
                *rate,
            )
            other = f"Connect {connect['peak_mib']:.0f} MiB"
            ratio = f"{connect['peak_mib'] / ours['peak_mib']:.1f}x less"
        else:
            table.add(f"{pipeline}: CPU per record", f"{ours['cpu_us']:.2f} µs")
            table.add(f"{pipeline}: records/s", f"{ours['records_s']:,.0f}", "", "", *rate)
            other, ratio = "", ""
        peak = ours["peak_mib"]
        # Letters that wait for the broker need memory, whatever their number.
        most = ("", None) if least else (f"< {PEAK_MIB_MAX} MiB", peak < PEAK_MIB_MAX)
        table.add(f"{pipeline}: peak memory", f"{peak:.0f} MiB", other, ratio, *most)
    for pipeline, name in medians:
        if name == "kcat" and (pipeline, "tidegate") in medians:
            ours, floor = medians[pipeline, "tidegate"]["cpu_us"], medians[pipeline, "kcat"]["cpu_us"]
            table.add(
                f"{pipeline}: CPU per record",
                f"{ours:.2f} µs",
                f"kcat {floor:.2f} µs",
                f"{ours / floor:.2f}x kcat",
                f"{KCAT_TIMES_MAX}x kcat",
                ours <= KCAT_TIMES_MAX * floor,
            )


def add_startup(table, times, latencies):
    for name, value in times.items():
        if name == "Kafka Connect":
            continue
        other = ratio = target = ""
        met = None
        if name == "warm, on Kafka" and "Kafka Connect" in times:
            other, ratio = f"Connect {times['Kafka Connect']:,.0f} ms", f"{times['Kafka Connect'] / value:.0f}x less"
        if name.startswith("warm"):
            target, met = f"< {WARM_START_MS_MAX} ms", value < WARM_START_MS_MAX
        table.add(f"start to RUNNING, {name}", f"{value:,.0f} ms", other, ratio, target, met)
    if latencies:
        ours, connect = latencies["tidegate"], latencies.get("connect")
        table.add(
            "line appended until in topic: median",
            f"{ours['median_ms']:.1f} ms",
            f"Connect {connect['median_ms']:.0f} ms" if connect else "",
            f"{connect['median_ms'] / ours['median_ms']:.0f}x less" if connect else "",
            f"< {LINE_MS_MAX} ms",
            ours["median_ms"] < LINE_MS_MAX,
        )
        table.add(
            "line appended until in topic: p99",
            f"{ours['p99_ms']:.1f} ms",
            f"Connect {connect['p99_ms']:.0f} ms" if connect else "",
            f"{connect['p99_ms'] / ours['p99_ms']:.0f}x less" if connect else "",
        )


def add_idle(table, measured):
    table.add("no connector: memory", f"{measured[0]['memory_mib']:.0f} MiB")
    for one in measured[1:]:
        count = one["connectors"]
        last = one is measured[-1]
        target = (f"< {IDLE_MIB_MAX} MiB", one["memory_mib_each"] < IDLE_MIB_MAX) if last else ("", None)
        noun = "idle file source" + ("s" if count > 1 else "")
        table.add(f"{count:,} {noun}: memory", f"{one['memory_mib']:.0f} MiB, {one['memory_mib_each']:.2f} each", "", "", *target)
    share = measured[-1]["cpu_percent_of_a_core"]
    target = (f"< {IDLE_CPU_PERCENT_MAX} %", share < IDLE_CPU_PERCENT_MAX)
    table.add(f"{measured[-1]['connectors']:,} idle file sources: CPU", f"{share:.1f} % of a core", "", "", *target)


def add_boundary(table, text):
    row = re.search(rf"^ *{BOUNDARY_BATCH} +([\d.]+) +([\d.]+) +([\d.]+)$", text, re.MULTILINE)
    if not row:
        raise SystemExit("the boundary bench printed no row for its batch size")
    for name, value in zip(["guest reads nothing", "given, unchanged", "given and handed back"], map(float, row.groups())):
        target = (f"<= {BOUNDARY_NS_MAX} ns", value <= BOUNDARY_NS_MAX) if "back" in name else ("", None)
        table.add(f"boundary, batch of {BOUNDARY_BATCH}, {name}", f"{value:.1f} ns/record", "", "", *target)


def add_converters(table, text):
    for name, value in re.findall(r"^(\S.*?) +(\d+) ns/record", text, re.MULTILINE):
        other = ""
        if name.startswith("serde_json"):
            continue
        step = name.rsplit(" ", 1)[1]
        tree = re.search(rf"^serde_json::Value: {step} +(\d+) ns", text, re.MULTILINE)
        ratio = ""
        if name.startswith("json:") and tree:
            other, ratio = f"serde_json::Value {tree[1]} ns", f"{int(tree[1]) / int(value):.1f}x less"
        table.add(f"converter, {name}", f"{value} ns/record", other, ratio)


def add_transforms(table, text):
    for name, value in re.findall(r"^(\S.*?) +(\d+) ns/record", text, re.MULTILINE):
        limit = TRANSFORM_NS_MAX.get(name)
        target = (f"<= {limit} ns", int(value) <= limit) if limit else ("", None)
        table.add(f"transform, {name}", f"{value} ns/record", "", "", *target)


def cargo_bench(package, bench):
    """What the bench prints; it is shown too."""
    command = [os.environ.get("CARGO", "cargo"), "bench", "--quiet", "-p", package, "--bench", bench]
    print(f"{' '.join(command)}:", flush=True)
    text = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    print(text, flush=True)
    return text


if __name__ == "__main__":
    main()
