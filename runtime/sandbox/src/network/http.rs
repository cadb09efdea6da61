//! `wasi:http` under the grants: each request on a connection that the host makes, which also speaks TLS, or on one that an
//! earlier request of the guest has left ([`idle_links`](crate::network::idle_links)). The host
//! follows no redirects, asks no proxy, unpacks nothing, and ends a response that is too long.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use ::http::header::{CONTENT_LENGTH, HOST};
use ::http::uri::{PathAndQuery, Scheme};
use ::http::{HeaderMap, HeaderValue, Method, Request, Response, Uri};
use bytes::Bytes;
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1::Builder;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Sleep, sleep, timeout_at};
use wasmtime::component::{Linker, Resource};
use wasmtime::{Result, StoreContextMut};
use wasmtime_wasi::runtime::spawn;
use wasmtime_wasi_http::p2::bindings::http::outgoing_handler::Host as _;
use wasmtime_wasi_http::p2::types::HostOutgoingRequest;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks, WasiHttpView};

use crate::network::idle_links::{IdleLinks, Link};
use crate::network::refusals::Refusal;
use crate::network::tls::server_name;
use crate::network::{Connected, Network, NoConnection, Permit, Purpose, parse, until};
use crate::secret_handles::SecretHandles;
use crate::state::State;

/// The most bytes of the status line and the headers of a response.
const RESPONSE_HEADER_BYTES_MAX: usize = 64 * 1024;
/// The longest wait for the next bytes of a response, unless the guest asks for less.
const BETWEEN_BYTES_MAX: Duration = Duration::from_secs(30);

type Io = Box<dyn Future<Output = Result<(), Error>> + Send>;
type Sent = Result<(Response<WasiBody>, Io), Error>;

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// The most bytes of the headers that a guest makes, in one set of fields.
pub(crate) const FIELDS_BYTES_MAX: usize = 32 * 1024;
/// The most bytes of a request's body that wait in the host: a guest may make many requests and send none.
const BODY_CHUNK_BYTES_MAX: usize = 64 * 1024;

/// Sends the requests of a guest.
pub(crate) struct Http {
    pub(crate) network: Network,
    pub(crate) secrets: Arc<SecretHandles>,
    pub(crate) idle: Arc<IdleLinks>,
    /// The deadline of the call that runs.
    pub(crate) deadline: Instant,
}

impl WasiHttpHooks for Http {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        let (network, secrets) = (self.network.clone(), Arc::clone(&self.secrets));
        let idle = Arc::clone(&self.idle);
        let times = Times::of(options.unwrap_or_default(), until(self.deadline));
        Box::new(async move { send(&network, &secrets, &idle, request, times).await })
    }

    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        BODY_CHUNK_BYTES_MAX
    }
}

/// The interface as the linker has it; a test sends a request with options, and so notices another version.
const HANDLER: &str = "wasi:http/outgoing-handler@0.2.12";

/// Links `wasi:http`. The linker must allow shadowing: what comes from wasmtime keeps the options of each request for
/// ever, until the guest may have no more resources.
pub(crate) fn add_to_linker(linker: &mut Linker<State>) -> Result<()> {
    wasmtime_wasi_http::p2::add_only_http_to_linker_sync(linker)?;
    linker.instance(HANDLER)?.func_wrap(
        "handle",
        |mut store: StoreContextMut<'_, State>,
         (request, options): (
            Resource<HostOutgoingRequest>,
            Option<Resource<RequestOptions>>,
        )| {
            let state = store.data_mut();
            let lent = options.as_ref().map(|own| Resource::new_borrow(own.rep()));
            let sent = state.http().handle(request, lent);
            if let Some(own) = options {
                state.table.delete(own)?;
            }
            Ok((match sent {
                Ok(answer) => Ok(answer),
                Err(error) => Err(error.downcast()?),
            },))
        },
    )
}

/// How long the parts of an exchange may take.
#[derive(Clone, Copy)]
struct Times {
    connected: Instant,
    answered: Instant,
    between_bytes: Duration,
}

impl Times {
    fn of(options: RequestOptions, until: Instant) -> Self {
        let now = Instant::now();
        let by = |time: Option<Duration>| {
            let time = time.and_then(|time| now.checked_add(time));
            time.map_or(until, |time| time.min(until))
        };
        let connected = by(options.connect_timeout);
        let first_byte = options.first_byte_timeout;
        let answered = match first_byte.and_then(|time| connected.checked_add(time)) {
            Some(time) => time.min(until),
            None => until,
        };
        let between_bytes = options.between_bytes_timeout.unwrap_or(BETWEEN_BYTES_MAX);
        Self {
            connected,
            answered,
            between_bytes: between_bytes.min(BETWEEN_BYTES_MAX),
        }
    }
}

