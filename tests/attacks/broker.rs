//! A broker that holds garbage, or has no room.

use crate::support::{Broker, Place, lines, text, wait_for};

#[test]
fn a_worker_whose_offset_topic_holds_garbage_does_not_start_from_zero() {
    let mut place = Place::new(Broker::Embedded);
    std::fs::write(place.path("in"), "a line that is no offset\n").unwrap();
    place.file_source(&place.path("in"), "garbage");
    let output = place.run_until_idle();
    assert!(output.status.success(), "{}", text(&output));
    // The topic of lines becomes the topic of offsets.
    let worker = std::fs::read_to_string(place.path("worker.properties")).unwrap();
    let offsets = format!("offset.storage.topic={}", place.topic("offsets"));
    let garbage = format!("offset.storage.topic={}", place.topic("garbage"));
    assert!(worker.contains(&offsets));
    std::fs::write(
        place.path("worker.properties"),
        worker.replace(&offsets, &garbage),
    )
    .unwrap();
    std::fs::write(place.path("second"), "b\n").unwrap();
    place.forget_connectors();
    place.file_source(&place.path("second"), "lines");
    let output = place.run_until_idle();
    assert!(!output.status.success(), "{}", text(&output));
    let said = text(&output);
    assert!(said.contains(&place.topic("garbage")), "{said}");
    assert!(!said.contains("panicked"), "{said}");
    println!("{said}");
}

#[test]
fn a_full_disk_loses_nothing_that_was_taken() {
    const LINES: usize = 40_000;
    let mut place = Place::new(Broker::Embedded);
    let line = |number: usize| format!("{number:06} {}", "x".repeat(993));
    let all: Vec<_> = (0..LINES).map(line).collect();
    std::fs::write(place.path("in"), all.join("\n") + "\n").unwrap();
    place.file_source(&place.path("in"), "lines");
    // 40 MB through a log that can have no file of more than 16 MiB.
    let worker = place.start_with_files_of(16 << 20);
    let source = format!("{}-source", place.prefix);
    let rest = place.rest();
    let status = || rest.send("GET", &format!("/connectors/{source}/status"), None);
    wait_for(
        "what happens when the disk is full",
        || format!("{:?}\n{}", status(), place.log()),
        || status().1["tasks"][0]["state"] == "FAILED" || place.log().contains("WARN"),
    );
    println!("{}\n{}", status().1, place.log());
    // It still answers, and ends in order.
    assert_eq!(rest.send("GET", "/connectors", None).0, 200);
    let code = worker.stop().code();
    assert!(matches!(code, Some(0 | 1 | 3)), "{code:?}: {}", place.log());
    assert!(!place.log().contains("panicked"), "{}", place.log());
    // There is room again.
    place.file_sink(&place.path("out"), "lines", "");
    let output = place.run_until_idle();
    assert!(output.status.success(), "{}", text(&output));
    let mut out = lines(&place.path("out"));
    let delivered = out.len();
    out.dedup();
    out.sort_unstable();
    out.dedup();
    println!(
        "{delivered} lines of {LINES} were delivered, {} of them different",
        out.len()
    );
    assert_eq!(out, all);
}
