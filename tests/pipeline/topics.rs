//! Topics that the worker creates for sources, and what is told of those in use.

use serde_json::json;

use crate::support::{Broker, Place, lines, text, tidegate, wait_for};

/// The topics of a place: name and partitions.
fn topics(place: &Place) -> Vec<(String, usize)> {
    let worker = place.path("worker.properties");
    let arguments = ["topics", "--json", "--worker"];
    let output = tidegate().args(arguments).arg(worker).output().unwrap();
    let listed: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let listed = listed.as_array().unwrap().iter();
    listed
        .map(|topic| {
            let partitions = topic["partitions"].as_array().unwrap().len();
            (topic["name"].as_str().unwrap().to_owned(), partitions)
        })
        .collect()
}

#[test]
fn a_source_has_its_topics_created_as_it_says_on_the_embedded_log() {
    a_source_has_its_topics_created_as_it_says(Broker::Embedded);
}

#[test]
fn a_source_has_its_topics_created_as_it_says_on_kafka() {
    if let Some(kafka) = Broker::kafka() {
        a_source_has_its_topics_created_as_it_says(kafka);
    }
}

fn a_source_has_its_topics_created_as_it_says(broker: Broker) {
    let mut place = Place::new(broker);
    std::fs::write(place.path("in"), "a\n").unwrap();
    let (created, unlike) = (place.topic("created"), place.topic("unlike"));
    let source = |topic: &str| {
        format!(
            "connector.class=FileStreamSource\nfile={}\ntopic={topic}\n\
             topic.creation.default.partitions=2\ntopic.creation.default.replication.factor=1\n\
             topic.creation.groups=many\ntopic.creation.many.include=.*-created\n\
             topic.creation.many.partitions=5\ntopic.creation.many.retention.ms=1000000",
            place.path("in").display()
        )
    };
    let (first, second) = (source(&created), source(&unlike));
    place.connector("first", &first);
    place.connector("second", &second);
    let ran = place.run_until_idle();
    assert!(ran.status.success(), "{}", text(&ran));
    let topics = topics(&place);
    assert!(topics.contains(&(created, 5)), "{topics:?}");
    assert!(topics.contains(&(unlike, 2)), "{topics:?}");
}

#[test]
fn a_topic_that_all_records_are_routed_away_from_is_neither_created_nor_in_use() {
    let mut place = Place::new(Broker::Embedded);
    std::fs::write(place.path("in"), "a\n").unwrap();
    let (named, routed) = (place.topic("lines"), place.topic("lines-2"));
    let source = format!(
        "connector.class=FileStreamSource\nfile={}\ntopic={named}\n\
         topic.creation.default.partitions=2\ntopic.creation.default.replication.factor=1\n\
         transforms=route\ntransforms.route.type=org.apache.kafka.connect.transforms.TimestampRouter\n\
         transforms.route.topic.format=${{topic}}-${{timestamp}}\ntransforms.route.timestamp.format='2'",
        place.path("in").display()
    );
    place.connector("source", &source);
    let worker = place.start();
    let path = format!("/connectors/{}-source/topics", place.prefix);
    let name = format!("{}-source", place.prefix);
    let used = || place.rest().send("GET", &path, None).1[&name]["topics"].clone();
    wait_for("the topic", || place.log(), || used() == json!([routed]));
    assert!(worker.stop().success());
    let topics = topics(&place);
    assert!(topics.contains(&(routed, 2)), "{topics:?}");
    assert!(topics.iter().all(|(name, _)| *name != named), "{topics:?}");
}

#[test]
fn topics_in_use_are_remembered_across_a_restart_and_forgotten_when_asked() {
    let mut place = Place::new(Broker::Embedded);
    std::fs::write(place.path("in"), "a\n").unwrap();
    place.file_source(&place.path("in"), "lines");
    place.file_sink(&place.path("out"), "lines", "");
    let of = |place: &Place, name: &str| {
        let name = format!("{}-{name}", place.prefix);
        let path = format!("/connectors/{name}/topics");
        place.rest().send("GET", &path, None).1[&name]["topics"].clone()
    };
    let worker = place.start();
    let arrived = || lines(&place.path("out")) == ["a"];
    wait_for("the line", || place.log(), arrived);
    let used = json!([place.topic("lines")]);
    for name in ["source", "sink"] {
        wait_for("the topic", || place.log(), || of(&place, name) == used);
    }
    assert!(worker.stop().success());
    let worker = place.start();
    wait_for("the topic", || place.log(), || of(&place, "source") == used);
    let reset = format!("/connectors/{}-source/topics/reset", place.prefix);
    assert_eq!(place.rest().send("PUT", &reset, None).0, 202);
    assert_eq!(of(&place, "source"), json!([]));
    assert!(worker.stop().success());

    place.add_worker_key("topic.tracking.allow.reset=false");
    let worker = place.start();
    // For good.
    let none = || of(&place, "source") == json!([]);
    wait_for("the connector", || place.log(), none);
    assert_eq!(place.rest().send("PUT", &reset, None).0, 403);
    assert!(worker.stop().success());
    place.add_worker_key("topic.tracking.enable=false");
    let worker = place.start();
    let path = format!("/connectors/{}-sink/topics", place.prefix);
    assert_eq!(place.rest().send("GET", &path, None).0, 403);
    assert!(worker.stop().success());
}
