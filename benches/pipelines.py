"""Pipelines on Tidegate and on Kafka Connect, and kcat as the floor: CPU per record, throughput, peak memory.

For each run a fresh worker is started without a connector. Its CPU clock is read, the connector is POSTed, and the
end is seen from outside: by the topic's end offset, or by the last record in the output file. What counts is the
steady part, after the first fifth of the records: compiling and warming up are over then, on both.
"""

import os
import resource
import shutil
import statistics
import subprocess
import time
import uuid

import measure
import records
from workers import STRING, WORKERS

JSON = "org.apache.kafka.connect.json.JsonConverter"
TRANSFORMS = "org.apache.kafka.connect.transforms."
STRING_VALUES = {"key.converter": STRING, "value.converter": STRING}
JSON_VALUES = {"key.converter": STRING, "value.converter": JSON, "value.converter.schemas.enable": "false"}
TWO_TRANSFORMS = {
    "transforms": "insert,rename",
    "transforms.insert.type": TRANSFORMS + "InsertField$Value",
    "transforms.insert.static.field": "source",
    "transforms.insert.static.value": "bench",
    "transforms.insert.timestamp.field": "ingested",
    "transforms.rename.type": TRANSFORMS + "ReplaceField$Value",
    "transforms.rename.renames": "user_id:user,amount:total",
}
FIVE_TRANSFORMS = {
    "transforms": "insert,replace,mask,cast,time",
    "transforms.insert.type": TRANSFORMS + "InsertField$Value",
    "transforms.insert.offset.field": "id",
    "transforms.insert.static.field": "source",
    "transforms.insert.static.value": "bench",
    "transforms.replace.type": TRANSFORMS + "ReplaceField$Value",
    "transforms.replace.exclude": "minute,year",
    "transforms.replace.renames": "dep_time:departed",
    "transforms.mask.type": TRANSFORMS + "MaskField$Value",
    "transforms.mask.fields": "tailnum",
    "transforms.cast.type": TRANSFORMS + "Cast$Value",
    "transforms.cast.spec": "flight:string,distance:float64",
    "transforms.time.type": TRANSFORMS + "TimestampConverter$Value",
    "transforms.time.field": "time_hour",
    "transforms.time.format": "yyyy-MM-dd'T'HH:mm:ss",
    "transforms.time.target.type": "unix",
}
SCHEMA_VALUES = {
    "key.converter": STRING,
    "value.converter": JSON,
    "value.converter.schemas.enable": "true",
    "transforms": "insert,rename",
    "transforms.insert.type": TRANSFORMS + "InsertField$Value",
    "transforms.insert.static.field": "source",
    "transforms.insert.static.value": "bench",
    "transforms.rename.type": TRANSFORMS + "ReplaceField$Value",
    "transforms.rename.renames": "user:customer",
}
DEAD_LETTERS = {
    "errors.tolerance": "all",
    "errors.deadletterqueue.topic.replication.factor": "1",
    "errors.deadletterqueue.context.headers.enable": "true",
}
PIPELINES = {
    "file to topic, String": ("source", STRING_VALUES),
    "topic to file, String": ("sink", STRING_VALUES),
    "topic to file, JSON": ("sink", JSON_VALUES),
    "topic to file, JSON, 2 transforms": ("sink", {**JSON_VALUES, **TWO_TRANSFORMS}),
    "flights to file, JSON, 5 transforms": ("flights", {**JSON_VALUES, **FIVE_TRANSFORMS}),
    "10,000 schemas, 2 transforms": ("schemas", SCHEMA_VALUES),
    "all bad, to the dead letter queue": ("bad", {**JSON_VALUES, **DEAD_LETTERS}),
}
# What fills the topics of the kinds that do not read the orders.
MORE_RECORDS = {"flights": records.write_flights, "schemas": records.write_schemas, "bad": records.write_bad}
STEADY_FROM = 0.2


