//! `JsonConverter`, with schemas and without.
//!
//! | module | what |
//! | --- | --- |
//! | `scan` | a JSON text, token by token |
//! | `keys` | the keys seen so far, so that a known key is copied and not read |
//! | `shapes` | the shapes of maps, to which they leave their keys |
//! | `decode` | JSON to encoded values, without a schema |
//! | `decode_planned` | JSON to encoded values under a schema |
//! | `envelope` | the `{"schema": …, "payload": …}` around a value |
//! | `schema_text` | schemas between JSON and the model |
//! | `plan` | a schema or map shape prepared for converting |
//! | `escape` | text as a JSON string |
//! | `short` | copying and comparing texts of a few bytes |
//! | `encode` | encoded values to JSON |
//!
//! Where this is stricter than Kafka Connect: text after the value is refused, where Jackson ignores it;
//! containers nest at most 64 deep, not 1,000; half of a surrogate pair is replaced by U+FFFD; map entries
//! keep their order.

mod decode;
mod decode_planned;
mod encode;
mod envelope;
mod escape;
mod keys;
mod plan;
mod scan;
mod schema_text;
mod shapes;
mod short;

use std::sync::Arc;

use tidegate_model::limits::{RECORD_BYTES_MAX, VALUE_DEPTH_MAX};
use tidegate_model::schema::Schema;
use tidegate_model::value::tag;
use tidegate_model::{Column, MapShape};

use crate::cache::Cache;
use crate::columns::{convert_each, index_of};
use crate::error::ConvertError;
use crate::options::{Options, refused};
use crate::schema_index::{SchemaIndexes, schema_of};
use crate::{Converter, RecordFailure, ValueColumn};

use decode_planned::Scratch;
use encode::{DecimalFormat, Writer};
use envelope::Envelope;
use keys::Keys;
use plan::{Plan, ShapePlan};
use scan::Scanner;
use shapes::Shapes;

/// Whether each message carries its schema.
pub(crate) const SCHEMAS_ENABLE: &str = "schemas.enable";
/// The most schemas that are kept.
pub(crate) const SCHEMAS_CACHE_SIZE: &str = "schemas.cache.size";
/// How decimals are written.
pub(crate) const DECIMAL_FORMAT: &str = "decimal.format";
/// Whether a null becomes its schema's default.
pub(crate) const REPLACE_NULL_WITH_DEFAULT: &str = "replace.null.with.default";
/// The schema of all messages read.
pub(crate) const SCHEMA_CONTENT: &str = "schema.content";

/// The most characters of a number, as Jackson has it.
pub(crate) const NUMBER_BYTES_MAX: usize = 1_000;
/// What a UTF-8 text may begin with; Jackson steps over it.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// A value that has no meaning to most types, as a missing one: it counts as 0, nothing or an error.
const NOTHING: &[u8] = b"false";
/// The most schemas that are kept unless configured.
const SCHEMAS_CACHE_SIZE_DEFAULT: usize = 1_000;

/// Converts JSON.
#[derive(Debug)]
pub(crate) struct JsonConverter {
    schemas_enabled: bool,
    replace_nulls: bool,
    decimals: DecimalFormat,
    /// The schema of all messages read, where one is configured.
    content: Option<Arc<ReadSchema>>,
    /// Schemas read, by their JSON.
    read: Cache<Arc<ReadSchema>>,
    /// Schemas and map shapes to write, by their encoding.
    written: Cache<Arc<Written>>,
    keys_read: Keys,
    keys_written: Keys,
    /// Where maps without a schema leave their keys to shapes.
    shapes: Option<Shapes>,
    scratch: Scratch,
    /// What the last message began with, up to its payload, and its schema.
    recent: Option<Recent>,
}

/// A schema that messages come with.
#[derive(Debug)]
struct ReadSchema {
    plan: Plan,
    encoded: Vec<u8>,
}

/// What values are written with.
#[derive(Debug)]
enum Written {
    /// A schema.
    Schema {
        plan: Plan,
        /// `{"schema":…,"payload":`, or nothing when messages carry no schema.
        opening: Vec<u8>,
    },
    /// The keys of maps without a schema.
    Shape(ShapePlan),
}

/// The beginning of a message, up to its payload.
#[derive(Debug)]
struct Recent {
    opening: Vec<u8>,
    schema: Option<Arc<ReadSchema>>,
}

/// Where a batch's schemas are in its list: the last one looked up.
#[derive(Debug, Default)]
struct Places {
    last: Option<(Arc<ReadSchema>, i32)>,
    indexes: SchemaIndexes,
}

impl Places {
    fn of(
        &mut self,
        schema: &Arc<ReadSchema>,
        schemas: &mut Vec<Vec<u8>>,
    ) -> Result<i32, ConvertError> {
        match &self.last {
            Some((last, index)) if Arc::ptr_eq(last, schema) => Ok(*index),
            _ => {
                let index = self.indexes.of(schemas, &schema.encoded)?;
                self.last = Some((Arc::clone(schema), index));
                Ok(index)
            }
        }
    }
}

