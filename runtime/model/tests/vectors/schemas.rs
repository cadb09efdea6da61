//! Schemas, and bytes that are none.

use std::sync::Arc;

use tidegate_model::Field;

use super::*;

pub fn schemas() -> Vec<(&'static str, Schema)> {
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

pub fn damaged_schemas() -> Vec<(&'static str, Vec<u8>)> {
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
