//! `ExtractNewRecordState`: what no recorded case shows.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what it expects by failing"
)]

#[allow(dead_code, reason = "other tests use the rest")]
#[path = "../events/mod.rs"]
mod events;

mod batches;
mod left_out;
mod refused;
mod rows;

use std::sync::Arc;

use events::{Event, envelope, envelope_schema, field, payload, row_schema, structure, tombstone};
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use tidegate_sdk::model::{Schema, SchemaType, Value};
use tidegate_sdk::record::batch_of;
use tidegate_sdk::testing::{apply_chain, pairs};
use tidegate_sdk::{Chain, ErrorKind, Header, PluginSet, Record, Step};
use tidegate_transforms::ComponentPlugins;

type Config<'a> = &'a [(&'a str, &'a str)];

const MODE: &str = "delete.tombstone.handling.mode";
const HEADER: &str = "drop.fields.header.name";
const KEEP: &str = "drop.fields.keep.schema.compatible";
const FROM_KEY: &str = "drop.fields.from.key";

fn step(config: Config<'_>) -> Step {
    Step {
        class_name: "io.debezium.transforms.ExtractNewRecordState".to_owned(),
        config: pairs(config),
        condition: None,
    }
}

fn configure(config: Config<'_>) -> tidegate_sdk::Result<Chain> {
    Chain::configure(&ComponentPlugins::plugins(), vec![step(config)])
}

fn chain(config: Config<'_>) -> Chain {
    configure(config).unwrap()
}

fn row(name: Json) -> Json {
    json!({ "id": 1, "name": name, "qty": null, "price": "AJY=" })
}

fn event(op: &str, before: Json, after: Json) -> Record {
    let event = Event { op, before, after };
    let transaction = json!({ "id": "571", "total_order": 42, "data_collection_order": 3 });
    let value = envelope("s", &event, &json!({ "snapshot": "true" }), transaction);
    let schema = Arc::new(envelope_schema("s", row_schema("s")));
    events::record("s", &json!(1), &schema, &value)
}

fn create() -> Record {
    event("c", Json::Null, row(json!("x")))
}

fn delete() -> Record {
    event("d", row(json!("old")), Json::Null)
}

fn one(config: Config<'_>, record: &Record) -> Record {
    let mut outputs = all(config, record).unwrap();
    assert_eq!(outputs.len(), 1);
    outputs.remove(0)
}

fn all(config: Config<'_>, record: &Record) -> tidegate_sdk::Result<Vec<Record>> {
    apply_chain(&mut chain(config), record)
}

fn failure(config: Config<'_>, record: &Record) -> String {
    let error = all(config, record).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Data);
    error.message().to_owned()
}

/// The value without its schema; null stays null where a field has a default.
fn plain(record: &Record) -> Json {
    let Value::Struct(values) = &record.value else {
        return Json::Null;
    };
    let schema = record.value_schema.as_deref().unwrap();
    let fields = schema.fields().iter().zip(values);
    fields
        .map(|(field, value)| {
            let bare = Schema {
                default: None,
                ..Schema::clone(&field.schema)
            };
            (field.name.clone(), payload(value, Some(&bare)))
        })
        .collect()
}

fn names(schema: Option<&Arc<Schema>>) -> Vec<&str> {
    let fields = schema.unwrap().fields().iter();
    fields.map(|field| field.name.as_str()).collect()
}

fn naming(record: Record, fields: Value) -> Record {
    let header = Header {
        key: "drop".to_owned(),
        value: fields,
        schema: None,
    };
    Record {
        headers: vec![header],
        ..record
    }
}

fn list(names: &[&str]) -> Value {
    Value::Array(names.iter().map(|name| (*name).into()).collect())
}
