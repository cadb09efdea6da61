//! Single message transforms.
//!
//! A transform works on records ([`Transform::apply`]) or, for speed, on the columns of a whole batch
//! ([`Transform::apply_batch`]). The chain of a component's transforms runs in one call; what no transform
//! changed is not sent back.

use crate::config::Config;
use crate::definition::{ConfigIssue, Description};
use crate::error::{Error, Result};
use crate::map_edits::MapEdits;
use crate::record::Record;
use crate::transform_batch::TransformBatch;

/// What came of a record.
#[derive(Debug, Clone, PartialEq)]
pub enum Apply {
    /// The record goes on, changed or not.
    Keep(Record),
    /// The record is dropped.
    Drop,
    /// The record becomes several, in order.
    Many(Vec<Record>),
}

impl From<Record> for Apply {
    fn from(record: Record) -> Self {
        Self::Keep(record)
    }
}

/// Which of the wide columns a plugin reads. What no plugin of a chain reads is not sent and looks null.
/// Topics, partitions, offsets and timestamps are always there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reads {
    /// Keys and their schemas.
    pub keys: bool,
    /// Values and their schemas.
    pub values: bool,
    /// Headers and their schemas.
    pub headers: bool,
    /// Whether maps without a schema may leave their keys to a [`MapShape`](tidegate_model::MapShape): to whoever works
    /// on the columns of a batch, else every map has its keys itself. Records as values always have them.
    pub map_shapes: bool,
}

impl Reads {
    /// All columns.
    pub const ALL: Self = Self {
        keys: true,
        values: true,
        headers: true,
        map_shapes: false,
    };
    /// None of the wide columns.
    pub const NONE: Self = Self {
        keys: false,
        values: false,
        headers: false,
        map_shapes: false,
    };
    /// Keys only.
    pub const KEYS: Self = Self {
        keys: true,
        ..Self::NONE
    };
    /// Values only.
    pub const VALUES: Self = Self {
        values: true,
        ..Self::NONE
    };

    /// Headers only.
    pub const HEADERS: Self = Self {
        headers: true,
        ..Self::NONE
    };

    /// What either reads.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            keys: self.keys || other.keys,
            values: self.values || other.values,
            headers: self.headers || other.headers,
            map_shapes: self.map_shapes && other.map_shapes,
        }
    }

    /// Whether it is all the same to its reader if maps have left their keys to a shape.
    pub(crate) fn takes_map_shapes(self) -> bool {
        self.map_shapes || !(self.keys || self.values)
    }
}

/// A single message transform.
///
/// Implement [`describe`](Transform::describe), [`configure`](Transform::configure), and either
/// [`apply`](Transform::apply) or [`apply_batch`](Transform::apply_batch).
pub trait Transform {
    /// What the transform says of itself. Always the same answer.
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

    /// Prepares the transform. Does no I/O.
    ///
    /// # Errors
    /// When the configuration cannot work.
    fn configure(config: &Config) -> Result<Self>
    where
        Self: Sized;

    /// Which columns the transform reads or changes in part. A column that is not named here looks null to
    /// it; one that it replaces for every record need not be named.
    fn reads(&self) -> Reads {
        Reads::ALL
    }

    /// Which further columns it needs when a predicate leaves some records out: those that it replaces for
    /// the records it applies to.
    fn reads_when_conditional(&self) -> Reads {
        Reads::NONE
    }

    /// What it does to maps without a schema, where that is to edit their entries: neighbours that do are done in one
    /// pass. [`apply_batch`](Transform::apply_batch) says what else it does, and the same of these.
    fn map_edits(&self) -> Option<&dyn MapEdits> {
        None
    }

    /// Transforms one record.
    ///
    /// # Errors
    /// When the record cannot be transformed; `errors.tolerance` decides what happens to it.
    fn apply(&mut self, record: Record) -> Result<Apply> {
        Ok(Apply::Keep(record))
    }

    /// Transforms a batch. By default, record by record.
    ///
    /// # Errors
    /// When the whole batch failed. Report the failure of one record with [`TransformBatch::fail`].
    fn apply_batch(&mut self, batch: &mut TransformBatch) -> Result<()> {
        batch.apply_records(|record| self.apply(record))
    }
}

/// What `configure` found wrong, as an issue with a key.
pub(crate) fn issues_of(error: Option<Error>, description: &Description) -> Vec<ConfigIssue> {
    let Some(error) = error else {
        return Vec::new();
    };
    if error.is_by_definition()
        && let Some(key) = error.key()
    {
        let keys = description.config.keys();
        return match keys.iter().any(|known| known.name == key) {
            true => Vec::new(),
            // The worker knows the keys of the definition only, and says nothing of this one.
            false => vec![ConfigIssue::new(
                key,
                format!(
                    "{error} The plugin asks for this key, and its description does not have it: add it to the ConfigDef"
                ),
            )],
        };
    }
    let first = description.config.keys().first();
    let key = error
        .key()
        .or(first.map(|key| key.name.as_str()))
        .unwrap_or_default();
    vec![ConfigIssue::new(key, error.message())]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::{ConfigDef, Importance, Type};

    /// Describes a key, and asks for another.
    struct Misspelt;

    impl Transform for Misspelt {
        fn describe() -> Description {
            let keys = ConfigDef::new();
            let keys = keys.required("field", Type::Text, Importance::High, "The field.");
            Description::new("com.example.Misspelt").config(keys)
        }

        fn configure(config: &Config) -> Result<Self> {
            config.required("field")?;
            config.required("feild")?;
            Ok(Self)
        }
    }

    #[test]
    fn a_key_that_only_configure_knows_is_an_issue_and_one_that_the_worker_checks_is_none() {
        let issues = Misspelt::validate(&Config::new());
        assert!(issues.is_empty(), "{issues:?}");
        let issues = Misspelt::validate(&Config::new().with("field", "x"));
        let [issue] = issues.as_slice() else {
            panic!("{issues:?}");
        };
        assert_eq!(issue.key, "feild");
        assert!(
            issue.message.contains("add it to the ConfigDef"),
            "{issue:?}"
        );
    }
}
