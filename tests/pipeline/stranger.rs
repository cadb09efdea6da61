//! A stranger's session: a component that was built elsewhere is uploaded, run, upgraded while it runs, taken back
//! when it fails, and deleted.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{LazyLock, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::metrics::series;
use crate::support::{Broker, Place, Rest, append, lines, root, text, tidegate, wait_for};

pub const CLASS: &str = "com.example.VersionedSinkConnector";

/// The component, built outside of the workspace.
static BUILT: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let source = root().join("tests/stranger");
    std::fs::create_dir(folder.path().join("src")).unwrap();
    std::fs::copy(source.join("src/lib.rs"), folder.path().join("src/lib.rs")).unwrap();
    let manifest = std::fs::read_to_string(source.join("Cargo.toml")).unwrap();
    let sdk = root().join("guest-sdk/rust");
    let manifest = manifest.replace("../../guest-sdk/rust", sdk.to_str().unwrap());
    std::fs::write(folder.path().join("Cargo.toml"), manifest).unwrap();
    std::fs::copy(root().join("Cargo.lock"), folder.path().join("Cargo.lock")).unwrap();
    let target = target_folder().join("stranger");
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--release", "--target", "wasm32-wasip2"])
        .current_dir(folder.path())
        .env("CARGO_TARGET_DIR", &target)
        .status();
    assert!(built.unwrap().success());
    std::fs::read(target.join("wasm32-wasip2/release/stranger.wasm")).unwrap()
});

fn target_folder() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.ancestors().nth(3).unwrap().to_owned()
}

/// The component in another version.
pub fn version(major: u8) -> Vec<u8> {
    let mut component = BUILT.clone();
    let marker = b"1.0.0-stranger";
    let places: Vec<_> = (0..component.len() - marker.len())
        .filter(|at| component[*at..].starts_with(marker))
        .collect();
    assert_eq!(places.len(), 1, "the version stands there once");
    component[places[0]] = b'0' + major;
    component
}

pub fn upload(rest: &Rest, component: &[u8]) -> (u16, Value) {
    rest.send_bytes(
        "POST",
        "/connector-plugins",
        "Content-Type: application/wasm",
        component,
    )
}

pub fn start(place: &mut Place) -> (crate::support::Running, Rest) {
    let worker = place.start();
    let rest = place.rest();
    (worker, rest)
}

pub fn place() -> Place {
    let mut place = Place::new(Broker::Embedded);
    let folder = place.path("");
    place.add_worker_key(&format!("sandbox.policy.write={}", folder.display()));
    std::fs::write(place.path("in"), "").unwrap();
    place.file_source(&place.path("in"), "lines");
    place
}

pub fn config(place: &Place, out: &Path, version: &str) -> Value {
    json!({
        "connector.class": CLASS, "tasks.max": "1", "file": out, "topics": place.topic("lines"),
        "connector.plugin.version": version, "errors.tolerance": "all",
    })
}

