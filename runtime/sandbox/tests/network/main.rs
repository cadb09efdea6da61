//! What a guest can reach over the network: what it was granted, as it was granted, and nothing else.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::let_underscore_must_use,
    reason = "a test that cannot go on fails"
)]

#[path = "../support/mod.rs"]
mod support;

mod grants;
mod http;
mod limits;
mod secrets;
mod tls;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};

use support::*;
use tidegate_config::grants::Grants;
use tidegate_config::guest_limits::GuestLimits;
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
