//! Default values: of a Connect schema as JSON in an Avro schema, and as Avro's bytes when a field is left out.

use serde_json::{Map, Value as Json};
use tidegate_java::{number, parse};
use tidegate_model::limits::{RECORD_BYTES_MAX, SCHEMA_FIELDS_MAX, VALUE_DEPTH_MAX};
use tidegate_model::schema::{Schema, SchemaType};
use tidegate_model::value::Value;

use super::names::{is_avro_map, is_union, scrubbed};
use super::options::DataOptions;
use super::schema::{Kind, NodeId, Nodes};
use super::wire;
use crate::error::ConvertError;

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
        (Value::Float32(value), _) => float_json(as_java_writes(*value)),
        (Value::Float64(value), _) => float_json(*value),
        (Value::String(value), _) => value.as_str().into(),
        (Value::Bytes(value), _) => latin_1_text(value),
        (Value::Decimal { scale, unscaled }, _) => {
            let wanted = schema.parameter("scale").unwrap_or_default();
            if wanted.parse() != Ok(*scale) {
                return Err(ConvertError::Data(format!(
                    "Decimal value has mismatching scale for given Decimal schema. Schema has scale {wanted}, value has \
                     scale {scale}."
                )));
            }
            latin_1_text(unscaled)
        }
        (Value::Array(elements), SchemaType::Array(element)) => elements
            .iter()
            .map(|value| json(element, value, options))
            .collect::<Result<_, _>>()?,
        (Value::Map(entries), SchemaType::Map(key_schema, value_schema)) => {
            if is_avro_map(key_schema, options) {
                let entries = entries.iter().map(|(key, value)| {
                    let Value::String(key) = key else {
                        return Err(ConvertError::data(
                            "a key in the default of a map is null, and the keys of an Avro map are strings",
                        ));
                    };
                    Ok((key.clone(), json(value_schema, value, options)?))
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
            // As `AvroData` has it, that of a union is of its first branch, which may not be set.
            if is_union(schema) {
                let first = values.iter().zip(fields).next();
                return first.map_or(Ok(Json::Null), |(value, field)| {
                    json(&field.schema, or_default(value, &field.schema), options)
                });
            }
            let mut object = Map::new();
            for (value, field) in values.iter().zip(fields) {
                object.insert(
                    scrubbed(&field.name, options)?,
                    json(&field.schema, or_default(value, &field.schema), options)?,
                );
            }
            Json::Object(object)
        }
        _ => Json::Null,
    })
}

/// What a field has: null stands for its default.
fn or_default<'v>(value: &'v Value, schema: &'v Schema) -> &'v Value {
    match (value, &schema.default) {
        (Value::Null, Some(default)) => default,
        (value, _) => value,
    }
}

/// The number that Java writes for a float32.
fn as_java_writes(value: f32) -> f64 {
    let mut text = Vec::new();
    number::float(value, &mut text);
    let text = std::str::from_utf8(&text).unwrap_or_default();
    parse::double(text).unwrap_or(value.into())
}

/// JSON has no number for what is not finite; Java writes its name.
fn float_json(value: f64) -> Json {
    serde_json::Number::from_f64(value).map_or_else(
        || {
            let name = match value {
                value if value.is_nan() => "NaN",
                value if value > 0.0 => "Infinity",
                _ => "-Infinity",
            };
            name.into()
        },
        Json::Number,
    )
}

/// Whether Avro's Java library takes a default for a schema.
pub(super) fn is_valid(nodes: &Nodes, id: NodeId, json: &Json) -> bool {
    valid(nodes, id, json, VALUE_DEPTH_MAX)
}

fn valid(nodes: &Nodes, id: NodeId, json: &Json, depth_left: usize) -> bool {
    let Some(depth_left) = depth_left.checked_sub(1) else {
        return false;
    };
    let inner = |id: NodeId, json: &Json| valid(nodes, id, json, depth_left);
    match &nodes.at(id).kind {
        Kind::Null => json.is_null(),
        Kind::Boolean => json.is_boolean(),
        Kind::Int => json.as_i64().is_some_and(|int| i32::try_from(int).is_ok()),
        Kind::Long => json.is_i64(),
        Kind::Float | Kind::Double => float(json).is_some(),
        Kind::String | Kind::Bytes | Kind::Fixed(_) | Kind::Enum { .. } => json.is_string(),
        Kind::Array(items) => json
            .as_array()
            .is_some_and(|elements| elements.iter().all(|element| inner(*items, element))),
        Kind::Map(values) => json
            .as_object()
            .is_some_and(|entries| entries.values().all(|value| inner(*values, value))),
        Kind::Union(branches) => branches.iter().any(|branch| inner(*branch, json)),
        Kind::Record(fields) => json.as_object().is_some_and(|object| {
            fields.iter().all(|field| {
                let json = object.get(&field.name).or(field.default.as_ref());
                json.is_some_and(|json| inner(field.node, json))
            })
        }),
    }
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
