//! `wit/vectors.json` is what this crate produces: encoded values and schemas with their meaning, for authors
//! of other implementations. `UPDATE_GOLDEN=1 cargo test -p tidegate-model --test vectors` rewrites it.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::sync::Arc;

use serde_json::{Value as Json, json};
use tidegate_model::limits::{MAP_SHAPE_KEYS_MAX, VALUE_DEPTH_MAX};
use tidegate_model::value::{Value, check};
use tidegate_model::{Batch, Column, Field, MapShape, Schema, SchemaType};

const SPECIFICATION: &str = include_str!("../../../wit/ENCODING.md");
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

fn shape(keys: &[&str]) -> MapShape {
    let keys: Vec<_> = keys
        .iter()
        .map(|key| Value::from(*key).to_encoded())
        .collect();
    MapShape::of(keys.iter().map(Vec::as_slice)).unwrap()
}

/// The keys of a shape.
fn texts(shape: &MapShape) -> Vec<String> {
    let keys = shape.keys().map(|key| Value::decode(key).unwrap());
    keys.map(|key| match key {
        Value::String(text) => text,
        other => panic!("{other:?}"),
    })
    .collect()
}

/// The map that has the keys itself, put together without the code that is tested.
fn with_keys(shape: &MapShape, value: &Value) -> Value {
    match value {
        Value::Struct(values) => {
            let keys = texts(shape).into_iter().map(Value::String);
            Value::Map(keys.zip(values.iter().cloned()).collect())
        }
        other => other.clone(),
    }
}

fn map_shapes() -> Vec<(&'static str, MapShape)> {
    vec![
        ("no keys", shape(&[])),
        ("one key", shape(&["a"])),
        ("id and name", shape(&["id", "name"])),
        ("the same in another order", shape(&["name", "id"])),
        (
            "keys that are empty or not ASCII",
            shape(&["", "größe", "€😀", "\u{feff}", "a\0b"]),
        ),
    ]
}

fn damaged_map_shapes() -> Vec<(&'static str, Vec<u8>)> {
    let of = |count: u32, keys: &[Vec<u8>]| {
        [vec![17], count.to_le_bytes().to_vec(), keys.concat()].concat()
    };
    let key = |text: &str| Value::from(text).to_encoded();
    let many = u32::try_from(MAP_SHAPE_KEYS_MAX + 1).unwrap();
    vec![
        ("nothing", vec![]),
        ("no count", vec![17]),
        ("a count of three bytes", vec![17, 0, 0, 0]),
        ("a schema", vec![8, 0]),
        ("fewer keys than their count", of(2, &[key("a")])),
        ("more keys than their count", of(1, &[key("a"), key("b")])),
        ("a byte after the keys", of(1, &[key("a"), vec![0]])),
        (
            "a key longer than its bytes",
            of(1, &[vec![8, 2, 0, 0, 0, b'a']]),
        ),
        (
            "a key that is not UTF-8",
            of(1, &[vec![8, 1, 0, 0, 0, 0xff]]),
        ),
        ("a key that is no string", of(1, &[vec![2, 1]])),
        ("a key that is null", of(1, &[vec![0]])),
        ("a key twice", of(3, &[key("a"), key("b"), key("a")])),
        ("more keys than are allowed", of(many, &[])),
        ("the largest count of keys", of(u32::MAX, &[])),
    ]
}

fn shaped_maps() -> Vec<(&'static str, MapShape, Value)> {
    let id_name = || shape(&["id", "name"]);
    let of = |id: Value, name: Value| Value::Struct(vec![id, name]);
    vec![
        ("no entries", shape(&[]), Value::Struct(vec![])),
        ("id and name", id_name(), of(Value::Int64(1), "a".into())),
        (
            "the same in another order",
            shape(&["name", "id"]),
            of("a".into(), Value::Int64(1)),
        ),
        ("a null inside", id_name(), of(Value::Null, "".into())),
        ("null as a whole", id_name(), Value::Null),
        (
            "a map inside, which has its keys itself",
            id_name(),
            of(
                Value::Map(vec![(Value::from("id"), Value::Int64(1))]),
                Value::Array(vec![]),
            ),
        ),
    ]
}

