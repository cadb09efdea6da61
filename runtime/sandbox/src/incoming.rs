//! Checking what comes from a guest, once, where it enters the host; everything after trusts it.

use std::collections::HashSet;

use tidegate_model::limits::{RECORD_BYTES_MAX, RECORD_HEADERS_MAX, TOPIC_TEXT_BYTES_MAX};
use tidegate_model::value::Checker;
use tidegate_model::{Batch, Column, Schema};

use crate::digest::Digest;

/// How many schemas are remembered as checked.
const KNOWN_SCHEMAS_MAX: usize = 1_000;

/// Schemas of one guest that were checked before, by their digests: most batches repeat the same few.
#[derive(Default)]
pub(crate) struct KnownSchemas(HashSet<Digest>);

impl KnownSchemas {
    pub(crate) fn check(&mut self, schemas: &[Vec<u8>]) -> Result<(), String> {
        for (index, schema) in schemas.iter().enumerate() {
            let digest = Digest::of(schema);
            if self.0.contains(&digest) {
                continue;
            }
            Schema::decode(schema).map_err(|error| format!("schema {index}: {error}"))?;
            if self.0.len() >= KNOWN_SCHEMAS_MAX {
                self.0.clear();
            }
            self.0.insert(digest);
        }
        Ok(())
    }
}

/// Checks a whole batch.
pub(crate) fn batch(batch: &Batch, known: &mut KnownSchemas) -> Result<(), String> {
    batch.check().map_err(|error| error.to_string())?;
    topics(&batch.topics)?;
    numbers(batch)?;
    known.check(&batch.schemas)?;
    values("key", &batch.keys)?;
    values("value", &batch.values)?;
    headers(batch)?;
    sizes(batch)
}

/// Checks topics. Whether Kafka allows them as names matters to the producer only.
pub(crate) fn topics(topics: &[String]) -> Result<(), String> {
    match topics
        .iter()
        .find(|topic| topic.len() > TOPIC_TEXT_BYTES_MAX)
    {
        None => Ok(()),
        Some(topic) => Err(format!(
            "a topic of {} bytes; at most {TOPIC_TEXT_BYTES_MAX} are allowed",
            topic.len()
        )),
    }
}

/// Checks partitions and timestamps.
pub(crate) fn numbers(batch: &Batch) -> Result<(), String> {
    if let Some(partition) = batch.partitions.iter().find(|partition| **partition < -1) {
        return Err(format!(
            "partition {partition}; -1 (not chosen) and up are allowed"
        ));
    }
    if let Some(timestamp) = batch.timestamps.iter().find(|timestamp| **timestamp < -1) {
        return Err(format!(
            "timestamp {timestamp}; -1 (none) and up are allowed"
        ));
    }
    Ok(())
}

/// Checks that each entry is an encoded value.
pub(crate) fn values(what: &str, column: &Column) -> Result<(), String> {
    let mut checker = Checker::default();
    for (index, entry) in column.iter().enumerate() {
        if let Some(entry) = entry {
            checker
                .check(entry)
                .map_err(|error| format!("{what} {index}: {error}"))?;
        }
    }
    Ok(())
}

/// Checks header values and how many headers records have.
pub(crate) fn headers(batch: &Batch) -> Result<(), String> {
    let max = RECORD_HEADERS_MAX as u32;
    if let Some(count) = batch.headers.counts.iter().find(|count| **count > max) {
        return Err(format!(
            "a record with {count} headers; at most {max} are allowed"
        ));
    }
    values("header", &batch.headers.values)
}

/// Checks that no record is too large.
pub(crate) fn sizes(batch: &Batch) -> Result<(), String> {
    // All records together are usually smaller than one may be.
    if batch.payload_bytes() <= RECORD_BYTES_MAX {
        return Ok(());
    }
    let mut header_lengths = batch
        .headers
        .keys
        .lengths
        .iter()
        .zip(lengths(&batch.headers.values, batch.headers.keys.len()));
    let mut counts = batch.headers.counts.iter();
    for (index, (key, value)) in lengths(&batch.keys, batch.count)
        .zip(lengths(&batch.values, batch.count))
        .enumerate()
    {
        let count = counts.next().map_or(0, |count| *count as usize);
        let headers: usize = header_lengths
            .by_ref()
            .take(count)
            .map(|(key, value)| size(*key) + size(value))
            .sum();
        let found = size(key) + size(value) + headers;
        if found > RECORD_BYTES_MAX {
            return Err(format!(
                "record {index} has {found} bytes; at most {RECORD_BYTES_MAX} are allowed"
            ));
        }
    }
    Ok(())
}

fn lengths(column: &Column, count: usize) -> impl Iterator<Item = i32> {
    column
        .lengths
        .iter()
        .copied()
        .chain(std::iter::repeat(-1))
        .take(count)
}

fn size(length: i32) -> usize {
    usize::try_from(length).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidegate_model::Encoder;
    use tidegate_model::limits::SCHEMA_BYTES_MAX;

    fn text(bytes: usize) -> Vec<u8> {
        let mut encoded = Vec::new();
        Encoder::new(&mut encoded).string(&"x".repeat(bytes));
        encoded
    }

    fn of(value: &[u8]) -> Batch {
        Batch {
            count: 1,
            topics: vec!["t".to_owned()],
            values: [Some(value)].into_iter().collect(),
            ..Batch::default()
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let mut known = KnownSchemas::default();
        assert_eq!(batch(&of(&text(3)), &mut known), Ok(()));
        let mut bad_topic = of(&text(3));
        bad_topic.topics = vec!["a".repeat(TOPIC_TEXT_BYTES_MAX + 1)];
        assert!(batch(&bad_topic, &mut known).unwrap_err().contains("topic"));
        assert!(
            batch(&of(&[99]), &mut known)
                .unwrap_err()
                .contains("value 0")
        );
        let mut bad_schema = of(&text(3));
        bad_schema.schemas = vec![vec![99]];
        assert!(
            batch(&bad_schema, &mut known)
                .unwrap_err()
                .contains("schema 0")
        );
        let mut long_schema = of(&text(3));
        long_schema.schemas = vec![vec![0; SCHEMA_BYTES_MAX + 1]];
        assert_eq!(
            batch(&long_schema, &mut known).unwrap_err(),
            "schema 0: a schema of 1048577 bytes; at most 1048576 are allowed"
        );
        let mut bad_time = of(&text(3));
        bad_time.timestamps = vec![-2];
        assert!(
            batch(&bad_time, &mut known)
                .unwrap_err()
                .contains("timestamp")
        );
    }

    #[test]
    fn the_size_of_a_record_counts_key_value_and_headers() {
        let mut known = KnownSchemas::default();
        let mut large = of(&text(RECORD_BYTES_MAX - 100));
        assert_eq!(batch(&large, &mut known), Ok(()));
        large.headers.counts = vec![1];
        large.headers.keys.push(Some(&[b'h'; 50]));
        large.headers.values.push(Some(&text(60)));
        assert!(batch(&large, &mut known).unwrap_err().contains("record 0"));
    }
}
