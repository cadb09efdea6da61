//! A source is not polled while too much of it waits for acknowledgements.

use tidegate_model::limits::{IN_FLIGHT_BYTES_MAX, IN_FLIGHT_RECORDS_MAX};

use crate::support::{Place, wait_for};
use tidegate_test_fakes::Fate;

/// Lets a source fill what may be in flight, then lets it go on by one poll a few times. `full` says whether a
/// bound is reached.
fn polls_go_on_one_for_each_acknowledgement(class: &str, full: impl Fn(usize, usize) -> bool) {
    let place = Place::new();
    place.producer().set("topic", Fate::Held);
    let started = place.start(class, &[]);
    let counts = || place.producer().counts();
    wait_for("a full flight", counts, |counts| {
        full(counts.records, counts.bytes)
    });
    let filled = counts().submits;
    let offsets = place.offset_topic();
    let written = || {
        let described = place.broker().admin().describe(&offsets).unwrap();
        described.offsets.iter().map(|(_, end)| *end).sum::<i64>()
    };
    for round in 1..=20 {
        let before = written();
        place.producer().acknowledge_first();
        // The task goes round: it writes the offset and polls again, once.
        wait_for("the offset", written, |written| *written > before);
        wait_for("the next poll", counts, |counts| {
            counts.submits >= filled + round
        });
        assert_eq!(counts().submits, filled + round);
    }
    let most = counts();
    assert!(
        !full(most.records_before, most.bytes_before),
        "it was polled with too much in flight: {most:?}"
    );
    // What is in flight is acknowledged, as long as there is some: the task ends without waiting.
    started
        .handle
        .set_target(tidegate_worker::TargetState::Stopped);
    while counts().records > 0 {
        place.producer().acknowledge_first();
    }
    place.stop(started);
}

#[test]
fn a_source_waits_when_ten_thousand_records_are_not_acknowledged() {
    polls_go_on_one_for_each_acknowledgement("Counts", |records, _| {
        records >= IN_FLIGHT_RECORDS_MAX
    });
}

#[test]
fn a_source_waits_when_64_mib_are_not_acknowledged() {
    polls_go_on_one_for_each_acknowledgement("LargeRecords", |_, bytes| {
        bytes >= IN_FLIGHT_BYTES_MAX
    });
}
