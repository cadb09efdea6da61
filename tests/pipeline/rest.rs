//! Connectors over REST, on a worker that ends and starts again.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::guests::add_guests;
use crate::support::{Broker, Place, append, lines, wait_for};

fn sink(place: &Place) -> Value {
    json!({
        "name": "sink",
        "config": {
            "connector.class": "FileStreamSink", "tasks.max": "1",
            "file": place.path("out"), "topics": place.topic("lines"),
        },
    })
}

#[test]
fn a_connector_made_over_rest_survives_a_restart() {
    let mut place = Place::new(Broker::Embedded);
    let folder = place.path("");
    place.add_worker_key(&format!("sandbox.policy.write={}", folder.display()));
    std::fs::write(place.path("in"), "a\n").unwrap();
    place.file_source(&place.path("in"), "lines");
    let worker = place.start();
    let rest = place.rest();
    let (status, created) = rest.send("POST", "/connectors", Some(sink(&place)));
    assert_eq!(status, 201, "{created}");
    assert_eq!(
        (&created["type"], &created["tasks"][0]["task"]),
        (&json!("sink"), &json!(0))
    );
    assert_eq!(rest.send("POST", "/connectors", Some(sink(&place))).0, 409);
    wait_for(
        "the line",
        || place.log(),
        || lines(&place.path("out")) == ["a"],
    );
    assert_eq!(rest.send("PUT", "/connectors/sink/pause", None).0, 202);
    rest.wait_for_task("sink", "PAUSED");
    assert!(worker.stop().success(), "{}", place.log());

    append(&place.path("in"), "b\n");
    let worker = place.start();
    let rest = place.rest();
    rest.wait_for_task("sink", "PAUSED");
    assert_eq!(rest.send("PUT", "/connectors/sink/resume", None).0, 202);
    wait_for(
        "the second line",
        || place.log(),
        || lines(&place.path("out")) == ["a", "b"],
    );
    assert_eq!(rest.send("PUT", "/connectors/sink/stop", None).0, 204);
    assert_eq!(
        rest.send("GET", "/connectors/sink/status", None).1["connector"]["state"],
        "STOPPED"
    );
    assert_eq!(rest.send("DELETE", "/connectors/sink", None).0, 204);
    assert_eq!(rest.send("GET", "/connectors/sink", None).0, 404);
    assert!(worker.stop().success(), "{}", place.log());

    let worker = place.start();
    assert_eq!(
        place.rest().send("GET", "/connectors/sink", None).0,
        404,
        "a deleted connector stays away"
    );
    assert!(worker.stop().success(), "{}", place.log());
}

#[test]
fn a_connector_made_over_rest_is_granted_no_files_unless_the_policy_says_so() {
    let place = Place::new(Broker::Embedded);
    let worker = place.start();
    let rest = place.rest();
    let (status, answer) = rest.send("POST", "/connectors", Some(sink(&place)));
    assert_eq!(status, 400, "{answer}");
    let message = answer["message"].to_string();
    assert!(message.contains("sandbox.policy.write"), "{message}");
    assert!(!place.path("out").exists());
    assert!(worker.stop().success(), "{}", place.log());
}

#[test]
fn a_client_cannot_widen_what_the_operator_granted() {
    let mut place = Place::new(Broker::Embedded);
    std::fs::write(place.path("in"), "a\n").unwrap();
    std::fs::write(place.path("secret"), "canary\n").unwrap();
    place.file_source(&place.path("in"), "lines");
    place.file_sink(&place.path("out"), "lines", "");
    let worker = place.start();
    let rest = place.rest();
    wait_for(
        "the line",
        || place.log(),
        || lines(&place.path("out")) == ["a"],
    );
    let source = format!("{}-source", place.prefix);
    let config = format!("/connectors/{source}/config");
    let same = rest.send("GET", &config, None).1;
    assert_eq!(rest.send("PUT", &config, Some(same)).0, 200);
    rest.wait_for_task(&source, "RUNNING");
    let change = json!({ "file": place.path("secret") });
    let (status, answer) = rest.send("PATCH", &config, Some(change));
    assert_eq!(status, 400, "{answer}");
    let message = answer["message"].to_string();
    assert!(message.contains("sandbox.policy.read"), "{message}");
    assert_eq!(lines(&place.path("out")), ["a"]);
    assert!(worker.stop().success(), "{}", place.log());
}

#[test]
fn what_is_wrong_with_one_of_several_transforms_is_said_with_its_key() {
    let place = Place::new(Broker::Embedded);
    place.add_worker_key("sandbox.policy.read=/");
    let worker = place.start();
    let transforms = "org.apache.kafka.connect.transforms";
    let body = json!({ "name": "many", "config": {
        "connector.class": "FileStreamSource", "file": place.path("in"), "topic": "t",
        "transforms": "first,second,third",
        "transforms.first.type": format!("{transforms}.Cast$Value"), "transforms.first.spec": "a:int33",
        "transforms.second.type": format!("{transforms}.RegexRouter"),
        "transforms.second.regex": "(a", "transforms.second.replacement": "b",
        "transforms.third.type": format!("{transforms}.InsertField$Value"),
    }});
    let (status, answer) = place.rest().send("POST", "/connectors", Some(body));
    let message = answer["message"].as_str().unwrap();
    assert_eq!(status, 400, "{answer}");
    let wanted = [
        "\nInvalid type found in casting spec: int33; int8, int16, int32, int64, float32, float64, boolean and string \
         are allowed (transforms.first.spec)\n",
        "\nInvalid value (a for configuration transforms.second.regex: Invalid regex: unclosed group\n",
        "\nNo field insertion configured (transforms.third.",
    ];
    for wanted in wanted {
        assert!(message.contains(wanted), "{message}");
    }
    assert!(worker.stop().success());
}

