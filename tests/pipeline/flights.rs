//! Real flights from file to file.

use crate::support::{Broker, Place, flights, lines, text, tidegate};

fn strings_arrive_unchanged(broker: Broker) {
    let mut place = Place::new(broker);
    std::fs::write(place.path("in"), flights()).unwrap();
    place.file_source(&place.path("in"), "flights");
    place.file_sink(&place.path("out"), "flights", "");
    let output = place.run_until_idle();
    assert!(output.status.success(), "{}", text(&output));
    assert!(
        std::fs::read_to_string(place.path("out")).unwrap() == flights(),
        "{}",
        text(&output)
    );
}

fn transforms_change_json(broker: Broker) {
    let mut place = Place::new(broker);
    std::fs::write(place.path("in"), flights()).unwrap();
    place.file_source(&place.path("in"), "flights");
    let transforms = "value.converter=org.apache.kafka.connect.json.JsonConverter\n\
        value.converter.schemas.enable=false\ntransforms=insert,replace\n\
        transforms.insert.type=org.apache.kafka.connect.transforms.InsertField$Value\n\
        transforms.insert.static.field=source\ntransforms.insert.static.value=lab\n\
        transforms.replace.type=org.apache.kafka.connect.transforms.ReplaceField$Value\n\
        transforms.replace.exclude=year,month,day\ntransforms.replace.renames=dep_time:departed";
    place.file_sink(&place.path("out"), "flights", transforms);
    let output = place.run_until_idle();
    assert!(output.status.success(), "{}", text(&output));
    let wanted: Vec<serde_json::Value> = flights().lines().map(changed).collect();
    let found: Vec<serde_json::Value> = lines(&place.path("out"))
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(found == wanted, "{}", text(&output));
}

/// The same change by a simple model.
fn changed(line: &str) -> serde_json::Value {
    let mut flight: serde_json::Map<_, _> = serde_json::from_str(line).unwrap();
    for field in ["year", "month", "day"] {
        flight.remove(field);
    }
    let departed = flight.remove("dep_time").unwrap();
    flight.insert("departed".to_owned(), departed);
    flight.insert("source".to_owned(), "lab".into());
    flight.into()
}

#[test]
fn strings_arrive_unchanged_through_the_embedded_log() {
    strings_arrive_unchanged(Broker::Embedded);
}

#[test]
fn strings_arrive_unchanged_through_kafka() {
    if let Some(kafka) = Broker::kafka() {
        strings_arrive_unchanged(kafka);
    }
}

#[test]
fn transforms_change_json_through_the_embedded_log() {
    transforms_change_json(Broker::Embedded);
}

#[test]
fn transforms_change_json_through_kafka() {
    if let Some(kafka) = Broker::kafka() {
        transforms_change_json(kafka);
    }
}

#[test]
fn topics_and_consume_show_what_was_written() {
    let mut place = Place::new(Broker::Embedded);
    std::fs::write(place.path("in"), "a\nb\n").unwrap();
    place.file_source(&place.path("in"), "lines");
    let output = place.run_until_idle();
    assert!(output.status.success(), "{}", text(&output));
    let servers = format!("embedded:{}", place.path("topics").display());
    let topics = tidegate()
        .args(["topics", "--json", "--bootstrap-servers", &servers])
        .output()
        .unwrap();
    let topics: Vec<serde_json::Value> = serde_json::from_slice(&topics.stdout).unwrap();
    let topic = topics
        .iter()
        .find(|topic| topic["name"] == place.topic("lines").as_str())
        .unwrap();
    assert_eq!(topic["partitions"][0]["end_offset"], 2);
    let consume = |more: &[&str]| {
        let mut command = tidegate();
        command
            .args([
                "consume",
                &place.topic("lines"),
                "--bootstrap-servers",
                &servers,
            ])
            .args(more);
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    assert_eq!(consume(&[]), "a\nb\n");
    let record: serde_json::Value =
        serde_json::from_str(consume(&["--json", "--max", "1"]).trim()).unwrap();
    assert_eq!(
        (&record["offset"], &record["value"], &record["key"]),
        (&0.into(), &"a".into(), &serde_json::Value::Null)
    );
}
