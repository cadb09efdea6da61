//! What a source writes into its columns.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what it expects by failing"
)]

use tidegate_sdk::model::{Schema, SchemaType, Value};
use tidegate_sdk::{IntegerOffset, NO_SCHEMA, Record, SourceBatch, SourceRecord, records};

fn map(key: &str, value: impl Into<Value>) -> Value {
    Value::Map(vec![(key.into(), value.into())])
}

#[test]
fn rows_leave_what_they_do_not_write_null() {
    let mut batch = SourceBatch::new(10, 1000);
    let (first, second) = (batch.topic("a"), batch.topic("b"));
    let partition = batch.source_partition(&map("p", 1_i32).to_encoded());
    batch
        .row(first, partition)
        .value(NO_SCHEMA, |out| out.string("x"));
    let _untouched = batch.row(second, partition);
    let mut row = batch.row(first, partition);
    row.key(NO_SCHEMA, |out| out.int32(7));
    row.header("h", NO_SCHEMA, |out| out.boolean(true));
    row.value(NO_SCHEMA, |out| out.null());
    row.offset(IntegerOffset::new("n").at(3));
    let polled = batch.finish();
    polled.batch.check().unwrap();
    let found: Vec<Record> = records(&polled.batch).map(Result::unwrap).collect();
    let topics: Vec<&str> = found.iter().map(|record| record.topic.as_str()).collect();
    assert_eq!(topics, ["a", "b", "a"]);
    assert_eq!(found[0].value, "x".into());
    assert_eq!(
        (&found[2].key, &found[2].value),
        (&Value::Int32(7), &Value::Null)
    );
    assert_eq!(found[2].headers.len(), 1);
    let offsets: Vec<_> = polled.source_offsets.iter().collect();
    assert_eq!(
        offsets,
        [None, None, Some(map("n", 3_i64).to_encoded().as_slice())]
    );
}

#[test]
fn what_a_row_writes_again_takes_the_place_of_what_it_wrote() {
    let mut batch = SourceBatch::new(10, 1000);
    let topic = batch.topic("a");
    let partition = batch.source_partition(&map("p", 1_i32).to_encoded());
    let schema = batch.schema(&Schema::new(SchemaType::String).to_encoded());
    batch
        .row(topic, partition)
        .value(NO_SCHEMA, |out| out.string("first"));
    let mut row = batch.row(topic, partition);
    for text in ["a longer one", "b"] {
        row.key(schema, |out| out.string(text));
        row.value(NO_SCHEMA, |out| out.string(text));
        row.header(text, NO_SCHEMA, |out| out.string(text));
        row.timestamp(7);
        row.partition(1);
    }
    row.key(NO_SCHEMA, |out| out.null());
    row.offset(IntegerOffset::new("n").at(3));
    row.offset(IntegerOffset::new("n").at(4));
    let polled = batch.finish();
    polled.batch.check().unwrap();
    polled.source_offsets.check().unwrap();
    let found: Vec<Record> = records(&polled.batch).map(Result::unwrap).collect();
    assert_eq!(found[0].value, "first".into());
    assert_eq!(
        (&found[1].key, &found[1].value),
        (&Value::Null, &"b".into())
    );
    assert_eq!(polled.batch.key_schemas, [NO_SCHEMA; 2]);
    assert_eq!(found[1].headers.len(), 2, "headers may repeat");
    let offset = polled.source_offsets.iter().last().flatten();
    assert_eq!(offset, Some(map("n", 4_i64).to_encoded().as_slice()));
}

#[test]
fn records_and_rows_may_be_mixed() {
    let mut batch = SourceBatch::new(10, 1000);
    let topic = batch.topic("a");
    let partition = batch.source_partition(&map("p", 1_i32).to_encoded());
    batch
        .row(topic, partition)
        .value(NO_SCHEMA, |out| out.string("x"));
    batch.push(&SourceRecord {
        source_partition: map("p", 2_i32),
        source_offset: map("n", 1_i64),
        record: Record::new("b", "y"),
    });
    batch
        .row(topic, partition)
        .value(NO_SCHEMA, |out| out.string("z"));
    let polled = batch.finish();
    polled.batch.check().unwrap();
    assert_eq!(polled.source_partition_indexes, [0, 1, 0]);
    let values: Vec<Value> = records(&polled.batch)
        .map(|record| record.unwrap().value)
        .collect();
    assert_eq!(values, ["x".into(), "y".into(), "z".into()]);
}

#[test]
fn the_last_offset_of_a_batch_may_be_replaced() {
    let mut batch = SourceBatch::new(10, 1000);
    batch.replace_last_offset(&map("none", 0_i64).to_encoded());
    let topic = batch.topic("a");
    let partition = batch.source_partition(&map("p", 1_i32).to_encoded());
    let mut offset = IntegerOffset::new("n");
    batch.row(topic, partition).offset(offset.at(1));
    batch.row(topic, partition).offset(offset.at(2));
    let replaced = map("longer", "than it was").to_encoded();
    batch.replace_last_offset(&replaced);
    let _without = batch.row(topic, partition);
    batch.replace_last_offset(&replaced);
    let polled = batch.finish();
    polled.source_offsets.check().unwrap();
    let first = offset.at(1).to_vec();
    let offsets: Vec<_> = polled.source_offsets.iter().flatten().collect();
    assert_eq!(offsets, [first.as_slice(), &replaced, &replaced]);
}

#[test]
fn a_batch_is_full_by_records_or_bytes() {
    let mut batch = SourceBatch::new(2, 1000);
    let topic = batch.topic("a");
    let partition = batch.source_partition(&[0]);
    batch
        .row(topic, partition)
        .value(NO_SCHEMA, |out| out.string("x"));
    assert!(!batch.is_full());
    batch
        .row(topic, partition)
        .value(NO_SCHEMA, |out| out.string("x"));
    assert!(batch.is_full());
    let mut batch = SourceBatch::new(100, 10);
    let topic = batch.topic("a");
    batch
        .row(topic, 0)
        .value(NO_SCHEMA, |out| out.string("more than ten"));
    assert!(batch.is_full());
}
