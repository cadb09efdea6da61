//! Default values: as JSON in an Avro schema, as values in a Connect schema, as Avro's bytes when a field is left out.

use serde_json::{Map, Value as Json};
use tidegate_model::limits::{RECORD_BYTES_MAX, SCHEMA_FIELDS_MAX, VALUE_DEPTH_MAX};
use tidegate_model::schema::{self, Schema, SchemaType};
use tidegate_model::value::Value;

use super::names::{is_avro_map, is_union, scrubbed};
use super::options::DataOptions;
use super::schema::{Kind, NodeId, Nodes};
use super::wire;
use crate::error::ConvertError;
use tidegate_java::calendar::DAY_MS;

/// The value of a default that an Avro schema has as JSON; `None` when it does not fit, which is passed over as
/// Confluent's converter does.
pub(super) fn value(nodes: &Nodes, id: NodeId, schema: &Schema, json: &Json) -> Option<Value> {
    let found = of(nodes, id, schema, json)?;
    let fits = match &found {
        Value::Null => true,
        found => found.fits(schema),
    };
    fits.then_some(found)
}

#[allow(clippy::cast_possible_truncation, reason = "as Java casts")]
fn of(nodes: &Nodes, id: NodeId, schema: &Schema, json: &Json) -> Option<Value> {
    let node = nodes.at(id);
    if let Kind::Union(branches) = &node.kind {
        return union(nodes, branches, schema, json);
    }
    let int = || {
        json.as_i64()
            .or_else(|| json.as_f64().map(|float| float as i64))
    };
    Some(match (&node.kind, &schema.kind) {
        _ if json.is_null() => Value::Null,
        (Kind::Boolean, SchemaType::Boolean) => json.as_bool()?.into(),
        (Kind::Int, SchemaType::Int8) => (int()? as i8).into(),
        (Kind::Int, SchemaType::Int16) => (int()? as i16).into(),
        (Kind::Int, SchemaType::Int32) => {
            let int = i32::try_from(int()?).ok()?;
            match schema.name.as_deref() {
                Some(schema::DATE) => Value::Date(int),
                Some(schema::TIME) => (0..=DAY_MS)
                    .contains(&int.into())
                    .then_some(Value::Time(int))?,
                _ => int.into(),
            }
        }
        (Kind::Long, SchemaType::Int64) => match schema.name.as_deref() {
            Some(schema::TIMESTAMP) => Value::Timestamp(int()?),
            _ => int()?.into(),
        },
        (Kind::Float, SchemaType::Float32) => (float(json)? as f32).into(),
        (Kind::Double, SchemaType::Float64) => float(json)?.into(),
        (Kind::String | Kind::Enum { .. }, SchemaType::String) => json.as_str()?.into(),
        (Kind::Bytes | Kind::Fixed(_), SchemaType::Bytes) => {
            let bytes = latin_1(json.as_str()?)?;
            match schema.name.as_deref() {
                Some(schema::DECIMAL) if bytes.is_empty() => return None,
                Some(schema::DECIMAL) => Value::Decimal {
                    scale: schema.parameter("scale")?.parse().ok()?,
                    unscaled: bytes,
                },
                _ => bytes.into(),
            }
        }
        (Kind::Array(items), SchemaType::Array(element)) => {
            let elements = json.as_array()?.iter();
            Value::Array(
                elements
                    .map(|json| of(nodes, *items, element, json))
                    .collect::<Option<_>>()?,
            )
        }
        (Kind::Map(values), SchemaType::Map(_, value)) => {
            let entries = json
                .as_object()?
                .iter()
                .map(|(key, json)| Some((key.as_str().into(), of(nodes, *values, value, json)?)));
            Value::Map(entries.collect::<Option<_>>()?)
        }
        (Kind::Record(avro), SchemaType::Struct(fields)) => {
            let object = json.as_object()?;
            let values =
                avro.iter()
                    .zip(fields)
                    .map(|(avro, field)| match object.get(&avro.name) {
                        Some(json) => of(nodes, avro.node, &field.schema, json),
                        None => field
                            .schema
                            .default
                            .clone()
                            .or_else(|| field.schema.optional.then_some(Value::Null)),
                    });
            Value::Struct(values.collect::<Option<_>>()?)
        }
        _ => return None,
    })
}

