//! Cast: what the recorded cases do not show.

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

const CLASS: &str = "Cast$Value";

fn whole(to: &str, value: impl Into<Value>) -> Value {
    apply(CLASS, &[("spec", to)], &Record::new("t", value))
        .unwrap()
        .value
}

fn text(value: impl Into<Value>) -> String {
    match whole("string", value) {
        Value::String(text) => text,
        other => panic!("{other:?}"),
    }
}

fn whole_error(to: &str, value: impl Into<Value>) -> String {
    data_error(CLASS, &[("spec", to)], &Record::new("t", value))
}

#[test]
fn whole_numbers_are_cut_as_java_cuts_them() {
    assert_eq!(whole("int8", 300_i64), Value::Int8(44));
    assert_eq!(whole("int8", i64::MAX), Value::Int8(-1));
    assert_eq!(whole("int16", -32_769_i32), Value::Int16(32_767));
    assert_eq!(whole("int32", 1_i64 << 32 | 7), Value::Int32(7));
    assert_eq!(whole("int64", -5_i8), Value::Int64(-5));
    assert_eq!(
        whole("float32", 16_777_217_i32),
        Value::Float32(16_777_216.0)
    );
    assert_eq!(
        whole("float64", i64::MAX),
        Value::Float64(9.223_372_036_854_776e18)
    );
}

#[test]
fn floating_point_numbers_saturate_by_way_of_an_int() {
    for (number, int8, int16, int32, int64) in [
        (300.7, 44, 300, 300, 300),
        (-300.7, -44, -300, -300, -300),
        (f64::NAN, 0, 0, 0, 0),
        (1e20, -1, -1, i32::MAX, i64::MAX),
        (-1e20, 0, 0, i32::MIN, i64::MIN),
        (f64::INFINITY, -1, -1, i32::MAX, i64::MAX),
        (3e9, -1, -1, i32::MAX, 3_000_000_000),
    ] {
        assert_eq!(whole("int8", number), Value::Int8(int8), "{number}");
        assert_eq!(whole("int16", number), Value::Int16(int16), "{number}");
        assert_eq!(whole("int32", number), Value::Int32(int32), "{number}");
        assert_eq!(whole("int64", number), Value::Int64(int64), "{number}");
        // Each of them has a float32 that is cut to the same.
        if number.abs() < 1e3 || number.abs() > 1e19 {
            assert_eq!(
                whole("int16", number as f32),
                Value::Int16(int16),
                "{number}"
            );
            assert_eq!(
                whole("int64", number as f32),
                Value::Int64(int64),
                "{number}"
            );
        }
    }
    assert_eq!(whole("boolean", 0.9), Value::Boolean(false));
    assert_eq!(whole("boolean", -1.0_f32), Value::Boolean(true));
    assert_eq!(whole("boolean", f64::NAN), Value::Boolean(false));
    assert_eq!(whole("float32", 1e300), Value::Float32(f32::INFINITY));
    assert_eq!(whole("float64", 0.1_f32), Value::Float64(0.1_f32.into()));
}

#[test]
fn texts_are_read_as_java_reads_them() {
    assert_eq!(whole("int8", "-128"), Value::Int8(-128));
    assert_eq!(whole("int16", "+7"), Value::Int16(7));
    assert_eq!(whole("int64", "٤٢"), Value::Int64(42));
    assert_eq!(whole("float64", " 1.5d "), Value::Float64(1.5));
    assert_eq!(whole("float32", "0x1p-2"), Value::Float32(0.25));
    assert_eq!(
        whole("float32", "-Infinity"),
        Value::Float32(f32::NEG_INFINITY)
    );
    for (text, truth) in [
        ("TRUE", true),
        ("true", true),
        (" true", false),
        ("1", false),
        ("", false),
    ] {
        assert_eq!(whole("boolean", text), Value::Boolean(truth), "{text}");
    }
    for (to, text) in [
        ("int8", "128"),
        ("int16", "32768"),
        ("int32", "-2147483649"),
        ("int64", "9223372036854775808"),
        ("int32", "1 "),
        ("int64", "0x1"),
        ("float64", "inf"),
        ("float32", ""),
    ] {
        let wanted = format!("Value ({text}) was out of range for requested data type");
        assert_eq!(whole_error(to, text), wanted);
    }
}

