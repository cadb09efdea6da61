//! Lines out of the pieces in which a server's bytes come.

use std::collections::VecDeque;

use crate::LINE_BYTES_MAX;

/// Lines that were read, and the beginning of the next.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    whole: VecDeque<String>,
    rest: Vec<u8>,
    /// The line that is being read is too long, and left out up to its end.
    skipping: bool,
    cut: usize,
}

impl Lines {
    /// Adds bytes as they came.
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        let mut parts = bytes.split(|byte| *byte == b'\n');
        // What follows the last line break is the beginning of a line.
        let beginning = parts.next_back().unwrap_or_default();
        for part in parts {
            self.append(part);
            self.end();
        }
        self.append(beginning);
    }

    /// Ends the line that is being read, if there is something of it.
    pub(crate) fn end(&mut self) {
        if std::mem::take(&mut self.skipping) {
            return;
        }
        let mut line = std::mem::take(&mut self.rest);
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        if !line.is_empty() {
            self.whole
                .push_back(String::from_utf8_lossy(&line).into_owned());
        }
    }

    /// Drops the beginning of a line whose end will never come.
    pub(crate) fn forget_the_rest(&mut self) {
        self.rest.clear();
        self.skipping = false;
    }

    /// The next line.
    pub(crate) fn take(&mut self) -> Option<String> {
        self.whole.pop_front()
    }

    /// How many lines were left out since this was last asked.
    pub(crate) fn take_cut(&mut self) -> usize {
        std::mem::take(&mut self.cut)
    }

    fn append(&mut self, part: &[u8]) {
        if self.skipping {
            return;
        }
        if self.rest.len() + part.len() > LINE_BYTES_MAX {
            self.rest.clear();
            self.skipping = true;
            self.cut += 1;
            return;
        }
        self.rest.extend_from_slice(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_put_together() {
        let mut lines = Lines::default();
        for piece in ["a", "b\r", "\n\nc\nd", ""] {
            lines.add(piece.as_bytes());
        }
        assert_eq!(
            (lines.take().as_deref(), lines.take().as_deref()),
            (Some("ab"), Some("c"))
        );
        assert_eq!(lines.take(), None);
        lines.end();
        assert_eq!(lines.take().as_deref(), Some("d"));
    }

    #[test]
    fn a_line_that_is_too_long_is_left_out_and_counted() {
        let mut lines = Lines::default();
        lines.add(&vec![b'x'; LINE_BYTES_MAX]);
        lines.add(b"yz");
        lines.add(b"more\nnext\n");
        assert_eq!(
            (lines.take().as_deref(), lines.take_cut()),
            (Some("next"), 1)
        );
    }
}
