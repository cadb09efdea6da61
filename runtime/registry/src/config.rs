//! Where the registry is and how to authenticate, from Confluent's configuration keys.
//!
//! Each key of the client but `schema.registry.url` may have the prefix `schema.registry.`, which counts more.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ureq::tls::{RootCerts, TlsConfig, TlsProvider};

use crate::tls;
use crate::url::BaseUrl;

/// The addresses, separated by commas.
pub const URL: &str = "schema.registry.url";
/// Whether the first address to be tried is any of them.
pub const URL_RANDOMIZE: &str = "schema.registry.url.randomize";
/// Where user and password come from.
pub const BASIC_AUTH_SOURCE: &str = "basic.auth.credentials.source";
/// User and password.
pub const USER_INFO: &str = "basic.auth.user.info";
/// Where the token comes from.
pub const BEARER_AUTH_SOURCE: &str = "bearer.auth.credentials.source";
/// The token.
pub const BEARER_TOKEN: &str = "bearer.auth.token";
/// How long connecting may take.
pub const CONNECT_TIMEOUT_MS: &str = "http.connect.timeout.ms";
/// How long an answer may take.
pub const READ_TIMEOUT_MS: &str = "http.read.timeout.ms";
/// How often a request is tried again.
pub const MAX_RETRIES: &str = "max.retries";
/// How long to wait before the first time; each further wait is twice as long.
pub const RETRIES_WAIT_MS: &str = "retries.wait.ms";
/// The longest wait.
pub const RETRIES_MAX_WAIT_MS: &str = "retries.max.wait.ms";
/// For how long the latest schema of a subject is taken to be the latest; -1: for ever.
pub const LATEST_CACHE_TTL: &str = "latest.cache.ttl.sec";
/// A PEM file with the certificates that the servers' go back to.
pub const TRUSTSTORE: &str = "ssl.truststore.location";
/// A PEM file with the client's certificate and key.
pub const KEYSTORE: &str = "ssl.keystore.location";

/// The prefix that the client's keys may have.
const PREFIX: &str = "schema.registry.";
/// The most addresses.
const URLS: usize = 32;

/// A setting that cannot work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {problem}")]
pub struct Setting {
    /// Its key.
    pub key: &'static str,
    /// What is wrong and what is wanted; never a secret.
    pub problem: String,
}

/// Where the registry is and how to authenticate.
#[derive(Clone)]
pub struct RegistryConfig {
    pub(crate) urls: Vec<BaseUrl>,
    pub(crate) randomize: bool,
    /// The Authorization header for all addresses; `None`: what stands in the address, if anything.
    pub(crate) authorization: Option<String>,
    pub(crate) connect_timeout: Duration,
    pub(crate) read_timeout: Duration,
    pub(crate) retries: u32,
    pub(crate) retry_wait: Duration,
    pub(crate) retry_wait_max: Duration,
    pub(crate) latest_for: Option<Duration>,
    pub(crate) tls: TlsConfig,
}

impl fmt::Debug for RegistryConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistryConfig")
            .field("urls", &self.urls)
            .finish_non_exhaustive()
    }
}

impl RegistryConfig {
    /// Reads the configuration. Files of certificates are read, and nothing is connected to.
    ///
    /// # Errors
    /// When a setting is missing, not allowed, or not supported.
    pub fn parse(config: &BTreeMap<String, String>) -> Result<Self, Setting> {
        let keys = Keys(config);
        let urls = keys.urls()?;
        keys.refuse_unsupported()?;
        Ok(Self {
            authorization: keys.authorization()?,
            urls,
            randomize: keys.boolean(URL_RANDOMIZE)?,
            connect_timeout: keys.milliseconds(CONNECT_TIMEOUT_MS, 60_000)?,
            read_timeout: keys.milliseconds(READ_TIMEOUT_MS, 60_000)?,
            retries: keys.number(MAX_RETRIES, 3)?,
            retry_wait: keys.milliseconds(RETRIES_WAIT_MS, 1_000)?,
            retry_wait_max: keys.milliseconds(RETRIES_MAX_WAIT_MS, 20_000)?,
            latest_for: keys.latest_for()?,
            tls: keys.tls()?,
        })
    }
}