/// The default of a union is one of its first branch.
fn union(nodes: &Nodes, branches: &[NodeId], schema: &Schema, json: &Json) -> Option<Value> {
    if !is_union(schema) {
        let mut branches = branches.iter();
        return branches.find_map(|branch| match &nodes.at(*branch).kind {
            Kind::Null => json.is_null().then_some(Value::Null),
            _ if json.is_null() => None,
            _ => of(nodes, *branch, schema, json),
        });
    }
    let first = branches.first()?;
    if matches!(nodes.at(*first).kind, Kind::Null) {
        return json.is_null().then_some(Value::Null);
    }
    let fields = schema.fields();
    let mut values = vec![Value::Null; fields.len()];
    *values.first_mut()? = of(nodes, *first, &fields.first()?.schema, json)?;
    Some(Value::Struct(values))
}

fn float(json: &Json) -> Option<f64> {
    match json {
        Json::String(text) => match text.as_str() {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            _ => None,
        },
        other => other.as_f64(),
    }
}

/// Bytes from a text that has a character for each.
fn latin_1(text: &str) -> Option<Vec<u8>> {
    text.chars()
        .map(|c| u8::try_from(u32::from(c)).ok())
        .collect()
}

fn latin_1_text(bytes: &[u8]) -> Json {
    bytes
        .iter()
        .map(|byte| char::from(*byte))
        .collect::<String>()
        .into()
}

/// The JSON of a Connect default.
///
/// # Errors
/// When a name in it is none that Avro may have.
pub(super) fn json(
    schema: &Schema,
    value: &Value,
    options: &DataOptions,
) -> Result<Json, ConvertError> {
    Ok(match (value, &schema.kind) {
        (Value::Boolean(value), _) => (*value).into(),
        (Value::Int8(value), _) => (*value).into(),
        (Value::Int16(value), _) => (*value).into(),
        (Value::Int32(value) | Value::Date(value) | Value::Time(value), _) => (*value).into(),
        (Value::Int64(value) | Value::Timestamp(value), _) => (*value).into(),
        (Value::Float32(value), _) => float_json((*value).into()),
        (Value::Float64(value), _) => float_json(*value),
        (Value::String(value), _) => value.as_str().into(),
        (Value::Bytes(value), _) => latin_1_text(value),
        (Value::Decimal { unscaled, .. }, _) => latin_1_text(unscaled),
        (Value::Array(elements), SchemaType::Array(element)) => elements
            .iter()
            .map(|value| json(element, value, options))
            .collect::<Result<_, _>>()?,
        (Value::Map(entries), SchemaType::Map(key_schema, value_schema)) => {
            if is_avro_map(key_schema, options) {
                let entries = entries.iter().map(|(key, value)| {
                    let key = match key {
                        Value::String(key) => key.clone(),
                        _ => String::new(),
                    };
                    Ok((key, json(value_schema, value, options)?))
                });
                Json::Object(entries.collect::<Result<_, ConvertError>>()?)
            } else {
                let entries = entries.iter().map(|(key, value)| {
                    let key = json(key_schema, key, options)?;
                    Ok(Json::Array(vec![key, json(value_schema, value, options)?]))
                });
                entries.collect::<Result<_, ConvertError>>()?
            }
        }
        (Value::Struct(values), SchemaType::Struct(fields)) => {
            if is_union(schema) {
                let set = values
                    .iter()
                    .zip(fields)
                    .find(|(value, _)| **value != Value::Null);
                return set.map_or(Ok(Json::Null), |(value, field)| {
                    json(&field.schema, value, options)
                });
            }
            let mut object = Map::new();
            for (value, field) in values.iter().zip(fields) {
                let value = match (value, &field.schema.default) {
                    (Value::Null, Some(default)) => default,
                    (value, _) => value,
                };
                object.insert(
                    scrubbed(&field.name, options)?,
                    json(&field.schema, value, options)?,
                );
            }
            Json::Object(object)
        }
        _ => Json::Null,
    })
}

/// JSON has no number for what is not finite.
fn float_json(value: f64) -> Json {
    serde_json::Number::from_f64(value).map_or_else(|| value.to_string().into(), Json::Number)
}

/// Appends the Avro bytes of a default; `None`, and something half written, when it does not fit or is over a limit. A
/// record may hold itself, and a field of it that is left out has the default of that field: such a default has no end.
pub(super) fn bytes(nodes: &Nodes, id: NodeId, json: &Json, out: &mut Vec<u8>) -> Option<()> {
    let mut writer = Writer {
        nodes,
        bytes_max: out.len().saturating_add(RECORD_BYTES_MAX),
        out,
        parts_left: SCHEMA_FIELDS_MAX,
    };
    writer.value(id, json, VALUE_DEPTH_MAX)
}