async fn send(
    network: &Network,
    secrets: &SecretHandles,
    idle: &Arc<IdleLinks>,
    mut request: Request<WasiBody>,
    times: Times,
) -> Sent {
    let (address, tls) = target(network, request.uri(), request.method())?;
    reveal(secrets, request.headers_mut())?;
    // In a request to a server the line has the path alone, and the host stands in a header.
    *request.uri_mut() = Uri::from(path(request.uri())?);
    let default_port = if tls { ":443" } else { ":80" };
    let host = address.strip_suffix(default_port).unwrap_or(&address);
    let host = HeaderValue::from_str(host).map_err(|_| Error::HttpRequestUriInvalid)?;
    request.headers_mut().insert(HOST, host);

    let (response, link) = loop {
        let left = idle.take(&address, tls).await;
        let is_left = left.is_some();
        let again = is_left.then(|| repeatable(&request)).flatten();
        let mut link = match left {
            Some(link) => link,
            None => link(network, &address, tls, times.connected).await?,
        };
        let sending = timeout_at(times.answered.into(), link.sender.try_send_request(request));
        match sending.await.map_err(|_| Error::HttpResponseTimeout)? {
            Ok(response) => break (response, link),
            // The server may have closed a connection that was left, before anything was sent or just then.
            Err(mut error) => match error.take_message().filter(|_| is_left).or(again) {
                Some(again) => request = again,
                None => return Err(error.into_error().into()),
            },
        }
    };
    let most = network.response_bytes_max() as u64;
    let said = response.headers().get(CONTENT_LENGTH);
    let said = said.and_then(|said| said.to_str().ok()?.parse::<u64>().ok());
    if said.is_some_and(|said| said > most) {
        return Err(too_long(network, most));
    }
    let response = response.map(|incoming| {
        Limited {
            incoming,
            link: Some(link),
            idle: Arc::clone(idle),
            left: most,
            network: network.clone(),
            between_bytes: times.between_bytes,
            waiting: None,
        }
        .boxed_unsync()
    });
    // The connection moves its bytes by itself.
    Ok((response, Box::new(async { Ok(()) })))
}

/// The same request, where it has no body and makes no difference when it comes twice (RFC 9110, 9.2.2).
fn repeatable(request: &Request<WasiBody>) -> Option<Request<WasiBody>> {
    if !request.method().is_idempotent() || !request.body().is_end_stream() {
        return None;
    }
    let nothing = Empty::new().map_err(|never| match never {}).boxed_unsync();
    let mut same = Request::new(nothing);
    *same.method_mut() = request.method().clone();
    *same.uri_mut() = request.uri().clone();
    *same.headers_mut() = request.headers().clone();
    Some(same)
}

/// A new connection to a server.
async fn link(network: &Network, address: &str, tls: bool, until: Instant) -> Result<Link, Error> {
    let connecting = connect(network, address, tls, until);
    let (stream, permit) = connecting.await.map_err(http_error)?;
    let mut client = Builder::new();
    client.max_buf_size(RESPONSE_HEADER_BYTES_MAX);
    let (sender, connection) = client.handshake(TokioIo::new(stream)).await?;
    Ok(Link {
        sender,
        address: address.to_owned(),
        tls,
        // What goes wrong is in the answer to the request.
        _moving: spawn(async move { drop(connection.await) }),
        _permit: permit,
    })
}

/// The path of a request, which is never empty.
fn path(uri: &Uri) -> Result<PathAndQuery, Error> {
    let path = uri.path_and_query().map_or("", |path| path.as_str());
    let slash = if path.starts_with('/') { "" } else { "/" };
    PathAndQuery::try_from(format!("{slash}{path}")).map_err(|_| Error::HttpRequestUriInvalid)
}

/// The address of a request, and whether it speaks TLS.
fn target(network: &Network, uri: &Uri, method: &Method) -> Result<(String, bool), Error> {
    let malformed = |message: &str| {
        drop(network.refuse(Refusal::Malformed, message.to_owned()));
        Error::HttpRequestUriInvalid
    };
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    if authority.contains('@') {
        return Err(malformed(
            "a request with a user in its address; put a header authorization into it",
        ));
    }
    if *method == Method::CONNECT {
        return Err(malformed("a request for a tunnel"));
    }
    let path = uri.path_and_query().map_or("", |path| path.as_str());
    if !path.is_empty() && !path.starts_with(['/', '?']) {
        return Err(malformed(
            "a request whose path does not begin with a slash",
        ));
    }
    let tls = uri.scheme() == Some(&Scheme::HTTPS);
    let host = authority
        .rsplit_once(':')
        .map_or(authority, |(host, port)| {
            // The colons of an IPv6 address are inside of its brackets.
            if port.ends_with(']') { authority } else { host }
        });
    let address = if host.len() == authority.len() {
        format!("{authority}:{}", if tls { 443 } else { 80 })
    } else {
        authority.to_owned()
    };
    match parse(&address) {
        Ok((address, ..)) => Ok((address, tls)),
        Err(error) => Err(malformed(&error.to_string())),
    }
}

