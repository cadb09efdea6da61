//! The audit log: a line for each request that changes something, done or refused, on the log target `audit`.

use axum::http::header::LOCATION;
use axum::http::{Method, StatusCode, Uri};
use axum::response::Response;
use tidegate_model::guest_text::clean;

use crate::access::Caller;
use crate::peer::Peer;

/// The log's target.
pub const TARGET: &str = "audit";
/// The most bytes of a path or a name in a line.
const TEXT_BYTES_MAX: usize = 512;

/// What was asked for.
pub(crate) struct Asked {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) peer: Option<Peer>,
}

impl Asked {
    /// Writes the line: who asked for what, from where, and what came of it.
    pub(crate) fn answered(&self, caller: Option<&Caller>, answer: &Response) {
        let (who, by) = caller.map_or(("-", "-"), |caller| (caller.name.as_str(), caller.by));
        let who = clean(who, TEXT_BYTES_MAX);
        let path = self.uri.path_and_query().map_or("", |path| path.as_str());
        let path = clean(path, TEXT_BYTES_MAX);
        let from = self.peer.as_ref().map(|peer| peer.address.to_string());
        let from = from.as_deref().unwrap_or("-");
        let status = answer.status();
        let made = answer.headers().get(LOCATION);
        let made = made
            .and_then(|made| made.to_str().ok()?.split_once("://")?.1.split_once('/'))
            .map_or(String::new(), |(_, made)| {
                clean(&format!("/{made}"), TEXT_BYTES_MAX).into_owned()
            });
        tracing::info!(
            target: TARGET,
            who = %who, by, from, method = %self.method, path = %path, made, status = status.as_u16(),
            "audit: {}", result(status)
        );
    }
}

fn result(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED => "refused, as it was not shown who asks",
        StatusCode::FORBIDDEN => "refused, as the one who asks may not do this",
        status if status.is_success() => "done",
        _ => "not done",
    }
}