struct Writer<'n, 'o> {
    nodes: &'n Nodes,
    out: &'o mut Vec<u8>,
    /// What the bytes may become.
    bytes_max: usize,
    parts_left: usize,
}

impl Writer<'_, '_> {
    fn value(&mut self, id: NodeId, json: &Json, depth_left: usize) -> Option<()> {
        let depth_left = depth_left.checked_sub(1)?;
        self.parts_left = self.parts_left.checked_sub(1)?;
        (self.out.len() <= self.bytes_max).then_some(())?;
        let nodes = self.nodes;
        match &nodes.at(id).kind {
            Kind::Null => json.is_null().then_some(())?,
            Kind::Boolean => self.out.push(u8::from(json.as_bool()?)),
            Kind::Int => wire::put_long(i32::try_from(json.as_i64()?).ok()?.into(), self.out),
            Kind::Long => wire::put_long(json.as_i64()?, self.out),
            #[allow(clippy::cast_possible_truncation, reason = "the nearest float32")]
            Kind::Float => {
                let float = float(json)? as f32;
                self.out.extend_from_slice(&float.to_le_bytes());
            }
            Kind::Double => self.out.extend_from_slice(&float(json)?.to_le_bytes()),
            Kind::String => wire::put_bytes(json.as_str()?.as_bytes(), self.out),
            Kind::Bytes => wire::put_bytes(&latin_1(json.as_str()?)?, self.out),
            Kind::Fixed(size) => {
                let fixed = latin_1(json.as_str()?)?;
                (fixed.len() == *size).then_some(())?;
                self.out.extend_from_slice(&fixed);
            }
            Kind::Enum { symbols, .. } => {
                let wanted = json.as_str()?;
                let place = symbols.iter().position(|symbol| symbol == wanted)?;
                wire::put_count(place, self.out);
            }
            Kind::Array(items) => {
                let elements = json.as_array()?;
                if !elements.is_empty() {
                    wire::put_count(elements.len(), self.out);
                }
                for element in elements {
                    self.value(*items, element, depth_left)?;
                }
                wire::put_count(0, self.out);
            }
            Kind::Map(values) => {
                let entries = json.as_object()?;
                if !entries.is_empty() {
                    wire::put_count(entries.len(), self.out);
                }
                for (key, value) in entries {
                    wire::put_bytes(key.as_bytes(), self.out);
                    self.value(*values, value, depth_left)?;
                }
                wire::put_count(0, self.out);
            }
            Kind::Union(branches) => {
                let start = self.out.len();
                let mut places = branches.iter().enumerate();
                places.find_map(|(place, branch)| {
                    self.out.truncate(start);
                    wire::put_count(place, self.out);
                    self.value(*branch, json, depth_left)
                })?;
            }
            Kind::Record(fields) => {
                let object = json.as_object()?;
                for field in fields {
                    let json = object.get(&field.name).or(field.default.as_ref())?;
                    self.value(field.node, json, depth_left)?;
                }
            }
        }
        (self.out.len() <= self.bytes_max).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse::parse;
    use super::*;

    fn written(schema: &str, json: &str) -> Option<Vec<u8>> {
        let (nodes, root) = parse([schema]).unwrap();
        let mut out = vec![7];
        let json = serde_json::from_str(json).unwrap();
        bytes(&nodes, root, &json, &mut out).map(|()| out)
    }

    #[test]
    fn a_default_without_end_is_none() {
        let record =
            r#"{"type":"record","name":"R","fields":[{"name":"a","type":"R","default":{}}]}"#;
        assert_eq!(written(record, "{}"), None);
        let ends = r#"{"type":"record","name":"R","fields":[{"name":"a","type":["null","R"],"default":null}]}"#;
        assert_eq!(written(ends, "{}"), Some(vec![7, 0]));
        assert_eq!(written(ends, r#"{"a":{"a":null}}"#), Some(vec![7, 2, 0]));
    }

    #[test]
    fn a_default_that_doubles_at_each_level_is_none() {
        let mut inner = r#""null""#.to_owned();
        for level in 0..40 {
            let default = if level == 0 { "null" } else { "{}" };
            let again = match level {
                0 => inner.clone(),
                _ => format!("\"R{}\"", level - 1),
            };
            inner = format!(
                r#"{{"type":"record","name":"R{level}","fields":[{{"name":"a","type":{inner},"default":{default}}},{{"name":"b","type":{again},"default":{default}}}]}}"#
            );
        }
        assert_eq!(written(&inner, "{}"), None);
    }
}
