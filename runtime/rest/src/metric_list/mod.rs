//! Every metric: its name, what it is, and where its value comes from.
//!
//! Kafka Connect's metric `source-record-poll-total` of the group `source-task-metrics` is
//! `kafka_connect_source_task_metrics_source_record_poll_total`; a metric that is a text has the value 1, and the text in
//! a label of the metric's name. `docs/metrics.md` is made of this list.

mod own;
mod tasks;
mod worker;

use tidegate_herder::info::{ConnectorKind, StateName};
use tidegate_herder::measures::{ConnectorMeasures, NamedClass, TaskMeasures, WorkerMeasures};
use tidegate_worker::progress::TransformCounts;

use crate::process::Process;
use crate::requests::Taken;

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
pub(crate) fn metrics() -> impl Iterator<Item = &'static Metric> {
    [worker::METRICS, tasks::METRICS, own::METRICS]
        .into_iter()
        .flatten()
}

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

fn version(connector: &ConnectorMeasures) -> &str {
    connector.version.as_deref().unwrap_or("unknown")
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
