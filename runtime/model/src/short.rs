//! Short byte strings, copied and compared in line.
//!
//! In WebAssembly, copying or comparing a length that only shows at run time is a call, and for a copy even one of
//! the host's. Keys and values of a few bytes are done sooner in blocks of a fixed length, which become plain loads
//! and stores.

/// Longer ones are left to the host, whose copy is faster per byte.
const COPIED_IN_LINE_MAX: usize = 512;

/// Appends bytes; short ones without a call.
#[inline]
pub fn append(out: &mut Vec<u8>, bytes: &[u8]) {
    let length = bytes.len();
    if length > COPIED_IN_LINE_MAX {
        out.extend_from_slice(bytes);
    } else if length >= 64 {
        append_blocks::<64>(out, bytes);
    } else if length >= 16 {
        append_blocks::<16>(out, bytes);
    } else if length >= 8 {
        append_blocks::<8>(out, bytes);
    } else if length >= 4 {
        append_blocks::<4>(out, bytes);
    } else {
        let mut block = [0; 4];
        for (to, from) in block.iter_mut().zip(bytes) {
            *to = *from;
        }
        append_start(out, &block, length);
    }
}

/// Appends the first bytes of a block: all of it is written, and what is too much taken back.
#[inline]
pub fn append_start<const N: usize>(out: &mut Vec<u8>, block: &[u8; N], length: usize) {
    let end = out.len() + length;
    out.extend_from_slice(block);
    out.truncate(end);
}

/// Bytes that are appended again and again, kept in blocks.
#[derive(Debug, Clone)]
pub struct Blocks {
    blocks: Box<[[u8; 16]]>,
    length: usize,
}

impl Blocks {
    /// Keeps bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let block = |bytes: &[u8]| {
            let mut block = [0; 16];
            for (to, from) in block.iter_mut().zip(bytes) {
                *to = *from;
            }
            block
        };
        Self {
            blocks: bytes.chunks(16).map(block).collect(),
            length: bytes.len(),
        }
    }

    /// Appends them.
    #[inline]
    pub fn append(&self, out: &mut Vec<u8>) {
        let end = out.len() + self.length;
        for block in &self.blocks {
            out.extend_from_slice(block);
        }
        out.truncate(end);
    }
}

/// Appends at least one block. The last block overlaps the one before it.
#[inline]
fn append_blocks<const N: usize>(out: &mut Vec<u8>, bytes: &[u8]) {
    let (blocks, rest) = bytes.as_chunks::<N>();
    for block in blocks {
        out.extend_from_slice(block);
    }
    if let (false, Some(last)) = (rest.is_empty(), bytes.last_chunk::<N>()) {
        out.truncate(out.len() + rest.len() - N);
        out.extend_from_slice(last);
    }
}

/// Whether both are the same. The ends are compared first: encoded names differ there, and begin alike.
#[inline]
#[must_use]
pub fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    match (a.last_chunk::<8>(), b.last_chunk::<8>()) {
        (Some(end_a), Some(end_b)) if end_a != end_b => false,
        (Some(_), Some(_)) => {
            let (a, b) = (a.as_chunks::<8>().0, b.as_chunks::<8>().0);
            a.iter().zip(b).all(|(a, b)| a == b)
        }
        _ => a.iter().eq(b),
    }
}

#[cfg(test)]
mod tests {
    use super::{Blocks, append, append_start, same};

    fn bytes(length: usize) -> Vec<u8> {
        (0..length).map(|n| (n * 7 + 1) as u8).collect()
    }

    #[test]
    fn every_length_is_copied_whole() {
        let bytes: Vec<u8> = (0..=255).cycle().take(1_100).collect();
        for length in (0..200).chain([511, 512, 513, 1_100]) {
            let mut out = b"before".to_vec();
            append(&mut out, &bytes[..length]);
            assert_eq!(out, [b"before", &bytes[..length]].concat(), "{length}");
            let mut out = b"before".to_vec();
            Blocks::of(&bytes[..length]).append(&mut out);
            assert_eq!(out, [b"before", &bytes[..length]].concat(), "{length}");
        }
    }

    #[test]
    fn the_start_of_a_block_is_copied() {
        for length in 0..=16 {
            let mut out = b"before".to_vec();
            append_start(&mut out, b"0123456789abcdef", length);
            assert_eq!(out, [b"before", &b"0123456789abcdef"[..length]].concat());
        }
    }

    #[test]
    fn each_byte_counts() {
        for length in 0..40 {
            let known = bytes(length);
            assert!(same(&known, &bytes(length)), "{length}");
            assert!(!same(&known, &bytes(length + 1)), "{length}");
            for place in 0..length {
                let mut other = bytes(length);
                other[place] ^= 0x10;
                assert!(!same(&known, &other), "{length} at {place}");
            }
        }
    }
}
