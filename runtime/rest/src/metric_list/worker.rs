//! What Kafka Connect measures of a worker and of each connector.

use tidegate_herder::info::StateName;
use tidegate_herder::measures::ConnectorMeasures;

use super::Kind::{Counter, Gauge};
use super::Values::{Connector, ConnectorText, Worker, WorkerText};
use super::{Metric, kind, part, state, version};

pub(super) const METRICS: &[Metric] = &[
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
];

fn tasks_in(connector: &ConnectorMeasures, state: StateName) -> f64 {
    let tasks = connector.tasks.iter();
    tasks.filter(|task| task.state == state).count() as f64
}
