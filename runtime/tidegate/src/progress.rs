//! The progress line of a running worker, and when it is done.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use serde_json::json;
use tidegate_herder::Herder;
use tidegate_herder::herder::Moved;
use tidegate_worker::progress::Counts;
use tokio::time::Instant;

use crate::failure::Failure;
use crate::output::{line, number};
use crate::stop_signals::StopSignals;

/// How often progress is looked at where somebody or something waits for it.
const LOOK: Duration = Duration::from_millis(100);
/// How often a line is written where it cannot be written over.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// One line, written over again and again.
    Terminal,
    /// A line now and then.
    Lines,
    /// A JSON line now and then.
    Json,
    /// Not at all.
    Silent,
}

impl Style {
    /// The style that the arguments and standard error ask for.
    pub fn of(json: bool, silent: bool) -> Self {
        match (silent, json, std::io::stderr().is_terminal()) {
            (true, _, _) => Self::Silent,
            (_, true, _) => Self::Json,
            (_, _, true) => Self::Terminal,
            _ => Self::Lines,
        }
    }
}

/// Watches a herder.
pub struct Progress {
    herder: Herder,
    style: Style,
    shown: Option<(Instant, Counts)>,
}

impl Progress {
    pub fn new(herder: Herder, style: Style) -> Self {
        Self {
            herder,
            style,
            shown: None,
        }
    }

    /// Shows progress until the process is told to stop, or nothing moves for `idle`.
    pub async fn watch(
        mut self,
        idle: Option<Duration>,
        mut stop: StopSignals,
    ) -> Result<(), Failure> {
        // With a thousand connectors a look is no trifle.
        let look = match self.style {
            Style::Silent if idle.is_none() => {
                stop.told().await;
                return Ok(());
            }
            Style::Terminal => LOOK,
            _ if idle.is_some() => LOOK,
            _ => LINE_EVERY,
        };
        let mut moved_at = Instant::now();
        let mut last = Vec::new();
        loop {
            let next = async {
                tokio::time::sleep(look).await;
                self.herder.progress().await
            };
            let now = tokio::select! {
                () = stop.told() => {
                    self.show(&last, true)?;
                    return Ok(());
                }
                now = next => now?,
            };
            let waits = now.iter().any(|connector| {
                let counts = connector.counts;
                connector.failed == 0
                    && connector.tasks > 0
                    && (counts.lag > 0 || counts.joined == 0)
            });
            if now != last || waits {
                moved_at = Instant::now();
                last = now;
            }
            self.show(&last, false)?;
            if idle.is_some_and(|idle| moved_at.elapsed() >= idle) {
                self.show(&last, true)?;
                return failed(&last);
            }
        }
    }

    fn show(&mut self, connectors: &[Moved], last: bool) -> std::io::Result<()> {
        let now = Instant::now();
        let due = match (self.style, self.shown) {
            (Style::Silent, _) => false,
            (_, None) => true,
            (Style::Terminal, Some(_)) => true,
            (_, Some((at, _))) => last || now - at >= LINE_EVERY,
        };
        if !due {
            return Ok(());
        }
        let total = |sink: bool| {
            let mut counts = Counts::default();
            connectors
                .iter()
                .filter(|connector| connector.sink == sink)
                .for_each(|moved| counts += moved.counts);
            counts
        };
        let (sources, sinks) = (total(false), total(true));
        let mut all = sources;
        all += sinks;
        let rate = self.shown.map_or(0, |(at, before)| {
            let seconds = (now - at).as_secs_f64().max(0.001);
            #[allow(
                clippy::cast_precision_loss,
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss
            )]
            let rate = (all.records_out.saturating_sub(before.records_out) as f64 / seconds) as u64;
            rate
        });
        self.shown = Some((now, all));
        let failed: usize = connectors.iter().map(|connector| connector.failed).sum();
        if self.style == Style::Json {
            let counts = |counts: Counts| {
                json!({
                    "records_in": counts.records_in, "records_out": counts.records_out,
                    "filtered": counts.filtered, "skipped": counts.skipped, "lag": counts.lag,
                })
            };
            let progress = json!({
                "sources": counts(sources), "sinks": counts(sinks), "records_per_second": rate, "failed": failed,
            });
            return line(&progress.to_string());
        }
        let text = format!(
            "source {} in {} out · sink {} in {} out · {}/s · lag {}{}{}",
            number(sources.records_in),
            number(sources.records_out),
            number(sinks.records_in),
            number(sinks.records_out),
            number(rate),
            number(all.lag),
            if all.skipped > 0 {
                format!(" · {} skipped", number(all.skipped))
            } else {
                String::new()
            },
            if failed > 0 {
                format!(" · {failed} FAILED")
            } else {
                String::new()
            },
        );
        let mut err = std::io::stderr().lock();
        match self.style {
            Style::Terminal => write!(err, "\r\x1b[2K{text}{}", if last { "\n" } else { "" }),
            _ => writeln!(err, "{text}"),
        }
    }
}

/// Ending by itself with something failed is a failure.
fn failed(connectors: &[Moved]) -> Result<(), Failure> {
    let failed: Vec<_> = connectors
        .iter()
        .filter(|moved| moved.failed > 0)
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
