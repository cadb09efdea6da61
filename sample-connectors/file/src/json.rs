//! Writes encoded values as JSON, without a tree in between.
//!
//! The form is that of Kafka Connect's `JsonConverter` without schemas, with decimals as numbers: dates, times
//! and timestamps are integers (days or milliseconds), bytes are base64, a map whose keys are not all strings
//! is an array of pairs. Floating point numbers look as Java prints them.

use std::io::Write;

use tidegate_sdk::model::value::Elements;
use tidegate_sdk::{Error, Result, Schema, SchemaType, View};

/// The most bytes of a decimal that is written; its digits cost time by the square of that.
pub const DECIMAL_BYTES_MAX: usize = 1024;
/// The largest scale of a decimal that is written, either way: so many zeros.
pub const DECIMAL_SCALE_MAX: usize = 4096;

/// Appends a value as JSON. The schema names the fields of structs; without one a struct is an array.
///
/// # Errors
/// When the value is damaged or does not fit its schema.
pub fn write_json(view: View<'_>, schema: Option<&Schema>, out: &mut Vec<u8>) -> Result<()> {
    match view {
        View::Null => out.extend_from_slice(b"null"),
        View::Boolean(value) => out.extend_from_slice(if value { b"true" } else { b"false" }),
        View::Int8(value) => integer(value.into(), out),
        View::Int16(value) => integer(value.into(), out),
        View::Int32(value) | View::Date(value) | View::Time(value) => integer(value.into(), out),
        View::Int64(value) | View::Timestamp(value) => integer(value, out),
        View::Float32(value) => float(value.into(), format_args!("{value:e}"), out),
        View::Float64(value) => float(value, format_args!("{value:e}"), out),
        View::String(text) => string(text, out),
        View::Bytes(bytes) => base64(bytes, out),
        View::Decimal { scale, unscaled } => decimal(scale, unscaled, out)?,
        View::Array(mut elements) => {
            let schema = match schema.map(|schema| &schema.kind) {
                Some(SchemaType::Array(element)) => Some(&**element),
                _ => None,
            };
            out.push(b'[');
            let mut first = true;
            while let Some(element) = elements.next_view()? {
                comma(&mut first, out);
                write_json(element, schema, out)?;
            }
            out.push(b']');
        }
        View::Map(entries) => map(entries.elements(), schema, out)?,
        View::Struct(elements) => structure(elements, schema, out)?,
    }
    Ok(())
}

fn comma(first: &mut bool, out: &mut Vec<u8>) {
    if !std::mem::replace(first, false) {
        out.push(b',');
    }
}

fn map(elements: Elements<'_>, schema: Option<&Schema>, out: &mut Vec<u8>) -> Result<()> {
    let (key_schema, value_schema) = match schema.map(|schema| &schema.kind) {
        Some(SchemaType::Map(key, value)) => (Some(&**key), Some(&**value)),
        _ => (None, None),
    };
    let object = has_string_keys(elements)?;
    out.push(if object { b'{' } else { b'[' });
    let mut first = true;
    let mut elements = elements;
    while let Some(key) = elements.next_view()? {
        let value = elements
            .next_view()?
            .ok_or_else(|| Error::data("a key of a map has no value"))?;
        comma(&mut first, out);
        if !object {
            out.push(b'[');
        }
        write_json(key, key_schema, out)?;
        out.push(if object { b':' } else { b',' });
        write_json(value, value_schema, out)?;
        if !object {
            out.push(b']');
        }
    }
    out.push(if object { b'}' } else { b']' });
    Ok(())
}

fn has_string_keys(mut elements: Elements<'_>) -> Result<bool> {
    while let Some(key) = elements.next_view()? {
        if !matches!(key, View::String(_)) {
            return Ok(false);
        }
        elements.next_encoded()?;
    }
    Ok(true)
}

fn structure(mut elements: Elements<'_>, schema: Option<&Schema>, out: &mut Vec<u8>) -> Result<()> {
    let fields = schema.map_or(&[][..], Schema::fields);
    if fields.len() != elements.len() {
        return Err(Error::data(format_args!(
            "a struct has {} values, its schema {} fields",
            elements.len(),
            fields.len()
        )));
    }
    out.push(b'{');
    let mut first = true;
    for field in fields {
        let value = elements
            .next_view()?
            .ok_or_else(|| Error::data("a struct has fewer values than it says"))?;
        comma(&mut first, out);
        string(&field.name, out);
        out.push(b':');
        write_json(value, Some(&field.schema), out)?;
    }
    out.push(b'}');
    Ok(())
}

fn integer(value: i64, out: &mut Vec<u8>) {
    let mut digits = [0_u8; 20];
    let mut place = digits.len();
    let mut rest = value.unsigned_abs();
    loop {
        place -= 1;
        if let (Some(digit), Ok(number)) = (digits.get_mut(place), u8::try_from(rest % 10)) {
            *digit = b'0' + number;
        }
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if value < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(digits.get(place..).unwrap_or_default());
}

/// As Java's `Double.toString`: plain from 10^-3 to below 10^7, else with an exponent. `scientific` holds the
/// shortest digits that mean the number.
fn float(value: f64, scientific: std::fmt::Arguments<'_>, out: &mut Vec<u8>) {
    if value.is_nan() {
        out.extend_from_slice(b"\"NaN\"");
    } else if value.is_infinite() {
        let text: &[u8] = if value > 0.0 {
            b"\"Infinity\""
        } else {
            b"\"-Infinity\""
        };
        out.extend_from_slice(text);
    } else {
        let text = scientific.to_string();
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let exponent: i32 = exponent.parse().unwrap_or(0);
        let (sign, mantissa) = match mantissa.strip_prefix('-') {
            Some(mantissa) => ("-", mantissa),
            None => ("", mantissa),
        };
        let digits = mantissa.replace('.', "");
        out.extend_from_slice(sign.as_bytes());
        if value == 0.0 {
            out.extend_from_slice(b"0.0");
        } else if (-3..7).contains(&exponent) {
            plain(&digits, exponent, out);
        } else {
            let (first, rest) = digits.split_at_checked(1).unwrap_or(("0", ""));
            let rest = if rest.is_empty() { "0" } else { rest };
            out.extend_from_slice(format!("{first}.{rest}E{exponent}").as_bytes());
        }
    }
}

/// `d.ddd` times 10 to the power of `exponent`, without an exponent and with at least one decimal.
fn plain(digits: &str, exponent: i32, out: &mut Vec<u8>) {
    if exponent < 0 {
        let zeros = usize::try_from(-exponent - 1).unwrap_or(0);
        out.extend_from_slice(b"0.");
        out.resize(out.len() + zeros, b'0');
        out.extend_from_slice(digits.as_bytes());
        return;
    }
    let whole = usize::try_from(exponent).unwrap_or(0) + 1;
    if let Some((whole, rest)) = digits.split_at_checked(whole) {
        let rest = if rest.is_empty() { "0" } else { rest };
        out.extend_from_slice(whole.as_bytes());
        out.push(b'.');
        out.extend_from_slice(rest.as_bytes());
    } else {
        out.extend_from_slice(digits.as_bytes());
        out.resize(out.len() + whole - digits.len(), b'0');
        out.extend_from_slice(b".0");
    }
}

/// A JSON string. Runs without anything to escape are copied whole.
fn string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let mut rest = text.as_bytes();
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
