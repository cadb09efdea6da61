//! JSON to encoded values, without a schema: whole numbers become int64, others float64, objects maps in the
//! order of the text. Of a key that comes twice, the last value counts, in the place of the first.

use tidegate_model::limits::VALUE_DEPTH_MAX;
use tidegate_model::value::{Encoder, tag};

use super::keys::{Keys, Seen};
use super::scan::{Fault, Number, Scanner};
use super::short;
use crate::entries::keep_last;
use crate::error::ConvertError;

/// Appends the value of a document to `out`. False: the document is null, or there is none.
///
/// # Errors
/// When the text is not one JSON value, or is over a limit.
pub(super) fn document(
    text: &[u8],
    keys: &mut Keys,
    out: &mut Vec<u8>,
) -> Result<bool, ConvertError> {
    let mut scanner = Scanner::new(text)?;
    match scanner.peek() {
        None => return Ok(false),
        Some(b'n') => {
            scanner.word("null")?;
            scanner.finish()?;
            return Ok(false);
        }
        Some(_) => {}
    }
    value(&mut scanner, keys, VALUE_DEPTH_MAX, out)?;
    scanner.finish()?;
    Ok(true)
}

/// Appends the value that comes next.
pub(super) fn value(
    scanner: &mut Scanner<'_>,
    keys: &mut Keys,
    depth_left: usize,
    out: &mut Vec<u8>,
) -> Result<(), Fault> {
    keys.begin();
    Decoder { scanner, keys, out }.value(depth_left)
}

struct Decoder<'s, 'a> {
    scanner: &'s mut Scanner<'a>,
    keys: &'s mut Keys,
    out: &'s mut Vec<u8>,
}

impl Decoder<'_, '_> {
    fn value(&mut self, depth_left: usize) -> Result<(), Fault> {
        match self.scanner.peek() {
            Some(b'"') => {
                self.scanner.advance(1);
                self.string()
            }
            Some(b'-' | b'0'..=b'9') => {
                match self.scanner.number()? {
                    Number::Integer(value, _) => self.encoder().int64(value),
                    number @ Number::Decimal(_) => self.encoder().float64(double(number.text())),
                }
                Ok(())
            }
            Some(b'{') => self.object(depth_left),
            Some(b'[') => self.array(depth_left),
            Some(b't') => {
                self.encoder().boolean(true);
                self.scanner.word("true")
            }
            Some(b'f') => {
                self.encoder().boolean(false);
                self.scanner.word("false")
            }
            Some(b'n') => {
                self.encoder().null();
                self.scanner.word("null")
            }
            _ => Err(self.scanner.unexpected("a JSON value")),
        }
    }

    #[inline]
    fn string(&mut self) -> Result<(), Fault> {
        string(self.scanner, self.out)
    }

    fn array(&mut self, depth_left: usize) -> Result<(), Fault> {
        let depth_left = self.scanner.deeper(depth_left)?;
        self.scanner.advance(1);
        let container = self.encoder().array();
        let mut count = 0;
        if self.scanner.peek() == Some(b']') {
            self.scanner.advance(1);
        } else {
            loop {
                self.value(depth_left)?;
                count += 1;
                if !self.scanner.more(b']')? {
                    break;
                }
            }
        }
        self.encoder().end(container, count);
        Ok(())
    }

    fn object(&mut self, depth_left: usize) -> Result<(), Fault> {
        let depth_left = self.scanner.deeper(depth_left)?;
        self.scanner.advance(1);
        let container = self.encoder().map();
        if self.scanner.peek() == Some(b'}') {
            self.scanner.advance(1);
            self.encoder().end(container, 0);
            return Ok(());
        }
        let body = self.out.len();
        let mut count = 0;
        let mut seen: Seen = 0;
        let mut repeated = false;
        loop {
            let bit = self.key()?;
            repeated |= bit == 0 || seen & bit != 0;
            seen |= bit;
            self.value(depth_left)?;
            count += 1;
            if !self.scanner.more(b'}')? {
                break;
            }
        }
        if repeated && count > 1 {
            count = keep_last(self.out, body, count);
        }
        self.encoder().end(container, count);
        Ok(())
    }

    /// Appends a key and takes its colon. The key's bit, 0 when it is not known.
    #[inline]
    fn key(&mut self) -> Result<Seen, Fault> {
        if self.scanner.peek() != Some(b'"') {
            return Err(self.scanner.unexpected("a key in quotes"));
        }
        if let Some((bit, length)) = self.keys.expected(self.scanner.rest(), self.out) {
            self.scanner.advance(length);
            return Ok(bit);
        }
        self.scanner.advance(1);
        let bit = match self.scanner.plain_string()? {
            Some(name) => {
                sized(self.out, name);
                let forms = || ([b"\"", name, b"\":"].concat(), encoded(name));
                self.keys.learn(name, forms).unwrap_or(0)
            }
            None => {
                escaped_string(self.scanner, self.out)?;
                0
            }
        };
        self.scanner.expect(b':', "a colon")?;
        Ok(bit)
    }

    #[inline]
    fn encoder(&mut self) -> Encoder<'_> {
        Encoder::new(self.out)
    }
}

/// A number with a fraction or an exponent. There is no negative zero, as `BigDecimal` has none.
pub(super) fn double(text: &str) -> f64 {
    text.parse::<f64>().unwrap_or(f64::NAN) + 0.0
}

/// Appends a string; its opening quote was taken.
#[inline]
pub(super) fn string(scanner: &mut Scanner<'_>, out: &mut Vec<u8>) -> Result<(), Fault> {
    let rest = scanner.rest();
    match scanner.plain_string()? {
        Some(text) => {
            let [a, b, c, d] = size(text.len());
            out.extend_from_slice(&[tag::STRING, a, b, c, d]);
            short::append(rest, text.len(), out);
            Ok(())
        }
        None => escaped_string(scanner, out),
    }
}

/// An encoded string.
fn encoded(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    sized(&mut out, text);
    out
}

/// Appends a string, given in UTF-8.
#[inline]
pub(super) fn sized(out: &mut Vec<u8>, text: &[u8]) {
    let [a, b, c, d] = size(text.len());
    out.reserve(text.len() + 5);
    out.extend_from_slice(&[tag::STRING, a, b, c, d]);
    out.extend_from_slice(text);
}

/// Appends a string that has escapes; its opening quote was taken.
pub(super) fn escaped_string(scanner: &mut Scanner<'_>, out: &mut Vec<u8>) -> Result<(), Fault> {
    out.extend_from_slice(&[tag::STRING, 0, 0, 0, 0]);
    let start = out.len();
    scanner.string(out)?;
    let length = size(out.len() - start);
    if let Some(place) = out.get_mut(start - 4..start) {
        place.copy_from_slice(&length);
    }
    Ok(())
}

#[allow(clippy::cast_possible_truncation)]
fn size(length: usize) -> [u8; 4] {
    // Records are limited to far less than 4 GiB.
    (length as u32).to_le_bytes()
}
