//! Java's regular expressions, as `java.util.regex` matches them.
//!
//! Patterns see names of topics, which are ASCII, so they are matched byte by byte and without Unicode's tables. Most take
//! time linear in the text, by the `regex` crate. Look-around, back-references, possessive quantifiers and atomic groups
//! are matched by `fancy-regex`, which tries one way after another, and gives up after [`REGEX_STEPS_MAX`] of them.

mod translate;

use std::fmt::Display;
use std::ops::Range;

use fancy_regex::{BytesMode, RuntimeError};

use translate::{Translated, translate};

/// The most bytes that a compiled pattern may take, and each part of one with look-around and its like.
pub const REGEX_BYTES_MAX: usize = 1024 * 1024;
/// How many parts a pattern with look-around and its like may have: characters, classes and groups, those within a counted
/// repetition as often as it counts. Names of topics have at most 249 characters.
pub const REGEX_PARTS_MAX: usize = 10_000;
/// How often a pattern with look-around and its like may go back in a text, to try another way.
pub const REGEX_STEPS_MAX: usize = 10_000;

/// A compiled pattern.
#[derive(Debug, Clone)]
pub struct Pattern {
    find: Engine,
    whole: Engine,
}

#[derive(Debug, Clone)]
enum Engine {
    Linear(::regex::bytes::Regex),
    Backtracking(fancy_regex::Regex),
}

/// It is no pattern, or too large a one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PatternError(String);

/// A pattern takes too long for a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the pattern goes back more than {REGEX_STEPS_MAX} times in this text; write it without nested or neighbouring repetitions of the same characters"
)]
pub struct TooManySteps;

/// What of a text each group of a pattern matched; the first is the whole match.
pub type Groups = Vec<Option<Range<usize>>>;

impl Pattern {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// When it is none, has a property of Unicode's such as `\p{L}`, or is too large.
    pub fn compile(pattern: &str) -> Result<Self, PatternError> {
        let Translated {
            text,
            goes_back,
            parts,
        } = translate(pattern).map_err(PatternError)?;
        if goes_back && parts > REGEX_PARTS_MAX as u64 {
            return Err(PatternError(format!(
                "it has {parts} parts when its repetitions are written out; at most {REGEX_PARTS_MAX} are allowed with look-around, back-references, possessive quantifiers and atomic groups"
            )));
        }
        let compile = if goes_back { backtracking } else { linear };
        Ok(Self {
            // By itself first: what is put around it must not make a pattern of something that is none.
            find: compile(&text)?,
            whole: compile(&format!("\\A(?:{text})\\z"))?,
        })
    }

    /// Whether the whole text matches, as `Matcher.matches`.
    ///
    /// # Errors
    /// When that takes too many steps.
    pub fn matches(&self, text: &str) -> Result<bool, TooManySteps> {
        match &self.whole {
            Engine::Linear(whole) => Ok(whole.is_match(text.as_bytes())),
            Engine::Backtracking(whole) => whole.is_match(text.as_bytes()).map_err(too_many),
        }
    }

    /// Whether the whole text matches; one that takes too many steps does not.
    #[must_use]
    pub fn is_match(&self, text: &str) -> bool {
        self.matches(text) == Ok(true)
    }

    /// The first match in a text, as `Matcher.find`.
    ///
    /// # Errors
    /// When that takes too many steps.
    pub fn first(&self, text: &str) -> Result<Option<Groups>, TooManySteps> {
        let text = text.as_bytes();
        Ok(match &self.find {
            Engine::Linear(find) => find.captures(text).map(|found| ranges(found.iter())),
            Engine::Backtracking(find) => {
                let found = find.captures(text).map_err(too_many)?;
                found.map(|found| ranges(found.iter()))
            }
        })
    }

    /// How many groups it has, the whole match not counted.
    #[must_use]
    pub fn groups(&self) -> usize {
        let with_whole = match &self.find {
            Engine::Linear(find) => find.captures_len(),
            Engine::Backtracking(find) => find.captures_len(),
        };
        with_whole.saturating_sub(1)
    }

    /// The number of the group with a name.
    #[must_use]
    pub fn group_named(&self, name: &str) -> Option<usize> {
        match &self.find {
            Engine::Linear(find) => find.capture_names().position(|known| known == Some(name)),
            Engine::Backtracking(find) => {
                find.capture_names().position(|known| known == Some(name))
            }
        }
    }
}

fn ranges<M: Into<Range<usize>>>(groups: impl Iterator<Item = Option<M>>) -> Groups {
    groups.map(|group| group.map(Into::into)).collect()
}

fn linear(pattern: &str) -> Result<Engine, PatternError> {
    let regex = ::regex::bytes::RegexBuilder::new(pattern)
        .unicode(false)
        .size_limit(REGEX_BYTES_MAX)
        .build();
    regex.map(Engine::Linear).map_err(|error| in_a_line(&error))
}

fn backtracking(pattern: &str) -> Result<Engine, PatternError> {
    let regex = fancy_regex::RegexBuilder::new(pattern)
        .bytes_mode(BytesMode::Ascii)
        .delegate_size_limit(REGEX_BYTES_MAX)
        .max_prog_size(REGEX_BYTES_MAX)
        .backtrack_limit(REGEX_STEPS_MAX)
        .build();
    regex
        .map(Engine::Backtracking)
        .map_err(|error| in_a_line(&error))
}

