//! Runs the recorded cases of Kafka Connect's own transforms and predicates
//! (`tests/conformance/smt-cases.jsonl`) against those of this component.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what it expects by failing"
)]

mod cases;

use cases::{Case, Expect};
use tidegate_sdk::model::Value;
use tidegate_sdk::testing::{apply_chain, pairs, test};
use tidegate_sdk::{Chain, ErrorKind, PluginSet, Record, Step};
use tidegate_transforms::ComponentPlugins;

/// Transforms that this component does not have; their cases are passed over.
const MISSING: &[&str] = &[
    "Cast$Key",
    "Cast$Value",
    "Flatten$Value",
    "HoistField$Key",
    "HoistField$Value",
    "MaskField$Value",
    "SetSchemaMetadata$Key",
    "SetSchemaMetadata$Value",
];

/// Cases that are passed over, each with its reason.
const SKIPPED: &[(&str, &str)] = &[
    (
        "RegexRouter-008",
        "a replacement with a group that the pattern lacks is refused when configured, not at the first record",
    ),
    (
        "TimestampRouter-006",
        "a timestamp of -1 is none, as it is for Kafka's producers and consumers",
    ),
];

#[test]
fn recorded_cases_come_out_as_in_kafka_connect() {
    let mut failed = Vec::new();
    let mut run = 0;
    for case in cases::of(|smt| !MISSING.contains(&smt)) {
        if SKIPPED.iter().any(|(id, _)| *id == case.id) {
            continue;
        }
        run += 1;
        if let Err(reason) = check(&case) {
            failed.push(format!("{} ({}): {reason}", case.id, case.smt));
        }
    }
    assert!(
        failed.is_empty(),
        "{} of {run} cases:\n{}",
        failed.len(),
        failed.join("\n")
    );
    assert_eq!(run, 223, "cases were lost");
}

#[test]
fn missing_transforms_are_really_missing() {
    let plugins = ComponentPlugins::plugins();
    for name in MISSING {
        let class = format!("org.apache.kafka.connect.transforms.{name}");
        let known = plugins
            .descriptions()
            .any(|(_, description)| description.class_name == class);
        assert!(!known, "{name} exists: take it off the list");
    }
}

fn check(case: &Case) -> Result<(), String> {
    let plugins = ComponentPlugins::plugins();
    let class_name = format!("org.apache.kafka.connect.transforms.{}", case.smt);
    let config: Vec<(&str, &str)> = case
        .config
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect();
    if case.smt.starts_with("predicates.") {
        let predicate = plugins.predicate(&class_name, pairs(&config));
        return match (&case.expect, predicate) {
            (Expect::ConfigError, Err(error)) => is_kind(error.kind(), ErrorKind::Config),
            (Expect::Matches(wanted), Ok(mut predicate)) => {
                let record = case.input.clone().ok_or("no input")?;
                let found = test(predicate.as_mut(), &record).map_err(|e| e.to_string())?;
                same(&found, wanted)
            }
            (expect, found) => Err(format!("wanted {expect:?}, found {:?}", found.err())),
        };
    }
    let step = Step {
        class_name,
        config: pairs(&config),
        condition: None,
    };
    let chain = Chain::configure(&plugins, vec![step]);
    let mut chain = match (&case.expect, chain) {
        (Expect::ConfigError, Err(error)) => return is_kind(error.kind(), ErrorKind::Config),
        (Expect::ConfigOk, Ok(_)) => return Ok(()),
        (expect, Err(error)) => return Err(format!("wanted {expect:?}, found {error}")),
        (Expect::ConfigError, Ok(_)) => return Err("wanted a config error".to_owned()),
        (_, Ok(chain)) => chain,
    };
    let record = case.input.clone().ok_or("no input")?;
    match (&case.expect, apply_chain(&mut chain, &record)) {
        (Expect::ApplyError, Err(error)) => is_kind(error.kind(), ErrorKind::Data),
        (Expect::Dropped, Ok(outputs)) => same(&outputs.len(), &0),
        (Expect::Record(wanted), Ok(outputs)) => {
            let [found] = outputs.as_slice() else {
                return Err(format!("{} outputs", outputs.len()));
            };
            same(&unordered(found), &unordered(wanted))
        }
        (expect, found) => Err(format!("wanted {expect:?}, found {found:?}")),
    }
}

fn is_kind(found: ErrorKind, wanted: ErrorKind) -> Result<(), String> {
    same(&found, &wanted)
}

fn same<T: PartialEq + std::fmt::Debug>(found: &T, wanted: &T) -> Result<(), String> {
    if found == wanted {
        Ok(())
    } else {
        Err(format!("\n  found  {found:?}\n  wanted {wanted:?}"))
    }
}

/// The record with its maps sorted: they compare without order. Offsets are not recorded.
fn unordered(record: &Record) -> Record {
    let mut record = record.clone();
    record.offset = None;
    sort(&mut record.key);
    sort(&mut record.value);
    record
}

fn sort(value: &mut Value) {
    match value {
        Value::Map(entries) => {
            entries.iter_mut().for_each(|(_, value)| sort(value));
            entries.sort_by_key(|(key, _)| key.to_encoded());
        }
        Value::Array(values) | Value::Struct(values) => values.iter_mut().for_each(sort),
        _ => {}
    }
}
