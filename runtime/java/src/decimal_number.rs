//! Decimals as the numbers that `BigDecimal.longValue`, `doubleValue` and `floatValue` make of them.

use crate::decimal;
use crate::error::TextError;

/// The lowest 64 bits of a decimal without its fraction.
///
/// # Errors
/// When it has a fraction and too many digits.
pub fn long(scale: i32, unscaled: &[u8]) -> Result<i64, TextError> {
    let places = scale.unsigned_abs();
    if scale <= 0 {
        return Ok(lowest(unscaled).wrapping_mul(10_i64.wrapping_pow(places)));
    }
    if unscaled.len() <= 16 {
        // A power that 16 bytes do not hold is more than what they hold.
        let power = 10_i128.checked_pow(places);
        return Ok(power.map_or(0, |power| low(whole(unscaled) / power)));
    }
    let mut text = Vec::new();
    decimal::print(0, unscaled, &mut text)?;
    let digits = text.strip_prefix(b"-").unwrap_or(&text);
    let kept = digits.len().saturating_sub(places as usize);
    let magnitude = digits.iter().take(kept).fold(0_i64, |number, digit| {
        let digit = i64::from(digit.wrapping_sub(b'0'));
        number.wrapping_mul(10).wrapping_add(digit)
    });
    Ok(if digits.len() < text.len() {
        magnitude.wrapping_neg()
    } else {
        magnitude
    })
}

/// The nearest float64.
///
/// # Errors
/// When it has too many digits.
pub fn double(scale: i32, unscaled: &[u8]) -> Result<f64, TextError> {
    Ok(printed(scale, unscaled)?.parse().unwrap_or(f64::NAN))
}

/// The nearest float32.
///
/// # Errors
/// When it has too many digits.
pub fn float(scale: i32, unscaled: &[u8]) -> Result<f32, TextError> {
    Ok(printed(scale, unscaled)?.parse().unwrap_or(f32::NAN))
}

fn printed(scale: i32, unscaled: &[u8]) -> Result<String, TextError> {
    let mut text = Vec::new();
    decimal::print(scale, unscaled, &mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// A number of at most 16 bytes.
fn whole(unscaled: &[u8]) -> i128 {
    let negative = unscaled.first().is_some_and(|byte| byte & 0x80 != 0);
    let fill = if negative { -1 } else { 0 };
    unscaled
        .iter()
        .fold(fill, |number, byte| (number << 8) | i128::from(*byte))
}

/// The lowest 64 bits of a number of any length.
fn lowest(unscaled: &[u8]) -> i64 {
    low(whole(
        unscaled.last_chunk::<16>().map_or(unscaled, |chunk| chunk),
    ))
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "the lowest bits are wanted"
)]
fn low(number: i128) -> i64 {
    number as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decimal::Decimal;

    fn of<T>(text: &str, number: impl Fn(i32, &[u8]) -> Result<T, TextError>) -> T {
        let decimal = Decimal::parse(text).unwrap();
        number(decimal.scale, &decimal.unscaled).unwrap()
    }

    #[test]
    fn long_value_drops_the_fraction_and_the_high_bits() {
        for (text, number) in [
            ("0", 0),
            ("12.99", 12),
            ("-12.99", -12),
            ("0.99", 0),
            ("2147483648", 2_147_483_648),
            ("1E+3", 1_000),
            ("1E+18", 1_000_000_000_000_000_000),
            ("1E+19", -8_446_744_073_709_551_616),
            ("1E+64", 0),
            ("1E+200", 0),
            ("9223372036854775808", i64::MIN),
            ("18446744073709551617.5", 1),
            ("-18446744073709551617.5", -1),
            ("340282366920938463463374607431768211457", 1),
            ("340282366920938463463374607431768211457.123456789", 1),
            ("-340282366920938463463374607431768211457.9", -1),
            ("0.00000000000000000000000000000000000000000001", 0),
            ("1e-300", 0),
        ] {
            assert_eq!(of(text, long), number, "{text}");
        }
        assert_eq!(long(0, &[]), Ok(0));
        assert_eq!(long(i32::MAX, &[1]), Ok(0));
        assert_eq!(long(i32::MIN, &[1]), Ok(0));
    }

    #[test]
    fn floating_point_values_are_the_nearest_ones() {
        assert_eq!(of("0.1", double), 0.1);
        assert_eq!(of("-12.50", double), -12.5);
        assert_eq!(of("1E+400", double), f64::INFINITY);
        assert_eq!(of("1E-400", double), 0.0);
        assert_eq!(of("9007199254740993", double), 9_007_199_254_740_992.0);
        assert_eq!(of("0.1", float), 0.1_f32);
        assert_eq!(of("16777217", float), 16_777_216.0);
    }
}
