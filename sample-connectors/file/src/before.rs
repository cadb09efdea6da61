//! What stands before a position of a file, by which replaced content is noticed.
//!
//! The invariant: of a position `n` the last `min(n, 256)` bytes before it are kept. While a file is followed they
//! are compared as they are; a source offset holds their [`fingerprint`].

/// How many bytes before a position are looked at, where there are as many.
pub const WINDOW_BYTES: usize = 256;

/// The bytes before a position, at most [`WINDOW_BYTES`].
#[derive(Debug, Default)]
pub struct Before(Vec<u8>);

impl Before {
    /// The bytes before a position, as they were read from the file.
    #[must_use]
    pub fn new(window: Vec<u8>) -> Self {
        Self(window)
    }

    /// Moves the position behind these bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.0 = self.and(bytes);
    }

    /// The bytes before the position that is behind these.
    #[must_use]
    pub fn and(&self, bytes: &[u8]) -> Vec<u8> {
        let new = last(bytes, WINDOW_BYTES);
        let mut window = last(&self.0, WINDOW_BYTES - new.len()).to_vec();
        window.extend_from_slice(new);
        window
    }

    /// Moves the position to the beginning of a file.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

fn last(bytes: &[u8], count: usize) -> &[u8] {
    let start = bytes.len().saturating_sub(count);
    bytes.get(start..).unwrap_or_default()
}

/// The 64 bit FNV-1a hash of the bytes before a position, in 16 hexadecimal digits.
#[must_use]
pub fn fingerprint(window: &[u8]) -> String {
    let hash = window.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_256_bytes_are_kept_however_they_come() {
        let text: Vec<u8> = (0..1_000_u32).map(|number| (number % 251) as u8).collect();
        for piece in [1, 7, 255, 256, 257, 1_000] {
            let mut before = Before::default();
            let mut read = 0;
            for piece in text.chunks(piece) {
                let window = before.and(piece);
                before.push(piece);
                read += piece.len();
                assert_eq!(window, text[read.saturating_sub(WINDOW_BYTES)..read]);
            }
        }
    }

    #[test]
    fn the_fingerprint_is_fnv_1a_as_published() {
        assert_eq!(fingerprint(b""), "cbf29ce484222325");
        assert_eq!(fingerprint(b"a"), "af63dc4c8601ec8c");
        assert_eq!(fingerprint(b"foobar"), "85944171f73967e8");
    }
}
