//! TLS of the REST server, by Kafka Connect's keys: `listeners.https.ssl.…`, or `ssl.…` where none of those is set.

use std::fmt;
use std::path::PathBuf;

use crate::Properties;
use crate::definition::list;
use crate::error::ConfigError;

/// What the keys of the HTTPS listeners begin with.
pub(crate) const PREFIX: &str = "listeners.https.";

/// Whether clients show a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ClientAuth {
    /// They are not asked.
    #[default]
    None,
    /// They are asked, and may have none.
    Requested,
    /// Those without one that the truststore knows are refused.
    Required,
}

/// A version of TLS that is offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// TLSv1.2.
    V12,
    /// TLSv1.3.
    V13,
}

/// A password, which is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(pub String);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hidden]")
    }
}

/// Certificates, and for the server its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Store {
    /// A file: PEM or PKCS#12, as is seen in it.
    File {
        /// The key that names it.
        key: String,
        /// The file.
        path: PathBuf,
        /// What opens it.
        password: Option<Password>,
    },
    /// PEM texts in the configuration.
    Text {
        /// The key that has the certificates.
        key: String,
        /// The certificates.
        certificates: String,
        /// The private key, of the server's own.
        private_key: Option<Password>,
    },
}

/// TLS of the REST server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsConfig {
    /// The server's certificate and key.
    pub keystore: Store,
    /// What opens the private key.
    pub key_password: Option<Password>,
    /// Who signs the certificates of clients.
    pub truststore: Option<Store>,
    /// Whether clients show a certificate.
    pub client_auth: ClientAuth,
    /// The versions that are offered, ascending.
    pub versions: Vec<TlsVersion>,
    /// The cipher suites of TLS 1.2 by OpenSSL's or Java's names; empty: the modern ones.
    pub cipher_suites: Vec<String>,
}

impl TlsConfig {
    /// Takes the keys of HTTPS listeners.
    ///
    /// # Errors
    /// When the server's certificate is not named, or a value cannot work.
    pub fn of(keys: &Properties) -> Result<Self, ConfigError> {
        let prefix = match keys.keys().any(|key| key.starts_with(PREFIX)) {
            true => PREFIX,
            false => "",
        };
        let keys = Prefixed { keys, prefix };
        let client_auth = match keys.text("ssl.client.auth").unwrap_or("none") {
            word if word.eq_ignore_ascii_case("none") => ClientAuth::None,
            word if word.eq_ignore_ascii_case("requested") => ClientAuth::Requested,
            word if word.eq_ignore_ascii_case("required") => ClientAuth::Required,
            word => {
                let message = "String must be one of: required, requested, none";
                return Err(ConfigError::value(
                    &keys.name("ssl.client.auth"),
                    word,
                    message,
                ));
            }
        };
        let Some(keystore) = keys.keystore()? else {
            let key = keys.name("ssl.keystore.location");
            let message = format!(
                "{key}: it is missing; https needs a file with the server's certificate and key, PEM or PKCS#12"
            );
            return Err(ConfigError::Key { key, message });
        };
        let truststore = keys.truststore()?;
        if client_auth != ClientAuth::None && truststore.is_none() {
            let key = keys.name("ssl.truststore.location");
            let message = format!(
                "{key}: it is missing; ssl.client.auth needs the certificates of who signs those of clients"
            );
            return Err(ConfigError::Key { key, message });
        }
        Ok(Self {
            keystore,
            key_password: keys.password("ssl.key.password"),
            truststore,
            client_auth,
            versions: keys.versions()?,
            cipher_suites: list(keys.text("ssl.cipher.suites").unwrap_or_default()),
        })
    }
}

/// The keys of one prefix.
struct Prefixed<'a> {
    keys: &'a Properties,
    prefix: &'a str,
}

