//! Map shapes and maps that left their keys to them, and what is none.

use tidegate_model::limits::MAP_SHAPE_KEYS_MAX;

use super::*;

fn shape(keys: &[&str]) -> MapShape {
    let keys: Vec<_> = keys
        .iter()
        .map(|key| Value::from(*key).to_encoded())
        .collect();
    MapShape::of(keys.iter().map(Vec::as_slice)).unwrap()
}

/// The keys of a shape.
pub fn texts(shape: &MapShape) -> Vec<String> {
    let keys = shape.keys().map(|key| Value::decode(key).unwrap());
    keys.map(|key| match key {
        Value::String(text) => text,
        other => panic!("{other:?}"),
    })
    .collect()
}

/// The map that has the keys itself, put together without the code that is tested.
pub fn with_keys(shape: &MapShape, value: &Value) -> Value {
    match value {
        Value::Struct(values) => {
            let keys = texts(shape).into_iter().map(Value::String);
            Value::Map(keys.zip(values.iter().cloned()).collect())
        }
        other => other.clone(),
    }
}

pub fn map_shapes() -> Vec<(&'static str, MapShape)> {
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

pub fn damaged_map_shapes() -> Vec<(&'static str, Vec<u8>)> {
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

pub fn shaped_maps() -> Vec<(&'static str, MapShape, Value)> {
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
pub fn unfit_maps() -> Vec<(&'static str, MapShape, Value)> {
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
