//! `ExtractNewRecordState`: what no recorded case shows.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what it expects by failing"
)]

#[allow(dead_code, reason = "other tests use the rest")]
mod events;

use std::sync::Arc;

use events::{Event, envelope, envelope_schema, field, payload, row_schema, structure, tombstone};
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use tidegate_sdk::model::{Schema, SchemaType, Value};
use tidegate_sdk::record::batch_of;
use tidegate_sdk::testing::{apply_chain, log_lines, pairs};
use tidegate_sdk::transform_batch::Transformed;
use tidegate_sdk::{
    Chain, ErrorKind, Header, PluginSet, Reads, Record, Step, StepCondition, records,
};
use tidegate_transforms::ComponentPlugins;

type Config<'a> = &'a [(&'a str, &'a str)];

const MODE: &str = "delete.tombstone.handling.mode";
const HEADER: &str = "drop.fields.header.name";
const KEEP: &str = "drop.fields.keep.schema.compatible";
const FROM_KEY: &str = "drop.fields.from.key";

fn step(config: Config<'_>) -> Step {
    Step {
        class_name: "io.debezium.transforms.ExtractNewRecordState".to_owned(),
        config: pairs(config),
        condition: None,
    }
}

fn configure(config: Config<'_>) -> tidegate_sdk::Result<Chain> {
    Chain::configure(&ComponentPlugins::plugins(), vec![step(config)])
}

fn chain(config: Config<'_>) -> Chain {
    configure(config).unwrap()
}

fn row(name: Json) -> Json {
    json!({ "id": 1, "name": name, "qty": null, "price": "AJY=" })
}

fn event(op: &str, before: Json, after: Json) -> Record {
    let event = Event { op, before, after };
    let transaction = json!({ "id": "571", "total_order": 42, "data_collection_order": 3 });
    let value = envelope("s", &event, &json!({ "snapshot": "true" }), transaction);
    let schema = Arc::new(envelope_schema("s", row_schema("s")));
    events::record("s", &json!(1), &schema, &value)
}

fn create() -> Record {
    event("c", Json::Null, row(json!("x")))
}

fn delete() -> Record {
    event("d", row(json!("old")), Json::Null)
}

fn one(config: Config<'_>, record: &Record) -> Record {
    let mut outputs = all(config, record).unwrap();
    assert_eq!(outputs.len(), 1);
    outputs.remove(0)
}

fn all(config: Config<'_>, record: &Record) -> tidegate_sdk::Result<Vec<Record>> {
    apply_chain(&mut chain(config), record)
}

fn failure(config: Config<'_>, record: &Record) -> String {
    let error = all(config, record).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Data);
    error.message().to_owned()
}

/// The value without its schema; null stays null where a field has a default.
fn plain(record: &Record) -> Json {
    let Value::Struct(values) = &record.value else {
        return Json::Null;
    };
    let schema = record.value_schema.as_deref().unwrap();
    let fields = schema.fields().iter().zip(values);
    fields
        .map(|(field, value)| {
            let bare = Schema {
                default: None,
                ..Schema::clone(&field.schema)
            };
            (field.name.clone(), payload(value, Some(&bare)))
        })
        .collect()
}

fn names(schema: Option<&Arc<Schema>>) -> Vec<&str> {
    let fields = schema.unwrap().fields().iter();
    fields.map(|field| field.name.as_str()).collect()
}

fn naming(record: Record, fields: Value) -> Record {
    let header = Header {
        key: "drop".to_owned(),
        value: fields,
        schema: None,
    };
    Record {
        headers: vec![header],
        ..record
    }
}

fn list(names: &[&str]) -> Value {
    Value::Array(names.iter().map(|name| (*name).into()).collect())
}

#[test]
fn fields_come_from_the_envelope_and_from_each_of_its_structs() {
    let entries = "notExisting, op:OP,lsn:LSN,id:ID,source.db,transaction.total_order:TO,ts_us,\
                   source.ts_ns,before.name,after.name:new,source.snapshot,source.op,transaction.ts_ms";
    let found = plain(&one(&[("add.fields", entries)], &create()));
    let wanted = json!({
        "id": 1, "name": "x", "qty": null, "price": "AJY=", "__OP": "c", "__LSN": 7, "__ID": "571",
        "__source_db": "shop", "__TO": 42, "__ts_us": 2_000_001, "__source_ts_ns": 1_000_001_002,
        "__before_name": null, "__new": "x", "__source_snapshot": "true",
        // What the struct does not have is looked for in the envelope.
        "__source_op": "c", "__transaction_ts_ms": 2000,
    });
    assert_eq!(found, wanted);
}

