//! Decimals between their text, as `BigDecimal` prints and reads it, and their unscaled bytes.

use crate::error::TextError;

/// The most digits of a decimal that is printed or read; the time of both grows with their square.
pub const DECIMAL_DIGITS_MAX: usize = 1_000;
/// The most bytes of an unscaled value that is printed: a little more than that many digits need.
const UNSCALED_BYTES_MAX: usize = 420;

/// A decimal: big-endian two's complement, times 10 to the power of minus the scale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decimal {
    /// The scale.
    pub scale: i32,
    /// The unscaled value, in as few bytes as can be.
    pub unscaled: Vec<u8>,
}

impl Decimal {
    /// Reads a number as `new BigDecimal(text)` does; `None` when it is none or too long.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (negative, digits) = match text.as_bytes().first()? {
            b'-' => (true, text.get(1..)?),
            b'+' => (false, text.get(1..)?),
            _ => (false, text),
        };
        let (mantissa, exponent) = match digits.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent_of(exponent)?),
            None => (digits, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let count = whole.len() + fraction.len();
        if count == 0 || count > DECIMAL_DIGITS_MAX {
            return None;
        }
        let mut magnitude = Vec::new();
        for digit in whole.bytes().chain(fraction.bytes()) {
            if !digit.is_ascii_digit() {
                return None;
            }
            shift_in(&mut magnitude, u32::from(digit - b'0'));
        }
        let scale = i64::try_from(fraction.len()).ok()? - i64::from(exponent);
        Some(Self {
            scale: i32::try_from(scale).ok()?,
            unscaled: two_complement(&magnitude, negative),
        })
    }
}

/// An exponent, with its sign.
fn exponent_of(text: &str) -> Option<i32> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.strip_prefix('+').unwrap_or(text).parse().ok()
}

/// Appends a decimal as `BigDecimal.toString` prints it: plain, or with an exponent where the scale is
/// negative or the number is tiny.
///
/// # Errors
/// When it has too many digits.
pub fn print(scale: i32, unscaled: &[u8], out: &mut Vec<u8>) -> Result<(), TextError> {
    let (negative, digits) = digits_of(unscaled)?;
    if negative {
        out.push(b'-');
    }
    let count = i64::try_from(digits.len()).unwrap_or(i64::MAX);
    let adjusted = count - 1 - i64::from(scale);
    if scale == 0 {
        out.extend_from_slice(digits.as_bytes());
    } else if scale > 0 && adjusted >= -6 {
        let point = count - i64::from(scale);
        if point > 0 {
            let (head, tail) = digits
                .split_at_checked(usize::try_from(point).unwrap_or(0))
                .unwrap_or((&digits, ""));
            out.extend_from_slice(head.as_bytes());
            out.push(b'.');
            out.extend_from_slice(tail.as_bytes());
        } else {
            out.extend_from_slice(b"0.");
            out.extend(std::iter::repeat_n(
                b'0',
                usize::try_from(-point).unwrap_or(0),
            ));
            out.extend_from_slice(digits.as_bytes());
        }
    } else {
        let (head, tail) = digits.split_at_checked(1).unwrap_or((&digits, ""));
        out.extend_from_slice(head.as_bytes());
        if !tail.is_empty() {
            out.push(b'.');
            out.extend_from_slice(tail.as_bytes());
        }
        if adjusted != 0 {
            out.extend_from_slice(if adjusted > 0 { b"E+" } else { b"E" });
            out.extend_from_slice(itoa::Buffer::new().format(adjusted).as_bytes());
        }
    }
    Ok(())
}

