//! A schema or map shape prepared for converting: what each value needs at hand, worked out once.

use std::collections::HashMap;

use tidegate_model::MapShape;
use tidegate_model::schema::{self, Schema, SchemaType};
use tidegate_model::value::View;

use super::escape;
use super::short::Text;
use crate::error::{Cause, ConvertError, DATA};

/// What Kafka Connect says of a struct that is a default, when it is to be written.
pub(super) const STRUCT_DEFAULT: &str = "Mismatching schema. Kafka Connect's JSON has no default of a struct; leave it out of the schema";

/// A prepared schema.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    /// Its type.
    pub(super) shape: Shape,
    /// Whether null is allowed.
    pub(super) optional: bool,
    /// The encoded default, where it has one and nulls are replaced.
    pub(super) default: Option<Box<[u8]>>,
    /// The type's name in Kafka Connect's messages.
    pub(super) name: &'static str,
}

/// The type of a prepared schema; logical types are types of their own.
#[derive(Debug, Clone)]
pub(super) enum Shape {
    Boolean,
    Int8,
    Int16,
    Int32,
    Int64,
    Float32,
    Float64,
    String,
    Bytes,
    Date,
    Time,
    Timestamp,
    /// With its scale, or what is wrong with it. A number that JSON has as one needs none.
    Decimal(Result<i32, ConvertError>),
    Array(Box<Plan>),
    Map(Box<MapPlan>),
    Struct(Box<StructPlan>),
}

/// A prepared map.
#[derive(Debug, Clone)]
pub(super) struct MapPlan {
    pub(super) key: Plan,
    pub(super) value: Plan,
}

impl MapPlan {
    /// Whether JSON has it as an object; else it is an array of pairs.
    pub(super) fn is_object(&self) -> bool {
        self.key.name == "STRING"
    }
}

/// A prepared struct.
#[derive(Debug, Clone)]
pub(super) struct StructPlan {
    pub(super) fields: Vec<FieldPlan>,
    pub(super) by_name: HashMap<Box<[u8]>, usize>,
}

/// A prepared field.
#[derive(Debug, Clone)]
pub(super) struct FieldPlan {
    /// `"name":`
    pub(super) text: Text,
    pub(super) name: Box<str>,
    pub(super) plan: Plan,
}

impl Plan {
    /// Prepares a schema. `replace_nulls`: a null becomes its schema's default.
    pub(super) fn new(schema: &Schema, replace_nulls: bool) -> Self {
        let inner = |schema: &Schema| Self::new(schema, replace_nulls);
        let shape = match (schema.name.as_deref(), &schema.kind) {
            (Some(schema::DATE), _) => Shape::Date,
            (Some(schema::TIME), _) => Shape::Time,
            (Some(schema::TIMESTAMP), _) => Shape::Timestamp,
            (Some(schema::DECIMAL), _) => Shape::Decimal(scale(schema)),
            (_, SchemaType::Boolean) => Shape::Boolean,
            (_, SchemaType::Int8) => Shape::Int8,
            (_, SchemaType::Int16) => Shape::Int16,
            (_, SchemaType::Int32) => Shape::Int32,
            (_, SchemaType::Int64) => Shape::Int64,
            (_, SchemaType::Float32) => Shape::Float32,
            (_, SchemaType::Float64) => Shape::Float64,
            (_, SchemaType::String) => Shape::String,
            (_, SchemaType::Bytes) => Shape::Bytes,
            (_, SchemaType::Array(element)) => Shape::Array(Box::new(inner(element))),
            (_, SchemaType::Map(key, value)) => Shape::Map(Box::new(MapPlan {
                key: inner(key),
                value: inner(value),
            })),
            (_, SchemaType::Struct(fields)) => {
                let mut planned = Vec::with_capacity(fields.len());
                let mut by_name = HashMap::with_capacity(fields.len());
                for (index, field) in fields.iter().enumerate() {
                    by_name.insert(field.name.as_bytes().into(), index);
                    planned.push(FieldPlan {
                        text: Text::new(&before_value(b"", &field.name)),
                        name: field.name.as_str().into(),
                        plan: inner(&field.schema),
                    });
                }
                Shape::Struct(Box::new(StructPlan {
                    fields: planned,
                    by_name,
                }))
            }
        };
        Self {
            shape,
            optional: schema.optional,
            default: schema
                .default
                .as_ref()
                .filter(|_| replace_nulls)
                .map(|default| default.to_encoded().into()),
            name: type_name(&schema.kind),
        }
    }
}

/// The keys of a map shape as JSON.
#[derive(Debug)]
pub(super) struct ShapePlan {
    /// What stands before each value: `{"a":`, then `,"b":` and so on.
    pub(super) keys: Vec<Text>,
    /// What stands behind the last one; `{}` where there is none.
    pub(super) closing: &'static [u8],
}

impl ShapePlan {
    /// Prepares a map shape.
    ///
    /// # Errors
    /// When a key is damaged.
    pub(super) fn new(shape: &MapShape) -> Result<Self, ConvertError> {
        let mut keys = Vec::with_capacity(shape.keys().len());
        for key in shape.keys() {
            let View::String(name) = View::read(key)? else {
                return Err(ConvertError::data("a key of a map shape is no string"));
            };
            let opening = if keys.is_empty() { b'{' } else { b',' };
            keys.push(Text::new(&before_value(&[opening], name)));
        }
        let closing: &[u8] = if keys.is_empty() { b"{}" } else { b"}" };
        Ok(Self { keys, closing })
    }
}

/// A name in JSON as it stands before its value, with something before itself.
fn before_value(opening: &[u8], name: &str) -> Vec<u8> {
    let mut text = opening.to_vec();
    escape::string(name.as_bytes(), &mut text);
    text.push(b':');
    text
}

/// The scale of a decimal's schema.
fn scale(schema: &Schema) -> Result<i32, ConvertError> {
    let Some(scale) = schema.parameter("scale") else {
        return Err(invalid_decimal(
            "Invalid Decimal schema: scale parameter not found.".to_owned(),
        ));
    };
    scale.parse().map_err(|_| {
        invalid_decimal(format!(
            "Invalid scale parameter found in Decimal schema: {scale:?}"
        ))
    })
}

/// Kafka Connect looks at the scale with the first value.
fn invalid_decimal(text: String) -> ConvertError {
    ConvertError::Caused {
        message: "Invalid bytes for Decimal field".to_owned(),
        cause: Cause {
            exception: DATA,
            text,
        },
    }
}

/// The name of a type in Kafka Connect's messages.
pub(super) fn type_name(kind: &SchemaType) -> &'static str {
    match kind {
        SchemaType::Boolean => "BOOLEAN",
        SchemaType::Int8 => "INT8",
        SchemaType::Int16 => "INT16",
        SchemaType::Int32 => "INT32",
        SchemaType::Int64 => "INT64",
        SchemaType::Float32 => "FLOAT32",
        SchemaType::Float64 => "FLOAT64",
        SchemaType::String => "STRING",
        SchemaType::Bytes => "BYTES",
        SchemaType::Array(_) => "ARRAY",
        SchemaType::Map(..) => "MAP",
        SchemaType::Struct(_) => "STRUCT",
    }
}