#[test]
fn the_workers_own_topics_are_not_for_connectors() {
    let place = Place::new(Broker::Embedded);
    place.add_worker_key(&format!(
        "sandbox.policy.write={}",
        place.path("").display()
    ));
    let worker = place.start();
    let rest = place.rest();
    let refused = |name: &str, config: Value| {
        let created = rest.send(
            "POST",
            "/connectors",
            Some(json!({ "name": name, "config": config })),
        );
        assert_eq!(created.0, 201, "{created:?}");
        let trace = rest.wait_for_task(name, "FAILED")["tasks"][0]["trace"].to_string();
        assert!(trace.contains("the worker's own"), "{trace}");
    };
    for kind in ["offsets", "configs", "status"] {
        let topic = place.topic(kind);
        let datagen = "io.tidegate.datagen.DatagenSourceConnector";
        refused(
            &format!("write-{kind}"),
            json!({ "connector.class": datagen, "topic": topic, "records.max": "1" }),
        );
        let file = place.path("out");
        refused(
            &format!("read-{kind}"),
            json!({ "connector.class": "FileStreamSink", "file": file, "topics": topic }),
        );
    }
    let regex = json!({ "connector.class": "FileStreamSink", "file": place.path("out"), "topics.regex": ".*" });
    refused("read-all", regex);
    assert_eq!(worker.stop().code(), Some(1), "{}", place.log());
}

/// Sends a request, and meanwhile others that no guest is needed for: each is answered at once.
fn meanwhile(place: &Place, body: Value) -> (u16, Value, Duration) {
    let rest = place.rest();
    let begun = Instant::now();
    let (status, answer) = std::thread::scope(|scope| {
        let slow = scope.spawn(|| rest.send("POST", "/connectors", Some(body)));
        while !slow.is_finished() {
            for path in ["/connectors", "/health", "/connectors/beside/status"] {
                let asked = Instant::now();
                let answer = rest.send("GET", path, None);
                assert_eq!(answer.0, 200, "{path}: {answer:?}");
                assert!(asked.elapsed() < Duration::from_secs(1), "{path}");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        slow.join().unwrap()
    });
    (status, answer, begun.elapsed())
}

#[test]
fn a_plugin_that_does_not_answer_keeps_only_who_asked_it_waiting() {
    const VALIDATE_MS: u64 = 2_500;
    let place = Place::new(Broker::Embedded);
    add_guests(&place, &["tidegate-test-guests"]);
    place.add_worker_key(&format!("sandbox.validate.ms.max={VALIDATE_MS}"));
    let worker = place.start();
    let rest = place.rest();
    let connector = |name: &str, class: &str, transforms: usize| {
        let mut config = json!({ "connector.class": class });
        let aliases: Vec<_> = (0..transforms).map(|alias| format!("a{alias}")).collect();
        config["transforms"] = json!(aliases.join(","));
        for alias in aliases {
            config[format!("transforms.{alias}.type")] = json!("test.LoopsInValidate");
        }
        json!({ "name": name, "config": config })
    };
    let beside = connector("beside", "test.Counts", 0);
    assert_eq!(rest.send("POST", "/connectors", Some(beside)).0, 201);

    let hostile = connector("divides", "test.LoopsInTaskConfigs", 0);
    let (status, answer, took) = meanwhile(&place, hostile);
    assert_eq!(status, 201, "{answer}");
    assert!(took >= Duration::from_millis(VALIDATE_MS), "{took:?}");
    let status = rest.send("GET", "/connectors/divides/status", None).1;
    assert_eq!(status["connector"]["state"], "FAILED", "{status}");

    let hostile = connector("validates", "test.Counts", 50);
    let (status, answer, took) = meanwhile(&place, hostile);
    assert_eq!(status, 400, "{answer}");
    assert!(
        answer["message"].to_string().contains("was not checked"),
        "{answer}"
    );
    assert!(took < Duration::from_secs(30), "{took:?}");

    let (status, answer, took) = meanwhile(&place, connector("many", "test.Counts", 51));
    assert_eq!(status, 400, "{answer}");
    let message = answer["message"].to_string();
    assert!(message.contains("transforms names 51 aliases"), "{answer}");
    assert!(took < Duration::from_millis(VALIDATE_MS), "{took:?}");
    // The one that did not answer is FAILED.
    assert_eq!(worker.stop().code(), Some(1), "{}", place.log());
}
