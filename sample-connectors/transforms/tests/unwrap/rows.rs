//! What a change event becomes.

use tidegate_sdk::Reads;

use super::*;

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
