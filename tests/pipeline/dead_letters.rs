//! What Kafka Connect was seen to do with records that fail (`tests/conformance/dlq-golden.json`, `dlq-more.json`), done here: which of
//! them reach the dead letter queue, with what headers, what the sink writes and what is committed.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use serde_json::Value;
use tidegate_broker::{
    Acknowledge, EmbeddedBroker, EmbeddedSettings, KafkaBroker, NewTopic, Properties, Refused,
};
use tidegate_model::{Batch, TopicName};

use crate::support::{Broker, DEADLINE, Place, lines, root, text, tidegate};

/// The timestamp of the first record of each recorded scenario. Here they are of today: a topic forgets old ones.
const RECORDED_SINCE: i64 = 1_700_000_000_000;
const TRACE: &str = "__connect.errors.exception.stacktrace";

/// What was recorded: nine scenarios as they were given, and more without stack frames.
fn scenarios(file: &str) -> Vec<Value> {
    let path = root().join("tests/conformance").join(file);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

struct Told;

impl Acknowledge for Told {
    fn acknowledged(&self, _group: u64, result: Result<(), Refused>) {
        result.unwrap();
    }
}

/// The topics in a folder. A process that another thread starts has its lock for a moment.
fn opened(folder: &Path) -> EmbeddedBroker {
    let deadline = Instant::now() + DEADLINE;
    loop {
        match EmbeddedBroker::open(folder, EmbeddedSettings::default()) {
            Err(_) if Instant::now() < deadline => std::thread::yield_now(),
            opened => return opened.unwrap(),
        }
    }
}

/// The topics of a place, while no worker runs there.
fn topics(place: &Place) -> Box<dyn tidegate_broker::Broker> {
    let none = Properties::new();
    match place.broker() {
        Broker::Embedded => Box::new(opened(&place.path("topics"))),
        Broker::Kafka(servers) => {
            Box::new(KafkaBroker::connect(servers, &none, &none, &none, &none).unwrap())
        }
    }
}

fn now_ms() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.unwrap().as_millis().try_into().unwrap()
}

fn bytes(value: &Value) -> Option<&[u8]> {
    value.as_str().map(str::as_bytes)
}

/// Writes the input of a scenario, with timestamps from `since` on.
fn write(broker: &dyn tidegate_broker::Broker, topic: &TopicName, input: &[Value], since: i64) {
    let new = NewTopic {
        name: topic.clone(),
        partitions: 1,
        replication_factor: 1,
        config: Properties::new(),
    };
    broker.admin().create_topic(&new).unwrap();
    let mut batch = Batch {
        count: input.len(),
        topics: vec![topic.to_string()],
        timestamps: (since..).take(input.len()).collect(),
        ..Batch::default()
    };
    for record in input {
        batch.keys.push(bytes(&record["key"]));
        batch.values.push(bytes(&record["value"]));
        let headers = record["headers"].as_array().unwrap();
        batch.headers.counts.push(headers.len().try_into().unwrap());
        for header in headers {
            batch.headers.keys.push(bytes(&header[0]));
            batch.headers.values.push(bytes(&header[1]));
        }
    }
    let producer = broker.producer(&Properties::new()).unwrap();
    let told: Arc<dyn Acknowledge> = Arc::new(Told);
    producer.submit(&batch, &[], 0, 1, &told).unwrap();
    producer.flush(DEADLINE).unwrap();
}

/// The records of a topic as `tidegate consume` shows them.
fn read(place: &Place, topic: &str) -> Vec<Value> {
    let output = tidegate()
        .args(["consume", topic, "--json", "--worker"])
        .arg(place.path("worker.properties"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output));
    let output = String::from_utf8(output.stdout).unwrap();
    let records = output
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    records.collect()
}

