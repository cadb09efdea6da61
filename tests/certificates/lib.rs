//! Certificates for the tests, made anew each time and good for two days.

#![allow(clippy::unwrap_used)] // For tests only.

use openssl::asn1::Asn1Time;
use openssl::bn::{BigNum, MsbOption};
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::{X509, X509Name};

/// A certificate with its key.
pub struct Signed {
    /// The certificate.
    pub certificate: X509,
    /// Its key.
    pub key: PKey<Private>,
}

impl Signed {
    /// The certificate as PEM.
    pub fn certificate_pem(&self) -> Vec<u8> {
        self.certificate.to_pem().unwrap()
    }

    /// The key as PEM, not encrypted.
    pub fn key_pem(&self) -> Vec<u8> {
        self.key.private_key_to_pem_pkcs8().unwrap()
    }

    /// Both as one text of PEM.
    pub fn pem(&self) -> Vec<u8> {
        [self.certificate_pem(), self.key_pem()].concat()
    }
}

/// One that may sign others, signed by itself.
pub fn authority(name: &str) -> Signed {
    certificate(name, None, None)
}

/// One of the host `localhost`, signed by another.
pub fn signed(name: &str, by: &Signed) -> Signed {
    let mut names = SubjectAlternativeName::new();
    names.dns("localhost");
    certificate(name, Some(by), Some(&names))
}

/// One of the address 127.0.0.1 and of no name, signed by itself.
pub fn of_loopback() -> Signed {
    let mut names = SubjectAlternativeName::new();
    names.ip("127.0.0.1");
    certificate("test", None, Some(&names))
}

fn certificate(name: &str, by: Option<&Signed>, hosts: Option<&SubjectAlternativeName>) -> Signed {
    let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
    let mut subject = X509Name::builder().unwrap();
    subject.append_entry_by_text("O", "Acme").unwrap();
    subject.append_entry_by_text("CN", name).unwrap();
    let subject = subject.build();
    let mut serial = BigNum::new().unwrap();
    serial.rand(64, MsbOption::MAYBE_ZERO, false).unwrap();
    let serial = serial.to_asn1_integer().unwrap();
    let issuer = by.map_or(&*subject, |by| by.certificate.subject_name());
    let (since, until) = (Asn1Time::days_from_now(0), Asn1Time::days_from_now(2));

    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    builder.set_serial_number(&serial).unwrap();
    builder.set_subject_name(&subject).unwrap();
    builder.set_issuer_name(issuer).unwrap();
    builder.set_pubkey(&key).unwrap();
    builder.set_not_before(&since.unwrap()).unwrap();
    builder.set_not_after(&until.unwrap()).unwrap();
    if by.is_none() {
        let constraints = BasicConstraints::new().critical().ca().build().unwrap();
        builder.append_extension(constraints).unwrap();
    }
    if let Some(hosts) = hosts {
        let hosts = hosts.build(&builder.x509v3_context(None, None)).unwrap();
        builder.append_extension(hosts).unwrap();
    }
    let signer = by.map_or(&key, |by| &by.key);
    builder.sign(signer, MessageDigest::sha256()).unwrap();
    Signed {
        certificate: builder.build(),
        key,
    }
}