#[test]
fn a_component_is_uploaded_upgraded_taken_back_and_deleted() {
    let mut place = place();
    let (worker, rest) = start(&mut place);
    let (input, out) = (place.path("in"), place.path("out"));

    // Uploaded: once, however often.
    let (status, first) = upload(&rest, &version(1));
    assert_eq!(status, 201, "{first}");
    assert_eq!(first["plugins"][0]["class"], CLASS);
    assert_eq!(first["plugins"][0]["version"], "1.0.0-stranger");
    assert_eq!(
        first["plugins"][0]["grants"],
        json!([{"key": "file", "what": "write_file"}])
    );
    assert_eq!(first["bytes"], version(1).len());
    assert_eq!(upload(&rest, &version(1)), (200, first.clone()));
    let answers: Vec<_> = std::thread::scope(|scope| {
        let upload = || upload(&rest, &version(2)).0;
        let threads: Vec<_> = (0..20).map(|_| scope.spawn(upload)).collect();
        threads.into_iter().map(|it| it.join().unwrap()).collect()
    });
    assert_eq!(answers.iter().filter(|status| **status == 201).count(), 1);
    assert_eq!(answers.iter().filter(|status| **status == 200).count(), 19);
    assert_eq!(upload(&rest, &version(3)).0, 201);

    // A version that is not there is named with those that are.
    let unknown = json!({"name": "sink", "config": config(&place, &out, "9")});
    let (status, refused) = rest.send("POST", "/connectors", Some(unknown));
    assert_eq!(status, 400, "{refused}");
    assert!(refused.to_string().contains("2.0.0-stranger"), "{refused}");

    // What it is told is looked at before anything runs.
    let validate = |config: Value| {
        let path = format!("/connector-plugins/{CLASS}/config/validate");
        let (status, answer) = rest.send("PUT", &path, Some(config));
        assert_eq!(status, 200, "{answer}");
        answer["error_count"].as_u64().unwrap()
    };
    let mut wanted = config(&place, &out, "1.0.0-stranger");
    wanted["name"] = json!("sink");
    assert_eq!(validate(wanted.clone()), 0);
    wanted.as_object_mut().unwrap().remove("file");
    assert_eq!(validate(wanted), 1);

    // The version that was asked for runs, not the newest.
    let body = json!({"name": "sink", "config": config(&place, &out, "1.0.0-stranger")});
    let (status, created) = rest.send("POST", "/connectors", Some(body));
    assert_eq!(status, 201, "{created}");
    append(&input, "a\nb\n");
    let written = |wanted: &[&str]| {
        wait_for(
            "the lines",
            || format!("{:?}\n{}", lines(&out), place.log()),
            || lines(&out).len() >= wanted.len(),
        );
        assert_eq!(lines(&out), wanted);
    };
    written(&["1 a", "1 b"]);
    let status = rest.wait_for_task("sink", "RUNNING");
    assert_eq!(status["tasks"][0]["version"], "1.0.0-stranger");

    // What it does is seen.
    let read = "kafka_connect_sink_task_metrics_sink_record_send_total";
    wait_for(
        "the metric",
        || rest.text("GET", "/metrics"),
        || (series(&rest.text("GET", "/metrics"), read, "sink") - 2.0).abs() < 0.1,
    );

    // Upgraded while it runs: nothing is lost, nothing comes twice.
    let put = |version: &str| {
        let body = Some(json!({"connector.plugin.version": version}));
        let (status, answer) = rest.send("PATCH", "/connectors/sink/config", body);
        assert_eq!(status, 200, "{answer}");
    };
    put("[2,3)");
    append(&input, "c\n");
    written(&["1 a", "1 b", "2 c"]);
    let status = rest.wait_for_task("sink", "RUNNING");
    assert_eq!(status["upgrade"]["state"], "TRIAL", "{status}");

    // The next version traps: the one before is back and has the record, which is given up by nobody.
    put("3.0.0-stranger");
    append(&input, "d\npoison for 3\ne\n");
    wait_for(
        "the way back",
        || place.log(),
        || rest.send("GET", "/connectors/sink/status", None).1["upgrade"]["state"] == "ROLLED_BACK",
    );
    let (_, info) = rest.send("GET", "/connectors/sink", None);
    assert_eq!(info["config"]["connector.plugin.version"], "[2,3)");
    let end = lines_after(&out, "2 e", &place);
    let tail: Vec<_> = end.iter().skip(3).map(|line| &line[2..]).collect();
    assert_eq!(tail, ["d", "poison for 3", "e"], "{end:?}");
    let status = rest.wait_for_task("sink", "RUNNING");
    let trace = status["upgrade"]["trace"].to_string();
    assert!(trace.contains("put trapped"), "{trace}");

    // One that is hostile fails alone, whoever uploaded it.
    let mut hostile = config(&place, &place.path("hostile"), "3.0.0-stranger");
    hostile["errors.tolerance"] = json!("none");
    let body = json!({"name": "hostile", "config": hostile});
    assert_eq!(rest.send("POST", "/connectors", Some(body)).0, 201);
    let status = rest.wait_for_task("hostile", "FAILED");
    let trace = status["tasks"][0]["trace"].to_string();
    assert!(trace.contains("put trapped"), "{trace}");
    append(&input, "still here\n");
    lines_after(&out, "2 still here", &place);
    assert_eq!(rest.send("DELETE", "/connectors/hostile", None).0, 204);

    // What is in use stays; what is not goes.
    let path = |version: &str| format!("/connector-plugins/{CLASS}?version={version}");
    let (status, used) = rest.send("DELETE", &path("2.0.0-stranger"), None);
    assert_eq!(status, 409, "{used}");
    assert!(used["message"].to_string().contains("sink"), "{used}");
    let (status, several) = rest.send("DELETE", &format!("/connector-plugins/{CLASS}"), None);
    assert_eq!(status, 409, "{several}");
    assert_eq!(rest.send("DELETE", &path("3.0.0-stranger"), None).0, 204);
    assert_eq!(rest.send("GET", &path("3.0.0-stranger"), None).0, 404);

    // All of it is there after a restart.
    assert!(worker.stop().success(), "{}", place.log());
    let (worker, rest) = start(&mut place);
    let status = rest.wait_for_task("sink", "RUNNING");
    assert_eq!(status["tasks"][0]["version"], "2.0.0-stranger");
    let digest = first["digest"].as_str().unwrap();
    let (status, again) = rest.send("GET", &format!("/connector-plugins/{digest}"), None);
    assert_eq!((status, &again), (200, &first));
    append(&input, "f\n");
    lines_after(&out, "2 f", &place);

    // And all of it can go.
    assert_eq!(rest.send("DELETE", "/connectors/sink", None).0, 204);
    assert_eq!(rest.send("DELETE", &path("2.0.0-stranger"), None).0, 204);
    let gone = rest.send("DELETE", &format!("/connector-plugins/{digest}"), None);
    assert_eq!(gone.0, 204);
    let all = rest
        .send("GET", "/connector-plugins?connectorsOnly=false", None)
        .1;
    assert!(!all.to_string().contains(CLASS), "{all}");
    assert!(worker.stop().success(), "{}", place.log());
}

