//! Encoded maps and structs: looking into them and copying them, without a tree.

use std::collections::HashSet;

use tidegate_sdk::model::value::{Elements, Entries, ValueError, length, tag};
use tidegate_sdk::{Error, Field, Result, Schema, SchemaType, Value, View};

use crate::fields::OnNull;

use tidegate_sdk::model::short::append;

use crate::exception;

/// Takes encoded null for null.
#[inline]
#[must_use]
pub fn present(bytes: Option<&[u8]>) -> Option<&[u8]> {
    bytes.filter(|bytes| *bytes != [tag::NULL])
}

/// The entries of a map without a schema.
///
/// # Errors
/// A data error, as Kafka Connect says it, when it is something else.
pub fn require_map<'a>(bytes: Option<&'a [u8]>, purpose: &str) -> Result<Entries<'a>> {
    match read(bytes)? {
        View::Map(entries) => Ok(entries),
        other => Err(Error::data(format_args!(
            "Only Map objects supported in absence of schema for [{purpose}], found: {}",
            class_of(&other)
        ))),
    }
}

/// The entries of a map without a schema, to look through them.
///
/// # Errors
/// A data error, as Kafka Connect says it, when it is something else.
#[inline]
pub fn require_map_scan<'a>(bytes: &'a [u8], purpose: &str) -> Result<Scan<'a>> {
    if let Some(([tag::MAP, a, b, c, d, ..], body)) = bytes.split_first_chunk::<9>()
        && (u32::from_le_bytes([*a, *b, *c, *d]) as usize).checked_add(5) == Some(bytes.len())
    {
        return Ok(Scan { body });
    }
    let entries = require_map(Some(bytes), purpose)?;
    Ok(Scan {
        body: entries.body(),
    })
}

/// The values of a struct.
///
/// # Errors
/// A data error, as Kafka Connect says it, when it is something else.
#[inline]
pub fn require_struct<'a>(bytes: Option<&'a [u8]>, purpose: &str) -> Result<Elements<'a>> {
    match bytes.and_then(Elements::of_struct) {
        Some(elements) => Ok(elements),
        None => found_no_struct(bytes, purpose),
    }
}

fn found_no_struct<'a>(bytes: Option<&'a [u8]>, purpose: &str) -> Result<Elements<'a>> {
    match read(bytes)? {
        View::Struct(elements) => Ok(elements),
        other => Err(Error::data(format_args!(
            "Only Struct objects supported for [{purpose}], found: {}",
            class_of(&other)
        ))),
    }
}

fn read(bytes: Option<&[u8]>) -> Result<View<'_>> {
    Ok(match bytes {
        Some(bytes) => View::read(bytes)?,
        None => View::Null,
    })
}

