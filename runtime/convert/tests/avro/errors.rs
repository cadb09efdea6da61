//! What cannot be converted: messages, schemas, a registry that refuses or is away.

use std::collections::BTreeMap;

use serde_json::json;
use tidegate_convert::{Role, converter};
use tidegate_model::{Column, ErrorClass, Schema, SchemaType};

use crate::registry::Registry;
use crate::{TOPIC, avro, message, read, written};

fn refusal(registry: &Registry, settings: &[(&str, &str)], message: &[u8]) -> (ErrorClass, String) {
    let error = read(avro(registry, settings).as_mut(), message)
        .unwrap_err()
        .error;
    (error.class(), error.to_string())
}

#[test]
fn a_message_that_is_no_avro_says_why() {
    let registry = Registry::start();
    let schema = json!({"type": "record", "name": "R", "fields": [
        {"name": "s", "type": "string"}, {"name": "b", "type": ["null", "boolean"]},
        {"name": "l", "type": {"type": "array", "items": "int"}}]});
    let id = registry.add("orders-value", &schema.to_string());
    let of = |body: &[u8]| message(id, body);
    let huge = [0x01, 0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f];
    let cases: &[(Vec<u8>, &str)] = &[
        (vec![], "the message is empty"),
        (b"{\"a\":1}".to_vec(), "Unknown magic byte! 0x7b"),
        (vec![0, 0, 0], "ends within its schema's id"),
        (of(&[]), "at byte 5: the value ends early"),
        (of(&[4, b'a']), "the value ends early"),
        (of(&[3]), "a length is -2"),
        (of(&[2, 0xff]), "not valid UTF-8"),
        (of(&[2, b'a', 4]), "the place 2 was found of 2"),
        (of(&[2, b'a', 2, 9]), "a boolean is 9"),
        (
            of(&[2, b'a', 0, 2, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01]),
            "out of its type's range",
        ),
        (of(&[2, b'a', 0, 2, 2, 0, 7]), "1 bytes follow the value"),
        (
            of(&[&[2, b'a', 0][..], &huge].concat()),
            "the value ends early",
        ),
    ];
    for (message, wanted) in cases {
        let (class, error) = refusal(&registry, &[], message);
        assert_eq!(class, ErrorClass::Data);
        assert!(error.contains(wanted), "{error}");
    }
}

#[test]
fn a_schema_does_not_become_many_times_its_text() {
    let registry = Registry::start();
    let named =
        json!({"type": "record", "name": "E", "fields": [], "connect.doc": "x".repeat(10_000)});
    let fields = (0..1_000).map(|number| {
        let kind = if number == 0 {
            named.clone()
        } else {
            json!("E")
        };
        json!({"name": format!("f{number}"), "type": kind})
    });
    let schema = json!({"type": "record", "name": "R", "fields": fields.collect::<Vec<_>>()});
    let id = registry.add("orders-value", &schema.to_string());
    let (class, error) = refusal(&registry, &[], &message(id, &[]));
    assert_eq!(class, ErrorClass::Data);
    assert!(error.contains("a schema of 105"), "{error}");
}

#[test]
fn a_few_bytes_do_not_become_many() {
    let registry = Registry::start();
    let empty = json!({"type": "array", "items": {"type": "record", "name": "E", "fields": []}});
    let id = registry.add("orders-value", &empty.to_string());
    let count = [
        0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0,
    ];
    let (_, error) = refusal(&registry, &[], &message(id, &count));
    assert!(error.contains("becomes more than"), "{error}");

    let mut schema = json!("int");
    for depth in 0..20 {
        let name = format!("R{depth}");
        let again = if depth == 0 {
            json!("int")
        } else {
            json!(format!("R{}", depth - 1))
        };
        schema = json!({"type": "record", "name": name, "fields": [{"name": "a", "type": schema}, {"name": "b", "type": again}]});
    }
    let id = registry.add("orders-value", &schema.to_string());
    let (_, error) = refusal(&registry, &[], &message(id, &[]));
    assert!(error.contains("parts"), "{error}");

    let deep = (0..100).fold(
        json!("int"),
        |inner, _| json!({"type": "array", "items": inner}),
    );
    let id = registry.add("orders-value", &deep.to_string());
    let (_, error) = refusal(&registry, &[], &message(id, &[]));
    assert!(error.contains("deep"), "{error}");
}

