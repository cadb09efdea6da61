//! Every metric: its name, what it is, and where its value comes from.
//!
//! Kafka Connect's metric `source-record-poll-total` of the group `source-task-metrics` is
//! `kafka_connect_source_task_metrics_source_record_poll_total`; a metric that is a text has the value 1, and the text in
//! a label of the metric's name. `docs/metrics.md` is made of this list.

use tidegate_herder::info::{ConnectorKind, StateName};
use tidegate_herder::measures::{ConnectorMeasures, NamedClass, TaskMeasures, WorkerMeasures};
use tidegate_worker::progress::TransformCounts;

use crate::process::Process;
use crate::requests::Taken;

use Kind::{Counter, Gauge};
use Values::{
    Connector, ConnectorText, Held, OfProcess, PredicateText, Refusals, Requests, Series, Sink,
    Source, Task, TaskText, Transform, TransformText, Worker, WorkerText,
};

/// The version of what is built in.
const OWN_VERSION: &str = env!("CARGO_PKG_VERSION");

/// A metric.
pub(crate) struct Metric {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) help: &'static str,
    pub(crate) values: Values,
}

/// What a value does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It grows until what it belongs to starts anew.
    Counter,
    /// It goes up and down.
    Gauge,
}

/// What has the metric, and where its value comes from.
pub(crate) enum Values {
    Worker(fn(&WorkerMeasures) -> f64),
    WorkerText(&'static str, fn(&WorkerMeasures) -> &str),
    OfProcess(fn(&Process) -> f64),
    Connector(fn(&ConnectorMeasures) -> f64),
    ConnectorText(&'static str, fn(&ConnectorMeasures) -> &str),
    Task(fn(&TaskMeasures) -> f64),
    Source(fn(&TaskMeasures) -> f64),
    Sink(fn(&TaskMeasures) -> f64),
    TaskText(
        &'static str,
        for<'a> fn(&'a ConnectorMeasures, &'a TaskMeasures) -> &'a str,
    ),
    Refusals,
    /// How long each task was kept waiting, by reason.
    Held,
    Transform(fn(&TransformCounts) -> f64),
    TransformText(&'static str, fn(&NamedClass) -> &str),
    PredicateText(&'static str, fn(&NamedClass) -> &str),
    Requests(fn(&Taken) -> f64),
    Series,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
        }
    }
}

#[cfg(test)]
impl Values {
    /// The labels of each value, for the document and the dashboard.
    pub(crate) fn labels(&self) -> Vec<&'static str> {
        match self {
            Self::Worker(_) | Self::OfProcess(_) | Self::Series => vec![],
            Self::WorkerText(label, _) => vec![label],
            Self::Connector(_) => vec!["connector"],
            Self::ConnectorText(label, _) => vec!["connector", label],
            Self::Task(_) | Self::Source(_) | Self::Sink(_) => vec!["connector", "task"],
            Self::TaskText(label, _) => vec!["connector", "task", label],
            Self::Refusals => vec!["connector", "task", "kind"],
            Self::Held => vec!["connector", "task", "reason"],
            Self::Transform(_) => vec!["connector", "task", "transform"],
            Self::TransformText(label, _) => vec!["connector", "task", "transform", label],
            Self::PredicateText(label, _) => vec!["connector", "task", "predicate", label],
            Self::Requests(_) => vec!["method", "route", "status"],
        }
    }
}

/// The metrics, in the order of the page.
pub(crate) const METRICS: &[Metric] = &[
    // The worker, as Kafka Connect names it.
    Metric {
        name: "kafka_connect_app_info_version",
        kind: Gauge,
        help: "Tidegate's version.",
        values: WorkerText("version", |worker| &worker.version),
    },
    Metric {
        name: "kafka_connect_app_info_commit_id",
        kind: Gauge,
        help: "The commit that it was built from.",
        values: WorkerText("commit_id", |worker| &worker.commit),
    },
    Metric {
        name: "kafka_connect_app_info_start_time_ms",
        kind: Gauge,
        help: "When the worker started, in milliseconds since the epoch.",
        values: Worker(|worker| worker.started_ms as f64),
    },
    Metric {
        name: "kafka_connect_connect_worker_metrics_connector_count",
        kind: Gauge,
        help: "The number of connectors run in this worker.",
        values: Worker(|worker| worker.connector_count as f64),
    },
    Metric {
        name: "kafka_connect_connect_worker_metrics_connector_startup_attempts_total",
        kind: Counter,
        help: "The total number of connector startups that this worker has attempted.",
        values: Worker(|worker| worker.connector_startups.0 as f64),
    },
    Metric {
        name: "kafka_connect_connect_worker_metrics_connector_startup_success_total",
        kind: Counter,
        help: "The total number of connector starts that succeeded.",
        values: Worker(|worker| worker.connector_startups.1 as f64),
    },
    Metric {
        name: "kafka_connect_connect_worker_metrics_connector_startup_success_percentage",
        kind: Gauge,
        help: "The average percentage of this worker's connectors starts that succeeded.",
        values: Worker(|worker| part(worker.connector_startups.1, worker.connector_startups.2)),
    },
    Metric {
        name: "kafka_connect_connect_worker_metrics_connector_startup_failure_total",
        kind: Counter,
        help: "The total number of connector starts that failed.",
        values: Worker(|worker| worker.connector_startups.2 as f64),
    },
    Metric {
        name: "kafka_connect_connect_worker_metrics_connector_startup_failure_percentage",
        kind: Gauge,
        help: "The average percentage of this worker's connectors starts that failed.",
        values: Worker(|worker| part(worker.connector_startups.2, worker.connector_startups.1)),
    },
    Metric {
        name: "kafka_connect_connect_worker_metrics_task_startup_attempts_total",
        kind: Counter,
        help: "The total number of task startups that this worker has attempted.",
        values: Worker(|worker| worker.task_startups.0 as f64),
    },
    Metric {
        name: "kafka_connect_connect_worker_metrics_task_startup_success_total",
        kind: Counter,
        help: "The total number of task starts that succeeded.",
        values: Worker(|worker| worker.task_startups.1 as f64),
    },
    Metric {
        name: "kafka_connect_connect_worker_metrics_task_startup_success_percentage",
        kind: Gauge,
        help: "The average percentage of this worker's tasks starts that succeeded.",
        values: Worker(|worker| part(worker.task_startups.1, worker.task_startups.2)),
    },
    Metric {
        name: "kafka_connect_connect_worker_metrics_task_startup_failure_total",
        kind: Counter,
        help: "The total number of task starts that failed.",
        values: Worker(|worker| worker.task_startups.2 as f64),
    },
    Metric {
        name: "kafka_connect_connect_worker_metrics_task_startup_failure_percentage",
        kind: Gauge,
        help: "The average percentage of this worker's tasks starts that failed.",
        values: Worker(|worker| part(worker.task_startups.2, worker.task_startups.1)),
    },
    Metric {
        name: "kafka_connect_connect_worker_metrics_task_count",
        kind: Gauge,
        help: "The number of tasks run in this worker.",
        values: Worker(|worker| worker.task_count as f64),
    },
    // Each connector.
    Metric {
        name: "kafka_connect_connector_metrics_connector_class",
        kind: Gauge,
        help: "The name of the connector class.",
        values: ConnectorText("connector_class", |connector| &connector.class),
    },
    Metric {
        name: "kafka_connect_connector_metrics_connector_type",
        kind: Gauge,
        help: "The type of the connector. One of 'source' or 'sink'.",
        values: ConnectorText("connector_type", |connector| kind(connector.kind)),
    },
    Metric {
        name: "kafka_connect_connector_metrics_connector_version",
        kind: Gauge,
        help: "The version of the connector class, as reported by the connector.",
        values: ConnectorText("connector_version", version),
    },
    Metric {
        name: "kafka_connect_connector_metrics_status",
        kind: Gauge,
        help: "The status of the connector. One of 'unassigned', 'running', 'paused', 'stopped', 'failed', or 'restarting'.",
        values: ConnectorText("status", |connector| state(connector.state)),
    },
    Metric {
        name: "kafka_connect_connect_worker_metrics_connector_total_task_count",
        kind: Gauge,
        help: "The number of tasks of the connector on the worker.",
        values: Connector(|connector| connector.tasks.len() as f64),
    },
    Metric {
        name: "kafka_connect_connect_worker_metrics_connector_running_task_count",
        kind: Gauge,
        help: "The number of running tasks of the connector on the worker.",
        values: Connector(|connector| tasks_in(connector, StateName::Running)),
    },
    Metric {
        name: "kafka_connect_connect_worker_metrics_connector_paused_task_count",
        kind: Gauge,
        help: "The number of paused tasks of the connector on the worker.",
        values: Connector(|connector| tasks_in(connector, StateName::Paused)),
    },
    Metric {
        name: "kafka_connect_connect_worker_metrics_connector_failed_task_count",
        kind: Gauge,
        help: "The number of failed tasks of the connector on the worker.",
        values: Connector(|connector| tasks_in(connector, StateName::Failed)),
    },
    Metric {
        name: "kafka_connect_connect_worker_metrics_connector_unassigned_task_count",
        kind: Gauge,
        help: "The number of unassigned tasks of the connector on the worker.",
        values: Connector(|connector| tasks_in(connector, StateName::Unassigned)),
    },
    Metric {
        name: "kafka_connect_connect_worker_metrics_connector_restarting_task_count",
        kind: Gauge,
        help: "The number of restarting tasks of the connector on the worker.",
        values: Connector(|connector| tasks_in(connector, StateName::Restarting)),
    },
    Metric {
        name: "kafka_connect_connect_worker_metrics_connector_destroyed_task_count",
        kind: Gauge,
        help: "The number of destroyed tasks of the connector on the worker: they are gone at once.",
        values: Connector(|_| 0.0),
    },
    // Each task.
    Metric {
        name: "kafka_connect_connector_task_metrics_status",
        kind: Gauge,
        help: "The status of the connector task. One of 'unassigned', 'running', 'paused', 'failed', or 'restarting'.",
        values: TaskText("status", |_, task| state(task.state)),
    },
    Metric {
        name: "kafka_connect_connector_task_metrics_connector_class",
        kind: Gauge,
        help: "The name of the connector class.",
        values: TaskText("connector_class", |connector, _| &connector.class),
    },
    Metric {
        name: "kafka_connect_connector_task_metrics_connector_type",
        kind: Gauge,
        help: "The type of the connector. One of 'source' or 'sink'.",
        values: TaskText("connector_type", |connector, _| kind(connector.kind)),
    },
    Metric {
        name: "kafka_connect_connector_task_metrics_connector_version",
        kind: Gauge,
        help: "The version of the connector class, as reported by the connector.",
        values: TaskText("connector_version", |connector, _| version(connector)),
    },
    Metric {
        name: "kafka_connect_connector_task_metrics_task_class",
        kind: Gauge,
        help: "The class of the task: its connector's, as a component has no other.",
        values: TaskText("task_class", |connector, _| &connector.class),
    },
    Metric {
        name: "kafka_connect_connector_task_metrics_task_version",
        kind: Gauge,
        help: "The version of the task.",
        values: TaskText("task_version", |connector, _| version(connector)),
    },
    Metric {
        name: "kafka_connect_connector_task_metrics_key_converter_class",
        kind: Gauge,
        help: "The fully qualified class name from key.converter.",
        values: TaskText("key_converter_class", |connector, _| {
            converter(connector, 0)
        }),
    },
    Metric {
        name: "kafka_connect_connector_task_metrics_key_converter_version",
        kind: Gauge,
        help: "The version of the key converter: the worker's, which has it built in.",
        values: TaskText("key_converter_version", |_, _| OWN_VERSION),
    },
    Metric {
        name: "kafka_connect_connector_task_metrics_value_converter_class",
        kind: Gauge,
        help: "The fully qualified class name from value.converter.",
        values: TaskText("value_converter_class", |connector, _| {
            converter(connector, 1)
        }),
    },
    Metric {
        name: "kafka_connect_connector_task_metrics_value_converter_version",
        kind: Gauge,
        help: "The version of the value converter: the worker's, which has it built in.",
        values: TaskText("value_converter_version", |_, _| OWN_VERSION),
    },
    Metric {
        name: "kafka_connect_connector_task_metrics_header_converter_class",
        kind: Gauge,
        help: "The fully qualified class name from header.converter.",
        values: TaskText("header_converter_class", |connector, _| {
            converter(connector, 2)
        }),
    },
    Metric {
        name: "kafka_connect_connector_task_metrics_header_converter_version",
        kind: Gauge,
        help: "The version of the header converter: the worker's, which has it built in.",
        values: TaskText("header_converter_version", |_, _| OWN_VERSION),
    },
    Metric {
        name: "kafka_connect_connector_task_metrics_running_ratio",
        kind: Gauge,
        help: "The fraction of time this task has spent in the running state.",
        values: Task(|task| task.ratios.0),
    },
    Metric {
        name: "kafka_connect_connector_task_metrics_pause_ratio",
        kind: Gauge,
        help: "The fraction of time this task has spent in the pause state.",
        values: Task(|task| task.ratios.1),
    },
    Metric {
        name: "kafka_connect_connector_task_metrics_batch_size_avg",
        kind: Gauge,
        help: "The average number of records in the batches the task has processed so far.",
        values: Task(|task| task.batches.average),
    },
    Metric {
        name: "kafka_connect_connector_task_metrics_batch_size_max",
        kind: Gauge,
        help: "The number of records in the largest batch the task has processed so far.",
        values: Task(|task| task.batches.max),
    },
    Metric {
        name: "kafka_connect_connector_task_metrics_offset_commit_avg_time_ms",
        kind: Gauge,
        help: "The average time in milliseconds taken by this task to commit offsets.",
        values: Task(|task| task.commits.average),
    },
    Metric {
        name: "kafka_connect_connector_task_metrics_offset_commit_max_time_ms",
        kind: Gauge,
        help: "The maximum time in milliseconds taken by this task to commit offsets.",
        values: Task(|task| task.commits.max),
    },
    Metric {
        name: "kafka_connect_connector_task_metrics_offset_commit_success_percentage",
        kind: Gauge,
        help: "The average percentage of this task's offset commit attempts that succeeded.",
        values: Task(|task| part(committed(task), task.commits_failed)),
    },
    Metric {
        name: "kafka_connect_connector_task_metrics_offset_commit_failure_percentage",
        kind: Gauge,
        help: "The average percentage of this task's offset commit attempts that failed.",
        values: Task(|task| part(task.commits_failed, committed(task))),
    },
    Metric {
        name: "kafka_connect_task_error_metrics_total_record_failures",
        kind: Counter,
        help: "The number of record processing failures in this task.",
        values: Task(|task| task.counts.failures as f64),
    },
    Metric {
        name: "kafka_connect_task_error_metrics_total_record_errors",
        kind: Counter,
        help: "The number of record processing errors in this task.",
        values: Task(|task| task.counts.errors as f64),
    },
    Metric {
        name: "kafka_connect_task_error_metrics_total_records_skipped",
        kind: Counter,
        help: "The number of records skipped due to errors.",
        values: Task(|task| task.counts.skipped as f64),
    },
    Metric {
        name: "kafka_connect_task_error_metrics_total_retries",
        kind: Counter,
        help: "The number of operations retried.",
        values: Task(|task| task.counts.retries as f64),
    },
    Metric {
        name: "kafka_connect_task_error_metrics_total_errors_logged",
        kind: Counter,
        help: "The number of errors that were logged.",
        values: Task(|task| task.counts.logged as f64),
    },
    Metric {
        name: "kafka_connect_task_error_metrics_deadletterqueue_produce_requests",
        kind: Counter,
        help: "The number of attempted writes to the dead letter queue.",
        values: Task(|task| task.counts.dead_letters as f64),
    },
    Metric {
        name: "kafka_connect_task_error_metrics_deadletterqueue_produce_failures",
        kind: Counter,
        help: "The number of failed writes to the dead letter queue.",
        values: Task(|task| task.counts.dead_letters_refused as f64),
    },
    Metric {
        name: "kafka_connect_task_error_metrics_last_error_timestamp",
        kind: Gauge,
        help: "The epoch timestamp when this task last encountered an error.",
        values: Task(|task| task.counts.last_error_ms as f64),
    },
    // Each source task.
    Metric {
        name: "kafka_connect_source_task_metrics_source_record_poll_total",
        kind: Counter,
        help: "The total number of records produced/polled (before transformation) by this task belonging to the named source connector in this worker.",
        values: Source(|task| task.counts.records_in as f64),
    },
    Metric {
        name: "kafka_connect_source_task_metrics_source_record_poll_rate",
        kind: Gauge,
        help: "The average per-second number of records produced/polled (before transformation) by this task belonging to the named source connector in this worker.",
        values: Source(|task| task.taken.sum_per_second),
    },
    Metric {
        name: "kafka_connect_source_task_metrics_source_record_write_total",
        kind: Counter,
        help: "The number of records output written to Kafka for this task belonging to the named source connector in this worker, since the task was last restarted. This is after transformations are applied, and excludes any records filtered out by the transformations.",
        values: Source(|task| task.counts.records_out as f64),
    },
    Metric {
        name: "kafka_connect_source_task_metrics_source_record_write_rate",
        kind: Gauge,
        help: "The average per-second number of records written to Kafka for this task belonging to the named source connector in this worker, since the task was last restarted. This is after transformations are applied, and excludes any records filtered out by the transformations.",
        values: Source(|task| task.given.sum_per_second),
    },
    Metric {
        name: "kafka_connect_source_task_metrics_poll_batch_avg_time_ms",
        kind: Gauge,
        help: "The average time in milliseconds taken by this task to poll for a batch of source records.",
        values: Source(|task| task.calls.average),
    },
    Metric {
        name: "kafka_connect_source_task_metrics_poll_batch_max_time_ms",
        kind: Gauge,
        help: "The maximum time in milliseconds taken by this task to poll for a batch of source records.",
        values: Source(|task| task.calls.max),
    },
    Metric {
        name: "kafka_connect_source_task_metrics_source_record_active_count",
        kind: Gauge,
        help: "The number of records that have been produced by this task but not yet completely written to Kafka.",
        values: Source(|task| task.active_now as f64),
    },
    Metric {
        name: "kafka_connect_source_task_metrics_source_record_active_count_avg",
        kind: Gauge,
        help: "The average number of records that have been produced by this task but not yet completely written to Kafka.",
        values: Source(|task| task.active.average),
    },
    Metric {
        name: "kafka_connect_source_task_metrics_source_record_active_count_max",
        kind: Gauge,
        help: "The maximum number of records that have been produced by this task but not yet completely written to Kafka.",
        values: Source(|task| task.active.max),
    },
    // Each sink task.
    Metric {
        name: "kafka_connect_sink_task_metrics_sink_record_read_total",
        kind: Counter,
        help: "The total number of records read from Kafka by this task belonging to the named sink connector in this worker, since the task was last restarted.",
        values: Sink(|task| task.counts.records_in as f64),
    },
    Metric {
        name: "kafka_connect_sink_task_metrics_sink_record_read_rate",
        kind: Gauge,
        help: "The average per-second number of records read from Kafka for this task belonging to the named sink connector in this worker. This is before transformations are applied.",
        values: Sink(|task| task.taken.sum_per_second),
    },
    Metric {
        name: "kafka_connect_sink_task_metrics_sink_record_send_total",
        kind: Counter,
        help: "The total number of records output from the transformations and sent/put to this task belonging to the named sink connector in this worker, since the task was last restarted.",
        values: Sink(|task| task.counts.records_out as f64),
    },
    Metric {
        name: "kafka_connect_sink_task_metrics_sink_record_send_rate",
        kind: Gauge,
        help: "The average per-second number of records output from the transformations and sent/put to this task belonging to the named sink connector in this worker. This is after transformations are applied and excludes any records filtered out by the transformations.",
        values: Sink(|task| task.given.sum_per_second),
    },
    Metric {
        name: "kafka_connect_sink_task_metrics_sink_record_active_count",
        kind: Gauge,
        help: "The number of records that have been read from Kafka but not yet completely committed/flushed/acknowledged by the sink task.",
        values: Sink(|task| task.active_now as f64),
    },
    Metric {
        name: "kafka_connect_sink_task_metrics_sink_record_active_count_avg",
        kind: Gauge,
        help: "The average number of records that have been read from Kafka but not yet completely committed/flushed/acknowledged by the sink task.",
        values: Sink(|task| task.active.average),
    },
    Metric {
        name: "kafka_connect_sink_task_metrics_sink_record_active_count_max",
        kind: Gauge,
        help: "The maximum number of records that have been read from Kafka but not yet completely committed/flushed/acknowledged by the sink task.",
        values: Sink(|task| task.active.max),
    },
    Metric {
        name: "kafka_connect_sink_task_metrics_put_batch_avg_time_ms",
        kind: Gauge,
        help: "The average time taken by this task to put a batch of sinks records.",
        values: Sink(|task| task.calls.average),
    },
    Metric {
        name: "kafka_connect_sink_task_metrics_put_batch_max_time_ms",
        kind: Gauge,
        help: "The maximum time taken by this task to put a batch of sinks records.",
        values: Sink(|task| task.calls.max),
    },
    Metric {
        name: "kafka_connect_sink_task_metrics_partition_count",
        kind: Gauge,
        help: "The number of topic partitions assigned to this task belonging to the named sink connector in this worker.",
        values: Sink(|task| task.partitions as f64),
    },
    Metric {
        name: "kafka_connect_sink_task_metrics_offset_commit_completion_total",
        kind: Counter,
        help: "The total number of offset commit completions that were completed successfully.",
        values: Sink(|task| committed(task) as f64),
    },
    Metric {
        name: "kafka_connect_sink_task_metrics_offset_commit_completion_rate",
        kind: Gauge,
        help: "The average per-second number of offset commit completions that were completed successfully.",
        values: Sink(|task| task.commits.count_per_second),
    },
    Metric {
        name: "kafka_connect_sink_task_metrics_offset_commit_seq_no",
        kind: Counter,
        help: "The current sequence number for offset commits.",
        values: Sink(|task| task.commits.total as f64),
    },
    Metric {
        name: "kafka_connect_sink_task_metrics_offset_commit_skip_total",
        kind: Counter,
        help: "The number of commits that were ignored because they came too late: none, a task waits for each.",
        values: Sink(|_| 0.0),
    },
    Metric {
        name: "kafka_connect_sink_task_metrics_offset_commit_skip_rate",
        kind: Gauge,
        help: "The same in a second.",
        values: Sink(|_| 0.0),
    },
    // Each transform and predicate.
    Metric {
        name: "kafka_connect_connector_transform_metrics_transform_class",
        kind: Gauge,
        help: "The class name of the transformation class.",
        values: TransformText("transform_class", |transform| &transform.class),
    },
    Metric {
        name: "kafka_connect_connector_transform_metrics_transform_version",
        kind: Gauge,
        help: "The version of the transformation class.",
        values: TransformText("transform_version", |transform| &transform.version),
    },
    Metric {
        name: "kafka_connect_connector_predicate_metrics_predicate_class",
        kind: Gauge,
        help: "The class name of the predicate class.",
        values: PredicateText("predicate_class", |predicate| &predicate.class),
    },
    Metric {
        name: "kafka_connect_connector_predicate_metrics_predicate_version",
        kind: Gauge,
        help: "The version of the predicate class.",
        values: PredicateText("predicate_version", |predicate| &predicate.version),
    },
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

/// A part of a sum, 0 of nothing.
fn part(some: u64, others: u64) -> f64 {
    match some + others {
        0 => 0.0,
        all => some as f64 / all as f64,
    }
}

fn seconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e9
}

fn committed(task: &TaskMeasures) -> u64 {
    task.commits.total.saturating_sub(task.commits_failed)
}

fn tasks_in(connector: &ConnectorMeasures, state: StateName) -> f64 {
    let tasks = connector.tasks.iter();
    tasks.filter(|task| task.state == state).count() as f64
}

fn left_out(worker: &WorkerMeasures) -> f64 {
    let shown = worker.connectors.iter();
    let shown: usize = shown.map(|connector| connector.tasks.len()).sum();
    worker.task_count.saturating_sub(shown) as f64
}

fn version(connector: &ConnectorMeasures) -> &str {
    connector.version.as_deref().unwrap_or("unknown")
}

fn converter(connector: &ConnectorMeasures, role: usize) -> &str {
    connector.converters.get(role).map_or("", String::as_str)
}

fn kind(kind: ConnectorKind) -> &'static str {
    match kind {
        ConnectorKind::Source => "source",
        ConnectorKind::Sink => "sink",
        ConnectorKind::Unknown => "unknown",
    }
}

fn state(state: StateName) -> &'static str {
    match state {
        StateName::Unassigned => "unassigned",
        StateName::Running => "running",
        StateName::Paused => "paused",
        StateName::Stopped => "stopped",
        StateName::Failed => "failed",
        StateName::Restarting => "restarting",
    }
}
