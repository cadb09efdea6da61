//! Guests that misbehave in a worker: each fails alone, with a trace that helps.

use std::time::Duration;

use crate::attacked::Attacked;
use crate::bad_batches::BAD_BATCHES;
use crate::count;

/// Short limits, so that what never ends ends soon.
const SHORT: [&str; 5] = [
    "sandbox.poll.ms.max=500",
    "sandbox.put.ms.max=500",
    "sandbox.start.ms.max=500",
    "sandbox.transform.ms.max=500",
    "sandbox.validate.ms.max=500",
];

/// Sources, with what their trace says.
const SOURCES: [(&str, &str); 22] = [
    ("LoopsInStart", "sandbox.start.ms.max"),
    ("LoopsInPoll", "sandbox.poll.ms.max"),
    ("LoopsInCommit", "sandbox.start.ms.max"),
    ("SleepsInStart", "sandbox.start.ms.max"),
    ("SleepsInPoll", "sandbox.poll.ms.max"),
    ("SleepsInCommit", "sandbox.start.ms.max"),
    ("TrapsInStart", "start trapped"),
    ("TrapsInPoll", "poll trapped"),
    ("TrapsInCommit", "commit trapped"),
    ("ExitsInPoll", "exit code"),
    ("OverflowsStack", "call stack exhausted"),
    ("OverflowsOwnStack", "out of bounds"),
    ("HugeResult", "sandbox.call.bytes.max"),
    ("AliasedStrings", "sandbox.call.bytes.max"),
    ("ClaimsGigabyte", "out of bounds"),
    ("LongError", "long"),
    ("SaysHostileWords", "\\u{1b}[31m"),
    ("SaysNoText", "utf-8"),
    ("LogsNoText", "utf-8"),
    ("RandomBytes", ""),
    ("LooksAround", "reached [false, false, false"),
    ("TooManyTasks", ""),
];

/// Sinks of the healthy pipeline's topic, with what their trace says.
const SINKS: [(&str, &str); 11] = [
    ("TrapsInOpen", "open trapped"),
    ("TrapsInPut", "put trapped"),
    ("TrapsInFlush", "flush trapped"),
    ("LoopsInOpen", "sandbox.put.ms.max"),
    ("LoopsInPut", "sandbox.put.ms.max"),
    ("LoopsInFlush", "sandbox.put.ms.max"),
    ("SleepsForEverInPut", "sandbox.put.ms.max"),
    ("FlushesTooFar", "offset"),
    ("FlushesOthers", "which was not asked for"),
    ("RefusesBackwards", "ascending order"),
    ("SaysTooMuch", "delivered"),
];

/// Waits until a connector or its task is FAILED, and gives the trace.
fn trace(attacked: &Attacked, name: &str) -> String {
    let path = format!("/connectors/{name}/status");
    let status = || attacked.rest.send("GET", &path, None).1;
    let failed = |status: &serde_json::Value| {
        status["connector"]["state"] == "FAILED" || status["tasks"][0]["state"] == "FAILED"
    };
    crate::support::wait_for(
        name,
        || format!("{}\n{}", status(), attacked.place.log()),
        || failed(&status()),
    );
    let status = status();
    let trace = match &status["connector"]["trace"] {
        serde_json::Value::String(trace) => trace,
        _ => status["tasks"][0]["trace"].as_str().unwrap(),
    };
    trace.to_owned()
}

/// Creates a connector of each hostile class; gives their names with what their traces say.
fn create_all(attacked: &Attacked) -> Vec<(String, String)> {
    let topic = attacked.place.topic("lines");
    let mut created = Vec::new();
    let mut create = |name: &str, word: &str, config: &[(&str, &str)]| {
        let (status, answer) = attacked.create(name, config);
        assert_eq!(status, 201, "{name}: {answer}");
        created.push((name.to_owned(), word.to_owned()));
    };
    for (class, word) in SOURCES {
        let class = format!("test.{class}");
        create(&class, word, &[("connector.class", &class)]);
    }
    for what in BAD_BATCHES {
        let config = [("connector.class", "test.BadBatch"), ("what", what)];
        create(what, "what is not allowed", &config);
    }
    for (class, word) in SINKS {
        let class = format!("test.{class}");
        let config = [("connector.class", class.as_str()), ("topics", &topic)];
        create(&class, word, &config);
    }
    for class in ["TrapsAlways", "LoopsInApply", "TooManyOutputs"] {
        let class = format!("test.{class}");
        let config = [
            ("connector.class", "test.Counts"),
            ("transforms", "t"),
            ("transforms.t.type", &class),
        ];
        create(&class, "apply", &config);
    }
    for class in ["TrapsInTest", "LoopsInTest", "WrongCount", "WrongAnswer"] {
        let class = format!("test.{class}");
        // The transform is another component's, so that the host asks the predicate.
        let filter = "org.apache.kafka.connect.transforms.Filter";
        let config = [
            ("connector.class", "test.Counts"),
            ("transforms", "t"),
            ("transforms.t.type", filter),
            ("transforms.t.predicate", "p"),
            ("predicates", "p"),
            ("predicates.p.type", &class),
        ];
        create(&class, "test", &config);
    }
    created
}

