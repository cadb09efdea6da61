//! The encoding of schemas (`wit/ENCODING.md`, "Schemas").
//!
//! An encoded schema is: the tag of its type; a byte of flags (1 optional, 2 name, 4 version, 8 doc,
//! 16 default, 32 parameters); then, as far as flagged, name, version (i32), doc, the default as an encoded
//! value, and the parameters (u32 count, then key and value of each); then for an array its element's schema,
//! for a map the schemas of key and value, for a struct u32 count and name and schema of each field.
//! Texts are a u32 length and UTF-8.

use std::sync::Arc;

use crate::limits::{SCHEMA_BYTES_MAX, SCHEMA_FIELDS_MAX, VALUE_DEPTH_MAX};
use crate::schema::{Field, Schema, SchemaError, SchemaType};
use crate::value::{self, Value, tag};

const OPTIONAL: u8 = 1;
const NAME: u8 = 2;
const VERSION: u8 = 4;
const DOC: u8 = 8;
const DEFAULT: u8 = 16;
const PARAMETERS: u8 = 32;

impl Schema {
    /// Reads an encoded schema.
    ///
    /// # Errors
    /// When `bytes` are not exactly one schema, or it is over a limit.
    pub fn decode(bytes: &[u8]) -> Result<Self, SchemaError> {
        if bytes.len() > SCHEMA_BYTES_MAX {
            return Err(SchemaError::Bytes(bytes.len()));
        }
        let mut reader = Reader {
            bytes,
            // One more for the schema itself.
            parts_left: SCHEMA_FIELDS_MAX + 1,
        };
        let schema = reader.schema(VALUE_DEPTH_MAX)?;
        if reader.bytes.is_empty() {
            Ok(schema)
        } else {
            Err(SchemaError::Trailing(reader.bytes.len()))
        }
    }

    /// The encoded schema.
    #[must_use]
    pub fn to_encoded(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.encode(&mut out);
        out
    }

    /// Appends the encoded schema to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let flag = |set: bool, flag: u8| if set { flag } else { 0 };
        out.push(self.kind.tag());
        out.push(
            flag(self.optional, OPTIONAL)
                | flag(self.name.is_some(), NAME)
                | flag(self.version.is_some(), VERSION)
                | flag(self.doc.is_some(), DOC)
                | flag(self.default.is_some(), DEFAULT)
                | flag(!self.parameters.is_empty(), PARAMETERS),
        );
        if let Some(name) = &self.name {
            text(name, out);
        }
        if let Some(version) = self.version {
            out.extend_from_slice(&version.to_le_bytes());
        }
        if let Some(doc) = &self.doc {
            text(doc, out);
        }
        if let Some(default) = &self.default {
            default.encode(out);
        }
        if !self.parameters.is_empty() {
            count(self.parameters.len(), out);
            for (key, value) in &self.parameters {
                text(key, out);
                text(value, out);
            }
        }
        match &self.kind {
            SchemaType::Array(element) => element.encode(out),
            SchemaType::Map(key, value) => {
                key.encode(out);
                value.encode(out);
            }
            SchemaType::Struct(fields) => {
                count(fields.len(), out);
                for field in fields {
                    text(&field.name, out);
                    field.schema.encode(out);
                }
            }
            _ => {}
        }
    }
}

#[allow(clippy::cast_possible_truncation)]
fn count(count: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(&(count as u32).to_le_bytes());
}

fn text(text: &str, out: &mut Vec<u8>) {
    count(text.len(), out);
    out.extend_from_slice(text.as_bytes());
}

