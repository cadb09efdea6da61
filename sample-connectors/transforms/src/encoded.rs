//! Encoded maps and structs: looking into them and copying them, without a tree.

use tidegate_sdk::model::value::{Elements, Entries, tag};
use tidegate_sdk::{Error, Field, Result, Schema, SchemaType, Value, View};

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

/// The values of a struct.
///
/// # Errors
/// A data error, as Kafka Connect says it, when it is something else.
pub fn require_struct<'a>(bytes: Option<&'a [u8]>, purpose: &str) -> Result<Elements<'a>> {
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
fn class_of(view: &View<'_>) -> &'static str {
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
        View::Bytes(_) => "java.nio.ByteBuffer",
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

/// The encoded default of each field that has one and may be null; empty when none has.
#[must_use]
pub fn defaults(fields: &[Field]) -> Vec<Option<Vec<u8>>> {
    let default = |field: &Field| field.schema.default.as_ref().map(Value::to_encoded);
    let defaults: Vec<_> = fields.iter().map(default).collect();
    if defaults.iter().all(Option::is_none) {
        return Vec::new();
    }
    defaults
}

/// What happens to a field of a struct.
#[derive(Debug, Clone, Default)]
pub struct FieldPlan {
    /// It stays; else it is left out.
    pub keep: bool,
    /// What null becomes.
    pub default: Option<Vec<u8>>,
}

/// Plans for the fields of a struct: `keep` decides which stay, null becomes the default where wanted.
#[must_use]
pub fn field_plans(
    fields: &[Field],
    replace_null: bool,
    keep: impl Fn(&Field) -> bool,
) -> Vec<FieldPlan> {
    let defaults = if replace_null {
        defaults(fields)
    } else {
        Vec::new()
    };
    let plan = |(place, field): (usize, &Field)| FieldPlan {
        keep: keep(field),
        default: defaults.get(place).cloned().flatten(),
    };
    fields.iter().enumerate().map(plan).collect()
}

/// Whether all fields are copied as they are.
#[must_use]
pub fn is_plain(plans: &[FieldPlan]) -> bool {
    plans.iter().all(|plan| plan.keep && plan.default.is_none())
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
        match &plan.default {
            _ if !plan.keep => run.skip(value.len(), out),
            Some(default) if value == [tag::NULL] => {
                run.skip(value.len(), out);
                out.extend_from_slice(default);
            }
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

/// Appends the entries of a map but those whose encoded key `leave_out` names; the answer is how many are kept.
///
/// # Errors
/// When the map is damaged.
pub fn copy_entries(
    mut entries: Entries<'_>,
    out: &mut Vec<u8>,
    leave_out: impl Fn(&[u8]) -> bool,
) -> Result<usize> {
    let mut run = Run::new(entries.body());
    let mut kept = 0;
    while let Some((key, value)) = entries.next_encoded()? {
        let length = key.len() + value.len();
        if leave_out(key) {
            run.skip(length, out);
        } else {
            run.keep(length);
            kept += 1;
        }
    }
    run.end(out);
    Ok(kept)
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

    /// Copies what was kept.
    #[inline]
    pub fn end(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.body.get(self.start..self.at).unwrap_or_default());
    }
}

/// A struct schema with the name, version, documentation and parameters of another, and other fields.
///
/// # Errors
/// A data error when two fields have one name.
pub fn struct_like(schema: &Schema, fields: Vec<Field>) -> Result<Schema> {
    let mut names: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
    names.sort_unstable();
    let twice = names.windows(2).find_map(|pair| match pair {
        [a, b] if a == b => Some(*a),
        _ => None,
    });
    if let Some(name) = twice {
        return Err(Error::data(format_args!(
            "Cannot create field because of field name duplication {name}"
        )));
    }
    Ok(Schema {
        name: schema.name.clone(),
        version: schema.version,
        doc: schema.doc.clone(),
        parameters: schema.parameters.clone(),
        ..Schema::new(SchemaType::Struct(fields))
    })
}
