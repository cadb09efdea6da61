//! Avro without a registry: schemas come as texts. For tests that make up schemas and messages; what reads and writes
//! them is what the converter has.

use std::collections::BTreeMap;

use tidegate_registry::Stored;

use super::options::AvroOptions;
use super::{MAGIC, ReadSchema, Sealed, WrittenSchema, read};
use crate::error::ConvertError;
use crate::options::Options;

/// How Avro's data and Connect's stand for each other, by a converter's keys.
#[derive(Debug)]
pub struct Offline {
    options: AvroOptions,
    unions: u32,
    version: Option<i32>,
}

/// A value that was read: its encoded schema, where it has one, and the encoded value, unless it is null.
pub type OfflineRead = (Option<Vec<u8>>, Option<Vec<u8>>);

impl Offline {
    /// Takes a converter's configuration.
    ///
    /// # Errors
    /// When a value of it is not allowed.
    pub fn new(config: &BTreeMap<String, String>) -> Result<Self, ConvertError> {
        let options = AvroOptions::parse(Options(config), false)?;
        Ok(Self {
            options,
            unions: 0,
            version: None,
        })
    }

    /// Gives the schemas that are read the version that a registry would have.
    #[must_use]
    pub fn with_version(self, version: Option<i32>) -> Self {
        Self { version, ..self }
    }

    /// Reads a value that was written with an Avro schema.
    ///
    /// # Errors
    /// When the schema or the value cannot be read.
    pub fn read(&mut self, schema: &str, body: &[u8]) -> Result<OfflineRead, ConvertError> {
        let stored = Stored {
            references: Vec::new(),
            schema: schema.to_owned(),
        };
        let data = &self.options.data;
        let schema = ReadSchema::of(&stored, data, &mut self.unions, |_| Ok(self.version))?;
        let mut value = Vec::new();
        let some = read::read(&schema.plan, body, &mut value)
            .map_err(|(offset, fault)| ConvertError::data(format!("at byte {offset}: {fault}")))?;
        Ok((schema.encoded, some.then_some(value)))
    }

    /// Writes null, which is no message: the Avro schema that its values would have.
    ///
    /// # Errors
    /// When the schema cannot be written or has no null.
    pub fn write_null(&self, schema: Option<&[u8]>) -> Result<String, ConvertError> {
        let written = WrittenSchema::of(schema, &self.options.data)?;
        written.null().map(|()| written.stored.schema)
    }

    /// Writes a value of a Connect schema: the Avro schema, and the value in it.
    ///
    /// # Errors
    /// When the schema or the value cannot be written.
    pub fn write(
        &self,
        schema: Option<&[u8]>,
        value: &[u8],
    ) -> Result<(String, Vec<u8>), ConvertError> {
        self.message(schema, value)
            .map(|(schema, body, _)| (schema, body))
    }

    /// The same, with nothing for null.
    ///
    /// # Errors
    /// When the schema or the value cannot be written.
    pub fn write_message(
        &self,
        schema: Option<&[u8]>,
        value: &[u8],
    ) -> Result<(String, Option<Vec<u8>>), ConvertError> {
        self.message(schema, value)
            .map(|(schema, body, some)| (schema, some.then_some(body)))
    }

    fn message(
        &self,
        schema: Option<&[u8]>,
        value: &[u8],
    ) -> Result<(String, Vec<u8>, bool), ConvertError> {
        let written = WrittenSchema::of(schema, &self.options.data)?;
        let sealed = Sealed::new(0, &written, &written.stored, &self.options)?;
        let mut message = Vec::new();
        let some = sealed.write(value, &mut message)?;
        debug_assert_eq!(message.first(), Some(&MAGIC));
        let body = message.split_off(message.len().min(5));
        Ok((written.stored.schema, body, some))
    }
}
