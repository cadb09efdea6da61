//! Which topics a pattern matches, looked up again and again on a thread of its own, so that no fetch waits for it.
//!
//! Each look has a client of its own for that moment, with the consumer's settings: it sees what the consumer may see,
//! and the consumer's client ends when its owner says so. The first look is at once; while the cluster cannot be
//! asked, the topics stay what they were.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use tidegate_model::TopicName;
use tokio::sync::Notify;

use super::context::LogContext;
use super::native;
use crate::{BrokerError, TopicPattern};

/// How long the cluster may take to list its topics.
const LIST_TIMEOUT: Duration = Duration::from_secs(30);
/// The pause before a list is asked for again that could not be had.
const RETRY_PAUSE: Duration = Duration::from_secs(1);
/// Kafka's own topics, which no pattern matches, as with `exclude.internal.topics`.
const INTERNAL: [&str; 3] = [
    "__consumer_offsets",
    "__transaction_state",
    "__share_group_state",
];

/// A running watch; it ends when this is dropped.
pub struct TopicWatch(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// Whether there is a list that was not taken.
    any: AtomicBool,
    ended: Condvar,
}

#[derive(Default)]
struct State {
    changed: Option<Vec<TopicName>>,
    ended: bool,
}

impl TopicWatch {
    /// Begins to look; `wake` is told when the topics changed.
    ///
    /// # Errors
    /// When there is no thread for it.
    pub fn start(
        config: &ClientConfig,
        pattern: TopicPattern,
        every: Duration,
        wake: Arc<Notify>,
    ) -> Result<Self, BrokerError> {
        let mut config = config.clone();
        // It asks and never joins.
        config.remove("group.id");
        let shared = Arc::<Shared>::default();
        let watched = Arc::clone(&shared);
        std::thread::Builder::new()
            .name("kafka-topics".to_owned())
            .spawn(move || watch(&watched, &config, &pattern, every, &wake))
            .map_err(|error| {
                BrokerError::Internal(format!("no thread for a pattern of topics: {error}"))
            })?;
        Ok(Self(shared))
    }

    /// Whether the topics changed and were not taken.
    pub fn has_changed(&self) -> bool {
        self.0.any.load(Ordering::Acquire)
    }

    /// Takes the topics when they changed.
    pub fn take_changed(&self) -> Option<Vec<TopicName>> {
        if !self.has_changed() {
            return None;
        }
        let mut state = self.0.lock();
        self.0.any.store(false, Ordering::Release);
        state.changed.take()
    }
}

impl Drop for TopicWatch {
    fn drop(&mut self) {
        self.0.lock().ended = true;
        self.0.ended.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits; says whether the watch ended meanwhile.
    fn ends_within(&self, pause: Duration) -> bool {
        let deadline = Instant::now() + pause;
        let mut state = self.lock();
        while !state.ended {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let waited = self.ended.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

fn watch(
    shared: &Shared,
    config: &ClientConfig,
    pattern: &TopicPattern,
    every: Duration,
    wake: &Notify,
) {
    let mut known = None;
    loop {
        let pause = match list(config) {
            Ok(mut topics) => {
                topics.retain(|topic| pattern.matches(topic));
                topics.sort();
                let topics = Some(topics);
                if known != topics {
                    known.clone_from(&topics);
                    shared.lock().changed = topics;
                    shared.any.store(true, Ordering::Release);
                    wake.notify_one();
                }
                every
            }
            Err(error) => {
                tracing::warn!(%error, "the topics could not be listed for a pattern; they stay as they were");
                RETRY_PAUSE
            }
        };
        if shared.ends_within(pause) {
            return;
        }
    }
}

/// All topics that the client may see, without Kafka's own.
fn list(config: &ClientConfig) -> Result<Vec<TopicName>, BrokerError> {
    let client: BaseConsumer<LogContext> = config.create_with_context(LogContext)?;
    let found = client.fetch_metadata(None, LIST_TIMEOUT);
    native::hear(client.client());
    let found = found?;
    let names = found.topics().iter().map(|topic| topic.name());
    Ok(names
        .filter(|name| !INTERNAL.contains(name))
        .filter_map(|name| TopicName::parse(name).ok())
        .collect())
}
