//! Schemas as Kafka Connect's JSON has them: `{"type":"struct","fields":[{"type":"int32","field":"a"}]}`.

use std::borrow::Cow;
use std::sync::Arc;

use tidegate_model::limits::{SCHEMA_FIELDS_MAX, VALUE_DEPTH_MAX};
use tidegate_model::schema::{Field, Schema, SchemaType};
use tidegate_model::value::Value;

use super::decode_planned::{self, Scratch};
use super::encode::{DecimalFormat, Writer};
use super::escape;
use super::keys::Keys;
use super::plan::{Plan, STRUCT_DEFAULT};
use super::scan::{Fault, Number, Scanner};
use crate::error::{ConvertError, SCHEMA_BUILDER};

/// Reads a schema. The text was checked to be JSON.
///
/// # Errors
/// When it is no schema, or over a limit.
pub(super) fn parse(text: &[u8], replace_nulls: bool) -> Result<Schema, ConvertError> {
    Reader { replace_nulls }.schema(text, VALUE_DEPTH_MAX)
}

/// Appends the JSON of a schema, its attributes in Kafka Connect's order.
///
/// # Errors
/// When its default does not fit it.
pub(super) fn write(
    schema: &Schema,
    decimals: DecimalFormat,
    replace_nulls: bool,
    out: &mut Vec<u8>,
) -> Result<(), ConvertError> {
    out.push(b'{');
    attributes(schema, decimals, replace_nulls, out)?;
    out.push(b'}');
    Ok(())
}

fn attributes(
    schema: &Schema,
    decimals: DecimalFormat,
    replace_nulls: bool,
    out: &mut Vec<u8>,
) -> Result<(), ConvertError> {
    out.extend_from_slice(b"\"type\":");
    text(json_type(&schema.kind), out);
    match &schema.kind {
        SchemaType::Array(element) => {
            out.extend_from_slice(b",\"items\":");
            write(element, decimals, replace_nulls, out)?;
        }
        SchemaType::Map(key, value) => {
            out.extend_from_slice(b",\"keys\":");
            write(key, decimals, replace_nulls, out)?;
            out.extend_from_slice(b",\"values\":");
            write(value, decimals, replace_nulls, out)?;
        }
        SchemaType::Struct(fields) => {
            out.extend_from_slice(b",\"fields\":[");
            for (index, field) in fields.iter().enumerate() {
                out.extend_from_slice(if index == 0 { b"{" } else { b",{" });
                attributes(&field.schema, decimals, replace_nulls, out)?;
                out.extend_from_slice(b",\"field\":");
                text(&field.name, out);
                out.push(b'}');
            }
            out.push(b']');
        }
        _ => {}
    }
    out.extend_from_slice(b",\"optional\":");
    out.extend_from_slice(if schema.optional { b"true" } else { b"false" });
    if let Some(name) = &schema.name {
        out.extend_from_slice(b",\"name\":");
        text(name, out);
    }
    if let Some(version) = schema.version {
        out.extend_from_slice(b",\"version\":");
        out.extend_from_slice(itoa::Buffer::new().format(version).as_bytes());
    }
    if let Some(doc) = &schema.doc {
        out.extend_from_slice(b",\"doc\":");
        text(doc, out);
    }
    if !schema.parameters.is_empty() {
        out.extend_from_slice(b",\"parameters\":{");
        for (index, (key, value)) in schema.parameters.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            text(key, out);
            out.push(b':');
            text(value, out);
        }
        out.push(b'}');
    }
    if let Some(default) = &schema.default {
        if matches!(schema.kind, SchemaType::Struct(_)) {
            return Err(ConvertError::data(STRUCT_DEFAULT));
        }
        out.extend_from_slice(b",\"default\":");
        let plan = Plan::new(schema, replace_nulls);
        Writer::new(decimals, &mut Keys::default(), out).planned(&default.to_encoded(), &plan)?;
    }
    Ok(())
}

fn text(text: &str, out: &mut Vec<u8>) {
    escape::string(text.as_bytes(), out);
}

fn json_type(kind: &SchemaType) -> &'static str {
    match kind {
        SchemaType::Float32 => "float",
        SchemaType::Float64 => "double",
        other => other.name(),
    }
}

struct Reader {
    replace_nulls: bool,
}

/// The attributes of a schema, each as it stands in the text.
#[derive(Debug, Default)]
struct Attributes<'a> {
    kind: Option<&'a [u8]>,
    items: Option<&'a [u8]>,
    keys: Option<&'a [u8]>,
    values: Option<&'a [u8]>,
    fields: Option<&'a [u8]>,
    optional: Option<&'a [u8]>,
    name: Option<&'a [u8]>,
    version: Option<&'a [u8]>,
    doc: Option<&'a [u8]>,
    parameters: Option<&'a [u8]>,
    default: Option<&'a [u8]>,
    field: Option<&'a [u8]>,
}

