//! Printing a moment by a pattern.

use super::DateFormat;
use super::names::{AM_PM, ERAS, MONTHS, SHORT, WEEKDAYS};
use super::pattern::{Item, Meaning};
use crate::calendar::DAY_MS;
use crate::historic::Day;

/// Java writes no more digits, however many letters there are.
const PADDED_DIGITS: usize = 309;

/// A moment, taken apart.
struct Parts {
    day: Day,
    milliseconds: i64,
}

impl DateFormat {
    /// Appends the text of a moment, given in milliseconds since the epoch.
    pub fn print(&self, moment: i64, out: &mut Vec<u8>) {
        let parts = Parts {
            day: Day::of(moment.div_euclid(DAY_MS)),
            milliseconds: moment.rem_euclid(DAY_MS),
        };
        for item in &self.items {
            match item {
                Item::Text(text) => out.extend_from_slice(text.as_bytes()),
                Item::Letters { meaning, count, .. } => parts.print(*meaning, *count, out),
            }
        }
    }
}

impl Parts {
    fn print(&self, meaning: Meaning, count: usize, out: &mut Vec<u8>) {
        let day = &self.day;
        let hour = self.milliseconds / 3_600_000;
        let value = match meaning {
            Meaning::Era => return name(&ERAS, i64::from(day.year > 0), usize::MAX, out),
            Meaning::Month if count >= 3 => return name(&MONTHS, day.month - 1, count, out),
            Meaning::WeekdayName => {
                return name(&WEEKDAYS, day.weekday() - 1, count, out);
            }
            Meaning::AmPm => return name(&AM_PM, hour / 12, usize::MAX, out),
            Meaning::ZoneName if count >= 4 => {
                return out.extend_from_slice(b"Coordinated Universal Time");
            }
            Meaning::ZoneName => return out.extend_from_slice(b"UTC"),
            Meaning::ZoneNumber => return out.extend_from_slice(b"+0000"),
            Meaning::ZoneIso => return out.push(b'Z'),
            Meaning::Year => {
                let year = if day.year > 0 { day.year } else { 1 - day.year };
                return self::year(year, count, out);
            }
            Meaning::WeekYear => return year(day.week_year(), count, out),
            Meaning::Month => day.month,
            Meaning::WeekOfYear => day.week_of_year(),
            Meaning::WeekOfMonth => day.week_of_month(),
            Meaning::DayOfMonth => day.day,
            Meaning::DayOfYear => day.day_of_year(),
            Meaning::WeekdayInMonth => day.weekday_in_month(),
            Meaning::WeekdayNumber => (day.weekday() + 5) % 7 + 1,
            Meaning::Hour0To23 => hour,
            Meaning::Hour1To24 => (hour + 23) % 24 + 1,
            Meaning::Hour0To11 => hour % 12,
            Meaning::Hour1To12 => (hour + 11) % 12 + 1,
            Meaning::Minute => self.milliseconds / 60_000 % 60,
            Meaning::Second => self.milliseconds / 1_000 % 60,
            Meaning::Millisecond => self.milliseconds % 1_000,
        };
        digits(value, count, out);
    }
}

/// Appends a name, or its short form for fewer than four letters.
fn name(names: &[&str], number: i64, count: usize, out: &mut Vec<u8>) {
    let name = usize::try_from(number)
        .ok()
        .and_then(|number| names.get(number));
    let name = name.map_or("", |name| *name);
    let shown = if count < 4 { name.get(..SHORT) } else { None };
    out.extend_from_slice(shown.unwrap_or(name).as_bytes());
}

/// Appends a year; two letters stand for its last two digits.
fn year(year: i64, count: usize, out: &mut Vec<u8>) {
    if count != 2 {
        return digits(year, count, out);
    }
    if year < 0 {
        out.push(b'-');
    }
    digits((year % 100).abs(), 2, out);
}

/// Appends a number with at least `count` digits.
fn digits(value: i64, count: usize, out: &mut Vec<u8>) {
    let mut buffer = itoa::Buffer::new();
    let text = buffer.format(value.unsigned_abs());
    if value < 0 {
        out.push(b'-');
    }
    let zeros = count.min(PADDED_DIGITS).saturating_sub(text.len());
    out.extend(std::iter::repeat_n(b'0', zeros));
    out.extend_from_slice(text.as_bytes());
}
