//! Headers that a step adds to records, after those that they have.

use tidegate_model::limits::RECORD_HEADERS_MAX;
use tidegate_model::{Column, batch::Headers};

use super::TransformBatch;
use crate::error::{Error, Result};
use crate::row::{Row, rows};
use crate::schemas::{NO_SCHEMA, Schemas};

/// Where the headers go that a record gets.
#[derive(Debug)]
pub struct AddedHeaders<'a> {
    headers: &'a mut Headers,
}

impl AddedHeaders<'_> {
    /// Adds a header: its encoded value, `None` for null, and the index of its schema or [`NO_SCHEMA`].
    pub fn add(&mut self, name: &str, value: Option<&[u8]>, schema: i32) {
        self.headers.keys.push(Some(name.as_bytes()));
        self.headers.values.push(value);
        self.headers.schemas.push(schema);
    }
}

impl TransformBatch {
    /// Adds headers to records: `add` is called for each selected record.
    ///
    /// An error fails the record, and so do more headers than a record may have. Where nothing was added,
    /// headers do not count as changed.
    pub fn add_headers<F>(&mut self, mut add: F)
    where
        F: FnMut(Row<'_>, &mut Schemas<'_>, &mut AddedHeaders<'_>) -> Result<()>,
    {
        let mut encoded = std::mem::take(&mut self.batch.schemas);
        let mut schemas = Schemas::new(&mut encoded);
        let mut old = OldHeaders::new(&self.batch.headers);
        let mut headers = Headers {
            counts: Vec::with_capacity(self.batch.count),
            ..Headers::default()
        };
        let mut failures = Vec::new();
        let mut changed = false;
        for row in rows(&self.batch) {
            let index = row.index;
            let first = headers.keys.len();
            old.copy_next(&mut headers);
            let given = headers.keys.len();
            if self.is_selected(index) {
                let mut added = AddedHeaders {
                    headers: &mut headers,
                };
                let outcome = add(row, &mut schemas, &mut added);
                let outcome = outcome.and_then(|()| within_limit(headers.keys.len() - first));
                match outcome {
                    Ok(()) => changed |= headers.keys.len() > given,
                    Err(error) => {
                        cut(&mut headers, given);
                        failures.push((index, error));
                    }
                }
            }
            let count = headers.keys.len() - first;
            headers
                .counts
                .push(u32::try_from(count).unwrap_or(u32::MAX));
        }
        self.batch.schemas = encoded;
        if changed {
            self.batch.headers = headers;
            self.changed.headers = true;
        }
        for (index, error) in failures {
            self.fail(index, error);
        }
    }
}

fn within_limit(count: usize) -> Result<()> {
    if count <= RECORD_HEADERS_MAX {
        return Ok(());
    }
    Err(Error::data(format_args!(
        "the record would have {count} headers; at most {RECORD_HEADERS_MAX} are allowed"
    )))
}

/// Takes back what was added beyond `count` headers in all.
fn cut(headers: &mut Headers, count: usize) {
    headers.schemas.truncate(count);
    for column in [&mut headers.keys, &mut headers.values] {
        let added = column.lengths.drain(count..);
        let bytes: usize = added
            .filter_map(|length| usize::try_from(length).ok())
            .sum();
        column
            .bytes
            .truncate(column.bytes.len().saturating_sub(bytes));
    }
}

/// The headers that records have, copied record by record, each in one piece.
struct OldHeaders<'a> {
    headers: &'a Headers,
    record: usize,
    header: usize,
    key_byte: usize,
    value_byte: usize,
}

impl<'a> OldHeaders<'a> {
    fn new(headers: &'a Headers) -> Self {
        Self {
            headers,
            record: 0,
            header: 0,
            key_byte: 0,
            value_byte: 0,
        }
    }

