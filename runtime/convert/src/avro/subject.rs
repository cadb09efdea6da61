//! The subject that a schema is registered under.

use super::options::{KEY_STRATEGY, VALUE_STRATEGY};
use crate::error::ConvertError;
use crate::options::{Options, refused};

/// How subjects are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Strategy {
    naming: Naming,
    is_key: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Naming {
    Topic,
    Record,
    TopicRecord,
}

/// The strategy that the configuration names.
pub(super) fn strategy(options: Options<'_>, is_key: bool) -> Result<Strategy, ConvertError> {
    let of = |key| {
        let text = options.text(key).unwrap_or("TopicNameStrategy").trim();
        let naming = match text.rsplit('.').next().unwrap_or(text) {
            // The newest default asks the registry for associations first, and is this without any.
            "TopicNameStrategy" | "AssociatedNameStrategy" => Naming::Topic,
            "RecordNameStrategy" => Naming::Record,
            "TopicRecordNameStrategy" => Naming::TopicRecord,
            _ => {
                let wanted = "TopicNameStrategy, RecordNameStrategy or TopicRecordNameStrategy, alone or after \
                              io.confluent.kafka.serializers.subject.";
                return Err(refused(key, text, wanted));
            }
        };
        Ok(Strategy { naming, is_key })
    };
    let (key, value) = (of(KEY_STRATEGY)?, of(VALUE_STRATEGY)?);
    Ok(if is_key { key } else { value })
}

impl Strategy {
    /// The subject of a topic and a schema; `record`: the full name of the schema, when it is a record.
    ///
    /// # Errors
    /// When the subject is the record's name and there is none.
    pub(super) fn subject(self, topic: &str, record: Option<&str>) -> Result<String, ConvertError> {
        let record = || {
            record.ok_or_else(|| {
                let (prefix, name) = match (self.is_key, self.naming) {
                    (true, Naming::Record) => ("key", "RecordNameStrategy"),
                    (true, _) => ("key", "TopicRecordNameStrategy"),
                    (false, Naming::Record) => ("value", "RecordNameStrategy"),
                    (false, _) => ("value", "TopicRecordNameStrategy"),
                };
                ConvertError::Data(format!(
                    "In configuration {prefix}.subject.name.strategy = {name}, the message {prefix} must only be a record \
                     schema; use TopicNameStrategy for other types"
                ))
            })
        };
        Ok(match self.naming {
            Naming::Topic if self.is_key => format!("{topic}-key"),
            Naming::Topic => format!("{topic}-value"),
            Naming::Record => record()?.to_owned(),
            Naming::TopicRecord => format!("{topic}-{}", record()?),
        })
    }
}
