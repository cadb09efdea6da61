//! A guest that breaks ends alone: its task is FAILED with a trace, the worker and its neighbours go on.

use std::process::Command;

use crate::support::{Broker, Place, append, lines, root, wait_for};

/// Puts the misbehaving component of `tests/guests` among the plugins of a place.
fn add_misbehaving_plugins(place: &Place) {
    let built = Command::new(env!("CARGO"))
        .args([
            "build",
            "--quiet",
            "--profile",
            "guest",
            "--target",
            "wasm32-wasip2",
            "-p",
            "tidegate-test-guests",
        ])
        .current_dir(root())
        .status()
        .unwrap();
    assert!(built.success());
    let target = std::env::current_exe().unwrap();
    let component = target
        .ancestors()
        .nth(3)
        .unwrap()
        .join("wasm32-wasip2/guest/tidegate_test_guests.wasm");
    let folder = place.path("plugins");
    std::fs::create_dir(&folder).unwrap();
    std::fs::copy(component, folder.join("misdeeds.wasm")).unwrap();
    place.add_worker_key(&format!(
        "plugin.path={},{}",
        crate::support::plugins().display(),
        folder.display()
    ));
}

#[test]
fn a_trap_fails_its_task_and_no_other() {
    let mut place = Place::new(Broker::Embedded);
    add_misbehaving_plugins(&place);
    std::fs::write(place.path("in"), "a\n").unwrap();
    place.file_source(&place.path("in"), "lines");
    place.file_sink(&place.path("out"), "lines", "");
    place.connector("trap", "connector.class=test.TrapsInPoll");
    let worker = place.start();
    let status = place
        .rest()
        .wait_for_task(&format!("{}-trap", place.prefix), "FAILED");
    let trace = status["tasks"][0]["trace"].as_str().unwrap();
    assert!(trace.starts_with("TASK_POLL"), "{trace}");
    assert!(trace.contains("unreachable"), "{trace}");
    wait_for(
        "the neighbour's line",
        || place.log(),
        || lines(&place.path("out")) == ["a"],
    );
    append(&place.path("in"), "b\n");
    wait_for(
        "the neighbour's next line",
        || place.log(),
        || lines(&place.path("out")) == ["a", "b"],
    );
    assert!(worker.stop().success(), "{}", place.log());
}

#[test]
fn an_endless_loop_ends_at_its_deadline_and_neighbours_go_on() {
    let mut place = Place::new(Broker::Embedded);
    add_misbehaving_plugins(&place);
    place.add_worker_key("sandbox.poll.ms.max=500");
    std::fs::write(place.path("in"), "a\n").unwrap();
    place.file_source(&place.path("in"), "lines");
    place.file_sink(&place.path("out"), "lines", "");
    place.connector("loop", "connector.class=test.LoopsInPoll");
    let worker = place.start();
    wait_for(
        "the neighbour's line",
        || place.log(),
        || lines(&place.path("out")) == ["a"],
    );
    let status = place
        .rest()
        .wait_for_task(&format!("{}-loop", place.prefix), "FAILED");
    let trace = status["tasks"][0]["trace"].as_str().unwrap();
    assert!(trace.contains("500 ms"), "{trace}");
    assert!(worker.stop().success(), "{}", place.log());
}
