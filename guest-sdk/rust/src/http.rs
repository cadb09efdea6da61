//! An HTTP client, on `wasi:http`: the host connects, speaks TLS, and puts secrets into headers.
//!
//! The host and port must be granted: by a key of the definition that names the URL ([`Names::Url`](crate::Names)), or by
//! `sandbox.http` in the connector's configuration. A header may have the value of a key that is marked
//! [`Names::Secret`](crate::Names): the plugin sees a handle, the server the secret. Redirects are answers like others.
//! An exchange ends a little before the call that it is made in must. Inside of WebAssembly only.

use std::time::Duration;

use crate::error::{Error, Result};

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    method: String,
    url: Url,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    timeout: Duration,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The status, such as 200.
    pub status: u16,
    /// The headers, with names in lower case.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body, of at most 8 MiB unless the worker says otherwise.
    pub body: Vec<u8>,
}

/// The parts of an URL that go into a request.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Url {
    tls: bool,
    authority: String,
    path: String,
}

impl Url {
    fn parse(url: &str) -> Result<Self> {
        let wrong = |why: &str| {
            // It may hold a password, and is not repeated.
            Error::config(format_args!(
                "a URL such as https://host/path is wanted: {why}"
            ))
        };
        let (scheme, rest) = url
            .trim()
            .split_once("://")
            .ok_or_else(|| wrong("it has no ://"))?;
        let tls = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return Err(wrong("its scheme is neither http nor https")),
        };
        let rest = rest.split('#').next().unwrap_or_default();
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        if authority.is_empty() {
            return Err(wrong("it has no host"));
        }
        if authority.contains('@') {
            return Err(wrong("it has a user; give it in a header authorization"));
        }
        let visible = |c: char| c.is_ascii_graphic();
        if !rest.chars().all(visible) {
            return Err(wrong("it has blanks or characters that must be escaped"));
        }
        Ok(Self {
            tls,
            authority: authority.to_owned(),
            path: if path.starts_with('/') {
                path.to_owned()
            } else {
                format!("/{path}")
            },
        })
    }
}

impl Request {
    /// A request of any method.
    ///
    /// # Errors
    /// When the URL is none.
    pub fn new(method: &str, url: &str) -> Result<Self> {
        Ok(Self {
            method: method.to_owned(),
            url: Url::parse(url)?,
            headers: Vec::new(),
            body: Vec::new(),
            timeout: Duration::MAX,
        })
    }

    /// A GET.
    ///
    /// # Errors
    /// When the URL is none.
    pub fn get(url: &str) -> Result<Self> {
        Self::new("GET", url)
    }

    /// A POST of these bytes.
    ///
    /// # Errors
    /// When the URL is none.
    pub fn post(url: &str, body: impl Into<Vec<u8>>) -> Result<Self> {
        Ok(Self::new("POST", url)?.body(body))
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Sets how long the exchange may take, if that is less than what the call has left.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sends it and reads the answer, whatever its status.
    ///
    /// # Errors
    /// A fatal one when the host was not granted or the request cannot be sent, a retriable one when there is no answer.
    pub fn send(self) -> Result<Response> {
        exchange::send(self)
    }
}

impl Response {
    /// A header's value, when it is a text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let (_, value) = headers.find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(value).ok()
    }

    /// The body as a text; what is no UTF-8 is replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod exchange {
    use super::{Error, Request, Response, Result};

    pub(super) fn send(request: Request) -> Result<Response> {
        Err(Error::fatal(format_args!(
            "{} cannot be reached in a native test; only a component has a host that connects it",
            request.url.authority
        )))
    }
}

#[cfg(target_arch = "wasm32")]
mod exchange {
    use std::time::Duration;

    use wasip2::clocks::monotonic_clock;
    use wasip2::http::outgoing_handler;
    use wasip2::http::types::{
        ErrorCode, Fields, FutureIncomingResponse, IncomingResponse, Method, OutgoingBody,
        OutgoingRequest, RequestOptions, Scheme, http_error_code,
    };
    use wasip2::io::poll::{Pollable, poll};
    use wasip2::io::streams::StreamError;

    use super::{Error, Request, Response, Result};

    /// How much earlier than the call an exchange ends, so that the plugin can answer.
    const ANSWER_TIME: Duration = Duration::from_millis(200);
    /// The most bytes of one read.
    const READ_BYTES: u64 = 64 * 1024;

    pub(super) fn send(request: Request) -> Result<Response> {
        let left = crate::host::time_left();
        let left = request
            .timeout
            .min(left.saturating_sub(ANSWER_TIME.min(left / 4)));
        let timer = Timer(monotonic_clock::subscribe_duration(nanoseconds(left)));
        let Request {
            method,
            url,
            headers,
            body,
            ..
        } = request;
        let at = format!(
            "{}{}",
            url.authority,
            url.path.split('?').next().unwrap_or_default()
        );
        let failed = |error: &ErrorCode| refused(&at, error);
        let outgoing = OutgoingRequest::new(fields(headers, &method, body.len())?);
        let scheme = if url.tls { Scheme::Https } else { Scheme::Http };
        let unusable = |what: &str| {
            Error::fatal(format_args!(
                "the {what} of a request to {at} cannot be used"
            ))
        };
        outgoing
            .set_method(&as_method(&method))
            .map_err(|()| unusable("method"))?;
        outgoing
            .set_scheme(Some(&scheme))
            .map_err(|()| unusable("scheme"))?;
        outgoing
            .set_authority(Some(&url.authority))
            .map_err(|()| unusable("host"))?;
        outgoing
            .set_path_with_query(Some(&url.path))
            .map_err(|()| unusable("path"))?;
        let options = RequestOptions::new();
        let time = Some(nanoseconds(left));
        // A host that cannot keep a time has its own; ours is the timer.
        options.set_connect_timeout(time).unwrap_or_default();
        options.set_first_byte_timeout(time).unwrap_or_default();
        options.set_between_bytes_timeout(time).unwrap_or_default();
        let outgoing_body = outgoing.body().map_err(|()| unusable("body"))?;
        let answer =
            outgoing_handler::handle(outgoing, Some(options)).map_err(|error| failed(&error))?;
        let written = write(&outgoing_body, &body, &answer, &timer, &at)?;
        if written {
            OutgoingBody::finish(outgoing_body, None).map_err(|error| failed(&error))?;
        }
        let response = loop {
            match answer.get() {
                Some(response) => {
                    let taken = response.map_err(|()| unusable("answer"))?;
                    break taken.map_err(|error| failed(&error))?;
                }
                None => timer.wait_for(&[&answer.subscribe()], &at)?,
            }
        };
        read(&response, &timer, &at)
    }

