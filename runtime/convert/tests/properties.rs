//! What must hold for any value and any bytes.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use tidegate_convert::{Role, class_names, converter};
use tidegate_model::value::{Value, check};
use tidegate_model::{Batch, Column, Field, MapShape, Schema, SchemaType};

fn json(config: &[(&str, &str)]) -> Box<dyn tidegate_convert::Converter> {
    let config: BTreeMap<String, String> = config
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect();
    converter("Json", Role::Value, &config).unwrap()
}

/// A value that JSON can hold without a schema.
fn schemaless() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Boolean),
        any::<i64>().prop_map(Value::Int64),
        float().prop_map(Value::Float64),
        any::<String>().prop_map(Value::String),
    ];
    leaf.prop_recursive(5, 64, 8, |inner| {
        let entries = prop::collection::btree_map(any::<String>(), inner.clone(), 0..8);
        prop_oneof![
            prop::collection::vec(inner, 0..8).prop_map(Value::Array),
            entries.prop_map(|entries| Value::Map(
                entries
                    .into_iter()
                    .map(|(key, value)| (Value::String(key), value))
                    .collect()
            )),
        ]
    })
}

/// Documents of few keys, known and new, some twice, some with escapes or too long to be known; some are no maps, or
/// damaged.
fn document() -> impl Strategy<Value = String> {
    let keys = prop_oneof![
        6 => prop::sample::select(vec!["a", "b", "c", "", "d \\u0065", "é"]).prop_map(str::to_owned),
        1 => (0..300).prop_map(|number| format!("key {number}")),
        1 => Just("long".repeat(100)),
    ];
    let value = prop::sample::select(vec![
        "1",
        "-2.5",
        "null",
        "true",
        r#""x""#,
        r#"{"a":1,"b":[]}"#,
        "[{}]",
        "[",
        "",
    ]);
    let entries = prop::collection::vec((keys, value), 0..6);
    (entries, 0..12).prop_map(|(entries, odd)| match odd {
        0 => "[1]".to_owned(),
        1 => "null".to_owned(),
        _ => {
            let entries: Vec<_> = entries
                .iter()
                .map(|(key, value)| format!(r#""{key}": {value}"#))
                .collect();
            format!("{{{}}}", entries.join(","))
        }
    })
}

/// What a record may have without a schema, mostly maps of few shapes; some cannot be written.
fn record() -> impl Strategy<Value = Option<Value>> {
    let value = prop_oneof![
        8 => schemaless(),
        1 => any::<Vec<u8>>().prop_map(Value::Bytes),
        1 => Just(Value::Map(vec![(Value::Int8(1), Value::Map(vec![]))])),
        1 => Just(Value::Date(1)),
    ];
    let keys = ["a", "\"b\"\n", "", "ä", "0123456789 0123456789 0123456789"].map(Value::from);
    let order =
        prop_oneof![4 => Just(vec![0, 1, 2, 3, 4]), 1 => Just(vec![]), 1 => Just(vec![4, 0, 1])];
    let map = (order, prop::collection::vec(value, 5)).prop_map(move |(order, values)| {
        let keys = order.into_iter().map(|key| keys[key].clone());
        Value::Map(keys.zip(values).collect())
    });
    prop_oneof![
        8 => map.prop_map(Some),
        1 => schemaless().prop_map(Some),
        1 => Just(Some(Value::Null)),
        1 => Just(None),
    ]
}

/// JSON has no negative zero here: it is read as a decimal.
fn float() -> impl Strategy<Value = f64> {
    (prop::num::f64::NORMAL | prop::num::f64::SUBNORMAL | prop::num::f64::ZERO)
        .prop_map(|value| value + 0.0)
}

fn field(name: &str, schema: Schema) -> Field {
    Field {
        name: name.to_owned(),
        schema: Arc::new(schema),
    }
}

fn order_schema() -> Schema {
    let of = |kind| Arc::new(Schema::new(kind));
    Schema::new(SchemaType::Struct(vec![
        field("boolean", Schema::new(SchemaType::Boolean)),
        field("int8", Schema::new(SchemaType::Int8)),
        field("int16", Schema::new(SchemaType::Int16).optional()),
        field("int32", Schema::new(SchemaType::Int32)),
        field("int64", Schema::new(SchemaType::Int64)),
        field("float32", Schema::new(SchemaType::Float32)),
        field("float64", Schema::new(SchemaType::Float64)),
        field("string \"quoted\"", Schema::new(SchemaType::String)),
        field("bytes", Schema::new(SchemaType::Bytes)),
        field("date", Schema::date()),
        field("time", Schema::time()),
        field("timestamp", Schema::timestamp()),
        field("decimal", Schema::decimal(2)),
        field(
            "array",
            Schema::new(SchemaType::Array(of(SchemaType::String))),
        ),
        field(
            "object",
            Schema::new(SchemaType::Map(
                of(SchemaType::String),
                of(SchemaType::Int32),
            )),
        ),
        field(
            "pairs",
            Schema::new(SchemaType::Map(
                of(SchemaType::Int32),
                of(SchemaType::String),
            )),
        ),
        field(
            "inner",
            Schema::new(SchemaType::Struct(vec![field(
                "a",
                Schema::new(SchemaType::Int8),
            )]))
            .optional(),
        ),
    ]))
    .named("order")
}

fn order() -> impl Strategy<Value = Value> {
    let numbers = (
        any::<bool>(),
        any::<i8>(),
        any::<Option<i16>>(),
        any::<i32>(),
        any::<i64>(),
        any::<f32>().prop_filter("finite", |value| value.is_finite()),
        float(),
    );
    let others = (
        any::<String>(),
        any::<Vec<u8>>(),
        any::<i32>(),
        0..86_400_000_i32,
        any::<i64>(),
        any::<i64>(),
    );
    let containers = (
        any::<Vec<String>>(),
        prop::collection::btree_map(any::<String>(), any::<i32>(), 0..6),
        prop::collection::btree_map(any::<i32>(), any::<String>(), 0..6),
        any::<Option<i8>>(),
    );
    (numbers, others, containers).prop_map(|(numbers, others, containers)| {
        let mut unscaled = others.5.to_be_bytes().to_vec();
        while matches!(
            unscaled.as_slice(),
            [0, 0..=0x7f, ..] | [0xff, 0x80..=0xff, ..]
        ) {
            unscaled.remove(0);
        }
        Value::Struct(vec![
            numbers.0.into(),
            numbers.1.into(),
            numbers.2.map_or(Value::Null, Value::Int16),
            numbers.3.into(),
            numbers.4.into(),
            (numbers.5 + 0.0).into(),
            numbers.6.into(),
            others.0.into(),
            others.1.into(),
            Value::Date(others.2),
            Value::Time(others.3),
            Value::Timestamp(others.4),
            Value::Decimal { scale: 2, unscaled },
            Value::Array(containers.0.into_iter().map(Value::String).collect()),
            Value::Map(
                containers
                    .1
                    .into_iter()
                    .map(|(key, value)| (key.into(), value.into()))
                    .collect(),
            ),
            Value::Map(
                containers
                    .2
                    .into_iter()
                    .map(|(key, value)| (key.into(), value.into()))
                    .collect(),
            ),
            containers
                .3
                .map_or(Value::Null, |a| Value::Struct(vec![a.into()])),
        ])
    })
}

/// Bytes, texts of JSON's characters, and JSON with a byte changed.
fn any_bytes() -> impl Strategy<Value = Vec<u8>> {
    let document = br#"{"schema":{"type":"struct","fields":[{"type":"int32","field":"a"},{"type":"bytes","name":"org.apache.kafka.connect.data.Decimal","parameters":{"scale":"2"},"default":"AJw=","field":"d"}]},"payload":{"a":1,"d":null}}"#;
    prop_oneof![
        any::<Vec<u8>>(),
        "[\\[\\]{}\",:0-9eE.+\\\\utrfalsn -]{0,40}".prop_map(String::into_bytes),
        (0..document.len(), any::<u8>()).prop_map(move |(place, byte)| {
            let mut changed = document.to_vec();
            changed[place] = byte;
            changed
        }),
        (0..document.len()).prop_map(move |length| document[..length].to_vec()),
    ]
}

fn tree(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(value) => Value::Boolean(*value),
        serde_json::Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Value::Int64(whole),
            (None, value) => Value::Float64(value.unwrap() + 0.0),
        },
        serde_json::Value::String(text) => Value::from(text.as_str()),
        serde_json::Value::Array(elements) => Value::Array(elements.iter().map(tree).collect()),
        serde_json::Value::Object(entries) => Value::Map(
            entries
                .iter()
                .map(|(key, value)| (Value::from(key.as_str()), tree(value)))
                .collect(),
        ),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_value_comes_back_from_json(values in prop::collection::vec(schemaless(), 1..4), enable: bool) {
        let encoded: Vec<Vec<u8>> = values.iter().map(Value::to_encoded).collect();
        let column: Column = encoded.iter().map(|value| Some(value.as_slice())).collect();
        let mut json = json(&[("schemas.enable", if enable { "true" } else { "false" })]);
        let mut failures = Vec::new();
        let bytes = json.from_connect("t", &column, &[], &[], &mut failures);
        for text in bytes.iter().flatten() {
            prop_assert!(serde_json::from_slice::<serde_json::Value>(text).is_ok());
        }
        let back = json.to_connect("t", &bytes, &mut Vec::new(), &mut failures);
        prop_assert_eq!(&failures, &vec![]);
        for (value, back) in values.iter().zip(&back.values) {
            let back = back.map_or(Value::Null, |back| Value::decode(back).unwrap());
            prop_assert_eq!(value, &back);
        }
    }

    #[test]
    fn maps_that_leave_their_keys_to_a_shape_are_the_same_with_them(
        batches in prop::collection::vec(prop::collection::vec(document(), 1..20), 1..4),
    ) {
        let mut plain = json(&[("schemas.enable", "false")]);
        let mut shaped = json(&[("schemas.enable", "false")]);
        shaped.shape_maps(true);
        for documents in batches {
            let bytes: Column = documents.iter().map(|text| Some(text.as_bytes())).collect();
            let (mut failures, mut more) = (Vec::new(), Vec::new());
            let wanted = plain.to_connect("t", &bytes, &mut Vec::new(), &mut failures);
            let mut batch = Batch { count: documents.len(), ..Batch::default() };
            let found = shaped.to_connect("t", &bytes, &mut batch.schemas, &mut more);
            prop_assert_eq!(more, failures);
            for (value, schema) in found.values.iter().zip(&found.schemas) {
                let shape = usize::try_from(*schema).ok().map(|schema| MapShape::decode(&batch.schemas[schema]).unwrap());
                prop_assert!(shape.is_none_or(|shape| shape.fits(value.unwrap())));
            }
            (batch.values, batch.value_schemas) = (found.values, found.schemas);
            batch.expand_maps();
            prop_assert_eq!(batch.values, wanted.values);
            prop_assert!(batch.value_schemas.iter().all(|schema| *schema == -1));
        }
    }

    #[test]
    fn maps_that_left_their_keys_to_a_shape_are_the_same_json(
        batches in prop::collection::vec(prop::collection::vec(record(), 0..20), 1..4),
        enable: bool,
    ) {
        let mut json = json(&[("schemas.enable", if enable { "true" } else { "false" })]);
        prop_assert!(json.takes_map_shapes());
        for records in batches {
            let encoded: Vec<_> = records.iter().map(|value| value.as_ref().map(Value::to_encoded)).collect();
            let values: Column = encoded.iter().map(Option::as_deref).collect();
            let (mut failures, mut more) = (Vec::new(), Vec::new());
            let wanted = json.from_connect("t", &values, &[], &[], &mut failures);
            let mut batch = Batch { count: records.len(), values, ..Batch::default() };
            batch.shape_maps();
            let found = json.from_connect("t", &batch.values, &batch.value_schemas, &batch.schemas, &mut more);
            prop_assert_eq!(more, failures);
            prop_assert_eq!(found, wanted);
        }
    }

    #[test]
    fn a_value_with_a_schema_comes_back_from_json(orders in prop::collection::vec(order(), 1..4)) {
        let schema = order_schema().to_encoded();
        let encoded: Vec<Vec<u8>> = orders.iter().map(Value::to_encoded).collect();
        let column: Column = encoded.iter().map(|value| Some(value.as_slice())).collect();
        let indexes = vec![0; orders.len()];
        let mut json = json(&[]);
        let mut failures = Vec::new();
        let bytes = json.from_connect("t", &column, &indexes, std::slice::from_ref(&schema), &mut failures);
        let mut schemas = Vec::new();
        let back = json.to_connect("t", &bytes, &mut schemas, &mut failures);
        prop_assert_eq!(&failures, &vec![]);
        prop_assert_eq!(schemas, vec![schema]);
        prop_assert_eq!(&back.schemas, &indexes);
        prop_assert_eq!(back.values, column);
    }

    #[test]
    fn what_serde_json_reads_is_read_alike(text in "[\\[\\]{}\",:0-9e.\\\\utrfalsn -]{0,24}") {
        let Ok(expected) = serde_json::from_str::<serde_json::Value>(&text) else {
            return Ok(());
        };
        // A whole number beyond 64 bits, and -0, are whole here, not floating point.
        prop_assume!(!text.contains("-0"));
        let column: Column = [Some(text.as_bytes())].into_iter().collect();
        let mut failures = Vec::new();
        let back = json(&[("schemas.enable", "false")])
            .to_connect("t", &column, &mut Vec::new(), &mut failures);
        prop_assert_eq!(&failures, &vec![]);
        let back = back.values.iter().next().unwrap().map_or(Value::Null, |back| Value::decode(back).unwrap());
        if !format!("{expected}").contains("e") && text.len() < 18 {
            prop_assert_eq!(back, tree(&expected));
        }
    }

    #[test]
    fn any_bytes_are_converted_or_refused(
        entries in prop::collection::vec(prop::option::of(any_bytes()), 1..4),
        schema in any::<Vec<u8>>(),
        index in -2..4_i32,
    ) {
        let column: Column = entries.iter().map(Option::as_deref).collect();
        for class in class_names() {
            // Avro converts no headers, and its registry is away.
            let avro = class.name.ends_with("AvroConverter");
            let role = if avro { Role::Value } else { Role::Header };
            let config = [("schema.registry.url", "http://127.0.0.1:1"), ("max.retries", "0")];
            let config = config.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
            let mut converter = converter(class.name, role, &config).unwrap();
            let mut schemas = Vec::new();
            let mut failures = Vec::new();
            let values = converter.to_connect("t", &column, &mut schemas, &mut failures);
            prop_assert_eq!(values.values.len(), entries.len());
            prop_assert_eq!(values.values.check(), Ok(()));
            for value in values.values.iter().flatten() {
                prop_assert_eq!(check(value), Ok(()));
            }
            for schema in &schemas {
                prop_assert!(Schema::decode(schema).is_ok());
            }
            prop_assert!(values.schemas.is_empty() || values.schemas.len() == entries.len());
            // What was read can be written again.
            let written = converter.from_connect("t", &values.values, &values.schemas, &schemas, &mut failures);
            prop_assert_eq!(written.len(), entries.len());
            // Bytes that are no values.
            let indexes = vec![index; entries.len()];
            let order = order_schema().to_encoded();
            let shape = MapShape::of([Value::from("a").to_encoded().as_slice()]).unwrap().to_encoded();
            let schemas = [schema.clone(), order, shape];
            let bytes = converter.from_connect("t", &column, &indexes, &schemas, &mut failures);
            prop_assert_eq!(bytes.len(), entries.len());
            prop_assert_eq!(bytes.check(), Ok(()));
        }
    }
}
