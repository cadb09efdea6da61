//! Headers of each answer, by `response.http.headers.config`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use tidegate_config::rest::{HeaderAction, ResponseHeader};

const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// Adds them.
pub(crate) fn add(headers: &mut HeaderMap, wanted: &[ResponseHeader]) {
    for header in wanted {
        let date = |milliseconds| HeaderValue::from_str(&date(SystemTime::now(), milliseconds));
        let value = match header.action {
            HeaderAction::Set | HeaderAction::Add => HeaderValue::from_str(&header.value),
            HeaderAction::SetDate(from_now) | HeaderAction::AddDate(from_now) => date(from_now),
        };
        // The configuration was checked, so both are there.
        let name = HeaderName::from_bytes(header.name.as_bytes());
        let (Ok(name), Ok(value)) = (name, value) else {
            continue;
        };
        match header.action {
            HeaderAction::Set | HeaderAction::SetDate(_) => drop(headers.insert(name, value)),
            HeaderAction::Add | HeaderAction::AddDate(_) => drop(headers.append(name, value)),
        }
    }
}

/// A time as HTTP writes it, so many milliseconds after another.
fn date(now: SystemTime, milliseconds: i64) -> String {
    let apart = Duration::from_millis(milliseconds.unsigned_abs());
    let time = if milliseconds < 0 {
        now.checked_sub(apart)
    } else {
        now.checked_add(apart)
    };
    let since = time.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let seconds = since.map_or(0, |since| since.as_secs());
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Howard Hinnant's days to civil, from March on.
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = (from_march + 2) % 12;
    let year = year_of_era + era * 400 + u64::from(month < 2);
    let name = |names: &[&'static str], at: u64| {
        let at = usize::try_from(at).ok();
        at.and_then(|at| names.get(at).copied()).unwrap_or_default()
    };
    format!(
        "{}, {day:02} {} {year:04} {:02}:{:02}:{:02} GMT",
        name(&DAYS, days % 7),
        name(&MONTHS, month),
        second / 3_600,
        second / 60 % 60,
        second % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_as_http_wants_them() {
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        assert_eq!(date(at(784_111_777), 0), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(date(at(0), 1_000), "Thu, 01 Jan 1970 00:00:01 GMT");
        assert_eq!(date(at(951_782_400), 0), "Tue, 29 Feb 2000 00:00:00 GMT");
        assert_eq!(
            date(at(951_868_800), -86_400_000),
            "Tue, 29 Feb 2000 00:00:00 GMT"
        );
        assert_eq!(date(at(1_735_689_599), 0), "Tue, 31 Dec 2024 23:59:59 GMT");
        assert_eq!(date(at(0), i64::MIN), "Thu, 01 Jan 1970 00:00:00 GMT");
    }

    #[test]
    fn set_takes_the_place_and_add_adds() {
        let header = |action, value: &str| ResponseHeader {
            action,
            name: "X-A".to_owned(),
            value: value.to_owned(),
        };
        let mut headers = HeaderMap::new();
        add(
            &mut headers,
            &[
                header(HeaderAction::Add, "1"),
                header(HeaderAction::Set, "2"),
                header(HeaderAction::Add, "3"),
            ],
        );
        let values: Vec<_> = headers.get_all("x-a").iter().collect();
        assert_eq!(values, ["2", "3"]);
    }
}
