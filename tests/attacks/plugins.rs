//! What strangers upload.

use std::time::{Duration, Instant};

use crate::attacked::Attacked;
use crate::components::{
    loops_over_locals, many_locals, module_of, nested_blocks, of_binary, of_text,
};
use crate::count;
use crate::patched::replaced;

/// The misbehaving component.
fn whole(attacked: &Attacked) -> Vec<u8> {
    std::fs::read(attacked.place.path("plugins/tidegate_test_guests.wasm")).unwrap()
}

#[test]
fn each_cut_of_a_component_is_refused() {
    let attacked = Attacked::start(&[]);
    let whole = whole(&attacked);
    let begun = Instant::now();
    // All cuts of the beginning, where the names stand, and some of the rest.
    let cuts = count(200, 2_500);
    let (first, rest) = (cuts / 5, cuts - cuts / 5);
    let lengths = (0..first).chain((first..whole.len()).step_by(whole.len() / rest));
    let (mut refused, mut slowest) = (0, Duration::ZERO);
    for length in lengths {
        let asked = Instant::now();
        let (status, message) = attacked.upload(&whole[..length]);
        slowest = slowest.max(asked.elapsed());
        assert_eq!(status, 422, "cut at {length}: {message}");
        assert!(!message.is_empty(), "cut at {length}");
        refused += 1;
    }
    println!(
        "{refused} cuts in {:?}, the slowest answer after {slowest:?}",
        begun.elapsed()
    );
    assert!(slowest < Duration::from_secs(2), "{slowest:?}");
    attacked.end();
}

#[test]
fn what_is_made_for_another_host_is_refused_with_what_was_found_and_wanted() {
    let attacked = Attacked::start(&[]);
    let whole = whole(&attacked);
    let plugin = "tidegate:connect/plugin@0.1.0";
    for (what, component, words) in [
        ("nothing", vec![], &["not WebAssembly"][..]),
        ("a jar", b"PK\x03\x04 jar".to_vec(), &["[50, 4b, 03, 04]"]),
        (
            "a core module",
            module_of(&nested_blocks(1), 1),
            &["core WebAssembly module", "wasm32-wasip2"],
        ),
        (
            "an empty component",
            b"\0asm\x0d\0\x01\0".to_vec(),
            &["exports nothing", plugin],
        ),
        (
            "another version",
            replaced(&whole, plugin, "tidegate:connect/plugin@9.1.0"),
            &["9.1.0", "0.1.0", "SDK"],
        ),
        (
            "another world",
            replaced(&whole, plugin, "tidegates:connect/plugn@0.1.0"),
            &["not a Tidegate plugin", plugin],
        ),
        (
            "an unknown import",
            replaced(
                &whole,
                "tidegate:connect/host@0.1.0",
                "tidegate:connect/toes@0.1.0",
            ),
            &["tidegate:connect/toes@0.1.0", "does not offer", "host"],
        ),
        (
            "another WASI",
            replaced(
                &whole,
                "wasi:cli/environment@0.2",
                "wasi:cli/environment@0.9",
            ),
            &["wasi:cli/environment@0.9", "wasm32-wasip2"],
        ),
        (
            "functions of other types",
            of_text("(func (export \"f\"))", 1),
            &["other types", "SDK"],
        ),
    ] {
        let (status, message) = attacked.upload(&component);
        assert_eq!(status, 422, "{what}: {message}");
        for word in words {
            assert!(message.contains(word), "{what}: {word} in {message}");
        }
    }
    attacked.end();
}

#[test]
fn compile_bombs_are_refused_and_a_healthy_connector_goes_on() {
    let cpu_ms = count(2_000, 60_000);
    let attacked = Attacked::start(&[
        &format!("sandbox.compile.cpu.ms.max={cpu_ms}"),
        // So long that the answer comes however busy the machine is.
        "rest.request.ms.max=900000",
    ]);
    // So large an upload as the largest of them: what the allocator keeps of one is not counted as theirs.
    assert_eq!(attacked.upload(&vec![0; 6 << 20]).0, 422);
    let before = attacked.memory_bytes();
    for (what, component, word) in [
        (
            "nested blocks",
            of_binary(&module_of(&nested_blocks(130_000), 1)),
            "",
        ),
        (
            "a function with 40,000 locals",
            of_binary(&module_of(&many_locals(40_000), 1)),
            "sandbox.function.locals.max",
        ),
        (
            "a function of 600 KiB",
            of_binary(&module_of(&nested_blocks(200_000), 1)),
            "sandbox.function.bytes.max",
        ),
        (
            "thousands of locals that each of many loops changes: memory",
            of_binary(&module_of(&loops_over_locals(10_000, 2_000), 1)),
            "sandbox.compile.",
        ),
        (
            "the same in many functions: time",
            of_binary(&module_of(&loops_over_locals(10_000, 20), 60)),
            "sandbox.compile.",
        ),
    ] {
        let begun = Instant::now();
        let (status, message) = std::thread::scope(|scope| {
            let rest = &attacked.rest;
            let component = &component;
            let kind = "Content-Type: application/wasm";
            let bomb =
                scope.spawn(move || rest.send_bytes("POST", "/connector-plugins", kind, component));
            while !bomb.is_finished() {
                attacked.goes_on();
                std::thread::sleep(Duration::from_millis(200));
            }
            let (status, answer) = bomb.join().unwrap();
            (status, answer["message"].to_string())
        });
        println!(
            "{what}, {} bytes: {status} after {:?}: {message}",
            component.len(),
            begun.elapsed()
        );
        attacked.is_clean(&message);
        assert_eq!(status, 422, "{what}: {message}");
        assert!(message.contains(word), "{what}: {message}");
        // It is remembered: the second time costs nothing.
        let begun = Instant::now();
        assert_eq!(attacked.upload(&component).0, 422, "{what}");
        assert!(begun.elapsed() < Duration::from_secs(2), "{what}");
    }
    attacked.memory_is_back(before);
    attacked.end();
}

