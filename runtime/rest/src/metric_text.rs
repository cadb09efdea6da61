//! Prometheus' text format, version 0.0.4.
//!
//! Label values come from clients and guests: each is escaped and cut. Names that differ stay different.

use std::fmt::Write;

use tidegate_model::limits::CONNECTOR_NAME_BYTES_MAX;

/// The most bytes of a label's value. Names of connectors are never cut: they have fewer.
pub const LABEL_BYTES_MAX: usize = 512;

// What is told apart by a label stays told apart.
const _: () = assert!(CONNECTOR_NAME_BYTES_MAX < LABEL_BYTES_MAX);

/// A text that is being written.
#[derive(Default)]
pub(crate) struct Text(String);

impl Text {
    /// Begins a metric.
    pub(crate) fn metric(&mut self, name: &str, kind: &str, help: &str) {
        let help = help.replace('\\', "\\\\").replace('\n', "\\n");
        self.push(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
    }

    /// A value of the metric.
    pub(crate) fn value(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        self.0.push_str(name);
        let mut before = '{';
        for (label, value) in labels {
            self.0.push(before);
            self.0.push_str(label);
            self.0.push_str("=\"");
            self.escaped(value);
            self.0.push('"');
            before = ',';
        }
        if before == ',' {
            self.0.push('}');
        }
        match value {
            value if value.is_nan() => self.0.push_str(" NaN\n"),
            value => self.push(format_args!(" {value}\n")),
        }
    }

    /// How many lines it has.
    pub(crate) fn lines(&self) -> usize {
        self.0.bytes().filter(|byte| *byte == b'\n').count()
    }

    pub(crate) fn finish(self) -> String {
        self.0
    }

    fn escaped(&mut self, value: &str) {
        let ends = value.char_indices().map(|(at, c)| at + c.len_utf8());
        let end = ends.take_while(|end| *end <= LABEL_BYTES_MAX).last();
        for c in value.get(..end.unwrap_or(0)).unwrap_or_default().chars() {
            match c {
                '\\' => self.0.push_str("\\\\"),
                '"' => self.0.push_str("\\\""),
                '\n' => self.0.push_str("\\n"),
                c if c.is_control() => self.push(format_args!("\\\\u{{{:x}}}", u32::from(c))),
                c => self.0.push(c),
            }
        }
    }

    fn push(&mut self, text: std::fmt::Arguments<'_>) {
        // Writing to a text never fails.
        self.0.write_fmt(text).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped_and_cut() {
        let mut text = Text::default();
        text.metric("m", "gauge", "Of a\nb\\c.");
        text.value("m", &[], 1.0);
        text.value("m", &[("a", "x\"y\\z\nq\u{1b}"), ("b", "ü")], f64::NAN);
        text.value("m", &[("a", &"x".repeat(10_000))], 0.5);
        let text = text.finish();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0], "# HELP m Of a\\nb\\\\c.");
        assert_eq!(lines[1..3], ["# TYPE m gauge", "m 1"]);
        assert_eq!(lines[3], "m{a=\"x\\\"y\\\\z\\nq\\\\u{1b}\",b=\"ü\"} NaN");
        assert!(lines[4].len() < LABEL_BYTES_MAX + 20 && lines[4].ends_with("\"} 0.5"));
    }
}