#[test]
fn values_print_as_java_prints_them() {
    assert_eq!(text(true), "true");
    assert_eq!(text(i64::MIN), "-9223372036854775808");
    assert_eq!(text(100.0), "100.0");
    assert_eq!(text(1e21), "1.0E21");
    assert_eq!(text(-0.0_f32), "-0.0");
    assert_eq!(text(f64::NAN), "NaN");
    assert_eq!(text(vec![0_u8, 1, 255]), "AAH/");
    assert_eq!(text("a\"b"), "a\"b");
}

#[test]
fn truth_is_one_or_zero() {
    assert_eq!(whole("int64", true), Value::Int64(1));
    assert_eq!(whole("float32", false), Value::Float32(0.0));
    assert_eq!(whole("float64", true), Value::Float64(1.0));
}

#[test]
fn dates_and_decimals_are_known_under_a_schema_only() {
    for (value, class) in [
        (Value::Date(1), "java.util.Date"),
        (Value::Time(1), "java.util.Date"),
        (Value::Timestamp(1), "java.util.Date"),
        (decimal("1.5"), "java.math.BigDecimal"),
    ] {
        for to in ["string", "int64", "boolean"] {
            assert_eq!(
                whole_error(to, value.clone()),
                format!(
                    "Cast transformation was passed a value of type class {class} which is not supported by Connect's data API"
                )
            );
        }
    }
    assert!(whole_error("string", map(&[])).contains("casting from MAP"));
    assert!(whole_error("int8", Value::Array(vec![])).contains("casting from ARRAY"));
}

fn field(schema: Schema, value: Value, to: &str) -> (Value, Schema) {
    let spec = format!("f:{to}");
    let record = structure(&[
        ("f", schema, value),
        ("g", of(SchemaType::Int8), Value::Int8(1)),
    ]);
    let record = apply(CLASS, &[("spec", &spec)], &record).unwrap();
    let Value::Struct(values) = &record.value else {
        panic!("{record:?}");
    };
    assert_eq!(values[1], Value::Int8(1));
    let schema = record.value_schema.unwrap();
    (values[0].clone(), (*schema.fields()[0].schema).clone())
}

#[test]
fn logical_types_become_what_carries_them_or_text() {
    let day = 86_400_000;
    for (schema, value, to, wanted) in [
        (Schema::date(), Value::Date(-1), "int8", Value::Int8(-1)),
        (
            Schema::date(),
            Value::Date(2),
            "string",
            "1970-01-03".into(),
        ),
        (
            Schema::date(),
            Value::Date(-1),
            "string",
            "00:00:00.000Z".into(),
        ),
        (
            Schema::time(),
            Value::Time(1),
            "float64",
            Value::Float64(1.0),
        ),
        (
            Schema::time(),
            Value::Time(1),
            "boolean",
            Value::Boolean(true),
        ),
        (
            Schema::timestamp(),
            Value::Timestamp(300),
            "int8",
            Value::Int8(44),
        ),
        (
            Schema::timestamp(),
            Value::Timestamp(day + 1),
            "string",
            "1970-01-02T00:00:00.001Z".into(),
        ),
        (
            Schema::decimal(2),
            decimal("-0.99"),
            "int32",
            Value::Int32(0),
        ),
        (
            Schema::decimal(2),
            decimal("300.00"),
            "int8",
            Value::Int8(44),
        ),
        (
            Schema::decimal(0),
            decimal("18446744073709551617"),
            "int64",
            Value::Int64(1),
        ),
        (
            Schema::decimal(2),
            decimal("0.50"),
            "boolean",
            Value::Boolean(false),
        ),
        (
            Schema::decimal(1),
            decimal("0.1"),
            "float32",
            Value::Float32(0.1),
        ),
        (
            Schema::decimal(1),
            decimal("0.1"),
            "float64",
            Value::Float64(0.1),
        ),
        (Schema::decimal(2), decimal("1.50"), "string", "1.50".into()),
    ] {
        let kind = to.to_owned();
        let (found, schema) = field(schema.optional(), value, to);
        assert_eq!(found, wanted, "{to}");
        assert!(schema.optional && schema.name.is_none() && schema.parameters.is_empty());
        assert_eq!(schema.kind.name(), kind);
    }
}

