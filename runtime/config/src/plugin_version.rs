//! Which versions of a plugin a configuration asks for (KIP-891): `connector.plugin.version`,
//! `transforms.NAME.plugin.version` and `predicates.NAME.plugin.version`.
//!
//! | written | fits |
//! | --- | --- |
//! | nothing, or `latest` | every version; the highest is taken |
//! | `1.2` | 1.2 alone |
//! | `[1.0,2.0)` | from 1.0 up to, and without, 2.0; either end may be left out |
//! | `[1.0],[1.3,)` | what fits one of them |
//!
//! Versions are ordered as Maven orders them, as far as plugins use that: number by number, and what has a word such as
//! `-rc1` comes before the same without.

use std::cmp::Ordering;
use std::fmt;

/// The most bytes of a version or a range of versions.
pub const VERSION_BYTES_MAX: usize = 255;

/// The versions that are asked for. The default is every version.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VersionRange {
    text: String,
    /// Empty: every version.
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Part {
    low: Option<End>,
    high: Option<End>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct End {
    version: String,
    included: bool,
}

impl VersionRange {
    /// Reads what a key says; an empty text is every version.
    ///
    /// # Errors
    /// What was wanted.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.len() > VERSION_BYTES_MAX {
            return Err(format!("at most {VERSION_BYTES_MAX} bytes are allowed"));
        }
        if text.is_empty() || text == "latest" {
            return Ok(Self::default());
        }
        let parts = if text.starts_with(['[', '(']) {
            ranges(text)?
        } else if text.contains(['[', ']', '(', ')', ',']) {
            return Err(WANTED.to_owned());
        } else {
            vec![Part::only(text)]
        };
        Ok(Self {
            text: text.to_owned(),
            parts,
        })
    }

    /// Whether every version fits.
    #[must_use]
    pub fn is_any(&self) -> bool {
        self.parts.is_empty()
    }

    /// Whether a version fits.
    #[must_use]
    pub fn contains(&self, version: &str) -> bool {
        self.parts.is_empty() || self.parts.iter().any(|part| part.contains(version))
    }

    /// What Kafka Connect says when none of the versions of a class fits.
    #[must_use]
    pub fn not_found(&self, class: &str, there: &str) -> String {
        format!(
            "Plugin {class} not found that matches the version range {self}, available versions: [{there}]"
        )
    }

    /// As it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// As Maven writes it: with both ends.
impl fmt::Display for VersionRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Part { low, high }) in self.parts.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            let is_open = |end: &Option<End>| end.as_ref().is_none_or(|end| !end.included);
            let version =
                |end: &Option<End>| end.as_ref().map_or("", |end| &end.version).to_owned();
            let open = if is_open(low) { '(' } else { '[' };
            let close = if is_open(high) { ')' } else { ']' };
            write!(f, "{open}{},{}{close}", version(low), version(high))?;
        }
        Ok(())
    }
}

const WANTED: &str = "a version such as 1.2, a range such as [1.0,2.0), or latest is wanted";

impl Part {
    fn only(version: &str) -> Self {
        let end = End {
            version: version.to_owned(),
            included: true,
        };
        Self {
            low: Some(end.clone()),
            high: Some(end),
        }
    }

    fn contains(&self, version: &str) -> bool {
        let fits = |end: &Option<End>, beyond: Ordering| {
            end.as_ref()
                .is_none_or(|end| match compare(version, &end.version) {
                    Ordering::Equal => end.included,
                    order => order == beyond,
                })
        };
        fits(&self.low, Ordering::Greater) && fits(&self.high, Ordering::Less)
    }
}

/// Ranges, one after another, with commas between.
fn ranges(text: &str) -> Result<Vec<Part>, String> {
    let wanted = || WANTED.to_owned();
    let mut parts = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let from_included = rest.starts_with('[');
        let body = rest.strip_prefix(['[', '(']).ok_or_else(wanted)?;
        let close = body.find([']', ')']).ok_or_else(wanted)?;
        let (inside, after) = body.split_at_checked(close).ok_or_else(wanted)?;
        let to_included = after.starts_with(']');
        let end = |version: &str, included| {
            let version = version.trim();
            (!version.is_empty()).then(|| End {
                version: version.to_owned(),
                included,
            })
        };
        let part = match inside.split_once(',') {
            Some((low, high)) if !high.contains(',') => Part {
                low: end(low, from_included),
                high: end(high, to_included),
            },
            None if from_included && to_included && !inside.trim().is_empty() => {
                Part::only(inside.trim())
            }
            _ => return Err(wanted()),
        };
        if let (Some(low), Some(high)) = (&part.low, &part.high)
            && compare(&low.version, &high.version) == Ordering::Greater
        {
            return Err(format!("the range {rest} ends before it begins; {WANTED}"));
        }
        parts.push(part);
        rest = after
            .strip_prefix([']', ')'])
            .unwrap_or_default()
            .trim_start();
        if let Some(next) = rest.strip_prefix(',') {
            rest = next.trim_start();
            if rest.is_empty() {
                return Err(wanted());
            }
        } else if !rest.is_empty() {
            return Err(wanted());
        }
    }
    Ok(parts)
}

