//! The query of a request. Its values are words without escapes.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

/// The query, as it was sent.
pub(crate) struct Query(String);

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self(parts.uri.query().unwrap_or_default().to_owned()))
    }
}

impl Query {
    /// The values of a key, in order.
    pub(crate) fn values<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.split('&').filter_map(move |pair| {
            let (found, value) = pair.split_once('=').unwrap_or((pair, ""));
            (found == key).then_some(value)
        })
    }

    /// The value of a key, unless it is empty.
    pub(crate) fn text<'a>(&'a self, key: &'a str) -> Option<&'a str> {
        self.values(key).find(|value| !value.is_empty())
    }

    /// Whether a key is there.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.values(key).next().is_some()
    }

    /// A boolean as Kafka Connect reads it: whatever is not `true` is false.
    pub(crate) fn boolean(&self, key: &str, default: bool) -> bool {
        self.values(key)
            .next()
            .map_or(default, |value| value.eq_ignore_ascii_case("true"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_may_be_given_several_times() {
        let query = Query("expand=status&expand=info&x&flag=TRUE&other=maybe".to_owned());
        assert_eq!(
            query.values("expand").collect::<Vec<_>>(),
            ["status", "info"]
        );
        assert!(query.has("x") && !query.has("y"));
        assert!(
            query.boolean("flag", false)
                && !query.boolean("other", true)
                && query.boolean("none", true)
        );
    }
}
