//! Whether bytes from a guest are one well-formed value. Run once, where they enter the host.

use super::{ValueError, tag};
use crate::limits::VALUE_DEPTH_MAX;

/// Checks that `bytes` are exactly one encoded value: known tags, lengths that fit, UTF-8, and at most
/// [`VALUE_DEPTH_MAX`] containers in one another.
///
/// # Errors
/// What is wrong first.
#[inline]
pub fn check(bytes: &[u8]) -> Result<(), ValueError> {
    let rest = skip(bytes, VALUE_DEPTH_MAX)?;
    if rest.is_empty() {
        Ok(())
    } else {
        Err(ValueError::Trailing(rest.len()))
    }
}

/// Checks the value that `bytes` begin with, and gives what follows it.
#[inline]
fn skip(bytes: &[u8], depth_left: usize) -> Result<&[u8], ValueError> {
    let (&tag, rest) = bytes.split_first().ok_or(ValueError::Truncated)?;
    let fixed = match tag {
        tag::STRING => {
            let (text, rest) = sized(rest)?;
            // Most text is ASCII, which is found out faster.
            if !is_ascii(text) && std::str::from_utf8(text).is_err() {
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