/// Puts secrets into headers.
fn reveal(secrets: &SecretHandles, headers: &mut HeaderMap) -> Result<(), Error> {
    for value in headers.values_mut() {
        let Some(revealed) = secrets.revealed(value.as_bytes()) else {
            continue;
        };
        *value = HeaderValue::from_bytes(&revealed).map_err(|_| {
            let message = "a secret has characters that no header may have";
            Error::InternalError(Some(message.to_owned()))
        })?;
        value.set_sensitive(true);
    }
    Ok(())
}

async fn connect(
    network: &Network,
    address: &str,
    tls: bool,
    until: Instant,
) -> Result<(Box<dyn Stream>, Permit), NoConnection> {
    let connected = network.connect(Purpose::Http, address, until).await?;
    let Connected {
        stream,
        host,
        permit,
    } = connected;
    if !tls {
        return Ok((Box::new(stream), permit));
    }
    let failed = |reason: String| NoConnection::Tls(address.to_owned(), reason);
    let connector = network.tls().connector().map_err(failed)?;
    let connector = tokio_native_tls::TlsConnector::from(connector.clone());
    let handshake = connector.connect(server_name(&host), stream);
    let stream = timeout_at(until.into(), handshake)
        .await
        .map_err(|_| NoConnection::Late(address.to_owned()))?
        .map_err(|error| failed(error.to_string()))?;
    Ok((Box::new(stream), permit))
}

fn http_error(error: NoConnection) -> Error {
    match error {
        NoConnection::Refused(Refusal::TooManyConnections, _) => Error::ConnectionLimitReached,
        NoConnection::Refused(Refusal::NotGranted, _) => Error::HttpRequestDenied,
        NoConnection::Refused(..) => Error::DestinationIpProhibited,
        NoConnection::Invalid(_) => Error::HttpRequestUriInvalid,
        NoConnection::Unresolved(..) => Error::DnsError {
            rcode: None,
            info_code: None,
        },
        NoConnection::Unreachable(..) => Error::ConnectionRefused,
        NoConnection::Tls(..) => Error::TlsCertificateError,
        NoConnection::Late(_) => Error::ConnectionTimeout,
    }
}

fn too_long(network: &Network, most: u64) -> Error {
    let message = format!(
        "a response of more than {most} bytes; the limit is the key sandbox.response.bytes.max"
    );
    drop(network.refuse(Refusal::ResponseTooLong, message));
    Error::HttpResponseBodySize(Some(most))
}

/// A response's body with limits on its bytes and on the wait for them.
struct Limited {
    incoming: Incoming,
    /// The connection that it comes over, and where that goes when it has ended.
    link: Option<Link>,
    idle: Arc<IdleLinks>,
    left: u64,
    network: Network,
    between_bytes: Duration,
    waiting: Option<Pin<Box<Sleep>>>,
}

impl Body for Limited {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = &mut *self;
        match Pin::new(&mut this.incoming).poll_frame(context) {
            Poll::Ready(frame) => {
                this.waiting = None;
                let bytes = match &frame {
                    Some(Ok(frame)) => frame.data_ref().map_or(0, |data| data.len() as u64),
                    _ => 0,
                };
                if bytes > this.left {
                    this.left = 0;
                    let most = this.network.response_bytes_max() as u64;
                    return Poll::Ready(Some(Err(too_long(&this.network, most))));
                }
                this.left -= bytes;
                Poll::Ready(frame.map(|frame| frame.map_err(Error::from)))
            }
            Poll::Pending => {
                let between_bytes = this.between_bytes;
                let waiting = this
                    .waiting
                    .get_or_insert_with(|| Box::pin(sleep(between_bytes)));
                match waiting.as_mut().poll(context) {
                    Poll::Ready(()) => Poll::Ready(Some(Err(Error::ConnectionReadTimeout))),
                    Poll::Pending => Poll::Pending,
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }
}

impl Drop for Limited {
    fn drop(&mut self) {
        // One whose end was not seen is closed.
        if let Some(link) = self.link.take_if(|_| self.incoming.is_end_stream()) {
            self.idle.put(link);
        }
    }
}