impl JsonConverter {
    /// The converter with its configuration.
    ///
    /// # Errors
    /// When a value of the configuration is not allowed.
    pub(crate) fn new(options: Options<'_>) -> Result<Self, ConvertError> {
        let cache_size = options.count(SCHEMAS_CACHE_SIZE, SCHEMAS_CACHE_SIZE_DEFAULT)?;
        let replace_nulls = options.boolean(REPLACE_NULL_WITH_DEFAULT, true)?;
        let decimals = match options.text(DECIMAL_FORMAT).unwrap_or("BASE64") {
            text if text.eq_ignore_ascii_case("BASE64") => DecimalFormat::Base64,
            text if text.eq_ignore_ascii_case("NUMERIC") => DecimalFormat::Numeric,
            text => return Err(refused(DECIMAL_FORMAT, text, "NUMERIC, BASE64")),
        };
        let content = options
            .text(SCHEMA_CONTENT)
            .map(|text| text.strip_prefix('\u{feff}').unwrap_or(text))
            .filter(|text| !matches!(text.trim(), "" | "null"))
            .map(|text| {
                Scanner::new(text.as_bytes())
                    .and_then(|mut scanner| {
                        scanner.skip(VALUE_DEPTH_MAX)?;
                        scanner.finish()
                    })
                    .map_err(ConvertError::from)
                    .and_then(|()| ReadSchema::parse(text.trim().as_bytes(), replace_nulls))
                    .map(Arc::new)
                    .map_err(|error| {
                        refused(SCHEMA_CONTENT, text, &format!("a schema in JSON ({error})"))
                    })
            })
            .transpose()?;
        Ok(Self {
            schemas_enabled: options.boolean(SCHEMAS_ENABLE, true)?,
            replace_nulls,
            decimals,
            content,
            read: Cache::new(cache_size),
            written: Cache::new(cache_size),
            keys_read: Keys::default(),
            keys_written: Keys::default(),
            shapes: None,
            scratch: Scratch::default(),
            recent: None,
        })
    }

    /// Appends the value of a message. The answer is its schema's index and whether there is a value: what
    /// was appended is otherwise to be taken back.
    fn read(
        &mut self,
        text: &[u8],
        schemas: &mut Vec<Vec<u8>>,
        places: &mut Places,
        out: &mut Vec<u8>,
    ) -> Result<(i32, bool), ConvertError> {
        if text.len() > RECORD_BYTES_MAX {
            return Err(ConvertError::Size {
                what: "the record",
                max: RECORD_BYTES_MAX,
            });
        }
        let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
        if !self.schemas_enabled {
            let (keys, shapes) = (&mut self.keys_read, self.shapes.as_mut());
            return decode::document(text, keys, shapes, schemas, out);
        }
        if let Some(schema) = &self.content {
            let is_blank = Scanner::new(text)?.peek().is_none();
            let mut scanner = Scanner::new(if is_blank { NOTHING } else { text })?;
            let some = decode_planned::value(
                &mut scanner,
                &schema.plan,
                VALUE_DEPTH_MAX,
                &mut self.scratch,
                out,
            )?;
            scanner.finish()?;
            return Ok((places.of(schema, schemas)?, some));
        }
        if let Some(read) = self.read_like_the_last(text, schemas, places, out)? {
            return Ok(read);
        }
        let envelope = Envelope::read(text)?;
        let schema = match envelope.schema {
            b"null" => None,
            schema => Some(self.read.get_or_make(schema, || {
                ReadSchema::parse(schema, self.replace_nulls).map(Arc::new)
            })?),
        };
        let mut payload = Scanner::resume(text, envelope.payload)?;
        let some = self.payload(&mut payload, schema.as_ref(), out)?;
        let index = match &schema {
            Some(schema) => places.of(schema, schemas)?,
            None => -1,
        };
        self.recent = envelope.opening.map(|opening| Recent {
            opening: opening.to_vec(),
            schema,
        });
        Ok((index, some))
    }

    /// Reads a message that begins like the last one, up to its payload, without looking at its schema.
    /// `None`, and nothing appended, when it does not, or goes on differently.
    fn read_like_the_last(
        &mut self,
        text: &[u8],
        schemas: &mut Vec<Vec<u8>>,
        places: &mut Places,
        out: &mut Vec<u8>,
    ) -> Result<Option<(i32, bool)>, ConvertError> {
        let Some(recent) = self
            .recent
            .take_if(|recent| text.starts_with(&recent.opening))
        else {
            return Ok(None);
        };
        let start = out.len();
        let mut scanner = Scanner::resume(text, recent.opening.len())?;
        let some = self.payload(&mut scanner, recent.schema.as_ref(), out)?;
        if scanner.peek() != Some(b'}') {
            out.truncate(start);
            return Ok(None);
        }
        scanner.advance(1);
        scanner.finish()?;
        let index = match &recent.schema {
            Some(schema) => places.of(schema, schemas)?,
            None => -1,
        };
        self.recent = Some(recent);
        Ok(Some((index, some)))
    }

