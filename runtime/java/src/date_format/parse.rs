//! Reading a text by a pattern.

use super::fields::{Field, Fields, narrow};
use super::names::{self, begins_with};
use super::pattern::{Item, Meaning};
use super::{Century, DateFormat, number, zones};
use crate::calendar::{DAY_MS, Moment};
use crate::historic::{Day, month_length};

const MINUTE_MS: i32 = 60_000;

/// What is left of a text, and what it said so far.
struct Reader<'a> {
    rest: &'a str,
    fields: Fields,
    century: Century,
    /// A year of two digits is the first of the hundred or the one after.
    is_year_ambiguous: bool,
}

impl DateFormat {
    /// The moment that a text stands for, in milliseconds since the epoch; `None`: it does not match.
    #[must_use]
    pub fn parse(&self, text: &str) -> Option<i64> {
        let fixed = self.fixed.as_ref();
        if let Some(moment) = fixed.and_then(|fixed| fixed.parse(text)) {
            return Some(moment);
        }
        let mut reader = Reader {
            rest: text,
            fields: Fields::default(),
            century: self.century,
            is_year_ambiguous: false,
        };
        for item in &self.items {
            match item {
                Item::Text(text) => reader.rest = reader.rest.strip_prefix(text.as_str())?,
                Item::Letters {
                    meaning,
                    count,
                    is_followed_by_number,
                } => reader.read(*meaning, *count, *is_followed_by_number)?,
            }
        }
        let moment = reader.fields.moment();
        if reader.is_year_ambiguous && moment < self.century.start {
            reader.fields.add_years(100);
            return Some(reader.fields.moment());
        }
        Some(moment)
    }
}

impl<'a> Reader<'a> {
    fn read(&mut self, meaning: Meaning, count: usize, is_followed_by_number: bool) -> Option<()> {
        // White space is skipped before numbers, and zones of another form than `GMT`.
        let trimmed = self.rest.trim_start_matches([' ', '\t']);
        if trimmed.is_empty() {
            return None;
        }
        match meaning {
            Meaning::Era => {
                let found = names::find(self.rest, &names::LONG_ERAS, false);
                let found = found.or_else(|| names::find(self.rest, &names::ERAS, false));
                return self.set_name(Field::Era, 0, found);
            }
            Meaning::Month if count > 2 => {
                let found = names::find(self.rest, &names::MONTHS, true);
                return self.set_name(Field::Month, 0, found);
            }
            Meaning::WeekdayName => {
                let found = names::find(self.rest, &names::WEEKDAYS, true);
                return self.set_name(Field::Weekday, 1, found);
            }
            Meaning::AmPm => {
                let found = names::find(self.rest, &names::AM_PM, false);
                return self.set_name(Field::AmPm, 0, found);
            }
            Meaning::ZoneName | Meaning::ZoneNumber => return self.zone(trimmed),
            Meaning::ZoneIso => return self.iso_zone(trimmed, count),
            _ => {}
        }
        let limited = if is_followed_by_number {
            // The digits may begin after white space, which counts.
            let white = self.rest.len() - trimmed.len();
            utf16_prefix(self.rest, count)?
                .get(white..)
                .unwrap_or_default()
        } else {
            trimmed
        };
        let (value, length) = number::read(limited)?;
        let (read, rest) = trimmed.split_at_checked(length)?;
        self.rest = rest;
        self.number(meaning, count, value, read);
        Some(())
    }

    fn set_name(&mut self, field: Field, first: i32, found: Option<(i32, usize)>) -> Option<()> {
        let (number, length) = found?;
        self.fields.set(field, first + number);
        self.rest = self.rest.get(length..)?;
        Some(())
    }

    fn number(&mut self, meaning: Meaning, count: usize, value: i32, read: &str) {
        let (field, value) = match meaning {
            Meaning::Year => (Field::Year, self.year(count, value, read)),
            Meaning::WeekYear => (Field::WeekYear, self.year(count, value, read)),
            Meaning::Month => (Field::Month, value.wrapping_sub(1)),
            Meaning::WeekOfYear => (Field::WeekOfYear, value),
            Meaning::WeekOfMonth => (Field::WeekOfMonth, value),
            Meaning::DayOfYear => (Field::DayOfYear, value),
            Meaning::WeekdayInMonth => (Field::WeekdayInMonth, value),
            Meaning::WeekdayNumber => (Field::Weekday, weekday(value)),
            Meaning::Hour0To23 => (Field::HourOfDay, value),
            Meaning::Hour1To24 => (Field::HourOfDay, if value == 24 { 0 } else { value }),
            Meaning::Hour0To11 => (Field::Hour, value),
            Meaning::Hour1To12 => (Field::Hour, if value == 12 { 0 } else { value }),
            Meaning::Minute => (Field::Minute, value),
            Meaning::Second => (Field::Second, value),
            Meaning::Millisecond => (Field::Millisecond, value),
            _ => (Field::DayOfMonth, value),
        };
        self.fields.set(field, value);
    }

