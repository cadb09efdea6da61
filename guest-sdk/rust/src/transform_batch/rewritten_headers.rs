//! Headers written anew, as they stand in the columns of a batch.

use tidegate_model::column::Entries;
use tidegate_model::limits::RECORD_HEADERS_MAX;
use tidegate_model::{Column, batch::Headers};

use super::TransformBatch;
use crate::error::{Error, Result};
use crate::row::{Row, rows};
use crate::schemas::{NO_SCHEMA, Schemas};

/// What an edit made of the headers of one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderEdit {
    /// They stay as they were; what was written is taken back.
    Unchanged,
    /// They are what was written.
    Written,
}

/// A header as it stands in the columns of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeaderView<'a> {
    /// Its name, UTF-8.
    pub key: &'a [u8],
    /// Its encoded value; `None` is null.
    pub value: Option<&'a [u8]>,
    /// The index of the value's schema; [`NO_SCHEMA`] for none.
    pub schema: i32,
}

/// Headers that follow one another, such as those of one record.
#[derive(Debug, Clone, Copy, Default)]
pub struct HeaderRun<'a> {
    count: usize,
    keys: Part<'a>,
    values: Part<'a>,
    /// Empty: none has a schema.
    schemas: &'a [i32],
}

/// Entries of a column that follow one another.
#[derive(Debug, Clone, Copy, Default)]
struct Part<'a> {
    bytes: &'a [u8],
    /// Empty: all are null.
    lengths: &'a [i32],
}

impl<'a> Part<'a> {
    fn of(column: &'a Column) -> Self {
        Self {
            bytes: &column.bytes,
            lengths: &column.lengths,
        }
    }

    /// Divides before an entry; a column that contradicts itself ends early.
    fn split_at(&self, entry: usize) -> (Self, Self) {
        let (lengths, rest) = self.lengths.split_at(entry.min(self.lengths.len()));
        let size = |length: &i32| usize::try_from(*length).unwrap_or(0);
        let bytes: usize = lengths.iter().map(size).sum();
        let (bytes, rest_bytes) = self.bytes.split_at(bytes.min(self.bytes.len()));
        (
            Self { bytes, lengths },
            Self {
                bytes: rest_bytes,
                lengths: rest,
            },
        )
    }

    fn entries(&self) -> Entries<'a> {
        Entries::new(self.bytes, self.lengths)
    }
}

impl<'a> HeaderRun<'a> {
    /// All headers of a batch.
    #[must_use]
    pub fn all(headers: &'a Headers) -> Self {
        Self {
            count: headers.total(),
            keys: Part::of(&headers.keys),
            values: Part::of(&headers.values),
            schemas: &headers.schemas,
        }
    }

    /// How many headers there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are no headers.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The headers, in order.
    pub fn iter(&self) -> impl Iterator<Item = HeaderView<'a>> + use<'a> {
        let mut values = self.values.entries();
        let mut schemas = self.schemas.iter();
        let keys = self.keys.entries().take(self.count);
        keys.map(move |key| HeaderView {
            key: key.unwrap_or_default(),
            value: values.next().flatten(),
            schema: schemas.next().copied().unwrap_or(NO_SCHEMA),
        })
    }

    /// Takes the first headers off.
    fn take(&mut self, count: usize) -> Self {
        let count = count.min(self.count);
        let (keys, more_keys) = self.keys.split_at(count);
        let (values, more_values) = self.values.split_at(count);
        let (schemas, more_schemas) = self.schemas.split_at(count.min(self.schemas.len()));
        *self = Self {
            count: self.count - count,
            keys: more_keys,
            values: more_values,
            schemas: more_schemas,
        };
        Self {
            count,
            keys,
            values,
            schemas,
        }
    }
}

/// Writes the headers of records, one record after another.
#[derive(Debug, Default)]
pub struct HeaderWriter {
    headers: Headers,
    /// Where the headers of the present record begin: headers, bytes of names, bytes of values.
    mark: (usize, usize, usize),
}

impl HeaderWriter {
    /// Appends a header to those of the present record. A value that is null, encoded or not, is null.
    pub fn push(&mut self, key: &str, value: Option<&[u8]>, schema: i32) {
        self.keep(HeaderView {
            key: key.as_bytes(),
            value: value.filter(|value| *value != [tidegate_model::value::tag::NULL]),
            schema,
        });
    }

    /// Appends a header that a record had.
    pub fn keep(&mut self, header: HeaderView<'_>) {
        self.headers.keys.push(Some(header.key));
        self.headers.values.push(header.value);
        self.headers.schemas.push(header.schema);
    }

    /// Appends headers that records had, in one piece.
    pub fn keep_all(&mut self, run: HeaderRun<'_>) {
        let headers = &mut self.headers;
        append(&mut headers.keys, run.keys, run.count);
        append(&mut headers.values, run.values, run.count);
        let all = headers.schemas.len() + run.count;
        headers.schemas.extend_from_slice(run.schemas);
        headers.schemas.resize(all, NO_SCHEMA);
    }

    /// Puts the headers of records that stay as they were before those of the present one.
    fn put_before(&mut self, counts: &[u32], records: usize, run: HeaderRun<'_>) {
        let present = std::mem::take(self);
        self.headers.counts.extend_from_slice(counts);
        self.headers.counts.resize(records, 0);
        self.keep_all(run);
        self.mark = self.here();
        self.keep_all(HeaderRun {
            count: present.headers.keys.len(),
            ..HeaderRun::all(&present.headers)
        });
    }