#[test]
fn what_stands_in_a_struct_that_is_null_is_null() {
    let schema = Arc::new(envelope_schema("s", row_schema("s")));
    let change = Event {
        op: "r",
        before: Json::Null,
        after: row(json!("x")),
    };
    let value = envelope("s", &change, &json!({}), Json::Null);
    let record = events::record("s", &json!(1), &schema, &value);
    let config = [
        ("add.fields", "id,transaction.ts_ms,ts_ms"),
        ("add.headers", "transaction.id,op"),
        ("add.headers.prefix", "h."),
    ];
    let found = one(&config, &record);
    let added = json!([null, null, 2000]);
    let row = plain(&found);
    assert_eq!(
        json!([row["__id"], row["__transaction_ts_ms"], row["__ts_ms"]]),
        added
    );
    assert_eq!(found.headers.len(), 2);
    assert_eq!(found.headers[0].key, "h.transaction_id");
    assert_eq!(found.headers[0].value, Value::Null);
    let text = Schema::new(SchemaType::String).optional();
    assert_eq!(found.headers[0].schema.as_deref(), Some(&text));
    assert_eq!(found.headers[1].value, "r".into());
}

#[test]
fn a_whole_struct_is_refused_as_a_field_and_a_header_with_its_fields() {
    // Its name is looked for in `source`, then in the envelope.
    let failed = failure(&[("add.fields", "transaction")], &create());
    assert!(failed.contains("Struct schemas do not match."), "{failed}");
    let found = one(&[("add.headers", "transaction")], &create());
    let header = found.headers.last().unwrap();
    assert_eq!(header.schema.as_deref().unwrap().fields().len(), 3);
}

#[test]
fn the_operation_is_not_what_makes_a_delete() {
    let config: Config<'_> = &[(MODE, "rewrite"), ("add.fields", "op")];
    let odd = event("d", Json::Null, row(json!("x")));
    let found = plain(&one(config, &odd));
    assert_eq!(
        (&found["__deleted"], &found["__op"]),
        (&json!("false"), &json!("d"))
    );
    let odd = event("c", row(json!("x")), Json::Null);
    let found = plain(&one(config, &odd));
    assert_eq!(
        (&found["__deleted"], &found["__op"]),
        (&json!("true"), &json!("c"))
    );
}

#[test]
fn a_truncate_is_dropped_whatever_the_mode() {
    let truncate = event("t", Json::Null, Json::Null);
    for mode in [
        "drop",
        "tombstone",
        "rewrite",
        "rewrite-with-tombstone",
        "delete-to-tombstone",
    ] {
        assert_eq!(
            all(&[(MODE, mode), ("add.headers", "op")], &truncate).unwrap(),
            []
        );
    }
}

#[test]
fn null_becomes_the_default_where_rows_are_rewritten() {
    let nulls = event("c", Json::Null, row(Json::Null));
    for (config, wanted) in [
        (&[(MODE, "rewrite")][..], json!("anon")),
        (&[(MODE, "tombstone")], Json::Null),
        (
            &[(MODE, "Rewrite "), ("replace.null.with.default", "False")],
            Json::Null,
        ),
    ] {
        assert_eq!(plain(&one(config, &nulls))["name"], wanted, "{config:?}");
    }
    let deleted = event("d", row(Json::Null), Json::Null);
    let found = plain(&one(&[(MODE, "rewrite")], &deleted));
    assert_eq!(
        (&found["name"], &found["__deleted"]),
        (&json!("anon"), &json!("true"))
    );
}

#[test]
fn placeholders_of_unchanged_columns_pass_as_they_are() {
    let placeholder = json!("__debezium_unavailable_value");
    let update = event("u", row(json!("x")), row(placeholder.clone()));
    assert_eq!(plain(&one(&[], &update))["name"], placeholder);
}

