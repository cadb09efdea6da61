//! Behaviour of `JsonConverter` beyond the recorded cases: limits, faults with their places, caches.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeMap;

use tidegate_convert::{ConvertError, Converter, Role, ValueColumn, converter};
use tidegate_model::value::Value;
use tidegate_model::{Batch, Column, MapShape, Schema, SchemaType};

fn json(config: &[(&str, &str)]) -> Box<dyn Converter> {
    let config: BTreeMap<String, String> = config
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect();
    converter("JsonConverter", Role::Value, &config).unwrap()
}

fn plain() -> Box<dyn Converter> {
    json(&[("schemas.enable", "false")])
}

fn column(texts: &[&[u8]]) -> Column {
    texts.iter().map(|text| Some(*text)).collect()
}

fn read(converter: &mut dyn Converter, text: &[u8]) -> Result<Value, String> {
    let mut failures = Vec::new();
    let read = converter.to_connect("t", &column(&[text]), &mut Vec::new(), &mut failures);
    match failures.pop() {
        Some(failure) => Err(failure.error.to_string()),
        None => Ok(decoded(&read)),
    }
}

fn decoded(read: &ValueColumn) -> Value {
    read.values
        .iter()
        .next()
        .unwrap()
        .map_or(Value::Null, |value| Value::decode(value).unwrap())
}

#[test]
fn a_fault_says_where_and_what() {
    for (text, expected) in [
        (&b"{\"a\":1"[..], "at byte 6: the JSON text ends early"),
        (b"{\"a\":1} x", "at byte 8: text follows the JSON value"),
        (
            b"{\"a\":\"\xff\"}",
            "at byte 6: the text is not valid UTF-8",
        ),
        (b"[1,]", "at byte 3: found ']', expected a JSON value"),
        (b"{\"a\" 1}", "at byte 5: found '1', expected a colon"),
        (b"[1 2]", "at byte 3: found '2', expected a comma or ]"),
        (b"{1:2}", "at byte 1: found '1', expected a key in quotes"),
        (
            b"\"a\nb\"",
            "at byte 2: found '\\n', expected no control characters in a string",
        ),
        (b"\"\\x\"", "at byte 1: a backslash is followed by neither"),
        (b"\"\\u12", "at byte 5: the JSON text ends early"),
        (b"1.", "at byte 2: the JSON text ends early"),
        (b"-a", "at byte 1: found 'a', expected a digit"),
        (b"tru", "expected a JSON value"),
        (b"NaN", "expected a JSON value"),
    ] {
        let error = read(&mut *plain(), text).unwrap_err();
        assert!(
            error.contains(expected),
            "{error} should contain {expected}"
        );
        assert!(error.starts_with(
            "Converting byte[] to Kafka Connect data failed due to serialization error: "
        ));
    }
}

#[test]
fn nesting_and_numbers_and_records_have_limits() {
    let nested = |depth: usize| [b"[".repeat(depth), b"]".repeat(depth)].concat();
    assert!(read(&mut *plain(), &nested(64)).is_ok());
    let error = read(&mut *plain(), &nested(65)).unwrap_err();
    assert!(
        error.contains("at byte 64: arrays and objects nest deeper than 64"),
        "{error}"
    );
    assert!(read(&mut *plain(), &b"1".repeat(1_000)).is_ok());
    assert!(
        read(&mut *plain(), &b"1".repeat(1_001))
            .unwrap_err()
            .contains("1000 characters")
    );
    let large = format!("\"{}\"", "a".repeat(1024 * 1024));
    assert!(
        read(&mut *plain(), large.as_bytes())
            .unwrap_err()
            .contains("1048576 bytes")
    );
}

#[test]
fn defaults_cannot_make_a_value_without_bounds() {
    let text = format!(
        r#"{{"schema":{{"type":"array","items":{{"type":"string","default":"{}"}}}},"payload":[null{}]}}"#,
        "a".repeat(1000),
        ",null".repeat(100_000)
    );
    let error = read(&mut *json(&[]), text.as_bytes()).unwrap_err();
    assert!(error.contains("the encoded value has more than"), "{error}");
}

