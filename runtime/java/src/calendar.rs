//! Days and milliseconds since the epoch as calendar dates, in UTC and the proleptic Gregorian calendar.

/// Milliseconds of a day.
pub const DAY_MS: i64 = 86_400_000;

/// A moment, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The year; 0 is 1 BC.
    pub year: i64,
    /// 1 to 12.
    pub month: i64,
    /// 1 to 31.
    pub day: i64,
    /// 0 is Sunday.
    pub weekday: i64,
    /// Milliseconds since midnight.
    pub time_ms: i64,
}

impl Moment {
    /// Takes milliseconds since the epoch apart.
    #[must_use]
    pub fn of(milliseconds: i64) -> Self {
        let days = milliseconds.div_euclid(DAY_MS);
        // Years that begin in March, in eras of 400 years: the leap day is then the last of its year.
        let shifted = days + 719_468;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let month = if shifted_month < 10 {
            shifted_month + 3
        } else {
            shifted_month - 9
        };
        Self {
            year: year_of_era + era * 400 + i64::from(month <= 2),
            month,
            day: day_of_year - (153 * shifted_month + 2) / 5 + 1,
            weekday: (days + 4).rem_euclid(7),
            time_ms: milliseconds.rem_euclid(DAY_MS),
        }
    }

    /// Hour, minute, second and millisecond.
    #[must_use]
    pub fn clock(&self) -> (i64, i64, i64, i64) {
        let time = self.time_ms;
        (
            time / 3_600_000,
            time / 60_000 % 60,
            time / 1_000 % 60,
            time % 1_000,
        )
    }
}

/// The days since the epoch of a date. Month and day may lie outside their ranges: they carry over, as in
/// Java's lenient calendars.
#[must_use]
pub fn days_of(year: i64, month: i64, day: i64) -> i64 {
    let months = year * 12 + (month - 1);
    let (year, month) = (months.div_euclid(12), months.rem_euclid(12) + 1);
    let shifted_year = if month <= 2 { year - 1 } else { year };
    let era = shifted_year.div_euclid(400);
    let year_of_era = shifted_year.rem_euclid(400);
    let shifted_month = (month + 9) % 12;
    let day_of_year = (153 * shifted_month + 2) / 5;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468 + day - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_comes_back_from_its_date() {
        for days in (-800_000..800_000).step_by(37) {
            let moment = Moment::of(days * DAY_MS);
            assert_eq!(days_of(moment.year, moment.month, moment.day), days);
        }
    }

    #[test]
    fn months_and_days_carry_over() {
        assert_eq!(days_of(2024, 2, 30), days_of(2024, 3, 1));
        assert_eq!(days_of(2024, 13, 1), days_of(2025, 1, 1));
        let moment = Moment::of(-1);
        assert_eq!((moment.year, moment.month, moment.day), (1969, 12, 31));
        assert_eq!(moment.weekday, 3);
        assert_eq!(moment.clock(), (23, 59, 59, 999));
    }
}
