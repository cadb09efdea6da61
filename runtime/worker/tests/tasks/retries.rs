//! Transforms that ask to be tried again.

use std::time::{Duration, Instant};

use tidegate_worker::{State, TargetState};

use crate::support::{Place, numbers, wait_for};

/// A transform that refuses these values until it was called so often.
fn flaky<'a>(tries: &'a str, later: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("transforms", "t"),
        ("transforms.t.type", "test.Flaky"),
        ("transforms.t.tries", tries),
        ("transforms.t.later", later),
        ("errors.retry.delay.max.ms", "20"),
    ]
}

#[test]
fn records_that_may_pass_later_are_tried_again_and_keep_their_order() {
    let place = Place::new();
    place.topic("texts", &[&numbers(0..50)]);
    let mut config = flaky("4", "3,30");
    config.extend([("topics", "texts"), ("errors.retry.timeout", "-1")]);
    let started = place.start("RefusesBad", &config);
    let counts = || started.handle.progress().counts();
    wait_for("50 records", counts, |counts| counts.records_in >= 50);
    let counts = counts();
    place.stop(started);
    assert_eq!(place.lines(), numbers(0..50));
    assert_eq!((counts.retries, counts.failures, counts.errors), (8, 8, 0));
    assert_eq!((counts.records_in, counts.skipped), (50, 0));
}

#[test]
fn a_call_that_may_pass_later_is_made_again() {
    let place = Place::new();
    place.topic("texts", &[&numbers(0..50)]);
    let mut config = flaky("4", "");
    config.extend([
        ("transforms.t.call", "yes"),
        ("topics", "texts"),
        ("errors.retry.timeout", "60000"),
    ]);
    let started = place.start("RefusesBad", &config);
    wait_for("50 records", || place.lines(), |lines| lines.len() >= 50);
    let counts = place.stop(started);
    assert_eq!(place.lines(), numbers(0..50));
    assert_eq!((counts.retries, counts.errors), (200, 0));
}

#[test]
fn what_does_not_pass_in_time_fails_as_any_other() {
    let place = Place::new();
    place.topic("texts", &[&numbers(0..10)]);
    let mut config = flaky("1000000", "3");
    config.extend([("topics", "texts"), ("errors.retry.timeout", "100")]);
    let begun = Instant::now();
    let trace = place.start("RefusesBad", &config).wait_for_failure();
    assert!(begun.elapsed() >= Duration::from_millis(100));
    assert!(trace.contains("offset 3: transform t: not 3"), "{trace}");

    config.extend([
        ("errors.tolerance", "all"),
        ("errors.deadletterqueue.topic.name", "dlq"),
        ("errors.deadletterqueue.context.headers.enable", "true"),
    ]);
    let started = place.start("RefusesBad", &config);
    wait_for("9 records", || place.lines(), |lines| lines.len() >= 9);
    let read = place.read("dlq", 1);
    place.stop(started);
    assert_eq!(read[0].value, "3");
    assert_eq!(
        read[0].context("exception.class.name"),
        "org.apache.kafka.connect.errors.RetriableException"
    );
}

#[test]
fn without_a_timeout_nothing_is_tried_again() {
    let place = Place::new();
    place.topic("texts", &[&numbers(0..10)]);
    let mut config = flaky("1", "3");
    config.push(("topics", "texts"));
    let started = place.start("RefusesBad", &config);
    let trace = started.wait_for_failure();
    assert!(trace.contains("not 3"), "{trace}");
    assert_eq!(started.handle.progress().counts().retries, 0);
}

#[test]
fn a_sink_that_tries_again_stops_at_once_and_loses_nothing() {
    let place = Place::new();
    place.topic("texts", &[&numbers(0..10)]);
    let mut config = flaky("1000000", "3");
    config.extend([
        ("topics", "texts"),
        ("errors.retry.timeout", "-1"),
        ("errors.tolerance", "all"),
    ]);
    let started = place.start("RefusesBad", &config);
    let progress = started.handle.progress();
    wait_for("a retry", || progress.counts().retries, |n| *n > 0);
    let begun = Instant::now();
    started.handle.set_target(TargetState::Paused);
    started.wait_for(&State::Paused);
    started.handle.set_target(TargetState::Running);
    started.wait_for(&State::Running);
    place.stop(started);
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert_eq!(place.lines(), [""; 0]);
    assert_eq!(place.committed(), []);
}

#[test]
fn a_source_that_tries_again_is_paused_and_goes_on_with_the_same_records() {
    let place = Place::new();
    place.topic("topic", &[&[]]);
    let mut config = flaky("40", "3");
    config.push(("errors.retry.timeout", "-1"));
    let started = place.start("PoisonsOne", &config);
    let progress = started.handle.progress();
    wait_for("a retry", || progress.counts().retries, |n| *n > 0);
    started.handle.set_target(TargetState::Paused);
    started.wait_for(&State::Paused);
    assert_eq!(progress.counts().records_out, 0);
    started.handle.set_target(TargetState::Running);
    let read = place.read("topic", 500);
    let counts = progress.counts();
    place.stop(started);
    assert_eq!((read.len(), counts.records_in), (500, 500));
    assert_eq!(read[3].value, "3");
}
