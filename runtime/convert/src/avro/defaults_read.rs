//! Default values of an Avro schema as values of a Connect schema.
//!
//! There are two ways, as in Confluent's `AvroData`: a field's default is first made a Java object by Avro's library and
//! then read like a value; the property `connect.default` is read as JSON, by the Avro type, which takes much. What does
//! not fit is passed over.

use serde_json::Value as Json;
use tidegate_java::calendar::DAY_MS;
use tidegate_java::{number, parse};
use tidegate_model::schema::{DATE, DECIMAL, Schema, SchemaType, TIME, TIMESTAMP};
use tidegate_model::value::Value;

use super::names::{fixed_size, is_enum, is_union, scrubbed, scrubbed_full};
use super::options::DataOptions;
use super::schema::{Kind, NodeId, Nodes, split};
use super::unscaled::shortest;

/// A field's default as Avro's Java library has it.
#[derive(Debug, Clone)]
pub(super) enum Object {
    /// What has no Java value.
    Absent,
    Null,
    Boolean(bool),
    Int(i32),
    Long(i64),
    Float(f32),
    Double(f64),
    Text(String),
    Bytes(Vec<u8>),
    List(Vec<Object>),
    Map(Vec<(String, Object)>),
}

impl Object {
    /// The default of a field; `None`: Avro's library fails, or makes nothing of it, so that it is none.
    pub(super) fn of_field(nodes: &Nodes, id: NodeId, json: &Json) -> Option<Self> {
        // Avro's parser reads these as numbers, and no others.
        let object = match (&nodes.at(id).kind, json) {
            #[allow(clippy::cast_possible_truncation, reason = "as Java casts")]
            (Kind::Float, Json::String(text)) => Self::Float(parse::double(text)? as f32),
            (Kind::Double, Json::String(text)) => Self::Double(parse::double(text)?),
            _ => Self::of(nodes, Some(id), json)?,
        };
        match object {
            Self::Absent => None,
            object => Some(object),
        }
    }

