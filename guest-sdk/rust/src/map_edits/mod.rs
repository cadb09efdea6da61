//! Transforms that edit the entries of maps without a schema: neighbours in a chain are done in one go.
//!
//! Such a transform says what becomes of a map by its keys alone ([`MapEdits::plan`]), and is asked for the values that
//! depend on the record ([`MapEdits::write`]). The records of a topic mostly have the same keys in the same places. So
//! the plans of neighbours are made once for these keys, put together, and applied to a record in one pass: nothing is
//! looked up by name, and what stays is copied in runs. These keys are the [`MapShape`](tidegate_model::MapShape) that
//! maps refer to, where their topic has few.
//!
//! | module | what |
//! | --- | --- |
//! | `planned_map` | a map as the transforms plan it, by its keys |
//! | `map_plan` | what becomes of maps with the same keys, and writing it |
//! | `fused` | the neighbours of a chain, with the plans they made |
//!
//! The invariant: what comes of a record in one pass is, with its keys, to the byte what the transforms make of it one
//! after another.
//! Where that is not foreseen - a map that has its keys itself, a value that cannot be written, a record
//! without what is to be inserted, or over the limit of its size - the record is left to them, and so are its errors.

mod fused;
mod map_plan;
mod planned_map;

pub(crate) use fused::Fused;
pub use planned_map::{Naming, PlannedMap};

use crate::error::Result;
use crate::row::{Row, Side};

/// What a transform makes of maps without a schema, as edits of their entries.
pub trait MapEdits {
    /// Whether it edits keys or values of records.
    fn side(&self) -> Side;

    /// Whether null stays null. Otherwise such a record is left to [`apply_batch`](crate::Transform::apply_batch).
    fn keeps_null(&self) -> bool;

    /// Whether its plans differ by [`Facts`].
    fn needs_facts(&self) -> bool {
        false
    }

    /// Edits a map of which the keys are known, for records that have what `facts` says.
    fn plan(&self, facts: Facts, map: &mut PlannedMap);

    /// Appends the value with a number of the plan: what becomes of `value`; to be made anew, where that is empty.
    ///
    /// # Errors
    /// When there is none. The record is then left to [`apply_batch`](crate::Transform::apply_batch), which says why.
    fn write(&self, number: u32, value: &[u8], row: &Row<'_>, out: &mut Vec<u8>) -> Result<()>;
}

/// What is known of a record besides its key and value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Facts {
    /// Its partition.
    pub partition: bool,
    /// Its offset.
    pub offset: bool,
    /// Its timestamp.
    pub timestamp: bool,
}

impl Facts {
    fn of(row: &Row<'_>) -> Self {
        Self {
            partition: row.partition().is_some(),
            offset: row.offset().is_some(),
            timestamp: row.timestamp().is_some(),
        }
    }
}
