//! Reads the recorded cases: their JSON stands for records, schemas and values as the README of the
//! conformance data says.

use std::sync::Arc;

use serde_json::Value as Json;
use tidegate_sdk::model::{Field, Schema, SchemaType, Value};
use tidegate_sdk::{Header, Record};

/// A recorded case.
#[derive(Debug)]
pub struct Case {
    pub id: String,
    pub smt: String,
    pub config: Vec<(String, String)>,
    pub input: Option<Record>,
    pub expect: Expect,
}

/// What Kafka Connect did.
#[derive(Debug)]
pub enum Expect {
    Record(Box<Record>),
    Dropped,
    ConfigOk,
    ConfigError,
    ApplyError,
    Matches(bool),
}

/// The cases of the transforms and predicates that `wanted` names.
pub fn of(wanted: impl Fn(&str) -> bool) -> Vec<Case> {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/conformance/smt-cases.jsonl"
    );
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| serde_json::from_str::<Json>(line).unwrap())
        .filter(|json| wanted(json["smt"].as_str().unwrap()))
        .map(|json| case(&json))
        .collect()
}

fn case(json: &Json) -> Case {
    let config = json["config"].as_object().unwrap();
    Case {
        id: json["id"].as_str().unwrap().to_owned(),
        smt: json["smt"].as_str().unwrap().to_owned(),
        config: config
            .iter()
            .map(|(key, value)| (key.clone(), value.as_str().unwrap().to_owned()))
            .collect(),
        input: json.get("input").map(record),
        expect: expect(&json["expect"]),
    }
}

fn expect(json: &Json) -> Expect {
    let has = |key: &str| json.get(key).is_some();
    if has("record") {
        Expect::Record(Box::new(record(&json["record"])))
    } else if has("dropped") {
        Expect::Dropped
    } else if has("config_ok") {
        Expect::ConfigOk
    } else if has("config_error") {
        Expect::ConfigError
    } else if has("apply_error") {
        Expect::ApplyError
    } else {
        Expect::Matches(json["matches"].as_bool().unwrap())
    }
}

fn record(json: &Json) -> Record {
    let (key_schema, key) = field(json, "key_schema", "key");
    let (value_schema, value) = field(json, "value_schema", "value");
    let none = Vec::new();
    let headers = json["headers"].as_array().unwrap_or(&none);
    Record {
        topic: json["topic"].as_str().unwrap().to_owned(),
        partition: json["partition"].as_i64().map(|p| p as i32),
        offset: json["offset"].as_i64(),
        timestamp: json["timestamp"].as_i64(),
        key,
        key_schema,
        value,
        value_schema,
        headers: headers
            .iter()
            .map(|header| {
                let (schema, value) = field(header, "schema", "value");
                Header {
                    key: header["key"].as_str().unwrap().to_owned(),
                    value,
                    schema,
                }
            })
            .collect(),
    }
}

fn field(json: &Json, schema_key: &str, key: &str) -> (Option<Arc<Schema>>, Value) {
    match json.get(schema_key).filter(|schema| !schema.is_null()) {
        // Elements without a type in common: such a schema is none here.
        Some(found) if has_no_elements_type(found) => {
            (None, untyped(&json[key], found["type"] == "map"))
        }
        Some(found) => {
            let schema = schema(found);
            let value = typed(&json[key], &schema);
            (Some(Arc::new(schema)), value)
        }
        None => (None, tagged(&json[key])),
    }
}

fn has_no_elements_type(schema: &Json) -> bool {
    let missing = |key: &str| schema.get(key).is_some_and(Json::is_null);
    missing("items") || missing("values")
}

/// The value of an array or map whose schema does not say the type of its elements.
fn untyped(json: &Json, is_map: bool) -> Value {
    let elements = json.as_array().unwrap().iter();
    if is_map {
        let pair = |pair: &Json| (tagged(&pair[0]), tagged(&pair[1]));
        return Value::Map(elements.map(pair).collect());
    }
    Value::Array(elements.map(tagged).collect())
}

fn schema(json: &Json) -> Schema {
    if let Some(word) = json.as_str() {
        let (word, optional) = match word.strip_suffix('?') {
            Some(word) => (word, true),
            None => (word, false),
        };
        return Schema {
            optional,
            ..named_type(word)
        };
    }
    let kind = match json["type"].as_str().unwrap() {
        "struct" => SchemaType::Struct(
            json["fields"]
                .as_array()
                .unwrap()
                .iter()
                .map(|field| Field {
                    name: field[0].as_str().unwrap().to_owned(),
                    schema: Arc::new(schema(&field[1])),
                })
                .collect(),
        ),
        "array" => SchemaType::Array(Arc::new(schema(&json["items"]))),
        "map" => SchemaType::Map(
            Arc::new(schema(&json["keys"])),
            Arc::new(schema(&json["values"])),
        ),
        word => {
            let base = named_type(word);
            return decorated(json, base);
        }
    };
    decorated(json, Schema::new(kind))
}

