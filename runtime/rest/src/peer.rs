//! The other end of a connection.

use std::net::SocketAddr;

/// The other end of a connection, as each of its requests carries it.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    /// Where it comes from.
    pub(crate) address: SocketAddr,
    /// Whether the connection is encrypted.
    pub(crate) secure: bool,
    /// The subject of the certificate that it showed, which was verified, as RFC 2253 writes it.
    pub(crate) subject: Option<String>,
}