#[test]
fn a_compile_bomb_that_takes_longer_than_a_request_may_is_503_and_then_422() {
    let attacked = Attacked::start(&[
        "sandbox.compile.cpu.ms.max=4000",
        "rest.request.ms.max=1000",
    ]);
    let bomb = of_binary(&module_of(&loops_over_locals(10_000, 20), 60));
    let begun = Instant::now();
    let (status, message) = attacked.upload(&bomb);
    assert_eq!(status, 503, "{message}");
    assert!(message.contains("longer than 1 s"), "{message}");
    assert!(begun.elapsed() < Duration::from_secs(4), "{begun:?}");
    attacked.goes_on();
    // What was begun is remembered when it ends, so that trying again is answered at once.
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        let (status, message) = attacked.upload(&bomb);
        if status == 422 {
            assert!(message.contains("sandbox.compile."), "{message}");
            break;
        }
        assert_eq!(status, 503, "{message}");
        assert!(Instant::now() < deadline, "{message}");
    }
    attacked.end();
}

#[test]
fn a_component_that_never_starts_or_takes_all_memory_is_refused() {
    let attacked = Attacked::start(&["sandbox.start.ms.max=500"]);
    let before = attacked.memory_bytes();
    let grows = "(memory (export \"memory\") 1) (func (export \"f\")) \
        (func $s (loop $l (br_if $l (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) \
        (loop $l (br_if $l (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))) (start $s)";
    for (what, component, word) in [
        (
            "a loop in the start function",
            of_text(
                "(func (export \"f\")) (func $s (loop $l (br $l))) (start $s)",
                1,
            ),
            "sandbox.start.ms.max",
        ),
        (
            "a trap in the start function",
            of_text("(func (export \"f\")) (func $s unreachable) (start $s)", 1),
            "unreachable",
        ),
        (
            "99 memories that grow as far as they can",
            of_text(grows, 99),
            "",
        ),
        ("200 memories", of_text(grows, 200), ""),
        (
            "a memory of 4 GiB",
            of_text("(memory 65536) (func (export \"f\"))", 1),
            "sandbox.validate.memory.bytes.max",
        ),
        (
            "99 memories of 1 GiB",
            of_text("(memory 16384) (func (export \"f\"))", 99),
            "sandbox.validate.memory.bytes.max",
        ),
        (
            "a table of a billion elements",
            of_text("(table 1000000000 funcref) (func (export \"f\"))", 1),
            "sandbox.table.elements.max",
        ),
        (
            "2,000 instances",
            of_text("(func (export \"f\"))", 2_000),
            "",
        ),
    ] {
        let (status, message) = attacked.upload(&component);
        println!("{what}: {message}");
        assert_eq!(status, 422, "{what}: {message}");
        assert!(message.contains(word), "{what}: {message}");
    }
    attacked.memory_is_back(before);
    attacked.end();
}

#[test]
fn a_name_of_a_plugin_is_never_a_path() {
    let attacked = Attacked::start(&[]);
    let uploads = attacked.place.path("topics/plugins");
    let canary = attacked.place.path("topics/canary.wasm");
    std::fs::write(&canary, "canary").unwrap();
    let digest = "0".repeat(64);
    for name in [
        "..%2Fcanary",
        "..%2Fcanary.wasm",
        "%2E%2E%2Fcanary",
        "..%5Ccanary",
        "....%2F%2Fcanary",
        "%2Fetc%2Fpasswd",
        "..%2F..%2F..%2F..%2Fetc%2Fpasswd",
        "%00",
        "canary%00.wasm",
        "*",
        &digest,
        &"a".repeat(10_000),
    ] {
        for method in ["GET", "DELETE"] {
            let path = format!("/connector-plugins/{name}");
            let (status, answer) = attacked.rest.send(method, &path, None);
            assert_eq!(status, 404, "{method} {path}: {answer}");
            attacked.is_clean(answer["message"].as_str().unwrap_or_default());
        }
    }
    for path in [
        "/connector-plugins/../canary",
        "/connector-plugins/../../etc/passwd",
        "//etc/passwd",
        "/connector-plugins/./.",
    ] {
        let (status, answer) = attacked.rest.send("DELETE", path, None);
        assert!(matches!(status, 404 | 405), "{path}: {status} {answer}");
    }
    assert_eq!(std::fs::read_to_string(&canary).unwrap(), "canary");
    assert_eq!(std::fs::read_dir(uploads).unwrap().count(), 0);
    attacked.end();
}
