//! Chunks: records of one partition that were written together, stored as one value.
//!
//! A chunk is columns, so that writing and reading one is mostly copying. All numbers are little-endian.
//!
//! | part | when | what |
//! | --- | --- | --- |
//! | head | always | format 1, flags, two zeros (4 bytes); count, span, headers in all (u32 each); last timestamp (i64) |
//! | offsets | flag 1 | for each record its offset after the chunk's base (u32); without: consecutive |
//! | timestamps | always | i64 for each record |
//! | keys | flag 2 | lengths (i32, -1 for null) for each record, size (u64), bytes; without: all null |
//! | values | flag 4 | the same |
//! | headers | flag 8 | their number for each record (u32), their keys and their values as above |
//!
//! The base offset is in the chunk's key; the span is the distance from it to the offset after the last record.
//! The store checks the bytes with a checksum; what does not parse nevertheless is an error, never a panic.

use fjall::UserValue;
use tidegate_model::{Batch, Column};

const FORMAT: u8 = 1;
const OFFSETS: u8 = 1;
const KEYS: u8 = 2;
const VALUES: u8 = 4;
const HEADERS: u8 = 8;
const HEAD_BYTES: usize = 24;

/// A chunk that does not parse.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a chunk of records does not parse")]
pub struct Broken;

/// The name and the value of a header.
pub type HeaderEntry<'a> = (Option<&'a [u8]>, Option<&'a [u8]>);

/// Records on their way into a chunk.
#[derive(Debug, Default)]
pub struct ChunkBuilder {
    offsets: Vec<u32>,
    timestamps: Vec<i64>,
    keys: Column,
    values: Column,
    header_counts: Vec<u32>,
    header_keys: Column,
    header_values: Column,
    any_key: bool,
    any_value: bool,
}

impl ChunkBuilder {
    /// How many records there are.
    pub fn len(&self) -> usize {
        self.timestamps.len()
    }

    /// The bytes of the records.
    pub fn payload_bytes(&self) -> usize {
        self.keys.bytes.len()
            + self.values.bytes.len()
            + self.header_keys.bytes.len()
            + self.header_values.bytes.len()
    }

    /// Adds a record. `headers` are its headers' keys and values.
    #[inline]
    pub fn push<'a>(
        &mut self,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: impl Iterator<Item = HeaderEntry<'a>>,
    ) {
        self.any_key |= key.is_some();
        self.any_value |= value.is_some();
        self.timestamps.push(timestamp);
        self.keys.push(key);
        self.values.push(value);
        let mut count = 0;
        for (name, value) in headers {
            self.header_keys.push(name);
            self.header_values.push(value);
            count += 1;
        }
        self.header_counts.push(count);
    }

    /// Adds a record that is `after` behind the chunk's base; all records of the chunk are added so, or none.
    pub fn push_at<'a>(
        &mut self,
        after: u32,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: impl Iterator<Item = HeaderEntry<'a>>,
    ) {
        self.offsets.push(after);
        self.push(timestamp, key, value, headers);
    }

    /// Writes the chunk; `span` is the distance from its base to the offset after its last record.
    pub fn encode(&self, span: u32) -> Vec<u8> {
        let mut flags = 0;
        let mut flag = |set: bool, bit: u8| flags |= if set { bit } else { 0 };
        flag(!self.offsets.is_empty(), OFFSETS);
        flag(self.any_key, KEYS);
        flag(self.any_value, VALUES);
        flag(!self.header_keys.is_empty(), HEADERS);
        let mut out = Vec::with_capacity(64 + self.len() * 24 + self.payload_bytes());
        out.extend_from_slice(&[FORMAT, flags, 0, 0]);
        for number in [self.len(), span as usize, self.header_keys.len()] {
            out.extend_from_slice(&u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes());
        }
        let last = self.timestamps.iter().copied().max().unwrap_or(-1);
        out.extend_from_slice(&last.to_le_bytes());
        self.offsets
            .iter()
            .for_each(|offset| out.extend_from_slice(&offset.to_le_bytes()));
        self.timestamps
            .iter()
            .for_each(|timestamp| out.extend_from_slice(&timestamp.to_le_bytes()));
        if self.any_key {
            write_column(&mut out, &self.keys);
        }
        if self.any_value {
            write_column(&mut out, &self.values);
        }
        if !self.header_keys.is_empty() {
            self.header_counts
                .iter()
                .for_each(|count| out.extend_from_slice(&count.to_le_bytes()));
            write_column(&mut out, &self.header_keys);
            write_column(&mut out, &self.header_values);
        }
        out
    }
}