impl<'a> Attributes<'a> {
    fn read(text: &'a [u8]) -> Result<Self, ConvertError> {
        let mut attributes = Self::default();
        each_entry(text, |key, value| {
            let place = match key {
                "type" => &mut attributes.kind,
                "items" => &mut attributes.items,
                "keys" => &mut attributes.keys,
                "values" => &mut attributes.values,
                "fields" => &mut attributes.fields,
                "optional" => &mut attributes.optional,
                "name" => &mut attributes.name,
                "version" => &mut attributes.version,
                "doc" => &mut attributes.doc,
                "parameters" => &mut attributes.parameters,
                "default" => &mut attributes.default,
                "field" => &mut attributes.field,
                _ => return Ok(()),
            };
            *place = Some(value);
            Ok(())
        })?;
        Ok(attributes)
    }
}

impl Reader {
    fn schema(&self, text: &[u8], depth_left: usize) -> Result<Schema, ConvertError> {
        self.described(&Attributes::read(text)?, depth_left)
    }

    fn described(
        &self,
        attributes: &Attributes<'_>,
        depth_left: usize,
    ) -> Result<Schema, ConvertError> {
        let depth_left = depth_left
            .checked_sub(1)
            .ok_or(tidegate_model::schema::SchemaError::Depth)?;
        let mut schema = Schema::new(self.kind(attributes, depth_left)?);
        schema.optional = attributes.optional.is_some_and(|text| text == b"true");
        schema.name = attributes.name.and_then(string).map(Cow::into_owned);
        schema.doc = attributes.doc.and_then(string).map(Cow::into_owned);
        schema.version = attributes.version.and_then(integer);
        if let Some(parameters) = attributes.parameters.filter(|text| text.starts_with(b"{")) {
            schema.parameters = parameters_of(parameters)?;
        }
        if let Some(default) = attributes.default {
            let plan = Plan::new(&schema, self.replace_nulls);
            let mut encoded = Vec::new();
            let some = decode_planned::value(
                &mut Scanner::new(default)?,
                &plan,
                VALUE_DEPTH_MAX,
                &mut Scratch::default(),
                &mut encoded,
            )?;
            match schema.kind {
                // Kafka Connect reads no default of a struct.
                SchemaType::Struct(_) if some => return Err(invalid_default()),
                _ if some => schema.default = Some(Value::decode(&encoded)?),
                _ if schema.optional => {}
                _ => return Err(invalid_default()),
            }
        }
        Ok(schema)
    }

    fn kind(
        &self,
        attributes: &Attributes<'_>,
        depth_left: usize,
    ) -> Result<SchemaType, ConvertError> {
        let Some(kind) = attributes.kind.and_then(string) else {
            return Err(ConvertError::data("Schema must contain 'type' field"));
        };
        let inner = |text: Option<&[u8]>, message: &'static str| match text {
            Some(text) if text != b"null" => self.schema(text, depth_left).map(Arc::new),
            _ => Err(ConvertError::data(message)),
        };
        Ok(match &*kind {
            "boolean" => SchemaType::Boolean,
            "int8" => SchemaType::Int8,
            "int16" => SchemaType::Int16,
            "int32" => SchemaType::Int32,
            "int64" => SchemaType::Int64,
            "float" => SchemaType::Float32,
            "double" => SchemaType::Float64,
            "string" => SchemaType::String,
            "bytes" => SchemaType::Bytes,
            "array" => SchemaType::Array(inner(
                attributes.items,
                "Array schema did not specify the element type",
            )?),
            "map" => SchemaType::Map(
                inner(attributes.keys, "Map schema did not specify the key type")?,
                inner(
                    attributes.values,
                    "Map schema did not specify the value type",
                )?,
            ),
            "struct" => SchemaType::Struct(self.fields(attributes.fields, depth_left)?),
            other => {
                return Err(ConvertError::data(format!("Unknown schema type: {other}")));
            }
        })
    }

    fn fields(&self, text: Option<&[u8]>, depth_left: usize) -> Result<Vec<Field>, ConvertError> {
        let Some(text) = text.filter(|text| text.starts_with(b"[")) else {
            return Err(ConvertError::data(
                "Struct schema's \"fields\" argument is not an array.",
            ));
        };
        let mut fields = Vec::new();
        let mut names = std::collections::HashSet::new();
        each_element(text, |element| {
            let attributes = Attributes::read(element)?;
            let Some(name) = attributes.field.and_then(string) else {
                return Err(ConvertError::data(
                    "Struct schema's field name not specified properly",
                ));
            };
            if name.is_empty() {
                return Err(ConvertError::data("fieldName cannot be null."));
            }
            if !names.insert(name.to_string()) {
                return Err(ConvertError::Thrown {
                    exception: SCHEMA_BUILDER,
                    message: format!(
                        "Cannot create field because of field name duplication {name}"
                    ),
                });
            }
            fields.push(Field {
                name: name.into_owned(),
                schema: Arc::new(self.described(&attributes, depth_left)?),
            });
            within_limit(fields.len())
        })?;
        Ok(fields)
    }
}

