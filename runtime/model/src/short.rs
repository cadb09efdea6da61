//! Short byte strings, copied in line.
//!
//! In WebAssembly, copying a length that only shows at run time is a call of the host's. Keys and values of a few
//! bytes are done sooner in blocks of a fixed length, which become plain loads and stores.

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
        for byte in bytes {
            out.push(*byte);
        }
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

#[cfg(test)]
mod tests {
    use super::append;

    #[test]
    fn every_length_is_copied_whole() {
        let bytes: Vec<u8> = (0..=255).cycle().take(1_100).collect();
        for length in (0..200).chain([511, 512, 513, 1_100]) {
            let mut out = b"before".to_vec();
            append(&mut out, &bytes[..length]);
            assert_eq!(out, [b"before", &bytes[..length]].concat(), "{length}");
        }
    }
}
