//! Where a client's certificates and keys are.
//!
//! | Kafka's key | its file | librdkafka's |
//! | --- | --- | --- |
//! | `ssl.truststore.location` | PEM | `ssl.ca.location` |
//! | `ssl.keystore.location` | PEM, key and certificates in one | `ssl.key.location`, `ssl.certificate.location` |
//! | `ssl.keystore.location` | PKCS#12 | `ssl.keystore.location` |
//!
//! What a file is, is seen in it: Java's default type is JKS, and what its tools write under that name is mostly
//! PKCS#12. What cannot be read is refused with the command that converts it.

use std::fs::File;
use std::io::Read;

use crate::BrokerError;

/// How much of a file is looked at to see what it is. Before the first certificate of a PEM file may stand a text.
const LOOK_BYTES_MAX: u64 = 64 * 1024;
/// What a JKS file begins with.
const JKS_MAGIC: [u8; 4] = [0xfe, 0xed, 0xfe, 0xed];
/// The commands that convert a store of trusted certificates, and one with a key.
const CONVERT_TRUSTED: &str = "only PEM is read for trusted certificates. Convert the store with `keytool -list -rfc \
    -keystore STORE > ca.pem`, then set ssl.truststore.type=PEM and ssl.truststore.location to that file";
const CONVERT_KEY: &str = "JKS cannot be read. Convert the store with `keytool -importkeystore -srckeystore STORE \
    -destkeystore client.p12 -deststoretype PKCS12`, then set ssl.keystore.type=PKCS12 and ssl.keystore.location to \
    that file";

/// What a file is.
#[derive(Debug, PartialEq, Eq)]
enum Store {
    Pem,
    Jks,
    /// PKCS#12, or what librdkafka will complain about.
    Other,
}

/// The setting for a file of trusted certificates.
///
/// # Errors
/// When it is not PEM, or cannot be read.
pub fn trusted(location: &str) -> Result<Vec<(&'static str, String)>, BrokerError> {
    let key = "ssl.truststore.location";
    match look(key, location)? {
        Store::Pem => Ok(vec![("ssl.ca.location", location.to_owned())]),
        Store::Jks | Store::Other => Err(refused(key, CONVERT_TRUSTED)),
    }
}

/// The settings for a file with the client's own key and certificates.
///
/// # Errors
/// When it is JKS, or cannot be read.
pub fn own(location: &str) -> Result<Vec<(&'static str, String)>, BrokerError> {
    let key = "ssl.keystore.location";
    match look(key, location)? {
        Store::Pem => Ok(vec![
            ("ssl.certificate.location", location.to_owned()),
            ("ssl.key.location", location.to_owned()),
        ]),
        Store::Jks => Err(refused(key, CONVERT_KEY)),
        Store::Other => Ok(vec![("ssl.keystore.location", location.to_owned())]),
    }
}

fn look(key: &str, location: &str) -> Result<Store, BrokerError> {
    let mut start = Vec::new();
    let read =
        File::open(location).and_then(|file| file.take(LOOK_BYTES_MAX).read_to_end(&mut start));
    if let Err(error) = read {
        return Err(refused(key, &format!("the file cannot be read: {error}")));
    }
    let pem = b"-----BEGIN ";
    Ok(if start.starts_with(&JKS_MAGIC) {
        Store::Jks
    } else if start.windows(pem.len()).any(|window| window == pem) {
        Store::Pem
    } else {
        Store::Other
    })
}

fn refused(key: &str, reason: &str) -> BrokerError {
    BrokerError::Setting {
        key: key.to_owned(),
        reason: reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_store_is_is_seen_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, content: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, content).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let pem = file("a.crt", b"Alias name: a\n-----BEGIN CERTIFICATE-----\n");
        let jks = file("b.pem", &[0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2]);
        let pkcs12 = file("c.jks", &[0x30, 0x82, 0x0a]);
        assert_eq!(trusted(&pem).unwrap(), [("ssl.ca.location", pem.clone())]);
        assert_eq!(own(&pem).unwrap()[1], ("ssl.key.location", pem.clone()));
        assert_eq!(
            own(&pkcs12).unwrap(),
            [("ssl.keystore.location", pkcs12.clone())]
        );
        for refused in [trusted(&jks), trusted(&pkcs12), own(&jks)] {
            assert!(refused.unwrap_err().to_string().contains("keytool"));
        }
        let missing = trusted("no/such/file").unwrap_err().to_string();
        assert!(missing.contains("ssl.truststore.location"), "{missing}");
    }
}
