//! `StringConverter`: bytes as text of one encoding, values as Java's `toString` writes them. Its schema is
//! an optional string. Bytes have no text of their own: they are refused, where Java prints an object's address.

use tidegate_java::to_string;
use tidegate_model::Column;
use tidegate_model::schema::{Schema, SchemaType};
use tidegate_model::value::{Encoder, View};

use crate::charset::{CONVERTER_ENCODING, Charset};
use crate::columns::{DecodedSchemas, convert_each};
use crate::error::ConvertError;
use crate::options::Options;
use crate::schema_index::schema_index;
use crate::{Converter, RecordFailure, ValueColumn};

/// Converts text.
#[derive(Debug)]
pub(crate) struct StringConverter {
    charset: Charset,
    schema: Vec<u8>,
    scratch: Vec<u8>,
}

impl StringConverter {
    /// The converter with its configuration.
    ///
    /// # Errors
    /// When the encoding is not known.
    pub(crate) fn new(options: Options<'_>) -> Result<Self, ConvertError> {
        Ok(Self {
            charset: Charset::named(options.text(CONVERTER_ENCODING).unwrap_or("UTF-8").trim())?,
            schema: Schema::new(SchemaType::String).optional().to_encoded(),
            scratch: Vec::new(),
        })
    }

    fn write(
        &mut self,
        entry: &[u8],
        schema: Option<&Schema>,
        out: &mut Vec<u8>,
    ) -> Result<(), ConvertError> {
        match View::read(entry)? {
            View::String(text) => self.charset.encode(text, out),
            view if self.charset == Charset::Utf8 => to_string::write(view, schema, out)?,
            view => {
                self.scratch.clear();
                to_string::write(view, schema, &mut self.scratch)?;
                let text = String::from_utf8_lossy(&self.scratch);
                self.charset.encode(&text, out);
            }
        }
        Ok(())
    }
}

impl Converter for StringConverter {
    fn to_connect(
        &mut self,
        _topic: &str,
        bytes: &Column,
        schemas: &mut Vec<Vec<u8>>,
        failures: &mut Vec<RecordFailure>,
    ) -> ValueColumn {
        let schema = schema_index(schemas, &self.schema).unwrap_or(-1);
        let room = bytes.bytes.len() + 5 * bytes.len();
        let values = convert_each(bytes, room, failures, |_, entry, out| {
            let Some(entry) = entry else {
                return Ok(false);
            };
            Encoder::new(out).string(&self.charset.decode(entry));
            Ok(true)
        });
        ValueColumn {
            schemas: vec![schema; values.len()],
            values,
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
        let mut schemas = DecodedSchemas::new(schemas);
        convert_each(values, values.bytes.len(), failures, |index, entry, out| {
            let Some(entry) = entry.filter(|entry| *entry != [0]) else {
                return Ok(false);
            };
            self.write(entry, schemas.of(value_schemas, index), out)?;
            Ok(true)
        })
    }
}
