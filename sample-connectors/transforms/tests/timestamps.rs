//! TimestampConverter and TimestampRouter beyond the recorded cases.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what it expects by failing"
)]

use std::sync::Arc;

use proptest::prelude::*;
use tidegate_sdk::model::{Field, Schema, SchemaType, Value};
use tidegate_sdk::record::batch_of;
use tidegate_sdk::testing::{apply_chain, pairs};
use tidegate_sdk::{Chain, Error, ErrorKind, PluginSet, Record, Step, records};
use tidegate_transforms::ComponentPlugins;

const DAY_MS: i64 = 86_400_000;
const TARGETS: [&str; 5] = ["string", "unix", "Date", "Time", "Timestamp"];
const PRECISIONS: [(&str, i64, i64); 4] = [
    ("nanoseconds", 1_000_000, 1),
    ("microseconds", 1_000, 1),
    ("milliseconds", 1, 1),
    ("seconds", 1, 1_000),
];
const FORMAT: &str = "yyyy-MM-dd'T'HH:mm:ss.SSSX";

fn configured(class: &str, config: &[(&str, &str)]) -> Result<Chain, Error> {
    let step = Step {
        class_name: format!("org.apache.kafka.connect.transforms.{class}"),
        config: pairs(config),
        condition: None,
    };
    Chain::configure(&ComponentPlugins::plugins(), vec![step])
}

fn convert(config: &[(&str, &str)], record: &Record) -> Result<Record, Error> {
    let mut chain = configured("TimestampConverter$Value", config).unwrap();
    let mut outputs = apply_chain(&mut chain, record)?;
    Ok(outputs.remove(0))
}

fn with_schema(schema: Schema, value: Value) -> Record {
    Record {
        value_schema: Some(Arc::new(schema)),
        ..Record::new("t", value)
    }
}

fn optional(schema: Schema) -> Schema {
    Schema {
        optional: true,
        ..schema
    }
}

fn structure(fields: &[(&str, Schema)]) -> Schema {
    let field = |(name, schema): &(&str, Schema)| Field {
        name: (*name).to_owned(),
        schema: Arc::new(schema.clone()),
    };
    Schema::new(SchemaType::Struct(fields.iter().map(field).collect()))
}

/// What an error says; its kind must be that of data.
fn data_error(result: Result<Record, Error>) -> String {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Data);
    error.message().to_owned()
}

#[test]
fn what_is_no_timestamp_is_said_in_kafka_connects_words() {
    let to_unix: &[(&str, &str)] = &[("target.type", "unix")];
    let dated: &[(&str, &str)] = &[("target.type", "unix"), ("format", "yyyy-MM-dd")];
    assert_eq!(
        data_error(convert(to_unix, &Record::new("t", 1_i32))),
        "TimestampConverter does not support class java.lang.Integer objects as timestamps"
    );
    assert_eq!(
        data_error(convert(to_unix, &Record::new("t", "2024-01-01"))),
        "TimestampConverter requires format option to be specified when using string timestamps"
    );
    assert_eq!(
        data_error(convert(dated, &Record::new("t", "yesterday"))),
        "Could not parse timestamp: value (yesterday) does not match pattern (yyyy-MM-dd)"
    );
    let int32 = Schema::new(SchemaType::Int32);
    assert_eq!(
        data_error(convert(to_unix, &with_schema(int32.clone(), 1_i32.into()))),
        "Schema Schema{INT32} does not correspond to a known timestamp type format"
    );
    // Even null, as Kafka Connect looks at the schema first.
    assert!(convert(to_unix, &with_schema(optional(int32.clone()), Value::Null)).is_err());
    let named = int32.named("org.example.Day");
    assert_eq!(
        data_error(convert(to_unix, &with_schema(named, 1_i32.into()))),
        "Schema Schema{org.example.Day:INT32} does not correspond to a known timestamp type format"
    );
    let of_field: &[(&str, &str)] = &[("target.type", "unix"), ("field", "ts")];
    assert_eq!(
        data_error(convert(of_field, &Record::new("t", "x"))),
        "Only Map objects supported in absence of schema for [converting timestamp formats], found: java.lang.String"
    );
}

