//! Checking what comes from a guest, once, where it enters the host; everything after trusts it.

use std::collections::HashSet;

use tidegate_config::limits::RecordLimits;
use tidegate_model::limits::{APPLIED_BYTES_MAX, TOPIC_TEXT_BYTES_MAX};
use tidegate_model::value::{Checker, ValueError};
use tidegate_model::{Batch, Column, MapShape, Schema};

use crate::digest::Digest;

/// How many schemas are remembered as checked.
const KNOWN_SCHEMAS_MAX: usize = 1_000;

/// What is checked of the records of one guest.
#[derive(Default)]
pub(crate) struct Checks {
    limits: RecordLimits,
    /// Schemas that were checked before, by their digests: most batches repeat the same few.
    known: HashSet<Digest>,
}

impl Checks {
    pub(crate) fn new(limits: RecordLimits) -> Self {
        Self {
            limits,
            known: HashSet::new(),
        }
    }

    /// Checks a whole batch.
    pub(crate) fn batch(&mut self, batch: &Batch) -> Result<(), String> {
        batch.check().map_err(|error| error.to_string())?;
        topics(&batch.topics)?;
        numbers(batch)?;
        self.schemas(&batch.schemas)?;
        self.values("key", &batch.keys)?;
        self.values("value", &batch.values)?;
        self.headers(batch)?;
        self.sizes(batch)
    }

    /// Checks schemas.
    pub(crate) fn schemas(&mut self, schemas: &[Vec<u8>]) -> Result<(), String> {
        let mut schemas = schemas.iter().enumerate();
        schemas.try_for_each(|(index, schema)| self.schema(index, schema))
    }

    fn schema(&mut self, index: usize, schema: &[u8]) -> Result<(), String> {
        let digest = Digest::of(schema);
        if self.known.contains(&digest) {
            return Ok(());
        }
        Schema::decode(schema).map_err(|error| format!("schema {index}: {error}"))?;
        if self.known.len() >= KNOWN_SCHEMAS_MAX {
            self.known.clear();
        }
        self.known.insert(digest);
        Ok(())
    }

    /// Checks schemas among which map shapes may stand.
    pub(crate) fn schemas_and_shapes(&mut self, schemas: &[Vec<u8>]) -> Result<(), String> {
        for (index, encoded) in schemas.iter().enumerate() {
            if MapShape::is(encoded) {
                MapShape::decode(encoded).map_err(|error| format!("schema {index}: {error}"))?;
            } else {
                self.schema(index, encoded)?;
            }
        }
        Ok(())
    }

    /// Checks that what refers to a map shape is a map of that shape, and not too large with its keys.
    pub(crate) fn shapes(&self, batch: &Batch) -> Result<(), String> {
        if !batch.has_map_shapes() {
            return Ok(());
        }
        // They were checked when they came in.
        let shape = |encoded: &Vec<u8>| {
            let shape = MapShape::is(encoded).then(|| MapShape::decode(encoded).ok())??;
            Some((shape.key_bytes(), shape))
        };
        let shapes: Vec<Option<(usize, MapShape)>> = batch.schemas.iter().map(shape).collect();
        let shape_of = |schema: i32| shapes.get(usize::try_from(schema).ok()?)?.as_ref();
        let mut expanded = batch.payload_bytes();
        for (what, column, schemas) in [
            ("key", &batch.keys, &batch.key_schemas),
            ("value", &batch.values, &batch.value_schemas),
        ] {
            for (index, (entry, schema)) in column.iter().zip(schemas).enumerate() {
                let (Some(entry), Some((key_bytes, shape))) = (entry, shape_of(*schema)) else {
                    continue;
                };
                if !shape.fits(entry) {
                    return Err(format!(
                        "{what} {index} is no map of the shape that it refers to, schema {schema}"
                    ));
                }
                let bytes = entry.len() + key_bytes;
                if bytes > self.limits.record_bytes_max {
                    return Err(format!(
                        "{what} {index} has {bytes} bytes with its keys; at most {} are allowed",
                        self.limits.record_bytes_max
                    ));
                }
                expanded += key_bytes;
            }
        }
        if expanded > APPLIED_BYTES_MAX {
            return Err(format!(
                "the records have {expanded} bytes with the keys of their maps; at most {APPLIED_BYTES_MAX} are allowed"
            ));
        }
        let headers = &batch.headers.schemas;
        match headers.iter().find(|schema| shape_of(**schema).is_some()) {
            Some(schema) => Err(format!(
                "a header refers to a map shape, schema {schema}; keys and values may"
            )),
            None => Ok(()),
        }
    }

