//! Dividing a batch that is too large for one call into parts that are not.
//!
//! A part is a run of records with the topics and schemas that they use: at most `sandbox.call.input.bytes.max` bytes
//! as the guest gets them, [`BATCH_RECORDS_MAX`] records and [`BATCH_SCHEMAS_MAX`] schemas. A record that alone has
//! more bytes is in no part and fails as data. `put`, `apply` and `test` all hand their batches over this way.

use std::ops::Range;

use tidegate_model::limits::{BATCH_RECORDS_MAX, BATCH_SCHEMAS_MAX};
use tidegate_model::{Batch, Column, ErrorClass};

use crate::error::RecordError;
use crate::reads::Reads;

/// The bytes of a number in a list.
const INDEX_BYTES: usize = 4;
const LONG_BYTES: usize = 8;
/// The bytes with which a list of lists refers to one of them.
const REFERENCE_BYTES: usize = 8;

/// How a batch crosses.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Parts {
    /// The records of each call, in order.
    pub(crate) runs: Vec<Range<usize>>,
    /// The records that no call can carry, in ascending order.
    pub(crate) too_large: Vec<RecordError>,
}

impl Parts {
    /// How a batch of which these columns are sent crosses, with at most so many bytes in a call. `None`: as it is, in
    /// one call.
    pub(crate) fn of(batch: &Batch, reads: Reads, bytes_max: usize) -> Option<Self> {
        let small = batch.count <= BATCH_RECORDS_MAX
            && batch.schemas.len() <= BATCH_SCHEMAS_MAX
            && bytes_of(batch, reads) <= bytes_max;
        (!small).then(|| Self::divide(batch, reads, bytes_max))
    }

    fn divide(batch: &Batch, reads: Reads, bytes_max: usize) -> Self {
        let mut parts = Self::default();
        let mut sizes = Sizes::of(batch, reads);
        let mut part = Size::default();
        let mut first = 0;
        for row in 0..batch.count {
            let own = sizes.own(row);
            let more = part.with(own, sizes.shared(row));
            if more.fits(bytes_max) {
                part = more;
                continue;
            }
            parts.end(first..row);
            sizes.begin_part();
            let alone = Size::default().with(own, sizes.shared(row));
            if alone.bytes <= bytes_max {
                (first, part) = (row, alone);
            } else {
                parts.too_large.push(too_large(row, alone.bytes, bytes_max));
                sizes.begin_part();
                (first, part) = (row + 1, Size::default());
            }
        }
        parts.end(first..batch.count);
        parts
    }

    fn end(&mut self, run: Range<usize>) {
        if !run.is_empty() {
            self.runs.push(run);
        }
    }
}

/// These records as a batch of their own.
pub(crate) fn part(batch: &Batch, run: &Range<usize>) -> Batch {
    let rows: Vec<u32> = run
        .clone()
        .filter_map(|row| u32::try_from(row).ok())
        .collect();
    let mut part = batch.select(&rows);
    part.drop_unused();
    part
}

fn too_large(index: usize, bytes: usize, bytes_max: usize) -> RecordError {
    RecordError {
        index,
        class: ErrorClass::Data,
        message: format!(
            "the record has {bytes} bytes as a guest gets it, with its schemas; at most {bytes_max} are handed over"
        ),
    }
}

/// What a part has so far.
#[derive(Debug, Clone, Copy, Default)]
struct Size {
    bytes: usize,
    records: usize,
    schemas: usize,
}

impl Size {
    fn with(self, own: usize, shared: Shared) -> Self {
        Self {
            bytes: self.bytes + own + shared.bytes,
            records: self.records + 1,
            schemas: self.schemas + shared.schemas,
        }
    }

    fn fits(self, bytes_max: usize) -> bool {
        self.bytes <= bytes_max
            && self.records <= BATCH_RECORDS_MAX
            && self.schemas <= BATCH_SCHEMAS_MAX
    }
}

/// What a record adds to a part besides itself.
#[derive(Debug, Clone, Copy, Default)]
struct Shared {
    bytes: usize,
    schemas: usize,
}

/// The bytes of the records of a batch, one after another.
struct Sizes<'a> {
    batch: &'a Batch,
    reads: Reads,
    /// What the lists of numbers take for each record, and for each header.
    numbers: usize,
    header_numbers: usize,
    /// The number of the part that has each topic and schema already.
    topics: Vec<usize>,
    schemas: Vec<usize>,
    part: usize,
    /// Where each record's headers begin.
    headers: Vec<usize>,
}

impl<'a> Sizes<'a> {
    fn of(batch: &'a Batch, reads: Reads) -> Self {
        let mut end = 0;
        let starts = batch.headers.counts.iter().map(|count| {
            let start = end;
            end += *count as usize;
            start
        });
        let headers = starts.collect();
        Self {
            headers,
            batch,
            reads,
            numbers: number_bytes(batch, reads)
                .checked_div(batch.count)
                .unwrap_or(0),
            header_numbers: header_number_bytes(batch).checked_div(end).unwrap_or(0),
            topics: vec![0; batch.topics.len()],
            schemas: vec![0; batch.schemas.len()],
            part: 1,
        }
    }

