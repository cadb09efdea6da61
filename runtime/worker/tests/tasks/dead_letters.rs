//! Records that fail and are kept in a dead letter queue.

use crate::support::{Place, Started, numbers, wait_for};
use tidegate_test_fakes::Fate;

const TOLERANT: (&str, &str) = ("errors.tolerance", "all");
const QUEUE: [(&str, &str); 2] = [
    ("errors.deadletterqueue.topic.name", "dlq"),
    ("errors.deadletterqueue.context.headers.enable", "true"),
];

/// A sink of the topic `texts` whose transform refuses these values.
fn sink<'a>(bad: &'a str, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut config = vec![
        ("topics", "texts"),
        ("transforms", "t"),
        ("transforms.t.type", "test.Flaky"),
        ("transforms.t.bad", bad),
    ];
    config.extend(QUEUE);
    config.extend(more);
    config
}

/// The values of the dead letter queue, once there are so many.
fn letters(place: &Place, count: usize) -> Vec<String> {
    let read = place.read("dlq", count).into_iter();
    read.map(|read| read.value).collect()
}

fn committed(place: &Place) -> i64 {
    let committed = place.committed().into_iter();
    committed.map(|(_, offset)| offset).sum()
}

fn wait_for_failures(started: &Started, count: u64) {
    let errors = || started.handle.progress().counts().errors;
    wait_for("failures", errors, |errors| *errors >= count);
}

#[test]
fn records_that_fail_in_a_transform_or_in_put_are_kept_and_told_apart() {
    let place = Place::new();
    let texts = ["1", "bad of put", "2", "3", "4"].map(str::to_owned);
    place.topic("texts", &[&texts]);
    let started = place.start("RefusesBad", &sink("3", &[TOLERANT]));
    wait_for("3 records", || place.lines(), |lines| lines.len() >= 3);
    wait_for("the commit", || committed(&place), |offset| *offset == 5);
    let counts = place.stop(started);
    assert_eq!(place.lines(), ["1", "2", "4"]);
    assert_eq!((counts.records_in, counts.records_out), (5, 3));
    assert_eq!((counts.skipped, counts.errors, counts.failures), (2, 2, 2));
    assert_eq!((counts.dead_letters, counts.dead_letters_refused), (2, 0));
    assert_eq!((counts.filtered, counts.logged), (0, 0));

    let read = place.read("dlq", 2);
    let shown: Vec<_> = read
        .iter()
        .map(|read| {
            let stage = read.context("stage");
            let of = ["class.name", "offset", "exception.message"];
            (&*read.value, stage, of.map(|name| read.context(name)))
        })
        .collect();
    let put = "org.apache.kafka.connect.sink.SinkTask";
    assert_eq!(
        shown,
        [
            ("bad of put", "TASK_PUT", [put, "1", "refused\\n"]),
            ("3", "TRANSFORMATION", ["test.Flaky", "3", "not 3"]),
        ]
    );
    for read in &read {
        assert_eq!(read.headers.len(), 10, "{read:?}");
        assert_eq!(
            ["topic", "partition", "connector.name", "task.id"].map(|name| read.context(name)),
            ["texts", "0", "tested", "0"]
        );
        assert_eq!(
            read.context("exception.class.name"),
            "org.apache.kafka.connect.errors.DataException"
        );
    }
    assert_eq!(
        read[1].context("exception.stacktrace"),
        "org.apache.kafka.connect.errors.DataException: not 3\n\tat test.Flaky(transform t)\n"
    );
}

#[test]
fn nothing_is_committed_past_a_record_that_the_queue_has_not_acknowledged() {
    let place = Place::with(&[
        ("offset.flush.interval.ms", "20"),
        ("offset.flush.timeout.ms", "50"),
    ]);
    place.topic("texts", &[&numbers(0..10)]);
    place.producer().set("dlq", Fate::Held);
    let started = place.start("RefusesBad", &sink("7", &[TOLERANT]));
    wait_for("9 records", || place.lines(), |lines| lines.len() >= 9);
    wait_for_failures(&started, 1);
    assert_eq!(place.producer().counts().records, 1);
    std::thread::sleep(std::time::Duration::from_millis(200));
    assert_eq!(place.committed(), []);
    place.producer().acknowledge_first();
    wait_for("the commit", || committed(&place), |offset| *offset == 10);
    place.stop(started);
}

