//! Posts spans to the collector.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tidegate_config::telemetry::TracesConfig;
use ureq::Agent;

use super::span::Finished;
use super::{EXPORT, Message, POST_INTERVAL, POST_TIME_MAX, SPANS_POSTED_MAX};

/// How often at most the log tells of a collector that does not take spans.
const COMPLAINT_INTERVAL: Duration = Duration::from_secs(60);

/// Posts spans.
pub struct Post {
    agent: Agent,
    config: TracesConfig,
}

impl Post {
    pub fn new(config: &TracesConfig) -> Self {
        let agent = Agent::config_builder()
            .timeout_global(Some(POST_TIME_MAX))
            .max_redirects(0)
            .build();
        Self {
            agent: agent.into(),
            config: config.clone(),
        }
    }

    /// Posts what comes, until it is told to finish.
    pub fn run(&self, received: &Receiver<Message>) {
        let mut spans: Vec<Finished> = Vec::new();
        let mut complaint_due = Instant::now();
        let mut lost = 0;
        loop {
            let due = Instant::now() + POST_INTERVAL;
            let mut ends = false;
            while spans.len() < SPANS_POSTED_MAX {
                let wait = due.saturating_duration_since(Instant::now());
                match received.recv_timeout(wait) {
                    Ok(Message::Span(span)) => spans.push(*span),
                    Ok(Message::Finish) | Err(RecvTimeoutError::Disconnected) => {
                        ends = true;
                        break;
                    }
                    Err(RecvTimeoutError::Timeout) => break,
                }
            }
            let count = spans.len();
            if count > 0
                && let Err(error) = self.post(&std::mem::take(&mut spans))
            {
                lost += count as u64;
                if Instant::now() >= complaint_due {
                    tracing::warn!(%error, spans = lost,
                        "The collector of traces does not take spans; they are dropped.");
                    (lost, complaint_due) = (0, Instant::now() + COMPLAINT_INTERVAL);
                }
            }
            let dropped = EXPORT
                .get()
                .map_or(0, |export| export.dropped.load(Relaxed));
            if dropped > 0 && Instant::now() >= complaint_due {
                if let Some(export) = EXPORT.get() {
                    export.dropped.fetch_sub(dropped, Relaxed);
                }
                tracing::warn!(
                    spans = dropped,
                    "More spans came than could be posted; they were dropped. otel.traces.sampler.arg sends a part."
                );
                complaint_due = Instant::now() + COMPLAINT_INTERVAL;
            }
            if ends {
                return;
            }
        }
    }

    fn post(&self, spans: &[Finished]) -> Result<(), ureq::Error> {
        let mut request = self
            .agent
            .post(&self.config.url)
            .header("content-type", "application/json");
        for (name, value) in &self.config.headers {
            request = request.header(name, &value.0);
        }
        request.send(self.body(spans).to_string().as_bytes())?;
        Ok(())
    }

    fn body(&self, spans: &[Finished]) -> Value {
        let spans: Vec<_> = spans.iter().map(Finished::json).collect();
        let attribute =
            |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
        json!({"resourceSpans": [{
            "resource": {"attributes": [
                attribute("service.name", &self.config.service_name),
                attribute("service.version", env!("CARGO_PKG_VERSION")),
            ]},
            "scopeSpans": [{
                "scope": {"name": "tidegate", "version": env!("CARGO_PKG_VERSION")},
                "spans": spans,
            }],
        }]})
    }
}
