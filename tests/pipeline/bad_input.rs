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
    refused(&format!("{source}tasks.max=many"), "tasks.max");
    refused(&format!("{source}transforms=a"), "transforms.a.type");
    refused(
        &format!("{source}transforms=a\ntransforms.a.type=NoSuchTransform"),
        "NoSuchTransform",
    );
    let transform = |lines: &str| format!("{source}transforms=a\n{lines}");
    refused(
        &format!("{source}transforms=a,a\ntransforms.a.type=Filter"),
        "Duplicate alias",
    );
    refused(
        &transform("transforms.a.type=Filter\ntransforms.a.predicate=p"),
        "transforms.a.predicate",
    );
    refused(
        &transform(
            "transforms.a.type=TimestampConverter$Value\ntransforms.a.target.type=string\ntransforms.a.format=yyyy-QQ",
        ),
        "'Q'",
    );
    refused(
        &transform(
            "transforms.a.type=RegexRouter\ntransforms.a.regex=(((\ntransforms.a.replacement=x",
        ),
        "transforms.a.regex",
    );
    refused(
        &transform("transforms.a.type=Cast$Value\ntransforms.a.spec=n:int99"),
        "int99",
    );
    refused(
        &format!("{source}value.converter=NoSuchConverter"),
        "NoSuchConverter",
    );
    refused(
        &format!("{source}errors.tolerance=some"),
        "errors.tolerance",
    );
    refused(
        &format!("{source}errors.retry.timeout=-2"),
        "errors.retry.timeout: Invalid value -2: Value must be at least 0",
    );
    refused(
        "connector.class=FileStreamSink\nfile=out\ntopics=t,dlq\nerrors.deadletterqueue.topic.name=dlq",
        "The DLQ topic 'dlq' may not be included in the list of topics",
    );
}

#[test]
fn a_dead_letter_queue_that_is_a_topic_of_the_worker_is_refused() {
    let mut place = Place::new(Broker::Embedded);
    let queue = format!(
        "errors.deadletterqueue.topic.name={}",
        place.topic("offsets")
    );
    place.file_sink(&place.path("out"), "lines", &queue);
    let output = place.run_until_idle();
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    let wanted = "errors.deadletterqueue.topic.name: ";
    assert!(text(&output).contains(wanted), "{}", text(&output));
    assert!(
        text(&output).contains("the worker's own"),
        "{}",
        text(&output)
    );
}

#[test]
fn what_is_wrong_with_a_connector_is_said_line_by_line_with_file_connector_and_whole_key() {
    let mut place = Place::new(Broker::Embedded);
    let source = "connector.class=FileStreamSource\nfile=in\ntopic=t\n";
    place.connector(
        "a",
        &format!(
            "{source}value.converter=JsonConverter\nvalue.converter.schemas.enable=maybe\ntransforms=x,y\n\
             transforms.x.type=InsertFeld$Value\ntransforms.y.type=InsertField$Value\n\
             transforms.y.predicate=p\npredicates=p\npredicates.p.type=TopicNameMatches\n\
             predicates.p.pattern=((("
        ),
    );
    place.connector("b", "tasks.max=1");
    let output = place.run_until_idle();
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    let prefix = &place.prefix;
    let begins = |name: &str, key: &str| {
        let file = place.path(&format!("{name}.properties"));
        format!(
            "tidegate: {}: connector {prefix}-{name}: {key}: ",
            file.display()
        )
    };
    let output = text(&output);
    for (name, key, wanted) in [
        ("a", "value.converter.schemas.enable", "Invalid value maybe"),
        ("a", "transforms.x.type", "transforms.InsertField$Value"),
        ("a", "transforms.y.topic.field", "No field insertion"),
        ("a", "predicates.p.pattern", "unclosed group"),
        ("b", "connector.class", "Missing required configuration"),
    ] {
        let begin = begins(name, key);
        let line = output.lines().find(|line| line.starts_with(&begin));
        assert!(
            line.is_some_and(|line| line.contains(wanted) && !line.contains("\\n")),
            "{begin}…{wanted} was wanted in:\n{output}"
        );
    }
    assert!(
        output.contains("`tidegate validate ") && !output.contains("endpoint"),
        "{output}"
    );
}

#[test]
fn one_name_for_two_connectors_is_refused() {
    let mut place = Place::new(Broker::Embedded);
    place.connector("a", "connector.class=FileStreamSource");
    place.connector("b", "");
    std::fs::copy(place.path("a.properties"), place.path("b.properties")).unwrap();
    let output = place.run_until_idle();
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    for wanted in ["a.properties", "b.properties", "a name of its own"] {
        assert!(text(&output).contains(wanted), "{}", text(&output));
    }
}

#[test]
fn a_workers_key_that_cannot_work_ends_the_start_with_its_file_and_value() {
    for (line, wanted) in [
        (
            "value.converter=com.acme.Nope",
            "value.converter: there is no converter com.acme.Nope",
        ),
        (
            "key.converter=JsonConverter\nkey.converter.schemas.enable=maybe",
            "key.converter.schemas.enable: \"maybe\"",
        ),
        ("num.partitions=0", "num.partitions: \"0\""),
        ("embedded.sync=never", "embedded.sync: \"never\""),
        (
            "bootstrap.servers=127.0.0.1:9\nproducer.linger.ms=abc",
            "producer.linger.ms: \"abc\"",
        ),
        (
            "bootstrap.servers=127.0.0.1:9\nconsumer.fetch.min.bytes=abc",
            "consumer.fetch.min.bytes: \"abc\"",
        ),
        (
            "offset.storage.topic=o\nconfig.storage.topic=o",
            "offset.storage.topic",
        ),
        (
            "sandbox.memory.bytes.max=1000",
            "sandbox.memory.bytes.max: Value must be at least 1048576",
        ),
    ] {
        let place = Place::new(Broker::Embedded);
        place.add_worker_key(line);
        let output = place.run_until_idle();
        assert_eq!(output.status.code(), Some(2), "{line}: {}", text(&output));
        for wanted in ["worker.properties: ", wanted] {
            assert!(
                text(&output).contains(wanted),
                "{wanted:?} was wanted in:\n{}",
                text(&output)
            );
        }
    }
}

#[test]
fn a_record_that_is_not_json_fails_the_task_and_is_named() {
    let mut place = Place::new(Broker::Embedded);
    std::fs::write(place.path("in"), "{\"a\":1}\n{\"a\":\n").unwrap();
    place.file_source(&place.path("in"), "lines");
    let json = "value.converter=org.apache.kafka.connect.json.JsonConverter\nvalue.converter.schemas.enable=false\n";
    place.file_sink(&place.path("out"), "lines", json);
    let running = place.start();
    let sink = format!("{}-sink", place.prefix);
    place.rest().wait_for_task(&sink, "FAILED");
    let stopped = running.stop();
    assert_eq!(stopped.code(), Some(1), "{}", place.log());
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
