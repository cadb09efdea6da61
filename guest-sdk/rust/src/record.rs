//! Records one by one, as ordinary Rust values: convenient, and slower than working on the columns.

use std::sync::Arc;

use tidegate_model::value::tag;
use tidegate_model::{Batch, Column, MapShape, Schema, Value};

use crate::error::{Error, Result};
use crate::schemas::{DecodedSchemas, EncodedSchemas, NO_SCHEMA};

/// A record.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Record {
    /// The topic.
    pub topic: String,
    /// The partition, when one is chosen.
    pub partition: Option<i32>,
    /// The offset in the partition; known to sinks only.
    pub offset: Option<i64>,
    /// Milliseconds since the epoch.
    pub timestamp: Option<i64>,
    /// The key.
    pub key: Value,
    /// The key's schema.
    pub key_schema: Option<Arc<Schema>>,
    /// The value. Null is a tombstone.
    pub value: Value,
    /// The value's schema.
    pub value_schema: Option<Arc<Schema>>,
    /// The headers, in order; a name may occur more than once.
    pub headers: Vec<Header>,
}

/// A header of a record.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Header {
    /// Its name.
    pub key: String,
    /// Its value.
    pub value: Value,
    /// The value's schema.
    pub schema: Option<Arc<Schema>>,
}

impl Record {
    /// A record without schemas, key and headers.
    pub fn new(topic: impl Into<String>, value: impl Into<Value>) -> Self {
        Self {
            topic: topic.into(),
            value: value.into(),
            ..Self::default()
        }
    }

    /// A field of the value, by name: of a struct by its schema, or of a map.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Value> {
        field(&self.value, self.value_schema.as_deref(), name)
    }

    /// A field of the value, by name, to change it. Its type must stay what the schema says.
    pub fn field_mut(&mut self, name: &str) -> Option<&mut Value> {
        match &mut self.value {
            Value::Map(entries) => entries
                .iter_mut()
                .find(|(key, _)| matches!(key, Value::String(key) if key == name))
                .map(|(_, value)| value),
            Value::Struct(values) => {
                let fields = self.value_schema.as_deref()?.fields();
                let place = fields.iter().position(|field| field.name == name)?;
                values.get_mut(place)
            }
            _ => None,
        }
    }
}

/// A field of a struct (by its schema) or of a map.
#[must_use]
pub fn field<'a>(value: &'a Value, schema: Option<&Schema>, name: &str) -> Option<&'a Value> {
    match value {
        Value::Map(entries) => entries
            .iter()
            .find(|(key, _)| matches!(key, Value::String(key) if key == name))
            .map(|(_, value)| value),
        Value::Struct(values) => {
            let place = schema?
                .fields()
                .iter()
                .position(|field| field.name == name)?;
            values.get(place)
        }
        _ => None,
    }
}

/// The records of a batch, in order. A record that is damaged is an error in its place.
pub fn records(batch: &Batch) -> impl Iterator<Item = Result<Record>> {
    let mut reader = RecordReader::new(batch);
    std::iter::from_fn(move || reader.next_record())
}

/// A header's place among all headers of its batch, its name and its value.
type EncodedHeader<'a> = (usize, Option<&'a [u8]>, Option<&'a [u8]>);

/// Reads the records of a batch in order.
struct RecordReader<'a> {
    batch: &'a Batch,
    next: usize,
    keys: tidegate_model::column::Entries<'a>,
    values: tidegate_model::column::Entries<'a>,
    header_keys: tidegate_model::column::Entries<'a>,
    header_values: tidegate_model::column::Entries<'a>,
    next_header: usize,
    schemas: DecodedSchemas,
    /// The map shape that was met last, and its number among the schemas.
    shape: Option<(i32, MapShape)>,
}

impl<'a> RecordReader<'a> {
    fn new(batch: &'a Batch) -> Self {
        Self {
            batch,
            next: 0,
            keys: batch.keys.iter(),
            values: batch.values.iter(),
            header_keys: batch.headers.keys.iter(),
            header_values: batch.headers.values.iter(),
            next_header: 0,
            schemas: DecodedSchemas::default(),
            shape: None,
        }
    }

    fn next_record(&mut self) -> Option<Result<Record>> {
        if self.next >= self.batch.count {
            return None;
        }
        let index = self.next;
        self.next += 1;
        let key = self.keys.next().flatten();
        let value = self.values.next().flatten();
        let first_header = self.next_header;
        let count = self.batch.headers.counts.get(index);
        self.next_header += count.map_or(0, |count| *count as usize);
        let headers = (first_header..self.next_header)
            .map(|header| {
                let key = self.header_keys.next().flatten();
                (header, key, self.header_values.next().flatten())
            })
            .collect::<Vec<_>>();
        Some(self.record(index, key, value, headers))
    }

