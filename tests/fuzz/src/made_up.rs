//! Schemas, values that fit them, and records, made up from an input.

use std::sync::Arc;

use tidegate_model::schema::{Field, Schema, SchemaType};
use tidegate_model::{Batch, Value};
use tidegate_sdk::record::batch_of;
use tidegate_sdk::{Header, Record};

use crate::input::Input;

/// How deep what is made up nests.
const DEPTH: usize = 4;
/// How many parts a container has at most.
const PARTS: usize = 5;
/// Names of fields: some that transforms look for.
const NAMES: &[&str] = &[
    "a", "b", "c", "before", "after", "op", "source", "ts_ms", "id", "a.b", "ä", "",
];
/// Texts that something may be read from.
const TEXTS: &[&str] = &[
    "",
    "a",
    "r",
    "d",
    "1",
    "-1.5",
    "true",
    "null",
    "2024-02-29",
    "2024-02-29T12:34:56.789Z",
    "12:00",
    "[1,2]",
    "{\"a\":1}",
    "NaN",
    "1e400",
    "ü€😀",
    "\\",
    "\"",
];

/// A name of a field.
pub fn name(input: &mut Input<'_>) -> String {
    if input.seldom(8) {
        input.text(12)
    } else {
        (*input.pick(NAMES)).to_owned()
    }
}

fn text(input: &mut Input<'_>) -> String {
    if input.flag() {
        input.text(40)
    } else {
        (*input.pick(TEXTS)).to_owned()
    }
}

/// A schema.
pub fn schema(input: &mut Input<'_>) -> Schema {
    schema_within(input, DEPTH)
}

fn schema_within(input: &mut Input<'_>, depth: usize) -> Schema {
    let part = |input: &mut Input<'_>| Arc::new(schema_within(input, depth - 1));
    let of = Schema::new;
    let mut schema = match input.byte() % 20 {
        0 => of(SchemaType::Boolean),
        1 => of(SchemaType::Int8),
        2 => of(SchemaType::Int16),
        3 => of(SchemaType::Int32),
        4 => of(SchemaType::Int64),
        5 => of(SchemaType::Float32),
        6 => of(SchemaType::Float64),
        7 => of(SchemaType::String),
        8 => of(SchemaType::Bytes),
        9 => Schema::date(),
        10 => Schema::time(),
        11 => Schema::timestamp(),
        12 => Schema::decimal(i32::from(input.byte().cast_signed())),
        13 if depth > 0 => of(SchemaType::Array(part(input))),
        14 if depth > 0 => of(SchemaType::Map(part(input), part(input))),
        _ if depth > 0 => {
            let mut fields: Vec<Field> = Vec::new();
            for _ in 0..input.below(PARTS + 1) {
                let name = name(input);
                let schema = part(input);
                // Kafka Connect knows no field without a name.
                if !name.is_empty() && fields.iter().all(|field| field.name != name) {
                    fields.push(Field { name, schema });
                }
            }
            of(SchemaType::Struct(fields))
        }
        _ => of(SchemaType::String),
    };
    schema.optional = input.flag();
    if input.seldom(8) {
        let named = schema.name.is_some();
        if !named {
            schema.name = Some(name(input));
            schema.version = input.flag().then(|| i32::from(input.byte()));
        }
        schema.doc = input.flag().then(|| text(input));
        if input.flag() && !named {
            schema.parameters.push((name(input), text(input)));
        }
        if input.flag() {
            let value = value(input, &schema);
            schema.default = Some(value).filter(|value| *value != Value::Null);
        }
    }
    schema
}

/// A value that fits a schema.
#[allow(clippy::cast_possible_truncation, reason = "any number will do")]
pub fn value(input: &mut Input<'_>, schema: &Schema) -> Value {
    use tidegate_model::schema::{DATE, DECIMAL, TIME, TIMESTAMP};
    if schema.optional && input.seldom(4) {
        return Value::Null;
    }
    let named = |name: &str| schema.name.as_deref() == Some(name);
    match &schema.kind {
        SchemaType::Boolean => Value::Boolean(input.flag()),
        SchemaType::Int8 => Value::Int8(input.number() as i8),
        SchemaType::Int16 => Value::Int16(input.number() as i16),
        SchemaType::Int32 if named(DATE) => Value::Date(input.number() as i32),
        SchemaType::Int32 if named(TIME) => {
            Value::Time((input.number() as i32).rem_euclid(86_400_000))
        }
        SchemaType::Int32 => Value::Int32(input.number() as i32),
        SchemaType::Int64 if named(TIMESTAMP) => Value::Timestamp(input.number()),
        SchemaType::Int64 => Value::Int64(input.number()),
        SchemaType::Float32 => Value::Float32(float(input) as f32),
        SchemaType::Float64 => Value::Float64(float(input)),
        SchemaType::String => Value::String(text(input)),
        SchemaType::Bytes if named(DECIMAL) => Value::Decimal {
            scale: (schema.parameter("scale"))
                .and_then(|scale| scale.parse().ok())
                .unwrap_or(0),
            unscaled: match input.bytes(20) {
                [] => vec![0],
                // As many bytes as the number needs, as Java has them.
                [0 | 0xff, rest @ ..] => [&[0x55], rest].concat(),
                bytes => bytes.to_vec(),
            },
        },
        SchemaType::Bytes => Value::Bytes(input.bytes(20).to_vec()),
        SchemaType::Array(element) => {
            let count = input.below(PARTS);
            let each = (0..count).map(|_| value(input, element));
            Value::Array(each.collect())
        }
        SchemaType::Map(keys, values) => {
            let mut entries: Vec<(Value, Value)> = Vec::new();
            for _ in 0..input.below(PARTS) {
                let key = value(input, keys);
                let value = value(input, values);
                put(&mut entries, key, value);
            }
            Value::Map(entries)
        }
        SchemaType::Struct(fields) => {
            let each = fields.iter();
            Value::Struct(each.map(|field| value(input, &field.schema)).collect())
        }
    }
}

