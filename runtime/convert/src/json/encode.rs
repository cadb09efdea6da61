//! Encoded values to JSON, with a schema and without.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tidegate_model::limits::{CALL_BYTES_TO_GUEST_MAX, VALUE_DEPTH_MAX};
use tidegate_model::value::{Elements, Entries, ValueError, View, tag};

use super::escape;
use super::keys::Keys;
use super::plan::{MapPlan, Plan, STRUCT_DEFAULT, Shape, ShapePlan, StructPlan};
use super::short;
use crate::error::ConvertError;
use tidegate_java::class_name::class_name;
use tidegate_java::decimal;
use tidegate_java::number;

/// The most bytes of the JSON of a value. Defaults and names of fields can make it many times larger than the
/// encoded value.
const JSON_BYTES_MAX: usize = CALL_BYTES_TO_GUEST_MAX;

/// How decimals are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DecimalFormat {
    /// The bytes of the unscaled value, in Base64.
    Base64,
    /// A JSON number.
    Numeric,
}

/// Writes one value.
pub(super) struct Writer<'o> {
    decimals: DecimalFormat,
    keys: &'o mut Keys,
    out: &'o mut Vec<u8>,
    /// The most that `out` may grow to.
    end: usize,
    /// A map had a key that is no text: others are looked through before they are written.
    look_ahead: bool,
}

impl<'o> Writer<'o> {
    /// Appends to `out`.
    pub(super) fn new(decimals: DecimalFormat, keys: &'o mut Keys, out: &'o mut Vec<u8>) -> Self {
        keys.begin();
        Self {
            decimals,
            keys,
            end: out.len() + JSON_BYTES_MAX,
            out,
            look_ahead: false,
        }
    }

    /// Appends the JSON of an encoded value that has no schema.
    ///
    /// # Errors
    /// When the value is damaged, or has a type that needs a schema.
    pub(super) fn schemaless(&mut self, encoded: &[u8]) -> Result<(), ConvertError> {
        ended(self.first(encoded, VALUE_DEPTH_MAX)?)
    }

    /// Appends the JSON of an encoded value that has a schema.
    ///
    /// # Errors
    /// When the value is damaged, or does not fit the schema.
    pub(super) fn planned(&mut self, encoded: &[u8], plan: &Plan) -> Result<(), ConvertError> {
        ended(self.first_planned(encoded, plan, VALUE_DEPTH_MAX)?)
    }

    /// Appends the JSON of a map that left its keys to a shape.
    ///
    /// # Errors
    /// When the value is damaged or no map of that shape, or has a type that needs a schema.
    pub(super) fn shaped(&mut self, encoded: &[u8], plan: &ShapePlan) -> Result<(), ConvertError> {
        let depth_left = deeper(VALUE_DEPTH_MAX)?;
        let mut rest = match View::read(encoded)? {
            View::Struct(values) if values.len() == plan.keys.len() => values.body(),
            _ => {
                return Err(ConvertError::data(
                    "a value is no map of the shape that it refers to",
                ));
            }
        };
        for key in &plan.keys {
            key.append(self.out);
            rest = self.first(rest, depth_left)?;
        }
        self.push(plan.closing);
        ended(rest)
    }

