//! The rows of a fetched batch that the records of a put came from.

/// The rows that the records of a batch came from.
pub(super) struct Rows<'a> {
    /// For each record its row, ascending. None: record n came from row n.
    pub(super) rows: Option<&'a [u32]>,
    /// How many rows were fetched.
    pub(super) fetched: usize,
    /// For each row whether it was counted when it came before. None: none was.
    pub(super) counted: Option<&'a [bool]>,
}

impl Rows<'_> {
    /// The row that a record came from; for the index after the last record, the row after the last.
    pub(super) fn of(&self, index: usize) -> usize {
        match self.rows {
            None => index,
            Some(rows) => rows.get(index).map_or(self.fetched, |row| *row as usize),
        }
    }

    /// How many rows so many records came from.
    pub(super) fn distinct(&self, records: usize) -> usize {
        match self.rows {
            None => records,
            Some(rows) => rows.chunk_by(|one, next| one == next).count(),
        }
    }

    /// How many of the first `records` the sink took now: those that it refused, and those that were counted when they
    /// came before, are left out.
    pub(super) fn new_of(
        &self,
        records: usize,
        refused: impl ExactSizeIterator<Item = usize>,
    ) -> usize {
        if self.counted.is_none() {
            return records.saturating_sub(refused.len());
        }
        let is_new = |index: &usize| self.is_new(self.of(*index));
        let refused = refused.filter(is_new).count();
        (0..records).filter(is_new).count().saturating_sub(refused)
    }

    pub(super) fn is_new(&self, row: usize) -> bool {
        let counted = |counted: &[bool]| counted.get(row).copied().unwrap_or(false);
        !self.counted.is_some_and(counted)
    }
}
