//! The Avro converter against a schema registry in memory.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_sign_loss,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    missing_docs
)]

mod any;
mod errors;
mod mapping;
mod registry;
mod targets;

use std::collections::BTreeMap;

use registry::Registry;
use tidegate_convert::{Converter, RecordFailure, Role, converter};
use tidegate_model::{Column, Schema, Value};

const TOPIC: &str = "orders";

/// A converter of values.
fn avro(registry: &Registry, settings: &[(&str, &str)]) -> Box<dyn Converter> {
    let mut config: BTreeMap<_, _> = settings
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect();
    config
        .entry("schema.registry.url".to_owned())
        .or_insert_with(|| registry.url());
    config
        .entry("retries.wait.ms".to_owned())
        .or_insert("1".to_owned());
    converter("Avro", Role::Value, &config).unwrap()
}

/// The message of a value.
fn written(
    converter: &mut dyn Converter,
    schema: Option<&Schema>,
    value: &Value,
) -> Result<Option<Vec<u8>>, RecordFailure> {
    let values: Column = [Some(value.to_encoded().as_slice())].into_iter().collect();
    let (indexes, schemas) = match schema {
        Some(schema) => (vec![0], vec![schema.to_encoded()]),
        None => (vec![], vec![]),
    };
    let mut failures = Vec::new();
    let column = converter.from_connect(TOPIC, &values, &indexes, &schemas, &mut failures);
    match failures.pop() {
        Some(failure) => Err(failure),
        None => Ok(column.iter().next().unwrap().map(<[u8]>::to_vec)),
    }
}

/// What a message says: its schema, and the encoded value.
fn read(
    converter: &mut dyn Converter,
    message: &[u8],
) -> Result<(Option<Schema>, Option<Vec<u8>>), RecordFailure> {
    let bytes: Column = [Some(message)].into_iter().collect();
    let (mut schemas, mut failures) = (Vec::new(), Vec::new());
    let column = converter.to_connect(TOPIC, &bytes, &mut schemas, &mut failures);
    if let Some(failure) = failures.pop() {
        assert_eq!(column.values.lengths, [-1]);
        return Err(failure);
    }
    let schema = usize::try_from(column.schemas[0]).ok();
    let schema = schema.map(|place| Schema::decode(&schemas[place]).unwrap());
    let value = column.values.iter().next().unwrap().map(<[u8]>::to_vec);
    if let Some(value) = &value {
        tidegate_model::value::check(value).unwrap();
        if let Some(schema) = &schema {
            assert!(Value::decode(value).unwrap().fits(schema));
        }
    }
    Ok((schema, value))
}

/// A message with an id and a body.
fn message(id: i32, body: &[u8]) -> Vec<u8> {
    [&[0], id.to_be_bytes().as_slice(), body].concat()
}
