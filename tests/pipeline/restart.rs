//! A worker that ends and starts again goes on where it was.

use crate::support::{Broker, Place, lines, text};

fn a_restart_repeats_nothing(broker: Broker) {
    let mut place = Place::new(broker);
    let (input, output) = (place.path("in"), place.path("out"));
    std::fs::write(&input, "a\nb\n").unwrap();
    place.file_source(&input, "lines");
    place.file_sink(&output, "lines", "");
    let first = place.run_until_idle();
    assert!(first.status.success(), "{}", text(&first));
    assert_eq!(lines(&output), ["a", "b"]);
    std::fs::write(&input, "a\nb\nc\n").unwrap();
    let second = place.run_until_idle();
    assert!(second.status.success(), "{}", text(&second));
    assert_eq!(lines(&output), ["a", "b", "c"], "{}", text(&second));
}

#[test]
fn a_restart_repeats_nothing_on_the_embedded_log() {
    a_restart_repeats_nothing(Broker::Embedded);
}

#[test]
fn a_restart_repeats_nothing_on_kafka() {
    if let Some(kafka) = Broker::kafka() {
        a_restart_repeats_nothing(kafka);
    }
}
