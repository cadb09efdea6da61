//! When a worker that is to end by itself does.

use serde_json::Value;

use crate::support::{Broker, Place, append, lines, text, tidegate, wait_for};

#[test]
fn a_sink_whose_topic_does_not_exist_is_not_waited_for_and_the_topic_is_named() {
    let mut place = Place::new(Broker::Embedded);
    place.file_sink(&place.path("out"), "misspelt", "");
    place.connector(
        "pattern",
        "connector.class=FileStreamSink\nfile=other\ntopics.regex=no-such-.*",
    );
    let output = place.run_until_idle();
    assert!(output.status.success(), "{}", text(&output));
    for wanted in ["None of the topics", &place.topic("misspelt"), "no-such-.*"] {
        assert!(text(&output).contains(wanted), "{}", text(&output));
    }
}

#[test]
fn a_paused_sink_that_is_behind_is_not_waited_for() {
    let mut place = Place::new(Broker::Embedded);
    std::fs::write(place.path("in"), "a\n").unwrap();
    place.file_source(&place.path("in"), "lines");
    place.file_sink(&place.path("out"), "lines", "");
    let running = place.start();
    let out = || lines(&place.path("out"));
    wait_for("the line", || place.log(), || out() == ["a"]);
    let rest = place.rest();
    let sink = format!("{}-sink", place.prefix);
    let (status, _) = rest.send("PUT", &format!("/connectors/{sink}/pause"), None);
    assert_eq!(status, 202);
    rest.wait_for_task(&sink, "PAUSED");
    assert!(running.stop().success(), "{}", place.log());
    append(&place.path("in"), "b\n");
    let output = place.run_until_idle_with_progress();
    assert!(output.status.success(), "{}", text(&output));
    assert_eq!(out(), ["a"]);
    let progress = String::from_utf8(output.stdout).unwrap();
    let progress: Vec<Value> = progress
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    // A run that is shorter than the interval has one line, with the rate of the whole.
    assert_eq!(progress.len(), 1, "{progress:?}");
    assert_eq!(progress[0]["sinks"]["lag"], 1);
    assert!(progress[0]["records_per_second"].as_u64() > Some(0));
}

#[test]
fn a_deleted_connector_leaves_records_without_a_value_that_consume_tells_apart() {
    let mut place = Place::new(Broker::Embedded);
    place.file_sink(&place.path("out"), "lines", "");
    let running = place.start();
    let rest = place.rest();
    let sink = format!("{}-sink", place.prefix);
    rest.wait_for_task(&sink, "RUNNING");
    assert_eq!(
        rest.send("DELETE", &format!("/connectors/{sink}"), None).0,
        204
    );
    assert!(running.stop().success(), "{}", place.log());
    let consume = |more: &[&str]| {
        let mut command = tidegate();
        command
            .current_dir(place.path("."))
            .args(["consume", &place.topic("configs"), "--worker"])
            .arg(place.path("worker.properties"))
            .args(more);
        command.output().unwrap()
    };
    assert!(text(&consume(&[])).contains("\n(null)\n"));
    let json = String::from_utf8(consume(&["--json"]).stdout).unwrap();
    let last: Value = serde_json::from_str(json.lines().last().unwrap()).unwrap();
    assert_eq!(last["value"], Value::Null);
    let mut none = tidegate();
    none.args(["consume", "nosuch", "--json", "--worker"])
        .arg(place.path("worker.properties"));
    let none = none.output().unwrap();
    assert_eq!(none.status.code(), Some(2));
    let error: Value = serde_json::from_slice(&none.stdout).unwrap();
    let message = error["error"].as_str().unwrap();
    assert!(
        message.contains("nosuch does not exist") && !message.contains("create it first"),
        "{message}"
    );
}
