//! The source, driven as the worker drives it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what it expects by failing"
)]

use tidegate_datagen::DatagenSource;
use tidegate_datagen::source::{CLASS, DatagenTask};
use tidegate_sdk::model::Value;
use tidegate_sdk::testing::{SourceDriver, pairs};
use tidegate_sdk::{Committed, PluginSet, Record, SourceRecord};

fn start(more: &[(&str, &str)], position: Option<i64>) -> SourceDriver<DatagenTask> {
    let mut config = vec![("topic", "t")];
    config.extend(more);
    let committed = position.map(|position| Committed {
        partition: Value::Map(vec![("topic".into(), "t".into())]),
        offset: Value::Map(vec![("position".into(), position.into())]),
    });
    SourceDriver::start::<DatagenSource>(&config, committed.into_iter().collect()).unwrap()
}

fn contents(records: Vec<SourceRecord>) -> Vec<(Value, Value, Value)> {
    let content = |found: SourceRecord| {
        let Record { key, value, .. } = found.record;
        (found.source_offset, key, value)
    };
    records.into_iter().map(content).collect()
}

#[test]
fn a_seed_and_a_position_make_the_same_records() {
    let all = contents(start(&[("seed", "7")], None).poll(20).unwrap());
    let rest = contents(start(&[("seed", "7")], Some(12)).poll(8).unwrap());
    assert_eq!(all[12..], rest);
    let others = contents(start(&[("seed", "8")], None).poll(20).unwrap());
    assert_ne!(all, others);
}

#[test]
fn no_more_than_records_max_are_made_over_all_restarts() {
    let config = [("records.max", "5")];
    let mut task = start(&config, Some(2));
    assert_eq!(task.poll(100).unwrap().len(), 3);
    assert_eq!(task.poll(100).unwrap().len(), 0);
    let position = Value::Map(vec![("position".into(), 3_i64.into())]);
    assert_eq!(
        start(&config, Some(2)).poll(1).unwrap()[0].source_offset,
        position
    );
}

#[test]
fn a_rate_is_kept_and_the_wait_is_said() {
    let mut task = start(&[("rate", "0.001")], None);
    let polled = task.poll_columns(100, 1_000_000).unwrap();
    assert_eq!((polled.batch.count, polled.wait_ms), (0, 60_000));
}

#[test]
fn maps_and_structs_hold_the_same() {
    for quickstart in ["orders", "users"] {
        let plain = start(&[("quickstart", quickstart)], None).poll(50).unwrap();
        let config = [("quickstart", quickstart), ("schema.enable", "true")];
        let typed = start(&config, None).poll(50).unwrap();
        for (plain, typed) in plain.iter().zip(&typed) {
            let schema = typed.record.value_schema.as_deref().unwrap();
            assert_eq!(plain.record.key, typed.record.key);
            for field in schema.fields() {
                let (plain, typed) = (
                    plain.record.field(&field.name),
                    typed.record.field(&field.name),
                );
                if field.name != "address" {
                    assert!(plain.is_some());
                    assert_eq!(plain, typed);
                }
            }
        }
    }
}

#[test]
fn a_rate_that_cannot_be_is_refused() {
    let plugins = tidegate_datagen::ComponentPlugins::plugins();
    let issues = plugins.validate(CLASS, pairs(&[("topic", "t"), ("rate", "-1")]));
    assert_eq!(issues.len(), 1);
    assert_eq!(issues[0].key, "rate");
    assert_eq!(plugins.validate(CLASS, pairs(&[("topic", "t")])), []);
}
