//! What converters are asked to do, one column at a time, and what must hold of what they say.

use std::collections::BTreeMap;

use tidegate_convert::{Converter, Role, converter};
use tidegate_model::schema::{DATE, DECIMAL, SchemaType, TIME, TIMESTAMP};
use tidegate_model::value::check;
use tidegate_model::{Column, Schema, Value};

/// The topic of all messages.
pub const TOPIC: &str = "orders";

/// A schema and a value, encoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// The schema; `None`: the value has none.
    pub schema: Option<Vec<u8>>,
    /// The value; `None`: null.
    pub value: Option<Vec<u8>>,
}

/// A converter of a class.
pub fn of(class: &str, role: Role, settings: &[(&str, &str)]) -> Option<Box<dyn Converter>> {
    let settings = settings.iter();
    let config: BTreeMap<_, _> = settings
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect();
    converter(class, role, &config).ok()
}

/// Reads messages. What was read is a value that fits its schema.
pub fn read(converter: &mut dyn Converter, messages: &[Option<&[u8]>]) -> Vec<Option<Read>> {
    let found = read_loosely(converter, messages);
    found.iter().flatten().for_each(fits);
    found
}

/// Reads messages. What was read is a value and a schema.
pub fn read_loosely(
    converter: &mut dyn Converter,
    messages: &[Option<&[u8]>],
) -> Vec<Option<Read>> {
    let bytes: Column = messages.iter().copied().collect();
    let (mut schemas, mut failures) = (Vec::new(), Vec::new());
    let column = converter.to_connect(TOPIC, &bytes, &mut schemas, &mut failures);
    assert_eq!(column.values.check(), Ok(()));
    assert_eq!(column.values.len(), messages.len());
    assert!(column.schemas.is_empty() || column.schemas.len() == messages.len());
    let each = column.values.iter().enumerate().map(|(row, value)| {
        if let Some(failure) = failures.iter().find(|failure| failure.index == row) {
            assert!(!failure.error.to_string().is_empty());
            assert_eq!(value, None, "a failed record has no value");
            return None;
        }
        let index = column.schemas.get(row).copied().unwrap_or(-1);
        let schema = usize::try_from(index)
            .ok()
            .map(|index| schemas[index].clone());
        let read = Read {
            schema,
            value: value.map(<[u8]>::to_vec),
        };
        if let Some(schema) = &read.schema {
            Schema::decode(schema).expect("a schema is well-formed");
        }
        if let Some(value) = &read.value {
            assert_eq!(check(value), Ok(()), "{value:02x?}");
        }
        Some(read)
    });
    each.collect()
}

/// Whether a value is well-formed and fits its schema.
pub fn fits(read: &Read) {
    let schema = read.schema.as_deref();
    let schema = schema.map(|schema| Schema::decode(schema).expect("a schema is well-formed"));
    let Some(value) = &read.value else { return };
    assert_eq!(check(value), Ok(()), "{value:02x?}");
    let value = Value::decode(value).expect("what was checked is read");
    if let Some(schema) = &schema {
        assert!(
            value.fits(schema) || is_odd(schema),
            "{value:?} does not fit {schema:?}"
        );
    }
}

/// Whether a logical type is carried by another type than its own. As in Kafka Connect, the name counts then.
fn is_odd(schema: &Schema) -> bool {
    let own = match schema.name.as_deref() {
        Some(DATE | TIME) => schema.kind == SchemaType::Int32,
        Some(TIMESTAMP) => schema.kind == SchemaType::Int64,
        Some(DECIMAL) => schema.kind == SchemaType::Bytes,
        _ => true,
    };
    !own || match &schema.kind {
        SchemaType::Array(element) => is_odd(element),
        SchemaType::Map(key, value) => is_odd(key) || is_odd(value),
        SchemaType::Struct(fields) => fields.iter().any(|field| is_odd(&field.schema)),
        _ => false,
    }
}

/// Writes a value.
pub fn write(converter: &mut dyn Converter, read: &Read) -> Result<Option<Vec<u8>>, String> {
    let values: Column = [read.value.as_deref()].into_iter().collect();
    let schemas: Vec<Vec<u8>> = read.schema.iter().cloned().collect();
    let indexes = if schemas.is_empty() { vec![] } else { vec![0] };
    let mut failures = Vec::new();
    let column = converter.from_connect(TOPIC, &values, &indexes, &schemas, &mut failures);
    assert_eq!(column.check(), Ok(()));
    assert_eq!(column.len(), 1);
    match failures.pop() {
        Some(failure) => Err(failure.error.to_string()),
        None => Ok(column.iter().next().flatten().map(<[u8]>::to_vec)),
    }
}

/// What an encoded value is, for a message.
pub fn shown(read: &Read) -> String {
    let value = read.value.as_deref().map(Value::decode);
    let schema = read.schema.as_deref().map(Schema::decode);
    format!("{value:?} of {schema:?}")
}
