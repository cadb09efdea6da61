//! Offsets of stopped connectors over REST, and tasks of paused ones.

use serde_json::{Value, json};

use crate::guests::add_guests;
use crate::support::{Broker, Place, Rest, lines, wait_for};

/// A pipeline whose three lines have arrived.
fn delivered(broker: Broker) -> (Place, crate::support::Running) {
    let mut place = Place::new(broker);
    std::fs::write(place.path("in"), "a\nb\nc\n").unwrap();
    place.file_source(&place.path("in"), "lines");
    place.file_sink(&place.path("out"), "lines", "");
    let worker = place.start();
    wait_for_lines(&place, &["a", "b", "c"]);
    (place, worker)
}

fn wait_for_lines(place: &Place, wanted: &[&str]) {
    let found = || lines(&place.path("out"));
    wait_for(
        &format!("{wanted:?}"),
        || format!("{:?}\n{}", found(), place.log()),
        || found() == wanted,
    );
}

fn stop(rest: &Rest, name: &str) {
    assert_eq!(
        rest.send("PUT", &format!("/connectors/{name}/stop"), None)
            .0,
        204
    );
}

fn resume(rest: &Rest, name: &str) {
    assert_eq!(
        rest.send("PUT", &format!("/connectors/{name}/resume"), None)
            .0,
        202
    );
    rest.wait_for_task(name, "RUNNING");
}

fn offsets(rest: &Rest, name: &str) -> Value {
    rest.send("GET", &format!("/connectors/{name}/offsets"), None)
        .1["offsets"]
        .clone()
}

fn patch(rest: &Rest, name: &str, partition: Value, offset: Value) -> (u16, Value) {
    let offsets = json!({ "offsets": [{ "partition": partition, "offset": offset }] });
    rest.send(
        "PATCH",
        &format!("/connectors/{name}/offsets"),
        Some(offsets),
    )
}

#[test]
fn a_source_goes_on_where_its_offset_was_set_also_after_a_restart() {
    let (place, worker) = delivered(Broker::Embedded);
    let (rest, source) = (place.rest(), format!("{}-source", place.prefix));
    stop(&rest, &source);
    let partition = json!({ "filename": place.path("in") });
    assert_eq!(
        offsets(&rest, &source),
        json!([{ "partition": partition, "offset": { "position": 6 } }])
    );
    let (status, answer) = patch(&rest, &source, partition.clone(), json!({ "position": 4 }));
    assert_eq!(status, 200, "{answer}");
    resume(&rest, &source);
    wait_for_lines(&place, &["a", "b", "c", "c"]);
    stop(&rest, &source);
    assert_eq!(patch(&rest, &source, partition, json!(null)).0, 200);
    assert_eq!(offsets(&rest, &source), json!([]));
    // It is durable: another life of the worker begins anew too.
    assert!(worker.stop().success(), "{}", place.log());
    let worker = place.start();
    wait_for(
        "the source",
        || place.log(),
        || {
            let path = format!("/connectors/{source}/status");
            place.rest().send("GET", &path, None).1["connector"]["state"] == "STOPPED"
        },
    );
    resume(&place.rest(), &source);
    wait_for_lines(&place, &["a", "b", "c", "c", "a", "b", "c"]);
    assert!(worker.stop().success(), "{}", place.log());
}

#[test]
fn a_sink_goes_on_where_its_offset_was_set_on_the_embedded_log() {
    a_sink_goes_on_where_its_offset_was_set_and_begins_anew_when_it_is_reset(Broker::Embedded);
}

#[test]
fn a_sink_goes_on_where_its_offset_was_set_on_kafka() {
    if let Some(kafka) = Broker::kafka() {
        a_sink_goes_on_where_its_offset_was_set_and_begins_anew_when_it_is_reset(kafka);
    }
}

