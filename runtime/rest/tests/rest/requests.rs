//! What differs from Kafka Connect on purpose, and requests that cannot work.

use crate::support::{Fake, raw, send, start};
use tidegate_rest::limits::Limits;

const CONNECTOR: &str = r#"{"name": "c", "config": {"connector.class": "C"}}"#;

#[tokio::test]
async fn a_body_that_cannot_work_is_400_and_says_why() {
    let server = start(Fake::default(), Limits::default()).await;
    for (body, why) in [
        (r#"{"name": "rc-x", "config": {"#, "line 1"),
        ("[]", "a list was found, an object is wanted"),
        ("", "empty"),
        ("{}", "\"config\" is missing"),
        (r#"{"name": "c"}"#, "\"config\" is missing"),
        (
            r#"{"name": "c", "config": {}, "foo": 1}"#,
            "Unrecognized field \"foo\"",
        ),
        (
            r#"{"name": "c", "config": {}, "initial_state": "LOUD"}"#,
            "no initial_state",
        ),
        (r#"{"name": "c", "config": []}"#, "\"config\" is a list"),
        (
            r#"{"name": "c", "config": {"a": {"b": 1}}}"#,
            "the value of \"a\" is an object",
        ),
        (
            r#"{"name": "c", "config": {"a": "1", "a": "2"}}"#,
            "given twice",
        ),
        (
            r#"{"name": "c", "config": {"a": "\u0000"}}"#,
            "control character",
        ),
        (r#"{"name": "a\u0007b", "config": {}}"#, "control sequences"),
        (r#"{"name": "c", "config": {}} x"#, "trailing"),
    ] {
        let answer = send(server.address, "POST", "/connectors", &[], Some(body)).await;
        assert_eq!(answer.status, 400, "{body}");
        assert!(
            answer.message().contains(why),
            "{body}: {}",
            answer.message()
        );
    }
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(
        send(server.address, "POST", "/connectors", &[], Some(&deep))
            .await
            .status,
        400
    );
}

#[tokio::test]
async fn a_name_may_have_any_character_in_a_path() {
    let server = start(Fake::default(), Limits::default()).await;
    let body = r#"{"name": "a/b ü", "config": {"connector.class": "C"}}"#;
    let answer = send(server.address, "POST", "/connectors", &[], Some(body)).await;
    assert_eq!(answer.status, 201);
    assert_eq!(
        answer.header("location").unwrap(),
        "http://tidegate.test/connectors/a%2Fb%20%C3%BC"
    );
    let answer = send(
        server.address,
        "GET",
        "/connectors/a%2fb%20%C3%BC/status",
        &[],
        None,
    )
    .await;
    assert_eq!(answer.json()["name"], "a/b ü");
    assert_eq!(
        send(
            server.address,
            "DELETE",
            "/connectors/a%2Fb%20%C3%BC",
            &[],
            None
        )
        .await
        .status,
        204
    );
    assert_eq!(
        send(server.address, "GET", "/connectors/%ff", &[], None)
            .await
            .status,
        400
    );
    assert_eq!(
        send(server.address, "GET", "/connectors/..%2f..", &[], None)
            .await
            .status,
        404
    );
    assert_eq!(
        send(server.address, "GET", "/connectors/%00", &[], None)
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn a_body_must_be_said_to_be_json() {
    let server = start(Fake::default(), Limits::default()).await;
    for kind in ["text/plain", "application/x-www-form-urlencoded", ""] {
        let headers = [("Content-Type", kind)];
        let answer = send(
            server.address,
            "POST",
            "/connectors",
            &headers,
            Some(CONNECTOR),
        )
        .await;
        assert_eq!(answer.status, 415, "{kind}");
    }
    let headers = [("Content-Type", "application/json; charset=UTF-8")];
    assert_eq!(
        send(
            server.address,
            "POST",
            "/connectors",
            &headers,
            Some(CONNECTOR)
        )
        .await
        .status,
        201
    );
}

#[tokio::test]
async fn pages_of_other_origins_change_nothing() {
    let server = start(Fake::default(), Limits::default()).await;
    let evil = [("Origin", "http://evil.test")];
    let answer = send(
        server.address,
        "POST",
        "/connectors",
        &evil,
        Some(CONNECTOR),
    )
    .await;
    assert_eq!(
        (answer.status, answer.message().contains("origin")),
        (403, true)
    );
    let own = |host: &str| {
        format!(
            "POST /connectors HTTP/1.1\r\nhost: {host}\r\norigin: http://{host}\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{CONNECTOR}",
            CONNECTOR.len()
        )
    };
    // Anyone may have made the name lead here, and the page come from there.
    let rebound = raw(server.address, own("tidegate.test:8083").as_bytes()).await;
    assert_eq!(rebound.status, 403);
    let read = [("sec-fetch-site", "same-origin")];
    let rebound = send(server.address, "GET", "/connectors", &read, None).await;
    assert_eq!(rebound.status, 403);
    let own = raw(server.address, own("127.0.0.1:8083").as_bytes()).await;
    assert_eq!(own.status, 201);
    assert_eq!(
        send(server.address, "POST", "/connectors/c/restart", &evil, None)
            .await
            .status,
        403
    );
}

#[tokio::test]
async fn plugins_are_listed_and_checked() {
    let server = start(Fake::default(), Limits::default()).await;
    let of = async |path| {
        send(server.address, "GET", path, &[], None)
            .await
            .json()
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!(of("/connector-plugins").await, 1);
    assert_eq!(of("/connector-plugins?connectorsOnly=false").await, 2);
    let answer = send(
        server.address,
        "GET",
        "/connector-plugins/a.B%24C/config",
        &[],
        None,
    )
    .await;
    assert_eq!(
        (answer.status, answer.message().as_str()),
        (404, "Unknown plugin a.B$C.")
    );
    let body = r#"{"name": "v", "tasks.max": 1, "x": null}"#;
    let answer = send(
        server.address,
        "PUT",
        "/connector-plugins/C/config/validate",
        &[],
        Some(body),
    )
    .await;
    assert_eq!(
        (answer.status, &answer.json()["error_count"]),
        (200, &2.into())
    );
}

#[tokio::test]
async fn a_patch_changes_and_removes_keys() {
    let server = start(Fake::default(), Limits::default()).await;
    send(server.address, "POST", "/connectors", &[], Some(CONNECTOR)).await;
    let patch = r#"{"a": 1, "connector.class": null}"#;
    let answer = send(
        server.address,
        "PATCH",
        "/connectors/c/config",
        &[],
        Some(patch),
    )
    .await;
    assert_eq!(
        answer.json()["config"],
        serde_json::json!({"a": "1", "name": "c"})
    );
    let answer = send(
        server.address,
        "PATCH",
        "/connectors/c/config",
        &[],
        Some(r#"{"a": []}"#),
    )
    .await;
    assert_eq!(answer.status, 400);
}
