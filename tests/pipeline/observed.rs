//! What an operator sees of a worker: metrics, traces, and who may call.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Broker, Place, lines, wait_for};

/// A pipeline of 100 lines, of which a transform drops some, with the keys of a worker.
fn pipeline() -> Place {
    let mut place = Place::new(Broker::Embedded);
    let numbers: String = (0..100).map(|number| format!("line {number}\n")).collect();
    std::fs::write(place.path("in"), numbers).unwrap();
    place.file_source(&place.path("in"), "lines");
    let transforms = "transforms=hoist,drop\n\
         transforms.hoist.type=org.apache.kafka.connect.transforms.HoistField$Value\n\
         transforms.hoist.field=line\n\
         transforms.drop.type=org.apache.kafka.connect.transforms.Filter\n\
         transforms.drop.predicate=empty\npredicates=empty\n\
         predicates.empty.type=org.apache.kafka.connect.transforms.predicates.RecordIsTombstone";
    place.file_sink(&place.path("out"), "lines", transforms);
    place
}

/// The value of a series whose text begins so.
fn value(page: &str, series: &str) -> Option<f64> {
    let line = page.lines().find(|line| line.starts_with(series))?;
    line.rsplit_once(' ')?.1.parse().ok()
}

#[test]
fn metrics_tell_what_a_pipeline_did() {
    let place = pipeline();
    let worker = place.start();
    let rest = place.rest();
    let out = place.path("out");
    wait_for("the lines", || place.log(), || lines(&out).len() == 100);
    let (source, sink) = (
        format!("{}-source", place.prefix),
        format!("{}-sink", place.prefix),
    );
    let of =
        |metric: &str, connector: &str| format!("{metric}{{connector=\"{connector}\",task=\"0\"");
    let page = || rest.text("GET", "/metrics");
    let committed = of(
        "kafka_connect_sink_task_metrics_offset_commit_completion_total",
        &sink,
    );
    let written = of(
        "kafka_connect_source_task_metrics_source_record_write_total",
        &source,
    );
    wait_for("the page", page, || {
        value(&page(), &committed).is_some_and(|count| count >= 1.0)
            && value(&page(), &written) == Some(100.0)
    });
    let page = page();
    for (metric, connector, wanted) in [
        (
            "kafka_connect_source_task_metrics_source_record_poll_total",
            &source,
            100.0,
        ),
        (
            "kafka_connect_sink_task_metrics_sink_record_read_total",
            &sink,
            100.0,
        ),
        (
            "kafka_connect_sink_task_metrics_sink_record_send_total",
            &sink,
            100.0,
        ),
        (
            "kafka_connect_sink_task_metrics_sink_record_active_count",
            &sink,
            0.0,
        ),
        (
            "kafka_connect_sink_task_metrics_partition_count",
            &sink,
            1.0,
        ),
        (
            "kafka_connect_source_task_metrics_source_record_active_count",
            &source,
            0.0,
        ),
        (
            "kafka_connect_task_error_metrics_total_record_errors",
            &sink,
            0.0,
        ),
        (
            "kafka_connect_connector_task_metrics_offset_commit_failure_percentage",
            &sink,
            0.0,
        ),
        (
            "kafka_connect_connector_task_metrics_pause_ratio",
            &sink,
            0.0,
        ),
        ("tidegate_task_guest_faults_total", &sink, 0.0),
    ] {
        assert_eq!(
            value(&page, &of(metric, connector)),
            Some(wanted),
            "{metric}\n{page}"
        );
    }
    for (metric, connector) in [
        (
            "kafka_connect_connector_task_metrics_batch_size_max",
            &source,
        ),
        ("kafka_connect_connector_task_metrics_batch_size_avg", &sink),
        (
            "kafka_connect_source_task_metrics_source_record_poll_rate",
            &source,
        ),
        ("kafka_connect_connector_task_metrics_running_ratio", &sink),
        (
            "kafka_connect_connector_task_metrics_offset_commit_success_percentage",
            &source,
        ),
        ("tidegate_task_cpu_seconds_total", &source),
        ("tidegate_task_call_seconds_total", &sink),
        ("tidegate_task_crossings_total", &sink),
        ("tidegate_task_memory_bytes", &source),
        ("tidegate_task_guest_bytes_in_total", &sink),
        ("tidegate_task_guest_bytes_out_total", &source),
        ("tidegate_task_bytes_out_total", &source),
    ] {
        let found = value(&page, &of(metric, connector));
        assert!(
            found.is_some_and(|found| found > 0.0),
            "{metric} {found:?}\n{page}"
        );
    }
    for line in [
        format!(
            "tidegate_transform_records_total{{connector=\"{sink}\",task=\"0\",transform=\"hoist\"}} 100"
        ),
        format!(
            "kafka_connect_connector_transform_metrics_transform_class{{connector=\"{sink}\",task=\"0\",\
             transform=\"drop\",transform_class=\"org.apache.kafka.connect.transforms.Filter\"}} 1"
        ),
        format!(
            "kafka_connect_connector_predicate_metrics_predicate_class{{connector=\"{sink}\",task=\"0\",\
             predicate=\"empty\",predicate_class=\"org.apache.kafka.connect.transforms.predicates.RecordIsTombstone\"}} 1"
        ),
        format!(
            "kafka_connect_connector_metrics_connector_class{{connector=\"{sink}\",\
             connector_class=\"org.apache.kafka.connect.file.FileStreamSinkConnector\"}} 1"
        ),
        "kafka_connect_connect_worker_metrics_task_startup_success_total 2".to_owned(),
        "kafka_connect_connect_worker_metrics_connector_startup_attempts_total 2".to_owned(),
        "kafka_connect_connect_worker_metrics_connector_count 2".to_owned(),
    ] {
        assert!(page.lines().any(|found| found == line), "{line}\n{page}");
    }
    let cpu = of("tidegate_task_cpu_seconds_total", &sink);
    let wall = of("tidegate_task_call_seconds_total", &sink);
    assert!(
        value(&page, &cpu) <= value(&page, &wall).map(|wall| wall + 0.05),
        "{page}"
    );
    assert!(worker.stop().success(), "{}", place.log());
}