fn write_column(out: &mut Vec<u8>, column: &Column) {
    for length in &column.lengths {
        out.extend_from_slice(&length.to_le_bytes());
    }
    out.extend_from_slice(&(column.bytes.len() as u64).to_le_bytes());
    out.extend_from_slice(&column.bytes);
}

/// Where the lengths and the bytes of a column are in a chunk.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    lengths: usize,
    bytes: usize,
    bytes_end: usize,
}

/// A chunk that was read, with a place in it from which records are taken.
#[derive(Debug, Clone)]
pub struct Cursor {
    bytes: UserValue,
    base: i64,
    span: u32,
    count: usize,
    last_timestamp: i64,
    offsets: Option<usize>,
    timestamps: usize,
    keys: Option<Place>,
    values: Option<Place>,
    headers: Option<(usize, Place, Place)>,
    /// The next record and, for each column, what comes before it.
    index: usize,
    key_bytes: usize,
    value_bytes: usize,
    header_index: usize,
    header_key_bytes: usize,
    header_value_bytes: usize,
}

/// How far a `take` goes in each column.
struct Taken {
    records: usize,
    key_bytes: usize,
    value_bytes: usize,
    headers: usize,
    header_key_bytes: usize,
    header_value_bytes: usize,
}

impl Cursor {
    /// Opens a chunk at its first record.
    pub fn open(base: i64, bytes: UserValue) -> Result<Self, Broken> {
        let (&[format, flags, _, _], _) = bytes.split_first_chunk::<4>().ok_or(Broken)?;
        if format != FORMAT {
            return Err(Broken);
        }
        let count = u32_at(&bytes, 4)? as usize;
        let span = u32_at(&bytes, 8)?;
        let headers_total = u32_at(&bytes, 12)? as usize;
        let last_timestamp = u64_at(&bytes, 16)?.cast_signed();
        let mut at = HEAD_BYTES;
        let offsets = (flags & OFFSETS != 0).then_some(at);
        if offsets.is_some() {
            at += count * 4;
        }
        let timestamps = at;
        at += count * 8;
        let column = |set: bool, entries: usize, at: &mut usize| {
            if !set {
                return Ok(None);
            }
            let lengths = *at;
            let size_at = lengths + entries * 4;
            let size = usize::try_from(u64_at(&bytes, size_at)?).map_err(|_| Broken)?;
            let start = size_at + 8;
            let end = start.checked_add(size).ok_or(Broken)?;
            *at = end;
            Ok(Some(Place {
                lengths,
                bytes: start,
                bytes_end: end,
            }))
        };
        let keys = column(flags & KEYS != 0, count, &mut at)?;
        let values = column(flags & VALUES != 0, count, &mut at)?;
        let counts = at;
        let headers = if flags & HEADERS == 0 {
            None
        } else {
            at += count * 4;
            let names = column(true, headers_total, &mut at)?;
            let contents = column(true, headers_total, &mut at)?;
            names
                .zip(contents)
                .map(|(names, contents)| (counts, names, contents))
        };
        if at != bytes.len() || (span as usize) < count || count == 0 {
            return Err(Broken);
        }
        Ok(Self {
            bytes,
            base,
            span,
            count,
            last_timestamp,
            offsets,
            timestamps,
            keys,
            values,
            headers,
            index: 0,
            key_bytes: 0,
            value_bytes: 0,
            header_index: 0,
            header_key_bytes: 0,
            header_value_bytes: 0,
        })
    }

    /// The offset after the last record.
    pub fn end(&self) -> i64 {
        self.base + i64::from(self.span)
    }

    /// The newest timestamp.
    pub fn last_timestamp(&self) -> i64 {
        self.last_timestamp
    }

