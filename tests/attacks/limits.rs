//! Keys that set limits, and what happens at the limits that they set.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::attacked::Attacked;
use crate::components::{many_locals, module_of, nested_blocks, of_binary};
use crate::support::{Broker, Place, lines, text, wait_for};

/// Sends bytes on a connection of its own, and gives all that comes back until it is closed.
fn exchange(attacked: &Attacked, parts: &[&[u8]], pause: Duration) -> String {
    let mut stream = TcpStream::connect(attacked.rest.address()).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    for part in parts {
        // A server may refuse before it has read all.
        if stream.write_all(part).is_err() {
            break;
        }
        std::thread::sleep(pause);
    }
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer));
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn slow_large_and_endless_requests_end_at_the_limits_of_the_keys() {
    let attacked = Attacked::start(&[
        "rest.request.body.bytes.max=2000",
        "rest.request.header.bytes.max=8192",
        "rest.request.header.ms.max=400",
        "rest.request.body.ms.max=400",
        "sandbox.component.bytes.max=8000000",
    ]);
    let none = Duration::ZERO;
    let json = "content-type: application/json\r\nconnection: close\r\n";
    let post = "POST /connectors HTTP/1.1\r\nhost: a\r\n";
    // Announced, and not.
    let announced = format!("{post}{json}content-length: 2001\r\n\r\n");
    let answer = exchange(&attacked, &[announced.as_bytes()], none);
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    let chunk = format!("7d1\r\n{}\r\n0\r\n\r\n", "x".repeat(2001));
    let chunked = format!("{post}{json}transfer-encoding: chunked\r\n\r\n{chunk}");
    let answer = exchange(&attacked, &[chunked.as_bytes()], none);
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    let large = format!(
        "GET / HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n",
        "x".repeat(9000)
    );
    let answer = exchange(&attacked, &[large.as_bytes()], none);
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    // Slow heads and bodies.
    let begun = Instant::now();
    let answer = exchange(&attacked, &[b"GET / HTTP/1.1\r\nhost: a\r\nx: "], none);
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 408"),
        "{answer}"
    );
    let slow = format!("{post}{json}content-length: 100\r\n\r\n{{");
    let answer = exchange(&attacked, &[slow.as_bytes()], none);
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    // A component byte by byte, one without end, and one that is announced and too long.
    let wasm = "content-type: application/wasm\r\nconnection: close\r\n";
    let upload = "POST /connector-plugins HTTP/1.1\r\nhost: a\r\n";
    let head = format!("{upload}{wasm}content-length: 50000\r\n\r\n");
    let mut drops: Vec<&[u8]> = vec![head.as_bytes()];
    drops.extend(std::iter::repeat_n(&b"\0"[..], 8));
    let answer = exchange(&attacked, &drops, Duration::from_millis(60));
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(begun.elapsed() < Duration::from_secs(10));
    let head = format!("{upload}{wasm}transfer-encoding: chunked\r\n\r\n");
    let piece = format!("4000\r\n{}\r\n", "x".repeat(0x4000));
    let mut endless: Vec<&[u8]> = vec![head.as_bytes()];
    endless.extend(std::iter::repeat_n(piece.as_bytes(), 2_000));
    let answer = exchange(&attacked, &endless, none);
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 413"),
        "{answer}"
    );
    let head = format!("{upload}{wasm}content-length: 8000001\r\n\r\n");
    let answer = exchange(&attacked, &[head.as_bytes()], none);
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert!(answer.contains("8000000 bytes"), "{answer}");
    attacked.end();
}

#[test]
fn a_flood_of_connections_hears_503_and_leaves_room_when_it_ebbs() {
    let attacked = Attacked::start(&["rest.connections.max=8", "rest.request.header.ms.max=2000"]);
    let address = attacked.rest.address();
    let flood: Vec<_> = (0..200)
        .filter_map(|_| TcpStream::connect(address).ok())
        .collect();
    let mut refused = 0;
    for mut stream in flood {
        let limit = Some(Duration::from_millis(300));
        stream.set_read_timeout(limit).unwrap();
        let mut answer = [0; 12];
        refused += usize::from(stream.read_exact(&mut answer).is_ok() && answer.ends_with(b"503"));
    }
    println!("{refused} of 200 connections heard 503");
    assert!(refused >= 8, "{refused} heard 503");
    // Those that said nothing are gone by now, or soon.
    let deadline = Instant::now() + Duration::from_secs(10);
    let health = b"GET /health HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    while !exchange(&attacked, &[health], Duration::ZERO).starts_with("HTTP/1.1 200") {
        assert!(Instant::now() < deadline, "no room again");
    }
    attacked.end();
}

