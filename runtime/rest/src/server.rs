//! Listens, and keeps every connection within limits.
//!
//! axum's own server sets no timer on headers, so slow clients would hold connections for ever; this one is
//! hyper's, with timers, a cap on connections and a bounded end.

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::uri::{PathAndQuery, Uri};
use axum::middleware::from_fn_with_state;
use axum::response::IntoResponse;
use axum::{Router, http};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use openssl::ssl::{Ssl, SslAcceptor};
use tidegate_config::rest::{AdminListeners, RestConfig};
use tidegate_config::tls::ClientAuth;
use tidegate_config::worker::Listener;
use tidegate_herder::control::Control;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_openssl::SslStream;
use tower::ServiceExt;

use crate::error::{Failure, RestError};
use crate::guard::{Guard, guard};
use crate::limits::{Limits, REFUSALS_MAX};
use crate::peer::Peer;
use crate::router::router;
use crate::tls;

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
    listeners: Vec<Listening>,
    guard: Guard,
    limits: Limits,
}

/// A socket that listens.
struct Listening {
    socket: TcpListener,
    tls: Option<Arc<SslAcceptor>>,
    answers: Answers,
}

/// What is answered where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answers {
    /// Everything.
    All,
    /// Everything but `/admin`.
    AllButAdmin,
    /// `/admin` alone.
    Admin,
}

impl Server {
    /// Listens on these addresses, for everyone on this machine.
    ///
    /// # Errors
    /// When an address cannot be listened on, or is reached from other machines.
    pub async fn bind(addresses: &[Listener]) -> Result<Self, RestError> {
        Self::open(addresses, &RestConfig::default()).await
    }

    /// Listens as the worker's keys say. Clients may connect, and are served from [`Server::serve`] on.
    ///
    /// # Errors
    /// When an address cannot be listened on, is reached from other machines and nobody is asked who it is, or when
    /// what the keys name cannot be read.
    pub async fn open(addresses: &[Listener], config: &RestConfig) -> Result<Self, RestError> {
        let guard = Guard::of(config)?;
        let tls = config.tls.as_ref().map(tls::acceptor).transpose()?;
        let certified = config
            .tls
            .as_ref()
            .is_some_and(|tls| tls.client_auth == ClientAuth::Required);
        let mut server = Self {
            listeners: Vec::new(),
            guard,
            limits: Limits::from(config.limits),
        };
        let (answers, own): (_, &[Listener]) = match &config.admin {
            AdminListeners::Same => (Answers::All, &[]),
            AdminListeners::Nowhere => (Answers::AllButAdmin, &[]),
            AdminListeners::Own(own) => (Answers::AllButAdmin, own),
        };
        let tls = tls.map(Arc::new);
        let all = addresses.iter().map(|address| (address, answers));
        for (address, answers) in all.chain(own.iter().map(|own| (own, Answers::Admin))) {
            let asks = server.guard.asks() || (certified && address.secure);
            let socket = listen(address, asks, config.open).await?;
            server.listeners.push(Listening {
                socket,
                tls: tls.clone().filter(|_| address.secure),
                answers,
            });
        }
        Ok(server)
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
            .filter_map(|listener| listener.socket.local_addr().ok())
            .collect()
    }

    /// Serves until `shutdown` is done; then requests have 10 s to end.
    pub async fn serve<C: Control>(self, control: Arc<C>, shutdown: impl Future<Output = ()>) {
        let (stop, stopped) = watch::channel(false);
        let access = Arc::clone(&self.guard.access);
        let guarded = from_fn_with_state(Arc::new(self.guard), guard);
        let router = Router::new()
            .fallback_service(router(control, self.limits.clone()))
            .layer(guarded);
        let shared = Arc::new(Shared {
            router,
            connections: Arc::new(Semaphore::new(self.limits.connections)),
            refusals: Arc::new(Semaphore::new(REFUSALS_MAX)),
            limits: self.limits,
        });
        let mut accepting = JoinSet::new();
        for listener in self.listeners {
            accepting.spawn(accept(listener, Arc::clone(&shared), stopped.clone()));
        }
        tokio::select! {
            () = shutdown => {}
            // It has no end.
            () = access.follow() => {}
        }
        stop.send_replace(true);
        let ended = tokio::time::timeout(SHUTDOWN_TIME_MAX, async {
            while accepting.join_next().await.is_some() {}
        });
        if ended.await.is_err() {
            tracing::warn!("REST requests were cut off: they did not end in time.");
        }
    }
}

