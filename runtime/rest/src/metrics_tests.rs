//! Tests of the page of metrics.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use axum::http::{Method, StatusCode};
use tidegate_herder::info::StateName;
use tidegate_herder::measures::NamedClass;
use tidegate_worker::progress::{Counts, TransformCounts};
use tidegate_worker::window::Recent;

use super::*;
use crate::routes::route;

/// Groups of Kafka Connect's metrics that have no counterpart, and why.
const WITHOUT: &[(&str, &str)] = &[
    (
        "connect-coordinator-metrics",
        "a standalone worker is in no group of workers",
    ),
    ("connect-worker-rebalance-metrics", "the same"),
    (
        "connect-metrics",
        "its one connection is librdkafka's, which has no such numbers",
    ),
    ("connect-node-metrics", "the same"),
];

fn file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(path)
}

fn text(path: &str) -> String {
    std::fs::read_to_string(file(path)).unwrap()
}

fn task(number: u32) -> TaskMeasures {
    TaskMeasures {
        task: number,
        state: StateName::Running,
        counts: Counts {
            records_in: 7,
            records_out: 5,
            ..Counts::default()
        },
        batches: Recent::default(),
        calls: Recent {
            average: f64::NAN,
            ..Recent::default()
        },
        taken: Recent::default(),
        given: Recent::default(),
        active: Recent::default(),
        active_now: 2,
        commits: Recent::default(),
        commits_failed: 0,
        ratios: (0.5, 0.25),
        partitions: 1,
        bytes: (70, 50),
        used: Default::default(),
        transforms: vec![TransformCounts {
            alias: "t".into(),
            records: 7,
            dropped: 1,
            failed: 1,
            nanoseconds: 1_500_000_000,
        }],
    }
}

fn connector(name: &str, kind: ConnectorKind) -> ConnectorMeasures {
    let named = |alias: &str| NamedClass {
        alias: alias.to_owned(),
        class: "org.example.Class".to_owned(),
        version: "1".to_owned(),
    };
    ConnectorMeasures {
        name: name.to_owned(),
        kind,
        class: "org.example.Connector".to_owned(),
        version: None,
        state: StateName::Paused,
        converters: ["K", "V", "H"].map(str::to_owned),
        predicates: vec![named("p")],
        transforms: vec![named("t")],
        tasks: vec![task(0), task(1)],
    }
}

fn some() -> String {
    let worker = WorkerMeasures {
        version: "1".to_owned(),
        connector_count: 2,
        task_count: 5,
        connectors: vec![
            connector("s\"o\\u\nrce", ConnectorKind::Source),
            connector("sink", ConnectorKind::Sink),
        ],
        ..WorkerMeasures::default()
    };
    let requests = Requests::default();
    for (path, status) in [("/connectors", 200), ("/connectors", 200), ("/evil\"", 404)] {
        let status = StatusCode::from_u16(status).unwrap();
        let time = Duration::from_millis(500);
        requests.add(route(&Method::GET, path), status, time);
    }
    page(&worker, &requests.all(), &Process::now())
}

#[test]
fn each_value_has_its_labels() {
    let page = some();
    for line in [
        "kafka_connect_source_task_metrics_source_record_poll_total{connector=\"s\\\"o\\\\u\\nrce\",task=\"1\"} 7",
        "kafka_connect_sink_task_metrics_sink_record_send_total{connector=\"sink\",task=\"0\"} 5",
        "kafka_connect_source_task_metrics_poll_batch_avg_time_ms{connector=\"s\\\"o\\\\u\\nrce\",task=\"0\"} NaN",
        "kafka_connect_connector_metrics_status{connector=\"sink\",status=\"paused\"} 1",
        "kafka_connect_connect_worker_metrics_connector_running_task_count{connector=\"sink\"} 2",
        "kafka_connect_connector_task_metrics_pause_ratio{connector=\"sink\",task=\"0\"} 0.25",
        "kafka_connect_connector_transform_metrics_transform_class{connector=\"sink\",task=\"0\",transform=\"t\",\
         transform_class=\"org.example.Class\"} 1",
        "tidegate_transform_seconds_total{connector=\"sink\",task=\"0\",transform=\"t\"} 1.5",
        "tidegate_task_refusals_total{connector=\"sink\",task=\"1\",kind=\"memory\"} 0",
        "tidegate_rest_requests_total{method=\"GET\",route=\"/connectors\",status=\"200\"} 2",
        "tidegate_rest_request_seconds_total{method=\"-\",route=\"-\",status=\"404\"} 0.5",
        "tidegate_metrics_left_out_tasks 1",
    ] {
        assert!(page.lines().any(|found| found == line), "{line}\n{page}");
    }
    assert!(
        !page.contains("sink_record_send_total{connector=\"s\\\""),
        "of sinks only"
    );
    let values = page.lines().filter(|line| !line.starts_with('#')).count();
    let last = format!("kafka_connect_kafka_metrics_count_count {}", values - 1);
    assert!(page.ends_with(&format!("{last}\n")), "{last}");
}

