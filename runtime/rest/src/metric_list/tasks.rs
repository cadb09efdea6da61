//! What Kafka Connect measures of each task, source, sink, transform and predicate.

use tidegate_herder::measures::{ConnectorMeasures, TaskMeasures};

use super::Kind::{Counter, Gauge};
use super::Values::{PredicateText, Sink, Source, Task, TaskText, TransformText};
use super::{Metric, OWN_VERSION, kind, part, state, version};

pub(super) const METRICS: &[Metric] = &[
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
];

fn committed(task: &TaskMeasures) -> u64 {
    task.commits.total.saturating_sub(task.commits_failed)
}

fn converter(connector: &ConnectorMeasures, role: usize) -> &str {
    connector.converters.get(role).map_or("", String::as_str)
}
