//! Secrets that the wire has and the guest has not.

use tidegate_config::grants::Secret;

use super::*;

#[test]
fn a_guest_never_sees_a_secret_that_the_wire_has() {
    let plugin = plugin_without(&[]);
    let heard: std::sync::Arc<std::sync::Mutex<Vec<String>>> = std::sync::Arc::default();
    let hears = std::sync::Arc::clone(&heard);
    let http = server(move |mut stream| {
        let head = head(&stream);
        hears.lock().unwrap().push(head.clone());
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{head}",
            head.len()
        );
        let _ = stream.write_all(answer.as_bytes());
    });
    let echo = echo();
    let grants = Grants {
        addresses: vec![echo.clone(), http.clone()],
        secrets: vec![Secret {
            key: "secret".to_owned(),
            value: "canary 1".to_owned(),
        }],
        ..Grants::default()
    };
    let secret = ("secret", "canary 1");
    let seen = done(&plugin, &grants, &[("action", "see"), secret]);
    assert!(
        seen.starts_with("secret:secret:") && !seen.contains("canary"),
        "{seen}"
    );
    // The connector hands its task what it got before; that is made a handle too.
    let before = format!("secret:secret:{:032}", 0);
    let said = format!("LOGIN {before}");
    let tcp = [("action", "tcp"), ("to", &*echo), ("say", &*said), secret];
    assert_eq!(done(&plugin, &grants, &tcp), "done: LOGIN [hidden]");
    let value = format!("Bearer {before}");
    let header = [
        ("action", "http"),
        ("to", &*http),
        ("header", "authorization"),
        ("value", &*value),
        secret,
    ];
    let answer = done(&plugin, &grants, &header);
    // What a server repeats is not in the guest's errors.
    assert!(!answer.contains("canary"), "{answer}");
    let seen_by_server = heard.lock().unwrap().concat();
    assert!(
        seen_by_server.contains("authorization: Bearer canary 1"),
        "{seen_by_server}"
    );
    // Neither in the path nor in what a guest without the secret makes of the handle.
    let path = format!("/{before}");
    let answer = done(
        &plugin,
        &grants,
        &[("action", "http"), ("to", &http), ("path", &path), secret],
    );
    let asked = heard.lock().unwrap().last().cloned().unwrap();
    assert!(asked.starts_with("GET /secret:secret:"), "{asked}{answer}");
    assert!(!asked.contains("canary"), "{asked}");
    let tcp = [("action", "tcp"), ("to", &*echo), ("say", &*seen), secret];
    assert_eq!(done(&plugin, &grants, &tcp), format!("done: {seen}"));
}

#[test]
fn a_secret_with_a_line_break_makes_no_second_header() {
    let plugin = plugin_without(&[]);
    let http = http_echo();
    let grants = Grants {
        secrets: vec![Secret {
            key: "secret".to_owned(),
            value: "a\r\nx: canary".to_owned(),
        }],
        ..to(&http)
    };
    let before = format!("secret:secret:{:032}", 0);
    let header = [
        ("action", "http"),
        ("to", &*http),
        ("header", "authorization"),
        ("value", &*before),
    ];
    let answer = done(&plugin, &grants, &header);
    assert!(
        answer.starts_with("refused") && !answer.contains("canary"),
        "{answer}"
    );
}
