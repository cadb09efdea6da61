//! Writes encoded values as JSON, without a tree in between.
//!
//! The form is that of Kafka Connect's `JsonConverter` without schemas, with decimals as numbers: dates, times
//! and timestamps are integers (days or milliseconds), bytes are base64, a map whose keys are not all strings
//! is an array of pairs. Floating point numbers look as Java prints them.

use std::io::Write;

use tidegate_java::number;
use tidegate_sdk::model::short::{Blocks, append, append_start};
use tidegate_sdk::model::value::{Elements, ValueError, tag};
use tidegate_sdk::{Error, MapShape, Result, Schema, SchemaType, View};

use crate::known_keys::KnownKeys;

/// The most bytes of a decimal that is written; its digits cost time by the square of that.
pub const DECIMAL_BYTES_MAX: usize = 1024;
/// The largest scale of a decimal that is written, either way: so many zeros.
pub const DECIMAL_SCALE_MAX: usize = 4096;

/// Writes values, and remembers the keys of their maps.
#[derive(Debug, Default)]
pub struct JsonWriter {
    keys: KnownKeys,
}

impl JsonWriter {
    /// Appends an encoded value as JSON. The schema names the fields of structs.
    ///
    /// # Errors
    /// When the value is damaged or does not fit its schema.
    pub fn write(
        &mut self,
        encoded: &[u8],
        schema: Option<&Schema>,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        self.keys.begin();
        ends(write_first(encoded, schema, &mut self.keys, out)?)
    }

    /// Appends a map that left its keys to a shape.
    ///
    /// # Errors
    /// When the value is damaged or no map of this shape.
    pub fn write_shaped(
        &mut self,
        encoded: &[u8],
        keys: &ShapeKeys,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        let Some(([tag::STRUCT, ..], mut rest)) = encoded.split_first_chunk::<9>() else {
            return self.write(encoded, None, out);
        };
        self.keys.begin();
        if keys.0.is_empty() {
            out.push(b'{');
        }
        for key in &keys.0 {
            key.append(out);
            rest = write_first(rest, None, &mut self.keys, out)?;
        }
        out.push(b'}');
        ends(rest)
    }
}

fn ends(rest: &[u8]) -> Result<()> {
    match rest {
        [] => Ok(()),
        rest => Err(Error::data(format_args!(
            "{} bytes follow the encoded value",
            rest.len()
        ))),
    }
}

/// The keys of a map shape, each with what stands before and after it.
#[derive(Debug)]
pub struct ShapeKeys(Vec<Blocks>);

impl ShapeKeys {
    /// Prepares the keys of a shape.
    ///
    /// # Errors
    /// When one is damaged.
    pub fn of(shape: &MapShape) -> Result<Self> {
        let mut before = b'{';
        let key = |encoded: &[u8]| {
            let mut json = vec![std::mem::replace(&mut before, b',')];
            write_first(encoded, None, &mut KnownKeys::default(), &mut json)?;
            json.push(b':');
            Ok(Blocks::of(&json))
        };
        Ok(Self(shape.keys().map(key).collect::<Result<_>>()?))
    }
}

/// Appends the value that `encoded` begins with, and gives what follows it. The commonest types are read from
/// their bytes at once: the host has checked them.
fn write_first<'a>(
    encoded: &'a [u8],
    schema: Option<&Schema>,
    keys: &mut KnownKeys,
    out: &mut Vec<u8>,
) -> Result<&'a [u8]> {
    match encoded {
        [tag::STRING, a, b, c, d, rest @ ..] => {
            let length = u32::from_le_bytes([*a, *b, *c, *d]) as usize;
            let (text, after) = rest.split_at_checked(length).ok_or(ValueError::Truncated)?;
            match rest.first_chunk::<16>() {
                Some(block) if is_plain_start(block, length) => {
                    out.push(b'"');
                    append_start(out, block, length);
                    out.push(b'"');
                }
                _ => string(text, out),
            }
            return Ok(after);
        }
        [tag::INT64, rest @ ..] => {
            let (bytes, rest) = rest.split_first_chunk::<8>().ok_or(ValueError::Truncated)?;
            integer(i64::from_le_bytes(*bytes), out);
            return Ok(rest);
        }
        _ => {}
    }
    let (view, rest) = View::read_first(encoded)?;
    match view {
        View::Null => out.extend_from_slice(b"null"),
        View::Boolean(value) => out.extend_from_slice(if value { b"true" } else { b"false" }),
        View::Int8(value) => integer(value.into(), out),
        View::Int16(value) => integer(value.into(), out),
        View::Int32(value) | View::Date(value) | View::Time(value) => integer(value.into(), out),
        View::Int64(value) | View::Timestamp(value) => integer(value, out),
        View::Float32(value) => quoted(!value.is_finite(), out, |out| number::float(value, out)),
        View::Float64(value) => quoted(!value.is_finite(), out, |out| number::double(value, out)),
        View::String(text) => string(text.as_bytes(), out),
        View::Bytes(bytes) => base64(bytes, out),
        View::Decimal { scale, unscaled } => decimal(scale, unscaled, out)?,
        View::Array(elements) => {
            let schema = match schema.map(|schema| &schema.kind) {
                Some(SchemaType::Array(element)) => Some(&**element),
                _ => None,
            };
            out.push(b'[');
            let mut rest = elements.body();
            let mut first = true;
            while !rest.is_empty() {
                comma(&mut first, out);
                rest = write_first(rest, schema, keys, out)?;
            }
            out.push(b']');
        }
        View::Map(entries) => map(entries.body(), schema, keys, out)?,
        View::Struct(elements) => structure(elements, schema, keys, out)?,
    }
    Ok(rest)
}

