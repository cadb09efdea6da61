//! A JSON text, token by token. The text is checked to be UTF-8 once, when the scanner is made; numbers follow
//! Jackson as Kafka Connect sets it up: leading zeros are allowed.

use super::NUMBER_BYTES_MAX;
use crate::error::{ConvertError, JsonProblem};

/// A place in a JSON text.
#[derive(Debug, Clone)]
pub(super) struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
}

/// What is wrong, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fault {
    offset: usize,
    problem: JsonProblem,
}

impl From<Fault> for ConvertError {
    fn from(fault: Fault) -> Self {
        Self::Json {
            offset: fault.offset,
            problem: fault.problem,
        }
    }
}

/// A number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Number<'a> {
    /// Digits only: the lower 64 bits of its value, and its text.
    Integer(i64, &'a [u8]),
    /// With a fraction or an exponent.
    Decimal(&'a [u8]),
}

impl<'a> Number<'a> {
    /// Its text.
    pub(super) fn text(self) -> &'a str {
        match self {
            // Digits, signs, points and letters only.
            Self::Integer(_, text) | Self::Decimal(text) => {
                std::str::from_utf8(text).unwrap_or_default()
            }
        }
    }

    /// The lower 64 bits of its whole part, as Java's `longValue` gives them.
    #[inline]
    pub(super) fn low_bits(self) -> i64 {
        match self {
            Self::Integer(value, _) => value,
            Self::Decimal(_) => whole_low_bits(self.text()),
        }
    }
}

/// Whether a number with so many decimals and an exponent has a scale of 32 bits, as a `BigDecimal` needs it.
fn has_scale(decimals: usize, exponent: &[u8]) -> bool {
    let exponent = std::str::from_utf8(exponent).ok();
    let exponent = exponent.and_then(|text| text.parse::<i32>().ok());
    let decimals = i32::try_from(decimals).ok();
    let scale = decimals.zip(exponent);
    scale.is_some_and(|(decimals, exponent)| decimals.checked_sub(exponent).is_some())
}

