//! What is written: chunks in the embedded log's format, and the state of their partition.

/// The bytes of a record's value, as in the project's other benchmarks.
pub const RECORD_BYTES: usize = 106;

const VALUES_FLAG: u8 = 4;

/// A chunk of records without keys and headers: head, timestamps, lengths, size, values.
pub fn chunk(records: usize) -> Vec<u8> {
    let count = u32::try_from(records).unwrap_or(u32::MAX);
    let mut bytes = vec![1, VALUES_FLAG, 0, 0];
    for number in [count, count, 0] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    let timestamp = 1_700_000_000_000_i64.to_le_bytes();
    bytes.extend_from_slice(&timestamp);
    (0..records).for_each(|_| bytes.extend_from_slice(&timestamp));
    (0..records).for_each(|_| bytes.extend_from_slice(&(RECORD_BYTES as u32).to_le_bytes()));
    bytes.extend_from_slice(&((records * RECORD_BYTES) as u64).to_le_bytes());
    bytes.extend((0..records * RECORD_BYTES).map(|index| b' ' + (index % 95) as u8));
    bytes
}

/// How many records a chunk says that it has.
pub fn count(chunk: &[u8]) -> Option<u32> {
    let (_, rest) = chunk.split_at_checked(4)?;
    Some(u32::from_le_bytes(*rest.first_chunk()?))
}

/// What the log keeps of a partition, without what stays zero here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct State {
    /// The offset of the next record.
    pub next: i64,
    /// The bytes of all chunks.
    pub bytes: u64,
}

impl State {
    /// As the log stores it: first offset, next offset, bytes, bytes since the last compaction.
    pub fn encode(self) -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes[8..16].copy_from_slice(&self.next.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.bytes.to_le_bytes());
        bytes[24..].copy_from_slice(&self.bytes.to_le_bytes());
        bytes
    }

    /// From what is stored.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let [_, next, size, _] = bytes.as_chunks::<8>().0 else {
            return None;
        };
        Some(Self {
            next: i64::from_le_bytes(*next),
            bytes: u64::from_le_bytes(*size),
        })
    }
}
