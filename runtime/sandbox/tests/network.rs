//! What a guest can reach over the network: what it was granted, as it was granted, and nothing else.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::let_underscore_must_use,
    reason = "a test that cannot go on fails"
)]

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use support::*;
use tidegate_config::grants::{Grants, Secret};
use tidegate_config::guest_limits::GuestLimits;
use tidegate_config::ip::Block;
use tidegate_config::own_limits::OwnLimits;
use tidegate_sandbox::{Compiler, Plugin, Refusal, Sandbox, SandboxError, Settings};

/// A server on a free port of 127.0.0.1 that does this with each connection; its `host:port`.
fn server(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let serve = std::sync::Arc::new(serve);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let serve = std::sync::Arc::clone(&serve);
            std::thread::spawn(move || serve(stream));
        }
    });
    address
}

/// Answers each line with the same line.
fn echo() -> String {
    server(|stream| {
        let mut lines = BufReader::new(stream.try_clone().unwrap());
        let mut line = String::new();
        while lines.read_line(&mut line).is_ok_and(|count| count > 0) {
            let _ = (&stream).write_all(line.as_bytes());
            line.clear();
        }
    })
}

/// Answers each HTTP request with what it was sent, line and headers.
fn http_echo() -> String {
    server(|mut stream| {
        let head = head(&stream);
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{head}",
            head.len()
        );
        let _ = stream.write_all(answer.as_bytes());
    })
}

fn head(stream: &TcpStream) -> String {
    // A request has no body, and the next comes after its answer: nothing is read ahead.
    let mut lines = BufReader::new(stream);
    let mut head = String::new();
    while lines.read_line(&mut head).is_ok_and(|count| count > 2) {}
    head
}

fn to(address: &str) -> Grants {
    Grants {
        addresses: vec![address.to_owned()],
        ..Grants::default()
    }
}

/// Has a guest do something; the answer is what it says.
fn done(plugin: &Plugin, grants: &Grants, settings: &[(&str, &str)]) -> String {
    try_to(plugin, grants, settings).unwrap_err().to_string()
}

fn try_to(plugin: &Plugin, grants: &Grants, settings: &[(&str, &str)]) -> Result<(), SandboxError> {
    let mut source = plugin
        .source(
            &identity(),
            "test.UsesNetwork",
            grants,
            std::sync::Arc::new(NoOffsets),
        )
        .unwrap();
    source.start(&config(settings))
}

fn plugin_without(control_plane: &[&str]) -> Plugin {
    plugin_of(|settings| {
        settings.control_plane = control_plane
            .iter()
            .map(|address| (*address).to_owned())
            .collect();
    })
}

fn plugin_of(change: impl FnOnce(&mut Settings)) -> Plugin {
    let cache = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("compiled");
    let mut settings = Settings {
        limits: GuestLimits {
            start_ms: 2_000,
            ..short_limits()
        },
        compiler: Compiler::InProcess,
        ..Settings::new(cache)
    };
    change(&mut settings);
    Sandbox::new(settings).unwrap().load(&GUEST).unwrap()
}

fn count(plugin: &Plugin, refusal: Refusal) -> u64 {
    plugin.refusals(&identity()).count(refusal)
}

#[test]
fn a_granted_address_is_reached_in_each_way() {
    let plugin = plugin_without(&[]);
    let (echo, http) = (echo(), http_echo());
    let grants = Grants {
        addresses: vec![echo.clone(), http.clone()],
        ..Grants::default()
    };
    assert_eq!(
        done(&plugin, &grants, &[("action", "socket"), ("to", &echo)]),
        "done: hello"
    );
    let tcp = [("action", "tcp"), ("to", &*echo), ("say", "hi")];
    assert_eq!(done(&plugin, &grants, &tcp), "done: hi");
    let answer = done(
        &plugin,
        &grants,
        &[("action", "http"), ("to", &http), ("path", "/a?b")],
    );
    assert!(
        answer.starts_with("done: 200 GET /a?b HTTP/1.1"),
        "{answer}"
    );
    assert!(answer.contains(&format!("host: {http}")), "{answer}");
    assert!(
        plugin
            .refusals(&identity())
            .iter()
            .all(|(_, count)| count == 0)
    );
}

#[test]
fn nothing_else_is_reached_and_each_refusal_is_counted() {
    let plugin = plugin_without(&[]);
    let (echo, other) = (echo(), http_echo());
    let grants = to(&echo);
    for action in ["socket", "tcp", "http"] {
        let answer = done(&plugin, &grants, &[("action", action), ("to", &other)]);
        assert!(answer.starts_with("refused"), "{action}: {answer}");
    }
    assert_eq!(count(&plugin, Refusal::NotGranted), 3);
    let answer = done(
        &plugin,
        &grants,
        &[("action", "lookup"), ("to", "metadata.google.internal")],
    );
    assert!(answer.starts_with("refused"), "{answer}");
    assert_eq!(count(&plugin, Refusal::NotGranted), 4);
    let listen = done(
        &plugin,
        &grants,
        &[("action", "listen"), ("to", "127.0.0.1:0")],
    );
    assert!(listen.starts_with("refused"), "{listen}");
    assert_eq!(count(&plugin, Refusal::Socket), 1);
    let udp = done(&plugin, &grants, &[("action", "udp"), ("to", &echo)]);
    assert!(udp.starts_with("refused"), "{udp}");
}

#[test]
fn a_host_granted_for_http_is_reached_by_http_only() {
    let plugin = plugin_without(&[]);
    let http = http_echo();
    let grants = Grants {
        http: vec![http.clone()],
        ..Grants::default()
    };
    let answer = done(&plugin, &grants, &[("action", "http"), ("to", &http)]);
    assert!(answer.starts_with("done: 200 GET / HTTP"), "{answer}");
    for action in ["socket", "tcp"] {
        let answer = done(&plugin, &grants, &[("action", action), ("to", &http)]);
        assert!(answer.starts_with("refused"), "{action}: {answer}");
    }
}

