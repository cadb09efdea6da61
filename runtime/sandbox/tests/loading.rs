//! From bytes to a plugin: what is refused and why, the compiling child, the cache, and finding classes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

#[path = "../../../tests/pipeline/patched.rs"]
mod patched;
mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use patched::replaced;
use support::*;
use tidegate_sandbox::{Compiler, Kind, Registry, Sandbox, SandboxError, Settings};

/// The compiling child as the tests have it.
fn child() -> Compiler {
    let test = std::env::current_exe().unwrap();
    let program = test
        .ancestors()
        .nth(2)
        .unwrap()
        .join("examples/compile_component");
    assert!(
        program.exists(),
        "{} is built with the tests",
        program.display()
    );
    Compiler::Command {
        program,
        args: vec![],
    }
}

fn sandbox(cache: &Path, compiler: Compiler) -> Sandbox {
    Sandbox::new(Settings {
        compiler,
        ..Settings::new(cache)
    })
    .unwrap()
}

fn refusal(bytes: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let error = sandbox(folder.path(), Compiler::InProcess)
        .load(bytes)
        .err();
    error.expect("it is refused").to_string()
}

fn compiled_file(cache: &Path) -> PathBuf {
    let mut files: Vec<_> = fs::read_dir(cache)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(files.len(), 1, "{files:?}");
    files.remove(0)
}

#[test]
fn what_is_no_component_is_refused_with_a_reason() {
    assert!(refusal(b"").contains("not WebAssembly"));
    assert!(refusal(b"PK\x03\x04 a jar").contains("[50, 4b, 03, 04]"));
    assert!(refusal(b"\0asm\x01\0\0\0").contains("core WebAssembly module"));
    let empty = refusal(b"\0asm\x0d\0\x01\0");
    assert!(
        empty.contains("exports nothing") && empty.contains("tidegate:connect/plugin@0.1.0"),
        "{empty}"
    );
}

#[test]
fn another_version_or_world_is_refused_with_what_was_found_and_wanted() {
    let other = replaced(
        &GUEST,
        "tidegate:connect/plugin@0.1.0",
        "tidegate:connect/plugin@9.1.0",
    );
    let message = refusal(&other);
    assert!(
        message.contains("9.1.0") && message.contains("0.1.0"),
        "{message}"
    );
    let other = replaced(
        &GUEST,
        "tidegate:connect/plugin@0.1.0",
        "tidegates:connect/plugn@0.1.0",
    );
    let message = refusal(&other);
    assert!(message.contains("not a Tidegate plugin"), "{message}");
    let other = replaced(
        &GUEST,
        "tidegate:connect/host@0.1.0",
        "tidegate:connect/toes@0.1.0",
    );
    let message = refusal(&other);
    assert!(message.contains("tidegate:connect/toes@0.1.0"), "{message}");
    let other = replaced(
        &GUEST,
        "wasi:cli/environment@0.2",
        "wasi:cli/environment@0.9",
    );
    let message = refusal(&other);
    assert!(message.contains("wasip2"), "{message}");
}

/// Before there is a second version, the interface changes under one number: what a component was built with shows in
/// its types alone.
#[test]
fn another_state_of_the_interface_is_refused_when_the_component_is_loaded() {
    let other = replaced(&GUEST, "map-shapes", "map-shades");
    let message = refusal(&other);
    for word in [
        "other types",
        "tidegate:connect/sink@0.1.0",
        "map-shapes",
        "map-shades",
        "build it again with the SDK of this worker",
    ] {
        assert!(message.contains(word), "{word} in {message}");
    }
}

#[test]
fn cuts_and_mutations_are_refused_and_harm_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = sandbox(folder.path(), Compiler::InProcess);
    let length = GUEST.len();
    for cut in (0..64).chain((64..length).step_by(length / 200)) {
        assert!(sandbox.load(&GUEST[..cut]).is_err(), "cut at {cut}");
    }
    // Mutations of the outer structure; those that still load are components too, only others.
    let mut seed = 42_u64;
    let mut random = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) as usize % below
    };
    for _ in 0..300 {
        let mut mutated = GUEST[..4096].to_vec();
        for _ in 0..=random(4) {
            let at = random(mutated.len());
            mutated[at] = random(256) as u8;
        }
        assert!(sandbox.load(&mutated).is_err());
    }
    assert!(sandbox.load(&GUEST).is_ok());
}

#[test]
fn a_function_that_is_too_large_is_refused_before_compiling() {
    // A core module with one function of `nop`s, in a component.
    fn sized(section: u8, content: &[u8]) -> Vec<u8> {
        let mut bytes = vec![section];
        leb(content.len(), &mut bytes);
        bytes.extend(content);
        bytes
    }
    fn leb(mut number: usize, bytes: &mut Vec<u8>) {
        while number >= 0x80 {
            bytes.push((number & 0x7f) as u8 | 0x80);
            number >>= 7;
        }
        bytes.push(number as u8);
    }
    let mut body = vec![0];
    body.extend(vec![1; 512 * 1024]);
    body.push(0x0b);
    let mut code = vec![1];
    leb(body.len(), &mut code);
    code.extend(body);
    let mut module = b"\0asm\x01\0\0\0".to_vec();
    module.extend(sized(1, &[1, 0x60, 0, 0]));
    module.extend(sized(3, &[1, 0]));
    module.extend(sized(10, &code));
    let mut component = b"\0asm\x0d\0\x01\0".to_vec();
    component.extend(sized(1, &module));
    let message = refusal(&component);
    assert!(message.contains("a function of"), "{message}");
}