    /// Ends an exchange that takes too long.
    struct Timer(Pollable);

    impl Timer {
        fn wait_for(&self, others: &[&Pollable], at: &str) -> Result<()> {
            let mut all = vec![&self.0];
            all.extend(others);
            let ready = poll(&all);
            if ready.iter().any(|index| *index != 0) {
                return Ok(());
            }
            Err(Error::retriable(format_args!(
                "{at} did not answer in time"
            )))
        }
    }

    fn fields(headers: Vec<(String, String)>, method: &str, body: usize) -> Result<Fields> {
        let mut fields: Vec<(String, Vec<u8>)> = headers
            .into_iter()
            .map(|(name, value)| (name, value.into_bytes()))
            .collect();
        if body > 0 || matches!(method, "POST" | "PUT" | "PATCH") {
            fields.push(("content-length".to_owned(), body.to_string().into_bytes()));
        }
        Fields::from_list(&fields).map_err(|error| {
            Error::fatal(format_args!(
                "a header has a name or value that no header may have: {error}"
            ))
        })
    }

    fn as_method(method: &str) -> Method {
        match method {
            "GET" => Method::Get,
            "HEAD" => Method::Head,
            "POST" => Method::Post,
            "PUT" => Method::Put,
            "DELETE" => Method::Delete,
            "OPTIONS" => Method::Options,
            "PATCH" => Method::Patch,
            other => Method::Other(other.to_owned()),
        }
    }

    /// Writes the body; `false`: the answer came before its end.
    fn write(
        body: &OutgoingBody,
        bytes: &[u8],
        answer: &FutureIncomingResponse,
        timer: &Timer,
        at: &str,
    ) -> Result<bool> {
        let Ok(stream) = body.write() else {
            return Ok(false);
        };
        let mut rest = bytes;
        while !rest.is_empty() {
            let Ok(room) = stream.check_write() else {
                return Ok(false);
            };
            if room == 0 {
                timer.wait_for(&[&stream.subscribe(), &answer.subscribe()], at)?;
                if answer.subscribe().ready() && stream.check_write().unwrap_or(0) == 0 {
                    return Ok(false);
                }
                continue;
            }
            let count = usize::try_from(room).unwrap_or(usize::MAX).min(rest.len());
            let (now, later) = rest.split_at(count);
            if stream.write(now).is_err() {
                return Ok(false);
            }
            rest = later;
        }
        Ok(stream.flush().is_ok())
    }

    fn read(response: &IncomingResponse, timer: &Timer, at: &str) -> Result<Response> {
        let incomplete = || Error::retriable(format_args!("the answer of {at} cannot be read"));
        let incoming = response.consume().map_err(|()| incomplete())?;
        let stream = incoming.stream().map_err(|()| incomplete())?;
        let mut body = Vec::new();
        loop {
            match stream.read(READ_BYTES) {
                Ok(bytes) if bytes.is_empty() => timer.wait_for(&[&stream.subscribe()], at)?,
                Ok(bytes) => body.extend_from_slice(&bytes),
                Err(StreamError::Closed) => break,
                Err(StreamError::LastOperationFailed(error)) => {
                    return Err(match http_error_code(&error) {
                        Some(error) => refused(at, &error),
                        None => incomplete(),
                    });
                }
            }
        }
        Ok(Response {
            status: response.status(),
            headers: response.headers().entries(),
            body,
        })
    }

    fn refused(at: &str, error: &ErrorCode) -> Error {
        let message = format!("{at}: {error:?}");
        match error {
            ErrorCode::HttpRequestDenied => Error::fatal(format_args!(
                "{at} was not granted; name it in the connector's configuration, such as by sandbox.http"
            )),
            ErrorCode::DestinationIpProhibited
            | ErrorCode::HttpRequestUriInvalid
            | ErrorCode::HttpRequestMethodInvalid
            | ErrorCode::HttpResponseBodySize(_)
            | ErrorCode::ConfigurationError
            | ErrorCode::InternalError(_) => Error::fatal(message),
            _ => Error::retriable(message),
        }
    }

    fn nanoseconds(time: Duration) -> u64 {
        u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read_or_refused() {
        let of = |url: &str| {
            Url::parse(url).map(|url| format!("{} {} {}", url.tls, url.authority, url.path))
        };
        assert_eq!(of("https://Host/a?b#c").unwrap(), "true Host /a?b");
        assert_eq!(of("http://h:1?q").unwrap(), "false h:1 /?q");
        assert_eq!(of("http://[::1]:1").unwrap(), "false [::1]:1 /");
        for bad in [
            "h/x",
            "ftp://h",
            "http://",
            "http://u:canary@h/",
            "http://h/a b",
            "http://h/\r\nx: y",
        ] {
            let error = of(bad).unwrap_err();
            assert!(!error.message().contains("canary"), "{error}");
        }
    }
}
