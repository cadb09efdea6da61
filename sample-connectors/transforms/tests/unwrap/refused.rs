//! Records that fail, and settings that are refused.

use tidegate_sdk::testing::log_lines;

use super::*;

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