    fn record(
        &mut self,
        index: usize,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: Vec<EncodedHeader<'_>>,
    ) -> Result<Record> {
        let batch = self.batch;
        let headers = headers
            .into_iter()
            .map(|(place, key, value)| {
                Ok(Header {
                    key: String::from_utf8_lossy(key.unwrap_or_default()).into_owned(),
                    value: decoded(value)?,
                    schema: self.schema(&batch.headers.schemas, place)?,
                })
            })
            .collect::<Result<_>>()?;
        let (key, key_schema) = self.side(key, &batch.key_schemas, index)?;
        let (value, value_schema) = self.side(value, &batch.value_schemas, index)?;
        Ok(Record {
            topic: batch.topic(index).to_owned(),
            partition: batch.partition(index),
            offset: batch
                .offsets
                .get(index)
                .copied()
                .filter(|offset| *offset >= 0),
            timestamp: batch.timestamp(index),
            key,
            key_schema,
            value,
            value_schema,
            headers,
        })
    }

    /// A key or a value with its schema. A map that left its keys to a shape has none, and gets them back.
    fn side(
        &mut self,
        bytes: Option<&[u8]>,
        indexes: &[i32],
        place: usize,
    ) -> Result<(Value, Option<Arc<Schema>>)> {
        let index = indexes.get(place).copied().unwrap_or(NO_SCHEMA);
        let encoded = usize::try_from(index).ok();
        let encoded = encoded.and_then(|index| self.batch.schemas.get(index));
        let Some(encoded) = encoded.filter(|encoded| MapShape::is(encoded)) else {
            return Ok((decoded(bytes)?, self.schema(indexes, place)?));
        };
        let shape = match self.shape.take() {
            Some((last, shape)) if last == index => shape,
            _ => MapShape::decode(encoded).map_err(Error::data)?,
        };
        let mut expanded = Vec::new();
        shape.expand(bytes.unwrap_or(&[tag::NULL]), &mut expanded);
        self.shape = Some((index, shape));
        Ok((Value::decode(&expanded)?, None))
    }

    fn schema(&mut self, indexes: &[i32], place: usize) -> Result<Option<Arc<Schema>>> {
        let index = indexes.get(place).copied().unwrap_or(NO_SCHEMA);
        self.schemas.get(&self.batch.schemas, index)
    }
}

fn decoded(bytes: Option<&[u8]>) -> Result<Value> {
    Ok(match bytes {
        Some(bytes) => Value::decode(bytes)?,
        None => Value::Null,
    })
}

/// Appends records to a batch whose lists are all full, one entry for each record.
#[derive(Debug, Default)]
pub(crate) struct RecordWriter {
    schemas: EncodedSchemas,
}

impl RecordWriter {
    /// Appends a record.
    pub(crate) fn push(&mut self, batch: &mut Batch, record: &Record) {
        let topic = batch.topic_index(&record.topic);
        batch.topic_indexes.push(topic);
        batch.partitions.push(record.partition.unwrap_or(-1));
        batch.offsets.push(record.offset.unwrap_or(-1));
        batch.timestamps.push(record.timestamp.unwrap_or(-1));
        push(&mut batch.keys, &record.key);
        push(&mut batch.values, &record.value);
        let schemas = &mut batch.schemas;
        let index = self.schemas.index(schemas, record.key_schema.as_ref());
        batch.key_schemas.push(index);
        let index = self.schemas.index(schemas, record.value_schema.as_ref());
        batch.value_schemas.push(index);
        let headers = &mut batch.headers;
        headers
            .counts
            .push(u32::try_from(record.headers.len()).unwrap_or(u32::MAX));
        for header in &record.headers {
            headers.keys.push(Some(header.key.as_bytes()));
            push(&mut headers.values, &header.value);
            let index = self.schemas.index(schemas, header.schema.as_ref());
            headers.schemas.push(index);
        }
        batch.count += 1;
    }
}

fn push(column: &mut Column, value: &Value) {
    if *value == Value::Null {
        column.push(None);
    } else {
        let mark = column.begin();
        value.encode(&mut column.bytes);
        column.end(mark);
    }
}

/// A batch of records, as the host would hand it over.
pub fn batch_of<'a>(records: impl IntoIterator<Item = &'a Record>) -> Batch {
    let mut batch = Batch::default();
    let mut writer = RecordWriter::default();
    for record in records {
        writer.push(&mut batch, record);
    }
    batch
}
