//! Which addresses are reached.

use tidegate_config::ip::Block;

use super::*;

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