    /// Whether all records were taken.
    pub fn is_done(&self) -> bool {
        self.index >= self.count
    }

    /// Steps over the records before `offset`.
    pub fn skip_to(&mut self, offset: i64) -> Result<(), Broken> {
        let skipped = match self.offsets {
            None => usize::try_from(offset - self.base).unwrap_or(0),
            Some(at) => (0..self.count)
                .take_while(|index| {
                    u32_at(&self.bytes, at + index * 4)
                        .is_ok_and(|after| self.base + i64::from(after) < offset)
                })
                .count(),
        };
        let records = skipped.min(self.count).saturating_sub(self.index);
        let taken = self.measure(records, usize::MAX)?;
        self.step(&taken);
        Ok(())
    }

    /// Appends up to `records_max` records of up to `bytes_max` bytes to a batch (one may exceed the bytes),
    /// as records of its topic number `topic`. Returns how many, their bytes, and the offset after them.
    pub fn take(
        &mut self,
        batch: &mut Batch,
        topic: u32,
        partition: i32,
        records_max: usize,
        bytes_max: usize,
    ) -> Result<(usize, usize, i64), Broken> {
        let taken = self.measure(records_max.min(self.count - self.index), bytes_max)?;
        let records = taken.records;
        let before = batch.count;
        if topic != 0 && batch.topic_indexes.is_empty() {
            batch.topic_indexes.resize(before, 0);
        }
        if topic != 0 || !batch.topic_indexes.is_empty() {
            batch.topic_indexes.resize(before + records, topic);
        }
        batch.partitions.resize(before + records, partition);
        match self.offsets {
            None => {
                let first = self.base + self.index as i64;
                batch.offsets.extend(first..first + records as i64);
            }
            Some(at) => {
                let base = self.base;
                let afters = numbers(&self.bytes, at + self.index * 4, records)?;
                batch
                    .offsets
                    .extend(afters.map(|after| base + i64::from(u32::from_le_bytes(after))));
            }
        }
        let timestamps = numbers(&self.bytes, self.timestamps + self.index * 8, records)?;
        batch.timestamps.extend(timestamps.map(i64::from_le_bytes));
        let bytes = &self.bytes;
        let (index, header_index) = (self.index, self.header_index);
        append(
            bytes,
            self.keys,
            index,
            self.key_bytes,
            records,
            taken.key_bytes,
            &mut batch.keys,
            before,
        )?;
        append(
            bytes,
            self.values,
            index,
            self.value_bytes,
            records,
            taken.value_bytes,
            &mut batch.values,
            before,
        )?;
        if let Some((counts, names, contents)) = self.headers {
            let headers = &mut batch.headers;
            headers.counts.resize(before, 0);
            let counts = numbers(bytes, counts + index * 4, records)?;
            headers.counts.extend(counts.map(u32::from_le_bytes));
            let all = headers.keys.len();
            append(
                bytes,
                Some(names),
                header_index,
                self.header_key_bytes,
                taken.headers,
                taken.header_key_bytes,
                &mut headers.keys,
                all,
            )?;
            append(
                bytes,
                Some(contents),
                header_index,
                self.header_value_bytes,
                taken.headers,
                taken.header_value_bytes,
                &mut headers.values,
                all,
            )?;
        } else if !batch.headers.counts.is_empty() {
            batch.headers.counts.resize(before + records, 0);
        }
        batch.count += records;
        self.step(&taken);
        let next = if self.is_done() {
            self.end()
        } else {
            batch.offsets.last().map_or(self.base, |last| last + 1)
        };
        let size =
            taken.key_bytes + taken.value_bytes + taken.header_key_bytes + taken.header_value_bytes;
        Ok((records, size, next))
    }