/// The lower 64 bits of the whole part of a number with a fraction or an exponent.
fn whole_low_bits(text: &str) -> i64 {
    let digits = text.trim_start_matches('-');
    let (mantissa, exponent) = digits.split_once(['e', 'E']).unwrap_or((digits, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    // An exponent beyond 64 bits leaves 0 either way: 10 to the power of 64 has 64 factors of two.
    let exponent = exponent.parse::<i64>().unwrap_or(i64::MIN);
    let point = i64::try_from(whole.len())
        .unwrap_or(0)
        .saturating_add(exponent);
    let mut bits = 0_i64;
    let mut left = point;
    for digit in whole.bytes().chain(fraction.bytes()) {
        if left <= 0 {
            break;
        }
        bits = bits
            .wrapping_mul(10)
            .wrapping_add(i64::from(digit.wrapping_sub(b'0')));
        left -= 1;
    }
    for _ in 0..left.clamp(0, 64) {
        bits = bits.wrapping_mul(10);
    }
    if text.starts_with('-') {
        bits.wrapping_neg()
    } else {
        bits
    }
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

impl<'a> Scanner<'a> {
    /// Begins at the start of a text.
    pub(super) fn new(text: &'a [u8]) -> Result<Self, Fault> {
        Self::resume(text, 0)
    }

    /// Goes on at `offset` of a text whose bytes before it were checked.
    pub(super) fn resume(text: &'a [u8], offset: usize) -> Result<Self, Fault> {
        match std::str::from_utf8(text.get(offset..).unwrap_or_default()) {
            Ok(_) => Ok(Self { text, at: offset }),
            Err(error) => Err(Fault {
                offset: offset + error.valid_up_to(),
                problem: JsonProblem::Utf8,
            }),
        }
    }

    /// The offset of the next byte.
    #[inline]
    pub(super) fn offset(&self) -> usize {
        self.at
    }

    /// The text from an offset to here.
    #[inline]
    pub(super) fn since(&self, start: usize) -> &'a [u8] {
        self.text.get(start..self.at).unwrap_or_default()
    }

    /// What is left.
    #[inline]
    pub(super) fn rest(&self) -> &'a [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Steps over bytes that were looked at.
    #[inline]
    pub(super) fn advance(&mut self, bytes: usize) {
        self.at += bytes;
    }

    /// The next byte that is not white space, without taking it.
    #[inline]
    pub(super) fn peek(&mut self) -> Option<u8> {
        loop {
            let byte = *self.text.get(self.at)?;
            if byte > b' ' || !matches!(byte, b' ' | b'\n' | b'\t' | b'\r') {
                return Some(byte);
            }
            self.at += 1;
        }
    }

    /// Takes a byte that must come next, after white space.
    #[inline]
    pub(super) fn expect(&mut self, byte: u8, wanted: &'static str) -> Result<(), Fault> {
        if self.peek() == Some(byte) {
            self.at += 1;
            Ok(())
        } else {
            Err(self.unexpected(wanted))
        }
    }

    /// The end of the text, after white space.
    pub(super) fn finish(&mut self) -> Result<(), Fault> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.fault(JsonProblem::Trailing)),
        }
    }

    /// Something at this place.
    #[cold]
    pub(super) fn fault(&self, problem: JsonProblem) -> Fault {
        Fault {
            offset: self.at,
            problem,
        }
    }

    /// The next byte cannot stand here.
    #[cold]
    pub(super) fn unexpected(&self, wanted: &'static str) -> Fault {
        self.fault(match self.text.get(self.at) {
            None => JsonProblem::End,
            Some(&found) => JsonProblem::Unexpected { found, wanted },
        })
    }

    /// Takes a word such as `true`, whose first byte was looked at.
    #[inline]
    pub(super) fn word(&mut self, word: &'static str) -> Result<(), Fault> {
        if self.rest().starts_with(word.as_bytes()) {
            self.at += word.len();
            Ok(())
        } else {
            Err(self.unexpected("a JSON value"))
        }
    }

    /// Takes what is left of a string up to its quote, when it has no escapes: the opening quote was taken.
    /// `None`: it has one, and nothing was taken.
    #[inline]
    pub(super) fn plain_string(&mut self) -> Result<Option<&'a [u8]>, Fault> {
        let rest = self.rest();
        let length = plain_length(rest);
        match rest.get(length) {
            Some(b'"') => {
                self.at += length + 1;
                Ok(rest.get(..length))
            }
            Some(b'\\') => Ok(None),
            _ => {
                self.at += length;
                Err(self.unexpected("no control characters in a string"))
            }
        }
    }

    /// Appends what is left of a string up to its quote: the opening quote was taken.
    pub(super) fn string(&mut self, out: &mut Vec<u8>) -> Result<(), Fault> {
        loop {
            let rest = self.rest();
            let length = plain_length(rest);
            out.extend_from_slice(rest.get(..length).unwrap_or_default());
            self.at += length;
            match rest.get(length) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => self.escape(out)?,
                _ => return Err(self.unexpected("no control characters in a string")),
            }
        }
    }

    /// Takes an escape.
    fn escape(&mut self, out: &mut Vec<u8>) -> Result<(), Fault> {
        let byte = match self.rest().get(1) {
            None => return Err(self.fault(JsonProblem::End)),
            Some(byte @ (b'"' | b'\\' | b'/')) => *byte,
            Some(b'b') => 8,
            Some(b'f') => 12,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'u') => {
                let character = self.unicode_escape()?;
                let mut buffer = [0; 4];
                out.extend_from_slice(character.encode_utf8(&mut buffer).as_bytes());
                return Ok(());
            }
            Some(_) => return Err(self.fault(JsonProblem::Escape)),
        };
        out.push(byte);
        self.at += 2;
        Ok(())
    }

    /// Takes `\uXXXX`, or two of them that make up one character. Half a character is replaced.
    fn unicode_escape(&mut self) -> Result<char, Fault> {
        let first = self.code_unit()?;
        if !(0xd800..0xdc00).contains(&first) || !self.rest().starts_with(b"\\u") {
            return Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        let before = self.at;
        let second = self.code_unit()?;
        if (0xdc00..0xe000).contains(&second) {
            let code = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
            Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))
        } else {
            self.at = before;
            Ok(char::REPLACEMENT_CHARACTER)
        }
    }

    /// Takes `\uXXXX`.
    fn code_unit(&mut self) -> Result<u32, Fault> {
        let digits = self.rest().get(2..6);
        let unit = digits
            .filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u32::from_str_radix(digits, 16).ok());
        match unit {
            Some(unit) => {
                self.at += 6;
                Ok(unit)
            }
            None if self.rest().len() < 6 => Err(Fault {
                offset: self.text.len(),
                problem: JsonProblem::End,
            }),
            None => Err(self.fault(JsonProblem::Escape)),
        }
    }

    /// Takes a number, whose first byte was looked at.
    #[inline]
    pub(super) fn number(&mut self) -> Result<Number<'a>, Fault> {
        let start = self.at;
        let negative = self.text.get(start) == Some(&b'-');
        self.at += usize::from(negative);
        let first = self.at;
        let mut value = 0_i64;
        while let Some(digit) = self.digit() {
            // Wraps around as Java's BigInteger.longValue does.
            value = value.wrapping_mul(10).wrapping_add(i64::from(digit));
        }
        if self.at == first {
            return Err(self.unexpected("a digit"));
        }
        let integer = !matches!(self.text.get(self.at), Some(b'.' | b'e' | b'E'));
        if !integer {
            self.fraction()?;
        }
        let text = self.since(start);
        if text.len() > NUMBER_BYTES_MAX {
            self.at = start;
            return Err(self.fault(JsonProblem::Number));
        }
        Ok(if integer {
            Number::Integer(
                if negative {
                    value.wrapping_neg()
                } else {
                    value
                },
                text,
            )
        } else {
            Number::Decimal(text)
        })
    }

    #[inline]
    fn digit(&mut self) -> Option<u8> {
        let digit = self.text.get(self.at)?.wrapping_sub(b'0');
        if digit < 10 {
            self.at += 1;
            Some(digit)
        } else {
            None
        }
    }

    fn fraction(&mut self) -> Result<(), Fault> {
        let start = self.at;
        if self.text.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits()?;
        }
        let decimals = self.at.saturating_sub(start + 1);
        if let Some(b'e' | b'E') = self.text.get(self.at) {
            self.at += 1;
            let first = self.at;
            if let Some(b'+' | b'-') = self.text.get(self.at) {
                self.at += 1;
            }
            self.digits()?;
            if !has_scale(decimals, self.since(first)) {
                return Err(self.fault(JsonProblem::Exponent));
            }
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Fault> {
        let first = self.at;
        while self.digit().is_some() {}
        if self.at == first {
            return Err(self.unexpected("a digit"));
        }
        Ok(())
    }

    /// Steps over a value of any type, and checks that it is one.
    pub(super) fn skip(&mut self, depth_left: usize) -> Result<(), Fault> {
        match self.peek() {
            Some(b'"') => {
                self.at += 1;
                self.skip_string()
            }
            Some(b'-' | b'0'..=b'9') => self.number().map(drop),
            Some(b't') => self.word("true"),
            Some(b'f') => self.word("false"),
            Some(b'n') => self.word("null"),
            Some(open @ (b'{' | b'[')) => {
                let depth_left = self.deeper(depth_left)?;
                self.at += 1;
                let close = if open == b'{' { b'}' } else { b']' };
                if self.peek() == Some(close) {
                    self.at += 1;
                    return Ok(());
                }
                loop {
                    if open == b'{' {
                        self.expect(b'"', "a key in quotes")?;
                        self.skip_string()?;
                        self.expect(b':', "a colon")?;
                    }
                    self.skip(depth_left)?;
                    if self.more(close)? {
                        continue;
                    }
                    return Ok(());
                }
            }
            _ => Err(self.unexpected("a JSON value")),
        }
    }

    fn skip_string(&mut self) -> Result<(), Fault> {
        while self.plain_string()?.is_none() {
            self.at += plain_length(self.rest());
            self.escape(&mut Vec::new())?;
        }
        Ok(())
    }

    /// One container deeper, as far as that is allowed.
    #[inline]
    pub(super) fn deeper(&self, depth_left: usize) -> Result<usize, Fault> {
        depth_left
            .checked_sub(1)
            .ok_or_else(|| self.fault(JsonProblem::Depth))
    }

    /// After an element: takes the comma (true) or the closing bracket (false).
    #[inline]
    pub(super) fn more(&mut self, close: u8) -> Result<bool, Fault> {
        let next = self.peek();
        if next == Some(b',') {
            self.at += 1;
            Ok(true)
        } else if next == Some(close) {
            self.at += 1;
            Ok(false)
        } else {
            Err(self.unexpected(if close == b'}' {
                "a comma or }"
            } else {
                "a comma or ]"
            }))
        }
    }
}

