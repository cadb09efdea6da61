//! `host:port` in the values of configuration keys: written as such, or inside a URL.

use std::net::IpAddr;

use crate::ip;

/// Ports of URLs that have none.
const DEFAULT_PORTS: [(&str, u16); 8] = [
    ("http", 80),
    ("https", 443),
    ("ws", 80),
    ("wss", 443),
    ("postgresql", 5432),
    ("postgres", 5432),
    ("mysql", 3306),
    ("redis", 6379),
];

/// Parses `host:port`; an IPv6 address is in brackets. The answer has the host in lower case, an address in its usual
/// form, and no dot behind a name. What only looks like an address (`0x7f.1`, `2130706433`, `127.1`) is refused: whom it
/// reaches depends on who reads it.
///
/// # Errors
/// What was found, what is wanted and why.
pub fn host_port(text: &str, default_port: Option<u16>) -> Result<String, String> {
    let text = text.trim();
    let wrong = |why: &str| format!("{text:?} was found, host:port is wanted: {why}");
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest
                .split_once(']')
                .ok_or_else(|| wrong("a bracket is not closed"))?;
            let host: std::net::Ipv6Addr = host
                .parse()
                .map_err(|_| wrong("the brackets hold no IPv6 address"))?;
            let host = match ip::canonical(host.into()) {
                IpAddr::V4(host) => host.to_string(),
                IpAddr::V6(host) => format!("[{host}]"),
            };
            (
                host,
                rest.strip_prefix(':')
                    .or_else(|| (!rest.is_empty()).then_some("?")),
            )
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host.to_ascii_lowercase(), Some(port)),
            None => (text.to_ascii_lowercase(), None),
        },
    };
    let host = host.strip_suffix('.').unwrap_or(&host);
    let is_literal = ip::literal(host).is_some();
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if !is_literal
        && !host
            .split('.')
            .all(|label| !label.is_empty() && label.chars().all(allowed))
    {
        return Err(wrong(
            "the host is no name and no address; names of other scripts are written in ASCII (xn--)",
        ));
    }
    if !is_literal && ends_in_a_number(host) {
        return Err(wrong(
            "the host is an address in a form that is not read alike everywhere; write four decimal numbers",
        ));
    }
    let port = match port.filter(|port| !port.is_empty()) {
        Some(port) => port.parse::<u16>().ok().filter(|port| *port > 0),
        None => default_port,
    };
    let port = port.ok_or_else(|| wrong("the port must be a number from 1 to 65535"))?;
    Ok(format!("{host}:{port}"))
}

/// Whether a name would be read as an address: its last part is a number.
fn ends_in_a_number(host: &str) -> bool {
    let last = host.rsplit('.').next().unwrap_or_default();
    let hexadecimal = last.strip_prefix("0x");
    last.chars().all(|c| c.is_ascii_digit())
        || hexadecimal.is_some_and(|rest| rest.chars().all(|c| c.is_ascii_hexdigit()))
}

/// The `host:port` that a URL reaches; several when its authority lists several. `jdbc:` before it is skipped.
///
/// # Errors
/// Why it is none, without its text.
pub fn of_url(url: &str) -> Result<Vec<String>, String> {
    let url = url.trim();
    let rest = url.strip_prefix("jdbc:").unwrap_or(url);
    // The text of a URL may hold a password: it is not repeated.
    let Some((scheme, rest)) = rest.split_once("://") else {
        return Err("a URL with scheme://host:port is wanted".to_owned());
    };
    let authority = rest.split(['/', '?', '#', ';']).next().unwrap_or_default();
    let hosts = authority
        .rsplit_once('@')
        .map_or(authority, |(_, hosts)| hosts);
    let default = DEFAULT_PORTS
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(scheme))
        .map(|(_, port)| *port);
    hosts
        .split(',')
        .map(|host| host_port(host, default))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hosts_have_ports() {
        assert_eq!(host_port(" DB:5432", None).unwrap(), "db:5432");
        assert_eq!(host_port("[0:0::1]:80", None).unwrap(), "[::1]:80");
        assert_eq!(host_port("db", Some(1)).unwrap(), "db:1");
        for bad in [
            "",
            "db",
            ":1",
            "db:0",
            "db:x",
            "d b:1",
            "a:1:2",
            "[::1",
            "[x]:1",
            "[::1]1",
            "db\r\n:1",
            "a/b:1",
            "a@b:1",
            "a..b:1",
            ".:1",
            "\u{ff11}.1:1",
            "\u{2460}:1",
        ] {
            assert!(host_port(bad, None).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn every_spelling_of_an_address_is_the_usual_one_or_refused() {
        let of = |host: &str| host_port(&format!("{host}:80"), None);
        for (host, usual) in [
            ("127.0.0.1", "127.0.0.1:80"),
            ("127.0.0.1.", "127.0.0.1:80"),
            ("[::ffff:127.0.0.1]", "127.0.0.1:80"),
            ("[::FFFF:7f00:1]", "127.0.0.1:80"),
            ("[64:ff9b::7f00:1]", "127.0.0.1:80"),
            ("Example.COM.", "example.com:80"),
            ("a1", "a1:80"),
            ("1.example", "1.example:80"),
        ] {
            assert_eq!(of(host).unwrap(), usual);
        }
        for host in [
            "2130706433",
            "0x7f000001",
            "0x7f.1",
            "0177.0.0.1",
            "127.1",
            "127.0.1",
            "0x7F.0.0.0x1",
            "1.2.3.4.5",
            "256.0.0.1",
            "127.0.0.1..",
            "%31.1",
            "[::1%lo]",
            "[127.0.0.1]",
            "017700000001",
            "0x",
        ] {
            assert!(of(host).is_err(), "{host}");
        }
    }

    #[test]
    fn urls_reach_hosts() {
        let of = |url| of_url(url).unwrap().join(" ");
        assert_eq!(of("jdbc:postgresql://db/shop?user=a"), "db:5432");
        assert_eq!(of("https://user:p@ss@Example.com/x@y:9"), "example.com:443");
        assert_eq!(of("jdbc:postgresql://a:1,b:2/x"), "a:1 b:2");
        assert_eq!(of("http://[::1]:9200"), "[::1]:9200");
        let error = of_url("thing:canary@x").unwrap_err();
        assert!(!error.contains("canary"));
        assert!(of_url("unknown://host/").is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_an_address_or_an_error(text in "(?s)(jdbc:)?[a-z]{0,3}(://)?.{0,40}") {
            drop(host_port(&text, None));
            drop(of_url(&text));
        }
    }
}
