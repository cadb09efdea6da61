//! What must hold for any schema, any value and any bytes.

use std::sync::{Arc, LazyLock};

use proptest::prelude::*;
use tidegate_model::{Field, Schema, SchemaType, Value};

use crate::registry::Registry;
use crate::{avro, message, read, written};

static REGISTRY: LazyLock<Registry> = LazyLock::new(Registry::start);

/// A schema with values of it.
fn schema_and_values() -> impl Strategy<Value = (Schema, Vec<Value>)> {
    let of = |schema: Schema, values: BoxedStrategy<Vec<Value>>| {
        values
            .prop_map(move |values| (schema.clone(), values))
            .boxed()
    };
    fn three<T: Arbitrary + Into<Value> + 'static>() -> BoxedStrategy<Vec<Value>> {
        prop::collection::vec(any::<T>().prop_map(Into::into), 3).boxed()
    }
    fn three_of(values: impl Strategy<Value = Value> + 'static) -> BoxedStrategy<Vec<Value>> {
        prop::collection::vec(values, 3).boxed()
    }
    let leaf = prop_oneof![
        of(Schema::new(SchemaType::Boolean), three::<bool>()),
        of(Schema::new(SchemaType::Int8), three::<i8>()),
        of(Schema::new(SchemaType::Int16), three::<i16>()),
        of(Schema::new(SchemaType::Int32), three::<i32>()),
        of(Schema::new(SchemaType::Int64), three::<i64>()),
        of(Schema::new(SchemaType::Float32), three::<f32>()),
        of(Schema::new(SchemaType::Float64), three::<f64>()),
        of(Schema::new(SchemaType::String), three::<String>()),
        of(Schema::new(SchemaType::Bytes), three::<Vec<u8>>()),
        of(Schema::date(), three_of(any::<i32>().prop_map(Value::Date))),
        of(
            Schema::time(),
            three_of((0..86_400_000).prop_map(Value::Time))
        ),
        of(
            Schema::timestamp(),
            three_of(any::<i64>().prop_map(Value::Timestamp))
        ),
        of(
            Schema::decimal(2),
            three_of(any::<i64>().prop_map(|value| {
                let mut unscaled = value.to_be_bytes().to_vec();
                // As many bytes as the number needs.
                unscaled[0] = if value < 0 { 0xaa } else { 0x55 };
                Value::Decimal { scale: 2, unscaled }
            }))
        ),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let array = inner.clone().prop_map(|(element, values)| {
            let cut = |count: usize| Value::Array(values[..count].to_vec());
            (
                Schema::new(SchemaType::Array(element.into())),
                vec![cut(0), cut(1), cut(3)],
            )
        });
        let map = inner.clone().prop_map(|(element, values)| {
            let of = |count: usize| {
                let keys = ["a", "b", "c"].map(Value::from);
                Value::Map(keys.into_iter().zip(values.clone()).take(count).collect())
            };
            let key = Schema::new(SchemaType::String);
            (
                Schema::new(SchemaType::Map(key.into(), element.into())),
                vec![of(0), of(1), of(3)],
            )
        });
        let pairs = (inner.clone(), any::<u64>()).prop_map(|((element, values), name)| {
            let of = |count: usize| {
                Value::Map(
                    (0..3)
                        .map(Value::Int32)
                        .zip(values.clone())
                        .take(count)
                        .collect(),
                )
            };
            let key = Schema::new(SchemaType::Int32);
            let kind = SchemaType::Map(key.into(), element.into());
            (
                Schema::new(kind).named(format!("n.P{name}")),
                vec![of(0), of(1), of(3)],
            )
        });
        let structure =
            (
                prop::collection::vec((inner, any::<bool>()), 0..5),
                any::<Option<u64>>(),
            )
                .prop_map(|(fields, name)| {
                    let values = (0..3).map(|place| {
                        let of = |((_, values), optional): &((Schema, Vec<Value>), bool)| {
                            if *optional && place == 1 {
                                Value::Null
                            } else {
                                values[place].clone()
                            }
                        };
                        Value::Struct(fields.iter().map(of).collect())
                    });
                    let values = values.collect();
                    let fields = fields.into_iter().enumerate().map(
                        |(place, ((schema, values), optional))| {
                            let schema = match (optional, place) {
                                (false, 2) => Schema {
                                    default: Some(values[0].clone()),
                                    ..schema
                                },
                                (false, _) => schema,
                                (true, _) => schema.optional(),
                            };
                            Field {
                                name: format!("f{place}"),
                                schema: Arc::new(schema),
                            }
                        },
                    );
                    let mut schema = Schema::new(SchemaType::Struct(fields.collect()));
                    if let Some(name) = name {
                        schema = schema.named(format!("n.S{name}"));
                        schema.version = Some(3);
                        schema.doc = Some("documentation".to_owned());
                        schema.parameters = vec![("k".to_owned(), "v".to_owned())];
                    }
                    (schema, values)
                });
        prop_oneof![array, map, pairs, structure.clone(), structure]
    })
}

