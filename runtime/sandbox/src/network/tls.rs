//! TLS for guests' connections, by the host: its certificates count, and a guest cannot switch the check off.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use native_tls::{Certificate, TlsConnector};

/// The most bytes of the file of certificates.
const TRUSTSTORE_BYTES_MAX: u64 = 1024 * 1024;

/// What speaks TLS; made when it is needed first, since reading the system's certificates takes milliseconds.
pub(crate) struct Tls {
    truststore: Option<PathBuf>,
    connector: OnceLock<Result<TlsConnector, String>>,
}

impl Tls {
    pub(crate) fn new(truststore: Option<PathBuf>) -> Self {
        Self {
            truststore,
            connector: OnceLock::new(),
        }
    }

    pub(crate) fn connector(&self) -> Result<&TlsConnector, String> {
        let made = self.connector.get_or_init(|| self.make());
        made.as_ref().map_err(Clone::clone)
    }

    fn make(&self) -> Result<TlsConnector, String> {
        let mut builder = TlsConnector::builder();
        if let Some(path) = &self.truststore {
            let wrong = |reason: String| {
                format!(
                    "the certificates of sandbox.ssl.truststore.location cannot be used: {reason}"
                )
            };
            for certificate in certificates(path).map_err(wrong)? {
                builder.add_root_certificate(certificate);
            }
        }
        builder
            .build()
            .map_err(|error| format!("TLS is not there: {error}"))
    }
}

fn certificates(path: &Path) -> Result<Vec<Certificate>, String> {
    let mut pem = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(TRUSTSTORE_BYTES_MAX).read_to_end(&mut pem))
        .map_err(|error| error.to_string())?;
    Certificate::stack_from_pem(&pem).map_err(|error| error.to_string())
}

/// The name that a certificate must be for: an address without its brackets.
pub(crate) fn server_name(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}
