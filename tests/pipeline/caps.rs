//! Caps of a connector: what it may use and move in a second, all its tasks together.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::guests::add_guests;
use crate::metrics::{PAGE_AGE, series};
use crate::support::{Broker, Place, Rest, lines, wait_for};

const DATAGEN: &str = "io.tidegate.datagen.DatagenSourceConnector";
const POLLED: &str = "kafka_connect_source_task_metrics_source_record_poll_total";
const CPU: &str = "tidegate_task_cpu_seconds_total";
const HELD: &str = "tidegate_task_held_seconds_total";

/// How much a metric of a connector grows in a second, measured for a while; and by how much in all.
fn growth(rest: &Rest, metric: &str, connector: &str, time: Duration) -> (f64, f64) {
    let value = || series(&rest.text("GET", "/metrics"), metric, connector);
    std::thread::sleep(PAGE_AGE);
    let (before, begun) = (value(), Instant::now());
    std::thread::sleep(time);
    let grown = value() - before;
    (grown / begun.elapsed().as_secs_f64(), grown)
}

fn create(rest: &Rest, name: &str, config: Value) {
    let body = json!({ "name": name, "config": config });
    let (status, answer) = rest.send("POST", "/connectors", Some(body));
    assert_eq!(status, 201, "{answer}");
}

#[test]
fn the_tasks_of_a_source_share_its_records_and_are_paused_and_stopped_meanwhile() {
    let place = Place::new(Broker::Embedded);
    let worker = place.start();
    let rest = place.rest();
    let config = json!({
        "connector.class": DATAGEN, "topic": "orders", "tasks.max": "2",
        "sandbox.records.per.second.max": "400",
    });
    create(&rest, "capped", config);
    rest.wait_for_task("capped", "RUNNING");
    let (rate, records) = growth(&rest, POLLED, "capped", Duration::from_secs(3));
    assert!(records > 0.0, "something moves");
    assert!(rate < 500.0, "{rate} records/s");
    let page = rest.text("GET", "/metrics");
    assert!(series(&page, HELD, "capped") > 0.5, "{page}");
    for (verb, state) in [("pause", "PAUSED"), ("resume", "RUNNING")] {
        assert_eq!(
            rest.send("PUT", &format!("/connectors/capped/{verb}"), None)
                .0,
            202
        );
        rest.wait_for_task("capped", state);
    }
    // A far smaller cap counts at once; what was used before is not paid again.
    let mut config = rest.send("GET", "/connectors/capped/config", None).1;
    config["sandbox.bytes.per.second.max"] = json!("10");
    assert_eq!(
        rest.send("PUT", "/connectors/capped/config", Some(config))
            .0,
        200
    );
    rest.wait_for_task("capped", "RUNNING");
    let (rate, _) = growth(&rest, POLLED, "capped", Duration::from_secs(2));
    assert!(rate < 10.0, "{rate} records/s");
    // It waits for many seconds then, and is deleted all the same.
    let begun = Instant::now();
    assert_eq!(rest.send("DELETE", "/connectors/capped", None).0, 204);
    assert!(
        begun.elapsed() < Duration::from_secs(4),
        "{:?}",
        begun.elapsed()
    );
    assert!(worker.stop().success(), "{}", place.log());
}

#[test]
fn a_sink_is_held_back_loses_nothing_and_stops() {
    let mut place = Place::new(Broker::Embedded);
    let all: Vec<String> = (0..5_000)
        .map(|number| format!("line {number:05}"))
        .collect();
    std::fs::write(place.path("in"), all.join("\n") + "\n").unwrap();
    place.file_source(&place.path("in"), "lines");
    let out = place.path("out");
    // 10 bytes each: a thousand records in a second.
    place.file_sink(&out, "lines", "sandbox.bytes.per.second.max=10000");
    let worker = place.start();
    wait_for("a line", || place.log(), || !lines(&out).is_empty());
    let (begun, before) = (Instant::now(), lines(&out).len());
    std::thread::sleep(Duration::from_secs(2));
    let rate = (lines(&out).len() - before) as f64 / begun.elapsed().as_secs_f64();
    assert!(
        rate < 1_700.0,
        "{rate} records/s, of which a second's may come at once"
    );
    let stopping = Instant::now();
    assert!(worker.stop().success(), "{}", place.log());
    assert!(stopping.elapsed() < Duration::from_secs(4));
    // Nothing moves for longer than the run waits for, again and again, and all arrives.
    place.file_sink(&out, "lines", "sandbox.bytes.per.second.max=20000");
    assert!(place.run_until_idle().status.success());
    assert_eq!(lines(&out), all);
}