fn a_sink_goes_on_where_its_offset_was_set_and_begins_anew_when_it_is_reset(broker: Broker) {
    let (place, worker) = delivered(broker);
    let (rest, sink) = (place.rest(), format!("{}-sink", place.prefix));
    let running = rest.send("DELETE", &format!("/connectors/{sink}/offsets"), None);
    assert_eq!(running.0, 400, "{running:?}");
    stop(&rest, &sink);
    let partition = json!({ "kafka_topic": place.topic("lines"), "kafka_partition": 0 });
    let set = patch(
        &rest,
        &sink,
        partition.clone(),
        json!({ "kafka_offset": 2 }),
    );
    assert_eq!(set.0, 200, "{set:?}");
    assert_eq!(
        offsets(&rest, &sink),
        json!([{ "partition": partition, "offset": { "kafka_offset": 2 } }])
    );
    resume(&rest, &sink);
    wait_for_lines(&place, &["a", "b", "c", "c"]);
    stop(&rest, &sink);
    let reset = rest.send("DELETE", &format!("/connectors/{sink}/offsets"), None);
    assert_eq!(reset.0, 200, "{reset:?}");
    assert_eq!(offsets(&rest, &sink), json!([]));
    resume(&rest, &sink);
    wait_for_lines(&place, &["a", "b", "c", "c", "a", "b", "c"]);
    assert!(worker.stop().success(), "{}", place.log());
}

#[test]
fn a_connector_is_asked_before_its_offsets_are_altered() {
    let place = Place::new(Broker::Embedded);
    add_guests(&place, &["tidegate-test-guests"]);
    place.add_worker_key("sandbox.validate.ms.max=500");
    let worker = place.start();
    let rest = place.rest();
    let altered = |class: &str| {
        let config = json!({ "connector.class": class });
        let new = json!({ "name": class, "config": config, "initial_state": "STOPPED" });
        let created = rest.send("POST", "/connectors", Some(new));
        assert_eq!(created.0, 201, "{created:?}");
        patch(&rest, class, json!({ "a": 1 }), json!({ "b": 2 }))
    };
    let (status, answer) = altered("test.RefusesOffsets");
    assert_eq!(
        (status, &answer["message"]),
        (400, &json!("1 offsets are refused"))
    );
    assert_eq!(offsets(&rest, "test.RefusesOffsets"), json!([]));
    let (status, _) = altered("test.LoopsInAlterOffsets");
    assert_eq!(status, 500, "its guest is ended");
    let (status, answer) = altered("test.Counts");
    assert_eq!(status, 200);
    let message = answer["message"].as_str().unwrap();
    assert!(
        message.contains("if this connector manages offsets externally"),
        "{message}"
    );
    let altered = json!([{ "partition": { "a": 1 }, "offset": { "b": 2 } }]);
    assert_eq!(offsets(&rest, "test.Counts"), altered);
    assert!(worker.stop().success(), "{}", place.log());
}

#[test]
fn a_paused_connector_has_no_new_tasks_before_it_runs() {
    let place = Place::new(Broker::Embedded);
    place.add_worker_key(&format!(
        "sandbox.policy.write={}",
        place.path("").display()
    ));
    std::fs::write(place.path("in"), "a\n").unwrap();
    std::fs::write(place.path("other"), "b\n").unwrap();
    let worker = place.start();
    let rest = place.rest();
    let config = |file: &str| {
        json!({
            "connector.class": "FileStreamSource", "file": place.path(file), "topic": place.topic("lines"),
        })
    };
    let new = json!({ "name": "s", "config": config("in"), "initial_state": "PAUSED" });
    assert_eq!(rest.send("POST", "/connectors", Some(new)).0, 201);
    let tasks = || rest.send("GET", "/connectors/s/tasks", None).1;
    assert_eq!(tasks(), json!([]));
    resume(&rest, "s");
    assert_eq!(rest.send("PUT", "/connectors/s/pause", None).0, 202);
    rest.wait_for_task("s", "PAUSED");
    assert_eq!(
        rest.send("PUT", "/connectors/s/config", Some(config("other")))
            .0,
        200
    );
    rest.wait_for_task("s", "PAUSED");
    assert_eq!(tasks()[0]["config"]["file"], json!(place.path("in")));
    resume(&rest, "s");
    assert_eq!(tasks()[0]["config"]["file"], json!(place.path("other")));
    stop(&rest, "s");
    assert_eq!(rest.send("PUT", "/connectors/s/pause", None).0, 202);
    assert_eq!(
        tasks(),
        json!([]),
        "a stopped one has none that it could keep"
    );
    assert!(worker.stop().success(), "{}", place.log());
}