struct Keys<'a>(&'a BTreeMap<String, String>);

impl<'a> Keys<'a> {
    /// The value of a key of the client; `None` when it is absent or empty.
    fn text(&self, key: &str) -> Option<&'a str> {
        let prefixed = self.0.get(&format!("{PREFIX}{key}"));
        prefixed
            .or_else(|| self.0.get(key))
            .map(|value| value.trim())
            .filter(|value| !value.is_empty())
    }

    fn urls(&self) -> Result<Vec<BaseUrl>, Setting> {
        let Some(text) = self.0.get(URL).filter(|text| !text.trim().is_empty()) else {
            return Err(Setting {
                key: URL,
                problem: format!(
                    "Missing required configuration \"{URL}\" which has no default value."
                ),
            });
        };
        let urls: Option<Vec<_>> = text
            .split(',')
            .filter(|url| !url.trim().is_empty())
            .map(BaseUrl::parse)
            .collect();
        match urls {
            Some(urls) if (1..=URLS).contains(&urls.len()) => Ok(urls),
            // A URL may hold a password: it is not shown.
            _ => Err(Setting {
                key: URL,
                problem: format!(
                    "the value is no list of up to {URLS} addresses, such as http://host:8081, separated by commas"
                ),
            }),
        }
    }

    /// What would be missed is refused rather than passed over.
    fn refuse_unsupported(&self) -> Result<(), Setting> {
        let refused = |key, problem: &str| {
            Err(Setting {
                key,
                problem: problem.to_owned(),
            })
        };
        if self.text("proxy.host").is_some() {
            return refused(
                "proxy.host",
                "proxies are not supported; the registry is connected to directly",
            );
        }
        let algorithm = "ssl.endpoint.identification.algorithm";
        let verified = self
            .0
            .get(&format!("{PREFIX}{algorithm}"))
            .or_else(|| self.0.get(algorithm));
        if verified.is_some_and(|value| !value.trim().eq_ignore_ascii_case("https")) {
            return refused(
                algorithm,
                "the server's name is always checked; leave this key out",
            );
        }
        for (store, kind) in [
            (TRUSTSTORE, "ssl.truststore.type"),
            (KEYSTORE, "ssl.keystore.type"),
        ] {
            let other = self
                .text(kind)
                .is_some_and(|kind| !kind.eq_ignore_ascii_case("PEM"));
            if self.text(store).is_some() && other {
                return refused(
                    kind,
                    "PEM is supported. `keytool -exportcert -rfc -keystore STORE -alias ALIAS` prints a certificate of a \
                     store as PEM, `openssl pkcs12 -in STORE.p12 -nodes` certificates and keys",
                );
            }
        }
        Ok(())
    }

    fn authorization(&self) -> Result<Option<String>, Setting> {
        let user_info = self.text(USER_INFO);
        let basic = self
            .text(BASIC_AUTH_SOURCE)
            .unwrap_or("URL")
            .to_ascii_uppercase();
        let bearer = self.text(BEARER_TOKEN);
        if let Some(source) = self.text(BEARER_AUTH_SOURCE)
            && !source.eq_ignore_ascii_case("STATIC_TOKEN")
        {
            return Err(Setting {
                key: BEARER_AUTH_SOURCE,
                problem: format!(
                    "{source:?} is not supported, which would fetch tokens elsewhere; allowed: STATIC_TOKEN, with {BEARER_TOKEN}"
                ),
            });
        }
        match (basic.as_str(), user_info, bearer) {
            ("URL", _, None) => Ok(None),
            ("URL", _, Some(token)) => header(BEARER_TOKEN, format!("Bearer {token}")).map(Some),
            ("USER_INFO", Some(user_info), None) if user_info.contains(':') => {
                Ok(Some(basic_header(user_info)))
            }
            ("USER_INFO", None, _) => Err(Setting {
                key: USER_INFO,
                problem: format!("{USER_INFO} must be given as user:password when {BASIC_AUTH_SOURCE} is USER_INFO"),
            }),
            ("USER_INFO", Some(_), None) => Err(Setting {
                key: USER_INFO,
                problem: "the value, which is not shown, has no colon; user:password is wanted".to_owned(),
            }),
            ("USER_INFO", Some(_), Some(_)) => Err(Setting {
                key: BEARER_TOKEN,
                problem: format!("a token and {USER_INFO} are both given; leave one out"),
            }),
            ("SASL_INHERIT", ..) => Err(Setting {
                key: BASIC_AUTH_SOURCE,
                problem: "SASL_INHERIT is not supported: a converter does not see the worker's credentials for Kafka, \
                          and should not hand them to another server. Use USER_INFO with basic.auth.user.info"
                    .to_owned(),
            }),
            (other, ..) => Err(Setting {
                key: BASIC_AUTH_SOURCE,
                problem: format!("{other:?} is not known; allowed: URL, USER_INFO"),
            }),
        }
    }

    fn tls(&self) -> Result<TlsConfig, Setting> {
        let of = |key: &'static str, inline: &'static str| match (self.text(inline), self.text(key))
        {
            (Some(pem), _) => Ok(Some((inline, pem.to_owned()))),
            (None, Some(path)) => {
                tls::read_file(path)
                    .map(|pem| Some((key, pem)))
                    .map_err(|problem| Setting {
                        key,
                        problem: format!("{path:?} is wanted as a PEM file, and {problem}"),
                    })
            }
            (None, None) => Ok(None),
        };
        let wrong = |key: &'static str| {
            move |problem: String| Setting {
                key,
                problem: format!("the PEM that it names cannot be used: {problem}"),
            }
        };
        let roots = match of(TRUSTSTORE, "ssl.truststore.certificates")? {
            Some((key, pem)) => tls::roots(&pem).map_err(wrong(key))?,
            None => RootCerts::PlatformVerifier,
        };
        let client = match of(KEYSTORE, "ssl.keystore.certificate.chain")? {
            Some((key, mut pem)) => {
                if let Some(more) = self.text("ssl.keystore.key") {
                    pem.push('\n');
                    pem.push_str(more);
                }
                Some(tls::client(&pem).map_err(wrong(key))?)
            }
            None => None,
        };
        Ok(TlsConfig::builder()
            .provider(TlsProvider::NativeTls)
            .root_certs(roots)
            .client_cert(client)
            .build())
    }

    fn latest_for(&self) -> Result<Option<Duration>, Setting> {
        match self.text(LATEST_CACHE_TTL) {
            None | Some("-1") => Ok(None),
            Some(_) => self
                .number(LATEST_CACHE_TTL, 0)
                .map(|seconds| Some(Duration::from_secs(seconds.into()))),
        }
    }

    fn boolean(&self, key: &'static str) -> Result<bool, Setting> {
        match self
            .0
            .get(key)
            .map(|value| value.trim().to_ascii_lowercase())
            .as_deref()
        {
            None | Some("" | "false") => Ok(false),
            Some("true") => Ok(true),
            Some(other) => Err(Setting {
                key,
                problem: format!("{other:?} was found; allowed: true or false"),
            }),
        }
    }

    fn milliseconds(&self, key: &'static str, default: u32) -> Result<Duration, Setting> {
        self.number(key, default)
            .map(|ms| Duration::from_millis(ms.into()))
    }

    fn number(&self, key: &'static str, default: u32) -> Result<u32, Setting> {
        let Some(text) = self.text(key) else {
            return Ok(default);
        };
        text.parse::<u32>()
            .ok()
            .filter(|number| i32::try_from(*number).is_ok())
            .ok_or_else(|| Setting {
                key,
                problem: format!(
                    "{text:?} was found; allowed: a whole number from 0 to 2147483647"
                ),
            })
    }
}

