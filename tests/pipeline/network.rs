//! Connectors that connect: the HTTP sink and the TCP line source, against servers of the tests.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::support::{Broker, Place, append, lines, wait_for};

const TOKEN: &str = "Bearer canary-4711";

/// What stands for no answer at all.
const SILENT: u16 = 0;

/// A request as a server got it.
#[derive(Clone, Debug, Default)]
struct Request {
    line: String,
    headers: String,
    body: String,
}

/// An HTTP server that answers with one status after another, and with 200 when there are none left; a body with `bad` in
/// it is answered with 422.
struct Http {
    address: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Http {
    fn start(statuses: &[u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let requests: Arc<Mutex<Vec<Request>>> = Arc::default();
        let (seen, mut statuses) = (Arc::clone(&requests), VecDeque::from(statuses.to_vec()));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let request = read(&stream);
                let bad = request.body.contains("bad");
                let status = match statuses.pop_front() {
                    Some(status) => status,
                    None if bad => 422,
                    None => 200,
                };
                seen.lock().unwrap().push(request);
                if status == SILENT {
                    // Held until the client gives up.
                    std::thread::spawn(move || drop((&stream).read(&mut [0])));
                    continue;
                }
                // Repeats the secret, as some servers do when they refuse it.
                let body = format!("you sent {TOKEN}");
                let answer = format!(
                    "HTTP/1.1 {status} X\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: {}\r\n\r\n{body}",
                    body.len()
                );
                drop((&stream).write_all(answer.as_bytes()));
            }
        });
        Self { address, requests }
    }

    fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// The lines of all bodies that were answered with 200.
    fn delivered(&self, from: usize) -> Vec<String> {
        let requests = self.requests();
        let bodies = requests.iter().skip(from).map(|request| &request.body);
        let taken = bodies.filter(|body| !body.contains("bad"));
        taken
            .flat_map(|body| body.lines().map(str::to_owned))
            .collect()
    }
}

fn read(stream: &TcpStream) -> Request {
    let mut reader = BufReader::new(stream);
    let mut request = Request::default();
    reader.read_line(&mut request.line).unwrap_or_default();
    loop {
        let mut line = String::new();
        match reader.read_line(&mut line) {
            Ok(count) if count > 2 => request.headers.push_str(&line.to_ascii_lowercase()),
            _ => break,
        }
    }
    let length = request
        .headers
        .lines()
        .find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).unwrap_or_default();
    request.body = String::from_utf8_lossy(&body).into_owned();
    request
}

fn http_sink(place: &mut Place, url: &str, more: &str) {
    let topic = place.topic("lines");
    place.connector(
        "http",
        &format!(
            "connector.class=HttpSink\ntopics={topic}\nhttp.url={url}\n\
             http.secret.header.value={TOKEN}\nretry.backoff.ms=20\n{more}"
        ),
    );
}

#[test]
fn an_http_sink_sends_batches_tries_again_and_leaves_out_what_is_refused() {
    let mut place = Place::new(Broker::Embedded);
    let server = Http::start(&[503, 429]);
    std::fs::write(place.path("in"), "a\nb\nbad\nc\n").unwrap();
    place.file_source(&place.path("in"), "lines");
    let url = format!("http://{}/take?x=1", server.address);
    http_sink(
        &mut place,
        &url,
        "http.headers=Content-Type: text/plain\nerrors.tolerance=all",
    );
    let output = place.run_until_idle();
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{log}");
    let requests = server.requests();
    assert_eq!(requests[0].line, "POST /take?x=1 HTTP/1.1\r\n");
    assert!(requests[0].headers.contains("content-type: text/plain"));
    let secret = format!("authorization: {}", TOKEN.to_ascii_lowercase());
    assert!(
        requests
            .iter()
            .all(|request| request.headers.contains(&secret))
    );
    let mut delivered = server.delivered(2);
    delivered.sort_unstable();
    assert_eq!(delivered, ["a", "b", "c"]);
    assert!(!log.contains("canary"), "{log}");
}