/// Requests that were taken: the head of each, in small letters, and its body.
type Taken = Arc<Mutex<Vec<(String, Value)>>>;

/// Takes requests, and answers so.
fn collector(status: &'static str) -> (String, Taken) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let taken = Taken::default();
    let kept = Arc::clone(&taken);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            stream
                .set_read_timeout(Some(Duration::from_secs(5)))
                .unwrap();
            let mut sent = Vec::new();
            let mut chunk = [0; 65_536];
            let body = loop {
                let Ok(count @ 1..) = stream.read(&mut chunk) else {
                    break None;
                };
                sent.extend_from_slice(&chunk[..count]);
                let text = String::from_utf8_lossy(&sent).into_owned();
                let Some((head, body)) = text.split_once("\r\n\r\n") else {
                    continue;
                };
                let head = head.to_ascii_lowercase();
                let (_, length) = head.split_once("content-length: ").unwrap();
                let length: usize = length.split("\r\n").next().unwrap().parse().unwrap();
                if body.len() >= length {
                    break Some((head.clone(), serde_json::from_str(body).unwrap()));
                }
            };
            if let Some(body) = body {
                kept.lock().unwrap().push(body);
            }
            let answer =
                format!("HTTP/1.1 {status}\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{{}}");
            drop(stream.write_all(answer.as_bytes()));
        }
    });
    (format!("http://{address}"), taken)
}

fn spans(taken: &Taken) -> Vec<Value> {
    let taken = taken.lock().unwrap();
    let spans = taken.iter().flat_map(|(_, body)| {
        let scopes = &body["resourceSpans"][0]["scopeSpans"][0];
        scopes["spans"].as_array().unwrap().clone()
    });
    spans.collect()
}