#[test]
fn a_queue_that_refuses_a_record_fails_the_task_and_nothing_is_committed_past_it() {
    let place = Place::new();
    place.topic("texts", &[&numbers(0..10)]);
    place.producer().set("dlq", Fate::Refused);
    let started = place.start("RefusesBad", &sink("7", &[TOLERANT]));
    let trace = started.wait_for_failure();
    for wanted in [
        "dead letter queue dlq",
        "a test",
        "Nothing is committed past it",
    ] {
        assert!(trace.contains(wanted), "{trace}");
    }
    let counts = started.handle.progress().counts();
    assert_eq!((counts.dead_letters, counts.dead_letters_refused), (1, 1));
    assert_eq!(place.committed(), []);
}

#[test]
fn without_tolerance_the_first_record_is_kept_and_the_task_fails() {
    let place = Place::new();
    place.topic("texts", &[&numbers(0..10)]);
    let started = place.start("RefusesBad", &sink("5,7", &[]));
    let trace = started.wait_for_failure();
    assert!(
        trace.contains("TRANSFORMATION: record texts-0 offset 5: transform t: not 5"),
        "{trace}"
    );
    assert_eq!(letters(&place, 1), ["5"]);
    let dlq = tidegate_model::TopicName::parse("dlq").unwrap();
    let ends = place.broker().admin().describe(&dlq).unwrap().offsets;
    assert_eq!(ends, [(0, 1)], "one partition, and only the first record");
    assert_eq!(place.lines(), [""; 0], "nothing of the batch was put");
    assert_eq!(place.committed(), []);
}

#[test]
fn a_record_at_which_the_sink_faults_is_kept_once() {
    let place = Place::new();
    let mut texts = numbers(0..100);
    texts[33] = "poison".to_owned();
    place.topic("texts", &[&texts]);
    let config = sink("none", &[TOLERANT, ("how", "flushes")]);
    let started = place.start("TrapsOnPoison", &config);
    wait_for("the commit", || committed(&place), |offset| *offset == 100);
    place.stop(started);
    assert_eq!(place.lines().len(), 99);
    let read = place.read("dlq", 1);
    assert_eq!((read.len(), &*read[0].value), (1, "poison"));
    assert_eq!(
        read[0].context("exception.class.name"),
        "org.apache.kafka.connect.errors.ConnectException"
    );
}

#[test]
fn a_queue_that_is_a_topic_of_the_worker_is_refused() {
    let place = Place::new();
    place.topic("texts", &[&numbers(0..1)]);
    let mut config = sink("7", &[TOLERANT]);
    let offsets = place.offset_topic();
    config.push(("errors.deadletterqueue.topic.name", offsets.as_str()));
    let trace = place.start("RefusesBad", &config).wait_for_failure();
    assert!(trace.contains("the worker's own"), "{trace}");
}

