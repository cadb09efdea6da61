//! Schemas between Connect and Avro, as Confluent's converter has them.

use std::sync::Arc;

use serde_json::{Value as Json, json};
use tidegate_model::{Field, Schema, SchemaType, Value};

use crate::registry::Registry;
use crate::{avro, message, read, written};

fn field(name: &str, schema: Schema) -> Field {
    Field {
        name: name.to_owned(),
        schema: Arc::new(schema),
    }
}

fn of(kind: SchemaType) -> Schema {
    Schema::new(kind)
}

/// The Avro schema of a Connect schema.
fn avro_of(schema: &Schema, value: &Value, settings: &[(&str, &str)]) -> String {
    let registry = Registry::start();
    let mut converter = avro(&registry, settings);
    let message = written(converter.as_mut(), Some(schema), value)
        .unwrap()
        .unwrap();
    registry.schema(i32::from_be_bytes(message[1..5].try_into().unwrap()))
}

/// The Connect schema and value of an Avro message.
fn connect_of(schema: &Json, body: &[u8], settings: &[(&str, &str)]) -> (Option<Schema>, Value) {
    let registry = Registry::start();
    let id = registry.add("orders-value", &schema.to_string());
    let (schema, value) = read(avro(&registry, settings).as_mut(), &message(id, body)).unwrap();
    (
        schema,
        value.map_or(Value::Null, |value| Value::decode(&value).unwrap()),
    )
}

#[test]
fn the_avro_schema_is_confluents_letter_by_letter() {
    let order = Schema {
        doc: Some("An order".to_owned()),
        version: Some(2),
        ..of(SchemaType::Struct(vec![
            field("id", of(SchemaType::Int64)),
            field("tiny", of(SchemaType::Int8).optional()),
            field("day", Schema::date()),
            field("price", Schema::decimal(2)),
            field(
                "note",
                Schema {
                    default: Some("none".into()),
                    ..of(SchemaType::String).optional()
                },
            ),
            field(
                "inner",
                of(SchemaType::Struct(vec![field("a", of(SchemaType::Bytes))])).optional(),
            ),
            field(
                "pairs",
                of(SchemaType::Map(
                    of(SchemaType::Int32).into(),
                    of(SchemaType::String).into(),
                )),
            ),
        ]))
    }
    .named("com.example.Order");
    let value = Value::Struct(vec![
        1_i64.into(),
        Value::Null,
        Value::Date(3),
        Value::Decimal {
            scale: 2,
            unscaled: vec![1],
        },
        Value::Null,
        Value::Null,
        Value::Map(vec![]),
    ]);
    let wanted = concat!(
        r#"{"type":"record","name":"Order","namespace":"com.example","fields":["#,
        r#"{"name":"id","type":"long"},"#,
        r#"{"name":"tiny","type":["null",{"type":"int","connect.type":"int8"}],"default":null},"#,
        r#"{"name":"day","type":{"type":"int","connect.version":1,"connect.name":"org.apache.kafka.connect.data.Date","logicalType":"date"}},"#,
        r#"{"name":"price","type":{"type":"bytes","scale":2,"precision":64,"connect.version":1,"connect.parameters":{"scale":"2"},"connect.name":"org.apache.kafka.connect.data.Decimal","logicalType":"decimal"}},"#,
        r#"{"name":"note","type":[{"type":"string","connect.default":"none"},"null"],"default":"none"},"#,
        r#"{"name":"inner","type":["null",{"type":"record","name":"ConnectDefault","namespace":"io.confluent.connect.avro","fields":[{"name":"a","type":"bytes"}]}],"default":null},"#,
        r#"{"name":"pairs","type":{"type":"array","items":{"type":"record","name":"MapEntry","namespace":"io.confluent.connect.avro","fields":[{"name":"key","type":"int"},{"name":"value","type":"string"}]}}}"#,
        r#"],"connect.doc":"An order","connect.version":2,"connect.name":"com.example.Order"}"#,
    );
    assert_eq!(avro_of(&order, &value, &[]), wanted);
    let plain = avro_of(&order, &value, &[("connect.meta.data", "false")]);
    assert!(!plain.contains("\"connect."), "{plain}");
}

