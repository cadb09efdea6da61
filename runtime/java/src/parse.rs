//! Numbers as Java reads them: `Long.parseLong`, `Double.parseDouble`, `Float.parseFloat`.

/// The zeros of the decimal digits that `Character.digit` knows; nine more follow each. All are in the first plane,
/// since Java looks at single chars.
const ZEROS: [u32; 36] = [
    0x0660, 0x06f0, 0x07c0, 0x0966, 0x09e6, 0x0a66, 0x0ae6, 0x0b66, 0x0be6, 0x0c66, 0x0ce6, 0x0d66,
    0x0de6, 0x0e50, 0x0ed0, 0x0f20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90,
    0x1b50, 0x1bb0, 0x1c40, 0x1c50, 0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10,
];

/// Reads a whole number as `Long.parseLong` does: a sign, then digits of any script, and nothing else.
#[must_use]
pub fn long(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() {
        return None;
    }
    let negative = text.starts_with('-');
    let mut number = 0_i64;
    for digit in digits.chars() {
        let digit = i64::from(digit_of(digit)?);
        let shifted = number.checked_mul(10)?;
        number = if negative {
            shifted.checked_sub(digit)?
        } else {
            shifted.checked_add(digit)?
        };
    }
    Some(number)
}

#[inline]
fn digit_of(digit: char) -> Option<u32> {
    digit.to_digit(10).or_else(|| {
        let code = u32::from(digit);
        let next = ZEROS.partition_point(|zero| *zero <= code);
        let zero = ZEROS.get(next.checked_sub(1)?)?;
        Some(code - zero).filter(|digit| *digit < 10)
    })
}

/// Reads a float64 as `Double.parseDouble` does; white space around it is dropped.
#[must_use]
pub fn double(text: &str) -> Option<f64> {
    match Form::of(text)? {
        Form::Special(value) => Some(value),
        Form::Decimal(text) => text.parse().ok(),
        Form::Hexadecimal(number) => Some(number.rounded(53, -1022)),
    }
}

/// Reads a float32 as `Float.parseFloat` does.
#[must_use]
#[allow(
    clippy::cast_possible_truncation,
    reason = "what was rounded to 24 bits fits"
)]
pub fn float(text: &str) -> Option<f32> {
    match Form::of(text)? {
        Form::Special(value) => Some(value as f32),
        Form::Decimal(text) => text.parse().ok(),
        Form::Hexadecimal(number) => Some(number.rounded(24, -126) as f32),
    }
}

/// How a floating point number is written.
enum Form<'a> {
    Special(f64),
    /// Without the letter of its type at its end; Rust reads it as Java does.
    Decimal(&'a str),
    Hexadecimal(Hexadecimal),
}

impl<'a> Form<'a> {
    fn of(text: &'a str) -> Option<Self> {
        let text = text.trim_matches(|char| char <= ' ');
        let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
        let negative = text.starts_with('-');
        let special = match unsigned {
            "NaN" => Some(f64::NAN),
            "Infinity" if negative => Some(f64::NEG_INFINITY),
            "Infinity" => Some(f64::INFINITY),
            _ => None,
        };
        if let Some(special) = special {
            return Some(Self::Special(special));
        }
        let bare = |text: &'a str| text.strip_suffix(['f', 'F', 'd', 'D']).unwrap_or(text);
        if let Some(digits) = unsigned.strip_prefix("0x").or(unsigned.strip_prefix("0X")) {
            // An f or d may be the last digit too, but the exponent, which must be there, has none.
            return Hexadecimal::parse(bare(digits), negative).map(Self::Hexadecimal);
        }
        is_decimal(bare(unsigned)).then(|| Self::Decimal(bare(text)))
    }
}

/// Whether a text is digits, perhaps with a point, perhaps with an exponent.
fn is_decimal(text: &str) -> bool {
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent = exponent.map(|text| text.strip_prefix(['-', '+']).unwrap_or(text));
    whole.len() + fraction.len() > 0
        && all_digits(whole)
        && all_digits(fraction)
        && exponent.is_none_or(|digits| !digits.is_empty() && all_digits(digits))
}

/// A number in hexadecimal digits, times a power of two.
struct Hexadecimal {
    negative: bool,
    /// The first significant digits.
    bits: u64,
    /// Whether a digit that is not zero follows them.
    more: bool,
    /// The power of two that `bits` are multiplied with.
    exponent: i64,
}

impl Hexadecimal {
    fn parse(text: &str, negative: bool) -> Option<Self> {
        let (mantissa, exponent) = text.split_once(['p', 'P'])?;
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number || whole.len() + fraction.len() == 0 {
            return None;
        }
        // An exponent that is too long is far beyond what a number has.
        let size = digits.parse().unwrap_or(1_i64 << 40).min(1 << 40);
        let mut number = Self {
            negative,
            bits: 0,
            more: false,
            exponent: if exponent.starts_with('-') {
                -size
            } else {
                size
            },
        };
        for digit in whole.chars() {
            number.add(digit.to_digit(16)?, 4);
        }
        for digit in fraction.chars() {
            number.add(digit.to_digit(16)?, 0);
        }
        Some(number)
    }

