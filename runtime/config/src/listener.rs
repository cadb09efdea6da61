//! Where the REST server listens.

use std::fmt;

use crate::error::ConfigError;

/// A host and a port to listen on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// The host or address; `0.0.0.0` when none was named.
    pub host: String,
    /// The port; 0: any that is free.
    pub port: u16,
    /// Whether it speaks TLS.
    pub secure: bool,
}

impl Listener {
    /// Parses `http://host:port` or `https://host:port`, of `listeners`.
    ///
    /// # Errors
    /// When it is something else.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        Self::parse_as("listeners", text)
    }

    /// The same, of another key.
    pub(crate) fn parse_as(key: &str, text: &str) -> Result<Self, ConfigError> {
        let wrong = |message: &str| ConfigError::value(key, text, message);
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(wrong("a URL such as http://127.0.0.1:8083 is wanted"));
        };
        let secure = scheme.eq_ignore_ascii_case("https");
        if !secure && !scheme.eq_ignore_ascii_case("http") {
            return Err(wrong("the scheme http or https is wanted"));
        }
        let Some((host, port)) = rest.trim_end_matches('/').rsplit_once(':') else {
            return Err(wrong("a port is wanted, such as http://127.0.0.1:8083"));
        };
        let port = port
            .parse()
            .map_err(|_| wrong("the port must be a number from 0 to 65535"))?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host
            .chars()
            .any(|c| c.is_whitespace() || c.is_control() || matches!(c, '/' | '@' | '?' | '#'))
        {
            return Err(wrong("the host is not a name or an address"));
        }
        let host = if host.is_empty() { "0.0.0.0" } else { host };
        Ok(Self {
            host: host.to_owned(),
            port,
            secure,
        })
    }
}

impl From<std::net::SocketAddr> for Listener {
    fn from(address: std::net::SocketAddr) -> Self {
        Self {
            host: address.ip().to_string(),
            port: address.port(),
            secure: false,
        }
    }
}

impl Default for Listener {
    /// Loopback, other than Kafka Connect's default of all interfaces.
    fn default() -> Self {
        Self {
            host: "127.0.0.1".to_owned(),
            port: 8083,
            secure: false,
        }
    }
}

impl fmt::Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_is_an_http_url() {
        assert_eq!(
            Listener::parse("http://:8083").unwrap().to_string(),
            "0.0.0.0:8083"
        );
        assert_eq!(
            Listener::parse("HTTP://localhost:0").unwrap().to_string(),
            "localhost:0"
        );
        assert_eq!(
            Listener::parse("http://[::1]:80").unwrap().to_string(),
            "[::1]:80"
        );
        assert!(Listener::parse("https://:1").unwrap().secure);
        for bad in [
            "",
            "8083",
            "http://localhost",
            "ftp://a:1",
            "http://a:70000",
            "http://a b:1",
        ] {
            assert!(Listener::parse(bad).is_err(), "{bad:?}");
        }
    }
}
