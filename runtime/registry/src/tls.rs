//! Certificates and keys, from PEM.

use std::io::Read;

use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, parse_pem};

/// The most bytes of a PEM file that is read.
pub(crate) const PEM_BYTES_MAX: u64 = 1024 * 1024;

/// The text of a PEM file, which has at most [`PEM_BYTES_MAX`].
pub(crate) fn read_file(path: &str) -> Result<String, String> {
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(|error| format!("it cannot be read: {error}"))?;
    if !file.metadata().is_ok_and(|metadata| metadata.is_file()) {
        return Err("it is no file".to_owned());
    }
    file.take(PEM_BYTES_MAX)
        .read_to_string(&mut text)
        .map_err(|error| format!("it cannot be read: {error}"))?;
    Ok(text)
}

/// The certificates that servers' certificates must go back to.
pub(crate) fn roots(pem: &str) -> Result<RootCerts, String> {
    let (certificates, _) = items(pem)?;
    if certificates.is_empty() {
        return Err("there is no certificate in it".to_owned());
    }
    Ok(RootCerts::new_with_certs(&certificates))
}

/// The certificate that the client shows, and its key.
pub(crate) fn client(pem: &str) -> Result<ClientCert, String> {
    let (certificates, key) = items(pem)?;
    match key {
        Some(key) if !certificates.is_empty() => Ok(ClientCert::new_with_certs(&certificates, key)),
        _ => Err(
            "a certificate and its private key, PKCS#8 without a password, must both be in it"
                .to_owned(),
        ),
    }
}

type Items = (Vec<Certificate<'static>>, Option<PrivateKey<'static>>);

fn items(pem: &str) -> Result<Items, String> {
    let (mut certificates, mut key) = (Vec::new(), None);
    for item in parse_pem(pem.as_bytes()) {
        match item.map_err(|_| "it is no PEM".to_owned())? {
            PemItem::Certificate(certificate) => certificates.push(certificate),
            PemItem::PrivateKey(private) => key = Some(private),
            _ => {}
        }
    }
    Ok((certificates, key))
}