    fn copy_next(&mut self, to: &mut Headers) {
        let count = self.headers.counts.get(self.record).copied().unwrap_or(0) as usize;
        self.record += 1;
        if count == 0 {
            return;
        }
        let from = self.headers;
        let run = self.header..self.header + count;
        self.header = run.end;
        copy_entries(&from.keys, run.clone(), &mut self.key_byte, &mut to.keys);
        copy_entries(
            &from.values,
            run.clone(),
            &mut self.value_byte,
            &mut to.values,
        );
        match from.schemas.get(run) {
            Some(schemas) => to.schemas.extend_from_slice(schemas),
            None => to.schemas.resize(to.keys.len(), NO_SCHEMA),
        }
    }
}

/// Copies entries of a column, which begin at `byte`; all are null where the column is empty.
fn copy_entries(from: &Column, run: std::ops::Range<usize>, byte: &mut usize, to: &mut Column) {
    let Some(lengths) = from.lengths.get(run.clone()) else {
        to.lengths.resize(to.lengths.len() + run.len(), -1);
        return;
    };
    let sizes = lengths
        .iter()
        .filter_map(|length| usize::try_from(*length).ok());
    let end = *byte + sizes.sum::<usize>();
    to.bytes
        .extend_from_slice(from.bytes.get(*byte..end).unwrap_or_default());
    to.lengths.extend_from_slice(lengths);
    *byte = end;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Header, Record, batch_of, records};
    use tidegate_model::Value;

    fn given() -> Vec<Record> {
        let record = |headers: &[&str]| Record {
            headers: headers
                .iter()
                .map(|name| Header {
                    key: (*name).to_owned(),
                    value: Value::from(*name),
                    schema: None,
                })
                .collect(),
            ..Record::new("t", Value::Null)
        };
        vec![record(&["a", "bb"]), record(&[]), record(&["c"])]
    }

    fn names(batch: &TransformBatch) -> Vec<String> {
        batch.batch().check().unwrap();
        let names = |record: Record| record.headers.into_iter().map(|header| header.key);
        records(batch.batch())
            .map(|record| names(record.unwrap()).collect::<Vec<_>>().join(","))
            .collect()
    }

    #[test]
    fn headers_are_added_after_those_that_are_there() {
        let mut batch = TransformBatch::new(batch_of(&given()));
        batch.add_headers(|row, _, headers| {
            if row.index < 2 {
                headers.add("x", Some(&Value::from("X").to_encoded()), NO_SCHEMA);
                headers.add("y", None, NO_SCHEMA);
            }
            Ok(())
        });
        assert_eq!(names(&batch), ["a,bb,x,y", "x,y", "c"]);
        assert!(batch.changed.headers);
        let values: Vec<Value> = records(batch.batch())
            .flat_map(|record| record.unwrap().headers)
            .map(|header| header.value)
            .collect();
        let wanted = [
            "a".into(),
            "bb".into(),
            "X".into(),
            Value::Null,
            "X".into(),
            Value::Null,
            "c".into(),
        ];
        assert_eq!(values, wanted);
    }

    #[test]
    fn what_adds_nothing_changes_nothing() {
        let mut batch = TransformBatch::new(batch_of(&given()));
        batch.add_headers(|_, _, _| Ok(()));
        assert!(!batch.changed.headers);
        assert_eq!(names(&batch), ["a,bb", "", "c"]);
    }

    #[test]
    fn a_record_that_fails_keeps_what_it_had() {
        let mut batch = TransformBatch::new(batch_of(&given()));
        batch.add_headers(|row, _, headers| {
            let wanted = [1, RECORD_HEADERS_MAX + 1, RECORD_HEADERS_MAX - 1];
            for _ in 0..wanted[row.index] {
                headers.add("n", Some(&Value::from(1).to_encoded()), NO_SCHEMA);
            }
            match row.index {
                0 => Err(Error::data("no")),
                _ => Ok(()),
            }
        });
        let names = names(&batch);
        assert_eq!(names[..2], ["a,bb".to_owned(), String::new()]);
        assert_eq!(names[2].matches(',').count() + 1, RECORD_HEADERS_MAX);
        let failed: Vec<u32> = batch.errors.iter().map(|error| error.index).collect();
        assert_eq!(failed, [0, 1]);
        assert!(batch.errors[1].error.message().contains("257 headers"));
    }
}
