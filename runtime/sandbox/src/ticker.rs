//! The clock behind deadlines: a thread that advances the engine's epoch while guests run.
//!
//! A call's deadline is a number of ticks. The thread ticks only while calls run or ran within the last second;
//! then it parks, so an idle worker has no wake-ups. Starting a call costs one atomic add.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use wasmtime::Engine;

use crate::error::SandboxError;

/// How long a tick is. Deadlines are exact to about two of them.
pub(crate) const TICK: Duration = Duration::from_millis(10);

/// After how many ticks without a call the thread parks.
const IDLE_TICKS: u32 = 100;

/// Advances the epoch while calls run. Dropped last, it ends its thread.
pub(crate) struct Ticker {
    shared: Arc<Shared>,
    thread: Thread,
}

struct Shared {
    calls: AtomicUsize,
    parked: AtomicBool,
    ended: AtomicBool,
}

/// A running call; while it lives the clock ticks.
pub(crate) struct Running<'a>(&'a Shared);

impl Ticker {
    /// Starts the thread.
    pub(crate) fn start(engine: &Engine) -> Result<Self, SandboxError> {
        let shared = Arc::new(Shared {
            calls: AtomicUsize::new(0),
            parked: AtomicBool::new(false),
            ended: AtomicBool::new(false),
        });
        let of_thread = Arc::clone(&shared);
        let engine = engine.clone();
        let handle = thread::Builder::new()
            .name("tidegate-epoch".to_owned())
            .spawn(move || tick(&of_thread, &engine))
            .map_err(|error| {
                SandboxError::Internal(format!("the deadline thread cannot start: {error}"))
            })?;
        Ok(Self {
            shared,
            thread: handle.thread().clone(),
        })
    }

    /// Notes that a call runs until the answer is dropped.
    pub(crate) fn running(&self) -> Running<'_> {
        self.shared.calls.fetch_add(1, Ordering::SeqCst);
        if self.shared.parked.load(Ordering::SeqCst) {
            self.thread.unpark();
        }
        Running(&self.shared)
    }

    /// A time as a number of ticks, rounded up, and one more for the tick that is under way.
    pub(crate) fn ticks(time: Duration) -> u64 {
        let ticks = time.as_millis().div_ceil(TICK.as_millis());
        u64::try_from(ticks)
            .unwrap_or(u64::MAX / 2)
            .saturating_add(1)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.calls.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        self.thread.unpark();
    }
}

fn tick(shared: &Shared, engine: &Engine) {
    let mut idle = 0;
    let mut next = Instant::now() + TICK;
    while !shared.ended.load(Ordering::SeqCst) {
        if shared.calls.load(Ordering::SeqCst) > 0 {
            idle = 0;
        } else {
            idle += 1;
        }
        if idle >= IDLE_TICKS {
            shared.parked.store(true, Ordering::SeqCst);
            // A call that began between the load above and this store saw `parked` false; look once more.
            while shared.calls.load(Ordering::SeqCst) == 0 && !shared.ended.load(Ordering::SeqCst) {
                thread::park();
            }
            shared.parked.store(false, Ordering::SeqCst);
            idle = 0;
            next = Instant::now() + TICK;
        }
        let now = Instant::now();
        if now < next {
            thread::sleep(next - now);
        }
        // On a machine that is too busy for us, several ticks are due at once.
        while next <= Instant::now() {
            engine.increment_epoch();
            next += TICK;
        }
    }
}