#[test]
fn a_time_beyond_its_day_is_no_number() {
    let cast = |time, spec| {
        let record = structure(&[("f", Schema::time(), Value::Time(time))]);
        apply(CLASS, &[("spec", spec)], &record)
    };
    for time in [-1, 86_400_001] {
        let error = cast(time, "f:int32").unwrap_err();
        assert!(
            error.message().starts_with("Kafka Connect Time type"),
            "{error}"
        );
        assert!(cast(time, "f:string").is_ok());
    }
    assert!(cast(86_400_000, "f:int32").is_ok());
}

#[test]
fn a_whole_logical_value_keeps_its_name() {
    let cast = |schema: Schema, value, to| {
        let record = apply(CLASS, &[("spec", to)], &under(schema, value)).unwrap();
        (record.value, (*record.value_schema.unwrap()).clone())
    };
    let (value, schema) = cast(Schema::date(), Value::Date(3), "int64");
    assert_eq!(value, Value::Int64(3));
    assert_eq!(
        schema,
        Schema {
            kind: SchemaType::Int64,
            ..Schema::date()
        }
    );
    // Where the type still carries the logical type, the value is still one.
    let (value, schema) = cast(Schema::date(), Value::Date(3), "int32");
    assert_eq!((value, schema), (Value::Date(3), Schema::date()));
    let (value, schema) = cast(Schema::timestamp(), Value::Timestamp(3), "int64");
    assert_eq!((value, schema), (Value::Timestamp(3), Schema::timestamp()));
    let default = Schema {
        default: Some(Value::Date(1)),
        ..Schema::date()
    };
    let error = data_error(
        CLASS,
        &[("spec", "string")],
        &under(default, Value::Date(1)),
    );
    assert_eq!(error, "Invalid default value");
}

#[test]
fn a_whole_schema_keeps_all_but_its_type() {
    let schema = Schema {
        optional: true,
        name: Some("n".to_owned()),
        version: Some(2),
        doc: Some("d".to_owned()),
        parameters: vec![("p".to_owned(), "q".to_owned())],
        ..with_default(SchemaType::String, "7")
    };
    let record = apply(CLASS, &[("spec", "int16")], &under(schema.clone(), "300")).unwrap();
    assert_eq!(record.value, Value::Int16(300));
    let wanted = Schema {
        kind: SchemaType::Int16,
        default: Some(Value::Int16(7)),
        ..schema.clone()
    };
    assert_eq!(*record.value_schema.unwrap(), wanted);
    // Its default cannot be cast: no record can.
    let error = data_error(
        CLASS,
        &[("spec", "int16")],
        &under(with_default(SchemaType::String, "x"), "1"),
    );
    assert_eq!(error, "Value (x) was out of range for requested data type");
}

#[test]
fn null_becomes_the_default_where_it_is_wanted_and_fails_where_it_may_not_be() {
    let optional = with_default(SchemaType::Float64, 300.9).optional();
    assert_eq!(
        field(optional.clone(), Value::Null, "int8").0,
        Value::Int8(44)
    );
    let record = structure(&[("f", optional, Value::Null)]);
    let keep = [("spec", "f:int8"), ("replace.null.with.default", "false")];
    assert_eq!(
        apply(CLASS, &keep, &record).unwrap().value,
        Value::Struct(vec![Value::Null])
    );
    let required = structure(&[("f", with_default(SchemaType::Int64, 1_i64), Value::Null)]);
    assert_eq!(
        data_error(CLASS, &keep, &required),
        "Invalid value: null used for required field: \"f\", schema type: INT8"
    );
    // A field that is not cast has its default too.
    let other = structure(&[("g", with_default(SchemaType::Int64, 1_i64), Value::Null)]);
    let found = apply(CLASS, &[("spec", "f:int8")], &other).unwrap();
    assert_eq!(found.value, Value::Struct(vec![Value::Int64(1)]));
}