/// The parameters of a schema; of two of one name the last counts, in the place of the first.
fn parameters_of(text: &[u8]) -> Result<Vec<(String, String)>, ConvertError> {
    let mut found: Vec<(String, &[u8])> = Vec::new();
    each_entry(text, |key, value| {
        match found.iter_mut().find(|(known, _)| known == key) {
            Some((_, known)) => *known = value,
            None => found.push((key.to_owned(), value)),
        }
        within_limit(found.len())
    })?;
    let of_text = |(key, value): (String, &[u8])| {
        let value = string(value)
            .ok_or_else(|| ConvertError::data("Schema parameters must have string values."))?;
        Ok((key, value.into_owned()))
    };
    found.into_iter().map(of_text).collect()
}

fn invalid_default() -> ConvertError {
    ConvertError::data("Invalid default value")
}

fn within_limit(count: usize) -> Result<(), ConvertError> {
    if count > SCHEMA_FIELDS_MAX {
        return Err(tidegate_model::schema::SchemaError::Fields(count).into());
    }
    Ok(())
}

/// The value of a JSON string; `None` when it is something else.
fn string(text: &[u8]) -> Option<Cow<'_, str>> {
    let mut scanner = Scanner::new(text).ok()?;
    scanner.expect(b'"', "").ok()?;
    key(&mut scanner).ok()
}

/// The value of a whole number, cut to 32 bits as Java does; `None` when it is something else.
#[allow(clippy::cast_possible_truncation)]
fn integer(text: &[u8]) -> Option<i32> {
    let mut scanner = Scanner::new(text).ok()?;
    matches!(scanner.peek()?, b'-' | b'0'..=b'9').then_some(())?;
    match scanner.number().ok()? {
        Number::Integer(value, _) => Some(value as i32),
        Number::Decimal(_) => None,
    }
}

/// What is left of a string; its opening quote was taken.
pub(super) fn key<'a>(scanner: &mut Scanner<'a>) -> Result<Cow<'a, str>, Fault> {
    Ok(match scanner.plain_string()? {
        Some(text) => String::from_utf8_lossy(text),
        None => {
            let mut text = Vec::new();
            scanner.string(&mut text)?;
            Cow::Owned(String::from_utf8_lossy(&text).into_owned())
        }
    })
}

/// Hands over key and value, as it stands in the text, of each entry of an object; nothing when it is none.
fn each_entry<'a>(
    text: &'a [u8],
    mut entry: impl FnMut(&str, &'a [u8]) -> Result<(), ConvertError>,
) -> Result<(), ConvertError> {
    let mut scanner = Scanner::new(text)?;
    if scanner.peek() != Some(b'{') {
        return Ok(());
    }
    scanner.advance(1);
    if scanner.peek() == Some(b'}') {
        return Ok(());
    }
    loop {
        scanner.expect(b'"', "a key in quotes")?;
        let key = key(&mut scanner)?;
        scanner.expect(b':', "a colon")?;
        entry(&key, raw(&mut scanner)?)?;
        if !scanner.more(b'}')? {
            return Ok(());
        }
    }
}

/// Hands over each element of an array, as it stands in the text.
fn each_element<'a>(
    text: &'a [u8],
    mut element: impl FnMut(&'a [u8]) -> Result<(), ConvertError>,
) -> Result<(), ConvertError> {
    let mut scanner = Scanner::new(text)?;
    scanner.advance(1);
    if scanner.peek() == Some(b']') {
        return Ok(());
    }
    loop {
        element(raw(&mut scanner)?)?;
        if !scanner.more(b']')? {
            return Ok(());
        }
    }
}

/// Takes a value of any type as it stands in the text.
fn raw<'a>(scanner: &mut Scanner<'a>) -> Result<&'a [u8], Fault> {
    scanner.peek();
    let start = scanner.offset();
    scanner.skip(VALUE_DEPTH_MAX)?;
    Ok(scanner.since(start))
}
