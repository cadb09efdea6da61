//! Chunks: records of one partition that were written together, stored as one value.
//!
//! A chunk is columns, so that writing and reading one is mostly copying. All numbers are little-endian.
//!
//! | part | when | what |
//! | --- | --- | --- |
//! | head | always | format 2, flags, two zeros (4 bytes); count, span, headers in all (u32 each); last timestamp (i64) |
//! | offsets | flag 1 | for each record its offset after the chunk's base (u32); without: consecutive |
//! | timestamps | always | i64 for each record |
//! | keys | flag 2 | lengths (i32, -1 for null) for each record, size (u64), bytes; without: all null |
//! | values | flag 4 | the same |
//! | headers | flag 8 | their number for each record (u32), their keys and their values as above |
//! | checksum | always | XXH3 of all that is before it (u64) |
//!
//! The base offset is in the chunk's key; the span is the distance from it to the offset after the last record.
//! SQLite has no checksums in its database file, so a chunk has its own. What does not parse is an error, never a
//! panic. [`super::cursor`] reads chunks.

use tidegate_model::Column;
use xxhash_rust::xxh3::xxh3_64;

/// The format that is written and read.
pub const FORMAT: u8 = 2;
/// The chunk has offsets.
pub const OFFSETS: u8 = 1;
/// The chunk has keys.
pub const KEYS: u8 = 2;
/// The chunk has values.
pub const VALUES: u8 = 4;
/// The chunk has headers.
pub const HEADERS: u8 = 8;
/// The bytes of the head.
pub const HEAD_BYTES: usize = 24;

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
        let checksum = xxh3_64(&out);
        out.extend_from_slice(&checksum.to_le_bytes());
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
