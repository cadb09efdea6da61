//! Our own `tcp`: connections with TLS by the host, time limits, and secrets that the guest never sees. Everything blocks
//! the thread that the guest's call runs on, until the deadline at the latest.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use native_tls::{HandshakeError, TlsStream};
use wasmtime::Result;
use wasmtime::component::Resource;
use wasmtime_wasi::runtime::in_tokio;

use crate::bindings::tcp::{Failure, Host, HostConnection, Reason};
use crate::network::tls::server_name;
use crate::network::{Connected, Network, NoConnection, Permit, Purpose, until};
use crate::state::State;

/// The most bytes of one read.
const READ_BYTES_MAX: u32 = 1024 * 1024;
/// The most bytes of one read at first: a buffer is not made for what may never come.
const READ_BYTES_FIRST: usize = 64 * 1024;
/// How long saying goodbye may take.
const GOODBYE_TIME_MAX: Duration = Duration::from_millis(100);

/// A guest's connection.
pub struct Connection {
    stream: Stream,
    address: String,
    /// After a failed write nobody knows what was written.
    broken: bool,
    _permit: Permit,
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(socket) => socket,
            Self::Tls(stream) => stream.get_ref(),
        }
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(socket) => socket.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let (false, Stream::Tls(stream)) = (self.broken, &mut self.stream) {
            let may_wait = stream.get_ref().set_write_timeout(Some(GOODBYE_TIME_MAX));
            // Nobody is left who could be told.
            drop(may_wait.and_then(|()| stream.shutdown()));
        }
    }
}

impl Connection {
    fn connect(
        network: &Network,
        address: &str,
        tls: bool,
        until: Instant,
    ) -> std::result::Result<Self, NoConnection> {
        let Connected {
            stream,
            host,
            permit,
        } = in_tokio(network.connect(Purpose::Tcp, address, until))?;
        let broken =
            |error: io::Error| NoConnection::Unreachable(address.to_owned(), error.to_string());
        let socket = stream.into_std().map_err(broken)?;
        socket.set_nonblocking(false).map_err(broken)?;
        let stream = if tls {
            Stream::Tls(Box::new(handshake(network, address, &host, socket, until)?))
        } else {
            Stream::Plain(socket)
        };
        Ok(Self {
            stream,
            address: address.to_owned(),
            broken: false,
            _permit: permit,
        })
    }

    fn read(
        &mut self,
        bytes_max: usize,
        until: Instant,
    ) -> std::result::Result<Option<Vec<u8>>, Failure> {
        let mut buffer = vec![0; bytes_max.clamp(1, READ_BYTES_FIRST)];
        loop {
            let left = self.left(until)?;
            let timed = self.stream.socket().set_read_timeout(Some(left));
            match timed.and_then(|()| self.stream.read(&mut buffer)) {
                Ok(0) => return Ok(None),
                Ok(count) => {
                    buffer.truncate(count);
                    self.read_more(&mut buffer, bytes_max);
                    return Ok(Some(buffer));
                }
                Err(error) if is_timeout(&error) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(self.unreachable(&error)),
            }
        }
    }

    /// Adds what is there already.
    fn read_more(&mut self, buffer: &mut Vec<u8>, bytes_max: usize) {
        if self.stream.socket().set_nonblocking(true).is_err() {
            return;
        }
        while buffer.len() < bytes_max {
            let before = buffer.len();
            buffer.resize((before + READ_BYTES_FIRST).min(bytes_max), 0);
            let part = buffer.get_mut(before..).unwrap_or_default();
            // An end or an error is found by the next read.
            let count = self.stream.read(part).unwrap_or(0);
            buffer.truncate(before + count);
            if count == 0 {
                break;
            }
        }
        // It was set a moment ago; should it fail, reads return at once, and wait in `left`.
        drop(self.stream.socket().set_nonblocking(false));
    }

    fn write(&mut self, bytes: &[u8], until: Instant) -> std::result::Result<(), Failure> {
        if self.broken {
            return Err(failure(
                Reason::Unreachable,
                format!(
                    "the connection to {} is broken; make a new one",
                    self.address
                ),
            ));
        }
        self.broken = true;
        let mut rest = bytes;
        while !rest.is_empty() {
            let left = self.left(until)?;
            let timed = self.stream.socket().set_write_timeout(Some(left));
            match timed.and_then(|()| self.stream.write(rest)) {
                Ok(0) => return Err(self.unreachable(&ErrorKind::WriteZero.into())),
                Ok(count) => rest = rest.get(count..).unwrap_or_default(),
                Err(error) if is_timeout(&error) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(self.unreachable(&error)),
            }
        }
        self.stream
            .flush()
            .map_err(|error| self.unreachable(&error))?;
        self.broken = false;
        Ok(())
    }

