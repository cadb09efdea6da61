//! A recorded conversation with Apache Kafka Connect's REST API, replayed against the program: status codes, shapes
//! of answers, and the values that a step names. Each answer is held against the description of the API too.
//!
//! `rest-golden.jsonl` was recorded of a distributed worker, `rest-golden-standalone.jsonl` of a standalone one. Where
//! this worker answers otherwise, [`differences`] says so with a reason, and `docs/differences.md` tells the user. A
//! difference that is not there any more fails the test too.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod client;
mod compare;
mod conversation;
mod differences;
mod load;
mod openapi;
#[path = "../pipeline/support.rs"]
#[allow(dead_code, reason = "other tests need the rest of it")]
mod support;

use conversation::{Conversation, Step, steps};
use differences::Difference;
use openapi::Description;

/// Replays a recording. The steps that differ, and those that do not although they are said to.
fn replay(recording: &str, differences: &[Difference]) -> (usize, Vec<String>) {
    let conversation = Conversation::start();
    let description = Description::new(conversation.get("/openapi.json").body);
    let (mut passed, mut wrong) = (0, Vec::new());
    for step in steps(recording) {
        let known = differences.iter().find(|known| known.step == step.name);
        let (answer, faults) = conversation.play(&step, known.is_some());
        let undescribed = description.faults(&step.method, &step.path, answer.status, &answer.body);
        if !undescribed.is_empty() {
            wrong.push(said(&step, &undescribed.join("; ")));
        }
        match (known, faults.is_empty()) {
            (None, true) => passed += 1,
            (None, false) => wrong.push(said(&step, &faults.join("; "))),
            (Some(known), false) if known.status == answer.status => {
                println!("{}: {} here: {}", step.name, known.status, known.reason);
            }
            (Some(known), false) => {
                let status = answer.status;
                wrong.push(said(
                    &step,
                    &format!("{} was wanted, {status} found", known.status),
                ));
            }
            (Some(_), true) => wrong.push(said(&step, "it agrees, and is said to differ")),
        }
    }
    println!(
        "{passed} passed, {} deliberate differences, {} wrong",
        differences.len(),
        wrong.len()
    );
    (passed, wrong)
}

fn said(step: &Step, what: &str) -> String {
    format!("{} ({} {}): {what}", step.name, step.method, step.path)
}

#[test]
fn a_distributed_workers_conversation_is_answered_as_kafka_connect_does() {
    let recording = include_str!("rest-golden.jsonl");
    let (passed, wrong) = replay(recording, differences::DISTRIBUTED);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(passed + differences::DISTRIBUTED.len(), 172);
}

#[test]
fn a_standalone_workers_conversation_is_answered_as_kafka_connect_does() {
    let recording = include_str!("rest-golden-standalone.jsonl");
    let differences: Vec<_> = differences::DISTRIBUTED
        .iter()
        .chain(differences::STANDALONE)
        .copied()
        .collect();
    let (passed, wrong) = replay(recording, &differences);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(passed + differences.len(), 172);
}

#[test]
fn every_difference_is_told_to_the_user() {
    let page = std::fs::read_to_string(support::root().join("docs/differences.md")).unwrap();
    for known in differences::DISTRIBUTED
        .iter()
        .chain(differences::STANDALONE)
    {
        assert!(
            page.contains(known.told),
            "docs/differences.md does not say {:?}, for {}",
            known.told,
            known.step
        );
    }
}
