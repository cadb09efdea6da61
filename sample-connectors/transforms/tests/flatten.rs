//! Flatten, HoistField and SetSchemaMetadata: what the recorded cases do not show.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what it expects by failing"
)]

mod driver;

use std::sync::Arc;

use driver::*;
use tidegate_sdk::Record;
use tidegate_sdk::model::{Schema, SchemaType, Value};

const CLASS: &str = "Flatten$Value";

fn flat(value: Value, delimiter: &str) -> Value {
    apply(CLASS, &[("delimiter", delimiter)], &Record::new("t", value))
        .unwrap()
        .value
}

#[test]
fn nested_maps_are_joined_by_the_delimiter() {
    let deep = map(&[
        ("b", map(&[("c", 1_i32.into()), ("d", Value::Null)])),
        ("e", map(&[])),
    ]);
    let value = map(&[
        ("x", "y".into()),
        ("a", deep),
        ("z", Value::Array(vec![map(&[])])),
    ]);
    let wanted = map(&[
        ("x", "y".into()),
        ("a--b--c", 1_i32.into()),
        ("a--b--d", Value::Null),
        ("z", Value::Array(vec![map(&[])])),
    ]);
    assert_eq!(flat(value, "--"), wanted);
}

#[test]
fn an_empty_name_has_no_delimiter_after_it() {
    let inner = map(&[("", map(&[("b", 1_i32.into())])), ("c", 2_i32.into())]);
    assert_eq!(
        flat(map(&[("", inner.clone()), ("a", inner)]), "."),
        map(&[
            ("b", 1_i32.into()),
            ("c", 2_i32.into()),
            ("a..b", 1_i32.into()),
            ("a.c", 2_i32.into())
        ])
    );
}

#[test]
fn of_two_fields_with_one_name_the_later_value_stays() {
    let value = map(&[
        ("a.b", 1_i32.into()),
        ("c", 3_i32.into()),
        ("a", map(&[("b", 2_i32.into())])),
    ]);
    assert_eq!(
        flat(value, "."),
        map(&[("a.b", 2_i32.into()), ("c", 3_i32.into())])
    );
    let value = map(&[
        ("a", map(&[("_b", 1_i32.into())])),
        ("a_", map(&[("b", 2_i32.into())])),
    ]);
    assert_eq!(flat(value, "__"), map(&[("a___b", 2_i32.into())]));
}

#[test]
fn what_kafka_connect_does_not_flatten_is_refused() {
    let error = |value| {
        data_error(
            CLASS,
            &[],
            &Record::new("t", map(&[("a", map(&[("b", value)]))])),
        )
    };
    assert_eq!(
        error(Value::Struct(vec![])),
        "Flatten transformation does not support class org.apache.kafka.connect.data.Struct for record without schemas (for field a.b)."
    );
    assert_eq!(
        error(Value::Timestamp(1)),
        "Flatten transformation was passed a value of type class java.util.Date which is not supported by Connect's data API"
    );
    assert!(error(decimal("1")).contains("class java.math.BigDecimal"));
    let entries = vec![(1_i32.into(), 1_i32.into())];
    assert!(
        data_error(CLASS, &[], &Record::new("t", Value::Map(entries)))
            .contains("java.lang.Integer")
    );
    let map_field = Schema::new(SchemaType::Map(
        Arc::new(of(SchemaType::String)),
        Arc::new(of(SchemaType::Int8)),
    ));
    let inner = struct_schema([("m", map_field)]);
    let record = structure(&[("a", inner, Value::Struct(vec![map(&[])]))]);
    assert_eq!(
        data_error(CLASS, &[], &record),
        "Flatten transformation does not support MAP for record with schemas (for field a.m)."
    );
}

#[test]
fn what_multiplies_its_names_beyond_the_limit_is_refused() {
    let inner: Vec<_> = (0..100_i32)
        .map(|n| (Value::from(n.to_string()), n.into()))
        .collect();
    let name = "n".repeat(100_000);
    let record = Record::new("t", map(&[(&name, Value::Map(inner))]));
    assert!(data_error(CLASS, &[], &record).contains("a record may have 1048576"));
    let names: Vec<String> = (0..100).map(|n| n.to_string()).collect();
    let inner = struct_schema(
        names
            .iter()
            .map(|name| (name.as_str(), of(SchemaType::Int8))),
    );
    let record = structure(&[(&name, inner, Value::Struct(vec![Value::Int8(1); 100]))]);
    assert!(data_error(CLASS, &[], &record).contains("a schema of"));
}