/// The Authorization header of user and password.
pub(crate) fn basic_header(user_info: &str) -> String {
    format!("Basic {}", STANDARD.encode(user_info))
}

fn header(key: &'static str, value: String) -> Result<String, Setting> {
    if value.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        Ok(value)
    } else {
        Err(Setting {
            key,
            problem: "the value, which is not shown, has characters that a header cannot have"
                .to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(settings: &[(&str, &str)]) -> Result<RegistryConfig, Setting> {
        let mut config: BTreeMap<_, _> = settings
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        config
            .entry(URL.to_owned())
            .or_insert_with(|| "http://a:1, http://b:2".to_owned());
        RegistryConfig::parse(&config)
    }

    #[test]
    fn addresses_are_a_list() {
        assert_eq!(parse(&[]).unwrap().urls.len(), 2);
        let error = parse(&[(URL, "http://u:canary@")]).unwrap_err();
        assert!(!error.to_string().contains("canary"), "{error}");
        assert_eq!(parse(&[(URL, " ")]).unwrap_err().key, URL);
    }

    #[test]
    fn credentials_come_from_where_the_source_says() {
        let of = |settings| parse(settings).unwrap().authorization;
        assert_eq!(of(&[]), None);
        let user_info = &[(BASIC_AUTH_SOURCE, "USER_INFO"), (USER_INFO, "u:p")];
        assert_eq!(of(user_info).as_deref(), Some("Basic dTpw"));
        let prefixed = &[
            ("schema.registry.basic.auth.credentials.source", "user_info"),
            ("schema.registry.basic.auth.user.info", "u:p"),
        ];
        assert_eq!(of(prefixed).as_deref(), Some("Basic dTpw"));
        assert_eq!(of(&[(BEARER_TOKEN, "t")]).as_deref(), Some("Bearer t"));
    }

    #[test]
    fn what_cannot_work_is_refused_without_secrets() {
        let cases: &[(&[(&str, &str)], &str)] = &[
            (&[(BASIC_AUTH_SOURCE, "SASL_INHERIT")], BASIC_AUTH_SOURCE),
            (&[(BASIC_AUTH_SOURCE, "X")], BASIC_AUTH_SOURCE),
            (&[(BASIC_AUTH_SOURCE, "USER_INFO")], USER_INFO),
            (
                &[(BASIC_AUTH_SOURCE, "USER_INFO"), (USER_INFO, "canary")],
                USER_INFO,
            ),
            (&[(BEARER_TOKEN, "canary\n")], ""),
            (&[(BEARER_TOKEN, "can\nary")], BEARER_TOKEN),
            (&[(BEARER_AUTH_SOURCE, "OAUTHBEARER")], BEARER_AUTH_SOURCE),
            (&[("proxy.host", "p")], "proxy.host"),
            (&[(TRUSTSTORE, "/nowhere/a.pem")], TRUSTSTORE),
            (
                &[
                    (TRUSTSTORE, "/nowhere/a.jks"),
                    ("ssl.truststore.type", "JKS"),
                ],
                "ssl.truststore.type",
            ),
            (
                &[("ssl.truststore.certificates", "canary")],
                "ssl.truststore.certificates",
            ),
            (
                &[("ssl.endpoint.identification.algorithm", "")],
                "ssl.endpoint.identification.algorithm",
            ),
            (&[(MAX_RETRIES, "-1")], MAX_RETRIES),
        ];
        for (settings, key) in cases {
            match parse(settings) {
                Ok(_) => assert_eq!(*key, "", "{settings:?}"),
                Err(error) => {
                    assert_eq!(error.key, *key);
                    assert!(!error.to_string().contains("canary"), "{error}");
                }
            }
        }
    }
}
