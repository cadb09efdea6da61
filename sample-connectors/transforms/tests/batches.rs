//! Batches of many records: schemas that records share, failures among others, and chains.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what it expects by failing"
)]

use std::sync::Arc;

use tidegate_sdk::model::{Field, Schema, SchemaType, Value};
use tidegate_sdk::record::batch_of;
use tidegate_sdk::testing::pairs;
use tidegate_sdk::transform_batch::Transformed;
use tidegate_sdk::{Chain, ErrorKind, PluginSet, Reads, Record, Step, StepCondition, records};
use tidegate_transforms::ComponentPlugins;

fn step(class: &str, config: &[(&str, &str)]) -> Step {
    Step {
        class_name: format!("org.apache.kafka.connect.transforms.{class}"),
        config: pairs(config),
        condition: None,
    }
}

fn when(step: Step, predicate: &str, config: &[(&str, &str)], negate: bool) -> Step {
    let condition = StepCondition {
        class_name: format!("org.apache.kafka.connect.transforms.predicates.{predicate}"),
        config: pairs(config),
        negate,
    };
    Step {
        condition: Some(condition),
        ..step
    }
}

fn chain(steps: Vec<Step>) -> Chain {
    Chain::configure(&ComponentPlugins::plugins(), steps).unwrap()
}

fn run(chain: &mut Chain, given: &[Record]) -> (Transformed, Vec<Record>) {
    let done = chain.apply(batch_of(given)).unwrap();
    done.batch.check().unwrap();
    let outputs = records(&done.batch).map(Result::unwrap).collect();
    (done, outputs)
}

fn schema(fields: &[&str]) -> Arc<Schema> {
    let field = |name: &&str| Field {
        name: (*name).to_owned(),
        schema: Arc::new(Schema::new(SchemaType::Int32)),
    };
    Arc::new(Schema::new(SchemaType::Struct(
        fields.iter().map(field).collect(),
    )))
}

fn structure(schema: &Arc<Schema>, values: &[i32]) -> Record {
    let values = values.iter().map(|value| Value::Int32(*value)).collect();
    Record {
        value_schema: Some(Arc::clone(schema)),
        ..Record::new("t", Value::Struct(values))
    }
}

fn map(entries: &[(&str, i32)]) -> Record {
    let entry = |(key, value): &(&str, i32)| ((*key).into(), Value::Int32(*value));
    Record::new("t", Value::Map(entries.iter().map(entry).collect()))
}

fn names(record: &Record) -> Vec<String> {
    let schema = record.value_schema.as_deref().unwrap();
    schema
        .fields()
        .iter()
        .map(|field| field.name.clone())
        .collect()
}

#[test]
fn records_of_several_schemas_and_of_none_share_a_batch() {
    let (one, two) = (schema(&["a"]), schema(&["a", "b"]));
    let given = [
        structure(&one, &[1]),
        structure(&two, &[2, 3]),
        map(&[("a", 4)]),
        Record::new("t", Value::Null),
        structure(&one, &[5]),
        Record::new("t", "no struct"),
        structure(&two, &[6, 7]),
    ];
    let mut insert = chain(vec![step("InsertField$Value", &[("topic.field", "topic")])]);
    // Twice: what was worked out for a schema holds in the next batch, whose numbers differ.
    for given in [&given[..], &given[1..]] {
        let (done, outputs) = run(&mut insert, given);
        let offset = given.len() - 2;
        assert_eq!(done.errors.len(), 1);
        assert_eq!(done.errors[0].index as usize, offset);
        assert_eq!(done.errors[0].error.kind(), ErrorKind::Data);
        assert_eq!(done.batch.schemas.len() - done.schemas_given, 2);
        assert!(done.changed.values && !done.changed.keys && !done.changed.topics);
        let last = outputs.last().unwrap();
        assert_eq!(names(last), ["a", "b", "topic"]);
        assert_eq!(
            last.value,
            Value::Struct(vec![6.into(), 7.into(), "t".into()])
        );
        let first = given
            .iter()
            .position(|record| record.value == Value::Null)
            .unwrap();
        assert_eq!(outputs[first].value, Value::Null);
        assert_eq!(outputs[first - 1].field("topic"), Some(&"t".into()));
        assert_eq!(names(&outputs[first + 1]), ["a", "topic"]);
    }
}

#[test]
fn an_inserted_field_replaces_one_of_the_same_name_in_a_map() {
    let mut insert = chain(vec![step(
        "InsertField$Value",
        &[
            ("static.field", "a"),
            ("static.value", "x"),
            ("timestamp.field", "b"),
        ],
    )]);
    let (_, outputs) = run(&mut insert, &[map(&[("a", 1), ("b", 2), ("c", 3)])]);
    // Without a timestamp the field that stands in its place stays.
    let wanted = vec![
        ("b".into(), 2.into()),
        ("c".into(), 3.into()),
        ("a".into(), "x".into()),
    ];
    assert_eq!(outputs[0].value, Value::Map(wanted));
}

