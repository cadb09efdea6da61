//! MaskField: what the recorded cases do not show.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what it expects by failing"
)]

mod driver;

use driver::*;
use tidegate_sdk::Record;
use tidegate_sdk::model::{Schema, SchemaType, Value};

const CLASS: &str = "MaskField$Value";

fn masked(value: impl Into<Value>, config: &[(&str, &str)]) -> Value {
    let config = [&[("fields", "f")], config].concat();
    let record = Record::new("t", map(&[("f", value.into()), ("g", true.into())]));
    match apply(CLASS, &config, &record).unwrap().value {
        Value::Map(entries) => {
            assert_eq!(entries[1].1, Value::Boolean(true));
            entries[0].1.clone()
        }
        other => panic!("{other:?}"),
    }
}

fn refused(value: impl Into<Value>, config: &[(&str, &str)]) -> String {
    let config = [&[("fields", "f")], config].concat();
    data_error(
        CLASS,
        &config,
        &Record::new("t", map(&[("f", value.into())])),
    )
}

#[test]
fn each_class_has_its_zero() {
    for (value, zero) in [
        (Value::Null, Value::Null),
        (true.into(), false.into()),
        (1_i8.into(), 0_i8.into()),
        (1_i16.into(), 0_i16.into()),
        (1_i32.into(), 0_i32.into()),
        (1_i64.into(), 0_i64.into()),
        (1_f32.into(), 0_f32.into()),
        (1_f64.into(), 0_f64.into()),
        ("x".into(), "".into()),
        (Value::Array(vec![1_i8.into()]), Value::Array(vec![])),
        (map(&[("a", Value::Null)]), map(&[])),
        (Value::Date(1), Value::Date(0)),
        (Value::Time(1), Value::Time(0)),
        (Value::Timestamp(1), Value::Timestamp(0)),
        // BigDecimal.ZERO, whose scale is 0 whatever the schema says.
        (decimal("1.25"), decimal("0")),
    ] {
        assert_eq!(masked(value, &[]), zero);
    }
    assert_eq!(
        refused(vec![1_u8], &[]),
        "Cannot mask value of type: class [B"
    );
    assert_eq!(
        refused(Value::Struct(vec![]), &[]),
        "Cannot mask value of type: class org.apache.kafka.connect.data.Struct"
    );
}

#[test]
fn a_replacement_becomes_the_number_that_it_is() {
    let with = [("replacement", "-300.75")];
    assert_eq!(masked(1_i8, &with), Value::Int8(-44));
    assert_eq!(masked(1_i16, &with), Value::Int16(-300));
    assert_eq!(masked(1_i32, &with), Value::Int32(-300));
    assert_eq!(masked(1_i64, &with), Value::Int64(-300));
    assert_eq!(masked(1_f32, &with), Value::Float32(-300.75));
    assert_eq!(masked(1_f64, &with), Value::Float64(-300.75));
    assert_eq!(masked("x", &with), Value::from("-300.75"));
    assert_eq!(masked(decimal("1"), &with), decimal("-300.75"));
    assert_eq!(masked(Value::Null, &with), Value::Null);
    assert_eq!(
        masked(1_i32, &[("replacement", "99999999999")]),
        Value::Int32(1_215_752_191)
    );
    assert_eq!(masked(1_i64, &[("replacement", "1E+70")]), Value::Int64(0));
    assert_eq!(
        masked(1_f64, &[("replacement", "1e400")]),
        Value::Float64(f64::INFINITY)
    );
}