/// What is wrong with a pattern: the `regex` crate draws it in several lines.
fn in_a_line(error: &dyn Display) -> PatternError {
    let text = error.to_string();
    PatternError(match text.rsplit_once("\nerror: ") {
        Some((_, reason)) => reason.trim_end().to_owned(),
        None => text.lines().collect::<Vec<_>>().join(" "),
    })
}

/// Nothing else can go wrong while matching.
fn too_many(error: fancy_regex::Error) -> TooManySteps {
    debug_assert!(
        matches!(
            &error,
            fancy_regex::Error::RuntimeError(
                RuntimeError::BacktrackLimitExceeded | RuntimeError::StackOverflow
            )
        ),
        "{error}"
    );
    TooManySteps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compiled(pattern: &str) -> Pattern {
        Pattern::compile(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"))
    }

    #[test]
    fn whole_texts_match() {
        for (pattern, text, wanted) in [
            ("a|bc", "bc", true),
            ("a|bc", "abc", false),
            (r"\w+\d", "a_1", true),
            (r"\p{Alpha}+", "abc", true),
            (r"[\p{Digit}_]+", "1_2", true),
            (r"\Qa.b\E", "a.b", true),
            (r"\Qa.b\E", "aab", false),
            ("(?i)ABC", "aBc", true),
            ("[a-z&&[^b]]+", "ac", true),
            ("[a-z&&[^b]]+", "abc", false),
            // Look-around.
            ("(?!__).*", "orders", true),
            ("(?!__).*", "__consumer_offsets", false),
            ("orders(?=-eu).*", "orders-eu", true),
            ("orders(?=-eu).*", "orders-us", false),
            (".*(?<!-internal)", "orders", true),
            (".*(?<!-internal)", "orders-internal", false),
            ("a(?<=a)b", "ab", true),
            (r"(?!connect-)[\p{Lower}-]+", "orders", true),
            (r"(?!connect-)[\p{Lower}-]+", "connect-x", false),
            // Back-references, to groups that matched and that did not.
            (r"(\w)\1", "aa", true),
            (r"(\w)\1", "ab", false),
            (r"(?<x>a+)-\k<x>", "aa-aa", true),
            (r"(?:(a)|b)\1", "b", false),
            // Possessive quantifiers and atomic groups give nothing back.
            ("a*+a", "aaa", false),
            ("a*+b", "aaab", true),
            ("a?+a", "a", false),
            ("a{1,2}+a", "aa", false),
            ("[+]++", "++", true),
            ("(?>a|ab)c", "abc", false),
            ("a+?b", "aab", true),
        ] {
            let found = compiled(pattern).matches(text);
            assert_eq!(found, Ok(wanted), "{pattern} on {text}");
        }
    }

    #[test]
    fn the_first_match_has_its_groups() {
        for pattern in ["(b)(?<n>c)|(d)", "(b)(?<n>c)(?=d)|(e)"] {
            let pattern = compiled(pattern);
            assert_eq!(pattern.groups(), 3);
            assert_eq!(pattern.group_named("n"), Some(2));
            assert_eq!(pattern.group_named("m"), None);
            let groups = vec![Some(1..3), Some(1..2), Some(2..3), None];
            assert_eq!(pattern.first("abcd"), Ok(Some(groups)));
            assert_eq!(
                pattern.first("abd").map(|found| found.is_some()),
                Ok(pattern.matches("d").unwrap())
            );
        }
    }

    #[test]
    fn what_is_no_pattern_of_java_or_too_large_is_refused() {
        for pattern in [
            "(",
            "a)(?:b",
            "*a",
            "(?=a",
            "(?!a)(?R)",
            r"(?!a)\K",
            r"(?=a)\g<1>",
            "(?=a)(?(1)b)",
            r"\p{L}",
            r"\p{Alpha",
            r"(a)\2",
            "(((a{1,255}){1,255}){1,255})",
            "(?=b)(((a{1,255}){1,255}){1,255})",
            "((((?=b)a{1,255}){1,255}){1,255}){1,255}",
            // It would take seconds for any text: nothing is gone back for.
            "(?:(?:(?:(?=a)(?=a)){255}){255}){255}.*",
        ] {
            let error = Pattern::compile(pattern).expect_err(pattern).to_string();
            assert!(!error.contains('\n'), "{pattern}: {error}");
        }
    }

    #[test]
    fn a_pattern_that_takes_too_many_steps_gives_up() {
        let pattern = compiled("(?=a)(a|aa)+$");
        assert_eq!(pattern.matches("aaaa"), Ok(true));
        let finds = compiled(r"(a|aa)+\1c");
        assert_eq!(finds.first("aaac"), Ok(Some(vec![Some(0..4), Some(1..2)])));
        assert_eq!(finds.first(&"a".repeat(200)), Err(TooManySteps));
        assert!(Pattern::compile(r"(?!_)(?:[a-z]{1,63}\.){1,10}.{0,249}").is_ok());
        assert_eq!(
            pattern.matches(&format!("{}b", "a".repeat(200))),
            Err(TooManySteps)
        );
    }
}
