//! Clients that are slow, large, many or hostile.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::support::{Answer, Fake, raw, read, send, start};
use tidegate_rest::limits::{Limits, UPLOADS_MAX};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Notify, Semaphore};

fn quick() -> Limits {
    Limits {
        header_time: Duration::from_millis(200),
        body_time: Duration::from_millis(200),
        request_time: Duration::from_millis(300),
        ..Limits::default()
    }
}

#[tokio::test]
async fn slow_headers_are_cut_off() {
    let server = start(Fake::default(), quick()).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream
        .write_all(b"GET / HTTP/1.1\r\nhost: a\r\nx: ")
        .await
        .unwrap();
    // Reads until the server closes; a server that does not fails by its own deadline.
    let answer = read(&mut stream).await;
    assert!(answer.status == 0 || answer.status == 408, "{answer:?}");
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_cut_off() {
    let server = start(Fake::default(), quick()).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    read(&mut stream).await;
}

#[tokio::test]
async fn a_connection_that_falls_silent_after_a_request_is_cut_off() {
    let server = start(Fake::default(), quick()).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream
        .write_all(b"GET /health HTTP/1.1\r\nhost: a\r\n\r\n")
        .await
        .unwrap();
    assert_eq!(read(&mut stream).await.status, 200);
}

#[tokio::test]
async fn a_slow_body_is_408() {
    let server = start(Fake::default(), quick()).await;
    let head = "POST /connectors HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{";
    let answer = raw(server.address, head.as_bytes()).await;
    assert_eq!(answer.status, 408);
    assert!(answer.message().contains("body"));
}

#[tokio::test]
async fn a_large_body_is_413_whether_announced_or_not() {
    let limits = Limits {
        body_bytes: 1000,
        ..Limits::default()
    };
    let server = start(Fake::default(), limits).await;
    let large = format!("{{\"name\": \"{}\"}}", "x".repeat(2000));
    let answer = send(server.address, "POST", "/connectors", &[], Some(&large)).await;
    assert_eq!(answer.status, 413);
    assert!(answer.message().contains("1000 bytes"));
    let chunked = format!(
        "POST /connectors HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-type: application/json\r\n\
         transfer-encoding: chunked\r\n\r\n{:x}\r\n{large}\r\n0\r\n\r\n",
        large.len()
    );
    assert_eq!(raw(server.address, chunked.as_bytes()).await.status, 413);
    let answer = raw(
        server.address,
        b"PUT /connectors/c/config HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-type: application/json\r\n\
          content-length: 99999999999999999999999\r\n\r\n",
    )
    .await;
    assert!(answer.status == 400 || answer.status == 413, "{answer:?}");
}

#[tokio::test]
async fn large_headers_are_431() {
    let server = start(Fake::default(), Limits::default()).await;
    let large = format!(
        "GET / HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n",
        "x".repeat(20_000)
    );
    assert_eq!(raw(server.address, large.as_bytes()).await.status, 431);
    let many = format!(
        "GET / HTTP/1.1\r\nhost: a\r\n{}\r\n",
        "x: y\r\n".repeat(500)
    );
    assert_eq!(raw(server.address, many.as_bytes()).await.status, 431);
    let within = format!(
        "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\nx: {}\r\n\r\n",
        "x".repeat(12_000)
    );
    assert_eq!(raw(server.address, within.as_bytes()).await.status, 200);
}

#[tokio::test]
async fn one_connection_too_many_hears_503_and_leaves_room_when_others_go() {
    let limits = Limits {
        connections: 2,
        ..Limits::default()
    };
    let server = start(Fake::default(), limits).await;
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream
            .write_all(b"GET /health HTTP/1.1\r\nhost: a\r\n\r\n")
            .await
            .unwrap();
        // An answer means that the connection was accepted.
        assert!(stream.read(&mut [0; 1024]).await.unwrap() > 0);
        held.push(stream);
    }
    let answer = send(server.address, "GET", "/health", &[], None).await;
    assert_eq!(answer.status, 503);
    assert!(answer.message().contains("too many connections"));
    drop(held);
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while send(server.address, "GET", "/health", &[], None)
        .await
        .status
        != 200
    {
        assert!(tokio::time::Instant::now() < deadline, "no room again");
    }
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_503() {
    let fake = Fake {
        wait: Some(Arc::new(Notify::new())),
        ..Fake::default()
    };
    let server = start(fake, quick()).await;
    let answer = send(server.address, "GET", "/", &[], None).await;
    assert_eq!(answer.status, 503);
    assert!(answer.message().contains("longer than"));
}

async fn upload(address: SocketAddr) -> Answer {
    let kind = [("content-type", "application/wasm")];
    send(address, "POST", "/connector-plugins", &kind, Some("wasm")).await
}

#[tokio::test]
async fn one_upload_too_many_waits_until_another_is_done() {
    let (wait, begun) = (Arc::new(Notify::new()), Arc::<AtomicUsize>::default());
    let fake = Fake {
        wait: Some(Arc::clone(&wait)),
        uploads_begun: Arc::clone(&begun),
        ..Fake::default()
    };
    let server = start(fake, Limits::default()).await;
    let address = server.address;
    let uploads: Vec<_> = (0..=UPLOADS_MAX)
        .map(|_| tokio::spawn(upload(address)))
        .collect();
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    while begun.load(Ordering::SeqCst) < UPLOADS_MAX {
        assert!(
            tokio::time::Instant::now() < deadline,
            "uploads do not come"
        );
        tokio::task::yield_now().await;
    }
    // Everything else is answered meanwhile, and the last one has not come further.
    for _ in 0..20 {
        let answer = send(address, "GET", "/health", &[], None).await;
        assert_eq!(answer.status, 200);
    }
    assert_eq!(begun.load(Ordering::SeqCst), UPLOADS_MAX);
    for done in 1..=UPLOADS_MAX + 1 {
        wait.notify_one();
        let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
        while uploads.iter().filter(|upload| upload.is_finished()).count() < done {
            assert!(tokio::time::Instant::now() < deadline, "no answer");
            tokio::task::yield_now().await;
        }
    }
    for upload in uploads {
        assert!(matches!(upload.await.unwrap().status, 200 | 201));
    }
    assert_eq!(begun.load(Ordering::SeqCst), UPLOADS_MAX + 1);
}

#[tokio::test]
async fn an_upload_that_waits_for_others_too_long_is_503() {
    let limits = Limits {
        uploads: Arc::new(Semaphore::new(0)),
        ..quick()
    };
    let server = start(Fake::default(), limits).await;
    let answer = upload(server.address).await;
    assert_eq!(answer.status, 503);
    assert!(answer.message().contains("longer than"));
}

#[tokio::test]
async fn garbage_does_not_end_the_server() {
    let server = start(Fake::default(), quick()).await;
    for garbage in [
        &b"\x16\x03\x01\x02\x00"[..],
        b"\r\n\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9\r\n\r\n",
        b"\0\0\0\0",
    ] {
        raw(server.address, garbage).await;
    }
    assert_eq!(
        send(server.address, "GET", "/health", &[], None)
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn shutdown_lets_a_request_end() {
    let wait = Arc::new(Notify::new());
    let fake = Fake {
        wait: Some(Arc::clone(&wait)),
        ..Fake::default()
    };
    let mut server = start(fake, Limits::default()).await;
    let address = server.address;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream
        .write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        .await
        .unwrap();
    // A second request on another connection is answered, so the first was accepted before it.
    assert_eq!(send(address, "GET", "/health", &[], None).await.status, 200);
    server.stop.take().unwrap().send(()).unwrap();
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while TcpStream::connect(address).await.is_ok() {
        assert!(tokio::time::Instant::now() < deadline, "it still accepts");
    }
    wait.notify_one();
    assert_eq!(read(&mut stream).await.status, 200);
    server.ended.await.unwrap();
}