fn comma(first: &mut bool, out: &mut Vec<u8>) {
    if !std::mem::replace(first, false) {
        out.push(b',');
    }
}

fn quoted(quotes: bool, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    if quotes {
        out.push(b'"');
    }
    write(out);
    if quotes {
        out.push(b'"');
    }
}

/// A map as an object; when a key turns out to be no string, as an array of pairs instead.
fn map(
    body: &[u8],
    schema: Option<&Schema>,
    keys: &mut KnownKeys,
    out: &mut Vec<u8>,
) -> Result<()> {
    let (key_schema, value_schema) = match schema.map(|schema| &schema.kind) {
        Some(SchemaType::Map(key, value)) => (Some(&**key), Some(&**value)),
        _ => (None, None),
    };
    let mark = out.len();
    out.push(b'{');
    let mut rest = body;
    let mut first = true;
    while !rest.is_empty() {
        let is_first = std::mem::replace(&mut first, false);
        rest = match keys.write(rest, is_first, out) {
            Some(value) => value,
            None if rest.first() == Some(&tag::STRING) => {
                let from = out.len();
                out.push(b',');
                let value = write_first(rest, key_schema, keys, out)?;
                out.push(b':');
                let key = rest.get(..rest.len() - value.len()).unwrap_or_default();
                keys.learn(key, out.get(from..).unwrap_or_default());
                if is_first {
                    out.remove(from);
                }
                value
            }
            None => {
                out.truncate(mark);
                return pairs(body, key_schema, value_schema, keys, out);
            }
        };
        rest = write_first(rest, value_schema, keys, out)?;
    }
    out.push(b'}');
    Ok(())
}

fn pairs(
    body: &[u8],
    key_schema: Option<&Schema>,
    value_schema: Option<&Schema>,
    keys: &mut KnownKeys,
    out: &mut Vec<u8>,
) -> Result<()> {
    out.push(b'[');
    let mut rest = body;
    let mut first = true;
    while !rest.is_empty() {
        comma(&mut first, out);
        out.push(b'[');
        rest = write_first(rest, key_schema, keys, out)?;
        out.push(b',');
        rest = write_first(rest, value_schema, keys, out)?;
        out.push(b']');
    }
    out.push(b']');
    Ok(())
}

fn structure(
    elements: Elements<'_>,
    schema: Option<&Schema>,
    keys: &mut KnownKeys,
    out: &mut Vec<u8>,
) -> Result<()> {
    let fields = schema.map_or(&[][..], Schema::fields);
    if fields.len() != elements.len() {
        return Err(Error::data(format_args!(
            "a struct has {} values, its schema {} fields",
            elements.len(),
            fields.len()
        )));
    }
    out.push(b'{');
    let mut rest = elements.body();
    let mut first = true;
    for field in fields {
        comma(&mut first, out);
        string(field.name.as_bytes(), out);
        out.push(b':');
        rest = write_first(rest, Some(&field.schema), keys, out)?;
    }
    out.push(b'}');
    Ok(())
}

fn integer(value: i64, out: &mut Vec<u8>) {
    append(out, itoa::Buffer::new().format(value).as_bytes());
}

/// The high bits of the bytes of a word that are to be escaped: below 0x20, a quote or a backslash. Bytes after the first of
/// them may be taken for one, too.
#[inline]
fn escaped(word: u64) -> u64 {
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    const ONES: u64 = 0x0101_0101_0101_0101;
    let has = |byte: u8| (word ^ (ONES * u64::from(byte))).wrapping_sub(ONES);
    (has(b'"') | has(b'\\') | word.wrapping_sub(ONES * 0x20)) & !word & HIGHS
}