#[test]
fn a_sink_that_is_held_back_for_long_stays_in_its_group_on_kafka() {
    let Some(kafka) = Broker::kafka() else {
        return;
    };
    let mut place = Place::new(kafka);
    // The first line is paid for in 11 seconds, and a member of the group may be silent for 6.
    let all = ["x".repeat(120), "y".to_owned()];
    std::fs::write(place.path("in"), all.join("\n") + "\n").unwrap();
    place.file_source(&place.path("in"), "lines");
    let caps = "sandbox.bytes.per.second.max=10\nconsumer.override.max.poll.interval.ms=6000";
    let out = place.path("out");
    place.file_sink(&out, "lines", caps);
    let worker = place.start();
    wait_for("the first line", || place.log(), || !lines(&out).is_empty());
    let begun = Instant::now();
    wait_for("the second line", || place.log(), || lines(&out).len() > 1);
    assert!(
        begun.elapsed() > Duration::from_secs(7),
        "{:?}",
        begun.elapsed()
    );
    assert!(worker.stop().success(), "{}", place.log());
    assert_eq!(lines(&out), all);
    let log = place.log().to_lowercase();
    assert!(
        !log.contains("poll interval") && !log.contains("max.poll"),
        "{log}"
    );
}

#[test]
fn a_source_that_is_held_back_for_long_is_not_idle() {
    let mut place = Place::new(Broker::Embedded);
    std::fs::write(place.path("in"), "a\n".repeat(8)).unwrap();
    let keys = format!(
        "connector.class=FileStreamSource\nfile={}\ntopic={}\nbatch.size=1\nsandbox.bytes.per.second.max=1",
        place.path("in").display(),
        place.topic("lines")
    );
    place.connector("source", &keys);
    place.file_sink(&place.path("out"), "lines", "");
    let begun = Instant::now();
    assert!(place.run_until_idle().status.success());
    assert_eq!(lines(&place.path("out")).len(), 8);
    assert!(
        begun.elapsed() > Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
}

#[test]
fn processor_time_is_capped_in_long_calls_and_between_short_ones() {
    let place = Place::new(Broker::Embedded);
    add_guests(&place, &["tidegate-test-guests"]);
    let worker = place.start();
    let rest = place.rest();
    for (name, busy) in [("short", "5"), ("long", "400")] {
        let config = json!({
            "connector.class": "test.ComputesInPoll", "busy": busy, "records": "1",
            "sandbox.cpu.percent.max": "20",
        });
        create(&rest, name, config);
    }
    // Beside them one that finds nothing, as quickly as it can.
    let config = json!({ "connector.class": "test.ComputesInPoll", "busy": "5" });
    create(&rest, "idle", config);
    for name in ["short", "long", "idle"] {
        rest.wait_for_task(name, "RUNNING");
    }
    // The first second's part is there at once.
    std::thread::sleep(Duration::from_secs(2));
    let used = |name| series(&rest.text("GET", "/metrics"), CPU, name);
    std::thread::sleep(PAGE_AGE);
    let names = ["short", "long", "idle"];
    let (before, begun) = (names.map(used), Instant::now());
    std::thread::sleep(Duration::from_secs(5));
    let after = names.map(used);
    let took = begun.elapsed().as_secs_f64();
    for ((name, most), (before, after)) in names
        .into_iter()
        .zip([0.25, 0.3, 0.05])
        .zip(before.into_iter().zip(after))
    {
        let share = (after - before) / took;
        println!("{name}: {:.1} % of a core", share * 100.0);
        assert!(share < most, "{name}: {share}");
        assert!(after > before || name == "long", "{name} goes on");
    }
    let page = rest.text("GET", "/metrics");
    for name in ["short", "long"] {
        assert!(series(&page, HELD, name) > 1.0, "{name}");
    }
    drop(worker);
}

#[test]
fn what_is_no_cap_or_more_than_the_policy_allows_is_refused() {
    let place = Place::new(Broker::Embedded);
    place.add_worker_key("sandbox.policy.cpu.percent.max=50");
    let _worker = place.start();
    let rest = place.rest();
    let refused = |key: &str, value: &str| {
        let config = json!({ "connector.class": DATAGEN, "topic": "orders", key: value });
        let body = json!({ "name": "refused", "config": config });
        let (status, answer) = rest.send("POST", "/connectors", Some(body));
        assert_eq!(status, 400, "{key}={value}: {answer}");
        let message = answer["message"].as_str().unwrap().to_owned();
        assert!(message.contains(key), "{message}");
        message
    };
    for key in [
        "sandbox.cpu.percent.max",
        "sandbox.records.per.second.max",
        "sandbox.bytes.per.second.max",
    ] {
        assert!(refused(key, "0").contains("at least 1"));
        assert!(refused(key, "some").contains("some"));
    }
    let message = refused("sandbox.cpu.percent.max", "51");
    assert!(
        message.contains("sandbox.policy.cpu.percent.max=51"),
        "{message}"
    );
    refused("sandbox.record.per.second.max", "1");
}
