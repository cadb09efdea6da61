//! HeaderFrom, InsertHeader and DropHeaders beyond the recorded cases.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what it expects by failing"
)]

use std::sync::Arc;

use proptest::prelude::*;
use tidegate_sdk::model::{Field, Schema, SchemaType, Value};
use tidegate_sdk::record::batch_of;
use tidegate_sdk::testing::pairs;
use tidegate_sdk::{
    Chain, ErrorKind, Header, PluginSet, Reads, Record, Step, StepCondition, records,
};
use tidegate_transforms::ComponentPlugins;

fn step(class: &str, config: &[(&str, &str)]) -> Step {
    Step {
        class_name: format!("org.apache.kafka.connect.transforms.{class}"),
        config: pairs(config),
        condition: None,
    }
}

fn chain(class: &str, config: &[(&str, &str)]) -> Chain {
    Chain::configure(&ComponentPlugins::plugins(), vec![step(class, config)]).unwrap()
}

fn run(chain: &mut Chain, given: &[Record]) -> Vec<Record> {
    let done = chain.apply(batch_of(given)).unwrap();
    done.batch.check().unwrap();
    assert!(done.errors.is_empty(), "{:?}", done.errors);
    records(&done.batch).map(Result::unwrap).collect()
}

fn header(key: &str, value: impl Into<Value>) -> Header {
    Header {
        key: key.to_owned(),
        value: value.into(),
        schema: None,
    }
}

fn map(entries: &[(&str, i32)]) -> Record {
    let entry = |(key, value): &(&str, i32)| ((*key).into(), Value::Int32(*value));
    Record::new("t", Value::Map(entries.iter().map(entry).collect()))
}

#[test]
fn headers_go_where_the_predicate_holds() {
    let condition = StepCondition {
        class_name: "org.apache.kafka.connect.transforms.predicates.HasHeaderKey".to_owned(),
        config: pairs(&[("name", "a")]),
        negate: false,
    };
    let drop = Step {
        condition: Some(condition),
        ..step("DropHeaders", &[("headers", "b, a")])
    };
    let mut chain = Chain::configure(&ComponentPlugins::plugins(), vec![drop]).unwrap();
    let map_shapes = true;
    assert_eq!(
        chain.reads(),
        Reads {
            map_shapes,
            ..Reads::HEADERS
        }
    );
    let with = |headers: Vec<Header>| Record {
        headers,
        ..map(&[])
    };
    let (a, b, c) = (header("a", 1), header("b", 2), header("c", Value::Null));
    let given = [
        with(vec![b.clone(), c.clone()]),
        with(vec![a, b.clone(), c.clone(), b.clone()]),
        with(vec![]),
    ];
    let outputs = run(&mut chain, &given);
    assert_eq!(outputs[0], given[0]);
    assert_eq!(outputs[1].headers, [c]);
    assert_eq!(outputs[2], given[2]);
}

#[test]
fn a_value_is_inserted_without_the_white_space_around_it() {
    for (literal, value, kind) in [
        ("1", Value::Int8(1), Some(SchemaType::Int8)),
        (" a ", "a".into(), Some(SchemaType::String)),
        ("", "".into(), Some(SchemaType::String)),
        ("null", Value::Null, None),
    ] {
        let config = [("header", "h"), ("value.literal", literal)];
        let outputs = run(&mut chain("InsertHeader", &config), &[map(&[]), map(&[])]);
        let schema = kind.map(|kind| Arc::new(Schema::new(kind)));
        let wanted = Header {
            schema,
            ..header("h", value)
        };
        assert_eq!(outputs[1].headers, [wanted]);
    }
}

#[test]
fn a_record_that_fails_keeps_nothing_from_the_others() {
    let config = [("fields", "a"), ("headers", "h"), ("operation", "move")];
    let mut chain = chain("HeaderFrom$Value", &config);
    let schema = |name: &str| {
        let field = Field {
            name: name.to_owned(),
            schema: Arc::new(Schema::new(SchemaType::Int32)),
        };
        Some(Arc::new(Schema::new(SchemaType::Struct(vec![field]))))
    };
    let structure = |name: &str| Record {
        value_schema: schema(name),
        ..Record::new("t", Value::Struct(vec![7.into()]))
    };
    let given = [
        map(&[("a", 1), ("b", 2)]),
        Record::new("t", "no map"),
        structure("a"),
        structure("other"),
        map(&[]),
    ];
    let done = chain.apply(batch_of(&given)).unwrap();
    done.batch.check().unwrap();
    assert_eq!(done.inputs, Some(vec![0, 2, 4]));
    assert!(done.changed.headers && done.changed.values && !done.changed.keys);
    let messages: Vec<&str> = done.errors.iter().map(|e| e.error.message()).collect();
    assert_eq!(
        messages,
        [
            "Only Map objects supported in absence of schema for [header move], found: java.lang.String",
            "Unknown field: a for [header move]; the schema has no such field",
        ]
    );
    let outputs: Vec<Record> = records(&done.batch).map(Result::unwrap).collect();
    assert_eq!(outputs[0].value, map(&[("b", 2)]).value);
    assert_eq!(outputs[0].headers, [header("h", 1)]);
    assert_eq!(outputs[1].value, Value::Struct(vec![]));
    assert_eq!(outputs[1].headers[0].value, 7.into());
    assert_eq!(outputs[2].headers, [header("h", Value::Null)]);
}

