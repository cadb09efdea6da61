//! Batches of many kinds of records, of many tables, and made up ones.

use tidegate_sdk::transform_batch::Transformed;
use tidegate_sdk::{StepCondition, records};

use super::*;

#[test]
fn a_predicate_leaves_others_as_they_are() {
    let condition = StepCondition {
        class_name: "org.apache.kafka.connect.transforms.predicates.TopicNameMatches".to_owned(),
        config: pairs(&[("pattern", "s[.].*")]),
        negate: false,
    };
    let step = Step {
        condition: Some(condition),
        ..step(&[("add.headers", "op"), ("route.by.field", "name")])
    };
    let mut chain = Chain::configure(&ComponentPlugins::plugins(), vec![step]).unwrap();
    let other = Record {
        topic: "other".to_owned(),
        ..create()
    };
    let given = [
        other.clone(),
        create(),
        tombstone(&other),
        tombstone(&create()),
    ];
    let done = chain.apply(batch_of(&given)).unwrap();
    let outputs: Vec<Record> = records(&done.batch).map(Result::unwrap).collect();
    assert_eq!(done.inputs, Some(vec![0, 1, 2]));
    assert_eq!((&outputs[0], &outputs[2]), (&given[0], &given[2]));
    assert_eq!(
        (outputs[1].topic.as_str(), outputs[1].headers.len()),
        ("x", 1)
    );
}

/// Creates of many tables, each with a header that names fields of its own.
fn of_many_tables(count: usize) -> Vec<Record> {
    let schema = |n: usize| {
        let row = row_schema("s");
        let mut fields = row.fields().to_vec();
        fields.push(field(
            &format!("f{n}"),
            Schema::new(SchemaType::Int32).optional(),
        ));
        Arc::new(envelope_schema(
            "s",
            structure(&format!("t{n}.Value"), fields),
        ))
    };
    let record = |n: usize| {
        let mut after = row(json!("x"));
        after[format!("f{n}")] = json!(n);
        let event = Event {
            op: "c",
            before: Json::Null,
            after,
        };
        let value = envelope("s", &event, &json!({}), Json::Null);
        let record = events::record("s", &json!(1), &schema(n), &value);
        naming(record, list(&["qty", &format!("f{}", n + n % 2)]))
    };
    (0..count).map(record).collect()
}

fn check_many(done: &Transformed, count: usize) {
    assert_eq!((done.errors.len(), done.batch.count), (0, count));
    done.batch.check().unwrap();
    for (n, record) in records(&done.batch).enumerate() {
        let record = record.unwrap();
        let mut wanted = json!({ "id": 1, "name": "x", "price": "AJY=" });
        if n % 2 == 1 {
            wanted[format!("f{n}")] = json!(n);
        }
        assert_eq!(plain(&record), wanted);
    }
}

#[test]
fn schemas_and_lists_beyond_what_is_remembered_are_worked_out_again() {
    let mut chain = chain(&[(HEADER, "drop"), (FROM_KEY, "true")]);
    for count in [200, 3, 70, 200] {
        let done = chain.apply(batch_of(&of_many_tables(count))).unwrap();
        check_many(&done, count);
    }
    // Many lists for one schema.
    let lists = (0..200).map(|n| naming(create(), list(&["qty", &format!("f{n}")])));
    let given: Vec<Record> = lists.collect();
    for _ in 0..2 {
        let done = chain.apply(batch_of(&given)).unwrap();
        assert_eq!(done.errors, []);
        let schemas = done.batch.schemas.len() - done.schemas_given;
        assert_eq!(schemas, 1, "all lists come to the same");
    }
}

#[test]
fn records_of_all_kinds_share_a_batch() {
    let config: Config<'_> = &[
        (MODE, "rewrite-with-tombstone"),
        ("add.headers", "op"),
        ("add.fields", "nowhere.x"),
    ];
    let other = Record::new("t", Value::Map(vec![]));
    let truncate = event("t", Json::Null, Json::Null);
    let given = [
        other.clone(),
        create(),
        tombstone(&delete()),
        truncate,
        other.clone(),
    ];
    let done = chain(config).apply(batch_of(&given)).unwrap();
    done.batch.check().unwrap();
    assert_eq!(done.inputs, Some(vec![0, 2, 4]));
    assert_eq!(done.errors.len(), 1);
    assert_eq!(done.errors[0].index, 1);
    let outputs: Vec<Record> = records(&done.batch).map(Result::unwrap).collect();
    assert_eq!((&outputs[0], &outputs[2]), (&other, &other));
    assert_eq!(outputs[1].headers.len(), 1);
}

proptest! {
    /// The row comes out field by field as it went in, with what was asked for after it.
    #[test]
    fn rows_of_any_shape_come_out_whole(
        values in prop::collection::vec(prop::option::of("[a-z\u{e4}]{0,12}"), 0..9),
        rewrite: bool,
        deleted: bool,
        with_fields: bool,
    ) {
        let text = Schema::new(SchemaType::String).optional();
        let fields = (0..values.len()).map(|n| field(&format!("f{n}"), text.clone()));
        let schema = structure("s.public.cust.Value", fields.collect());
        let named = values.iter().enumerate();
        let row: Json = named.map(|(n, value)| (format!("f{n}"), json!(value))).collect::<serde_json::Map<_, _>>().into();
        let (before, after) = if deleted { (row.clone(), Json::Null) } else { (Json::Null, row.clone()) };
        let value = envelope("s", &Event { op: "x", before, after }, &json!({}), Json::Null);
        let given = events::record("s", &json!(1), &Arc::new(envelope_schema("s", schema)), &value);
        let mode = if rewrite { "rewrite" } else { "tombstone" };
        let config = [(MODE, mode), ("add.fields", if with_fields { "lsn,op,transaction.id" } else { "" })];
        let mut wanted = row;
        if rewrite {
            wanted["__deleted"] = json!(deleted.to_string());
        }
        if with_fields {
            wanted["__lsn"] = json!(7);
            wanted["__op"] = json!("x");
            wanted["__transaction_id"] = Json::Null;
        }
        if deleted && !rewrite {
            wanted = Json::Null;
        }
        prop_assert_eq!(plain(&one(&config, &given)), wanted);
    }

    /// A damaged envelope is a failure of its record, or what is damaged is not looked at; never a panic.
    #[test]
    fn damaged_envelopes_do_no_harm(at in 0_usize..600, byte: u8, cut: bool) {
        let mut batch = batch_of(&[create(), delete()]);
        let first = usize::try_from(batch.values.lengths[0]).unwrap();
        let mut bytes = batch.values.bytes[..first].to_vec();
        let at = at % bytes.len();
        bytes[at] = byte;
        if cut {
            bytes.truncate(at);
        }
        let second = batch.values.bytes[first..].to_vec();
        batch.values = [Some(bytes.as_slice()), Some(&second)].into_iter().collect();
        let config = [
            (MODE, "rewrite"),
            ("add.fields", "op,lsn,transaction.id,before.name"),
            ("add.headers", "source.ts_ns"),
            ("route.by.field", "name"),
        ];
        let done = chain(&config).apply(batch).unwrap();
        prop_assert!(done.batch.check().is_ok());
        prop_assert!(done.errors.iter().all(|error| error.index == 0));
    }
}