/// The Java class that Kafka Connect would have found.
#[must_use]
pub fn class_of(view: &View<'_>) -> &'static str {
    match view {
        View::Null => "null",
        View::Boolean(_) => "java.lang.Boolean",
        View::Int8(_) => "java.lang.Byte",
        View::Int16(_) => "java.lang.Short",
        View::Int32(_) => "java.lang.Integer",
        View::Int64(_) => "java.lang.Long",
        View::Float32(_) => "java.lang.Float",
        View::Float64(_) => "java.lang.Double",
        View::String(_) => "java.lang.String",
        View::Bytes(_) => "[B",
        View::Array(_) => "java.util.ArrayList",
        View::Map(_) => "java.util.HashMap",
        View::Struct(_) => "org.apache.kafka.connect.data.Struct",
        View::Date(_) | View::Time(_) | View::Timestamp(_) => "java.util.Date",
        View::Decimal { .. } => "java.math.BigDecimal",
    }
}

/// A text as it is encoded, such as the key of a map.
#[must_use]
pub fn text(text: &str) -> Vec<u8> {
    Value::from(text).to_encoded()
}

/// What happens to a field of a struct.
#[derive(Debug, Clone, Default)]
pub struct FieldPlan {
    /// It stays; else it is left out.
    pub keep: bool,
    /// What becomes of null.
    pub on_null: OnNull,
}

/// Plans for the fields of a struct: `keep` decides which stay, null becomes the default where wanted.
#[must_use]
pub fn field_plans(
    fields: &[Field],
    replace_null: bool,
    keep: impl Fn(&Field) -> bool,
) -> Vec<FieldPlan> {
    let plan = |field: &Field| FieldPlan {
        keep: keep(field),
        // Null in a required field without a default is not looked for.
        on_null: match field.schema.default {
            Some(_) => OnNull::of(field, replace_null),
            None => OnNull::Stays,
        },
    };
    fields.iter().map(plan).collect()
}

/// Whether all fields are copied as they are.
#[must_use]
pub fn is_plain(plans: &[FieldPlan]) -> bool {
    plans
        .iter()
        .all(|plan| plan.keep && plan.on_null == OnNull::Stays)
}

/// Appends the values of a struct as planned, in runs as long as possible.
///
/// # Errors
/// When the struct is damaged or does not have as many values as there are plans.
pub fn copy_fields(elements: Elements<'_>, plans: &[FieldPlan], out: &mut Vec<u8>) -> Result<()> {
    let mut run = Run::new(elements.body());
    let mut elements = elements;
    for plan in plans {
        let Some(value) = elements.next_encoded()? else {
            return Err(misfit());
        };
        match &plan.on_null {
            _ if !plan.keep => run.skip(value.len(), out),
            OnNull::Stays => run.keep(value.len()),
            on_null if value == [tag::NULL] => on_null.write(&mut run, out)?,
            _ => run.keep(value.len()),
        }
    }
    if elements.next_encoded()?.is_some() {
        return Err(misfit());
    }
    run.end(out);
    Ok(())
}

/// A struct that does not fit its schema.
#[must_use]
pub fn misfit() -> Error {
    Error::data("a struct has more or fewer values than its schema has fields")
}

/// Looks through the entries of a map; afterwards [`Scan::end`] says whether it came to the end.
#[derive(Debug, Clone, Copy)]
pub struct Scan<'a> {
    body: &'a [u8],
}

impl<'a> Scan<'a> {
    /// All entries that were not looked at yet, as they are encoded.
    #[inline]
    #[must_use]
    pub fn body(&self) -> &'a [u8] {
        self.body
    }

    /// Whether every entry was looked at.
    ///
    /// # Errors
    /// When the map is damaged where it stopped.
    #[inline]
    pub fn end(&self) -> Result<()> {
        if self.body.is_empty() {
            return Ok(());
        }
        let key = length(self.body)?;
        length(self.body.get(key..).unwrap_or_default())?;
        Err(ValueError::Container.into())
    }
}

impl<'a> Scan<'a> {
    /// Key and value of the next entry, encoded; `None` at the end and where the map is damaged.
    // In line: in WebAssembly the answer would otherwise go through memory, for each field of each record.
    #[inline(always)]
    pub fn next_entry(&mut self) -> Option<(&'a [u8], &'a [u8])> {
        let (key, rest) = split_value(self.body)?;
        let (value, rest) = split_value(rest)?;
        self.body = rest;
        Some((key, value))
    }
}

impl<'a> Iterator for Scan<'a> {
    /// A key, encoded, and the length of key and value together.
    type Item = (&'a [u8], usize);

    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        let (key, value) = self.next_entry()?;
        Some((key, key.len() + value.len()))
    }
}

/// How long the values of each tag are, with the tag; 0: that is in the value.
const LENGTHS: [u8; 17] = [1, 2, 2, 3, 5, 9, 5, 9, 0, 0, 0, 0, 0, 5, 5, 9, 0];

/// Divides bytes after the value that they begin with: texts and numbers without many branches.
#[inline(always)]
pub(crate) fn split_value(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let size = match bytes {
        [tag::STRING, a, b, c, d, ..] => {
            (u32::from_le_bytes([*a, *b, *c, *d]) as usize).saturating_add(5)
        }
        // Foreseen by the processor, which else waits for the tag and then for the length before it can go on.
        [tag::INT64, ..] => 9,
        [tag, ..] => match LENGTHS.get(usize::from(*tag))? {
            0 => length(bytes).ok()?,
            size => usize::from(*size),
        },
        [] => return None,
    };
    bytes.split_at_checked(size)
}