/// Says whether no two fields have one name.
fn distinct(fields: &[Field]) -> Result<(), SchemaError> {
    let mut names: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
    names.sort_unstable();
    match names.array_windows().find(|[one, next]| one == next) {
        Some([name, _]) => Err(SchemaError::FieldTwice((*name).to_owned())),
        None => Ok(()),
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    /// A part takes few bytes and far more memory once it is read, so they are counted.
    parts_left: usize,
}

impl<'a> Reader<'a> {
    fn schema(&mut self, depth_left: usize) -> Result<Schema, SchemaError> {
        let depth_left = depth_left.checked_sub(1).ok_or(SchemaError::Depth)?;
        self.take_parts(1)?;
        let [type_tag, flags] = *self.array::<2>()?;
        if flags & !0x3f != 0 {
            return Err(SchemaError::Flags(flags));
        }
        let has = |flag: u8| flags & flag != 0;
        let name = has(NAME).then(|| self.text()).transpose()?;
        let version = has(VERSION)
            .then(|| self.array::<4>().map(|b| i32::from_le_bytes(*b)))
            .transpose()?;
        let doc = has(DOC).then(|| self.text()).transpose()?;
        let default = has(DEFAULT).then(|| self.value()).transpose()?;
        let mut parameters = Vec::new();
        if has(PARAMETERS) {
            for _ in 0..self.count()? {
                self.take_parts(1)?;
                parameters.push((self.text()?, self.text()?));
            }
        }
        if has(PARAMETERS) && parameters.is_empty() {
            return Err(SchemaError::NoParameters);
        }
        let kind = self.kind(type_tag, depth_left)?;
        let schema = Schema {
            kind,
            optional: has(OPTIONAL),
            name,
            version,
            doc,
            default,
            parameters,
        };
        match &schema.default {
            // Null is what an absent default means; as a default of its own it would stand for itself for ever.
            Some(Value::Null) => Err(SchemaError::NullDefault),
            Some(default) if !default.fits(&schema) => Err(SchemaError::DefaultType),
            _ => Ok(schema),
        }
    }

    fn kind(&mut self, type_tag: u8, depth_left: usize) -> Result<SchemaType, SchemaError> {
        Ok(match type_tag {
            tag::BOOLEAN => SchemaType::Boolean,
            tag::INT8 => SchemaType::Int8,
            tag::INT16 => SchemaType::Int16,
            tag::INT32 => SchemaType::Int32,
            tag::INT64 => SchemaType::Int64,
            tag::FLOAT32 => SchemaType::Float32,
            tag::FLOAT64 => SchemaType::Float64,
            tag::STRING => SchemaType::String,
            tag::BYTES => SchemaType::Bytes,
            tag::ARRAY => SchemaType::Array(Arc::new(self.schema(depth_left)?)),
            tag::MAP => SchemaType::Map(
                Arc::new(self.schema(depth_left)?),
                Arc::new(self.schema(depth_left)?),
            ),
            tag::STRUCT => {
                let mut fields = Vec::new();
                for _ in 0..self.count()? {
                    fields.push(Field {
                        name: self.text()?,
                        schema: Arc::new(self.schema(depth_left)?),
                    });
                }
                distinct(&fields)?;
                SchemaType::Struct(fields)
            }
            other => return Err(SchemaError::Tag(other)),
        })
    }

    fn take_parts(&mut self, parts: usize) -> Result<(), SchemaError> {
        let left = self.parts_left.checked_sub(parts);
        self.parts_left = left.ok_or(SchemaError::Parts)?;
        Ok(())
    }

    fn array<const N: usize>(&mut self) -> Result<&'a [u8; N], SchemaError> {
        let (array, rest) = self
            .bytes
            .split_first_chunk::<N>()
            .ok_or(SchemaError::Truncated)?;
        self.bytes = rest;
        Ok(array)
    }

    fn count(&mut self) -> Result<usize, SchemaError> {
        let count = u32::from_le_bytes(*self.array::<4>()?) as usize;
        if count > SCHEMA_FIELDS_MAX {
            Err(SchemaError::Fields(count))
        } else {
            Ok(count)
        }
    }

    fn text(&mut self) -> Result<String, SchemaError> {
        let length = u32::from_le_bytes(*self.array::<4>()?) as usize;
        let (text, rest) = self
            .bytes
            .split_at_checked(length)
            .ok_or(SchemaError::Truncated)?;
        self.bytes = rest;
        std::str::from_utf8(text)
            .map(str::to_owned)
            .map_err(|_| SchemaError::Utf8)
    }

    fn value(&mut self) -> Result<Value, SchemaError> {
        let length = value::length(self.bytes)?;
        let (value, rest) = self
            .bytes
            .split_at_checked(length)
            .ok_or(SchemaError::Truncated)?;
        self.bytes = rest;
        let value = Value::decode(value)?;
        self.take_parts(parts(&value))?;
        Ok(value)
    }
}

