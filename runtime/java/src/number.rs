//! Floating point numbers as Java prints them, which is how Kafka Connect writes them into text.

use tidegate_model::short::append;

/// Appends a float64 as `Double.toString` prints it: `1.5`, `1.0E7`, `NaN`.
pub fn double(value: f64, out: &mut Vec<u8>) {
    if !value.is_finite() || value == 0.0 {
        out.extend_from_slice(special(value).as_bytes());
        return;
    }
    let mut buffer = zmij::Buffer::new();
    let text = buffer.format_finite(value);
    let size = value.abs();
    if (1e-3..1e7).contains(&size) {
        plain(text, out);
    } else if size < 1e-321 {
        // So few bits are left that Java's rule of two digits at least shows: 4.9E-324.
        scientific(&format!("{value:.1e}"), out);
    } else {
        scientific(text, out);
    }
}

/// Appends a float32 as `Float.toString` prints it.
pub fn float(value: f32, out: &mut Vec<u8>) {
    if !value.is_finite() || value == 0.0 {
        out.extend_from_slice(special(f64::from(value)).as_bytes());
        return;
    }
    let mut buffer = zmij::Buffer::new();
    let text = buffer.format_finite(value);
    let size = value.abs();
    if (1e-3..1e7).contains(&size) {
        plain(text, out);
    } else if size < 1e-43 {
        scientific(&format!("{value:.1e}"), out);
    } else {
        scientific(text, out);
    }
}

fn special(value: f64) -> &'static str {
    match value {
        _ if value.is_nan() => "NaN",
        _ if value == f64::INFINITY => "Infinity",
        _ if value == f64::NEG_INFINITY => "-Infinity",
        _ if value.is_sign_negative() => "-0.0",
        _ => "0.0",
    }
}

/// Copies a number without an exponent, which has a fractional part then; else lays it out as one.
fn plain(text: &str, out: &mut Vec<u8>) {
    if text.bytes().all(|byte| byte != b'e') && text.bytes().any(|byte| byte == b'.') {
        append(out, text.as_bytes());
        return;
    }
    let (negative, digits, point) = taken_apart(text);
    if negative {
        out.push(b'-');
    }
    let whole = usize::try_from(point).unwrap_or(0);
    if whole == 0 {
        out.extend_from_slice(b"0.");
        out.extend(std::iter::repeat_n(b'0', point.unsigned_abs() as usize));
        out.extend_from_slice(digits.as_bytes());
    } else {
        let (head, tail) = digits.split_at_checked(whole).unwrap_or((&digits, ""));
        out.extend_from_slice(head.as_bytes());
        out.extend(std::iter::repeat_n(b'0', whole - head.len()));
        out.push(b'.');
        out.extend_from_slice(if tail.is_empty() { "0" } else { tail }.as_bytes());
    }
}

/// Lays a number out as one digit, a fraction and an exponent.
fn scientific(text: &str, out: &mut Vec<u8>) {
    let (negative, digits, point) = taken_apart(text);
    if negative {
        out.push(b'-');
    }
    let (head, tail) = digits.split_at_checked(1).unwrap_or(("0", ""));
    out.extend_from_slice(head.as_bytes());
    out.push(b'.');
    out.extend_from_slice(if tail.is_empty() { "0" } else { tail }.as_bytes());
    out.push(b'E');
    out.extend_from_slice(itoa::Buffer::new().format(point - 1).as_bytes());
}

/// Sign, significant digits, and where the point stands: the number is 0.digits times 10 to the power of it.
fn taken_apart(text: &str) -> (bool, String, i32) {
    let (negative, text) = match text.strip_prefix('-') {
        Some(text) => (true, text),
        None => (false, text),
    };
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    let digits = all.trim_start_matches('0');
    let zeros = all.len() - digits.len();
    let point = i32::try_from(whole.len()).unwrap_or(0) - i32::try_from(zeros).unwrap_or(0)
        + exponent.parse::<i32>().unwrap_or(0);
    (negative, digits.trim_end_matches('0').to_owned(), point)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn double_text(value: f64) -> String {
        let mut out = Vec::new();
        double(value, &mut out);
        String::from_utf8(out).unwrap()
    }

    fn float_text(value: f32) -> String {
        let mut out = Vec::new();
        float(value, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn doubles_print_as_java_prints_them() {
        for (value, text) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (100.0, "100.0"),
            (12.34, "12.34"),
            (-0.5, "-0.5"),
            (0.001, "0.001"),
            (0.00099, "9.9E-4"),
            (9_999_999.0, "9999999.0"),
            (1e7, "1.0E7"),
            (12_345_678.5, "1.23456785E7"),
            (1e-5, "1.0E-5"),
            (1e10, "1.0E10"),
            (f64::MAX, "1.7976931348623157E308"),
            (f64::MIN_POSITIVE, "2.2250738585072014E-308"),
            (5e-324, "4.9E-324"),
            (1e-323, "9.9E-324"),
            (2e23, "2.0E23"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(double_text(value), text);
        }
    }

    #[test]
    fn floats_print_as_java_prints_them() {
        for (value, text) in [
            (12.34_f32, "12.34"),
            (1e7, "1.0E7"),
            (1.4e-45, "1.4E-45"),
            (f32::MAX, "3.4028235E38"),
            (0.1, "0.1"),
        ] {
            assert_eq!(float_text(value), text);
        }
    }
}