/// Copies a container in runs: what is kept goes together, what is skipped divides.
#[derive(Debug)]
pub struct Run<'a> {
    body: &'a [u8],
    start: usize,
    at: usize,
}

impl<'a> Run<'a> {
    /// Begins with nothing copied.
    #[must_use]
    pub fn new(body: &'a [u8]) -> Self {
        Self {
            body,
            start: 0,
            at: 0,
        }
    }

    /// The next `length` bytes stay.
    #[inline]
    pub fn keep(&mut self, length: usize) {
        self.at += length;
    }

    /// The next `length` bytes are left out; what was kept before is copied.
    #[inline]
    pub fn skip(&mut self, length: usize, out: &mut Vec<u8>) {
        self.end(out);
        self.at += length;
        self.start = self.at;
    }

    /// The next `length` bytes give way to others.
    #[inline]
    pub fn replace(&mut self, length: usize, with: &[u8], out: &mut Vec<u8>) {
        self.skip(length, out);
        append(out, with);
    }

    /// Copies what was kept.
    #[inline]
    pub fn end(&self, out: &mut Vec<u8>) {
        append(out, self.body.get(self.start..self.at).unwrap_or_default());
    }
}

/// A struct schema with the name, version, documentation and parameters of another, and other fields.
///
/// # Errors
/// A data error when two fields have one name.
pub fn struct_like(schema: &Schema, fields: Vec<Field>) -> Result<Schema> {
    let mut names = HashSet::with_capacity(fields.len());
    let twice = fields
        .iter()
        .find(|field| !names.insert(field.name.as_str()));
    if names.contains("") {
        return Err(Error::thrown(
            exception::SCHEMA_BUILDER,
            "fieldName cannot be null.",
        ));
    }
    if let Some(Field { name, .. }) = twice {
        let message = format_args!("Cannot create field because of field name duplication {name}");
        return Err(Error::thrown(exception::SCHEMA_BUILDER, message));
    }
    Ok(Schema {
        name: schema.name.clone(),
        version: schema.version,
        doc: schema.doc.clone(),
        parameters: schema.parameters.clone(),
        ..Schema::new(SchemaType::Struct(fields))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_divided_as_the_model_says() {
        for tag in 0..=40 {
            for size in 0..24 {
                let mut bytes = vec![0; size];
                bytes.iter_mut().take(1).for_each(|first| *first = tag);
                // Any of the places of a length.
                for place in [1, 5] {
                    let mut bytes = bytes.clone();
                    bytes.iter_mut().skip(place).take(1).for_each(|at| *at = 4);
                    let divided = split_value(&bytes).map(|(value, _)| value.len());
                    assert_eq!(divided, length(&bytes).ok(), "{bytes:?}");
                }
            }
        }
    }

    #[test]
    fn a_damaged_map_has_an_end_that_says_so() {
        let entries = |body: &[u8]| {
            let mut map = vec![tag::MAP];
            map.extend_from_slice(&u32::try_from(body.len() + 4).unwrap().to_le_bytes());
            map.extend_from_slice(&1_u32.to_le_bytes());
            map.extend_from_slice(body);
            let mut scan = require_map_scan(&map, "a test").unwrap();
            let found = scan.by_ref().count();
            (found, scan.end().is_ok())
        };
        assert_eq!(entries(&[]), (0, true));
        assert_eq!(entries(&[1, 1, 0]), (1, true));
        for damaged in [
            [1, 1].as_slice(),
            &[1],
            &[99, 0],
            &[1, 1, 99],
            &[0, 8, 9, 0, 0, 0],
        ] {
            assert_eq!(entries(damaged), (0, false), "{damaged:?}");
        }
    }
}