fn assert_same_header(name: &str, found: &Value, wanted: &Value, scenario: &str) {
    let (found, wanted) = (found.as_str(), wanted.as_str());
    match name {
        TRACE => {
            let first = |trace: Option<&str>| trace.unwrap().lines().next().unwrap().to_owned();
            assert_eq!(first(found), first(wanted), "{scenario}");
            // The exception of a converter's parser is named as the cause; transforms have none here.
            let cause = "\nCaused by: org.apache.kafka.common.errors.SerializationException: ";
            let has_cause = |trace: Option<&str>| trace.unwrap().contains(cause);
            assert_eq!(has_cause(found), has_cause(wanted), "{scenario}: {found:?}");
        }
        _ => assert_eq!(found, wanted, "{scenario}: {name}"),
    }
}

fn assert_same_letter(found: &Value, wanted: &Value, since: i64, scenario: &str) {
    for field in ["partition", "offset", "key", "value"] {
        assert_eq!(found[field], wanted[field], "{scenario}: {field}");
    }
    let timestamp = wanted["timestamp"].as_i64().unwrap() - RECORDED_SINCE + since;
    assert_eq!(found["timestamp"], timestamp, "{scenario}");
    let found = found["headers"].as_array().unwrap();
    let wanted = wanted["headers"].as_array().unwrap();
    let names = |found: &[Value], of: fn(&Value) -> &Value| -> Vec<Value> {
        found.iter().map(|header| of(header).clone()).collect()
    };
    assert_eq!(
        names(found, |header| &header["key"]),
        names(wanted, |header| &header[0]),
        "{scenario}"
    );
    for (found, wanted) in found.iter().zip(wanted) {
        let name = found["key"].as_str().unwrap();
        assert_same_header(name, &found["value"], &wanted[1], scenario);
    }
}

fn run(broker: Broker, scenario: &Value) {
    let name = scenario["name"].as_str().unwrap();
    let mut place = Place::new(broker);
    place.add_worker_key("offset.flush.interval.ms=100");
    let folder = place.path("").display().to_string();
    let folder = folder.trim_end_matches('/').to_owned();
    let suffix = place.prefix.clone();
    let own = |text: &str| text.replace("SUF", &suffix).replace("DIR", &folder);
    let scenario: Value = serde_json::from_str(&own(&scenario.to_string())).unwrap();
    let connector = scenario["status"]["name"].as_str().unwrap();
    let config: BTreeMap<String, String> =
        serde_json::from_value(scenario["config"].clone()).unwrap();
    let topic = TopicName::parse(&config["topics"]).unwrap();
    let input = scenario["input"].as_array().unwrap();
    let since = now_ms();
    write(topics(&place).as_ref(), &topic, input, since);
    let lines_of_config: Vec<_> = config
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    place.connector_named("sink", connector, &lines_of_config.join("\n"));
    let output = place.run_until_idle();
    let failed = scenario["status"]["tasks"][0]["state"] == "FAILED";
    let code = if failed { 1 } else { 0 };
    assert_eq!(
        output.status.code(),
        Some(code),
        "{name}: {}",
        text(&output)
    );
    if failed {
        let trace = scenario["status"]["tasks"][0]["trace"].as_str().unwrap();
        let cause = trace.lines().find_map(|line| {
            line.strip_prefix("Caused by: org.apache.kafka.connect.errors.DataException: ")
        });
        for wanted in ["Tolerance exceeded in error handler", cause.unwrap()] {
            assert!(text(&output).contains(wanted), "{name}: {}", text(&output));
        }
    }
    let written = lines(&place.path(&config["file"]));
    let wanted = scenario["sink_output"].as_array().unwrap();
    assert_eq!(written.len(), wanted.len(), "{name}: {}", text(&output));

    let group = format!("connect-{connector}");
    let committed = topics(&place).admin().group_offsets(&group).unwrap();
    let committed: Vec<_> = committed.into_iter().map(|(_, offset)| offset).collect();
    let wanted = scenario["offsets"]["offsets"].as_array().unwrap();
    let wanted: Vec<_> = wanted
        .iter()
        .map(|offset| offset["offset"]["kafka_offset"].as_i64().unwrap())
        .collect();
    assert_eq!(committed, wanted, "{name}: {}", text(&output));

    if config
        .get("errors.log.include.messages")
        .is_some_and(|on| on == "true")
    {
        let wanted = format!(
            "Error encountered in task {connector}-0. Executing stage 'TRANSFORMATION' with class \
             'org.apache.kafka.connect.transforms.Cast$Value', where consumed record is {{topic='{topic}', \
             partition=0, offset=1, timestamp={}, timestampType=CreateTime}}.",
            since + 1
        );
        assert!(text(&output).contains(&wanted), "{name}: {}", text(&output));
    }
    let queue = config.get("errors.deadletterqueue.topic.name");
    let Some(queue) = queue else {
        assert_eq!(scenario["dlq"], Value::Null, "{name}");
        return;
    };
    let described = topics(&place)
        .admin()
        .describe(&TopicName::parse(queue).unwrap())
        .unwrap();
    assert_eq!(
        scenario["dlq"]["partitions"], described.partitions,
        "{name}"
    );
    let letters = read(&place, queue);
    let wanted = scenario["dlq"]["records"].as_array().unwrap();
    assert_eq!(letters.len(), wanted.len(), "{name}: {letters:?}");
    for (found, wanted) in letters.iter().zip(wanted) {
        assert_same_letter(found, wanted, since, name);
    }
}