/// Values, which are no maps of the shape that they stand with.
fn unfit_maps() -> Vec<(&'static str, MapShape, Value)> {
    let id_name = || shape(&["id", "name"]);
    let entry = |key: &str| (Value::from(key), Value::Int8(1));
    vec![
        (
            "a value less",
            id_name(),
            Value::Struct(vec![Value::Int8(1)]),
        ),
        (
            "a value more",
            id_name(),
            Value::Struct(vec![Value::Int8(1); 3]),
        ),
        (
            "values where there are no keys",
            shape(&[]),
            Value::Struct(vec![Value::Null]),
        ),
        (
            "a map that has its keys itself",
            id_name(),
            Value::Map(vec![entry("id"), entry("name")]),
        ),
        ("an array", id_name(), Value::Array(vec![Value::Int8(1); 2])),
        ("a string", id_name(), Value::from("a")),
    ]
}

fn values() -> Vec<(&'static str, Value)> {
    let order = Value::Struct(vec![
        Value::Int64(7),
        Value::Null,
        Value::Array(vec![Value::from("a"), Value::from("b")]),
        Value::Struct(vec![Value::Boolean(true)]),
    ]);
    vec![
        ("null", Value::Null),
        ("false", Value::Boolean(false)),
        ("true", Value::Boolean(true)),
        ("int8", Value::Int8(-1)),
        ("int8, smallest", Value::Int8(i8::MIN)),
        ("int8, largest", Value::Int8(i8::MAX)),
        ("int16", Value::Int16(300)),
        ("int16, smallest", Value::Int16(i16::MIN)),
        ("int16, largest", Value::Int16(i16::MAX)),
        ("int32", Value::Int32(100_000)),
        ("int32, smallest", Value::Int32(i32::MIN)),
        ("int32, largest", Value::Int32(i32::MAX)),
        ("int64", Value::Int64(42)),
        ("int64, largest", Value::Int64(i64::MAX)),
        ("int64, smallest", Value::Int64(i64::MIN)),
        ("int64, no double", Value::Int64((1 << 53) + 1)),
        ("float32", Value::Float32(1.5)),
        ("float32, infinity", Value::Float32(f32::INFINITY)),
        ("float32, 0.1", Value::Float32(0.1)),
        ("float32, largest", Value::Float32(f32::MAX)),
        (
            "float32, smallest above zero",
            Value::Float32(f32::from_bits(1)),
        ),
        ("float32, NaN", Value::Float32(f32::from_bits(0x7fc0_0000))),
        ("float64", Value::Float64(12.34)),
        ("float64, negative zero", Value::Float64(-0.0)),
        (
            "float64, negative infinity",
            Value::Float64(f64::NEG_INFINITY),
        ),
        ("float64, largest", Value::Float64(f64::MAX)),
        (
            "float64, smallest above zero",
            Value::Float64(f64::from_bits(1)),
        ),
        (
            "float64, NaN",
            Value::Float64(f64::from_bits(0x7ff8_0000_0000_0000)),
        ),
        ("string, empty", Value::from("")),
        ("string", Value::from("hello")),
        ("string, UTF-8 of one to four bytes", Value::from("aé€😀")),
        ("string, with a zero byte", Value::from("a\0b")),
        ("string, that begins with U+FEFF", Value::from("\u{feff}a")),
        (
            "string, of 300 bytes",
            Value::from("x".repeat(300).as_str()),
        ),
        ("bytes, empty", Value::Bytes(vec![])),
        ("bytes", Value::Bytes(vec![0, 1, 0xff])),
        ("date, 2024-01-31", Value::Date(19_753)),
        ("date, before the epoch", Value::Date(-1)),
        ("time, midnight", Value::Time(0)),
        ("time, the last of a day", Value::Time(86_399_999)),
        ("time, 14:34:54.346", Value::Time(52_494_346)),
        (
            "timestamp, 2019-08-23T14:34:54.346Z",
            Value::Timestamp(1_566_570_894_346),
        ),
        ("timestamp, before the epoch", Value::Timestamp(-1)),
        (
            "decimal, 0.00",
            Value::Decimal {
                scale: 2,
                unscaled: vec![0],
            },
        ),
        (
            "decimal, -1.56",
            Value::Decimal {
                scale: 2,
                unscaled: vec![0xff, 0x64],
            },
        ),
        (
            "decimal, -128",
            Value::Decimal {
                scale: 0,
                unscaled: vec![0x80],
            },
        ),
        (
            "decimal, 2 to the power of 64",
            Value::Decimal {
                scale: 0,
                unscaled: vec![1, 0, 0, 0, 0, 0, 0, 0, 0],
            },
        ),
        (
            "decimal, 1.56 with bytes that repeat the sign",
            Value::Decimal {
                scale: 2,
                unscaled: vec![0, 0, 0, 0x9c],
            },
        ),
        (
            "decimal, 1.56",
            Value::Decimal {
                scale: 2,
                unscaled: vec![0, 0x9c],
            },
        ),
        (
            "decimal, -7",
            Value::Decimal {
                scale: 0,
                unscaled: vec![0xf9],
            },
        ),
        (
            "decimal, 1E+3",
            Value::Decimal {
                scale: -3,
                unscaled: vec![1],
            },
        ),
        ("array, empty", Value::Array(vec![])),
        (
            "array, of several types",
            Value::Array(vec![Value::Int64(1), Value::from("a"), Value::Null]),
        ),
        ("array, of every type that is no container", every_leaf()),
        (
            "array, in an array",
            Value::Array(vec![Value::Array(vec![Value::Array(vec![])])]),
        ),
        ("map, empty", Value::Map(vec![])),
        (
            "map",
            Value::Map(vec![
                (Value::from("a"), Value::Int64(1)),
                (Value::from("b"), Value::Null),
            ]),
        ),
        (
            "map, keys that are no strings",
            Value::Map(vec![(Value::Int32(1), Value::from("x"))]),
        ),
        (
            "map, a null and containers as keys",
            Value::Map(vec![
                (Value::Null, Value::Int8(1)),
                (Value::Array(vec![Value::Int8(2)]), Value::Int8(3)),
                (Value::Map(vec![]), Value::Array(vec![])),
            ]),
        ),
        (
            "map, in a map",
            Value::Map(vec![(
                Value::from("m"),
                Value::Map(vec![(Value::from("k"), Value::Boolean(true))]),
            )]),
        ),
        (
            "map, one entry",
            Value::Map(vec![(Value::from("a"), Value::Int64(1))]),
        ),
        ("struct, empty", Value::Struct(vec![])),
        (
            "struct, a field and a null",
            Value::Struct(vec![Value::Boolean(true), Value::Null]),
        ),
        ("struct", order),
        (
            "the deepest nesting allowed",
            (0..VALUE_DEPTH_MAX).fold(Value::Null, |value, _| Value::Array(vec![value])),
        ),
        ("the deepest nesting allowed, in keys and structs", {
            let in_keys = |value, _| Value::Map(vec![(value, Value::Null)]);
            let in_structs = |value, _| Value::Struct(vec![value]);
            let half = (0..VALUE_DEPTH_MAX / 2).fold(Value::Null, in_keys);
            (0..VALUE_DEPTH_MAX / 2).fold(half, in_structs)
        }),
    ]
}

