//! What the user sees: tables, JSON, the log.

use std::io::{IsTerminal, Write};

use comfy_table::{ContentArrangement, Table, presets};
use tidegate_model::guest_text::is_unsafe;

/// Writes the log to standard error; RUST_LOG sets its level, `info` without it.
pub fn start_logging() {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .init();
}

/// Prints a table.
///
/// # Errors
/// When standard output is closed.
pub fn table<const N: usize>(headings: [&str; N], rows: Vec<[String; N]>) -> std::io::Result<()> {
    let mut table = Table::new();
    table
        .load_preset(presets::UTF8_HORIZONTAL_ONLY)
        .set_header(headings);
    if std::io::stdout().is_terminal() {
        table.set_content_arrangement(ContentArrangement::Dynamic);
    }
    table.add_rows(rows);
    line(&table.to_string())
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
