//! Guests that loop, trap, overflow, hoard and flood: each ends alone, and its neighbours notice nothing.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

mod support;

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use support::*;
use tidegate_config::guest_limits::GuestLimits;
use tidegate_config::secrets::Secrets;
use tidegate_model::{ErrorClass, TopicName, TopicPartition};
use tidegate_sandbox::{Identity, SandboxError};

fn assert_deadline<T>(result: Result<T, SandboxError>, what: &str) {
    match result {
        Err(SandboxError::Deadline { limit_ms: 300, .. }) => {}
        Err(other) => panic!("{what}: {other}"),
        Ok(_) => panic!("{what} ended by itself"),
    }
}

fn partition() -> TopicPartition {
    TopicPartition {
        topic: TopicName::parse("orders").unwrap(),
        partition: 3,
    }
}

#[test]
fn an_endless_loop_in_any_export_ends_at_its_deadline() {
    let plugin = plugin();
    let none = config(&[]);
    let begun = Instant::now();
    assert_deadline(
        plugin.validate(&identity(), "test.LoopsInValidate", &none),
        "validate",
    );
    assert_deadline(
        plugin.source_connector_task_configs(
            &identity(),
            "test.LoopsInTaskConfigs",
            &none,
            1,
            None,
        ),
        "task-configs",
    );
    assert_deadline(new_source(&plugin, "LoopsInStart").start(&none), "start");
    assert_deadline(source(&plugin, "LoopsInPoll").poll(1, 1), "poll");
    assert_deadline(
        source(&plugin, "LoopsInCommit").commit(vec![], vec![]),
        "commit",
    );
    assert_deadline(source(&plugin, "LoopsInStop").stop(), "stop");
    assert_deadline(sink(&plugin, "LoopsInOpen").open(&[partition()]), "open");
    let put = sink(&plugin, "LoopsInPut").put(batch(&["a"]));
    assert_deadline(put.ended.map_or(Ok(()), Err), "put");
    assert_deadline(
        sink(&plugin, "LoopsInFlush").flush(&[(partition(), 1)]),
        "flush",
    );
    assert_deadline(sink(&plugin, "LoopsInClose").close(&[partition()]), "close");
    assert_deadline(
        plugin.transforms(&identity(), vec![step("LoopsInConfigure", &[])]),
        "configure",
    );
    assert_deadline(
        transform(&plugin, "LoopsInApply", &[]).apply(batch(&["a"])),
        "apply",
    );
    let mut predicate = plugin
        .predicate(&identity(), "test.LoopsInTest", &none)
        .unwrap();
    assert_deadline(predicate.test(&batch(&["a"])), "test");
    // Thirteen deadlines of 300 ms; anything near a minute would mean that they are not kept.
    assert!(
        begun.elapsed() < Duration::from_secs(30),
        "{:?}",
        begun.elapsed()
    );
}