#[test]
fn a_schema_that_is_used_twice_is_written_once() {
    let point = of(SchemaType::Struct(vec![field("x", of(SchemaType::Int32))])).named("Point");
    let line = of(SchemaType::Struct(vec![
        field("from", point.clone()),
        field("to", point.clone().optional()),
        field("more", of(SchemaType::Array(point.into()))),
    ]));
    let value = Value::Struct(vec![
        Value::Struct(vec![1.into()]),
        Value::Null,
        Value::Array(vec![]),
    ]);
    let text = avro_of(&line, &value, &[]);
    assert_eq!(text.matches(r#""name":"Point""#).count(), 1, "{text}");
    assert!(
        text.contains(r#"{"name":"to","type":["null","Point"],"default":null}"#)
            || text.contains(r#"["null",".Point"]"#),
        "{text}"
    );
}

#[test]
fn avro_has_its_connect_schema_and_value() {
    let schema = json!({"type": "record", "name": "R", "namespace": "n", "doc": "D", "fields": [
        {"name": "e", "type": {"type": "enum", "name": "E", "symbols": ["A", "B"]}, "doc": "F"},
        {"name": "f", "type": {"type": "fixed", "name": "X", "size": 2}},
        {"name": "u", "type": ["null", "int",
            {"type": "record", "name": "R2", "fields": [{"name": "a", "type": "boolean"}]}, "string"]},
        {"name": "t", "type": {"type": "long", "logicalType": "timestamp-micros"}},
        {"name": "ms", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "d", "type": "int", "default": 7},
        {"name": "m", "type": {"type": "map", "values": "long"}}]});
    let body = [2, 8, 9, 4, 1, 2, 4, 14, 4, 2, b'k', 2, 2, b'k', 6, 0];
    let (schema, value) = connect_of(&schema, &body, &[]);
    let schema = schema.unwrap();
    assert_eq!(schema.name.as_deref(), Some("n.R"));
    assert_eq!(
        schema.parameter("io.confluent.connect.avro.record.doc"),
        Some("D")
    );
    assert_eq!(
        schema.parameter("io.confluent.connect.avro.field.doc.e"),
        Some("F")
    );
    let fields = schema.fields();
    assert_eq!(fields[0].schema.name.as_deref(), Some("n.E"));
    assert_eq!(
        fields[0].schema.parameter("io.confluent.connect.avro.Enum"),
        Some("n.E")
    );
    assert_eq!(
        fields[0]
            .schema
            .parameter("io.confluent.connect.avro.Enum.B"),
        Some("B")
    );
    assert_eq!(fields[1].schema.parameter("connect.fixed.size"), Some("2"));
    let union = &fields[2].schema;
    assert_eq!(
        (union.name.as_deref(), union.optional),
        (Some("io.confluent.connect.avro.Union"), true)
    );
    let names: Vec<_> = union
        .fields()
        .iter()
        .map(|field| field.name.as_str())
        .collect();
    assert_eq!(names, ["int", "R2", "string"]);
    assert_eq!(fields[3].schema.kind, SchemaType::Int64);
    assert_eq!(fields[5].schema.default, Some(7.into()));
    assert_eq!(
        fields[5]
            .schema
            .parameter("io.confluent.connect.avro.field.default"),
        Some("true")
    );
    let branches = vec![Value::Null, Value::Struct(vec![true.into()]), Value::Null];
    let wanted = vec![
        "B".into(),
        vec![8, 9].into(),
        Value::Struct(branches),
        1_i64.into(),
        Value::Timestamp(2),
        7.into(),
        Value::Map(vec![("k".into(), 3_i64.into())]),
    ];
    // The key comes twice, in two blocks: the last one counts.
    let body = value;
    assert_eq!(body, Value::Struct(wanted));
}

#[test]
fn unions_enums_and_fixed_come_back_as_they_were() {
    let schema = json!({"type": "record", "name": "R", "namespace": "n", "fields": [
        {"name": "e", "type": ["null", {"type": "enum", "name": "E", "symbols": ["A", "B"], "default": "A"}], "default": null},
        {"name": "f", "type": {"type": "fixed", "name": "X", "size": 2}},
        {"name": "u", "type": ["string", "long", "n.E"]}]});
    let body = [2, 2, 8, 9, 2, 6];
    for settings in [
        &[("enhanced.avro.schema.support", "true")][..],
        &[("generalized.sum.type.support", "true")],
    ] {
        let registry = Registry::start();
        let id = registry.add("orders-value", &schema.to_string());
        let mut converter = avro(&registry, settings);
        let (schema, value) = read(converter.as_mut(), &message(id, &body)).unwrap();
        let value = Value::decode(&value.unwrap()).unwrap();
        let again = written(converter.as_mut(), schema.as_ref(), &value)
            .unwrap()
            .unwrap();
        assert_eq!(again[5..], body, "{settings:?}");
        let text = registry.schema(i32::from_be_bytes(again[1..5].try_into().unwrap()));
        assert!(text.contains(r#""symbols":["A","B"]"#), "{text}");
    }
}

#[test]
fn values_without_schemas_are_anything() {
    let registry = Registry::start();
    let mut converter = avro(&registry, &[]);
    let value = Value::Map(vec![
        (
            "a".into(),
            Value::Array(vec![1_i64.into(), Value::Null, true.into(), 1.5.into()]),
        ),
        (Value::Int32(3), "b".into()),
    ]);
    let message = written(converter.as_mut(), None, &value).unwrap().unwrap();
    let (schema, found) = read(converter.as_mut(), &message).unwrap();
    assert_eq!(schema, None);
    assert_eq!(Value::decode(&found.unwrap()).unwrap(), value);
    assert_eq!(
        written(converter.as_mut(), None, &Value::Null).unwrap(),
        None
    );
    let error = written(converter.as_mut(), None, &Value::Date(1))
        .unwrap_err()
        .error;
    assert!(
        error
            .to_string()
            .contains("Unknown Java type for schemaless data: class java.util.Date"),
        "{error}"
    );
}

#[test]
fn bytes_at_the_top_have_no_length() {
    let registry = Registry::start();
    let mut converter = avro(&registry, &[]);
    let message = written(
        converter.as_mut(),
        Some(&of(SchemaType::Bytes)),
        &vec![7, 8].into(),
    )
    .unwrap()
    .unwrap();
    assert_eq!(message[5..], [7, 8]);
    let (_, value) = read(converter.as_mut(), &message).unwrap();
    assert_eq!(Value::decode(&value.unwrap()).unwrap(), vec![7, 8].into());
}

#[test]
fn null_is_no_message() {
    let registry = Registry::start();
    let mut converter = avro(&registry, &[]);
    let text = of(SchemaType::String);
    assert_eq!(
        written(
            converter.as_mut(),
            Some(&text.clone().optional()),
            &Value::Null
        )
        .unwrap(),
        None
    );
    let error = written(converter.as_mut(), Some(&text), &Value::Null)
        .unwrap_err()
        .error;
    assert_eq!(
        error.to_string(),
        "Found null value for non-optional schema"
    );
    assert!(registry.state().asked.is_empty());
}

#[test]
fn the_registrys_version_is_the_schemas() {
    let registry = Registry::start();
    registry.state().versions = true;
    registry.add("orders-value", "\"int\"");
    let id = registry.add("orders-value", "\"string\"");
    let (schema, _) = read(avro(&registry, &[]).as_mut(), &message(id, &[2, b'a'])).unwrap();
    assert_eq!(schema.unwrap().version, Some(2));
    let other = registry.add("other", "\"long\"");
    let (schema, _) = read(avro(&registry, &[]).as_mut(), &message(other, &[2])).unwrap();
    assert_eq!(schema.unwrap().version, None);
}

#[test]
fn names_are_scrubbed_or_refused() {
    let schema = of(SchemaType::Struct(vec![field(
        "a-b",
        of(SchemaType::Int32),
    )]))
    .named("x.1y");
    let value = Value::Struct(vec![1.into()]);
    let registry = Registry::start();
    let error = written(avro(&registry, &[]).as_mut(), Some(&schema), &value)
        .unwrap_err()
        .error;
    assert!(error.to_string().contains("scrub.invalid.names"), "{error}");
    let text = avro_of(&schema, &value, &[("scrub.invalid.names", "true")]);
    assert!(
        text.contains(r#""name":"x1y","namespace":"x""#) && text.contains(r#""name":"a_b""#),
        "{text}"
    );
}

#[test]
fn the_default_stands_for_null_unless_it_is_ignored() {
    let note = Schema {
        default: Some("d".into()),
        ..of(SchemaType::String).optional()
    };
    let schema = of(SchemaType::Struct(vec![field("note", note)]));
    let value = Value::Struct(vec![Value::Null]);
    let registry = Registry::start();
    let with = written(avro(&registry, &[]).as_mut(), Some(&schema), &value)
        .unwrap()
        .unwrap();
    assert_eq!(with[5..], [0, 2, b'd']);
    let settings = &[("ignore.default.for.nullables", "true")];
    let without = written(avro(&registry, settings).as_mut(), Some(&schema), &value)
        .unwrap()
        .unwrap();
    assert_eq!(without[5..], [2]);
}

#[test]
fn schemas_may_refer_to_others() {
    let registry = Registry::start();
    registry.add(
        "point",
        &json!({"type": "record", "name": "Point", "fields": [{"name": "x", "type": "int"}]})
            .to_string(),
    );
    let line = json!({"type": "record", "name": "Line", "fields": [{"name": "a", "type": "Point"}, {"name": "b", "type": "Point"}]});
    let id = registry.add_answer(
        "orders-value",
        json!({"schema": line.to_string(), "references": [{"name": "Point", "subject": "point", "version": 1}]}),
    );
    let (_, value) = read(avro(&registry, &[]).as_mut(), &message(id, &[2, 4])).unwrap();
    let point = |x: i32| Value::Struct(vec![x.into()]);
    assert_eq!(
        Value::decode(&value.unwrap()).unwrap(),
        Value::Struct(vec![point(1), point(2)])
    );
}
