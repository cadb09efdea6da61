//! The keys of objects seen so far, as JSON and encoded. Documents of one topic mostly have the same keys in
//! the same order: the key that followed last time is compared first, and copied in its other form when it
//! matches.

use std::collections::HashMap;

use super::short::Text;

/// The most keys that are kept; one bit for each fits a [`Seen`].
const KEYS_MAX: usize = 128;
/// The most bytes of a key that is kept.
const KEY_BYTES_MAX: usize = 256;
/// After so many keys that found no room, all are forgotten: the documents have changed.
const MISSES_MAX: usize = 10_000;

/// Which of the known keys an object has had.
pub(super) type Seen = u128;

/// The keys of objects seen so far, with the order they came in. One of these turns one form into the other.
#[derive(Debug, Default)]
pub(super) struct Keys {
    known: Vec<Known>,
    by_name: HashMap<Box<[u8]>, usize>,
    /// The key that a document began with last time.
    first: usize,
    /// The key before this one in the document.
    previous: Option<usize>,
    misses: usize,
}

#[derive(Debug)]
struct Known {
    /// The form it is read in.
    from: Text,
    /// The form it is written in.
    to: Text,
    /// The key that came after this one last time.
    next: usize,
}

impl Keys {
    /// Begins a batch. Between two of these a known key has the same number.
    pub(super) fn begin_batch(&mut self) {
        if self.misses > MISSES_MAX {
            *self = Self::default();
        }
    }

    /// Begins a document.
    #[inline]
    pub(super) fn begin(&mut self) {
        self.previous = None;
    }

    /// When `rest` begins with the key that is expected: appends its other form, and gives its bit and the
    /// length of what was read.
    #[inline]
    pub(super) fn expected(&mut self, rest: &[u8], out: &mut Vec<u8>) -> Option<(Seen, usize)> {
        let (number, length) = self.expected_number(rest)?;
        self.known.get(number)?.to.append(out);
        Some((1 << number, length))
    }

    /// When `rest` begins with the key that is expected: its number and the length of what was read.
    #[inline]
    pub(super) fn expected_number(&mut self, rest: &[u8]) -> Option<(usize, usize)> {
        let expected = match self.previous {
            None => self.first,
            Some(previous) => self.known.get(previous)?.next,
        };
        let known = self.known.get(expected)?;
        if !known.from.begins(rest) {
            return None;
        }
        self.previous = Some(expected);
        Some((expected, known.from.len()))
    }

    /// The form in which the key with a number is written.
    pub(super) fn encoded(&self, number: u8) -> &[u8] {
        let known = self.known.get(usize::from(number));
        known.map_or(&[], |known| known.to.bytes())
    }

    /// Learns a key and its forms; its bit, or `None` when there is no room for it.
    pub(super) fn learn(
        &mut self,
        name: &[u8],
        forms: impl FnOnce() -> (Vec<u8>, Vec<u8>),
    ) -> Option<Seen> {
        let index = match self.by_name.get(name) {
            Some(index) => *index,
            None => self.add(name, forms)?,
        };
        match self.previous {
            None => self.first = index,
            Some(previous) => {
                if let Some(previous) = self.known.get_mut(previous) {
                    previous.next = index;
                }
            }
        }
        self.previous = Some(index);
        Some(1 << index)
    }

    fn add(&mut self, name: &[u8], forms: impl FnOnce() -> (Vec<u8>, Vec<u8>)) -> Option<usize> {
        let index = self.known.len();
        if index >= KEYS_MAX || name.len() > KEY_BYTES_MAX {
            self.misses += 1;
            return None;
        }
        let (from, to) = forms();
        self.known.push(Known {
            from: Text::new(&from),
            to: Text::new(&to),
            next: index + 1,
        });
        self.by_name.insert(name.into(), index);
        Some(index)
    }
}