#[test]
fn an_http_sink_gives_up_before_its_call_is_ended_and_tries_again() {
    let mut place = Place::new(Broker::Embedded);
    let server = Http::start(&[SILENT, SILENT]);
    std::fs::write(place.path("in"), "a\n").unwrap();
    place.file_source(&place.path("in"), "lines");
    let url = format!("http://{}/", server.address);
    http_sink(&mut place, &url, "retry.max=0\nsandbox.put.ms.max=600");
    let worker = place.start();
    wait_for(
        "the third request",
        || place.log(),
        || server.delivered(2) == ["a"],
    );
    place
        .rest()
        .wait_for_task(&format!("{}-http", place.prefix), "RUNNING");
    assert!(worker.stop().success(), "{}", place.log());
    assert!(!place.log().contains("took longer than"), "{}", place.log());
}

#[test]
fn an_http_sink_is_failed_by_a_redirect_and_shows_no_secret() {
    let mut place = Place::new(Broker::Embedded);
    let server = Http::start(&[302, 302, 302]);
    std::fs::write(place.path("in"), "a\n").unwrap();
    place.file_source(&place.path("in"), "lines");
    http_sink(&mut place, &format!("http://{}/", server.address), "");
    let worker = place.start();
    let name = format!("{}-http", place.prefix);
    let status = place.rest().wait_for_task(&name, "FAILED");
    let trace = status["tasks"][0]["trace"].to_string();
    assert!(
        trace.contains("302") && !trace.contains("canary"),
        "{trace}"
    );
    // A worker with a failed task says so when it ends.
    assert!(!worker.stop().success());
    assert!(!place.log().contains("canary"), "{}", place.log());
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_client_gets_the_addresses_that_the_policy_allows_to_its_connector() {
    let place = Place::new(Broker::Embedded);
    let server = Http::start(&[]);
    let address = &server.address;
    place.add_worker_key("sandbox.policy.http=*:443\nsandbox.policy.rules=ours");
    place.add_worker_key("sandbox.policy.rule.ours.connectors=ours-*");
    place.add_worker_key(&format!("sandbox.policy.rule.ours.http={address}"));
    let worker = place.start();
    let rest = place.rest();
    let create = |name: &str, more: &[(&str, &str)]| {
        let mut config = json!({
            "connector.class": "HttpSink", "topics": place.topic("lines"),
            "http.url": format!("http://{address}/"),
        });
        for (key, value) in more {
            config[*key] = json!(value);
        }
        let body = json!({ "name": name, "config": config });
        rest.send("POST", "/connectors", Some(body))
    };
    assert_eq!(create("ours-1", &[]).0, 201);
    let refused = |name: &str, more: &[(&str, &str)], words: &[&str]| {
        let (status, answer) = create(name, more);
        let message = answer["message"].to_string();
        assert_eq!(status, 400, "{answer}");
        for word in words {
            assert!(message.contains(word), "{word}: {message}");
        }
    };
    let line = format!("sandbox.policy.http={address}");
    refused("theirs", &[], &["http.url", &line]);
    // A wildcard is for the public network.
    for host in [
        "127.0.0.1",
        "169.254.169.254",
        "10.0.0.1",
        "localhost",
        "[::ffff:7f00:1]",
    ] {
        let url = format!("https://{host}/");
        refused(
            "theirs",
            &[("http.url", &url)],
            &["http.url", "sandbox.policy.http="],
        );
    }
    for host in ["2130706433", "0x7f.1", "0177.0.0.1"] {
        let url = format!("https://{host}/");
        refused(
            "theirs",
            &[("http.url", &url)],
            &["http.url", "four decimal numbers"],
        );
    }
    let rest_url = format!("http://{}/", rest_address(&place));
    refused(
        "ours-2",
        &[("http.url", &rest_url)],
        &["http.url", "never granted"],
    );
    let memory = ("sandbox.memory.bytes.max", "999999999999");
    refused(
        "ours-2",
        &[memory],
        &[memory.0, "sandbox.policy.memory.bytes.max=999999999999"],
    );
    let time = ("sandbox.put.ms.max", "30001");
    refused(
        "ours-2",
        &[time],
        &[time.0, "sandbox.policy.call.ms.max=30001"],
    );
    refused(
        "ours-2",
        &[("sandbox.adresses", "x:1")],
        &["sandbox.adresses"],
    );
    assert!(worker.stop().success(), "{}", place.log());
}

fn rest_address(place: &Place) -> String {
    let log = place.log();
    let address = log.split("The REST API is there. address=").nth(1).unwrap();
    address.split_whitespace().next().unwrap().to_owned()
}

/// What accepts TLS on 127.0.0.1, with its certificate in a file.
fn acceptor(certificate: &Path) -> native_tls::TlsAcceptor {
    let made = tidegate_test_certificates::of_loopback();
    std::fs::write(certificate, made.certificate_pem()).unwrap();
    let identity = native_tls::Identity::from_pkcs8(&made.certificate_pem(), &made.key_pem());
    native_tls::TlsAcceptor::new(identity.unwrap()).unwrap()
}

/// A TLS server that wants a login, sends two lines, and ends the connection.
fn line_server(acceptor: native_tls::TlsAcceptor) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let logins: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = Arc::clone(&logins);
    std::thread::spawn(move || {
        for (number, stream) in listener.incoming().flatten().enumerate() {
            let Ok(mut stream) = acceptor.accept(stream) else {
                continue;
            };
            let mut login = Vec::new();
            let mut byte = [0];
            while !login.ends_with(b"\n") && stream.read(&mut byte).is_ok_and(|count| count == 1) {
                login.push(byte[0]);
            }
            seen.lock()
                .unwrap()
                .push(String::from_utf8_lossy(&login).trim_end().to_owned());
            drop(stream.write_all(format!("line {number}\r\nand ").as_bytes()));
            drop(stream.flush());
            std::thread::sleep(std::time::Duration::from_millis(50));
            drop(stream.write_all(format!("more {number}\n").as_bytes()));
            drop(stream.shutdown());
        }
    });
    (address, logins)
}