    #[allow(clippy::cast_possible_truncation, reason = "as Java casts")]
    #[allow(clippy::cast_precision_loss, reason = "as Java casts")]
    fn of(nodes: &Nodes, id: Option<NodeId>, json: &Json) -> Option<Self> {
        let mut kind = id.map(|id| &nodes.at(id).kind);
        while let Some(Kind::Union(branches)) = kind {
            kind = Some(&nodes.at(*branches.first()?).kind);
        }
        Some(match json {
            Json::Null => Self::Null,
            Json::Bool(value) => Self::Boolean(*value),
            Json::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(long), _) => match (kind, i32::try_from(long)) {
                    (None | Some(Kind::Int), Ok(int)) => Self::Int(int),
                    (None | Some(Kind::Long | Kind::Int), _) => Self::Long(long),
                    (Some(Kind::Float), _) => Self::Float(long as f64 as f32),
                    (Some(Kind::Double), _) => Self::Double(long as f64),
                    _ => Self::Absent,
                },
                (None, Some(double)) if number.is_f64() => match kind {
                    None | Some(Kind::Double) => Self::Double(double),
                    Some(Kind::Float) => Self::Float(double as f32),
                    _ => Self::Absent,
                },
                _ => Self::Absent,
            },
            Json::String(text) => match kind {
                None | Some(Kind::String | Kind::Enum { .. }) => Self::Text(text.clone()),
                Some(Kind::Bytes | Kind::Fixed(_)) => Self::Bytes(latin_1(text)),
                _ => Self::Absent,
            },
            Json::Array(elements) => {
                let items = match kind {
                    Some(Kind::Array(items)) => Some(*items),
                    Some(_) if !elements.is_empty() => return None,
                    _ => None,
                };
                let elements = elements.iter().map(|json| Self::of(nodes, items, json));
                Self::List(elements.collect::<Option<_>>()?)
            }
            Json::Object(object) => {
                let entries = object.iter().map(|(key, json)| {
                    let part = match kind {
                        Some(Kind::Map(values)) => Some(*values),
                        Some(Kind::Record(fields)) => {
                            Some(fields.iter().find(|field| field.name == *key)?.node)
                        }
                        _ => None,
                    };
                    Some((key.clone(), Self::of(nodes, part, json)?))
                });
                Self::Map(entries.collect::<Option<_>>()?)
            }
        })
    }

    /// A Connect default that is read like one of Avro, as happens to those of the fields of a record's default.
    fn again(value: &Value) -> Option<Self> {
        Some(match value {
            Value::Null => Self::Null,
            Value::Boolean(value) => Self::Boolean(*value),
            Value::Int32(value) => Self::Int(*value),
            Value::Int64(value) => Self::Long(*value),
            Value::Float32(value) => Self::Float(*value),
            Value::Float64(value) => Self::Double(*value),
            Value::String(value) => Self::Text(value.clone()),
            Value::Bytes(value) => Self::Bytes(value.clone()),
            Value::Array(elements) => {
                Self::List(elements.iter().map(Self::again).collect::<Option<_>>()?)
            }
            Value::Map(entries) => {
                let entries = entries.iter().map(|(key, value)| match key {
                    Value::String(key) => Some((key.clone(), Self::again(value)?)),
                    _ => None,
                });
                Self::Map(entries.collect::<Option<_>>()?)
            }
            _ => return None,
        })
    }

    /// The value under a Connect schema; `None`: there is none.
    pub(super) fn value(self, schema: &Schema, options: &DataOptions) -> Option<Value> {
        let found = self.under(schema, options)?;
        fitting(found, schema)
    }

    #[allow(clippy::cast_possible_truncation, reason = "as Java casts")]
    fn under(self, schema: &Schema, options: &DataOptions) -> Option<Value> {
        let found = match (self, &schema.kind) {
            (Self::Null, _) => return Some(Value::Null),
            (Self::Absent, _) => return schema.optional.then_some(Value::Null),
            (Self::Boolean(value), SchemaType::Boolean) => value.into(),
            (Self::Int(value), SchemaType::Int8) => (value as i8).into(),
            (Self::Int(value), SchemaType::Int16) => (value as i16).into(),
            (Self::Int(value), SchemaType::Int32) => value.into(),
            (Self::Long(value), SchemaType::Int64) => value.into(),
            (Self::Float(value), SchemaType::Float32) => value.into(),
            (Self::Double(value), SchemaType::Float64) => value.into(),
            (Self::Text(value), SchemaType::String) => value.as_str().into(),
            (Self::Bytes(value), SchemaType::Bytes) => value.into(),
            (Self::List(elements), SchemaType::Array(element)) => {
                let elements = elements.into_iter();
                let values = elements.map(|object| object.under(element, options));
                Value::Array(values.collect::<Option<_>>()?)
            }
            (Self::Map(entries), SchemaType::Map(key, value))
                if key.kind == SchemaType::String && !key.optional =>
            {
                let entries = entries.into_iter();
                let entries = entries.map(|(key, object)| {
                    Some((key.as_str().into(), object.under(value, options)?))
                });
                Value::Map(entries.collect::<Option<_>>()?)
            }
            // Entries are no records here.
            (Self::List(elements), SchemaType::Map(key, _))
                if elements.is_empty() && (key.kind != SchemaType::String || key.optional) =>
            {
                Value::Map(Vec::new())
            }
            (object, SchemaType::Struct(_)) if is_union(schema) => {
                return object.branch(schema, options);
            }
            (Self::Map(entries), SchemaType::Struct(fields)) => {
                let values = fields.iter().map(|field| {
                    let name = scrubbed(&field.name, options).ok()?;
                    let given = entries.iter().find(|(known, _)| *known == name);
                    let object = match (given, &field.schema.default) {
                        (Some((_, object)), _) => object.clone(),
                        (None, Some(default)) => Self::again(default)?,
                        (None, None) => Self::Absent,
                    };
                    object.under(&field.schema, options)
                });
                Value::Struct(values.collect::<Option<_>>()?)
            }
            _ => return None,
        };
        logical(found, schema)
    }

    /// The struct of a union, with the first field that takes it.
    fn branch(self, schema: &Schema, options: &DataOptions) -> Option<Value> {
        let fields = schema.fields();
        let takes = |schema: &Schema| match (&self, fixed_size(schema)) {
            (Self::Bytes(bytes), Ok(Some(size))) => bytes.len() == size,
            (Self::Text(_), _) if is_enum(schema) => false,
            _ => matches!(
                (&self, &schema.kind),
                (Self::Boolean(_), SchemaType::Boolean)
                    | (Self::Int(_), SchemaType::Int32)
                    | (Self::Long(_), SchemaType::Int64)
                    | (Self::Float(_), SchemaType::Float32)
                    | (Self::Double(_), SchemaType::Float64)
                    | (Self::Text(_), SchemaType::String)
                    | (Self::Bytes(_), SchemaType::Bytes)
                    | (Self::List(_), SchemaType::Array(_))
                    | (Self::Map(_), SchemaType::Map(..))
            ),
        };
        let place = fields.iter().position(|field| takes(&field.schema))?;
        let field = fields.get(place)?;
        // It is put under the name that the branch would have by this place and its Connect schema.
        let name = match &field.schema.name {
            _ if options.generalized_sum_types => format!("connect_union_field_{place}"),
            Some(name) if matches!(fixed_size(&field.schema), Ok(Some(_))) => {
                match options.enhanced {
                    true => scrubbed_full(name, options).ok()?,
                    false => split(name).1.to_owned(),
                }
            }
            _ => field.name.clone(),
        };
        if field.name != name {
            return None;
        }
        let mut values = vec![Value::Null; fields.len()];
        *values.get_mut(place)? = self.under(&field.schema, options)?;
        Some(Value::Struct(values))
    }
}

/// The value of the property connect.default; `None`: there is none.
pub(super) fn of_property(
    nodes: &Nodes,
    id: NodeId,
    schema: &Schema,
    json: &Json,
) -> Option<Value> {
    fitting(property(nodes, id, schema, json)?, schema)
}