/// Random numbers that are the same in each run (xorshift64).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % end as u64).unwrap()
    }
}

/// A component with something wrong: bytes changed, cut out, doubled, or its end missing.
fn mutated(whole: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len());
        let length = random.below(64).min(bytes.len() - at);
        match random.below(5) {
            0 | 1 => bytes[at] ^= 1 << random.below(8),
            2 => bytes[at] = u8::try_from(random.below(256)).unwrap(),
            3 => drop(bytes.drain(at..at + length)),
            _ if random.below(4) == 0 => bytes.truncate(at.max(1)),
            _ => {
                let again = bytes[at..at + length].to_vec();
                bytes.splice(at..at, again);
            }
        }
    }
    bytes
}

/// 200 in `make test`, 10,000 in `make test-adversarial`.
#[test]
fn mutations_of_a_component_are_refused_or_taken_and_the_worker_goes_on() {
    let mut place = place();
    let (worker, rest) = start(&mut place);
    let count = std::env::var("TIDEGATE_MUTATIONS").map_or(200, |count| count.parse().unwrap());
    let whole = version(1);
    let random = Mutex::new(Random(0x9e37_79b9_7f4a_7c15));
    let begun = Instant::now();
    let next = Mutex::new(0..count);
    let worst = Mutex::new((0, Duration::ZERO));
    std::thread::scope(|scope| {
        let clients = std::thread::available_parallelism().map_or(1, usize::from);
        for _ in 0..clients {
            scope.spawn(|| {
                loop {
                    let number = next.lock().unwrap().next();
                    let Some(number) = number else { break };
                    let component = mutated(&whole, &mut random.lock().unwrap());
                    let started = Instant::now();
                    let (status, answer) = upload(&rest, &component);
                    let took = started.elapsed();
                    assert!(
                        matches!(status, 200 | 201 | 409 | 422),
                        "mutation {number}: {status} {answer}"
                    );
                    let mut worst = worst.lock().unwrap();
                    worst.0 += usize::from(status == 422);
                    worst.1 = worst.1.max(took);
                }
            });
        }
    });
    let (refused, slowest) = *worst.lock().unwrap();
    let took = begun.elapsed();
    println!(
        "{count} mutations in {took:?}, {refused} refused, the slowest answer after {slowest:?}"
    );
    assert!(refused > count / 2, "{refused} of {count} were refused");
    // Two seconds are asked for where nothing else runs.
    let most = Duration::from_secs(if count < 1_000 { 10 } else { 2 });
    assert!(slowest < most, "{slowest:?}");
    // It is the same worker, and still works.
    append(&place.path("in"), "a\n");
    let (status, _) = rest.send("GET", "/connectors", None);
    assert_eq!(status, 200);
    assert!(worker.stop().success(), "{}", place.log());
}

