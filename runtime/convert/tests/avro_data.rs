//! The cases that were recorded with Confluent's `AvroData`, as the conformance test has them, without what that test needs
//! to be built. `TIDEGATE_AVRO_CASES` names another file of them; `TIDEGATE_AVRO_MESSAGES` has the messages of errors shown.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

#[path = "../../../tests/conformance/avro.rs"]
mod avro;
#[allow(dead_code, reason = "the conformance test uses the rest")]
#[path = "../../../tests/conformance/notation.rs"]
mod notation;
#[allow(dead_code, reason = "the conformance test uses the rest")]
#[path = "../../../tests/conformance/outcome.rs"]
mod outcome;

use serde_json::Value as Json;

#[test]
fn schemas_and_values_are_as_avro_data_has_them() {
    let own = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/conformance/avro-cases.jsonl"
    );
    let file = std::env::var("TIDEGATE_AVRO_CASES").unwrap_or(own.to_owned());
    let with_messages = std::env::var_os("TIDEGATE_AVRO_MESSAGES").is_some();
    let (mut same, mut different, mut failed) = (0, 0, 0);
    for line in std::fs::read_to_string(file).unwrap().lines() {
        let case: Json = serde_json::from_str(line).unwrap();
        let id = case["id"].as_str().unwrap();
        let outcome = match avro::run(&case) {
            Err(problem) if problem.starts_with(notation::MISFIT) => {
                different += 1;
                continue;
            }
            outcome => outcome.unwrap_or_else(|problem| panic!("{id} cannot be run: {problem}")),
        };
        if with_messages
            && let (Some(found), Some(wanted)) = (outcome.found.message(), outcome.wanted.message())
            && !found.contains(wanted)
        {
            println!("{id}: messages\n    found  {found}\n    wanted {wanted}");
        }
        match (outcome.difference(), avro::reason(&outcome)) {
            (None, _) => same += 1,
            (Some(_), Some(reason)) => {
                println!("{id}: different on purpose: {reason}");
                different += 1;
            }
            (Some(difference), None) => {
                println!("{id}: FAILED\n{difference}");
                failed += 1;
            }
        }
    }
    println!("{same} are the same, {different} different on purpose, {failed} failed");
    assert_eq!(failed, 0);
}
