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
        Ok(Self { options, unions: 0 })
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
        let schema = ReadSchema::of(&stored, data, &mut self.unions, |_| Ok(None))?;
        let mut value = Vec::new();
        let some = read::read(&schema.plan, body, &mut value)
            .map_err(|(offset, fault)| ConvertError::data(format!("at byte {offset}: {fault}")))?;
        Ok((schema.encoded, some.then_some(value)))
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
        let written = WrittenSchema::of(schema, &self.options.data)?;
        let sealed = Sealed::new(0, &written, &written.stored, &self.options)?;
        let mut message = Vec::new();
        sealed.write(value, &mut message)?;
        debug_assert_eq!(message.first(), Some(&MAGIC));
        let body = message.split_off(message.len().min(5));
        Ok((written.stored.schema, body))
    }
}
