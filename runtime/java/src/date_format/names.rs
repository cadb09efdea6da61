//! The English names in dates. The first three letters of a weekday or month are its short name.

/// The weekdays, Sunday first.
pub(super) const WEEKDAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];

/// The months.
pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// The halves of a day.
pub(super) const AM_PM: [&str; 2] = ["AM", "PM"];

/// The eras as they are printed.
pub(super) const ERAS: [&str; 2] = ["BC", "AD"];

/// The eras as they are read too.
pub(super) const LONG_ERAS: [&str; 2] = ["Before Christ", "Anno Domini"];

/// How many letters a short name has.
pub(super) const SHORT: usize = 3;

/// Whether a text begins with a name, in upper or lower case.
pub(super) fn begins_with(text: &str, name: &str) -> bool {
    let head = text.as_bytes().get(..name.len());
    head.is_some_and(|head| head.eq_ignore_ascii_case(name.as_bytes()))
}

/// The number and length of the name that a text begins with; its short name will do where `SHORT` letters are one.
pub(super) fn find(text: &str, names: &[&str], has_short: bool) -> Option<(i32, usize)> {
    for (number, name) in (0..).zip(names) {
        if begins_with(text, name) {
            return Some((number, name.len()));
        }
        let short = name.get(..SHORT).filter(|_| has_short);
        if short.is_some_and(|short| begins_with(text, short)) {
            return Some((number, SHORT));
        }
    }
    None
}