#[test]
fn lists_that_do_not_fit_are_refused() {
    for (class, config, key) in [
        ("DropHeaders", &[("headers", " ")][..], "headers"),
        (
            "HeaderFrom$Key",
            &[("fields", "a,b"), ("headers", "h"), ("operation", "copy")],
            "headers",
        ),
        (
            "HeaderFrom$Value",
            &[("fields", "a"), ("headers", "h"), ("operation", "Copy")],
            "operation",
        ),
    ] {
        let steps = vec![step(class, config)];
        let error = Chain::configure(&ComponentPlugins::plugins(), steps).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert_eq!(error.key(), Some(key), "{error}");
    }
}

const NAMES: [&str; 4] = ["a", "b", "c", "d"];

proptest! {
    #[test]
    fn fields_become_headers_as_the_model_says(
        batch in prop::collection::vec((any::<bool>(), prop::array::uniform4(any::<Option<i32>>()), 0..4_usize), 1..8),
        fields in prop::collection::vec(0..4_usize, 1..4),
        moves in any::<bool>(),
        replace_null in any::<bool>(),
    ) {
        let list = |name: &dyn Fn(usize) -> String| {
            fields.iter().map(|field| name(*field)).collect::<Vec<_>>().join(",")
        };
        let (names, headers) = (list(&|field| NAMES[field].to_owned()), list(&|field| format!("h{field}")));
        let config = [
            ("fields", names.as_str()),
            ("headers", &headers),
            ("operation", if moves { "move" } else { "copy" }),
            ("replace.null.with.default", if replace_null { "true" } else { "false" }),
        ];
        // All fields may be null, and every other has a default.
        let schema_of = |field: usize| Arc::new(Schema {
            optional: true,
            default: field.is_multiple_of(2).then_some(Value::Int32(field as i32)),
            ..Schema::new(SchemaType::Int32)
        });
        let field_of = |field: usize| Field { name: NAMES[field].to_owned(), schema: schema_of(field) };
        let structure = |kept: &dyn Fn(usize) -> bool| {
            let fields = (0..4).filter(|field| kept(*field)).map(field_of);
            Arc::new(Schema::new(SchemaType::Struct(fields.collect())))
        };
        let given: Vec<Record> = batch.iter().map(|(is_typed, values, old)| {
            let value = |field: usize| values[field].map_or(Value::Null, Value::Int32);
            let record = if *is_typed {
                Record {
                    value_schema: Some(structure(&|_| true)),
                    ..Record::new("t", Value::Struct((0..4).map(value).collect()))
                }
            } else {
                // A field that is null is not there.
                let entries = (0..4).filter(|field| values[*field].is_some());
                Record::new("t", Value::Map(entries.map(|f| (NAMES[f].into(), value(f))).collect()))
            };
            Record { headers: (0..*old).map(|n| header("old", n as i32)).collect(), ..record }
        }).collect();
        let moved = |field: usize| moves && fields.contains(&field);
        let wanted: Vec<Record> = given.iter().zip(&batch).map(|(record, (is_typed, values, _))| {
            let mut record = record.clone();
            let typed = |field: usize| match (values[field], field.is_multiple_of(2) && replace_null) {
                (Some(value), _) => Value::Int32(value),
                (None, true) => Value::Int32(field as i32),
                (None, false) => Value::Null,
            };
            for field in &fields {
                let plain = values[*field].map_or(Value::Null, Value::Int32);
                record.headers.push(Header {
                    key: format!("h{field}"),
                    value: if *is_typed { typed(*field) } else { plain },
                    schema: is_typed.then(|| schema_of(*field)),
                });
            }
            if moves && *is_typed {
                record.value_schema = Some(structure(&|field| !moved(field)));
                record.value = Value::Struct((0..4).filter(|f| !moved(*f)).map(typed).collect());
            } else if let Value::Map(entries) = &mut record.value {
                entries.retain(|(key, _)| !(0..4).any(|f| moved(f) && *key == NAMES[f].into()));
            }
            record
        }).collect();
        let mut chain = chain("HeaderFrom$Value", &config);
        prop_assert_eq!(run(&mut chain, &given), wanted);
    }
}
