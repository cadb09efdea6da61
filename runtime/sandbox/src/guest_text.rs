//! Text from a guest, made safe for a log line, an error message or a terminal.

use std::borrow::Cow;

/// Cuts a text at `bytes_max` and writes out its control characters, line breaks and the characters that
/// reorder or hide text, so that it can neither fake a log line nor steer a terminal.
pub(crate) fn clean(text: &str, bytes_max: usize) -> Cow<'_, str> {
    let end = text.floor_char_boundary(bytes_max);
    let (kept, cut) = text.split_at_checked(end).unwrap_or((text, ""));
    if cut.is_empty() && !kept.chars().any(is_unsafe) {
        return Cow::Borrowed(kept);
    }
    let mut safe = String::with_capacity(kept.len() + 16);
    for c in kept.chars() {
        if is_unsafe(c) {
            safe.extend(c.escape_default());
        } else {
            safe.push(c);
        }
    }
    if !cut.is_empty() {
        safe.push_str(" … (cut)");
    }
    Cow::Owned(safe)
}

fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_is_kept_as_it_is() {
        assert!(matches!(
            clean("grün 5 µs", 100),
            Cow::Borrowed("grün 5 µs")
        ));
    }

    #[test]
    fn control_characters_and_reordering_are_written_out() {
        assert_eq!(
            clean("a\nERROR fake\u{1b}[31m\u{202e}b", 100),
            "a\\nERROR fake\\u{1b}[31m\\u{202e}b"
        );
    }

    #[test]
    fn a_long_text_is_cut_at_a_character() {
        assert_eq!(clean("aüü", 2), "a … (cut)");
    }
}