#[test]
fn a_source_keeps_records_as_json_before_the_transforms() {
    let place = Place::new();
    place.topic("topic", &[&[]]);
    let mut config = vec![
        ("transforms", "t"),
        ("transforms.t.type", "test.Flaky"),
        ("transforms.t.bad", "poison,7"),
        TOLERANT,
    ];
    config.extend(QUEUE);
    let started = place.start("PoisonsOne", &config);
    let read = place.read("dlq", 2);
    assert_eq!(place.read("topic", 498).len(), 498);
    let counts = place.stop(started);
    assert_eq!((counts.dead_letters, counts.skipped), (2, 2));
    let shown: Vec<_> = read
        .iter()
        .map(|read| {
            let of = ["stage", "topic", "partition", "offset"];
            (&*read.value, of.map(|name| read.context(name)))
        })
        .collect();
    let letter = |offset| ["TRANSFORMATION", "topic", r#"{"file":"a"}"#, offset];
    assert_eq!(
        shown,
        [
            (
                r#"{"schema":null,"payload":"7"}"#,
                letter(r#"{"position":"7"}"#)
            ),
            (
                r#"{"schema":null,"payload":"poison"}"#,
                letter(r#"{"position":"123"}"#)
            ),
        ]
    );
}

#[test]
fn a_source_offset_does_not_pass_a_record_that_the_queue_has_not_acknowledged() {
    let place = Place::with(&[
        ("offset.flush.interval.ms", "20"),
        ("offset.flush.timeout.ms", "50"),
    ]);
    place.topic("topic", &[&[]]);
    place.producer().set("dlq", Fate::Held);
    let mut config = vec![
        ("transforms", "t"),
        ("transforms.t.type", "test.Flaky"),
        ("transforms.t.bad", "4"),
        TOLERANT,
    ];
    config.extend(QUEUE);
    let started = place.start("WritesCommits", &config);
    let out = || started.handle.progress().counts().records_out;
    wait_for("9 records", out, |out| *out == 9);
    std::thread::sleep(std::time::Duration::from_millis(200));
    let before = place.lines();
    assert!(
        before.iter().all(|line| "0123".contains(line)),
        "{before:?}"
    );
    place.producer().acknowledge_first();
    wait_for(
        "the commit",
        || place.lines(),
        |lines| lines.last().is_some_and(|line| line == "9"),
    );
    place.stop(started);
}

#[test]
fn records_that_a_sources_topic_refuses_are_kept() {
    let place = Place::new();
    place.topic("topic", &[&[]]);
    let mut config = vec![TOLERANT];
    config.extend(QUEUE);
    let started = place.start("UnknownPartitions", &config);
    let read = place.read("dlq", 10);
    wait_for(
        "the commit",
        || place.lines(),
        |lines| lines.last().is_some_and(|line| line == "9"),
    );
    let counts = place.stop(started);
    assert_eq!((counts.records_out, counts.skipped), (10, 10));
    assert_eq!((counts.dead_letters, counts.dead_letters_refused), (10, 0));
    for (number, read) in read.iter().enumerate() {
        assert_eq!(read.value, r#"{"schema":null,"payload":"bad"}"#);
        assert_eq!(read.context("stage"), "KAFKA_PRODUCE");
        let offset = format!(r#"{{"position":"{number}"}}"#);
        assert_eq!(read.context("offset"), offset);
        let message = read.context("exception.message");
        assert!(message.contains("no partition 9"), "{message}");
    }
}

#[test]
fn a_source_that_failed_commits_what_was_acknowledged() {
    let place = Place::with(&[]);
    place.topic("topic", &[&[]]);
    let config = [
        ("transforms", "t"),
        ("transforms.t.type", "test.Flaky"),
        ("transforms.t.bad", "6"),
    ];
    let started = place.start("WritesCommits", &config);
    let trace = started.wait_for_failure();
    assert!(trace.contains("not 6"), "{trace}");
    let offsets = place.offset_topic();
    let read = place.read(offsets.as_str(), 1);
    assert_eq!(read[0].value, r#"{"position":"5"}"#);
}

/// Many records, all of them bad: `DEAD_LETTERS` of them when that is set, with what it took.
#[test]
fn records_that_are_all_bad_pass_with_exact_counts() {
    let wanted = std::env::var("DEAD_LETTERS").ok();
    let wanted: usize = wanted.map_or(20_000, |count| count.parse().unwrap());
    let place = Place::new();
    let topic = place.topic("texts", &[&[]]);
    let mut written = 0;
    while written < wanted {
        let some: Vec<_> = (written..wanted.min(written + 5_000))
            .map(|number| format!("{{\"id\": {number}, not JSON"))
            .collect();
        place.write(&topic, 0, &some);
        written += some.len();
    }
    let mut config = vec![
        ("topics", "texts"),
        TOLERANT,
        (
            "value.converter",
            "org.apache.kafka.connect.json.JsonConverter",
        ),
    ];
    config.extend(QUEUE);
    let begun = std::time::Instant::now();
    let started = place.start("Takes", &config);
    let done = || committed(&place);
    let (end, mut memory) = (i64::try_from(wanted).unwrap(), Vec::new());
    let seen = std::sync::Mutex::new(&mut memory);
    wait_for("all records", done, |offset| {
        seen.lock().unwrap().push(resident_mib());
        *offset == end
    });
    let elapsed = begun.elapsed().as_secs_f64();
    println!(
        "{wanted} records in {elapsed:.1} s: {:.0} per second; memory {} to {} MiB",
        wanted as f64 / elapsed,
        memory.iter().min().unwrap(),
        memory.iter().max().unwrap()
    );
    let counts = place.stop(started);
    let wanted = wanted as u64;
    assert_eq!((counts.records_in, counts.records_out), (wanted, 0));
    assert_eq!((counts.skipped, counts.errors), (wanted, wanted));
    assert_eq!(
        (counts.dead_letters, counts.dead_letters_refused),
        (wanted, 0)
    );
    let dlq = tidegate_model::TopicName::parse("dlq").unwrap();
    let ends = place.broker().admin().describe(&dlq).unwrap().offsets;
    assert_eq!(ends, [(0, end)]);
}

/// The memory of this process, with that of the embedded log.
fn resident_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    kib.unwrap_or_default() / 1024
}
