//! Java's `.properties` format, as `java.util.Properties.load` reads it: comments with `#` and `!`, keys ended
//! by `=`, `:` or white space, lines continued by a backslash, `\uXXXX`, and the last of equal keys wins.

use crate::Properties;
use crate::error::ConfigError;

/// Parses a `.properties` text.
///
/// # Errors
/// When a `\u` escape is not four hexadecimal digits, or a key or value holds a control character.
pub fn parse(text: &str) -> Result<Properties, ConfigError> {
    let text = text
        .trim_start_matches('\u{feff}')
        .replace("\r\n", "\n")
        .replace('\r', "\n");
    let mut properties = Properties::new();
    let mut lines = text.split('\n').zip(1..);
    while let Some((line, number)) = lines.next() {
        let line = line.trim_start_matches(is_blank);
        if line.is_empty() || line.starts_with(['#', '!']) {
            continue;
        }
        let mut logical = line.to_owned();
        while is_continued(&logical) {
            logical.pop();
            let Some((next, _)) = lines.next() else { break };
            logical.push_str(next.trim_start_matches(is_blank));
        }
        let (key, value) = split(&logical);
        let key = unescape(key, number)?;
        let value = unescape(value, number)?;
        check(&key, &value).map_err(|message| syntax(number, message))?;
        properties.insert(key, value);
    }
    Ok(properties)
}

/// Refuses what no key and no value may hold: a key without characters, and control characters other than
/// tabs and line ends in values.
pub(crate) fn check(key: &str, value: &str) -> Result<(), String> {
    if key.trim().is_empty() {
        return Err("a key is empty; write the key before '='".to_owned());
    }
    if let Some(found) = key.chars().find(|c| c.is_control()) {
        return Err(format!(
            "the key {key:?} has the control character {found:?}; remove it"
        ));
    }
    match value
        .chars()
        .find(|c| c.is_control() && !matches!(c, '\t' | '\n' | '\r'))
    {
        Some(found) => Err(format!(
            "the value of {key:?} has the control character {found:?}; remove it"
        )),
        None => Ok(()),
    }
}

fn syntax(line: usize, message: String) -> ConfigError {
    ConfigError::Syntax {
        what: "properties".to_owned(),
        line,
        column: 1,
        message,
    }
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\u{c}')
}

/// Whether a line ends with an odd number of backslashes.
fn is_continued(line: &str) -> bool {
    line.bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1
}

/// Divides a line at the first separator that is not escaped.
fn split(line: &str) -> (&str, &str) {
    let mut escaped = false;
    for (at, c) in line.char_indices() {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if is_blank(c) || c == '=' || c == ':' {
            let (key, rest) = line.split_at(at);
            let rest = rest.trim_start_matches(is_blank);
            let value = rest.strip_prefix(['=', ':']).unwrap_or(rest);
            return (key, value.trim_start_matches(is_blank));
        }
    }
    (line, "")
}

fn unescape(text: &str, line: usize) -> Result<String, ConfigError> {
    let mut unescaped = String::with_capacity(text.len());
    // Java writes characters beyond U+FFFF as two escapes, so units are collected before they are characters.
    let mut units: Vec<u16> = Vec::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let c = match (c, c == '\\') {
            (c, false) => c,
            _ => match chars.next() {
                Some('u') => {
                    units.push(unit(&mut chars).ok_or_else(|| {
                        syntax(line, "a \\u is not followed by four hexadecimal digits; write \\\\u for the text".to_owned())
                    })?);
                    continue;
                }
                Some('t') => '\t',
                Some('n') => '\n',
                Some('r') => '\r',
                Some('f') => '\u{c}',
                Some(c) => c,
                None => break,
            },
        };
        unescaped.push_str(&String::from_utf16_lossy(&units));
        units.clear();
        unescaped.push(c);
    }
    unescaped.push_str(&String::from_utf16_lossy(&units));
    Ok(unescaped)
}

fn unit(chars: &mut std::str::Chars<'_>) -> Option<u16> {
    let digits: String = chars.take(4).collect();
    let all = digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if all {
        u16::from_str_radix(&digits, 16).ok()
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keys_end_at_equals_colon_or_white_space() {
        let parsed = parse("a=1\nb : 2\nc 3\n  d\t=\t4 \ne\nf==5\n# x=1\n! y=1\n\ng=\n").unwrap();
        let wanted = [
            ("a", "1"),
            ("b", "2"),
            ("c", "3"),
            ("d", "4 "),
            ("e", ""),
            ("f", "=5"),
            ("g", ""),
        ];
        assert_eq!(
            parsed,
            wanted.map(|(k, v)| (k.to_owned(), v.to_owned())).into()
        );
    }

    #[test]
    fn a_backslash_continues_a_line_and_escapes() {
        let parsed = parse("fruits=apple, \\\n    banana, \\\r\n  pear\na\\=b\\ c=d\\\\\nu=\\u00e4\\ud83d\\ude00\\t.\nw=C:\\\\x").unwrap();
        assert_eq!(parsed["fruits"], "apple, banana, pear");
        assert_eq!(parsed["a=b c"], "d\\");
        assert_eq!(parsed["u"], "ä😀\t.");
        assert_eq!(parsed["w"], "C:\\x");
    }

    #[test]
    fn a_comment_inside_a_continued_line_is_text() {
        assert_eq!(parse("a=1,\\\n#2").unwrap()["a"], "1,#2");
    }

    #[test]
    fn the_last_of_equal_keys_wins() {
        assert_eq!(parse("a=1\ra=2").unwrap()["a"], "2");
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let error = parse("a=1\n\nb=\\u12g4").unwrap_err().to_string();
        assert!(
            error.contains("line 3") && error.contains("hexadecimal"),
            "{error}"
        );
        let error = parse("a=\\u0000").unwrap_err().to_string();
        assert!(error.contains("control character"), "{error}");
        assert!(parse("=x").is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused(text in "(?s).{0,200}") {
            drop(parse(&text));
        }

        #[test]
        fn what_looks_like_properties_is_parsed_or_refused(text in "([ab\\\\u0019=: \n\r\t#!]{0,40}\n){0,5}") {
            drop(parse(&text));
        }
    }
}
