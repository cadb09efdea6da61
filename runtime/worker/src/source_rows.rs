//! The records of a source as they were before the transforms, or before the converters: how the log shows them, and
//! as what they go to the dead letter queue.
//!
//! Kafka Connect has no dead letter queue for sources. Here a source that names one gets it: key, value and headers as
//! JSON with their schemas, and the source partition and offset where a sink's letters have theirs.

use tidegate_convert::{Converter, Role};
use tidegate_model::value::View;
use tidegate_model::{Batch, Column, Headers, Schema};

use crate::error::WorkerError;
use crate::failures::{Originals, Place};
use crate::offset_store::without_private;
use crate::polled_positions::PolledPositions;
use crate::record_converters::{RecordConverters, Replaced};
use crate::retry::Retry;

/// Writes records of a source as JSON.
pub struct JsonLetters {
    /// With schemas.
    records: RecordConverters,
    /// Of source partitions and offsets, which have none.
    positions: Box<dyn Converter>,
    never: Retry,
}

/// Some records of a source.
pub struct SourceRows<'a> {
    batch: &'a Batch,
    /// For each the polled record that it came from. None: record n came from record n.
    inputs: Option<&'a [u32]>,
    positions: &'a PolledPositions,
    /// The source offset of each polled record.
    offsets: Vec<Option<&'a [u8]>>,
    /// None: nothing but their names is asked for.
    json: Option<&'a mut JsonLetters>,
}

impl JsonLetters {
    pub fn new() -> Result<Self, WorkerError> {
        let plain = [("schemas.enable".to_owned(), "false".to_owned())].into();
        let class = "org.apache.kafka.connect.json.JsonConverter";
        Ok(Self {
            records: RecordConverters::json()?,
            positions: tidegate_convert::converter(class, Role::Value, &plain)
                .map_err(|error| WorkerError::Internal(error.to_string()))?,
            never: Retry::never(),
        })
    }

    /// A source partition or offset as JSON.
    fn position(&mut self, encoded: Option<&[u8]>) -> String {
        let column: Column = [encoded].into_iter().collect();
        let json = self
            .positions
            .from_connect("", &column, &[], &[], &mut Vec::new());
        match json.iter().next().flatten() {
            Some(json) => String::from_utf8_lossy(json).into_owned(),
            None => "null".to_owned(),
        }
    }
}

impl<'a> SourceRows<'a> {
    pub fn new(
        batch: &'a Batch,
        inputs: Option<&'a [u32]>,
        positions: &'a PolledPositions,
        json: Option<&'a mut JsonLetters>,
    ) -> Self {
        let offsets = match json {
            Some(_) => positions.offsets.iter().collect(),
            None => Vec::new(),
        };
        Self {
            batch,
            inputs,
            positions,
            offsets,
            json,
        }
    }

    /// The polled record that a record came from.
    fn input(&self, row: usize) -> usize {
        self.inputs.map_or(row, |inputs| {
            inputs.get(row).map_or(0, |input| *input as usize)
        })
    }

    fn source_offset(&self, input: usize) -> Option<&'a [u8]> {
        self.offsets.get(input).copied().flatten()
    }

    fn schema(&self, schemas: &[i32], row: usize) -> Option<Schema> {
        let index = schemas.get(row).copied().unwrap_or(-1);
        let encoded = self.batch.schemas.get(usize::try_from(index).ok()?)?;
        Schema::decode(encoded).ok()
    }
}

