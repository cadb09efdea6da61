//! The entries of `add.fields` and `add.headers`: what is taken out of an envelope, and the name that it gets.

use std::sync::Arc;

use tidegate_sdk::{Error, Result, Schema, SchemaType};

/// An entry: `op`, `source.ts_ms`, `lsn:position`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldReference {
    /// The struct of the envelope that has the field; `None`: the envelope itself.
    structure: Option<String>,
    field: String,
    /// The name that it gets.
    pub new_name: String,
}

/// Where a field stands in envelopes of one schema.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The place of the struct in the envelope, and of the field in the struct.
    pub place: Place,
    /// The schema that it gets where it is added.
    pub schema: Arc<Schema>,
}

/// The place of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A field of the envelope.
    Envelope(usize),
    /// A field of the envelope, taken only where a struct that lacks it is not null.
    Beside(usize, usize),
    /// A field of a struct: the struct's place, and the field's in it.
    Within(usize, usize),
}

impl FieldReference {
    /// Reads a list of entries, each of which gets a name with a prefix.
    ///
    /// # Errors
    /// When an entry has more than one `:`, or no name.
    pub fn parse_list(key: &str, list: &str, prefix: &str) -> Result<Vec<Self>> {
        if list.is_empty() {
            return Ok(Vec::new());
        }
        let entries = java_split(list, ',').into_iter().map(str::trim);
        entries
            .map(|entry| {
                Self::parse(entry, prefix).ok_or_else(|| {
                    Error::config_key(
                        key,
                        format_args!(
                            "Invalid value {list} for configuration {key}: Unexpected field name: {entry}; FIELD, STRUCT.FIELD and either with :NEW_NAME are allowed"
                        ),
                    )
                })
            })
            .collect()
    }

    fn parse(entry: &str, prefix: &str) -> Option<Self> {
        let parts = java_split(entry, ':');
        let steps = java_split(parts.first()?, '.');
        let (structure, field) = match steps.as_slice() {
            [] => return None,
            [field] => (structure_of(field), *field),
            [structure, field, ..] => (Some(*structure), *field),
        };
        let new_name = match (parts.as_slice(), steps.as_slice()) {
            ([_], [_]) => format!("{prefix}{field}"),
            ([_], _) => format!("{prefix}{}_{field}", structure.unwrap_or_default()),
            ([_, name], _) => format!("{prefix}{name}"),
            _ => return None,
        };
        Some(Self {
            structure: structure.map(str::to_owned),
            field: field.to_owned(),
            new_name,
        })
    }

    /// Whether it asks for the operation, which a tombstone has as well.
    #[must_use]
    pub fn is_operation(&self) -> bool {
        self.field == "op"
    }

    /// Where the field stands in envelopes of a schema; `None`: they do not have it.
    ///
    /// # Errors
    /// When the envelope lacks the struct, or something else has its name.
    pub fn find(&self, envelope: &Schema) -> Result<Option<Found>> {
        let Some(structure) = &self.structure else {
            return Ok(found(envelope, &self.field, Place::Envelope));
        };
        let mut fields = envelope.fields().iter().enumerate();
        let (at, parent) = fields
            .find(|(_, field)| field.name == *structure)
            .ok_or_else(|| {
                Error::data(format_args!(
                    "{structure} is not a valid field name: the envelope {} has no such struct, of which {} is wanted; correct add.fields or add.headers",
                    envelope.name.as_deref().unwrap_or_default(),
                    self.field
                ))
            })?;
        if !matches!(parent.schema.kind, SchemaType::Struct(_)) {
            return Err(Error::data(format_args!(
                "Cannot look up fields on non-struct type: {structure} of the envelope is {}, of which {} is wanted; correct add.fields or add.headers",
                parent.schema.kind.name(),
                self.field
            )));
        }
        let within = found(&parent.schema, &self.field, |place| {
            Place::Within(at, place)
        });
        Ok(within.or_else(|| found(envelope, &self.field, |place| Place::Beside(at, place))))
    }
}

fn found(schema: &Schema, name: &str, place: impl FnOnce(usize) -> Place) -> Option<Found> {
    let mut fields = schema.fields().iter().enumerate();
    let (at, field) = fields.find(|(_, field)| field.name == name)?;
    Some(Found {
        place: place(at),
        schema: Arc::new(Schema {
            optional: true,
            default: None,
            ..Schema::clone(&field.schema)
        }),
    })
}

/// The struct that has a field which is named alone.
fn structure_of(field: &str) -> Option<&'static str> {
    match field {
        "id" | "data_collection_order" | "total_order" => Some("transaction"),
        "op" | "ts_ms" | "ts_us" | "ts_ns" => None,
        "updateDescription" => Some("updateDescription"),
        _ => Some("source"),
    }
}

/// Divides as Java's `split` does: empty parts at the end are left out, and a text without the separator is
/// one part, even when it is empty.
fn java_split(text: &str, separator: char) -> Vec<&str> {
    let mut parts: Vec<&str> = text.split(separator).collect();
    if parts.len() > 1 {
        while parts.last().is_some_and(|part| part.is_empty()) {
            parts.pop();
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(list: &str) -> Vec<(Option<String>, String, String)> {
        let entries = FieldReference::parse_list("add.fields", list, "__").unwrap();
        let parts = |entry: FieldReference| (entry.structure, entry.field, entry.new_name);
        entries.into_iter().map(parts).collect()
    }

    #[test]
    fn entries_are_read_as_debezium_reads_them() {
        for (entry, structure, field, new_name) in [
            ("op", None, "op", "__op"),
            ("ts_us", None, "ts_us", "__ts_us"),
            ("lsn", Some("source"), "lsn", "__lsn"),
            ("source.lsn", Some("source"), "lsn", "__source_lsn"),
            ("id", Some("transaction"), "id", "__id"),
            ("transaction.id:tx", Some("transaction"), "id", "__tx"),
            ("before.name:old", Some("before"), "name", "__old"),
            ("op:", None, "op", "__op"),
            ("op.", None, "op", "__op"),
            ("a.b.c", Some("a"), "b", "__a_b"),
            ("op::", None, "op", "__op"),
        ] {
            let wanted = (
                structure.map(str::to_owned),
                field.to_owned(),
                new_name.to_owned(),
            );
            assert_eq!(parsed(entry), [wanted], "{entry}");
        }
        assert_eq!(parsed("op, table ,").len(), 2);
        assert_eq!(
            parsed("op,,table").len(),
            3,
            "an entry of no name finds nothing"
        );
    }

    #[test]
    fn entries_that_cannot_be_read_are_refused_with_their_key() {
        for entry in ["op:a:b", ":", ".", "op,.:x"] {
            let error = FieldReference::parse_list("add.headers", entry, "").unwrap_err();
            assert_eq!(error.key(), Some("add.headers"), "{entry}");
            assert!(error.message().contains("Unexpected field name"), "{entry}");
        }
    }
}
