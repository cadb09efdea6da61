//! Dates as `java.util.Date` prints them.

use crate::calendar::{DAY_MS, Moment};
use crate::historic::Day;

/// Appends a moment as `java.util.Date.toString` prints it in UTC: `Sun Jan 11 00:00:00 UTC 1970`. Before 1582 dates
/// are Julian; the year is that of its era, which is not said.
pub fn print(milliseconds: i64, out: &mut Vec<u8>) {
    const WEEKDAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let day = Day::of(milliseconds.div_euclid(DAY_MS));
    let name = |names: &[&'static str], index: i64| {
        usize::try_from(index)
            .ok()
            .and_then(|index| names.get(index).copied())
            .unwrap_or_default()
    };
    let (hour, minute, second, _) = Moment::of(milliseconds).clock();
    let year = if day.year > 0 { day.year } else { 1 - day.year };
    let text = format!(
        "{} {} {:02} {hour:02}:{minute:02}:{second:02} UTC {year}",
        name(&WEEKDAYS, day.weekday() - 1),
        name(&MONTHS, day.month - 1),
        day.day,
    );
    out.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_print_as_java_prints_them() {
        for (milliseconds, text) in [
            (864_000_000, "Sun Jan 11 00:00:00 UTC 1970"),
            (-62_135_596_800_000, "Mon Jan 03 00:00:00 UTC 1"),
            (-62_135_769_600_000, "Sat Jan 01 00:00:00 UTC 1"),
            (-62_135_769_600_001, "Fri Dec 31 23:59:59 UTC 1"),
            (-12_219_292_800_000, "Fri Oct 15 00:00:00 UTC 1582"),
            (-12_219_292_800_001, "Thu Oct 04 23:59:59 UTC 1582"),
        ] {
            let mut out = Vec::new();
            print(milliseconds, &mut out);
            assert_eq!(String::from_utf8_lossy(&out), text);
        }
    }
}