#[test]
fn what_is_no_change_event_passes_unchanged() {
    let config: Config<'_> = &[
        (MODE, "rewrite"),
        ("add.headers", "op,source.lsn,missing.field"),
        ("add.fields", "op"),
        (HEADER, "drop"),
        (FROM_KEY, "true"),
        (KEEP, "false"),
        ("route.by.field", "name"),
    ];
    let schema = |name: &str| {
        let schema = envelope_schema("s", row_schema("s"));
        Some(Arc::new(schema.named(name)))
    };
    let others = [
        Record {
            value_schema: schema("s.public.cust.Value"),
            ..create()
        },
        Record {
            value_schema: schema("Envelope"),
            ..create()
        },
        Record {
            value_schema: None,
            ..Record::new("t", Value::Map(vec![("after".into(), 1.into())]))
        },
        Record {
            value_schema: Some(Arc::new(Schema::new(SchemaType::String))),
            ..Record::new("t", "a text")
        },
        Record {
            value_schema: Some(Arc::new(
                Schema::new(SchemaType::String).named("a.Envelope"),
            )),
            ..Record::new("t", "a text")
        },
    ];
    for other in others {
        let other = naming(other, list(&["id"]));
        assert_eq!(all(config, &other).unwrap(), [other]);
    }
}

#[test]
fn a_tombstone_that_passes_gets_the_operation_as_its_only_header() {
    let config: Config<'_> = &[
        (MODE, "rewrite-with-tombstone"),
        ("add.headers", "op,source.lsn,op:again"),
        ("route.by.field", "name"),
    ];
    let given = tombstone(&delete());
    let found = one(config, &given);
    let keys = found
        .headers
        .iter()
        .map(|header| (header.key.as_str(), &header.value));
    let d = Value::from("d");
    assert_eq!(keys.collect::<Vec<_>>(), [("__op", &d), ("__again", &d)]);
    assert_eq!(
        (found.topic, found.value),
        (given.topic.clone(), Value::Null)
    );
    for mode in ["drop", "tombstone", "rewrite", "delete-to-tombstone"] {
        assert_eq!(all(&[(MODE, mode)], &given).unwrap(), [], "{mode}");
    }
}

#[test]
fn fields_that_a_header_names_leave_value_and_key() {
    let names_of = |record: &Record| {
        (
            names(record.value_schema.as_ref()).join(","),
            names(record.key_schema.as_ref()).join(","),
        )
    };
    let given = naming(create(), list(&["id", "name", "__op", "unknown"]));
    for (config, value, key) in [
        (&[][..], "id,qty,price", "id"),
        (&[(FROM_KEY, "true")], "id,qty,price", "id"),
        (&[(KEEP, "false")], "qty,price", "id"),
        (&[(KEEP, "false"), (FROM_KEY, "true")], "qty,price", ""),
    ] {
        let config = [&[(HEADER, "drop"), ("add.fields", "op")], config].concat();
        let found = one(&config, &given);
        assert_eq!(
            names_of(&found),
            (value.to_owned(), key.to_owned()),
            "{config:?}"
        );
        assert_eq!(found.headers, given.headers);
    }
}

#[test]
fn a_deleted_row_loses_fields_before_others_are_added() {
    let given = naming(delete(), list(&["__op", "__deleted", "name"]));
    let config = [(HEADER, "drop"), (MODE, "rewrite"), ("add.fields", "op")];
    let found = one(&config, &given);
    assert_eq!(
        plain(&found),
        json!({ "id": 1, "qty": null, "price": "AJY=", "__op": "d" })
    );
    // A tombstone keeps the schema of the whole row, and its key loses fields all the same.
    let config = [(HEADER, "drop"), (FROM_KEY, "true"), (KEEP, "false")];
    let found = one(&config, &naming(delete(), list(&["id"])));
    assert_eq!(
        names(found.value_schema.as_ref()),
        ["id", "name", "qty", "price"]
    );
    assert_eq!(
        (found.value, found.key),
        (Value::Null, Value::Struct(vec![]))
    );
    let config = [(HEADER, "drop"), (MODE, "delete-to-tombstone")];
    let found = one(&config, &naming(delete(), list(&["name"])));
    assert_eq!((found.value, found.value_schema), (Value::Null, None));
}

