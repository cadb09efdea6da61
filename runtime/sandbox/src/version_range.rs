//! Which versions of a plugin a configuration asks for, in Maven's notation (KIP-891).
//!
//! | written | asks for |
//! | --- | --- |
//! | `1.2.0`, `[1.2.0]` | this version |
//! | `[1.0,2.0)` | from 1.0 on, below 2.0 |
//! | `(,1.0],[1.2,)` | any of several ranges |
//! | `latest` | any |

use std::cmp::Ordering;
use std::fmt;

use crate::registry::version;

/// Versions that are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionRange(Vec<Part>);

/// A range without gaps.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Part {
    low: Bound,
    high: Bound,
}

/// An end of a range.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Bound {
    /// Empty: none.
    version: String,
    included: bool,
}

impl VersionRange {
    /// Reads what a configuration asks for; `None`: any version.
    ///
    /// # Errors
    /// When it is no version and no range; the text says what is wanted.
    pub fn parse(text: &str) -> Result<Option<Self>, String> {
        let text = text.trim();
        if text == "latest" {
            return Ok(None);
        }
        if text.is_empty() || text.contains(char::is_whitespace) {
            return Err(wanted());
        }
        if !text.starts_with(['[', '(']) {
            if text.contains(['[', ']', '(', ')', ',']) {
                return Err(wanted());
            }
            return Ok(Some(Self(vec![Part::exactly(text)])));
        }
        let mut parts = Vec::new();
        let mut rest = text;
        loop {
            let end = rest.find([']', ')']).ok_or_else(wanted)?;
            let (part, after) = rest.split_at_checked(end + 1).ok_or_else(wanted)?;
            parts.push(Part::parse(part)?);
            match after.strip_prefix(',') {
                Some(next) => rest = next,
                None if after.is_empty() => return Ok(Some(Self(parts))),
                None => return Err(wanted()),
            }
        }
    }

    /// Whether a version is asked for.
    #[must_use]
    pub fn contains(&self, found: &str) -> bool {
        self.0.iter().any(|part| part.contains(found))
    }
}

impl Part {
    fn exactly(version: &str) -> Self {
        let bound = Bound {
            version: version.to_owned(),
            included: true,
        };
        Self {
            low: bound.clone(),
            high: bound,
        }
    }

    /// Reads `[a,b]`, `(a,b)` and the like, or `[a]`.
    fn parse(text: &str) -> Result<Self, String> {
        let inner = text.strip_prefix(['[', '(']).ok_or_else(wanted)?;
        let inner = inner.strip_suffix([']', ')']).ok_or_else(wanted)?;
        let (from_low, to_high) = (text.starts_with('['), text.ends_with(']'));
        if inner.contains(['[', ']', '(', ')']) {
            return Err(wanted());
        }
        let Some((low, high)) = inner.split_once(',') else {
            return match from_low && to_high && !inner.is_empty() {
                true => Ok(Self::exactly(inner)),
                false => Err(wanted()),
            };
        };
        let bound = |version: &str, included| Bound {
            version: version.to_owned(),
            included,
        };
        let disordered = !low.is_empty() && !high.is_empty() && version(low) > version(high);
        if high.contains(',') || disordered {
            return Err(wanted());
        }
        Ok(Self {
            low: bound(low, from_low),
            high: bound(high, to_high),
        })
    }

    fn contains(&self, found: &str) -> bool {
        let within = |bound: &Bound, wanted: Ordering| {
            bound.version.is_empty()
                || match version(found).cmp(&version(&bound.version)) {
                    Ordering::Equal => bound.included,
                    other => other == wanted,
                }
        };
        within(&self.low, Ordering::Greater) && within(&self.high, Ordering::Less)
    }
}

impl fmt::Display for VersionRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Part { low, high }) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            let open = if low.included { '[' } else { '(' };
            let close = if high.included { ']' } else { ')' };
            write!(f, "{open}{},{}{close}", low.version, high.version)?;
        }
        Ok(())
    }
}

fn wanted() -> String {
    "it is no version and no range of versions; 1.2.0, [1.0,2.0) and latest are examples".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_inside_the_range_that_names_it() {
        for (range, inside, outside) in [
            ("1.2.0", vec!["1.2.0"], vec!["1.2", "1.2.1", "1.10.0"]),
            ("[1.2]", vec!["1.2"], vec!["1.3"]),
            ("[1.0,2.0)", vec!["1.0", "1.10.3"], vec!["2.0", "0.9"]),
            ("(1.0,]", vec!["1.1", "9"], vec!["1.0"]),
            ("(,1.0],[1.2,)", vec!["0.1", "1.0", "1.2", "3"], vec!["1.1"]),
        ] {
            let parsed = VersionRange::parse(range).unwrap().unwrap();
            assert!(inside.iter().all(|found| parsed.contains(found)), "{range}");
            assert!(
                !outside.iter().any(|found| parsed.contains(found)),
                "{range}"
            );
        }
        assert_eq!(VersionRange::parse(" latest "), Ok(None));
        let exact = VersionRange::parse("9.9").unwrap().unwrap();
        assert_eq!(exact.to_string(), "[9.9,9.9]");
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for text in [
            "", "[", "[1", "1]", "[1,2", "(1)", "[]", "[2,1]", "[1,2]x", "1,2", "[1,2,3]", "[[1]]",
            "a b",
        ] {
            assert!(VersionRange::parse(text).is_err(), "{text}");
        }
    }
}