/// One of each type but the containers.
fn every_leaf() -> Value {
    Value::Array(vec![
        Value::Null,
        Value::Boolean(true),
        Value::Int8(-2),
        Value::Int16(-3),
        Value::Int32(-4),
        Value::Int64(-5),
        Value::Float32(0.5),
        Value::Float64(-0.25),
        Value::from("a"),
        Value::Bytes(vec![0xff]),
        Value::Date(1),
        Value::Time(2),
        Value::Timestamp(3),
        Value::Decimal {
            scale: 1,
            unscaled: vec![4],
        },
    ])
}

fn damaged_values() -> Vec<(&'static str, Vec<u8>)> {
    let too_deep = (0..=VALUE_DEPTH_MAX)
        .fold(Value::Null, |value, _| Value::Array(vec![value]))
        .to_encoded();
    let too_deep_in_keys = (0..=VALUE_DEPTH_MAX)
        .fold(Value::Null, |value, _| {
            Value::Map(vec![(value, Value::Null)])
        })
        .to_encoded();
    vec![
        ("nothing", vec![]),
        ("an unknown tag", vec![17]),
        ("the largest tag byte", vec![255]),
        ("a boolean of 2", vec![1, 2]),
        ("a boolean without its byte", vec![1]),
        ("an int8 without its byte", vec![2]),
        ("an int16 of one byte", vec![3, 1]),
        ("an int32 of three bytes", vec![4, 1, 2, 3]),
        ("an int64 of seven bytes", vec![5, 1, 2, 3, 4, 5, 6, 7]),
        ("a float32 of three bytes", vec![6, 1, 2, 3]),
        ("a float64 of seven bytes", vec![7, 1, 2, 3, 4, 5, 6, 7]),
        ("a date of three bytes", vec![13, 1, 2, 3]),
        ("a time of three bytes", vec![14, 1, 2, 3]),
        ("a timestamp of seven bytes", vec![15, 1, 2, 3, 4, 5, 6, 7]),
        ("a decimal of three bytes of scale", vec![16, 1, 2, 3]),
        ("a decimal without a length", vec![16, 2, 0, 0, 0]),
        (
            "a decimal longer than its bytes",
            vec![16, 2, 0, 0, 0, 2, 0, 0, 0, 1],
        ),
        ("a byte after the value", vec![0, 0]),
        ("a string longer than its bytes", vec![8, 5, 0, 0, 0, b'a']),
        ("a string of three bytes of length", vec![8, 0, 0, 0]),
        (
            "a string of the largest length",
            vec![8, 0xff, 0xff, 0xff, 0xff, b'a'],
        ),
        ("bytes longer than they are", vec![9, 2, 0, 0, 0, 1]),
        ("a string that is not UTF-8", vec![8, 1, 0, 0, 0, 0xff]),
        (
            "a string with half of a surrogate pair",
            vec![8, 3, 0, 0, 0, 0xed, 0xa0, 0x80],
        ),
        (
            "a string with a zero of two bytes",
            vec![8, 2, 0, 0, 0, 0xc0, 0x80],
        ),
        (
            "an array whose count is too large",
            vec![10, 5, 0, 0, 0, 2, 0, 0, 0, 0],
        ),
        (
            "an array whose count is too small",
            vec![10, 6, 0, 0, 0, 1, 0, 0, 0, 0, 0],
        ),
        (
            "an array of the largest count",
            vec![10, 5, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0],
        ),
        (
            "an array of the largest length",
            vec![10, 0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0, 0],
        ),
        (
            "an array of a length below four",
            vec![10, 3, 0, 0, 0, 0, 0, 0],
        ),
        (
            "an array with an unknown tag in it",
            vec![10, 5, 0, 0, 0, 1, 0, 0, 0, 17],
        ),
        (
            "an array with a string in it that is not UTF-8",
            vec![10, 10, 0, 0, 0, 1, 0, 0, 0, 8, 1, 0, 0, 0, 0xff],
        ),
        ("an array without a count", vec![10, 0, 0, 0, 0]),
        (
            "an array whose element ends outside of it",
            vec![10, 5, 0, 0, 0, 1, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0],
        ),
        (
            "a map with a key and no value",
            vec![11, 5, 0, 0, 0, 1, 0, 0, 0, 0],
        ),
        (
            "a map whose count is that of keys and values",
            vec![11, 6, 0, 0, 0, 2, 0, 0, 0, 0, 0],
        ),
        (
            "a map of 2 to the power of 31 entries in no bytes",
            vec![11, 4, 0, 0, 0, 0, 0, 0, 0x80],
        ),
        (
            "a struct whose count is too large",
            vec![12, 5, 0, 0, 0, 2, 0, 0, 0, 0],
        ),
        ("nested too deep", too_deep),
        ("nested too deep in keys", too_deep_in_keys),
    ]
}