#[test]
fn a_schema_that_cannot_be_used_says_why() {
    let registry = Registry::start();
    let cases = [
        (
            json!({"type": "record", "name": "L", "fields": [{"name": "next", "type": ["null", "L"]}]}),
            "contains itself",
        ),
        (json!({"type": "array", "items": "null"}), "Standalone null"),
        (json!("Nobody"), "Undefined schema: Nobody"),
        (json!({"type": "record", "name": "R"}), "no \"fields\""),
        (json!(7), "stands where a schema is wanted"),
        (json!(["int", ["long"]]), "Nested union"),
        (json!(["int", "int"]), "Duplicate in union:int"),
        (json!(["int", {"type": "enum", "name": "int2"}]), "symbols"),
    ];
    for (schema, wanted) in cases {
        let id = registry.add("orders-value", &schema.to_string());
        let (class, error) = refusal(&registry, &[], &message(id, &[0]));
        assert_eq!(class, ErrorClass::Data);
        assert!(error.contains(wanted), "{error}");
    }
    let id = registry.add_answer(
        "orders-value",
        json!({"schema": "{}", "schemaType": "JSON"}),
    );
    assert!(
        refusal(&registry, &[], &message(id, &[]))
            .1
            .contains("AVRO is wanted")
    );
}

#[test]
fn an_unknown_id_is_asked_for_once_in_a_while() {
    let registry = Registry::start();
    let mut converter = avro(&registry, &[]);
    let bytes: Column = (0..100)
        .map(|_| Some(message(9, &[0])))
        .collect::<Vec<_>>()
        .iter()
        .map(|m| m.as_deref())
        .collect();
    for _ in 0..2 {
        let mut failures = Vec::new();
        converter.to_connect(TOPIC, &bytes, &mut Vec::new(), &mut failures);
        assert_eq!(failures.len(), 100);
        let error = &failures[99].error;
        assert_eq!(error.class(), ErrorClass::Data);
        let text = error.to_string();
        assert!(
            text.contains("Error retrieving Avro schema for id 9")
                && text.contains("404 (40403): not found\\n"),
            "{text}"
        );
    }
    assert_eq!(registry.state().asked, ["GET /schemas/ids/9"]);
}

#[test]
fn a_registry_that_is_busy_or_away_is_asked_again_later() {
    let registry = Registry::start();
    registry.state().broken = Some((503, "busy".to_owned()));
    let settings = &[("max.retries", "2")];
    let mut converter = avro(&registry, settings);
    let bytes: Column = [1, 2, 3]
        .map(|id| Some(message(id, &[0])))
        .iter()
        .map(|m| m.as_deref())
        .collect();
    let mut failures = Vec::new();
    converter.to_connect(TOPIC, &bytes, &mut Vec::new(), &mut failures);
    assert_eq!(failures.len(), 3);
    assert!(
        failures
            .iter()
            .all(|failure| failure.error.class() == ErrorClass::Retriable)
    );
    assert_eq!(registry.state().asked.len(), 3, "one id, three times");
    registry.state().broken = None;
    let id = registry.add("orders-value", "\"int\"");
    assert!(read(converter.as_mut(), &message(id, &[2])).is_ok());

    let away = &[
        ("schema.registry.url", "http://u:canary@127.0.0.1:1"),
        ("max.retries", "0"),
    ];
    let error = written(
        avro(&registry, away).as_mut(),
        Some(&Schema::new(SchemaType::Int32)),
        &1.into(),
    )
    .unwrap_err()
    .error;
    assert_eq!(error.class(), ErrorClass::Retriable);
    assert!(
        error.to_string().contains("127.0.0.1:1") && !error.to_string().contains("canary"),
        "{error}"
    );

    let both = format!("http://127.0.0.1:1,{}", registry.url());
    let second = &[("schema.registry.url", both.as_str()), ("max.retries", "0")];
    assert!(read(avro(&registry, second).as_mut(), &message(id, &[2])).is_ok());
}

