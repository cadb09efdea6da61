//! Values that follow one another, compared at once with those of a container before.
//!
//! Records of one topic are alike: the same keys in the same places, with values of the same types. So most of a
//! record need not be taken apart value by value: it is compared sixteen bytes at a time, under masks that leave out
//! what may differ, which is numbers, and the lengths of texts.

use super::tag;

/// Neighbouring values as they were learnt. Only the last may have a length of its own, such as a text.
#[derive(Debug, Clone)]
pub struct Stretch {
    /// The last one overlaps the one before it.
    blocks: Box<[Block]>,
    /// So many bytes are compared.
    fixed: usize,
    /// Whether more follows, whose length the last four of those bytes are.
    is_sized: bool,
}

/// Two halves, which the compiler can take together.
type Halves = [u64; 2];

/// Sixteen bytes as they were, zero where they may differ, and a mask of where they may not.
#[derive(Debug, Clone, Copy)]
struct Block {
    bytes: Halves,
    mask: Halves,
}

impl Stretch {
    /// Where it ends in `bytes`, which begin with it: behind what is compared, and behind all, which is elsewhere when
    /// the last value has a length. That the bytes go on so far is not said. `None`: they differ.
    #[inline]
    #[must_use]
    pub fn ends(&self, bytes: &[u8]) -> Option<(usize, usize)> {
        let fixed = bytes.get(..self.fixed)?;
        if differ(fixed, &self.blocks) {
            return None;
        }
        let length = match fixed.last_chunk() {
            Some(length) if self.is_sized => u32::from_le_bytes(*length) as usize,
            _ => 0,
        };
        Some((self.fixed, self.fixed.saturating_add(length)))
    }
}

impl Block {
    fn new(bytes: &[u8; 16], mask: &[u8; 16]) -> Self {
        Self {
            bytes: halves(bytes),
            mask: halves(mask),
        }
    }

    /// The bits in which sixteen bytes differ where they may not, or that were set before.
    #[inline]
    fn differing(&self, bytes: &[u8; 16], before: Halves) -> Halves {
        let (bytes, [before_low, before_high]) = (halves(bytes), before);
        let ([low, high], [known_low, known_high]) = (bytes, self.bytes);
        let [mask_low, mask_high] = self.mask;
        [
            before_low | ((low ^ known_low) & mask_low),
            before_high | ((high ^ known_high) & mask_high),
        ]
    }
}

#[inline]
fn halves(bytes: &[u8; 16]) -> Halves {
    match bytes.as_chunks::<8>().0 {
        [low, high] => [u64::from_le_bytes(*low), u64::from_le_bytes(*high)],
        _ => [0, 0],
    }
}

/// Whether bytes differ from what was learnt where they may not.
#[inline]
fn differ(bytes: &[u8], blocks: &[Block]) -> bool {
    let (Some(end), Some(end_block)) = (bytes.last_chunk(), blocks.last()) else {
        return true;
    };
    let mut differing = end_block.differing(end, [0, 0]);
    for (sixteen, block) in bytes.as_chunks().0.iter().zip(blocks) {
        differing = block.differing(sixteen, differing);
    }
    let [low, high] = differing;
    low | high != 0
}

/// A stretch while it is learnt.
#[derive(Debug, Clone, Default)]
pub struct OpenStretch {
    bytes: Vec<u8>,
    mask: Vec<u8>,
    values: usize,
    is_sized: bool,
}

impl OpenStretch {
    /// How many values it has.
    #[must_use]
    pub fn values(&self) -> usize {
        self.values
    }

    /// Whether its last value has a length of its own: it is to be closed.
    #[must_use]
    pub fn is_sized(&self) -> bool {
        self.is_sized
    }

    /// Adds a value that is to be the same each time, such as the key of a map.
    pub fn add_same(&mut self, value: &[u8]) {
        self.add(value, value.len(), 0, 0);
        self.is_sized = false;
    }

    /// Adds a value of which the type is to be the same each time.
    pub fn add_like(&mut self, value: &[u8]) {
        let (free, mask) = match value {
            [tag::STRING | tag::BYTES, ..] | [tag::ARRAY | tag::MAP | tag::STRUCT, ..] => (4, 0),
            // Its scale, then its length.
            [tag::DECIMAL, ..] => (8, 0),
            // 0 or 1: one bit may differ.
            [tag::BOOLEAN, ..] => (1, 0xfe),
            _ => (value.len().saturating_sub(1), 0),
        };
        self.add(value, 1, free, mask);
        self.is_sized = matches!(
            value.first(),
            Some(&(tag::STRING | tag::BYTES | tag::ARRAY | tag::MAP | tag::STRUCT | tag::DECIMAL))
        );
    }

