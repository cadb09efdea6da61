//! Requests, their answers and their connections.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

#[test]
fn a_request_is_one_request_to_its_host() {
    let plugin = plugin_without(&[]);
    let http = http_echo();
    let grants = to(&http);
    let mut attacks = vec![
        vec![("to", format!("user:password@{http}"))],
        vec![("to", format!("127.0.0.1@{http}"))],
        vec![("to", format!("{http}/x"))],
        vec![("to", format!("{http}\r\nx: y"))],
        vec![("to", format!("{http}#@other:80"))],
        vec![("to", String::new())],
        vec![
            ("to", http.clone()),
            ("path", "http://169.254.169.254/latest".to_owned()),
        ],
        vec![("to", http.clone()), ("path", "/a b".to_owned())],
        vec![
            ("to", http.clone()),
            ("path", "/ HTTP/1.1\r\nx: y".to_owned()),
        ],
        vec![("to", http.clone()), ("method", "CONNECT".to_owned())],
        vec![
            ("to", http.clone()),
            ("method", "GET /x HTTP/1.1\r\n".to_owned()),
        ],
        vec![("to", http.clone()), ("header", "x: y\r\nz".to_owned())],
        vec![
            ("to", http.clone()),
            ("header", "x".to_owned()),
            ("value", "y\\r\\nz: 1".to_owned()),
        ],
    ];
    for name in [
        "host",
        "connection",
        "transfer-encoding",
        "upgrade",
        "proxy-authorization",
    ] {
        attacks.push(vec![
            ("to", http.clone()),
            ("header", name.to_owned()),
            ("value", "x".to_owned()),
        ]);
    }
    for attack in attacks {
        let mut settings = vec![("action", "http")];
        settings.extend(attack.iter().map(|(key, value)| (*key, value.as_str())));
        let answer = done(&plugin, &grants, &settings);
        assert!(answer.starts_with("refused"), "{attack:?}: {answer}");
    }
    assert!(count(&plugin, Refusal::Malformed) >= 3);
}

#[test]
fn a_redirect_is_an_answer_and_not_followed() {
    let plugin = plugin_without(&[]);
    let asked = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = std::sync::Arc::clone(&asked);
    let inner = server(move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
    });
    let http = server(move |mut stream| {
        head(&stream);
        let answer =
            format!("HTTP/1.1 302 Found\r\nlocation: http://{inner}/\r\ncontent-length: 0\r\n\r\n");
        let _ = stream.write_all(answer.as_bytes());
    });
    let answer = done(&plugin, &to(&http), &[("action", "http"), ("to", &http)]);
    assert!(answer.starts_with("done: 302"), "{answer}");
    assert_eq!(asked.load(Ordering::SeqCst), 0);
}

/// Answers requests one after the other on each connection, `per_connection` of them, and counts connections.
fn http_counting(per_connection: usize) -> (String, std::sync::Arc<AtomicUsize>) {
    let connections = std::sync::Arc::new(AtomicUsize::new(0));
    let count = std::sync::Arc::clone(&connections);
    let address = server(move |mut stream| {
        count.fetch_add(1, Ordering::SeqCst);
        for _ in 0..per_connection {
            if head(&stream).is_empty() {
                return;
            }
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
        }
    });
    (address, connections)
}

#[test]
fn requests_go_over_one_connection_until_the_server_closes_it() {
    let plugin = plugin_without(&[]);
    for (per_connection, wanted) in [(1_000, 1), (10, 10)] {
        let (http, connections) = http_counting(per_connection);
        let settings = [("action", "http-often"), ("to", &http), ("number", "100")];
        assert_eq!(done(&plugin, &to(&http), &settings), "100");
        assert_eq!(connections.load(Ordering::SeqCst), wanted);
    }
}

#[test]
fn a_connection_that_waits_makes_room_for_another() {
    let plugin = plugin_of(|settings| settings.limits.connections_max = 1);
    let ((http, _), echo) = (http_counting(1_000), echo());
    let grants = Grants {
        addresses: vec![http.clone(), echo.clone()],
        ..Grants::default()
    };
    let settings = [
        ("action", "http-and-tcp"),
        ("to", &*http),
        ("other", &echo),
        ("say", "hi"),
    ];
    assert_eq!(done(&plugin, &grants, &settings), "done: hi");
    assert_eq!(count(&plugin, Refusal::TooManyConnections), 0);
}

#[test]
fn a_response_ends_at_its_limit() {
    let plugin = plugin_of(|settings| settings.limits.response_bytes_max = 1_000_000);
    let said = server(|mut stream| {
        head(&stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000001\r\n\r\n");
    });
    let endless = server(|mut stream| {
        head(&stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
        while stream.write_all(&[b'x'; 10_000]).is_ok() {}
    });
    let header = server(|mut stream| {
        head(&stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nx: ");
        while stream.write_all(&[b'x'; 10_000]).is_ok() {}
    });
    for http in [said, endless, header] {
        let answer = done(&plugin, &to(&http), &[("action", "http"), ("to", &http)]);
        assert!(answer.starts_with("refused"), "{answer}");
    }
    assert_eq!(count(&plugin, Refusal::ResponseTooLong), 2);
}