    fn begin_part(&mut self) {
        self.part += 1;
    }

    fn header_run(&self, row: usize) -> Range<usize> {
        let start = self.headers.get(row).copied().unwrap_or(0);
        let count = self.batch.headers.counts.get(row).copied().unwrap_or(0);
        start..start + count as usize
    }

    /// The bytes of a record itself, of the columns that are sent.
    fn own(&self, row: usize) -> usize {
        let batch = self.batch;
        let mut bytes = self.numbers;
        if self.reads.keys {
            bytes += entry_bytes(&batch.keys, row);
        }
        if self.reads.values {
            bytes += entry_bytes(&batch.values, row);
        }
        if self.reads.headers {
            for header in self.header_run(row) {
                bytes += self.header_numbers
                    + entry_bytes(&batch.headers.keys, header)
                    + entry_bytes(&batch.headers.values, header);
            }
        }
        bytes
    }

    /// The topic and schemas of a record that its part does not have yet, and has from now on. Schemas of columns
    /// that are not sent count too: the numbers of all schemas have to hold.
    fn shared(&mut self, row: usize) -> Shared {
        let batch = self.batch;
        let mut shared = Shared::default();
        let topic = batch
            .topic_indexes
            .get(row)
            .map_or(0, |topic| *topic as usize);
        if is_new(&mut self.topics, topic, self.part) {
            shared.bytes += batch.topics.get(topic).map_or(0, String::len) + REFERENCE_BYTES;
        }
        let key_and_value = [&batch.key_schemas, &batch.value_schemas]
            .into_iter()
            .filter_map(|schemas| schemas.get(row));
        let headers = batch.headers.schemas.get(self.header_run(row));
        for schema in key_and_value.chain(headers.into_iter().flatten()) {
            let Ok(schema) = usize::try_from(*schema) else {
                continue;
            };
            if is_new(&mut self.schemas, schema, self.part) {
                shared.bytes += batch.schemas.get(schema).map_or(0, Vec::len) + REFERENCE_BYTES;
                shared.schemas += 1;
            }
        }
        shared
    }
}

/// Whether a part does not have an entry yet; it has from now on.
fn is_new(parts: &mut [usize], entry: usize, part: usize) -> bool {
    parts
        .get_mut(entry)
        .is_some_and(|known| std::mem::replace(known, part) != part)
}

fn entry_bytes(column: &Column, entry: usize) -> usize {
    let length = column.lengths.get(entry).copied().unwrap_or(-1);
    usize::try_from(length).unwrap_or(0)
}

fn header_number_bytes(batch: &Batch) -> usize {
    let headers = &batch.headers;
    (headers.keys.len() + headers.values.len() + headers.schemas.len()) * INDEX_BYTES
}

/// The bytes of the lists that have a number for each record.
fn number_bytes(batch: &Batch, reads: Reads) -> usize {
    let mut numbers = batch.topic_indexes.len() + batch.partitions.len();
    if reads.keys {
        numbers += batch.key_schemas.len() + batch.keys.len();
    }
    if reads.values {
        numbers += batch.value_schemas.len() + batch.values.len();
    }
    if reads.headers {
        numbers += batch.headers.counts.len();
    }
    numbers * INDEX_BYTES + (batch.offsets.len() + batch.timestamps.len()) * LONG_BYTES
}