#[test]
fn what_cannot_work_is_refused_when_configured() {
    for (class, config, key, wanted) in [
        (
            "TimestampConverter$Value",
            &[("target.type", "string")][..],
            "format",
            "TimestampConverter requires format option to be specified when using string timestamps",
        ),
        (
            "TimestampConverter$Key",
            &[("target.type", "string"), ("format", "  ")],
            "format",
            "TimestampConverter requires format option",
        ),
        (
            "TimestampConverter$Value",
            &[("target.type", "unix"), ("format", "yyyy 'at")],
            "format",
            "TimestampConverter requires a SimpleDateFormat-compatible pattern for string timestamps: yyyy 'at: Unterminated quote",
        ),
        (
            "TimestampConverter$Value",
            &[("target.type", "unix"), ("format", "bad-format")],
            "format",
            "TimestampConverter requires a SimpleDateFormat-compatible pattern for string timestamps: bad-format: Illegal pattern character 'b'; the letters G y",
        ),
        (
            "TimestampConverter$Value",
            &[("target.type", "date")],
            "target.type",
            "Invalid value date for configuration target.type: String must be one of: string, unix, Date, Time, Timestamp",
        ),
        (
            "TimestampRouter",
            &[("timestamp.format", "yyyy-bb")],
            "timestamp.format",
            "TimestampRouter requires a SimpleDateFormat-compatible pattern: yyyy-bb: Illegal pattern character 'b'",
        ),
    ] {
        let error = configured(class, config).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert_eq!(error.key(), Some(key), "{config:?}");
        assert!(error.message().starts_with(wanted), "{error}");
    }
}

