//! The body of a request: JSON, within limits.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use serde_json::{Map, Value};
use tidegate_config::json::{self, Json};
use tokio::sync::OwnedSemaphorePermit;

use crate::error::Failure;
use crate::limits::Limits;

/// The entries of a JSON object.
pub(crate) struct JsonObject(pub(crate) Vec<(String, Json)>);

/// A JSON object with all that is in it.
pub(crate) struct RawObject(pub(crate) Map<String, Value>);

impl<S: Sync> FromRequest<S> for JsonObject {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        Ok(Self(json::object(&text(request).await?)?))
    }
}

impl<S: Sync> FromRequest<S> for RawObject {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        let text = text(request).await?;
        // Says what is wrong, such as a key that is given twice.
        json::object(&text)?;
        let parsed = serde_json::from_str(&text);
        parsed
            .map(Self)
            .map_err(|error| Failure::bad_request(error.to_string()))
    }
}

/// The bytes of a component. While it is dealt with, few others are.
pub(crate) struct Component {
    pub(crate) bytes: Vec<u8>,
    pub(crate) _turn: OwnedSemaphorePermit,
}

impl<S: Sync> FromRequest<S> for Component {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        let headers = request.headers();
        if !is(headers, &["application/wasm", "application/octet-stream"]) {
            return Err(Failure::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "the bytes of a component are wanted, with the header Content-Type: application/wasm",
            ));
        }
        if headers
            .get(CONTENT_ENCODING)
            .is_some_and(|encoding| encoding != "identity")
        {
            return Err(Failure::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "the body is compressed; send the component as it is, without Content-Encoding",
            ));
        }
        let limits = limits(&request);
        let turn = Arc::clone(&limits.uploads).acquire_owned().await;
        let turn = turn.map_err(|_| Failure::plain(StatusCode::SERVICE_UNAVAILABLE))?;
        let bytes = read(request, limits.upload_bytes, limits.body_time).await?;
        Ok(Self {
            bytes: bytes.into(),
            _turn: turn,
        })
    }
}

fn limits(request: &Request) -> Limits {
    let limits = request.extensions().get::<Limits>();
    limits.cloned().unwrap_or_default()
}

/// The text of a body that is said to be JSON.
async fn text(request: Request) -> Result<String, Failure> {
    if !is(request.headers(), &["application/json"]) {
        return Err(Failure::plain(StatusCode::UNSUPPORTED_MEDIA_TYPE));
    }
    let limits = limits(&request);
    let bytes = read(request, limits.body_bytes, limits.body_time).await?;
    let text = String::from_utf8(bytes.into())
        .map_err(|error| Failure::bad_request(format!("the body is not UTF-8: {error}")))?;
    if text.trim().is_empty() {
        return Err(Failure::bad_request(
            "the body is empty; a JSON object is wanted",
        ));
    }
    Ok(text)
}

/// Whether a body is said to be of one of these types. Without a type it is of none: browsers can send such bodies across
/// origins.
fn is(headers: &HeaderMap, types: &[&str]) -> bool {
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    types
        .iter()
        .any(|wanted| essence.eq_ignore_ascii_case(wanted))
}

async fn read(request: Request, bytes_max: usize, time: Duration) -> Result<Bytes, Failure> {
    let too_large = || {
        let message = format!(
            "the body is too large; at most {} bytes are allowed",
            bytes_max
        );
        Failure::new(StatusCode::PAYLOAD_TOO_LARGE, message)
    };
    let announced = request
        .headers()
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse().ok());
    if announced
        .is_some_and(|bytes: u64| usize::try_from(bytes).map_or(true, |bytes| bytes > bytes_max))
    {
        return Err(too_large());
    }
    let reading = axum::body::to_bytes(request.into_body(), bytes_max);
    match tokio::time::timeout(time, reading).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) => {
            let source = std::error::Error::source(&error)
                .map(ToString::to_string)
                .unwrap_or_default();
            let is_limit =
                source.contains("length limit") || error.to_string().contains("length limit");
            Err(if is_limit {
                too_large()
            } else {
                Failure::bad_request("the body ended early")
            })
        }
        Err(_) => {
            let message = format!("the body did not arrive within {} s", time.as_secs_f64());
            Err(Failure::new(StatusCode::REQUEST_TIMEOUT, message))
        }
    }
}
