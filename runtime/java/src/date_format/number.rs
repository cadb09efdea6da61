//! Numbers in dates, as Java's `NumberFormat` reads them: digits of any script, a minus, `1E3`.

/// The zeros of the scripts' digits; the nine others follow each.
const ZEROS: [char; 37] = [
    '0', '\u{660}', '\u{6f0}', '\u{7c0}', '\u{966}', '\u{9e6}', '\u{a66}', '\u{ae6}', '\u{b66}',
    '\u{be6}', '\u{c66}', '\u{ce6}', '\u{d66}', '\u{de6}', '\u{e50}', '\u{ed0}', '\u{f20}',
    '\u{1040}', '\u{1090}', '\u{17e0}', '\u{1810}', '\u{1946}', '\u{19d0}', '\u{1a80}', '\u{1a90}',
    '\u{1b50}', '\u{1bb0}', '\u{1c40}', '\u{1c50}', '\u{a620}', '\u{a8d0}', '\u{a900}', '\u{a9d0}',
    '\u{a9f0}', '\u{aa50}', '\u{abf0}', '\u{ff10}',
];

/// So many digits fit into 64 bits for sure.
const PLAIN_DIGITS: usize = 18;

/// The value of a digit of any script.
pub(super) fn digit(char: char) -> Option<u8> {
    if char.is_ascii() {
        return char.to_digit(10).and_then(|digit| digit.try_into().ok());
    }
    let above = |zero: char| u32::from(char).checked_sub(u32::from(zero));
    let digits = ZEROS.iter().filter_map(|zero| above(*zero));
    digits
        .filter(|digit| *digit < 10)
        .find_map(|digit| digit.try_into().ok())
}

/// The number that a text begins with, and its length in bytes. One that is too large is cut as Java's
/// `Number.intValue` cuts it.
pub(super) fn read(text: &str) -> Option<(i32, usize)> {
    if text.starts_with("NaN") {
        return Some((0, 3));
    }
    let (is_negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let sign = text.len() - digits.len();
    if digits.starts_with('∞') {
        let value = if is_negative { i32::MIN } else { i32::MAX };
        return Some((value, sign + '∞'.len_utf8()));
    }
    let (mut value, mut significant, mut length) = (0_i64, 0, 0);
    for char in digits.chars() {
        let Some(digit) = digit(char) else {
            break;
        };
        length += char.len_utf8();
        significant += usize::from(significant > 0 || digit > 0);
        if significant <= PLAIN_DIGITS {
            value = value * 10 + i64::from(digit);
        }
    }
    if length == 0 {
        return None;
    }
    let exponent = exponent(digits.get(length..).unwrap_or_default());
    if significant <= PLAIN_DIGITS && exponent.is_none() {
        let value = if is_negative { -value } else { value };
        return Some((low_bits(value.into()), sign + length));
    }
    let (exponent, more) = exponent.unwrap_or_default();
    let digits = digits.get(..length).unwrap_or_default();
    Some((large(digits, exponent, is_negative), sign + length + more))
}

/// An exponent and its length with its `E`.
fn exponent(text: &str) -> Option<(i64, usize)> {
    let text = text.strip_prefix('E')?;
    let (is_negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let (mut value, mut length) = (0_i64, 0);
    for char in digits.chars() {
        let Some(digit) = digit(char) else {
            break;
        };
        length += char.len_utf8();
        value = value.saturating_mul(10).saturating_add(digit.into());
    }
    let before = 1 + usize::from(is_negative);
    let value = if is_negative { -value } else { value };
    (length > 0).then_some((value, before + length))
}

/// A number of many digits or with an exponent: 64 bits where it fits, else a `double`.
fn large(digits: &str, exponent: i64, is_negative: bool) -> i32 {
    let digits: String = digits
        .chars()
        .filter_map(digit)
        .map(|digit| char::from(b'0' + digit))
        .collect();
    let whole = digits.trim_start_matches('0');
    let digits = whole.trim_end_matches('0');
    if digits.is_empty() {
        return 0;
    }
    // The number is 0.digits times 10 to the power of this.
    let point = i64::try_from(whole.len())
        .unwrap_or(i64::MAX)
        .saturating_add(exponent)
        .clamp(i32::MIN.into(), i32::MAX.into());
    let zeros = usize::try_from(point)
        .ok()
        .filter(|point| *point <= 19)
        .and_then(|point| point.checked_sub(digits.len()));
    let exact = zeros.and_then(|zeros| {
        let value = format!("{digits}{}", "0".repeat(zeros));
        value.parse::<i128>().ok()
    });
    let signed = |value: i128| if is_negative { -value } else { value };
    if let Some(value) = exact.map(signed).filter(|v| i64::try_from(*v).is_ok()) {
        return low_bits(value);
    }
    let value: f64 = format!("0.{digits}e{point}").parse().unwrap_or(f64::MAX);
    truncated(if is_negative { -value } else { value })
}

#[allow(clippy::cast_possible_truncation, reason = "as Long.intValue does")]
fn low_bits(value: i128) -> i32 {
    value as i32
}

#[allow(clippy::cast_possible_truncation, reason = "as Double.intValue does")]
fn truncated(value: f64) -> i32 {
    value as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_java_reads_them() {
        for (text, read_as) in [
            ("12x", Some((12, 2))),
            ("-7", Some((-7, 2))),
            ("007", Some((7, 3))),
            ("1E3", Some((1_000, 3))),
            ("1200E-2", Some((12, 7))),
            ("1E-2", Some((0, 4))),
            ("1E", Some((1, 1))),
            ("1e3", Some((1, 1))),
            ("1.5", Some((1, 1))),
            ("NaN", Some((0, 3))),
            ("-∞", Some((i32::MIN, 4))),
            ("٣٠", Some((30, 4))),
            ("4294967297", Some((1, 10))),
            ("9223372036854775807", Some((-1, 19))),
            ("9223372036854775808", Some((i32::MAX, 19))),
            ("-9223372036854775808", Some((0, 20))),
            ("1E99999999999999999999", Some((i32::MAX, 22))),
            ("-", None),
            ("+1", None),
            ("", None),
            ("x", None),
        ] {
            assert_eq!(read(text), read_as, "{text}");
        }
    }
}