#[test]
fn dates_are_read_leniently() {
    let read = |format: &str, text: &str| {
        let config = [("target.type", "unix"), ("format", format)];
        match convert(&config, &Record::new("t", text)).unwrap().value {
            Value::Int64(moment) => moment,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(
        read("yyyy-MM-dd", "2024-02-30 or so"),
        read("d MMM yyyy", "1 mar 2024")
    );
    // Eighty years back and twenty ahead of today.
    assert_eq!(read("yy", "99"), read("yyyy", "1999"));
    assert_eq!(read("yy", "30"), read("yyyy", "2030"));
}

#[test]
fn the_schema_of_a_struct_keeps_what_it_says_besides_the_field() {
    let schema = structure(&[
        ("ts", optional(Schema::new(SchemaType::String))),
        (
            "n",
            Schema {
                default: Some(7_i32.into()),
                ..optional(Schema::new(SchemaType::Int32))
            },
        ),
    ]);
    let schema = Schema {
        doc: Some("a day".to_owned()),
        version: Some(3),
        default: Some(Value::Struct(vec!["1970-01-02".into(), Value::Null])),
        ..optional(schema.named("Day"))
    };
    let config = [
        ("target.type", "Date"),
        ("field", "ts"),
        ("format", "yyyy-MM-dd"),
    ];
    let wanted = Schema {
        kind: structure(&[
            ("ts", optional(Schema::date())),
            ("n", (*schema.fields()[1].schema).clone()),
        ])
        .kind,
        default: Some(Value::Struct(vec![Value::Date(1), 7_i32.into()])),
        ..schema.clone()
    };
    let given = Value::Struct(vec!["1970-01-11".into(), Value::Null]);
    let found = convert(&config, &with_schema(schema.clone(), given)).unwrap();
    assert_eq!(found.value_schema.as_deref(), Some(&wanted));
    assert_eq!(
        found.value,
        Value::Struct(vec![Value::Date(10), 7_i32.into()])
    );
    let found = convert(&config, &with_schema(schema, Value::Null)).unwrap();
    assert_eq!(found.value_schema.as_deref(), Some(&wanted));
    assert_eq!(found.value, Value::Null);
}

#[test]
fn a_damaged_or_unfitting_struct_fails_alone() {
    let schema = Arc::new(structure(&[("ts", Schema::new(SchemaType::Int64))]));
    let record = |values: Vec<Value>| Record {
        value_schema: Some(Arc::clone(&schema)),
        ..Record::new("t", Value::Struct(values))
    };
    let given = [
        record(vec![1_i64.into()]),
        record(vec![]),
        record(vec![1_i64.into(), 2_i64.into()]),
        record(vec!["x".into()]),
        record(vec![2_i64.into()]),
    ];
    let config = [("target.type", "Timestamp"), ("field", "ts")];
    let mut chain = configured("TimestampConverter$Value", &config).unwrap();
    let done = chain.apply(batch_of(&given)).unwrap();
    done.batch.check().unwrap();
    assert_eq!(done.inputs, Some(vec![0, 4]));
    assert_eq!(
        done.errors[2].error.message(),
        "Expected Unix timestamp to be a Long, but found class java.lang.String"
    );
    assert_eq!(done.batch.schemas.len() - done.schemas_given, 1);
}

#[test]
fn numbers_beyond_64_bits_become_the_largest() {
    let seconds = [("target.type", "Timestamp"), ("unix.precision", "seconds")];
    let found = convert(&seconds, &Record::new("t", i64::MAX)).unwrap();
    assert_eq!(found.value, Value::Timestamp(i64::MAX));
    let nanoseconds = [("target.type", "unix"), ("unix.precision", "nanoseconds")];
    let given = Record::new("t", Value::Timestamp(i64::MIN));
    assert_eq!(
        convert(&nanoseconds, &given).unwrap().value,
        Value::Int64(i64::MIN)
    );
    let given = with_schema(Schema::timestamp(), Value::Timestamp(i64::MAX));
    let message = data_error(convert(&[("target.type", "Date")], &given));
    assert!(
        message.starts_with("a Date has at most 32 bits"),
        "{message}"
    );
}

#[test]
fn records_are_routed_by_their_day() {
    let at = |topic: &str, timestamp| Record {
        timestamp,
        ..Record::new(topic, Value::Null)
    };
    let given = [
        at("a", Some(0)),
        at("b", Some(DAY_MS)),
        at("a", None),
        at("a", Some(DAY_MS - 1)),
        at("a", Some(-2)),
    ];
    let mut chain = configured("TimestampRouter", &[]).unwrap();
    let done = chain.apply(batch_of(&given)).unwrap();
    done.batch.check().unwrap();
    let topics: Vec<String> = records(&done.batch).map(|r| r.unwrap().topic).collect();
    assert_eq!(
        topics,
        ["a-19700101", "b-19700102", "a-19700101", "a-19691231"]
    );
    assert_eq!(done.errors[0].index, 2);
    assert!(
        done.errors[0]
            .error
            .message()
            .starts_with("Timestamp missing on record: ")
    );
    // The topic is put in first, and then the timestamp, wherever it stands.
    let config = [
        ("topic.format", "${${topic}}_${topic} ${timestamp}"),
        ("timestamp.format", "''$1"),
    ];
    let mut chain = configured("TimestampRouter", &config).unwrap();
    let outputs = apply_chain(&mut chain, &at("timestamp", Some(0))).unwrap();
    assert_eq!(outputs[0].topic, "'$1_timestamp '$1");
}

/// A timestamp as a tree, converted step by step.
fn model(value: &Value, target: &str, precision: usize, is_typed: bool) -> Value {
    let (_, divisor, factor) = PRECISIONS[precision];
    let moment = match value {
        Value::Null => return Value::Null,
        Value::Int64(number) => number / divisor * factor,
        Value::String(text) => text_to_moment(text),
        Value::Date(days) => i64::from(*days) * DAY_MS,
        Value::Time(time) => i64::from(*time),
        Value::Timestamp(moment) => *moment,
        other => panic!("{other:?}"),
    };
    let time = moment.rem_euclid(DAY_MS);
    match target {
        "string" => moment_to_text(moment).into(),
        "unix" => (moment * divisor / factor).into(),
        "Date" if is_typed => Value::Date(moment.div_euclid(DAY_MS) as i32),
        "Time" if is_typed => Value::Time(time as i32),
        "Date" => Value::Timestamp(moment - time),
        "Time" => Value::Timestamp(time),
        _ => Value::Timestamp(moment),
    }
}

/// `FORMAT` for years of four digits after 1582, counted day by day.
fn moment_to_text(moment: i64) -> String {
    let (mut days, time) = (moment.div_euclid(DAY_MS), moment.rem_euclid(DAY_MS));
    let (mut year, mut month) = (1970, 1);
    let is_leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = |year: i64, month: i64| match month {
        2 => 28 + i64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    while days < 0 {
        year -= 1;
        days += 365 + i64::from(is_leap(year));
    }
    while days >= length(year, month) {
        days -= length(year, month);
        (year, month) = if month == 12 {
            (year + 1, 1)
        } else {
            (year, month + 1)
        };
    }
    let (hour, minute) = (time / 3_600_000, time / 60_000 % 60);
    let (second, millisecond) = (time / 1_000 % 60, time % 1_000);
    format!(
        "{year:04}-{month:02}-{:02}T{hour:02}:{minute:02}:{second:02}.{millisecond:03}Z",
        days + 1
    )
}

fn text_to_moment(text: &str) -> i64 {
    // Only texts that were made from a moment come here, with the moment after them.
    text.rsplit(' ').next().unwrap().parse().unwrap()
}

fn type_schema(target: &str) -> Schema {
    match target {
        "string" => Schema::new(SchemaType::String),
        "unix" => Schema::new(SchemaType::Int64),
        "Date" => Schema::date(),
        "Time" => Schema::time(),
        _ => Schema::timestamp(),
    }
}

/// A timestamp of any form, from 1600 to 2250, so that nanoseconds fit into 64 bits.
fn any_timestamp() -> impl Strategy<Value = Value> {
    let moment = -9_000_000_000_000_i64..9_000_000_000_000;
    prop_oneof![
        moment.clone().prop_map(Value::Int64),
        moment.clone().prop_map(Value::Timestamp),
        moment.prop_map(|moment| format!("{} {moment}", moment_to_text(moment)).into()),
        (-100_000..100_000).prop_map(Value::Date),
        (0..86_400_000).prop_map(Value::Time),
    ]
}

fn schema_of(value: &Value) -> Schema {
    match value {
        Value::String(_) => Schema::new(SchemaType::String),
        Value::Int64(_) => Schema::new(SchemaType::Int64),
        Value::Date(_) => Schema::date(),
        Value::Time(_) => Schema::time(),
        _ => Schema::timestamp(),
    }
}

/// Numbers in a precision that keeps them small enough.
fn is_small(value: &Value, precision: usize) -> bool {
    !matches!(value, Value::Int64(number) if precision == 3 && number.abs() > 9_000_000_000)
}

proptest! {
    #[test]
    fn a_field_is_converted_as_the_model_says(
        timestamp in any_timestamp(),
        target in prop::sample::select(&TARGETS[..]),
        precision in 0..PRECISIONS.len(),
        others in prop::collection::vec(any::<Option<i32>>(), 0..4),
        place in 0..4_usize,
        kind in 0..4,
        replace_null in any::<bool>(),
    ) {
        prop_assume!(is_small(&timestamp, precision));
        let place = place.min(others.len());
        let name = |at: usize| if at == place { "ts".to_owned() } else { format!("f{at}") };
        let mut values: Vec<Value> = others
            .iter()
            .map(|other| other.map_or(Value::Null, Value::Int32))
            .collect();
        let default = Value::Int32(99);
        // 0: as it is; 1: null with a default; 2: null; 3: not there.
        let given = if kind == 0 { timestamp.clone() } else { Value::Null };
        values.insert(place, given);
        let replace = if replace_null { "true" } else { "false" };
        let mut config = vec![
            ("target.type", target),
            ("format", FORMAT),
            ("unix.precision", PRECISIONS[precision].0),
            ("field", if kind == 3 { "missing" } else { "ts" }),
        ];
        config.push(("replace.null.with.default", replace));

        let entries = values.iter().enumerate().map(|(at, value)| (name(at).into(), value.clone()));
        let map = Record::new("t", Value::Map(entries.collect()));
        let found = convert(&config, &map).unwrap();
        let mut wanted: Vec<(Value, Value)> = values.iter().enumerate()
            .map(|(at, value)| {
                let is_it = at == place && kind != 3;
                let value = if is_it { model(value, target, precision, false) } else { value.clone() };
                (name(at).into(), value)
            })
            .collect();
        if kind == 3 {
            wanted.push(("missing".into(), Value::Null));
        }
        prop_assert_eq!(found.value, Value::Map(wanted));

        let schema_at = |at: usize, schema: Schema| Field { name: name(at), schema: Arc::new(schema) };
        let fields = |of_timestamp: &Schema| -> Vec<Field> {
            (0..values.len()).map(|at| if at == place {
                schema_at(at, of_timestamp.clone())
            } else {
                let schema = optional(Schema::new(SchemaType::Int32));
                schema_at(at, Schema { default: Some(default.clone()), ..schema })
            }).collect()
        };
        let source = Schema {
            default: (kind == 1).then(|| timestamp.clone()),
            ..optional(schema_of(&timestamp))
        };
        let schema = Schema::new(SchemaType::Struct(fields(&source)));
        let record = with_schema(schema.clone(), Value::Struct(values.clone()));
        let found = convert(&config, &record).unwrap();
        let or_default = |value: &Value, default: Option<&Value>| match (value, default) {
            (Value::Null, Some(default)) if replace_null => default.clone(),
            _ => value.clone(),
        };
        let wanted: Vec<Value> = values.iter().enumerate().map(|(at, value)| {
            if at != place {
                return or_default(value, Some(&default));
            }
            let value = or_default(value, source.default.as_ref());
            if kind == 3 { value } else { model(&value, target, precision, true) }
        }).collect();
        prop_assert_eq!(found.value, Value::Struct(wanted));
        let new = if kind == 3 { source.clone() } else { optional(type_schema(target)) };
        let wanted = Schema::new(SchemaType::Struct(fields(&new)));
        prop_assert_eq!(found.value_schema.as_deref(), Some(&wanted));
    }

    #[test]
    fn the_whole_is_converted_as_the_model_says(
        timestamp in any_timestamp(),
        target in prop::sample::select(&TARGETS[..]),
        precision in 0..PRECISIONS.len(),
        is_optional in any::<bool>(),
    ) {
        prop_assume!(is_small(&timestamp, precision));
        let config = [
            ("target.type", target),
            ("format", FORMAT),
            ("unix.precision", PRECISIONS[precision].0),
        ];
        let found = convert(&config, &Record::new("t", timestamp.clone())).unwrap();
        prop_assert_eq!(found.value, model(&timestamp, target, precision, false));
        let of = |schema: Schema| if is_optional { optional(schema) } else { schema };
        let record = with_schema(of(schema_of(&timestamp)), timestamp.clone());
        let found = convert(&config, &record).unwrap();
        prop_assert_eq!(found.value, model(&timestamp, target, precision, true));
        prop_assert_eq!(found.value_schema.as_deref(), Some(&of(type_schema(target))));
    }
}
