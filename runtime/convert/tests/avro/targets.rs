//! Which schema values are written with, and under which subject.

use std::sync::Arc;

use serde_json::json;
use tidegate_convert::{Role, converter};
use tidegate_model::{Column, ErrorClass, Field, Schema, SchemaType, Value};

use crate::registry::Registry;
use crate::{TOPIC, avro, written};

fn order() -> Schema {
    let field = |name: &str, kind| Field {
        name: name.to_owned(),
        schema: Arc::new(Schema::new(kind)),
    };
    Schema::new(SchemaType::Struct(vec![
        field("a", SchemaType::Int32),
        field("b", SchemaType::String),
        field("c", SchemaType::Float32),
    ]))
    .named("n.Order")
}

fn value() -> Value {
    Value::Struct(vec![3.into(), "x".into(), 1.5_f32.into()])
}

#[test]
fn subjects_are_named_by_the_strategy() {
    for (strategy, subject) in [
        ("TopicNameStrategy", "orders-value"),
        (
            "io.confluent.kafka.serializers.subject.RecordNameStrategy",
            "n.Order",
        ),
        ("TopicRecordNameStrategy", "orders-n.Order"),
    ] {
        let registry = Registry::start();
        let mut converter = avro(&registry, &[("value.subject.name.strategy", strategy)]);
        written(converter.as_mut(), Some(&order()), &value()).unwrap();
        assert_eq!(registry.subjects(), [subject]);
        if subject != "orders-value" {
            let text = Schema::new(SchemaType::String);
            let error = written(converter.as_mut(), Some(&text), &"a".into())
                .unwrap_err()
                .error;
            assert!(
                error.to_string().contains("must only be a record schema"),
                "{error}"
            );
        }
    }
    let registry = Registry::start();
    let config = [("schema.registry.url".to_owned(), registry.url())].into();
    let mut keys = converter("AvroConverter", Role::Key, &config).unwrap();
    let values: Column = [Some(value().to_encoded().as_slice())]
        .into_iter()
        .collect();
    keys.from_connect(
        TOPIC,
        &values,
        &[0],
        &[order().to_encoded()],
        &mut Vec::new(),
    );
    assert_eq!(registry.subjects(), ["orders-key"]);
}

#[test]
fn a_schema_is_registered_once() {
    let registry = Registry::start();
    let mut converter = avro(&registry, &[]);
    for _ in 0..3 {
        written(converter.as_mut(), Some(&order()), &value()).unwrap();
    }
    assert_eq!(
        registry.state().asked,
        ["POST /subjects/orders-value/versions"]
    );
}

#[test]
fn a_schema_that_must_be_there_is_looked_for() {
    let registry = Registry::start();
    let settings = &[("auto.register.schemas", "false")];
    let error = written(avro(&registry, settings).as_mut(), Some(&order()), &value())
        .unwrap_err()
        .error;
    assert_eq!(error.class(), ErrorClass::Data);
    assert!(
        error.to_string().contains("40403") && error.to_string().contains("orders-value"),
        "{error}"
    );
    assert!(registry.subjects().is_empty());
    let own = written(avro(&registry, &[]).as_mut(), Some(&order()), &value()).unwrap();
    assert_eq!(
        written(avro(&registry, settings).as_mut(), Some(&order()), &value()).unwrap(),
        own
    );
}

#[test]
fn another_schema_takes_fields_by_name() {
    let target = json!({"type": "record", "name": "Order", "namespace": "n", "fields": [
        {"name": "c", "type": "double"},
        {"name": "new", "type": ["null", "string"], "default": null},
        {"name": "a", "type": ["null", "long"]},
        {"name": "kind", "type": {"type": "array", "items": "int"}, "default": [1, 2]}]});
    let registry = Registry::start();
    registry.add("orders-value", "\"int\"");
    let id = registry.add("orders-value", &target.to_string());
    let number = id.to_string();
    for settings in [
        &[
            ("auto.register.schemas", "false"),
            ("use.latest.version", "true"),
        ],
        &[
            ("auto.register.schemas", "false"),
            ("use.schema.id", number.as_str()),
        ],
    ] {
        let message = written(avro(&registry, settings).as_mut(), Some(&order()), &value())
            .unwrap()
            .unwrap();
        let body = [1.5_f64.to_le_bytes().as_slice(), &[0, 2, 6, 4, 2, 4, 0]].concat();
        assert_eq!(message, crate::message(id, &body));
    }
    registry.add(
        "orders-value",
        r#"{"type": "record", "name": "Order", "fields": [{"name": "z", "type": "int"}]}"#,
    );
    let latest = &[
        ("auto.register.schemas", "false"),
        ("use.latest.version", "true"),
    ];
    let error = written(avro(&registry, latest).as_mut(), Some(&order()), &value())
        .unwrap_err()
        .error;
    assert!(
        error.to_string().contains("a field z without a default"),
        "{error}"
    );
}