    fn payload(
        &mut self,
        scanner: &mut Scanner<'_>,
        schema: Option<&Arc<ReadSchema>>,
        out: &mut Vec<u8>,
    ) -> Result<bool, ConvertError> {
        let depth_left = VALUE_DEPTH_MAX - 1;
        match schema {
            Some(schema) => {
                decode_planned::value(scanner, &schema.plan, depth_left, &mut self.scratch, out)
            }
            None => {
                let some = scanner.peek() != Some(b'n');
                decode::value(scanner, &mut self.keys_read, depth_left, out)?;
                Ok(some)
            }
        }
    }

    /// Appends the JSON of a value; false: it is null and has no schema, and stays null.
    fn write(
        &mut self,
        entry: Option<&[u8]>,
        written: Option<&Result<Arc<Written>, ConvertError>>,
        out: &mut Vec<u8>,
    ) -> Result<bool, ConvertError> {
        let entry = entry.unwrap_or(&[tag::NULL]);
        let written = match written {
            Some(written) => Some(&**written.as_ref().map_err(Clone::clone)?),
            None => None,
        };
        let opening: &[u8] = match written {
            Some(Written::Schema { opening, .. }) => opening,
            _ if *entry == [tag::NULL] => return Ok(false),
            _ if self.schemas_enabled => b"{\"schema\":null,\"payload\":",
            _ => b"",
        };
        out.extend_from_slice(opening);
        let mut writer = Writer::new(self.decimals, &mut self.keys_written, out);
        match written {
            None => writer.schemaless(entry)?,
            Some(Written::Schema { plan, .. }) => writer.planned(entry, plan)?,
            Some(Written::Shape(plan)) => writer.shaped(entry, plan)?,
        }
        if self.schemas_enabled {
            out.push(b'}');
        }
        Ok(true)
    }

    /// Prepares an encoded schema or map shape for writing.
    fn written(&mut self, encoded: &[u8]) -> Result<Arc<Written>, ConvertError> {
        let (enabled, replace_nulls, decimals) =
            (self.schemas_enabled, self.replace_nulls, self.decimals);
        self.written.get_or_make(encoded, || {
            if MapShape::is(encoded) {
                let shape = MapShape::decode(encoded)
                    .map_err(|error| ConvertError::data(error.to_string()))?;
                return Ok(Arc::new(Written::Shape(ShapePlan::new(&shape)?)));
            }
            let schema = Schema::decode(encoded)?;
            let mut opening = Vec::new();
            if enabled {
                opening.extend_from_slice(b"{\"schema\":");
                schema_text::write(&schema, decimals, replace_nulls, &mut opening)?;
                opening.extend_from_slice(b",\"payload\":");
            }
            let plan = Plan::new(&schema, replace_nulls);
            Ok(Arc::new(Written::Schema { plan, opening }))
        })
    }
}

impl ReadSchema {
    fn parse(text: &[u8], replace_nulls: bool) -> Result<Self, ConvertError> {
        let schema = schema_text::parse(text, replace_nulls)?;
        let encoded = schema.to_encoded();
        // What reads it next has limits on its bytes and parts.
        Schema::decode(&encoded)?;
        Ok(Self {
            plan: Plan::new(&schema, replace_nulls),
            encoded,
        })
    }
}

impl Converter for JsonConverter {
    fn shape_maps(&mut self, shape: bool) {
        if shape != self.shapes.is_some() {
            self.shapes = shape.then(Shapes::default);
        }
    }

    fn takes_map_shapes(&self) -> bool {
        true
    }

    fn to_connect(
        &mut self,
        _topic: &str,
        bytes: &Column,
        schemas: &mut Vec<Vec<u8>>,
        failures: &mut Vec<RecordFailure>,
    ) -> ValueColumn {
        // Small numbers take more room encoded than in JSON.
        let room = bytes.bytes.len() + bytes.bytes.len() / 2;
        let mut indexes = Vec::new();
        let mut places = Places::default();
        self.keys_read.begin_batch();
        if let Some(shapes) = &mut self.shapes {
            shapes.begin_batch();
        }
        let has_schemas = self.schemas_enabled || self.shapes.is_some();
        let values = convert_each(bytes, room, failures, |_, entry, out| {
            let read = match entry {
                None => Ok((-1, false)),
                Some(text) => self.read(text, schemas, &mut places, out),
            };
            if has_schemas {
                indexes.push(index_of(&read));
            }
            read.map(|(_, some)| some)
        });
        ValueColumn {
            values,
            schemas: indexes,
        }
    }

    fn from_connect(
        &mut self,
        _topic: &str,
        values: &Column,
        value_schemas: &[i32],
        schemas: &[Vec<u8>],
        failures: &mut Vec<RecordFailure>,
    ) -> Column {
        let mut prepared: Vec<Option<Result<Arc<Written>, ConvertError>>> =
            vec![None; schemas.len()];
        self.keys_written.begin_batch();
        convert_each(values, values.bytes.len(), failures, |index, entry, out| {
            let schema = schema_of(value_schemas, index).and_then(|schema| {
                let place = prepared.get_mut(schema)?;
                if place.is_none() {
                    *place = Some(self.written(schemas.get(schema)?));
                }
                place.as_ref()
            });
            self.write(entry, schema, out)
        })
    }
}