/// Whether a block begins with a text of this length that has nothing to escape.
#[inline]
fn is_plain_start(block: &[u8; 16], length: usize) -> bool {
    let ([first, second], []) = block.as_chunks::<8>() else {
        return false;
    };
    // The bits of a word whose first bytes, so many, belong to the text.
    let own = |bytes: usize| {
        let others = 8 * (8 - bytes.min(8));
        u64::MAX.checked_shr(others as u32).unwrap_or(0)
    };
    let escaped = escaped(u64::from_le_bytes(*first)) & own(length)
        | escaped(u64::from_le_bytes(*second)) & own(length.saturating_sub(8));
    length <= block.len() && escaped == 0
}

/// Whether a text has nothing to escape. Eight bytes are looked at together.
fn is_plain(text: &[u8]) -> bool {
    let mut rest = text;
    while let Some((eight, more)) = rest.split_first_chunk::<8>() {
        if escaped(u64::from_le_bytes(*eight)) != 0 {
            return false;
        }
        rest = more;
    }
    rest.iter()
        .all(|byte| *byte >= 0x20 && *byte != b'"' && *byte != b'\\')
}

/// A JSON string. Runs without anything to escape are copied whole.
fn string(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    let mut rest = text;
    if is_plain(text) {
        append(out, text);
        out.push(b'"');
        return;
    }
    while let Some(at) = rest
        .iter()
        .position(|b| *b < 0x20 || *b == b'"' || *b == b'\\')
    {
        let (run, from) = rest.split_at_checked(at).unwrap_or((rest, &[]));
        out.extend_from_slice(run);
        let Some((byte, after)) = from.split_first() else {
            break;
        };
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            8 => out.extend_from_slice(b"\\b"),
            12 => out.extend_from_slice(b"\\f"),
            other => {
                let escaped = write!(out, "\\u{other:04x}");
                debug_assert!(escaped.is_ok(), "writing to a vector never fails");
            }
        }
        rest = after;
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn base64(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for chunk in bytes.chunks(3) {
        let byte = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let symbol = if place > chunk.len() {
                b'='
            } else {
                let index = (bits >> (18 - 6 * place)) & 63;
                BASE64.get(index as usize).copied().unwrap_or(b'=')
            };
            out.push(symbol);
        }
    }
    out.push(b'"');
}

/// A decimal as a plain number: the unscaled value (big-endian two's complement) with the point moved.
fn decimal(scale: i32, unscaled: &[u8], out: &mut Vec<u8>) -> Result<()> {
    let scale_abs = scale.unsigned_abs() as usize;
    if unscaled.len() > DECIMAL_BYTES_MAX || scale_abs > DECIMAL_SCALE_MAX {
        return Err(Error::data(format_args!(
            "a decimal has {} bytes and the scale {scale}; at most {DECIMAL_BYTES_MAX} bytes and a scale of {DECIMAL_SCALE_MAX} are written",
            unscaled.len()
        )));
    }
    let negative = unscaled.first().is_some_and(|first| *first >= 0x80);
    let mut magnitude = unscaled.to_vec();
    if negative {
        magnitude.iter_mut().for_each(|byte| *byte = !*byte);
        for byte in magnitude.iter_mut().rev() {
            let (next, carry) = byte.overflowing_add(1);
            *byte = next;
            if !carry {
                break;
            }
        }
    }
    // Divided by 10^9 again and again: nine digits each time.
    let mut groups = Vec::new();
    while magnitude.iter().any(|byte| *byte != 0) {
        let mut remainder = 0_u64;
        for byte in &mut magnitude {
            let current = remainder << 8 | u64::from(*byte);
            *byte = u8::try_from(current / 1_000_000_000).unwrap_or(0);
            remainder = current % 1_000_000_000;
        }
        groups.push(remainder);
    }
    let mut digits = match groups.pop() {
        Some(first) => first.to_string(),
        None => "0".to_owned(),
    };
    for group in groups.iter().rev() {
        digits.push_str(&format!("{group:09}"));
    }
    if negative {
        out.push(b'-');
    }
    if scale <= 0 {
        out.extend_from_slice(digits.as_bytes());
        if digits != "0" {
            out.resize(out.len() + scale_abs, b'0');
        }
        return Ok(());
    }
    if digits.len() <= scale_abs {
        digits.insert_str(0, &"0".repeat(scale_abs + 1 - digits.len()));
    }
    let (whole, rest) = digits
        .split_at_checked(digits.len() - scale_abs)
        .unwrap_or((&digits, ""));
    out.extend_from_slice(whole.as_bytes());
    out.push(b'.');
    out.extend_from_slice(rest.as_bytes());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_begins_with_a_plain_text_or_not() {
        for length in 0..=16 {
            for at in 0..16 {
                for byte in 0..=255 {
                    let mut block = *b"abcdefgh01234567";
                    block[at] = byte;
                    let text = &block[..length];
                    assert_eq!(is_plain_start(&block, length), is_plain(text), "{text:?}");
                }
            }
        }
        assert!(!is_plain_start(b"abcdefgh01234567", 17));
    }
}
