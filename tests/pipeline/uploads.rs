//! The limits of uploads, many at once, files that were changed, and trials that end.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::patched::replaced;
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

/// Nothing was compiled before.
fn with_cold_cache(place: &Place) {
    let cache = place.path("compiled");
    place.add_worker_key(&format!("sandbox.cache.dir={}", cache.display()));
}

/// The component with another class, whose name is as long.
fn named(class: &str) -> Vec<u8> {
    let before = version(2);
    let component = replaced(&before, CLASS, class);
    assert!(component != before, "the class is named there");
    component
}

#[test]
fn an_upload_takes_no_name_of_the_operators() {
    let (mut place, _) = place_with_uploads();
    let (worker, rest) = start(&mut place);
    // Its simple name is nearer to what operators write than that of Kafka Connect's own class.
    let (status, answer) = upload(&rest, &named("com.example.ev.evil.FileStreamSink"));
    assert_eq!(status, 201, "{answer}");
    for version in ["", "0.0.0-0,)"] {
        let mut config = config(&place, &place.path("out"), version);
        config["connector.class"] = json!("FileStreamSink");
        config
            .as_object_mut()
            .unwrap()
            .remove("connector.plugin.version");
        if !version.is_empty() {
            config["connector.plugin.version"] = json!(format!("[{version}"));
        }
        let (status, answer) = rest.send("PUT", "/connectors/sink/config", Some(config));
        assert!(status == 201 || status == 200, "{answer}");
        let status = rest.wait_for_task("sink", "RUNNING");
        assert_eq!(
            status["tasks"][0]["version"],
            env!("CARGO_PKG_VERSION"),
            "{status}"
        );
    }
    assert!(worker.stop().success(), "{}", place.log());
}

#[test]
fn whoever_may_use_some_connectors_uploads_under_names_of_their_own() {
    let (mut place, folder) = place_with_uploads();
    let access = place.path("access.properties");
    let mut text = String::new();
    for (name, connectors) in [("one", "one-*"), ("two", "two-*")] {
        std::fs::write(place.path(name), format!("{name}-token")).unwrap();
        text.push_str(&format!(
            "token.{name}.role=admin\ntoken.{name}.connectors={connectors}\ntoken.{name}.file={}\n",
            place.path(name).display()
        ));
    }
    std::fs::write(&access, text).unwrap();
    place.add_worker_key(&format!("rest.access.file={}", access.display()));
    let (worker, _) = start(&mut place);
    let of = |name: &str| {
        let rest = place.rest();
        rest.with_header(&format!("Authorization: Bearer {name}-token"))
    };
    let (one, two) = (of("one"), of("two"));
    let (status, info) = upload(&one, &version(1));
    assert_eq!(status, 201, "{info}");
    assert_eq!(info["owner"], "token one");
    // A higher version would be what connectors of the other run that ask for none.
    let (status, refused) = upload(&two, &version(2));
    assert_eq!(status, 409, "{refused}");
    assert!(
        refused["message"].to_string().contains("not yours"),
        "{refused}"
    );
    for class in [
        "com.exampl2.VersionedSinkConnector",
        "com.example.ev.evil.FileStreamSink",
        "org.exampleexample.1.VersionedSink",
    ] {
        let (status, refused) = upload(&two, &named(class));
        assert_eq!(status, 409, "{class}: {refused}");
    }
    let (status, info) = upload(&two, &named("com.example.AnyOtherSinkConnector0"));
    assert_eq!(status, 201, "{info}");
    assert_eq!(upload(&one, &version(2)).0, 201);
    let first = format!("/connector-plugins/{CLASS}?version=1.0.0-stranger");
    assert_eq!(two.send("DELETE", &first, None).0, 403);
    assert!(worker.stop().success(), "{}", place.log());

    // Whose it is, is known after a restart.
    let (worker, _) = start(&mut place);
    let of = |name: &str| {
        let rest = place.rest();
        rest.with_header(&format!("Authorization: Bearer {name}-token"))
    };
    let (one, two) = (of("one"), of("two"));
    assert_eq!(two.send("DELETE", &first, None).0, 403);
    assert_eq!(one.send("DELETE", &first, None).0, 204);
    assert_eq!(files(&folder).len(), 4, "{:?}", files(&folder));
    assert!(worker.stop().success(), "{}", place.log());
}

#[test]
fn a_hundred_uploads_of_one_component_compile_it_once() {
    let (mut place, folder) = place_with_uploads();
    with_cold_cache(&place);
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
    with_cold_cache(&place);
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
