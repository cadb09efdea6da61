//! What is true of every request: it ends in time, the client accepts JSON, and it does not come from a page of
//! another origin in someone's browser.

use axum::extract::{Request, State};
use axum::http::header::{ACCEPT, ALLOW, CONTENT_TYPE, HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::cross_origin::AllowedOrigin;
use crate::error::Failure;
use crate::limits::Limits;

pub(crate) async fn gate(
    State(limits): State<Limits>,
    mut request: Request,
    next: Next,
) -> Response {
    let answers_json = request.uri().path() != "/metrics";
    if answers_json && !accepts_json(request.headers()) {
        return Failure::plain(StatusCode::NOT_ACCEPTABLE).into_response();
    }
    let is_safe = matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS
    );
    let allowed = request.extensions().get::<AllowedOrigin>().is_some();
    if !is_safe && !allowed && is_of_another_origin(request.headers()) {
        let message = "the request comes from a page of another origin; send it without the Origin header, from a \
                       page of this server, or from one that access.control.allow.origin and \
                       access.control.allow.methods name";
        return Failure::new(StatusCode::FORBIDDEN, message).into_response();
    }
    let asks_for_options = request.method() == Method::OPTIONS;
    let time = limits.request_time;
    request.extensions_mut().insert(limits);
    match tokio::time::timeout(time, next.run(request)).await {
        Ok(response) if asks_for_options => options(response),
        Ok(response) => response,
        Err(_) => {
            let message = format!(
                "the request took longer than {} s; it may still be done, so look before trying again",
                time.as_secs_f64()
            );
            Failure::new(StatusCode::SERVICE_UNAVAILABLE, message).into_response()
        }
    }
}

fn accepts_json(headers: &HeaderMap) -> bool {
    let mut accepted = headers.get_all(ACCEPT).iter().peekable();
    accepted.peek().is_none()
        || accepted
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .any(|kind| {
                let essence = kind.split(';').next().unwrap_or_default().trim();
                essence.is_empty()
                    || ["application/json", "application/*", "*/*", "*"].contains(&essence)
            })
}

fn is_of_another_origin(headers: &HeaderMap) -> bool {
    let text = |value: &HeaderValue| value.to_str().unwrap_or_default().to_ascii_lowercase();
    let Some(origin) = headers.get(ORIGIN).map(text) else {
        return false;
    };
    let host = headers.get(HOST).map(text).unwrap_or_default();
    origin
        .split_once("://")
        .is_none_or(|(_, origin)| origin != host)
}

/// The answer to OPTIONS: the methods of the path.
fn options(response: Response) -> Response {
    let Some(allow) = response
        .headers()
        .get(ALLOW)
        .and_then(|allow| allow.to_str().ok())
    else {
        return response;
    };
    let mut methods: Vec<&str> = allow.split(',').map(str::trim).chain(["OPTIONS"]).collect();
    methods.sort_unstable();
    methods.dedup();
    let mut answer = StatusCode::OK.into_response();
    if let Ok(allow) = HeaderValue::from_str(&methods.join(",")) {
        answer.headers_mut().insert(ALLOW, allow);
    }
    answer
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(axum::http::HeaderName, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap()))
            .collect()
    }

    #[test]
    fn json_is_accepted_in_any_of_its_spellings() {
        for good in [
            "application/json",
            "text/html, */*;q=0.1",
            "application/*",
            "",
        ] {
            assert!(accepts_json(&headers(&[(ACCEPT, good)])), "{good}");
        }
        assert!(accepts_json(&HeaderMap::new()));
        assert!(!accepts_json(&headers(&[(ACCEPT, "text/html")])));
    }

    #[test]
    fn pages_of_other_origins_are_told_apart() {
        assert!(!is_of_another_origin(&headers(&[(HOST, "a:1")])));
        assert!(!is_of_another_origin(&headers(&[
            (HOST, "a:1"),
            (ORIGIN, "http://A:1")
        ])));
        for other in ["http://evil", "null", ""] {
            assert!(
                is_of_another_origin(&headers(&[(HOST, "a:1"), (ORIGIN, other)])),
                "{other}"
            );
        }
    }
}
