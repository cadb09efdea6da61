//! The file sink, driven as the worker drives it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what it expects by failing"
)]

use std::sync::Arc;

use tempfile::TempDir;
use tidegate_file::FileStreamSink;
use tidegate_file::sink::FileStreamSinkTask;
use tidegate_sdk::model::{Field, Schema, SchemaType, Value};
use tidegate_sdk::testing::SinkDriver;
use tidegate_sdk::{ErrorKind, PluginSet, Record, TopicPartitionOffset};

/// The lines that the file has after the values were put.
fn lines(records: &[Record]) -> Vec<String> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("out.txt");
    let config = [("file", path.to_str().unwrap())];
    let mut task = SinkDriver::<FileStreamSinkTask>::start::<FileStreamSink>(&config).unwrap();
    assert_eq!(task.put(records).unwrap(), []);
    let text = std::fs::read_to_string(&path).unwrap();
    text.lines().map(str::to_owned).collect()
}

fn line(value: impl Into<Value>) -> String {
    lines(&[Record::new("t", value)]).concat()
}

#[test]
fn strings_are_written_as_they_are_and_null_as_null() {
    let records = [
        Record::new("t", "a \"b\" ü"),
        Record::new("t", Value::Null),
        Record::new("t", ""),
    ];
    assert_eq!(lines(&records), ["a \"b\" ü", "null", ""]);
}

#[test]
fn numbers_look_as_java_prints_them() {
    assert_eq!(line(-128_i8), "-128");
    assert_eq!(line(i64::MIN), "-9223372036854775808");
    assert_eq!(line(true), "true");
    for (number, text) in [
        (1.0, "1.0"),
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (1e7, "1.0E7"),
        (1234567.5, "1234567.5"),
        (1e-5, "1.0E-5"),
        (0.001, "0.001"),
        (1.25e-7, "1.25E-7"),
        (100.0, "100.0"),
        (f64::NAN, "\"NaN\""),
    ] {
        assert_eq!(line(number), text);
    }
    assert_eq!(line(0.1_f32), "0.1");
}

#[test]
fn structured_values_are_one_line_of_json() {
    let map = Value::Map(vec![
        ("a".into(), 1_i32.into()),
        (
            "b \"\\\n\u{1}".into(),
            Value::Array(vec!["x".into(), Value::Null, false.into()]),
        ),
        ("c".into(), Value::Bytes(vec![1, 2, 3, 4])),
    ]);
    assert_eq!(
        line(map),
        r#"{"a":1,"b \"\\\n\u0001":["x",null,false],"c":"AQIDBA=="}"#
    );
    let pairs = Value::Map(vec![(1_i32.into(), "x".into()), ("y".into(), Value::Null)]);
    assert_eq!(line(pairs), r#"[[1,"x"],["y",null]]"#);
}

#[test]
fn decimals_are_plain_numbers() {
    let decimal = |scale, unscaled: &[u8]| {
        line(Value::Decimal {
            scale,
            unscaled: unscaled.to_vec(),
        })
    };
    assert_eq!(decimal(2, &[0x01, 0x00]), "2.56");
    assert_eq!(decimal(2, &[0xff]), "-0.01");
    assert_eq!(decimal(0, &[0x80]), "-128");
    assert_eq!(decimal(-2, &[5]), "500");
    assert_eq!(decimal(0, &[0]), "0");
    assert_eq!(
        decimal(1, &[0x0d, 0xe0, 0xb6, 0xb3, 0xa7, 0x64, 0x00, 0x00]),
        "100000000000000000.0"
    );
}

#[test]
fn a_struct_has_the_names_of_its_fields() {
    let field = |name: &str, schema: Schema| Field {
        name: name.to_owned(),
        schema: Arc::new(schema),
    };
    let inner = Schema::new(SchemaType::Struct(vec![field(
        "x",
        Schema::new(SchemaType::Int64),
    )]));
    let schema = Arc::new(Schema::new(SchemaType::Struct(vec![
        field("id", Schema::new(SchemaType::Int32)),
        field("at", Schema::timestamp()),
        field("in", inner),
    ])));
    let record = |id: i32| Record {
        value_schema: Some(Arc::clone(&schema)),
        ..Record::new(
            "t",
            Value::Struct(vec![
                id.into(),
                Value::Timestamp(5),
                Value::Struct(vec![7_i64.into()]),
            ]),
        )
    };
    let wanted = [
        r#"{"id":1,"at":5,"in":{"x":7}}"#,
        r#"{"id":2,"at":5,"in":{"x":7}}"#,
    ];
    assert_eq!(lines(&[record(1), record(2)]), wanted);
}

#[test]
fn a_damaged_record_fails_alone() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("out.txt");
    let config = [("file", path.to_str().unwrap())];
    let mut task = SinkDriver::<FileStreamSinkTask>::start::<FileStreamSink>(&config).unwrap();
    let damaged = Record::new("t", Value::Struct(vec![1_i32.into()]));
    let failed = task
        .put(&[Record::new("t", "a"), damaged, Record::new("t", "b")])
        .unwrap();
    let failed: Vec<_> = failed
        .iter()
        .map(|(index, error)| (*index, error.kind()))
        .collect();
    assert_eq!(failed, [(1, ErrorKind::Data)]);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "a\nb\n");
}

#[test]
fn a_restarted_task_appends_and_flush_answers_what_may_be_committed() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("out.txt");
    let config = [("file", path.to_str().unwrap())];
    let offsets = vec![TopicPartitionOffset {
        topic: "t".to_owned(),
        partition: 0,
        offset: 1,
    }];
    for text in ["a", "b"] {
        let mut task = SinkDriver::<FileStreamSinkTask>::start::<FileStreamSink>(&config).unwrap();
        task.put(&[Record::new("t", text)]).unwrap();
        assert_eq!(task.flush(offsets.clone()).unwrap(), offsets);
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "a\nb\n");
}

#[test]
fn a_folder_that_does_not_exist_is_said_as_kafka_connect_says_it() {
    let config = [("file", "/nonexistent-dir/x")];
    let error = SinkDriver::<FileStreamSinkTask>::start::<FileStreamSink>(&config).unwrap_err();
    assert_eq!(
        error.message(),
        "Couldn't find or create file '/nonexistent-dir/x' for FileStreamSinkTask: its folder does not exist"
    );
}

#[test]
fn each_task_of_a_sink_gets_the_configuration() {
    let plugins = tidegate_file::ComponentPlugins::plugins();
    let config = tidegate_sdk::testing::pairs(&[("file", "/out.txt")]);
    let configs = plugins
        .sink_task_configs(tidegate_file::sink::CLASS, config, 3)
        .unwrap();
    assert_eq!(configs.len(), 3);
    let refused = plugins
        .sink_task_configs(tidegate_file::sink::CLASS, vec![], 3)
        .unwrap_err();
    assert_eq!(refused.key(), Some("file"));
    let issues = plugins.validate(tidegate_file::sink::CLASS, vec![]);
    assert_eq!(issues[0].key, "file");
}
