//! The fields that a text sets, and the moment that they make: `java.util.GregorianCalendar`, lenient. Which fields
//! count is decided by the order in which they were set: those set last win.

use crate::calendar::{DAY_MS, days_of};
use crate::historic::{
    CUTOVER_DAY, CUTOVER_YEAR, Day, julian_days_of, month_length, weekday_on_or_before,
};

/// A field of a calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    /// 0 is BC.
    Era,
    Year,
    /// The year that a week belongs to.
    WeekYear,
    /// 0 is January.
    Month,
    WeekOfYear,
    WeekOfMonth,
    DayOfMonth,
    DayOfYear,
    /// 1 is Sunday.
    Weekday,
    WeekdayInMonth,
    /// 0 is AM.
    AmPm,
    /// Of the half of a day.
    Hour,
    HourOfDay,
    Minute,
    Second,
    Millisecond,
    /// Milliseconds ahead of UTC.
    ZoneOffset,
}

const FIELDS: usize = Field::ZoneOffset as usize + 1;

/// Which fields say what day it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DayBy {
    DayOfMonth,
    WeekOfMonth,
    WeekdayInMonth,
    DayOfYear,
    WeekOfYear,
}

/// The fields that were set.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Fields {
    values: [i32; FIELDS],
    /// When each was set; 0: it was not.
    stamps: [u32; FIELDS],
    last_stamp: u32,
}

impl Fields {
    pub(super) fn set(&mut self, field: Field, value: i32) {
        self.last_stamp += 1;
        if let (Some(place), Some(stamp)) = (
            self.values.get_mut(field as usize),
            self.stamps.get_mut(field as usize),
        ) {
            (*place, *stamp) = (value, self.last_stamp);
        }
    }

    /// Makes the year a later one, set or not.
    pub(super) fn add_years(&mut self, years: i32) {
        for field in [Field::Year, Field::WeekYear] {
            if let Some(value) = self.values.get_mut(field as usize) {
                *value = value.wrapping_add(years);
            }
        }
    }

    /// Milliseconds since the epoch.
    pub(super) fn moment(mut self) -> i64 {
        if self.is_set(Field::WeekYear) && self.stamp(Field::WeekYear) > self.stamp(Field::Year) {
            self.set_date_of_week();
        }
        self.resolved()
    }

    fn get(&self, field: Field) -> i32 {
        self.values.get(field as usize).copied().unwrap_or(0)
    }

    fn wide(&self, field: Field) -> i64 {
        self.get(field).into()
    }

    fn stamp(&self, field: Field) -> u32 {
        self.stamps.get(field as usize).copied().unwrap_or(0)
    }

    fn is_set(&self, field: Field) -> bool {
        self.stamp(field) > 0
    }

    /// Sets the date that year of the week, week and weekday mean.
    fn set_date_of_week(&mut self) {
        let or = |field, default| {
            if self.is_set(field) {
                self.get(field)
            } else {
                default
            }
        };
        let (mut week, mut weekday) = (or(Field::WeekOfYear, 1), or(Field::Weekday, 1));
        // A weekday out of range counts from Monday, and those in range from Sunday.
        if weekday >= 8 {
            week = week.wrapping_add((weekday - 1) / 7);
            weekday = after_monday((weekday - 1) % 7);
        } else if weekday <= 0 {
            let weeks = (7_i64 - i64::from(weekday)) / 7;
            week = week.wrapping_sub(i32::try_from(weeks).unwrap_or(i32::MAX));
            weekday = after_monday((weekday - 1).rem_euclid(7));
        }
        let local = self.resolved().wrapping_add(self.wide(Field::ZoneOffset));
        let era = era_and_year(Day::of(local.div_euclid(DAY_MS))).0;
        let mut sunday = Self::default();
        sunday.set(Field::Era, era);
        sunday.set(Field::Year, self.get(Field::WeekYear));
        sunday.set(Field::WeekOfYear, 1);
        sunday.set(Field::Weekday, 1);
        let days = (weekday - 1).wrapping_add(week.wrapping_sub(1).wrapping_mul(7));
        let day = Day::of(sunday.resolved().div_euclid(DAY_MS) + i64::from(days));
        let (era, year) = era_and_year(day);
        self.set(Field::Era, era);
        self.set(Field::Year, year);
        self.set(Field::Month, narrow(day.month - 1));
        self.set(Field::DayOfMonth, narrow(day.day));
    }

    fn resolved(&self) -> i64 {
        let mut year = if self.is_set(Field::Year) {
            self.get(Field::Year)
        } else {
            1970
        };
        if self.is_set(Field::Era) && self.get(Field::Era) == 0 {
            year = 1_i32.wrapping_sub(year);
        }
        let time = self.time_of_day();
        let days = time.div_euclid(DAY_MS) + self.days(year, time.div_euclid(DAY_MS));
        days.wrapping_mul(DAY_MS)
            .wrapping_add(time.rem_euclid(DAY_MS))
            .wrapping_sub(self.wide(Field::ZoneOffset))
    }

    /// Milliseconds, which may be more than a day or less than none.
    fn time_of_day(&self) -> i64 {
        let of_day = self.stamp(Field::HourOfDay);
        let (hour, half) = (self.stamp(Field::Hour), self.stamp(Field::AmPm));
        let complete = if hour > 0 && half > 0 {
            hour.max(half)
        } else {
            0
        };
        let best = match complete.max(of_day) {
            0 => hour.max(half),
            best => best,
        };
        let hours = if best == of_day {
            self.wide(Field::HourOfDay)
        } else {
            self.wide(Field::Hour) + 12 * self.wide(Field::AmPm)
        };
        let minutes = hours * 60 + self.wide(Field::Minute);
        let seconds = minutes * 60 + self.wide(Field::Second);
        seconds * 1_000 + self.wide(Field::Millisecond)
    }