#[test]
fn the_command_line_adds_inspects_and_removes() {
    let mut place = place();
    let (worker, rest) = start(&mut place);
    let file = place.path("stranger.wasm");
    std::fs::write(&file, version(1)).unwrap();
    let url = format!("http://{}", rest.address());
    let run = |arguments: &[&str]| {
        let output = tidegate().arg("plugins").args(arguments).output().unwrap();
        (output.status.code().unwrap(), text(&output))
    };
    let path = file.to_str().unwrap();
    let (code, shown) = run(&["inspect", path]);
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("1.0.0-stranger"), "{shown}");
    for said in ["added", "there already"] {
        let (code, shown) = run(&["add", path, "--url", &url]);
        assert_eq!(code, 0, "{shown}");
        assert!(shown.contains(said) && shown.contains(CLASS), "{shown}");
    }
    let (code, shown) = run(&["remove", CLASS, "--url", &url, "--json"]);
    assert_eq!((code, shown.contains("removed")), (0, true), "{shown}");
    let (code, shown) = run(&["remove", CLASS, "--url", &url]);
    assert_eq!((code, shown.contains("404")), (1, true), "{shown}");
    std::fs::write(&file, "no component").unwrap();
    let (code, shown) = run(&["add", path, "--url", &url]);
    assert_eq!((code, shown.contains("422")), (1, true), "{shown}");
    let (code, shown) = run(&["inspect", path]);
    assert_eq!(
        (code, shown.contains("not WebAssembly")),
        (2, true),
        "{shown}"
    );
    assert!(worker.stop().success(), "{}", place.log());
}

/// The lines of a file once it ends with one.
pub fn lines_after(path: &Path, last: &str, place: &Place) -> Vec<String> {
    wait_for(
        last,
        || format!("{:?}\n{}", lines(path), place.log()),
        || lines(path).last().is_some_and(|line| line == last),
    );
    lines(path)
}

#[test]
fn what_is_no_component_is_refused_with_what_was_found() {
    let mut place = place();
    let (worker, rest) = start(&mut place);
    let whole = version(1);
    let core_module = b"\0asm\x01\0\0\0".to_vec();
    for (what, bytes, word) in [
        ("nothing", Vec::new(), "not WebAssembly"),
        ("text", b"hello".to_vec(), "not WebAssembly"),
        ("a core module", core_module, "core WebAssembly module"),
        ("half of one", whole[..whole.len() / 2].to_vec(), ""),
    ] {
        let (status, refused) = upload(&rest, &bytes);
        assert_eq!(status, 422, "{what}: {refused}");
        let message = refused["message"].as_str().unwrap();
        assert!(message.contains(word), "{what}: {message}");
        let folder = place.path("").display().to_string();
        assert!(!message.contains(&folder), "{what}: {message}");
    }
    let send = |header: &str, bytes: &[u8]| {
        let (status, answer) = rest.send_bytes("POST", "/connector-plugins", header, bytes);
        (status, answer["message"].to_string())
    };
    assert_eq!(send("Content-Type: application/json", &whole).0, 415);
    let compressed = "Content-Type: application/wasm\r\nContent-Encoding: gzip";
    assert_eq!(send(compressed, &whole).0, 415);
    let (status, message) = rest.announce("/connector-plugins", 64 * 1024 * 1024 + 1);
    assert_eq!(status, 413, "{message}");

    // A class in a version is one thing: another component cannot take its place.
    assert_eq!(upload(&rest, &whole).0, 201);
    let mut other = whole.clone();
    // A custom section of its own: id 0, two bytes, a name of one byte.
    other.extend([0, 2, 1, b'x']);
    let (status, refused) = upload(&rest, &other);
    assert_eq!(status, 409, "{refused}");
    let builtin = rest.send("DELETE", "/connector-plugins/FileStreamSink", None);
    assert_eq!(builtin.0, 409, "{}", builtin.1);
    assert!(worker.stop().success(), "{}", place.log());
}
