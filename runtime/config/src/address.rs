//! `host:port` in the values of configuration keys: written as such, or inside a URL.

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

/// Parses `host:port`; an IPv6 address is in brackets. The answer has the host in lower case.
pub(crate) fn host_port(text: &str, default_port: Option<u16>) -> Result<String, String> {
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
            (
                format!("[{host}]"),
                rest.strip_prefix(':')
                    .or_else(|| (!rest.is_empty()).then_some("?")),
            )
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host.to_ascii_lowercase(), Some(port)),
            None => (text.to_ascii_lowercase(), None),
        },
    };
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '[' | ']' | ':');
    if host.is_empty() || !host.chars().all(allowed) {
        return Err(wrong("the host is no name and no address"));
    }
    let port = match port.filter(|port| !port.is_empty()) {
        Some(port) => port.parse::<u16>().ok().filter(|port| *port > 0),
        None => default_port,
    };
    let port = port.ok_or_else(|| wrong("the port must be a number from 1 to 65535"))?;
    Ok(format!("{host}:{port}"))
}

/// The `host:port` that a URL reaches; several when its authority lists several. `jdbc:` before it is skipped.
pub(crate) fn of_url(url: &str) -> Result<Vec<String>, String> {
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
            "", "db", ":1", "db:0", "db:x", "d b:1", "a:1:2", "[::1", "[x]:1", "[::1]1",
            "db\r\n:1", "a/b:1",
        ] {
            assert!(host_port(bad, None).is_err(), "{bad:?}");
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
