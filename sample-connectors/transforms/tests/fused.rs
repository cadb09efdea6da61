//! Transforms of maps in one pass make of each record what they make of it one after another, its errors included.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what it expects by failing"
)]

use proptest::prelude::*;
use tidegate_sdk::model::{Batch, Value};
use tidegate_sdk::record::batch_of;
use tidegate_sdk::testing::pairs;
use tidegate_sdk::{Chain, PluginSet, Record, Step, StepCondition, records};
use tidegate_transforms::ComponentPlugins;

type Config = Vec<(&'static str, String)>;

/// Steps that always apply; `apart`: each under a condition that always holds, which keeps neighbours apart.
fn chain(steps: &[(&'static str, Config)], apart: bool) -> Chain {
    let always = |prefix: &str| StepCondition {
        class_name: format!("{prefix}predicates.HasHeaderKey"),
        config: pairs(&[("name", "no such header")]),
        negate: true,
    };
    let prefix = "org.apache.kafka.connect.transforms.";
    let step = |(class, config): &(&str, Config)| {
        let config: Vec<_> = config.iter().map(|(key, value)| (*key, &**value)).collect();
        Step {
            class_name: format!("{prefix}{class}$Value"),
            config: pairs(&config),
            condition: apart.then(|| always(prefix)),
        }
    };
    Chain::configure(
        &ComponentPlugins::plugins(),
        steps.iter().map(step).collect(),
    )
    .unwrap()
}

/// What became of records: the values, the errors with their steps, and how many each step had.
fn outcome(chain: &mut Chain, given: Batch) -> [String; 3] {
    let done = chain.apply(given).unwrap();
    done.batch.check().unwrap();
    let values: Vec<_> = records(&done.batch)
        .map(|record| record.unwrap().value)
        .collect();
    let counts: Vec<_> = done
        .steps
        .iter()
        .map(|step| (step.records, step.dropped))
        .collect();
    let inputs: Vec<u32> = match done.inputs {
        Some(inputs) => inputs,
        None => (0..).take(done.batch.count).collect(),
    };
    [
        format!("{values:?} of {inputs:?}"),
        format!("{:?}", done.errors),
        format!("{counts:?}"),
    ]
}

fn name() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "c", "d", "a longer name of a field", ""])
        .prop_map(str::to_owned)
}

fn names() -> impl Strategy<Value = String> {
    prop::collection::vec(name(), 1..4).prop_map(|names| {
        let names: Vec<_> = names.into_iter().filter(|name| !name.is_empty()).collect();
        if names.is_empty() {
            "a".to_owned()
        } else {
            names.join(",")
        }
    })
}

fn step() -> impl Strategy<Value = (&'static str, Config)> {
    let source = prop::sample::select(vec![
        "topic.field",
        "partition.field",
        "offset.field",
        "timestamp.field",
        "static.field",
    ]);
    let kind = prop::sample::select(vec!["int8", "int64", "float64", "boolean", "string"]);
    prop_oneof![
        prop::collection::vec((source, name()), 1..4).prop_map(|fields| {
            let mut config: Config = fields;
            config.push(("static.value", "fixed".to_owned()));
            config.sort();
            config.dedup_by_key(|(key, _)| *key);
            ("InsertField", config)
        }),
        names().prop_map(|names| ("ReplaceField", vec![("exclude", names)])),
        names().prop_map(|names| ("ReplaceField", vec![("include", names)])),
        prop::collection::vec((name(), name()), 1..4).prop_map(|renames| {
            let renames = renames.iter().filter(|(_, to)| !to.is_empty());
            let renames: Vec<_> = renames.map(|(from, to)| format!("{from}:{to}")).collect();
            ("ReplaceField", vec![("renames", renames.join(","))])
        }),
        names().prop_map(|names| ("MaskField", vec![("fields", names)])),
        (names(), "[a-z]{1,3}|[0-9]{1,3}").prop_map(|(names, replacement)| {
            (
                "MaskField",
                vec![("fields", names), ("replacement", replacement)],
            )
        }),
        (names(), kind).prop_map(|(names, kind)| {
            let spec: Vec<_> = names
                .split(',')
                .map(|name| format!("{name}:{kind}"))
                .collect();
            ("Cast", vec![("spec", spec.join(","))])
        }),
        name().prop_map(|name| ("HoistField", vec![("field", format!("{name}x"))])),
        (name(), prop::sample::select(vec!["unix", "string"])).prop_map(|(name, target)| {
            let name = if name.is_empty() {
                "a".to_owned()
            } else {
                name
            };
            let format = ("format", "yyyy-MM-dd".to_owned());
            let config = vec![("field", name), ("target.type", target.to_owned()), format];
            ("TimestampConverter", config)
        }),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        3 => (0..300_i64).prop_map(Value::Int64),
        1 => Just(Value::Null),
        1 => any::<f64>().prop_map(Value::Float64),
        1 => any::<bool>().prop_map(Value::Boolean),
        2 => "[a-c]{0,3}|[0-9]{1,4}|2024-0[1-9]-1[0-9]".prop_map(Value::from),
        1 => prop::collection::vec(any::<u8>(), 0..4).prop_map(Value::Bytes),
        1 => Just(Value::Array(vec![1.into()])),
        1 => Just(Value::Map(vec![("a".into(), 1.into())])),
        1 => any::<i32>().prop_map(|number| Value::Decimal { scale: 2, unscaled: number.to_be_bytes().to_vec() }),
        1 => any::<i64>().prop_map(Value::Timestamp),
    ]
}

