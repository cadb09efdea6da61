//! A worker that is told to stop: what stops in time is committed, what does not is named, and nobody is waited
//! for longer than was promised.
//!
//! The guests here would go on for as long as the sandbox lets them, which is far beyond the deadline of a test:
//! a worker that waits for one fails its test.

use std::time::{Duration, Instant};

use crate::guests::add_guests;
use crate::support::{Broker, Place, Running, lines, wait_for};

/// Longer than any test waits.
const FOR_EVER_MS: u64 = 600_000;

/// A pipeline that commits only when it stops, and a connector beside it.
fn pipeline_beside(connector: &str, graceful_ms: u64) -> Place {
    let mut place = Place::new(Broker::Embedded);
    add_guests(&place, &["tidegate-test-guests"]);
    for line in [
        format!("task.shutdown.graceful.timeout.ms={graceful_ms}"),
        format!("offset.flush.interval.ms={FOR_EVER_MS}"),
        format!("sandbox.start.ms.max={FOR_EVER_MS}"),
        format!("sandbox.put.ms.max={FOR_EVER_MS}"),
    ] {
        place.add_worker_key(&line);
    }
    std::fs::write(place.path("in"), "a\nb\n").unwrap();
    place.file_source(&place.path("in"), "lines");
    place.file_sink(&place.path("out"), "lines", "");
    place.connector("beside", connector);
    place
}

/// Starts a place and waits until its lines have arrived and the connector beside runs.
fn start(place: &Place) -> Running {
    let worker = place.start();
    wait_for(
        "the lines",
        || place.log(),
        || lines(&place.path("out")) == ["a", "b"],
    );
    let beside = format!("{}-beside", place.prefix);
    place.rest().wait_for_task(&beside, "RUNNING");
    worker
}

fn wait_for_log(place: &Place, text: &str) {
    wait_for(text, || place.log(), || place.log().contains(text));
}

fn the_late_task_is_named_and_the_rest_is_committed(connector: &str) {
    let mut place = pipeline_beside(connector, 500);
    let worker = start(&place);
    let told = Instant::now();
    let status = worker.stop();
    assert_eq!(status.code(), Some(3), "{}", place.log());
    assert!(told.elapsed() < Duration::from_secs(30));
    let log = place.log();
    let late = format!(
        "these tasks did not stop within task.shutdown.graceful.timeout.ms: {}-beside-0\n",
        place.prefix
    );
    assert!(log.contains(&late), "{log}");
    // What was committed is not delivered again.
    place.forget_connectors();
    std::fs::write(place.path("in"), "a\nb\nc\n").unwrap();
    place.file_source(&place.path("in"), "lines");
    let worker = place.start();
    let more = || lines(&place.path("out"));
    wait_for("the next line", || place.log(), || more().len() > 2);
    assert_eq!(more(), ["a", "b", "c"], "{}", place.log());
    worker.kill();
}

#[test]
fn a_source_that_does_not_stop_in_time_is_named_and_the_rest_is_committed() {
    the_late_task_is_named_and_the_rest_is_committed("connector.class=test.LoopsInStop");
}

#[test]
fn a_sink_that_does_not_close_in_time_is_named_and_the_rest_is_committed() {
    the_late_task_is_named_and_the_rest_is_committed(
        "connector.class=test.LoopsInClose\ntopics=nothing",
    );
}

#[test]
fn a_worker_that_is_told_twice_ends_at_once() {
    for (first, second) in [("TERM", "TERM"), ("INT", "INT"), ("TERM", "INT")] {
        let place = pipeline_beside("connector.class=test.LoopsInStop", FOR_EVER_MS);
        let worker = start(&place);
        worker.signal(first);
        wait_for_log(&place, "The worker was told to stop");
        worker.signal(second);
        assert_eq!(worker.wait().code(), Some(3), "{}", place.log());
        wait_for_log(&place, "told to stop a second time");
    }
}

#[test]
fn a_worker_that_waits_for_its_broker_ends_when_it_is_told() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let servers = listener.local_addr().unwrap().to_string();
    // Nobody answers there.
    let place = Place::new(Broker::Kafka(servers));
    let worker = place.start();
    listener.accept().unwrap();
    let status = worker.stop();
    assert_eq!(status.code(), Some(0), "{}", place.log());
    assert!(
        place.log().contains("told to stop before it was ready"),
        "{}",
        place.log()
    );
}
