//! One column made of another, entry by entry: what all converters do with their columns.

use tidegate_model::Column;
use tidegate_model::schema::Schema;

use crate::RecordFailure;
use crate::error::ConvertError;
use crate::schema_index::schema_of;

/// Makes a column: `convert` is given each entry with its index and appends what becomes of it. It answers whether
/// that is something: else, and when it fails, the entry is null and what was appended is taken back. `room` is how
/// many bytes are foreseen.
#[inline]
pub(crate) fn convert_each<F>(
    entries: &Column,
    room: usize,
    failures: &mut Vec<RecordFailure>,
    mut convert: F,
) -> Column
where
    F: FnMut(usize, Option<&[u8]>, &mut Vec<u8>) -> Result<bool, ConvertError>,
{
    let mut column = Column::with_capacity(entries.len(), room);
    for (index, entry) in entries.iter().enumerate() {
        let mark = column.begin();
        let converted = convert(index, entry, &mut column.bytes);
        if let Ok(true) = converted {
            column.end(mark);
            continue;
        }
        column.bytes.truncate(mark);
        column.push(None);
        if let Err(error) = converted {
            failures.push(RecordFailure { index, error });
        }
    }
    column
}

/// The index of the schema of what was read, -1 where it failed.
pub(crate) fn index_of(read: &Result<(i32, bool), ConvertError>) -> i32 {
    read.as_ref().map_or(-1, |(schema, _)| *schema)
}

/// The schemas of a batch, decoded when first asked for.
pub(crate) struct DecodedSchemas<'a> {
    encoded: &'a [Vec<u8>],
    decoded: Vec<Option<Schema>>,
}

impl<'a> DecodedSchemas<'a> {
    pub(crate) fn new(encoded: &'a [Vec<u8>]) -> Self {
        Self {
            encoded,
            decoded: vec![None; encoded.len()],
        }
    }

    /// The schema of an entry; `None` when it has none, or a damaged one.
    pub(crate) fn of(&mut self, value_schemas: &[i32], index: usize) -> Option<&Schema> {
        let schema = schema_of(value_schemas, index)?;
        let place = self.decoded.get_mut(schema)?;
        if place.is_none() {
            *place = Schema::decode(self.encoded.get(schema)?).ok();
        }
        place.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_or_is_nothing_is_null_and_leaves_no_bytes() {
        let entries = [Some(&b"a"[..]), Some(b"bad"), None, Some(b"b")];
        let entries: Column = entries.into_iter().collect();
        let mut failures = Vec::new();
        let column = convert_each(&entries, 0, &mut failures, |_, entry, out| {
            out.extend_from_slice(b"some");
            match entry {
                Some(b"bad") => Err(ConvertError::data("bad")),
                entry => Ok(entry.is_some()),
            }
        });
        let some = Some(&b"some"[..]);
        assert_eq!(column.iter().collect::<Vec<_>>(), [some, None, None, some]);
        assert_eq!(failures.len(), 1);
        assert_eq!(failures[0].index, 1);
    }
}