#[test]
fn a_tcp_source_logs_in_by_tls_and_reads_lines_over_several_connections() {
    let mut place = Place::new(Broker::Embedded);
    let trusted = place.path("certificate.pem");
    let (address, logins) = line_server(acceptor(&trusted));
    place.add_worker_key(&format!(
        "sandbox.ssl.truststore.location={}",
        trusted.display()
    ));
    let topic = place.topic("lines");
    place.connector(
        "tcp",
        &format!(
            "connector.class=TcpLineSource\ntcp.address={address}\ntopic={topic}\n\
             tcp.login=AUTH {TOKEN}\nreconnect.backoff.ms=50"
        ),
    );
    let out = place.path("out");
    place.file_sink(&out, "lines", "");
    let worker = place.start();
    let expected = ["line 0", "and more 0", "line 1", "and more 1"];
    wait_for(
        "the lines of two connections",
        || place.log(),
        || lines(&out).starts_with(&expected.map(str::to_owned)),
    );
    assert!(worker.stop().success(), "{}", place.log());
    let login = format!("AUTH {TOKEN}");
    assert!(logins.lock().unwrap().iter().all(|found| *found == login));
    assert!(!place.log().contains("canary"), "{}", place.log());
}

#[test]
fn a_tcp_source_does_not_trust_a_strangers_certificate() {
    let mut place = Place::new(Broker::Embedded);
    let (address, logins) = line_server(acceptor(&place.path("certificate.pem")));
    let topic = place.topic("lines");
    place.connector(
        "tcp",
        &format!(
            "connector.class=TcpLineSource\ntcp.address={address}\ntopic={topic}\ntcp.login={TOKEN}"
        ),
    );
    let worker = place.start();
    wait_for(
        "the refusal of the certificate",
        || place.log(),
        || place.log().contains("TLS with"),
    );
    assert!(worker.stop().success(), "{}", place.log());
    assert!(logins.lock().unwrap().is_empty());
}

#[test]
fn a_connector_sees_no_secret_of_its_own() {
    let mut place = Place::new(Broker::Embedded);
    let server = Http::start(&[200]);
    append(&place.path("in"), "a\n");
    place.file_source(&place.path("in"), "lines");
    http_sink(&mut place, &format!("http://{}/", server.address), "");
    let worker = place.start();
    let rest = place.rest();
    let name = format!("{}-http", place.prefix);
    wait_for(
        "the request",
        || place.log(),
        || !server.requests().is_empty(),
    );
    // What the connector made of its configuration for its task.
    let tasks = rest
        .send("GET", &format!("/connectors/{name}/tasks"), None)
        .1;
    let given = &tasks[0]["config"]["http.secret.header.value"];
    assert_ne!(given, &Value::Null, "{tasks}");
    assert!(!tasks.to_string().contains("canary"), "{tasks}");
    assert!(worker.stop().success(), "{}", place.log());
}