/// As a scraper reads it: every line is a value of the metric before it, and no value is there twice.
#[test]
fn the_page_is_prometheus_text() {
    let mut seen = BTreeSet::new();
    let (mut metric, mut counters) = (String::new(), 0);
    for line in some().lines() {
        if let Some(rest) = line.strip_prefix("# ") {
            let words: Vec<_> = rest.splitn(3, ' ').collect();
            assert!(matches!(words[0], "HELP" | "TYPE"), "{line}");
            metric = words[1].to_owned();
            counters += usize::from(words[2] == "counter");
            continue;
        }
        let (series, value) = line.rsplit_once(' ').unwrap();
        assert!(value.parse::<f64>().is_ok(), "{line}");
        assert!(seen.insert(series.to_owned()), "{line} is there twice");
        let name = series.split('{').next().unwrap();
        assert_eq!(name, metric);
        assert!(
            name.bytes()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_')
        );
    }
    assert!(counters > 20);
}

#[test]
fn every_metric_of_kafka_connect_is_there_or_has_a_reason() {
    let names: BTreeSet<_> = listed().map(|metric| metric.name).collect();
    assert_eq!(names.len(), listed().count(), "a name is there twice");
    let (mut group, mut checked) = (String::new(), BTreeMap::new());
    for line in text("tests/conformance/jmx-metrics.txt").lines() {
        if let Some(name) = line.strip_prefix("kafka.connect:") {
            let (_, rest) = name.split_once("type=").unwrap();
            rest.split(',').next().unwrap().clone_into(&mut group);
            continue;
        }
        let attribute = line.trim().split(' ').next().unwrap();
        // Three attributes of the program are there twice, in another spelling.
        let spelled_again = attribute.chars().next().is_some_and(char::is_uppercase);
        if attribute.is_empty() || spelled_again || WITHOUT.iter().any(|(known, _)| *known == group)
        {
            continue;
        }
        let name = format!("kafka_connect_{group}_{attribute}").replace('-', "_");
        assert!(names.contains(name.as_str()), "{name} is not there");
        *checked.entry(group.clone()).or_insert(0) += 1;
    }
    assert!(
        checked.len() >= 10,
        "the list could not be read: {checked:?}"
    );
}

/// `docs/metrics.md`.
fn document() -> String {
    let mut page = text("runtime/rest/src/metrics_page.md");
    let mut table =
        "| metric | kind | labels | what it is |\n| --- | --- | --- | --- |\n".to_owned();
    for metric in listed() {
        let labels: Vec<_> = metric
            .values
            .labels()
            .iter()
            .map(|label| format!("`{label}`"))
            .collect();
        table.push_str(&format!(
            "| `{}` | {} | {} | {} |\n",
            metric.name,
            metric.kind.name(),
            labels.join(", "),
            metric.help.replace('|', "\\|")
        ));
    }
    let without: String = WITHOUT
        .iter()
        .map(|(group, why)| format!("- `{group}`: {why}\n"))
        .collect();
    page = page.replace("{{metrics}}\n", &table);
    page.replace("{{without}}\n", &without)
}

#[test]
fn the_document_is_made_of_the_list() {
    let path = "docs/metrics.md";
    let wanted = document();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(file(path), &wanted).unwrap();
    }
    assert_eq!(text(path), wanted, "UPDATE_GOLDEN=1 writes {path}");
}

#[test]
fn every_metric_of_the_dashboard_is_there() {
    let board: serde_json::Value =
        serde_json::from_str(&text("docs/grafana/tidegate.json")).unwrap();
    let labels: BTreeMap<_, _> = listed()
        .map(|metric| (metric.name, metric.values.labels()))
        .collect();
    let mut expressions = Vec::new();
    for panel in board["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().into_iter().flatten() {
            expressions.push(target["expr"].as_str().unwrap().to_owned());
        }
    }
    for variable in board["templating"]["list"].as_array().unwrap() {
        expressions.extend(variable["query"]["query"].as_str().map(str::to_owned));
    }
    let mut checked = BTreeSet::new();
    for expression in &expressions {
        let words = expression.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        let found: Vec<_> = words
            .filter(|word| {
                ["kafka_connect_", "tidegate_", "process_"]
                    .iter()
                    .any(|prefix| word.starts_with(prefix))
            })
            .collect();
        assert!(!found.is_empty(), "{expression} names no metric");
        for name in found {
            assert!(
                labels.contains_key(name),
                "{name} of {expression} is no metric"
            );
            checked.insert(name);
        }
    }
    assert!(checked.len() >= 20, "{checked:?}");
}
