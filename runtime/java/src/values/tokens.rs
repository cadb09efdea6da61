//! The text of a header, cut into delimiters and what stands between them. A backslash before a delimiter
//! makes it part of the text.

/// A place in a text, and the token that was looked at there. As in Kafka Connect, looking for a token steps over the
/// blank ones before it, found or not.
#[derive(Debug, Clone)]
pub(super) struct Tokens<'a> {
    text: &'a str,
    at: usize,
    looked_at: Option<&'a str>,
}

impl<'a> Tokens<'a> {
    /// Begins at the start.
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            looked_at: None,
        }
    }

    /// The whole text.
    pub(super) fn text(&self) -> &'a str {
        self.text
    }

    /// Whether anything is left.
    pub(super) fn has_next(&self) -> bool {
        self.looked_at.is_some() || self.at < self.text.len()
    }

    /// Takes the next token: a delimiter, or all up to one; empty at the end.
    pub(super) fn next(&mut self) -> &'a str {
        match self.looked_at.take() {
            Some(token) => token,
            None => self.cut(),
        }
    }

    fn cut(&mut self) -> &'a str {
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

    /// Where the next token begins.
    pub(super) fn mark(&self) -> usize {
        self.at - self.looked_at.map_or(0, str::len)
    }

    /// Goes back to a place.
    pub(super) fn rewind(&mut self, mark: usize) {
        self.at = mark;
        self.looked_at = None;
    }

    /// Takes the next tokens, `count` of them, as one text; `None`, and nothing taken, when there are fewer.
    pub(super) fn next_many(&mut self, count: usize) -> Option<&'a str> {
        let start = self.mark();
        for _ in 0..count {
            if !self.has_next() {
                self.rewind(start);
                return None;
            }
            self.next();
        }
        self.text.get(start..self.at)
    }

    /// Takes `expected` when it comes next; blank tokens before it and blanks around it do not matter.
    pub(super) fn take(&mut self, expected: &str) -> bool {
        if !self.has_next() {
            return false;
        }
        let mut token = self.next();
        while is_blank(token) && self.at < self.text.len() {
            token = self.cut();
        }
        if trimmed(token) == expected {
            return true;
        }
        self.looked_at = Some(token);
        false
    }
}

/// Whether it is nothing but what Java's `trim` takes away.
pub(super) fn is_blank(token: &str) -> bool {
    trimmed(token).is_empty()
}

/// Without blanks and control characters around it, as Java's `trim` has it.
pub(super) fn trimmed(token: &str) -> &str {
    token.trim_matches(|character| character <= ' ')
}
