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

/// What a worker says when it finds connectors that its command line does not name.
const OTHERS: &str = "These connectors are from another command line";

#[test]
fn connectors_of_another_worker_on_the_same_kafka_are_a_warning() {
    let Some(kafka) = Broker::kafka() else {
        return;
    };
    let mut place = Place::new(kafka);
    std::fs::write(place.path("in"), "a\n").unwrap();
    place.file_source(&place.path("in"), "lines");
    let first = place.run_until_idle();
    let again = place.run_until_idle();
    for own in [&first, &again] {
        assert!(
            own.status.success() && !text(own).contains(OTHERS),
            "{}",
            text(own)
        );
    }
    place.forget_connectors();
    place.file_sink(&place.path("out"), "lines", "");
    let other = text(&place.run_until_idle());
    let warning = other.lines().find(|line| line.contains(OTHERS));
    let warning = warning.unwrap_or_else(|| panic!("no warning in:\n{other}"));
    assert!(warning.contains("WARN"), "{warning}");
    assert!(
        warning.contains(&format!("{}-source", place.prefix)),
        "{warning}"
    );
    assert!(
        warning.contains(&format!("{}-configs", place.prefix)),
        "{warning}"
    );
}

#[test]
fn a_connector_of_the_command_line_goes_on_when_it_is_not_named_again() {
    let mut place = Place::new(Broker::Embedded);
    let (input, output) = (place.path("in"), place.path("out"));
    std::fs::write(&input, "a\n").unwrap();
    place.file_source(&input, "lines");
    place.file_sink(&output, "lines", "");
    assert!(place.run_until_idle().status.success());
    std::fs::write(&input, "a\nb\n").unwrap();
    place.forget_connectors();
    let second = place.run_until_idle();
    assert!(second.status.success(), "{}", text(&second));
    assert_eq!(lines(&output), ["a", "b"]);
    // Nobody else can be in the folder.
    assert!(!text(&second).contains(OTHERS), "{}", text(&second));
}
