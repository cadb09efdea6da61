//! What the user sees: tables, JSON, the log.

use std::io::{IsTerminal, Write};
use std::sync::OnceLock;

use comfy_table::{ColumnConstraint, ContentArrangement, Table, TableComponent, presets};
use tidegate_herder::loggers::ApplyFilter;
use tidegate_herder::{LogLevel, Loggers};
use tidegate_model::guest_text::is_unsafe;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, reload};

use crate::traces::{self, Spans, is_exported};

/// How wide a table is where no terminal says it.
const WIDTH: u16 = 100;
/// The HTML that is left out.
const TAGS: [&str; 10] = [
    "code", "br", "p", "ul", "li", "b", "i", "em", "strong", "pre",
];
/// That of it which ends a word.
const BREAKS: [&str; 4] = ["br", "p", "ul", "li"];

/// What sets another filter of the log.
static SET_FILTER: OnceLock<ApplyFilter> = OnceLock::new();

/// What is logged without RUST_LOG.
const FILTER_DEFAULT: &str = "info";

/// Writes the log to standard error; RUST_LOG sets its level, `info` without it.
pub fn start_logging() {
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(FILTER_DEFAULT));
    let (filter, handle) = reload::Layer::new(filter);
    SET_FILTER.get_or_init(|| {
        Box::new(move |filter| {
            if let Err(error) = handle.reload(EnvFilter::new(filter)) {
                tracing::error!(%error, "The levels of the log could not be changed.");
            }
        })
    });
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .with_filter(filter_fn(|metadata| metadata.target() != traces::TARGET))
        .with_filter(filter);
    tracing_subscriber::registry()
        .with(lines)
        .with(Spans.with_filter(filter_fn(is_exported)))
        .init();
}

/// The loggers of this program, as clients of REST read and set them.
pub fn loggers() -> Loggers {
    let given = std::env::var(EnvFilter::DEFAULT_ENV).ok();
    let parsed = given.and_then(|given| Some((EnvFilter::try_new(&given).ok()?, given)));
    let (filter, text) =
        parsed.unwrap_or_else(|| (EnvFilter::new(FILTER_DEFAULT), FILTER_DEFAULT.to_owned()));
    let hint = filter.max_level_hint().map(|level| level.to_string());
    let root = hint.and_then(|level| LogLevel::of(&level));
    let apply = |filter: &str| {
        if let Some(set) = SET_FILTER.get() {
            set(filter);
        }
    };
    Loggers::new(root.unwrap_or(LogLevel::Info), &text, Box::new(apply))
}

/// Prints a table: a rule under the headings, no wider than the terminal. `whole` columns, from the left, are never
/// broken, so that what is in them can be searched for and copied.
///
/// # Errors
/// When standard output is closed.
pub fn table<const N: usize>(
    headings: [&str; N],
    rows: Vec<[String; N]>,
    whole: usize,
) -> std::io::Result<()> {
    line(&drawn(headings, rows, whole, terminal_width()))
}

/// `None`: as wide as the terminal.
fn terminal_width() -> Option<u16> {
    (!std::io::stdout().is_terminal()).then_some(WIDTH)
}

/// The text of a table.
pub fn drawn<const N: usize>(
    headings: [&str; N],
    rows: Vec<[String; N]>,
    whole: usize,
    width: Option<u16>,
) -> String {
    let mut table = Table::new();
    table
        .load_preset(presets::NOTHING)
        .set_style(TableComponent::HeaderLines, '─')
        .set_style(TableComponent::MiddleHeaderIntersections, '─')
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(headings)
        .add_rows(rows);
    if let Some(width) = width {
        table.set_width(width);
    }
    // In a narrow terminal everything is broken rather than the rest squeezed.
    if table.width().is_none_or(|width| width >= WIDTH) {
        for column in table.column_iter_mut().take(whole) {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    let text = table.to_string();
    let lines: Vec<_> = text.lines().map(str::trim_end).collect();
    lines.join("\n")
}

/// A documentation without the HTML that Kafka Connect's have.
#[must_use]
pub fn without_html(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('<') {
        plain.push_str(before);
        let name: String = after
            .trim_start_matches('/')
            .chars()
            .take_while(char::is_ascii_alphanumeric)
            .collect();
        match after.split_once('>') {
            Some((_, behind)) if TAGS.contains(&name.as_str()) => {
                if BREAKS.contains(&name.as_str()) && !plain.is_empty() {
                    plain.push(' ');
                }
                rest = behind;
            }
            // No tag: `<name>` is how others write what is to be filled in.
            _ => {
                plain.push('<');
                rest = after;
            }
        }
    }
    plain.push_str(rest);
    let words: Vec<_> = plain.split_whitespace().collect();
    let plain = words.join(" ");
    plain
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&")
}

/// Prints a line.
///
/// # Errors
/// When standard output is closed.
pub fn line(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.write_all(b"\n")
}

/// Prints a JSON value on one line. Characters that could steer a terminal are written as JSON escapes: a guest
/// chose some of the texts, and they stay what they are for whoever reads the JSON.
///
/// # Errors
/// When standard output is closed.
pub fn json_line(value: &serde_json::Value) -> std::io::Result<()> {
    line(&escaped(&value.to_string()))
}

fn escaped(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for c in json.chars() {
        if is_unsafe(c) {
            escaped.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            escaped.push(c);
        }
    }
    escaped
}

/// A number with its thousands apart.
#[must_use]
pub fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_one_rule_and_is_no_wider_than_it_may_be() {
        let long = "many words that are wrapped ".repeat(9);
        let class = "org.apache.kafka.connect.transforms.predicates.TopicNameMatches";
        let rows = vec![[class.to_owned(), long.clone()], ["b".to_owned(), long]];
        let text = drawn(["class", "what it does"], rows, 1, Some(WIDTH));
        assert!(
            text.lines()
                .all(|line| line.chars().count() <= usize::from(WIDTH)),
            "{text}"
        );
        assert_eq!(text.lines().filter(|line| line.contains('─')).count(), 1);
        assert!(text.contains(class), "{text}");
    }

    #[test]
    fn html_is_left_out_and_placeholders_are_kept() {
        let html = "Uses <code>!</code>, or <name>.<br/>A &lt;b&gt;<p/>a < b";
        assert_eq!(without_html(html), "Uses !, or <name>. A <b> a < b");
    }

    #[test]
    fn json_cannot_steer_a_terminal_and_means_the_same() {
        let value = serde_json::json!({"default": "\u{9b}31m\u{202e}\n\u{1b}grün"});
        let text = super::escaped(&value.to_string());
        assert!(!text.chars().any(super::is_unsafe), "{text}");
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&text).unwrap(),
            value
        );
    }

    #[test]
    fn thousands_stand_apart() {
        let wanted = [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (12_345_678, "12,345,678"),
        ];
        for (number, text) in wanted {
            assert_eq!(super::number(number), text);
        }
    }
}
