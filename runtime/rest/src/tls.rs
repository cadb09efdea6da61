//! TLS of the server, by OpenSSL, which the program has already for Kafka.
//!
//! What a store is, is seen in it: PEM, or PKCS#12. JKS cannot be read.

use std::path::Path;

use openssl::error::ErrorStack;
use openssl::nid::Nid;
use openssl::pkcs12::Pkcs12;
use openssl::pkey::{PKey, Private};
use openssl::ssl::{SslAcceptor, SslMethod, SslVerifyMode, SslVersion};
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::{X509, X509NameRef, X509Ref};
use tidegate_config::ConfigError;
use tidegate_config::tls::{ClientAuth, Password, Store, TlsConfig, TlsVersion};

use crate::error::RestError;

/// What a JKS file begins with.
const JKS_MAGIC: [u8; 4] = [0xfe, 0xed, 0xfe, 0xed];
/// How PEM begins.
const PEM_MARK: &[u8] = b"-----BEGIN";

/// Certificates, and perhaps a key.
struct Opened {
    key: Option<PKey<Private>>,
    certificates: Vec<X509>,
}

/// What takes connections.
pub(crate) fn acceptor(config: &TlsConfig) -> Result<SslAcceptor, RestError> {
    let key_password = config.key_password.as_ref();
    let own = open(&config.keystore, key_password)?;
    let trusted = match &config.truststore {
        Some(store) if config.client_auth != ClientAuth::None => {
            Some((store, open(store, None)?.certificates))
        }
        _ => None,
    };
    let Some((private_key, (leaf, chain))) = own.key.zip(own.certificates.split_first()) else {
        let message = "a certificate and its private key are wanted";
        return Err(wrong(name(&config.keystore), message));
    };
    let refused = |error: ErrorStack| wrong(name(&config.keystore), &reason(&error));
    let mut builder =
        SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).map_err(refused)?;
    builder.set_certificate(leaf).map_err(refused)?;
    builder.set_private_key(&private_key).map_err(refused)?;
    for certificate in chain {
        let certificate = certificate.clone();
        builder.add_extra_chain_cert(certificate).map_err(refused)?;
    }
    builder.check_private_key().map_err(refused)?;
    let version = |version: Option<&TlsVersion>| match version {
        Some(TlsVersion::V13) => SslVersion::TLS1_3,
        _ => SslVersion::TLS1_2,
    };
    let (first, last) = (config.versions.first(), config.versions.last());
    builder
        .set_min_proto_version(Some(version(first)))
        .and_then(|()| builder.set_max_proto_version(Some(version(last))))
        .map_err(refused)?;
    set_suites(&mut builder, &config.cipher_suites)?;
    if let Some((store, certificates)) = trusted {
        if certificates.is_empty() {
            return Err(wrong(name(store), "a certificate is wanted"));
        }
        let refused = |error: ErrorStack| wrong(name(store), &reason(&error));
        let mut known = X509StoreBuilder::new().map_err(refused)?;
        for certificate in certificates {
            builder.add_client_ca(&certificate).map_err(refused)?;
            known.add_cert(certificate).map_err(refused)?;
        }
        builder
            .set_verify_cert_store(known.build())
            .map_err(refused)?;
        let mut verify = SslVerifyMode::PEER;
        if config.client_auth == ClientAuth::Required {
            verify |= SslVerifyMode::FAIL_IF_NO_PEER_CERT;
        }
        builder.set_verify(verify);
        builder
            .set_session_id_context(b"tidegate")
            .map_err(refused)?;
    }
    Ok(builder.build())
}

/// Suites of TLS 1.3 by their names, which are Java's too; of TLS 1.2 by OpenSSL's names.
fn set_suites(
    builder: &mut openssl::ssl::SslAcceptorBuilder,
    suites: &[String],
) -> Result<(), RestError> {
    let (new, old): (Vec<_>, Vec<_>) = suites
        .iter()
        .map(String::as_str)
        .partition(|suite| suite.starts_with("TLS_") && !suite.contains("_WITH_"));
    let key = "ssl.cipher.suites";
    let refused = |_| wrong(key, "OpenSSL's names of cipher suites are wanted");
    if !new.is_empty() {
        builder.set_ciphersuites(&new.join(":")).map_err(refused)?;
    }
    if !old.is_empty() {
        builder.set_cipher_list(&old.join(":")).map_err(refused)?;
    }
    Ok(())
}

