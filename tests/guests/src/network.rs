//! Ways out of the sandbox: sockets, HTTP, and the host's own connections.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, ToSocketAddrs, UdpSocket};

use wasip2::http::outgoing_handler;
use wasip2::http::types::{Fields, Method, OutgoingRequest, RequestOptions, Scheme};
use wasip2::io::streams::StreamError;

use crate::config_value;
use crate::tidegate::connect::host;
use crate::tidegate::connect::tcp::Connection;
use crate::types::Config;

/// Does what the configuration says, and says what came of it.
pub fn use_network(config: &Config) -> String {
    let value = |key: &str| config_value(config, key);
    let to = value("to");
    match value("action").as_str() {
        "see" => value("secret"),
        "time" => host::time_left_ms().to_string(),
        "lookup" => said((to.as_str(), 1).to_socket_addrs().map(|found| {
            let found: Vec<String> = found.map(|found| found.ip().to_string()).collect();
            found.join(" ")
        })),
        "socket" => said(TcpStream::connect(&to).and_then(|mut stream| {
            stream.write_all(b"hello\n")?;
            let mut answer = [0; 5];
            stream.read_exact(&mut answer)?;
            Ok(String::from_utf8_lossy(&answer).into_owned())
        })),
        "socket-waits" => said(TcpStream::connect(&to).and_then(|mut stream| {
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok(answer)
        })),
        "sockets" => {
            let held: Vec<_> = (0..100)
                .map_while(|_| TcpStream::connect(&to).ok())
                .collect();
            held.len().to_string()
        }
        "listen" => said(TcpListener::bind(&to).map(|_| String::new())),
        "udp" => said(UdpSocket::bind("0.0.0.0:0").and_then(|socket| {
            socket.send_to(b"x", &to)?;
            Ok(String::new())
        })),
        "tcp" => tcp(&value, false),
        "tls" => tcp(&value, true),
        "tcp-waits" => match Connection::connect(&to, false, u32::MAX) {
            Ok(connection) => format!("{:?}", connection.read(1, u32::MAX)),
            Err(failure) => failure.message,
        },
        "tcps" => {
            let connect = || Connection::connect(&to, false, 1_000).ok();
            let held: Vec<_> = (0..100).map_while(|_| connect()).collect();
            held.len().to_string()
        }
        "http-often" => {
            let number: usize = value("number").parse().unwrap();
            let done = (0..number).map_while(|_| http(&value).ok());
            done.count().to_string()
        }
        "http-and-tcp" => match http(&value) {
            Ok(_) => tcp(&|key| value(if key == "to" { "other" } else { key }), false),
            Err(error) => error,
        },
        "tcp-often" => {
            let number: usize = value("number").parse().unwrap();
            let done = (0..number).filter(|_| tcp(&value, false).starts_with("done"));
            done.count().to_string()
        }
        "socket-often" => {
            let number: usize = value("number").parse().unwrap();
            let done = (0..number).map_while(|_| TcpStream::connect(&to).ok());
            done.count().to_string()
        }
        "http" => http(&value).unwrap_or_else(|error| format!("refused: {error}")),
        _ => unreachable!("no such action"),
    }
}

fn said(done: std::io::Result<String>) -> String {
    match done {
        Ok(text) => format!("done: {text}"),
        Err(error) => format!("refused: {error}"),
    }
}

fn tcp(value: &dyn Fn(&str) -> String, tls: bool) -> String {
    let done = || {
        let connection = Connection::connect(&value("to"), tls, 5_000)?;
        connection.write_with_secrets(&format!("{}\n", value("say")), 1_000)?;
        connection.read(100, 5_000)
    };
    match done() {
        Ok(Some(answer)) => format!("done: {}", String::from_utf8_lossy(&answer).trim_end()),
        Ok(None) => "done: the end".to_owned(),
        Err(failure) => format!("refused: {:?}: {}", failure.reason, failure.message),
    }
}

fn http(value: &dyn Fn(&str) -> String) -> Result<String, String> {
    let name = value("header");
    let mut headers = Vec::new();
    if !name.is_empty() {
        headers.push((name, value("value").replace("\\r\\n", "\r\n").into_bytes()));
    }
    let headers = Fields::from_list(&headers).map_err(|error| format!("{error:?}"))?;
    let request = OutgoingRequest::new(headers);
    let method = match value("method").as_str() {
        "" => Method::Get,
        other => Method::Other(other.to_owned()),
    };
    let set = [
        request.set_method(&method),
        request.set_scheme(Some(&match value("scheme").as_str() {
            "https" => Scheme::Https,
            _ => Scheme::Http,
        })),
        request.set_authority(Some(&value("to"))),
        request.set_path_with_query(Some(&value("path"))),
    ];
    if let Some(index) = set.iter().position(Result::is_err) {
        return Err(format!("part {index} of the request"));
    }
    let answer = outgoing_handler::handle(request, Some(RequestOptions::new()))
        .map_err(|error| format!("{error:?}"))?;
    answer.subscribe().block();
    let response = answer
        .get()
        .expect("it is there")
        .expect("it is asked for once")
        .map_err(|error| format!("{error:?}"))?;
    let body = response.consume().expect("it has a body");
    let stream = body.stream().expect("it is read once");
    let mut text = Vec::new();
    loop {
        match stream.blocking_read(100_000) {
            Ok(bytes) => text.extend(bytes),
            Err(StreamError::Closed) => break,
            Err(StreamError::LastOperationFailed(error)) => {
                let code = wasip2::http::types::http_error_code(&error);
                return Err(format!("after {} bytes: {code:?}", text.len()));
            }
        }
    }
    let shown: String = String::from_utf8_lossy(&text).chars().take(500).collect();
    Ok(format!("done: {} {shown}", response.status()))
}
