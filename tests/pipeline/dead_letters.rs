//! What Kafka Connect was seen to do with records that fail (`tests/conformance/dlq-golden.json`), done here: which of
//! them reach the dead letter queue, with what headers, what the sink writes and what is committed.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use tidegate_broker::{
    Acknowledge, EmbeddedBroker, EmbeddedSettings, KafkaBroker, NewTopic, Properties, Refused,
};
use tidegate_model::{Batch, TopicName};

use crate::support::{Broker, DEADLINE, Place, lines, root, text, tidegate};

/// What ends the message of an exception here where Kafka Connect's ends; its text begins as Kafka Connect's does.
const MESSAGE: &str = "__connect.errors.exception.message";
const TRACE: &str = "__connect.errors.exception.stacktrace";

fn scenarios() -> Vec<Value> {
    let path = root().join("tests/conformance/dlq-golden.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

struct Told;

impl Acknowledge for Told {
    fn acknowledged(&self, _group: u64, result: Result<(), Refused>) {
        result.unwrap();
    }
}

/// The topics of a place, while no worker runs there.
fn topics(place: &Place) -> Box<dyn tidegate_broker::Broker> {
    let none = Properties::new();
    match place.broker() {
        Broker::Embedded => Box::new(
            EmbeddedBroker::open(&place.path("topics"), EmbeddedSettings::default()).unwrap(),
        ),
        Broker::Kafka(servers) => {
            Box::new(KafkaBroker::connect(servers, &none, &none, &none, &none).unwrap())
        }
    }
}

fn bytes(value: &Value) -> Option<&[u8]> {
    value.as_str().map(str::as_bytes)
}

/// Writes the input of a scenario, with the timestamps 1,700,000,000,000 and on.
fn write(broker: &dyn tidegate_broker::Broker, topic: &TopicName, input: &[Value]) {
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
        timestamps: (1_700_000_000_000..).take(input.len()).collect(),
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
            let causes = |trace: Option<&str>| trace.unwrap().contains("\nCaused by: ");
            let cast = wanted.unwrap().contains("NumberFormatException");
            assert!(
                cast || causes(found) == causes(wanted),
                "{scenario}: {found:?}"
            );
        }
        _ => assert_eq!(found, wanted, "{scenario}: {name}"),
    }
    assert!(name != MESSAGE || found.is_some(), "{scenario}");
}

fn assert_same_letter(found: &Value, wanted: &Value, scenario: &str) {
    for field in ["partition", "offset", "timestamp", "key", "value"] {
        assert_eq!(found[field], wanted[field], "{scenario}: {field}");
    }
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
    write(
        topics(&place).as_ref(),
        &topic,
        scenario["input"].as_array().unwrap(),
    );
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
        let wanted = "Value (not a number) was out of range for requested data type";
        assert!(text(&output).contains(wanted), "{name}: {}", text(&output));
    }
    let written = lines(&place.path(&config["file"]));
    let wanted = scenario["sink_output"].as_array().unwrap();
    assert_eq!(written.len(), wanted.len(), "{name}: {written:?}");

    let group = format!("connect-{connector}");
    let committed = topics(&place).admin().group_offsets(&group).unwrap();
    let committed: Vec<_> = committed.into_iter().map(|(_, offset)| offset).collect();
    let wanted = scenario["offsets"]["offsets"].as_array().unwrap();
    let wanted: Vec<_> = wanted
        .iter()
        .map(|offset| offset["offset"]["kafka_offset"].as_i64().unwrap())
        .collect();
    assert_eq!(committed, wanted, "{name}: {}", text(&output));

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
        assert_same_letter(found, wanted, name);
    }
    if config
        .get("errors.log.enable")
        .is_some_and(|on| on == "true")
    {
        let wanted = format!(
            "Error encountered in task {connector}-0. Executing stage 'TRANSFORMATION' with class \
             'org.apache.kafka.connect.transforms.Cast$Value', where consumed record is {{topic='{topic}', \
             partition=0, offset=1, timestamp=1700000000001, timestampType=CreateTime}}."
        );
        assert!(text(&output).contains(&wanted), "{name}: {}", text(&output));
    }
}

#[test]
fn what_kafka_connect_does_with_records_that_fail_is_done_here() {
    let scenarios = scenarios();
    assert_eq!(scenarios.len(), 9);
    for scenario in &scenarios {
        run(Broker::Embedded, scenario);
    }
}

#[test]
fn kafka_what_kafka_connect_does_with_records_that_fail_is_done_here() {
    let Some(broker) = Broker::kafka() else {
        return;
    };
    for scenario in &scenarios() {
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