    /// Adds a digit. What no longer fits moves the point by `left_out` bits; what fits moves it by the rest of 4.
    fn add(&mut self, digit: u32, left_out: i64) {
        if self.bits >> 60 == 0 {
            self.bits = self.bits << 4 | u64::from(digit);
            self.exponent += left_out - 4;
        } else {
            self.more |= digit != 0;
            self.exponent += left_out;
        }
    }

    /// The nearest number with so many bits, of two equally near the even one; fewer bits below the least exponent.
    fn rounded(&self, bits_max: i64, exponent_min: i64) -> f64 {
        let sign = if self.negative { -1.0 } else { 1.0 };
        if self.bits == 0 {
            return sign * 0.0;
        }
        let width = 64 - i64::from(self.bits.leading_zeros());
        let top = self.exponent + width - 1;
        let kept = bits_max.min(bits_max - (exponent_min - top));
        let dropped = width - kept;
        let (mut bits, mut exponent) = (self.bits, self.exponent);
        if dropped > 0 {
            let dropped = u32::try_from(dropped).unwrap_or(u32::MAX);
            let half = 1_u64.checked_shl(dropped - 1).unwrap_or(0);
            let rest = self.bits & half.wrapping_mul(2).wrapping_sub(1);
            bits = self.bits.checked_shr(dropped).unwrap_or(0);
            exponent += i64::from(dropped);
            let above = rest > half || (rest == half && self.more);
            if half != 0 && (above || (rest == half && bits & 1 == 1)) {
                bits += 1;
            }
        }
        // Not more bits than a float64 has, so that each step is exact until it overflows.
        let mut value = bits as f64;
        let steps = exponent.clamp(-2_200, 2_200);
        for _ in 0..steps.abs() {
            value *= if steps < 0 { 0.5 } else { 2.0 };
        }
        sign * value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_read_as_parse_long_reads_them() {
        for (text, number) in [
            ("0", Some(0)),
            ("-0", Some(0)),
            ("+5", Some(5)),
            ("007", Some(7)),
            ("9223372036854775807", Some(i64::MAX)),
            ("-9223372036854775808", Some(i64::MIN)),
            ("٤٢", Some(42)),
            ("-１２", Some(-12)),
            ("9223372036854775808", None),
            ("-9223372036854775809", None),
            ("", None),
            ("-", None),
            ("+-1", None),
            (" 1", None),
            ("1 ", None),
            ("1_000", None),
            ("1.0", None),
            ("½", None),
            ("𝟗", None),
        ] {
            assert_eq!(long(text), number, "{text}");
        }
    }

    #[test]
    fn floating_point_numbers_are_read_as_parse_double_reads_them() {
        for (text, number) in [
            ("1", 1.0),
            (" \t1.5\n", 1.5),
            ("1.", 1.0),
            (".5", 0.5),
            ("+1e3", 1e3),
            ("1E-5d", 1e-5),
            ("2f", 2.0),
            ("1e400", f64::INFINITY),
            ("-1e-400", -0.0),
            ("Infinity", f64::INFINITY),
            ("-Infinity", f64::NEG_INFINITY),
            ("0x1p3", 8.0),
            ("-0x1.8P1", -3.0),
            ("0x.8p0f", 0.5),
            ("0x1p-1074", f64::from_bits(1)),
            ("0x1p-1075", 0.0),
            ("0x1.8p-1075", f64::from_bits(1)),
            ("0x1p-1076", 0.0),
            ("0x1.fffffffffffffp1023", f64::MAX),
            ("0x1.fffffffffffff8p1023", f64::INFINITY),
            ("0x1p99999999999", f64::INFINITY),
            ("0x1p-99999999999999999999", 0.0),
            ("0x10000000000000008p0", 18_446_744_073_709_551_616.0),
            ("0x10000000000000801p0", 18_446_744_073_709_555_712.0),
            ("0x0p5", 0.0),
        ] {
            let found = double(text).map(f64::to_bits);
            assert_eq!(found, Some(number.to_bits()), "{text}");
        }
        assert!(double("NaN").is_some_and(f64::is_nan));
        for text in [
            "",
            " ",
            ".",
            "e5",
            "1e",
            "1e+",
            "nan",
            "inf",
            "infinity",
            "1,5",
            "1ff",
            "0x1",
            "0xp1",
            "0x1p",
            "0x1.1.1p1",
            "١",
            "1 2",
            "--1",
            "Infinityf",
        ] {
            assert_eq!(double(text), None, "{text}");
            assert_eq!(float(text), None, "{text}");
        }
    }

    #[test]
    fn floats_are_rounded_once() {
        for (text, number) in [
            ("0.1", 0.1_f32),
            ("3.4e39", f32::INFINITY),
            ("-Infinity", f32::NEG_INFINITY),
            // Rounded to a float64 first, this would be halfway and go down to the even one.
            ("1.00000017881393432617187499", f32::from_bits(0x3f80_0001)),
            ("0x1p-149", f32::from_bits(1)),
            ("0x1p-150", 0.0),
            ("0x1.fffffep127", f32::MAX),
            ("0x1.ffffffp127", f32::INFINITY),
        ] {
            let found = float(text).map(f32::to_bits);
            assert_eq!(found, Some(number.to_bits()), "{text}");
        }
    }
}
