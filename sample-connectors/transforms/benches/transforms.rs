//! What transforms cost without a sandbox: nanoseconds per record of flights, as maps without a schema and as structs.
//!
//! `cargo bench -p tidegate-transforms`. The best of several rounds is printed; `ONLY=name` runs those with that name.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a benchmark that cannot go on ends"
)]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tidegate_sdk::model::{Batch, Field, Schema, SchemaType, Value};
use tidegate_sdk::record::batch_of;
use tidegate_sdk::testing::pairs;
use tidegate_sdk::{Chain, PluginSet, Record, Step};
use tidegate_transforms::ComponentPlugins;

const ROUNDS: usize = 300;
const BATCH: usize = 2_000;

/// A class with its configuration, and whether the flights have a nested part.
type Timed = (&'static str, &'static [(&'static str, &'static str)], bool);

const TRANSFORMS: &[Timed] = &[
    (
        "InsertField$Value",
        &[("static.field", "source"), ("static.value", "bench")],
        false,
    ),
    ("ReplaceField$Value", &[("exclude", "flight")], false),
    ("MaskField$Value", &[("fields", "tailnum")], false),
    (
        "MaskField$Value",
        &[("fields", "tailnum,carrier"), ("replacement", "hidden")],
        false,
    ),
    (
        "Cast$Value",
        &[("spec", "flight:string,distance:float64")],
        false,
    ),
    (
        "Cast$Value",
        &[("spec", "flight:int32,distance:int16")],
        false,
    ),
    ("HoistField$Value", &[("field", "flight")], false),
    ("Flatten$Value", &[], false),
    ("Flatten$Value", &[("delimiter", "_")], true),
    ("SetSchemaMetadata$Value", &[("schema.name", "x")], false),
];

fn main() {
    for (class, config, nested) in TRANSFORMS {
        for with_schema in [false, true] {
            if *class == "SetSchemaMetadata$Value" && !with_schema {
                continue;
            }
            let form = if with_schema { "struct" } else { "map" };
            let config_text: Vec<_> = config
                .iter()
                .map(|(key, value)| format!("{key}={value}"))
                .collect();
            let name = format!("{class} {form} {}", config_text.join(" "));
            time(&name, class, config, &flights(with_schema, *nested));
        }
    }
}

fn time(name: &str, class: &str, config: &[(&str, &str)], flights: &Batch) {
    if std::env::var("ONLY").is_ok_and(|only| !name.contains(&only)) {
        return;
    }
    let step = Step {
        class_name: format!("org.apache.kafka.connect.transforms.{class}"),
        config: pairs(config),
        condition: None,
    };
    let mut chain = Chain::configure(&ComponentPlugins::plugins(), vec![step]).unwrap();
    let mut once = || -> Duration {
        let batch = flights.clone();
        let started = Instant::now();
        let done = black_box(chain.apply(batch).unwrap());
        let taken = started.elapsed();
        assert!(done.errors.is_empty(), "{:?}", done.errors.first());
        taken
    };
    let best = (0..ROUNDS).map(|_| once()).min().unwrap();
    let bytes = flights.values.bytes.len() / flights.count;
    let each = best.as_secs_f64() * 1e9 / flights.count as f64;
    println!("{name:75}{bytes:5} bytes{each:8.0} ns/record");
}

/// Flights of some hundred bytes as JSON.
fn flights(with_schema: bool, nested: bool) -> Batch {
    let records: Vec<Record> = (0..BATCH)
        .map(|number| flight(number as i64, with_schema, nested))
        .collect();
    batch_of(&records)
}

fn flight(number: i64, with_schema: bool, nested: bool) -> Record {
    let text = |values: &[&str]| Value::from(values[number as usize % values.len()]);
    let mut fields = vec![
        ("carrier", text(&["UA", "AA", "B6", "DL"])),
        ("flight", Value::Int64(number % 9_000)),
        (
            "tailnum",
            Value::String(format!("N{:05}", number * 7_919 % 100_000)),
        ),
        ("origin", text(&["EWR", "LGA", "JFK"])),
        ("dest", text(&["IAH", "MIA", "BQN", "ATL", "ORD"])),
        ("distance", Value::Int64(200 + number % 4_000)),
        ("dep_delay", Value::Int64(number % 90 - 20)),
    ];
    let mut part = Vec::new();
    if nested {
        part = fields.split_off(4);
    }
    if with_schema {
        let mut schema = structure(&fields);
        let mut values: Vec<Value> = fields.into_iter().map(|(_, value)| value).collect();
        if nested {
            schema.push(Field {
                name: "arrival".to_owned(),
                schema: Arc::new(Schema::new(SchemaType::Struct(structure(&part)))),
            });
            values.push(Value::Struct(
                part.into_iter().map(|(_, value)| value).collect(),
            ));
        }
        return Record {
            value_schema: Some(Arc::new(Schema::new(SchemaType::Struct(schema)))),
            ..Record::new("flights", Value::Struct(values))
        };
    }
    let entry = |(name, value): (&str, Value)| (Value::from(name), value);
    let mut entries: Vec<_> = fields.into_iter().map(entry).collect();
    if nested {
        let part = part.into_iter().map(entry).collect();
        entries.push(("arrival".into(), Value::Map(part)));
    }
    Record::new("flights", Value::Map(entries))
}

fn structure(fields: &[(&str, Value)]) -> Vec<Field> {
    let field = |(name, value): &(&str, Value)| Field {
        name: (*name).to_owned(),
        schema: Arc::new(Schema::new(match value {
            Value::Int64(_) => SchemaType::Int64,
            _ => SchemaType::String,
        })),
    };
    fields.iter().map(field).collect()
}