#[test]
fn a_sleep_inside_the_host_ends_at_the_deadline() {
    let plugin = plugin();
    let begun = Instant::now();
    assert_deadline(source(&plugin, "SleepsInPoll").poll(1, 1), "poll");
    let mut starting = new_source(&plugin, "SleepsInStart");
    assert_deadline(starting.start(&config(&[])), "start");
    let mut committing = source(&plugin, "SleepsInCommit");
    assert_deadline(committing.commit(vec![], vec![]), "commit");
    let put = sink(&plugin, "SleepsForEverInPut").put(batch(&["a"]));
    assert_deadline(put.ended.map_or(Ok(()), Err), "put");
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_trap_in_any_export_ends_that_guest_alone() {
    fn assert_trap<T>(result: Result<T, SandboxError>, call: &str) {
        let error = result
            .err()
            .unwrap_or_else(|| panic!("{call} did not trap"));
        assert!(
            matches!(error, SandboxError::Trap { .. }),
            "{call}: {error}"
        );
        let text = error.to_string();
        assert!(text.starts_with(&format!("{call} trapped: ")), "{text}");
        assert!(text.contains("that panics"), "{text}");
    }
    let plugin = plugin();
    let none = config(&[]);
    let mut neighbour = source(&plugin, "Counts");
    let (identity, one) = (identity(), [(partition(), 1)]);
    let validated = plugin.validate(&identity, "test.TrapsInValidate", &none);
    assert_trap(validated, "validate");
    let class = "test.TrapsInTaskConfigs";
    let divided = plugin.source_connector_task_configs(&identity, class, &none, 1, None);
    assert_trap(divided, "task-configs");
    assert_trap(new_source(&plugin, "TrapsInStart").start(&none), "start");
    assert_trap(source(&plugin, "TrapsInPoll").poll(1, 1), "poll");
    let mut committing = source(&plugin, "TrapsInCommit");
    assert_trap(committing.commit(vec![], vec![]), "commit");
    assert_trap(source(&plugin, "TrapsInStop").stop(), "stop");
    assert_trap(sink(&plugin, "TrapsInOpen").open(&[partition()]), "open");
    let put = sink(&plugin, "TrapsInPut").put(batch(&["a"]));
    assert_trap(put.ended.map_or(Ok(()), Err), "put");
    assert_trap(sink(&plugin, "TrapsInFlush").flush(&one), "flush");
    assert_trap(sink(&plugin, "TrapsInClose").close(&[partition()]), "close");
    assert_trap(sink(&plugin, "TrapsInSinkStop").stop(), "stop");
    let class = "test.TrapsInAlterOffsets";
    let altered = plugin.alter_source_offsets(&identity, class, &none, &[]);
    assert_trap(altered, "alter-offsets");
    let class = "test.TrapsInSinkAlterOffsets";
    let altered = plugin.alter_sink_offsets(&identity, class, &none, &[(partition(), None)]);
    assert_trap(altered, "alter-offsets");
    let configured = plugin.transforms(&identity, vec![step("TrapsInConfigure", &[])]);
    assert_trap(configured, "configure");
    let mut always = transform(&plugin, "TrapsAlways", &[]);
    let applied = always.apply(batch(&["a"])).err().unwrap().to_string();
    assert!(applied.starts_with("apply trapped: "), "{applied}");
    let predicate = plugin.predicate(&identity, "test.TrapsInTest", &none);
    assert_trap(predicate.unwrap().test(&batch(&["a"])), "test");
    assert_eq!(neighbour.poll(3, 1).unwrap().batch.count, 3);
}

#[test]
fn a_text_that_is_none_and_a_record_of_a_gigabyte_end_the_guest() {
    let plugin = plugin();
    for (class, why) in [
        ("SaysNoText", "utf-8"),
        ("LogsNoText", "utf-8"),
        ("ClaimsGigabyte", "list pointer/length out of bounds"),
    ] {
        let mut hostile = source(&plugin, class);
        let error = hostile.poll(1, 1).unwrap_err();
        assert_eq!(error.class(), ErrorClass::GuestFault, "{class}: {error}");
        assert!(error.to_string().contains(why), "{class}: {error}");
        assert!(hostile.is_dead());
    }
}

#[test]
fn hostile_words_of_a_guest_are_one_safe_line() {
    let collected = Collected::default();
    let writer = collected.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let error = tracing::subscriber::with_default(subscriber, || {
        let mut source = source(&plugin(), "SaysHostileWords");
        source.poll(1, 1).unwrap_err().to_string()
    });
    let log = String::from_utf8(collected.0.lock().unwrap().clone()).unwrap();
    let safe = |line: &str| {
        let odd = |c: char| c.is_control() || c == '\u{202e}';
        assert!(!line.contains(odd), "{line:?}");
    };
    safe(&error);
    assert!(error.contains("\\u{1b}[31m"), "{error}");
    // Each of the log, standard output and standard error: a print is cut at its line break.
    assert!((3..=5).contains(&log.lines().count()), "{log}");
    for line in log.lines() {
        safe(line);
        assert!(line.contains("connector=\"tested\" task=0"), "{line}");
    }
}

#[test]
fn after_a_trap_every_call_says_how_the_guest_ended() {
    let plugin = plugin();
    let mut trapping = source(&plugin, "TrapsInPoll");
    let trap = trapping.poll(1, 1).unwrap_err();
    assert_eq!(trap.class(), ErrorClass::GuestFault);
    let text = trap.to_string();
    assert!(text.starts_with("poll trapped: "), "{text}");
    assert!(text.contains("unreachable"), "{text}");
    // What the guest said on standard error, made safe: its line break cannot fake a line of the log.
    assert!(text.contains("the poll that panics"), "{text}");
    assert_eq!(text.matches("the poll that panics").count(), 1, "{text}");
    // Our components have the names of their functions.
    assert!(text.contains("source@0.1.0#poll"), "{text}");
    let message = text.split("\n    ").next().unwrap();
    assert!(!message.contains('\n'), "{message}");
    assert!(trapping.is_dead());
    assert_eq!(trapping.memory_bytes(), 0);
    for error in [
        trapping.poll(1, 1).unwrap_err(),
        trapping.commit(vec![], vec![]).unwrap_err(),
        trapping.stop().unwrap_err(),
    ] {
        assert!(
            matches!(&error, SandboxError::Dead { first } if *first == text),
            "{error}"
        );
    }
    assert_eq!(source(&plugin, "Counts").poll(3, 1).unwrap().batch.count, 3);
}

#[test]
fn the_trace_of_a_component_without_names_is_one_line() {
    let mut stripped = GUEST.clone();
    for payload in wasmparser::Parser::new(0).parse_all(&GUEST) {
        if let wasmparser::Payload::CustomSection(section) = payload.unwrap()
            && section.name() == "name"
        {
            let end = section.data_offset();
            stripped[end - 4..end].copy_from_slice(b"none");
        }
    }
    let plugin = sandbox_with(short_limits()).load(&stripped).unwrap();
    let text = source(&plugin, "TrapsInPoll")
        .poll(1, 1)
        .unwrap_err()
        .to_string();
    let trace: Vec<&str> = text.lines().skip(1).collect();
    let [line] = trace.as_slice() else {
        panic!("{text}")
    };
    assert!(line.starts_with("    at 0x"), "{text}");
    assert!(
        line.ends_with("without the names of its functions"),
        "{text}"
    );
}

#[test]
fn an_exit_is_a_fault_and_not_ours() {
    let text = source(&plugin(), "ExitsInPoll")
        .poll(1, 1)
        .unwrap_err()
        .to_string();
    assert!(text.contains("exit code"), "{text}");
}

#[test]
fn a_thousand_stack_overflows_are_a_thousand_traps() {
    let plugin = plugin_with(GuestLimits {
        poll_ms: 5_000,
        start_ms: 5_000,
        ..GuestLimits::default()
    });
    for _ in 0..1_000 {
        let error = source(&plugin, "OverflowsStack").poll(1, 1).unwrap_err();
        assert!(
            error.to_string().contains("call stack exhausted"),
            "{error}"
        );
    }
    let error = source(&plugin, "OverflowsOwnStack").poll(1, 1).unwrap_err();
    assert!(error.to_string().contains("out of bounds"), "{error}");
    assert_eq!(source(&plugin, "Counts").poll(3, 1).unwrap().batch.count, 3);
}

#[test]
fn memory_ends_at_its_limit_and_comes_back() {
    let plugin = plugin_with(GuestLimits {
        memory_bytes_max: 16 * 1024 * 1024,
        poll_ms: 5_000,
        ..GuestLimits::default()
    });
    let mut hoarding = source(&plugin, "TakesMemory");
    // A guest that asks politely is refused politely and may go on.
    let error = hoarding.poll(1, 1).unwrap_err();
    let got: usize = error.to_string().parse().unwrap();
    assert!((8..16).contains(&got), "{got} MiB");
    assert!(hoarding.memory_bytes() <= 16 * 1024 * 1024);
    assert!(!hoarding.is_dead());
}

#[test]
fn a_guest_that_is_only_asked_has_less_memory() {
    let plugin = plugin_with(GuestLimits {
        memory_bytes_max: 64 * 1024 * 1024,
        validate_memory_bytes_max: 16 * 1024 * 1024,
        ..GuestLimits::default()
    });
    let problems = plugin.validate(&identity(), "test.TakesMemory", &config(&[]));
    let got: usize = problems.unwrap()[0].1.parse().unwrap();
    assert!((8..16).contains(&got), "{got} MiB");
}

#[test]
fn secrets_are_hidden_in_whatever_a_guest_says() {
    let plugin = plugin();
    let identity = Identity {
        secrets: Secrets::of(["canary-7"]),
        ..identity()
    };
    let given = config(&[("password", "canary-7"), ("say", "validate")]);
    let problems = plugin
        .validate(&identity, "test.TellsSecrets", &given)
        .unwrap();
    assert!(problems[0].1.contains("told [hidden]"), "{problems:?}");
    for say in ["start", "trap"] {
        let given = config(&[("password", "canary-7"), ("say", say)]);
        let source = plugin.source(
            &identity,
            "test.TellsSecrets",
            &Default::default(),
            Arc::new(NoOffsets),
        );
        let error = source.unwrap().start(&given).unwrap_err().to_string();
        assert!(
            error.contains("told [hidden]") && !error.contains("canary"),
            "{error}"
        );
    }
}

#[test]
fn a_guest_that_needs_more_memory_than_allowed_does_not_start() {
    let limits = GuestLimits {
        memory_bytes_max: 64 * 1024,
        ..GuestLimits::default()
    };
    // Describing needs memory too; from here on it is in the cache.
    drop(plugin_with(GuestLimits::default()));
    let plugin = plugin_with(limits);
    let error = plugin
        .sink(&identity(), "test.Takes", &Default::default())
        .err()
        .unwrap();
    assert!(
        error.to_string().contains("sandbox.memory.bytes.max"),
        "{error}"
    );
}

#[test]
fn more_bytes_than_allowed_are_refused_before_they_are_copied() {
    let plugin = plugin_with(GuestLimits::default());
    for class in ["HugeResult", "AliasedStrings"] {
        let mut source = source(&plugin, class);
        let error = source.poll(500, 1).unwrap_err();
        assert!(
            matches!(&error, SandboxError::Violation { message, .. } if message.contains("sandbox.call.bytes.max")),
            "{class}: {error}"
        );
        assert!(source.is_dead());
    }
}

/// Collects what is logged on this thread.
#[derive(Clone, Default)]
struct Collected(Arc<Mutex<Vec<u8>>>);

impl Write for Collected {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn floods_of_lines_are_dropped_and_cannot_fake_others() {
    let plugin = plugin_with(GuestLimits::default());
    for class in ["FloodsLog", "FloodsOutput"] {
        let collected = Collected::default();
        let writer = collected.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            let mut source = source(&plugin, class);
            let begun = Instant::now();
            assert_eq!(source.poll(3, 1).unwrap().batch.count, 3, "{class}");
            assert!(begun.elapsed() < Duration::from_secs(5), "{class}");
        });
        let log = collected.0.lock().unwrap();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<_> = log.lines().collect();
        // A burst, what a few seconds allow, and notes of what was dropped.
        assert!(
            (500..1_100).contains(&lines.len()),
            "{class}: {}",
            lines.len()
        );
        for line in lines {
            assert!(
                line.contains("connector=\"tested\" task=0"),
                "{class}: {line}"
            );
            assert!(line.len() < 4_400, "{class}: {}", line.len());
        }
    }
}

#[test]
fn messages_of_guests_are_cut_and_safe() {
    let plugin = plugin();
    let error = source(&plugin, "LongError").poll(1, 1).unwrap_err();
    assert_eq!(error.class(), ErrorClass::Data);
    let text = error.to_string();
    assert!(text.len() < 9_000 && !text.contains('\n'), "{}", text.len());
    let problems = plugin
        .validate(&identity(), "test.FindsManyProblems", &config(&[]))
        .unwrap();
    assert_eq!(problems.len(), 1_000);
    assert!(problems[0].1.contains("\\u{1b}"));
}

#[test]
fn loops_at_once_do_not_stop_a_neighbour() {
    let plugin = plugin();
    let loops: Vec<_> = (0..8)
        .map(|_| {
            let plugin = plugin.clone();
            std::thread::spawn(move || {
                assert_deadline(source(&plugin, "LoopsInPoll").poll(1, 1), "poll");
            })
        })
        .collect();
    let mut healthy = source(&plugin, "Counts");
    while !loops.iter().all(std::thread::JoinHandle::is_finished) {
        assert_eq!(healthy.poll(3, 1).unwrap().batch.count, 3);
    }
    for ended in loops {
        ended.join().unwrap();
    }
}
