//! Connect schemas. Their encoding stands in `schema_encoding.rs`.
//!
//! Logical types have the type that carries them and Kafka Connect's name.

use std::sync::Arc;

use crate::limits::{SCHEMA_BYTES_MAX, SCHEMA_FIELDS_MAX, VALUE_DEPTH_MAX};
use crate::value::{Value, ValueError, tag};

/// The name of the logical type Date, carried by int32.
pub const DATE: &str = "org.apache.kafka.connect.data.Date";
/// The name of the logical type Time, carried by int32.
pub const TIME: &str = "org.apache.kafka.connect.data.Time";
/// The name of the logical type Timestamp, carried by int64.
pub const TIMESTAMP: &str = "org.apache.kafka.connect.data.Timestamp";
/// The name of the logical type Decimal, carried by bytes; its parameter `scale` holds the scale.
pub const DECIMAL: &str = "org.apache.kafka.connect.data.Decimal";

/// The type of a schema, with what belongs to it.
#[derive(Debug, Clone, PartialEq)]
pub enum SchemaType {
    /// boolean
    Boolean,
    /// int8
    Int8,
    /// int16
    Int16,
    /// int32
    Int32,
    /// int64
    Int64,
    /// float32
    Float32,
    /// float64
    Float64,
    /// string
    String,
    /// bytes
    Bytes,
    /// array, with the schema of its elements
    Array(Arc<Schema>),
    /// map, with the schemas of its keys and values
    Map(Arc<Schema>, Arc<Schema>),
    /// struct, with its fields in order
    Struct(Vec<Field>),
}

impl SchemaType {
    /// The type's name, as Kafka Connect's JSON has it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::Int8 => "int8",
            Self::Int16 => "int16",
            Self::Int32 => "int32",
            Self::Int64 => "int64",
            Self::Float32 => "float32",
            Self::Float64 => "float64",
            Self::String => "string",
            Self::Bytes => "bytes",
            Self::Array(_) => "array",
            Self::Map(..) => "map",
            Self::Struct(_) => "struct",
        }
    }

    /// The tag of its encoding, which is that of its values.
    #[must_use]
    pub fn tag(&self) -> u8 {
        match self {
            Self::Boolean => tag::BOOLEAN,
            Self::Int8 => tag::INT8,
            Self::Int16 => tag::INT16,
            Self::Int32 => tag::INT32,
            Self::Int64 => tag::INT64,
            Self::Float32 => tag::FLOAT32,
            Self::Float64 => tag::FLOAT64,
            Self::String => tag::STRING,
            Self::Bytes => tag::BYTES,
            Self::Array(_) => tag::ARRAY,
            Self::Map(..) => tag::MAP,
            Self::Struct(_) => tag::STRUCT,
        }
    }
}

/// A field of a struct schema.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its schema.
    pub schema: Arc<Schema>,
}

/// A Connect schema.
#[derive(Debug, Clone, PartialEq)]
pub struct Schema {
    /// The type, with what belongs to it.
    pub kind: SchemaType,
    /// Whether null is allowed.
    pub optional: bool,
    /// The name: of a logical type, or the user's.
    pub name: Option<String>,
    /// The version.
    pub version: Option<i32>,
    /// The documentation.
    pub doc: Option<String>,
    /// What stands for an absent value.
    pub default: Option<Value>,
    /// Further properties, in order.
    pub parameters: Vec<(String, String)>,
}

/// Bytes that are not an encoded schema.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// The bytes end inside the schema.
    #[error("the encoded schema ends early")]
    Truncated,
    /// Bytes follow the schema.
    #[error("{0} bytes follow the encoded schema")]
    Trailing(usize),
    /// A tag that is no type of a schema.
    #[error("{0} is not the tag of a schema's type; 1 to 12 are")]
    Tag(u8),
    /// An unknown flag.
    #[error("the flags {0:#04x} have bits that mean nothing; 0x3f are known")]
    Flags(u8),
    /// A text that is not UTF-8.
    #[error("a text in the schema is not valid UTF-8")]
    Utf8,
    /// Too deep.
    #[error("schemas nest deeper than {VALUE_DEPTH_MAX}")]
    Depth,
    /// Too long.
    #[error("a schema of {0} bytes; at most {SCHEMA_BYTES_MAX} are allowed")]
    Bytes(usize),
    /// Too many fields or parameters.
    #[error("{0} fields or parameters; at most {SCHEMA_FIELDS_MAX} are allowed")]
    Fields(usize),
    /// Two fields of one name.
    #[error("two fields are called {0:?}; each needs a name of its own")]
    FieldTwice(String),
    /// A flag says that there are parameters, and there are none.
    #[error("the flag 0x20 says that there are parameters, and there are none; leave the flag out")]
    NoParameters,
    /// A default of null.
    #[error("the default of a schema is null; leave out the flag 0x10 instead")]
    NullDefault,
    /// A default of another type.
    #[error("the default of a schema does not fit the schema's own type")]
    DefaultType,
    /// Too many parts in all.
    #[error(
        "more than {SCHEMA_FIELDS_MAX} fields, elements, parameters and parts of defaults in all; no more are allowed"
    )]
    Parts,
    /// A default that is no value.
    #[error("the default of a schema: {0}")]
    Default(#[from] ValueError),
}

impl Schema {
    /// A required schema of a type, with nothing else.
    #[must_use]
    pub fn new(kind: SchemaType) -> Self {
        Self {
            kind,
            optional: false,
            name: None,
            version: None,
            doc: None,
            default: None,
            parameters: Vec::new(),
        }
    }

    /// The same schema, optional.
    #[must_use]
    pub fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// The same schema with a name.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The logical type Date.
    #[must_use]
    pub fn date() -> Self {
        Self {
            version: Some(1),
            ..Self::new(SchemaType::Int32).named(DATE)
        }
    }

    /// The logical type Time.
    #[must_use]
    pub fn time() -> Self {
        Self {
            version: Some(1),
            ..Self::new(SchemaType::Int32).named(TIME)
        }
    }

    /// The logical type Timestamp.
    #[must_use]
    pub fn timestamp() -> Self {
        Self {
            version: Some(1),
            ..Self::new(SchemaType::Int64).named(TIMESTAMP)
        }
    }

    /// The logical type Decimal with a scale.
    #[must_use]
    pub fn decimal(scale: i32) -> Self {
        Self {
            version: Some(1),
            parameters: vec![("scale".to_owned(), scale.to_string())],
            ..Self::new(SchemaType::Bytes).named(DECIMAL)
        }
    }

    /// The fields of a struct schema; none of any other.
    #[must_use]
    pub fn fields(&self) -> &[Field] {
        match &self.kind {
            SchemaType::Struct(fields) => fields,
            _ => &[],
        }
    }

    /// The value of a parameter.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}
