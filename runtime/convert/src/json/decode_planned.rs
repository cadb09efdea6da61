//! JSON to encoded values under a schema, with Kafka Connect's leniency: a number is cut to its type as Java
//! casts, what is no number is 0, what is no text is null; fields may come in any order and are written in
//! that of the schema.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tidegate_model::limits::CALL_BYTES_TO_GUEST_MAX;
use tidegate_model::value::{Encoder, tag};

use super::decode::{double, string};
use super::plan::{MapPlan, Plan, Shape, StructPlan};
use super::scan::{Number, Scanner};
use crate::entries::keep_last;
use crate::error::{Cause, ConvertError, JsonProblem};
use tidegate_java::calendar::DAY_MS;
use tidegate_java::decimal::Decimal;

/// The most bytes of an encoded value: a batch with one record must fit a call to a guest. Defaults and absent
/// fields can make a value many times larger than its JSON.
const ENCODED_BYTES_MAX: usize = CALL_BYTES_TO_GUEST_MAX / 2;

/// Buffers that are kept from record to record.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// Where the fields of the structs that are open were written, (0, 0) when they were not.
    places: Vec<(usize, usize)>,
    /// A struct's fields while they are put in order.
    fields: Vec<u8>,
    /// A key or text that had escapes.
    text: Vec<u8>,
}

/// Appends the value that comes next, of the type that `plan` says. False: it is null.
///
/// # Errors
/// When it is not JSON, does not fit the schema, or is over a limit.
pub(super) fn value(
    scanner: &mut Scanner<'_>,
    plan: &Plan,
    depth_left: usize,
    scratch: &mut Scratch,
    out: &mut Vec<u8>,
) -> Result<bool, ConvertError> {
    let start = out.len();
    scratch.places.clear();
    Decoder {
        scanner,
        scratch,
        out,
        start,
    }
    .value(plan, depth_left)
}

/// Appends what stands for a null: the default, or null where that is allowed. False: it is null.
///
/// # Errors
/// When a value is required.
pub(super) fn null(plan: &Plan, out: &mut Vec<u8>) -> Result<bool, ConvertError> {
    match &plan.default {
        Some(default) => {
            out.extend_from_slice(default);
            Ok(true)
        }
        None if plan.optional => {
            out.push(tag::NULL);
            Ok(false)
        }
        None => Err(ConvertError::data(format!(
            "Invalid null value for required {} field",
            plan.name
        ))),
    }
}

struct Decoder<'s, 'a> {
    scanner: &'s mut Scanner<'a>,
    scratch: &'s mut Scratch,
    out: &'s mut Vec<u8>,
    start: usize,
}

impl Decoder<'_, '_> {
    /// Appends a value; false: null was appended.
    fn value(&mut self, plan: &Plan, depth_left: usize) -> Result<bool, ConvertError> {
        if self.scanner.peek() == Some(b'n') {
            self.scanner.word("null")?;
            let some = null(plan, self.out)?;
            self.check_size()?;
            return Ok(some);
        }
        match &plan.shape {
            Shape::Boolean => {
                let value = self.scanner.peek() == Some(b't');
                self.scanner.skip(depth_left)?;
                self.encoder().boolean(value);
            }
            Shape::Int8 => {
                let bits = self.low_bits(depth_left)?;
                self.encoder().int8(low_8(bits));
            }
            Shape::Int16 => {
                let bits = self.low_bits(depth_left)?;
                self.encoder().int16(low_16(bits));
            }
            Shape::Int32 => {
                let bits = self.low_bits(depth_left)?;
                self.encoder().int32(low_32(bits));
            }
            Shape::Int64 => {
                let bits = self.low_bits(depth_left)?;
                self.encoder().int64(bits);
            }
            Shape::Float32 => {
                let value = match self.number(depth_left)? {
                    Some(number) => number.text().parse::<f32>().unwrap_or(f32::NAN) + 0.0,
                    None => 0.0,
                };
                self.encoder().float32(value);
            }
            Shape::Float64 => {
                let value = self
                    .number(depth_left)?
                    .map_or(0.0, |number| double(number.text()));
                self.encoder().float64(value);
            }
            Shape::String => return self.string(depth_left),
            Shape::Bytes => return self.bytes(depth_left),
            Shape::Date => {
                let days = self.int32("Date", depth_left)?;
                self.encoder().date(days);
            }
            Shape::Time => {
                let milliseconds = self.int32("Time", depth_left)?;
                if !(0..=DAY_MS).contains(&i64::from(milliseconds)) {
                    return Err(ConvertError::data(
                        "Time values must use number of milliseconds greater than 0 and less than 86400000",
                    ));
                }
                self.encoder().time(milliseconds);
            }
            Shape::Timestamp => self.timestamp(depth_left)?,
            Shape::Decimal(scale) => self.decimal(scale, depth_left)?,
            Shape::Array(element) => self.array(element, depth_left)?,
            Shape::Map(map) if map.is_object() => self.object_map(map, depth_left)?,
            Shape::Map(map) => self.pairs_map(map, depth_left)?,
            Shape::Struct(structure) => self.structure(structure, depth_left)?,
        }
        Ok(true)
    }