#[test]
fn a_source_record_has_no_offset_to_insert() {
    let mut insert = chain(vec![step("InsertField$Value", &[("offset.field", "o")])]);
    let (done, outputs) = run(
        &mut insert,
        &[
            map(&[]),
            Record {
                offset: Some(3),
                ..map(&[])
            },
        ],
    );
    assert_eq!((done.errors.len(), done.inputs), (1, Some(vec![1])));
    assert_eq!(outputs[0].field("o"), Some(&Value::Int64(3)));
}

#[test]
fn renames_may_swap_and_the_later_of_one_name_stays() {
    let mut swap = chain(vec![step("ReplaceField$Value", &[("renames", "a:b,b:a")])]);
    let (_, outputs) = run(&mut swap, &[map(&[("a", 1), ("b", 2), ("c", 3)])]);
    let wanted = vec![
        ("b".into(), 1.into()),
        ("a".into(), 2.into()),
        ("c".into(), 3.into()),
    ];
    assert_eq!(outputs[0].value, Value::Map(wanted));

    let mut merge = chain(vec![step("ReplaceField$Value", &[("renames", "a:b")])]);
    let given = [
        map(&[("a", 1), ("b", 2)]),
        structure(&schema(&["a", "b"]), &[1, 2]),
    ];
    let (done, outputs) = run(&mut merge, &given);
    assert_eq!(outputs[0].value, Value::Map(vec![("b".into(), 2.into())]));
    assert_eq!(done.errors.len(), 1);
}

#[test]
fn a_key_is_made_where_the_predicate_holds_and_kept_elsewhere() {
    let to_key = step("ValueToKey", &[("fields", "b,a")]);
    let mut chain = chain(vec![when(to_key, "RecordIsTombstone", &[], true)]);
    assert_eq!(
        chain.reads(),
        Reads {
            keys: true,
            values: true,
            headers: false,
            map_shapes: false
        }
    );
    let old = Record {
        key: "old".into(),
        ..Record::new("t", Value::Null)
    };
    let (done, outputs) = run(&mut chain, &[old, structure(&schema(&["a", "b"]), &[1, 2])]);
    assert_eq!(outputs[0].key, "old".into());
    assert_eq!(outputs[1].key, Value::Struct(vec![2.into(), 1.into()]));
    let schema = outputs[1].key_schema.as_deref().unwrap();
    assert_eq!(schema.fields()[0].name, "b");
    assert!(done.changed.keys && !done.changed.values && done.errors.is_empty());
}

#[test]
fn records_of_a_topic_are_filtered_before_the_rest_of_the_chain() {
    let mut chain = chain(vec![
        when(
            step("Filter", &[]),
            "TopicNameMatches",
            &[("pattern", "d.*p")],
            false,
        ),
        step(
            "RegexRouter",
            &[("regex", "(.*)"), ("replacement", "new-$1")],
        ),
    ]);
    let reads = chain.reads();
    assert!(!reads.keys && !reads.values && !reads.headers);
    let given = ["keep", "drop", "deep", "last"].map(|topic| Record::new(topic, Value::Null));
    let (done, outputs) = run(&mut chain, &given);
    assert_eq!(done.inputs, Some(vec![0, 3]));
    let topics: Vec<&str> = outputs.iter().map(|record| record.topic.as_str()).collect();
    assert_eq!(topics, ["new-keep", "new-last"]);
}

#[test]
fn everything_may_be_filtered() {
    let (done, outputs) = run(&mut chain(vec![step("Filter", &[])]), &[map(&[]), map(&[])]);
    assert_eq!((done.inputs, outputs.len()), (Some(vec![]), 0));
}

#[test]
fn a_default_stands_for_a_parent_that_is_null() {
    let inner = schema(&["b"]);
    let parent = |default: Option<Value>| Field {
        name: "a".to_owned(),
        schema: Arc::new(Schema {
            optional: true,
            default,
            ..(*inner).clone()
        }),
    };
    let record = |default: Option<Value>| Record {
        value_schema: Some(Arc::new(Schema::new(SchemaType::Struct(vec![parent(
            default,
        )])))),
        ..Record::new("t", Value::Struct(vec![Value::Null]))
    };
    let config = [("field", "a.b"), ("field.syntax.version", "V2")];
    let mut extract = chain(vec![step("ExtractField$Value", &config)]);
    let default = Value::Struct(vec![5.into()]);
    let (_, outputs) = run(&mut extract, &[record(Some(default)), record(None)]);
    assert_eq!(outputs[0].value, 5.into());
    assert_eq!(outputs[1].value, Value::Null);
    let nested = map(&[("a", 1)]);
    let (done, _) = run(&mut extract, &[nested]);
    assert_eq!(
        done.errors[0].error.message(),
        "Only Map objects supported in absence of schema for [nested field access], found: java.lang.Integer"
    );
}
