//! Encoded Connect values to Avro's bytes.

use std::collections::HashMap;

use tidegate_model::limits::{CALL_BYTES_TO_GUEST_MAX, VALUE_DEPTH_MAX};
use tidegate_model::value::{Elements, Entries, ValueError, View, length, tag};

use super::wire::{put_bytes, put_count, put_long};
use super::write_plan::{Number, Plan, Shape, Source, Step};
use crate::error::ConvertError;
use tidegate_java::class_name::class_name;

/// The most bytes of the Avro of a value. Defaults can make it many times larger than the encoded value.
const AVRO_BYTES_MAX: usize = CALL_BYTES_TO_GUEST_MAX;

/// Appends the Avro of an encoded value. `raw`: it is bytes, of which no length is written.
///
/// # Errors
/// When the value is damaged, does not fit the schema, or is over a limit.
pub(super) fn write(
    plan: &Plan,
    encoded: &[u8],
    raw: bool,
    out: &mut Vec<u8>,
) -> Result<(), ConvertError> {
    let mut writer = Writer {
        limit: out.len() + AVRO_BYTES_MAX,
        out,
        raw,
    };
    ended(writer.value(plan, encoded, VALUE_DEPTH_MAX)?)
}

/// Appends the Avro of an encoded value without a schema.
///
/// # Errors
/// When the value is damaged, or has a type that needs a schema.
pub(super) fn anything(encoded: &[u8], out: &mut Vec<u8>) -> Result<(), ConvertError> {
    let mut writer = Writer {
        limit: out.len() + AVRO_BYTES_MAX,
        out,
        raw: false,
    };
    ended(writer.anything(encoded, VALUE_DEPTH_MAX)?)
}

fn ended(rest: &[u8]) -> Result<(), ConvertError> {
    match rest.len() {
        0 => Ok(()),
        more => Err(ValueError::Trailing(more).into()),
    }
}

struct Writer<'o> {
    out: &'o mut Vec<u8>,
    /// The most that `out` may grow to.
    limit: usize,
    /// Whether bytes are written without their length.
    raw: bool,
}

