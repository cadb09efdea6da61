//! A guest that breaks ends alone: its task is FAILED with a trace, the worker and its neighbours go on.

use crate::guests::add_guests;
use crate::support::{Broker, Place, append, lines, wait_for};

#[test]
fn a_trap_fails_its_task_and_no_other() {
    let mut place = Place::new(Broker::Embedded);
    add_guests(&place, &["tidegate-test-guests"]);
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
    assert_eq!(worker.stop().code(), Some(1), "{}", place.log());
}

#[test]
fn an_endless_loop_ends_at_its_deadline_and_neighbours_go_on() {
    let mut place = Place::new(Broker::Embedded);
    add_guests(&place, &["tidegate-test-guests"]);
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
    assert_eq!(worker.stop().code(), Some(1), "{}", place.log());
}

/// How often the worker says that it started a task anew.
fn restarts(place: &Place) -> usize {
    place.log().matches("The task is started anew.").count()
}

#[test]
fn a_task_whose_guest_faults_is_started_anew_until_it_was_too_often() {
    let mut place = Place::new(Broker::Embedded);
    add_guests(&place, &["tidegate-test-guests"]);
    place.add_worker_key("sandbox.restarts.max=2\nsandbox.restarts.backoff.ms=300");
    place.connector("trap", "connector.class=test.TrapsInPoll");
    let worker = place.start();
    let (rest, name) = (place.rest(), format!("{}-trap", place.prefix));
    let status = rest.wait_for_task(&name, "RESTARTING");
    let trace = status["tasks"][0]["trace"].as_str().unwrap();
    assert!(trace.contains("unreachable"), "{trace}");
    let status = rest.wait_for_task(&name, "FAILED");
    assert!(status["tasks"][0]["trace"].is_string(), "{status}");
    assert_eq!(restarts(&place), 2, "{}", place.log());
    assert_eq!(worker.stop().code(), Some(1), "{}", place.log());
}

#[test]
fn a_task_that_works_again_runs() {
    let mut place = Place::new(Broker::Embedded);
    add_guests(&place, &["tidegate-test-guests"]);
    place.add_worker_key("sandbox.restarts.max=1000\nsandbox.restarts.backoff.ms=50\nsandbox.restarts.backoff.max.ms=50");
    let (folder, file) = (place.path("folder"), place.path("folder/there"));
    std::fs::create_dir(&folder).unwrap();
    let lines = format!(
        "connector.class=test.TrapsWithoutFile\npath={}\nsandbox.read={}",
        file.display(),
        folder.display()
    );
    place.connector("trap", &lines);
    let worker = place.start();
    let (rest, name) = (place.rest(), format!("{}-trap", place.prefix));
    wait_for("restarts", || place.log(), || restarts(&place) > 2);
    rest.wait_for_task(&name, "RESTARTING");
    std::fs::write(&file, "").unwrap();
    rest.wait_for_task(&name, "RUNNING");
    assert!(worker.stop().success(), "{}", place.log());
}