    /// Ends the present record.
    fn end(&mut self) {
        self.headers
            .counts
            .push(u32::try_from(self.pending()).unwrap_or(u32::MAX));
        self.mark = self.here();
    }

    /// Takes back what was written for the present record.
    fn take_back(&mut self) {
        let (count, keys, values) = self.mark;
        let headers = &mut self.headers;
        headers.keys.lengths.truncate(count);
        headers.keys.bytes.truncate(keys);
        headers.values.lengths.truncate(count);
        headers.values.bytes.truncate(values);
        headers.schemas.truncate(count);
    }

    /// Checks the present record against the limit.
    fn check(&self) -> Result<()> {
        let found = self.pending();
        if found > RECORD_HEADERS_MAX {
            return Err(Error::data(format_args!(
                "a record has {found} headers; at most {RECORD_HEADERS_MAX} are allowed"
            )));
        }
        Ok(())
    }

    fn into_headers(mut self) -> Headers {
        if self.headers.schemas.iter().all(|index| *index == NO_SCHEMA) {
            self.headers.schemas.clear();
        }
        self.headers
    }

    fn pending(&self) -> usize {
        self.headers.schemas.len() - self.mark.0
    }

    fn here(&self) -> (usize, usize, usize) {
        let headers = &self.headers;
        (
            headers.schemas.len(),
            headers.keys.bytes.len(),
            headers.values.bytes.len(),
        )
    }
}

impl TransformBatch {
    /// Rewrites the headers: `edit` is called for each selected record and writes the headers that it has from now
    /// on.
    ///
    /// An error fails the record, and so do too many headers. When every edit was [`HeaderEdit::Unchanged`], nothing
    /// counts as changed and nothing is copied.
    pub fn rewrite_headers<F>(&mut self, mut edit: F)
    where
        F: FnMut(Row<'_>, HeaderRun<'_>, &mut Schemas<'_>, &mut HeaderWriter) -> Result<HeaderEdit>,
    {
        let mut encoded = std::mem::take(&mut self.batch.schemas);
        let mut schemas = Schemas::new(&mut encoded);
        let counts = &self.batch.headers.counts;
        let all = HeaderRun::all(&self.batch.headers);
        let (mut rest, mut before) = (all, 0);
        let mut writer = HeaderWriter::default();
        let mut failures = Vec::new();
        let mut changed = false;
        for row in rows(&self.batch) {
            let index = row.index;
            let count = counts.get(index).map_or(0, |count| *count as usize);
            let headers = rest.take(count);
            let edited = if self.is_selected(index) {
                edit(row, headers, &mut schemas, &mut writer)
                    .and_then(|edit| writer.check().map(|()| edit))
            } else {
                Ok(HeaderEdit::Unchanged)
            };
            match edited {
                Ok(HeaderEdit::Written) => {
                    if !changed {
                        let kept = counts.get(..index).unwrap_or_default();
                        writer.put_before(kept, index, all.clone().take(before));
                        changed = true;
                    }
                    writer.end();
                }
                unchanged => {
                    writer.take_back();
                    if changed {
                        writer.keep_all(headers);
                        writer.end();
                    }
                    failures.extend(unchanged.err().map(|error| (index, error)));
                }
            }
            before += count;
        }
        let headers = writer.into_headers();
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

fn append(column: &mut Column, part: Part<'_>, count: usize) {
    let all = column.lengths.len() + count;
    tidegate_model::short::append(&mut column.bytes, part.bytes);
    column.lengths.extend_from_slice(part.lengths);
    column.lengths.resize(all, -1);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two() -> Headers {
        Headers {
            counts: vec![2],
            keys: [Some(b"a".as_slice()), Some(b"bc")].into_iter().collect(),
            ..Headers::default()
        }
    }

    #[test]
    fn absent_lists_stand_for_null_and_no_schema() {
        let headers = two();
        let mut run = HeaderRun::all(&headers);
        let seen: Vec<HeaderView<'_>> = run.iter().collect();
        let view = |key| HeaderView {
            key,
            value: None,
            schema: NO_SCHEMA,
        };
        assert_eq!(seen, [view(b"a".as_slice()), view(b"bc")]);
        assert_eq!(run.take(1).iter().collect::<Vec<_>>(), [view(b"a")]);
        assert_eq!(run.take(9).iter().collect::<Vec<_>>(), [view(b"bc")]);
        assert!(run.is_empty());
    }

    #[test]
    fn what_is_taken_back_leaves_nothing() {
        let mut writer = HeaderWriter::default();
        writer.push("kept", Some(&[1, 1]), 3);
        writer.end();
        writer.push("lost", Some(&[0]), NO_SCHEMA);
        writer.take_back();
        writer.keep_all(HeaderRun::all(&two()));
        writer.end();
        let headers = writer.into_headers();
        assert_eq!(headers.check(2, 4), Ok(()));
        assert_eq!(headers.counts, [1, 2]);
        assert_eq!(headers.keys.bytes, b"keptabc");
        assert_eq!(headers.values.lengths, [2, -1, -1]);
        assert_eq!(headers.schemas, [3, -1, -1]);
    }

    #[test]
    fn records_that_stay_go_before_the_first_that_changes() {
        let headers = two();
        let mut writer = HeaderWriter::default();
        writer.push("new", None, NO_SCHEMA);
        writer.put_before(&[0, 2], 2, HeaderRun::all(&headers));
        writer.end();
        let headers = writer.into_headers();
        assert_eq!(headers.check(3, 0), Ok(()));
        assert_eq!(headers.counts, [0, 2, 1]);
        assert_eq!(headers.keys.bytes, b"abcnew");
    }
}
