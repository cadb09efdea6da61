//! The line that shows progress.
//!
//! | style | when it is written | its rate is that of |
//! | --- | --- | --- |
//! | terminal | at each look, over itself | the last second |
//! | lines, JSON | when something moved, and an interval is over | that interval |
//! | the last line of each | at the end, unless the line before says the same | all the time in which records moved |
//!
//! At the end a table of the transforms follows; JSON lines have the same in each.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use serde_json::{Value, json};
use tidegate_herder::Moved;
use tidegate_worker::progress::Counts;
use tokio::time::Instant;

use crate::output::{line, number};
use crate::transform_table::{transform_table, transforms_json};

/// Over how long the rate of a terminal is measured.
const RATE_WINDOW: Duration = Duration::from_secs(1);

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

/// What a line shows beside the rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Totals {
    sources: Counts,
    sinks: Counts,
    failed: usize,
}

impl Totals {
    fn of(connectors: &[Moved]) -> Self {
        let mut totals = Self::default();
        for moved in connectors {
            let side = if moved.sink {
                &mut totals.sinks
            } else {
                &mut totals.sources
            };
            *side += moved.counts;
            totals.failed += moved.failed;
        }
        totals
    }

    fn records_out(&self) -> u64 {
        self.sources.records_out + self.sinks.records_out
    }
}

/// Shows progress.
pub struct ProgressLine {
    style: Style,
    interval: Duration,
    started: Instant,
    /// When records were last seen to have moved.
    moved_at: Instant,
    seen: Totals,
    /// What the last line that stays shows, and when it was written.
    written: Option<Totals>,
    /// Since when, and from how many records on, the rate is measured.
    window: (Instant, u64),
    rate: u64,
}

impl ProgressLine {
    /// `interval`: how often a line is written where it cannot be written over.
    pub fn new(style: Style, interval: Duration) -> Self {
        let now = Instant::now();
        Self {
            style,
            interval,
            started: now,
            moved_at: now,
            seen: Totals::default(),
            written: None,
            window: (now, 0),
            rate: 0,
        }
    }

    pub fn style(&self) -> Style {
        self.style
    }

    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// Shows what there is now, where it is time to.
    ///
    /// # Errors
    /// When the output is closed.
    pub fn show(&mut self, connectors: &[Moved]) -> std::io::Result<()> {
        let totals = self.see(connectors);
        let window = if self.style == Style::Terminal {
            RATE_WINDOW
        } else {
            self.interval
        };
        let (since, from) = self.window;
        let is_over = since.elapsed() >= window;
        // In the first second the rate is that since the start.
        if is_over || (self.style == Style::Terminal && since == self.started) {
            self.rate = per_second(totals.records_out().saturating_sub(from), since.elapsed());
        }
        if is_over {
            self.window = (Instant::now(), totals.records_out());
        }
        match self.style {
            Style::Silent => Ok(()),
            Style::Terminal => write!(std::io::stderr(), "\r\x1b[2K{}", text(&totals, self.rate)),
            Style::Lines | Style::Json if is_over && self.written != Some(totals) => {
                self.write(totals, connectors)
            }
            Style::Lines | Style::Json => Ok(()),
        }
    }

    /// Shows what there is at the end.
    ///
    /// # Errors
    /// When the output is closed.
    pub fn show_last(&mut self, connectors: &[Moved]) -> std::io::Result<()> {
        let totals = self.see(connectors);
        self.rate = per_second(totals.records_out(), self.moved_at - self.started);
        match self.style {
            Style::Silent => Ok(()),
            Style::Terminal => writeln!(std::io::stderr(), "\r\x1b[2K{}", text(&totals, self.rate)),
            Style::Lines | Style::Json if self.written != Some(totals) => {
                self.write(totals, connectors)
            }
            Style::Lines | Style::Json => Ok(()),
        }?;
        match (self.style, transform_table(connectors)) {
            (Style::Terminal | Style::Lines, Some(table)) => {
                writeln!(std::io::stderr(), "\n{table}")
            }
            _ => Ok(()),
        }
    }

    fn see(&mut self, connectors: &[Moved]) -> Totals {
        let totals = Totals::of(connectors);
        if totals.records_out() != self.seen.records_out() {
            self.moved_at = Instant::now();
        }
        self.seen = totals;
        totals
    }

    /// Writes a line that stays.
    fn write(&mut self, totals: Totals, connectors: &[Moved]) -> std::io::Result<()> {
        self.written = Some(totals);
        if self.style == Style::Json {
            let transforms = transforms_json(connectors);
            line(&as_json(&totals, self.rate, transforms).to_string())
        } else {
            writeln!(std::io::stderr(), "{}", text(&totals, self.rate))
        }
    }
}

fn per_second(records: u64, time: Duration) -> u64 {
    let milliseconds = time.as_millis().max(1);
    u64::try_from(u128::from(records) * 1_000 / milliseconds).unwrap_or(u64::MAX)
}

fn as_json(totals: &Totals, rate: u64, transforms: Vec<Value>) -> Value {
    let counts = |counts: Counts| {
        json!({
            "records_in": counts.records_in, "records_out": counts.records_out,
            "filtered": counts.filtered, "skipped": counts.skipped, "dead_lettered": counts.dead_lettered(),
            "lag": counts.lag,
        })
    };
    json!({
        "sources": counts(totals.sources), "sinks": counts(totals.sinks), "records_per_second": rate,
        "failed": totals.failed, "transforms": transforms,
    })
}

fn text(totals: &Totals, rate: u64) -> String {
    let (sources, sinks) = (totals.sources, totals.sinks);
    let skipped = sources.skipped + sinks.skipped;
    let mut text = format!(
        "source {} in {} out · sink {} in {} out · {}/s · lag {}",
        number(sources.records_in),
        number(sources.records_out),
        number(sinks.records_in),
        number(sinks.records_out),
        number(rate),
        number(sources.lag + sinks.lag),
    );
    if skipped > 0 {
        text.push_str(&format!(" · {} skipped", number(skipped)));
    }
    let kept = sources.dead_lettered() + sinks.dead_lettered();
    if kept > 0 {
        text.push_str(&format!(" · {} dead-lettered", number(kept)));
    }
    if totals.failed > 0 {
        text.push_str(&format!(" · {} FAILED", totals.failed));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_records_by_seconds_also_of_no_time() {
        assert_eq!(per_second(500, Duration::from_millis(250)), 2_000);
        assert_eq!(per_second(3, Duration::ZERO), 3_000);
        assert_eq!(per_second(u64::MAX, Duration::ZERO), u64::MAX);
    }

    #[tokio::test]
    async fn a_line_that_stays_is_written_once() {
        let mut line = ProgressLine::new(Style::Lines, Duration::ZERO);
        let connectors = [Moved {
            connector: "c".to_owned(),
            sink: true,
            tasks: 1,
            failed: 0,
            restarting: 0,
            counts: Counts {
                records_out: 7,
                ..Counts::default()
            },
            transforms: Vec::new(),
        }];
        line.show(&connectors).unwrap();
        let written = line.written;
        assert_eq!(written, Some(Totals::of(&connectors)));
        line.rate = 99;
        line.show_last(&connectors).unwrap();
        assert_eq!(line.written, written);
        assert!(line.moved_at > line.started);
    }
}