#[allow(clippy::cast_possible_truncation, reason = "as Java casts")]
fn property(nodes: &Nodes, id: NodeId, schema: &Schema, json: &Json) -> Option<Value> {
    let long = || match (json.as_i64(), json.as_f64()) {
        (Some(long), _) => long,
        (None, Some(double)) => double as i64,
        (None, None) => 0,
    };
    let int = || match (json.as_i64(), json.as_f64()) {
        (Some(long), _) => long as i32,
        (None, Some(double)) => double as i32,
        (None, None) => 0,
    };
    let double = || json.as_f64().unwrap_or(0.0);
    let found = match (&nodes.at(id).kind, &schema.kind) {
        (Kind::Int, SchemaType::Int8) => (int() as i8).into(),
        (Kind::Int, SchemaType::Int16) => (int() as i16).into(),
        (Kind::Int, SchemaType::Int32) => int().into(),
        (Kind::Long, _) => long().into(),
        (Kind::Float, _) => (double() as f32).into(),
        (Kind::Double, _) => double().into(),
        (Kind::Boolean, _) => match json {
            Json::Bool(value) => *value,
            Json::Number(number) => number.as_i64().is_some_and(|number| number != 0),
            Json::String(text) => text.trim() == "true",
            _ => false,
        }
        .into(),
        (Kind::String | Kind::Enum { .. }, _) => plain_text(json).as_str().into(),
        (Kind::Bytes | Kind::Fixed(_), _) => match json {
            Json::String(text) => latin_1(text).into(),
            _ => return Some(Value::Null),
        },
        (Kind::Array(items), SchemaType::Array(element)) => {
            let elements = json.as_array()?.iter();
            let values = elements.map(|json| property(nodes, *items, element, json));
            Value::Array(values.collect::<Option<_>>()?)
        }
        (Kind::Map(values), SchemaType::Map(_, value)) => {
            let entries = json.as_object()?.iter();
            let entries = entries.map(|(key, json)| {
                Some((key.as_str().into(), property(nodes, *values, value, json)?))
            });
            Value::Map(entries.collect::<Option<_>>()?)
        }
        (Kind::Record(avro), SchemaType::Struct(fields)) => {
            let object = json.as_object()?;
            let values =
                avro.iter()
                    .zip(fields)
                    .map(|(avro, field)| match object.get(&avro.name) {
                        Some(json) => property(nodes, avro.node, &field.schema, json),
                        None => Some(Value::Null),
                    });
            Value::Struct(values.collect::<Option<_>>()?)
        }
        (Kind::Union(branches), _) => match &nodes.at(*branches.first()?).kind {
            Kind::Null => return Some(Value::Null),
            _ => return None,
        },
        _ => return None,
    };
    logical(found, schema)
}

/// What a value is under the name of a logical type.
pub(super) fn logical(value: Value, schema: &Schema) -> Option<Value> {
    Some(match (schema.name.as_deref(), value) {
        (Some(DATE), Value::Int32(days)) => Value::Date(days),
        (Some(TIME), Value::Int32(milliseconds)) => {
            let fits = (0..=DAY_MS).contains(&milliseconds.into());
            fits.then_some(Value::Time(milliseconds))?
        }
        (Some(TIMESTAMP), Value::Int64(milliseconds)) => Value::Timestamp(milliseconds),
        (Some(DECIMAL), Value::Bytes(unscaled)) if unscaled.is_empty() => return None,
        (Some(DECIMAL), Value::Bytes(unscaled)) => Value::Decimal {
            scale: schema.parameter("scale")?.parse().ok()?,
            unscaled: shortest(&unscaled).to_vec(),
        },
        (Some(DATE | TIME | TIMESTAMP | DECIMAL), _) => return None,
        (_, value) => value,
    })
}

fn fitting(found: Value, schema: &Schema) -> Option<Value> {
    let fits = found != Value::Null && found.fits(schema);
    fits.then_some(found)
}

/// JSON as a text, as Jackson's `asText`.
fn plain_text(json: &Json) -> String {
    match json {
        Json::Null => "null".to_owned(),
        Json::String(text) => text.clone(),
        Json::Array(_) | Json::Object(_) => String::new(),
        other => java_text(other),
    }
}

/// JSON as Java's `toString` of the object it becomes: `{a=[1, b]}`.
pub(super) fn java_text(json: &Json) -> String {
    match json {
        Json::Null => "null".to_owned(),
        Json::String(text) => text.clone(),
        Json::Number(number) if number.is_f64() => {
            let mut text = Vec::new();
            number::double(number.as_f64().unwrap_or_default(), &mut text);
            String::from_utf8(text).unwrap_or_default()
        }
        Json::Array(elements) => {
            let elements: Vec<_> = elements.iter().map(java_text).collect();
            format!("[{}]", elements.join(", "))
        }
        Json::Object(object) => {
            let entries = object.iter();
            let entries: Vec<_> = entries
                .map(|(key, json)| format!("{key}={}", java_text(json)))
                .collect();
            format!("{{{}}}", entries.join(", "))
        }
        other => other.to_string(),
    }
}

/// A byte for each character, as Java has it: a question mark for what is none of them.
fn latin_1(text: &str) -> Vec<u8> {
    text.chars()
        .map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?'))
        .collect()
}
