//! What this process logs.

use std::io::Write;
use std::sync::{Arc, LazyLock, Mutex};

/// What all tests of this process log, as text: a subscriber of one thread would miss what others saw first.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    pub fn of_the_process() -> &'static Self {
        static LOG: LazyLock<Log> = LazyLock::new(|| {
            let log = Log::default();
            let written = log.clone();
            tracing_subscriber::fmt()
                .with_writer(move || written.clone())
                .with_ansi(false)
                .init();
            log
        });
        &LOG
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