    /// Writes the value that `encoded` begins with, and gives back what follows it.
    fn first<'a>(
        &mut self,
        encoded: &'a [u8],
        depth_left: usize,
    ) -> Result<&'a [u8], ConvertError> {
        let view = match encoded {
            [tag::STRING, rest @ ..] => return self.string(rest),
            [tag::INT64, rest @ ..] => return self.int64(rest),
            _ => View::read_first(encoded)?,
        };
        match view.0 {
            View::Null => self.push(b"null"),
            View::Boolean(value) => self.boolean(value),
            View::Int8(value) => self.integer(value),
            View::Int16(value) => self.integer(value),
            View::Int32(value) => self.integer(value),
            View::Int64(value) => self.integer(value),
            View::Float32(value) => self.float32(value),
            View::Float64(value) => self.float64(value),
            View::String(value) => self.text(value.as_bytes())?,
            View::Bytes(value) => self.base64(value),
            View::Array(elements) => self.array(elements, deeper(depth_left)?)?,
            View::Map(entries) => self.map(entries, deeper(depth_left)?)?,
            View::Struct(_) => {
                return Err(ConvertError::data(
                    "a struct without a schema has no names for its fields",
                ));
            }
            View::Date(_) | View::Time(_) | View::Timestamp(_) | View::Decimal { .. } => {
                return Err(ConvertError::data(format!(
                    "Java class {} does not have corresponding schema type.",
                    class_name(&view.0)
                )));
            }
        }
        Ok(view.1)
    }

    fn array(&mut self, elements: Elements<'_>, depth_left: usize) -> Result<(), ConvertError> {
        let mut rest = elements.body();
        self.out.push(b'[');
        while !rest.is_empty() {
            rest = self.first(rest, depth_left)?;
            self.comma(rest);
        }
        self.out.push(b']');
        Ok(())
    }

    /// Writes an object when all keys are texts, else an array of pairs. Most maps are objects: they are
    /// written as such until a key shows that they are not.
    fn map(&mut self, entries: Entries<'_>, depth_left: usize) -> Result<(), ConvertError> {
        let start = self.out.len();
        if !self.look_ahead || all_texts(entries)? {
            if self.object(entries, depth_left)? {
                return Ok(());
            }
            self.look_ahead = true;
            self.out.truncate(start);
        }
        let mut rest = entries.body();
        self.out.push(b'[');
        while !rest.is_empty() {
            self.out.push(b'[');
            rest = self.first(rest, depth_left)?;
            self.out.push(b',');
            rest = self.first(rest, depth_left)?;
            self.out.push(b']');
            self.comma(rest);
        }
        self.out.push(b']');
        Ok(())
    }

    /// Writes an object; false, and something half written, when a key is no text.
    fn object(&mut self, entries: Entries<'_>, depth_left: usize) -> Result<bool, ConvertError> {
        let mut rest = entries.body();
        self.out.push(b'{');
        while !rest.is_empty() {
            let [tag::STRING, key @ ..] = rest else {
                return Ok(false);
            };
            rest = match self.keys.expected(rest, self.out) {
                Some((_, length)) => rest.get(length..).unwrap_or_default(),
                None => self.key(key)?,
            };
            rest = self.first(rest, depth_left)?;
            self.comma(rest);
        }
        self.out.push(b'}');
        Ok(true)
    }

    /// Writes the value that `encoded` begins with as its schema says, and gives back what follows it.
    fn first_planned<'a>(
        &mut self,
        encoded: &'a [u8],
        plan: &Plan,
        depth_left: usize,
    ) -> Result<&'a [u8], ConvertError> {
        match (encoded, &plan.shape) {
            ([tag::STRING, rest @ ..], Shape::String) => return self.string(rest),
            ([tag::INT64, rest @ ..], Shape::Int64) => return self.int64(rest),
            _ => {}
        }
        let (view, rest) = View::read_first(encoded)?;
        match (&plan.shape, view) {
            (_, View::Null) => self.null(plan, depth_left)?,
            (Shape::Boolean, View::Boolean(value)) => self.boolean(value),
            (Shape::Int8, View::Int8(value)) => self.integer(value),
            (Shape::Int16, View::Int16(value)) => self.integer(value),
            (Shape::Int32, View::Int32(value)) => self.integer(value),
            (Shape::Int64, View::Int64(value)) => self.integer(value),
            (Shape::Float32, View::Float32(value)) => self.float32(value),
            (Shape::Float64, View::Float64(value)) => self.float64(value),
            (Shape::Bytes, View::Bytes(value)) => self.base64(value),
            (Shape::Date, View::Date(value)) | (Shape::Time, View::Time(value)) => {
                self.integer(value);
            }
            (Shape::Timestamp, View::Timestamp(value)) => self.integer(value),
            (
                Shape::Decimal(scale),
                View::Decimal {
                    scale: found,
                    unscaled,
                },
            ) => {
                self.decimal(scale, found, unscaled)?;
            }
            (Shape::Array(element), View::Array(elements)) => {
                self.planned_array(elements, element, deeper(depth_left)?)?;
            }
            (Shape::Map(map), View::Map(entries)) => {
                self.planned_map(entries, map, deeper(depth_left)?)?;
            }
            (Shape::Struct(structure), View::Struct(values)) => {
                self.structure(values, structure, deeper(depth_left)?)?;
            }
            (shape, view) => return Err(mismatch(shape, plan, &view)),
        }
        Ok(rest)
    }

    /// Writes what stands for a null: the default, or null where that is allowed.
    fn null(&mut self, plan: &Plan, depth_left: usize) -> Result<(), ConvertError> {
        match &plan.default {
            // The schema of a default lacks that default, and Kafka Connect wants the two to be the same.
            Some(_) if matches!(plan.shape, Shape::Struct(_)) => {
                Err(ConvertError::data(STRUCT_DEFAULT))
            }
            Some(default) => {
                self.first_planned(default, plan, depth_left)?;
                self.check_size()
            }
            None if plan.optional => {
                self.push(b"null");
                Ok(())
            }
            None => Err(ConvertError::data(
                "Conversion error: null value for field that is required and has no default value",
            )),
        }
    }

    fn planned_array(
        &mut self,
        elements: Elements<'_>,
        element: &Plan,
        depth_left: usize,
    ) -> Result<(), ConvertError> {
        let mut rest = elements.body();
        self.out.push(b'[');
        while !rest.is_empty() {
            rest = self.first_planned(rest, element, depth_left)?;
            self.comma(rest);
        }
        self.out.push(b']');
        Ok(())
    }

    fn planned_map(
        &mut self,
        entries: Entries<'_>,
        map: &MapPlan,
        depth_left: usize,
    ) -> Result<(), ConvertError> {
        let (open, close) = if map.is_object() {
            (b'{', b'}')
        } else {
            (b'[', b']')
        };
        let mut rest = entries.body();
        self.out.push(open);
        while !rest.is_empty() {
            if map.is_object() {
                let [tag::STRING, key @ ..] = rest else {
                    return Err(ConvertError::data("a key of a map is no string"));
                };
                rest = self.string(key)?;
                self.out.push(b':');
                rest = self.first_planned(rest, &map.value, depth_left)?;
            } else {
                self.out.push(b'[');
                rest = self.first_planned(rest, &map.key, depth_left)?;
                self.out.push(b',');
                rest = self.first_planned(rest, &map.value, depth_left)?;
                self.out.push(b']');
            }
            self.comma(rest);
        }
        self.out.push(close);
        Ok(())
    }

    fn structure(
        &mut self,
        values: Elements<'_>,
        plan: &StructPlan,
        depth_left: usize,
    ) -> Result<(), ConvertError> {
        if values.len() != plan.fields.len() {
            return Err(ConvertError::data("Mismatching schema."));
        }
        let mut rest = values.body();
        self.out.push(b'{');
        for (index, field) in plan.fields.iter().enumerate() {
            if index > 0 {
                self.out.push(b',');
            }
            field.text.append(self.out);
            rest = self.first_planned(rest, &field.plan, depth_left)?;
        }
        if !rest.is_empty() {
            return Err(ValueError::Container.into());
        }
        self.out.push(b'}');
        self.check_size()
    }

    fn decimal(
        &mut self,
        scale: &Result<i32, ConvertError>,
        found: i32,
        unscaled: &[u8],
    ) -> Result<(), ConvertError> {
        match self.decimals {
            DecimalFormat::Numeric => Ok(decimal::print(found, unscaled, self.out)?),
            DecimalFormat::Base64 => match scale {
                Ok(scale) if *scale == found => {
                    self.base64(unscaled);
                    Ok(())
                }
                Ok(scale) => Err(ConvertError::data(format!(
                    "Decimal value has mismatching scale for given Decimal schema. Schema has scale {scale}, value has scale {found}."
                ))),
                Err(error) => Err(error.clone()),
            },
        }
    }

    /// Writes a key whose length `encoded` begins with, and its colon, and gives back what follows the key.
    fn key<'a>(&mut self, encoded: &'a [u8]) -> Result<&'a [u8], ConvertError> {
        let start = self.out.len();
        let rest = self.string(encoded)?;
        self.out.push(b':');
        let length = encoded.len() - rest.len();
        let (name, written) = (encoded.get(..length), self.out.get(start..));
        if let (Some(name), Some(written)) = (name, written) {
            let forms = || ([&[tag::STRING], name].concat(), written.to_vec());
            self.keys.learn(name, forms);
        }
        Ok(rest)
    }

    /// Writes an int64 that `encoded` begins with, and gives back what follows it.
    #[inline]
    fn int64<'a>(&mut self, encoded: &'a [u8]) -> Result<&'a [u8], ConvertError> {
        let (value, rest) = encoded
            .split_first_chunk::<8>()
            .ok_or(ValueError::Truncated)?;
        self.integer(i64::from_le_bytes(*value));
        Ok(rest)
    }

    /// Writes a string whose length `encoded` begins with, and gives back what follows it.
    #[inline]
    fn string<'a>(&mut self, encoded: &'a [u8]) -> Result<&'a [u8], ConvertError> {
        let (length, rest) = encoded
            .split_first_chunk::<4>()
            .ok_or(ValueError::Truncated)?;
        let source = rest;
        let (text, rest) = rest
            .split_at_checked(u32::from_le_bytes(*length) as usize)
            .ok_or(ValueError::Truncated)?;
        if escape::is_plain(text) {
            self.out.push(b'"');
            short::append(source, text.len(), self.out);
            self.out.push(b'"');
        } else {
            self.text(text)?;
        }
        Ok(rest)
    }

    #[inline]
    fn text(&mut self, text: &[u8]) -> Result<(), ConvertError> {
        if escape::string(text, self.out) {
            Ok(())
        } else {
            Err(ValueError::Utf8.into())
        }
    }

    #[inline]
    fn integer(&mut self, value: impl itoa::Integer) {
        self.push(itoa::Buffer::new().format(value).as_bytes());
    }

    fn boolean(&mut self, value: bool) {
        self.push(if value { b"true" } else { b"false" });
    }

    fn float64(&mut self, value: f64) {
        self.quoted(!value.is_finite(), |out| number::double(value, out));
    }

    fn float32(&mut self, value: f32) {
        self.quoted(!value.is_finite(), |out| number::float(value, out));
    }

    /// JSON has no number for infinities and NaN: they are strings.
    fn quoted(&mut self, quotes: bool, write: impl FnOnce(&mut Vec<u8>)) {
        if quotes {
            self.out.push(b'"');
        }
        write(self.out);
        if quotes {
            self.out.push(b'"');
        }
    }

    /// Writes bytes as a string in Base64.
    fn base64(&mut self, value: &[u8]) {
        self.out.push(b'"');
        let start = self.out.len();
        self.out.resize(start + value.len().div_ceil(3) * 4, 0);
        let written = self
            .out
            .get_mut(start..)
            .and_then(|place| STANDARD.encode_slice(value, place).ok());
        self.out.truncate(start + written.unwrap_or(0));
        self.out.push(b'"');
    }

    #[inline]
    fn comma(&mut self, rest: &[u8]) {
        if !rest.is_empty() {
            self.out.push(b',');
        }
    }

    #[inline]
    fn push(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    fn check_size(&self) -> Result<(), ConvertError> {
        if self.out.len() > self.end {
            return Err(ConvertError::Size {
                what: "the JSON of a value",
                max: JSON_BYTES_MAX,
            });
        }
        Ok(())
    }
}

fn all_texts(mut entries: Entries<'_>) -> Result<bool, ValueError> {
    while let Some((key, _)) = entries.next_encoded()? {
        if key.first() != Some(&tag::STRING) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn ended(rest: &[u8]) -> Result<(), ConvertError> {
    if rest.is_empty() {
        Ok(())
    } else {
        Err(ValueError::Trailing(rest.len()).into())
    }
}

fn mismatch(shape: &Shape, plan: &Plan, view: &View<'_>) -> ConvertError {
    let class = class_name(view);
    ConvertError::Data(match shape {
        Shape::Date => format!("Invalid type for Date, expected Date but was {class}"),
        Shape::Time => format!("Invalid type for Time, expected Date but was {class}"),
        Shape::Timestamp => format!("Invalid type for Timestamp, expected Date but was {class}"),
        Shape::Decimal(_) => {
            format!("Invalid type for Decimal, expected BigDecimal but was {class}")
        }
        _ => format!("Invalid type for {}: {class}", plan.name),
    })
}

fn deeper(depth_left: usize) -> Result<usize, ValueError> {
    depth_left.checked_sub(1).ok_or(ValueError::Depth)
}