fn open(store: &Store, key_password: Option<&Password>) -> Result<Opened, RestError> {
    let pass = |password: Option<&Password>| {
        password
            .map_or("", |password| password.0.as_str())
            .to_owned()
    };
    match store {
        Store::Text {
            key,
            certificates,
            private_key,
        } => {
            let refused = |error: ErrorStack| wrong(key, &reason(&error));
            let unlocked = private_key
                .as_ref()
                .map(|text| unlocked(text.0.as_bytes(), &pass(key_password)).map_err(refused));
            Ok(Opened {
                key: unlocked.transpose()?,
                certificates: X509::stack_from_pem(certificates.as_bytes()).map_err(refused)?,
            })
        }
        Store::File {
            key,
            path,
            password,
        } => {
            let bytes = read(key, path)?;
            let refused =
                |error: ErrorStack| wrong(key, &format!("{}: {}", path.display(), reason(&error)));
            if bytes.starts_with(&JKS_MAGIC) {
                let message = "JKS cannot be read. Convert the store with `keytool -importkeystore -srckeystore STORE \
                               -destkeystore STORE.p12 -deststoretype PKCS12`";
                return Err(wrong(key, message));
            }
            if !bytes.windows(PEM_MARK.len()).any(|at| at == PEM_MARK) {
                let opened = Pkcs12::from_der(&bytes)
                    .and_then(|opened| opened.parse2(&pass(password.as_ref())))
                    .map_err(refused)?;
                let others = opened.ca.into_iter().flatten();
                return Ok(Opened {
                    key: opened.pkey,
                    certificates: opened.cert.into_iter().chain(others).collect(),
                });
            }
            let has_key = bytes
                .windows(b"PRIVATE KEY-----".len())
                .any(|at| at == b"PRIVATE KEY-----");
            // In PEM the key's password opens the key; Kafka takes the store's where only that is given.
            let password = pass(key_password.or(password.as_ref()));
            let private_key = has_key.then(|| unlocked(&bytes, &password).map_err(refused));
            Ok(Opened {
                key: private_key.transpose()?,
                certificates: X509::stack_from_pem(&bytes).map_err(refused)?,
            })
        }
    }
}

/// A private key. Without a password for one that has it, OpenSSL would ask on the terminal.
fn unlocked(pem: &[u8], password: &str) -> Result<PKey<Private>, ErrorStack> {
    PKey::private_key_from_pem_passphrase(pem, password.as_bytes())
}

fn read(key: &str, path: &Path) -> Result<Vec<u8>, RestError> {
    std::fs::read(path)
        .map_err(|error| wrong(key, &format!("{} cannot be read: {error}", path.display())))
}

fn name(store: &Store) -> &str {
    match store {
        Store::File { key, .. } | Store::Text { key, .. } => key,
    }
}

/// OpenSSL's reasons, without its places in C.
fn reason(error: &ErrorStack) -> String {
    let reasons: Vec<_> = error
        .errors()
        .iter()
        .filter_map(|error| error.reason())
        .collect();
    match reasons.is_empty() {
        true => "OpenSSL cannot read it".to_owned(),
        false => format!("OpenSSL says: {}", reasons.join("; ")),
    }
}

fn wrong(key: &str, message: &str) -> RestError {
    RestError::Config(ConfigError::Key {
        key: key.to_owned(),
        message: format!("{key}: {message}"),
    })
}

/// The subject of a certificate, as RFC 2253 writes it: the last part first.
pub(crate) fn subject(certificate: &X509Ref) -> String {
    distinguished(certificate.subject_name())
}

fn distinguished(name: &X509NameRef) -> String {
    let mut parts: Vec<String> = name
        .entries()
        .map(|entry| {
            let kind = entry.object().nid();
            let kind = match kind.short_name() {
                Ok(name) if kind != Nid::UNDEF => name.to_owned(),
                _ => entry.object().to_string(),
            };
            let value = entry.data().to_string();
            let value = value.map_or_else(|_| String::new(), |value| value.to_string());
            format!("{kind}={}", escaped(&value))
        })
        .collect();
    parts.reverse();
    parts.join(",")
}

fn escaped(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let last = value.chars().count().saturating_sub(1);
    for (at, c) in value.chars().enumerate() {
        let at_an_end = (at == 0 && matches!(c, ' ' | '#')) || (at == last && c == ' ');
        if at_an_end || matches!(c, ',' | '+' | '"' | '\\' | '<' | '>' | ';') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_are_written_as_rfc_2253_wants_them() {
        let mut name = openssl::x509::X509Name::builder().unwrap();
        for (kind, value) in [("C", "DE"), ("O", "Acme, Inc."), ("CN", "#ops ")] {
            name.append_entry_by_text(kind, value).unwrap();
        }
        let name = name.build();
        assert_eq!(distinguished(&name), "CN=\\#ops\\ ,O=Acme\\, Inc.,C=DE");
    }
}
