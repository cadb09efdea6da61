//! Whether bytes from a guest are one well-formed value. Run once, where they enter the host.

use super::shape::Shape;
use super::{ValueError, tag};
use crate::limits::VALUE_DEPTH_MAX;

/// Checks that `bytes` are exactly one encoded value: known tags, lengths that fit, UTF-8, and at most
/// [`VALUE_DEPTH_MAX`] containers in one another.
///
/// # Errors
/// What is wrong first.
#[inline]
pub fn check(bytes: &[u8]) -> Result<(), ValueError> {
    whole(bytes, VALUE_DEPTH_MAX)
}

#[inline]
fn whole(bytes: &[u8], depth: usize) -> Result<(), ValueError> {
    let rest = skip(bytes, depth)?;
    if rest.is_empty() {
        Ok(())
    } else {
        Err(ValueError::Trailing(rest.len()))
    }
}

/// Checks values that are alike, one after another: what one of them was found to be makes checking the next faster.
#[derive(Debug)]
pub struct Checker {
    depth: usize,
    maps: Shape,
    structs: Shape,
}

impl Default for Checker {
    fn default() -> Self {
        Self::of_depth(VALUE_DEPTH_MAX)
    }
}

impl Checker {
    /// Allows values to nest so deep; at most [`VALUE_DEPTH_MAX`] is sensible.
    #[must_use]
    pub fn of_depth(depth: usize) -> Self {
        Self {
            depth,
            maps: Shape::of_maps(),
            structs: Shape::of_structs(),
        }
    }

    /// Checks as [`check`] does.
    ///
    /// # Errors
    /// What is wrong first.
    pub fn check(&mut self, bytes: &[u8]) -> Result<(), ValueError> {
        let (shape, each) = match bytes {
            [tag::MAP, ..] => (&mut self.maps, 2),
            [tag::STRUCT, ..] => (&mut self.structs, 1),
            _ => return whole(bytes, self.depth),
        };
        let (whole, rest) = sized(bytes.get(1..).unwrap_or_default())?;
        let (count, body) = whole
            .split_first_chunk::<4>()
            .ok_or(ValueError::Truncated)?;
        let depth_left = self.depth.checked_sub(1).ok_or(ValueError::Depth)?;
        let found = elements(body, shape, depth_left)?;
        if found as u64 != u64::from(u32::from_le_bytes(*count)) * each {
            return Err(ValueError::Container);
        }
        if rest.is_empty() {
            Ok(())
        } else {
            Err(ValueError::Trailing(rest.len()))
        }
    }
}

/// Checks the elements of a container, and counts them. Only what was checked is learnt: a part that is alike is
/// well-formed when its text is.
fn elements(body: &[u8], shape: &mut Shape, depth_left: usize) -> Result<usize, ValueError> {
    let mut rest = body;
    let mut found = 0;
    let mut differing = 0;
    for part in shape.parts() {
        if let Some((text, after)) = part.skip(rest)
            && is_text(text)
        {
            rest = after;
            found += part.values;
            continue;
        }
        differing += usize::from(part.is_comparable());
        for _ in 0..part.values {
            if !rest.is_empty() {
                rest = skip(rest, depth_left)?;
                found += 1;
            }
        }
    }
    while !rest.is_empty() {
        rest = skip(rest, depth_left)?;
        found += 1;
    }
    shape.note(differing, body);
    Ok(found)
}

/// Whether a text is one. Most are ASCII, which is found out faster.
#[inline]
fn is_text(text: &[u8]) -> bool {
    is_ascii(text) || std::str::from_utf8(text).is_ok()
}

/// Checks the value that `bytes` begin with, and gives what follows it.
#[inline]
fn skip(bytes: &[u8], depth_left: usize) -> Result<&[u8], ValueError> {
    let (&tag, rest) = bytes.split_first().ok_or(ValueError::Truncated)?;
    let fixed = match tag {
        tag::STRING => {
            let (bytes, rest) = sized(rest)?;
            if !is_text(bytes) {
                return Err(ValueError::Utf8);
            }
            return Ok(rest);
        }
        tag::NULL => 0,
        tag::BOOLEAN => match rest.first() {
            Some(0 | 1) => 1,
            Some(other) => return Err(ValueError::Boolean(*other)),
            None => return Err(ValueError::Truncated),
        },
        tag::INT8 => 1,
        tag::INT16 => 2,
        tag::INT32 | tag::FLOAT32 | tag::DATE | tag::TIME => 4,
        tag::INT64 | tag::FLOAT64 | tag::TIMESTAMP => 8,
        tag::BYTES => return Ok(sized(rest)?.1),
        tag::DECIMAL => {
            let (_, rest) = rest.split_at_checked(4).ok_or(ValueError::Truncated)?;
            return Ok(sized(rest)?.1);
        }
        tag::ARRAY | tag::STRUCT => return container(rest, 1, depth_left),
        tag::MAP => return container(rest, 2, depth_left),
        other => return Err(ValueError::Tag(other)),
    };
    rest.get(fixed..).ok_or(ValueError::Truncated)
}

/// Checks a container whose entries have this many values, and gives what follows it.
fn container(bytes: &[u8], each: usize, depth_left: usize) -> Result<&[u8], ValueError> {
    let (body, rest) = sized(bytes)?;
    let (count, mut body) = body.split_first_chunk::<4>().ok_or(ValueError::Truncated)?;
    let depth_left = depth_left.checked_sub(1).ok_or(ValueError::Depth)?;
    let count = u64::from(u32::from_le_bytes(*count)) * each as u64;
    let mut found = 0_u64;
    while let [tag, ..] = body {
        // Numbers, most of what there is, without the tree of cases.
        let size = SIZES.get(usize::from(*tag)).copied().unwrap_or(0);
        body = match size {
            0 => skip(body, depth_left)?,
            size => body.get(usize::from(size)..).ok_or(ValueError::Truncated)?,
        };
        found += 1;
    }
    if found == count {
        Ok(rest)
    } else {
        Err(ValueError::Container)
    }
}

