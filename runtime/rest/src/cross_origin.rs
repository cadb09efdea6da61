//! Pages of other origins that may use the API, by `access.control.allow.origin` and `access.control.allow.methods`.

use axum::extract::Request;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use tidegate_config::rest::CrossOrigin;

/// How long a browser may remember what it was allowed, in seconds.
const REMEMBERED_SECONDS: HeaderValue = HeaderValue::from_static("60");

/// Marks a request of a page that may use the API: the origin as it was sent.
#[derive(Debug, Clone)]
pub(crate) struct AllowedOrigin(pub(crate) HeaderValue);

/// The origin of a request, if it is one of those that are allowed to use its method.
pub(crate) fn allowed(config: &CrossOrigin, request: &Request) -> Option<AllowedOrigin> {
    if config.origins.is_empty() {
        return None;
    }
    let origin = request.headers().get(ORIGIN)?;
    let text = origin.to_str().ok()?;
    let mut origins = config.origins.iter();
    let known = origins.any(|known| known == "*" || known.eq_ignore_ascii_case(text));
    let method = match asked_before(request) {
        Some(method) => method.to_str().ok()?,
        None => request.method().as_str(),
    };
    let safe = request.method() == Method::OPTIONS && asked_before(request).is_none();
    let may = safe || config.methods.iter().any(|known| known == method);
    (known && may).then(|| AllowedOrigin(origin.clone()))
}

/// What a browser answers for a page before it lets the page send the request itself; none for any other request.
pub(crate) fn preflight(
    config: &CrossOrigin,
    request: &Request,
    allowed: Option<&AllowedOrigin>,
) -> Option<Response> {
    asked_before(request)?;
    let AllowedOrigin(_) = allowed?;
    let mut answer = StatusCode::OK.into_response();
    let methods = HeaderValue::from_str(&config.methods.join(",")).ok()?;
    let headers = answer.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
    headers.insert(
        ACCESS_CONTROL_ALLOW_HEADERS,
        HeaderValue::from_static("Authorization,Content-Type,Accept,Origin"),
    );
    headers.insert(ACCESS_CONTROL_MAX_AGE, REMEMBERED_SECONDS);
    Some(answer)
}

/// Lets the page read the answer.
pub(crate) fn mark(answer: &mut Response, AllowedOrigin(origin): AllowedOrigin) {
    let headers = answer.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.append(VARY, HeaderValue::from_static("Origin"));
}

/// The method that a browser asks about.
fn asked_before(request: &Request) -> Option<&HeaderValue> {
    let asked = request.headers().get(ACCESS_CONTROL_REQUEST_METHOD);
    asked.filter(|_| request.method() == Method::OPTIONS)
}
