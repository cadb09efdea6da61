//! How long the converters take for a record, and what serde_json's tree takes for the same.
//!
//! `cargo bench -p tidegate-convert`. With `FLIGHTS=file.jsonl` it reads real records, one JSON object a line;
//! without, it makes flights up. The best of several rounds is printed: ns per record and MB/s of JSON or text.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Instant;

use serde::Deserializer;
use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};
use tidegate_convert::{Converter, Role, converter};
use tidegate_model::{Batch, Column, Encoder};

#[allow(
    dead_code,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss
)]
#[path = "../tests/avro/registry.rs"]
mod registry;

const ROUNDS: usize = 15;

fn main() {
    let flights = flights();
    let plain: Column = flights.iter().map(|line| Some(line.as_bytes())).collect();
    let enveloped: Vec<String> = flights.iter().map(|line| envelope(line)).collect();
    let enveloped: Column = enveloped.iter().map(|line| Some(line.as_bytes())).collect();
    println!(
        "{} records of {} bytes, {} with schema",
        flights.len(),
        plain.bytes.len() / flights.len(),
        enveloped.bytes.len() / flights.len()
    );

    pair("string", "String", &[], &plain);
    let ours = pair("json", "Json", &[("schemas.enable", "false")], &plain);
    shaped(&plain);
    pair("json with schema", "Json", &[], &enveloped);
    avro(&enveloped);
    visitor(&plain);
    let tree = tree(&plain);
    println!(
        "json there and back: {:.2} times as fast as serde_json::Value",
        tree / ours
    );
}

/// Times JSON whose maps leave their keys to a shape, and giving them back, as other converters need it.
fn shaped(bytes: &Column) {
    let config = [("schemas.enable".to_owned(), "false".to_owned())].into();
    let mut json = converter("Json", Role::Value, &config).unwrap();
    json.shape_maps(true);
    let mut failures = Vec::new();
    let mut batch = Batch {
        count: bytes.len(),
        ..Batch::default()
    };
    let read = json.to_connect("flights", bytes, &mut batch.schemas, &mut failures);
    (batch.values, batch.value_schemas) = (read.values, read.schemas);
    time("json with map shapes: decode", bytes, || {
        black_box(json.to_connect("flights", bytes, &mut Vec::new(), &mut failures));
    });
    let mut encode = |batch: &Batch| {
        let (values, indexes) = (&batch.values, &batch.value_schemas);
        black_box(json.from_connect("flights", values, indexes, &batch.schemas, &mut failures));
    };
    time("json with map shapes: encode", bytes, || encode(&batch));
    time("json given back its keys: encode", bytes, || {
        let mut expanded = batch.clone();
        expanded.expand_values();
        encode(&expanded);
    });
}

/// Times Avro with a registry in memory, which is asked once.
fn avro(enveloped: &Column) {
    let (mut schemas, mut failures) = (Vec::new(), Vec::new());
    let mut json = converter("Json", Role::Value, &BTreeMap::new()).unwrap();
    let read = json.to_connect("flights", enveloped, &mut schemas, &mut failures);
    let registry = registry::Registry::start();
    let url = registry.url();
    let config = [("schema.registry.url".to_owned(), url.clone())].into();
    let mut avro = converter("Avro", Role::Value, &config).unwrap();
    let bytes = avro.from_connect(
        "flights",
        &read.values,
        &read.schemas,
        &schemas,
        &mut failures,
    );
    assert!(failures.is_empty(), "{failures:?}");
    pair("avro", "Avro", &[("schema.registry.url", &url)], &bytes);
}

/// Times a converter both ways; the sum in nanoseconds per record.
fn pair(name: &str, class: &str, config: &[(&str, &str)], bytes: &Column) -> f64 {
    let config: BTreeMap<String, String> = config
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect();
    let mut converter: Box<dyn Converter> = converter(class, Role::Value, &config).unwrap();
    let mut failures = Vec::new();
    let mut schemas = Vec::new();
    let read = converter.to_connect("flights", bytes, &mut schemas, &mut failures);
    assert!(failures.is_empty(), "{failures:?}");
    let decode = time(&format!("{name}: decode"), bytes, || {
        let mut schemas = Vec::new();
        black_box(converter.to_connect("flights", bytes, &mut schemas, &mut failures));
    });
    let encode = time(&format!("{name}: encode"), bytes, || {
        black_box(converter.from_connect(
            "flights",
            &read.values,
            &read.schemas,
            &schemas,
            &mut failures,
        ));
    });
    decode + encode
}

