//! Copying and comparing texts of a few bytes, of which JSON is made. Sixteen or thirty-two bytes at once cost
//! less than a call that looks at the length; what was copied too much is cut off again.

/// How many bytes of a [`Short`] there are at most.
const SHORT_BYTES_MAX: usize = 32;

/// Appends the first `length` bytes of `source`, which should go on behind them.
#[inline]
pub(super) fn append(source: &[u8], length: usize, out: &mut Vec<u8>) {
    if length <= 16
        && let Some(bytes) = source.first_chunk::<16>()
    {
        let end = out.len() + length;
        out.extend_from_slice(bytes);
        out.truncate(end);
    } else {
        out.extend_from_slice(source.get(..length).unwrap_or_default());
    }
}

/// A text that is compared and copied often, at its best when it is short.
#[derive(Debug, Clone)]
pub(super) struct Text {
    whole: Box<[u8]>,
    short: Option<Short>,
}

impl Text {
    /// Takes over a text.
    pub(super) fn new(text: &[u8]) -> Self {
        Self {
            whole: text.into(),
            short: Short::new(text),
        }
    }

    /// How many bytes there are.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.whole.len()
    }

    /// The text.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.whole
    }

    /// Whether `text` begins with this one.
    #[inline]
    pub(super) fn begins(&self, text: &[u8]) -> bool {
        match &self.short {
            Some(short) => short.begins(text),
            None => text.starts_with(&self.whole),
        }
    }

    /// Appends this text.
    #[inline]
    pub(super) fn append(&self, out: &mut Vec<u8>) {
        match &self.short {
            Some(short) => short.append(out),
            None => out.extend_from_slice(&self.whole),
        }
    }
}

/// A text of few bytes, ready to be compared and copied.
#[derive(Debug, Clone, Copy)]
struct Short {
    bytes: [u8; SHORT_BYTES_MAX],
    masks: [u128; 2],
    length: usize,
}

impl Short {
    /// Takes over a text; `None` when it is too long.
    fn new(text: &[u8]) -> Option<Self> {
        let mut bytes = [0; SHORT_BYTES_MAX];
        let mut mask = [0; SHORT_BYTES_MAX];
        bytes.get_mut(..text.len())?.copy_from_slice(text);
        mask.get_mut(..text.len())?.fill(0xff);
        Some(Self {
            bytes,
            masks: words(&mask),
            length: text.len(),
        })
    }

    /// Whether `text` begins with this one.
    #[inline]
    fn begins(&self, text: &[u8]) -> bool {
        match text.first_chunk::<SHORT_BYTES_MAX>() {
            Some(first) => {
                let [a, b] = words(first);
                let [c, d] = words(&self.bytes);
                let [e, f] = self.masks;
                (a & e) == c && (b & f) == d
            }
            None => text.starts_with(self.bytes.get(..self.length).unwrap_or_default()),
        }
    }

    /// Appends this text.
    #[inline]
    fn append(&self, out: &mut Vec<u8>) {
        let end = out.len() + self.length;
        out.extend_from_slice(&self.bytes);
        out.truncate(end);
    }
}

#[inline]
fn words(bytes: &[u8; SHORT_BYTES_MAX]) -> [u128; 2] {
    let (halves, _) = bytes.as_chunks::<16>();
    match halves {
        [low, high] => [u128::from_le_bytes(*low), u128::from_le_bytes(*high)],
        _ => [0, 0],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_any_length_are_compared_and_copied() {
        let long: Vec<u8> = (1..100).collect();
        for length in 0..SHORT_BYTES_MAX + 9 {
            let short = Text::new(&long[..length]);
            assert_eq!(short.len(), length);
            for end in 0..long.len() {
                assert_eq!(short.begins(&long[..end]), end >= length);
            }
            if length > 0 {
                let mut other = long.clone();
                other[length - 1] = 0;
                assert!(!short.begins(&other));
            }
            let mut out = b"x".to_vec();
            short.append(&mut out);
            append(&long, length, &mut out);
            append(&long[..length], length, &mut out);
            let expected = [b"x", &long[..length], &long[..length], &long[..length]].concat();
            assert_eq!(out, expected);
        }
    }
}
