//! A source that follows a growing file.

use std::time::{Duration, Instant};

use crate::support::{Broker, Place, append, lines, wait_for};

#[test]
fn an_appended_line_arrives_within_100_ms() {
    let mut place = Place::new(Broker::Embedded);
    let (input, output) = (place.path("in"), place.path("out"));
    append(&input, "first\n");
    place.file_source(&input, "lines");
    place.file_sink(&output, "lines", "");
    let worker = place.start();
    wait_for(
        "the first line",
        || place.log(),
        || lines(&output) == ["first"],
    );
    // Long enough that source and sink have backed off as far as they do. Then the best of three, since the
    // machine may be busy with other tests.
    let mut fastest = Duration::MAX;
    for number in 0..3 {
        std::thread::sleep(Duration::from_millis(1_500));
        let before = lines(&output).len();
        let appended = Instant::now();
        append(&input, &format!("line {number}\n"));
        wait_for(
            "the appended line",
            || place.log(),
            || lines(&output).len() == before + 1,
        );
        fastest = fastest.min(appended.elapsed());
    }
    assert!(fastest < Duration::from_millis(100), "{fastest:?}");
    assert!(worker.stop().success(), "{}", place.log());
}

#[test]
fn a_partial_line_is_kept_back_until_it_is_whole() {
    let mut place = Place::new(Broker::Embedded);
    let (input, output) = (place.path("in"), place.path("out"));
    append(&input, "whole\npar");
    place.file_source(&input, "lines");
    place.file_sink(&output, "lines", "");
    let worker = place.start();
    wait_for(
        "the whole line",
        || place.log(),
        || lines(&output) == ["whole"],
    );
    append(&input, "tial\n");
    wait_for(
        "the partial line",
        || place.log(),
        || lines(&output) == ["whole", "partial"],
    );
    assert!(worker.stop().success(), "{}", place.log());
}

#[test]
fn a_truncated_file_is_read_from_its_start() {
    let mut place = Place::new(Broker::Embedded);
    let (input, output) = (place.path("in"), place.path("out"));
    append(&input, "one\ntwo\nthree\n");
    place.file_source(&input, "lines");
    place.file_sink(&output, "lines", "");
    let worker = place.start();
    wait_for("the lines", || place.log(), || lines(&output).len() == 3);
    std::fs::write(&input, "new\n").unwrap();
    wait_for(
        "the new line",
        || place.log(),
        || lines(&output).last().is_some_and(|line| line == "new"),
    );
    assert!(worker.stop().success(), "{}", place.log());
}

#[test]
fn a_file_that_comes_later_is_read() {
    let mut place = Place::new(Broker::Embedded);
    let (input, output) = (place.path("in"), place.path("out"));
    place.file_source(&input, "lines");
    place.file_sink(&output, "lines", "");
    let worker = place.start();
    wait_for(
        "the notice",
        || place.log(),
        || place.log().contains("does not exist"),
    );
    append(&input, "late\n");
    wait_for("the line", || place.log(), || lines(&output) == ["late"]);
    assert!(worker.stop().success(), "{}", place.log());
}