#[test]
fn what_kafka_connect_does_with_records_that_fail_is_done_here() {
    let scenarios = scenarios("dlq-golden.json");
    assert_eq!(scenarios.len(), 9);
    for scenario in &scenarios {
        run(Broker::Embedded, scenario);
    }
}

#[test]
fn more_of_what_kafka_connect_does_with_records_that_fail_is_done_here() {
    let scenarios = scenarios("dlq-more.json");
    assert_eq!(scenarios.len(), 44);
    std::thread::scope(|scope| {
        for part in scenarios.chunks(scenarios.len().div_ceil(4)) {
            scope.spawn(|| {
                part.iter()
                    .for_each(|scenario| run(Broker::Embedded, scenario))
            });
        }
    });
}

#[test]
fn kafka_what_kafka_connect_does_with_records_that_fail_is_done_here() {
    let Some(broker) = Broker::kafka() else {
        return;
    };
    for scenario in &scenarios("dlq-golden.json") {
        run(broker.clone(), scenario);
    }
}

#[test]
fn kafka_a_queue_that_cannot_be_created_fails_the_task_with_the_key() {
    let Some(broker) = Broker::kafka() else {
        return;
    };
    let mut place = Place::new(broker);
    std::fs::write(place.path("in"), "a\n").unwrap();
    place.file_source(&place.path("in"), "lines");
    let queue = format!("errors.deadletterqueue.topic.name={}", place.topic("dlq"));
    place.file_sink(&place.path("out"), "lines", &queue);
    let output = place.run_until_idle();
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    for wanted in [
        "Could not initialize dead letter queue with topic=",
        "errors.deadletterqueue.topic.replication.factor=3",
    ] {
        assert!(text(&output).contains(wanted), "{}", text(&output));
    }
}

#[test]
fn progress_says_what_was_skipped_and_kept() {
    let mut place = Place::new(Broker::Embedded);
    std::fs::write(place.path("in"), "{\"a\":1}\nbad\n\"b\"\n").unwrap();
    place.file_source(&place.path("in"), "lines");
    let queue = place.topic("dlq");
    let sink = format!(
        "value.converter=JsonConverter\nvalue.converter.schemas.enable=false\nerrors.tolerance=all\n\
         errors.deadletterqueue.topic.name={queue}"
    );
    place.file_sink(&place.path("out"), "lines", &sink);
    let output = place.run_until_idle_with_progress();
    assert!(output.status.success(), "{}", text(&output));
    let last = String::from_utf8(output.stdout.clone()).unwrap();
    let last = last
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .rfind(|line| line["sinks"].is_object())
        .unwrap();
    assert_eq!(last["sinks"]["skipped"], 1, "{}", text(&output));
    assert_eq!(last["sinks"]["dead_lettered"], 1, "{}", text(&output));
    assert_eq!(read(&place, &queue).len(), 1);
}
