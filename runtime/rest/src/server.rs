//! Listens, and keeps every connection within limits.
//!
//! axum's own server sets no timer on headers, so slow clients would hold connections for ever; this one is
//! hyper's, with timers, a cap on connections and a bounded end.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::uri::{PathAndQuery, Uri};
use axum::{Router, http};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tidegate_config::worker::Listener;
use tidegate_herder::control::Control;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tower::ServiceExt;

use crate::error::RestError;
use crate::limits::{Limits, REFUSALS_MAX};
use crate::router::router;

/// How long accepting rests after it failed, as it does when the process has no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long requests have to end when the server is told to.
const SHUTDOWN_TIME_MAX: Duration = Duration::from_secs(10);
/// How long a client that is refused has to take its answer.
const REFUSAL_TIME_MAX: Duration = Duration::from_secs(1);
/// What a client hears when there are too many.
const REFUSAL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\n\
    content-length: 70\r\nconnection: close\r\nretry-after: 1\r\n\r\n\
    {\"error_code\":503,\"message\":\"too many connections; try again shortly\"}";

/// A server that listens, and serves once it is given a herder.
pub struct Server {
    listeners: Vec<TcpListener>,
    limits: Limits,
}

impl Server {
    /// Listens on these addresses. Clients may connect, and are served from [`Server::serve`] on.
    ///
    /// # Errors
    /// When an address cannot be listened on.
    pub async fn bind(addresses: &[Listener]) -> Result<Self, RestError> {
        let mut listeners = Vec::with_capacity(addresses.len());
        for address in addresses {
            let bound = TcpListener::bind((address.host.as_str(), address.port)).await;
            listeners.push(bound.map_err(|source| RestError::Bind {
                address: address.to_string(),
                source,
            })?);
        }
        Ok(Self {
            listeners,
            limits: Limits::default(),
        })
    }

    /// Sets other limits.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Where it listens, with the ports that were free where 0 was asked for.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.listeners
            .iter()
            .filter_map(|listener| listener.local_addr().ok())
            .collect()
    }

    /// Serves until `shutdown` is done; then requests have 10 s to end.
    pub async fn serve<C: Control>(self, control: Arc<C>, shutdown: impl Future<Output = ()>) {
        let (stop, stopped) = watch::channel(false);
        let shared = Arc::new(Shared {
            router: router(control, self.limits.clone()),
            connections: Arc::new(Semaphore::new(self.limits.connections)),
            refusals: Arc::new(Semaphore::new(REFUSALS_MAX)),
            limits: self.limits,
        });
        let mut accepting = JoinSet::new();
        for listener in self.listeners {
            accepting.spawn(accept(listener, Arc::clone(&shared), stopped.clone()));
        }
        shutdown.await;
        stop.send_replace(true);
        let ended = tokio::time::timeout(SHUTDOWN_TIME_MAX, async {
            while accepting.join_next().await.is_some() {}
        });
        if ended.await.is_err() {
            tracing::warn!("REST requests were cut off: they did not end in time.");
        }
    }
}

/// What all connections share.
struct Shared {
    router: Router,
    connections: Arc<Semaphore>,
    refusals: Arc<Semaphore>,
    limits: Limits,
}

/// Accepts connections until it is told to stop, then waits for those that are open.
async fn accept(listener: TcpListener, shared: Arc<Shared>, mut stopped: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let accepted = tokio::select! {
            _ = stopped.wait_for(|stopped| *stopped) => break,
            accepted = listener.accept() => accepted,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "A REST connection could not be accepted.");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        match Arc::clone(&shared.connections).try_acquire_owned() {
            Ok(permit) => {
                let (shared, stopped) = (Arc::clone(&shared), stopped.clone());
                connections.spawn(async move {
                    serve_connection(stream, shared, stopped).await;
                    drop(permit);
                });
            }
            Err(_) => {
                // When even refusals are too many, the connection is closed without a word.
                if let Ok(permit) = Arc::clone(&shared.refusals).try_acquire_owned() {
                    connections.spawn(async move {
                        drop(tokio::time::timeout(REFUSAL_TIME_MAX, refuse(stream)).await);
                        drop(permit);
                    });
                }
            }
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn serve_connection(
    stream: TcpStream,
    shared: Arc<Shared>,
    mut stopped: watch::Receiver<bool>,
) {
    let limits = &shared.limits;
    let router = shared.router.clone();
    let service = service_fn(move |request: http::Request<Incoming>| {
        let request = without_trailing_slash(request.map(Body::new));
        router.clone().oneshot(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_time)
        .max_buf_size(limits.header_bytes)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => Some(ended),
        _ = stopped.wait_for(|stopped| *stopped) => None,
        () = tokio::time::sleep(limits.connection_time) => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            connection.as_mut().graceful_shutdown();
            tokio::time::timeout(limits.request_time, connection)
                .await
                .unwrap_or(Ok(()))
        }
    };
    if let Err(error) = ended {
        // Clients that send garbage, or hang up, are theirs to mend.
        tracing::debug!(%error, "A REST connection ended early.");
    }
}

/// `/connectors/` is `/connectors`, as in Kafka Connect.
fn without_trailing_slash(mut request: http::Request<Body>) -> http::Request<Body> {
    let uri = request.uri();
    let path = uri.path();
    let trimmed = path.trim_end_matches('/');
    if trimmed.len() < path.len() && !trimmed.is_empty() {
        let query = uri
            .query()
            .map(|query| format!("?{query}"))
            .unwrap_or_default();
        if let Ok(path) = PathAndQuery::try_from(format!("{trimmed}{query}")) {
            let mut parts = uri.clone().into_parts();
            parts.path_and_query = Some(path);
            if let Ok(uri) = Uri::from_parts(parts) {
                *request.uri_mut() = uri;
            }
        }
    }
    request
}

/// Tells a client that there are too many, and takes what it sent so that it hears the answer.
async fn refuse(mut stream: TcpStream) -> std::io::Result<()> {
    stream.write_all(REFUSAL).await?;
    stream.shutdown().await?;
    let mut sent = [0; 1024];
    while stream.read(&mut sent).await? > 0 {}
    Ok(())
}
