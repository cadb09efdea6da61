//! `ExtractNewRecordState` against what Debezium's did (`tests/conformance/unwrap-golden.jsonl`). Only the
//! outputs are recorded; the change events are made here of the SQL of each step.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what it expects by failing"
)]

#[allow(dead_code, reason = "other tests use the rest")]
mod events;

use std::sync::Arc;

use events::{
    Event, envelope, envelope_schema, from_json, payload, record, row_schema, schema_json,
};
use serde_json::{Value as Json, json};
use tidegate_sdk::model::Value;
use tidegate_sdk::record::batch_of;
use tidegate_sdk::testing::pairs;
use tidegate_sdk::{Chain, Header, PluginSet, Record, Step, records};
use tidegate_transforms::ComponentPlugins;

const CLASS: &str = "io.debezium.transforms.ExtractNewRecordState";

fn conformance(file: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/conformance/");
    std::fs::read_to_string(format!("{folder}{file}")).unwrap()
}

/// The events of a step: the key, and the event or `None` for a tombstone.
fn events_of(step: &str) -> Vec<(i32, &'static str, Option<Event<'static>>)> {
    let row = |id: i32, name: &str, qty: i32, price: &str| json!({ "id": id, "name": name, "qty": qty, "price": price });
    let event = |op: &'static str, before: Json, after: Json| Some(Event { op, before, after });
    let updated = |id| row(id, "upd", 9, "AOE=");
    match step {
        "snapshot" => vec![(1, "", event("r", Json::Null, row(1, "snap", 1, "AJY=")))],
        "insert" => vec![(2, "", event("c", Json::Null, row(2, "two", 2, "AOE=")))],
        "insert null where a default exists" => {
            let nulls = json!({ "id": 3, "name": null, "qty": null, "price": null });
            vec![(3, "", event("c", Json::Null, nulls))]
        }
        "update" => vec![(2, "", event("u", row(2, "two", 2, "AOE="), updated(2)))],
        "update pk" => vec![
            (2, "__debezium.newkey", event("d", updated(2), Json::Null)),
            (2, "__debezium.newkey", None),
            (22, "__debezium.oldkey", event("c", Json::Null, updated(22))),
        ],
        "delete" => vec![
            (22, "", event("d", updated(22), Json::Null)),
            (22, "", None),
        ],
        "truncate" => vec![(0, "", event("t", Json::Null, Json::Null))],
        other => panic!("the step {other}"),
    }
}

/// What the source had of an event, as far as an output shows it.
fn source_of(recorded: &[&Json]) -> (Json, Json) {
    let found = recorded.iter().find_map(|line| {
        let row = &line["value"]["payload"];
        row.get("__lsn").map(|_| row)
    });
    let Some(row) = found else {
        return (json!({}), Json::Null);
    };
    let mut source = json!({ "ts_ms": row["__source_ts_ms"], "lsn": row["__lsn"] });
    source["snapshot"] = row["__source_snapshot"].clone();
    let transaction = match &row["__transaction_id"] {
        Json::Null => Json::Null,
        id => json!({ "id": id, "total_order": 1, "data_collection_order": 1 }),
    };
    (source, transaction)
}