impl Writer<'_> {
    /// Writes the value that `encoded` begins with, and gives back what follows it.
    fn value<'a>(
        &mut self,
        plan: &Plan,
        encoded: &'a [u8],
        depth_left: usize,
    ) -> Result<&'a [u8], ConvertError> {
        if let [tag::NULL, rest @ ..] = encoded {
            self.null(plan)?;
            return Ok(rest);
        }
        if let Some(branch) = plan.branch {
            put_count(branch, self.out);
        }
        if let ([tag::STRING, rest @ ..], Shape::String) = (encoded, &plan.shape) {
            return self.string(rest);
        }
        let (view, rest) = View::read_first(encoded)?;
        match (&plan.shape, view) {
            (Shape::Boolean, View::Boolean(value)) => self.out.push(u8::from(value)),
            (Shape::Number(source, number), view) => self.number(*source, *number, &view)?,
            (Shape::String, View::String(text)) => put_bytes(text.as_bytes(), self.out),
            (Shape::Enum(places), View::String(text)) => match places.get(text.as_bytes()) {
                Some(place) => put_count(*place, self.out),
                None => return Err(no_symbol(text, places)),
            },
            (Shape::Bytes, View::Bytes(bytes)) => self.bytes(bytes),
            (Shape::Fixed(size), View::Bytes(bytes)) if bytes.len() == *size => {
                self.out.extend_from_slice(bytes)
            }
            (Shape::Fixed(size), View::Bytes(bytes)) => {
                return Err(ConvertError::Data(format!(
                    "{} bytes were found for a fixed of {size} bytes",
                    bytes.len()
                )));
            }
            (
                Shape::Decimal(scale, size),
                View::Decimal {
                    scale: found,
                    unscaled,
                },
            ) => {
                self.decimal(*scale, *size, found, unscaled)?;
            }
            (Shape::Array(items), View::Array(elements)) => {
                self.array(items, elements, deeper(depth_left)?)?;
            }
            (Shape::Map(values), View::Map(entries)) => {
                self.map(values, entries, deeper(depth_left)?)?;
            }
            (Shape::Entries(plans), View::Map(entries)) => {
                self.entries(plans, entries, deeper(depth_left)?)?;
            }
            (Shape::Record(fields, _), View::Struct(values)) if values.len() != *fields => {
                return Err(ConvertError::data("Mismatching struct schema"));
            }
            (Shape::Record(_, steps), View::Struct(values)) => {
                self.record(steps, values, deeper(depth_left)?)?;
            }
            (Shape::Union(plans), View::Struct(values)) => {
                self.union(plan, plans, values, deeper(depth_left)?)?;
            }
            (shape, view) => return Err(mismatch(shape, &view)),
        }
        self.check_size()?;
        Ok(rest)
    }

    fn null(&mut self, plan: &Plan) -> Result<(), ConvertError> {
        let null = plan
            .null
            .ok_or_else(|| ConvertError::data("Found null value for non-optional schema"))?;
        put_count(null, self.out);
        Ok(())
    }

    fn bytes(&mut self, bytes: &[u8]) {
        if self.raw {
            self.out.extend_from_slice(bytes);
        } else {
            put_bytes(bytes, self.out);
        }
    }

    /// Writes a string whose length `encoded` begins with, and gives back what follows it.
    #[inline]
    fn string<'a>(&mut self, encoded: &'a [u8]) -> Result<&'a [u8], ConvertError> {
        let (length, rest) = encoded
            .split_first_chunk::<4>()
            .ok_or(ValueError::Truncated)?;
        let (text, rest) = rest
            .split_at_checked(u32::from_le_bytes(*length) as usize)
            .ok_or(ValueError::Truncated)?;
        if std::str::from_utf8(text).is_err() {
            return Err(ValueError::Utf8.into());
        }
        put_bytes(text, self.out);
        Ok(rest)
    }

    fn number(
        &mut self,
        source: Source,
        number: Number,
        view: &View<'_>,
    ) -> Result<(), ConvertError> {
        let integer = match (source, view) {
            (Source::Int8, View::Int8(value)) => i64::from(*value),
            (Source::Int16, View::Int16(value)) => i64::from(*value),
            (Source::Int32, View::Int32(value))
            | (Source::Date, View::Date(value))
            | (Source::Time, View::Time(value)) => i64::from(*value),
            (Source::Int64, View::Int64(value)) | (Source::Timestamp, View::Timestamp(value)) => {
                *value
            }
            (Source::Float32, View::Float32(value)) => {
                match number {
                    Number::Double => self.out.extend_from_slice(&f64::from(*value).to_le_bytes()),
                    _ => self.out.extend_from_slice(&value.to_le_bytes()),
                }
                return Ok(());
            }
            (Source::Float64, View::Float64(value)) => {
                self.out.extend_from_slice(&value.to_le_bytes());
                return Ok(());
            }
            (_, view) => return Err(mismatch(&Shape::Number(source, number), view)),
        };
        #[allow(clippy::cast_precision_loss, reason = "as Avro promotes numbers")]
        match number {
            Number::Int | Number::Long => put_long(integer, self.out),
            Number::Float => self.out.extend_from_slice(&(integer as f32).to_le_bytes()),
            Number::Double => self.out.extend_from_slice(&(integer as f64).to_le_bytes()),
        }
        Ok(())
    }

    fn decimal(
        &mut self,
        scale: i32,
        size: Option<usize>,
        found: i32,
        unscaled: &[u8],
    ) -> Result<(), ConvertError> {
        if scale != found {
            return Err(ConvertError::Data(format!(
                "Decimal value has mismatching scale for given Decimal schema. Schema has scale {scale}, value has scale \
                 {found}."
            )));
        }
        let Some(size) = size else {
            self.bytes(unscaled);
            return Ok(());
        };
        let Some(padding) = size.checked_sub(unscaled.len()) else {
            return Err(ConvertError::Data(format!(
                "Unscaled value byte array length {} is greater than fixed size {size}",
                unscaled.len()
            )));
        };
        let negative = unscaled.first().is_some_and(|first| *first >= 0x80);
        let sign = if negative { 0xff } else { 0 };
        self.out.extend(std::iter::repeat_n(sign, padding));
        self.out.extend_from_slice(unscaled);
        Ok(())
    }

    /// Writes the number of elements, which must be as many as the container has.
    fn count(&mut self, count: usize) {
        if count > 0 {
            put_count(count, self.out);
        }
    }

    fn array(
        &mut self,
        items: &Plan,
        elements: Elements<'_>,
        depth_left: usize,
    ) -> Result<(), ConvertError> {
        self.count(elements.len());
        let mut rest = elements.body();
        let mut written = 0;
        while !rest.is_empty() {
            rest = self.value(items, rest, depth_left)?;
            written += 1;
        }
        self.end(written, elements.len())
    }

    fn map(
        &mut self,
        values: &Plan,
        entries: Entries<'_>,
        depth_left: usize,
    ) -> Result<(), ConvertError> {
        self.count(entries.len());
        let mut rest = entries.body();
        let mut written = 0;
        while !rest.is_empty() {
            let [tag::STRING, key @ ..] = rest else {
                return Err(ConvertError::data("a key of a map is no string"));
            };
            rest = self.string(key)?;
            rest = self.value(values, rest, depth_left)?;
            written += 1;
        }
        self.end(written, entries.len())
    }

    fn entries(
        &mut self,
        plans: &(Plan, Plan),
        entries: Entries<'_>,
        depth_left: usize,
    ) -> Result<(), ConvertError> {
        self.count(entries.len());
        let mut rest = entries.body();
        let mut written = 0;
        while !rest.is_empty() {
            rest = self.value(&plans.0, rest, depth_left)?;
            rest = self.value(&plans.1, rest, depth_left)?;
            written += 1;
        }
        self.end(written, entries.len())
    }

    fn end(&mut self, written: usize, count: usize) -> Result<(), ConvertError> {
        if written != count {
            return Err(ValueError::Container.into());
        }
        put_count(0, self.out);
        Ok(())
    }

    fn record(
        &mut self,
        steps: &[Step],
        values: Elements<'_>,
        depth_left: usize,
    ) -> Result<(), ConvertError> {
        let (mut next, mut rest) = (0, values.body());
        for step in steps {
            match step {
                Step::Constant(bytes) => self.out.extend_from_slice(bytes),
                Step::Field {
                    index,
                    plan,
                    default,
                } => {
                    if *index < next {
                        (next, rest) = (0, values.body());
                    }
                    while next < *index {
                        rest = skip(rest)?;
                        next += 1;
                    }
                    rest = match (rest, default) {
                        ([tag::NULL, rest @ ..], Some(default)) => {
                            self.value(plan, default, depth_left)?;
                            rest
                        }
                        (rest, _) => self.value(plan, rest, depth_left)?,
                    };
                    next += 1;
                }
            }
        }
        self.check_size()
    }

    fn union(
        &mut self,
        plan: &Plan,
        plans: &[(Plan, Option<Box<[u8]>>)],
        values: Elements<'_>,
        depth_left: usize,
    ) -> Result<(), ConvertError> {
        let mut rest = values.body();
        for (branch, default) in plans {
            match (rest, default) {
                ([tag::NULL, ..], Some(default)) => {
                    return self.value(branch, default, depth_left).map(drop);
                }
                ([tag::NULL, more @ ..], None) => rest = more,
                (set, _) => return self.value(branch, set, depth_left).map(drop),
            }
        }
        self.null(plan)
    }

    /// Writes a value without a schema: a record that has an optional field for each type.
    fn anything<'a>(
        &mut self,
        encoded: &'a [u8],
        depth_left: usize,
    ) -> Result<&'a [u8], ConvertError> {
        const FIELDS: usize = 9;
        let (view, rest) = View::read_first(encoded)?;
        let place = match &view {
            View::Null => FIELDS,
            View::Boolean(_) => 0,
            View::Float64(_) => 2,
            View::Float32(_) => 3,
            View::Int8(_) | View::Int16(_) | View::Int32(_) => 4,
            View::Int64(_) => 5,
            View::String(_) => 6,
            View::Array(_) => 7,
            View::Map(_) => 8,
            other => {
                return Err(ConvertError::Data(format!(
                    "Unknown Java type for schemaless data: {}",
                    class_name(other)
                )));
            }
        };
        self.out.extend(std::iter::repeat_n(0, place));
        if place < FIELDS {
            put_count(1, self.out);
        }
        match view {
            View::Boolean(value) => self.out.push(u8::from(value)),
            View::Float64(value) => self.out.extend_from_slice(&value.to_le_bytes()),
            View::Float32(value) => self.out.extend_from_slice(&value.to_le_bytes()),
            View::Int8(value) => put_long(value.into(), self.out),
            View::Int16(value) => put_long(value.into(), self.out),
            View::Int32(value) => put_long(value.into(), self.out),
            View::Int64(value) => put_long(value, self.out),
            View::String(text) => put_bytes(text.as_bytes(), self.out),
            View::Array(elements) => self.all(elements.body(), elements.len(), 1, depth_left)?,
            View::Map(entries) => self.all(entries.body(), entries.len(), 2, depth_left)?,
            _ => {}
        }
        self.out
            .extend(std::iter::repeat_n(0, FIELDS.saturating_sub(place + 1)));
        self.check_size()?;
        Ok(rest)
    }

    /// Writes elements without a schema, of so many values each.
    fn all(
        &mut self,
        mut rest: &[u8],
        count: usize,
        values: usize,
        depth_left: usize,
    ) -> Result<(), ConvertError> {
        let depth_left = deeper(depth_left)?;
        self.count(count);
        let mut written = 0;
        while !rest.is_empty() {
            for _ in 0..values {
                rest = self.anything(rest, depth_left)?;
            }
            written += 1;
        }
        self.end(written, count)
    }

    fn check_size(&self) -> Result<(), ConvertError> {
        if self.out.len() > self.limit {
            return Err(ConvertError::Size {
                what: "the Avro of the value",
                max: AVRO_BYTES_MAX,
            });
        }
        Ok(())
    }
}

