//! Avro's binary encoding: numbers of variable length, and what is made of them.

use super::Fault;

/// Appends a number, zigzag and seven bits a byte.
#[inline]
pub(super) fn put_long(value: i64, out: &mut Vec<u8>) {
    let mut rest = value.cast_unsigned() << 1 ^ (value >> 63).cast_unsigned();
    while rest >= 0x80 {
        out.push(low_byte(rest) | 0x80);
        rest >>= 7;
    }
    out.push(low_byte(rest));
}

/// Appends a number of things. Limits keep them far below 2^63.
#[inline]
pub(super) fn put_count(count: usize, out: &mut Vec<u8>) {
    put_long(i64::try_from(count).unwrap_or(i64::MAX), out);
}

/// Appends bytes with their length.
#[inline]
pub(super) fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    put_count(bytes.len(), out);
    out.extend_from_slice(bytes);
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "only these bits are wanted"
)]
fn low_byte(value: u64) -> u8 {
    value as u8
}

/// Reads Avro's bytes one after another.
#[derive(Debug, Clone)]
pub(super) struct Cursor<'a> {
    rest: &'a [u8],
    length: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes,
            length: bytes.len(),
        }
    }

    /// Where the next byte stands.
    pub(super) fn offset(&self) -> usize {
        self.length - self.rest.len()
    }

    /// How many bytes are left.
    pub(super) fn left(&self) -> usize {
        self.rest.len()
    }

    /// Takes one byte.
    #[inline]
    pub(super) fn byte(&mut self) -> Result<u8, Fault> {
        let (byte, rest) = self.rest.split_first().ok_or(Fault::End)?;
        self.rest = rest;
        Ok(*byte)
    }

    /// Takes so many bytes.
    #[inline]
    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], Fault> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(Fault::End)?;
        self.rest = rest;
        Ok(taken)
    }

    /// Takes all that is left.
    pub(super) fn all(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    /// Takes an array of bytes.
    #[inline]
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or(Fault::End)?;
        self.rest = rest;
        Ok(*taken)
    }

    /// Takes a long.
    #[inline]
    pub(super) fn long(&mut self) -> Result<i64, Fault> {
        let first = self.byte()?;
        if first < 0x80 {
            return Ok(unzigzag(first.into()));
        }
        let mut value = u64::from(first & 0x7f);
        for shift in (7..64).step_by(7) {
            let byte = self.byte()?;
            if shift == 63 && byte > 1 {
                return Err(Fault::Number);
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(unzigzag(value));
            }
        }
        Err(Fault::Number)
    }

    /// Takes an int.
    #[inline]
    pub(super) fn int(&mut self) -> Result<i32, Fault> {
        i32::try_from(self.long()?).map_err(|_| Fault::Number)
    }

    /// Takes bytes with their length.
    #[inline]
    pub(super) fn bytes(&mut self) -> Result<&'a [u8], Fault> {
        let length = self.long()?;
        let length = usize::try_from(length).map_err(|_| Fault::Length(length))?;
        self.take(length)
    }

    /// Takes the number of elements of the next block of an array or map; 0 at the end. Blocks with their size in
    /// bytes, which have a negative number, are read like the others.
    #[inline]
    pub(super) fn block(&mut self) -> Result<u64, Fault> {
        let count = self.long()?;
        if count < 0 {
            let bytes = self.long()?;
            if usize::try_from(bytes).is_ok_and(|bytes| bytes <= self.rest.len()) {
                return Ok(count.unsigned_abs());
            }
            return Err(if bytes < 0 {
                Fault::Length(bytes)
            } else {
                Fault::End
            });
        }
        Ok(count.unsigned_abs())
    }

    /// Takes the place of a branch of a union or a symbol of an enum.
    #[inline]
    pub(super) fn place(&mut self, count: usize) -> Result<usize, Fault> {
        let place = self.long()?;
        usize::try_from(place)
            .ok()
            .filter(|place| *place < count)
            .ok_or(Fault::Place {
                found: place,
                count,
            })
    }
}

#[inline]
fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_number_comes_back(value: i64) {
            let mut bytes = Vec::new();
            put_long(value, &mut bytes);
            let mut cursor = Cursor::new(&bytes);
            prop_assert_eq!(cursor.long(), Ok(value));
            prop_assert_eq!(cursor.left(), 0);
            prop_assert_eq!(Cursor::new(&bytes[..bytes.len() - 1]).long(), Err(Fault::End));
        }
    }

    #[test]
    fn numbers_are_as_avro_has_them() {
        for (value, wanted) in [
            (0, vec![0]),
            (-1, vec![1]),
            (1, vec![2]),
            (-64, vec![0x7f]),
            (64, vec![0x80, 1]),
        ] {
            let mut bytes = Vec::new();
            put_long(value, &mut bytes);
            assert_eq!(bytes, wanted);
        }
        assert_eq!(Cursor::new(&[0xff; 11]).long(), Err(Fault::Number));
        assert_eq!(
            Cursor::new(&[0xff, 0xff, 0xff, 0xff, 0x7f]).int(),
            Err(Fault::Number)
        );
    }
}