/// The bytes of a batch as the guest gets it.
fn bytes_of(batch: &Batch, reads: Reads) -> usize {
    let mut bytes = number_bytes(batch, reads);
    if reads.keys {
        bytes += batch.keys.bytes.len();
    }
    if reads.values {
        bytes += batch.values.bytes.len();
    }
    if reads.headers {
        let headers = &batch.headers;
        bytes += headers.keys.bytes.len() + headers.values.bytes.len() + header_number_bytes(batch);
    }
    let topics = batch.topics.iter().map(String::len);
    let schemas = batch.schemas.iter().map(Vec::len);
    bytes
        + topics
            .chain(schemas)
            .map(|length| length + REFERENCE_BYTES)
            .sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidegate_model::limits::CALL_BYTES_TO_GUEST_MAX;

    const MIB: usize = 1024 * 1024;

    fn of(sizes: &[usize]) -> Batch {
        let mut batch = Batch {
            count: sizes.len(),
            topics: vec!["t".to_owned()],
            offsets: (0..).take(sizes.len()).collect(),
            ..Batch::default()
        };
        for size in sizes {
            batch.values.push(Some(&vec![7; *size]));
        }
        batch
    }

    fn runs(batch: &Batch) -> Vec<Range<usize>> {
        Parts::of(batch, Reads::ALL, CALL_BYTES_TO_GUEST_MAX)
            .unwrap()
            .runs
    }

    /// What every division keeps: all records in order, each in a part that fits or in none.
    fn check(batch: &Batch, reads: Reads) {
        let parts = Parts::of(batch, reads, CALL_BYTES_TO_GUEST_MAX).unwrap();
        let mut large = parts.too_large.iter().map(|error| error.index).peekable();
        let mut next = 0;
        for run in &parts.runs {
            while large.next_if_eq(&next).is_some() {
                next += 1;
            }
            assert_eq!(run.start, next);
            next = run.end;
            let part = part(batch, run);
            assert_eq!(part.check(), Ok(()));
            assert_eq!(part.count, run.len());
            assert!(
                Parts::of(&part, reads, CALL_BYTES_TO_GUEST_MAX).is_none(),
                "{run:?} does not fit"
            );
        }
        next += large.count();
        assert_eq!(next, batch.count);
    }

    #[test]
    fn a_batch_that_fits_is_not_divided() {
        assert_eq!(
            Parts::of(&of(&[MIB; 7]), Reads::ALL, CALL_BYTES_TO_GUEST_MAX),
            None
        );
        assert_eq!(
            Parts::of(&of(&[]), Reads::ALL, CALL_BYTES_TO_GUEST_MAX),
            None
        );
    }

    #[test]
    fn a_part_is_as_large_as_it_may_be() {
        // A record takes a length and an offset besides; the part its topic.
        let full = of(&[CALL_BYTES_TO_GUEST_MAX - 12 - 9]);
        assert_eq!(Parts::of(&full, Reads::ALL, CALL_BYTES_TO_GUEST_MAX), None);
        let over = of(&[CALL_BYTES_TO_GUEST_MAX - 12 - 8]);
        let parts = Parts::of(&over, Reads::ALL, CALL_BYTES_TO_GUEST_MAX).unwrap();
        assert_eq!((parts.runs.len(), parts.too_large.len()), (0, 1));
        assert!(
            parts.too_large[0]
                .message
                .contains(&format!("{}", CALL_BYTES_TO_GUEST_MAX + 1)),
            "{:?}",
            parts.too_large
        );
        assert_eq!(runs(&of(&[MIB; 20])), [0..7, 7..14, 14..20]);
    }

    #[test]
    fn a_record_that_is_too_large_parts_its_neighbours() {
        let batch = of(&[9 * MIB, 1, MIB, 9 * MIB, 9 * MIB, 5, 9 * MIB]);
        check(&batch, Reads::ALL);
        assert_eq!(runs(&batch), [1..3, 5..6]);
    }

    #[test]
    fn records_are_counted_too() {
        let batch = of(&[1; 2 * BATCH_RECORDS_MAX + 1]);
        check(&batch, Reads::ALL);
        assert_eq!(runs(&batch).len(), 3);
    }

    #[test]
    fn a_part_has_only_the_schemas_and_topics_that_it_uses() {
        let mut batch = of(&[10; 12]);
        batch.topics = (0..12).map(|number| format!("topic{number}")).collect();
        batch.topic_indexes = (0..12).collect();
        batch.schemas = (0..12_u8).map(|number| vec![number; MIB]).collect();
        batch.schemas.push(vec![1; 9 * MIB]);
        batch.value_schemas = (0..12).rev().collect();
        check(&batch, Reads::ALL);
        assert_eq!(
            runs(&batch),
            [0..7, 7..12],
            "the unused schema counts for nobody"
        );
        let first = part(&batch, &(0..7));
        assert_eq!((first.topics.len(), first.schemas.len()), (7, 7));
        batch.value_schemas = vec![0; 12];
        assert_eq!(runs(&batch).len(), 1, "a schema counts once for a part");
        batch.value_schemas[5] = 12;
        check(&batch, Reads::ALL);
        assert_eq!(
            runs(&batch),
            [0..5, 6..12],
            "a record is too large with its schema"
        );
    }

    #[test]
    fn more_schemas_than_a_batch_may_have_are_divided() {
        let mut batch = of(&vec![1; BATCH_SCHEMAS_MAX]);
        batch.schemas = (0..2 * BATCH_SCHEMAS_MAX as u32)
            .map(|number| number.to_le_bytes().to_vec())
            .collect();
        batch.key_schemas = (0..BATCH_SCHEMAS_MAX as i32).collect();
        batch.value_schemas = (BATCH_SCHEMAS_MAX as i32..)
            .take(BATCH_SCHEMAS_MAX)
            .collect();
        check(&batch, Reads::ALL);
        assert_eq!(runs(&batch).len(), 2);
    }

    #[test]
    fn headers_count_and_columns_that_are_not_sent_do_not() {
        let mut batch = of(&[MIB; 6]);
        batch.headers.counts = vec![0, 2, 1, 1, 0, 1];
        for _ in 0..5 {
            batch.headers.keys.push(Some(b"name"));
            batch.headers.values.push(Some(&vec![7; MIB]));
        }
        check(&batch, Reads::ALL);
        assert_eq!(runs(&batch), [0..3, 3..6]);
        let no_values = Reads {
            values: false,
            ..Reads::ALL
        };
        assert_eq!(Parts::of(&batch, no_values, CALL_BYTES_TO_GUEST_MAX), None);
    }
}
