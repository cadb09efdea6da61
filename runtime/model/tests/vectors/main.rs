//! `wit/vectors.json` is what this crate produces: encoded values and schemas with their meaning, for authors
//! of other implementations. `UPDATE_GOLDEN=1 cargo test -p tidegate-model --test vectors` rewrites it.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod map_shapes;
mod schemas;
mod values;

use map_shapes::{damaged_map_shapes, map_shapes, shaped_maps, texts, unfit_maps, with_keys};
use schemas::{damaged_schemas, schemas};
use serde_json::{Value as Json, json};
use tidegate_model::limits::VALUE_DEPTH_MAX;
use tidegate_model::value::{Value, check};
use tidegate_model::{Batch, Column, MapShape, Schema, SchemaType};
use values::{damaged_values, values};

const SPECIFICATION: &str = include_str!("../../../../wit/ENCODING.md");
const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../wit/vectors.json");

#[test]
fn the_vectors_are_what_this_crate_produces() {
    let produced = format!("{:#}\n", vectors());
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(FILE, &produced).unwrap();
    }
    let golden = std::fs::read_to_string(FILE).unwrap_or_default();
    assert!(
        golden == produced,
        "wit/vectors.json differs from what the code produces; UPDATE_GOLDEN=1 rewrites it"
    );
}

#[test]
fn the_vectors_are_read_and_refused_as_they_say() {
    let vectors = vectors();
    let each = |name: &str| vectors[name].as_array().unwrap().clone();
    for vector in each("values") {
        let bytes = bytes(&vector["hex"]);
        assert_eq!(check(&bytes), Ok(()), "{vector}");
        assert_eq!(
            Value::decode(&bytes).unwrap().to_encoded(),
            bytes,
            "{vector}"
        );
    }
    for vector in each("damaged_values") {
        let error = check(&bytes(&vector["hex"])).unwrap_err();
        assert_eq!(vector["error"], error.to_string());
    }
    for vector in each("schemas") {
        let bytes = bytes(&vector["hex"]);
        assert_eq!(
            Schema::decode(&bytes).unwrap().to_encoded(),
            bytes,
            "{vector}"
        );
    }
    for vector in each("damaged_schemas") {
        let error = Schema::decode(&bytes(&vector["hex"])).unwrap_err();
        assert_eq!(vector["error"], error.to_string());
    }
    for vector in each("map_shapes") {
        let bytes = bytes(&vector["hex"]);
        assert!(MapShape::is(&bytes), "{vector}");
        let shape = MapShape::decode(&bytes).unwrap();
        assert_eq!(shape.to_encoded(), bytes, "{vector}");
        assert_eq!(vector["keys"], json!(texts(&shape)));
    }
    for vector in each("damaged_map_shapes") {
        let error = MapShape::decode(&bytes(&vector["hex"])).unwrap_err();
        assert_eq!(vector["error"], error.to_string());
    }
}

#[test]
fn the_vectors_of_shaped_maps_are_the_maps_that_they_say() {
    let vectors = vectors();
    for vector in vectors["shaped_maps"].as_array().unwrap() {
        let [shape, value, map] = ["shape", "hex", "map_hex"].map(|name| bytes(&vector[name]));
        assert_eq!(check(&value), Ok(()), "{vector}");
        assert!(MapShape::decode(&shape).unwrap().fits(&value), "{vector}");
        let decoded = Value::decode(&map).unwrap();
        assert_eq!(vector["map"], described(&decoded));
        let one = |value: &[u8]| [Some(value)].into_iter().collect::<Column>();
        let given = Batch {
            count: 1,
            values: one(&map),
            ..Batch::default()
        };
        let mut batch = given.clone();
        batch.shape_maps();
        if decoded != Value::Null {
            assert_eq!(
                (&batch.schemas, &batch.values),
                (&vec![shape.clone()], &one(&value))
            );
        }
        (batch.schemas, batch.value_schemas, batch.values) = (vec![shape], vec![0], one(&value));
        batch.expand_maps();
        assert_eq!(batch.values, given.values, "{vector}");
    }
    for vector in vectors["unfit_maps"].as_array().unwrap() {
        let [shape, value] = ["shape", "hex"].map(|name| bytes(&vector[name]));
        assert_eq!(check(&value), Ok(()), "it is a value: {vector}");
        assert!(!MapShape::decode(&shape).unwrap().fits(&value), "{vector}");
    }
}

#[test]
fn the_examples_of_the_specification_are_vectors() {
    let vectors = vectors();
    let known: Vec<&str> = ["values", "schemas", "map_shapes", "shaped_maps"]
        .iter()
        .flat_map(|list| vectors[list].as_array().unwrap())
        .map(|vector| vector["hex"].as_str().unwrap())
        .collect();
    let mut examples = 0;
    for line in SPECIFICATION.lines() {
        let Some(cells) = line
            .strip_prefix("| ")
            .and_then(|line| line.strip_suffix(" |"))
        else {
            continue;
        };
        let (_, last) = cells.rsplit_once(" | ").unwrap();
        let hex = last.replace(['`', ' '], "");
        if last.starts_with('`') && hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            assert!(known.contains(&hex.as_str()), "{line}");
            examples += 1;
        }
    }
    assert!(examples >= 20, "only {examples} examples were found");
}

