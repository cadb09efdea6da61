//! Dates as `java.util.Date` prints them.

use crate::calendar::Moment;

/// Appends a moment as `java.util.Date.toString` prints it in UTC: `Sun Jan 11 00:00:00 UTC 1970`.
pub fn print(milliseconds: i64, out: &mut Vec<u8>) {
    const WEEKDAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let moment = Moment::of(milliseconds);
    let name = |names: &[&'static str], index: i64| {
        usize::try_from(index)
            .ok()
            .and_then(|index| names.get(index).copied())
            .unwrap_or_default()
    };
    let (hour, minute, second, _) = moment.clock();
    let text = format!(
        "{} {} {:02} {hour:02}:{minute:02}:{second:02} UTC {:04}",
        name(&WEEKDAYS, moment.weekday),
        name(&MONTHS, moment.month - 1),
        moment.day,
        moment.year
    );
    out.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_print_as_java_prints_them() {
        let mut out = Vec::new();
        print(864_000_000, &mut out);
        assert_eq!(out, b"Sun Jan 11 00:00:00 UTC 1970");
    }
}
