//! The Avro converter with a real schema registry and Confluent's Python client: `make test-registry` starts them.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod hex;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use hex::{hex, unhex};
use serde_json::{Value as Json, json};
use tidegate_convert::{Converter, RecordFailure, Role, converter};
use tidegate_model::{Column, ErrorClass, Field, Schema, SchemaType, Value};

/// The registry; `None`: there is none, and nothing is tested.
fn registry() -> Option<String> {
    let url = std::env::var("TIDEGATE_TEST_REGISTRY").ok();
    if url.is_none() {
        println!(
            "Left out: TIDEGATE_TEST_REGISTRY names no registry; `make test-registry` starts one."
        );
    }
    url
}

/// Starts Confluent's client.
fn peer(arguments: &[&str]) -> Child {
    let python = std::env::var("TIDEGATE_TEST_PYTHON").unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/registry/peer.py");
    Command::new(python)
        .arg(script)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// What Confluent's client answers to an input, line by line.
fn ask(arguments: &[&str], input: &str) -> Vec<String> {
    let mut child = peer(arguments);
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "peer.py {arguments:?} failed");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(str::to_owned).collect()
}

fn avro(url: &str, settings: &[(&str, &str)]) -> Box<dyn Converter> {
    let mut config = BTreeMap::from([
        ("schema.registry.url".to_owned(), url.to_owned()),
        ("max.retries".to_owned(), "0".to_owned()),
    ]);
    let settings = settings.iter();
    config.extend(settings.map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
    converter(
        "io.confluent.connect.avro.AvroConverter",
        Role::Value,
        &config,
    )
    .unwrap()
}

fn read(
    converter: &mut dyn Converter,
    topic: &str,
    message: &[u8],
) -> Result<(Schema, Value), RecordFailure> {
    let bytes: Column = [Some(message)].into_iter().collect();
    let (mut schemas, mut failures) = (Vec::new(), Vec::new());
    let column = converter.to_connect(topic, &bytes, &mut schemas, &mut failures);
    match failures.pop() {
        Some(failure) => Err(failure),
        None => {
            let value = column.values.iter().next().unwrap().unwrap();
            Ok((
                Schema::decode(&schemas[0]).unwrap(),
                Value::decode(value).unwrap(),
            ))
        }
    }
}

fn write(
    converter: &mut dyn Converter,
    topic: &str,
    schema: &Schema,
    value: &Value,
) -> Result<Vec<u8>, RecordFailure> {
    let values: Column = [Some(value.to_encoded().as_slice())].into_iter().collect();
    let mut failures = Vec::new();
    let column =
        converter.from_connect(topic, &values, &[0], &[schema.to_encoded()], &mut failures);
    match failures.pop() {
        Some(failure) => Err(failure),
        None => Ok(column.bytes),
    }
}

fn field(name: &str, schema: Schema) -> Field {
    Field {
        name: name.to_owned(),
        schema: Arc::new(schema),
    }
}

fn of(kind: SchemaType) -> Schema {
    Schema::new(kind)
}

#[test]
fn what_confluents_client_writes_is_read() {
    let Some(url) = registry() else { return };
    let schema = json!({"type": "record", "name": "Order", "namespace": "shop", "doc": "an order", "fields": [
        {"name": "id", "type": "long"},
        {"name": "note", "type": ["null", "string"], "default": null},
        {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}},
        {"name": "day", "type": {"type": "int", "logicalType": "date"}},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "kind", "type": {"type": "enum", "name": "Kind", "symbols": ["NEW", "OLD"]}},
        {"name": "hash", "type": {"type": "fixed", "name": "Hash", "size": 2}},
        {"name": "tags", "type": {"type": "array", "items": "string"}},
        {"name": "counts", "type": {"type": "map", "values": "int"}},
        {"name": "one", "type": ["int", "string", {"type": "record", "name": "Point", "fields": [{"name": "x", "type": "double"}]}]},
        {"name": "ok", "type": "boolean"}, {"name": "f", "type": "float"}]});
    let value = |note: Json, one: Json| {
        json!({"id": -7, "note": note, "price": {"$decimal": "12.34"}, "day": {"$date": "1970-01-03"},
        "at": {"$ms": 1500}, "kind": "OLD", "hash": {"$bytes": "00ff"}, "tags": ["a", "é"], "counts": {"k": 300}, "one": one,
        "ok": true, "f": 0.5})
    };
    let given = json!({"schema": schema, "values": [value(json!("n"), json!("s")), value(Json::Null, json!({"x": 1.5}))]});
    for (strategy, name) in [
        ("topic", "TopicNameStrategy"),
        ("record", "RecordNameStrategy"),
        ("topic-record", "TopicRecordNameStrategy"),
    ] {
        let messages = ask(&["write", &url, "orders", strategy], &given.to_string());
        let mut converter = avro(&url, &[("value.subject.name.strategy", name)]);
        for (message, (note, one)) in messages.iter().zip([
            ("n".into(), vec![Value::Null, "s".into(), Value::Null]),
            (
                Value::Null,
                vec![Value::Null, Value::Null, Value::Struct(vec![1.5.into()])],
            ),
        ]) {
            let (schema, value) = read(converter.as_mut(), "orders", &unhex(message)).unwrap();
            assert_eq!(schema.name.as_deref(), Some("shop.Order"));
            assert_eq!(schema.version, Some(1), "{strategy}");
            let wanted = vec![
                (-7_i64).into(),
                note,
                Value::Decimal {
                    scale: 2,
                    unscaled: vec![4, 0xd2],
                },
                Value::Date(2),
                Value::Timestamp(1500),
                "OLD".into(),
                vec![0, 0xff].into(),
                Value::Array(vec!["a".into(), "é".into()]),
                Value::Map(vec![("k".into(), 300.into())]),
                Value::Struct(one),
                true.into(),
                0.5_f32.into(),
            ];
            assert_eq!(value, Value::Struct(wanted));
        }
    }
}