#[test]
fn null_becomes_the_default_where_fields_are_left_out() {
    let nulls = event("c", Json::Null, row(Json::Null));
    let config: Config<'_> = &[(HEADER, "drop")];
    let name =
        |fields: &[&str]| plain(&one(config, &naming(nulls.clone(), list(fields))))["name"].clone();
    assert_eq!(name(&["qty"]), json!("anon"));
    assert_eq!(name(&["unknown", "id"]), Json::Null, "nothing is left out");
    assert_eq!(name(&[]), Json::Null);
}

#[test]
fn keys_without_a_schema_lose_entries() {
    let key = |names: &[&str]| {
        let entry = |name: &&str| ((*name).into(), 1.into());
        Value::Map(names.iter().map(entry).collect())
    };
    let given = Record {
        key: key(&["id", "b"]),
        key_schema: None,
        ..naming(create(), list(&["id"]))
    };
    let config = [(HEADER, "drop"), (FROM_KEY, "true")];
    assert_eq!(one(&config, &given).key, key(&["id", "b"]));
    let config = [(HEADER, "drop"), (FROM_KEY, "true"), (KEEP, "false")];
    assert_eq!(one(&config, &given).key, key(&["b"]));
    let text = Record {
        key: "id".into(),
        ..given
    };
    assert!(failure(&config, &text).contains("Only Map objects supported"));
}

#[test]
fn only_the_first_header_of_the_name_counts_and_must_hold_a_list() {
    let mut given = naming(create(), Value::Null);
    let second = naming(create(), list(&["name"])).headers;
    given.headers.extend(second);
    let config: Config<'_> = &[(HEADER, "drop"), (KEEP, "false")];
    assert_eq!(names(one(config, &given).value_schema.as_ref()).len(), 4);
    let given = naming(create(), "name".into());
    let message = failure(config, &given);
    assert!(
        message.contains("java.lang.String cannot be cast"),
        "{message}"
    );
    assert!(message.contains("header drop"), "{message}");
    // What is not looked at is no failure.
    let truncate = naming(event("t", Json::Null, Json::Null), "name".into());
    assert_eq!(all(config, &truncate).unwrap(), []);
}

#[test]
fn a_row_names_its_topic() {
    let topic = |config: Config<'_>, record: &Record| {
        let config = [&[("route.by.field", "name")], config].concat();
        one(&config, record).topic
    };
    let named = |name: Json| event("c", Json::Null, row(name));
    assert_eq!(topic(&[], &create()), "x");
    assert_eq!(topic(&[], &delete()), "old");
    assert_eq!(topic(&[], &named(Json::Null)), "s.public.cust");
    assert_eq!(topic(&[], &named(json!("  "))), "s.public.cust");
    assert_eq!(topic(&[(MODE, "rewrite")], &named(Json::Null)), "anon");
    let deleted = event("d", row(Json::Null), Json::Null);
    assert_eq!(topic(&[(MODE, "rewrite")], &deleted), "s.public.cust");
    let config: Config<'_> = &[("route.by.field", "__deleted"), (MODE, "rewrite")];
    assert_eq!(one(config, &create()).topic, "false");
    assert!(failure(config, &delete()).contains("__deleted is not a valid field name"));
}

#[test]
fn a_topic_may_be_any_text_but_a_long_one_which_fails_its_record_alone() {
    let names = ["ok", "a/b", "..", "\u{e4}", &"x".repeat(1025), "ok"];
    let given = names.map(|name| event("c", Json::Null, row(json!(name))));
    let done = chain(&[("route.by.field", "name")])
        .apply(batch_of(&given))
        .unwrap();
    done.batch.check().unwrap();
    assert_eq!(done.inputs, Some(vec![0, 1, 2, 3, 5]));
    assert_eq!(done.errors.len(), 1);
    let message = done.errors[0].error.message();
    assert!(
        message.contains("route.by.field") && message.contains("1025"),
        "{message}"
    );
}