/// Records of few orders of keys, as those of a topic are, and some that are no maps or have a key twice.
fn given() -> impl Strategy<Value = Vec<Record>> {
    let layouts = prop::collection::vec(prop::collection::vec(name(), 0..6), 1..4);
    let record = (
        any::<prop::sample::Index>(),
        prop::collection::vec(value(), 6),
        0..20,
        any::<[bool; 3]>(),
    );
    (layouts, prop::collection::vec(record, 1..40)).prop_map(|(layouts, given)| {
        let record =
            |(layout, values, odd, known): (prop::sample::Index, Vec<Value>, i32, [bool; 3])| {
                let keys = layout
                    .get(&layouts)
                    .iter()
                    .map(|key| Value::from(key.as_str()));
                let value = match odd {
                    0 => Value::Null,
                    1 => "no map".into(),
                    2 => Value::Map(vec![(Value::Int8(1), "one".into())]),
                    _ => Value::Map(keys.zip(values).collect()),
                };
                Record {
                    partition: known[0].then_some(3),
                    offset: known[1].then_some(70),
                    timestamp: known[2].then_some(1_700_000_000_000),
                    ..Record::new("topic", value)
                }
            };
        given.into_iter().map(record).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn one_pass_is_one_after_another(
        steps in prop::collection::vec(step(), 1..6),
        batches in prop::collection::vec(given(), 1..4),
    ) {
        let (mut fused, mut apart) = (chain(&steps, false), chain(&steps, true));
        for given in &batches {
            let wanted = outcome(&mut apart, batch_of(given));
            let mut shaped = batch_of(given);
            shaped.shape_maps();
            prop_assert_eq!(&outcome(&mut fused, shaped.clone()), &wanted);
            prop_assert_eq!(&outcome(&mut fused, batch_of(given)), &wanted);
            prop_assert_eq!(&outcome(&mut apart, shaped), &wanted);
        }
    }
}

#[test]
fn records_that_are_alike_are_done_in_one_pass_and_counted() {
    let steps: [(&str, Config); 2] = [
        ("MaskField", vec![("fields", "b".to_owned())]),
        ("Cast", vec![("spec", "a:int8".to_owned())]),
    ];
    let record = |a: &str| {
        let value = Value::Map(vec![("a".into(), a.into()), ("b".into(), 7.into())]);
        Record::new("topic", value)
    };
    let given: Vec<Record> = (0..100)
        .map(|number| record(if number == 50 { "bad" } else { "12" }))
        .collect();
    let [values, errors, counts] = outcome(&mut chain(&steps, false), batch_of(&given));
    assert_eq!(values.matches("Int8(12)").count(), 99);
    assert!(errors.contains("index: 50, step: 1"), "{errors}");
    assert_eq!(counts, "[(100, 0), (100, 0)]");
}

#[test]
fn a_record_that_is_too_large_between_two_transforms_fails_there() {
    let steps: [(&str, Config); 2] = [
        ("Cast", vec![("spec", "a:string".to_owned())]),
        ("MaskField", vec![("fields", "a".to_owned())]),
    ];
    let bytes = Value::Bytes(vec![0; 900_000]);
    let given = [Record::new("topic", Value::Map(vec![("a".into(), bytes)]))];
    let found = outcome(&mut chain(&steps, false), batch_of(&given));
    assert_eq!(found, outcome(&mut chain(&steps, true), batch_of(&given)));
    assert!(found[1].contains("step: 0"), "{}", found[1]);
}