    /// Takes a number; `None`: something else was stepped over.
    #[inline]
    fn number(&mut self, depth_left: usize) -> Result<Option<Number<'_>>, ConvertError> {
        match self.scanner.peek() {
            Some(b'-' | b'0'..=b'9') => Ok(Some(self.scanner.number()?)),
            _ => {
                self.scanner.skip(depth_left)?;
                Ok(None)
            }
        }
    }

    /// Takes a number as Java's `longValue` gives it; 0 for what is no number.
    #[inline]
    fn low_bits(&mut self, depth_left: usize) -> Result<i64, ConvertError> {
        Ok(self.number(depth_left)?.map_or(0, Number::low_bits))
    }

    /// Takes a whole number of 32 bits.
    fn int32(&mut self, logical: &str, depth_left: usize) -> Result<i32, ConvertError> {
        let found = self.node_type();
        match self.number(depth_left)? {
            Some(number @ Number::Integer(..)) => number.text().parse().ok(),
            _ => None,
        }
        .ok_or_else(|| not_integer(logical, found))
    }

    fn timestamp(&mut self, depth_left: usize) -> Result<(), ConvertError> {
        let found = self.node_type();
        match self.number(depth_left)? {
            Some(Number::Integer(milliseconds, _)) => {
                self.encoder().timestamp(milliseconds);
                Ok(())
            }
            _ => Err(ConvertError::data(format!(
                "Invalid type for Timestamp, underlying representation should be integral but was {found}"
            ))),
        }
    }

    fn decimal(
        &mut self,
        scale: &Result<i32, ConvertError>,
        depth_left: usize,
    ) -> Result<(), ConvertError> {
        let found = self.node_type();
        if found == "STRING" {
            let scale = *scale.as_ref().map_err(Clone::clone)?;
            self.out.push(tag::DECIMAL);
            self.out.extend_from_slice(&scale.to_le_bytes());
            return match self.base64("Invalid bytes for Decimal field")? {
                0 => Err(ConvertError::Caused {
                    message: "Invalid bytes for Decimal field".to_owned(),
                    cause: Cause {
                        exception: "java.lang.NumberFormatException",
                        text: "Zero length BigInteger".to_owned(),
                    },
                }),
                length => {
                    self.shorten(length);
                    Ok(())
                }
            };
        }
        let Some(number) = self.number(depth_left)? else {
            return Err(ConvertError::data(format!(
                "Invalid type for Decimal, underlying representation should be numeric or bytes but was {found}"
            )));
        };
        let decimal = Decimal::parse(number.text())
            .ok_or_else(|| ConvertError::data("a number is out of the range of a decimal"))?;
        self.encoder().decimal(decimal.scale, &decimal.unscaled);
        Ok(())
    }

    /// Takes away the leading bytes of an unscaled number, the last `length` bytes, that say nothing but its sign.
    fn shorten(&mut self, length: usize) {
        let start = self.out.len() - length;
        let bytes = self.out.get(start..).unwrap_or_default();
        let excess = bytes
            .windows(2)
            .take_while(|pair| matches!(pair, [0, 0..=0x7f] | [0xff, 0x80..=0xff]))
            .count();
        if excess == 0 {
            return;
        }
        self.out.drain(start..start + excess);
        let size = u32::try_from(length - excess).unwrap_or(u32::MAX);
        if let Some(place) = self.out.get_mut(start - 4..start) {
            place.copy_from_slice(&size.to_le_bytes());
        }
    }

    /// Takes a text; anything else is null.
    #[inline]
    fn string(&mut self, depth_left: usize) -> Result<bool, ConvertError> {
        if self.scanner.peek() != Some(b'"') {
            return self.no_text(depth_left);
        }
        self.scanner.advance(1);
        string(self.scanner, self.out)?;
        Ok(true)
    }

    /// Takes a text in Base64; anything else is null.
    fn bytes(&mut self, depth_left: usize) -> Result<bool, ConvertError> {
        if self.scanner.peek() != Some(b'"') {
            return self.no_text(depth_left);
        }
        self.out.push(tag::BYTES);
        self.base64("Invalid bytes field")?;
        Ok(true)
    }

    fn no_text(&mut self, depth_left: usize) -> Result<bool, ConvertError> {
        self.scanner.skip(depth_left)?;
        self.encoder().null();
        Ok(false)
    }

    /// Takes a text in Base64 and appends the length of its bytes and the bytes; the answer is the length.
    fn base64(&mut self, message: &'static str) -> Result<usize, ConvertError> {
        self.scanner.advance(1);
        let text = &mut self.scratch.text;
        text.clear();
        self.scanner.string(text)?;
        text.retain(|byte| *byte > b' ');
        self.out.extend_from_slice(&[0; 4]);
        let start = self.out.len();
        self.out.resize(start + text.len().div_ceil(4) * 3, 0);
        let decoded = self
            .out
            .get_mut(start..)
            .and_then(|place| STANDARD.decode_slice(&text, place).ok());
        let length = decoded.ok_or_else(|| ConvertError::data(message))?;
        self.out.truncate(start + length);
        let size = u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes();
        if let Some(place) = self.out.get_mut(start - 4..start) {
            place.copy_from_slice(&size);
        }
        Ok(length)
    }

    /// Takes an array; an object is taken as its values, and anything else as none.
    fn array(&mut self, element: &Plan, depth_left: usize) -> Result<(), ConvertError> {
        let container = self.encoder().array();
        let mut count = 0;
        match self.scanner.peek() {
            Some(open @ (b'[' | b'{')) => {
                let depth_left = self.scanner.deeper(depth_left)?;
                let close = if open == b'[' { b']' } else { b'}' };
                let mut more = self.open(close);
                while more {
                    if open == b'{' {
                        self.key_text()?;
                    }
                    self.value(element, depth_left)?;
                    count += 1;
                    more = self.scanner.more(close)?;
                }
            }
            _ => self.scanner.skip(depth_left)?,
        }
        self.encoder().end(container, count);
        Ok(())
    }

    /// Takes an object as a map.
    fn object_map(&mut self, map: &MapPlan, depth_left: usize) -> Result<(), ConvertError> {
        self.opens(
            b'{',
            "Maps with string fields should be encoded as JSON objects, but found",
        )?;
        let depth_left = self.scanner.deeper(depth_left)?;
        let container = self.encoder().map();
        let body = self.out.len();
        let mut count = 0;
        let mut more = self.open(b'}');
        while more {
            self.scanner.expect(b'"', "a key in quotes")?;
            string(self.scanner, self.out)?;
            self.scanner.expect(b':', "a colon")?;
            self.value(&map.value, depth_left)?;
            count += 1;
            more = self.scanner.more(b'}')?;
        }
        if count > 1 {
            count = keep_last(self.out, body, count);
        }
        self.encoder().end(container, count);
        Ok(())
    }

    /// Takes an array of pairs as a map.
    fn pairs_map(&mut self, map: &MapPlan, depth_left: usize) -> Result<(), ConvertError> {
        self.opens(
            b'[',
            "Maps with non-string fields should be encoded as JSON array of tuples, but found",
        )?;
        let depth_left = self.scanner.deeper(depth_left)?;
        let container = self.encoder().map();
        let body = self.out.len();
        let mut count = 0;
        let mut more = self.open(b']');
        while more {
            self.opens(b'[', "Found invalid map entry instead of array tuple:")?;
            let pair_depth = self.scanner.deeper(depth_left)?;
            let mut elements = 0;
            let mut inner = self.open(b']');
            while inner {
                match elements {
                    0 => self.value(&map.key, pair_depth).map(drop)?,
                    1 => self.value(&map.value, pair_depth).map(drop)?,
                    _ => self.scanner.skip(pair_depth)?,
                }
                elements += 1;
                inner = self.scanner.more(b']')?;
            }
            if elements != 2 {
                return Err(ConvertError::data(format!(
                    "Found invalid map entry, expected length 2 but found :{elements}"
                )));
            }
            count += 1;
            more = self.scanner.more(b']')?;
        }
        if count > 1 {
            count = keep_last(self.out, body, count);
        }
        self.encoder().end(container, count);
        Ok(())
    }

    /// Takes an object as a struct. Fields that come in the schema's order are written where they stay;
    /// otherwise they are put in order at the end.
    fn structure(&mut self, plan: &StructPlan, depth_left: usize) -> Result<(), ConvertError> {
        self.opens(b'{', "Structs should be encoded as JSON objects, but found")?;
        let depth_left = self.scanner.deeper(depth_left)?;
        let container = self.encoder().structure();
        let body = self.out.len();
        let base = self.scratch.places.len();
        let count = plan.fields.len();
        self.scratch.places.resize(base + count, (0, 0));
        let mut in_order = true;
        let mut next = 0;
        let mut more = self.open(b'}');
        while more {
            if let Some(index) = self.field(plan, next)? {
                if let Some(field) = plan.fields.get(index) {
                    let start = self.out.len();
                    let some = self.value(&field.plan, depth_left)?;
                    if !some && !field.plan.optional {
                        return Err(ConvertError::data(format!(
                            "Invalid value: null used for required field: \"{}\", schema type: {}",
                            field.name, field.plan.name
                        )));
                    }
                    if let Some(place) = self.scratch.places.get_mut(base + index) {
                        *place = (start, self.out.len());
                    }
                }
                in_order &= index == next;
                next = index + 1;
            } else {
                self.scanner.skip(depth_left)?;
            }
            more = self.scanner.more(b'}')?;
        }
        if !in_order || next < count {
            self.put_in_order(plan, base, body)?;
        }
        self.scratch.places.truncate(base);
        self.encoder().end(container, count);
        self.check_size()
    }

    /// Takes a key with its colon: the index of its field, `None` when there is none of that name.
    #[inline]
    fn field(&mut self, plan: &StructPlan, next: usize) -> Result<Option<usize>, ConvertError> {
        if self.scanner.peek() == Some(b'"')
            && let Some(field) = plan.fields.get(next)
            && field.text.begins(self.scanner.rest())
        {
            self.scanner.advance(field.text.len());
            return Ok(Some(next));
        }
        self.key_text()?;
        Ok(plan.by_name.get(self.scratch.text.as_slice()).copied())
    }

    /// Takes a key with its colon; its text is then in `scratch.text`.
    fn key_text(&mut self) -> Result<(), ConvertError> {
        self.scanner.expect(b'"', "a key in quotes")?;
        self.scratch.text.clear();
        self.scanner.string(&mut self.scratch.text)?;
        self.scanner.expect(b':', "a colon")?;
        Ok(())
    }

    /// Puts the fields of a struct, written from `body` on, in the schema's order, with a null or default for
    /// those that did not come.
    fn put_in_order(
        &mut self,
        plan: &StructPlan,
        base: usize,
        body: usize,
    ) -> Result<(), ConvertError> {
        let Scratch { places, fields, .. } = &mut *self.scratch;
        fields.clear();
        let places = places.get(base..).unwrap_or_default();
        for (field, &(start, end)) in plan.fields.iter().zip(places) {
            if end == 0 {
                null(&field.plan, fields)?;
            } else {
                fields.extend_from_slice(self.out.get(start..end).unwrap_or_default());
            }
        }
        self.out.truncate(body);
        self.out.extend_from_slice(fields);
        Ok(())
    }

    /// What must come next opens a container, else `message` says so.
    fn opens(&mut self, open: u8, message: &str) -> Result<(), ConvertError> {
        if self.scanner.peek() == Some(open) {
            return Ok(());
        }
        let found = self.node_type();
        if found == "MISSING" {
            return Err(self.scanner.fault(JsonProblem::End).into());
        }
        Err(ConvertError::data(format!("{message} {found}")))
    }

    /// Takes the opening bracket; false when the container is empty, and closed now.
    #[inline]
    fn open(&mut self, close: u8) -> bool {
        self.scanner.advance(1);
        if self.scanner.peek() == Some(close) {
            self.scanner.advance(1);
            return false;
        }
        true
    }

    /// What comes next, as Jackson names it.
    fn node_type(&mut self) -> &'static str {
        match self.scanner.peek() {
            Some(b'"') => "STRING",
            Some(b'{') => "OBJECT",
            Some(b'[') => "ARRAY",
            Some(b't' | b'f') => "BOOLEAN",
            Some(b'n') => "NULL",
            Some(_) => "NUMBER",
            None => "MISSING",
        }
    }

    fn check_size(&self) -> Result<(), ConvertError> {
        if self.out.len() - self.start > ENCODED_BYTES_MAX {
            return Err(ConvertError::Size {
                what: "the encoded value",
                max: ENCODED_BYTES_MAX,
            });
        }
        Ok(())
    }

    #[inline]
    fn encoder(&mut self) -> Encoder<'_> {
        Encoder::new(self.out)
    }
}

fn not_integer(logical: &str, found: &str) -> ConvertError {
    ConvertError::data(format!(
        "Invalid type for {logical}, underlying representation should be integer but was {found}"
    ))
}

/// The low 32 bits, as Java casts.
#[allow(clippy::cast_possible_truncation)]
fn low_32(bits: i64) -> i32 {
    bits as i32
}

/// The low 16 bits.
#[allow(clippy::cast_possible_truncation)]
fn low_16(bits: i64) -> i16 {
    bits as i16
}

/// The low 8 bits.
#[allow(clippy::cast_possible_truncation)]
fn low_8(bits: i64) -> i8 {
    bits as i8
}
