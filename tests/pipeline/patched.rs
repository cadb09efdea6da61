//! Components that say something else than they were built with.

/// Bytes with each occurrence of a text replaced by another of the same length.
pub fn replaced(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut replaced = bytes.to_vec();
    let mut at = 0;
    while let Some(found) = replaced[at..]
        .windows(from.len())
        .position(|window| window == from.as_bytes())
    {
        replaced[at + found..at + found + to.len()].copy_from_slice(to.as_bytes());
        at += found + to.len();
    }
    replaced
}