#[test]
fn traces_go_to_the_collector_and_say_no_secrets() {
    let (endpoint, taken) = collector("200 OK");
    let place = pipeline();
    place.add_worker_key(&format!(
        "otel.exporter.otlp.endpoint={endpoint}\notel.service.name=tides\n\
         otel.exporter.otlp.headers=authorization=Bearer canary"
    ));
    let worker = place.start();
    let rest = place.rest();
    let out = place.path("out");
    wait_for("the lines", || place.log(), || lines(&out).len() == 100);
    rest.send("GET", "/connectors/none-canary/status", None);
    assert!(worker.stop().success(), "{}", place.log());
    let spans = spans(&taken);
    let named = |name: &str| {
        let found = spans.iter().find(|span| span["name"] == name);
        found
            .unwrap_or_else(|| panic!("no span {name}: {spans:#?}"))
            .clone()
    };
    let source = named("source batch");
    let text = source.to_string();
    assert!(text.contains(&format!("{}-source", place.prefix)), "{text}");
    let child = |name: &str, above: &Value| {
        let is_child = |span: &&Value| {
            span["name"] == name
                && span["parentSpanId"] == above["spanId"]
                && span["traceId"] == above["traceId"]
        };
        assert!(
            spans.iter().any(|span| is_child(&span)),
            "no {name} below {above}"
        );
    };
    for name in ["poll", "converters", "submit"] {
        child(name, &source);
    }
    let sink = named("sink batch");
    for name in ["converters", "transforms", "put"] {
        child(name, &sink);
    }
    named("flush and commit");
    let request = named("GET /connectors/{name}/status");
    assert_eq!(request["kind"], 2);
    let status = json!({"key": "http.response.status_code", "value": {"intValue": "404"}});
    assert!(
        request["attributes"].as_array().unwrap().contains(&status),
        "{request}"
    );
    let number = |span: &Value, key: &str| span[key].as_str().unwrap().parse::<u64>().unwrap();
    assert!(number(&sink, "endTimeUnixNano") >= number(&sink, "startTimeUnixNano"));
    let taken = taken.lock().unwrap();
    let (head, body) = &taken[0];
    assert!(head.starts_with("post /v1/traces ") && head.contains("authorization: bearer canary"));
    let name = json!({"key": "service.name", "value": {"stringValue": "tides"}});
    let resource = &body["resourceSpans"][0]["resource"]["attributes"];
    assert!(resource.as_array().unwrap().contains(&name), "{resource}");
    let all: String = taken.iter().map(|(_, body)| body.to_string()).collect();
    assert!(!all.contains("canary"), "a client chose that");
    assert!(!place.log().contains("canary"), "{}", place.log());
}

#[test]
fn a_collector_that_is_away_or_refuses_is_told_once_and_holds_nobody_up() {
    let (refusing, _) = collector("503 Service Unavailable");
    for endpoint in [refusing.as_str(), "http://127.0.0.1:1"] {
        let place = pipeline();
        place.add_worker_key(&format!("otel.exporter.otlp.endpoint={endpoint}"));
        let worker = place.start();
        let out = place.path("out");
        wait_for("the lines", || place.log(), || lines(&out).len() == 100);
        let told = "The collector of traces does not take spans";
        wait_for(
            "a word of it",
            || place.log(),
            || place.log().contains(told),
        );
        assert!(worker.stop().success(), "{}", place.log());
        assert_eq!(place.log().matches(told).count(), 1, "{}", place.log());
    }
}

#[test]
fn a_worker_does_not_listen_beyond_loopback_for_everyone() {
    let place = Place::new(Broker::Embedded);
    place.add_worker_key("listeners=http://0.0.0.0:0");
    let ended = place.run_until_idle();
    assert_eq!(ended.status.code(), Some(2));
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(
        said.contains("rest.unauthenticated.beyond.loopback=true"),
        "{said}"
    );
    place.add_worker_key("rest.unauthenticated.beyond.loopback=true");
    let ended = place.run_until_idle();
    assert!(
        ended.status.success(),
        "{}",
        String::from_utf8_lossy(&ended.stderr)
    );
}

#[test]
fn a_password_of_the_command_line_lets_its_user_in() {
    let place = Place::new(Broker::Embedded);
    let mut made = crate::support::tidegate();
    let mut made = made
        .args(["access", "password"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    made.stdin.take().unwrap().write_all(b"canary\n").unwrap();
    let made = made.wait_with_output().unwrap();
    let digest = String::from_utf8(made.stdout).unwrap();
    assert!(
        made.status.success() && digest.starts_with("pbkdf2-sha256$"),
        "{digest}"
    );
    let access = place.path("access.properties");
    let text = format!("user.alice.role=read\nuser.alice.password={digest}");
    std::fs::write(&access, text).unwrap();
    place.add_worker_key(&format!("rest.access.file={}", access.display()));
    let worker = place.start();
    let rest = place.rest();
    assert_eq!(rest.send("GET", "/connectors", None).0, 401);
    // alice:canary
    let rest = rest.with_header("Authorization: Basic YWxpY2U6Y2FuYXJ5");
    assert_eq!(rest.send("GET", "/connectors", None).0, 200);
    let body = json!({"name": "c", "config": {}});
    assert_eq!(rest.send("POST", "/connectors", Some(body)).0, 403);
    assert!(worker.stop().success(), "{}", place.log());
    let log = place.log();
    assert!(
        log.contains("audit: refused") && log.contains("who=alice"),
        "{log}"
    );
    assert!(!log.contains("canary"), "{log}");
}
