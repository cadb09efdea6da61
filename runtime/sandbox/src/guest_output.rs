//! Standard output and standard error of a guest: split into lines and written to its log.
//!
//! Nothing is queued: a write is cut into lines at once, and at most one unfinished line of bounded length is
//! kept. An endless writer costs its own time only.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

use crate::file_output::check_length;
use crate::guest_log::{GuestLog, Level};

/// The most bytes of one write.
const WRITE_BYTES_MAX: usize = 64 * 1024;

/// Which of the two streams.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Stream {
    Output,
    Error,
}

/// One of the two streams of a guest.
#[derive(Clone)]
pub(crate) struct GuestOutput {
    stream: Stream,
    /// The most bytes of an unfinished line: one over the limit, so that the log can say that the line was cut, and room
    /// for a secret, which can only be seen as a whole.
    kept_bytes: usize,
    log: GuestLog,
    unfinished: Arc<Mutex<Vec<u8>>>,
}

impl GuestOutput {
    pub(crate) fn new(stream: Stream, log: GuestLog) -> Self {
        Self {
            stream,
            kept_bytes: log.line_bytes_max() + 1 + log.secrets().longest(),
            log,
            unfinished: Arc::default(),
        }
    }

    fn take(&self, bytes: &[u8]) {
        let mut unfinished = self
            .unfinished
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (part, ended) = match part.strip_suffix(b"\n") {
                Some(line) => (line, true),
                None => (part, false),
            };
            let room = self.kept_bytes.saturating_sub(unfinished.len());
            unfinished.extend(part.iter().take(room));
            if ended {
                self.write(&unfinished);
                unfinished.clear();
            }
        }
    }

    fn write(&self, line: &[u8]) {
        let line = String::from_utf8_lossy(line);
        let line = line.trim_end_matches('\r');
        if line.is_empty() {
            return;
        }
        match self.stream {
            Stream::Output => self.log.line(Level::Info, line),
            Stream::Error => self.log.standard_error(line),
        }
    }
}

impl OutputStream for GuestOutput {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        check_length(bytes.len(), WRITE_BYTES_MAX)?;
        self.take(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(WRITE_BYTES_MAX)
    }
}

#[async_trait]
impl Pollable for GuestOutput {
    async fn ready(&mut self) {}
}

impl IsTerminal for GuestOutput {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for GuestOutput {
    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }

    /// Only WASI 0.3 asks for this, which is not linked.
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(tokio::io::sink())
    }
}

#[cfg(test)]
mod tests {
    use wasmtime_wasi::p2::StreamError;

    use super::*;

    #[test]
    fn a_write_is_as_large_as_it_may_be_and_no_larger() {
        let mut output = GuestOutput::new(Stream::Output, GuestLog::new(None, Default::default()));
        let write = |bytes| Bytes::from(vec![b'x'; bytes]);
        OutputStream::write(&mut output, write(WRITE_BYTES_MAX)).unwrap();
        let over = OutputStream::write(&mut output, write(WRITE_BYTES_MAX + 1));
        assert!(matches!(over, Err(StreamError::Trap(_))), "{over:?}");
    }

    #[test]
    fn an_endless_line_is_kept_in_bounded_memory() {
        let output = GuestOutput::new(Stream::Error, GuestLog::new(None, Default::default()));
        for _ in 0..1_000 {
            output.take(&[b'x'; 1_000]);
        }
        assert!(output.unfinished.lock().unwrap().len() <= 4096 + 1);
        output.take(b"\nnext\n");
        assert!(output.log.take_last_words().contains("next"));
    }
}