/// How many bytes come before a quote, a backslash or a control character; eight are looked at together.
#[inline]
pub(super) fn plain_length(bytes: &[u8]) -> usize {
    let mut length = 0;
    let mut rest = bytes;
    while let Some((eight, more)) = rest.split_first_chunk::<8>() {
        let word = u64::from_le_bytes(*eight);
        let quotes = word ^ (ONES * u64::from(b'"'));
        let backslashes = word ^ (ONES * u64::from(b'\\'));
        // The lowest bit set is exact; those above it may not be.
        let found = ((quotes.wrapping_sub(ONES) & !quotes)
            | (backslashes.wrapping_sub(ONES) & !backslashes)
            | (word.wrapping_sub(ONES * 0x20) & !word))
            & HIGHS;
        if found != 0 {
            return length + (found.trailing_zeros() / 8) as usize;
        }
        length += 8;
        rest = more;
    }
    length
        + rest
            .iter()
            .position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20))
            .unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_parts_are_cut_as_java_does() {
        for (text, bits) in [
            ("1e5", 100_000),
            ("1.999", 1),
            ("-1.999", -1),
            ("0.5", 0),
            ("1e-5", 0),
            ("18446744073709551617.5", 1),
            ("1e99999999999999999999", 0),
            ("1.5e1", 15),
            ("1e64", 0),
        ] {
            assert_eq!(Number::Decimal(text.as_bytes()).low_bits(), bits, "{text}");
        }
    }

    #[test]
    fn plain_length_stops_where_it_should() {
        for special in [b'"', b'\\', 0, 0x1f] {
            for place in 0..20 {
                for filler in [b'a', b'!', b' ', 0x7f, 0xc3, b'#', b'[', b']'] {
                    let mut text = vec![filler; 24];
                    text[place] = special;
                    assert_eq!(plain_length(&text), place);
                }
            }
        }
        assert_eq!(plain_length(b"abc"), 3);
    }
}
