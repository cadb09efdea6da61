//! Patterns, divided into letters and text.

/// The longest pattern.
pub const DATE_PATTERN_BYTES_MAX: usize = 1024;

/// A pattern that Java would refuse too, or that is too long.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// A letter without a meaning.
    #[error(
        "Illegal pattern character '{0}'; the letters G y Y M L w W d D F E u a H k K h m s S z Z X are known, others stand between single quotes"
    )]
    Letter(char),
    /// A zone of more than three letters.
    #[error("invalid ISO 8601 format: length={0}; X has one to three letters")]
    Zone(usize),
    /// A quote without a partner.
    #[error("Unterminated quote")]
    Quote,
    /// Too long a pattern.
    #[error("the pattern has {0} bytes; at most {DATE_PATTERN_BYTES_MAX} are allowed")]
    Length(usize),
}

/// A part of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item {
    /// Text as it is.
    Text(String),
    /// A run of one letter.
    Letters {
        /// What the letter stands for.
        meaning: Meaning,
        /// How many there are.
        count: usize,
        /// Whether a number follows at once, so that this one ends after `count` characters.
        is_followed_by_number: bool,
    },
}

/// What a letter stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    Era,
    Year,
    WeekYear,
    Month,
    WeekOfYear,
    WeekOfMonth,
    DayOfMonth,
    DayOfYear,
    WeekdayInMonth,
    WeekdayName,
    WeekdayNumber,
    AmPm,
    Hour0To23,
    Hour1To24,
    Hour0To11,
    Hour1To12,
    Minute,
    Second,
    Millisecond,
    ZoneName,
    ZoneNumber,
    ZoneIso,
}

impl Meaning {
    fn of(letter: char) -> Option<Self> {
        Some(match letter {
            'G' => Self::Era,
            'y' => Self::Year,
            'Y' => Self::WeekYear,
            // In English a month has one name, within a date and alone.
            'M' | 'L' => Self::Month,
            'w' => Self::WeekOfYear,
            'W' => Self::WeekOfMonth,
            'd' => Self::DayOfMonth,
            'D' => Self::DayOfYear,
            'F' => Self::WeekdayInMonth,
            'E' => Self::WeekdayName,
            'u' => Self::WeekdayNumber,
            'a' => Self::AmPm,
            'H' => Self::Hour0To23,
            'k' => Self::Hour1To24,
            'K' => Self::Hour0To11,
            'h' => Self::Hour1To12,
            'm' => Self::Minute,
            's' => Self::Second,
            'S' => Self::Millisecond,
            'z' => Self::ZoneName,
            'Z' => Self::ZoneNumber,
            'X' => Self::ZoneIso,
            _ => return None,
        })
    }

    /// Whether so many letters stand for a number.
    fn is_number(self, count: usize) -> bool {
        match self {
            Self::Month => count <= 2,
            Self::Era
            | Self::WeekdayName
            | Self::AmPm
            | Self::ZoneName
            | Self::ZoneNumber
            | Self::ZoneIso => false,
            _ => true,
        }
    }
}

/// Divides a pattern into its parts.
pub(super) fn compile(pattern: &str) -> Result<Vec<Item>, PatternError> {
    if pattern.len() > DATE_PATTERN_BYTES_MAX {
        return Err(PatternError::Length(pattern.len()));
    }
    let mut items = Vec::new();
    let mut last_letter = None;
    let mut is_quoted = false;
    let mut chars = pattern.chars().peekable();
    while let Some(char) = chars.next() {
        if char == '\'' {
            last_letter = None;
            if chars.next_if_eq(&'\'').is_some() {
                push_text(&mut items, '\'');
            } else {
                is_quoted = !is_quoted;
            }
        } else if is_quoted || !char.is_ascii_alphabetic() {
            last_letter = None;
            push_text(&mut items, char);
        } else {
            let is_more_of_it = last_letter == Some(char);
            last_letter = Some(char);
            match items.last_mut() {
                Some(Item::Letters { count, .. }) if is_more_of_it => *count += 1,
                _ => items.push(Item::Letters {
                    meaning: Meaning::of(char).ok_or(PatternError::Letter(char))?,
                    count: 1,
                    is_followed_by_number: false,
                }),
            }
        }
    }
    if is_quoted {
        return Err(PatternError::Quote);
    }
    let zone = items.iter().find_map(|item| match item {
        Item::Letters {
            meaning: Meaning::ZoneIso,
            count: count @ 4..,
            ..
        } => Some(*count),
        _ => None,
    });
    if let Some(count) = zone {
        return Err(PatternError::Zone(count));
    }
    let mut is_number_next = false;
    for item in items.iter_mut().rev() {
        is_number_next = match item {
            Item::Text(_) => false,
            Item::Letters {
                meaning,
                count,
                is_followed_by_number,
            } => {
                *is_followed_by_number = is_number_next;
                meaning.is_number(*count)
            }
        };
    }
    Ok(items)
}

fn push_text(items: &mut Vec<Item>, char: char) {
    if let Some(Item::Text(text)) = items.last_mut() {
        text.push(char);
    } else {
        items.push(Item::Text(char.into()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(pattern: &str) -> String {
        let shape = |item: &Item| match item {
            Item::Text(text) => format!("'{text}'"),
            Item::Letters {
                meaning,
                count,
                is_followed_by_number,
            } => format!(
                "{meaning:?}{count}{}",
                if *is_followed_by_number { "!" } else { "" }
            ),
        };
        let shapes: Vec<String> = compile(pattern).unwrap().iter().map(shape).collect();
        shapes.join(" ")
    }

    #[test]
    fn patterns_are_divided_into_letters_and_text() {
        assert_eq!(shape("yyyyMMdd"), "Year4! Month2! DayOfMonth2");
        assert_eq!(shape("yyyyMMMdd"), "Year4 Month3! DayOfMonth2");
        assert_eq!(shape("yy'T'''é d"), "Year2 'T'é ' DayOfMonth1");
        assert_eq!(shape("y''y"), "Year1 ''' Year1");
        assert_eq!(shape("'yy''y'"), "'yy'y'");
        assert_eq!(shape(""), "");
    }

    #[test]
    fn what_java_does_not_know_is_refused() {
        assert_eq!(compile("bad-format"), Err(PatternError::Letter('b')));
        assert_eq!(compile("yyyy-MM-dd'T"), Err(PatternError::Quote));
        assert_eq!(compile("XXXX"), Err(PatternError::Zone(4)));
        let long = "y".repeat(DATE_PATTERN_BYTES_MAX + 1);
        assert_eq!(compile(&long), Err(PatternError::Length(long.len())));
        for letter in ('a'..='z').chain('A'..='Z') {
            let known = "GyYMLwWdDFEuaHkKhmsSzZX".contains(letter);
            assert_eq!(compile(&letter.to_string()).is_ok(), known, "{letter}");
        }
    }
}
