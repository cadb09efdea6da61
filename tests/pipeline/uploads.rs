//! The limits of uploads, many at once, files that were changed, and trials that end.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::stranger::{CLASS, config, lines_after, place, start, upload, version};
use crate::support::{Place, Rest, append, wait_for};

/// A place whose uploads are in the folder that is answered.
fn place_with_uploads() -> (Place, std::path::PathBuf) {
    let place = place();
    let folder = place.path("uploads");
    place.add_worker_key(&format!("sandbox.plugins.dir={}", folder.display()));
    (place, folder)
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn a_hundred_uploads_of_one_component_compile_it_once() {
    let (mut place, folder) = place_with_uploads();
    let cache = place.path("compiled");
    place.add_worker_key(&format!("sandbox.cache.dir={}", cache.display()));
    let (worker, rest) = start(&mut place);
    let compiled = || place.log().matches("A component was compiled.").count();
    let before = compiled();
    let component = version(1);
    let answers: Vec<_> = std::thread::scope(|scope| {
        let upload = || upload(&rest, &component).0;
        let threads: Vec<_> = (0..100).map(|_| scope.spawn(upload)).collect();
        threads.into_iter().map(|it| it.join().unwrap()).collect()
    });
    let count = |wanted: u16| answers.iter().filter(|status| **status == wanted).count();
    assert_eq!((count(201), count(200)), (1, 99), "{answers:?}");
    assert_eq!(compiled() - before, 1, "{}", place.log());
    assert_eq!(files(&folder).len(), 1);
    assert!(worker.stop().success(), "{}", place.log());
}

#[test]
fn an_upload_runs_within_a_second_or_so() {
    let (mut place, _) = place_with_uploads();
    let (worker, rest) = start(&mut place);
    let component = version(1);
    let body =
        json!({"name": "sink", "config": config(&place, &place.path("out"), "1.0.0-stranger")});
    let started = Instant::now();
    assert_eq!(upload(&rest, &component).0, 201);
    let uploaded = started.elapsed();
    let (status, created) = rest.send("POST", "/connectors", Some(body));
    assert_eq!(status, 201, "{created}");
    rest.wait_for_task("sink", "RUNNING");
    let running = started.elapsed();
    println!(
        "{} bytes: uploaded after {uploaded:?}, RUNNING after {running:?}",
        component.len()
    );
    // A second on a machine that has nothing else to do.
    assert!(running < Duration::from_secs(10), "{running:?}");
    assert!(worker.stop().success(), "{}", place.log());
}

#[test]
fn uploads_have_a_limit_together() {
    let (mut place, folder) = place_with_uploads();
    let bytes = version(1).len() * 2;
    place.add_worker_key(&format!("sandbox.plugins.bytes.max={bytes}"));
    let (worker, rest) = start(&mut place);
    assert_eq!(upload(&rest, &version(1)).0, 201);
    assert_eq!(upload(&rest, &version(2)).0, 201);
    let (status, refused) = upload(&rest, &version(3));
    assert_eq!(status, 409, "{refused}");
    let message = refused["message"].as_str().unwrap();
    assert!(message.contains("sandbox.plugins.bytes.max"), "{message}");
    assert!(!message.contains(folder.to_str().unwrap()), "{message}");
    assert_eq!(files(&folder).len(), 2);
    // With room again, it is taken.
    let one = format!("/connector-plugins/{CLASS}?version=2.0.0-stranger");
    assert_eq!(rest.send("DELETE", &one, None).0, 204);
    assert_eq!(upload(&rest, &version(3)).0, 201);
    assert!(worker.stop().success(), "{}", place.log());
}

#[test]
fn a_file_that_was_changed_is_not_loaded() {
    let (mut place, folder) = place_with_uploads();
    let (worker, rest) = start(&mut place);
    let (_, first) = upload(&rest, &version(1));
    let (_, second) = upload(&rest, &version(2));
    assert!(worker.stop().success(), "{}", place.log());

    // The first becomes another component, which is sound in itself.
    let digest = first["digest"].as_str().unwrap();
    let file = folder.join(format!("{digest}.wasm"));
    assert!(file.is_file(), "{:?}", files(&folder));
    std::fs::write(&file, version(3)).unwrap();

    let (worker, rest) = start(&mut place);
    let log = place.log();
    assert!(log.contains("its digest is not its name"), "{log}");
    let get = |digest: &Value| {
        let path = format!("/connector-plugins/{}", digest.as_str().unwrap());
        rest.send("GET", &path, None).0
    };
    assert_eq!((get(&first["digest"]), get(&second["digest"])), (404, 200));
    let third = format!("/connector-plugins/{CLASS}?version=3.0.0-stranger");
    assert_eq!(rest.send("GET", &third, None).0, 404);
    // Uploaded again, it is there.
    assert_eq!(upload(&rest, &version(1)).0, 201);
    assert_eq!(get(&first["digest"]), 200);
    assert!(worker.stop().success(), "{}", place.log());
}

/// A sink of version 1 that has written a line, beside a source.
fn running_sink(place: &mut Place) -> (crate::support::Running, Rest) {
    let (worker, rest) = start(place);
    for major in [1, 2, 4] {
        let (status, answer) = upload(&rest, &version(major));
        assert_eq!(status, 201, "{answer}");
    }
    let out = place.path("out");
    let body = json!({"name": "sink", "config": config(place, &out, "1.0.0-stranger")});
    assert_eq!(rest.send("POST", "/connectors", Some(body)).0, 201);
    append(&place.path("in"), "a\n");
    lines_after(&out, "1 a", place);
    (worker, rest)
}

fn move_to(rest: &Rest, version: &str) {
    let body = Some(json!({"connector.plugin.version": version}));
    let (status, answer) = rest.send("PATCH", "/connectors/sink/config", body);
    assert_eq!(status, 200, "{answer}");
}

fn wait_for_upgrade(rest: &Rest, place: &Place, state: &str) -> Value {
    let status = || rest.send("GET", "/connectors/sink/status", None).1;
    let there = || status()["upgrade"]["state"] == state;
    wait_for(state, || format!("{}\n{}", status(), place.log()), there);
    status()
}

#[test]
fn a_trial_that_is_over_is_done_and_a_later_failure_takes_nothing_back() {
    let (mut place, _) = place_with_uploads();
    place.add_worker_key("sandbox.trial.ms=200");
    let (worker, rest) = running_sink(&mut place);
    move_to(&rest, "2.0.0-stranger");
    wait_for_upgrade(&rest, &place, "DONE");
    rest.wait_for_task("sink", "RUNNING");
    append(&place.path("in"), "b\npoison for 2\nc\n");
    // The record is given up, as the connector tolerates; the version stays.
    let all = lines_after(&place.path("out"), "2 c", &place);
    assert_eq!(all, ["1 a", "2 b", "2 c"]);
    let (_, info) = rest.send("GET", "/connectors/sink", None);
    assert_eq!(info["config"]["connector.plugin.version"], "2.0.0-stranger");
    assert!(worker.stop().success(), "{}", place.log());
}

#[test]
fn a_version_that_does_not_start_is_taken_back() {
    let (mut place, _) = place_with_uploads();
    let (worker, rest) = running_sink(&mut place);
    move_to(&rest, "4.0.0-stranger");
    let status = wait_for_upgrade(&rest, &place, "ROLLED_BACK");
    let trace = status["upgrade"]["trace"].to_string();
    assert!(trace.contains("version 4 divides no work"), "{trace}");
    let status = rest.wait_for_task("sink", "RUNNING");
    assert_eq!(status["connector"]["state"], "RUNNING", "{status}");
    assert_eq!(status["tasks"][0]["version"], "1.0.0-stranger");
    append(&place.path("in"), "b\n");
    let all = lines_after(&place.path("out"), "1 b", &place);
    assert_eq!(all, ["1 a", "1 b"]);
    assert!(worker.stop().success(), "{}", place.log());
}