fn schemas() -> Vec<(&'static str, Schema)> {
    let of = |kind| Arc::new(Schema::new(kind));
    let field = |name: &str, schema| Field {
        name: name.to_owned(),
        schema: Arc::new(schema),
    };
    let plain = |kind| Schema::new(kind);
    let all = Schema {
        kind: SchemaType::Int32,
        optional: true,
        name: Some("shop.Count".to_owned()),
        version: Some(3),
        doc: Some("how many".to_owned()),
        default: Some(Value::Int32(7)),
        parameters: vec![
            ("unit".to_owned(), "pieces".to_owned()),
            ("origin".to_owned(), String::new()),
        ],
    };
    vec![
        ("boolean", plain(SchemaType::Boolean)),
        ("int8", plain(SchemaType::Int8)),
        ("int16", plain(SchemaType::Int16)),
        ("int32", plain(SchemaType::Int32)),
        ("int64", plain(SchemaType::Int64)),
        ("float32", plain(SchemaType::Float32)),
        ("float64", plain(SchemaType::Float64)),
        ("string", plain(SchemaType::String)),
        ("bytes", plain(SchemaType::Bytes)),
        ("array", plain(SchemaType::Array(of(SchemaType::String)))),
        (
            "map",
            plain(SchemaType::Map(
                of(SchemaType::String),
                of(SchemaType::Int64),
            )),
        ),
        ("struct, empty", plain(SchemaType::Struct(vec![]))),
        (
            "struct, one field",
            plain(SchemaType::Struct(vec![field(
                "id",
                plain(SchemaType::Int64),
            )])),
        ),
        (
            "struct",
            plain(SchemaType::Struct(vec![
                field("id", plain(SchemaType::Int64)),
                field(
                    "tags",
                    plain(SchemaType::Array(of(SchemaType::String))).optional(),
                ),
            ])),
        ),
        ("optional", plain(SchemaType::String).optional()),
        (
            "array of optional struct",
            plain(SchemaType::Array(Arc::new(
                plain(SchemaType::Struct(vec![field(
                    "a",
                    plain(SchemaType::Bytes),
                )]))
                .optional(),
            ))),
        ),
        (
            "struct, in a struct; names that are empty or not ASCII",
            plain(SchemaType::Struct(vec![
                field(
                    "größe",
                    plain(SchemaType::Struct(vec![field(
                        "",
                        plain(SchemaType::Boolean),
                    )])),
                ),
                field("b", plain(SchemaType::Float64)),
            ])),
        ),
        ("name", plain(SchemaType::String).named("shop.Name")),
        ("name, empty", plain(SchemaType::String).named("")),
        (
            "version",
            Schema {
                version: Some(-1),
                ..plain(SchemaType::String)
            },
        ),
        (
            "doc",
            Schema {
                doc: Some("what it is".to_owned()),
                ..plain(SchemaType::String)
            },
        ),
        (
            "default",
            Schema {
                default: Some(Value::from("none")),
                ..plain(SchemaType::String)
            },
        ),
        (
            "default, optional",
            with_default(plain(SchemaType::Boolean).optional(), Value::Boolean(false)),
        ),
        (
            "default of an array",
            with_default(
                plain(SchemaType::Array(of(SchemaType::Int16))),
                Value::Array(vec![Value::Int16(1), Value::Int16(2)]),
            ),
        ),
        (
            "default of a map",
            with_default(
                plain(SchemaType::Map(
                    of(SchemaType::String),
                    of(SchemaType::Int8),
                )),
                Value::Map(vec![(Value::from("k"), Value::Int8(1))]),
            ),
        ),
        (
            "default of a struct, with a null",
            with_default(
                plain(SchemaType::Struct(vec![
                    field("a", plain(SchemaType::Int64)),
                    field("b", plain(SchemaType::String).optional()),
                ])),
                Value::Struct(vec![Value::Int64(1), Value::Null]),
            ),
        ),
        (
            "default of a date",
            with_default(Schema::date(), Value::Date(19_753)),
        ),
        (
            "default of a time",
            with_default(Schema::time(), Value::Time(1)),
        ),
        (
            "default of a timestamp",
            with_default(Schema::timestamp(), Value::Timestamp(1)),
        ),
        (
            "default of a decimal",
            with_default(
                Schema::decimal(2),
                Value::Decimal {
                    scale: 2,
                    unscaled: vec![0, 0x9c],
                },
            ),
        ),
        (
            "parameters",
            Schema {
                parameters: vec![("k".to_owned(), "v".to_owned())],
                ..plain(SchemaType::String)
            },
        ),
        ("all flags", all.clone()),
        ("date", Schema::date()),
        ("time", Schema::time()),
        ("timestamp", Schema::timestamp()),
        ("decimal of scale 2", Schema::decimal(2)),
        ("decimal of scale -3", Schema::decimal(-3)),
        (
            "no logical type: the name of one on another type",
            plain(SchemaType::String).named(tidegate_model::schema::DATE),
        ),
        ("the deepest nesting allowed", {
            let array = |schema, _| plain(SchemaType::Array(Arc::new(schema)));
            (1..VALUE_DEPTH_MAX).fold(plain(SchemaType::Int8), array)
        }),
        (
            "all flags within a struct within a map",
            plain(SchemaType::Map(
                of(SchemaType::Int32),
                Arc::new(
                    plain(SchemaType::Struct(vec![
                        field("count", all),
                        field("day", Schema::date().optional()),
                    ]))
                    .named("shop.Order"),
                ),
            )),
        ),
    ]
}