#[test]
fn each_hostile_guest_fails_alone_and_says_why() {
    let attacked = Attacked::start(&SHORT);
    let attack = || {
        let created = create_all(&attacked);
        attacked.goes_on();
        for (name, word) in &created {
            let trace = trace(&attacked, name);
            assert!(trace.contains(word), "{name}: {word} in {trace}");
            assert!(trace.len() < 20_000, "{name}: {} bytes", trace.len());
            attacked.is_clean(&trace);
        }
        attacked.goes_on();
        for (name, _) in &created {
            let path = format!("/connectors/{name}");
            assert_eq!(attacked.rest.send("DELETE", &path, None).0, 204, "{name}");
        }
        created.len()
    };
    // The first time there is more that stays: threads, and buffers of the allocator.
    let count = attack();
    let before = attacked.memory_bytes();
    attack();
    println!("{count} hostile guests, twice");
    attacked.memory_is_back(before);
    let log = attacked.end();
    for line in log.lines() {
        assert!(!line.starts_with("2026-01-01T00:00:00Z"), "a faked line");
    }
    assert!(!log.contains('\u{1b}') && !log.contains('\u{7}'), "{log}");
}

#[test]
fn guests_that_break_when_they_are_only_asked_are_refused_with_the_request() {
    let attacked = Attacked::start(&SHORT);
    for (class, word) in [
        ("LoopsInValidate", "sandbox.validate.ms.max"),
        ("TrapsInValidate", "validate trapped"),
        // How many MiB it got.
        ("TakesMemory", "6"),
    ] {
        let class = format!("test.{class}");
        let (status, answer) = attacked.create(&class, &[("connector.class", &class)]);
        let message = answer["message"].as_str().unwrap();
        assert_eq!(status, 400, "{class}: {message}");
        assert!(message.contains(word), "{class}: {message}");
        attacked.is_clean(message);
    }
    for (class, word) in [
        ("LoopsInConfigure", "sandbox.validate.ms.max"),
        ("TrapsInConfigure", "configure trapped"),
        ("RefusesConfig", "not like this"),
    ] {
        let class = format!("test.{class}");
        let config = [
            ("connector.class", "test.Counts"),
            ("transforms", "t"),
            ("transforms.t.type", &class),
        ];
        let (status, answer) = attacked.create(&class, &config);
        let message = match status {
            201 => trace(&attacked, &class),
            _ => answer["message"].as_str().unwrap().to_owned(),
        };
        assert!(matches!(status, 201 | 400), "{class}: {status} {message}");
        assert!(message.contains(word), "{class}: {message}");
        attacked.is_clean(&message);
    }
    attacked.end();
}

#[test]
fn a_source_that_finds_nothing_at_full_speed_takes_no_processor() {
    let attacked = Attacked::start(&[]);
    for number in 0..4 {
        let config = [("connector.class", "test.FindsNothing")];
        let created = attacked.create(&format!("nothing-{number}"), &config);
        assert_eq!(created.0, 201, "{created:?}");
    }
    attacked.rest.wait_for_task("nothing-3", "RUNNING");
    // The waits between polls double from 1 ms to 1 s.
    std::thread::sleep(Duration::from_secs(3));
    let measured = Duration::from_secs(4);
    let before = attacked.cpu_time();
    std::thread::sleep(measured);
    let used = attacked.cpu_time() - before;
    println!("{used:?} of CPU in {measured:?}");
    assert!(used < measured / 20, "{used:?} in {measured:?}");
    attacked.end();
}

#[test]
fn millions_of_log_lines_are_dropped_and_counted() {
    let lines = count(300_000, 10_000_000);
    let attacked = Attacked::start(&["sandbox.poll.ms.max=120000"]);
    let config = [
        ("connector.class", "test.FloodsLogForEver"),
        ("lines", &lines.to_string()),
        ("topic", "unused"),
    ];
    let created = attacked.create("floods", &config);
    assert_eq!(created.0, 201, "{created:?}");
    let path = "/connectors/floods/status";
    attacked.rest.wait_for_task("floods", "RUNNING");
    let refused = || {
        let page = attacked.rest.text("GET", "/metrics");
        let line = page
            .lines()
            .find(|line| line.contains("refus") && line.contains("floods") && line.contains("log"))
            .map(str::to_owned);
        let value = line.and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
        value.unwrap_or(0.0)
    };
    crate::support::wait_for(
        "the lines",
        || {
            format!(
                "{} refused, {}",
                refused(),
                attacked.rest.send("GET", path, None).1
            )
        },
        || refused() > 0.9 * lines as f64,
    );
    attacked.goes_on();
    assert_eq!(
        attacked.rest.send("DELETE", "/connectors/floods", None).0,
        204
    );
    let log = attacked.end();
    println!("{lines} lines became a log of {} KiB", log.len() >> 10);
    assert!(log.len() < 4 << 20, "{} bytes", log.len());
    assert!(
        log.contains("log lines of this plugin were dropped"),
        "{log}"
    );
}

#[test]
fn offsets_that_a_source_counts_down_are_committed_as_they_come() {
    let attacked = Attacked::start(&[]);
    let created = attacked.create("back", &[("connector.class", "test.GoesBackwards")]);
    assert_eq!(created.0, 201, "{created:?}");
    let offsets = || {
        attacked
            .rest
            .send("GET", "/connectors/back/offsets", None)
            .1
    };
    // The last of them: they are a source's own affair, and no number is too large or too small.
    let last = i64::MAX.to_string();
    crate::support::wait_for(
        "the last offset",
        || format!("{}\n{}", offsets(), attacked.place.log()),
        || offsets()["offsets"][0]["offset"]["position"] == last.as_str(),
    );
    assert_eq!(offsets()["offsets"].as_array().unwrap().len(), 1);
    attacked.end();
}
