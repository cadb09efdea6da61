//! The addresses of a registry.

use std::fmt;

/// The address of one server, without what comes before an `@` in it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct BaseUrl {
    /// `http://host:port/path`, without a slash at the end.
    base: String,
    /// User and password that stood in it.
    user_info: Option<String>,
}

impl fmt::Debug for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.base)
    }
}

impl BaseUrl {
    /// Reads an address; `None` when it is none of `http://` or `https://`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.trim().split_once("://")?;
        let scheme = scheme.to_ascii_lowercase();
        if scheme != "http" && scheme != "https" {
            return None;
        }
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(end)?;
        if path.contains(['?', '#']) {
            return None;
        }
        let (user_info, host) = match authority.rsplit_once('@') {
            Some((user_info, host)) => (Some(user_info), host),
            None => (None, authority),
        };
        let base = format!("{scheme}://{host}{}", path.trim_end_matches('/'));
        // Whatever ureq could take for something else is refused here.
        let is_plain = |c: char| c.is_ascii_graphic() && !matches!(c, '\\' | '"' | '<' | '>' | '@');
        if host.is_empty()
            || !base.chars().all(is_plain)
            || base.parse::<ureq::http::Uri>().is_err()
        {
            return None;
        }
        Some(Self {
            base,
            user_info: user_info.map(decoded),
        })
    }

    /// The address to show.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// User and password that stood in it.
    pub(crate) fn user_info(&self) -> Option<&str> {
        self.user_info.as_deref()
    }

    /// Whether it is reached over TLS.
    pub(crate) fn is_secure(&self) -> bool {
        self.base.starts_with("https")
    }
}

/// A text as one part of a path.
pub(crate) fn path_part(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// Percent-encoded text, decoded; a percent sign that begins no code stays.
fn decoded(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, more @ ..] = rest {
        let code = more
            .first_chunk::<2>()
            .filter(|_| *first == b'%')
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        out.push(code.unwrap_or(*first));
        rest = match code {
            Some(_) => more.get(2..).unwrap_or_default(),
            None => more,
        };
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_password() {
        let url = BaseUrl::parse("HTTPS://user:c%40nary%@host:1/apis/v7/").unwrap();
        assert_eq!(url.base(), "https://host:1/apis/v7");
        assert_eq!(url.user_info(), Some("user:c@nary%"));
        assert!(!format!("{url:?}").contains("nary"));
        assert!(url.is_secure());
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for bad in [
            "",
            "host:1",
            "ftp://host",
            "http://",
            "http://u@",
            "http://a b",
            "http://a/?x=1",
        ] {
            assert!(BaseUrl::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_subject_is_one_part_of_the_path() {
        assert_eq!(
            path_part("a/../b?c:ü-value"),
            "a%2F..%2Fb%3Fc%3A%C3%BC-value"
        );
    }
}