#[test]
fn what_cannot_be_done_is_a_failure_of_the_record_that_says_why() {
    for (config, wanted) in [
        (
            ("route.by.field", "qty"),
            "Field 'qty' is not of type STRING",
        ),
        (("route.by.field", "none"), "none is not a valid field name"),
        (
            ("add.fields", "nowhere.x"),
            "nowhere is not a valid field name",
        ),
        (
            ("add.headers", "op.x"),
            "Cannot look up fields on non-struct type: op",
        ),
        (
            ("add.fields", "after.name:a,op:a"),
            "field name duplication __a",
        ),
    ] {
        let message = failure(&[config], &create());
        assert!(message.contains(wanted), "{config:?}: {message}");
    }
    let config: Config<'_> = &[("add.fields", "op:name"), ("add.fields.prefix", "")];
    assert!(failure(config, &create()).contains("field name duplication name"));
    // A tombstone has nothing that could be wrong.
    assert_eq!(one(config, &delete()).value, Value::Null);
}

#[test]
fn an_envelope_without_a_row_or_an_operation_is_a_failure() {
    let without = |name: &str, record: Record| {
        let Value::Struct(mut values) = record.value.clone() else {
            panic!("no struct");
        };
        let schema = record.value_schema.as_deref().unwrap().clone();
        let mut fields = schema.fields().to_vec();
        let place = fields.iter().position(|field| field.name == name).unwrap();
        fields.remove(place);
        values.remove(place);
        let schema = Schema {
            kind: SchemaType::Struct(fields),
            ..schema
        };
        Record {
            value: Value::Struct(values),
            value_schema: Some(Arc::new(schema)),
            ..record
        }
    };
    assert!(failure(&[], &without("after", create())).contains("Unknown field: after"));
    assert!(failure(&[], &without("before", delete())).contains("Unknown field: before"));
    assert!(failure(&[], &without("op", create())).contains("op is not a valid field name"));
    assert_eq!(
        plain(&one(&[], &without("before", create()))),
        row(json!("x"))
    );
    assert_eq!(one(&[], &without("op", delete())).value, Value::Null);
    let missing = without("transaction", create());
    assert!(
        failure(&[("add.fields", "id")], &missing)
            .contains("transaction is not a valid field name")
    );
}

#[test]
fn a_row_that_is_no_struct_is_a_failure() {
    let text = Schema::new(SchemaType::String).optional();
    let fields = vec![
        field("before", text.clone()),
        field("after", text),
        field("op", Schema::new(SchemaType::String)),
    ];
    let given = Record {
        value_schema: Some(Arc::new(structure("mongo.Envelope", fields))),
        ..Record::new(
            "t",
            Value::Struct(vec![Value::Null, "{}".into(), "c".into()]),
        )
    };
    let message = failure(&[], &given);
    assert!(
        message.contains(
            "Only Struct objects supported for [source field insertion], found: java.lang.String"
        ),
        "{message}"
    );
}

#[test]
fn settings_that_cannot_work_are_refused_with_their_key() {
    for (key, value, wanted) in [
        (
            MODE,
            "keep",
            "drop, tombstone, rewrite, rewrite-with-tombstone, delete-to-tombstone",
        ),
        ("add.fields", "a:b:c", "Unexpected field name: a:b:c"),
        ("add.headers", "op, :", "Unexpected field name: :"),
        (FROM_KEY, "yes", "either true or false"),
        (KEEP, "1", "either true or false"),
        ("replace.null.with.default", "no", "either true or false"),
    ] {
        let error = configure(&[(key, value)]).unwrap_err();
        assert_eq!((error.kind(), error.key()), (ErrorKind::Config, Some(key)));
        assert!(error.message().contains(wanted), "{}", error.message());
        assert!(error.message().contains(value), "{}", error.message());
    }
    drop(log_lines());
    configure(&[("drop.tombstones", "false")]).unwrap();
    assert!(log_lines()[0].1.contains(MODE));
}

#[test]
fn no_more_is_read_than_the_configuration_needs() {
    let reads = |config: Config<'_>| chain(config).reads();
    assert_eq!(reads(&[]), Reads::VALUES);
    let headers = Reads {
        headers: true,
        ..Reads::VALUES
    };
    assert_eq!(reads(&[("add.headers", "op")]), headers);
    assert_eq!(reads(&[(HEADER, "drop"), (FROM_KEY, "false")]), headers);
    assert_eq!(reads(&[(FROM_KEY, "true")]), Reads::VALUES);
    assert_eq!(reads(&[(HEADER, "drop"), (FROM_KEY, "true")]), Reads::ALL);
}

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