#[test]
fn what_is_written_confluents_client_reads() {
    let Some(url) = registry() else { return };
    let schema = of(SchemaType::Struct(vec![
        field("tiny", of(SchemaType::Int8)),
        field("big", of(SchemaType::Int64)),
        field("none", of(SchemaType::String).optional()),
        field("price", Schema::decimal(2).optional()),
        field("day", Schema::date()),
        field("time", Schema::time()),
        field("at", Schema::timestamp()),
        field("bytes", of(SchemaType::Bytes)),
        field(
            "list",
            of(SchemaType::Array(of(SchemaType::Float64).into())),
        ),
        field(
            "map",
            of(SchemaType::Map(
                of(SchemaType::String).into(),
                of(SchemaType::Boolean).into(),
            )),
        ),
        field(
            "pairs",
            of(SchemaType::Map(
                of(SchemaType::Int32).into(),
                of(SchemaType::String).into(),
            )),
        ),
        field(
            "inner",
            of(SchemaType::Struct(vec![field(
                "a",
                of(SchemaType::Float32),
            )]))
            .optional(),
        ),
        field(
            "kept",
            Schema {
                default: Some("d".into()),
                ..of(SchemaType::String).optional()
            },
        ),
    ]))
    .named("shop.Written");
    let value = Value::Struct(vec![
        (-1_i8).into(),
        i64::MAX.into(),
        Value::Null,
        Value::Decimal {
            scale: 2,
            unscaled: vec![0xff],
        },
        Value::Date(2),
        Value::Time(1000),
        Value::Timestamp(1500),
        vec![1, 2].into(),
        Value::Array(vec![1.5.into(), 2.5.into()]),
        Value::Map(vec![("a".into(), true.into())]),
        Value::Map(vec![(7.into(), "seven".into())]),
        Value::Struct(vec![0.5_f32.into()]),
        Value::Null,
    ]);
    let mut converter = avro(&url, &[]);
    let message = write(converter.as_mut(), "written", &schema, &value).unwrap();
    let lines = ask(&["read", &url, "written"], &hex(&message));
    let wanted = json!({"tiny": -1, "big": i64::MAX, "none": null, "price": {"$decimal": "-0.01"}, "day": {"$date": "1970-01-03"},
        "time": {"$time": "00:00:01"}, "at": {"$ms": 1500}, "bytes": {"$bytes": "0102"}, "list": [1.5, 2.5], "map": {"a": true},
        "pairs": [{"key": 7, "value": "seven"}], "inner": {"a": 0.5}, "kept": "d"});
    assert_eq!(serde_json::from_str::<Json>(&lines[0]).unwrap(), wanted);
    let (again, _) = read(converter.as_mut(), "written", &message).unwrap();
    assert_eq!(
        Schema {
            version: None,
            ..again
        },
        schema
    );

    // The same schema is there now, and has its id again.
    let mut must_be_there = avro(&url, &[("auto.register.schemas", "false")]);
    assert_eq!(
        write(must_be_there.as_mut(), "written", &schema, &value).unwrap(),
        message
    );
    let error = write(must_be_there.as_mut(), "elsewhere", &schema, &value)
        .unwrap_err()
        .error;
    assert_eq!(error.class(), ErrorClass::Data);
    assert!(
        error.to_string().contains("Error retrieving Avro schema")
            && error.to_string().contains("404"),
        "{error}"
    );
}