fn skip(encoded: &[u8]) -> Result<&[u8], ConvertError> {
    Ok(encoded.get(length(encoded)?..).unwrap_or_default())
}

fn mismatch(shape: &Shape, view: &View<'_>) -> ConvertError {
    let class = class_name(view);
    let name = match shape {
        Shape::Boolean => "BOOLEAN",
        Shape::Number(source, _) => match source {
            Source::Int8 => "INT8",
            Source::Int16 => "INT16",
            Source::Int32 => "INT32",
            Source::Int64 => "INT64",
            Source::Float32 => "FLOAT32",
            Source::Float64 => "FLOAT64",
            Source::Date => {
                return ConvertError::Data(format!(
                    "Invalid type for Date, expected Date but was {class}"
                ));
            }
            Source::Time => {
                return ConvertError::Data(format!(
                    "Invalid type for Time, expected Date but was {class}"
                ));
            }
            Source::Timestamp => {
                return ConvertError::Data(format!(
                    "Invalid type for Timestamp, expected Date but was {class}"
                ));
            }
        },
        Shape::Decimal(..) => {
            return ConvertError::Data(format!(
                "Invalid type for Decimal, expected BigDecimal but was {class}"
            ));
        }
        Shape::String | Shape::Enum(_) => "STRING",
        Shape::Bytes | Shape::Fixed(_) => "BYTES",
        Shape::Array(_) => "ARRAY",
        Shape::Map(_) | Shape::Entries(_) => "MAP",
        Shape::Record(..) | Shape::Union(_) => "STRUCT",
    };
    ConvertError::Data(format!("Invalid type for {name}: {class}"))
}

fn no_symbol(text: &str, places: &HashMap<Box<[u8]>, usize>) -> ConvertError {
    let mut symbols: Vec<_> = places.iter().collect();
    symbols.sort_by_key(|(_, place)| **place);
    let symbols: Vec<_> = symbols
        .iter()
        .map(|(symbol, _)| String::from_utf8_lossy(symbol))
        .collect();
    ConvertError::Data(format!(
        "enum value '{text}' is not in the enum symbol set: [{}]",
        symbols.join(", ")
    ))
}

fn deeper(depth_left: usize) -> Result<usize, ValueError> {
    depth_left.checked_sub(1).ok_or(ValueError::Depth)
}
