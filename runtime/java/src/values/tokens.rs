//! The text of a header, cut into delimiters and what stands between them. A backslash before a delimiter
//! makes it part of the text.

/// A place in a text.
#[derive(Debug, Clone)]
pub(super) struct Tokens<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Tokens<'a> {
    /// Begins at the start.
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// The whole text.
    pub(super) fn text(&self) -> &'a str {
        self.text
    }

    /// Whether anything is left.
    pub(super) fn has_next(&self) -> bool {
        self.at < self.text.len()
    }

    /// Takes the next token: a delimiter, or all up to one; empty at the end.
    pub(super) fn next(&mut self) -> &'a str {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let mut escaped = false;
        let mut length = rest.len();
        for (place, byte) in rest.bytes().enumerate() {
            match byte {
                b'\\' => escaped = !escaped,
                b':' | b',' | b'{' | b'}' | b'[' | b']' | b'"' if !escaped => {
                    length = place.max(1);
                    break;
                }
                _ => escaped = false,
            }
        }
        let token = rest.get(..length).unwrap_or_default();
        self.at += token.len();
        token
    }

    /// Takes the next tokens, `count` of them, as one text; `None`, and nothing taken, when there are fewer.
    pub(super) fn next_many(&mut self, count: usize) -> Option<&'a str> {
        let start = self.at;
        for _ in 0..count {
            if !self.has_next() {
                self.at = start;
                return None;
            }
            self.next();
        }
        self.text.get(start..self.at)
    }

    /// Takes `expected` when it comes next; blank tokens before it and blanks around it do not matter.
    pub(super) fn take(&mut self, expected: &str) -> bool {
        let mut ahead = self.clone();
        if !ahead.has_next() {
            return false;
        }
        let mut token = ahead.next();
        while trimmed(token).is_empty() && ahead.has_next() {
            token = ahead.next();
        }
        if trimmed(token) == expected {
            *self = ahead;
            return true;
        }
        false
    }
}

/// Without blanks and control characters around it, as Java's `trim` has it.
pub(super) fn trimmed(token: &str) -> &str {
    token.trim_matches(|character| character <= ' ')
}
