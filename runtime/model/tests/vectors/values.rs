//! Values, and bytes that are none.

use super::*;

pub fn values() -> Vec<(&'static str, Value)> {
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

pub fn damaged_values() -> Vec<(&'static str, Vec<u8>)> {
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