#[test]
fn the_latest_version_is_written() {
    let Some(url) = registry() else { return };
    let latest = json!({"type": "record", "name": "R", "fields": [
        {"name": "b", "type": "string"}, {"name": "a", "type": "long"}, {"name": "c", "type": "int", "default": 9}]});
    let given = json!({"schema": latest, "values": [{"a": 0, "b": "", "c": 0}]});
    let theirs = unhex(&ask(&["write", &url, "latest", "topic"], &given.to_string())[0]);
    let schema = of(SchemaType::Struct(vec![
        field("a", of(SchemaType::Int32)),
        field("b", of(SchemaType::String)),
    ]))
    .named("R");
    let value = Value::Struct(vec![5.into(), "x".into()]);
    let mut converter = avro(
        &url,
        &[
            ("auto.register.schemas", "false"),
            ("use.latest.version", "true"),
        ],
    );
    let message = write(converter.as_mut(), "latest", &schema, &value).unwrap();
    assert_eq!(message[..5], theirs[..5]);
    let lines = ask(&["read", &url, "latest"], &hex(&message));
    assert_eq!(
        serde_json::from_str::<Json>(&lines[0]).unwrap(),
        json!({"a": 5, "b": "x", "c": 9})
    );
}

#[test]
fn an_unknown_id_is_the_records_error() {
    let Some(url) = registry() else { return };
    let error = read(avro(&url, &[]).as_mut(), "orders", &[0, 0x7f, 0, 0, 0, 0])
        .unwrap_err()
        .error;
    assert_eq!(error.class(), ErrorClass::Data);
    assert!(
        error.to_string().contains("for id 2130706432") && error.to_string().contains("404"),
        "{error}"
    );
}

#[test]
fn a_user_is_asked_for_and_a_registry_that_stopped_is_tried_later() {
    let Some(url) = registry() else { return };
    let mut proxy = peer(&["proxy", &url, "user:canary"]);
    let mut lines = BufReader::new(proxy.stdout.take().unwrap()).lines();
    let guarded = lines.next().unwrap().unwrap();
    let text = of(SchemaType::String);
    let error = write(avro(&guarded, &[]).as_mut(), "guarded", &text, &"a".into())
        .unwrap_err()
        .error;
    assert_eq!(error.class(), ErrorClass::Config);
    assert!(error.to_string().contains("401"), "{error}");
    let settings = &[
        ("basic.auth.credentials.source", "USER_INFO"),
        ("basic.auth.user.info", "user:canary"),
    ];
    let mut converter = avro(&guarded, settings);
    let message = write(converter.as_mut(), "guarded", &text, &"a".into()).unwrap();
    let in_url = guarded.replace("://", "://user:canary@");
    assert_eq!(
        write(avro(&in_url, &[]).as_mut(), "guarded", &text, &"a".into()).unwrap(),
        message
    );

    proxy.kill().unwrap();
    proxy.wait().unwrap();
    assert_eq!(
        write(converter.as_mut(), "guarded", &text, &"b".into()).unwrap()[..5],
        message[..5]
    );
    let error = write(
        converter.as_mut(),
        "guarded",
        &of(SchemaType::Int32),
        &1.into(),
    )
    .unwrap_err()
    .error;
    assert_eq!(error.class(), ErrorClass::Retriable);
    assert!(!error.to_string().contains("canary"), "{error}");
}
