//! Takes records out of a chunk, as many at a time as are wanted. The format is described in [`super::chunk`].

use std::borrow::Cow;

use tidegate_model::{Batch, Column, Headers};
use xxhash_rust::xxh3::xxh3_64;

use super::chunk::{Broken, FORMAT, HEAD_BYTES, HEADERS, KEYS, OFFSETS, VALUES};

/// Where the lengths and the bytes of a column are in a chunk.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    lengths: usize,
    bytes: usize,
    bytes_end: usize,
}

/// What is in a chunk, and where.
#[derive(Debug, Clone, Copy)]
struct Shape {
    span: u32,
    count: usize,
    last_timestamp: i64,
    offsets: Option<usize>,
    timestamps: usize,
    keys: Option<Place>,
    values: Option<Place>,
    headers: Option<(usize, Place, Place)>,
}

/// How far one is, or goes, in each column.
#[derive(Debug, Clone, Copy, Default)]
struct Extent {
    records: usize,
    key_bytes: usize,
    value_bytes: usize,
    headers: usize,
    header_key_bytes: usize,
    header_value_bytes: usize,
}

/// A chunk that was read, with a place in it from which records are taken.
#[derive(Debug, Clone)]
pub struct Cursor<'a> {
    /// The chunk without its checksum.
    bytes: Cow<'a, [u8]>,
    base: i64,
    shape: Shape,
    /// What was taken.
    taken: Extent,
}

impl<'a> Cursor<'a> {
    /// Opens a chunk at its first record.
    pub fn open(base: i64, chunk: &'a [u8]) -> Result<Self, Broken> {
        let (bytes, checksum) = chunk.split_last_chunk::<8>().ok_or(Broken)?;
        if xxh3_64(bytes) != u64::from_le_bytes(*checksum) {
            return Err(Broken);
        }
        Self::parse(base, bytes)
    }

