//! The calendar of `java.util.GregorianCalendar`: Julian until 4 October 1582, Gregorian from the day after, which
//! is 15 October.

use crate::calendar::{DAY_MS, Moment, days_of};

/// The first day of the Gregorian calendar, in days since the epoch.
pub const CUTOVER_DAY: i64 = -141_427;

/// The year of that day.
pub const CUTOVER_YEAR: i64 = 1582;

/// 1 March of the year 0 of the Julian calendar, in days since the epoch.
const JULIAN_MARCH: i64 = -719_470;

/// A day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day {
    /// Days since the epoch.
    pub days: i64,
    /// The year; 0 is 1 BC.
    pub year: i64,
    /// 1 to 12.
    pub month: i64,
    /// 1 to 31.
    pub day: i64,
}

impl Day {
    /// The day with a number, counted from the epoch.
    #[must_use]
    pub fn of(days: i64) -> Self {
        if days >= CUTOVER_DAY {
            let moment = Moment::of(days.wrapping_mul(DAY_MS));
            return Self {
                days,
                year: moment.year,
                month: moment.month,
                day: moment.day,
            };
        }
        // Years that begin in March, in groups of four: the leap day is then the last.
        let shifted = days - JULIAN_MARCH;
        let group = shifted.div_euclid(1_461);
        let day_of_group = shifted.rem_euclid(1_461);
        let year_of_group = (day_of_group / 365).min(3);
        let day_of_year = day_of_group - 365 * year_of_group;
        let shifted_month = (5 * day_of_year + 2) / 153;
        let month = if shifted_month < 10 {
            shifted_month + 3
        } else {
            shifted_month - 9
        };
        Self {
            days,
            year: 4 * group + year_of_group + i64::from(month <= 2),
            month,
            day: day_of_year - (153 * shifted_month + 2) / 5 + 1,
        }
    }

    /// The days since the epoch of a date whose month is 1 to 12. One that was left out counts as a Julian date.
    #[must_use]
    pub fn days_of(year: i64, month: i64, day: i64) -> i64 {
        let gregorian = days_of(year, month, day);
        if gregorian >= CUTOVER_DAY {
            gregorian
        } else {
            julian_days_of(year, month, day)
        }
    }

    /// 1 is Sunday.
    #[must_use]
    pub fn weekday(&self) -> i64 {
        (self.days + 4).rem_euclid(7) + 1
    }

    /// The number of the day in its year; 1 January is 1. In 1582 ten days are left out.
    #[must_use]
    pub fn day_of_year(&self) -> i64 {
        self.days - new_year(self.year) + 1
    }

    /// The week of the year. Weeks begin on Sunday, and the week of 1 January is the first, even of the days of
    /// December in it.
    #[must_use]
    pub fn week_of_year(&self) -> i64 {
        if self.is_in_week_of_next_year() {
            return 1;
        }
        (self.days - weekday_on_or_before(new_year(self.year), 1)) / 7 + 1
    }

    /// The year that the week belongs to.
    #[must_use]
    pub fn week_year(&self) -> i64 {
        self.year + i64::from(self.is_in_week_of_next_year())
    }

    /// The week of the month; that of the first day is the first.
    #[must_use]
    pub fn week_of_month(&self) -> i64 {
        (self.days - weekday_on_or_before(self.first_of_month(), 1)) / 7 + 1
    }

    /// How many times the weekday has come in the month.
    #[must_use]
    pub fn weekday_in_month(&self) -> i64 {
        (self.days - self.first_of_month()) / 7 + 1
    }

    fn is_in_week_of_next_year(&self) -> bool {
        self.days >= weekday_on_or_before(new_year(self.year + 1), 1)
    }

    fn first_of_month(&self) -> i64 {
        let is_cut = self.year == CUTOVER_YEAR && self.month == 10 && self.days >= CUTOVER_DAY;
        if is_cut {
            julian_days_of(self.year, self.month, 1)
        } else {
            self.days - self.day + 1
        }
    }
}

/// The days since the epoch of a Julian date whose month is 1 to 12.
#[must_use]
pub fn julian_days_of(year: i64, month: i64, day: i64) -> i64 {
    let shifted_year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5;
    let leap_days = shifted_year.div_euclid(4);
    JULIAN_MARCH + 365 * shifted_year + leap_days + day_of_year + day - 1
}

/// How many days a month has; 1 is January.
#[must_use]
pub fn month_length(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap_year(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn is_leap_year(year: i64) -> bool {
    let julian = year.rem_euclid(4) == 0;
    julian && (year <= CUTOVER_YEAR || year % 100 != 0 || year % 400 == 0)
}

/// The last day of a weekday up to a day; Sunday is 1.
#[must_use]
pub fn weekday_on_or_before(days: i64, weekday: i64) -> i64 {
    // The epoch was a Thursday.
    days - (days + 5 - weekday).rem_euclid(7)
}

fn new_year(year: i64) -> i64 {
    if year <= CUTOVER_YEAR {
        julian_days_of(year, 1, 1)
    } else {
        days_of(year, 1, 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fifteenth_of_october_follows_the_fourth() {
        let day = |days| {
            let day = Day::of(days);
            (day.year, day.month, day.day)
        };
        assert_eq!(day(CUTOVER_DAY), (1582, 10, 15));
        assert_eq!(day(CUTOVER_DAY - 1), (1582, 10, 4));
        assert_eq!(Day::of(CUTOVER_DAY).day_of_year(), 278);
    }

    #[test]
    fn a_julian_day_comes_back_from_its_date() {
        for days in (-2_000_000..CUTOVER_DAY).step_by(37) {
            let day = Day::of(days);
            assert_eq!(julian_days_of(day.year, day.month, day.day), days);
            assert!(day.day <= month_length(day.year, day.month));
        }
    }

    #[test]
    fn weekdays_are_counted_from_sunday() {
        assert_eq!(Day::of(0).weekday(), 5);
        for days in -20..20 {
            let day = weekday_on_or_before(days, 1);
            assert_eq!(Day::of(day).weekday(), 1);
            assert!((days - 6..=days).contains(&day));
        }
    }
}