/// Times serde_json's streaming deserializer with a visitor that writes encoded values: the alternative to the
/// crate's own decoder.
fn visitor(bytes: &Column) {
    time("serde_json visitor: decode", bytes, || {
        let mut out = Vec::with_capacity(bytes.bytes.len());
        for text in bytes.iter().flatten() {
            let mut deserializer = serde_json::Deserializer::from_slice(text);
            Seed(&mut out).deserialize(&mut deserializer).unwrap();
        }
        black_box(out);
    });
}

/// Times serde_json's tree there and back, in nanoseconds per record.
fn tree(bytes: &Column) -> f64 {
    let trees: Vec<serde_json::Value> = bytes
        .iter()
        .flatten()
        .map(|text| serde_json::from_slice(text).unwrap())
        .collect();
    let decode = time("serde_json::Value: decode", bytes, || {
        for text in bytes.iter().flatten() {
            black_box(serde_json::from_slice::<serde_json::Value>(text).unwrap());
        }
    });
    let encode = time("serde_json::Value: encode", bytes, || {
        let mut out = Vec::with_capacity(bytes.bytes.len());
        for tree in &trees {
            serde_json::to_writer(&mut out, tree).unwrap();
        }
        black_box(out);
    });
    decode + encode
}

fn time(name: &str, bytes: &Column, mut run: impl FnMut()) -> f64 {
    let best = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed().as_nanos()
        })
        .min()
        .unwrap_or(0);
    #[allow(clippy::cast_precision_loss)]
    let (nanoseconds, records, size) = (best as f64, bytes.len() as f64, bytes.bytes.len() as f64);
    println!(
        "{name:32} {:8.0} ns/record {:8.0} MB/s",
        nanoseconds / records,
        size * 1_000.0 / nanoseconds
    );
    nanoseconds / records
}

fn flights() -> Vec<String> {
    if let Ok(file) = std::env::var("FLIGHTS") {
        let text = std::fs::read_to_string(file).unwrap();
        return text.lines().map(str::to_owned).collect();
    }
    (0..2_699)
        .map(|number| {
            format!(
                r#"{{"year":2013,"month":1,"day":{},"dep_time":{},"sched_dep_time":{},"dep_delay":{},"arr_time":{},"sched_arr_time":{},"arr_delay":{},"carrier":"UA","flight":{},"tailnum":"N{}","origin":"EWR","dest":"IAH","air_time":{},"distance":{},"hour":{},"minute":{},"time_hour":"2013-01-01T10:00:00Z"}}"#,
                number % 28 + 1, 500 + number % 1500, 515 + number % 1500, number % 90 - 20,
                800 + number % 1500, 819 + number % 1500, number % 120 - 30, number * 7 % 6000,
                10_000 + number * 13, 60 + number % 400, 200 + number % 2500, number % 24, number % 60
            )
        })
        .collect()
}

/// A flight with its schema: every field optional, numbers int64 or float64 and the rest strings.
fn envelope(line: &str) -> String {
    let flight: serde_json::Map<String, serde_json::Value> = serde_json::from_str(line).unwrap();
    let mut fields = String::new();
    for (name, value) in &flight {
        let kind = match name.as_str() {
            "carrier" | "tailnum" | "origin" | "dest" | "time_hour" => "string",
            _ if value.is_f64() => "double",
            _ => "int64",
        };
        let comma = if fields.is_empty() { "" } else { "," };
        write!(
            fields,
            r#"{comma}{{"type":"{kind}","optional":true,"field":"{name}"}}"#
        )
        .unwrap();
    }
    format!(
        r#"{{"schema":{{"type":"struct","fields":[{fields}],"optional":false,"name":"flight"}},"payload":{line}}}"#
    )
}

/// Writes what it is visited with as an encoded value.
struct Seed<'a>(&'a mut Vec<u8>);

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Encoder::new(self.0).null();
        Ok(())
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        Encoder::new(self.0).boolean(value);
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        Encoder::new(self.0).int64(value);
        Ok(())
    }

    #[allow(clippy::cast_possible_wrap)]
    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        Encoder::new(self.0).int64(value as i64);
        Ok(())
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        Encoder::new(self.0).float64(value);
        Ok(())
    }

    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        Encoder::new(self.0).string(value);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<(), A::Error> {
        let container = Encoder::new(self.0).array();
        let mut count = 0;
        while sequence.next_element_seed(Seed(self.0))?.is_some() {
            count += 1;
        }
        Encoder::new(self.0).end(container, count);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let container = Encoder::new(self.0).map();
        let mut count = 0;
        while map.next_key_seed(Seed(self.0))?.is_some() {
            map.next_value_seed(Seed(self.0))?;
            count += 1;
        }
        Encoder::new(self.0).end(container, count);
        Ok(())
    }
}
