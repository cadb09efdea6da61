//! What each request passes before it is looked at: who sends it and whether that one may, the audit log, pages of
//! other origins, and the headers of its answer.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, HOST, LOCATION, ORIGIN, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tidegate_config::rest::{CrossOrigin, ResponseHeader, RestConfig};
use tracing::Instrument;

use crate::access::Caller;
use crate::access_files::AccessFiles;
use crate::audit::Asked;
use crate::error::{Failure, RestError};
use crate::metrics::Metrics;
use crate::peer::Peer;
use crate::routes::{Route, route};
use crate::{answer_headers, cross_origin};

/// What each request passes.
pub(crate) struct Guard {
    pub(crate) access: Arc<AccessFiles>,
    cross_origin: CrossOrigin,
    headers: Vec<ResponseHeader>,
    metrics: Arc<Metrics>,
}

impl Guard {
    pub(crate) fn of(config: &RestConfig) -> Result<Self, RestError> {
        Ok(Self {
            access: Arc::new(AccessFiles::of(config)?),
            cross_origin: config.cross_origin.clone(),
            headers: config.response_headers.clone(),
            metrics: Arc::default(),
        })
    }

    /// Whether a caller has to show who it is.
    pub(crate) fn asks(&self) -> bool {
        self.access.now().asks()
    }

    async fn passes(
        &self,
        authorization: Option<HeaderValue>,
        peer: Option<&Peer>,
        route: &Route,
    ) -> (Option<Caller>, Option<Failure>) {
        let caller = match self.access.now().caller(authorization, peer).await {
            Ok(caller) => caller,
            Err(failure) => return (None, Some(failure)),
        };
        let failure = (caller.role < route.role).then(|| {
            let message = format!(
                "{} has the role {}; this needs the role {}",
                caller.name, caller.role, route.role
            );
            Failure::new(StatusCode::FORBIDDEN, message)
        });
        (Some(caller), failure)
    }
}

pub(crate) async fn guard(
    State(guard): State<Arc<Guard>>,
    mut request: Request,
    next: Next,
) -> Response {
    let begun = Instant::now();
    let route = route(request.method(), request.uri().path());
    request.extensions_mut().insert(Arc::clone(&guard.metrics));
    let peer = request.extensions().get::<Peer>().cloned();
    let secure = peer.as_ref().is_some_and(|peer| peer.secure);
    let origin = cross_origin::allowed(&guard.cross_origin, &request);
    let preflight = cross_origin::preflight(&guard.cross_origin, &request, origin.as_ref());
    let mut answer = match preflight {
        Some(answer) => answer,
        None => {
            if let Some(origin) = &origin {
                request.extensions_mut().insert(origin.clone());
            }
            let asked = route.changes.then(|| Asked {
                method: request.method().clone(),
                uri: request.uri().clone(),
                peer: peer.clone(),
            });
            let authorization = request.headers().get(AUTHORIZATION).cloned();
            let rebound = origin.is_none() && !guard.asks() && is_rebound(request.headers());
            let (caller, failure) = match rebound {
                true => (None, Some(rebound_failure())),
                false => guard.passes(authorization, peer.as_ref(), route).await,
            };
            let answer = match failure {
                Some(failure) => refusal(failure),
                None => {
                    if let Some(caller) = &caller {
                        request.extensions_mut().insert(caller.clone());
                    }
                    let span = span(route, &request);
                    let answer = next.run(request).instrument(span.clone()).await;
                    let status = answer.status();
                    span.record("http.response.status_code", status.as_u16());
                    span.record("failed", status.is_server_error());
                    answer
                }
            };
            if let Some(asked) = asked {
                asked.answered(caller.as_ref(), &answer);
            }
            answer
        }
    };
    if secure {
        say_https(&mut answer);
    }
    if let Some(origin) = origin {
        cross_origin::mark(&mut answer, origin);
    }
    answer_headers::add(answer.headers_mut(), &guard.headers);
    let requests = &guard.metrics.requests;
    requests.add(route, answer.status(), begun.elapsed());
    answer
}

/// What traces tell of a request: its route, and nothing that a client chose.
fn span(route: &Route, request: &Request) -> tracing::Span {
    let span = tracing::debug_span!(
        target: "tidegate::span",
        "request",
        otel.name = format_args!("{} {}", route.method, route.path),
        otel.kind = "server",
        http.request.method = route.method,
        http.route = route.path,
        http.response.status_code = tracing::field::Empty,
        failed = tracing::field::Empty,
        traceparent = request.headers().get("traceparent").and_then(|above| above.to_str().ok()),
    );
    span
}

/// Whether a browser asks on behalf of a page whose host is a name. Where nobody is asked who calls, the name may be a
/// stranger's that was made to lead here.
fn is_rebound(headers: &HeaderMap) -> bool {
    let browser = headers.contains_key(ORIGIN) || headers.contains_key("sec-fetch-site");
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let host = host.unwrap_or_default();
    let host = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
    browser && !address && !host.eq_ignore_ascii_case("localhost")
}

fn rebound_failure() -> Failure {
    let message = "the request comes from a page in a browser, by a name that anyone may have made to lead here; use an \
                   address or localhost, or name the page's origin with access.control.allow.origin";
    Failure::new(StatusCode::FORBIDDEN, message)
}

fn refusal(failure: Failure) -> Response {
    let unknown = failure.status == StatusCode::UNAUTHORIZED;
    let mut answer = failure.into_response();
    if unknown {
        for scheme in ["Basic realm=\"tidegate\"", "Bearer realm=\"tidegate\""] {
            let scheme = HeaderValue::from_static(scheme);
            answer.headers_mut().append(WWW_AUTHENTICATE, scheme);
        }
    }
    answer
}

/// Where something was made is told as it was asked for.
fn say_https(answer: &mut Response) {
    let made = answer.headers().get(LOCATION);
    let made = made.and_then(|made| made.to_str().ok()?.strip_prefix("http://"));
    if let Some(Ok(made)) = made.map(|made| HeaderValue::from_str(&format!("https://{made}"))) {
        answer.headers_mut().insert(LOCATION, made);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_here_are_told_from_addresses() {
        let rebound = |pairs: &[(&'static str, &str)]| {
            let headers: HeaderMap = pairs
                .iter()
                .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
                .collect();
            is_rebound(&headers)
        };
        for host in [
            "localhost:8083",
            "127.0.0.1",
            "[::1]:8083",
            "10.0.0.1:80",
            "LOCALHOST",
        ] {
            assert!(
                !rebound(&[("host", host), ("origin", "http://x")]),
                "{host}"
            );
        }
        for host in [
            "evil.example:8083",
            "evil",
            "",
            "localhost.evil.example",
            "127.0.0.1.evil",
        ] {
            assert!(rebound(&[("host", host), ("origin", "http://x")]), "{host}");
            assert!(
                rebound(&[("host", host), ("sec-fetch-site", "same-origin")]),
                "{host}"
            );
            assert!(!rebound(&[("host", host)]), "no browser");
        }
    }
}