    /// How far the next `records_max` records of `bytes_max` bytes go; at least one record.
    fn measure(&self, records_max: usize, bytes_max: usize) -> Result<Taken, Broken> {
        let mut taken = Taken {
            records: 0,
            key_bytes: 0,
            value_bytes: 0,
            headers: 0,
            header_key_bytes: 0,
            header_value_bytes: 0,
        };
        // All that is left, which needs no adding up.
        let left = |place: Option<Place>, before: usize| {
            place.map_or(0, |place| {
                (place.bytes_end - place.bytes).saturating_sub(before)
            })
        };
        if records_max == self.count - self.index && self.headers.is_none() {
            taken.key_bytes = left(self.keys, self.key_bytes);
            taken.value_bytes = left(self.values, self.value_bytes);
            if taken.key_bytes + taken.value_bytes <= bytes_max {
                taken.records = records_max;
                return Ok(taken);
            }
            (taken.key_bytes, taken.value_bytes) = (0, 0);
        }
        let mut sum = 0_usize;
        for index in self.index..self.index + records_max {
            let key = self.length(self.keys, index)?;
            let value = self.length(self.values, index)?;
            let (mut headers, mut names, mut contents) = (0, 0, 0);
            if let Some((counts, name_place, content_place)) = self.headers {
                headers = u32_at(&self.bytes, counts + index * 4)? as usize;
                let from = self.header_index + taken.headers;
                for header in from..from + headers {
                    names += self.length(Some(name_place), header)?;
                    contents += self.length(Some(content_place), header)?;
                }
            }
            sum += key + value + names + contents;
            if sum > bytes_max && taken.records > 0 {
                break;
            }
            taken.records += 1;
            taken.key_bytes += key;
            taken.value_bytes += value;
            taken.headers += headers;
            taken.header_key_bytes += names;
            taken.header_value_bytes += contents;
        }
        Ok(taken)
    }

    #[inline]
    fn length(&self, place: Option<Place>, index: usize) -> Result<usize, Broken> {
        place.map_or(Ok(0), |place| {
            let length = u32_at(&self.bytes, place.lengths + index * 4)?;
            Ok(usize::try_from(length.cast_signed()).unwrap_or(0))
        })
    }

    fn step(&mut self, taken: &Taken) {
        self.index += taken.records;
        self.key_bytes += taken.key_bytes;
        self.value_bytes += taken.value_bytes;
        self.header_index += taken.headers;
        self.header_key_bytes += taken.header_key_bytes;
        self.header_value_bytes += taken.header_value_bytes;
    }
}

/// Appends entries of a chunk's column to a column that should have `before` entries.
#[allow(clippy::too_many_arguments)] // Two places, each a position and a size; called here only.
fn append(
    bytes: &[u8],
    place: Option<Place>,
    index: usize,
    bytes_before: usize,
    entries: usize,
    size: usize,
    to: &mut Column,
    before: usize,
) -> Result<(), Broken> {
    let Some(place) = place else {
        if !to.lengths.is_empty() {
            to.lengths.resize(before + entries, -1);
        }
        return Ok(());
    };
    to.lengths.resize(before, -1);
    let lengths = numbers(bytes, place.lengths + index * 4, entries)?;
    to.lengths.extend(lengths.map(i32::from_le_bytes));
    let start = place.bytes + bytes_before;
    let end = start + size;
    if end > place.bytes_end {
        return Err(Broken);
    }
    to.bytes
        .extend_from_slice(bytes.get(start..end).ok_or(Broken)?);
    Ok(())
}

/// `count` numbers of `N` bytes from `at` on.
fn numbers<const N: usize>(
    bytes: &[u8],
    at: usize,
    count: usize,
) -> Result<impl Iterator<Item = [u8; N]>, Broken> {
    let part = bytes.get(at..at + count * N).ok_or(Broken)?;
    Ok(part.as_chunks::<N>().0.iter().copied())
}

#[inline]
fn u32_at(bytes: &[u8], at: usize) -> Result<u32, Broken> {
    let number = bytes.get(at..).and_then(|rest| rest.first_chunk());
    number.copied().map(u32::from_le_bytes).ok_or(Broken)
}

