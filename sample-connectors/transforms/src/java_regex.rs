//! Java's regular expressions and replacements, by the `regex` crate.
//!
//! Patterns see topic names, which are ASCII, so they are matched byte by byte and without Unicode's tables.
//! What `regex` lacks is refused when the transform is configured: look-around, back-references, possessive
//! quantifiers, atomic groups, `\p{L}` and its kin. Translated: `\p{Alpha}` and the other POSIX classes,
//! `\Q..\E`, `\Z`, `\h`.

use regex::bytes::{Captures, Regex, RegexBuilder};
use tidegate_sdk::{Error, Result};

use crate::exception;

/// The most bytes that a compiled pattern may take.
const PATTERN_BYTES_MAX: usize = 1024 * 1024;

/// A compiled pattern.
#[derive(Debug, Clone)]
pub struct Pattern {
    find: Regex,
    whole: Regex,
}

impl Pattern {
    /// Compiles the pattern that the configuration key `key` holds.
    ///
    /// # Errors
    /// When it is no pattern, or needs what `regex` lacks.
    pub fn compile(key: &str, pattern: &str) -> Result<Self> {
        let invalid = |reason: &dyn std::fmt::Display| {
            Error::config_key(
                key,
                format_args!(
                    "Invalid value {pattern} for configuration {key}: Invalid regex: {reason}"
                ),
            )
        };
        let translated = translate(pattern).map_err(|reason| invalid(&reason))?;
        let compile = |pattern: &str| {
            RegexBuilder::new(pattern)
                .unicode(false)
                .size_limit(PATTERN_BYTES_MAX)
                .build()
                .map_err(|error| invalid(&reason(&error)))
        };
        Ok(Self {
            find: compile(&translated)?,
            whole: compile(&format!("\\A(?:{translated})\\z"))?,
        })
    }

    /// Whether the whole text matches, as Java's `Matcher.matches`.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        self.whole.is_match(text.as_bytes())
    }
}

/// What is wrong with a pattern, in a line: the `regex` crate draws it in several.
fn reason(error: &regex::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once("\nerror: ") {
        Some((_, reason)) => reason.trim_end().to_owned(),
        None => text,
    }
}

/// Writes a Java pattern as `regex` has it.
fn translate(pattern: &str) -> Result<String, String> {
    let mut out = String::with_capacity(pattern.len());
    let mut rest = pattern;
    let mut after_quantifier = false;
    let mut class_depth = 0_usize;
    while let Some(next) = rest.chars().next() {
        let was_quantifier = std::mem::take(&mut after_quantifier);
        if next == '\\' {
            let (text, after) = translate_escape(rest)?;
            out.push_str(&text);
            rest = after;
            continue;
        }
        // Java knows no `[:alpha:]`: it is a class of these characters.
        if class_depth > 0
            && let Some(after) = rest.strip_prefix("[:")
        {
            out.push_str("[\\:");
            class_depth += 1;
            rest = after;
            continue;
        }
        match next {
            '[' => class_depth += 1,
            ']' => class_depth = class_depth.saturating_sub(1),
            '+' if class_depth == 0 && was_quantifier => {
                return Err(
                    "possessive quantifiers are not supported; leave out the second +".to_owned(),
                );
            }
            '*' | '+' | '?' | '}' if class_depth == 0 => after_quantifier = !was_quantifier,
            '(' if class_depth == 0 && rest.starts_with("(?>") => {
                return Err("atomic groups are not supported; use (?:..)".to_owned());
            }
            _ => {}
        }
        out.push(next);
        rest = rest.get(next.len_utf8()..).unwrap_or_default();
    }
    Ok(out)
}