    fn parse(base: i64, bytes: &'a [u8]) -> Result<Self, Broken> {
        let (&[format, flags, _, _], _) = bytes.split_first_chunk::<4>().ok_or(Broken)?;
        if format != FORMAT {
            return Err(Broken);
        }
        let count = u32_at(bytes, 4)? as usize;
        let span = u32_at(bytes, 8)?;
        let headers_total = u32_at(bytes, 12)? as usize;
        let last_timestamp = u64_at(bytes, 16)?.cast_signed();
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
            let size = usize::try_from(u64_at(bytes, size_at)?).map_err(|_| Broken)?;
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
            bytes: Cow::Borrowed(bytes),
            base,
            shape: Shape {
                span,
                count,
                last_timestamp,
                offsets,
                timestamps,
                keys,
                values,
                headers,
            },
            taken: Extent::default(),
        })
    }

    /// The same with bytes of its own, to go on later.
    pub fn into_owned(self) -> Cursor<'static> {
        Cursor {
            bytes: Cow::Owned(self.bytes.into_owned()),
            base: self.base,
            shape: self.shape,
            taken: self.taken,
        }
    }

    /// The offset after the last record.
    pub fn end(&self) -> i64 {
        self.base + i64::from(self.shape.span)
    }

    /// The newest timestamp.
    pub fn last_timestamp(&self) -> i64 {
        self.shape.last_timestamp
    }

    /// Whether all records were taken.
    pub fn is_done(&self) -> bool {
        self.taken.records >= self.shape.count
    }

    /// Steps over the records before `offset`.
    pub fn skip_to(&mut self, offset: i64) -> Result<(), Broken> {
        let skipped = match self.shape.offsets {
            None => usize::try_from(offset - self.base).unwrap_or(0),
            Some(at) => (0..self.shape.count)
                .take_while(|index| {
                    u32_at(&self.bytes, at + index * 4)
                        .is_ok_and(|after| self.base + i64::from(after) < offset)
                })
                .count(),
        };
        let records = skipped
            .min(self.shape.count)
            .saturating_sub(self.taken.records);
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
        let taken = self.measure(
            records_max.min(self.shape.count - self.taken.records),
            bytes_max,
        )?;
        let records = taken.records;
        let before = batch.count;
        if topic != 0 && batch.topic_indexes.is_empty() {
            batch.topic_indexes.resize(before, 0);
        }
        if topic != 0 || !batch.topic_indexes.is_empty() {
            batch.topic_indexes.resize(before + records, topic);
        }
        batch.partitions.resize(before + records, partition);
        self.append_offsets(records, &mut batch.offsets)?;
        let timestamps = numbers(
            &self.bytes,
            self.shape.timestamps + self.taken.records * 8,
            records,
        )?;
        batch.timestamps.extend(timestamps.map(i64::from_le_bytes));
        let bytes = &self.bytes;
        let of_records = |place, bytes_before, bytes| Entries {
            place,
            first: self.taken.records,
            count: records,
            bytes_before,
            bytes,
        };
        let keys = of_records(self.shape.keys, self.taken.key_bytes, taken.key_bytes);
        keys.append(bytes, &mut batch.keys, before)?;
        let values = of_records(self.shape.values, self.taken.value_bytes, taken.value_bytes);
        values.append(bytes, &mut batch.values, before)?;
        self.append_headers(&taken, &mut batch.headers, before)?;
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

    fn append_offsets(&self, records: usize, to: &mut Vec<i64>) -> Result<(), Broken> {
        match self.shape.offsets {
            None => {
                let first = self.base + self.taken.records as i64;
                to.extend(first..first + records as i64);
            }
            Some(at) => {
                let afters = numbers(&self.bytes, at + self.taken.records * 4, records)?;
                to.extend(afters.map(|after| self.base + i64::from(u32::from_le_bytes(after))));
            }
        }
        Ok(())
    }

    /// Appends the headers of the next records to those of `before` records.
    fn append_headers(
        &self,
        taken: &Extent,
        headers: &mut Headers,
        before: usize,
    ) -> Result<(), Broken> {
        let Some((counts, names, contents)) = self.shape.headers else {
            if !headers.counts.is_empty() {
                headers.counts.resize(before + taken.records, 0);
            }
            return Ok(());
        };
        let bytes = &self.bytes;
        headers.counts.resize(before, 0);
        let counts = numbers(bytes, counts + self.taken.records * 4, taken.records)?;
        headers.counts.extend(counts.map(u32::from_le_bytes));
        let all = headers.keys.len();
        let of_headers = |place, bytes_before, bytes| Entries {
            place: Some(place),
            first: self.taken.headers,
            count: taken.headers,
            bytes_before,
            bytes,
        };
        let names = of_headers(names, self.taken.header_key_bytes, taken.header_key_bytes);
        names.append(bytes, &mut headers.keys, all)?;
        let bytes_before = self.taken.header_value_bytes;
        let contents = of_headers(contents, bytes_before, taken.header_value_bytes);
        contents.append(bytes, &mut headers.values, all)
    }

    /// How far the next `records_max` records of `bytes_max` bytes go; at least one record.
    fn measure(&self, records_max: usize, bytes_max: usize) -> Result<Extent, Broken> {
        let mut taken = Extent::default();
        // All that is left, which needs no adding up.
        let left = |place: Option<Place>, before: usize| {
            place.map_or(0, |place| {
                (place.bytes_end - place.bytes).saturating_sub(before)
            })
        };
        if records_max == self.shape.count - self.taken.records && self.shape.headers.is_none() {
            taken.key_bytes = left(self.shape.keys, self.taken.key_bytes);
            taken.value_bytes = left(self.shape.values, self.taken.value_bytes);
            if taken.key_bytes + taken.value_bytes <= bytes_max {
                taken.records = records_max;
                return Ok(taken);
            }
            (taken.key_bytes, taken.value_bytes) = (0, 0);
        }
        let mut sum = 0_usize;
        for index in self.taken.records..self.taken.records + records_max {
            let key = self.length(self.shape.keys, index)?;
            let value = self.length(self.shape.values, index)?;
            let (mut headers, mut names, mut contents) = (0, 0, 0);
            if let Some((counts, name_place, content_place)) = self.shape.headers {
                headers = u32_at(&self.bytes, counts + index * 4)? as usize;
                let from = self.taken.headers + taken.headers;
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

    fn step(&mut self, taken: &Extent) {
        self.taken.records += taken.records;
        self.taken.key_bytes += taken.key_bytes;
        self.taken.value_bytes += taken.value_bytes;
        self.taken.headers += taken.headers;
        self.taken.header_key_bytes += taken.header_key_bytes;
        self.taken.header_value_bytes += taken.header_value_bytes;
    }
}

/// Entries of a chunk's column that stand one after another.
struct Entries {
    /// Where the column is; none where the chunk has no such column.
    place: Option<Place>,
    /// The first of them.
    first: usize,
    count: usize,
    /// The bytes of the entries before.
    bytes_before: usize,
    /// Their own.
    bytes: usize,
}

impl Entries {
    /// Appends them to a column that should have `before` entries.
    fn append(&self, chunk: &[u8], to: &mut Column, before: usize) -> Result<(), Broken> {
        let Some(place) = self.place else {
            if !to.lengths.is_empty() {
                to.lengths.resize(before + self.count, -1);
            }
            return Ok(());
        };
        to.lengths.resize(before, -1);
        let lengths = numbers(chunk, place.lengths + self.first * 4, self.count)?;
        to.lengths.extend(lengths.map(i32::from_le_bytes));
        let start = place.bytes + self.bytes_before;
        let end = start + self.bytes;
        if end > place.bytes_end {
            return Err(Broken);
        }
        to.bytes
            .extend_from_slice(chunk.get(start..end).ok_or(Broken)?);
        Ok(())
    }
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
    use super::super::chunk::ChunkBuilder;
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
        let mut cursor = Cursor::open(10, chunk).unwrap();
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
        assert_eq!(Cursor::open(10, &chunk).unwrap().end(), 22);
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
            let mut cursor = Cursor::open(0, &bytes).unwrap();
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
            assert!(Cursor::open(0, &chunk[..cut]).is_err(), "{cut}");
        }
        for at in 0..chunk.len() {
            let mut broken = chunk.clone();
            broken[at] ^= 0x55;
            assert!(Cursor::open(0, &broken).is_err(), "{at}");
        }
    }

    #[test]
    fn what_has_the_right_checksum_and_does_not_parse_is_no_panic() {
        let chunk = chunk(true);
        let bytes = &chunk[..chunk.len() - 8];
        for cut in 0..bytes.len() {
            assert!(Cursor::parse(0, &bytes[..cut]).is_err(), "{cut}");
        }
        for at in 0..bytes.len() {
            let mut broken = bytes.to_vec();
            broken[at] ^= 0x55;
            let mut batch = Batch::default();
            if let Ok(mut cursor) = Cursor::parse(0, &broken)
                && cursor.skip_to(4).is_ok()
            {
                let _broken_or_not = cursor.take(&mut batch, 0, 0, 100, 100);
            }
        }
    }
}
