//! Every recorded case of Kafka Connect's own converters, in both directions.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value as Json;
use tidegate_convert::{Role, converter};
use tidegate_model::value::Value;
use tidegate_model::{Column, Field, Schema, SchemaType};

const CASES: &str = include_str!("../../../tests/conformance/converter-cases.jsonl");

/// Cases that are not met, each with its reason.
const SKIPPED: &[(&str, &str)] = &[];

#[test]
fn converters_do_what_kafka_connect_does() {
    let mut failures = Vec::new();
    let mut run = 0;
    for line in CASES.lines() {
        let case: Json = serde_json::from_str(line).unwrap();
        let id = case["id"].as_str().unwrap();
        if SKIPPED.iter().any(|(skipped, _)| *skipped == id) {
            continue;
        }
        run += 1;
        let outcome = match case["dir"].as_str() {
            Some("from") => from_connect(&case),
            _ => to_connect(&case),
        };
        if let Err(message) = outcome {
            failures.push(format!("{id}: {message}\n  {line}"));
        }
    }
    assert!(run > 150, "only {run} cases were run");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn made(case: &Json) -> Box<dyn tidegate_convert::Converter> {
    let config: BTreeMap<String, String> = case["config"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(key, value)| (key.clone(), value.as_str().unwrap().to_owned()))
        .collect();
    let role = if case["header"] == true {
        Role::Header
    } else {
        Role::Value
    };
    converter(case["converter"].as_str().unwrap(), role, &config).unwrap()
}

fn from_connect(case: &Json) -> Result<(), String> {
    let schema = schema(&case["schema"]);
    let value = match &schema {
        Some(schema) => value_under(schema, &case["value"]),
        None => tagged(&case["value"]),
    };
    let encoded = value.to_encoded();
    let values: Column = [Some(encoded.as_slice()).filter(|_| value != Value::Null)]
        .into_iter()
        .collect();
    let schemas: Vec<Vec<u8>> = schema.iter().map(Schema::to_encoded).collect();
    let indexes = if schemas.is_empty() { vec![] } else { vec![0] };
    let mut failures = Vec::new();
    let bytes = made(case).from_connect("topic", &values, &indexes, &schemas, &mut failures);
    let found = match failures.pop() {
        Some(failure) => Err(failure.error.to_string()),
        None => Ok(bytes.iter().next().unwrap().map(<[u8]>::to_vec)),
    };
    let expected = match case["expect"]["error"]["message"].as_str() {
        Some(message) => Err(message.to_owned()),
        None => Ok(case["expect"]["bytes_b64"]
            .as_str()
            .map(|text| STANDARD.decode(text).unwrap())),
    };
    compare(&found, &expected)
}

fn to_connect(case: &Json) -> Result<(), String> {
    let input = match (case["bytes_b64"].as_str(), case["text"].as_str()) {
        (Some(bytes), _) => Some(STANDARD.decode(bytes).unwrap()),
        (None, text) => text.map(|text| text.as_bytes().to_vec()),
    };
    let bytes: Column = [input.as_deref()].into_iter().collect();
    let mut schemas = Vec::new();
    let mut failures = Vec::new();
    let column = made(case).to_connect("topic", &bytes, &mut schemas, &mut failures);
    let found = match failures.pop() {
        Some(failure) => Err(failure.error.to_string()),
        None => {
            let schema = column.schemas.first().and_then(|index| {
                let encoded = schemas.get(usize::try_from(*index).ok()?)?;
                Some(Schema::decode(encoded).unwrap())
            });
            let value = column.values.iter().next().unwrap();
            Ok((
                schema,
                value.map_or(Value::Null, |value| sorted(Value::decode(value).unwrap())),
            ))
        }
    };
    let expect = &case["expect"];
    let expected = match expect["error"]["message"].as_str() {
        Some(message) => Err(message.to_owned()),
        // The model has no arrays and maps whose elements have no schema: they have no schema themselves.
        None if expect["schema"]["items"].is_null() && expect["schema"]["type"] == "array" => Ok((
            None,
            Value::Array(
                expect["value"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(tagged)
                    .collect(),
            ),
        )),
        None if expect["schema"]["values"].is_null() && expect["schema"]["type"] == "map" => {
            let entry = |pair: &Json| (Value::from(pair[0].as_str().unwrap()), tagged(&pair[1]));
            let entries = expect["value"].as_array().unwrap();
            Ok((
                None,
                sorted(Value::Map(entries.iter().map(entry).collect())),
            ))
        }
        None => {
            let schema = schema(&expect["schema"]);
            let value = match &schema {
                Some(schema) => value_under(schema, &expect["value"]),
                None => tagged(&expect["value"]),
            };
            Ok((schema, sorted(value)))
        }
    };
    compare(&found, &expected)
}

/// Messages are compared as far as Kafka Connect's goes.
fn compare<T: PartialEq + std::fmt::Debug>(
    found: &Result<T, String>,
    expected: &Result<T, String>,
) -> Result<(), String> {
    let same = match (found, expected) {
        (Err(found), Err(expected)) => found.starts_with(expected.trim_end()),
        (found, expected) => found == expected,
    };
    if same {
        Ok(())
    } else {
        Err(format!("found {found:?}, expected {expected:?}"))
    }
}

/// Maps are compared without order.
fn sorted(value: Value) -> Value {
    match value {
        Value::Map(entries) => {
            let mut entries: Vec<(Value, Value)> = entries
                .into_iter()
                .map(|(key, value)| (sorted(key), sorted(value)))
                .collect();
            entries.sort_by_key(|(key, _)| key.to_encoded());
            Value::Map(entries)
        }
        Value::Array(elements) => Value::Array(elements.into_iter().map(sorted).collect()),
        Value::Struct(fields) => Value::Struct(fields.into_iter().map(sorted).collect()),
        other => other,
    }
}

fn schema(json: &Json) -> Option<Schema> {
    if json.is_null() {
        return None;
    }
    let name = json.as_str().or_else(|| json["type"].as_str()).unwrap();
    let (name, optional) = match name.strip_suffix('?') {
        Some(name) => (name, true),
        None => (name, json["optional"] == true),
    };
    let inner = |json: &Json| Arc::new(schema(json).unwrap());
    let mut made = match name {
        "date" => Schema::date(),
        "time" => Schema::time(),
        "timestamp" => Schema::timestamp(),
        "boolean" => Schema::new(SchemaType::Boolean),
        "int8" => Schema::new(SchemaType::Int8),
        "int16" => Schema::new(SchemaType::Int16),
        "int32" => Schema::new(SchemaType::Int32),
        "int64" => Schema::new(SchemaType::Int64),
        "float32" => Schema::new(SchemaType::Float32),
        "float64" => Schema::new(SchemaType::Float64),
        "string" => Schema::new(SchemaType::String),
        "bytes" => Schema::new(SchemaType::Bytes),
        "array" => Schema::new(SchemaType::Array(inner(&json["items"]))),
        "map" => Schema::new(SchemaType::Map(
            inner(&json["keys"]),
            inner(&json["values"]),
        )),
        "struct" => Schema::new(SchemaType::Struct(
            json["fields"]
                .as_array()
                .unwrap()
                .iter()
                .map(|field| Field {
                    name: field[0].as_str().unwrap().to_owned(),
                    schema: inner(&field[1]),
                })
                .collect(),
        )),
        decimal => {
            let scale = decimal
                .strip_prefix("decimal(")
                .unwrap()
                .strip_suffix(')')
                .unwrap();
            Schema::decimal(scale.parse().unwrap())
        }
    };
    made.optional = optional;
    if let Some(name) = json["name"].as_str() {
        made.name = Some(name.to_owned());
    }
    if let Some(version) = json["version"].as_i64() {
        made.version = Some(i32::try_from(version).unwrap());
    }
    if let Some(doc) = json["doc"].as_str() {
        made.doc = Some(doc.to_owned());
    }
    if let Some(parameters) = json["parameters"].as_object() {
        made.parameters = parameters
            .iter()
            .map(|(key, value)| (key.clone(), value.as_str().unwrap().to_owned()))
            .collect();
    }
    if !json["default"].is_null() {
        made.default = Some(value_under(&made, &json["default"]));
    }
    Some(made)
}

fn value_under(schema: &Schema, json: &Json) -> Value {
    if json.is_null() {
        return Value::Null;
    }
    match schema.name.as_deref() {
        Some(tidegate_model::schema::DATE) => return date(json),
        Some(tidegate_model::schema::TIME) => {
            return Value::Time(i32::try_from(json.as_i64().unwrap()).unwrap());
        }
        Some(tidegate_model::schema::TIMESTAMP) => return Value::Timestamp(json.as_i64().unwrap()),
        Some(tidegate_model::schema::DECIMAL) => return decimal(json.as_str().unwrap()),
        _ => {}
    }
    match &schema.kind {
        SchemaType::Array(element) => Value::Array(
            json.as_array()
                .unwrap()
                .iter()
                .map(|json| value_under(element, json))
                .collect(),
        ),
        SchemaType::Map(key, value) => Value::Map(
            json.as_array()
                .unwrap()
                .iter()
                .map(|pair| (value_under(key, &pair[0]), value_under(value, &pair[1])))
                .collect(),
        ),
        SchemaType::Struct(fields) => Value::Struct(
            fields
                .iter()
                .map(|field| value_under(&field.schema, &json[&field.name]))
                .collect(),
        ),
        other => scalar(other.name(), json),
    }
}

fn tagged(json: &Json) -> Value {
    let Some(object) = json.as_object() else {
        return Value::Null;
    };
    let (name, json) = object.iter().next().unwrap();
    match name.as_str() {
        "map" => Value::Map(
            json.as_object()
                .unwrap()
                .iter()
                .map(|(key, value)| (Value::from(key.as_str()), tagged(value)))
                .collect(),
        ),
        "list" => Value::Array(json.as_array().unwrap().iter().map(tagged).collect()),
        "date" => date(json),
        "decimal" => decimal(json.as_str().unwrap()),
        name => scalar(name, json),
    }
}

fn scalar(name: &str, json: &Json) -> Value {
    let whole = || json.as_i64().unwrap();
    let float = || match json.as_str() {
        Some(text) => text.parse::<f64>().unwrap(),
        None => json.as_f64().unwrap(),
    };
    match name {
        "boolean" => Value::Boolean(json.as_bool().unwrap()),
        "int8" => Value::Int8(i8::try_from(whole()).unwrap()),
        "int16" => Value::Int16(i16::try_from(whole()).unwrap()),
        "int32" => Value::Int32(i32::try_from(whole()).unwrap()),
        "int64" => Value::Int64(whole()),
        #[allow(clippy::cast_possible_truncation)]
        "float32" => Value::Float32(float() as f32),
        "float64" => Value::Float64(float()),
        "string" => Value::from(json.as_str().unwrap()),
        "bytes" => Value::Bytes(STANDARD.decode(json.as_str().unwrap()).unwrap()),
        other => panic!("the type {other} is not known to this test"),
    }
}

fn date(json: &Json) -> Value {
    Value::Date(i32::try_from(json.as_i64().unwrap() / 86_400_000).unwrap())
}

/// A decimal of a text without an exponent.
fn decimal(text: &str) -> Value {
    let scale = text
        .split_once('.')
        .map_or(0, |(_, fraction)| fraction.len());
    let unscaled: i128 = text.replace('.', "").parse().unwrap();
    let bytes = unscaled.to_be_bytes();
    let spare = |pair: &[u8]| {
        (pair[0] == 0 && pair[1] & 0x80 == 0) || (pair[0] == 0xff && pair[1] & 0x80 != 0)
    };
    let skip = bytes.windows(2).take_while(|pair| spare(pair)).count();
    Value::Decimal {
        scale: i32::try_from(scale).unwrap(),
        unscaled: bytes[skip..].to_vec(),
    }
}
