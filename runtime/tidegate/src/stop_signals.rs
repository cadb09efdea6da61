//! Being told to stop, by Ctrl-C or SIGTERM.
//!
//! | told | what happens |
//! | --- | --- |
//! | once | [`StopSignals::told`] resolves, for everybody who waits for it |
//! | again | the process ends at once, whatever still runs |
//!
//! Both are heard from the first moment of a worker on, also while it waits for its broker.

use std::process;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::failure::LATE;

/// Whether the process was told to stop. Cheap to clone.
#[derive(Clone)]
pub struct StopSignals(watch::Receiver<bool>);

impl StopSignals {
    /// Listens from now on. Called within a runtime.
    ///
    /// # Errors
    /// When the system refuses to hand signals over.
    pub fn listen() -> std::io::Result<Self> {
        let mut signals = Signals {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        };
        let (told, receiver) = watch::channel(false);
        tokio::spawn(async move {
            signals.next().await;
            tracing::info!("The worker was told to stop. Told again, it ends at once.");
            told.send_replace(true);
            signals.next().await;
            eprintln!(
                "tidegate: told to stop a second time: it ends without waiting for tasks; what they have not \
                 committed is done again after the next start"
            );
            process::exit(i32::from(LATE));
        });
        Ok(Self(receiver))
    }

    /// Resolves when the process was told to stop.
    pub async fn told(&mut self) {
        // The sender lives as long as the runtime.
        if self.0.wait_for(|told| *told).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
