//! What Kafka Connect does not have: guests, REST, the process, and the page itself.

use tidegate_herder::measures::WorkerMeasures;

use super::Kind::{Counter, Gauge};
use super::Values::{Held, OfProcess, Refusals, Requests, Series, Task, Transform, Worker};
use super::{Metric, seconds};

pub(super) const METRICS: &[Metric] = &[
    // What Kafka Connect does not have: guests.
    Metric {
        name: "tidegate_task_cpu_seconds_total",
        kind: Counter,
        help: "The time that processors spent in the task's guests: connector, transforms and predicates.",
        values: Task(|task| seconds(task.used.cpu_nanoseconds)),
    },
    Metric {
        name: "tidegate_task_call_seconds_total",
        kind: Counter,
        help: "How long calls into the task's guests took.",
        values: Task(|task| seconds(task.used.nanoseconds)),
    },
    Metric {
        name: "tidegate_task_crossings_total",
        kind: Counter,
        help: "Calls into the task's guests.",
        values: Task(|task| task.used.calls as f64),
    },
    Metric {
        name: "tidegate_task_memory_bytes",
        kind: Gauge,
        help: "The linear memories of the task's guests, which have no other.",
        values: Task(|task| task.used.memory_bytes as f64),
    },
    Metric {
        name: "tidegate_task_guest_bytes_in_total",
        kind: Counter,
        help: "The bytes of records that were handed to the task's guests: keys, values and headers.",
        values: Task(|task| task.used.bytes_to_guests as f64),
    },
    Metric {
        name: "tidegate_task_guest_bytes_out_total",
        kind: Counter,
        help: "The bytes of records that the task's guests handed over.",
        values: Task(|task| task.used.bytes_from_guests as f64),
    },
    Metric {
        name: "tidegate_task_guest_faults_total",
        kind: Counter,
        help: "Traps, missed deadlines and broken rules of the task's guests.",
        values: Task(|task| task.used.faults as f64),
    },
    Metric {
        name: "tidegate_task_held_seconds_total",
        kind: Counter,
        help: "How long the task was kept waiting, by reason: a cap of its connector on cpu, records or bytes, or fairness: its guests computed for long, and those of other connectors had their turn.",
        values: Held,
    },
    Metric {
        name: "tidegate_task_refusals_total",
        kind: Counter,
        help: "What the task's guests asked for and were not given, by kind; over all starts of the task.",
        values: Refusals,
    },
    Metric {
        name: "tidegate_task_bytes_in_total",
        kind: Counter,
        help: "The bytes of records that the task took: polled by a source, fetched by a sink.",
        values: Task(|task| task.bytes.0 as f64),
    },
    Metric {
        name: "tidegate_task_bytes_out_total",
        kind: Counter,
        help: "The bytes of records that the task gave: submitted by a source, put by a sink.",
        values: Task(|task| task.bytes.1 as f64),
    },
    Metric {
        name: "tidegate_task_records_filtered_total",
        kind: Counter,
        help: "Records that transforms dropped.",
        values: Task(|task| task.counts.filtered as f64),
    },
    Metric {
        name: "tidegate_task_lag_records",
        kind: Gauge,
        help: "Records that wait: not acknowledged yet by the broker, or not fetched yet as far as known.",
        values: Task(|task| task.counts.lag as f64),
    },
    Metric {
        name: "tidegate_transform_seconds_total",
        kind: Counter,
        help: "How long a transform took, with its predicate.",
        values: Transform(|counts| seconds(counts.nanoseconds)),
    },
    Metric {
        name: "tidegate_transform_records_total",
        kind: Counter,
        help: "Records that a transform was applied to.",
        values: Transform(|counts| counts.records as f64),
    },
    Metric {
        name: "tidegate_transform_dropped_total",
        kind: Counter,
        help: "Records that a transform dropped.",
        values: Transform(|counts| counts.dropped as f64),
    },
    Metric {
        name: "tidegate_transform_failed_total",
        kind: Counter,
        help: "Records that failed in a transform, or in its predicate.",
        values: Transform(|counts| counts.failed as f64),
    },
    // REST, the process, and this page.
    Metric {
        name: "tidegate_rest_requests_total",
        kind: Counter,
        help: "Requests, by method, route and status.",
        values: Requests(|taken| taken.count as f64),
    },
    Metric {
        name: "tidegate_rest_request_seconds_total",
        kind: Counter,
        help: "How long they took.",
        values: Requests(|taken| taken.seconds),
    },
    Metric {
        name: "process_cpu_seconds_total",
        kind: Counter,
        help: "The time that processors spent on the worker.",
        values: OfProcess(|process| process.cpu.as_secs_f64()),
    },
    Metric {
        name: "process_resident_memory_bytes",
        kind: Gauge,
        help: "The worker's memory that is in RAM.",
        values: OfProcess(|process| process.resident_bytes as f64),
    },
    Metric {
        name: "process_threads",
        kind: Gauge,
        help: "The worker's threads.",
        values: OfProcess(|process| process.threads as f64),
    },
    Metric {
        name: "process_open_fds",
        kind: Gauge,
        help: "The worker's open files and sockets.",
        values: OfProcess(|process| process.open_files as f64),
    },
    Metric {
        name: "process_start_time_seconds",
        kind: Gauge,
        help: "When the worker started, in seconds since the epoch.",
        values: Worker(|worker| worker.started_ms as f64 / 1_000.0),
    },
    Metric {
        name: "tidegate_metrics_left_out_tasks",
        kind: Gauge,
        help: "Tasks that are not on this page because there are too many.",
        values: Worker(left_out),
    },
    Metric {
        name: "kafka_connect_kafka_metrics_count_count",
        kind: Gauge,
        help: "How many values this page has, without this one.",
        values: Series,
    },
];

fn left_out(worker: &WorkerMeasures) -> f64 {
    let shown = worker.connectors.iter();
    let shown: usize = shown.map(|connector| connector.tasks.len()).sum();
    worker.task_count.saturating_sub(shown) as f64
}