    /// Checks that each entry is an encoded value.
    pub(crate) fn values(&self, what: &str, column: &Column) -> Result<(), String> {
        let mut checker = Checker::of_depth(self.limits.record_depth_max);
        for (index, entry) in column.iter().enumerate() {
            if let Some(entry) = entry {
                checker.check(entry).map_err(|error| match error {
                    ValueError::Depth => format!(
                        "{what} {index}: values nest deeper than {}",
                        self.limits.record_depth_max
                    ),
                    error => format!("{what} {index}: {error}"),
                })?;
            }
        }
        Ok(())
    }

    /// Checks header values and how many headers records have.
    pub(crate) fn headers(&self, batch: &Batch) -> Result<(), String> {
        let max = self.limits.record_headers_max;
        let mut counts = batch.headers.counts.iter();
        if let Some(count) = counts.find(|count| **count as usize > max) {
            return Err(format!(
                "a record with {count} headers; at most {max} are allowed"
            ));
        }
        self.values("header", &batch.headers.values)
    }

    /// Checks that no record is too large.
    pub(crate) fn sizes(&self, batch: &Batch) -> Result<(), String> {
        let max = self.limits.record_bytes_max;
        // All records together are usually smaller than one may be.
        if batch.payload_bytes() <= max {
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
            if found > max {
                return Err(format!(
                    "record {index} has {found} bytes; at most {max} are allowed"
                ));
            }
        }
        Ok(())
    }
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
    use tidegate_model::limits::{RECORD_BYTES_MAX, SCHEMA_BYTES_MAX};

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
        let mut checks = Checks::default();
        assert_eq!(checks.batch(&of(&text(3))), Ok(()));
        let mut bad_topic = of(&text(3));
        bad_topic.topics = vec!["a".repeat(TOPIC_TEXT_BYTES_MAX + 1)];
        assert!(checks.batch(&bad_topic).unwrap_err().contains("topic"));
        assert!(checks.batch(&of(&[99])).unwrap_err().contains("value 0"));
        let mut bad_schema = of(&text(3));
        bad_schema.schemas = vec![vec![99]];
        assert!(checks.batch(&bad_schema).unwrap_err().contains("schema 0"));
        let mut long_schema = of(&text(3));
        long_schema.schemas = vec![vec![0; SCHEMA_BYTES_MAX + 1]];
        assert_eq!(
            checks.batch(&long_schema).unwrap_err(),
            "schema 0: a schema of 1048577 bytes; at most 1048576 are allowed"
        );
        let mut bad_time = of(&text(3));
        bad_time.timestamps = vec![-2];
        assert!(checks.batch(&bad_time).unwrap_err().contains("timestamp"));
    }

    #[test]
    fn maps_must_have_the_shape_that_they_refer_to() {
        let checks = Checks::default();
        let keys = [text(1), text(2)];
        let shape = MapShape::of(keys.iter().map(Vec::as_slice)).unwrap();
        let map = |values: &[Vec<u8>]| {
            let mut encoded = Vec::new();
            let container = Encoder::new(&mut encoded).structure();
            encoded.extend(values.concat());
            Encoder::new(&mut encoded).end(container, values.len());
            encoded
        };
        let of_shape = |value: &[u8]| Batch {
            schemas: vec![shape.to_encoded()],
            value_schemas: vec![0],
            ..of(value)
        };
        let two = map(&[text(1), text(1)]);
        assert_eq!(checks.shapes(&of_shape(&two)), Ok(()));
        for wrong in [map(&[text(1)]), text(1)] {
            let refused = checks.shapes(&of_shape(&wrong)).unwrap_err();
            assert!(
                refused.contains("value 0 is no map of the shape"),
                "{refused}"
            );
        }
        let mut header = of_shape(&two);
        header.headers.counts = vec![1];
        header.headers.keys.push(Some(b"h"));
        header.headers.values.push(Some(&two));
        header.headers.schemas = vec![0];
        let refused = checks.shapes(&header).unwrap_err();
        assert!(
            refused.contains("a header refers to a map shape"),
            "{refused}"
        );
    }

    #[test]
    fn maps_are_not_too_large_with_their_keys() {
        let key = text(tidegate_model::limits::MAP_SHAPE_BYTES_MAX - 5);
        let shape = MapShape::of([key.as_slice()]).unwrap();
        let mut map = Vec::new();
        let container = Encoder::new(&mut map).structure();
        map.extend(text(10));
        Encoder::new(&mut map).end(container, 1);
        let many = |count: usize| Batch {
            count,
            schemas: vec![shape.to_encoded()],
            value_schemas: vec![0; count],
            values: std::iter::repeat_n(Some(map.as_slice()), count).collect(),
            ..of(&[])
        };
        let most = APPLIED_BYTES_MAX / (key.len() + map.len());
        assert_eq!(Checks::default().shapes(&many(most)), Ok(()));
        let refused = Checks::default().shapes(&many(most + 1)).unwrap_err();
        assert!(
            refused.contains("at most 67108864 are allowed"),
            "{refused}"
        );
        let small = Checks::new(RecordLimits {
            record_bytes_max: 1_000,
            ..RecordLimits::default()
        });
        let refused = small.shapes(&many(1)).unwrap_err();
        assert!(
            refused.contains("value 0 has 65560 bytes with its keys; at most 1000"),
            "{refused}"
        );
    }

    #[test]
    fn shapes_are_taken_from_transforms_alone() {
        let shape = MapShape::of([text(1).as_slice()]).unwrap().to_encoded();
        let mut damaged = shape.clone();
        damaged.pop();
        let mut checks = Checks::default();
        assert_eq!(
            checks.schemas_and_shapes(std::slice::from_ref(&shape)),
            Ok(())
        );
        let schema = Schema::new(tidegate_model::SchemaType::Int8).to_encoded();
        let refused = checks
            .schemas_and_shapes(&[schema.clone(), damaged])
            .unwrap_err();
        assert_eq!(refused, "schema 1: a map shape is damaged");
        let refused = checks.schemas_and_shapes(&[schema, vec![99]]).unwrap_err();
        assert!(refused.starts_with("schema 1: "), "{refused}");
        assert!(checks.schemas(&[shape]).is_err());
    }

    #[test]
    fn the_size_of_a_record_counts_key_value_and_headers() {
        let mut checks = Checks::default();
        let mut large = of(&text(RECORD_BYTES_MAX - 100));
        assert_eq!(checks.batch(&large), Ok(()));
        large.headers.counts = vec![1];
        large.headers.keys.push(Some(&[b'h'; 50]));
        large.headers.values.push(Some(&text(60)));
        assert!(checks.batch(&large).unwrap_err().contains("record 0"));
    }

    #[test]
    fn an_operator_may_allow_less() {
        let mut checks = Checks::new(RecordLimits {
            record_bytes_max: 1_000,
            record_headers_max: 1,
            record_depth_max: 1,
        });
        assert_eq!(checks.batch(&of(&text(900))), Ok(()));
        let refused = checks.batch(&of(&text(1_000))).unwrap_err();
        assert!(refused.contains("at most 1000"), "{refused}");
        let mut headers = of(&text(1));
        headers.headers.counts = vec![2];
        for _ in 0..2 {
            headers.headers.keys.push(Some(b"h"));
            headers.headers.values.push(Some(&text(1)));
        }
        let refused = checks.batch(&headers).unwrap_err();
        assert!(refused.contains("2 headers; at most 1"), "{refused}");
        // An array in an array, and one in a map.
        let empty = [10, 4, 0, 0, 0, 0, 0, 0, 0];
        let inside = |tag: u8, count: u8, inner: &[u8]| {
            let mut outer = vec![tag, 4 + inner.len() as u8, 0, 0, 0, count, 0, 0, 0];
            outer.extend(inner);
            outer
        };
        assert_eq!(checks.batch(&of(&empty)), Ok(()));
        let in_map = [text(1), empty.to_vec()].concat();
        for deep in [inside(10, 1, &empty), inside(11, 1, &in_map)] {
            let refused = checks.batch(&of(&deep)).unwrap_err();
            assert!(refused.contains("nest deeper than 1"), "{refused}");
        }
    }
}
