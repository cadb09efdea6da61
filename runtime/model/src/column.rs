//! Byte strings of one field of many records, in one buffer: `column` of `wit/types.wit`.

use crate::short::append;

/// Byte strings, each possibly null, one after another in one buffer.
///
/// The lengths that are not -1 add up to the size of the buffer: [`Column::check`] says so of a column
/// that comes from a guest, and the builders keep it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Column {
    /// The byte strings, one after another.
    pub bytes: Vec<u8>,
    /// The length of each in bytes; -1 for null.
    pub lengths: Vec<i32>,
}

/// A column that contradicts itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ColumnError {
    /// A length below -1.
    #[error("entry {index} has the length {length}; -1 (null) and up are allowed")]
    Length {
        /// Which entry.
        index: usize,
        /// Its length.
        length: i32,
    },
    /// Lengths and bytes do not fit.
    #[error("the lengths add up to {lengths} bytes, the buffer has {bytes}")]
    Sum {
        /// The sum of the lengths.
        lengths: u64,
        /// The size of the buffer.
        bytes: usize,
    },
}

impl Column {
    /// Makes an empty column with room for `entries` of `bytes` in all.
    #[must_use]
    pub fn with_capacity(entries: usize, bytes: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(bytes),
            lengths: Vec::with_capacity(entries),
        }
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lengths.len()
    }

    /// Whether there are no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lengths.is_empty()
    }

    /// Appends a byte string or null. One of 2 GiB or more becomes null; limits keep them far smaller.
    #[inline]
    pub fn push(&mut self, entry: Option<&[u8]>) {
        match entry {
            Some(entry) => {
                let mark = self.begin();
                append(&mut self.bytes, entry);
                self.end(mark);
            }
            None => self.lengths.push(-1),
        }
    }

    /// Where the next entry begins. Append to `bytes`, then call [`Column::end`] with it.
    #[must_use]
    #[inline]
    pub fn begin(&self) -> usize {
        self.bytes.len()
    }

    /// Ends the entry that began at `mark`.
    #[inline]
    pub fn end(&mut self, mark: usize) {
        let length = i32::try_from(self.bytes.len().saturating_sub(mark));
        debug_assert!(length.is_ok(), "an entry of 2 GiB");
        if length.is_err() {
            self.bytes.truncate(mark);
        }
        self.lengths.push(length.unwrap_or(-1));
    }

    /// The entries in order; null is `None`. A column that was not checked may end early.
    #[must_use]
    pub fn iter(&self) -> Entries<'_> {
        Entries {
            bytes: &self.bytes,
            lengths: self.lengths.iter(),
        }
    }

    /// Checks that lengths and bytes fit.
    ///
    /// # Errors
    /// When a length is below -1 or the lengths do not add up to the buffer's size.
    pub fn check(&self) -> Result<(), ColumnError> {
        let mut sum = 0_u64;
        for (index, &length) in self.lengths.iter().enumerate() {
            match u64::try_from(length) {
                Ok(length) => sum += length,
                Err(_) if length == -1 => {}
                Err(_) => return Err(ColumnError::Length { index, length }),
            }
        }
        if sum == self.bytes.len() as u64 {
            Ok(())
        } else {
            Err(ColumnError::Sum {
                lengths: sum,
                bytes: self.bytes.len(),
            })
        }
    }

    /// Forgets all entries and keeps the room.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.lengths.clear();
    }
}

impl<'a> IntoIterator for &'a Column {
    type Item = Option<&'a [u8]>;
    type IntoIter = Entries<'a>;

    fn into_iter(self) -> Entries<'a> {
        self.iter()
    }
}

impl<'a> FromIterator<Option<&'a [u8]>> for Column {
    fn from_iter<I: IntoIterator<Item = Option<&'a [u8]>>>(entries: I) -> Self {
        let mut column = Self::default();
        for entry in entries {
            column.push(entry);
        }
        column
    }
}

/// The entries of a column, in order.
#[derive(Debug, Clone)]
pub struct Entries<'a> {
    bytes: &'a [u8],
    lengths: std::slice::Iter<'a, i32>,
}

impl<'a> Entries<'a> {
    /// The entries of these lengths; those that the bytes are too few for are left out.
    #[must_use]
    pub fn new(bytes: &'a [u8], lengths: &'a [i32]) -> Self {
        Self {
            bytes,
            lengths: lengths.iter(),
        }
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Option<&'a [u8]>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let length = *self.lengths.next()?;
        let Ok(length) = usize::try_from(length) else {
            return Some(None);
        };
        let (entry, rest) = self.bytes.split_at_checked(length)?;
        self.bytes = rest;
        Some(Some(entry))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.lengths.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_back_with_nulls_and_empties() {
        let entries = [Some(b"ab".as_slice()), None, Some(b""), Some(b"c")];
        let column: Column = entries.into_iter().collect();
        assert_eq!(column.iter().collect::<Vec<_>>(), entries);
        assert_eq!(column.check(), Ok(()));
    }

    #[test]
    fn a_column_that_contradicts_itself_is_refused() {
        let short = Column {
            bytes: vec![1],
            lengths: vec![2],
        };
        assert_eq!(
            short.check(),
            Err(ColumnError::Sum {
                lengths: 2,
                bytes: 1
            })
        );
        let negative = Column {
            bytes: vec![],
            lengths: vec![0, -2],
        };
        assert_eq!(
            negative.check(),
            Err(ColumnError::Length {
                index: 1,
                length: -2
            })
        );
        let huge = Column {
            bytes: vec![],
            lengths: vec![i32::MAX; 3],
        };
        assert!(huge.check().is_err());
    }
}