#[test]
fn limits_of_components_and_records_are_those_of_the_keys() {
    let attacked = Attacked::start(&[
        "sandbox.function.bytes.max=2000",
        "sandbox.function.locals.max=100",
        "sandbox.compile.memory.bytes.max=300000000",
        "sandbox.record.bytes.max=2000",
        "sandbox.log.line.bytes.max=100",
        "sandbox.stack.bytes.max=65536",
        "task.in.flight.records.max=100",
    ]);
    let large = of_binary(&module_of(&nested_blocks(700), 1));
    let (status, message) = attacked.upload(&large);
    assert_eq!(status, 422, "{message}");
    assert!(message.contains("sandbox.function.bytes.max"), "{message}");
    let many = of_binary(&module_of(&many_locals(101), 1));
    let (status, message) = attacked.upload(&many);
    assert_eq!(status, 422, "{message}");
    assert!(message.contains("sandbox.function.locals.max"), "{message}");
    let created = attacked.create("large", &[("connector.class", "test.LargeRecords")]);
    assert_eq!(created.0, 201, "{created:?}");
    let status = attacked.rest.wait_for_task("large", "FAILED");
    let trace = status["tasks"][0]["trace"].to_string();
    assert!(trace.contains("at most 2000 are allowed"), "{trace}");
    let created = attacked.create("flood", &[("connector.class", "test.FloodsLog")]);
    assert_eq!(created.0, 201, "{created:?}");
    attacked.rest.wait_for_task("flood", "RUNNING");
    let created = attacked.create("deep", &[("connector.class", "test.OverflowsStack")]);
    assert_eq!(created.0, 201, "{created:?}");
    attacked.rest.wait_for_task("deep", "FAILED");
    assert_eq!(
        attacked.rest.send("DELETE", "/connectors/flood", None).0,
        204
    );
    let log = attacked.end();
    let guest = |line: &&str| line.contains("connector=\"flood\"") && line.contains("long long");
    for line in log.lines().filter(guest) {
        assert!(line.len() < 400, "{line}");
    }
}

#[test]
fn the_stack_of_a_guest_is_that_of_the_key() {
    // The same depth of calls: too deep for the smallest stack, and not for the largest.
    for (bytes, wanted) in [
        (64 * 1024, "call stack exhausted"),
        (1024 * 1024, "went down"),
    ] {
        let attacked = Attacked::start(&[&format!("sandbox.stack.bytes.max={bytes}")]);
        let config = [("connector.class", "test.GoesDown"), ("depth", "8000")];
        let created = attacked.create("down", &config);
        assert_eq!(created.0, 201, "{created:?}");
        let status = attacked.rest.wait_for_task("down", "FAILED");
        let trace = status["tasks"][0]["trace"].to_string();
        assert!(trace.contains(wanted), "{bytes}: {trace}");
        attacked.end();
    }
}

#[test]
fn a_call_brings_no_more_than_the_key_allows() {
    // With its topic and its length it is larger than a MiB.
    let line = "x".repeat(1_048_516);
    for (bytes, state) in [(1024 * 1024, "FAILED"), (2 * 1024 * 1024, "RUNNING")] {
        let mut place = Place::new(Broker::Embedded);
        place.add_worker_key(&format!("sandbox.call.input.bytes.max={bytes}"));
        std::fs::write(place.path("in"), format!("{line}\n")).unwrap();
        place.file_source(&place.path("in"), "lines");
        place.file_sink(&place.path("out"), "lines", "");
        let worker = place.start();
        let sink = format!("{}-sink", place.prefix);
        let status = place.rest().wait_for_task(&sink, state);
        if state == "FAILED" {
            let trace = status["tasks"][0]["trace"].to_string();
            assert!(trace.contains("1048576"), "{trace}");
        } else {
            let out = place.path("out");
            wait_for("the line", || place.log(), || lines(&out) == [line.clone()]);
        }
        drop(worker);
    }
}

#[test]
fn a_limit_out_of_bounds_ends_the_start_with_its_key() {
    for line in [
        "rest.connections.max=0",
        "rest.request.header.bytes.max=100",
        "sandbox.compile.cpu.ms.max=1",
        "sandbox.record.bytes.max=99999999",
        "sandbox.log.lines.burst.max=many",
    ] {
        let place = Place::new(Broker::Embedded);
        place.add_worker_key(line);
        let output = place.run_until_idle();
        assert_eq!(output.status.code(), Some(2), "{line}: {}", text(&output));
        let (key, value) = line.split_once('=').unwrap();
        for wanted in ["worker.properties: ", key, value, "alue"] {
            assert!(text(&output).contains(wanted), "{line}: {}", text(&output));
        }
    }
}
