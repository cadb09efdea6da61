//! Predicates: they decide whether a transform applies to a record.

use tidegate_model::Batch;

use crate::config::Config;
use crate::definition::{ConfigIssue, Description};
use crate::error::Result;
use crate::record::{Record, records};
use crate::transform::{Reads, issues_of};

/// A predicate.
///
/// Implement [`describe`](Predicate::describe), [`configure`](Predicate::configure), and either
/// [`test`](Predicate::test) or [`test_batch`](Predicate::test_batch).
pub trait Predicate {
    /// What the predicate says of itself. Always the same answer.
    fn describe() -> Description
    where
        Self: Sized;

    /// Checks a configuration beyond its definition. By default, whatever `configure` says.
    fn validate(config: &Config) -> Vec<ConfigIssue>
    where
        Self: Sized,
    {
        issues_of(Self::configure(config).err(), &Self::describe())
    }

    /// Prepares the predicate. Does no I/O.
    ///
    /// # Errors
    /// When the configuration cannot work.
    fn configure(config: &Config) -> Result<Self>
    where
        Self: Sized;

    /// Which columns the predicate reads; what is not named here looks null to it.
    fn reads(&self) -> Reads {
        Reads::ALL
    }

    /// Whether the predicate holds for a record.
    ///
    /// # Errors
    /// When it cannot be decided.
    fn test(&mut self, record: &Record) -> Result<bool> {
        let _ = record;
        Ok(false)
    }

    /// For each record of a batch whether the predicate holds. By default, record by record.
    ///
    /// # Errors
    /// When it cannot be decided for one of them.
    fn test_batch(&mut self, batch: &Batch) -> Result<Vec<bool>> {
        records(batch).map(|record| self.test(&record?)).collect()
    }
}