/// Listens on an address once it is clear that it is either for this machine alone, or asks who calls.
async fn listen(address: &Listener, asks: bool, open: bool) -> Result<TcpListener, RestError> {
    let failed = |source| RestError::Bind {
        address: address.to_string(),
        source,
    };
    let found = tokio::net::lookup_host((address.host.as_str(), address.port));
    let found: Vec<SocketAddr> = found.await.map_err(failed)?.collect();
    let beyond = found.iter().any(|found| !is_loopback(found.ip()));
    if beyond && !asks {
        if !open {
            return Err(RestError::Open {
                address: address.to_string(),
            });
        }
        tracing::warn!(%address, "REST is open to everyone who reaches this address, as the configuration says.");
    } else if beyond && !address.secure {
        tracing::warn!(%address,
            "Tokens and passwords cross the network as they are: use https here, or listen on 127.0.0.1 behind a proxy.");
    }
    TcpListener::bind(found.as_slice()).await.map_err(failed)
}

fn is_loopback(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_loopback(),
        IpAddr::V6(address) => {
            let mapped = address.to_ipv4_mapped();
            mapped.map_or_else(|| address.is_loopback(), |mapped| mapped.is_loopback())
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
async fn accept(listener: Listening, shared: Arc<Shared>, mut stopped: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let accepted = tokio::select! {
            _ = stopped.wait_for(|stopped| *stopped) => break,
            accepted = listener.socket.accept() => accepted,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "A REST connection could not be accepted.");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        match Arc::clone(&shared.connections).try_acquire_owned() {
            Ok(permit) => {
                let (shared, stopped) = (Arc::clone(&shared), stopped.clone());
                let (tls, answers) = (listener.tls.clone(), listener.answers);
                let peer = Peer {
                    address,
                    secure: tls.is_some(),
                    subject: None,
                };
                connections.spawn(async move {
                    match tls {
                        None => serve_connection(stream, peer, answers, shared, stopped).await,
                        Some(tls) => {
                            let wait = shared.limits.header_time;
                            if let Some((stream, peer)) = secured(stream, &tls, peer, wait).await {
                                serve_connection(stream, peer, answers, shared, stopped).await;
                            }
                        }
                    }
                    drop(permit);
                });
            }
            Err(_) => {
                // When even refusals are too many, the connection is closed without a word; so is one that would have
                // to be encrypted first.
                if listener.tls.is_none()
                    && let Ok(permit) = Arc::clone(&shared.refusals).try_acquire_owned()
                {
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

/// Agrees on keys with a client, and takes the subject of its certificate.
async fn secured(
    stream: TcpStream,
    acceptor: &SslAcceptor,
    peer: Peer,
    wait: Duration,
) -> Option<(SslStream<TcpStream>, Peer)> {
    let agreed = async {
        let ssl = Ssl::new(acceptor.context()).map_err(|error| error.to_string())?;
        let mut stream = SslStream::new(ssl, stream).map_err(|error| error.to_string())?;
        let accepted = std::pin::Pin::new(&mut stream).accept().await;
        accepted.map_err(|error| error.to_string())?;
        Ok::<_, String>(stream)
    };
    let agreed = tokio::time::timeout(wait, agreed).await;
    match agreed.unwrap_or_else(|_| Err("it took too long".to_owned())) {
        Ok(stream) => {
            let certificate = stream.ssl().peer_certificate();
            let subject = certificate.map(|certificate| tls::subject(&certificate));
            Some((stream, Peer { subject, ..peer }))
        }
        Err(error) => {
            tracing::debug!(%error, "A REST connection could not be encrypted.");
            None
        }
    }
}

async fn serve_connection(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: Peer,
    answers: Answers,
    shared: Arc<Shared>,
    mut stopped: watch::Receiver<bool>,
) {
    let limits = &shared.limits;
    let router = shared.router.clone();
    let service = service_fn(move |request: http::Request<Incoming>| {
        let mut request = without_trailing_slash(request.map(Body::new));
        let answered = answers.path(request.uri().path());
        request.extensions_mut().insert(peer.clone());
        let router = router.clone();
        async move {
            match answered {
                true => router.oneshot(request).await,
                false => Ok(Failure::plain(http::StatusCode::NOT_FOUND).into_response()),
            }
        }
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

impl Answers {
    fn path(self, path: &str) -> bool {
        let is_admin = path == "/admin" || path.starts_with("/admin/");
        match self {
            Self::All => true,
            Self::AllButAdmin => !is_admin,
            Self::Admin => is_admin,
        }
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
