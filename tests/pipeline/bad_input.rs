//! What a user gets wrong is said in time, in words that help.

use crate::support::{Broker, Place, lines, text, tidegate};

fn refused(lines: &str, wanted: &str) {
    let mut place = Place::new(Broker::Embedded);
    place.connector("c", lines);
    let output = place.run_until_idle();
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    assert!(
        text(&output).contains(wanted),
        "{wanted:?} was wanted in:\n{}",
        text(&output)
    );
}

#[test]
fn a_configuration_that_cannot_work_is_refused_with_the_key() {
    refused("tasks.max=1", "connector.class");
    refused("connector.class=NoSuchConnector", "NoSuchConnector");
    refused("connector.class=FileStreamSource\nfile=in", "\"topic\"");
    refused("connector.class=FileStreamSink\nfile=out", "topics");
    refused("connector.class=FileStreamSource\ntopic=t", "\"file\"");
    refused("connector.class=FileStreamSink\ntopics=t", "\"file\"");
    refused(
        "connector.class=FileStreamSource\ntopic=t\nfile=../in",
        "a path without .. is wanted",
    );
    let source = "connector.class=FileStreamSource\nfile=in\ntopic=t\n";
    refused(&format!("{source}batch.size=0"), "at least 1");
    refused(
        &format!(
            "{source}transforms=r\ntransforms.r.type=org.apache.kafka.connect.transforms.RegexRouter\n\
             transforms.r.regex=(.*)\ntransforms.r.replacement=$9"
        ),
        "No group 9",
    );
    refused(&format!("{source}tasks.max=many"), "tasks.max");
    refused(&format!("{source}transforms=a"), "transforms.a.type");
    refused(
        &format!("{source}transforms=a\ntransforms.a.type=NoSuchTransform"),
        "NoSuchTransform",
    );
    refused(
        &format!("{source}value.converter=NoSuchConverter"),
        "NoSuchConverter",
    );
    refused(
        &format!("{source}errors.tolerance=some"),
        "errors.tolerance",
    );
}

#[test]
fn a_record_that_is_not_json_fails_the_task_and_is_named() {
    let mut place = Place::new(Broker::Embedded);
    std::fs::write(place.path("in"), "{\"a\":1}\n{\"a\":\n").unwrap();
    place.file_source(&place.path("in"), "lines");
    let json = "value.converter=org.apache.kafka.connect.json.JsonConverter\nvalue.converter.schemas.enable=false\n";
    place.file_sink(&place.path("out"), "lines", json);
    let output = place.run_until_idle();
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    for wanted in ["VALUE_CONVERTER", "offset 1", "errors.tolerance=all"] {
        assert!(
            text(&output).contains(wanted),
            "{wanted:?} was wanted in:\n{}",
            text(&output)
        );
    }
    place.file_sink(
        &place.path("out"),
        "lines",
        &format!("{json}errors.tolerance=all"),
    );
    let output = place.run_until_idle();
    assert!(output.status.success(), "{}", text(&output));
    assert_eq!(lines(&place.path("out")), ["{\"a\":1}"]);
}

#[test]
fn a_gzip_file_is_refused() {
    let mut place = Place::new(Broker::Embedded);
    std::fs::write(place.path("in"), [0x1f, 0x8b, 8, 0, 0, 0, 0, 0]).unwrap();
    place.file_source(&place.path("in"), "lines");
    let output = place.run_until_idle();
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(text(&output).contains("gzip"), "{}", text(&output));
}

#[test]
fn a_second_worker_in_the_same_folder_is_refused() {
    let mut place = Place::new(Broker::Embedded);
    std::fs::write(place.path("in"), "a\n").unwrap();
    place.file_source(&place.path("in"), "lines");
    place.file_sink(&place.path("out"), "lines", "");
    let worker = place.start();
    crate::support::wait_for(
        "the line",
        || place.log(),
        || lines(&place.path("out")) == ["a"],
    );
    let second = place.run_until_idle();
    assert_eq!(second.status.code(), Some(2), "{}", text(&second));
    assert!(
        text(&second).contains("in use by another process"),
        "{}",
        text(&second)
    );
    assert!(worker.stop().success(), "{}", place.log());
}

#[test]
fn files_that_are_not_there_or_not_readable_are_named() {
    let output = tidegate()
        .args(["standalone", "/no/such/worker.properties"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        text(&output).contains("/no/such/worker.properties"),
        "{}",
        text(&output)
    );
    let output = tidegate()
        .args(["topics", "--bootstrap-servers", "embedded:/no/such/folder"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        text(&output).contains("/no/such/folder"),
        "{}",
        text(&output)
    );
}

#[test]
fn what_is_no_regular_file_in_the_folder_is_refused_in_words() {
    let mut place = Place::new(Broker::Embedded);
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret"), "secret\n").unwrap();
    std::os::unix::fs::symlink(outside.path().join("secret"), place.path("link")).unwrap();
    let made = std::process::Command::new("mkfifo")
        .arg(place.path("pipe"))
        .status();
    assert!(made.unwrap().success());
    std::fs::create_dir(place.path("folder")).unwrap();
    for (name, wanted) in [
        ("link", "Only regular files in the folder"),
        ("pipe", "Only regular files in the folder"),
        ("folder", "folder is a folder; the path of a file is wanted"),
        ("none/in", "cannot be granted"),
    ] {
        for kind in ["source", "sink"] {
            place.forget_connectors();
            if kind == "source" {
                place.file_source(&place.path(name), "lines");
            } else {
                place.file_sink(&place.path(name), "lines", "");
            }
            let output = place.run_until_idle();
            assert_eq!(output.status.code(), Some(1), "{name} {}", text(&output));
            let text = text(&output);
            assert!(
                text.contains(wanted),
                "{kind} {name}: {wanted:?} was wanted in:\n{text}"
            );
            assert!(name == "none/in" || !text.contains("os error"), "{text}");
            assert!(!text.contains("secret\n"), "{text}");
        }
    }
}