/// A schema without its defaults, of which not all come back: JSON has no number for some.
fn without_defaults(schema: &Schema) -> Schema {
    let inner = |schema: &Schema| Arc::new(without_defaults(schema));
    Schema {
        default: None,
        kind: match &schema.kind {
            SchemaType::Array(element) => SchemaType::Array(inner(element)),
            SchemaType::Map(key, value) => SchemaType::Map(inner(key), inner(value)),
            SchemaType::Struct(fields) => SchemaType::Struct(
                fields
                    .iter()
                    .map(|field| Field {
                        name: field.name.clone(),
                        schema: inner(&field.schema),
                    })
                    .collect(),
            ),
            other => other.clone(),
        },
        ..schema.clone()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn schema_and_value_come_back((schema, values) in schema_and_values()) {
        let mut converter = avro(&REGISTRY, &[]);
        for value in values {
            let message = written(converter.as_mut(), Some(&schema), &value).unwrap().unwrap();
            let (found, again) = read(converter.as_mut(), &message).unwrap();
            prop_assert_eq!(without_defaults(&found.unwrap()), without_defaults(&schema));
            prop_assert_eq!(again.unwrap(), value.to_encoded());
            for cut in 5..message.len() {
                let cut = read(converter.as_mut(), &message[..cut]);
                // Bytes alone have no length.
                prop_assert!(cut.is_err() || schema.kind == SchemaType::Bytes);
            }
        }
    }

    #[test]
    fn any_bytes_are_a_value_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..40), small in prop::collection::vec(0_u8..6, 0..40)) {
        static SCHEMA: &str = r#"{"type": "record", "name": "R", "fields": [
            {"name": "a", "type": ["null", "string", {"type": "array", "items": "bytes"}]},
            {"name": "b", "type": {"type": "map", "values": ["null", "double"]}},
            {"name": "c", "type": {"type": "enum", "name": "E", "symbols": ["X", "Y"]}},
            {"name": "d", "type": {"type": "fixed", "name": "F", "size": 1}}]}"#;
        static IDS: LazyLock<(i32, i32)> = LazyLock::new(|| {
            let mut converter = avro(&REGISTRY, &[]);
            let anything = written(converter.as_mut(), None, &true.into()).unwrap().unwrap();
            (REGISTRY.add("any", SCHEMA), i32::from_be_bytes(anything[1..5].try_into().unwrap()))
        });
        let mut converter = avro(&REGISTRY, &[]);
        for body in [&bytes, &small] {
            drop(read(converter.as_mut(), &message(IDS.0, body)));
            drop(read(converter.as_mut(), &message(IDS.1, body)));
        }
        drop(read(converter.as_mut(), &bytes));
    }

    #[test]
    fn any_text_is_a_schema_or_an_error(text in "[\\[\\]{}\":, a-z]{0,60}", name in "\"(type|name|items|fields|record|int|union|array)\"") {
        let mut converter = avro(&REGISTRY, &[]);
        for text in [text.clone(), format!("{{\"type\": {name}, {text}}}")] {
            let id = REGISTRY.add("any", &text);
            drop(read(converter.as_mut(), &message(id, &[0, 0, 0])));
        }
    }
}