/// The headers that the connector gives an event, as the texts that the recording has of them.
fn given_headers(recorded: &Json, change: &str) -> Vec<Header> {
    let mut headers: Vec<Header> = recorded["headers"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|header| {
            header[0]
                .as_str()
                .unwrap()
                .starts_with("__debezium.context")
        })
        .map(|header| events::text_header(header[0].as_str().unwrap(), &header_text(&header[1])))
        .collect();
    match change {
        "__debezium.newkey" => headers.insert(0, events::text_header(change, r#"{"id":22}"#)),
        "__debezium.oldkey" => headers.insert(0, events::text_header(change, r#"{"id":2}"#)),
        _ => {}
    }
    headers
}

fn header_text(recorded: &Json) -> String {
    match recorded.get("__raw") {
        Some(text) => text.as_str().unwrap().to_owned(),
        None => recorded.to_string(),
    }
}

/// A header as it is recorded: its text, read as JSON where it is some.
fn header_json(header: &Header) -> Json {
    let text = match &header.value {
        Value::String(text) => text.to_string(),
        other => payload(other, header.schema.as_deref()).to_string(),
    };
    let value = serde_json::from_str(&text).unwrap_or_else(|_| json!({ "__raw": text }));
    json!([header.key, value])
}

fn side_json(value: &Value, schema: Option<&tidegate_sdk::Schema>) -> Json {
    match schema {
        Some(schema) => {
            json!({ "schema": schema_json(schema), "payload": payload(value, Some(schema)) })
        }
        None => payload(value, None),
    }
}

/// An output as it is recorded.
fn output_json(record: &Record) -> Json {
    json!({
        "topic": record.topic,
        "partition": record.partition,
        "key": side_json(&record.key, record.key_schema.as_deref()),
        "value": side_json(&record.value, record.value_schema.as_deref()),
        "headers": record.headers.iter().map(header_json).collect::<Json>(),
    })
}

fn recorded_side(json: &Json) -> (Value, Option<Arc<tidegate_sdk::Schema>>) {
    let schema = events::schema_of(&json["schema"]);
    (from_json(&json["payload"], &schema), Some(Arc::new(schema)))
}

/// A record of another topic, which comes out as it went in.
fn other_record(line: &Json) -> Record {
    let ((key, key_schema), (value, value_schema)) =
        (recorded_side(&line["key"]), recorded_side(&line["value"]));
    Record {
        partition: Some(0),
        key,
        key_schema,
        value_schema,
        ..Record::new(line["topic"].as_str().unwrap(), value)
    }
}

#[test]
fn recorded_variants_come_out_as_with_debezium() {
    let text = conformance("unwrap-golden.jsonl");
    let mut lines = text
        .lines()
        .map(|line| serde_json::from_str::<Json>(line).unwrap());
    let variants = lines.next().unwrap()["variants"].clone();
    let lines: Vec<Json> = lines.collect();
    let mut failed = Vec::new();
    let mut compared = 0;
    for (variant, settings) in variants.as_object().unwrap() {
        let config: Vec<(&str, &str)> = settings
            .as_object()
            .unwrap()
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str().unwrap()))
            .collect();
        let step = Step {
            class_name: CLASS.to_owned(),
            config: pairs(&config),
            condition: None,
        };
        let mut chain = Chain::configure(&ComponentPlugins::plugins(), vec![step]).unwrap();
        let schema = Arc::new(envelope_schema(variant, row_schema(variant)));
        let of_variant: Vec<&Json> = lines.iter().filter(|l| l["variant"] == **variant).collect();
        let mut steps: Vec<&str> = of_variant
            .iter()
            .map(|l| l["step"].as_str().unwrap())
            .collect();
        steps.dedup();
        assert_eq!(steps.len(), 7, "{variant}");
        for step in steps {
            let wanted: Vec<&Json> = of_variant
                .iter()
                .copied()
                .filter(|line| line["step"] == step && line.get("topic").is_some())
                .collect();
            let is_other = |line: &&Json| line["topic"].as_str().unwrap().ends_with(".transaction");
            let (others, wanted): (Vec<&Json>, Vec<&Json>) = wanted.into_iter().partition(is_other);
            let (source, transaction) = source_of(&wanted);
            let mut inputs: Vec<Record> = events_of(step)
                .into_iter()
                .map(|(id, change, event)| {
                    let value = event.map_or(Json::Null, |event| {
                        envelope(variant, &event, &source, transaction.clone())
                    });
                    let id = if id == 0 { Json::Null } else { json!(id) };
                    let given = record(variant, &id, &schema, &value);
                    let given = Record {
                        headers: given_headers(of_variant[0], change),
                        ..given
                    };
                    if value.is_null() {
                        events::tombstone(&given)
                    } else {
                        given
                    }
                })
                .collect();
            inputs.extend(others.iter().map(|line| other_record(line)));
            let done = chain.apply(batch_of(&inputs)).unwrap();
            done.batch.check().unwrap();
            assert_eq!(done.errors, [], "{variant} {step}");
            let found = records(&done.batch).map(|record| output_json(&record.unwrap()));
            let found: Vec<Json> = found.collect();
            let keys = ["topic", "partition", "key", "value", "headers"];
            let wanted = wanted.iter().chain(&others).map(|line| {
                let parts = keys
                    .iter()
                    .map(|key| ((*key).to_owned(), line[*key].clone()));
                parts.collect::<serde_json::Map<_, _>>().into()
            });
            let wanted: Vec<Json> = wanted.collect();
            compared += wanted.len();
            if found != wanted {
                failed.push(format!(
                    "{variant}, {step}:\n  found  {}\n  wanted {}",
                    Json::from(found),
                    Json::from(wanted)
                ));
            }
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert_eq!(compared, 89, "records were lost");
}

#[test]
fn the_definition_is_debeziums() {
    let recorded: Json = serde_json::from_str(&conformance("unwrap-config-def.json")).unwrap();
    let plugins = ComponentPlugins::plugins();
    let (_, description) = plugins
        .descriptions()
        .find(|(_, description)| description.class_name == CLASS)
        .unwrap();
    let kind = |kind| match kind {
        tidegate_sdk::Type::Text => "STRING",
        tidegate_sdk::Type::List => "LIST",
        tidegate_sdk::Type::Boolean => "BOOLEAN",
        other => panic!("{other:?}"),
    };
    let keys = description.config.keys().iter().map(|key| {
        json!({
            "name": key.name,
            "type": kind(key.kind),
            "required": key.required,
            "default_value": key.default,
            "importance": format!("{:?}", key.importance).to_uppercase(),
            "documentation": key.documentation,
        })
    });
    let wanted = recorded.as_array().unwrap().iter().map(|key| {
        let mut key = key.clone();
        for part in [
            "group",
            "order_in_group",
            "width",
            "display_name",
            "dependents",
        ] {
            key.as_object_mut().unwrap().remove(part);
        }
        key
    });
    assert_eq!(keys.collect::<Vec<_>>(), wanted.collect::<Vec<_>>());
}
