//! How long tasks wait when there is nothing, or something has to be tried again. Commits are far apart here, since each
//! ends a wait.

use std::time::{Duration, Instant};

use crate::support::{Place, numbers, wait_for};

#[test]
fn a_source_that_trickles_is_polled_again_soon() {
    let place = Place::with(&[]);
    let started = place.start("Trickles", &[]);
    let begun = Instant::now();
    let progress = started.handle.progress();
    // Each is followed by an empty poll. With waits that grow they would take 30 seconds.
    wait_for(
        "40 records",
        || progress.counts().records_in,
        |records| *records >= 40,
    );
    assert!(begun.elapsed() < Duration::from_secs(15));
    place.stop(started);
}

#[test]
fn a_source_whose_polls_fail_is_polled_less_and_less() {
    let place = Place::with(&[]);
    let begun = Instant::now();
    let started = place.start("LongError", &[("errors.tolerance", "all")]);
    let progress = started.handle.progress();
    wait_for(
        "11 failures",
        || progress.counts().skipped,
        |skipped| *skipped >= 11,
    );
    // 1 ms, 2 ms, 4 ms, and so on, between eleven of them.
    let elapsed = begun.elapsed();
    assert!(elapsed >= Duration::from_millis(1023), "{elapsed:?}");
    place.stop(started);
}

#[test]
fn a_sink_that_takes_something_is_tried_again_soon() {
    let place = Place::with(&[]);
    // A few of these records fit a fetch; every second put asks to be tried again.
    let padded = |number: String| number + &".".repeat(300_000);
    let texts: Vec<String> = numbers(0..40).into_iter().map(padded).collect();
    place.topic("texts", &[&texts]);
    let config = [("topics", "texts"), ("retried", "2,4,6,8,10,12,14")];
    let started = place.start("RetriesSomePuts", &config);
    let begun = Instant::now();
    wait_for("40 records", || place.lines(), |lines| lines.len() >= 40);
    // Waits of 100 ms; if they grew they would be 12.7 seconds.
    assert!(begun.elapsed() < Duration::from_secs(6));
    place.stop(started);
    assert_eq!(place.lines(), numbers(0..40));
}