#[test]
fn of_a_struct_schema_only_the_fields_change() {
    let part = of(SchemaType::Struct(vec![]));
    let schema = Schema {
        optional: true,
        name: Some("n".to_owned()),
        version: Some(1),
        ..struct_schema([
            (
                "a",
                Schema {
                    doc: Some("d".to_owned()),
                    ..of(SchemaType::Int32)
                },
            ),
            ("b", part),
        ])
    };
    let value = Value::Struct(vec![Value::Int32(1), Value::Struct(vec![])]);
    let record = apply(
        CLASS,
        &[("spec", "a:string")],
        &under(schema.clone(), value),
    )
    .unwrap();
    let found = record.value_schema.unwrap();
    assert_eq!(
        (&found.name, found.version, found.optional),
        (&schema.name, Some(1), true)
    );
    assert_eq!(*found.fields()[0].schema, of(SchemaType::String));
    assert_eq!(found.fields()[1], schema.fields()[1]);
    let with_default = Schema {
        default: Some(Value::Struct(vec![Value::Int32(1), Value::Struct(vec![])])),
        ..schema
    };
    let value = Value::Struct(vec![Value::Int32(1), Value::Struct(vec![])]);
    assert!(
        data_error(CLASS, &[("spec", "a:string")], &under(with_default, value))
            .contains("casting from STRUCT")
    );
    assert_eq!(
        data_error(
            CLASS,
            &[("spec", "a:int8")],
            &under(of(SchemaType::Int32), 1_i32)
        ),
        "Cannot list fields on non-struct type"
    );
}

#[test]
fn a_missing_field_of_a_map_is_null_and_of_a_struct_ignored() {
    let record = Record::new("t", map(&[("b", "1".into())]));
    let found = apply(CLASS, &[("spec", "a:int8,b:int16,c:string")], &record).unwrap();
    let wanted = map(&[
        ("b", Value::Int16(1)),
        ("a", Value::Null),
        ("c", Value::Null),
    ]);
    assert_eq!(found.value, wanted);
}

#[test]
fn keys_are_cast_and_values_left() {
    let record = Record {
        key: map(&[("a", 1_i32.into())]),
        ..Record::new("t", map(&[("a", 1_i32.into())]))
    };
    let found = apply("Cast$Key", &[("spec", "a:string")], &record).unwrap();
    assert_eq!(found.key, map(&[("a", "1".into())]));
    assert_eq!(found.value, record.value);
}

#[test]
fn specs_are_refused_as_kafka_connect_refuses_them() {
    for (spec, message) in [
        ("", "Must specify at least one field to cast."),
        (
            "a:b:c",
            "Invalid value [a:b:c] for configuration renames: Invalid rename mapping: a:b:c",
        ),
        (
            "a:int8,int8",
            "may only specify a single cast in their spec",
        ),
        ("int8,int16", "may only specify a single cast in their spec"),
        ("a:int", "Invalid type found in casting spec: int"),
        ("a:int8,", "Invalid type found in casting spec: "),
        ("a:", "Invalid type found in casting spec: a"),
        (
            "a:struct",
            "does not support casting to STRUCT; supported types are [INT8, ",
        ),
        ("map", "does not support casting to MAP"),
    ] {
        let (found, key) = config_error(CLASS, &[("spec", spec)]);
        assert!(found.contains(message), "{spec}: {found}");
        assert_eq!(key, "spec");
    }
    assert_eq!(
        config_error(CLASS, &[]).0,
        "Missing required configuration \"spec\" which has no default value."
    );
}

#[test]
fn of_two_types_for_a_field_the_last_counts() {
    let record = Record::new("t", map(&[("a", 1_i32.into())]));
    let found = apply(CLASS, &[("spec", "a:int8, a : String")], &record).unwrap();
    assert_eq!(found.value, map(&[("a", "1".into())]));
}

#[test]
fn what_grows_over_the_limit_of_a_record_is_its_error() {
    let record = Record::new("t", map(&[("a", vec![0_u8; 900_000].into())]));
    let error = data_error(CLASS, &[("spec", "a:string")], &record);
    assert!(
        error.contains("more than 1048576 bytes") || error.contains("a record may have"),
        "{error}"
    );
}