/// The same schema with a default.
fn with_default(schema: Schema, default: Value) -> Schema {
    Schema {
        default: Some(default),
        ..schema
    }
}

fn damaged_schemas() -> Vec<(&'static str, Vec<u8>)> {
    let too_deep = (0..VALUE_DEPTH_MAX)
        .flat_map(|_| [10, 0])
        .chain([2, 0])
        .collect();
    vec![
        ("nothing", vec![]),
        ("no flags", vec![3]),
        ("a type that is none: null", vec![0, 0]),
        ("a type that is carried by another: date", vec![13, 0]),
        ("a type that is carried by another: decimal", vec![16, 0]),
        ("the largest type byte", vec![255, 0]),
        ("an unknown flag", vec![3, 0x40]),
        ("another unknown flag", vec![3, 0x80]),
        ("a byte after the schema", vec![3, 0, 0]),
        ("a name longer than its bytes", vec![3, 2, 5, 0, 0, 0, b'a']),
        ("a name that is not UTF-8", vec![3, 2, 1, 0, 0, 0, 0xff]),
        (
            "a name of the largest length",
            vec![3, 2, 0xff, 0xff, 0xff, 0xff, b'a'],
        ),
        ("a version of three bytes", vec![3, 4, 1, 0, 0]),
        ("a doc longer than its bytes", vec![3, 8, 5, 0, 0, 0, b'a']),
        ("no default where one is announced", vec![3, 16]),
        ("a default that ends early", vec![3, 16, 3, 1]),
        ("a default that is a boolean of 2", vec![1, 16, 1, 2]),
        (
            "a parameter without a value",
            vec![3, 32, 1, 0, 0, 0, 1, 0, 0, 0, b'k'],
        ),
        (
            "fewer parameters than their count",
            vec![3, 32, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        ),
        (
            "more parameters than are allowed",
            vec![3, 32, 0x11, 0x27, 0, 0],
        ),
        ("a default that is no value", vec![3, 16, 17]),
        ("an array without a schema of its elements", vec![10, 0]),
        ("a map without a schema of its values", vec![11, 0, 8, 0]),
        ("a struct without a count", vec![12, 0, 0, 0, 0]),
        (
            "a field without a schema",
            vec![12, 0, 1, 0, 0, 0, 1, 0, 0, 0, b'a'],
        ),
        (
            "a field whose name is not UTF-8",
            vec![12, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0xff, 2, 0],
        ),
        (
            "more fields than are allowed",
            vec![12, 0, 0x11, 0x27, 0, 0],
        ),
        (
            "the largest count of fields",
            vec![12, 0, 0xff, 0xff, 0xff, 0xff],
        ),
        ("nested too deep", too_deep),
    ]
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
