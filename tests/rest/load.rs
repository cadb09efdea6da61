//! A thousand connectors: how long they take to create, what they need, and how many questions are answered.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::{Broker, Place};

/// How many connectors.
const CONNECTORS: usize = 1_000;
/// How many connections ask.
const CLIENTS: usize = 4;
/// How long they ask.
const ASKING: Duration = Duration::from_secs(5);

/// A connection that is kept.
struct Connection(BufReader<TcpStream>);

impl Connection {
    fn open(address: &str) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        Self(BufReader::new(stream))
    }

    /// Sends a request; answers with the status.
    fn send(&mut self, method: &str, path: &str, body: &str) -> u16 {
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.0.get_mut().write_all(request.as_bytes()).unwrap();
        let (mut status, mut length, mut line) = (0, 0, String::new());
        loop {
            line.clear();
            self.0.read_line(&mut line).unwrap();
            let header = line.trim_end().to_ascii_lowercase();
            if header.is_empty() {
                break;
            }
            if let Some(rest) = header.strip_prefix("http/1.1 ") {
                status = rest[..3].parse().unwrap();
            } else if let Some(rest) = header.strip_prefix("content-length:") {
                length = rest.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).unwrap();
        status
    }
}

/// Runs `work` with a connection on each of several threads, which take numbers from one counter.
fn in_parallel(address: &str, work: impl Fn(&mut Connection, usize) -> bool + Sync) -> usize {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                let mut connection = Connection::open(address);
                while work(&mut connection, next.fetch_add(1, Ordering::Relaxed)) {}
            });
        }
    });
    next.into_inner() - CLIENTS
}

/// What a process has in memory, in KiB.
fn resident_kib(pid: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.unwrap()
        .split_whitespace()
        .next()
        .unwrap()
        .parse()
        .unwrap()
}

#[test]
fn a_thousand_connectors_are_made_in_a_minute_and_told_of_quickly() {
    let place = Place::new(Broker::Embedded);
    place.add_worker_key(&format!(
        "sandbox.policy.write={}",
        place.path("").display()
    ));
    let worker = place.start();
    let rest = place.rest();
    // The worker has one core, whoever asks the others.
    let pinned = std::process::Command::new("taskset")
        .args(["-a", "-p", "-c", "0", &worker.id().to_string()])
        .stdout(std::process::Stdio::null())
        .status();
    let pinned = pinned.is_ok_and(|status| status.success());
    let before_kib = resident_kib(worker.id());
    let begun = Instant::now();
    in_parallel(rest.address(), |connection, number| {
        if number >= CONNECTORS {
            return false;
        }
        let body = json!({
            "name": format!("c{number}"),
            "config": {
                "connector.class": "FileStreamSource", "topic": "t", "file": place.path("none"),
                "value.converter": "org.apache.kafka.connect.storage.StringConverter",
            },
        });
        assert_eq!(
            connection.send("POST", "/connectors", &body.to_string()),
            201
        );
        true
    });
    let created = begun.elapsed();
    rest.wait_for_task(&format!("c{}", CONNECTORS - 1), "RUNNING");
    let each_kib = resident_kib(worker.id()).saturating_sub(before_kib) / CONNECTORS;

    let ended = AtomicBool::new(false);
    let begun = Instant::now();
    let asked = in_parallel(rest.address(), |connection, number| {
        let path = match number % 4 {
            0 => format!("/connectors/c{}", number % CONNECTORS),
            1 => format!("/connectors/c{}/config", number % CONNECTORS),
            2 => format!("/connectors/c{}/tasks", number % CONNECTORS),
            _ => format!("/connectors/c{}/status", number % CONNECTORS),
        };
        assert_eq!(connection.send("GET", &path, ""), 200);
        if begun.elapsed() >= ASKING {
            ended.store(true, Ordering::Relaxed);
        }
        !ended.load(Ordering::Relaxed)
    });
    let rate = asked as f64 / begun.elapsed().as_secs_f64();
    println!(
        "{CONNECTORS} connectors in {:.1} s, {each_kib} KiB each; then {rate:.0} GET/s{}",
        created.as_secs_f64(),
        if pinned { " on one core" } else { "" }
    );
    assert!(created < Duration::from_secs(60), "{created:?}");
    assert!(each_kib < 1024, "{each_kib} KiB each");
    assert!(rate > 5_000.0, "{rate} GET/s");
}
