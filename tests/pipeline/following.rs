//! A source that follows a growing file.

use std::io::Write;
use std::time::{Duration, Instant};

use crate::support::{Broker, Place, append, lines, text, wait_for};

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

#[test]
fn a_file_that_is_rewritten_is_read_from_its_start() {
    let mut place = Place::new(Broker::Embedded);
    let (input, output) = (place.path("in"), place.path("out"));
    append(&input, "old-line-1\nold-line-2\nold-line-3\n");
    place.file_source(&input, "lines");
    place.file_sink(&output, "lines", "");
    let worker = place.start();
    wait_for("the lines", || place.log(), || lines(&output).len() == 3);
    let mut wanted = lines(&output);
    // Longer than what was read, and then of the same size. Written over, since a watched file is looked at so soon
    // that it would be seen truncated.
    let longer: Vec<String> = (1..=6)
        .map(|number| format!("completely-different-{number}"))
        .collect();
    let same: Vec<String> = longer
        .iter()
        .map(|line| line.replace("different", "new-lines"))
        .collect();
    for new in [longer, same] {
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .open(&input)
            .unwrap();
        file.write_all(format!("{}\n", new.join("\n")).as_bytes())
            .unwrap();
        wanted.extend(new);
        wait_for(
            "the new lines",
            || place.log(),
            || lines(&output).len() >= wanted.len(),
        );
        assert_eq!(lines(&output), wanted);
    }
    assert!(worker.stop().success(), "{}", place.log());
    assert_eq!(
        place.log().matches("was replaced").count(),
        2,
        "{}",
        place.log()
    );
}

#[test]
fn a_file_that_is_rotated_while_the_worker_is_down_is_read_from_its_start() {
    let mut place = Place::new(Broker::Embedded);
    let (input, output) = (place.path("in"), place.path("out"));
    append(&input, "old-line-1\nold-line-2\n");
    place.file_source(&input, "lines");
    place.file_sink(&output, "lines", "");
    assert!(place.run_until_idle().status.success());
    append(&input, "appended\n");
    let ran = place.run_until_idle();
    assert!(ran.status.success(), "{}", text(&ran));
    assert!(!text(&ran).contains("was replaced"), "{}", text(&ran));
    std::fs::rename(&input, place.path("in.1")).unwrap();
    append(
        &input,
        "a new and longer line\nanother new line\nthe third\n",
    );
    let ran = place.run_until_idle();
    assert!(ran.status.success(), "{}", text(&ran));
    assert!(text(&ran).contains("was replaced"), "{}", text(&ran));
    assert_eq!(
        lines(&output),
        [
            "old-line-1",
            "old-line-2",
            "appended",
            "a new and longer line",
            "another new line",
            "the third"
        ]
    );
}

#[test]
fn the_longest_line_fits_a_topic_and_a_longer_one_is_named() {
    const LINE_BYTES_MAX: usize = 1_048_516;
    let mut place = Place::new(Broker::Embedded);
    let (input, output) = (place.path("in"), place.path("out"));
    let longest = "x".repeat(LINE_BYTES_MAX);
    append(&input, &format!("a\n{longest}\n{longest}y\nb\n"));
    place.file_source(&input, "lines");
    place.file_sink(&output, "lines", "");
    let failed = place.run_until_idle();
    assert_eq!(failed.status.code(), Some(1), "{}", text(&failed));
    let wanted = format!(
        "that begins at position {} has more than",
        LINE_BYTES_MAX + 3
    );
    assert!(text(&failed).contains(&wanted), "{}", text(&failed));
    assert!(
        text(&failed).contains(&input.display().to_string()),
        "{}",
        text(&failed)
    );
    let lengths: Vec<usize> = lines(&output).iter().map(String::len).collect();
    assert_eq!(lengths, [1, LINE_BYTES_MAX]);
    let lines_of = format!(
        "connector.class=FileStreamSource\nfile={}\ntopic={}\nerrors.tolerance=all",
        input.display(),
        place.topic("lines")
    );
    place.connector("source", &lines_of);
    let ran = place.run_until_idle();
    assert!(ran.status.success(), "{}", text(&ran));
    let lengths: Vec<usize> = lines(&output).iter().map(String::len).collect();
    // What came before the failure may be delivered again.
    assert!(
        lengths.ends_with(&[1, LINE_BYTES_MAX, 1]),
        "{lengths:?} {}",
        text(&ran)
    );
}