/// How many values there are in a value; none when it is not a container.
fn parts(value: &Value) -> usize {
    let with_parts = |value: &Value| 1 + parts(value);
    match value {
        Value::Array(elements) | Value::Struct(elements) => elements.iter().map(with_parts).sum(),
        Value::Map(entries) => entries
            .iter()
            .map(|(key, value)| with_parts(key) + with_parts(value))
            .sum(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::value::ValueError;

    fn flight() -> Schema {
        let field = |name: &str, schema| Field {
            name: name.to_owned(),
            schema: Arc::new(schema),
        };
        let tags = SchemaType::Map(
            Arc::new(Schema::new(SchemaType::String)),
            Arc::new(Schema::new(SchemaType::Array(Arc::new(
                Schema::new(SchemaType::Int8).optional(),
            )))),
        );
        let mut schema = Schema::new(SchemaType::Struct(vec![
            field(
                "flight",
                Schema {
                    default: Some(Value::Int32(7)),
                    ..Schema::new(SchemaType::Int32).optional()
                },
            ),
            field("day", Schema::date()),
            field(
                "price",
                Schema {
                    doc: Some("in dollars".to_owned()),
                    ..Schema::decimal(2)
                },
            ),
            field("tags", Schema::new(tags)),
        ]))
        .named("flight");
        schema.version = Some(3);
        schema
    }

    #[test]
    fn a_schema_comes_back_from_its_encoding() {
        assert_eq!(Schema::decode(&flight().to_encoded()).unwrap(), flight());
    }

    #[test]
    fn every_cut_of_a_schema_is_refused() {
        let encoded = flight().to_encoded();
        for cut in 0..encoded.len() {
            assert!(Schema::decode(&encoded[..cut]).is_err(), "{cut}");
        }
        assert_eq!(
            Schema::decode(&[encoded, vec![0]].concat()),
            Err(SchemaError::Trailing(1))
        );
    }

    #[test]
    fn nesting_has_a_limit() {
        let nested = |depth: usize| {
            let leaf = Schema::new(SchemaType::Int8);
            (1..depth)
                .fold(leaf, |schema, _| {
                    Schema::new(SchemaType::Array(Arc::new(schema)))
                })
                .to_encoded()
        };
        assert!(Schema::decode(&nested(VALUE_DEPTH_MAX)).is_ok());
        assert_eq!(
            Schema::decode(&nested(VALUE_DEPTH_MAX + 1)),
            Err(SchemaError::Depth)
        );
    }

    #[test]
    fn bytes_and_parts_have_limits() {
        let fields = |count: usize| {
            let schema = Arc::new(Schema::new(SchemaType::Int8));
            let field = |number: usize| Field {
                name: number.to_string(),
                schema: Arc::clone(&schema),
            };
            SchemaType::Struct((0..count).map(field).collect())
        };
        let full = Schema::new(fields(SCHEMA_FIELDS_MAX));
        assert!(Schema::decode(&full.to_encoded()).is_ok());
        let half = || Arc::new(Schema::new(fields(SCHEMA_FIELDS_MAX / 2)));
        let two = Schema::new(SchemaType::Map(half(), half()));
        assert_eq!(
            Schema::decode(&two.to_encoded()),
            Err(SchemaError::Parts),
            "structs are counted together"
        );
        let default = |count: usize| Schema {
            default: Some(Value::Array(vec![Value::Null; count])),
            ..Schema::new(SchemaType::Array(Arc::new(
                Schema::new(SchemaType::Int8).optional(),
            )))
        };
        // The schema of the elements is a part too.
        assert!(Schema::decode(&default(SCHEMA_FIELDS_MAX - 1).to_encoded()).is_ok());
        assert_eq!(
            Schema::decode(&default(SCHEMA_FIELDS_MAX).to_encoded()),
            Err(SchemaError::Parts)
        );
        let parameter = ("p".to_owned(), String::new());
        let parameters = Schema {
            parameters: vec![parameter; SCHEMA_FIELDS_MAX],
            ..Schema::new(fields(1))
        };
        assert_eq!(
            Schema::decode(&parameters.to_encoded()),
            Err(SchemaError::Parts)
        );
        let long = Schema {
            doc: Some("x".repeat(SCHEMA_BYTES_MAX)),
            ..Schema::new(SchemaType::Int8)
        };
        let encoded = long.to_encoded();
        assert_eq!(
            Schema::decode(&encoded),
            Err(SchemaError::Bytes(encoded.len()))
        );
    }

    #[test]
    fn a_default_whose_count_is_wrong_is_refused() {
        let map = SchemaType::Map(
            Arc::new(Schema::new(SchemaType::String)),
            Arc::new(Schema::new(SchemaType::Int8)),
        );
        let schema = Schema {
            default: Some(Value::Map(vec![(Value::from("k"), Value::Int8(1))])),
            ..Schema::new(map)
        };
        let mut encoded = schema.to_encoded();
        assert_eq!(Schema::decode(&encoded), Ok(schema));
        // After the tag, the flags, the default's tag and its length.
        assert_eq!(encoded.get(7), Some(&1));
        if let Some(count) = encoded.get_mut(7) {
            *count = 37;
        }
        assert_eq!(
            Schema::decode(&encoded),
            Err(SchemaError::Default(ValueError::Container))
        );
    }
}