    /// The days since the epoch; `more` are added afterwards and decide too which calendar it is.
    fn days(&self, year: i32, more: i64) -> i64 {
        let by = self.day_by();
        let gregorian = || self.days_in(year, by, days_of);
        let julian = || self.days_in(year, by, julian_days_of);
        if i64::from(year) > CUTOVER_YEAR {
            let days = gregorian();
            if days + more >= CUTOVER_DAY {
                return days;
            }
        } else if i64::from(year) < CUTOVER_YEAR {
            let days = julian();
            if days + more < CUTOVER_DAY {
                return days;
            }
        }
        let julian = julian();
        // Before 1582 there is no Gregorian date, even of one that reaches beyond.
        let gregorian = if i64::from(year) < CUTOVER_YEAR {
            julian
        } else {
            gregorian()
        };
        let counts_from_new_year = matches!(by, DayBy::DayOfYear | DayBy::WeekOfYear);
        if counts_from_new_year || gregorian + more < CUTOVER_DAY {
            julian
        } else {
            gregorian
        }
    }

    fn days_in(&self, mut year: i32, by: DayBy, days_of: fn(i64, i64, i64) -> i64) -> i64 {
        let has_month = !matches!(by, DayBy::DayOfYear | DayBy::WeekOfYear);
        let mut month = 0;
        if has_month {
            month = self.get(Field::Month);
            year = year.wrapping_add(month.div_euclid(12));
            month = month.rem_euclid(12);
        }
        let (year, month) = (i64::from(year), i64::from(month) + 1);
        let first = days_of(year, month, 1);
        let has_weekday = self.is_set(Field::Weekday);
        let weekday = if has_weekday {
            self.wide(Field::Weekday)
        } else {
            1
        };
        // The Sunday that begins the week of the first day, and the weekday in that week.
        let in_first_week = || {
            let sunday = weekday_on_or_before(first, 1);
            weekday_on_or_before(sunday + 6, weekday)
        };
        match by {
            DayBy::DayOfMonth if self.is_set(Field::DayOfMonth) => {
                first + self.wide(Field::DayOfMonth) - 1
            }
            DayBy::DayOfMonth => first,
            DayBy::DayOfYear => first + self.wide(Field::DayOfYear) - 1,
            DayBy::WeekOfYear => in_first_week() + 7 * (self.wide(Field::WeekOfYear) - 1),
            DayBy::WeekOfMonth => {
                let weeks = self.get(Field::WeekOfMonth).wrapping_sub(1);
                in_first_week() + i64::from(weeks.wrapping_mul(7))
            }
            DayBy::WeekdayInMonth => {
                let times = if self.is_set(Field::WeekdayInMonth) {
                    self.get(Field::WeekdayInMonth)
                } else {
                    1
                };
                let last = if times >= 0 {
                    i64::from(times.wrapping_mul(7))
                } else {
                    let weeks = times.wrapping_add(1).wrapping_mul(7);
                    month_length(year, month) + i64::from(weeks)
                };
                weekday_on_or_before(first + last - 1, weekday)
            }
        }
    }

    /// The fields that say what day it is: the combination that was set last.
    fn day_by(&self) -> DayBy {
        let weekday = self.stamp(Field::Weekday);
        let with_weekday = |stamp: u32| {
            if stamp > 0 && weekday > 0 {
                stamp.max(weekday)
            } else {
                0
            }
        };
        let week_of_month = self.stamp(Field::WeekOfMonth);
        let weekday_in_month = self.stamp(Field::WeekdayInMonth);
        let week_of_year = self.stamp(Field::WeekOfYear);
        let day_of_year = self.stamp(Field::DayOfYear);
        let mut by_day = self.stamp(Field::DayOfMonth);
        let mut by_week_of_month = with_weekday(week_of_month);
        let mut by_weekday_in_month = with_weekday(weekday_in_month);
        let mut by_week_of_year = with_weekday(week_of_year);
        let mut best = by_day
            .max(by_week_of_month)
            .max(by_weekday_in_month)
            .max(day_of_year)
            .max(by_week_of_year);
        if best == 0 {
            // No combination is complete.
            by_week_of_month = week_of_month;
            by_weekday_in_month = weekday_in_month.max(weekday);
            by_week_of_year = week_of_year;
            best = by_week_of_month
                .max(by_weekday_in_month)
                .max(by_week_of_year);
            if best == 0 {
                by_day = self.stamp(Field::Month);
                best = by_day;
            }
        }
        if best == by_day {
            return DayBy::DayOfMonth;
        }
        let in_month = (best == by_week_of_month && week_of_month >= week_of_year)
            || (best == by_weekday_in_month && weekday_in_month >= week_of_year);
        if !in_month {
            return if best == day_of_year {
                DayBy::DayOfYear
            } else {
                DayBy::WeekOfYear
            };
        }
        let is_week = if by_week_of_month == by_weekday_in_month {
            week_of_month >= weekday_in_month
        } else {
            best == by_week_of_month
        };
        if is_week {
            DayBy::WeekOfMonth
        } else {
            DayBy::WeekdayInMonth
        }
    }
}

/// The era and the year in it.
pub(super) fn era_and_year(day: Day) -> (i32, i32) {
    if day.year > 0 {
        (1, narrow(day.year))
    } else {
        (0, narrow(1 - day.year))
    }
}

/// A weekday as calendars number it, so many days after Monday.
fn after_monday(days: i32) -> i32 {
    (days + 1) % 7 + 1
}

/// Years of 64 bits of milliseconds fit into 32 bits.
pub(super) fn narrow(value: i64) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}
