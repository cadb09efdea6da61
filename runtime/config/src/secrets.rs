//! Texts that nobody may be shown: values that came from a config provider, and those of passwords.
//!
//! Whoever hands a text to a log, a status or a client has it [redacted](Secrets::redact) first. That keeps a secret out
//! of what is said by mistake. It does not keep in what a guest wants to tell: a guest may write a secret that it was
//! given in any other form.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use tidegate_model::guest_text::is_unsafe;

use crate::definition::HIDDEN;

/// Shorter texts are not looked for: they are found in other words too. Where the value of their key is shown, they are
/// hidden all the same.
pub const SECRET_BYTES_MIN: usize = 4;

/// Secrets of a connector, or of a worker. Cheap to clone.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secrets(Option<Arc<[String]>>);

impl Secrets {
    /// These values, in each of the forms in which a message may have them.
    #[must_use]
    pub fn of<'a>(values: impl IntoIterator<Item = &'a str>) -> Self {
        let mut forms = BTreeSet::new();
        for value in values {
            let lines = value.lines().map(str::trim);
            for text in [value, value.trim()].into_iter().chain(lines) {
                if text.len() >= SECRET_BYTES_MIN {
                    add_forms(text, &mut forms);
                }
            }
        }
        Self::from_forms(forms)
    }

    /// These and others.
    #[must_use]
    pub fn and(&self, others: &Self) -> Self {
        if others.0.is_none() {
            return self.clone();
        }
        let forms = self.forms().iter().chain(others.forms()).cloned();
        Self::from_forms(forms.collect())
    }

    fn from_forms(forms: BTreeSet<String>) -> Self {
        if forms.is_empty() {
            return Self::default();
        }
        let mut forms: Vec<String> = forms.into_iter().collect();
        // What holds another is hidden as a whole.
        forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
        Self(Some(forms.into()))
    }

    fn forms(&self) -> &[String] {
        self.0.as_deref().unwrap_or_default()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The bytes of the longest: whoever cuts a text before it is redacted leaves that much more.
    #[must_use]
    pub fn longest(&self) -> usize {
        self.forms().first().map_or(0, String::len)
    }

    /// A text with `[hidden]` in the place of each secret.
    #[must_use]
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut redacted = Cow::Borrowed(text);
        for form in self.forms() {
            if redacted.contains(form.as_str()) {
                redacted = Cow::Owned(redacted.replace(form.as_str(), HIDDEN));
            }
        }
        redacted
    }
}

impl Secrets {
    /// The same for a text that may have been cut: what it ends with may be the beginning of a secret.
    #[must_use]
    pub fn redact_cut<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let redacted = self.redact(text);
        let end = redacted.trim_end_matches('\u{fffd}');
        let begun = |form: &String| {
            let lengths = (SECRET_BYTES_MIN..form.len()).rev();
            lengths
                .filter_map(|length| form.get(..length))
                .find(|beginning| end.ends_with(beginning))
                .map(str::len)
        };
        match self.forms().iter().filter_map(begun).max() {
            None => redacted,
            Some(length) => {
                let kept = end.get(..end.len() - length).unwrap_or_default();
                Cow::Owned(format!("{kept}{HIDDEN}"))
            }
        }
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(…)")
    }
}

/// A text as it is, and as logs, JSON, Rust's debug output and URLs write it.
fn add_forms(text: &str, forms: &mut BTreeSet<String>) {
    let mut safe = String::with_capacity(text.len());
    let mut in_url = String::with_capacity(text.len());
    for c in text.chars() {
        if is_unsafe(c) {
            safe.extend(c.escape_default());
        } else {
            safe.push(c);
        }
        if c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '~') {
            in_url.push(c);
        } else {
            let mut bytes = [0; 4];
            for byte in c.encode_utf8(&mut bytes).bytes() {
                in_url.push_str(&format!("%{byte:02X}"));
            }
        }
    }
    let json = serde_json::Value::from(text).to_string();
    let json = json
        .strip_prefix('"')
        .and_then(|json| json.strip_suffix('"'));
    let json = json.unwrap_or(text).to_owned();
    forms.extend([
        text.to_owned(),
        safe,
        in_url,
        json,
        text.escape_debug().collect(),
    ]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_secret_is_hidden_in_each_form() {
        let secrets = Secrets::of([
            "pass\"w\u{f6}rd\n",
            "-----BEGIN KEY-----\nMIIEvQ\n-----END KEY-----",
        ]);
        for (text, wanted) in [
            ("login with pass\"wörd failed", "login with [hidden] failed"),
            ("{\"p\":\"pass\\\"wörd\\n\"}", "{\"p\":\"[hidden]\"}"),
            ("http://u:pass%22w%C3%B6rd@h/", "http://u:[hidden]@h/"),
            ("a line of it: MIIEvQ", "a line of it: [hidden]"),
            (
                "all: -----BEGIN KEY-----\\nMIIEvQ\\n-----END KEY-----",
                "all: [hidden]",
            ),
            ("nothing", "nothing"),
        ] {
            assert_eq!(secrets.redact(text), wanted);
        }
        assert_eq!(format!("{secrets:?}"), "Secrets(…)");
    }

    #[test]
    fn what_holds_another_is_hidden_as_a_whole() {
        let secrets = Secrets::of(["word"]).and(&Secrets::of(["password1"]));
        assert_eq!(secrets.redact("password1 word"), "[hidden] [hidden]");
        assert_eq!(secrets.longest(), 9);
        assert_eq!(Secrets::of(["abc", ""]), Secrets::default());
    }

    #[test]
    fn what_was_cut_inside_a_secret_is_hidden_too() {
        let secrets = Secrets::of(["canary-1234", "\u{e9}\u{e9}\u{e9}"]);
        assert_eq!(secrets.redact_cut("with canary-12"), "with [hidden]");
        assert_eq!(secrets.redact_cut("with can"), "with can");
        assert_eq!(
            secrets.redact_cut("with \u{e9}\u{e9}\u{fffd}"),
            "with [hidden]"
        );
        assert_eq!(
            secrets.redact_cut("canary-1234 canary-"),
            "[hidden] [hidden]"
        );
    }

    proptest! {
        #[test]
        fn no_secret_is_left(secret in "[a-zA-Z0-9\"\\\\/é +=]{6,40}", before in "(?s).{0,20}", after in "(?s).{0,20}") {
            let secrets = Secrets::of([secret.as_str()]);
            let text = format!("{before}{secret}{after}");
            prop_assert!(!secrets.redact(&text).contains(secret.as_str()));
        }
    }
}
