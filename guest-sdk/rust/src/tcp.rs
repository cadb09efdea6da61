//! A client for servers that speak a protocol of their own over TCP, with TLS by the host.
//!
//! The address must be granted: by a key of the definition that names it ([`Names::Address`](crate::Names)), or by
//! `sandbox.addresses` in the connector's configuration. No wait is longer than what the call has left
//! ([`host::time_left`](crate::host::time_left)). Inside of WebAssembly only: in native tests nothing can be reached.

use std::time::Duration;

use crate::error::{Error, Result};

/// A connection. Dropping it closes it.
#[derive(Debug)]
pub struct Connection {
    #[cfg(target_arch = "wasm32")]
    inner: crate::bindings::imports::tidegate::connect::tcp::Connection,
    #[cfg(not(target_arch = "wasm32"))]
    inner: std::convert::Infallible,
    timeout: Duration,
}

/// What a read found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Read {
    /// Some bytes.
    Bytes(Vec<u8>),
    /// Nothing, in the time that it could wait.
    Nothing,
    /// The other end has ended.
    End,
}

#[cfg(target_arch = "wasm32")]
impl Connection {
    /// Connects to `host:port`; `tls`: with TLS, and a certificate for that host. No single wait of the connection is
    /// longer than `timeout`.
    ///
    /// # Errors
    /// A fatal one when the address was not granted, a retriable one when nobody answers.
    pub fn connect(address: &str, tls: bool, timeout: Duration) -> Result<Self> {
        use crate::bindings::imports::tidegate::connect::tcp;
        let inner = tcp::Connection::connect(address, tls, ms(timeout)).map_err(failed)?;
        Ok(Self { inner, timeout })
    }

    /// Reads what is there, at most `bytes_max`, and waits for it at most so long.
    ///
    /// # Errors
    /// A retriable one when the connection is broken.
    pub fn read(&mut self, bytes_max: u32, wait: Duration) -> Result<Read> {
        use crate::bindings::imports::tidegate::connect::tcp::Reason;
        match self.inner.read(bytes_max, ms(wait)) {
            Ok(Some(bytes)) => Ok(Read::Bytes(bytes)),
            Ok(None) => Ok(Read::End),
            Err(failure) if failure.reason == Reason::Timeout => Ok(Read::Nothing),
            Err(failure) => Err(failed(failure)),
        }
    }

    /// Writes all of it.
    ///
    /// # Errors
    /// A retriable one; the connection is of no use then.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.inner.write(bytes, ms(self.timeout)).map_err(failed)
    }

    /// Writes a text in which the host puts secrets in the place of their handles: of the values of keys that are marked
    /// [`Names::Secret`](crate::Names).
    ///
    /// # Errors
    /// A retriable one; the connection is of no use then.
    pub fn write_with_secrets(&mut self, text: &str) -> Result<()> {
        let written = self.inner.write_with_secrets(text, ms(self.timeout));
        written.map_err(failed)
    }
}

#[cfg(not(target_arch = "wasm32"))]
impl Connection {
    /// Connects to `host:port`; `tls`: with TLS, and a certificate for that host. No single wait of the connection is
    /// longer than `timeout`.
    ///
    /// # Errors
    /// Always: only a component has a host that connects it.
    pub fn connect(address: &str, tls: bool, timeout: Duration) -> Result<Self> {
        let _ = (tls, timeout);
        Err(Error::fatal(format_args!(
            "{address} cannot be reached in a native test; only a component has a host that connects it"
        )))
    }

    /// Reads what is there, at most `bytes_max`, and waits for it at most so long.
    ///
    /// # Errors
    /// There is no connection.
    pub fn read(&mut self, _: u32, _: Duration) -> Result<Read> {
        match self.inner {}
    }

    /// Writes all of it.
    ///
    /// # Errors
    /// There is no connection.
    pub fn write(&mut self, _: &[u8]) -> Result<()> {
        let _ = self.timeout;
        match self.inner {}
    }

    /// Writes a text in which the host puts secrets in the place of their handles: of the values of keys that are marked
    /// [`Names::Secret`](crate::Names).
    ///
    /// # Errors
    /// There is no connection.
    pub fn write_with_secrets(&mut self, _: &str) -> Result<()> {
        match self.inner {}
    }
}

#[cfg(target_arch = "wasm32")]
fn ms(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX)
}

#[cfg(target_arch = "wasm32")]
fn failed(failure: crate::bindings::imports::tidegate::connect::tcp::Failure) -> Error {
    use crate::bindings::imports::tidegate::connect::tcp::Reason;
    match failure.reason {
        Reason::Refused | Reason::Invalid => Error::fatal(failure.message),
        Reason::Unresolved | Reason::Unreachable | Reason::Tls | Reason::Timeout => {
            Error::retriable(failure.message)
        }
    }
}