def run(folder, broker, cache, count, rounds, names, only="", timeout=600):
    """Runs the pipelines with `only` in their name, workers alternating; a list of single results."""
    data = folder / f"records-{count}.jsonl"
    records.write(data, count)
    chosen = {name: pipeline for name, pipeline in PIPELINES.items() if only in name}
    offsets = measure.Offsets(broker)
    topic = f"input-{count}"
    topics = {"sink": topic}
    for kind in {kind for kind, _ in chosen.values()} & MORE_RECORDS.keys():
        lines = folder / f"{kind}-{count}.jsonl"
        MORE_RECORDS[kind](lines, count)
        topics[kind] = f"{kind}-{count}"
        if offsets.end(topics[kind]) != count:
            child_cpu(["kcat", "-b", broker, "-P", "-p", "0", "-t", topics[kind], "-l", str(lines)])
    results = []
    for number in range(rounds):
        # In the first round kcat also fills the topic that the sinks read.
        results += kcat(broker, data, topic if number == 0 else f"floor-{number}", count)
        if offsets.end(topic) != count:
            raise SystemExit(f"{topic} has {offsets.end(topic)} records instead of {count}")
        for pipeline in chosen:
            for name in names:
                input_topic = topics.get(PIPELINES[pipeline][0])
                result = one(folder, broker, cache, offsets, data, input_topic, count, pipeline, name, timeout)
                print(
                    f"  {pipeline:36}{name:10}{result['cpu_us']:8.2f} CPU us/record {result['records_s']:10,.0f} records/s"
                    f" {result['peak_mib']:7.0f} MiB",
                    flush=True,
                )
                results.append(result)
    return results


def one(folder, broker, cache, offsets, data, input_topic, count, pipeline, name, timeout):
    """One run of one pipeline on one worker."""
    kind, config = PIPELINES[pipeline]
    tag = f"bench-{uuid.uuid4().hex[:8]}"
    home = folder / tag
    output = folder / f"{tag}.out"
    if kind == "source":
        config = {**config, "connector.class": "FileStreamSource", "file": str(data), "topic": tag}
        position = lambda: offsets.end(tag)
    else:
        config = {**config, "connector.class": "FileStreamSink", "file": str(output), "topics": input_topic}
        position = lambda: records.last_id(output) + 1
    if kind == "bad":
        config["errors.deadletterqueue.topic.name"] = tag
        position = lambda: offsets.end(tag)
    with WORKERS[name](home, broker, cache, folder) as worker:
        worker.wait_for_rest()
        time.sleep(1)
        started, cpu_before = time.monotonic(), worker.cpu()
        worker.create(tag, {**config, "tasks.max": "1"})
        steady = None
        while True:
            time.sleep(0.05)
            worker.alive()
            now, cpu, done = time.monotonic(), worker.cpu(), position()
            if steady is None and done >= STEADY_FROM * count:
                steady = (now, cpu, done)
            if done >= count:
                break
            if now - started > timeout:
                raise SystemExit(f"{pipeline} on {name}: {done} of {count} records after {timeout} s, see {worker.log}")
        peak = measure.memory_mib(worker.pid, "VmHWM")
    lines = count if kind in ("source", "bad") else count_lines(output)
    if lines != count or done != count:
        raise SystemExit(f"{pipeline} on {name}: {lines} records instead of {count}")
    output.unlink(missing_ok=True)
    shutil.rmtree(home)
    rest = count - steady[2]
    return {
        "pipeline": pipeline,
        "worker": name,
        "records": count,
        "cpu_us": (cpu - steady[1]) / rest * 1e6 if rest > count / 4 else (cpu - cpu_before) / count * 1e6,
        "cpu_us_with_warm_up": (cpu - cpu_before) / count * 1e6,
        "records_s": count / (now - started),
        "peak_mib": peak,
    }


def count_lines(path):
    with open(path, "rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 22), b""))


def kcat(broker, data, topic, count):
    """kcat producing the records and consuming them again: what librdkafka alone costs."""
    produce = child_cpu(["kcat", "-b", broker, "-P", "-p", "0", "-t", topic, "-l", str(data)])
    consume = child_cpu(["kcat", "-b", broker, "-C", "-p", "0", "-t", topic, "-o", "beginning", "-c", str(count), "-q"])
    result = []
    for pipeline, (cpu, wall, peak) in [("file to topic, String", produce), ("topic to file, String", consume)]:
        print(f"  {pipeline:36}{'kcat':10}{cpu / count * 1e6:8.2f} CPU us/record {count / wall:10,.0f} records/s", flush=True)
        result.append(
            {"pipeline": pipeline, "worker": "kcat", "records": count, "cpu_us": cpu / count * 1e6,
             "cpu_us_with_warm_up": cpu / count * 1e6, "records_s": count / wall, "peak_mib": peak}
        )  # fmt: skip
    return result


def child_cpu(command):
    """CPU seconds, wall seconds and peak memory of a command; its output goes to /dev/null."""
    started = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return usage.ru_utime + usage.ru_stime, time.monotonic() - started, usage.ru_maxrss / 1024


def medians(results):
    """The median of each figure by pipeline and worker."""
    groups = {}
    for result in results:
        groups.setdefault((result["pipeline"], result["worker"]), []).append(result)
    return {
        key: {
            figure: statistics.median(one[figure] for one in group)
            for figure in ("cpu_us", "cpu_us_with_warm_up", "records_s", "peak_mib")
        }
        for key, group in groups.items()
    }
