//! Text from a guest, made safe for a log line, an error message or a terminal.

use std::borrow::Cow;

/// What stands at the end of a text that was cut.
const CUT: &str = " … (cut)";

/// Writes out a text's control characters, line breaks and the characters that reorder or hide text, so that it can
/// neither fake a log line nor steer a terminal, and cuts it: what is given back has at most `bytes_max` bytes.
#[must_use]
pub fn clean(text: &str, bytes_max: usize) -> Cow<'_, str> {
    if text.len() <= bytes_max && !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len().min(bytes_max) + CUT.len());
    // Where it is cut when it turns out to be too long: the last character before the room for saying so.
    let mut cut_at = 0;
    for c in text.chars() {
        if is_unsafe(c) {
            safe.extend(c.escape_default());
        } else {
            safe.push(c);
        }
        if safe.len() > bytes_max {
            safe.truncate(cut_at);
            safe.push_str(CUT);
            break;
        }
        if safe.len() + CUT.len() <= bytes_max {
            cut_at = safe.len();
        }
    }
    Cow::Owned(safe)
}

/// Whether a character could fake a line, steer a terminal, or reorder or hide text.
#[must_use]
pub fn is_unsafe(c: char) -> bool {
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
        let text = "ü".repeat(20);
        assert_eq!(clean(&text, 40), text);
        assert_eq!(clean(&text, 39), format!("{} … (cut)", "ü".repeat(14)));
    }

    #[test]
    fn what_is_written_out_counts_as_it_is_written() {
        let controls = "\u{1}".repeat(4096);
        let cleaned = clean(&controls, 4096);
        assert!(cleaned.len() <= 4096, "{}", cleaned.len());
        assert!(cleaned.ends_with("\\u{1} … (cut)"), "{cleaned}");
        assert_eq!(clean("\n\n", 4), "\\n\\n");
    }
}