impl Prefixed<'_> {
    fn name(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }

    fn text(&self, key: &str) -> Option<&str> {
        let value = self.keys.get(&self.name(key))?.trim();
        (!value.is_empty()).then_some(value)
    }

    fn password(&self, key: &str) -> Option<Password> {
        self.text(key).map(|text| Password(text.to_owned()))
    }

    fn keystore(&self) -> Result<Option<Store>, ConfigError> {
        let key = "ssl.keystore.certificate.chain";
        let Some(certificates) = self.text(key) else {
            return self.file("ssl.keystore");
        };
        let Some(private_key) = self.password("ssl.keystore.key") else {
            let key = self.name("ssl.keystore.key");
            let message = format!("{key}: it is missing; ssl.keystore.certificate.chain needs it");
            return Err(ConfigError::Key { key, message });
        };
        Ok(Some(Store::Text {
            key: self.name(key),
            certificates: certificates.to_owned(),
            private_key: Some(private_key),
        }))
    }

    fn truststore(&self) -> Result<Option<Store>, ConfigError> {
        let key = "ssl.truststore.certificates";
        match self.text(key) {
            None => self.file("ssl.truststore"),
            Some(certificates) => Ok(Some(Store::Text {
                key: self.name(key),
                certificates: certificates.to_owned(),
                private_key: None,
            })),
        }
    }

    fn file(&self, store: &str) -> Result<Option<Store>, ConfigError> {
        let type_key = format!("{store}.type");
        if let Some(word) = self.text(&type_key)
            && !["PEM", "PKCS12", "JKS"]
                .iter()
                .any(|known| known.eq_ignore_ascii_case(word))
        {
            let message = "PEM or PKCS12 is wanted";
            return Err(ConfigError::value(&self.name(&type_key), word, message));
        }
        let key = format!("{store}.location");
        Ok(self.text(&key).map(|path| Store::File {
            key: self.name(&key),
            path: path.into(),
            password: self.password(&format!("{store}.password")),
        }))
    }

    fn versions(&self) -> Result<Vec<TlsVersion>, ConfigError> {
        let key = "ssl.enabled.protocols";
        let words = list(self.text(key).unwrap_or("TLSv1.2,TLSv1.3"));
        let mut versions = Vec::new();
        for word in &words {
            match word.as_str() {
                "TLSv1.2" => versions.push(TlsVersion::V12),
                "TLSv1.3" => versions.push(TlsVersion::V13),
                other => {
                    let message = "TLSv1.2 and TLSv1.3 are offered";
                    return Err(ConfigError::value(&self.name(key), other, message));
                }
            }
        }
        versions.sort();
        versions.dedup();
        Ok(versions)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(pairs: &[(&str, &str)]) -> Properties {
        let pair = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn keys_of_the_listeners_take_the_place_of_all_others() {
        let plain = [
            ("ssl.keystore.location", "client.pem"),
            ("ssl.client.auth", "required"),
            ("ssl.truststore.location", "ca.pem"),
        ];
        let config = TlsConfig::of(&keys(&plain)).unwrap();
        assert_eq!(config.client_auth, ClientAuth::Required);
        assert_eq!(config.versions, [TlsVersion::V12, TlsVersion::V13]);

        let mut both = plain.to_vec();
        both.push(("listeners.https.ssl.keystore.location", "server.pem"));
        both.push(("listeners.https.ssl.keystore.password", "canary"));
        let config = TlsConfig::of(&keys(&both)).unwrap();
        assert_eq!(config.client_auth, ClientAuth::None);
        assert!(config.truststore.is_none());
        let shown = format!("{config:?}");
        assert!(shown.contains("server.pem") && !shown.contains("canary"));
    }

    #[test]
    fn what_cannot_work_is_refused_by_its_key() {
        for (pairs, wanted) in [
            (&[][..], "ssl.keystore.location: it is missing"),
            (
                &[("listeners.https.ssl.client.auth", "none")],
                "listeners.https.ssl.keystore.location: it is missing",
            ),
            (
                &[("ssl.client.auth", "maybe")],
                "Invalid value maybe for configuration ssl.client.auth: String must be one of",
            ),
            (
                &[
                    ("ssl.client.auth", "required"),
                    ("ssl.keystore.location", "a"),
                ],
                "ssl.truststore.location: it is missing",
            ),
            (
                &[
                    ("ssl.enabled.protocols", "TLSv1.1"),
                    ("ssl.keystore.location", "a"),
                ],
                "TLSv1.2 and TLSv1.3 are offered",
            ),
            (
                &[("ssl.keystore.certificate.chain", "a")],
                "ssl.keystore.key: it is missing",
            ),
            (
                &[
                    ("ssl.keystore.type", "BCFKS"),
                    ("ssl.keystore.location", "a"),
                ],
                "PEM or PKCS12 is wanted",
            ),
        ] {
            let error = TlsConfig::of(&keys(pairs)).unwrap_err().to_string();
            assert!(error.contains(wanted), "{pairs:?}: {error}");
        }
    }
}
