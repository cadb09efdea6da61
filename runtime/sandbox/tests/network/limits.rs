//! How many connections, and for how long.

use std::time::{Duration, Instant};

use tidegate_config::own_limits::OwnLimits;

use super::*;

#[test]
fn a_task_has_so_many_connections_and_no_more() {
    let plugin = plugin_without(&[]);
    let echo = echo();
    let grants = to(&echo);
    assert_eq!(
        done(&plugin, &grants, &[("action", "tcps"), ("to", &echo)]),
        "16"
    );
    assert_eq!(
        done(&plugin, &grants, &[("action", "sockets"), ("to", &echo)]),
        "16"
    );
    assert_eq!(count(&plugin, Refusal::TooManyConnections), 2);
}

#[test]
fn what_was_used_is_given_back() {
    let plugin = plugin_without(&[]);
    let (echo, http) = (echo(), http_echo());
    let grants = Grants {
        addresses: vec![echo.clone(), http.clone()],
        limits: OwnLimits {
            start_ms: Some(60_000),
            ..OwnLimits::default()
        },
        ..Grants::default()
    };
    // More than a guest may have at a time of connections, and of resources.
    for (action, to) in [
        ("http-often", &http),
        ("tcp-often", &echo),
        ("socket-often", &echo),
    ] {
        let settings = [
            ("action", action),
            ("to", to),
            ("number", "1500"),
            ("say", "x"),
        ];
        assert_eq!(done(&plugin, &grants, &settings), "1500", "{action}");
    }
}

#[test]
fn waiting_for_a_server_ends_with_the_call() {
    let silent = server(|mut stream| drop(stream.read_to_end(&mut Vec::new())));
    let grants = Grants {
        limits: OwnLimits {
            start_ms: Some(600),
            ..OwnLimits::default()
        },
        ..to(&silent)
    };
    let plugin = plugin_without(&[]);
    for (action, ended) in [
        ("tcp-waits", false),
        ("socket-waits", true),
        ("tcp", false),
        ("tls", false),
        ("http", false),
    ] {
        let begun = Instant::now();
        let error = try_to(&plugin, &grants, &[("action", action), ("to", &silent)]).unwrap_err();
        let took = begun.elapsed();
        assert!(
            took > Duration::from_millis(300) && took < Duration::from_millis(1_200),
            "{action}: {took:?}"
        );
        // Our own functions and HTTP answer the guest in time; a socket of its own is not ended but with it.
        let is_deadline = matches!(error, SandboxError::Deadline { .. });
        assert_eq!(is_deadline, ended, "{action}: {error}");
        assert!(
            ended || error.to_string().to_ascii_lowercase().contains("time"),
            "{action}: {error}"
        );
    }
    // A server that says a little again and again.
    let drips = server(|mut stream| {
        head(&stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
        while stream.write_all(b"x").is_ok() {
            std::thread::sleep(Duration::from_millis(50));
        }
    });
    let grants = Grants {
        limits: grants.limits,
        ..to(&drips)
    };
    let begun = Instant::now();
    let dripped = try_to(&plugin, &grants, &[("action", "http"), ("to", &drips)]).unwrap_err();
    assert!(
        matches!(dripped, SandboxError::Deadline { .. }),
        "{dripped}"
    );
    assert!(begun.elapsed() < Duration::from_millis(1_200));
    let left: u32 = done(&plugin, &grants, &[("action", "time")])
        .parse()
        .unwrap();
    assert!((100..=600).contains(&left), "{left}");
}
