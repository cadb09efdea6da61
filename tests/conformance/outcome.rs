//! What came out of a case, and how that is compared and shown.

use std::sync::Arc;

use tidegate_java::calendar::DAY_MS;
use tidegate_model::{ErrorClass, Field, Schema, SchemaType, Value};

/// A record as cases write it.
#[derive(Debug, Clone)]
pub struct Record {
    pub topic: String,
    pub partition: Option<i32>,
    pub offset: Option<i64>,
    pub timestamp: Option<i64>,
    pub key: Typed,
    pub value: Typed,
    pub headers: Vec<(String, Typed)>,
}

/// A value with its schema.
#[derive(Debug, Clone, Default)]
pub struct Typed {
    pub schema: Option<Schema>,
    pub value: Option<Value>,
}

/// What was found, or is expected.
#[derive(Debug, Clone)]
pub enum Found {
    Record(Box<Record>),
    Dropped,
    Configured,
    Matches(bool),
    Bytes(Option<Vec<u8>>),
    /// An Avro schema, and a value written with it.
    Avro(String, Option<Vec<u8>>),
    Value(Typed),
    ConfigError(String),
    ApplyError(String),
}

/// What was found beside what is expected.
pub struct Outcome {
    pub found: Found,
    pub wanted: Found,
}

impl Found {
    /// An error by its class: a configuration that is refused, or a record.
    pub fn error(class: ErrorClass, message: String) -> Self {
        match class {
            ErrorClass::Config => Self::ConfigError(message),
            _ => Self::ApplyError(message),
        }
    }

    /// Each part with its name: maps without order, values as they are encoded. Messages of errors are not compared.
    fn parts(&self) -> Vec<(String, String)> {
        let part = |name: &str, text: String| (name.to_owned(), text);
        match self {
            Self::Dropped => vec![part("outcome", "the record is dropped".to_owned())],
            Self::Configured => vec![part("outcome", "the configuration is accepted".to_owned())],
            Self::Matches(matches) => vec![part("matches", matches.to_string())],
            Self::Bytes(bytes) => vec![part("bytes", shown(bytes.as_deref()))],
            Self::Avro(schema, bytes) => vec![
                part("Avro schema", schema.clone()),
                part("bytes", shown(bytes.as_deref())),
            ],
            Self::Value(typed) => typed.parts("value"),
            Self::ConfigError(_) => {
                vec![part("outcome", "the configuration is refused".to_owned())]
            }
            Self::ApplyError(_) => vec![part("outcome", "the record is refused".to_owned())],
            Self::Record(record) => record.parts(),
        }
    }

    /// What an error says.
    pub fn message(&self) -> Option<&str> {
        match self {
            Self::ConfigError(message) | Self::ApplyError(message) => Some(message),
            _ => None,
        }
    }
}

impl Record {
    fn parts(&self) -> Vec<(String, String)> {
        let mut parts = vec![
            ("topic".to_owned(), self.topic.clone()),
            ("partition".to_owned(), format!("{:?}", self.partition)),
            ("timestamp".to_owned(), format!("{:?}", self.timestamp)),
        ];
        parts.extend(self.key.parts("key"));
        parts.extend(self.value.parts("value"));
        parts.push(("headers".to_owned(), self.headers.len().to_string()));
        for (place, (name, typed)) in self.headers.iter().enumerate() {
            let place = format!("header {place}");
            parts.push((format!("{place} name"), name.clone()));
            parts.extend(typed.parts(&place));
        }
        parts
    }
}

impl Typed {
    fn parts(&self, name: &str) -> Vec<(String, String)> {
        let value = match &self.value {
            None | Some(Value::Null) => "null".to_owned(),
            Some(value) if self.schema.is_none() => format!("{:?}", sorted(moments(value.clone()))),
            Some(value) => format!("{:?}", sorted(value.clone())),
        };
        let schema = match &self.schema {
            None => "none".to_owned(),
            Some(schema) => format!("{:?}", with_sorted_defaults(schema)),
        };
        vec![(name.to_owned(), value), (format!("{name} schema"), schema)]
    }
}

impl Outcome {
    /// How what was found differs; `None`: it does not.
    pub fn difference(&self) -> Option<String> {
        let (found, wanted) = (self.found.parts(), self.wanted.parts());
        let mut lines = Vec::new();
        for index in 0..found.len().max(wanted.len()) {
            let (found, wanted) = (found.get(index), wanted.get(index));
            if found == wanted {
                continue;
            }
            for (what, part) in [("found ", found), ("wanted", wanted)] {
                if let Some((name, text)) = part {
                    lines.push(format!("    {what} {name}: {text}"));
                }
            }
        }
        if lines.is_empty() {
            return None;
        }
        for (what, found) in [("found ", &self.found), ("wanted", &self.wanted)] {
            if let Some(message) = found.message() {
                lines.push(format!("    {what} message: {message}"));
            }
        }
        Some(lines.join("\n"))
    }
}

fn shown(bytes: Option<&[u8]>) -> String {
    match bytes {
        None => "null".to_owned(),
        Some(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => format!("{text:?}"),
            Err(_) => format!("{bytes:02x?}"),
        },
    }
}

/// Without a schema, dates, times and timestamps are one: Java has one class for them.
fn moments(value: Value) -> Value {
    match value {
        Value::Date(days) => Value::Timestamp(i64::from(days) * DAY_MS),
        Value::Time(milliseconds) => Value::Timestamp(i64::from(milliseconds)),
        Value::Array(elements) => Value::Array(elements.into_iter().map(moments).collect()),
        Value::Map(entries) => {
            let entries = entries.into_iter();
            Value::Map(
                entries
                    .map(|(key, value)| (moments(key), moments(value)))
                    .collect(),
            )
        }
        other => other,
    }
}

fn with_sorted_defaults(schema: &Schema) -> Schema {
    let inner = |schema: &Arc<Schema>| Arc::new(with_sorted_defaults(schema));
    let field = |field: &Field| Field {
        name: field.name.clone(),
        schema: inner(&field.schema),
    };
    Schema {
        kind: match &schema.kind {
            SchemaType::Array(element) => SchemaType::Array(inner(element)),
            SchemaType::Map(key, value) => SchemaType::Map(inner(key), inner(value)),
            SchemaType::Struct(fields) => SchemaType::Struct(fields.iter().map(field).collect()),
            kind => kind.clone(),
        },
        default: schema.default.clone().map(sorted),
        ..schema.clone()
    }
}

/// Maps are compared without order.
pub fn sorted(value: Value) -> Value {
    match value {
        Value::Map(entries) => {
            let mut entries: Vec<(Value, Value)> = entries
                .into_iter()
                .map(|(key, value)| (sorted(key), sorted(value)))
                .collect();
            entries.sort_by_key(|(key, _)| key.to_encoded());
            Value::Map(entries)
        }
        Value::Array(elements) => Value::Array(elements.into_iter().map(sorted).collect()),
        Value::Struct(fields) => Value::Struct(fields.into_iter().map(sorted).collect()),
        other => other,
    }
}
