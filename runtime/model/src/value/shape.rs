//! What the values of a container looked like last, to check the next one sooner.
//!
//! A record is compared with one before, in [`Stretch`]es. A part that differs is taken apart as ever, and after several
//! such records another one is learnt.

use super::stretch::{OpenStretch, Stretch};
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
    parts: Vec<Part>,
    /// So many containers in a row differed.
    differed: u32,
    patience: u32,
}

/// Values that are compared at once.
#[derive(Debug, Clone, Default)]
pub(super) struct Part {
    /// How many.
    pub(super) values: usize,
    /// What they look like, with a text at most as the last; none: always taken apart.
    stretch: Option<Stretch>,
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
        self.parts.clear();
        self.differed = 0;
        self.patience = (self.patience * 2).min(PATIENCE_MAX);
        let mut open = OpenStretch::default();
        let mut rest = body;
        let mut is_key = self.has_keys;
        while body.len() - rest.len() < LEARNT_BYTES_MAX
            && let Some((value, after)) = split(rest)
        {
            if is_key {
                open.add_same(value);
            } else if is_comparable(value) {
                open.add_like(value);
            } else {
                self.close(&mut open);
                self.parts.push(Part::taken_apart());
            }
            if open.is_sized() || open.values() == PART_VALUES_MAX {
                self.close(&mut open);
            }
            rest = after;
            is_key = self.has_keys && !is_key;
        }
        self.close(&mut open);
    }

    /// Ends a part, if there is one.
    fn close(&mut self, open: &mut OpenStretch) {
        let open = std::mem::take(open);
        if open.values() > 0 {
            self.parts.push(Part {
                values: open.values(),
                stretch: open.close(),
            });
        }
    }
}

impl Part {
    /// Whether it is not taken apart each time.
    #[inline]
    pub(super) fn is_comparable(&self) -> bool {
        self.stretch.is_some()
    }

    /// A value that is never compared.
    fn taken_apart() -> Self {
        Self {
            values: 1,
            stretch: None,
        }
    }

    /// Its text and what follows it in `bytes`; `None` when it differs.
    #[inline]
    pub(super) fn skip<'a>(&self, bytes: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
        let (fixed, end) = self.stretch.as_ref()?.ends(bytes)?;
        let (part, rest) = bytes.split_at_checked(end)?;
        Some((part.get(fixed..)?, rest))
    }
}

/// Whether a value is well-formed when its tag is right, its text is one, and the rest differs where it may.
fn is_comparable(value: &[u8]) -> bool {
    !matches!(
        value,
        [
            tag::BYTES | tag::ARRAY | tag::MAP | tag::STRUCT | tag::DECIMAL,
            ..
        ] | []
    )
}

/// The value that `bytes` begin with, and what follows.
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    bytes.split_at_checked(length(bytes).ok()?)
}
