//! JSON to encoded values, without a schema: whole numbers become int64, others float64, objects maps in the
//! order of the text. Of a key that comes twice, the last value counts, in the place of the first.

use tidegate_model::limits::VALUE_DEPTH_MAX;
use tidegate_model::value::{Encoder, length, tag};

use super::keys::{Keys, Seen};
use super::scan::{Fault, Number, Scanner};
use super::shapes::Shapes;
use super::short;
use crate::entries::keep_last;
use crate::error::ConvertError;

/// Appends the value of a document to `out`. Where `shapes` are given, an object leaves its keys to one, which may be
/// added to `schemas`. The answer is the schema, -1 for none, and whether there is a value: false: the document is
/// null, or there is none.
///
/// # Errors
/// When the text is not one JSON value, or is over a limit.
pub(super) fn document(
    text: &[u8],
    keys: &mut Keys,
    shapes: Option<&mut Shapes>,
    schemas: &mut Vec<Vec<u8>>,
    out: &mut Vec<u8>,
) -> Result<(i32, bool), ConvertError> {
    let mut scanner = Scanner::new(text)?;
    let mut schema = -1;
    match (scanner.peek(), shapes) {
        (None, _) => return Ok((-1, false)),
        (Some(b'n'), _) => {
            scanner.word("null")?;
            scanner.finish()?;
            return Ok((-1, false));
        }
        (Some(b'{'), Some(shapes)) => {
            keys.begin();
            let scanner = &mut scanner;
            schema = Decoder { scanner, keys, out }.shaped_object(shapes, schemas)?;
        }
        _ => value(&mut scanner, keys, VALUE_DEPTH_MAX, out)?,
    }
    scanner.finish()?;
    Ok((schema, true))
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
        let seen = self.key()?;
        let had = Had {
            count: 0,
            seen,
            repeated: seen == 0,
        };
        let count = self.entries(body, had, depth_left)?;
        self.encoder().end(container, count);
        Ok(())
    }

    /// Appends the rest of an object, of which a key was taken, up to its end. How many entries it has.
    #[inline]
    fn entries(&mut self, body: usize, had: Had, depth_left: usize) -> Result<usize, Fault> {
        let Had {
            mut count,
            mut seen,
            mut repeated,
        } = had;
        loop {
            self.value(depth_left)?;
            count += 1;
            if !self.scanner.more(b'}')? {
                break;
            }
            let bit = self.key()?;
            repeated |= bit == 0 || seen & bit != 0;
            seen |= bit;
        }
        if repeated && count > 1 {
            count = keep_last(self.out, body, count);
        }
        Ok(count)
    }

    /// Appends an object that leaves its keys to a shape, and gives its schema. One with a key that is not known, or
    /// comes twice, has them itself, and no schema.
    fn shaped_object(
        &mut self,
        shapes: &mut Shapes,
        schemas: &mut Vec<Vec<u8>>,
    ) -> Result<i32, Fault> {
        let depth_left = self.scanner.deeper(VALUE_DEPTH_MAX)?;
        self.scanner.advance(1);
        let start = self.out.len();
        let container = self.encoder().structure();
        let body = self.out.len();
        shapes.numbers.clear();
        let mut seen: Seen = 0;
        let mut more = self.scanner.peek() != Some(b'}');
        if !more {
            self.scanner.advance(1);
        }
        while more {
            match self.number_of_key()? {
                Some(number) if seen & (1 << number) == 0 => {
                    seen |= 1 << number;
                    shapes.numbers.push(number);
                    self.value(depth_left)?;
                    more = self.scanner.more(b'}')?;
                }
                repeated => {
                    let given = self.expand(start, body, &shapes.numbers);
                    match repeated {
                        Some(number) => self.out.extend_from_slice(self.keys.encoded(number)),
                        None => self.out.extend_from_slice(&given),
                    }
                    let had = Had {
                        count: shapes.numbers.len(),
                        seen,
                        repeated: true,
                    };
                    let count = self.entries(body, had, depth_left)?;
                    self.encoder().end(container, count);
                    return Ok(-1);
                }
            }
        }
        let schema = shapes.schema(self.keys, schemas);
        if schema.is_none() {
            self.expand(start, body, &shapes.numbers);
        }
        self.encoder().end(container, shapes.numbers.len());
        Ok(schema.unwrap_or(-1))
    }

    /// Takes a key with its colon. Its number; `None`: it is not known, and appended.
    #[inline]
    fn number_of_key(&mut self) -> Result<Option<u8>, Fault> {
        if self.scanner.peek() == Some(b'"')
            && let Some((number, length)) = self.keys.expected_number(self.scanner.rest())
        {
            self.scanner.advance(length);
            return Ok(u8::try_from(number).ok());
        }
        let mark = self.out.len();
        let bit = self.key()?;
        if bit == 0 {
            return Ok(None);
        }
        self.out.truncate(mark);
        Ok(u8::try_from(bit.trailing_zeros()).ok())
    }

    /// Gives an object the keys with these numbers before its values, which begin at `body`. What stands behind those is
    /// taken away and given back.
    #[cold]
    fn expand(&mut self, start: usize, body: usize, numbers: &[u8]) -> Vec<u8> {
        let values = self.out.split_off(body);
        let mut rest = values.as_slice();
        for number in numbers {
            let end = length(rest).unwrap_or(rest.len());
            let (value, after) = rest.split_at_checked(end).unwrap_or((rest, &[]));
            self.out.extend_from_slice(self.keys.encoded(*number));
            self.out.extend_from_slice(value);
            rest = after;
        }
        if let Some(kind) = self.out.get_mut(start) {
            *kind = tag::MAP;
        }
        rest.to_vec()
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

/// What an object had before the key that was taken.
struct Had {
    count: usize,
    /// The known keys, that one with them.
    seen: Seen,
    /// Whether a key may have come twice.
    repeated: bool,
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