    /// A year as it is meant: two digits for at most two letters are in the hundred years of the format.
    fn year(&mut self, count: usize, value: i32, read: &str) -> i32 {
        let is_short = read.chars().count() == 2
            && read.chars().all(|char| number::digit(char).is_some())
            && count <= 2;
        if !is_short {
            return value;
        }
        let start = self.century.year;
        self.is_year_ambiguous = value == start % 100;
        start / 100 * 100 + value + if value < start % 100 { 100 } else { 0 }
    }

    /// `GMT`, `GMT+2:00`, `+0200` or a name.
    fn zone(&mut self, trimmed: &'a str) -> Option<()> {
        let offset = |text: &str, has_colon| match text.as_bytes().first() {
            Some(b'+') => Some(zone_offset(text, 1, 0, has_colon)),
            Some(b'-') => Some(zone_offset(text, -1, 0, has_colon)),
            _ => None,
        };
        if let Some(offset) = offset(trimmed, false) {
            let (offset, length) = offset?;
            return self.set_zone(trimmed, length, offset);
        }
        // As in Java, white space before `GMT` is not allowed for; it is then looked up with the names.
        if trimmed.len() == self.rest.len() && begins_with(trimmed, "GMT") {
            let after = trimmed.get(3..)?;
            let (offset, length) = match offset(after, true) {
                Some(offset) => offset?,
                None => (0, 0),
            };
            return self.set_zone(after, length, offset);
        }
        let (length, minutes) = zones::find(trimmed)?;
        match minutes {
            Some(minutes) => self.set_zone(trimmed, length, minutes * MINUTE_MS),
            None => {
                self.rest = trimmed.get(length..)?;
                Some(())
            }
        }
    }

    /// `Z`, or an offset of as many parts as there are letters.
    fn iso_zone(&mut self, trimmed: &'a str, count: usize) -> Option<()> {
        let (offset, length) = match trimmed.as_bytes().first()? {
            b'Z' => (0, 1),
            b'+' => zone_offset(trimmed, 1, count, count == 3)?,
            b'-' => zone_offset(trimmed, -1, count, count == 3)?,
            _ => return None,
        };
        self.set_zone(trimmed, length, offset)
    }

    /// Sets the zone, of which `text` began with so many bytes.
    fn set_zone(&mut self, text: &'a str, length: usize, offset: i32) -> Option<()> {
        self.fields.set(Field::ZoneOffset, offset);
        self.rest = text.get(length..)?;
        Some(())
    }
}

impl Century {
    /// From 80 years before a moment on.
    pub(super) fn around(now: i64) -> Self {
        let day = Day::of(now.div_euclid(DAY_MS));
        let year = day.year - 80;
        let last = month_length(year, day.month);
        let start = Day::days_of(year, day.month, day.day.min(last));
        Self {
            start: start
                .wrapping_mul(DAY_MS)
                .wrapping_add(Moment::of(now).time_ms),
            year: narrow(year),
        }
    }
}

/// An offset in milliseconds, and its length with its sign. `count` is 1 where there are hours only, and 0 where
/// hours may have one digit before a colon.
fn zone_offset(text: &str, sign: i32, count: usize, has_colon: bool) -> Option<(i32, usize)> {
    let bytes = text.as_bytes();
    let digit = |at: usize| {
        let byte = bytes.get(at)?;
        byte.is_ascii_digit().then(|| i32::from(byte - b'0'))
    };
    let mut at = 1;
    let mut hours = digit(at)?;
    at += 1;
    match digit(at) {
        Some(second) => {
            hours = hours * 10 + second;
            at += 1;
        }
        // There must be something, as Java looks at it.
        None if count == 0 && has_colon && at < bytes.len() => {}
        None => return None,
    }
    let mut minutes = 0;
    if count != 1 {
        if has_colon {
            bytes.get(at).filter(|byte| **byte == b':')?;
            at += 1;
        }
        minutes = digit(at)? * 10 + digit(at + 1)?;
        at += 2;
    }
    (hours <= 23 && minutes <= 59).then_some((sign * (hours * 60 + minutes) * MINUTE_MS, at))
}

/// The weekday of a calendar for a number from Monday; numbers out of range stay.
fn weekday(number: i32) -> i32 {
    match number {
        7 => 1,
        1..=6 => number + 1,
        _ => number,
    }
}

/// So many of Java's characters of a text; `None`: it has fewer.
fn utf16_prefix(text: &str, count: usize) -> Option<&str> {
    let mut left = count;
    for (at, char) in text.char_indices() {
        if left == 0 {
            return text.get(..at);
        }
        match left.checked_sub(char.len_utf16()) {
            Some(less) => left = less,
            None => return text.get(..at),
        }
    }
    (left == 0).then_some(text)
}
