//! Texts with as many digits as their pattern has letters, which is how most dates are written. Any other text is read by
//! the pattern's items.

use super::pattern::{Item, Meaning};
use crate::calendar::{DAY_MS, days_of};
use crate::historic::CUTOVER_YEAR;

/// A pattern of numbers that stand once each, of a fixed width.
#[derive(Debug, Clone)]
pub(super) struct Fixed(Vec<Piece>);

#[derive(Debug, Clone)]
enum Piece {
    Text(String),
    /// A number of so many digits.
    Number(Unit, usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
    Millisecond,
}

const UNITS: usize = Unit::Millisecond as usize + 1;

impl Unit {
    fn of(meaning: Meaning, count: usize) -> Option<Self> {
        Some(match (meaning, count) {
            (Meaning::Year, 4) => Self::Year,
            (Meaning::Month, 2) => Self::Month,
            (Meaning::DayOfMonth, 2) => Self::Day,
            (Meaning::Hour0To23, 2) => Self::Hour,
            (Meaning::Minute, 2) => Self::Minute,
            (Meaning::Second, 2) => Self::Second,
            (Meaning::Millisecond, 3) => Self::Millisecond,
            _ => return None,
        })
    }
}

impl Fixed {
    /// `None`: the pattern has something else, too.
    pub(super) fn of(items: &[Item]) -> Option<Self> {
        let mut pieces = Vec::with_capacity(items.len());
        let mut known = Vec::new();
        for item in items {
            pieces.push(match item {
                Item::Text(text) => {
                    let is_after_number = matches!(pieces.last(), Some(Piece::Number(..)));
                    if is_after_number && goes_on(text.as_bytes()) {
                        return None;
                    }
                    Piece::Text(text.clone())
                }
                Item::Letters { meaning, count, .. } => {
                    let unit = Unit::of(*meaning, *count)?;
                    if known.contains(&unit) {
                        return None;
                    }
                    known.push(unit);
                    Piece::Number(unit, *count)
                }
            });
        }
        Some(Self(pieces))
    }

    /// The moment that a text stands for, in milliseconds since the epoch, whatever follows; `None`: it is not of this
    /// width, or a date before 1583.
    #[inline]
    pub(super) fn parse(&self, text: &str) -> Option<i64> {
        let mut rest = text.as_bytes();
        let mut values: [i64; UNITS] = [1970, 1, 1, 0, 0, 0, 0];
        for piece in &self.0 {
            rest = match piece {
                Piece::Text(text) => rest.strip_prefix(text.as_bytes())?,
                Piece::Number(unit, count) => {
                    let (digits, after) = rest.split_at_checked(*count)?;
                    *values.get_mut(*unit as usize)? = number(digits)?;
                    after
                }
            };
        }
        let [year, month, day, hour, minute, second, millisecond] = values;
        if goes_on(rest) || year <= CUTOVER_YEAR || !(1..=12).contains(&month) {
            return None;
        }
        let seconds = (hour * 60 + minute) * 60 + second;
        Some(days_of(year, month, day) * DAY_MS + seconds * 1_000 + millisecond)
    }
}

/// Whether what follows a number would count as more of it: digits of some script, or an exponent.
fn goes_on(rest: &[u8]) -> bool {
    matches!(rest, [b'0'..=b'9' | b'E' | 0x80.., ..])
}

/// `None`: something else than ASCII digits is there.
fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0, |value, byte| {
        let digit = byte.wrapping_sub(b'0');
        (digit < 10).then_some(value * 10 + i64::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::super::DateFormat;

    const PATTERNS: &[&str] = &[
        "yyyy-MM-dd'T'HH:mm:ss",
        "yyyy-MM-dd HH:mm:ss.SSS",
        "yyyyMMddHHmmssSSS",
        "dd/MM/yyyy",
        "HH:mm",
        "SSS ss",
        "'at 'MMyyyy'!'",
        "yyyy'E1'MM",
        "yyyy'é'",
        "MM'1'dd",
        "",
    ];
    const OTHERS: &[&str] = &[
        "yy-MM-dd",
        "yyyy-M-d",
        "yyyyyy",
        "MMM",
        "HH HH",
        "yyyy-MM-ddX",
    ];

    /// A reader of the same pattern that reads it by its items.
    fn by_items(pattern: &str) -> DateFormat {
        let format = DateFormat::compile(pattern, 0).unwrap();
        DateFormat {
            fixed: None,
            ..format
        }
    }

    #[test]
    fn texts_are_read_as_by_the_items_of_their_pattern() {
        let mut state = 1_u64;
        let mut random = |below: usize| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % below
        };
        let mut read = 0;
        for pattern in PATTERNS.iter().chain(OTHERS) {
            let (format, items) = (DateFormat::compile(pattern, 0).unwrap(), by_items(pattern));
            for _ in 0..3_000 {
                // A text of the pattern with digits for its letters, in which something may have changed.
                let mut is_quoted = false;
                let mut text = String::new();
                for char in pattern.chars() {
                    match char {
                        '\'' => is_quoted = !is_quoted,
                        letter if letter.is_ascii_alphabetic() && !is_quoted => {
                            text.push_str(["0", "0", "1", "1", "2", "9"][random(6)]);
                        }
                        other => text.push(other),
                    }
                }
                for _ in 0..random(3) {
                    let at = random(text.len() + 1);
                    if text.is_char_boundary(at) {
                        text.insert_str(at, ["7", "-", " ", "E1", ".", "٣", "x", "Z"][random(8)]);
                    }
                }
                let wanted = items.parse(&text);
                assert_eq!(format.parse(&text), wanted, "{text:?} by {pattern:?}");
                let fixed = format.fixed.as_ref().and_then(|fixed| fixed.parse(&text));
                read += usize::from(fixed.is_some());
                assert!(
                    fixed.is_none() || fixed == wanted,
                    "{text:?} by {pattern:?}"
                );
            }
        }
        assert!(read > 4_000, "{read} texts were of the fixed width");
    }

    #[test]
    fn other_patterns_are_left() {
        for pattern in OTHERS {
            assert!(
                DateFormat::compile(pattern, 0).unwrap().fixed.is_none(),
                "{pattern}"
            );
        }
    }
}