fn decorated(json: &Json, base: Schema) -> Schema {
    let text = |key: &str| json.get(key).and_then(Json::as_str).map(str::to_owned);
    let mut schema = Schema {
        optional: json["optional"].as_bool().unwrap_or(false),
        name: text("name").or(base.name),
        version: json["version"].as_i64().map(|v| v as i32).or(base.version),
        doc: text("doc"),
        parameters: json["parameters"]
            .as_object()
            .map_or(base.parameters, |parameters| {
                parameters
                    .iter()
                    .map(|(key, value)| (key.clone(), value.as_str().unwrap().to_owned()))
                    .collect()
            }),
        ..Schema::new(base.kind)
    };
    if let Some(default) = json.get("default").filter(|default| !default.is_null()) {
        schema.default = Some(typed(default, &schema));
    }
    schema
}

fn named_type(word: &str) -> Schema {
    let kind = match word {
        "boolean" => SchemaType::Boolean,
        "int8" => SchemaType::Int8,
        "int16" => SchemaType::Int16,
        "int32" => SchemaType::Int32,
        "int64" => SchemaType::Int64,
        "float32" => SchemaType::Float32,
        "float64" => SchemaType::Float64,
        "string" => SchemaType::String,
        "bytes" => SchemaType::Bytes,
        "date" => return Schema::date(),
        "time" => return Schema::time(),
        "timestamp" => return Schema::timestamp(),
        decimal if decimal.starts_with("decimal(") => {
            return Schema::decimal(decimal[8..decimal.len() - 1].parse().unwrap());
        }
        other => panic!("the schema {other}"),
    };
    Schema::new(kind)
}

fn typed(json: &Json, schema: &Schema) -> Value {
    if json.is_null() {
        return Value::Null;
    }
    let logical = schema
        .name
        .as_deref()
        .and_then(|name| name.rsplit('.').next());
    match &schema.kind {
        SchemaType::Int32 if logical == Some("Date") => scalar("date", json),
        SchemaType::Int32 if logical == Some("Time") => scalar("time", json),
        SchemaType::Int64 if logical == Some("Timestamp") => scalar("timestamp", json),
        SchemaType::Struct(fields) => Value::Struct(
            fields
                .iter()
                .map(|field| typed(&json[&field.name], &field.schema))
                .collect(),
        ),
        SchemaType::Array(element) => Value::Array(
            json.as_array()
                .unwrap()
                .iter()
                .map(|json| typed(json, element))
                .collect(),
        ),
        // Written as pairs where keys need not be texts.
        SchemaType::Map(key, value) if json.is_array() => Value::Map(
            json.as_array()
                .unwrap()
                .iter()
                .map(|pair| (typed(&pair[0], key), typed(&pair[1], value)))
                .collect(),
        ),
        SchemaType::Bytes if logical == Some("Decimal") => {
            decimal(json, schema.parameter("scale").unwrap())
        }
        SchemaType::Map(_, value) => Value::Map(
            json.as_object()
                .unwrap()
                .iter()
                .map(|(key, json)| (key.as_str().into(), typed(json, value)))
                .collect(),
        ),
        kind => scalar(kind.name(), json),
    }
}

fn tagged(json: &Json) -> Value {
    if json.is_null() {
        return Value::Null;
    }
    let (tag, json) = json.as_object().unwrap().iter().next().unwrap();
    match tag.as_str() {
        "map" => Value::Map(
            json.as_object()
                .unwrap()
                .iter()
                .map(|(key, json)| (key.as_str().into(), tagged(json)))
                .collect(),
        ),
        "list" => Value::Array(json.as_array().unwrap().iter().map(tagged).collect()),
        // Without a schema, a `java.util.Date` is a moment, whatever it was made from.
        "date" => Value::Timestamp(json.as_i64().unwrap()),
        tag => scalar(tag, json),
    }
}

/// A decimal that is written without an exponent, at the scale of its schema.
fn decimal(json: &Json, scale: &str) -> Value {
    let (text, scale) = (json.as_str().unwrap(), scale.parse::<i32>().unwrap());
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let zeros = scale - fraction.len() as i32;
    let mut digits = format!("{whole}{fraction}{}", "0".repeat(zeros.max(0) as usize));
    digits.truncate(digits.len() - (-zeros).max(0) as usize);
    let unscaled = tidegate_java::decimal::Decimal::parse(&digits)
        .unwrap()
        .unscaled;
    Value::Decimal { scale, unscaled }
}

fn scalar(tag: &str, json: &Json) -> Value {
    let integer = || json.as_i64().unwrap();
    match tag {
        "boolean" => json.as_bool().unwrap().into(),
        "int8" => (integer() as i8).into(),
        "int16" => (integer() as i16).into(),
        "int32" => (integer() as i32).into(),
        "int64" => integer().into(),
        "float32" => Value::Float32(json.as_f64().unwrap() as f32),
        "float64" => Value::Float64(json.as_f64().unwrap()),
        "string" => json.as_str().unwrap().into(),
        "date" => Value::Date((integer() / 86_400_000) as i32),
        "time" => Value::Time(integer() as i32),
        "timestamp" => Value::Timestamp(integer()),
        // Transforms here copy these as they are: the text is enough to compare them.
        "bytes" | "decimal" => Value::Bytes(json.to_string().into_bytes()),
        other => panic!("the type {other}"),
    }
}