    /// The time that is left; never none, since the system takes that for no limit.
    fn left(&self, until: Instant) -> std::result::Result<Duration, Failure> {
        let left = until.saturating_duration_since(Instant::now());
        if left < Duration::from_millis(1) {
            let error = NoConnection::Late(self.address.clone());
            return Err(failure(Reason::Timeout, error.to_string()));
        }
        Ok(left)
    }

    fn unreachable(&self, error: &io::Error) -> Failure {
        let error = NoConnection::Unreachable(self.address.clone(), error.to_string());
        failure(Reason::Unreachable, error.to_string())
    }
}

fn handshake(
    network: &Network,
    address: &str,
    host: &str,
    socket: TcpStream,
    until: Instant,
) -> std::result::Result<TlsStream<TcpStream>, NoConnection> {
    let failed = |reason: String| NoConnection::Tls(address.to_owned(), reason);
    let connector = network.tls().connector().map_err(failed)?;
    let late = || NoConnection::Late(address.to_owned());
    let wait = |socket: &TcpStream| {
        let left = until.saturating_duration_since(Instant::now());
        if left < Duration::from_millis(1) {
            return Err(late());
        }
        socket
            .set_read_timeout(Some(left))
            .and_then(|()| socket.set_write_timeout(Some(left)))
            .map_err(|error| failed(error.to_string()))
    };
    wait(&socket)?;
    let mut tried = connector.connect(server_name(host), socket);
    loop {
        match tried {
            Ok(stream) => return Ok(stream),
            Err(HandshakeError::Failure(error)) => return Err(failed(error.to_string())),
            Err(HandshakeError::WouldBlock(unfinished)) => {
                wait(unfinished.get_ref())?;
                tried = unfinished.handshake();
            }
        }
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

fn failure(reason: Reason, message: String) -> Failure {
    Failure { reason, message }
}

impl From<NoConnection> for Failure {
    fn from(error: NoConnection) -> Self {
        let reason = match error {
            NoConnection::Refused(..) => Reason::Refused,
            NoConnection::Invalid(_) => Reason::Invalid,
            NoConnection::Unresolved(..) => Reason::Unresolved,
            NoConnection::Unreachable(..) => Reason::Unreachable,
            NoConnection::Tls(..) => Reason::Tls,
            NoConnection::Late(_) => Reason::Timeout,
        };
        failure(reason, error.to_string())
    }
}

impl State {
    /// Until when a function that was given a time may wait.
    fn wait_until(&mut self, timeout_ms: u32) -> Instant {
        self.call.leave();
        let asked = Instant::now() + Duration::from_millis(timeout_ms.into());
        asked.min(until(self.deadline()))
    }
}

impl Host for State {}

impl HostConnection for State {
    fn connect(
        &mut self,
        address: String,
        tls: bool,
        timeout_ms: u32,
    ) -> Result<std::result::Result<Resource<Connection>, Failure>> {
        let until = self.wait_until(timeout_ms);
        Ok(
            match Connection::connect(&self.network, &address, tls, until) {
                Ok(connection) => Ok(self.table.push(connection)?),
                Err(error) => Err(error.into()),
            },
        )
    }

    fn read(
        &mut self,
        connection: Resource<Connection>,
        bytes_max: u32,
        timeout_ms: u32,
    ) -> Result<std::result::Result<Option<Vec<u8>>, Failure>> {
        let until = self.wait_until(timeout_ms);
        let connection = self.table.get_mut(&connection)?;
        Ok(connection.read(bytes_max.min(READ_BYTES_MAX) as usize, until))
    }

    fn write(
        &mut self,
        connection: Resource<Connection>,
        bytes: Vec<u8>,
        timeout_ms: u32,
    ) -> Result<std::result::Result<(), Failure>> {
        let until = self.wait_until(timeout_ms);
        let connection = self.table.get_mut(&connection)?;
        Ok(connection.write(&bytes, until))
    }

    fn write_with_secrets(
        &mut self,
        connection: Resource<Connection>,
        text: String,
        timeout_ms: u32,
    ) -> Result<std::result::Result<(), Failure>> {
        let until = self.wait_until(timeout_ms);
        let revealed = self.secrets.revealed(text.as_bytes());
        let connection = self.table.get_mut(&connection)?;
        Ok(connection.write(revealed.as_deref().unwrap_or(text.as_bytes()), until))
    }

    fn drop(&mut self, connection: Resource<Connection>) -> Result<()> {
        drop(self.table.delete(connection)?);
        Ok(())
    }
}
