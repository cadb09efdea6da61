//! Text as a JSON string, as Jackson writes it: control characters as `\n` or `\u001F`, and a character
//! beyond the 16-bit plane as two escapes.

const HIGHS: u64 = 0x8080_8080_8080_8080;
const ONES: u64 = 0x0101_0101_0101_0101;
const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// Appends a string in quotes; false, and nothing appended, when `text` is not UTF-8.
#[inline]
pub(super) fn string(text: &[u8], out: &mut Vec<u8>) -> bool {
    if !is_plain(text) {
        return escaped(text, out);
    }
    out.reserve(text.len() + 2);
    out.push(b'"');
    out.extend_from_slice(text);
    out.push(b'"');
    true
}

/// Whether a text is ASCII without quotes, backslashes and control characters.
#[inline]
pub(super) fn is_plain(text: &[u8]) -> bool {
    let mut rest = text;
    while let Some((eight, more)) = rest.split_first_chunk::<8>() {
        let word = u64::from_le_bytes(*eight);
        let quotes = word ^ (ONES * u64::from(b'"'));
        let backslashes = word ^ (ONES * u64::from(b'\\'));
        let found = quotes.wrapping_sub(ONES)
            | backslashes.wrapping_sub(ONES)
            | word.wrapping_sub(ONES * 0x20)
            | word;
        if found & HIGHS != 0 {
            return false;
        }
        rest = more;
    }
    rest.iter()
        .all(|byte| matches!(byte, 0x20..0x80) && *byte != b'"' && *byte != b'\\')
}

#[cold]
fn escaped(text: &[u8], out: &mut Vec<u8>) -> bool {
    let Ok(text) = std::str::from_utf8(text) else {
        return false;
    };
    out.push(b'"');
    let mut start = 0;
    for (at, character) in text.char_indices() {
        let short = match character {
            '"' => b'"',
            '\\' => b'\\',
            '\n' => b'n',
            '\r' => b'r',
            '\t' => b't',
            '\u{8}' => b'b',
            '\u{c}' => b'f',
            '\0'..' ' | '\u{1_0000}'.. => 0,
            _ => continue,
        };
        out.extend_from_slice(text.get(start..at).unwrap_or_default().as_bytes());
        start = at + character.len_utf8();
        if short == 0 {
            let mut units = [0; 2];
            character
                .encode_utf16(&mut units)
                .iter()
                .for_each(|unit| code_unit(*unit, out));
        } else {
            out.extend_from_slice(&[b'\\', short]);
        }
    }
    out.extend_from_slice(text.get(start..).unwrap_or_default().as_bytes());
    out.push(b'"');
    true
}

fn code_unit(unit: u16, out: &mut Vec<u8>) {
    out.extend_from_slice(b"\\u");
    for shift in [12, 8, 4, 0] {
        let digit = usize::from((unit >> shift) & 15);
        out.push(HEX.get(digit).copied().unwrap_or(b'0'));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_escaped_as_jackson_does() {
        for (text, expected) in [
            ("plain", "\"plain\""),
            ("a\"b\\c/d", r#""a\"b\\c/d""#),
            ("\n\r\t\u{8}\u{c}", r#""\n\r\t\b\f""#),
            ("\u{0}\u{1f}\u{7f}", "\"\\u0000\\u001F\u{7f}\""),
            ("é\u{2028}", "\"é\u{2028}\""),
            ("😀", r#""\uD83D\uDE00""#),
            (
                "longer than eight bytes, \"quoted\"",
                r#""longer than eight bytes, \"quoted\"""#,
            ),
        ] {
            let mut out = Vec::new();
            assert!(string(text.as_bytes(), &mut out));
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
        assert!(!string(b"a\xff", &mut Vec::new()));
    }
}