/// Which of two versions is the higher.
#[must_use]
pub fn compare(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (tokens(a), tokens(b));
    loop {
        let order = match (a.next(), b.next()) {
            (None, None) => return Ordering::Equal,
            (a, b) => rank(a).cmp(&rank(b)),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// A version in pieces: runs of digits, and runs of other letters.
fn tokens(version: &str) -> impl Iterator<Item = &str> {
    // What follows a plus sign says how it was built, not what it is (semver.org).
    let version = version.split('+').next().unwrap_or_default();
    version.split(['.', '-', '_']).flat_map(|part| {
        let digits = |c: char| c.is_ascii_digit();
        let turn = part
            .char_indices()
            .zip(part.chars().skip(1))
            .find(|((_, a), b)| digits(*a) != digits(*b))
            .map_or(part.len(), |((at, a), _)| at + a.len_utf8());
        let (first, second) = part.split_at_checked(turn).unwrap_or((part, ""));
        [first, second]
            .into_iter()
            .filter(|token| !token.is_empty())
    })
}

/// What is missing counts as zero; a word comes before it, unless it is one that Maven puts after it.
fn rank(token: Option<&str>) -> (i8, u64, String) {
    let Some(token) = token else {
        return (0, 0, String::new());
    };
    match token.parse() {
        Ok(0) => return (0, 0, String::new()),
        Ok(number) => return (2, number, String::new()),
        Err(_) if token.bytes().all(|byte| byte.is_ascii_digit()) => {
            return (2, u64::MAX, token.to_owned());
        }
        Err(_) => {}
    }
    let word = token.to_ascii_lowercase();
    match word.as_str() {
        "a" | "alpha" => (-1, 1, String::new()),
        "b" | "beta" => (-1, 2, String::new()),
        "m" | "milestone" => (-1, 3, String::new()),
        "rc" | "cr" => (-1, 4, String::new()),
        "snapshot" => (-1, 5, String::new()),
        "ga" | "final" | "release" => (0, 0, String::new()),
        "sp" => (1, 0, String::new()),
        _ => (1, 1, word),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_as_maven_orders_them() {
        let ascending = [
            "0.9.1",
            "0.10.0",
            "1.0-alpha",
            "1.0-alpha2",
            "1.0-beta1",
            "1.0-rc1",
            "1.0-SNAPSHOT",
            "1.0",
            "1.0-sp",
            "1.0.1",
            "1.1",
            "2",
            "10",
        ];
        for (at, low) in ascending.iter().enumerate() {
            assert_eq!(compare(low, low), Ordering::Equal);
            for high in &ascending[at + 1..] {
                assert_eq!(compare(low, high), Ordering::Less, "{low} {high}");
                assert_eq!(compare(high, low), Ordering::Greater, "{high} {low}");
            }
        }
        for (a, b) in [("1", "1.0.0"), ("1.0", "1.0-ga"), ("1.0+a", "1.0+b")] {
            assert_eq!(compare(a, b), Ordering::Equal, "{a} {b}");
        }
    }

    #[test]
    fn ranges_fit_what_they_say() {
        for (range, fits, not) in [
            ("", vec!["0", "9"], vec![]),
            ("latest", vec!["0", "9"], vec![]),
            ("1.2", vec!["1.2", "1.2.0"], vec!["1.2.1", "1.1"]),
            ("[1.2]", vec!["1.2"], vec!["1.3"]),
            ("[1.0,2.0)", vec!["1.0", "1.9"], vec!["2.0", "0.9"]),
            ("(1.0,2.0]", vec!["1.1", "2.0"], vec!["1.0", "2.1"]),
            ("[1.5,)", vec!["1.5", "99"], vec!["1.4"]),
            ("(,1.0]", vec!["0.1", "1"], vec!["1.1"]),
            ("[1.0], [3,4)", vec!["1.0", "3.2"], vec!["2", "4"]),
        ] {
            let range = VersionRange::parse(range).unwrap();
            let written = VersionRange::parse(&range.to_string()).unwrap();
            assert_eq!(written.parts, range.parts);
            for version in fits {
                assert!(range.contains(version), "{range:?} {version}");
            }
            for version in not {
                assert!(!range.contains(version), "{range:?} {version}");
            }
        }
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for bad in [
            "[1.0", "1.0]", "(1.0)", "[2,1]", "[]", "[1,2,3]", "[1]x", "[1],", "1,2",
        ] {
            assert!(VersionRange::parse(bad).is_err(), "{bad}");
        }
        assert!(VersionRange::parse(&"1".repeat(256)).is_err());
    }
}
