//! Fields that a header names and that are left out.

use super::*;

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