#[test]
fn what_the_registry_refuses_has_its_words() {
    let registry = Registry::start();
    let cases = [
        (
            409,
            ErrorClass::Data,
            r#"{"error_code": 409, "message": "incompatible"}"#,
            "(409): incompatible",
        ),
        (401, ErrorClass::Config, "", "basic.auth.user.info"),
        (302, ErrorClass::Data, "", "redirects are not followed"),
        (200, ErrorClass::Data, "no json", "it is no JSON"),
        (200, ErrorClass::Data, "{}", "there is no \"id\""),
    ];
    for (status, class, answer, wanted) in cases {
        registry.state().broken = Some((status, answer.to_owned()));
        let error = written(
            avro(&registry, &[]).as_mut(),
            Some(&Schema::new(SchemaType::Int32)),
            &1.into(),
        )
        .unwrap_err()
        .error;
        assert_eq!(error.class(), class);
        assert!(error.to_string().contains(wanted), "{error}");
    }
    registry.state().broken = Some((200, format!("\"{}\"", "x".repeat(5 << 20))));
    let (_, error) = refusal(&registry, &[], &message(1, &[]));
    assert!(error.contains("more than 4194304 bytes"), "{error}");
}

#[test]
fn credentials_are_sent_and_not_shown() {
    let registry = Registry::start();
    registry.state().wanted = Some("Basic dTpjYW5hcnk=".to_owned());
    let id = registry.add("orders-value", "\"int\"");
    let good = &[
        ("basic.auth.credentials.source", "USER_INFO"),
        ("basic.auth.user.info", "u:canary"),
    ];
    assert!(read(avro(&registry, good).as_mut(), &message(id, &[2])).is_ok());
    let url = registry.url().replace("://", "://u:canary@");
    assert!(
        read(
            avro(&registry, &[("schema.registry.url", &url)]).as_mut(),
            &message(id, &[2])
        )
        .is_ok()
    );
    let bad = &[
        ("basic.auth.credentials.source", "USER_INFO"),
        ("basic.auth.user.info", "canary:x"),
    ];
    let (class, error) = refusal(&registry, bad, &message(id, &[2]));
    assert_eq!(class, ErrorClass::Config);
    assert!(!error.contains("canary"), "{error}");
}

#[test]
fn settings_that_cannot_work_are_refused_with_their_key() {
    let cases = [
        ("schema.registry.url", "ftp://u:canary@x"),
        ("basic.auth.credentials.source", "SASL_INHERIT"),
        ("value.subject.name.strategy", "MyStrategy"),
        ("use.schema.id", "-7"),
        ("auto.register.schemas", "perhaps"),
        ("schemas.cache.config", "many"),
    ];
    for (key, value) in cases {
        let mut config =
            BTreeMap::from([("schema.registry.url".to_owned(), "http://x".to_owned())]);
        config.insert(key.to_owned(), value.to_owned());
        let error = converter("Avro", Role::Value, &config).err().unwrap();
        assert_eq!(error.config_key(), Some(key));
        assert_eq!(error.class(), ErrorClass::Config);
        assert!(!error.to_string().contains("canary"), "{error}");
    }
    let error = converter("Avro", Role::Value, &BTreeMap::new())
        .err()
        .unwrap();
    assert!(error.to_string().contains("schema.registry.url"), "{error}");
    let config = BTreeMap::from([("schema.registry.url".to_owned(), "http://x".to_owned())]);
    assert!(converter("Avro", Role::Header, &config).is_err());
}