/// Writes the escape that `rest` begins with, and gives what follows it.
fn translate_escape(rest: &str) -> Result<(String, &str), String> {
    let body = rest.get(1..).unwrap_or_default();
    if let Some(quoted) = body.strip_prefix('Q') {
        let (literal, after) = quoted.split_once("\\E").unwrap_or((quoted, ""));
        return Ok((regex::escape(literal), after));
    }
    if let Some(after) = body.strip_prefix('Z') {
        return Ok(("\\z".to_owned(), after));
    }
    if let Some(after) = body.strip_prefix('h') {
        return Ok(("[ \\t]".to_owned(), after));
    }
    if let Some(after) = body.strip_prefix('H') {
        return Ok(("[^ \\t]".to_owned(), after));
    }
    if let Some(after) = body.strip_prefix('R') {
        return Ok(("(?:\\r\\n|[\\n\\x0b\\f\\r])".to_owned(), after));
    }
    let named = body.strip_prefix("p{").map(|name| (name, ""));
    if let Some((name, not)) = named.or_else(|| Some((body.strip_prefix("P{")?, "^"))) {
        let (name, after) = name
            .split_once('}')
            .ok_or_else(|| "\\p{ has no closing }".to_owned())?;
        let class = match name {
            "Alpha" => "alpha",
            "Lower" => "lower",
            "Upper" => "upper",
            "Digit" => "digit",
            "Alnum" => "alnum",
            "Punct" => "punct",
            "Graph" => "graph",
            "Print" => "print",
            "Blank" => "blank",
            "Cntrl" => "cntrl",
            "XDigit" => "xdigit",
            "Space" => "space",
            "ASCII" => "ascii",
            other => {
                return Err(format!(
                    "\\p{{{other}}} is not supported; topic names are ASCII, so use \\p{{Alpha}}, \\p{{Lower}} or [..]"
                ));
            }
        };
        // Doubled brackets are the class within a class, and the class alone is a union of one.
        return Ok((format!("[[:{not}{class}:]]"), after));
    }
    let escaped = body.chars().next();
    let length = 1 + escaped.map_or(0, char::len_utf8);
    let (text, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
    Ok((text.to_owned(), after))
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
    Named(String),
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
        let replace = |groups: &Captures<'_>| {
            let mut out = Vec::new();
            for piece in pieces {
                let group = match piece {
                    Piece::Literal(text) => {
                        out.extend_from_slice(text.as_bytes());
                        None
                    }
                    Piece::Group(number) => groups.get(*number),
                    Piece::Named(name) => groups.name(name),
                };
                out.extend_from_slice(group.map_or(&[], |group| group.as_bytes()));
            }
            out
        };
        let replaced = pattern.find.replace(text.as_bytes(), replace).into_owned();
        String::from_utf8(replaced)
            .map_err(|_| Error::data("the new topic is not valid UTF-8; a topic name is ASCII"))
    }
}

fn pieces(replacement: &str, pattern: &Pattern) -> Result<Vec<Piece>, (&'static str, String)> {
    let wrong = |reason: &str| (exception::ILLEGAL_ARGUMENT, reason.to_owned());
    let groups = pattern.find.captures_len() - 1;
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
            if !pattern
                .find
                .capture_names()
                .flatten()
                .any(|known| known == name)
            {
                return Err(wrong(&format!("No group with name {{{name}}}")));
            }
            pieces.push(Piece::Named(name));
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
        let pattern = Pattern::compile("regex", regex).unwrap();
        let replacement = Replacement::parse("replacement", replacement, &pattern);
        pattern
            .matches(text)
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
    fn java_classes_and_quotes_are_translated() {
        assert_eq!(replaced("\\p{Alpha}+", "x", "abc"), Some("x".to_owned()));
        assert_eq!(replaced("[\\p{Digit}_]+", "x", "1_2"), Some("x".to_owned()));
        assert_eq!(replaced("\\Qa.b\\E", "x", "a.b"), Some("x".to_owned()));
        assert_eq!(replaced("\\Qa.b\\E", "x", "aab"), None);
    }

    #[test]
    fn a_replacement_that_can_never_work_fails_what_matches() {
        let pattern = Pattern::compile("regex", "(?<x>a)(b)").unwrap();
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
    fn what_is_not_supported_is_refused_when_configured() {
        for pattern in ["(?=a)", "(a)\\1", "a++", "(?>a)", "\\p{L}", "[", "*"] {
            let error = Pattern::compile("regex", pattern).unwrap_err();
            assert_eq!(error.key(), Some("regex"), "{pattern}");
            assert!(!error.message().contains('\n'), "{error}");
        }
        let error = Pattern::compile("regex", "(a").unwrap_err();
        assert_eq!(
            error.message(),
            "Invalid value (a for configuration regex: Invalid regex: unclosed group"
        );
    }
}