#[test]
fn a_replacement_that_does_not_fit_is_refused_record_by_record() {
    let with = [("replacement", "0x10")];
    let to_a_number = "Unable to convert 0x10 (class java.lang.String) to a number";
    assert_eq!(refused(1_i64, &with), to_a_number);
    assert_eq!(refused(1_f32, &with), to_a_number);
    assert_eq!(
        refused(decimal("1"), &with),
        "Unable to convert 0x10 (class java.lang.String) to number"
    );
    for (value, class) in [
        (true.into(), "java.lang.Boolean"),
        (Value::Array(vec![]), "java.util.ArrayList"),
        (map(&[]), "java.util.HashMap"),
        (Value::Time(1), "java.util.Date"),
        (vec![1_u8].into(), "[B"),
    ] {
        assert_eq!(
            refused(value, &with),
            format!("Cannot mask value of type class {class} with custom replacement.")
        );
    }
    assert_eq!(masked("x", &with), Value::from("0x10"));
}

#[test]
fn a_default_is_masked_and_the_schema_stays() {
    let optional = with_default(SchemaType::Int32, 7_i32).optional();
    let record = structure(&[
        ("f", optional.clone(), Value::Null),
        ("g", optional, Value::Null),
    ]);
    let values = |config: &[(&str, &str)]| {
        let found = apply(CLASS, config, &record).unwrap();
        assert_eq!(found.value_schema, record.value_schema);
        found.value
    };
    assert_eq!(
        values(&[("fields", "f")]),
        Value::Struct(vec![Value::Int32(0), Value::Int32(7)])
    );
    assert_eq!(
        values(&[("fields", "f"), ("replacement", "5")]),
        Value::Struct(vec![Value::Int32(5), Value::Int32(7)])
    );
    assert_eq!(
        values(&[("fields", "f"), ("replace.null.with.default", "false")]),
        Value::Struct(vec![Value::Null, Value::Null])
    );
    let part = struct_schema([("x", of(SchemaType::Int8))]);
    let default = Some(Value::Struct(vec![1_i8.into()]));
    let part = structure(&[("f", Schema { default, ..part }.optional(), Value::Null)]);
    assert_eq!(
        data_error(CLASS, &[("fields", "g")], &part),
        "Struct schemas do not match."
    );
    let required = structure(&[("f", of(SchemaType::Int32), Value::Null)]);
    assert_eq!(
        data_error(CLASS, &[("fields", "x")], &required),
        "Invalid value: null used for required field: \"f\", schema type: INT32"
    );
}

#[test]
fn a_record_without_fields_is_refused_and_a_missing_field_is_null() {
    assert_eq!(
        data_error(CLASS, &[("fields", "f")], &Record::new("t", 1_i32)),
        "Only Map objects supported in absence of schema for [mask fields], found: java.lang.Integer"
    );
    assert_eq!(
        data_error(
            CLASS,
            &[("fields", "f")],
            &under(of(SchemaType::Int32).optional(), Value::Null)
        ),
        "Only Struct objects supported for [mask fields], found: null"
    );
    let record = Record::new("t", map(&[("a", 1_i32.into())]));
    let found = apply(CLASS, &[("fields", "b, a ,b")], &record).unwrap();
    assert_eq!(found.value, map(&[("a", 0_i32.into()), ("b", Value::Null)]));
}

#[test]
fn keys_are_masked_and_values_left() {
    let schema = struct_schema([("a", Schema::decimal(2))]);
    let record = Record {
        key: Value::Struct(vec![decimal("1.25")]),
        key_schema: Some(std::sync::Arc::new(schema)),
        ..Record::new("t", map(&[("a", 1_i32.into())]))
    };
    let found = apply("MaskField$Key", &[("fields", "a")], &record).unwrap();
    assert_eq!(found.key, Value::Struct(vec![decimal("0")]));
    assert_eq!(
        (&found.value, &found.key_schema),
        (&record.value, &record.key_schema)
    );
}

#[test]
fn configurations_are_refused_with_their_key() {
    for (config, key) in [
        ([("fields", ""), ("replacement", "x")], "fields"),
        ([("fields", "a,,b"), ("replacement", "x")], "fields"),
        ([("fields", "a"), ("replacement", " ")], "replacement"),
        (
            [("fields", "a"), ("replace.null.with.default", "yes")],
            "replace.null.with.default",
        ),
    ] {
        assert_eq!(config_error(CLASS, &config).1, key);
    }
}