/// How long values are of which only the tag is to be looked at, with that tag; 0: more is to be looked at.
#[allow(clippy::indexing_slicing, reason = "worked out by the compiler")]
const SIZES: [u8; 17] = {
    let mut sizes = [0; 17];
    sizes[tag::NULL as usize] = 1;
    sizes[tag::INT8 as usize] = 2;
    sizes[tag::INT16 as usize] = 3;
    sizes[tag::INT32 as usize] = 5;
    sizes[tag::FLOAT32 as usize] = 5;
    sizes[tag::DATE as usize] = 5;
    sizes[tag::TIME as usize] = 5;
    sizes[tag::INT64 as usize] = 9;
    sizes[tag::FLOAT64 as usize] = 9;
    sizes[tag::TIMESTAMP as usize] = 9;
    sizes
};

/// Whether all bytes are ASCII: short texts by two words that overlap.
#[inline]
fn is_ascii(text: &[u8]) -> bool {
    const HIGH: u64 = 0x8080_8080_8080_8080;
    match (text.first_chunk::<8>(), text.last_chunk::<8>()) {
        (Some(first), Some(last)) if text.len() <= 16 => {
            (u64::from_le_bytes(*first) | u64::from_le_bytes(*last)) & HIGH == 0
        }
        (Some(_), _) => text.is_ascii(),
        (None, _) => match (text.first_chunk::<4>(), text.last_chunk::<4>()) {
            (Some(first), Some(last)) => {
                (u32::from_le_bytes(*first) | u32::from_le_bytes(*last)) & 0x8080_8080 == 0
            }
            _ => text.iter().all(u8::is_ascii),
        },
    }
}

#[inline]
fn sized(bytes: &[u8]) -> Result<(&[u8], &[u8]), ValueError> {
    let (length, rest) = bytes
        .split_first_chunk::<4>()
        .ok_or(ValueError::Truncated)?;
    rest.split_at_checked(u32::from_le_bytes(*length) as usize)
        .ok_or(ValueError::Truncated)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Encoder;
    use proptest::prelude::*;

    /// A map of each kind of value, with what may differ between records of one topic.
    fn record(number: i64, flag: bool, text: &str, nested: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut encoder = Encoder::new(&mut out);
        let map = encoder.map();
        encoder.string("number");
        encoder.int64(number);
        encoder.string("flag");
        encoder.boolean(flag);
        encoder.string("text");
        encoder.string(text);
        encoder.string("null");
        encoder.null();
        encoder.string("nested");
        encoder.encoded(nested);
        encoder.string("last");
        encoder.date(number as i32);
        encoder.end(map, 6);
        out
    }

    /// A checker that has learnt of a record.
    fn learnt(record: &[u8]) -> Checker {
        let mut checker = Checker::default();
        for _ in 0..9 {
            assert_eq!(checker.check(record), Ok(()));
        }
        assert!(!checker.maps.parts().is_empty());
        checker
    }

    #[test]
    fn what_is_wrong_is_found_after_others_that_are_alike() {
        let known = record(7, true, "a text", &[tag::NULL]);
        let mut checker = learnt(&known);
        for place in 0..known.len() {
            for other in 0..=255 {
                let mut bytes = known.clone();
                bytes[place] = other;
                assert_eq!(checker.check(&bytes), check(&bytes), "{other} at {place}");
            }
            let ends = &known[..place];
            assert_eq!(checker.check(ends).is_ok(), check(ends).is_ok());
        }
    }

    #[test]
    fn another_is_learnt_when_several_in_a_row_differ() {
        let known = record(7, true, "a text", &[tag::NULL]);
        let mut checker = learnt(&known);
        let other = [
            tag::MAP,
            16,
            0,
            0,
            0,
            1,
            0,
            0,
            0,
            tag::STRING,
            1,
            0,
            0,
            0,
            b'k',
            tag::STRING,
            1,
            0,
            0,
            0,
            b'v',
        ];
        assert_eq!(check(&other), Ok(()));
        let parts = |checker: &Checker| checker.maps.parts().len();
        let before = parts(&checker);
        // Not when they come in turns.
        for _ in 0..100 {
            assert_eq!(checker.check(&other), Ok(()));
            assert_eq!(checker.check(&known), Ok(()));
        }
        assert_eq!(parts(&checker), before);
        for _ in 0..100 {
            assert_eq!(checker.check(&other), Ok(()));
        }
        assert_ne!(parts(&checker), before);
    }

    proptest! {
        #[test]
        fn a_checker_says_what_a_single_check_says(
            records in prop::collection::vec(
                (any::<i64>(), any::<bool>(), ".{0,20}", 0..4_usize, any::<(prop::sample::Index, u8)>(), 0..3),
                1..60,
            ),
        ) {
            let nested: [&[u8]; 4] = [&[0], &[2, 9], &[10, 5, 0, 0, 0, 1, 0, 0, 0, 0], &[9, 1, 0, 0, 0, 255]];
            let mut checker = Checker::default();
            for (number, flag, text, kind, (place, byte), damaged) in records {
                let mut bytes = record(number, flag, &text, nested[kind]);
                if damaged == 0 {
                    let place = place.index(bytes.len());
                    bytes[place] = byte;
                }
                prop_assert_eq!(checker.check(&bytes), check(&bytes));
            }
        }
    }
}
