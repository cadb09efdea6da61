//! The batch that a sink has in hand, and how far it says that it came (`sink-progress` of `wit/host.wit`). What it said
//! outlives it.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Shared by a sink and its store. Both are used by one thread at a time.
#[derive(Debug, Default)]
pub(crate) struct InHand {
    given: AtomicU32,
    delivered: AtomicU32,
}

impl InHand {
    /// A batch of so many records is given.
    pub(crate) fn give(&self, records: usize) {
        self.delivered.store(0, Relaxed);
        self.given
            .store(u32::try_from(records).unwrap_or(u32::MAX), Relaxed);
    }

    /// The call is over. How many records the sink said to have delivered, and all before them.
    pub(crate) fn taken_back(&self) -> usize {
        self.given.store(0, Relaxed);
        self.delivered.load(Relaxed) as usize
    }

    /// The sink says how far it came.
    ///
    /// # Errors
    /// When it says more than it was given.
    pub(crate) fn delivered(&self, records: u32) -> Result<(), String> {
        let given = self.given.load(Relaxed);
        if records > given {
            return Err(format!(
                "it said that it delivered {records} records of the batch in hand, which has {given}"
            ));
        }
        self.delivered.fetch_max(records, Relaxed);
        Ok(())
    }
}
