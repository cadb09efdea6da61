//! Watches a running worker, and says when it is done.
//!
//! | a connector | is it waited for |
//! | --- | --- |
//! | has something on its way or unread | yes |
//! | is a sink without partitions whose topics exist | yes: its group gives it some |
//! | is a sink without partitions, and none of its topics exists | no |
//! | has a FAILED task, no task at all, or is a sink that is paused | no |

use std::sync::Arc;
use std::time::Duration;

use tidegate_broker::{Broker, TopicPattern};
use tidegate_config::connector::{ConnectorConfig, SinkTopics};
use tidegate_herder::Moved;
use tidegate_herder::{Control, Herder};
use tokio::time::Instant;

use crate::failure::Failure;
use crate::progress_line::{ProgressLine, Style};
use crate::stop_signals::StopSignals;

/// How often progress is looked at where somebody or something waits for it.
const LOOK: Duration = Duration::from_millis(100);
/// How long the state of connectors is waited for when the worker was told to stop.
const LAST_LOOK_TIME: Duration = Duration::from_secs(1);

/// Watches a herder.
pub struct Progress {
    herder: Herder,
    broker: Arc<dyn Broker>,
    line: ProgressLine,
}

/// A sink that has nothing to read.
struct Topicless {
    connector: String,
    /// What it subscribes to.
    topics: String,
}

impl Progress {
    pub fn new(herder: Herder, broker: Arc<dyn Broker>, line: ProgressLine) -> Self {
        Self {
            herder,
            broker,
            line,
        }
    }

    /// Shows progress until the process is told to stop, or nothing moves for `idle`.
    ///
    /// # Errors
    /// When something is FAILED at the end.
    pub async fn watch(
        mut self,
        idle: Option<Duration>,
        mut stop: StopSignals,
    ) -> Result<(), Failure> {
        // With a thousand connectors a look is no trifle.
        let look = match self.line.style() {
            Style::Silent if idle.is_none() => {
                stop.told().await;
                return self.end(Vec::new()).await;
            }
            Style::Terminal => LOOK,
            _ if idle.is_some() => LOOK,
            _ => self.line.interval().max(LOOK),
        };
        let mut moved_at = Instant::now();
        let mut last = Vec::new();
        loop {
            let next = async {
                tokio::time::sleep(look).await;
                self.herder.progress().await
            };
            let now = tokio::select! {
                () = stop.told() => return self.end(last).await,
                now = next => now?,
            };
            if now != last || now.iter().any(has_work) {
                moved_at = Instant::now();
                last = now;
            }
            self.line.show(&last)?;
            if idle.is_none_or(|idle| moved_at.elapsed() < idle) {
                continue;
            }
            let Some(topicless) = self.topicless(&last).await else {
                moved_at = Instant::now();
                continue;
            };
            for sink in topicless {
                tracing::warn!(
                    connector = sink.connector,
                    topics = sink.topics,
                    "None of the topics of this sink exists: there was nothing to read."
                );
            }
            self.line.show_last(&last)?;
            return failed(&last);
        }
    }

    /// The end when the process was told to stop: what is FAILED is a failure then too.
    async fn end(mut self, last: Vec<Moved>) -> Result<(), Failure> {
        // A guest may keep the herder busy; nobody waits for it now.
        let now = tokio::time::timeout(LAST_LOOK_TIME, self.herder.progress()).await;
        let now = now.ok().and_then(Result::ok).unwrap_or(last);
        self.line.show_last(&now)?;
        failed(&now)
    }

    /// The sinks without partitions when none of their topics exists; `None` when the topics of one do, as its group
    /// gives it some then, or when the broker does not say.
    async fn topicless(&self, connectors: &[Moved]) -> Option<Vec<Topicless>> {
        let mut without = Vec::new();
        for sink in connectors.iter().filter(|moved| waits_to_join(moved)) {
            let info = self.herder.connector(&sink.connector).await.ok()?;
            let config = ConnectorConfig::unnamed(&sink.connector, info.config);
            without.push((sink.connector.clone(), config.topics().ok()?));
        }
        if without.is_empty() {
            return Some(Vec::new());
        }
        let admin = self.broker.admin();
        let there = tokio::task::spawn_blocking(move || admin.topics(true)).await;
        let there = there.ok()?.ok()?;
        let mut topicless = Vec::new();
        for (connector, wanted) in without {
            let topics = match wanted {
                SinkTopics::List(topics) => {
                    if topics.iter().any(|topic| there.contains(topic)) {
                        return None;
                    }
                    let names: Vec<_> = topics.iter().map(ToString::to_string).collect();
                    names.join(", ")
                }
                SinkTopics::Regex(pattern) => {
                    let whole = TopicPattern::parse(&pattern).ok()?;
                    if there.iter().any(|topic| whole.matches(topic)) {
                        return None;
                    }
                    pattern
                }
            };
            topicless.push(Topicless { connector, topics });
        }
        Some(topicless)
    }
}

/// Whether a connector runs at all.
fn runs(moved: &Moved) -> bool {
    let paused = usize::try_from(moved.counts.paused).unwrap_or(usize::MAX);
    moved.failed == 0 && moved.tasks > paused
}

/// Whether a connector has something to do that it was given. A source that has not started yet has, and a task that is
/// started anew.
fn has_work(moved: &Moved) -> bool {
    let counts = &moved.counts;
    moved.restarting > 0
        || runs(moved) && (counts.lag > 0 || counts.held > 0 || (!moved.sink && counts.joined == 0))
}

/// Whether a connector is a sink that has no partitions.
fn waits_to_join(moved: &Moved) -> bool {
    runs(moved) && moved.sink && moved.counts.joined == 0
}

/// Ending with something failed is a failure.
fn failed(connectors: &[Moved]) -> Result<(), Failure> {
    let failed: Vec<_> = connectors
        .iter()
        .filter(|moved| moved.failed + moved.restarting > 0)
        .map(|moved| moved.connector.as_str())
        .collect();
    if failed.is_empty() {
        return Ok(());
    }
    Err(Failure::Failed(format!(
        "FAILED: {}; the log above says why",
        failed.join(", ")
    )))
}

#[cfg(test)]
mod tests {
    use tidegate_worker::progress::Counts;

    use super::*;

    fn moved(sink: bool, failed: usize, counts: Counts) -> Moved {
        Moved {
            connector: "c".to_owned(),
            sink,
            tasks: 1,
            failed,
            restarting: 0,
            counts,
            transforms: Vec::new(),
        }
    }

    #[test]
    fn a_sink_that_is_paused_or_failed_is_not_waited_for() {
        let behind = Counts {
            lag: 5,
            joined: 1,
            ..Counts::default()
        };
        let paused = Counts {
            paused: 1,
            ..behind
        };
        assert!(has_work(&moved(true, 0, behind)));
        assert!(!has_work(&moved(true, 0, paused)));
        assert!(!has_work(&moved(true, 1, behind)));
    }

    #[test]
    fn a_source_that_has_not_started_is_waited_for_and_a_sink_by_its_topics() {
        let none = Counts::default();
        assert!(has_work(&moved(false, 0, none)));
        assert!(!has_work(&moved(true, 0, none)));
        assert!(waits_to_join(&moved(true, 0, none)));
        assert!(!waits_to_join(&moved(false, 0, none)));
    }
}