#[test]
fn parents_make_fields_optional_and_give_them_defaults() {
    let inner = struct_schema([
        ("x", of(SchemaType::Int32)),
        ("y", with_default(SchemaType::String, "own")),
        ("z", Schema::decimal(1).optional()),
    ]);
    let default = Value::Struct(vec![5_i32.into(), "parent".into(), Value::Null]);
    let part = Schema {
        default: Some(default),
        ..inner.clone()
    }
    .optional();
    let record = |value| structure(&[("p", part.clone(), value), ("q", inner.clone(), given("r"))]);
    let found = apply(CLASS, &[], &record(Value::Null)).unwrap();
    // Null stands for the whole part: not even the default of a field of its own comes in.
    let nulls = vec![
        Value::Null,
        Value::Null,
        Value::Null,
        1_i32.into(),
        "r".into(),
        Value::Null,
    ];
    assert_eq!(found.value, Value::Struct(nulls));
    let schema = found.value_schema.unwrap();
    let fields: Vec<_> = schema
        .fields()
        .iter()
        .map(|field| {
            (
                field.name.as_str(),
                field.schema.optional,
                field.schema.default.clone(),
            )
        })
        .collect();
    assert_eq!(
        fields,
        [
            ("p.x", true, Some(5_i32.into())),
            ("p.y", true, Some("own".into())),
            ("p.z", true, None),
            ("q.x", false, None),
            ("q.y", false, Some("own".into())),
            ("q.z", true, None),
        ]
    );
    assert_eq!(schema.fields()[2].schema.parameter("scale"), Some("1"));
    // A null field becomes its own default, and only that.
    let value = Value::Struct(vec![Value::Null, Value::Null, Value::Null]);
    let found = apply(CLASS, &[], &record(value)).unwrap();
    let Value::Struct(values) = found.value else {
        panic!();
    };
    assert_eq!(values[..3], [Value::Null, "own".into(), Value::Null]);
}

fn given(text: &str) -> Value {
    Value::Struct(vec![1_i32.into(), text.into(), Value::Null])
}

#[test]
fn null_in_a_required_field_is_refused_by_its_new_name() {
    let inner = struct_schema([("x", of(SchemaType::Int32))]);
    let record = structure(&[("p", inner, Value::Struct(vec![Value::Null]))]);
    assert_eq!(
        data_error(CLASS, &[("delimiter", "/")], &record),
        "Invalid value: null used for required field: \"p/x\", schema type: INT32"
    );
}

#[test]
fn structs_without_fields_leave_nothing() {
    let empty = struct_schema([]).optional();
    let deep = struct_schema([("e", empty.clone()), ("x", of(SchemaType::Int8))]).optional();
    for value in [Value::Null, Value::Struct(vec![Value::Null, 1_i8.into()])] {
        let x = if value == Value::Null {
            Value::Null
        } else {
            1_i8.into()
        };
        let record = structure(&[
            ("e", empty.clone(), Value::Null),
            ("d", deep.clone(), value),
        ]);
        assert_eq!(
            apply(CLASS, &[], &record).unwrap().value,
            Value::Struct(vec![x])
        );
    }
}

#[test]
fn a_struct_that_does_not_fit_its_schema_is_refused() {
    let inner = struct_schema([("x", of(SchemaType::Int8)), ("y", of(SchemaType::Int8))]);
    for value in [Value::Struct(vec![1_i8.into()]), Value::Int8(1), map(&[])] {
        let record = structure(&[("p", inner.clone(), value)]);
        assert!(data_error(CLASS, &[], &record).contains("more or fewer values"));
    }
    let keys = Record {
        key: map(&[("a", map(&[("b", 1_i8.into())]))]),
        ..Record::new("t", Value::Null)
    };
    let found = apply("Flatten$Key", &[], &keys).unwrap();
    assert_eq!(found.key, map(&[("a.b", 1_i8.into())]));
}