#[test]
fn the_child_compiles_and_the_second_start_takes_it_from_the_cache() {
    let folder = tempfile::tempdir().unwrap();
    let cold = Instant::now();
    let first = sandbox(folder.path(), child()).load(&GUEST).unwrap();
    let cold = cold.elapsed();
    // A compiler that does not exist: what is loaded now comes from the cache.
    let nobody = Compiler::Command {
        program: "/nowhere".into(),
        args: vec![],
    };
    let sandbox = sandbox(folder.path(), nobody);
    let warm = Instant::now();
    let second = sandbox.load(&GUEST).unwrap();
    let warm = warm.elapsed();
    println!("cold {cold:?}, warm {warm:?}");
    assert!(warm < cold);
    assert_eq!(first.digest(), second.digest());
    assert_eq!(first.infos().len(), second.infos().len());
    assert_eq!(first.imports(), second.imports());
    assert_eq!(source(&second, "Counts").poll(3, 1).unwrap().batch.count, 3);
}

#[test]
fn a_changed_cache_is_noticed_and_replaced() {
    let folder = tempfile::tempdir().unwrap();
    sandbox(folder.path(), Compiler::InProcess)
        .load(&GUEST)
        .unwrap();
    let file = compiled_file(folder.path());
    let written = fs::read(&file).unwrap();
    let mut changed = written.clone();
    let last = changed.len() - 5_000;
    changed[last] ^= 0x40;
    for bad in [changed.as_slice(), &written[..written.len() / 2], b""] {
        fs::write(&file, bad).unwrap();
        let plugin = sandbox(folder.path(), Compiler::InProcess)
            .load(&GUEST)
            .unwrap();
        assert_eq!(source(&plugin, "Counts").poll(3, 1).unwrap().batch.count, 3);
        assert_eq!(fs::read(&file).unwrap(), written);
    }
}

#[test]
fn a_child_that_fails_says_why_and_is_not_asked_again() {
    let folder = tempfile::tempdir().unwrap();
    let counter = folder.path().join("counter");
    let cache = folder.path().join("cache");
    let script = format!("echo x >> {}; echo too hard >&2; exit 1", counter.display());
    let failing = sandbox(
        &cache,
        Compiler::Command {
            program: "/bin/sh".into(),
            args: vec!["-c".into(), script.into()],
        },
    );
    for _ in 0..3 {
        let error = failing.load(&GUEST).err().unwrap();
        assert!(
            matches!(&error, SandboxError::Compile(why) if why == "too hard"),
            "{error}"
        );
    }
    assert_eq!(fs::read_to_string(&counter).unwrap(), "x\n");
}

#[test]
fn loading_at_the_same_time_compiles_once() {
    let folder = tempfile::tempdir().unwrap();
    let counter = folder.path().join("counter");
    let Compiler::Command { program, .. } = child() else {
        unreachable!();
    };
    let script = format!(
        "echo x >> {}; exec {}",
        counter.display(),
        program.display()
    );
    let sandbox = sandbox(
        &folder.path().join("cache"),
        Compiler::Command {
            program: "/bin/sh".into(),
            args: vec!["-c".into(), script.into()],
        },
    );
    let loads: Vec<_> = (0..8)
        .map(|_| {
            let sandbox = sandbox.clone();
            std::thread::spawn(move || sandbox.load(&GUEST).map(|plugin| plugin.digest()))
        })
        .collect();
    for load in loads {
        load.join().unwrap().unwrap();
    }
    assert_eq!(fs::read_to_string(&counter).unwrap(), "x\n");
}

#[test]
fn a_registry_finds_classes_and_reports_what_is_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let plugins = folder.path().join("plugins");
    fs::create_dir_all(plugins.join("sub/too-deep")).unwrap();
    fs::write(plugins.join("sub/good.wasm"), &*GUEST).unwrap();
    fs::write(plugins.join("copy.wasm"), &*GUEST).unwrap();
    fs::write(plugins.join("bad.wasm"), b"nonsense").unwrap();
    fs::write(plugins.join("sub/too-deep/deep.wasm"), b"nonsense").unwrap();
    fs::write(plugins.join("readme.txt"), b"nonsense").unwrap();
    let sandbox = sandbox_with(short_limits());
    let missing = folder.path().join("missing");
    let registry = Registry::open(&sandbox, &[plugins.clone(), missing.clone()]);
    assert_eq!(registry.entries().len(), 1);
    let problems: Vec<_> = registry.problems().iter().map(|(path, _)| path).collect();
    assert_eq!(problems, [&missing, &plugins.join("bad.wasm")]);
    for class in ["test.TrapsInPut", "TrapsInPut"] {
        let (_, info) = registry.find(Kind::Sink, class).unwrap();
        assert_eq!(info.class_name, "test.TrapsInPut");
        assert_eq!(info.version, "1.2.3");
        assert_eq!(info.documentation, "Misbehaves.\\nIn one way.");
        assert_eq!(info.definition.0[0].name, "path");
        assert!(!info.pure);
        assert_eq!(registry.find_connector(class).unwrap().1.kind, Kind::Sink);
    }
    let (listed, again) = (registry.list(), registry.list());
    assert!(
        Arc::ptr_eq(&listed[0].1, &again[0].1),
        "a list copies no definitions"
    );
    let unknown = registry.find(Kind::Predicate, "LoopInTest").err().unwrap();
    assert!(
        unknown.to_string().contains("test.LoopsInTest"),
        "{unknown}"
    );
    assert!(registry.find(Kind::Source, "TrapsInPut").is_err());
}