impl Originals for SourceRows<'_> {
    fn name(&self, row: usize) -> String {
        format!("{} of the polled batch", self.input(row))
    }

    /// In Kafka Connect's words.
    fn shown(&self, row: usize) -> String {
        let batch = self.batch;
        let input = self.input(row);
        let timestamp = batch.timestamp(row).map(|time| time.to_string());
        let partition = batch.partition(row).map(|number| number.to_string());
        let (key_schema, value_schema) = (
            self.schema(&batch.key_schemas, row),
            self.schema(&batch.value_schemas, row),
        );
        let offset = self.source_offset(input).map(without_private);
        let first: usize = batch
            .headers
            .counts
            .iter()
            .take(row)
            .map(|n| *n as usize)
            .sum();
        let count = batch.headers.counts.get(row).copied().unwrap_or(0) as usize;
        let names = batch.headers.keys.iter().skip(first);
        let values = batch.headers.values.iter().skip(first);
        let headers: Vec<_> = (first..first + count)
            .zip(names.zip(values))
            .map(|(index, (name, value))| {
                let schema = self.schema(&batch.headers.schemas, index);
                format!(
                    "ConnectHeader(key={}, value={}, schema={})",
                    String::from_utf8_lossy(name.unwrap_or_default()),
                    value_text(value, schema.as_ref()),
                    schema_text(schema.as_ref())
                )
            })
            .collect();
        format!(
            ", where source record is = SourceRecord{{sourcePartition={}, sourceOffset={}}} ConnectRecord{{topic='{}', \
             kafkaPartition={}, key={}, keySchema={}, value={}, valueSchema={}, timestamp={}, \
             headers=ConnectHeaders(headers={})}}",
            value_text(self.positions.partition(input), None),
            value_text(offset.as_deref(), None),
            batch.topic(row),
            partition.as_deref().unwrap_or("null"),
            value_text(batch.iter_keys().nth(row).flatten(), key_schema.as_ref()),
            schema_text(key_schema.as_ref()),
            value_text(
                batch.iter_values().nth(row).flatten(),
                value_schema.as_ref()
            ),
            schema_text(value_schema.as_ref()),
            timestamp.as_deref().unwrap_or("null"),
            match headers.is_empty() {
                true => String::new(),
                false => format!("[{}]", headers.join(", ")),
            }
        )
    }

    fn place(&mut self, row: usize) -> Place<'_> {
        let input = self.input(row);
        let (partition, offset) = (self.positions.partition(input), self.source_offset(input));
        let mut json = |encoded| match &mut self.json {
            Some(json) => json.position(encoded),
            None => "null".to_owned(),
        };
        Place {
            partition: json(partition),
            offset: json(offset),
            topic: self.batch.topic(row),
        }
    }

    fn letters(&mut self, rows: &[u32], unfit: &mut Vec<(usize, String)>) -> Batch {
        let Some(json) = &mut self.json else {
            let all = 0..rows.len();
            unfit.extend(all.map(|index| (index, "it was not kept".to_owned())));
            return Batch::default();
        };
        let mut failed = Vec::new();
        let trying = json.never.until(&|| false);
        let selected = self.batch.select(rows);
        let Some((letters, _)) = json.records.encode(selected, &mut failed, trying) else {
            return Batch::default(); // It is never interrupted.
        };
        if failed.is_empty() {
            return letters;
        }
        let good = crate::failures::rows_without(rows.len(), &failed);
        failed.sort_by_key(|failure| failure.row);
        failed.dedup_by_key(|failure| failure.row);
        unfit.extend(failed.iter().map(|failure| (failure.row, failure.text())));
        letters.select(&good)
    }
}

/// A batch as it was before it was converted to bytes; its maps have their keys themselves.
pub fn before_conversion(encoded: &Batch, replaced: Replaced) -> Batch {
    let mut batch = Batch {
        count: encoded.count,
        topics: encoded.topics.clone(),
        topic_indexes: encoded.topic_indexes.clone(),
        partitions: encoded.partitions.clone(),
        offsets: Vec::new(),
        timestamps: encoded.timestamps.clone(),
        schemas: replaced.schemas,
        key_schemas: replaced.key_schemas,
        keys: replaced.keys,
        value_schemas: replaced.value_schemas,
        values: replaced.values,
        headers: Headers {
            counts: encoded.headers.counts.clone(),
            keys: encoded.headers.keys.clone(),
            schemas: replaced.header_schemas,
            values: replaced.header_values,
        },
    };
    batch.expand_maps();
    batch
}

/// A value as Java prints it.
fn value_text(encoded: Option<&[u8]>, schema: Option<&Schema>) -> String {
    let Some(encoded) = encoded else {
        return "null".to_owned();
    };
    let mut text = Vec::new();
    let printed = View::read(encoded)
        .map_err(|error| error.to_string())
        .and_then(|view| {
            tidegate_java::to_string::write(view, schema, &mut text)
                .map_err(|error| error.to_string())
        });
    match printed {
        Ok(()) => String::from_utf8_lossy(&text).into_owned(),
        Err(_) => format!("[{} bytes]", encoded.len()),
    }
}

/// A schema as Java prints it.
fn schema_text(schema: Option<&Schema>) -> String {
    let Some(schema) = schema else {
        return "null".to_owned();
    };
    let kind = schema.kind.name().to_uppercase();
    match &schema.name {
        Some(name) => format!("Schema{{{name}:{kind}}}"),
        None => format!("Schema{{{kind}}}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidegate_model::Value;

    #[test]
    fn a_record_is_shown_with_the_keys_that_its_map_left_to_a_shape() {
        let map = Value::Map(vec![("a".into(), 1_i64.into())]).to_encoded();
        let given = Batch {
            count: 1,
            topics: vec!["t".to_owned()],
            values: [Some(map.as_slice())].into_iter().collect(),
            ..Batch::default()
        };
        let mut shaped = given.clone();
        shaped.shape_maps();
        assert!(shaped.has_map_shapes());
        let (never, mut failed) = (Retry::never(), Vec::new());
        let mut json = RecordConverters::json().unwrap();
        let encoded = json.encode(shaped, &mut failed, never.until(&|| false));
        let (encoded, replaced) = encoded.unwrap();
        assert_eq!(
            encoded.values.iter().next().flatten(),
            Some(&br#"{"schema":null,"payload":{"a":1}}"#[..])
        );
        let before = before_conversion(&encoded, replaced);
        assert_eq!(before.values, given.values);
        let positions = PolledPositions {
            partitions: Vec::new(),
            partition_of: Vec::new(),
            offsets: Column::default(),
        };
        let shown = SourceRows::new(&before, None, &positions, None).shown(0);
        assert!(shown.contains("value={a=1}, valueSchema=null"), "{shown}");
    }
}
