//! What `Matcher.replaceFirst` puts in the place of a match: `$1`, `${name}`, `\$`.

use tidegate_java::regex::Pattern;
use tidegate_sdk::{Error, Result};

use crate::exception;

/// Compiles the pattern that the configuration key `key` holds.
///
/// # Errors
/// When it is no pattern.
pub fn compile(key: &str, pattern: &str) -> Result<Pattern> {
    Pattern::compile(pattern).map_err(|reason| {
        Error::config_key(
            key,
            format_args!(
                "Invalid value {pattern} for configuration {key}: Invalid regex: {reason}"
            ),
        )
    })
}

/// A replacement as Java's `Matcher.replaceFirst` has it: `$1`, `${name}`, `\$`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replacement {
    /// What is wrong with it is said when a text matches, as in Java.
    pieces: Result<Vec<Piece>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Literal(String),
    Group(usize),
}

impl Replacement {
    /// Reads the replacement that the configuration key `key` holds, for the groups of a pattern.
    #[must_use]
    pub fn parse(key: &str, replacement: &str, pattern: &Pattern) -> Self {
        let pieces = pieces(replacement, pattern).map_err(|(exception, reason)| {
            Error::thrown(exception, format_args!(
                "{reason}: {key} is {replacement}; $1 and ${{name}} are groups of the pattern, \\$ is a dollar sign"
            ))
        });
        Self { pieces }
    }

    /// The text with its first match replaced.
    ///
    /// # Errors
    /// A data error when the replacement names a group that the pattern does not have or ends too early, or when the
    /// text is none any more.
    pub fn first(&self, pattern: &Pattern, text: &str) -> Result<String> {
        let pieces = self.pieces.as_ref().map_err(Clone::clone)?;
        let found = pattern.first(text).map_err(Error::data)?;
        let Some((groups, whole)) = found
            .as_ref()
            .and_then(|groups| Some((groups, groups.first()?.clone()?)))
        else {
            return Ok(text.to_owned());
        };
        let text = text.as_bytes();
        let mut out = text.get(..whole.start).unwrap_or_default().to_vec();
        for piece in pieces {
            out.extend_from_slice(match piece {
                Piece::Literal(literal) => literal.as_bytes(),
                Piece::Group(number) => {
                    let group = groups.get(*number).cloned().flatten();
                    group.and_then(|group| text.get(group)).unwrap_or_default()
                }
            });
        }
        out.extend_from_slice(text.get(whole.end..).unwrap_or_default());
        String::from_utf8(out)
            .map_err(|_| Error::data("the new topic is not valid UTF-8; a topic name is ASCII"))
    }
}

fn pieces(replacement: &str, pattern: &Pattern) -> Result<Vec<Piece>, (&'static str, String)> {
    let wrong = |reason: &str| (exception::ILLEGAL_ARGUMENT, reason.to_owned());
    let groups = pattern.groups();
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let mut characters = replacement.chars().peekable();
    while let Some(character) = characters.next() {
        if character == '\\' {
            let escaped = characters.next();
            literal.push(escaped.ok_or_else(|| wrong("character to be escaped is missing"))?);
            continue;
        }
        if character != '$' {
            literal.push(character);
            continue;
        }
        if !literal.is_empty() {
            pieces.push(Piece::Literal(std::mem::take(&mut literal)));
        }
        if characters.next_if_eq(&'{').is_some() {
            let mut name = String::new();
            loop {
                match characters.next() {
                    Some('}') => break,
                    Some(character) => name.push(character),
                    None => return Err(wrong("named capturing group is missing trailing '}'")),
                }
            }
            let number = pattern
                .group_named(&name)
                .ok_or_else(|| wrong(&format!("No group with name {{{name}}}")))?;
            pieces.push(Piece::Group(number));
            continue;
        }
        let digit = |character: &char| character.to_digit(10).map(|digit| digit as usize);
        let first = characters.peek().and_then(digit);
        let mut number = first.ok_or_else(|| wrong("Illegal group reference"))?;
        characters.next();
        if number > groups {
            let reason = format!("No group {number}, the pattern has {groups}");
            return Err((exception::INDEX_OUT_OF_BOUNDS, reason));
        }
        // Further digits belong to the number as long as there is such a group.
        while let Some(next) = characters.peek().and_then(digit) {
            let longer = number.saturating_mul(10).saturating_add(next);
            if longer > groups {
                break;
            }
            number = longer;
            characters.next();
        }
        pieces.push(Piece::Group(number));
    }
    if !literal.is_empty() {
        pieces.push(Piece::Literal(literal));
    }
    Ok(pieces)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidegate_sdk::ErrorKind;

    fn replaced(regex: &str, replacement: &str, text: &str) -> Option<String> {
        let pattern = compile("regex", regex).unwrap();
        let replacement = Replacement::parse("replacement", replacement, &pattern);
        pattern
            .matches(text)
            .unwrap()
            .then(|| replacement.first(&pattern, text).unwrap())
    }

    #[test]
    fn replacements_are_read_as_java_reads_them() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(replaced("(.)(.*)", "$2$1", "abc"), some("bca"));
        assert_eq!(replaced("(.)(.*)", "$12", "abc"), some("a2"));
        assert_eq!(
            replaced("(?<x>.)(.*)", "${x}-\\$\\\\", "abc"),
            some("a-$\\")
        );
        // `matches` looks at the whole text, `replaceFirst` then at the first match.
        assert_eq!(replaced("a|ab", "c", "ab"), some("cb"));
        assert_eq!(replaced("a|b", "c", "ab"), None);
        assert_eq!(replaced("(a)|(b)", "[$2]", "a"), some("[]"));
    }

    #[test]
    fn groups_beside_look_around_are_put_in() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(replaced("(?!x)(.)(.*)", "$2$1", "abc"), some("bca"));
        assert_eq!(replaced("(?!a)(.)(.*)", "$2$1", "abc"), None);
        assert_eq!(
            replaced("(?<x>.)(.*)(?<!z)", "${x}-$2", "abc"),
            some("a-bc")
        );
    }

    #[test]
    fn a_pattern_that_takes_too_many_steps_fails_the_record() {
        let pattern = compile("regex", r"(a|aa)+\1c").unwrap();
        let replacement = Replacement::parse("replacement", "x", &pattern);
        let error = replacement.first(&pattern, &"a".repeat(200)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Data, "{error}");
    }

    #[test]
    fn a_replacement_that_can_never_work_fails_what_matches() {
        let pattern = compile("regex", "(?<x>a)(b)").unwrap();
        for (replacement, wanted) in [
            ("$9", "No group 9, the pattern has 2"),
            ("${y}", "No group with name {y}"),
            ("${x", "missing trailing '}'"),
            ("a$", "Illegal group reference"),
            ("a\\", "character to be escaped is missing"),
        ] {
            let replacement = Replacement::parse("replacement", replacement, &pattern);
            let error = replacement.first(&pattern, "ab").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Data, "{error}");
            assert!(error.message().contains(wanted), "{error}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused_when_configured() {
        for pattern in ["\\p{L}", "[", "*"] {
            let error = compile("regex", pattern).unwrap_err();
            assert_eq!(error.key(), Some("regex"), "{pattern}");
        }
        let error = compile("regex", "(a").unwrap_err();
        assert_eq!(
            error.message(),
            "Invalid value (a for configuration regex: Invalid regex: unclosed group"
        );
    }
}
