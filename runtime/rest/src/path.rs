//! The parts of a path, percent-decoded.

use axum::extract::{FromRequestParts, Path};
use axum::http::StatusCode;
use axum::http::request::Parts;

use crate::access::Caller;
use crate::error::Failure;

/// The name of a connector that the caller may use.
pub(crate) struct Name(pub(crate) String);

/// The name of something else.
pub(crate) struct Segment(pub(crate) String);

/// The name of a connector that the caller may use, and a task's number.
pub(crate) struct NameAndTask(pub(crate) String, pub(crate) u32);

impl<S: Send + Sync> FromRequestParts<S> for Name {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let Segment(name) = Segment::from_request_parts(parts, state).await?;
        let caller = Caller::from_request_parts(parts, state).await?;
        caller.check(&name)?;
        Ok(Self(name))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Segment {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let Path(name) = Path::<String>::from_request_parts(parts, state)
            .await
            .map_err(|_| not_a_name())?;
        Ok(Self(name))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for NameAndTask {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let path = Path::<(String, String)>::from_request_parts(parts, state).await;
        let Path((name, task)) = path.map_err(|_| not_a_name())?;
        let caller = Caller::from_request_parts(parts, state).await?;
        caller.check(&name)?;
        let task = task
            .parse()
            .map_err(|_| Failure::plain(StatusCode::NOT_FOUND))?;
        Ok(Self(name, task))
    }
}

fn not_a_name() -> Failure {
    Failure::bad_request("the path is not UTF-8; percent-encode the UTF-8 bytes of the name")
}

/// A name as one segment of a path.
#[must_use]
pub fn path_segment(name: &str) -> String {
    let mut encoded = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_segment() {
        assert_eq!(path_segment("a-b.c"), "a-b.c");
        assert_eq!(path_segment("a/b ü?"), "a%2Fb%20%C3%BC%3F");
    }
}