#[test]
fn every_spelling_of_an_address_that_is_not_public_is_refused() {
    let plugin = plugin_without(&[]);
    // Names and addresses of the public network are granted, by which none of these is meant.
    let http = http_echo();
    let port = http.rsplit_once(':').unwrap().1;
    let grants = to("example.com:80");
    let hosts = [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "017700000001",
        "127.0.0.1.",
        "localhost",
        "localhost.",
        "LOCALHOST",
        "a.localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "0.0.0.0",
        "0",
        "[::]",
        "169.254.169.254",
        "2852039166",
        "0xa9fea9fe",
        "[::ffff:a9fe:a9fe]",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.0.1",
        "100.64.0.1",
        "168.63.129.16",
        "224.0.0.1",
        "255.255.255.255",
        "[ff02::1]",
        "metadata.google.internal",
    ];
    for host in hosts {
        let address = format!("{host}:{port}");
        for action in ["tcp", "http", "socket"] {
            let answer = done(&plugin, &grants, &[("action", action), ("to", &address)]);
            assert!(answer.starts_with("refused"), "{action} {host}: {answer}");
        }
    }
    let refusals = plugin.refusals(&identity());
    let counted: u64 = refusals.iter().map(|(_, count)| count).sum();
    assert!(counted >= hosts.len() as u64, "{counted}");
}

#[test]
fn a_private_address_is_reached_where_it_was_granted_in_any_spelling() {
    let plugin = plugin_without(&[]);
    let echo = echo();
    let port = echo.rsplit_once(':').unwrap().1;
    for host in ["127.0.0.1", "127.0.0.1.", "[::ffff:127.0.0.1]"] {
        let address = format!("{host}:{port}");
        let settings = [("action", "tcp"), ("to", &*address), ("say", "x")];
        assert_eq!(done(&plugin, &to(&echo), &settings), "done: x", "{host}");
    }
    // By its name, which no name server is asked for.
    let named = format!("localhost:{port}");
    for action in ["tcp", "socket"] {
        let settings = [("action", action), ("to", &*named), ("say", "hello")];
        assert!(
            done(&plugin, &to(&named), &settings).starts_with("done: hello"),
            "{action}"
        );
    }
}

#[test]
fn what_controls_the_worker_is_never_reached() {
    let control = http_echo();
    let port = control.rsplit_once(':').unwrap().1;
    for known in [
        control.clone(),
        format!("0.0.0.0:{port}"),
        format!("localhost:{port}"),
    ] {
        let plugin = plugin_without(&[&known]);
        let granted = Grants {
            blocks: vec![Block::parse("127.0.0.0/8:*").unwrap()],
            ..to(&control)
        };
        for action in ["tcp", "http", "socket"] {
            let answer = done(&plugin, &granted, &[("action", action), ("to", &control)]);
            assert!(answer.starts_with("refused"), "{known} {action}: {answer}");
        }
        assert_eq!(count(&plugin, Refusal::ControlPlane), 3, "{known}");
    }
}

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

#[test]
fn tls_is_the_hosts_and_its_certificates_count() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = (folder.path().join("c.pem"), folder.path().join("k.pem"));
    let made = Command::new("openssl")
        .args([
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test",
        ])
        .args(["-addext", "subjectAltName=IP:127.0.0.1", "-keyout"])
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let identity_of = native_tls::Identity::from_pkcs8(
        &std::fs::read(&certificate).unwrap(),
        &std::fs::read(&key).unwrap(),
    )
    .unwrap();
    let acceptor = native_tls::TlsAcceptor::new(identity_of).unwrap();
    let address = server(move |stream| {
        let Ok(mut stream) = acceptor.accept(stream) else {
            return;
        };
        let mut line = Vec::new();
        let mut byte = [0];
        while stream.read(&mut byte).is_ok_and(|count| count == 1) {
            line.push(byte[0]);
            if line.ends_with(b"\r\n\r\n") {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
                return;
            }
            if line == b"hi\n" {
                let _ = stream.write_all(b"ho\n");
                return;
            }
        }
    });
    let port = address.rsplit_once(':').unwrap().1;
    let named = format!("localhost:{port}");
    let grants = Grants {
        addresses: vec![address.clone(), named.clone()],
        ..Grants::default()
    };
    let tls = |to: &str| {
        vec![
            ("action", "tls".to_owned()),
            ("to", to.to_owned()),
            ("say", "hi".to_owned()),
        ]
    };
    let https = |to: &str| {
        vec![
            ("action", "http".to_owned()),
            ("to", to.to_owned()),
            ("scheme", "https".to_owned()),
        ]
    };
    let say = |plugin: &Plugin, settings: Vec<(&str, String)>| {
        let settings: Vec<_> = settings
            .iter()
            .map(|(key, value)| (*key, value.as_str()))
            .collect();
        done(plugin, &grants, &settings)
    };
    let trusting = plugin_of(|settings| settings.truststore = Some(certificate.clone()));
    assert_eq!(say(&trusting, tls(&address)), "done: ho");
    assert_eq!(say(&trusting, https(&address)), "done: 200 ok");
    // Another name than the certificate's; a certificate that nobody vouches for; no TLS at all.
    let strict = plugin_without(&[]);
    for answer in [
        say(&trusting, tls(&named)),
        say(&trusting, https(&named)),
        say(&strict, tls(&address)),
        say(&strict, https(&address)),
    ] {
        assert!(answer.starts_with("refused"), "{answer}");
    }
}