/// The sign and the decimal digits of an unscaled value.
fn digits_of(unscaled: &[u8]) -> Result<(bool, String), TextError> {
    if unscaled.len() > UNSCALED_BYTES_MAX {
        return Err(TextError::Decimal {
            found: unscaled.len(),
            max: UNSCALED_BYTES_MAX,
        });
    }
    let negative = unscaled.first().is_some_and(|byte| byte & 0x80 != 0);
    // Limbs of 32 bits, the lowest first.
    let mut limbs: Vec<u32> = Vec::with_capacity(unscaled.len() / 4 + 1);
    for chunk in unscaled.rchunks(4) {
        let fill = if negative { u32::MAX } else { 0 };
        limbs.push(
            chunk
                .iter()
                .fold(fill, |limb, byte| (limb << 8) | u32::from(*byte)),
        );
    }
    if negative {
        negate(&mut limbs);
    }
    let mut groups = Vec::new();
    while limbs.last().is_some() {
        let mut rest = 0_u64;
        for limb in limbs.iter_mut().rev() {
            let value = (rest << 32) | u64::from(*limb);
            *limb = low(value / 1_000_000_000);
            rest = value % 1_000_000_000;
        }
        groups.push(rest);
        while limbs.last() == Some(&0) {
            limbs.pop();
        }
    }
    let mut digits = groups.pop().unwrap_or(0).to_string();
    for group in groups.iter().rev() {
        digits.push_str(&format!("{group:09}"));
    }
    let digits = match digits.trim_start_matches('0') {
        "" => "0".to_owned(),
        digits => digits.to_owned(),
    };
    Ok((negative, digits))
}

/// The magnitude times 10 plus a digit. Limbs of 32 bits, the lowest first.
fn shift_in(limbs: &mut Vec<u32>, digit: u32) {
    let mut carry = u64::from(digit);
    for limb in limbs.iter_mut() {
        let value = u64::from(*limb) * 10 + carry;
        *limb = low(value);
        carry = value >> 32;
    }
    if carry > 0 {
        limbs.push(low(carry));
    }
}

/// The low half of a number.
#[allow(clippy::cast_possible_truncation)]
fn low(value: u64) -> u32 {
    value as u32
}

/// Changes the sign of a number in two's complement.
fn negate(limbs: &mut [u32]) {
    let mut carry = true;
    for limb in limbs {
        let (value, over) = (!*limb).overflowing_add(u32::from(carry));
        *limb = value;
        carry = over;
    }
}

/// The bytes of `BigInteger.toByteArray`: as few as can be.
fn two_complement(magnitude: &[u32], negative: bool) -> Vec<u8> {
    let mut limbs = magnitude.to_vec();
    limbs.push(0);
    if negative {
        negate(&mut limbs);
    }
    let bytes: Vec<u8> = limbs
        .iter()
        .rev()
        .flat_map(|limb| limb.to_be_bytes())
        .collect();
    let mut shortest = bytes.as_slice();
    while let [first, second, ..] = shortest {
        let spare = (*first == 0 && second & 0x80 == 0) || (*first == 0xff && second & 0x80 != 0);
        if !spare {
            break;
        }
        shortest = shortest.get(1..).unwrap_or(&[]);
    }
    shortest.to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(text: &str) -> String {
        let decimal = Decimal::parse(text).unwrap();
        let mut out = Vec::new();
        print(decimal.scale, &decimal.unscaled, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn decimals_print_as_big_decimal_does() {
        for (text, expected) in [
            ("1.50", "1.50"),
            ("-7", "-7"),
            ("0", "0"),
            ("0.00", "0.00"),
            ("-0.01", "-0.01"),
            ("1E+3", "1E+3"),
            ("1.5e3", "1.5E+3"),
            ("0.0000001", "1E-7"),
            ("0.000001", "0.000001"),
            ("0.00000012", "1.2E-7"),
            ("1000000000000000000000.00", "1000000000000000000000.00"),
            (
                "-340282366920938463463374607431768211456",
                "-340282366920938463463374607431768211456",
            ),
            ("00012", "12"),
            (".5", "0.5"),
            ("5.", "5"),
        ] {
            assert_eq!(printed(text), expected);
        }
    }

    #[test]
    fn unscaled_bytes_are_those_of_big_integer() {
        for (text, bytes) in [
            ("1.56", vec![0, 0x9c]),
            ("-7", vec![0xf9]),
            ("0", vec![0]),
            ("128", vec![0, 0x80]),
            ("-128", vec![0x80]),
            ("-129", vec![0xff, 0x7f]),
            ("4294967296", vec![1, 0, 0, 0, 0]),
        ] {
            assert_eq!(Decimal::parse(text).unwrap().unscaled, bytes, "{text}");
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in [
            "",
            "-",
            ".",
            "1e",
            "1e+",
            "1x",
            "--1",
            "1.2.3",
            "1e99999999999",
            "٣",
        ] {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
        assert_eq!(Decimal::parse(&"9".repeat(1001)), None);
        let mut out = Vec::new();
        assert!(print(0, &[1; 421], &mut out).is_err());
    }
}