#[test]
fn the_last_of_equal_keys_wins_in_the_place_of_the_first() {
    let mut json = plain();
    for _ in 0..3 {
        assert_eq!(
            read(&mut *json, br#"{"a":1,"b":{"c":2,"c":3},"a":4,"\u0062":5}"#).unwrap(),
            Value::Map(vec![("a".into(), 4_i64.into()), ("b".into(), 5_i64.into())])
        );
    }
}

#[test]
fn more_keys_than_are_kept_are_read_too() {
    let mut json = plain();
    for round in 0..200 {
        let text = format!(r#"{{"same":1,"k{round}":2,"x{round}":3,"k{round}":4}}"#);
        let expected = Value::Map(vec![
            ("same".into(), 1_i64.into()),
            (format!("k{round}").into(), 4_i64.into()),
            (format!("x{round}").into(), 3_i64.into()),
        ]);
        assert_eq!(read(&mut *json, text.as_bytes()).unwrap(), expected);
    }
}

#[test]
fn escapes_are_read_as_they_are_meant() {
    for (text, expected) in [
        (r#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{c}\n\r\t"),
        (r#""\u0041\u00e9\uD83D\uDE00""#, "Aé😀"),
        (r#""\uD83D-""#, "\u{fffd}-"),
        (r#""\uD83D\u0041""#, "\u{fffd}A"),
        (r#""\uDE00""#, "\u{fffd}"),
    ] {
        assert_eq!(
            read(&mut *plain(), text.as_bytes()).unwrap(),
            expected.into()
        );
    }
}

#[test]
fn nothing_at_all_is_null() {
    assert_eq!(read(&mut *plain(), b"").unwrap(), Value::Null);
    assert_eq!(read(&mut *plain(), b" \n").unwrap(), Value::Null);
    assert!(read(&mut *json(&[]), b"").is_err());
}

#[test]
fn fields_come_in_any_order_and_others_are_ignored() {
    let schema = r#"{"type":"struct","fields":[{"type":"int32","field":"a"},{"type":"string","optional":true,"field":"b"},{"type":"int8","default":7,"field":"c"}]}"#;
    let mut json = json(&[]);
    for (payload, expected) in [
        (
            r#"{"a":1,"b":"x","c":2}"#,
            [1_i32.into(), "x".into(), 2_i8.into()],
        ),
        (
            r#"{"c":2,"x":[{}],"b":"x","a":1}"#,
            [1_i32.into(), "x".into(), 2_i8.into()],
        ),
        (r#"{"a":1}"#, [1_i32.into(), Value::Null, 7_i8.into()]),
        (
            r#"{"a":1,"a":3,"c":2}"#,
            [3_i32.into(), Value::Null, 2_i8.into()],
        ),
    ] {
        let text = format!(r#"{{"schema":{schema},"payload":{payload}}}"#);
        assert_eq!(
            read(&mut *json, text.as_bytes()).unwrap(),
            Value::Struct(expected.to_vec()),
            "{payload}"
        );
    }
    let text = format!(r#"{{"schema":{schema},"payload":{{"b":"x"}}}}"#);
    assert_eq!(
        read(&mut *json, text.as_bytes()),
        Err("Invalid null value for required INT32 field".to_owned())
    );
}

#[test]
fn equal_schemas_appear_once_in_a_batch_and_in_each_batch() {
    let mut json = json(&[("schemas.cache.size", "1")]);
    let text =
        |kind: &str, value: &str| format!(r#"{{"schema":{{"type":"{kind}"}},"payload":{value}}}"#);
    let texts = [
        text("int32", "1"),
        text("int32", "2"),
        text("string", "\"x\""),
        text("int32", "3"),
        r#"{"schema":null,"payload":4}"#.to_owned(),
    ];
    for _ in 0..2 {
        let bytes: Column = texts.iter().map(|text| Some(text.as_bytes())).collect();
        let mut schemas = vec![Schema::new(SchemaType::Boolean).to_encoded()];
        let mut failures = Vec::new();
        let read = json.to_connect("t", &bytes, &mut schemas, &mut failures);
        assert_eq!(failures, vec![]);
        assert_eq!(read.schemas, vec![1, 1, 2, 1, -1]);
        assert_eq!(schemas.len(), 3);
    }
}

#[test]
fn a_message_like_the_last_one_but_with_more_fields_is_refused() {
    let mut json = json(&[]);
    assert!(read(&mut *json, br#"{"schema":{"type":"int8"},"payload":1}"#).is_ok());
    let error = read(
        &mut *json,
        br#"{"schema":{"type":"int8"},"payload":1,"x":2}"#,
    )
    .unwrap_err();
    assert!(
        error.contains("may not contain additional fields"),
        "{error}"
    );
    assert_eq!(
        read(&mut *json, br#"{"payload":1,"schema":{"type":"int8"}}"#).unwrap(),
        1_i8.into()
    );
    assert_eq!(
        read(
            &mut *json,
            br#"{"schema":{"type":"int8"},"payload":1,"payload":2}"#
        )
        .unwrap(),
        2_i8.into()
    );
}

#[test]
fn maps_with_other_keys_are_pairs_at_every_level() {
    let inner = Value::Map(vec![
        ("a".into(), 1_i64.into()),
        (2_i64.into(), 3_i64.into()),
    ]);
    let value = Value::Map(vec![("x".into(), inner.clone()), (true.into(), inner)]);
    let encoded = value.to_encoded();
    let mut failures = Vec::new();
    let bytes = plain().from_connect("t", &column(&[&encoded]), &[], &[], &mut failures);
    assert_eq!(
        String::from_utf8(bytes.bytes).unwrap(),
        r#"[["x",[["a",1],[2,3]]],[true,[["a",1],[2,3]]]]"#
    );
}

#[test]
fn a_configuration_that_cannot_work_is_refused() {
    for (key, value) in [
        ("schemas.enable", "yes"),
        ("schemas.cache.size", "-1"),
        ("decimal.format", "text"),
        ("schema.content", "{\"type\":\"nope\"}"),
    ] {
        let config = BTreeMap::from([(key.to_owned(), value.to_owned())]);
        let error = converter("Json", Role::Value, &config).err().unwrap();
        assert!(matches!(error, ConvertError::Option { .. }), "{error}");
        assert!(error.to_string().starts_with(key), "{error}");
    }
}

#[test]
fn one_failure_leaves_the_rest_of_the_column_alone() {
    let mut failures = Vec::new();
    let bytes = column(&[b"1", b"{", b"3"]);
    let read = plain().to_connect("t", &bytes, &mut Vec::new(), &mut failures);
    assert_eq!(read.values.lengths, vec![9, -1, 9]);
    assert_eq!(failures.len(), 1);
    assert_eq!(failures[0].index, 1);
}

/// The most shapes of a column.
const SHAPES_MAX: usize = 64;

/// Documents of five keys, each in another order.
fn orders(count: usize) -> Vec<String> {
    let mut orders: Vec<Vec<char>> = vec![vec![]];
    for key in ['a', 'b', 'c', 'd', 'e'] {
        let grown = orders.iter().flat_map(|order| {
            (0..=order.len()).map(move |at| {
                let mut order = order.clone();
                order.insert(at, key);
                order
            })
        });
        orders = grown.collect();
    }
    orders.truncate(count);
    let document = |(number, order): (usize, &Vec<char>)| {
        let entry = |key: &char| format!(r#""{key}":"{key}{number}""#);
        let entries: Vec<_> = order.iter().map(entry).collect();
        format!("{{{}}}", entries.join(","))
    };
    orders.iter().enumerate().map(document).collect()
}

#[test]
fn documents_beyond_the_most_shapes_keep_their_keys() {
    let different = orders(SHAPES_MAX + 2);
    let mut documents = different.clone();
    // The known shapes go on, in between and after those that found no room.
    documents.extend([
        different[0].clone(),
        different[SHAPES_MAX + 1].clone(),
        different[SHAPES_MAX - 1].clone(),
    ]);
    let bytes: Column = documents.iter().map(|text| Some(text.as_bytes())).collect();
    let (mut failures, mut schemas) = (Vec::new(), Vec::new());
    let wanted = plain().to_connect("t", &bytes, &mut vec![], &mut failures);
    let mut converter = plain();
    converter.shape_maps(true);
    for batch in 0..2 {
        schemas = vec![Schema::new(SchemaType::Int8).to_encoded()];
        let found = converter.to_connect("t", &bytes, &mut schemas, &mut failures);
        let last = SHAPES_MAX as i32;
        let indexes: Vec<i32> = (1..=last).chain([-1, -1, 1, -1, last]).collect();
        assert_eq!(found.schemas, indexes, "batch {batch}");
        assert_eq!(schemas.len(), 1 + SHAPES_MAX);
        for row in [SHAPES_MAX, SHAPES_MAX + 1, SHAPES_MAX + 3] {
            let kept = found.values.iter().nth(row);
            assert_eq!(kept, wanted.values.iter().nth(row), "row {row}");
        }
        let mut batch = Batch {
            count: documents.len(),
            schemas: schemas.clone(),
            value_schemas: found.schemas,
            values: found.values,
            ..Batch::default()
        };
        batch.expand_maps();
        assert_eq!(batch.values, wanted.values);
    }
    assert!(failures.is_empty(), "{failures:?}");
    for shape in &schemas[1..] {
        assert_eq!(MapShape::decode(shape).unwrap().keys().len(), 5);
    }
}

#[test]
fn a_value_that_is_no_map_of_its_shape_is_refused() {
    let keys = ["a", "b"].map(|key| Value::from(key).to_encoded());
    let shape = MapShape::of(keys.iter().map(Vec::as_slice)).unwrap();
    let one = Value::Struct(vec![Value::Int8(1)]).to_encoded();
    let three = Value::Struct(vec![Value::Int8(1); 3]).to_encoded();
    let two = Value::Struct(vec![Value::Int8(1); 2]).to_encoded();
    let mut cut = two.clone();
    cut[5] = 3;
    let text = Value::from("a").to_encoded();
    let values: Column = [&one, &three, &two, &cut, &text]
        .map(|value| Some(value.as_slice()))
        .into_iter()
        .collect();
    let mut failures = Vec::new();
    let schemas = [shape.to_encoded(), vec![17, 1, 0, 0, 0]];
    let json = plain().from_connect("t", &values, &[0; 5], &schemas, &mut failures);
    let some = Some(&br#"{"a":1,"b":1}"#[..]);
    assert_eq!(
        json.iter().collect::<Vec<_>>(),
        [None, None, some, None, None]
    );
    for failure in failures.drain(..) {
        let text = failure.error.to_string();
        assert!(text.contains("no map of the shape"), "{text}");
    }
    let json = plain().from_connect("t", &values, &[1; 5], &schemas, &mut failures);
    assert_eq!(json.iter().flatten().count(), 0);
    let text = failures[0].error.to_string();
    assert!(text.contains("a map shape is damaged"), "{text}");
}
