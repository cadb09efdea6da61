//! `GET /metrics`, for Prometheus.
//!
//! Nothing is counted for it: it reads what tasks count anyway. Who asks again within [`PAGE_AGE_MAX`] gets the page that
//! was made last, so asking often costs little.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::{Extension, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use tidegate_herder::control::Control;
use tidegate_herder::info::ConnectorKind;
use tidegate_herder::measures::{ConnectorMeasures, TaskMeasures, WorkerMeasures};
use tidegate_worker::{Hold, Refusal};
use tokio::sync::Mutex;

use crate::access::Caller;
use crate::error::Failure;
use crate::metric_list::{Metric, Values, metrics as listed};
use crate::metric_text::Text;
use crate::process::Process;
use crate::requests::{Requested, Requests};

/// How old a page may be that is answered again.
pub const PAGE_AGE_MAX: Duration = Duration::from_secs(1);

/// What kind of text it is.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What the page is made of beside what the herder measures, and the page that was made last.
#[derive(Default)]
pub(crate) struct Metrics {
    pub(crate) requests: Requests,
    last: Mutex<Option<(Instant, Bytes)>>,
}

pub(crate) async fn metrics<C: Control>(
    State(control): State<Arc<C>>,
    caller: Caller,
    metrics: Option<Extension<Arc<Metrics>>>,
) -> Result<Response, Failure> {
    caller.check_all()?;
    let metrics = metrics
        .map(|Extension(metrics)| metrics)
        .unwrap_or_default();
    let mut last = metrics.last.lock().await;
    let page = match last.as_ref() {
        Some((made, page)) if made.elapsed() < PAGE_AGE_MAX => page.clone(),
        _ => {
            let worker = control.measures().await?;
            let requests = metrics.requests.all();
            let made = tokio::task::spawn_blocking(move || {
                Bytes::from(page(&worker, &requests, &Process::now()))
            });
            let page = made.await.map_err(|error| {
                tracing::error!(%error, "The page of metrics could not be made.");
                Failure::plain(axum::http::StatusCode::INTERNAL_SERVER_ERROR)
            })?;
            *last = Some((Instant::now(), page.clone()));
            page
        }
    };
    Ok(([(CONTENT_TYPE, TEXT)], page).into_response())
}

/// The page.
fn page(worker: &WorkerMeasures, requests: &[Requested], process: &Process) -> String {
    let mut text = Text::default();
    let mut described = 0;
    for metric in listed() {
        if let Values::Series = metric.values {
            let series = text.lines() - described;
            text.metric(metric.name, metric.kind.name(), metric.help);
            text.value(metric.name, &[], series as f64);
            continue;
        }
        text.metric(metric.name, metric.kind.name(), metric.help);
        described += 2;
        values(&mut text, metric, worker, requests, process);
    }
    text.finish()
}

fn values(
    text: &mut Text,
    metric: &Metric,
    worker: &WorkerMeasures,
    requests: &[Requested],
    process: &Process,
) {
    let name = metric.name;
    let connectors = worker.connectors.iter();
    match metric.values {
        Values::Worker(value) => text.value(name, &[], value(worker)),
        Values::WorkerText(label, value) => text.value(name, &[(label, value(worker))], 1.0),
        Values::OfProcess(value) => text.value(name, &[], value(process)),
        Values::Series => {}
        Values::Connector(value) => connectors.for_each(|connector| {
            text.value(name, &[("connector", &connector.name)], value(connector));
        }),
        Values::ConnectorText(label, value) => connectors.for_each(|connector| {
            let labels = [
                ("connector", connector.name.as_str()),
                (label, value(connector)),
            ];
            text.value(name, &labels, 1.0);
        }),
        Values::Task(value) => each_task(worker, None, |connector, number, task| {
            text.value(name, &[connector, number], value(task));
        }),
        Values::Source(value) => {
            each_task(
                worker,
                Some(ConnectorKind::Source),
                |connector, number, task| {
                    text.value(name, &[connector, number], value(task));
                },
            );
        }
        Values::Sink(value) => {
            each_task(
                worker,
                Some(ConnectorKind::Sink),
                |connector, number, task| {
                    text.value(name, &[connector, number], value(task));
                },
            );
        }
        Values::TaskText(label, value) => {
            each_task_of(worker, None, |of, connector, number, task| {
                text.value(name, &[connector, number, (label, value(of, task))], 1.0);
            });
        }
        Values::Refusals => each_task(worker, None, |connector, number, task| {
            for (kind, count) in Refusal::ALL.iter().zip(task.used.refusals) {
                text.value(
                    name,
                    &[connector, number, ("kind", kind.name())],
                    count as f64,
                );
            }
        }),
        Values::Held => each_task(worker, None, |connector, number, task| {
            for (hold, nanoseconds) in Hold::ALL.iter().zip(task.used.held_nanoseconds) {
                let labels = [connector, number, ("reason", hold.name())];
                text.value(name, &labels, nanoseconds as f64 / 1e9);
            }
        }),
        Values::Transform(value) => each_task(worker, None, |connector, number, task| {
            for counts in &task.transforms {
                let labels = [connector, number, ("transform", &*counts.alias)];
                text.value(name, &labels, value(counts));
            }
        }),
        Values::TransformText(label, value) => {
            each_task_of(worker, None, |of, connector, number, _| {
                for class in &of.transforms {
                    let named = ("transform", class.alias.as_str());
                    text.value(
                        name,
                        &[connector, number, named, (label, value(class))],
                        1.0,
                    );
                }
            });
        }
        Values::PredicateText(label, value) => {
            each_task_of(worker, None, |of, connector, number, _| {
                for class in &of.predicates {
                    let named = ("predicate", class.alias.as_str());
                    text.value(
                        name,
                        &[connector, number, named, (label, value(class))],
                        1.0,
                    );
                }
            });
        }
        Values::Requests(value) => {
            for requested in requests {
                let status = requested.status.to_string();
                let labels = [
                    ("method", requested.method),
                    ("route", requested.path),
                    ("status", status.as_str()),
                ];
                text.value(name, &labels, value(&requested.taken));
            }
        }
    }
}

type Label<'a> = (&'static str, &'a str);

/// Each task with its first two labels.
fn each_task(
    worker: &WorkerMeasures,
    only: Option<ConnectorKind>,
    mut with: impl FnMut(Label<'_>, Label<'_>, &TaskMeasures),
) {
    each_task_of(worker, only, |_, connector, number, task| {
        with(connector, number, task)
    });
}

/// Each task with its connector too.
fn each_task_of(
    worker: &WorkerMeasures,
    only: Option<ConnectorKind>,
    mut with: impl FnMut(&ConnectorMeasures, Label<'_>, Label<'_>, &TaskMeasures),
) {
    let all = worker.connectors.iter();
    for connector in all.filter(|connector| only.is_none_or(|kind| connector.kind == kind)) {
        for task in &connector.tasks {
            let number = task.task.to_string();
            with(
                connector,
                ("connector", &connector.name),
                ("task", &number),
                task,
            );
        }
    }
}

#[cfg(test)]
#[path = "metrics_tests.rs"]
mod tests;