#[inline]
fn u64_at(bytes: &[u8], at: usize) -> Result<u64, Broken> {
    let number = bytes.get(at..).and_then(|rest| rest.first_chunk());
    number.copied().map(u64::from_le_bytes).ok_or(Broken)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Header = (Option<&'static [u8]>, Option<&'static [u8]>);
    type Row<'a> = (Option<&'a [u8]>, Option<&'a [u8]>, &'a [Header]);

    fn chunk(sparse: bool) -> Vec<u8> {
        let mut builder = ChunkBuilder::default();
        let header: [Header; 2] = [(Some(b"h"), None), (Some(b"i"), Some(b"xyz"))];
        let rows: [Row<'_>; 4] = [
            (Some(b"k"), Some(b"value"), &[]),
            (None, None, &header),
            (Some(b""), Some(b""), &[]),
            (Some(b"kk"), Some(b"v"), &header[1..]),
        ];
        for (row, (key, value, headers)) in (0_u32..).zip(rows) {
            let time = 100 + i64::from(row);
            if sparse {
                builder.push_at(row * 3, time, key, value, headers.iter().copied());
            } else {
                builder.push(time, key, value, headers.iter().copied());
            }
        }
        builder.encode(if sparse { 12 } else { 4 })
    }

    fn all(chunk: &[u8], from: i64, records: usize, bytes: usize) -> Batch {
        let mut cursor = Cursor::open(10, chunk.into()).unwrap();
        cursor.skip_to(from).unwrap();
        let mut batch = Batch {
            topics: vec!["t".to_owned()],
            ..Batch::default()
        };
        while !cursor.is_done() {
            cursor.take(&mut batch, 0, 7, records, bytes).unwrap();
        }
        assert_eq!(batch.check(), Ok(()));
        batch
    }

    #[test]
    fn records_come_back_in_any_portions() {
        let chunk = chunk(false);
        let whole = all(&chunk, 10, 100, usize::MAX);
        assert_eq!(whole.offsets, [10, 11, 12, 13]);
        assert_eq!(whole.timestamps, [100, 101, 102, 103]);
        assert_eq!(whole.headers.counts, [0, 2, 0, 1]);
        assert_eq!(whole.keys.lengths, [1, -1, 0, 2]);
        assert_eq!(all(&chunk, 10, 1, usize::MAX), whole);
        assert_eq!(all(&chunk, 10, 3, usize::MAX), whole);
        assert_eq!(all(&chunk, 10, 100, 1), whole);
        assert_eq!(all(&chunk, 12, 100, 100).offsets, [12, 13]);
        assert_eq!(all(&chunk, 13, 100, 100).headers.keys.bytes, b"i");
    }

    #[test]
    fn offsets_with_gaps_are_kept() {
        let chunk = chunk(true);
        assert_eq!(all(&chunk, 0, 100, 100).offsets, [10, 13, 16, 19]);
        assert_eq!(all(&chunk, 14, 1, 100).offsets, [16, 19]);
        assert_eq!(Cursor::open(10, chunk.into()).unwrap().end(), 22);
    }

    #[test]
    fn columns_that_only_some_chunks_have_are_filled_up() {
        let mut plain = ChunkBuilder::default();
        plain.push(1, None, Some(b"v"), std::iter::empty());
        let plain = plain.encode(1);
        let mut batch = Batch {
            topics: vec!["t".to_owned(), "u".to_owned()],
            ..Batch::default()
        };
        for (topic, bytes) in [(0, plain.clone()), (1, chunk(false)), (0, plain)] {
            let mut cursor = Cursor::open(0, bytes.into()).unwrap();
            cursor.take(&mut batch, topic, 0, 100, 1000).unwrap();
            assert_eq!(batch.check(), Ok(()));
        }
        assert_eq!(batch.topic_indexes, [0, 1, 1, 1, 1, 0]);
        assert_eq!(batch.keys.lengths, [-1, 1, -1, 0, 2, -1]);
        assert_eq!(batch.headers.counts, [0, 0, 2, 0, 1, 0]);
    }

    #[test]
    fn a_broken_chunk_is_an_error() {
        let chunk = chunk(true);
        for cut in 0..chunk.len() {
            assert!(Cursor::open(0, chunk[..cut].into()).is_err(), "{cut}");
        }
        for at in 0..chunk.len() {
            let mut broken = chunk.clone();
            broken[at] ^= 0x55;
            let mut batch = Batch::default();
            if let Ok(mut cursor) = Cursor::open(0, broken.into())
                && cursor.skip_to(4).is_ok()
            {
                let _broken_or_not = cursor.take(&mut batch, 0, 0, 100, 100);
            }
        }
    }
}
