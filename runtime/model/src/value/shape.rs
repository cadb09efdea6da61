//! What the values of a container looked like last, to check the next one sooner.
//!
//! Records of one topic are alike: the same keys in the same places, with values of the same types. So most of a
//! record need not be taken apart value by value. It is compared with one before, eight bytes at a time, under masks
//! that leave out what may differ: numbers, and the lengths of texts. A part that differs otherwise is taken apart as
//! ever, and after several such records another one is learnt.

use super::{length, tag};

/// So many bytes of a container are learnt; what follows is taken apart each time.
const LEARNT_BYTES_MAX: usize = 16 * 1024;
/// So many values are compared at once: one that differs has all of them taken apart.
const PART_VALUES_MAX: usize = 32;
/// After so many containers in a row that differ another one is learnt, in the beginning.
const PATIENCE_MIN: u32 = 2;
/// The patience doubles with what is learnt, up to this.
const PATIENCE_MAX: u32 = 1024;

/// What was learnt of a container.
#[derive(Debug)]
pub(super) struct Shape {
    /// Whether every other value is a key: so it is in maps, not in structs.
    has_keys: bool,
    words: Vec<Word>,
    parts: Vec<Part>,
    /// So many containers in a row differed.
    differed: u32,
    patience: u32,
}

/// Eight bytes as they were, zero where they may differ, and a mask of where they may not.
#[derive(Debug, Clone, Copy)]
struct Word {
    bytes: u64,
    mask: u64,
}

/// Values that are compared at once.
#[derive(Debug, Clone, Default)]
pub(super) struct Part {
    /// How many.
    pub(super) values: usize,
    /// Their words, the last one overlapping the one before it; none: always taken apart.
    words: std::ops::Range<usize>,
    /// So many bytes.
    fixed: usize,
    /// Whether a text follows, whose length the last four bytes are.
    has_text: bool,
}

impl Shape {
    /// Nothing is known yet of maps.
    pub(super) fn of_maps() -> Self {
        Self::new(true)
    }

    /// Nothing is known yet of structs.
    pub(super) fn of_structs() -> Self {
        Self::new(false)
    }

    fn new(has_keys: bool) -> Self {
        Self {
            has_keys,
            words: Vec::new(),
            parts: Vec::new(),
            differed: 0,
            patience: PATIENCE_MIN,
        }
    }

    /// The parts of a container, in order.
    #[inline]
    pub(super) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// What follows a part in `bytes`, and its text; `None` when it differs.
    #[inline]
    pub(super) fn skip<'a>(&self, part: &Part, bytes: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
        let (fixed, after) = bytes.split_at_checked(part.fixed)?;
        if differ(fixed, self.words.get(part.words.clone())?) {
            return None;
        }
        let length = match fixed.last_chunk() {
            Some(length) if part.has_text => u32::from_le_bytes(*length) as usize,
            _ => 0,
        };
        after.split_at_checked(length)
    }

    /// Takes note of whether a container, which was checked, had parts that differ; perhaps learns from it.
    #[inline]
    pub(super) fn note(&mut self, differing: usize, body: &[u8]) {
        let known = self.parts.iter().any(Part::is_comparable);
        if differing == 0 && known {
            self.differed = 0;
            return;
        }
        self.differed += 1;
        if self.differed > self.patience {
            self.learn(body);
        }
    }

    #[cold]
    fn learn(&mut self, body: &[u8]) {
        self.words.clear();
        self.parts.clear();
        self.differed = 0;
        self.patience = (self.patience * 2).min(PATIENCE_MAX);
        let mut open = Open::default();
        let mut rest = body;
        let mut is_key = self.has_keys;
        while body.len() - rest.len() < LEARNT_BYTES_MAX
            && let Some((value, after)) = split(rest)
        {
            if !open.add(value, is_key) {
                self.close(&mut open);
                open.part.values = 1;
                self.close(&mut open);
            } else if open.part.has_text || open.part.values == PART_VALUES_MAX {
                self.close(&mut open);
            }
            rest = after;
            is_key = self.has_keys && !is_key;
        }
        self.close(&mut open);
    }

    /// Ends a part, if there is one.
    fn close(&mut self, open: &mut Open) {
        let Open {
            bytes,
            mask,
            mut part,
        } = std::mem::take(open);
        if part.values == 0 {
            return;
        }
        let start = self.words.len();
        if let (Some(bytes_end), Some(mask_end)) = (bytes.last_chunk(), mask.last_chunk()) {
            let blocks = bytes.as_chunks().0.iter().zip(mask.as_chunks().0);
            let words = blocks.chain([(bytes_end, mask_end)]);
            let words = words.map(|(bytes, mask)| Word::new(*bytes, *mask));
            self.words.extend(words);
            part.fixed = bytes.len();
        }
        part.words = start..self.words.len();
        self.parts.push(part);
    }
}

impl Part {
    /// Whether it is not taken apart each time.
    #[inline]
    pub(super) fn is_comparable(&self) -> bool {
        !self.words.is_empty()
    }
}

/// A part while it is learnt.
#[derive(Debug, Default)]
struct Open {
    bytes: Vec<u8>,
    mask: Vec<u8>,
    part: Part,
}

impl Open {
    /// Adds a value; `false`: those of its type are not compared.
    fn add(&mut self, value: &[u8], is_key: bool) -> bool {
        let (free, mask) = match value {
            _ if is_key => (0, 0),
            [tag::STRING, ..] => (4, 0),
            // 0 or 1: one bit may differ.
            [tag::BOOLEAN, ..] => (1, 0xfe),
            [
                tag::BYTES | tag::ARRAY | tag::MAP | tag::STRUCT | tag::DECIMAL,
                ..,
            ] => return false,
            [_, payload @ ..] => (payload.len(), 0),
            [] => return false,
        };
        self.part.has_text = !is_key && value.first() == Some(&tag::STRING);
        let same = if is_key { value.len() } else { 1 };
        self.bytes.extend(value.iter().take(same));
        self.mask.resize(self.bytes.len(), 0xff);
        self.bytes.resize(self.bytes.len() + free, 0);
        self.mask.resize(self.bytes.len(), mask);
        self.part.values += 1;
        true
    }
}

impl Word {
    fn new(bytes: [u8; 8], mask: [u8; 8]) -> Self {
        Self {
            bytes: u64::from_le_bytes(bytes),
            mask: u64::from_le_bytes(mask),
        }
    }

    /// The bits in which eight bytes differ where they may not.
    #[inline]
    fn differing(self, bytes: [u8; 8]) -> u64 {
        (u64::from_le_bytes(bytes) ^ self.bytes) & self.mask
    }
}

/// The value that `bytes` begin with, and what follows.
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    bytes.split_at_checked(length(bytes).ok()?)
}

/// Whether bytes differ from what was learnt where they may not.
#[inline]
fn differ(bytes: &[u8], words: &[Word]) -> bool {
    let (Some(end), Some(end_word)) = (bytes.last_chunk(), words.last()) else {
        return true;
    };
    let mut differing = end_word.differing(*end);
    for (eight, word) in bytes.as_chunks().0.iter().zip(words) {
        differing |= word.differing(*eight);
    }
    differing != 0
}
