//! Traces for OpenTelemetry: spans of REST and of tasks, posted in batches as OTLP's JSON to the endpoint that the worker's
//! keys name.
//!
//! Spans have the target [`TARGET`]; where no endpoint is named they are disabled, and cost what a comparison costs. One
//! thread posts; when it cannot keep up, spans are dropped and counted, and nobody waits.

mod layer;
mod post;
mod span;

use std::sync::OnceLock;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use tidegate_config::telemetry::TracesConfig;

use crate::failure::Failure;
use post::Post;
use span::Finished;

pub use layer::{Spans, is_exported};

/// What is exported: spans with this target.
pub const TARGET: &str = "tidegate::span";

/// How many spans may wait to be posted; further ones are dropped and counted.
pub const SPANS_WAITING_MAX: usize = 8_192;
/// The most spans of a request.
pub const SPANS_POSTED_MAX: usize = 512;
/// How long a span waits at most before it is posted.
const POST_INTERVAL: Duration = Duration::from_secs(1);
/// How long the collector has to answer.
const POST_TIME_MAX: Duration = Duration::from_secs(10);
/// How long what waits may take to be posted when the worker ends.
const FINISH_TIME_MAX: Duration = Duration::from_secs(2);

/// Where finished spans go, once an endpoint is named.
static EXPORT: OnceLock<Export> = OnceLock::new();

struct Export {
    waiting: SyncSender<Message>,
    ratio: f64,
    /// How many found no room.
    dropped: std::sync::atomic::AtomicU64,
}

enum Message {
    Span(Box<Finished>),
    /// Post what is there and end.
    Finish,
}

/// Posts until it is told to finish.
pub struct Traces {
    thread: Option<JoinHandle<()>>,
}

impl Traces {
    /// Begins to export, if an endpoint is named.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start(config: Option<&TracesConfig>) -> Result<Self, Failure> {
        let Some(config) = config else {
            return Ok(Self { thread: None });
        };
        let (waiting, received) = sync_channel(SPANS_WAITING_MAX);
        let export = Export {
            waiting,
            ratio: config.ratio,
            dropped: std::sync::atomic::AtomicU64::new(0),
        };
        if EXPORT.set(export).is_err() {
            return Ok(Self { thread: None });
        }
        let post = Post::new(config);
        let thread = std::thread::Builder::new()
            .name("traces".to_owned())
            .spawn(move || post.run(&received))?;
        // What was disabled is asked for again.
        tracing::callsite::rebuild_interest_cache();
        tracing::info!(url = %config.url, "Traces are sent.");
        Ok(Self {
            thread: Some(thread),
        })
    }

    /// Posts what waits, and ends; in a bounded time.
    pub fn finish(self) {
        let (Some(thread), Some(export)) = (self.thread, EXPORT.get()) else {
            return;
        };
        drop(export.waiting.try_send(Message::Finish));
        let deadline = std::time::Instant::now() + FINISH_TIME_MAX;
        while !thread.is_finished() && std::time::Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Export {
    fn send(&self, span: Finished) {
        let sent = self.waiting.try_send(Message::Span(Box::new(span)));
        if let Err(TrySendError::Full(_)) = sent {
            self.dropped
                .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
    }
}
