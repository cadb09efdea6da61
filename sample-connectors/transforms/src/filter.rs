//! `Filter`: drops every record it sees. A predicate decides which it sees.

use tidegate_sdk::TransformBatch;
use tidegate_sdk::prelude::*;

use crate::side::PACKAGE;

/// The transform.
#[derive(Debug)]
pub struct Filter;

impl Transform for Filter {
    fn describe() -> Description {
        Description::new(format!("{PACKAGE}Filter"))
            .version(env!("CARGO_PKG_VERSION"))
            .documentation(
                "Drops all records, filtering them from subsequent transformations in the chain. This is intended to be used conditionally to filter out records matching (or not matching) a particular predicate.",
            )
    }

    fn configure(_config: &Config) -> Result<Self> {
        Ok(Self)
    }

    fn reads(&self) -> Reads {
        Reads::NONE
    }

    fn apply_batch(&mut self, batch: &mut TransformBatch) -> Result<()> {
        for index in 0..batch.len() {
            if batch.is_selected(index) {
                batch.discard(index);
            }
        }
        Ok(())
    }
}