#[test]
fn hoisting_has_the_depth_of_values_as_its_limit() {
    let nested = |depth: usize| (0..depth).fold(Value::Null, |value, _| Value::Array(vec![value]));
    let hoist = [("field", "f")];
    let record = Record::new("t", nested(63));
    assert_eq!(
        apply("HoistField$Value", &hoist, &record).unwrap().value,
        map(&[("f", nested(63))])
    );
    let error = data_error("HoistField$Value", &hoist, &Record::new("t", nested(64)));
    assert_eq!(error, "values nest deeper than 64");
    let schema = (0..63).fold(of(SchemaType::Int8), |schema, _| {
        Schema::new(SchemaType::Array(Arc::new(schema)))
    });
    let error = data_error(
        "HoistField$Value",
        &hoist,
        &under(schema, Value::Array(vec![])),
    );
    assert_eq!(error, "schemas nest deeper than 64");
}

#[test]
fn hoisting_null_needs_a_schema_that_allows_it() {
    let hoist = [("field", "f")];
    let error = data_error(
        "HoistField$Value",
        &hoist,
        &under(of(SchemaType::Int8), Value::Null),
    );
    assert_eq!(
        error,
        "Invalid value: null used for required field: \"f\", schema type: INT8"
    );
    let error = data_error(
        "HoistField$Value",
        &[("field", "")],
        &under(of(SchemaType::Int8), 1_i8),
    );
    assert_eq!(error, "fieldName cannot be null.");
    let record = Record {
        key: 1_i8.into(),
        key_schema: Some(Arc::new(with_default(SchemaType::Int8, 3_i8))),
        ..Record::new("t", Value::Null)
    };
    let found = apply("HoistField$Key", &hoist, &record).unwrap();
    assert_eq!(found.key, Value::Struct(vec![1_i8.into()]));
    assert_eq!(
        found.key_schema.unwrap().fields()[0].schema,
        record.key_schema.unwrap()
    );
    assert_eq!(found.value, Value::Null);
}

#[test]
fn schema_metadata_is_set_and_the_rest_kept() {
    let field = with_default(SchemaType::Int8, 3_i8).optional();
    let schema = Schema {
        optional: true,
        name: Some("old".to_owned()),
        version: Some(1),
        doc: Some("d".to_owned()),
        parameters: vec![("p".to_owned(), "q".to_owned())],
        default: Some(Value::Struct(vec![1_i8.into()])),
        ..struct_schema([("f", field)])
    };
    let set = |config: &[(&str, &str)], value: Value| {
        let found = apply(
            "SetSchemaMetadata$Value",
            config,
            &under(schema.clone(), value),
        )
        .unwrap();
        (found.value, (*found.value_schema.unwrap()).clone())
    };
    let null = Value::Struct(vec![Value::Null]);
    let (value, found) = set(&[("schema.version", "-7")], null.clone());
    assert_eq!(value, Value::Struct(vec![3_i8.into()]));
    assert_eq!(
        found,
        Schema {
            version: Some(-7),
            ..schema.clone()
        }
    );
    let keep = [
        ("schema.name", "new"),
        ("replace.null.with.default", "false"),
    ];
    let (value, found) = set(&keep, null.clone());
    assert_eq!(value, null);
    assert_eq!(
        found,
        Schema {
            name: Some("new".to_owned()),
            ..schema.clone()
        }
    );
    assert_eq!(set(&keep, Value::Null).0, Value::Null);
}

#[test]
fn schema_metadata_needs_a_struct_schema_or_nothing_at_all() {
    let config = [("schema.name", "new")];
    let error = data_error("SetSchemaMetadata$Value", &config, &Record::new("t", 1_i8));
    assert_eq!(error, "Schema required for [updating schema metadata]");
    let record = under(of(SchemaType::Int8).optional(), Value::Null);
    let error = data_error("SetSchemaMetadata$Value", &config, &record);
    assert_eq!(error, "Cannot list fields on non-struct type");
    let record = structure(&[("f", of(SchemaType::Int8), Value::Null)]);
    let error = data_error("SetSchemaMetadata$Value", &config, &record);
    assert_eq!(
        error,
        "Invalid value: null used for required field: \"f\", schema type: INT8"
    );
    for (version, message) in [
        (
            "2147483648",
            "Invalid value 2147483648 for configuration schema.version: Not a number of type INT",
        ),
        (
            "",
            "Invalid value  for configuration schema.version: Not a number of type INT",
        ),
    ] {
        let (found, key) = config_error("SetSchemaMetadata$Key", &[("schema.version", version)]);
        assert_eq!((found.as_str(), key.as_str()), (message, "schema.version"));
    }
}