/// Adds an entry whose key is a new one. As a map's key NaN is one key, though it does not equal itself.
fn put(entries: &mut Vec<(Value, Value)>, key: Value, value: Value) {
    let encoded = key.to_encoded();
    if entries
        .iter()
        .all(|(known, _)| known.to_encoded() != encoded)
    {
        entries.push((key, value));
    }
}

fn float(input: &mut Input<'_>) -> f64 {
    match input.byte() % 4 {
        0 => f64::from_bits(u64::from_le_bytes(input.array())),
        1 => f64::from(f32::from_bits(u32::from_le_bytes(input.array()))),
        #[allow(clippy::cast_precision_loss, reason = "any number will do")]
        2 => input.number() as f64 / 4.0,
        _ => *input.pick(&[0.0, -0.0, 1.5, f64::NAN, f64::INFINITY, f64::MIN_POSITIVE]),
    }
}

/// A value without a schema: no struct is in it.
pub fn schemaless(input: &mut Input<'_>) -> Value {
    schemaless_within(input, DEPTH)
}

fn schemaless_within(input: &mut Input<'_>, depth: usize) -> Value {
    let count = if depth > 0 { input.below(PARTS) } else { 0 };
    match input.byte() % 8 {
        0..3 => {
            let mut entries: Vec<(Value, Value)> = Vec::new();
            for _ in 0..count {
                let key = Value::String(name(input));
                let value = schemaless_within(input, depth - 1);
                put(&mut entries, key, value);
            }
            Value::Map(entries)
        }
        3 => Value::Array(
            (0..count)
                .map(|_| schemaless_within(input, depth - 1))
                .collect(),
        ),
        _ => {
            let schema = schema_within(input, 0);
            value(input, &schema)
        }
    }
}

/// A value with or without a schema.
pub fn either(input: &mut Input<'_>) -> (Option<Schema>, Value) {
    if input.flag() {
        let schema = schema(input);
        let value = value(input, &schema);
        (Some(schema), value)
    } else {
        (None, schemaless(input))
    }
}

/// A record.
pub fn record(input: &mut Input<'_>) -> Record {
    let (key_schema, key) = either(input);
    let (value_schema, value) = either(input);
    let headers = (0..input.below(3)).map(|_| {
        let key = name(input);
        let (schema, value) = either(input);
        Header {
            key,
            value,
            schema: schema.map(Arc::new),
        }
    });
    let headers = headers.collect();
    Record {
        topic: (*input.pick(&["t", "orders", "a.b-2024"])).to_owned(),
        partition: input.flag().then(|| i32::from(input.byte())),
        offset: input.flag().then(|| input.number()),
        timestamp: input.flag().then(|| input.number().max(0)),
        key,
        key_schema: key_schema.map(Arc::new),
        value,
        value_schema: value_schema.map(Arc::new),
        headers,
    }
}

/// Some records, and a batch of them. Some are like the one before.
pub fn records(input: &mut Input<'_>) -> (Vec<Record>, Batch) {
    let mut records: Vec<Record> = Vec::new();
    for _ in 0..=input.below(4) {
        let record = match records.last() {
            Some(last) if input.flag() => alike(input, last),
            _ => record(input),
        };
        records.push(record);
    }
    let batch = batch_of(&records);
    (records, batch)
}

/// A record of the same schemas.
fn alike(input: &mut Input<'_>, record: &Record) -> Record {
    let mut record = record.clone();
    if let Some(schema) = &record.key_schema {
        record.key = value(input, schema);
    }
    if let Some(schema) = &record.value_schema {
        record.value = value(input, schema);
    }
    record
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nan_is_a_key_once() {
        let mut entries = Vec::new();
        for key in [f32::NAN, 1.0, f32::NAN] {
            put(&mut entries, Value::Float32(key), Value::Null);
        }
        assert_eq!(entries.len(), 2);
    }
}