#[test]
fn a_connector_whose_task_asks_divides_its_work_anew() {
    let place = Place::new(Broker::Embedded);
    add_guests(&place, &["tidegate-test-guests"]);
    let worker = place.start();
    let rest = place.rest();
    let config = json!({ "connector.class": "test.AsksForTasks", "tasks.max": "2" });
    let new = json!({ "name": "c", "config": config });
    let created = rest.send("POST", "/connectors", Some(new));
    assert_eq!(
        created.1["tasks"].as_array().unwrap().len(),
        1,
        "{created:?}"
    );
    let tasks = || rest.send("GET", "/connectors/c/tasks", None).1;
    wait_for(
        "the second task",
        || place.log(),
        || tasks().as_array().unwrap().len() == 2,
    );
    rest.wait_for_task("c", "RUNNING");
    // It goes on asking, and its answer is the same from then on.
    let starts = || {
        place
            .log()
            .matches("The connector divides its work anew")
            .count()
    };
    std::thread::sleep(std::time::Duration::from_millis(1_500));
    assert_eq!(starts(), 1, "{}", place.log());
    assert!(worker.stop().success(), "{}", place.log());
}

#[test]
fn too_many_tasks_fail_a_connector_unless_that_is_allowed() {
    let place = Place::new(Broker::Embedded);
    add_guests(&place, &["tidegate-test-guests"]);
    let worker = place.start();
    let rest = place.rest();
    let create = |name: &str, enforce: &str| {
        let config = json!({
            "connector.class": "test.TooManyTasks", "tasks.max": "2", "tasks.max.enforce": enforce,
        });
        let new = json!({ "name": name, "config": config });
        assert_eq!(rest.send("POST", "/connectors", Some(new)).0, 201);
        rest.send("GET", &format!("/connectors/{name}/status"), None)
            .1
    };
    let refused = create("refused", "true");
    assert_eq!(refused["connector"]["state"], "FAILED");
    let trace = refused["connector"]["trace"].as_str().unwrap();
    assert!(
        trace.contains("has generated 3 tasks, which is greater than 2"),
        "{trace}"
    );
    let allowed = create("allowed", "false");
    assert_eq!(allowed["tasks"].as_array().unwrap().len(), 3, "{allowed}");
    assert_eq!(
        worker.stop().code(),
        Some(1),
        "one is FAILED: {}",
        place.log()
    );
}

#[test]
fn client_settings_are_held_to_the_workers_policy() {
    let place = Place::new(Broker::Embedded);
    place.add_worker_key("connector.client.config.override.policy=None");
    let worker = place.start();
    let config = json!({
        "connector.class": "io.tidegate.datagen.DatagenSourceConnector", "topic": place.topic("t"),
        "producer.override.linger.ms": "5",
    });
    let new = json!({ "name": "c", "config": config });
    let (status, answer) = place.rest().send("POST", "/connectors", Some(new));
    assert_eq!(status, 400, "{answer}");
    let message = answer["message"].as_str().unwrap();
    let wanted = "The 'None' policy does not allow 'linger.ms' to be overridden in the connector configuration.";
    assert!(message.contains(wanted), "{message}");
    assert!(worker.stop().success(), "{}", place.log());
}