    /// Adds a value of which type and length are to be the same each time.
    pub fn add_same_size(&mut self, value: &[u8]) {
        let same = match value.first() {
            Some(&(tag::STRING | tag::BYTES | tag::ARRAY | tag::MAP | tag::STRUCT)) => 5,
            Some(&tag::DECIMAL) => 9,
            _ => 1,
        };
        self.add(value, same, value.len().saturating_sub(same), 0);
        self.is_sized = false;
    }

    fn add(&mut self, value: &[u8], same: usize, free: usize, mask: u8) {
        self.bytes.extend(value.iter().take(same));
        self.mask.resize(self.bytes.len(), 0xff);
        self.bytes.resize(self.bytes.len() + free, 0);
        self.mask.resize(self.bytes.len(), mask);
        self.values += 1;
    }

    /// The stretch; `None`: it is too short to be compared.
    #[must_use]
    pub fn close(self) -> Option<Stretch> {
        let end = (self.bytes.last_chunk()?, self.mask.last_chunk()?);
        let blocks = self.bytes.as_chunks().0.iter().zip(self.mask.as_chunks().0);
        let blocks = blocks.chain([end]);
        Some(Stretch {
            blocks: blocks
                .map(|(bytes, mask)| Block::new(bytes, mask))
                .collect(),
            fixed: self.bytes.len(),
            is_sized: self.is_sized,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Value;

    fn decimal(scale: i32, unscaled: &[u8]) -> Value {
        let unscaled = unscaled.to_vec();
        Value::Decimal { scale, unscaled }
    }

    #[test]
    fn what_is_alike_is_skipped_and_what_is_not_is_told() {
        let pairs = [
            (Value::from("a"), Value::from("longer")),
            (Value::Bytes(vec![1]), Value::Bytes(vec![])),
            (decimal(1, &[1]), decimal(-2, &[1, 2, 3])),
            (Value::Array(vec![]), Value::Array(vec![Value::Null])),
            (Value::Map(vec![]), Value::Map(vec![(1.into(), 2.into())])),
            (Value::Int64(1), Value::Int64(-1)),
            (Value::Boolean(true), Value::Boolean(false)),
            (Value::Null, Value::Null),
        ];
        let key = Value::from("a key of some length").to_encoded();
        for (one, other) in &pairs {
            let (one, other) = (one.to_encoded(), other.to_encoded());
            let mut open = OpenStretch::default();
            open.add_same(&key);
            open.add_like(&one);
            let stretch = open.close().unwrap();
            let skip = |key: &[u8], value: &[u8]| {
                let bytes = [key, value, b"rest"].concat();
                let ends = stretch.ends(&bytes);
                ends.is_some_and(|(_, end)| bytes[end..] == *b"rest")
            };
            assert!(skip(&key, &one) && skip(&key, &other));
            assert!(!skip(
                &Value::from("b key of some length").to_encoded(),
                &one
            ));
            for (another, _) in &pairs {
                let another = another.to_encoded();
                assert_eq!(skip(&key, &another), another.first() == one.first());
            }
        }
    }

    #[test]
    fn values_of_the_same_size_may_be_told_from_others() {
        let key = Value::from("a key of some length").to_encoded();
        let values = [
            Value::from("text"),
            Value::Bytes(vec![1, 2, 3, 4]),
            Value::from("longer"),
            decimal(1, &[1]),
            decimal(1, &[1, 2]),
            Value::Int64(7),
            Value::Timestamp(7),
            Value::Null,
        ];
        for (place, one) in values.iter().enumerate() {
            let mut open = OpenStretch::default();
            open.add_same(&key);
            open.add_same_size(&one.to_encoded());
            let stretch = open.close().unwrap();
            for (other_place, other) in values.iter().enumerate() {
                let bytes = [key.clone(), other.to_encoded()].concat();
                let is_whole = stretch.ends(&bytes) == Some((bytes.len(), bytes.len()));
                assert_eq!(is_whole, place == other_place, "{one:?} {other:?}");
            }
        }
        let mut open = OpenStretch::default();
        open.add_same(&key);
        open.add_same_size(&Value::from("text").to_encoded());
        let other = [key, Value::from("TEXT").to_encoded()].concat();
        assert!(open.close().unwrap().ends(&other).is_some());
    }

    #[test]
    fn what_is_cut_short_differs() {
        let mut open = OpenStretch::default();
        open.add_same(b"1234567890123456");
        open.add_like(&Value::from("text").to_encoded());
        let stretch = open.close().unwrap();
        let whole = [
            b"1234567890123456".as_slice(),
            &Value::from("text").to_encoded(),
        ]
        .concat();
        assert_eq!(stretch.ends(&whole), Some((21, 25)));
        for end in 0..21 {
            assert!(stretch.ends(&whole[..end]).is_none());
        }
    }
}