fn vectors() -> Json {
    json!({
        "about": "Encoded Connect values, schemas and map shapes; wit/ENCODING.md specifies them. Values: one key, the type; 64-bit integers and floating point numbers are texts, bytes are hex, dates are days, times and timestamps milliseconds, maps lists of pairs, structs lists of values. Schemas: what is absent is false, null or empty.",
        "values": values().into_iter().map(|(name, value)| json!({
            "name": name, "value": described(&value), "hex": hex(&value.to_encoded()),
        })).collect::<Vec<_>>(),
        "damaged_values": damaged_values().into_iter().map(|(name, bytes)| json!({
            "name": name,
            "hex": hex(&bytes),
            "error": check(&bytes).unwrap_err().to_string(),
        })).collect::<Vec<_>>(),
        "schemas": schemas().into_iter().map(|(name, schema)| json!({
            "name": name, "schema": described_schema(&schema), "hex": hex(&schema.to_encoded()),
        })).collect::<Vec<_>>(),
        "damaged_schemas": damaged_schemas().into_iter().map(|(name, bytes)| json!({
            "name": name,
            "hex": hex(&bytes),
            "error": Schema::decode(&bytes).unwrap_err().to_string(),
        })).collect::<Vec<_>>(),
        "map_shapes": map_shapes().into_iter().map(|(name, shape)| json!({
            "name": name, "keys": texts(&shape), "hex": hex(&shape.to_encoded()),
        })).collect::<Vec<_>>(),
        "damaged_map_shapes": damaged_map_shapes().into_iter().map(|(name, bytes)| json!({
            "name": name,
            "hex": hex(&bytes),
            "error": MapShape::decode(&bytes).unwrap_err().to_string(),
        })).collect::<Vec<_>>(),
        "shaped_maps": shaped_maps().into_iter().map(|(name, shape, value)| {
            let map = with_keys(&shape, &value);
            json!({
                "name": name,
                "shape": hex(&shape.to_encoded()),
                "hex": hex(&value.to_encoded()),
                "map": described(&map),
                "map_hex": hex(&map.to_encoded()),
            })
        }).collect::<Vec<_>>(),
        "unfit_maps": unfit_maps().into_iter().map(|(name, shape, value)| json!({
            "name": name, "shape": hex(&shape.to_encoded()), "hex": hex(&value.to_encoded()),
        })).collect::<Vec<_>>(),
    })
}

fn described(value: &Value) -> Json {
    let all = |values: &[Value]| values.iter().map(described).collect::<Vec<_>>();
    match value {
        Value::Null => json!({ "null": null }),
        Value::Boolean(value) => json!({ "boolean": value }),
        Value::Int8(value) => json!({ "int8": value }),
        Value::Int16(value) => json!({ "int16": value }),
        Value::Int32(value) => json!({ "int32": value }),
        Value::Int64(value) => json!({ "int64": value.to_string() }),
        Value::Float32(value) => json!({ "float32": value.to_string() }),
        Value::Float64(value) => json!({ "float64": value.to_string() }),
        Value::String(value) => json!({ "string": value }),
        Value::Bytes(value) => json!({ "bytes": hex(value) }),
        Value::Array(values) => json!({ "array": all(values) }),
        Value::Map(entries) => json!({
            "map": entries.iter().map(|(key, value)| json!([described(key), described(value)])).collect::<Vec<_>>()
        }),
        Value::Struct(values) => json!({ "struct": all(values) }),
        Value::Date(days) => json!({ "date": days }),
        Value::Time(milliseconds) => json!({ "time": milliseconds }),
        Value::Timestamp(milliseconds) => json!({ "timestamp": milliseconds.to_string() }),
        Value::Decimal { scale, unscaled } => {
            json!({ "decimal": { "scale": scale, "unscaled": hex(unscaled) } })
        }
    }
}

fn described_schema(schema: &Schema) -> Json {
    let mut described = json!({ "type": schema.kind.name() });
    let mut set = |key: &str, value: Json| {
        described[key] = value;
    };
    if schema.optional {
        set("optional", json!(true));
    }
    if let Some(name) = &schema.name {
        set("name", json!(name));
    }
    if let Some(version) = schema.version {
        set("version", json!(version));
    }
    if let Some(doc) = &schema.doc {
        set("doc", json!(doc));
    }
    if let Some(default) = &schema.default {
        set("default", self::described(default));
    }
    if !schema.parameters.is_empty() {
        set("parameters", json!(schema.parameters));
    }
    match &schema.kind {
        SchemaType::Array(element) => set("items", described_schema(element)),
        SchemaType::Map(key, value) => {
            set("keys", described_schema(key));
            set("values", described_schema(value));
        }
        SchemaType::Struct(fields) => set(
            "fields",
            fields
                .iter()
                .map(|field| json!([field.name, described_schema(&field.schema)]))
                .collect(),
        ),
        _ => {}
    }
    described
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(hex: &Json) -> Vec<u8> {
    let hex = hex.as_str().unwrap();
    (0..hex.len())
        .step_by(2)
        .map(|place| u8::from_str_radix(&hex[place..place + 2], 16).unwrap())
        .collect()
}
