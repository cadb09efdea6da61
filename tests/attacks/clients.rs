//! What clients of REST send.

use serde_json::json;

use crate::attacked::Attacked;

#[test]
fn names_are_names_whatever_is_in_them() {
    let attacked = Attacked::start(&[]);
    let config = json!({ "connector.class": "test.FindsNothing" });
    for name in [
        "a/b",
        "..",
        "../../etc/passwd",
        ".",
        "a%2Fb",
        "a b",
        "ü",
        "a?b#c",
        "a\\b",
        "'\"<script>",
        "status",
        "${file:/etc/passwd:x}",
    ] {
        let body = json!({ "name": name, "config": config });
        let (status, created) = attacked.rest.send("POST", "/connectors", Some(body));
        assert_eq!(status, 201, "{name}: {created}");
        assert_eq!(created["name"], name);
        let path: String = name.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let path = format!("/connectors/{path}");
        let (status, told) = attacked.rest.send("GET", &path, None);
        assert_eq!((status, &told["name"]), (200, &json!(name)), "{told}");
        assert_eq!(attacked.rest.send("DELETE", &path, None).0, 204, "{name}");
        assert_eq!(attacked.rest.send("GET", &path, None).0, 404, "{name}");
    }
    for name in [
        "",
        " ",
        "a\nb",
        "a\u{0}",
        "\u{1b}[31mred",
        "\u{7f}",
        &"n".repeat(256),
        "a\r\nX: y",
    ] {
        let body = json!({ "name": name, "config": config });
        let (status, refused) = attacked.rest.send("POST", "/connectors", Some(body));
        assert_eq!(status, 400, "{name:?}: {refused}");
        let message = refused["message"].as_str().unwrap();
        // Who sent the name sees it again.
        attacked.is_clean(&message.replace(name, "…"));
        assert!(message.len() < 1_000, "{message}");
    }
    for path in ["/connectors/%FF/status", "/connectors/%", "/connectors/%zz"] {
        let (status, refused) = attacked.rest.send("GET", path, None);
        assert!(matches!(status, 400 | 404), "{path}: {status} {refused}");
        attacked.is_clean(refused["message"].as_str().unwrap_or_default());
    }
    attacked.end();
}

#[test]
fn bodies_that_are_deep_huge_or_odd_are_refused_in_words() {
    let attacked = Attacked::start(&[]);
    let json = "Content-Type: application/json";
    let post = |body: &[u8]| {
        let (status, answer) = attacked.rest.send_bytes("POST", "/connectors", json, body);
        let message = answer["message"].as_str().unwrap_or_default().to_owned();
        attacked.is_clean(&message);
        assert!(!message.is_empty() && message.len() < 3_000, "{answer}");
        (status, message)
    };
    let nested = |open: &str, close: &str| {
        let depth = 100_000;
        format!("{}{}", open.repeat(depth), close.repeat(depth)).into_bytes()
    };
    let config = |config: &str| format!(r#"{{"name":"c","config":{config}}}"#).into_bytes();
    let many: String = (0..20_000)
        .map(|key| format!("\"k{key}\":\"v\","))
        .collect();
    for (what, body, wanted) in [
        ("arrays", nested("[", "]"), 400),
        ("objects", nested("{\"a\":", "}"), 400),
        ("half", br#"{"name": "c", "config": {"#.to_vec(), 400),
        ("not UTF-8", b"{\"name\": \"\xff\xfe\"}".to_vec(), 400),
        ("no object", b"null".to_vec(), 400),
        ("a number without end", config(&"1".repeat(100_000)), 400),
        ("an object as a value", config(r#"{"a":{"b":[1]}}"#), 400),
        ("a key twice", config(r#"{"a":"1","a":"2"}"#), 400),
        ("a control character", config(r#"{"a":"\u0000"}"#), 400),
        ("a lonely surrogate", config(r#"{"a":"\ud800"}"#), 400),
        ("many keys", config(&format!("{{{many}\"a\":\"b\"}}")), 400),
        ("two megabytes", vec![b' '; 2 << 20], 413),
    ] {
        let (status, message) = post(&body);
        assert_eq!(status, wanted, "{what}: {message}");
    }
    // Nothing of it is there.
    assert_eq!(attacked.rest.send("GET", "/connectors/c", None).0, 404);
    attacked.end();
}

#[test]
fn client_settings_that_name_files_classes_or_logins_are_refused_by_name() {
    let attacked = Attacked::start(&[]);
    let topic = attacked.place.topic("lines");
    for key in [
        "consumer.override.sasl.jaas.config",
        "consumer.override.plugin.library.paths",
        "consumer.override.ssl.keystore.location",
        "consumer.override.ssl.truststore.location",
        "consumer.override.ssl.engine.factory.class",
        "consumer.override.security.providers",
        "consumer.override.interceptor.classes",
        "consumer.override.metric.reporters",
        "consumer.override.sasl.login.callback.handler.class",
        "consumer.override.sasl.kerberos.kinit.cmd",
        "consumer.override.sasl.oauthbearer.token.endpoint.url",
    ] {
        let config = [
            ("connector.class", "test.Takes"),
            ("topics", &topic),
            (key, "/etc/passwd canary-override"),
        ];
        let (status, answer) = attacked.create("overrides", &config);
        let message = answer["message"].as_str().unwrap_or_default();
        assert_eq!(status, 400, "{key}: {answer}");
        assert!(message.contains(key), "{key}: {message}");
        assert!(!message.contains("canary-override"), "{key}: {message}");
        attacked.is_clean(message);
    }
    assert!(!attacked.end().contains("canary-override"));
}

#[test]
fn a_reference_to_a_file_outside_of_the_allowed_paths_reads_nothing() {
    let provider =
        "config.providers.file.class=org.apache.kafka.common.config.provider.FileConfigProvider";
    let allowed = tempfile::tempdir().unwrap();
    let folder = allowed.path().display().to_string();
    let attacked = Attacked::start(&[
        "config.providers=file",
        provider,
        &format!("config.providers.file.param.allowed.paths={folder}"),
    ]);
    std::fs::write(attacked.place.path("canary"), "x=canary-file\n").unwrap();
    let canary = attacked.place.path("canary").display().to_string();
    for path in [
        "/etc/passwd",
        &format!("{folder}/../../etc/passwd"),
        "/proc/self/environ",
        &canary,
    ] {
        let reference = format!("${{file:{path}:x}}");
        let config = [("connector.class", "test.Counts"), ("path", &reference)];
        let (status, answer) = attacked.create("reads", &config);
        let message = answer["message"].as_str().unwrap_or_default();
        assert_eq!(status, 400, "{path}: {answer}");
        assert!(message.contains("path"), "{message}");
        for secret in ["canary-file", "root:"] {
            assert!(!message.contains(secret), "{message}");
        }
        assert_eq!(attacked.rest.send("GET", "/connectors/reads", None).0, 404);
    }
    assert!(!attacked.end().contains("canary-file"));
}
